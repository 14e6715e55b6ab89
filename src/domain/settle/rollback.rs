//! Progress of a rollback: the way back of each touched step, later steps first, then the back-out plan.

use crate::domain::fact::{ExecKey, Fact};
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::state::{Phase, State, StepStatus};

pub(super) fn go_on(state: &State) -> Option<Vec<Fact>> {
    if state.phase != Phase::RollingBack || state.running().is_some() {
        return None;
    }
    match state.undo_stack.last() {
        Some(step) => undo(state, state.find(step)?),
        None => finish(state),
    }
}

fn undo(state: &State, view: StepView<'_>) -> Option<Vec<Fact>> {
    let step = view.plan.id.clone();
    match view.now.status {
        // A person has to look first.
        StepStatus::Active { .. } | StepStatus::Unknown | StepStatus::UndoFailed { .. } => None,
        StepStatus::Undoing if view.now.tries > 0 => {
            let last = view.now.finished.last()?;
            let is_success = last.outcome.as_ref()?.is_success();
            Some(if is_success {
                vec![Fact::StepUndone { step }]
            } else {
                let why = format!("undo: {}", view.now.last_end()?);
                vec![Fact::UndoFailed { step, why }]
            })
        }
        // A person held the way back, or the server died on it.
        _ if state.is_held() => None,
        _ => Some(vec![Fact::ExecIntent {
            key: ExecKey {
                step,
                attempt: view.now.attempt,
                block: ExecKey::UNDO,
                try_no: view.now.next_try(ExecKey::UNDO),
            },
            role: ExecRole::Undo,
            nonce: None,
        }]),
    }
}

fn finish(state: &State) -> Option<Vec<Fact>> {
    let waits = state.first_open().is_some() || state.unknown().is_some();
    (!waits).then(|| vec![Fact::RolledBack])
}
