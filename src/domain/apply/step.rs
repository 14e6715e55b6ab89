//! Facts of a step apart from its commands.

use super::{Mark, Why, effect, rollout, run_on};
use crate::domain::fact::{Actor, Fact};
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::readiness::Next;
use crate::domain::state::{Phase, Stage, State, StepState, StepStatus};

pub(super) fn transition(state: &mut State, fact: &Fact, mark: Mark<'_>) -> Result<(), Why> {
    match fact {
        Fact::StepStarted { step, attempt } => start(state, step, *attempt, mark),
        Fact::GateOpened { step, block, .. } => {
            let now = gated(state, step, *block)?;
            now.next_block = now.next_block.saturating_add(1);
            now.gate_since = None;
            enter_next(state, step, mark)
        }
        Fact::GateTimedOut { step, block } => gated(state, step, *block).map(|_| ()),
        Fact::StepDescended { step } => {
            let now = state.step_mut(step)?;
            if now.stage() != Some(Stage::Between) || now.running.is_some() {
                return Err("its own work is not done");
            }
            now.status = StepStatus::Active {
                stage: Stage::SubSteps,
            };
            Ok(())
        }
        Fact::StepDone {
            step,
            warning,
            note,
        } => done(state, step, warning, note, mark),
        Fact::StepFailed { step, why } => {
            let now = idle(state, step)?;
            if !now.is_active() {
                return Err("it is not under way");
            }
            finish(now, StepStatus::Failed { why: why.clone() }, mark);
            Ok(())
        }
        Fact::StepSkipped { step, reason } => skip(state, step, reason, mark),
        Fact::StepRetried { step } => retry(state, step),
        Fact::StepUndone { step } => undone(state, step, StepStatus::Undone, mark),
        Fact::UndoFailed { step, why } => undone(
            state,
            step,
            StepStatus::UndoFailed { why: why.clone() },
            mark,
        ),
        _ => Err("it is not a fact of a step"),
    }
}

/// A step that no command of runs.
fn idle<'a>(state: &'a mut State, step: &StepId) -> Result<&'a mut StepState, Why> {
    let now = state.step_mut(step)?;
    if now.running.is_some() {
        return Err("its command still runs");
    }
    Ok(now)
}

fn gated<'a>(state: &'a mut State, step: &StepId, block: u16) -> Result<&'a mut StepState, Why> {
    let now = state.step_mut(step)?;
    if now.stage() != Some(Stage::Gated) || now.next_block != block {
        return Err("it does not wait for that gate");
    }
    Ok(now)
}

fn start(state: &mut State, step: &StepId, attempt: AttemptNo, mark: Mark<'_>) -> Result<(), Why> {
    let view = state.find(step).ok_or("the plan has no such step")?;
    if !state.is_in_play(view.plan) || state.is_held() {
        return Err("nothing goes forward");
    }
    rollout::may_start(state, step)?;
    let watcher = run_on::begins(state, step, mark)?;
    let now = state.step_mut(step)?;
    if now.status != StepStatus::Pending || attempt <= now.attempt {
        return Err("it was started already");
    }
    now.attempt = attempt;
    now.next_block = 0;
    now.worked = false;
    now.effect = None;
    now.started = Some(mark.at);
    now.ended = None;
    now.note.clear();
    sign(now, mark);
    if let Some(watcher) = watcher {
        now.by = watcher;
    }
    enter_next(state, step, mark)
}

/// The part of the step that comes next decides what it waits for.
pub(super) fn enter_next(state: &mut State, step: &StepId, mark: Mark<'_>) -> Result<(), Why> {
    let view = state.find(step).ok_or("the plan has no such step")?;
    let part = match view.next() {
        Next::Gate(_) => Stage::Gated,
        Next::Effect => Stage::Effect,
        Next::Confirmed(_) | Next::HandWork => Stage::NeedsProposal,
        Next::Exec(_) | Next::End => Stage::Between,
    };
    let looks = !view.plan.expects.is_empty() && view.comes_to_its_command();
    let now = state.step_mut(step)?;
    now.status = StepStatus::Active { stage: part };
    now.tries = 0;
    now.not_before = None;
    now.gate_since = (part == Stage::Gated).then_some(mark.at);
    if looks {
        effect::look_anew(now, mark.at);
    }
    Ok(())
}

