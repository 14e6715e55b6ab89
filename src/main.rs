//! The `warroom` program.

fn main() {}
