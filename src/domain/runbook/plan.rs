//! The plan: every concrete step a maintenance has, resolved from a runbook and pinned by its digest.
//!
//! THE SERIALIZED FORM IS FROZEN per journal format: a plan is part of the genesis record.

mod rollout;

pub use rollout::{
    Against, COMPONENT, Compare, Floor, Query, Rollout, Side, Sides, Soak, Strategy, Unit,
};

pub use super::alerts::{AlertRules, OnAlert};
pub use super::expect::{After, Expect};
use super::silence::SilencePlan;
use crate::domain::digest::Digest;
use crate::domain::id::{ConnectorName, RuleId, StepId};
use crate::domain::threshold::{Limit, OnBreach, OnNoData, RuleLimit, SampleCount};
use crate::domain::time::recur::Recurrence;
use crate::domain::time::{Timestamp, millis, millis_opt};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// All that a session needs to know of its runbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Text of the first heading; the file's name where there is none.
    pub title: String,
    /// Change ticket number.
    pub change: Option<String>,
    /// When the work may happen.
    pub window: Option<Window>,
    /// When it may happen again; `window` is one of these times then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurs: Option<Recurrence>,
    /// CMDB components the work touches: names, and selectors (those with `=`), whose meaning the CMDB has.
    pub components: Vec<String>,
    /// Names of alerts that may come at any time of the work.
    // A plan without any keeps the bytes it had before there were such names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect_alerts: Vec<String>,
    /// What else it says about alerts.
    #[serde(default, skip_serializing_if = "AlertRules::is_silent")]
    pub alerts: AlertRules,
    /// Lock scope beside the touched components: sessions that name the same one never do destructive things across
    /// each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// What is kept quiet from the begin of the maintenance to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<SilencePlan>,
    /// Steps of dependency that the blast radius follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius_depth: Option<u8>,
    /// Environment table: passed to every command, and the source of `{{name}}` in titles and prose.
    pub environment: BTreeMap<String, String>,
    /// Markdown before the first phase.
    pub briefing: String,
    /// Phases in document order, forward and back-out alike.
    pub phases: Vec<PlanPhase>,
    /// Steps in document order; `PlanStep::phase` says where each belongs.
    pub steps: Vec<PlanStep>,
    /// Guards and panels, of the session or of one phase.
    pub rules: Vec<MetricRule>,
}

impl Plan {
    /// The bytes that are digested: compact JSON, fields in the order of the types, tables sorted by name, no line end.
    ///
    /// The same plan always gives the same bytes; `warroom plan --json` prints exactly these.
    ///
    /// # Panics
    /// Never: a plan is text, numbers and lists.
    #[expect(
        clippy::expect_used,
        reason = "text keys and numbers written to memory cannot fail, and a digest of anything else would be a lie"
    )]
    pub fn canonical_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a plan is plain data")
    }

    /// Makes a window that comes again the one that is on at `now`, or else the next one. Any other stays as it is.
    pub fn fix_window(&mut self, now: Timestamp) {
        let Some(recurs) = &self.recurs else { return };
        self.window = recurs.at(now).map(|(start, end)| Window {
            start,
            end,
            buffer: recurs.buffer,
        });
    }

    /// What a session pins at its start: the SHA-256 of [`Plan::canonical_json`].
    pub fn digest(&self) -> Digest {
        Digest::of(&self.canonical_json())
    }
}

/// Announced time of the work, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First moment of the window.
    pub start: Timestamp,
    /// Last moment of the window.
    pub end: Timestamp,
    /// Time at the end that is kept for going back.
    #[serde(rename = "buffer_ms", with = "millis")]
    pub buffer: Duration,
}

/// A heading with the steps below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanPhase {
    /// `2` or `2.1`: follows the document.
    pub number: String,
    /// Heading text.
    pub title: String,
    /// Depth of the heading: 2 for `##`.
    pub level: u8,
    /// Markdown between the heading and its first step.
    pub prose: String,
    /// True for the back-out plan, which is not part of going forward.
    pub rollback: bool,
    /// Its steps are there once for each of many units, by these rules.
    // A plan without any keeps the bytes it had before there were rollouts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Box<Rollout>>,
    /// What is kept quiet while it is worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<SilencePlan>,
    /// Line of the heading in the runbook, from 1.
    pub line: u32,
}

/// How much a step can break. Ordered: later is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Changes nothing.
    Read,
    /// Changes something and can be undone.
    Change,
    /// Needs a second person.
    Destructive,
    /// Needs a second person and cannot be taken back.
    Irreversible,
}

impl Risk {
    /// The word used in plans, statements and on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Destructive => "destructive",
            Self::Irreversible => "irreversible",
        }
    }

    /// True where nothing may run before a second person has confirmed.
    pub const fn needs_second_person(self) -> bool {
        matches!(self, Self::Destructive | Self::Irreversible)
    }
}