fn done(
    state: &mut State,
    step: &StepId,
    warning: &str,
    note: &str,
    mark: Mark<'_>,
) -> Result<(), Why> {
    let view = state.find(step).ok_or("the plan has no such step")?;
    let worked = match view.now.status {
        StepStatus::Pending => !view.plan.has_own_work(),
        StepStatus::Active { stage } => {
            stage == Stage::SubSteps || (stage == Stage::Between && view.next() == Next::End)
        }
        _ => false,
    };
    let open = state
        .sub_steps(view.index)
        .any(|s| !s.now.status.is_passed());
    if !worked || open {
        return Err("its work is not done");
    }
    if !state.has_sub_steps(view.index) {
        rollout::may_start(state, step)?;
    }
    let now = idle(state, step)?;
    note.clone_into(&mut now.note);
    let warning = warning.to_owned();
    finish(now, StepStatus::Done { warning }, mark);
    Ok(())
}

pub(super) fn skip(
    state: &mut State,
    step: &StepId,
    reason: &str,
    mark: Mark<'_>,
) -> Result<(), Why> {
    let index = state.index_of(step).ok_or("the plan has no such step")?;
    let is_switch = is_switch(state, index);
    let now = idle(state, step)?;
    let may = match now.status {
        StepStatus::Undone => is_switch,
        StepStatus::Pending
        | StepStatus::Active { .. }
        | StepStatus::Failed { .. }
        | StepStatus::UndoFailed { .. } => true,
        StepStatus::Done { .. }
        | StepStatus::Skipped { .. }
        | StepStatus::Unknown
        | StepStatus::Undoing => false,
    };
    if !may {
        return Err("it cannot be skipped as it stands");
    }
    let skipped = StepStatus::Skipped {
        by: mark.actor.to_string(),
        reason: reason.to_owned(),
    };
    finish(now, skipped.clone(), mark);
    state.undo_stack.retain(|id| id != step);
    rollout::switched(state, step);
    for inner in below(state, index) {
        if let Some(now) = state.steps.get_mut(inner)
            && matches!(now.status, StepStatus::Pending | StepStatus::Failed { .. })
        {
            finish(now, skipped.clone(), mark);
        }
    }
    Ok(())
}

fn retry(state: &mut State, step: &StepId) -> Result<(), Why> {
    let index = state.index_of(step).ok_or("the plan has no such step")?;
    let is_switch = is_switch(state, index);
    let now = idle(state, step)?;
    let with_inner = matches!(now.status, StepStatus::Skipped { .. });
    now.status = match now.status {
        StepStatus::UndoFailed { .. } => StepStatus::Undoing,
        StepStatus::Undone if is_switch => StepStatus::Pending,
        StepStatus::Failed { .. } | StepStatus::Skipped { .. } => StepStatus::Pending,
        _ => return Err("it has neither failed nor been skipped"),
    };
    now.votes.clear();
    now.tries = 0;
    now.not_before = None;
    rollout::take_up(state, step);
    if with_inner {
        // They were left out with it.
        for inner in below(state, index) {
            if let Some(now) = state.steps.get_mut(inner)
                && matches!(now.status, StepStatus::Skipped { .. })
            {
                now.status = StepStatus::Pending;
            }
        }
    }
    Ok(())
}

fn below(state: &State, outer: usize) -> Vec<usize> {
    state
        .views()
        .map(|v| v.index)
        .filter(|index| state.is_within(*index, outer))
        .collect()
}

fn undone(state: &mut State, step: &StepId, status: StepStatus, mark: Mark<'_>) -> Result<(), Why> {
    let now = idle(state, step)?;
    if now.status != StepStatus::Undoing {
        return Err("it is not being undone");
    }
    if status == StepStatus::Undone {
        now.touched = false;
    }
    finish(now, status, mark);
    if state.step_mut(step)?.status == StepStatus::Undone {
        state.undo_stack.retain(|id| id != step);
        rollout::switched(state, step);
    }
    Ok(())
}

/// A switch that was taken back may be moved again, or left where it is.
fn is_switch(state: &State, index: usize) -> bool {
    let step = state.plan().steps.get(index);
    state.phase == Phase::Running && step.is_some_and(|step| step.switch)
}

fn finish(now: &mut StepState, status: StepStatus, mark: Mark<'_>) {
    now.status = status;
    now.ended = Some(mark.at);
    now.gate_since = None;
    now.not_before = None;
    now.stop_by.clear();
    sign(now, mark);
}

/// Keeps the name of the last person; what the session does by itself does not take it away.
pub(super) fn sign(now: &mut StepState, mark: Mark<'_>) {
    if !matches!(mark.actor, Actor::Engine) {
        now.by = mark.actor.to_string();
    }
}
