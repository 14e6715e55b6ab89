//! State of a maintenance: the fold of its facts. Changed by [`crate::domain::apply`] alone.

mod breakglass;
mod expect;
mod guards;
mod left;
mod motion;
mod rollout;
mod run_on;
mod silence;

pub use breakglass::{Broken, Countdown, Glass, Review};
pub use expect::{ALERTS_MAX, AlertState, EffectState};
pub use guards::Acted;
pub use motion::{Amended, Carried, Motions, Tabled};
pub use rollout::RolloutState;
pub use run_on::{Halted, RunOn};
pub use silence::SilenceState;

use crate::domain::digest::Digest;
use crate::domain::fact::{
    Actor, Baseline, ExecKey, Finding, Genesis, HoldCause, Outcome, OutputRef, Quote, Terms, Via,
};
use crate::domain::id::{AttemptNo, Nonce, PersonId, RuleId, Seq, StepId, TerminalId};
use crate::domain::runbook::plan::{ExecRole, MetricRule, Plan};
use crate::domain::threshold::Verdict;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{WriteNo, WriteState};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where the maintenance as a whole stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Open, not begun: people read the briefing.
    Briefing,
    /// Going forward.
    Running,
    /// Going back.
    RollingBack,
    /// Complete.
    Completed,
    /// Everything that could be undone is undone.
    RolledBack,
    /// Given up.
    Aborted,
}

impl Phase {
    /// True when nothing more can happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::RolledBack | Self::Aborted)
    }
}

/// Which part of a step is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Between two blocks, or waiting to try a `verify` again.
    Between,
    /// A precondition runs.
    Checking,
    /// Waiting for a gate to open.
    Gated,
    /// The command has run; waiting for what it is declared to change.
    Effect,
    /// Everything before the destructive block is done; nobody has proposed yet.
    NeedsProposal,
    /// Proposed; waiting for the second person.
    AwaitingSecond,
    /// Confirmed; waiting for go.
    Armed,
    /// The command runs.
    Running,
    /// A postcondition runs.
    Verifying,
    /// Own blocks are done; sub-steps are open.
    SubSteps,
}

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum StepStatus {
    /// Not started; [`State::readiness`] says whether it can be.
    Pending,
    /// Started.
    Active {
        /// Which part.
        stage: Stage,
    },
    /// Done.
    Done {
        /// A warning to keep in mind, or empty.
        warning: String,
    },
    /// Failed.
    Failed {
        /// Why.
        why: String,
    },
    /// Left out by a person.
    Skipped {
        /// Who, as text.
        by: String,
        /// Why.
        reason: String,
    },
    /// The server died while its command may have been running.
    Unknown,
    /// Its way back runs.
    Undoing,
    /// Its way back is done.
    Undone,
    /// Its way back failed.
    UndoFailed {
        /// Why.
        why: String,
    },
}

impl StepStatus {
    /// True when the steps after it may start.
    pub const fn is_passed(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Skipped { .. })
    }
}

/// An execution in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which execution.
    pub key: ExecKey,
    /// Which part of the step.
    pub role: ExecRole,
    /// When it was intended.
    pub since: Moment,
    /// Process id once it runs.
    pub pid: Option<u32>,
    /// Somebody asked for it to be stopped.
    pub stop_asked: bool,
    /// What people had agreed on; absent for what needs no second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<Box<Ran>>,
}

/// An execution that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Which execution.
    pub key: ExecKey,
    /// Which part of the step.
    pub role: ExecRole,
    /// When it was intended.
    pub started: Moment,
    /// When it ended.
    pub ended: Moment,
    /// How; absent when nobody knows.
    pub outcome: Option<Outcome>,
    /// What is kept of its output; absent when nobody knows.
    pub output: Option<OutputRef>,
}

