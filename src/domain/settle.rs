//! What follows by itself: asked again after each record and once a second, until there is nothing more.
//!
//! One call gives the facts of one cause, which belong together in the journal. While the session is held nothing
//! forward starts; what runs, what was run and must be verified, and going back are not held.

mod alerts;
mod breakglass;
mod effect;
mod motion;
mod proposal;
mod rollback;
mod rollout;
mod run_on;
mod silences;
mod steps;
#[cfg(test)]
mod tests;

use crate::domain::fact::{Actor, Fact, Quote};
use crate::domain::id::RuleId;
use crate::domain::state::State;
use crate::domain::time::Moment;
use crate::domain::world::World;

/// What waiting gates and canaries say now; empty when nothing waits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GateView {
    /// The gate.
    pub gate: Option<GateNow>,
    /// The canary that is watched; nothing where none is held against anything.
    pub soak: Option<SoakNow>,
}

/// What the comparison of a canary says now.
#[derive(Debug, Clone, PartialEq)]
pub struct SoakNow {
    /// Place of the phase of the rollout.
    pub phase: usize,
    /// The canary has been as good as it must be for as long as it must.
    pub is_over: bool,
    /// The sample that decided.
    pub quote: Option<Quote>,
}

/// What one gate says now.
#[derive(Debug, Clone, PartialEq)]
pub struct GateNow {
    /// Which.
    pub rule: RuleId,
    /// Its condition has held for as long as it must.
    pub is_open: bool,
    /// Its time has run out.
    pub is_timed_out: bool,
    /// The sample that decided.
    pub quote: Option<Quote>,
}

/// Facts that follow by themselves now; none when everything waits for people, commands or time.
pub fn settle(state: &State, now: Moment, world: &World, gates: &GateView) -> Vec<(Actor, Fact)> {
    if !state.open {
        return Vec::new();
    }
    if world.outlook.closing {
        // The server is about to go: nothing begins but the ends of silences.
        let ends = silences::go_on(state, now, world).unwrap_or_default();
        return ends.into_iter().map(|f| (Actor::Engine, f)).collect();
    }
    let facts = run_on::end(state, now, world)
        .or_else(|| motion::close(state, now))
        .or_else(|| proposal::close(state, now, world))
        .or_else(|| steps::interrupt(state, now))
        .or_else(|| rollout::switch_back(state))
        .or_else(|| proposal::arm(state, now, world))
        .or_else(|| breakglass::go_on(state, now, world))
        // A hold comes before whatever would go on.
        .or_else(|| alerts::follow(state, now, world))
        .or_else(|| silences::go_on(state, now, world))
        .or_else(|| steps::go_on(state, now, world, gates))
        .or_else(|| steps::parents(state))
        .or_else(|| rollout::go_on(state, now, gates))
        .or_else(|| run_on::begin(state, now, world))
        .or_else(|| rollback::go_on(state));
    facts
        .unwrap_or_default()
        .into_iter()
        .map(|fact| (Actor::Engine, fact))
        .collect()
}
