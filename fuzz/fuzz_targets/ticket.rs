//! `fuzz/run ticket`: what is checked stands in `fuzz/targets/ticket.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/ticket.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
