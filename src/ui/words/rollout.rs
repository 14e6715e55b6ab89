//! What happens to rollouts, in words.

use crate::domain::fact::{Halt, RolloutEvent};
use crate::domain::id::StepId;
use crate::ui::theme::Role;

/// What an event weighs on the eye.
pub(super) const fn role(event: &RolloutEvent) -> Role {
    match event {
        RolloutEvent::UnitBegun { .. }
        | RolloutEvent::WaitEnded { .. }
        | RolloutEvent::RunsOnEnded {
            halt: Halt::Done | Halt::Word,
        } => Role::Text,
        RolloutEvent::UnitSkipped { .. } | RolloutEvent::WentOn { .. } | RolloutEvent::RunsOn => {
            Role::Warn
        }
        RolloutEvent::RunsOnEnded { .. } => Role::Warn,
        RolloutEvent::SwitchBack { .. } => Role::Bad,
    }
}

/// One sentence, without its time and actor.
pub(super) fn event(event: &RolloutEvent, name: &dyn Fn(&StepId) -> String) -> String {
    match event {
        RolloutEvent::UnitBegun {
            component,
            floor: Some(floor),
        } => format!("unit {component} begins, {} in service", floor.sample.value),
        RolloutEvent::UnitBegun { component, .. } => format!("unit {component} begins"),
        RolloutEvent::UnitSkipped { component, reason } => {
            format!("left out the whole unit {component}: {reason}")
        }
        RolloutEvent::WaitEnded {
            batch,
            reason,
            quote,
        } if reason.is_empty() => {
            let seen = quote.as_ref().map_or_else(String::new, |quote| {
                format!(", canary at {}", quote.sample.value)
            });
            format!("the wait after batch {batch} is over{seen}")
        }
        RolloutEvent::WaitEnded { batch, reason, .. } => {
            format!("ended the wait after batch {batch} early: {reason}")
        }
        RolloutEvent::WentOn { failed, reason } => {
            format!("goes on with {failed} failed units: {reason}")
        }
        RolloutEvent::RunsOn => "lets the rollout go BY ITSELF".to_owned(),
        RolloutEvent::RunsOnEnded { halt: Halt::Word } => {
            "stopped the rollout from going by itself".to_owned()
        }
        RolloutEvent::RunsOnEnded { halt } => {
            format!("the rollout no longer goes by itself: {}", halt.words(name))
        }
        RolloutEvent::SwitchBack { step, reason } if reason.is_empty() => {
            format!("SWITCHES BACK {}", name(step))
        }
        RolloutEvent::SwitchBack { step, reason } => {
            format!("SWITCHES BACK {}: {reason}", name(step))
        }
    }
}
