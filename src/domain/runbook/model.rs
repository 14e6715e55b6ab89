//! A runbook as it was read: structure and settings, nothing resolved yet.

use super::alerts::OnAlert;
use super::expect::After;
use super::plan::{ExecRole, OnExecutorLost, Risk, Window};
use super::rollout::settings::RolloutSettings;
use super::silence::SilencePlan;
use super::source::{Located, Mapped};
use crate::domain::id::{ConnectorName, RuleId, StepId};
use crate::domain::threshold::{Limit, OnBreach, OnNoData, Op, RuleLimit, SampleCount, Scale};
use crate::domain::time::recur::Recurrence;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// All that was read from one file. Made by [`super::parse()`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runbook {
    /// First heading of level 1; the file's name where there is none.
    pub title: Mapped,
    /// Name of the file, as given by the caller.
    pub file_name: String,
    /// What the `toml maintenance` block says.
    pub maintenance: Maintenance,
    /// Markdown before the first phase, blocks with a role left out.
    pub briefing: Mapped,
    /// Headings in document order.
    pub phases: Vec<Phase>,
    /// Task-list items in document order.
    pub steps: Vec<Step>,
    /// Guards, thresholds and panels in document order.
    pub rules: Vec<Rule>,
    /// No block has a role: a checklist that was not written for this program, so `{{name}}` in it is just text.
    pub is_plain: bool,
}

/// The `toml maintenance` block.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Maintenance {
    /// Change ticket number.
    pub change: Option<String>,
    /// Announced time.
    pub window: Option<Window>,
    /// Announced times that come again.
    pub recurs: Option<Recurrence>,
    /// CMDB components: names and selectors.
    pub components: Vec<String>,
    /// Names of alerts that may come.
    pub expect_alerts: Vec<Located<String>>,
    /// What an alert does that nobody expected.
    pub on_unexpected_alert: Option<OnAlert>,
    /// Severities that count, in lower case.
    pub alert_severities: Vec<String>,
    /// Names of alerts that must come.
    pub must_fire: Vec<Located<String>>,
    /// Name of a lock scope.
    pub lock: Option<String>,
    /// What is kept quiet meanwhile.
    pub silence: Option<SilencePlan>,
    /// Steps of dependency that the blast radius follows.
    pub radius_depth: Option<u8>,
    /// Names are shell identifiers.
    pub environment: BTreeMap<String, Located<String>>,
}

/// A heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Heading text.
    pub title: Mapped,
    /// 2 for `##`; 1 for the phase of steps that stand before the first heading.
    pub level: u8,
    /// Text between the heading and its first step.
    pub prose: Mapped,
    /// `rollback` of its `toml phase` block.
    pub rollback: Option<bool>,
    /// The rest of that block: its steps are templates.
    pub rollout: Option<Box<RolloutSettings>>,
    /// `silence` of its `toml phase` block.
    pub silence: Option<SilencePlan>,
    /// Whole heading in the file.
    pub span: Range<usize>,
    /// Line of the heading, from 1.
    pub line: u32,
}

/// A task-list item.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its first line as plain text.
    pub title: Mapped,
    /// Markdown below the first line, blocks with a role and nested steps left out.
    pub prose: Mapped,
    /// Place in [`Runbook::phases`].
    pub phase: usize,
    /// Place in [`Runbook::steps`].
    pub parent: Option<usize>,
    /// 0 for an item that is not nested.
    pub depth: u8,
    /// The box is ticked in the file.
    pub ticked: bool,
    /// What it does, in document order.
    pub blocks: Vec<Block>,
    /// What its command is declared to change.
    pub expects: Vec<ExpectFence>,
    /// What its `toml step` block says.
    pub settings: StepSettings,
    /// First line of the item in the file.
    pub span: Range<usize>,
    /// Line of the item, from 1.
    pub line: u32,
}

/// The `toml step` block, and the same keys in info strings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepSettings {
    /// Explicit id.
    pub id: Option<Located<StepId>>,
    /// CMDB component.
    pub component: Option<Located<String>>,
    /// Declared risk.
    pub risk: Option<Located<Risk>>,
    /// Confirmers wanted.
    pub quorum: Option<Located<u8>>,
    /// Declared duration.
    pub expected: Option<Duration>,
    /// What happens when the executor drops out.
    pub on_executor_lost: OnExecutorLost,
    /// Names of alerts that may come while the step runs.
    pub expect_alerts: Vec<Located<String>>,
    /// Place of `switch = true`.
    pub switch: Option<Range<usize>>,
    /// Names of alerts that must come by the step.
    pub must_fire: Vec<Located<String>>,
    /// What is kept quiet while the step is under way.
    pub silence: Option<SilencePlan>,
}

