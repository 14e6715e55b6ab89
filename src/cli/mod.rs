//! Subcommands.
pub mod args;
pub mod check;
pub mod plan;
mod runbook_file;
