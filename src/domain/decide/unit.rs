//! Units of a rollout: when one may begin, and what people decide about those that wait or failed.

use super::ask::Ask;
use super::{Decision, Refused, rollback};
use crate::domain::command::Command;
use crate::domain::fact::{Fact, RolloutEvent, RolloutNews};
use crate::domain::id::StepId;
use crate::domain::readiness::{StepView, status_words};
use crate::domain::rollout::Wait;
use crate::domain::rollout::floor::{self, Seen};
use crate::domain::runbook::plan::Unit;
use crate::domain::state::{Phase, StepStatus};
use crate::domain::threshold::Unknown;

/// What people decide about a rollout.
pub(super) fn decide(ask: &Ask<'_>, command: &Command) -> Decision {
    match command {
        Command::SkipUnit { step, reason } => skip(ask, step, reason),
        Command::GoOn {
            phase,
            behind,
            reason,
        } => go_on(ask, *phase, *behind, reason),
        Command::SwitchBack { step, reason } => switch_back(ask, step, reason),
        _ => Err(ask.no("it is no word about a rollout", "")),
    }
}

fn news(phase: usize, event: RolloutEvent) -> Fact {
    Fact::Rollout(RolloutNews { phase, event })
}

/// What has to be recorded before a step starts: that its unit begins. Nothing for a step of no unit.
///
/// The floor is asked before the first step of a unit, and again when that is tried again.
pub(super) fn begin(ask: &Ask<'_>, view: StepView<'_>) -> Result<Option<Fact>, Refused> {
    let Some(unit) = &view.plan.unit else {
        return Ok(None);
    };
    let phase = view.plan.phase;
    let is_begun = ask.state.rollout(phase).begun.contains_key(&unit.component);
    if ask.state.asks_floor(view).is_some() {
        above_floor(ask, view)?;
    }
    if is_begun {
        return Ok(None);
    }
    let floor = ask.state.plan().rollout_of(phase).and_then(|rollout| {
        let seen = ask.world.floors.get(&rollout.floor.as_ref()?.id)?;
        seen.as_ref().ok().cloned()
    });
    let component = unit.component.clone();
    Ok(Some(news(
        phase,
        RolloutEvent::UnitBegun { component, floor },
    )))
}

/// The floor of the phase holds without the unit of this step, by what the metrics say now.
pub(super) fn above_floor(ask: &Ask<'_>, view: StepView<'_>) -> Result<(), Refused> {
    let Some(unit) = view
        .plan
        .unit
        .as_ref()
        .filter(|_| ask.state.phase == Phase::Running)
    else {
        return Ok(());
    };
    let phase = view.plan.phase;
    let rollout = ask.state.plan().rollout_of(phase);
    let Some(limit) = rollout.and_then(|rollout| rollout.floor.as_ref()) else {
        return Ok(());
    };
    let begun = ask.state.rollout(phase).begun.get(&unit.component);
    let seen = ask.world.floors.get(&limit.id);
    match floor::obstacle(limit, seen, begun.and_then(Option::as_ref)) {
        None => Ok(()),
        Some(why) => Err(ask.no_step(view, why, floor_hint(seen))),
    }
}

/// What comes first where a floor does not hold, or nobody knows whether it does.
const fn floor_hint(seen: Option<&Seen>) -> &'static str {
    match seen {
        Some(Ok(_)) => "bring another unit back into service, or leave this one out with a reason",
        None | Some(Err(Unknown::Never)) => {
            "no metrics server is configured, or none has answered this query yet: `warroom doctor --runbook FILE` asks it once"
        }
        Some(Err(_)) => "`warroom doctor --runbook FILE` asks it once, and says what is wrong",
    }
}

/// Leaves out everything of a unit that is not done.
fn skip(ask: &Ask<'_>, step: &StepId, reason: &str) -> Decision {
    ask.operator()?;
    let reason = ask.reason(reason)?;
    let view = ask.step(step)?;
    ask.in_play(view)?;
    let unit = unit_of(ask, view)?;
    if let Some(why) = obstacle(ask, view.plan.phase, unit) {
        return Err(ask.no_step(view, why, "stop, cancel or resolve it first"));
    }
    let component = unit.component.clone();
    Ok(vec![news(
        view.plan.phase,
        RolloutEvent::UnitSkipped { component, reason },
    )])
}

