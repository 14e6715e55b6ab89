//! Facts of commands: intent, spawn, outcome, and what people found where there is no outcome.

use super::step::{enter_next, sign};
use super::{Mark, Why};
use super::{breakglass, effect, rollout};
use crate::domain::confirm::rule::person_in;
use crate::domain::decide::votes_needed;
use crate::domain::fact::{ExecKey, Fact, Finding, Outcome, OutputRef};
use crate::domain::id::{Nonce, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::readiness::{Next, StepView};
use crate::domain::runbook::plan::{ExecRole, RETRY_PAUSE};
use crate::domain::state::{
    FINISHED_MAX, Finished, Phase, Proposal, Ran, Running, Stage, State, StepState, StepStatus,
};

pub(super) fn transition(state: &mut State, fact: &Fact, mark: Mark<'_>) -> Result<(), Why> {
    match fact {
        Fact::ExecIntent { key, role, nonce } => intend(state, key, *role, nonce.as_ref(), mark),
        Fact::ExecSpawned { key, pid } => {
            let running = in_flight(state, key)?;
            if running.pid.is_some() {
                return Err("it runs already");
            }
            running.pid = Some(*pid);
            Ok(())
        }
        Fact::ExecOutcome {
            key,
            outcome,
            output,
        } => end(state, key, outcome, output, mark),
        Fact::StopAsked { step } => {
            let now = state.step_mut(step)?;
            let running = now.running.as_mut().ok_or("no command of it runs")?;
            if !std::mem::replace(&mut running.stop_asked, true) {
                now.stop_by = mark.actor.to_string();
            }
            Ok(())
        }
        Fact::TakenOver { step } => take_over(state, step, mark),
        Fact::ExecUnknown { key } => {
            let mut running = take(state, key)?;
            let now = state.step_mut(&key.step)?;
            let ran = running.ran.take();
            keep_back(now, key, ran.as_deref());
            // The way back was reviewed with the way forward: what became of it is stated on the same terms.
            let agreed = now.agreed.clone().filter(|_| key.block == ExecKey::UNDO);
            now.ran = ran.or(agreed).map(|ran| {
                let open = Some((mark.seq, mark.hash));
                Box::new(Ran { open, ..*ran })
            });
            keep(now, finished(running, mark, None));
            now.status = StepStatus::Unknown;
            now.ended = Some(mark.at);
            now.votes.clear();
            Ok(())
        }
        Fact::ResolveVoted { step, finding, .. } => {
            let now = state.step_mut(step)?;
            if now.status != StepStatus::Unknown {
                return Err("its outcome is known");
            }
            if let Some(person) = mark.actor.person() {
                now.votes.insert(person.clone(), *finding);
            }
            Ok(())
        }
        Fact::StepResolved { step, finding } => resolve(state, step, *finding, mark),
        _ => Err("it is not a fact of a command"),
    }
}

/// Who watches is who is named with the step from here on: their absence counts, and hand work is theirs to end.
fn take_over(state: &mut State, step: &StepId, mark: Mark<'_>) -> Result<(), Why> {
    let person = person_in(state.genesis.mode, mark.actor).ok_or("nobody took it over")?;
    match state.watcher() {
        Some((view, watcher)) if &view.plan.id == step && &watcher != person => {}
        _ => return Err("nothing of it is watched by somebody else"),
    }
    sign(state.step_mut(step)?, mark);
    Ok(())
}

fn in_flight<'a>(state: &'a mut State, key: &ExecKey) -> Result<&'a mut Running, Why> {
    let running = state.step_mut(&key.step)?.running.as_mut();
    running
        .filter(|r| &r.key == key)
        .ok_or("no such command runs")
}

fn take(state: &mut State, key: &ExecKey) -> Result<Running, Why> {
    in_flight(state, key)?;
    let running = state.step_mut(&key.step)?.running.take();
    running.ok_or("no such command runs")
}

fn finished(running: Running, mark: Mark<'_>, end: Option<(&Outcome, &OutputRef)>) -> Finished {
    Finished {
        key: running.key,
        role: running.role,
        started: running.since,
        ended: mark.at,
        outcome: end.map(|(outcome, _)| outcome.clone()),
        output: end.map(|(_, output)| output.clone()),
    }
}

/// What surely never ran leaves the way back to what ran before it.
fn keep_back(now: &mut StepState, key: &ExecKey, ran: Option<&Ran>) {
    if let Some(ran) = ran.filter(|_| key.has_process()) {
        now.back = Some(Box::new(ran.clone()));
    }
}

