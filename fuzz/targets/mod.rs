//! What each fuzz target checks, as functions: `fuzz/fuzz_targets` gives them to libFuzzer, `tests/it/fuzzing.rs` runs
//! them over their seeds and over changed seeds in every `cargo test`.

pub(crate) mod display;
pub(crate) mod doc;
pub(crate) mod journal;
pub(crate) mod people;
pub(crate) mod runbook;
pub(crate) mod scrape;
pub(crate) mod sshsig;
pub(crate) mod ticket;
pub(crate) mod wire;
