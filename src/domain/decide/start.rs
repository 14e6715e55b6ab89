//! Start a ready step.

use super::ask::Ask;
use super::{Decision, unit};
use crate::domain::fact::Fact;
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::readiness::{Readiness, status_words};

pub(super) fn decide(ask: &Ask<'_>, step: &StepId) -> Decision {
    ask.operator()?;
    let view = ask.step(step)?;
    ask.in_play(view)?;
    ask.not_held(view)?;
    match ask.state.readiness(view.index) {
        Readiness::Ready => {
            let begun = unit::begin(ask, view)?;
            let started = Fact::StepStarted {
                step: step.clone(),
                attempt: AttemptNo(view.now.attempt.0.saturating_add(1)),
            };
            Ok(begun.into_iter().chain([started]).collect())
        }
        Readiness::ByHand => Err(ask.no_step(
            view,
            "it is done by hand",
            "do it, then mark it done; any operator can",
        )),
        Readiness::Group => Err(ask.no_step(
            view,
            "it has no work of its own",
            "start its sub-steps: it is done when they are",
        )),
        Readiness::Blocked(why) => Err(ask.no_step(view, why, "that comes first")),
        Readiness::Started => {
            let hint = match view.now.status {
                crate::domain::state::StepStatus::Failed { .. }
                | crate::domain::state::StepStatus::Skipped { .. } => "retry it first",
                _ => "",
            };
            Err(ask.no_step(view, format!("it {}", status_words(&view.now.status)), hint))
        }
    }
}
