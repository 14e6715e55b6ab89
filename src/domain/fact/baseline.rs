//! What was measured when the maintenance began.

use super::Quote;
use crate::domain::id::RuleId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Series of one baseline whose values are kept: as many as a metrics server is asked for by default. Those beyond have
/// none, and a limit relative to it is unknown for them.
pub const BASELINE_SERIES_MAX: usize = 200;

/// What one rule measured when the maintenance began, before anything was changed. Taken once in the life of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Which rule.
    pub rule: RuleId,
    /// Series of the newest good answer: fewer later are unknown.
    pub series: u32,
    /// Good answers that the values are medians of.
    pub answers: u32,
    /// The median of each of those series, with the time of its newest sample; only for a rule with relative limits, at most
    /// [`BASELINE_SERIES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub medians: Vec<Quote>,
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Series that are named in one line.
        const NAMED: usize = 3;
        write!(
            f,
            "baseline of `{}`: {} series in {} answers",
            self.rule, self.series, self.answers
        )?;
        for (place, median) in self.medians.iter().take(NAMED).enumerate() {
            let before = if place == 0 { ", median" } else { "," };
            let on = if median.series.is_empty() { "" } else { " on " };
            write!(f, "{before} {}{on}{}", median.sample.value, median.series)?;
        }
        match self.medians.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
