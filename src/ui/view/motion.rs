//! The banner of an open motion: what it is about, and who can answer it.

use super::Cx;
use crate::domain::state::Phase;
use crate::domain::time::short_span;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::keymap::keys_of;
use crate::ui::ritual::me;
use crate::ui::text::Row;
use crate::ui::theme::Role;

/// What every view shows while a motion is open. What it is comes before why, which is cut first.
pub(super) fn banner(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Option<Row> {
    let Some(open) = cx.room.state.motions.open.as_deref() else {
        return changed(cx, canvas, width);
    };
    let style = canvas.of(Role::Banner);
    let key = keys_of(Action::AnswerMotion);
    let answer = if me(cx.room) == Some(&open.by) {
        format!("waits for a second person, {key} takes it back, ")
    } else if cx.room.welcome.read_only || me(cx.room).is_none() {
        "another person can second it, ".to_owned()
    } else {
        format!("{key} seconds or rejects it, ")
    };
    let left = short_span(open.expires.since(cx.now.wall));
    let right = Row::of(": ", style)
        .text(&answer, style)
        .text(&left, style)
        .fixed(" left ", style);
    let what = Row::of(" MOTION of ", style)
        .text(open.by.as_str(), style)
        .fixed(": ", style)
        .text(&open.what.to_string(), style)
        .fixed(", why: ", style)
        .text(&open.reason, style);
    let room = width.saturating_sub(right.width());
    Some(what.fit(room, canvas.signs()).row(right))
}

/// A quiet word where the runbook on the disk is not the one of the session: it changes nothing by itself.
fn changed(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Option<Row> {
    let is_on = matches!(cx.room.state.phase, Phase::Briefing | Phase::Running);
    if !cx.room.around.is_runbook_changed || !is_on {
        return None;
    }
    let style = canvas.of(Role::Dim);
    let row = Row::of(
        " the runbook has changed on the disk, this session has not: ",
        style,
    )
    .text(keys_of(Action::Amend), style)
    .fixed(" shows what, and moves to take it over", style);
    Some(row.fit(width, canvas.signs()))
}
