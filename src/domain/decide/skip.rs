//! Leave a step out.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::Fact;
use crate::domain::id::StepId;
use crate::domain::readiness::{StepView, status_words};
use crate::domain::state::{Phase, StepStatus};

pub(super) fn decide(ask: &Ask<'_>, step: &StepId, reason: &str) -> Decision {
    ask.operator()?;
    let reason = ask.reason(reason)?;
    let view = ask.step(step)?;
    let undo_failed = matches!(view.now.status, StepStatus::UndoFailed { .. });
    if !(undo_failed && ask.state.phase == Phase::RollingBack) {
        ask.in_play(view)?;
    }
    if let Some(why) = obstacle(ask, view) {
        return Err(ask.no_step(view, why, "stop, cancel or resolve it first"));
    }
    Ok(vec![Fact::StepSkipped {
        step: step.clone(),
        reason,
    }])
}

fn obstacle(ask: &Ask<'_>, view: StepView<'_>) -> Option<String> {
    match view.now.status {
        StepStatus::Pending | StepStatus::Failed { .. } | StepStatus::UndoFailed { .. } => {}
        StepStatus::Active { .. } if view.now.running.is_none() => {}
        // A switch that was taken back may stay where it is.
        StepStatus::Undone if view.plan.switch => {}
        _ => return Some(format!("it {}", status_words(&view.now.status))),
    }
    let open = ask.state.proposal.as_ref();
    if open.is_some_and(|p| p.terms.step == view.plan.id) {
        return Some("a proposal is open for it".to_owned());
    }
    ask.state
        .views()
        .filter(|v| ask.state.is_within(v.index, view.index))
        .find(|v| v.now.is_active() || v.now.status == StepStatus::Unknown)
        .map(|v| format!("{} {}", v.plan.to_label(), status_words(&v.now.status)))
}
