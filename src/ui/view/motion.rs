//! The banner of an open motion: what it is about, and who can answer it.

use super::Cx;
use crate::domain::time::short_span;
use crate::ui::action::Action;
use crate::ui::canvas::Canvas;
use crate::ui::keymap::keys_of;
use crate::ui::ritual::me;
use crate::ui::text::Row;
use crate::ui::theme::Role;

/// What every view shows while a motion is open. What it is comes before why, which is cut first.
pub(super) fn banner(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Option<Row> {
    let open = cx.room.state.motions.open.as_deref()?;
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
