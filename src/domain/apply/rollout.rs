//! Facts of rollouts. What lets a unit begin holds in the fold too, not only where it is decided.

use super::step::skip;
use super::{Mark, Why, run_on};
use crate::domain::fact::{Actor, Fact, Quote, RolloutEvent, RolloutNews};
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
        RolloutEvent::WaitEnded {
            batch,
            reason,
            quote,
        } => {
            ended(state, (phase, *batch), (reason, quote.as_ref()), mark)?;
            entry(state, phase).opened = *batch;
            Ok(())
        }
        RolloutEvent::WentOn { failed, reason } => {
            if reason.is_empty() || *mark.actor == Actor::Engine {
                return Err("only a person goes on after failures, and says why");
            }
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
    // A unit begins with its first step, and that is the next one of all.
    let next = state.first_open().map(|view| view.plan);
    let is_next = next.is_some_and(|plan| {
        let unit = plan.unit.as_ref();
        plan.phase == phase && unit.is_some_and(|unit| unit.component == component)
    });
    if !is_next || state.under_way().is_some() {
        return Err("something else comes before it");
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

/// The end of a wait: of itself when its time is over and the canary was as good as it must be, or by a person's word.
fn ended(
    state: &State,
    (phase, batch): (usize, u32),
    (reason, quote): (&str, Option<&Quote>),
    mark: Mark<'_>,
) -> Result<(), Why> {
    let (ends, since, span, is_judged) = match state.rollout_wait(phase) {
        Some(Wait::Pause { batch, since, span }) => (batch, since, span, false),
        Some(Wait::Soak {
            since,
            span,
            compare,
        }) => (state.batch_behind(phase), since, span, compare.is_some()),
        Some(Wait::Stopped { .. }) | None => return Err("nothing waits behind a batch"),
    };
    if ends != batch {
        return Err("another batch is waited behind");
    }
    match (mark.actor, reason) {
        (Actor::Engine, "") => {}
        (Actor::Engine, _) => return Err("nothing ends by itself for a reason of people"),
        (_, "") => return Err("a person who ends a wait says why"),
        _ => return Ok(()),
    }
    if state.current_phase() != Some(phase) {
        return Err("another phase is worked on");
    }
    if state.is_held() {
        return Err("no wait ends while the session is held");
    }
    if !mark.at.has_passed(since, span) {
        return Err("its time is not over");
    }
    if is_judged && quote.is_none() {
        return Err("nothing says that the canary was as good as it must be");
    }
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
    if reason.is_empty() {
        return Err("nobody said why");
    }
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