fn keep(now: &mut StepState, finished: Finished) {
    if now.finished.len() >= FINISHED_MAX {
        now.finished.remove(0);
    }
    now.finished.push(finished);
}

fn intend(
    state: &mut State,
    key: &ExecKey,
    role: ExecRole,
    nonce: Option<&Nonce>,
    mark: Mark<'_>,
) -> Result<(), Why> {
    if state.running().is_some() && !is_off(Guard::Exclusive) {
        return Err("another command runs");
    }
    let view = state.find(&key.step).ok_or("the plan has no such step")?;
    if key.attempt != view.now.attempt {
        return Err("it belongs to another attempt");
    }
    let status = match role {
        ExecRole::Undo if nonce.is_none() => undo_status(state, view, key)?,
        ExecRole::Undo => return Err("the way back spends no nonce"),
        _ => StepStatus::Active {
            stage: forward_stage(state, view, key, role, nonce, mark)?,
        },
    };
    if role == ExecRole::Run {
        let is_alone = state.proposal.as_ref().is_some_and(|p| p.glass.is_some());
        effect::may_run(view, is_alone)?;
    }
    let mut ran = None;
    if let Some(nonce) = nonce {
        state.spent.insert(nonce.clone());
        let open = state.proposal.take();
        ran = open.as_ref().and_then(ran_of);
        let owed = open.zip(ran.as_deref());
        let owed = owed.and_then(|(open, ran)| breakglass::owe(&open, ran, mark));
        state.broken.extend(owed);
    }
    // While the plan is the one it began with, its order says the same.
    let is_amended = state.amendments().next().is_some();
    let now = state.step_mut(&key.step)?;
    if ran.is_some() {
        now.agreed.clone_from(&ran);
    }
    now.status = status;
    now.tries = key.try_no;
    now.not_before = None;
    if role == ExecRole::Run {
        now.touched = true;
        now.ran_at = is_amended.then_some(mark.seq).or(now.ran_at);
    }
    now.running = Some(Running {
        key: key.clone(),
        role,
        since: mark.at,
        pid: None,
        stop_asked: false,
        ran,
    });
    now.stop_by.clear();
    sign(now, mark);
    Ok(())
}

fn ran_of(open: &Proposal) -> Option<Box<Ran>> {
    Some(Box::new(Ran {
        proposed: open.proposed?,
        terms: open.terms.clone(),
        open: None,
        glass: breakglass::statement_of(open),
    }))
}

fn undo_status(state: &State, view: StepView<'_>, key: &ExecKey) -> Result<StepStatus, Why> {
    let waits = matches!(
        view.now.status,
        StepStatus::Active { .. } | StepStatus::Unknown | StepStatus::UndoFailed { .. }
    );
    let goes_back = state.phase == Phase::RollingBack && state.undo_stack.last() == Some(&key.step);
    let switches_back = state
        .switching_back()
        .is_some_and(|switch| switch.plan.id == key.step);
    if !(goes_back || switches_back) || key.block != ExecKey::UNDO || waits {
        return Err("it is not the step to undo");
    }
    Ok(StepStatus::Undoing)
}

/// Stage of the step while the command runs, when this command is what comes next.
fn forward_stage(
    state: &State,
    view: StepView<'_>,
    key: &ExecKey,
    role: ExecRole,
    nonce: Option<&Nonce>,
    mark: Mark<'_>,
) -> Result<Stage, Why> {
    // What was run may be verified while everything else is held.
    let is_held = state.is_held() && role != ExecRole::Verify;
    if !state.is_in_play(view.plan) || is_held {
        return Err("nothing goes forward");
    }
    if key.block != view.next_key().block {
        return Err("another part of the step comes first");
    }
    match (view.next(), view.now.stage()) {
        (Next::Exec(exec), Some(Stage::Between)) if exec.role == role && nonce.is_none() => {}
        (Next::Confirmed(_) | Next::HandWork, Some(Stage::Armed)) if role == ExecRole::Run => {
            armed(state, key, nonce, mark)?;
        }
        _ => return Err("it is not what the step comes to next"),
    }
    Ok(match role {
        ExecRole::Check => Stage::Checking,
        ExecRole::Verify => Stage::Verifying,
        ExecRole::Run | ExecRole::Undo => Stage::Running,
    })
}

