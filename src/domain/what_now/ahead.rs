//! What comes meanwhile and is to be known ahead.

use super::silences;
use crate::domain::board::Board;
use crate::domain::on_call::{AHEAD, handovers};
use crate::domain::reading::OnCall;
use crate::domain::state::{Phase, State};
use crate::domain::time::{Timestamp, short_span};

/// Trouble with silences, else the next hand-over of the pager.
pub(super) fn ahead(state: &State, board: &Board, now: Timestamp) -> String {
    silences::ahead(state, now).unwrap_or_else(|| handover(state, board, now))
}

/// Before the work begins, any hand-over within its window; then those that are announced.
fn handover(state: &State, board: &Board, now: Timestamp) -> String {
    let soon = now.plus(AHEAD);
    let window = state.window().map(|window| window.end);
    let until = match state.phase {
        Phase::Briefing => window.map_or(soon, |end| end.max(soon)),
        _ => soon,
    };
    let on_calls: Vec<&OnCall> = board.on_calls.values().flatten().collect();
    let all = handovers(&on_calls, until, now);
    let Some(first) = all.first() else {
        return String::new();
    };
    let left = short_span(first.until_it);
    let more = match all.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("pager in {left}: {first}{more}")
}
