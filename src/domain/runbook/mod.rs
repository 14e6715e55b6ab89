//! Runbooks: Markdown in, a resolved [`plan::Plan`] out, with every problem named by line and column.
//!
//! Data flow: bytes, [`decode`], [`parse()`], [`model::Runbook`], [`resolve()`], [`plan::Plan`]. Both steps always give
//! a value *and* the list of problems; a plan may be used only when neither list holds an error. Pure: no file is
//! opened here, and the same text always gives the same plan and digest.

pub mod alerts;
mod blocks;
pub mod codes;
mod diagnostic;
pub mod elsewhere;
pub mod expect;
mod fence;
mod ids;
pub mod limits;
pub mod model;
mod parse;
mod placement;
pub mod plan;
mod promql;
mod resolve;
mod role;
pub mod rollout;
mod rules;
mod settings;
pub mod shape;
pub mod silence;
pub mod source;
mod suggest;
mod template;
mod tree;
mod value;
mod window;

pub use diagnostic::{Diagnostic, Severity, decode};
pub use model::Runbook;
pub use parse::parse;
pub use resolve::{resolve, resolve_with};