/// The armed proposal covers exactly this execution and its nonce is unspent.
fn armed(state: &State, key: &ExecKey, nonce: Option<&Nonce>, mark: Mark<'_>) -> Result<(), Why> {
    let who = person_in(state.genesis.mode, mark.actor);
    let covers = state.proposal.as_ref().is_some_and(|open| {
        open.armed.is_some()
            && open.terms.step == key.step
            && (Some(&open.terms.executor) == who || is_off(Guard::Executor))
            && open.terms.attempt == key.attempt
            && Some(&open.terms.nonce) == nonce
            && !state.spent.contains(&open.terms.nonce)
    });
    if covers {
        Ok(())
    } else {
        Err("no armed proposal covers it")
    }
}

fn end(
    state: &mut State,
    key: &ExecKey,
    outcome: &Outcome,
    output: &OutputRef,
    mark: Mark<'_>,
) -> Result<(), Why> {
    let retries = state.exec_block(key).map_or(0, |block| block.retry);
    let running = take(state, key)?;
    let role = running.role;
    let now = state.step_mut(&key.step)?;
    if !matches!(outcome, Outcome::NotStarted { .. }) {
        keep_back(now, key, running.ran.as_deref());
    }
    keep(now, finished(running, mark, Some((outcome, output))));
    if role == ExecRole::Undo {
        return Ok(());
    }
    if outcome.is_success() {
        pass(state, key, mark)?;
        state.values.extend(output.values.iter().cloned());
        return Ok(());
    }
    let may_retry = matches!(outcome, Outcome::Exited { .. } | Outcome::TimedOut)
        && role == ExecRole::Verify
        && key.try_no <= retries;
    now.status = StepStatus::Active {
        stage: Stage::Between,
    };
    now.not_before = may_retry.then(|| mark.at.plus(RETRY_PAUSE));
    if matches!(outcome, Outcome::NotStarted { .. }) {
        forget_touch(state, key)?;
    }
    Ok(())
}

/// The block is behind; the next one follows.
fn pass(state: &mut State, key: &ExecKey, mark: Mark<'_>) -> Result<(), Why> {
    let role = state
        .exec_block(key)
        .map_or(ExecRole::Run, |block| block.role);
    if role == ExecRole::Run {
        effect::ran(state, &key.step, mark)?;
    }
    let now = state.step_mut(&key.step)?;
    if key.has_process() {
        now.next_block = now.next_block.saturating_add(1);
    } else {
        now.worked = true;
    }
    enter_next(state, &key.step, mark)
}

/// A first command that surely never ran leaves nothing to undo. Later ones may follow one that did.
fn forget_touch(state: &mut State, key: &ExecKey) -> Result<(), Why> {
    let now = state.step_mut(&key.step)?;
    let runs = now.finished.iter().filter(|f| f.role == ExecRole::Run);
    let first = runs.count() == 1 && now.finished.len() < FINISHED_MAX;
    let this = now.finished.last();
    if first && this.is_some_and(|f| &f.key == key && f.role == ExecRole::Run) {
        now.touched = false;
        state.undo_stack.retain(|id| id != &key.step);
    }
    Ok(())
}

fn resolve(state: &mut State, step: &StepId, finding: Finding, mark: Mark<'_>) -> Result<(), Why> {
    let view = state.find(step).ok_or("the plan has no such step")?;
    if view.now.status != StepStatus::Unknown {
        return Err("its outcome is known");
    }
    let needed = votes_needed(view);
    let agreed = view.now.votes.values().filter(|found| **found == finding);
    // Where one is enough, it may be an account that is nobody in particular.
    if needed > 1 && agreed.count() < needed {
        return Err("too few people agree on what is found");
    }
    let now = state.step_mut(step)?;
    let Some(last) = now.finished.last() else {
        return Err("none of its commands was started");
    };
    let (key, role) = (last.key.clone(), last.role);
    now.votes.clear();
    now.ran = None;
    if role == ExecRole::Undo {
        let why = format!("{} (found by people)", finding.as_str());
        if finding == Finding::Ran {
            now.status = StepStatus::Undone;
            now.touched = false;
            state.undo_stack.retain(|id| id != step);
            rollout::switched(state, step);
        } else {
            now.status = StepStatus::UndoFailed { why };
        }
        return Ok(());
    }
    let why = match finding {
        Finding::Ran => return pass(state, &key, mark),
        Finding::DidNotRun => "did not run (found by people)",
        Finding::Partial => "ran in part (found by people)",
    };
    let why = why.to_owned();
    now.status = StepStatus::Failed { why };
    if finding == Finding::DidNotRun {
        forget_touch(state, &key)?;
    }
    Ok(())
}
