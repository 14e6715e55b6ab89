//! `fuzz/run scrape`: what is checked stands in `fuzz/targets/scrape.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/scrape.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
