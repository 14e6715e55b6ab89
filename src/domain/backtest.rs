//! Backtest: what the rules and gates of a plan would have said of a past that was recorded, sample by sample.
//!
//! The very watches of a session ([`RuleWatch`](crate::domain::verdict::RuleWatch),
//! [`GateWatch`](crate::domain::verdict::GateWatch)) are fed with one answer a step; nothing here judges a value itself.
//! What was not recorded is unknown here as it would have been there, and is counted. Pure: who asks for the past is
//! [`connect::past`](crate::connect::past).
//!
//! [`RuleReplay`], [`GateReplay`] and [`ConditionReplay`] take answers in their order in time; [`answers()`] makes these of what a range query
//! gave; [`Backtest`] is the whole outcome.

mod answers;
mod condition;
mod gate;
mod outcome;
mod rule;
mod stretch;
#[cfg(test)]
mod tests;

pub use answers::{Recorded, answers};
pub use condition::{Condition, ConditionReplay};
pub use gate::{GATE_PATIENCE, GateReplay};
pub use outcome::{
    ALARMS_KEPT, Alarm, Backtest, BadOutcome, Caught, ConditionOutcome, GateOutcome, NotReplayed,
    RuleOutcome, STARTS_KEPT, Worst,
};
pub use rule::RuleReplay;
pub use stretch::Stretch;

use crate::domain::time::Timestamp;
use serde::Serialize;

/// A stretch of time in which something is known to have been wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bad {
    /// What people call it.
    pub name: String,
    /// When it began.
    pub from: Timestamp,
    /// When it was over.
    pub to: Timestamp,
}

impl Bad {
    /// True while it lasts.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }

    /// True when it shares a moment with `from..=to`.
    pub fn meets(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from <= to && from <= self.to
    }
}
