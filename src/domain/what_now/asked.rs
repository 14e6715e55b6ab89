//! What is asked of the people who are there after somebody dropped out, or said no.

use super::{OPERATOR, Severity, WhatNow, timing};
use crate::domain::alert_match;
use crate::domain::board::Board;
use crate::domain::confirm::ABSENCE_MAX;
use crate::domain::confirm::rule::person_in;
use crate::domain::fact::Actor;
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::OnExecutorLost;
use crate::domain::state::{Proposal, Running, State};
use crate::domain::time::Timestamp;

/// Something runs, and whoever watched it has dropped out.
pub(super) fn unwatched(state: &State, running: &Running, you: &Actor) -> Option<WhatNow> {
    let (view, person, since) = state.lost_watcher().filter(|_| !running.stop_asked)?;
    let me = person_in(state.genesis.mode, you);
    let yours = me.is_some_and(|me| *me != person);
    let label = view.plan.to_label();
    let ends = view.plan.on_executor_lost == OnExecutorLost::Terminate;
    let goes = match (ends, running.key.has_process()) {
        (true, _) => "it is stopped unless somebody takes over",
        (false, true) => "it runs on",
        (false, false) => "it waits to be marked done",
    };
    let line = WhatNow::new(Severity::Warn, format!("take over watching {label}"))
        .by("anyone with a role", yours)
        .because(format!("`{person}` is gone; {goes}"));
    Some(line.until(ends.then(|| since.wall.plus(ABSENCE_MAX))))
}

/// A destructive part that waits for a proposal. One that has ended says why, where everybody looks first: a mismatch
/// is for its proposer to think about before the next.
pub(super) fn proposable(state: &State, view: StepView<'_>) -> WhatNow {
    let label = view.plan.to_label();
    let act = |severity, what| WhatNow::new(severity, what).by(OPERATOR, true);
    match &state.last_closed {
        Some((step, why)) if *step == view.plan.id => {
            act(Severity::Warn, format!("look, then propose {label} again"))
                .because(format!("the last proposal ended: {why}"))
        }
        _ => act(Severity::Act, format!("propose {label}")).because("it needs a second person"),
    }
}

/// Enough people have confirmed, and something else is in the way.
pub(super) fn unarmed(
    (state, board, now): (&State, &Board, Timestamp),
    open: &Proposal,
    label: &str,
) -> WhatNow {
    let why = match (state.bad_guard(), timing::barred(state, board, now)) {
        (Some((guard, _)), _) => format!("guard `{}` is not known to be good", guard.title),
        (None, Some(why)) => why,
        (None, None) => match alert_match::known(board) {
            Err(why) if alert_match::relies(state.plan(), !board.alerts.is_empty()) => {
                format!("nobody knows which alerts fire: {why}")
            }
            _ => "somebody who confirmed is away".to_owned(),
        },
    };
    let proposer = &open.terms.proposer;
    WhatNow::new(
        Severity::Warn,
        format!("{label} is confirmed and does not arm"),
    )
    .by(format!("`{proposer}` can cancel it"), false)
    .because(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::fixture::*;
    use crate::domain::what_now::what_now;

    #[test]
    fn a_proposal_that_ended_says_why_where_everybody_looks_first() {
        let mut room = Room::proposed();
        room.must("bob", reject("drain"));
        let board = Board::default();
        let line = what_now(&room.state, &board, room.now, &actor("ann"));
        assert!(
            line.what.contains("propose step 2.1 `drain` again"),
            "{line:?}"
        );
        assert!(
            line.why
                .contains("the last proposal ended: rejected by bob"),
            "{line:?}"
        );
        assert_eq!(line.severity, Severity::Warn);
    }
}