/// State of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// Where it stands.
    pub status: StepStatus,
    /// Attempts so far; 0 before the first start.
    pub attempt: AttemptNo,
    /// Place of the next block of this attempt.
    pub next_block: u16,
    /// Tries so far of that block.
    pub tries: u32,
    /// Not before this moment (retry of a `verify`).
    pub not_before: Option<Moment>,
    /// When its gate began to wait.
    pub gate_since: Option<Moment>,
    /// When this attempt started.
    pub started: Option<Moment>,
    /// When this attempt ended.
    pub ended: Option<Moment>,
    /// Who started or finished it last, as text; or empty.
    pub by: String,
    /// Note of a manual step, or empty.
    pub note: String,
    /// Execution in flight.
    pub running: Option<Running>,
    /// Executions that ended, newest last; bounded by [`FINISHED_MAX`].
    pub finished: Vec<Finished>,
    /// Who asked for its newest command to be stopped; empty when nobody did, and once the step has ended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stop_by: String,
    /// True once a `run` block of it was intended in any attempt: then its `undo` belongs to a rollback.
    pub touched: bool,
    /// The record of its newest `run`: what runs last is undone first, wherever an amendment has put it. For what ran before
    /// the first amendment the place among all that had, which is below every later record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_at: Option<Seq>,
    /// Findings of people on an unknown outcome.
    pub votes: BTreeMap<PersonId, Finding>,
    /// Newest attempt number a proposal has used; 0 before the first. A further proposal takes a further number.
    pub proposed: AttemptNo,
    /// True once the confirmed hand work of this attempt is done (a destructive step without a `run` block).
    pub worked: bool,
    /// Declared effects of this attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Box<EffectState>>,
    /// What people had agreed on, while nobody knows how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<Box<Ran>>,
    /// What people had agreed on when a process was last started for it: the way back was reviewed with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Box<Ran>>,
    /// What people had agreed on when it was run last: its way back was in that plan too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<Box<Ran>>,
}

/// What people had agreed on when a step was run: what they state about its end names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Terms of the proposal.
    pub terms: Terms,
    /// Sequence and hash of `step.proposed`.
    pub proposed: (Seq, Digest),
    /// The record since which people are asked what became of it; absent while it runs.
    pub open: Option<(Seq, Digest)>,
    /// One person went alone: digest of the statement they signed. Nobody had agreed on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glass: Option<Digest>,
}

/// Executions kept per step: enough for every retry anybody looks at; older ones are in the journal.
pub const FINISHED_MAX: usize = 50;

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub cause: HoldCause,
    /// Who, as text.
    pub by: String,
    /// Since when.
    pub since: Moment,
}

/// What a rule said last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleState {
    /// The verdict.
    pub verdict: Verdict,
    /// The sample that decided.
    pub quote: Option<Quote>,
    /// Since when it says so.
    pub since: Moment,
}

/// One counted confirm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedConfirm {
    /// Who.
    pub person: PersonId,
    /// Digest of the statement.
    pub statement: Digest,
    /// How it is known that it was them.
    pub via: Via,
    /// When.
    pub at: Moment,
}

/// The one open attempt at something destructive (`TWO_PERSON` 4.2: PROPOSED or ARMED).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its terms.
    pub terms: Terms,
    /// How the proposer is known.
    pub via: Via,
    /// The `warroom-plan@v1` document, whole; empty for the moment between its two records.
    pub plan: String,
    /// Sequence and hash of `step.proposed`.
    pub proposed: Option<(Seq, Digest)>,
    /// When it was opened.
    pub opened: Moment,
    /// Confirms counted so far: people, each once.
    pub confirms: Vec<CountedConfirm>,
    /// People who have said from their own view what is about to be touched.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub checked: BTreeSet<PersonId>,
    /// For whom somebody in an account that is nobody's has said it, rightly: good for a confirm that then proves itself
    /// by a code or a key, and no answer of the person's own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub claimed: BTreeSet<PersonId>,
    /// How often each person has named a component that nobody knows, and was asked again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missed: BTreeMap<PersonId, u8>,
    /// When it was armed.
    pub armed: Option<Moment>,
    /// The executor wants to go without a second person, and how far that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glass: Option<Box<Glass>>,
    /// Heads a signer may have seen: every record since the proposal; bounded by [`HEADS_MAX`].
    pub heads: Vec<(Seq, Digest)>,
}

/// A proposal that was rejected with one key, until whoever did so has said why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Who said no.
    pub by: PersonId,
    /// What they said no to. Its heads are its own record alone.
    pub proposal: Proposal,
}

/// More records than a proposal of 15 minutes can see at the fastest poll.
pub const HEADS_MAX: usize = 20_000;

/// A person's terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminal {
    /// Who.
    pub actor: Actor,
    /// True when it may only look.
    pub read_only: bool,
    /// Since when.
    pub since: Moment,
}

