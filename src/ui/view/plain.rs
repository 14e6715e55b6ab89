//! Screens without a session, and screens too small for panes.

use super::{Cx, header, now};
use crate::display::Clean;
use crate::ui::action::View;
use crate::ui::canvas::{Canvas, Target, below};
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::words;
use ratatui::layout::Rect;

/// Rows that [`connecting`] writes.
pub(crate) const CONNECTING_ROWS: u16 = 2;

/// Nothing is known yet.
pub(crate) fn connecting(canvas: &mut Canvas<'_>, area: Rect, what: &Clean) {
    let text = canvas.of(Role::Text);
    let row = Row::of("warroom", canvas.of(Role::Title))
        .fixed("  ", text)
        .clean(what.clone(), text);
    canvas.row(area, 0, row);
    canvas.row(area, 1, Row::of("q leaves", canvas.of(Role::Dim)));
}

/// There is no session to show.
pub(crate) fn failed(canvas: &mut Canvas<'_>, area: Rect, what: &Clean, hint: &Clean) {
    let width = usize::from(area.width);
    let (bad, text) = (canvas.of(Role::Bad), canvas.of(Role::Text));
    let mut rows = Row::of("error: ", bad)
        .clean(what.clone(), text)
        .wrap(width);
    if !hint.is_empty() {
        rows.extend(
            Row::of("hint: ", canvas.of(Role::Key))
                .clean(hint.clone(), text)
                .wrap(width),
        );
    }
    rows.push(Row::of("q leaves", canvas.of(Role::Dim)));
    for (line, row) in rows.into_iter().enumerate() {
        canvas.row(area, line, row);
    }
}

/// State, what now, and as many steps as fit: for a screen too small for panes.
pub(crate) fn tiny(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let height = usize::from(area.height);
    let width = usize::from(area.width);
    let sentence = now::rows(cx, model, canvas, width);
    // With one line only, what now is the one to keep.
    let mut line = 0;
    if height > 1 {
        canvas.bar(area, 0, header::short(cx, canvas), canvas.of(Role::Header));
        line = 1;
    }
    let room = height
        .saturating_sub(line)
        .saturating_sub(usize::from(height > 4))
        .max(1);
    for row in sentence.into_iter().take(room) {
        canvas.bar(area, line, row, canvas.of(Role::Now));
        line = line.saturating_add(1);
    }
    if model.view != View::WarRoom && line < height {
        let row = Row::of("too small for the ", canvas.of(Role::Dim))
            .fixed(model.view.as_str(), canvas.of(Role::Dim));
        canvas.row(area, line, row);
        line = line.saturating_add(1);
    }
    steps(cx, model, canvas, below(area, line));
}

fn steps(cx: &Cx<'_>, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let glyphs = canvas.look().glyphs;
    let visible = usize::from(area.height);
    let first = model.step.saturating_sub(visible / 2);
    for (line, view) in cx.room.state.views().skip(first).take(visible).enumerate() {
        let mark = words::step(&cx.room.state, view.index, glyphs);
        let style = canvas.of(mark.role);
        let row = Row::of(mark.glyph, style)
            .fixed(" ", style)
            .text(&view.plan.number, canvas.of(Role::Dim))
            .fixed(" ", style)
            .fixed(mark.word, style)
            .fixed(" ", style)
            .text(&view.plan.title, canvas.of(Role::Text));
        canvas.row(area, line, row);
        if let Some(place) = crate::ui::canvas::line_of(area, line) {
            canvas.target(place, Target::Step(view.index));
        }
    }
}
