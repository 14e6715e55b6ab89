//! The two-person rule: who people are.

pub mod people;
