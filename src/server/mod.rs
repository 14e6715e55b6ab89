//! The session server: socket, clients, engine, journal, runner and connectors joined together.
//!
//! One task owns the engine and takes one input at a time; sockets, connectors and commands each have tasks of
//! their own that only send inputs. It must not decide anything: what may happen is the business of `domain`.

pub mod amend;
pub mod around;
mod breakglass;
pub mod checkpoints;
mod clients;
mod codes;
mod connection;
mod counters;
pub mod enforced;
pub mod exec;
mod first;
pub mod fold;
pub mod git;
mod going;
pub mod history;
mod host_key;
mod input;
mod join;
mod ledger;
mod listen;
mod outbox;
pub mod peek;
pub mod pin;
pub mod policy;
mod polls;
mod reads;
pub mod rehearsals;
mod render;
mod restart;
mod scope;
mod session;
mod silences;
mod snapshot;
pub mod socket;
mod speak;
mod standing;
pub mod start;
mod talk;
mod world;
mod writes;

pub use crate::config::accounts;
pub use scope::claims_of;
