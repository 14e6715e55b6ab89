//! The pure core: what a maintenance is and what may happen in it.
//!
//! Nothing here does I/O, reads a clock, an environment or a generator of random numbers, or logs. The same
//! values in give the same values out, which is what lets server, client, report, verify and replay share it.

pub mod alert_match;
pub mod amend;
pub mod apply;
pub mod backtest;
pub mod board;
pub mod catalog;
pub mod command;
pub mod confirm;
pub mod countdown;
pub mod decide;
pub mod digest;
pub mod doc;
pub mod effect;
pub mod fact;
#[cfg(test)]
pub(crate) mod fixture;
pub mod forecast;
pub mod freeze;
pub mod git;
pub mod guard;
pub mod history;
pub mod id;
pub mod motion;
pub(crate) mod mutant;
pub mod on_call;
pub mod progress;
pub mod radius;
pub mod readiness;
pub mod reading;
pub mod rehearsal;
pub mod rollout;
pub mod runbook;
pub mod scope;
pub mod selector;
pub mod settle;
pub mod silences;
pub mod state;
pub mod threshold;
pub mod time;
pub mod took;
pub mod touched;
pub mod verdict;
pub mod what_now;
pub mod world;
pub mod write;
