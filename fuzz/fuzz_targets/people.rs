//! `fuzz/run people`: what is checked stands in `fuzz/targets/people.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/people.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
