//! `fuzz/run doc`: what is checked stands in `fuzz/targets/doc.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/doc.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
