//! `warroom`: a terminal war room for live maintenance of distributed systems.

pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod connect;
pub mod display;
pub mod domain;
pub mod enforce;
pub mod engine;
pub mod evidence;
pub mod exit;
pub mod journal;
pub mod lab;
pub mod report;
pub mod runner;
pub mod server;
pub mod telemetry;
pub mod ui;
pub mod wire;

/// Name and version, as greetings and journals carry them.
pub const PROGRAM: &str = concat!("warroom ", env!("CARGO_PKG_VERSION"));
