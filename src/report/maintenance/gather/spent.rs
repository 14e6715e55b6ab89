//! Where the time of a step went: what it did, and what it waited for.

use crate::domain::fact::Fact;
use crate::domain::id::StepId;
use crate::domain::state::{Stage, State, StepStatus};
use crate::domain::time::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time of the newest attempt of one step.
#[derive(Debug, Default)]
struct Attempt {
    /// When it began. Its number does not tell it from another one: each proposal takes a further number.
    started: Moment,
    /// Since when it waits, or else works; absent once it has ended.
    since: Option<(Moment, bool)>,
    worked: Duration,
    waited: Duration,
}

impl Attempt {
    fn turn(&mut self, at: Moment, is_waiting: Option<bool>) {
        if let Some((since, was_waiting)) = self.since {
            // The wall clock, as all times of a report: boot clocks of two hosts are not compared.
            let span = at.wall.since(since.wall);
            let sum = if was_waiting {
                &mut self.waited
            } else {
                &mut self.worked
            };
            *sum = sum.saturating_add(span);
        }
        self.since = is_waiting.map(|is_waiting| (at, is_waiting));
    }
}

/// Time of all steps that were started.
#[derive(Debug, Default)]
pub(super) struct Spent(BTreeMap<StepId, Attempt>);

/// Time of one attempt that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Split {
    /// From its start to its end, milliseconds.
    pub(super) took_ms: u64,
    /// Of it, milliseconds in which it waited for people or for its gate.
    pub(super) waited_ms: u64,
}

impl Spent {
    /// Looks at the state after a fact.
    pub(super) fn look(&mut self, state: &State, fact: &Fact, at: Moment) {
        if !can_turn(fact) {
            return;
        }
        for (plan, now) in state.plan().steps.iter().zip(&state.steps) {
            let Some(started) = now.started else {
                continue;
            };
            let is_waiting = match &now.status {
                StepStatus::Active { stage } => Some(is_wait(*stage)),
                _ => None,
            };
            if let Some(attempt) = self.0.get_mut(&plan.id).filter(|a| a.started == started) {
                // Most facts are about another step.
                if attempt.since.map(|(_, was)| was) != is_waiting {
                    attempt.turn(at, is_waiting);
                }
                continue;
            }
            let mut attempt = Attempt {
                started,
                since: Some((started, false)),
                ..Attempt::default()
            };
            attempt.turn(at, is_waiting);
            self.0.insert(plan.id.clone(), attempt);
        }
    }

    /// Where the time of the newest attempt went; absent while it goes on, and for what was never started.
    pub(super) fn of(&self, step: &StepId) -> Option<Split> {
        let attempt = self.0.get(step).filter(|a| a.since.is_none())?;
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Some(Split {
            took_ms: ms(attempt.worked.saturating_add(attempt.waited)),
            waited_ms: ms(attempt.waited),
        })
    }
}

/// Nothing of the step itself goes on: people have to propose, to confirm, to say go, or a metric has to be good.
const fn is_wait(stage: Stage) -> bool {
    match stage {
        Stage::NeedsProposal | Stage::AwaitingSecond | Stage::Armed | Stage::Gated => true,
        Stage::Between
        | Stage::Checking
        | Stage::Effect
        | Stage::Running
        | Stage::Verifying
        | Stage::SubSteps => false,
    }
}

/// Most records of a long night are of kinds that turn no step; they are not worth a look at all steps.
const fn can_turn(fact: &Fact) -> bool {
    !matches!(
        fact,
        Fact::RuleChanged { .. }
            | Fact::Attached { .. }
            | Fact::Detached { .. }
            | Fact::NoteAdded { .. }
            | Fact::StatementSigned(_)
            | Fact::Refused { .. }
            | Fact::Silence(_)
            | Fact::Alert(_)
            | Fact::WriteAsked { .. }
            | Fact::WriteEnded { .. }
    )
}
