//! Stop the running command of a step, or give its attempt up where it waits.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::{CloseCause, Fact};
use crate::domain::id::StepId;
use crate::domain::readiness::status_words;
use crate::domain::state::{Stage, StepStatus};

pub(super) fn decide(ask: &Ask<'_>, step: &StepId) -> Decision {
    let view = ask.step(step)?;
    if let Some(running) = &view.now.running {
        if running.stop_asked {
            return Err(ask.no_step(view, "it is being stopped already", ""));
        }
        return Ok(vec![Fact::StopAsked { step: step.clone() }]);
    }
    match view.now.status {
        StepStatus::Active { stage } if stage != Stage::SubSteps => {
            let what = "the step was stopped".to_owned();
            let open = ask.state.proposal.as_ref();
            let closed = open
                .filter(|p| &p.terms.step == step)
                .map(|p| Fact::ProposalClosed {
                    step: step.clone(),
                    attempt: p.terms.attempt,
                    why: CloseCause::Session { what },
                });
            let why = format!("stopped by {}", ask.actor);
            let failed = Fact::StepFailed {
                step: step.clone(),
                why,
            };
            Ok(closed.into_iter().chain([failed]).collect())
        }
        StepStatus::Active { .. } => Err(ask.no_step(
            view,
            "its own work is done",
            "stop the sub-step that is under way",
        )),
        _ => {
            let why = format!("it {}", status_words(&view.now.status));
            Err(ask.no_step(view, why, "nothing of it runs"))
        }
    }
}
