//! Go back: one key from anyone with a role.

use super::ask::Ask;
use super::{Decision, Refused};
use crate::domain::fact::Fact;
use crate::domain::state::{Phase, State};

pub(super) fn decide(ask: &Ask<'_>, reason: &str) -> Decision {
    ask.is_on()?;
    if ask.state.phase == Phase::RollingBack {
        return Err(ask.no("the maintenance is rolling back already", ""));
    }
    let reason = ask.reason(reason)?;
    Ok(with_stop(ask.state, Fact::RollbackStarted { reason }))
}

/// What runs is stopped first.
pub(super) fn with_stop(state: &State, fact: Fact) -> Vec<Fact> {
    let running = state.running().filter(|r| !r.stop_asked);
    let stop = running.map(|r| Fact::StopAsked {
        step: r.key.step.clone(),
    });
    stop.into_iter().chain([fact]).collect()
}

/// The facts of a rollback that a guard starts by itself; none while it cannot start.
pub fn by_guard(state: &State, reason: String) -> Result<Vec<Fact>, Refused> {
    if state.phase != Phase::Running {
        return Err(Refused::new("nothing goes forward", ""));
    }
    Ok(with_stop(state, Fact::RollbackStarted { reason }))
}
