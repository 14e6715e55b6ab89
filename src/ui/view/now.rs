//! The line that says what now, and the banner of an open proposal.

use super::Cx;
use crate::domain::time::short_span;
use crate::domain::what_now::{Severity, what_now};
use crate::ui::canvas::Canvas;
use crate::ui::ritual;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::words;
use ratatui::layout::Rect;

/// Rows the sentence may take on a screen with panes.
const ROWS_MAX: usize = 2;

/// Draws what now, and the banner when there is one; gives the rows they took.
pub(crate) fn draw(cx: &Cx<'_>, canvas: &mut Canvas<'_>, area: Rect) -> usize {
    let mut line = 0;
    let width = usize::from(area.width);
    let all = rows(cx, canvas, width);
    let cut = all.len() > ROWS_MAX;
    for (place, mut row) in all.into_iter().take(ROWS_MAX).enumerate() {
        if cut && place.saturating_add(1) == ROWS_MAX {
            let more = Row::of(canvas.look().glyphs.more, canvas.of(Role::Now));
            row = row.with_right(more, width, canvas.signs());
        }
        canvas.bar(area, line, row, canvas.of(Role::Now));
        line = line.saturating_add(1);
    }
    if let Some(row) = held(cx, canvas) {
        canvas.bar(area, line, row, canvas.of(Role::Banner));
        line = line.saturating_add(1);
    }
    if let Some(row) = banner(cx, canvas, usize::from(area.width)) {
        canvas.bar(area, line, row, canvas.of(Role::Banner));
        line = line.saturating_add(1);
    }
    line
}

/// The sentence, wrapped. Where it would take too many rows, the reason goes before the limit does.
pub(crate) fn rows(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Vec<Row> {
    let whole = sentence(cx, canvas, true).wrap(width);
    if whole.len() <= ROWS_MAX {
        return whole;
    }
    sentence(cx, canvas, false).wrap(width)
}

fn sentence(cx: &Cx<'_>, canvas: &Canvas<'_>, with_reason: bool) -> Row {
    let style = canvas.of(Role::Now);
    let now = what_now(&cx.room.state, &cx.room.board, cx.now, &cx.room.welcome.you);
    let head = match (now.yours, now.severity) {
        (true, _) => "YOU: ",
        (false, Severity::Calm | Severity::Act) => "NOW: ",
        (false, Severity::Warn) => "NOW (!): ",
        (false, Severity::Bad) => "NOW (!!): ",
    };
    let mut row = Row::of(head, style).text(&now.what, style);
    if !now.who.is_empty() {
        row = row.fixed(" -- ", style).text(&now.who, style);
    }
    if with_reason && !now.why.is_empty() {
        row = row
            .fixed(" (", style)
            .text(&now.why, style)
            .fixed(")", style);
    }
    if let Some(until) = now.until {
        let left = short_span(until.since(cx.now.wall));
        row = row
            .fixed(" until ", style)
            .text(&until.to_clock_text(), style);
        row = row.fixed("Z (", style).text(&left, style).fixed(")", style);
    }
    row
}

/// Asks this person to review; never opens anything by itself (`TWO_PERSON` 6.1 rule 7).
fn banner(cx: &Cx<'_>, canvas: &Canvas<'_>, width: usize) -> Option<Row> {
    let (proposal, _) = ritual::reviewer(cx.room)?;
    let style = canvas.of(Role::Banner);
    let step = cx.room.state.find(&proposal.terms.step)?;
    let left = short_span(proposal.terms.expires.since(cx.now.wall));
    let right = Row::of(": press c to review, ", style)
        .text(&left, style)
        .fixed(" left ", style);
    let what = Row::of(" ", style)
        .text(proposal.terms.proposer.as_str(), style)
        .fixed(" proposes ", style)
        .text(&step.plan.number, style)
        .fixed(" ", style)
        .text(&step.plan.title, style);
    let room = width.saturating_sub(right.width());
    Some(what.fit(room, canvas.signs()).row(right))
}

/// Holds in force, while the sentence above is about something else: what runs goes on, nothing new starts.
fn held(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let state = &cx.room.state;
    let hold = state
        .holds
        .first()
        .filter(|_| state.running().is_some() || state.proposal.is_some())?;
    let style = canvas.of(Role::Banner);
    let row = Row::of(" HELD, nothing new starts: ", style)
        .text(&words::hold(&hold.cause, &hold.by), style);
    let more = state.holds.len().saturating_sub(1);
    Some(if more > 0 {
        row.text(&format!(", and {more} more"), style)
    } else {
        row
    })
}
