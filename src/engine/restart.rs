//! What a new server does first with an old journal, and what an orderly end writes last. Nothing is run again by
//! itself.

use crate::domain::fact::{CloseCause, Fact, HoldCause, Mode};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::{Phase, Running, State};

pub(super) fn facts(state: &State, program: &str, host: &str) -> Vec<Fact> {
    let resumed = Fact::SessionResumed {
        program: program.to_owned(),
        host: host.to_owned(),
    };
    // What the runner has goes on there, or has left its result: it is asked before anybody is. That of another host
    // knows nothing of it.
    let is_at_runner = state.genesis.mode == Mode::Enforced && state.genesis.host == host;
    let is_elsewhere = |r: &&Running| is_at_runner && state.agreed(r).is_some();
    let unknown = state
        .running()
        .filter(|r| !is_elsewhere(r))
        .map(|r| Fact::ExecUnknown { key: r.key.clone() });
    let pinned = &state.genesis.host;
    let cause = if pinned == host {
        HoldCause::Restart
    } else {
        HoldCause::Moved {
            from: pinned.clone(),
            to: host.to_owned(),
        }
    };
    let already = cause == HoldCause::Restart && state.holds.iter().any(|h| h.cause == cause);
    let is_on = match state.phase {
        Phase::Running | Phase::RollingBack => true,
        // Nothing has run yet, but on another host everything would.
        Phase::Briefing => cause.holds_all(),
        Phase::Completed | Phase::RolledBack | Phase::Aborted => false,
    };
    let keeps = is_off(Guard::Restart);
    let hold = (is_on && !already && !keeps).then_some(Fact::Held(cause));
    [resumed]
        .into_iter()
        .chain(unknown)
        .chain(closed(state, CloseCause::Restart).filter(|_| !keeps))
        .chain(hold)
        .collect()
}

pub(super) fn close(state: &State, reason: &str) -> Vec<Fact> {
    if !state.open {
        return Vec::new();
    }
    let what = "the session server ended".to_owned();
    let unknown = state
        .running()
        .map(|r| Fact::ExecUnknown { key: r.key.clone() });
    let reason = reason.to_owned();
    closed(state, CloseCause::Session { what })
        .into_iter()
        .chain(unknown)
        .chain([Fact::SessionClosed { reason }])
        .collect()
}

fn closed(state: &State, why: CloseCause) -> Option<Fact> {
    let open = state.proposal.as_ref()?;
    Some(Fact::ProposalClosed {
        step: open.terms.step.clone(),
        attempt: open.terms.attempt,
        why,
    })
}
