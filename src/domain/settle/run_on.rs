//! A rollout that goes by itself: its next step, and its end. What follows here is what a person could have asked for.

use crate::domain::command::Command;
use crate::domain::decide::{decide, lapsed};
use crate::domain::fact::{Fact, RolloutEvent, RolloutNews};
use crate::domain::rollout::run_on::waits;
use crate::domain::state::State;
use crate::domain::time::Moment;
use crate::domain::world::World;

/// The end of the word, before anything else follows.
pub(super) fn end(state: &State, now: Moment, world: &World) -> Option<Vec<Fact>> {
    let (phase, run_on) = state.runs_on()?;
    let ends = run_on.ends.clone();
    let halt = ends.or_else(|| lapsed(state, &run_on.by, now, world))?;
    let event = RolloutEvent::RunsOnEnded { halt };
    Some(vec![Fact::Rollout(RolloutNews { phase, event })])
}

/// The next step begins as if whoever said the word had started it now. A step that needs a second person begins with its
/// checks, and waits for people then, as ever.
pub(super) fn begin(state: &State, now: Moment, world: &World) -> Option<Vec<Fact>> {
    let (_, run_on) = state.runs_on()?;
    let view = state.next_by_itself()?;
    let floor = state.asks_floor(view);
    let seen = floor.and_then(|floor| world.floors.get(&floor.id));
    if waits(state, view, seen, now).is_some() {
        return None;
    }
    let step = view.plan.id.clone();
    let start = Command::Start { step };
    // What a person would be refused waits, and says why on the screens.
    decide(state, &run_on.by, &start, now, world).ok()
}
