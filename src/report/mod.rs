//! Headless output: text, JSON, and the Markdown report of a maintenance.

pub mod backtest;
pub mod diagnostics;
pub mod maintenance;
pub mod status;
