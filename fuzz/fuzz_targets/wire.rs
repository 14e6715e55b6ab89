//! `fuzz/run wire`: what is checked stands in `fuzz/targets/wire.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/wire.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