/// A block with a role inside a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A command.
    Exec(ExecFence),
    /// A condition on metrics.
    Gate(GateFence),
}

/// A fence with a command.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecFence {
    /// What the command is for.
    pub role: ExecRole,
    /// How it is run.
    pub lang: Language,
    /// Content of the fence.
    pub script: Mapped,
    /// Longest time it may run.
    pub timeout: Option<Duration>,
    /// Further tries of a `verify`.
    pub retry: u32,
    /// Info string in the file.
    pub span: Range<usize>,
    /// Line of the fence, from 1.
    pub line: u32,
}

/// A language that can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `sh`
    Sh,
    /// `bash`
    Bash,
    /// `python`
    Python,
    /// `python3`
    Python3,
}

/// A fence that holds its step.
#[derive(Debug, Clone, PartialEq)]
pub struct GateFence {
    /// Explicit name of the query.
    pub id: Option<Located<RuleId>>,
    /// Content of the fence, comparison included.
    pub expr: Mapped,
    /// How long it must hold.
    pub hold_for: Duration,
    /// The step fails after that.
    pub timeout: Option<Duration>,
    /// Metrics connector.
    pub source: Option<ConnectorName>,
    /// Info string in the file.
    pub span: Range<usize>,
    /// Line of the fence, from 1.
    pub line: u32,
}

/// A fence with a declared effect.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectFence {
    /// Explicit name of the query.
    pub id: Option<Located<RuleId>>,
    /// Content of the fence.
    pub expr: Mapped,
    /// What it is before the command.
    pub before: Option<Limit>,
    /// What it is after it.
    pub after: Option<After>,
    /// Time it has for that.
    pub within: Option<Located<Duration>>,
    /// How long it must hold.
    pub hold_for: Option<Duration>,
    /// Metrics connector.
    pub source: Option<ConnectorName>,
    /// A limit is written and could not be read; the problem is reported.
    pub has_bad_limit: bool,
    /// Info string in the file.
    pub span: Range<usize>,
    /// Line of the fence, from 1.
    pub line: u32,
}

/// Where a rule was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// ```` ```promql guard ````
    Guard,
    /// `[[threshold]]`
    Threshold,
    /// `[[panel]]`
    Panel,
}

impl RuleKind {
    /// The word people use for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Threshold => "threshold",
            Self::Panel => "panel",
        }
    }
}

/// A limit as written: the comparison may be left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WrittenLimit {
    /// The comparison, where one is written.
    pub op: Option<Op>,
    /// The level; finite.
    pub value: f64,
    /// What it is counted from.
    pub scale: Scale,
}

impl WrittenLimit {
    /// With `default` where no comparison is written.
    pub fn or(self, default: Op) -> RuleLimit {
        RuleLimit {
            op: self.op.unwrap_or(default),
            value: self.value,
            scale: self.scale,
        }
    }
}

/// A watched metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Where it was written.
    pub kind: RuleKind,
    /// Explicit name.
    pub id: Option<Located<RuleId>>,
    /// What people call it.
    pub title: Option<Mapped>,
    /// `PromQL` of the value.
    pub expr: Mapped,
    /// Display unit.
    pub unit: String,
    /// Crossing it marks.
    pub warn: Option<Located<WrittenLimit>>,
    /// Crossing it breaches.
    pub crit: Option<Located<WrittenLimit>>,
    /// Level that ends a breach.
    pub clear: Option<Located<WrittenLimit>>,
    /// A limit is written and could not be read; the problem is reported.
    pub has_bad_limit: bool,
    /// How long before it counts.
    pub hold_for: Duration,
    /// How many of the newest samples before it counts.
    pub samples: Option<SampleCount>,
    /// What a breach does.
    pub on_breach: Option<OnBreach>,
    /// It only reports.
    pub dry_run: bool,
    /// What missing data does.
    pub no_data: OnNoData,
    /// Age beyond which a value is stale.
    pub stale_after: Option<Duration>,
    /// Metrics connector.
    pub source: Option<ConnectorName>,
    /// Place in [`Runbook::phases`]; the whole session when absent.
    pub phase: Option<usize>,
    /// Its head in the file.
    pub span: Range<usize>,
    /// Line, from 1.
    pub line: u32,
}

impl Rule {
    pub(super) fn new(kind: RuleKind, span: Range<usize>, line: u32) -> Self {
        Self {
            kind,
            id: None,
            title: None,
            expr: Mapped::default(),
            unit: String::new(),
            warn: None,
            crit: None,
            clear: None,
            has_bad_limit: false,
            hold_for: Duration::ZERO,
            samples: None,
            on_breach: None,
            dry_run: false,
            no_data: OnNoData::default(),
            stale_after: None,
            source: None,
            phase: None,
            span,
            line,
        }
    }
}
