//! Progress of steps: the next block, another try, the end.

use super::{GateView, effect};
use crate::domain::decide::no_output;
use crate::domain::fact::{Fact, Outcome};
use crate::domain::readiness::{Next, StepView};
use crate::domain::runbook::plan::{ExecBlock, ExecRole, OnExecutorLost};
use crate::domain::silences;
use crate::domain::state::{Phase, Running, Stage, State, StepStatus};
use crate::domain::time::Moment;
use crate::domain::world::World;

/// Steps that are under way where nothing goes forward any more, and commands whose executor dropped out.
pub(super) fn interrupt(state: &State, now: Moment) -> Option<Vec<Fact>> {
    for view in state.views() {
        let step = view.plan.id.clone();
        match &view.now.running {
            Some(running) if !running.key.has_process() && running.stop_asked => {
                return Some(vec![Fact::ExecOutcome {
                    key: running.key.clone(),
                    outcome: Outcome::Stopped,
                    output: no_output(),
                }]);
            }
            Some(running) if executor_lost(state, running, now) => {
                return Some(vec![Fact::StopAsked { step }]);
            }
            None if view.now.is_active() && !state.is_in_play(view.plan) => {
                let why = match state.phase {
                    Phase::RollingBack => "interrupted by the rollback",
                    _ => "interrupted: the maintenance ended",
                };
                let why = why.to_owned();
                return Some(vec![Fact::StepFailed { step, why }]);
            }
            _ => {}
        }
    }
    None
}

/// Whoever watches it has been away for too long, and the plan says that it ends then.
fn executor_lost(state: &State, running: &Running, now: Moment) -> bool {
    let lost = state.lost_watcher().filter(|_| !running.stop_asked);
    lost.is_some_and(|(view, person, _)| {
        let ends = view.plan.on_executor_lost == OnExecutorLost::Terminate;
        ends && view.now.running.as_ref() == Some(running) && state.is_away(&person, now)
    })
}

/// The one step under way, one bit further.
pub(super) fn go_on(
    state: &State,
    now: Moment,
    world: &World,
    gates: &GateView,
) -> Option<Vec<Fact>> {
    let view = state.under_way()?;
    if state.running().is_some() {
        return None;
    }
    match view.now.stage()? {
        Stage::Gated => gate(state, view, gates),
        Stage::Effect => effect::come(state, view, now, world),
        Stage::Between if view.now.tries > 0 => again(view, now, state.moved().is_some()),
        Stage::Between => next(state, view, now, world),
        Stage::NeedsProposal
        | Stage::AwaitingSecond
        | Stage::Armed
        | Stage::Checking
        | Stage::Running
        | Stage::Verifying
        | Stage::SubSteps => None,
    }
}

fn gate(state: &State, view: StepView<'_>, gates: &GateView) -> Option<Vec<Fact>> {
    let Next::Gate(gate) = view.next() else {
        return None;
    };
    let now = gates.gate.as_ref().filter(|g| g.rule == gate.id)?;
    let (step, block) = (view.plan.id.clone(), view.now.next_block);
    if state.is_held() {
        // What is true now may not be when the hold ends.
        None
    } else if now.is_open {
        let quote = now.quote.clone();
        Some(vec![Fact::GateOpened { step, block, quote }])
    } else if now.is_timed_out {
        let why = format!("gate `{}` did not open in time", gate.id);
        let failed = Fact::StepFailed {
            step: step.clone(),
            why,
        };
        Some(vec![Fact::GateTimedOut { step, block }, failed])
    } else {
        None
    }
}

/// After a command that ended badly: another try of a `verify`, or the end of the attempt.
fn again(view: StepView<'_>, now: Moment, is_moved: bool) -> Option<Vec<Fact>> {
    let step = view.plan.id.clone();
    let last = view.now.finished.last();
    if let (Next::Exec(exec), Some(due)) = (view.next(), view.now.not_before) {
        let is_due = (now.mono_ms >= due.mono_ms || now.wall >= due.wall) && !is_moved;
        return is_due.then(|| intent(view, exec));
    }
    let role = last.map_or("command", |f| f.role.as_str());
    let end = view.now.last_end().unwrap_or_else(|| "ended".to_owned());
    let why = format!("{role}: {end}");
    Some(vec![Fact::StepFailed { step, why }])
}

fn next(state: &State, view: StepView<'_>, now: Moment, world: &World) -> Option<Vec<Fact>> {
    let step = view.plan.id.clone();
    match view.next() {
        Next::Exec(exec) => {
            let goes = match exec.role {
                ExecRole::Verify => state.moved().is_none(),
                _ => !state.is_held() && !silences::waits(state, view, now.wall),
            };
            let intent = goes.then(|| intent(view, exec))?;
            match exec.role {
                ExecRole::Run => effect::run(view, now, world, intent),
                _ => Some(intent),
            }
        }
        Next::End if state.has_sub_steps(view.index) => Some(vec![Fact::StepDescended { step }]),
        Next::End => {
            let warning = warning(view);
            let note = view.now.note.clone();
            Some(vec![Fact::StepDone {
                step,
                warning,
                note,
            }])
        }
        Next::Gate(_) | Next::Effect | Next::Confirmed(_) | Next::HandWork => None,
    }
}

fn intent(view: StepView<'_>, exec: &ExecBlock) -> Vec<Fact> {
    vec![Fact::ExecIntent {
        key: view.next_key(),
        role: exec.role,
        nonce: None,
    }]
}

/// What went wrong in this attempt without failing it.
fn warning(view: StepView<'_>) -> String {
    let ours = view.now.finished.iter();
    let ours = ours.filter(|f| f.key.attempt == view.now.attempt);
    let mut found = Vec::new();
    for output in ours.filter_map(|f| f.output.as_ref()) {
        if output.left_behind > 0 {
            found.push(format!(
                "{} left-behind processes killed",
                output.left_behind
            ));
        }
        if !output.values_error.is_empty() {
            found.push(output.values_error.clone());
        }
    }
    found.join("; ")
}

/// Parents whose sub-steps are all passed. One that has gone down to them waits for nothing else, so it is done too when an
/// amendment has taken away every one.
pub(super) fn parents(state: &State) -> Option<Vec<Fact>> {
    let done = state.views().find(|v| {
        let has_descended = v.now.stage() == Some(Stage::SubSteps);
        let open = has_descended
            || (v.now.status == StepStatus::Pending
                && !v.plan.has_own_work()
                && state.has_sub_steps(v.index));
        let is_passed = |s: StepView<'_>| s.now.status.is_passed();
        open && state.is_in_play(v.plan) && state.sub_steps(v.index).all(is_passed)
    })?;
    Some(vec![Fact::StepDone {
        step: done.plan.id.clone(),
        warning: String::new(),
        note: String::new(),
    }])
}
