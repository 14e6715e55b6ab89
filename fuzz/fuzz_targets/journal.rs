//! `fuzz/run journal`: what is checked stands in `fuzz/targets/journal.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/journal.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
