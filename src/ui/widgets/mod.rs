//! Reusable pieces. They take clean rows and numbers, never text of unknown origin.

pub(crate) mod chart;
pub(crate) mod markdown;
pub(crate) mod matrix;
pub(crate) mod pane;
pub(crate) mod spark;
pub(crate) mod split;
