//! One attached terminal.
