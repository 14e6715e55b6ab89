//! A rollout that goes by itself. That somebody has said so, and that nothing has ended it since, holds in the fold too.

use super::rollout::entry;
use super::{Mark, Why};
use crate::domain::fact::{Actor, Fact, Halt};
use crate::domain::id::StepId;
use crate::domain::state::{Halted, RunOn, State};

pub(super) fn said(state: &mut State, phase: usize, mark: Mark<'_>) -> Result<(), Why> {
    if matches!(mark.actor, Actor::Engine) {
        return Err("nobody said it");
    }
    if state.runs_on().is_some() {
        return Err("it goes by itself already");
    }
    if state.halt(phase).is_some() {
        return Err("what ends it is there already");
    }
    let now = entry(state, phase);
    now.halted = None;
    now.run_on = Some(Box::new(RunOn {
        by: mark.actor.clone(),
        since: mark.at,
        ends: None,
    }));
    Ok(())
}

pub(super) fn ended(
    state: &mut State,
    phase: usize,
    halt: &Halt,
    mark: Mark<'_>,
) -> Result<(), Why> {
    let run_on = state.rollout(phase).run_on.as_deref();
    let run_on = run_on.ok_or("it does not go by itself")?;
    let is_right = match (mark.actor, &run_on.ends) {
        (Actor::Engine, Some(ends)) => ends == halt,
        (Actor::Engine, None) => halt.is_outside(),
        (Actor::Person { .. } | Actor::Account { .. }, _) => *halt == Halt::Word,
    };
    if !is_right {
        return Err("that did not end it");
    }
    let now = entry(state, phase);
    now.run_on = None;
    now.halted = Some(Box::new(Halted {
        why: halt.clone(),
        by: mark.actor.to_string(),
        at: mark.at,
    }));
    Ok(())
}

/// The session itself begins something of a rollout only while that goes by itself.
pub(super) fn may_begin(state: &State, phase: usize, mark: Mark<'_>) -> Result<(), Why> {
    if !matches!(mark.actor, Actor::Engine) {
        return Ok(());
    }
    let goes = state.runs_on();
    let goes = goes.filter(|(of, run_on)| *of == phase && run_on.ends.is_none());
    goes.map(|_| ())
        .ok_or("nobody has said that it goes by itself")
}

/// Who watches over a step that begins by itself: whoever said that it does. Nobody in particular for one that a person
/// starts.
pub(super) fn begins(state: &State, step: &StepId, mark: Mark<'_>) -> Result<Option<String>, Why> {
    if !matches!(mark.actor, Actor::Engine) {
        return Ok(None);
    }
    let view = state.find(step).ok_or("the plan has no such step")?;
    may_begin(state, view.plan.phase, mark)?;
    if view.plan.switch {
        return Err("a switch is moved by a person");
    }
    Ok(state.runs_on().map(|(_, run_on)| run_on.by.to_string()))
}

/// Keeps what ends the word, the first of all: what comes to good again does not begin it anew.
pub(super) fn follow(state: &mut State, fact: &Fact) {
    let Some((phase, run_on)) = state.runs_on() else {
        return;
    };
    if run_on.ends.is_some() {
        return;
    }
    let ends = match fact {
        // What was in flight is not known, and who is there is not either.
        Fact::SessionResumed { .. } => Some(Halt::Restart),
        _ => state.halt(phase),
    };
    if let Some(run_on) = entry(state, phase).run_on.as_mut() {
        run_on.ends = ends;
    }
}
