//! A rollout that goes by itself: what it begins next, what it waits for, and what ends it.
//!
//! A person says so, for one phase. Each step is judged as if they started it at that moment, and beyond that nothing begins
//! that nobody looks at: with a guard that is not known to be good, on a floor older than the last step, with nobody
//! attached who could stop it, or while whoever said so is away.

use super::Wait;
use super::floor::{self, Seen};
use crate::domain::fact::Halt;
use crate::domain::readiness::{Readiness, StepView};
use crate::domain::runbook::plan::Floor;
use crate::domain::state::{Phase, RunOn, State, StepStatus};
use crate::domain::threshold::Verdict;
use crate::domain::time::Moment;

impl State {
    /// The rollout that goes by itself, with the place of its phase: there is never more than one.
    pub fn runs_on(&self) -> Option<(usize, &RunOn)> {
        let mut rollouts = self.rollouts.iter();
        rollouts.find_map(|(phase, rollout)| Some((*phase, rollout.run_on.as_deref()?)))
    }

    /// What ends the word that a rollout goes by itself, or keeps it from being said, as far as the journal tells.
    pub fn halt(&self, phase: usize) -> Option<Halt> {
        if self.phase != Phase::Running || self.switching_back().is_some() {
            return Some(Halt::Back);
        }
        if let Some(halt) = self.bad_step(phase) {
            return Some(halt);
        }
        if self.is_held() {
            return Some(Halt::Held);
        }
        let mut guards = self.guards();
        let breached = guards.find(|(rule, verdict)| !rule.dry_run && *verdict == Verdict::Fail);
        if let Some((rule, _)) = breached {
            let rule = rule.id.clone();
            return Some(Halt::Breach { rule });
        }
        if let Some(Wait::Stopped { failed, allowed }) = self.rollout_wait(phase) {
            return Some(Halt::TooMany { failed, allowed });
        }
        match self.current_phase() {
            Some(open) if open == phase => None,
            Some(open) if open < phase => Some(Halt::Elsewhere),
            // Phases are worked on in their order.
            Some(_) | None => Some(Halt::Done),
        }
    }

    fn bad_step(&self, phase: usize) -> Option<Halt> {
        let steps = self.plan().steps_of(phase);
        let mut views = steps.filter_map(|(index, _)| self.view(index));
        views.find_map(|view| {
            let step = view.plan.id.clone();
            match view.now.status {
                StepStatus::Failed { .. } | StepStatus::UndoFailed { .. } => {
                    Some(Halt::Failed { step })
                }
                StepStatus::Unknown => Some(Halt::Unknown { step }),
                StepStatus::Undoing | StepStatus::Undone => Some(Halt::Back),
                _ => None,
            }
        })
    }

    /// The step that a rollout which goes by itself begins next; nothing while something is under way, or before work that
    /// a person begins: by hand, or a switch, which moves all the traffic at once.
    pub fn next_by_itself(&self) -> Option<StepView<'_>> {
        let (phase, run_on) = self.runs_on()?;
        let view = self.first_open().filter(|view| {
            view.plan.phase == phase && !view.plan.switch && run_on.ends.is_none()
        })?;
        (self.readiness(view.index) == Readiness::Ready).then_some(view)
    }

    /// The floor that a step is asked for before it starts: until something of its unit is done.
    pub fn asks_floor(&self, view: StepView<'_>) -> Option<&Floor> {
        let unit = view.plan.unit.as_ref()?;
        let rollout = self.plan().rollout_of(view.plan.phase)?;
        let floor = rollout.floor.as_ref()?;
        let mut steps = self.plan().steps_of(view.plan.phase);
        let has_done = steps.any(|(index, step)| {
            let is_done = |view: StepView<'_>| matches!(view.now.status, StepStatus::Done { .. });
            step.unit
                .as_ref()
                .is_some_and(|other| other.component == unit.component)
                && self.view(index).is_some_and(is_done)
        });
        (!has_done).then_some(floor)
    }
}

/// Why a step that is ready does not begin by itself yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// Why.
    pub why: String,
    /// The next measurement ends it, as behind every unit; else something is not as it should be.
    pub is_usual: bool,
}

/// What a step that is ready waits for before it begins by itself. `seen`: what its floor says now, where it is asked for one.
pub fn waits(state: &State, view: StepView<'_>, seen: Option<&Seen>, now: Moment) -> Option<Waits> {
    let unwell = |why| Waits {
        why,
        is_usual: false,
    };
    if let Some(why) = unwatched(state, now) {
        return Some(unwell(why));
    }
    if let Some((guard, _)) = state.bad_guard() {
        let why = format!("guard `{}` is not known to be good", guard.title);
        return Some(unwell(why));
    }
    let floor = state.asks_floor(view)?;
    let unit = view.plan.unit.as_ref()?;
    let begun = state.rollout(view.plan.phase).begun.get(&unit.component);
    if let Some(why) = floor::obstacle(floor, seen, begun.and_then(Option::as_ref)) {
        return Some(unwell(why));
    }
    // A person looks before the next unit. Without one, what was measured before the last step ended says nothing of it.
    let ended = state.views().filter_map(|view| view.now.ended);
    let last = ended.map(|ended| ended.wall).max()?;
    let seen = seen.and_then(|seen| seen.as_ref().ok())?;
    (seen.sample.at <= last).then(|| Waits {
        why: "the floor is measured anew first".to_owned(),
        is_usual: true,
    })
}

/// Why nobody would stop what begins now.
fn unwatched(state: &State, now: Moment) -> Option<String> {
    if !state.terminals.values().any(|terminal| !terminal.read_only) {
        return Some("nobody is attached who could stop it".to_owned());
    }
    // They watch over what begins: what is to end with its watcher would be begun to be stopped at once.
    let (_, run_on) = state.runs_on()?;
    let by = &run_on.by;
    let is_away = by.person().map_or_else(
        // Nobody counts how long an account without a person is away: it is there or not.
        || {
            let mut all = state.terminals.values();
            !all.any(|terminal| !terminal.read_only && terminal.actor == *by)
        },
        |person| state.is_away(person, now),
    );
    is_away.then(|| format!("`{by}`, who said so, is away"))
}

#[cfg(test)]
mod tests;
