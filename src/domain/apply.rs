//! The fold: how each fact changes the state. Total: a fact that cannot be is left out, never a panic.

mod amend;
mod breakglass;
mod effect;
mod exec;
mod guards;
mod motion;
mod proposal;
mod rollout;
mod run_on;
mod session;
mod silence;
mod step;
#[cfg(test)]
mod tests;
mod write;

pub use proposal::CHECKS_MAX;

use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Fact, Genesis, Stamped};
use crate::domain::id::{AttemptNo, Seq, StepId};
use crate::domain::state::{HEADS_MAX, Motions, Phase, State, StepState, StepStatus};
use crate::domain::time::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A journal that no session can have written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// There is no record.
    #[error("the journal is empty")]
    Empty,
    /// The first record is not genesis.
    #[error("record 0 is not the opening of a session")]
    NotGenesis,
    /// A record is not the one after the newest.
    #[error("record {found} follows record {head}")]
    Gap {
        /// Newest record.
        head: Seq,
        /// The record that came.
        found: Seq,
    },
    /// A fact that cannot happen in the state before it.
    #[error("record {seq}: {why}")]
    Impossible {
        /// Which record.
        seq: Seq,
        /// Why it cannot be.
        why: &'static str,
    },
}

/// Why a fact cannot be, in words that end a sentence about it.
type Why = &'static str;

/// When, by whom and where a fact was recorded.
#[derive(Clone, Copy)]
struct Mark<'a> {
    seq: Seq,
    hash: Digest,
    at: Moment,
    actor: &'a Actor,
}

impl State {
    /// State right after the genesis record.
    pub fn new(genesis: Genesis, hash: Digest, at: Moment) -> Self {
        let steps = genesis.plan.steps.iter().map(|_| fresh_step()).collect();
        Self {
            genesis: Arc::new(genesis),
            genesis_hash: hash,
            head: (Seq(0), hash),
            head_at: at,
            phase: Phase::Briefing,
            begun: None,
            ended: None,
            end_reason: String::new(),
            holds: Vec::new(),
            steps,
            rules: BTreeMap::new(),
            baselines: BTreeMap::new(),
            acted: BTreeMap::new(),
            proposal: None,
            last_closed: None,
            rejected: None,
            spent: BTreeSet::new(),
            values: BTreeMap::new(),
            alerts: Vec::new(),
            alerts_absent: BTreeSet::new(),
            terminals: BTreeMap::new(),
            absent_since: BTreeMap::new(),
            undo_stack: Vec::new(),
            notes: 0,
            writes: Vec::new(),
            silences: Vec::new(),
            broken: Vec::new(),
            rollouts: BTreeMap::new(),
            motions: Motions::default(),
            pages: BTreeMap::new(),
            open: true,
        }
    }

    /// The step of a fact, to change it.
    fn step_mut(&mut self, step: &StepId) -> Result<&mut StepState, Why> {
        self.index_of(step)
            .and_then(|i| self.steps.get_mut(i))
            .ok_or("the plan has no such step")
    }
}

/// A step that nobody has begun.
pub(in crate::domain) fn fresh_step() -> StepState {
    StepState {
        status: StepStatus::Pending,
        attempt: AttemptNo(0),
        next_block: 0,
        tries: 0,
        not_before: None,
        gate_since: None,
        started: None,
        ended: None,
        by: String::new(),
        note: String::new(),
        running: None,
        finished: Vec::new(),
        stop_by: String::new(),
        touched: false,
        ran_at: None,
        votes: BTreeMap::new(),
        proposed: AttemptNo(0),
        worked: false,
        effect: None,
        ran: None,
        back: None,
        agreed: None,
    }
}

/// Folds one record in. A record that cannot be moves the head and changes nothing else.
pub fn apply(state: &mut State, stamped: &Stamped) {
    check_apply(state, stamped).ok();
}

