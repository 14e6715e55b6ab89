//! Runbooks: Markdown in, a resolved [`plan::Plan`] out, with every problem named by line and column.

pub mod plan;
