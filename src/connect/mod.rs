//! The outside world: one folder for each system, one poll loop for all.
