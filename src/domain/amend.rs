//! Amendments: what another plan would come to in a running session, and why it can not be taken over.
//!
//! Steps are the same by their id. What was begun keeps where it stands, and what is over keeps what it ran with: its way
//! back is the one that was reviewed. Everything else is as the new plan has it. [`adopt`] says all of that without
//! changing anything; `apply::amend` puts it in force when the motion is carried, by the same function, so that a state
//! that has gone on since is judged again.

mod change;
mod diff;
mod merge;
mod rules;
mod same;
#[cfg(test)]
mod tests;
mod text;
mod whole;

pub use change::{Change, What};
pub use diff::{DIFF_LINES_MAX, Line, Mark, diff};
pub use rules::asked_anew;

use crate::domain::digest::Digest;
use crate::domain::fact::RunbookRef;
use crate::domain::id::{RuleId, StepId};
use crate::domain::runbook::plan::Plan;
use crate::domain::state::{Phase, State};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Reasons that are named: with more the runbook is another one.
pub const OBJECTIONS_MAX: usize = 20;
/// Changes kept of an amendment that was carried, for reports; the rest is counted. The journal has both plans whole.
pub const CHANGES_KEPT_MAX: usize = 200;

/// A runbook after it was changed: its plan, and which text that was made from. Frozen with the facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amendment {
    /// What it comes to.
    pub plan: Plan,
    /// Where that came from.
    pub runbook: RunbookRef,
}

/// Why a plan cannot be taken over, with what a person can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// What is in the way.
    pub why: String,
    /// What to do about it; or empty.
    pub hint: String,
}

impl Objection {
    pub(in crate::domain) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        if self.hint.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.hint)
    }
}

/// What a session would be pinned to.
#[derive(Debug, Clone, PartialEq)]
pub struct Adopted {
    /// The plan: the new one, with what was done as it ran.
    pub plan: Plan,
    /// What becomes another, for people; a plan of the same work has none.
    pub changes: Vec<Change>,
    /// For each step of the plan its place among the steps before; absent for a new one.
    pub(in crate::domain) steps: Vec<Option<usize>>,
    /// Places of phases now, by those before.
    pub(in crate::domain) phases: BTreeMap<usize, usize>,
    /// Steps before that are another now, or gone.
    pub(in crate::domain) changed: BTreeSet<StepId>,
    /// Rules whose verdict stands.
    pub(in crate::domain) rules: BTreeSet<RuleId>,
    /// Rules whose baseline stands.
    pub(in crate::domain) baselines: BTreeSet<RuleId>,
}

/// What the session would be pinned to with this amendment.
///
/// # Errors
/// Everything that is in the way, at most [`OBJECTIONS_MAX`]; never an empty list.
pub fn adopt(state: &State, amendment: &Amendment) -> Result<Adopted, Vec<Objection>> {
    let mut against = session(state, amendment);
    if against.is_empty() {
        against.extend(whole::unsound(&amendment.plan, &state.genesis.panels));
    }
    if !against.is_empty() {
        return Err(against);
    }
    let mut new = amendment.plan.clone();
    against.extend(whole::header(state, &mut new));
    let merged = merge::merge(state, &new, &mut against);
    let rules = rules::judge(state, &new, &merged, &mut against);
    against.extend(whole::silences(state, &merged.phases, &merged.plan));
    against.extend(whole::too_long(&merged.plan));
    against.extend(rules::clash(&merged.plan));
    if !against.is_empty() {
        against.truncate(OBJECTIONS_MAX);
        return Err(against);
    }
    let mut changes = change::of_header(state.plan(), &merged.plan);
    changes.extend(merged.changes);
    changes.extend(rules.changes);
    Ok(Adopted {
        plan: merged.plan,
        changes,
        steps: merged.steps,
        phases: merged.phases,
        changed: merged.changed,
        rules: rules.stand,
        baselines: rules.baselines,
    })
}

/// The plan the session would be pinned to, by its digest: what whoever seconds an amendment has read. Absent when it cannot be
/// taken over.
pub fn adopted_digest(state: &State, amendment: &Amendment) -> Option<Digest> {
    let adopted = adopt(state, amendment).ok()?;
    Some(adopted.plan.digest())
}

/// True when the session is pinned to just this already: to the plan, and to the text it was made from.
pub fn is_pinned(state: &State, adopted: &Adopted, amendment: &Amendment) -> bool {
    state.genesis.runbook.digest == amendment.runbook.digest
        && state.genesis.plan_digest == adopted.plan.digest()
}

/// True while the session can take over a changed runbook at all; what is under way may be in the way for now.
pub fn is_possible(state: &State) -> bool {
    lasting(state).next().is_none()
}

/// What of the session is in the way of any amendment from here on.
fn lasting(state: &State) -> impl Iterator<Item = Objection> {
    let against = match state.phase {
        Phase::Briefing | Phase::Running => None,
        Phase::RollingBack => Some(Objection::new(
            "the maintenance is rolling back",
            "the way back is the one that was reviewed",
        )),
        Phase::Completed | Phase::RolledBack | Phase::Aborted => {
            Some(Objection::new("the maintenance is over", ""))
        }
    };
    let rehearsal = state.genesis.rehearsal.as_ref().map(|_| {
        Objection::new(
            "this is a rehearsal: what it says of a plan it says of the plan it began with",
            "abort it, and rehearse the changed runbook",
        )
    });
    against.into_iter().chain(rehearsal)
}

/// What of the session itself is in the way of any amendment, now or from here on.
fn session(state: &State, amendment: &Amendment) -> Vec<Objection> {
    let open = state.proposal.as_ref().map(|open| {
        let step = &open.terms.step;
        Objection::new(
            format!("step `{step}` is proposed, and was reviewed by the plan as it is"),
            "cancel the proposal, or wait until its command has ended",
        )
    });
    let switch = state.switching_back().map(|view| {
        let label = view.plan.to_label();
        Objection::new(
            format!("the switch of {label} is being taken back"),
            "wait until it is back",
        )
    });
    let by_itself = state.runs_on().map(|(phase, _)| {
        let title = state.plan().phases.get(phase).map(|p| p.title.as_str());
        Objection::new(
            format!(
                "the rollout `{}` goes by itself, by the plan as it is",
                title.unwrap_or_default()
            ),
            "hold it: then it no longer does, and somebody says anew that it may",
        )
    });
    let elsewhere = (state.genesis.runbook.path != amendment.runbook.path).then(|| {
        let why = format!(
            "the runbook of this session is `{}`",
            state.genesis.runbook.path
        );
        Objection::new(why, "change that file")
    });
    let for_now = [open, switch, by_itself, elsewhere];
    lasting(state)
        .chain(for_now.into_iter().flatten())
        .collect()
}
