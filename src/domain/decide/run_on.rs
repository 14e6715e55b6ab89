//! A rollout goes by itself from here on, or no longer.

use super::ask::Ask;
use super::{Decision, Refused};
use crate::domain::command::Command;
use crate::domain::countdown::{barred, unsure};
use crate::domain::fact::{Actor, Fact, Halt, RolloutEvent, RolloutNews};
use crate::domain::id::StepId;
use crate::domain::state::{Phase, State};
use crate::domain::time::Moment;
use crate::domain::world::World;

pub(super) fn decide(ask: &Ask<'_>, phase: usize, on: bool) -> Decision {
    let event = if on {
        begin(ask, phase)?;
        RolloutEvent::RunsOn
    } else {
        // Whoever may hold may say this.
        if ask.state.rollout(phase).run_on.is_none() {
            return Err(ask.no("it does not go by itself", ""));
        }
        let halt = Halt::Word;
        RolloutEvent::RunsOnEnded { halt }
    };
    Ok(vec![Fact::Rollout(RolloutNews { phase, event })])
}

fn begin(ask: &Ask<'_>, phase: usize) -> Result<(), Refused> {
    ask.operator()?;
    ask.is_on()?;
    let state = ask.state;
    if state.phase != Phase::Running {
        return Err(ask.no("the maintenance is rolling back", ""));
    }
    if state.plan().rollout_of(phase).is_none() {
        // Elsewhere no floor, no batch and no limit of failures stands between one step and the next.
        let why = "only the steps of a rollout go by themselves (`for_each`)";
        return Err(ask.no(why, "start each step of this phase by hand"));
    }
    if state.runs_on().is_some() {
        return Err(ask.no("it goes by itself already", "the same key ends it"));
    }
    if let Some(halt) = state.halt(phase) {
        let label = |step: &StepId| {
            let view = state.find(step);
            view.map_or_else(|| step.to_string(), |view| view.plan.to_label())
        };
        return Err(ask.no(halt.words(&label), hint(&halt)));
    }
    let (freezes, now) = (&ask.world.freezes, ask.now.wall);
    let doubt = ask.world.clock.doubt(ask.now);
    let doubt = doubt.as_ref().map(|doubt| (doubt.by, doubt.why.as_str()));
    let barred = barred(state, freezes, now).or_else(|| unsure(state, freezes, now, doubt));
    barred.map_or(Ok(()), |barred| Err(ask.no(barred.why(now), barred.hint())))
}

/// What comes first.
const fn hint(halt: &Halt) -> &'static str {
    match halt {
        Halt::Failed { .. } => "retry it, or leave its unit out; then say it again",
        Halt::Unknown { .. } => "find out how it ended, and resolve it",
        Halt::Held => "any operator can release it",
        Halt::Breach { .. } => "wait until it is good, or start the next step by hand",
        Halt::TooMany { .. } => "let the rollout go on with a reason; then say it again",
        Halt::Elsewhere => "it can be said once the steps of this phase come next",
        Halt::Done | Halt::Word | Halt::Restart | Halt::Back | Halt::Barred { .. } | Halt::Role => {
            ""
        }
    }
}

/// What outside the journal ends the word of this person now: they could not begin a step any more, or what bars
/// destructive work bars also what nobody starts.
pub(in crate::domain) fn lapsed(
    state: &State,
    by: &Actor,
    now: Moment,
    world: &World,
) -> Option<Halt> {
    let said = Command::RunOn { phase: 0, on: true };
    let may = Ask::new(state, by, &said, now, world).and_then(|ask| ask.operator());
    if may.is_err() {
        return Some(Halt::Role);
    }
    let barred = barred(state, &world.freezes, now.wall)?;
    let what = barred.why(now.wall);
    Some(Halt::Barred { what })
}
