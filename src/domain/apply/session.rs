//! Facts of the session as a whole.

use super::{Mark, Why, effect};
use crate::domain::fact::{Actor, Fact, HoldCause};
use crate::domain::runbook::plan::RETRY_PAUSE;
use crate::domain::state::{Hold, Phase, RuleState, State, StepStatus, Terminal};

pub(super) fn transition(state: &mut State, fact: &Fact, mark: Mark<'_>) -> Result<(), Why> {
    match fact {
        Fact::SessionOpened(_) => return Err("a session is opened once"),
        Fact::SessionResumed { .. } => resume(state, mark),
        Fact::Attached {
            terminal,
            read_only,
        } => {
            let actor = mark.actor.clone();
            // Who may only look could neither go nor stop anything: that is no presence.
            if let Some(person) = actor.person().filter(|_| !read_only) {
                state.absent_since.remove(person);
            }
            let (read_only, since) = (*read_only, mark.at);
            state.terminals.insert(
                *terminal,
                Terminal {
                    actor,
                    read_only,
                    since,
                },
            );
        }
        Fact::Detached { terminal } => {
            let gone = state.terminals.remove(terminal);
            leave(state, gone.ok_or("no such terminal is attached")?, mark);
        }
        Fact::RuleChanged {
            rule,
            verdict,
            quote,
        } => {
            let (verdict, quote, since) = (*verdict, quote.clone(), mark.at);
            state.rules.insert(
                rule.clone(),
                RuleState {
                    verdict,
                    quote,
                    since,
                },
            );
        }
        Fact::NoteAdded { .. } => state.notes = state.notes.saturating_add(1),
        Fact::SessionClosed { .. } => state.open = false,
        Fact::JournalRecovered { .. } | Fact::IdentityConflict { .. } | Fact::Refused { .. } => {}
        _ => return course(state, fact, mark),
    }
    Ok(())
}

/// A new server knows none of the old one's terminals.
fn resume(state: &mut State, mark: Mark<'_>) {
    state.open = true;
    // Which host it runs on is judged anew by the server that took it up.
    state.holds.retain(|hold| !hold.cause.holds_all());
    begin_spans_anew(state, mark);
    for terminal in std::mem::take(&mut state.terminals).into_values() {
        leave(state, terminal, mark);
    }
}

/// The boot clock of a new server may be that of another boot: the two are never compared. Nobody watched or tried
/// anything in between, so what is waited for begins anew; an absence goes on by the wall clock.
fn begin_spans_anew(state: &mut State, mark: Mark<'_>) {
    for step in &mut state.steps {
        step.gate_since = step.gate_since.map(|_| mark.at);
        step.not_before = step.not_before.map(|_| mark.at.plus(RETRY_PAUSE));
        effect::begin_anew(step, mark.at);
    }
    // A motion still ends by the wall clock, which its two people have read.
    if let Some(open) = &mut state.motions.open {
        open.made.mono_ms = mark.at.mono_ms;
    }
    for since in state.absent_since.values_mut() {
        since.mono_ms = mark.at.mono_ms;
    }
}

fn leave(state: &mut State, gone: Terminal, mark: Mark<'_>) {
    let Actor::Person { id, .. } = gone.actor else {
        return;
    };
    if state.is_present(&id) {
        return;
    }
    let since = state.absent_since.entry(id).or_insert(mark.at);
    // A terminal that could only look does not begin an absence anew.
    if !gone.read_only {
        *since = mark.at;
    }
}

/// Facts that change where the maintenance stands.
fn course(state: &mut State, fact: &Fact, mark: Mark<'_>) -> Result<(), Why> {
    match (fact, state.phase) {
        (Fact::Begun, Phase::Briefing) => begin(state, mark),
        (Fact::Held(cause), Phase::Running | Phase::RollingBack) => hold(state, cause, mark),
        (Fact::Held(cause), Phase::Briefing) if cause.holds_all() => hold(state, cause, mark),
        (Fact::Released { .. }, _) if state.is_held() => {
            state.holds.clear();
            // Nothing was looked at meanwhile.
            for effect in state.steps.iter_mut().filter_map(|s| s.effect.as_mut()) {
                effect.looking = effect.looking.map(|_| mark.at);
            }
        }
        (Fact::RollbackStarted { reason }, Phase::Running) => {
            state.forget_acts_unless(mark.actor);
            roll_back(state, reason);
        }
        (Fact::RolledBack, Phase::RollingBack) if state.undo_stack.is_empty() => {
            end(state, Phase::RolledBack, mark);
        }
        (Fact::Completed, Phase::Running) if state.first_open().is_none() => {
            end(state, Phase::Completed, mark);
        }
        (Fact::Aborted { reason }, phase) if !phase.is_final() => {
            state.end_reason.clone_from(reason);
            end(state, Phase::Aborted, mark);
        }
        _ => return Err("it does not fit where the maintenance stands"),
    }
    Ok(())
}

fn hold(state: &mut State, cause: &HoldCause, mark: Mark<'_>) {
    // A guard that comes and goes while it holds adds nothing; each word of a person is one.
    let is_there = state.holds.iter().any(|hold| hold.cause == *cause);
    if is_there && !matches!(cause, HoldCause::Person { .. }) {
        return;
    }
    state.holds.push(Hold {
        cause: cause.clone(),
        by: mark.actor.to_string(),
        since: mark.at,
    });
}

/// What a person has ticked in the document is taken as done; blocks are never taken as run.
fn begin(state: &mut State, mark: Mark<'_>) {
    state.phase = Phase::Running;
    state.begun = Some(mark.at);
    let ticked: Vec<usize> = state
        .views()
        .filter(|v| v.plan.ticked && !v.plan.has_own_work() && !state.is_back_out(v.plan))
        .filter(|v| !state.has_sub_steps(v.index))
        .map(|v| v.index)
        .collect();
    for index in ticked {
        if let Some(step) = state.steps.get_mut(index) {
            let warning = String::new();
            step.status = StepStatus::Done { warning };
            "ticked in the runbook".clone_into(&mut step.note);
            step.ended = Some(mark.at);
        }
    }
}

/// Holds are for going forward, so they end here; all but one that says commands would run in the wrong place. Undone is what was touched, later steps
/// first: later by the plan, and by when they ran once that order is not the plan's any more.
fn roll_back(state: &mut State, reason: &str) {
    state.phase = Phase::RollingBack;
    reason.clone_into(&mut state.end_reason);
    state.holds.retain(|hold| hold.cause.holds_all());
    let touched = state.views();
    let mut touched: Vec<_> = touched
        .filter(|v| v.now.touched && v.plan.undo.is_some() && !state.is_back_out(v.plan))
        .collect();
    if state.amendments().next().is_some() {
        touched.sort_by_key(|v| v.now.ran_at);
    }
    state.undo_stack = touched.into_iter().map(|v| v.plan.id.clone()).collect();
}

fn end(state: &mut State, phase: Phase, mark: Mark<'_>) {
    state.phase = phase;
    state.ended = Some(mark.at);
    state.holds.clear();
    // Nothing is undone any more, so nobody has to say how that ended.
    for step in &mut state.steps {
        (step.agreed, step.back) = (None, None);
    }
}
