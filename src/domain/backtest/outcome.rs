//! The outcome of a backtest. Shape of `warroom backtest --json`; documented in `docs/backtest.md`.

use super::Bad;
use crate::domain::digest::Digest;
use crate::domain::id::RuleId;
use crate::domain::threshold::OnBreach;
use crate::domain::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// Alarms of one rule that are kept with their times; more are counted. A rule with more has to be changed anyway.
pub const ALARMS_KEPT: usize = 100;
/// Starts of one gate that are kept by their time when it did not open; more are counted.
pub const STARTS_KEPT: usize = 100;

/// Everything a backtest found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backtest {
    /// Title of the plan.
    pub title: String,
    /// Digest of the plan.
    pub plan: Digest,
    /// First sample.
    pub from: Timestamp,
    /// Last sample.
    pub to: Timestamp,
    /// Seconds between two samples.
    pub step_seconds: u64,
    /// Samples a rule was fed with.
    pub samples: u64,
    /// The named bad intervals, and who caught them.
    pub bad: Vec<BadOutcome>,
    /// Guards and thresholds, in the order of the plan.
    pub rules: Vec<RuleOutcome>,
    /// Gates, in the order of the plan.
    pub gates: Vec<GateOutcome>,
    /// What rollouts are watched by, in the order of the plan.
    pub rollouts: Vec<ConditionOutcome>,
    /// Questions asked.
    pub questions: u64,
    /// What could not be had, and why; what it was for is unknown.
    pub failures: Vec<String>,
    /// What a reader has to know of how this was found.
    pub notes: Vec<String>,
    /// What of the plan was not replayed, and why.
    pub not_replayed: Vec<NotReplayed>,
}

/// Something of the plan that a recorded past says nothing of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotReplayed {
    /// What: `2 expect fences`.
    pub what: String,
    /// Why.
    pub why: String,
}

impl Backtest {
    /// Named bad intervals that nothing caught.
    pub fn missed(&self) -> impl Iterator<Item = &BadOutcome> {
        self.bad.iter().filter(|bad| bad.caught_by.is_empty())
    }
}

/// A named bad interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BadOutcome {
    /// What it is.
    #[serde(flatten)]
    pub bad: Bad,
    /// Rules that were in alarm at some sample of it, the earliest first.
    pub caught_by: Vec<RuleId>,
}

/// What became of one rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleOutcome {
    /// Its id.
    pub id: RuleId,
    /// What people call it.
    pub title: String,
    /// Its expression.
    pub expr: String,
    /// The limits as people read them.
    pub limits: String,
    /// What an alarm would have done.
    pub on_breach: OnBreach,
    /// Alarms.
    pub alarms: u64,
    /// Those that share no moment with a bad interval.
    pub outside: u64,
    /// Seconds in alarm.
    pub alarm_seconds: u64,
    /// Seconds beyond `warn` and not in alarm.
    pub warn_seconds: u64,
    /// Seconds unknown.
    pub unknown_seconds: u64,
    /// The same by reason.
    pub unknown_by: BTreeMap<&'static str, u64>,
    /// The first [`ALARMS_KEPT`] alarms.
    pub intervals: Vec<Alarm>,
    /// One for each bad interval, in their order.
    pub bad: Vec<Caught>,
}

/// One alarm: from the sample at which the limit counted until the rule was known good again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    /// First sample in alarm.
    pub from: Timestamp,
    /// First sample that is known good again; the last sample of all while there is none.
    pub to: Timestamp,
    /// It was not over at the last sample.
    pub is_open: bool,
    /// The worst sample.
    pub worst: Option<Worst>,
    /// Names of the bad intervals it shares a moment with; empty: it is outside.
    pub bad: Vec<String>,
}

/// The worst sample of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worst {
    /// `{instance="db-1"}`, or empty for a series without labels.
    pub series: String,
    /// Its value; text, since JSON knows no infinity.
    pub value: String,
    /// When.
    pub at: Timestamp,
}

/// What one rule made of one bad interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Caught {
    /// Its name.
    pub name: String,
    /// Seconds from its begin to the first sample in alarm in it; absent: it was missed.
    pub after_seconds: Option<u64>,
    /// The alarm was there already when it began.
    pub was_on: bool,
    /// Seconds of it in which the rule was unknown.
    pub unknown_seconds: u64,
}

/// What became of one gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateOutcome {
    /// Its id.
    pub id: RuleId,
    /// The step it stands in.
    pub step: String,
    /// Its expression, the comparison taken off.
    pub expr: String,
    /// The condition as people read it.
    pub condition: String,
    /// Seconds it was waited for: its timeout, or [`super::GATE_PATIENCE`] where it has none.
    pub patience_seconds: u64,
    /// How often it was begun: at the first sample and every hour after it.
    pub begun: u64,
    /// How often it opened in time.
    pub opened: u64,
    /// How often it did not.
    pub not_opened: u64,
    /// How often the past ended before it could be told.
    pub cut_off: u64,
    /// Of those that did not open: how often something was unknown while it was waited for.
    pub not_opened_unknown: u64,
    /// Seconds until it opened: the middle one of all that did.
    pub wait_median_seconds: Option<u64>,
    /// Seconds until it opened: the longest.
    pub wait_longest_seconds: Option<u64>,
    /// Seconds in which the condition was met at all.
    pub met_seconds: u64,
    /// Seconds in which it was known not to be met.
    pub unmet_seconds: u64,
    /// Seconds unknown.
    pub unknown_seconds: u64,
    /// The same by reason.
    pub unknown_by: BTreeMap<&'static str, u64>,
    /// The first [`STARTS_KEPT`] times at which it was begun and did not open.
    pub closed_at: Vec<Timestamp>,
}

/// What became of the floor of a rollout, or of the comparison behind its canary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConditionOutcome {
    /// Name of its query.
    pub id: RuleId,
    /// `floor` or `compare`.
    pub kind: &'static str,
    /// Number of the phase.
    pub phase: String,
    /// Its expression.
    pub expr: String,
    /// The condition as people read it.
    pub condition: String,
    /// Seconds in which it was met: a unit could have begun, or the canary was as good as it must be.
    pub met_seconds: u64,
    /// Seconds in which it was known not to be met.
    pub unmet_seconds: u64,
    /// Seconds unknown; nothing begins then, and a soak begins anew.
    pub unknown_seconds: u64,
    /// The same by reason.
    pub unknown_by: BTreeMap<&'static str, u64>,
    /// For how many seconds without a break it has to be met: the soak of a comparison, 0 for a floor.
    pub needed_seconds: u64,
    /// The longest it was met without a break.
    pub longest_seconds: u64,
    /// How often it ceased to be met.
    pub refused: u64,
    /// The first [`STARTS_KEPT`] of these times.
    pub refused_at: Vec<Timestamp>,
}
