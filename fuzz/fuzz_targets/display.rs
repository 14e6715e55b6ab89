//! `fuzz/run display`: what is checked stands in `fuzz/targets/display.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/display.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
