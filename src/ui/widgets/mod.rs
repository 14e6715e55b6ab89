//! Reusable pieces. They take clean rows and numbers, never text of unknown origin.

pub mod chart;
pub mod markdown;
pub mod pane;
pub mod spark;
