//! Subcommands.

pub mod check;
pub mod plan;
mod runbook_file;
