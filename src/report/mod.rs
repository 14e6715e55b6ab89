//! Headless output: text and JSON.