/// As [`apply`], and says so when the record cannot be. For `verify`.
///
/// # Errors
/// [`FoldError`] for a gap in the numbers, or for a fact that the state before it rules out.
pub fn check_apply(state: &mut State, stamped: &Stamped) -> Result<(), FoldError> {
    let head = state.head.0;
    let mark = Mark {
        seq: stamped.seq,
        hash: stamped.hash,
        at: stamped.at,
        actor: &stamped.actor,
    };
    let done = transition(state, &stamped.fact, mark);
    rollout::follow(state, &stamped.fact, mark);
    state.head = (stamped.seq, stamped.hash);
    state.head_at = stamped.at;
    if let Some(open) = state.proposal.as_mut()
        && open.proposed.is_some()
        && open.heads.len() < HEADS_MAX
    {
        open.heads.push(state.head);
    }
    if stamped.seq != head.next() {
        let found = stamped.seq;
        return Err(FoldError::Gap { head, found });
    }
    let seq = stamped.seq;
    done.map_err(|why| FoldError::Impossible { seq, why })
}

/// Folds a whole journal, genesis first.
///
/// # Errors
/// [`FoldError`] at the first record that cannot be.
pub fn fold(records: impl IntoIterator<Item = Stamped>) -> Result<State, FoldError> {
    let mut records = records.into_iter();
    let first = records.next().ok_or(FoldError::Empty)?;
    let Fact::SessionOpened(genesis) = first.fact else {
        return Err(FoldError::NotGenesis);
    };
    if first.seq != Seq(0) {
        return Err(FoldError::NotGenesis);
    }
    let mut state = State::new(*genesis, first.hash, first.at);
    for stamped in records {
        check_apply(&mut state, &stamped)?;
    }
    Ok(state)
}

fn transition(state: &mut State, fact: &Fact, mark: Mark<'_>) -> Result<(), Why> {
    match fact {
        Fact::SessionOpened(_)
        | Fact::SessionResumed { .. }
        | Fact::JournalRecovered { .. }
        | Fact::Attached { .. }
        | Fact::Detached { .. }
        | Fact::IdentityConflict { .. }
        | Fact::Begun
        | Fact::Held(_)
        | Fact::Released { .. }
        | Fact::RuleChanged { .. }
        | Fact::Refused { .. }
        | Fact::NoteAdded { .. }
        | Fact::RollbackStarted { .. }
        | Fact::RolledBack
        | Fact::Aborted { .. }
        | Fact::Completed
        | Fact::SessionClosed { .. } => session::transition(state, fact, mark),
        Fact::StepStarted { .. }
        | Fact::GateOpened { .. }
        | Fact::GateTimedOut { .. }
        | Fact::StepDescended { .. }
        | Fact::StepDone { .. }
        | Fact::StepFailed { .. }
        | Fact::StepSkipped { .. }
        | Fact::StepRetried { .. }
        | Fact::StepUndone { .. }
        | Fact::UndoFailed { .. } => step::transition(state, fact, mark),
        Fact::ExecIntent { .. }
        | Fact::ExecSpawned { .. }
        | Fact::ExecOutcome { .. }
        | Fact::StopAsked { .. }
        | Fact::TakenOver { .. }
        | Fact::ExecUnknown { .. }
        | Fact::ResolveVoted { .. }
        | Fact::StepResolved { .. } => exec::transition(state, fact, mark),
        Fact::ProposalOpened { .. }
        | Fact::StatementSigned(_)
        | Fact::StepProposed { .. }
        | Fact::StepConfirmed(_)
        | Fact::StepArmed { .. }
        | Fact::StepChecked(_)
        | Fact::RejectExplained { .. }
        | Fact::ProposalClosed { .. } => proposal::transition(state, fact, mark),
        Fact::Effect(fact) => effect::transition(state, fact, mark),
        Fact::Alert(event) => effect::alert(state, event, mark),
        Fact::Breakglass(fact) => breakglass::transition(state, fact, mark),
        Fact::Rollout(news) => rollout::transition(state, news, mark),
        Fact::Motion(fact) => motion::transition(state, fact, mark),
        Fact::BaselineTaken(baseline) => guards::baseline(state, baseline),
        Fact::GuardActed(acted) => guards::acted(state, acted, mark),
        Fact::WriteAsked { write } => write::asked(state, write, mark),
        Fact::Silence(said) => silence::said(state, said, mark),
        Fact::WriteEnded { no, outcome } => write::ended(state, *no, outcome, mark),
    }
}
