//! What a guard did by itself.

use super::Quote;
use crate::domain::id::RuleId;
use crate::domain::threshold::{OnBreach, Verdict};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A guard started the way back by itself; or one that only reports would have held or gone back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardActed {
    /// Which guard.
    pub rule: RuleId,
    /// What it did, or would have done: hold, or roll back.
    pub did: OnBreach,
    /// It only reports: nothing was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What it said.
    pub verdict: Verdict,
    /// The samples that decided, oldest first; at most [`SAMPLES_MAX`](crate::domain::threshold::SAMPLES_MAX).
    pub quotes: Vec<Quote>,
}

impl GuardActed {
    /// The samples that decided: `0.9 on {instance="db-1"} at 04:10:31Z`, oldest first.
    pub fn samples(&self) -> String {
        let told = self.quotes.iter().map(|quote| {
            let on = if quote.series.is_empty() { "" } else { " on " };
            let at = quote.sample.at.to_clock_text();
            format!("{}{on}{} at {at}Z", quote.sample.value, quote.series)
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for GuardActed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = &self.rule;
        let what = match (self.dry_run, self.did) {
            (true, OnBreach::Rollback) => "would have rolled back",
            (true, _) => "would have held",
            (false, OnBreach::Rollback) => "rolls back by itself",
            (false, _) => "holds",
        };
        let dry = if self.dry_run { "DRY RUN: " } else { "" };
        write!(f, "{dry}guard `{rule}` {what}")?;
        if let Verdict::Unknown(why) = self.verdict {
            return write!(f, ": {why}");
        }
        if self.quotes.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.samples())
    }
}