/// One checklist item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// Unique in the plan.
    pub id: StepId,
    /// `2.1.3`: phase number, then place in the phase and its parents.
    pub number: String,
    /// First line of the item as plain text.
    pub title: String,
    /// Markdown of the item below its first line, fences with a role left out.
    pub prose: String,
    /// Place in [`Plan::phases`].
    pub phase: usize,
    /// Place in [`Plan::steps`] of the item this one is nested in.
    pub parent: Option<usize>,
    /// 0 for an item that is not nested.
    pub depth: u8,
    /// The box was already ticked in the document.
    pub ticked: bool,
    /// What the step does, in document order. Empty: a person marks it done.
    pub blocks: Vec<PlanBlock>,
    /// What its command is declared to change, and to leave as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expects: Vec<Expect>,
    /// The way back for this step, run by a rollback.
    pub undo: Option<ExecBlock>,
    /// How much it can break.
    pub risk: Risk,
    /// CMDB component it touches.
    pub component: Option<String>,
    /// Confirmers needed when [`Risk::needs_second_person`] holds; 1 at least then, else 0.
    pub quorum: u8,
    /// Declared duration.
    #[serde(rename = "expected_ms", with = "millis_opt", default)]
    pub expected: Option<Duration>,
    /// What happens to a running command when its executor drops out.
    pub on_executor_lost: OnExecutorLost,
    /// Names of alerts that may come while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect_alerts: Vec<String>,
    /// The component it is for, in a phase that is a rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// It moves the traffic of a blue-green phase; its way back can be run alone, at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub switch: bool,
    /// Names of alerts that must come by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_fire: Vec<String>,
    /// What is kept quiet while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<SilencePlan>,
    /// Line of the item in the runbook, from 1.
    pub line: u32,
}

/// What happens to a running command when its executor drops out (`TWO_PERSON` 4.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExecutorLost {
    /// The command goes on.
    #[default]
    Continue,
    /// The process group is stopped.
    Terminate,
}

impl OnExecutorLost {
    /// The word used in plans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Continue => "continue",
            Self::Terminate => "terminate",
        }
    }
}

/// One thing a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "lowercase")]
pub enum PlanBlock {
    /// A command.
    Exec(ExecBlock),
    /// A condition on metrics that the step waits for.
    Gate(Gate),
}

/// Which part of a step a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecRole {
    /// Precondition: exit 0 before `run` is offered.
    Check,
    /// The work.
    Run,
    /// Postcondition: exit 0 before the step counts as done.
    Verify,
    /// The way back.
    Undo,
}

impl ExecRole {
    /// The role word of the runbook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Run => "run",
            Self::Verify => "verify",
            Self::Undo => "undo",
        }
    }
}

/// A command as it will be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecBlock {
    /// Which part of the step.
    pub role: ExecRole,
    /// Language of the fence: `sh`, `bash`, `python`.
    pub lang: String,
    /// Whole argument vector, program name first: `["sh", "-euc", SCRIPT]`.
    pub argv: Vec<String>,
    /// Longest time it may run.
    #[serde(rename = "timeout_ms", with = "millis")]
    pub timeout: Duration,
    /// Further tries of a `verify` that exits non-zero, one every [`RETRY_PAUSE`].
    pub retry: u32,
    /// Line of the fence in the runbook, from 1.
    pub line: u32,
}

/// Pause between tries of a `verify retry=N`: long enough not to load what is being verified.
pub const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// A condition on metrics that holds a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Name of its query, unique in the session.
    pub id: RuleId,
    /// `PromQL` of the value, the comparison taken off: `pg_lag_bytes`.
    pub expr: String,
    /// The comparison: `< 1024`. The gate is open while every series meets it.
    pub limit: Limit,
    /// How long without a break the condition must hold.
    #[serde(rename = "for_ms", with = "millis")]
    pub hold_for: Duration,
    /// The step fails when the gate has not opened by then.
    #[serde(rename = "timeout_ms", with = "millis_opt", default)]
    pub timeout: Option<Duration>,
    /// Which metrics connector is asked; the first configured one when absent.
    pub source: Option<ConnectorName>,
    /// Line of the fence in the runbook, from 1.
    pub line: u32,
}

/// A watched metric: a guard with a consequence, or a panel without one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRule {
    /// Unique in the session.
    pub id: RuleId,
    /// What people call it.
    pub title: String,
    /// `PromQL` of the value.
    pub expr: String,
    /// Display unit: `s`, `bytes`, `ratio`, `percent`, `/s`, or empty.
    pub unit: String,
    /// Crossing it marks.
    pub warn: Option<RuleLimit>,
    /// Crossing it breaches.
    pub crit: Option<RuleLimit>,
    /// Level that ends a breach; the crossed limit itself when absent.
    pub clear: Option<RuleLimit>,
    /// How long a limit must be crossed before it counts.
    #[serde(rename = "for_ms", with = "millis")]
    pub hold_for: Duration,
    /// How many of the newest samples must cross it before it counts; each by itself when absent.
    // A rule without keeps the bytes it had before there was such a thing; so does one that acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<SampleCount>,
    /// What a breach does.
    pub on_breach: OnBreach,
    /// It only says what it would have done: a breach holds nothing, and no step waits for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// What missing data does.
    pub no_data: OnNoData,
    /// Age beyond which a value is stale.
    #[serde(rename = "stale_after_ms", with = "millis")]
    pub stale_after: Duration,
    /// Which metrics connector is asked; the first configured one when absent.
    pub source: Option<ConnectorName>,
    /// Only watched while this phase runs; always when absent.
    pub phase: Option<usize>,
    /// Line in the runbook, from 1; 0 when it comes from the configuration.
    pub line: u32,
}
