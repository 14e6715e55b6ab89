//! Go back: one key from anyone with a role.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::Fact;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::state::{Phase, Running, State};

pub(super) fn decide(ask: &Ask<'_>, reason: &str) -> Decision {
    ask.is_on()?;
    if ask.state.phase == Phase::RollingBack {
        return Err(ask.no("the maintenance is rolling back already", ""));
    }
    let reason = ask.words(reason)?;
    Ok(with_stop(ask.state, Fact::RollbackStarted { reason }))
}

/// A fact that ends going forward, behind the order to stop what runs. A way back that runs already is part of going
/// back: that does not stop it half-way.
pub fn with_stop(state: &State, fact: Fact) -> Vec<Fact> {
    let goes_back = matches!(fact, Fact::RollbackStarted { .. });
    let is_kept = |running: &Running| goes_back && running.role == ExecRole::Undo;
    let running = state.running().filter(|r| !r.stop_asked && !is_kept(r));
    let stop = running.map(|r| Fact::StopAsked {
        step: r.key.step.clone(),
    });
    stop.into_iter().chain([fact]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::*;

    #[test]
    fn a_way_back_that_runs_is_not_stopped_by_going_back_and_all_else_is() {
        let mut room = Room::armed();
        room.must("ann", go("drain"));
        let back = || Fact::RollbackStarted {
            reason: "it breaks".to_owned(),
        };
        let stops = |state: &State, fact| {
            let facts = with_stop(state, fact);
            facts.iter().any(|f| matches!(f, Fact::StopAsked { .. }))
        };
        assert!(stops(&room.state, back()));
        let mut undoing = room.state.clone();
        for step in &mut undoing.steps {
            if let Some(running) = &mut step.running {
                running.role = ExecRole::Undo;
            }
        }
        assert!(!stops(&undoing, back()));
        let aborted = Fact::Aborted {
            reason: "enough".to_owned(),
        };
        assert!(stops(&undoing, aborted));
    }
}
