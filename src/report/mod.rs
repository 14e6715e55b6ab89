//! Headless output: text and JSON.

pub mod diagnostics;
pub mod status;
