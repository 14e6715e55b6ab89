//! Facts of rollouts. What lets a unit begin holds in the fold too, not only where it is decided.

use super::step::skip;
use super::{Mark, Why, run_on};
use crate::domain::fact::{Fact, Quote, RolloutEvent, RolloutNews};
use crate::domain::id::StepId;
use crate::domain::rollout::{Wait, floor};
use crate::domain::state::{Phase, RolloutState, State, StepStatus};

pub(super) fn transition(state: &mut State, fact: &RolloutNews, mark: Mark<'_>) -> Result<(), Why> {
    let phase = fact.phase;
    state
        .plan()
        .rollout_of(phase)
        .ok_or("its phase is no rollout")?;
    match &fact.event {
        RolloutEvent::UnitBegun { component, floor } => {
            run_on::may_begin(state, phase, mark)?;
            begun(state, phase, component, floor.as_ref())
        }
        RolloutEvent::UnitSkipped { component, reason } => {
            skipped(state, phase, component, reason, mark)
        }
        RolloutEvent::WaitEnded { batch, .. } => {
            let ends = match state.rollout_wait(phase) {
                Some(Wait::Pause { batch: behind, .. }) => behind,
                Some(Wait::Soak { .. }) => state.batch_behind(phase),
                Some(Wait::Stopped { .. }) | None => return Err("nothing waits behind a batch"),
            };
            if ends != *batch {
                return Err("another batch is waited behind");
            }
            entry(state, phase).opened = *batch;
            Ok(())
        }
        RolloutEvent::WentOn { failed, .. } => {
            match state.rollout_wait(phase) {
                Some(Wait::Stopped { failed: found, .. }) if found == *failed => {}
                _ => return Err("it is not stopped by so many failed units"),
            }
            entry(state, phase).allowed = *failed;
            Ok(())
        }
        RolloutEvent::RunsOn => run_on::said(state, phase, mark),
        RolloutEvent::RunsOnEnded { halt } => run_on::ended(state, phase, halt, mark),
        RolloutEvent::SwitchBack { step, .. } => {
            let armed = state.armed_switch();
            armed
                .filter(|view| &view.plan.id == step && view.plan.phase == phase)
                .ok_or("no such switch can be taken back")?;
            entry(state, phase).switch_back = Some(step.clone());
            Ok(())
        }
    }
}

pub(super) fn entry(state: &mut State, phase: usize) -> &mut RolloutState {
    state.rollouts.entry(phase).or_default()
}

fn begun(
    state: &mut State,
    phase: usize,
    component: &str,
    seen: Option<&Quote>,
) -> Result<(), Why> {
    if state.phase == Phase::Running && state.is_held() {
        return Err("nothing goes forward");
    }
    if state.rollout_wait(phase).is_some() {
        return Err("the rollout waits");
    }
    let units = state.units(phase);
    let unit = units.iter().find(|unit| unit.unit.component == component);
    if unit.ok_or("the phase has no such unit")?.is_begun {
        return Err("it has begun already");
    }
    let rollout = state.plan().rollout_of(phase);
    if let Some(limit) = rollout.and_then(|rollout| rollout.floor.as_ref()) {
        let seen = seen.cloned().map(Ok);
        if floor::obstacle(limit, seen.as_ref(), None).is_some() {
            return Err("the floor does not hold without it");
        }
    }
    let begun = &mut entry(state, phase).begun;
    begun.insert(component.to_owned(), seen.cloned());
    Ok(())
}

fn skipped(
    state: &mut State,
    phase: usize,
    component: &str,
    reason: &str,
    mark: Mark<'_>,
) -> Result<(), Why> {
    let units = state.units(phase);
    let unit = units.iter().find(|unit| unit.unit.component == component);
    let unit = unit.ok_or("the phase has no such unit")?;
    if unit.is_passed() {
        return Err("nothing of it is left to do");
    }
    let is_busy = unit.steps.iter().any(|step| {
        step.now.running.is_some()
            || matches!(step.now.status, StepStatus::Unknown | StepStatus::Undoing)
    });
    if is_busy {
        return Err("one of its steps runs, or nobody knows how it ended");
    }
    let steps: Vec<StepId> = unit.steps.iter().map(|step| step.plan.id.clone()).collect();
    for step in steps {
        // A step with sub-steps takes those along that it can.
        let is_open = state
            .find(&step)
            .is_some_and(|view| !view.now.status.is_passed());
        if is_open {
            skip(state, &step, reason, mark)?;
        }
    }
    entry(state, phase).left_out.insert(component.to_owned());
    Ok(())
}

/// A unit that is worked on again is not left out any more.
pub(super) fn take_up(state: &mut State, step: &StepId) {
    let Some((phase, component)) = state.find(step).and_then(|view| {
        let unit = view.plan.unit.as_ref()?;
        Some((view.plan.phase, unit.component.clone()))
    }) else {
        return;
    };
    if let Some(rollout) = state.rollouts.get_mut(&phase) {
        rollout.left_out.remove(&component);
    }
}

/// The switch has been taken back, or people have decided otherwise.
pub(super) fn switched(state: &mut State, step: &StepId) {
    for rollout in state.rollouts.values_mut() {
        rollout.switch_back.take_if(|switch| switch == step);
    }
}

/// Steps of a unit that has not begun do not start: its floor was not asked.
pub(super) fn may_start(state: &State, step: &StepId) -> Result<(), Why> {
    let Some(view) = state.find(step) else {
        return Ok(());
    };
    let is_good = view.plan.unit.as_ref().is_none_or(|unit| {
        let begun = &state.rollout(view.plan.phase).begun;
        begun.contains_key(&unit.component)
    });
    if is_good {
        Ok(())
    } else {
        Err("its unit has not begun")
    }
}

/// Keeps since when each rollout waits; a new server begins a wait anew, since two boot clocks are never compared.
pub(super) fn follow(state: &mut State, fact: &Fact, mark: Mark<'_>) {
    let phases: Vec<usize> = state.plan().rollouts().map(|(phase, _)| phase).collect();
    for phase in phases {
        let waits = matches!(
            state.rollout_wait(phase),
            Some(Wait::Pause { .. } | Wait::Soak { .. })
        );
        let is_new = matches!(fact, Fact::SessionResumed { .. });
        let since = state.rollout(phase).waits_since;
        let since = if waits {
            since.filter(|_| !is_new).or(Some(mark.at))
        } else {
            None
        };
        if state.rollout(phase).waits_since != since {
            entry(state, phase).waits_since = since;
        }
    }
    run_on::follow(state, fact);
}