fn unit_of<'a>(ask: &Ask<'_>, view: StepView<'a>) -> Result<&'a Unit, Refused> {
    view.plan.unit.as_ref().ok_or_else(|| {
        let why = "it is no step of a unit";
        ask.no_step(view, why, "skip the step itself")
    })
}

fn obstacle(ask: &Ask<'_>, phase: usize, unit: &Unit) -> Option<String> {
    let units = ask.state.units(phase);
    let unit = units
        .iter()
        .find(|other| other.unit.component == unit.component)?;
    if unit.is_passed() {
        return Some("nothing of its unit is left to do".to_owned());
    }
    let open = ask.state.proposal.as_ref();
    unit.steps.iter().find_map(|step| {
        let label = step.plan.to_label();
        if open.is_some_and(|p| p.terms.step == step.plan.id) {
            return Some(format!("a proposal is open for {label}"));
        }
        let is_busy = step.now.running.is_some()
            || matches!(step.now.status, StepStatus::Unknown | StepStatus::Undoing);
        is_busy.then(|| format!("{label} {}", status_words(&step.now.status)))
    })
}

/// Ends what the rollout waits for, as it was on the screen: a pause, the soak of the canary, or the stop after too
/// many failed units.
fn go_on(ask: &Ask<'_>, phase: usize, behind: u32, reason: &str) -> Decision {
    ask.operator()?;
    ask.is_on()?;
    let Some(wait) = ask.state.rollout_wait(phase) else {
        return Err(ask.no("the rollout waits for nothing", "start its next step"));
    };
    let now = match wait {
        Wait::Pause { batch, .. } => batch,
        Wait::Soak { .. } => ask.state.batch_behind(phase),
        Wait::Stopped { failed, .. } => failed,
    };
    if now != behind {
        return Err(ask.no("it waits for something else by now", "look at it again"));
    }
    let event = match wait {
        Wait::Stopped { failed, .. } => RolloutEvent::WentOn {
            failed,
            reason: ask.reason(reason)?,
        },
        // Nobody has seen the end of it: that is a word of its own.
        Wait::Soak { .. } => RolloutEvent::WaitEnded {
            batch: now,
            reason: ask.reason(reason)?,
            quote: None,
        },
        Wait::Pause { .. } => {
            let reason = ask.words(reason)?;
            let batch = now;
            let reason = if reason.is_empty() {
                "ended early".to_owned()
            } else {
                reason
            };
            RolloutEvent::WaitEnded {
                batch,
                reason,
                quote: None,
            }
        }
    };
    Ok(vec![news(phase, event)])
}

/// Takes the switch of a blue-green phase back at once: its reviewed way back, and nothing else of what was done. As
/// with a rollback, anyone with a role may, a hold does not stop it, and what runs is stopped.
fn switch_back(ask: &Ask<'_>, step: &StepId, reason: &str) -> Decision {
    ask.is_on()?;
    let reason = ask.words(reason)?;
    let view = ask.step(step)?;
    if ask
        .state
        .armed_switch()
        .is_none_or(|armed| armed.plan.id != *step)
    {
        let (why, hint) = if !view.plan.switch {
            ("it is no switch", "roll back to undo everything")
        } else if ask.state.phase != Phase::Running {
            ("the maintenance rolls back already", "")
        } else if view.now.touched {
            (
                "it is being taken back, or the side it came from is no longer as it was",
                "roll back to undo everything",
            )
        } else {
            ("it has not run", "")
        };
        return Err(ask.no_step(view, why, hint));
    }
    let event = RolloutEvent::SwitchBack {
        step: step.clone(),
        reason,
    };
    Ok(rollback::with_stop(ask.state, news(view.plan.phase, event)))
}
