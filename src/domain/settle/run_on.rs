//! A rollout that goes by itself: its next step, and its end. What follows here is what a person could have asked for.

use super::proposal::is_unsure;
use crate::domain::alert_match;
use crate::domain::command::Command;
use crate::domain::decide::{decide, lapsed};
use crate::domain::fact::{Fact, RolloutEvent, RolloutNews};
use crate::domain::rollout::floor::Seen;
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
    let is_early = waits(state, view, seen, now).is_some()
        || seen.is_some_and(|seen| arrived_before(state, seen, now))
        || alert_match::doubt(state.plan(), &world.alerts).is_some()
        // Whoever said it may have lost their role since the file was read last.
        || world.policy.is_none()
        || is_unsure(state, now, world);
    if is_early {
        return None;
    }
    let step = view.plan.id.clone();
    let start = Command::Start { step };
    // What a person would be refused waits, and says why on the screens.
    decide(state, &run_on.by, &start, now, world).ok()
}

/// What the floor says arrived before the last step ended, by the clock that nobody can set: the times of samples are those of
/// another host, which may be ahead of ours.
fn arrived_before(state: &State, seen: &Seen, now: Moment) -> bool {
    let (Ok(quote), Some((_, run_on))) = (seen, state.runs_on()) else {
        return false;
    };
    // Before that the host may have been started again, and the boot clock with it.
    let ended = state.views().filter_map(|view| view.now.ended);
    let ended = ended.filter(|ended| ended.mono_ms >= run_on.since.mono_ms);
    let last = ended.max_by_key(|ended| ended.mono_ms);
    last.is_some_and(|last| quote.age_ms >= now.mono_since(last))
}
