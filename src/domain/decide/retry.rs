//! Try a failed or skipped step again.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::Fact;
use crate::domain::id::StepId;
use crate::domain::readiness::status_words;
use crate::domain::state::{Phase, StepStatus};

pub(super) fn decide(ask: &Ask<'_>, step: &StepId) -> Decision {
    ask.operator()?;
    let view = ask.step(step)?;
    match view.now.status {
        StepStatus::UndoFailed { .. } if ask.state.phase == Phase::RollingBack => {}
        StepStatus::UndoFailed { .. } | StepStatus::Undone if view.plan.switch => {
            ask.in_play(view)?;
        }
        StepStatus::Failed { .. } | StepStatus::Skipped { .. } => ask.in_play(view)?,
        _ => {
            let why = format!("it {}", status_words(&view.now.status));
            return Err(ask.no_step(view, why, "only a failed or skipped step is tried again"));
        }
    }
    let left_out = ask.state.views().find(|v| {
        ask.state.is_within(view.index, v.index)
            && matches!(v.now.status, StepStatus::Skipped { .. })
    });
    if let Some(parent) = left_out {
        let why = format!("{} was skipped", parent.plan.to_label());
        return Err(ask.no_step(view, why, "retry that one: its sub-steps come back with it"));
    }
    Ok(vec![Fact::StepRetried { step: step.clone() }])
}