/// Everything there is to know of a maintenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What the session is pinned to: as the first record has it, but for what amendments have put in its place.
    pub genesis: Arc<Genesis>,
    /// Hash of the genesis record.
    pub genesis_hash: Digest,
    /// Newest record.
    pub head: (Seq, Digest),
    /// Time of the newest record.
    pub head_at: Moment,
    /// Where the whole stands.
    pub phase: Phase,
    /// When it was begun.
    pub begun: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Reason given for the rollback or abort, or empty.
    pub end_reason: String,
    /// Holds in force; empty when going forward is allowed.
    pub holds: Vec<Hold>,
    /// One for each step of the plan, same order.
    pub steps: Vec<StepState>,
    /// One for each rule that has ever said something.
    pub rules: BTreeMap<RuleId, RuleState>,
    /// What rules measured when the maintenance began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<RuleId, Baseline>,
    /// What guards did last by themselves, or would have done.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acted: BTreeMap<RuleId, Acted>,
    /// The open proposal.
    pub proposal: Option<Proposal>,
    /// Words on the last proposal that was closed, for the screen.
    pub last_closed: Option<(StepId, String)>,
    /// The newest proposal whose rejection has no reason yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Box<Rejected>>,
    /// Nonces that were spent.
    pub spent: BTreeSet<Nonce>,
    /// Values that steps have set.
    pub values: BTreeMap<String, String>,
    /// Alerts on what the work touches that have fired since it began; at most [`ALERTS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertState>,
    /// Expected alerts that are recorded as not having come.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub alerts_absent: BTreeSet<String>,
    /// Attached terminals.
    pub terminals: BTreeMap<TerminalId, Terminal>,
    /// When each person's last terminal that can act went; absent while one is attached.
    pub absent_since: BTreeMap<PersonId, Moment>,
    /// Steps the rollback still has to undo, next one last.
    pub undo_stack: Vec<StepId>,
    /// Notes so far.
    pub notes: u32,
    /// What was asked of other systems, number 1 first; at most `WRITES_MAX` by people and `OWN_WRITES_MAX` by the program.
    // A state without any keeps the bytes it had before there were writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<WriteState>,
    /// What was said of silences of the program's own, each lifetime once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silences: Vec<SilenceState>,
    /// Attempts that one person ran alone, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Broken>,
    /// Where rollouts stand, by the place of their phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rollouts: BTreeMap<usize, RolloutState>,
    /// What two people agree on beside steps.
    #[serde(default, skip_serializing_if = "Motions::is_none")]
    pub motions: Motions,
    /// When each person had somebody paged to go alone, within the last hour of when they did it last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pages: BTreeMap<PersonId, Vec<Timestamp>>,
    /// False once the server has closed the session or after the fold met its end.
    pub open: bool,
}

impl StepState {
    /// How its newest command ended, and who stopped it: `stopped by ann`; absent when there is none, or nobody knows.
    pub fn last_end(&self) -> Option<String> {
        let outcome = self.finished.last()?.outcome.as_ref()?;
        Some(match (outcome, self.stop_by.as_str()) {
            (Outcome::Stopped, who) if !who.is_empty() => format!("{outcome} by {who}"),
            _ => outcome.to_string(),
        })
    }
}

impl State {
    /// The pinned plan: that of the first record, or the one two people have put in its place since.
    pub fn plan(&self) -> &Plan {
        &self.genesis.plan
    }

    /// Rules of the plan, then the panels of the configuration.
    pub fn all_rules(&self) -> impl Iterator<Item = &MetricRule> {
        self.plan().rules.iter().chain(&self.genesis.panels)
    }

    /// Place of a step in the plan.
    pub fn index_of(&self, step: &StepId) -> Option<usize> {
        self.plan().steps.iter().position(|s| &s.id == step)
    }

    /// True while nothing forward may start.
    pub fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }

    /// The hold that lets no command run at all, if any.
    pub fn moved(&self) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.cause.holds_all())
    }

    /// The execution in flight, if any: there is never more than one.
    pub fn running(&self) -> Option<&Running> {
        self.steps.iter().find_map(|s| s.running.as_ref())
    }

    /// A write by its number.
    pub fn write(&self, no: WriteNo) -> Option<&WriteState> {
        self.writes.get(place_of(no)?)
    }
}

/// Place of a write among those of its session.
pub(in crate::domain) fn place_of(no: WriteNo) -> Option<usize> {
    usize::try_from(no.0).ok()?.checked_sub(1)
}
