//! How far the maintenance is: counts, phases, the current step.

use crate::domain::readiness::StepView;
use crate::domain::state::{Phase, State, StepStatus};

/// Counts of steps that have something to do themselves; parents that only group others are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub total: usize,
    /// Done.
    pub done: usize,
    /// Left out.
    pub skipped: usize,
    /// Failed, or their way back failed.
    pub failed: usize,
    /// Outcome not known.
    pub unknown: usize,
    /// Under way.
    pub active: usize,
    /// Undone.
    pub undone: usize,
}

impl Counts {
    /// Steps that no longer stand in the way.
    pub const fn passed(&self) -> usize {
        self.done.saturating_add(self.skipped)
    }

    fn add(&mut self, status: &StepStatus) {
        let count = match status {
            StepStatus::Pending => None,
            StepStatus::Active { .. } | StepStatus::Undoing => Some(&mut self.active),
            StepStatus::Done { .. } => Some(&mut self.done),
            StepStatus::Skipped { .. } => Some(&mut self.skipped),
            StepStatus::Failed { .. } | StepStatus::UndoFailed { .. } => Some(&mut self.failed),
            StepStatus::Unknown => Some(&mut self.unknown),
            StepStatus::Undone => Some(&mut self.undone),
        };
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
        self.total = self.total.saturating_add(1);
    }
}

/// How far everything is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Forward steps.
    pub forward: Counts,
    /// Back-out steps.
    pub back_out: Counts,
    /// One for each phase of the plan, same order.
    pub phases: Vec<Counts>,
    /// Place in the plan of the step that is under way, or comes next.
    pub current: Option<usize>,
    /// Steps a rollback still has to undo.
    pub to_undo: usize,
}

/// Counts everything.
pub fn progress(state: &State) -> Progress {
    let mut progress = Progress {
        forward: Counts::default(),
        back_out: Counts::default(),
        phases: vec![Counts::default(); state.plan().phases.len()],
        current: current(state).map(|v| v.index),
        to_undo: state.undo_stack.len(),
    };
    for view in state.views() {
        if !view.plan.has_own_work() && state.has_sub_steps(view.index) {
            continue;
        }
        let side = if state.is_back_out(view.plan) {
            &mut progress.back_out
        } else {
            &mut progress.forward
        };
        side.add(&view.now.status);
        if let Some(phase) = progress.phases.get_mut(view.plan.phase) {
            phase.add(&view.now.status);
        }
    }
    progress
}

/// The step people look at: the one under way, unknown, to be undone, or next.
pub fn current(state: &State) -> Option<StepView<'_>> {
    if state.phase.is_final() {
        return None;
    }
    let undo = || {
        let step = state.undo_stack.last()?;
        state.find(step)
    };
    let first = || match state.phase {
        // Before the beginning the first step of the plan is what comes next.
        Phase::Briefing => state.views().find(|v| !state.is_back_out(v.plan)),
        _ => state.first_open(),
    };
    state
        .under_way()
        .or_else(|| state.unknown())
        .or_else(undo)
        .or_else(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Command;
    use crate::domain::fixture::{Room, id, rollback, skip};

    #[test]
    fn groups_are_not_counted_and_the_current_step_is_the_one_people_look_at() {
        let mut room = Room::new();
        let at = |room: &Room| current(&room.state).map(|v| v.plan.id.clone());
        assert_eq!(at(&room), Some(id("look")));
        room.must("ann", Command::Begin);
        room.must("ann", skip("look"));
        assert_eq!(at(&room), Some(id("backup")));
        let now = progress(&room.state);
        assert_eq!((now.forward.total, now.forward.passed()), (6, 1));
        assert_eq!((now.back_out.total, now.phases.len()), (1, 3));
        assert_eq!(now.phases[0].skipped, 1);
    }

    #[test]
    fn in_a_rollback_the_step_to_undo_comes_first() {
        let mut room = Room::at_drain();
        room.must("ann", rollback());
        let view = current(&room.state).expect("there is one");
        assert_eq!(view.plan.id, id("backup"));
        assert_eq!(progress(&room.state).to_undo, 1);
    }
}
