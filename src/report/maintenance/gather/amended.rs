//! Amendments: what each made another, which the fold forgets as soon as it is in force.

use super::super::Amendment;
use crate::domain::amend::{Line, diff};
use crate::domain::fact::{Fact, Genesis, MotionEvent};
use crate::domain::state::State;
use std::sync::Arc;

/// Lines of one amendment in a report: several screens, more than anybody reads in a ticket. Who seconded it read all of it, and the
/// journal has both plans whole.
pub(in super::super) const LINES_MAX: usize = 2_000;

/// What one amendment made another.
#[derive(Debug)]
pub(super) struct Diff {
    lines: Vec<Line>,
    more: usize,
}

/// What the session is pinned to before a record that may put another plan in its place.
pub(super) fn pinned(state: Option<&State>, fact: &Fact) -> Option<Arc<Genesis>> {
    let Fact::Motion(moved) = fact else {
        return None;
    };
    let is_carried = moved.event == MotionEvent::Carried;
    is_carried.then(|| state.map(|state| Arc::clone(&state.genesis)))?
}

/// What the record made another; absent when it was no amendment.
pub(super) fn diff_since(pinned: &Arc<Genesis>, state: &State) -> Option<Diff> {
    if Arc::ptr_eq(pinned, &state.genesis) {
        return None;
    }
    let mut lines = diff(&pinned.plan, state.plan());
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    Some(Diff { lines, more })
}

/// Every amendment with its diff: both are kept in the order in which they were carried.
pub(super) fn amendments(state: &State, diffs: Vec<Diff>) -> Vec<Amendment> {
    let all = state.amendments().zip(diffs);
    let all = all.map(|((carried, amended), diff)| Amendment {
        at: carried.at,
        by: carried.by.clone(),
        second: carried.second.clone(),
        reason: carried.reason.clone(),
        before: amended.before,
        plan: amended.plan,
        runbook: amended.runbook,
        changes: amended.changes.iter().map(ToString::to_string).collect(),
        more: amended.more,
        diff: diff.lines,
        diff_more: diff.more,
    });
    all.collect()
}
