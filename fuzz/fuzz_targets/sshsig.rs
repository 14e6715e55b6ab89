//! `fuzz/run sshsig`: what is checked stands in `fuzz/targets/sshsig.rs`, where `cargo test` finds it too.
#![no_main]

#[path = "../targets/sshsig.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::run(bytes));
