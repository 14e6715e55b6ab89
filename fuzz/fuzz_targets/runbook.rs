//! `fuzz/run runbook`: what is checked stands in `fuzz/targets/runbook.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/runbook.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
