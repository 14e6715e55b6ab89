//! Exit codes, and printing of an error with its causes and hint.
