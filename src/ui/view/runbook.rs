//! The runbook as it is written, with live states in its margin.

use super::{Cx, pane as draw_pane};
use crate::ui::action::Pane;
use crate::ui::cache::Cache;
use crate::ui::canvas::{Canvas, Target, line_of};
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crate::ui::words;
use ratatui::layout::{Constraint, Layout, Rect};

/// Cells of the margin: cursor, sign, space.
const MARGIN: u16 = 3;
/// From this width on, document and step stand side by side.
const SIDE_BY_SIDE: u16 = 110;

/// Draws document and step.
pub(crate) fn draw(
    cx: &Cx<'_>,
    model: &mut Model,
    cache: &Cache,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    if area.width < SIDE_BY_SIDE {
        return draw_pane(model.focus(), cx, model, cache, canvas, area);
    }
    let parts = [Constraint::Fill(1), Constraint::Percentage(45)];
    let [left, right] = area.layout(&Layout::horizontal(parts));
    document(cx, model, cache, canvas, left);
    let (above, below) = super::rollout::place(cx, right);
    super::step::draw(cx, model, canvas, above);
    if let Some(below) = below {
        super::rollout::draw(cx, model, canvas, below);
    }
}

/// Draws the document.
pub(crate) fn document(
    cx: &Cx<'_>,
    model: &mut Model,
    cache: &Cache,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    let extra = source(cx, canvas);
    let inner = pane::open(
        canvas,
        area,
        Pane::Document,
        model.focus() == Pane::Document,
        extra,
    );
    cache
        .document_width
        .set(usize::from(inner.width.saturating_sub(MARGIN)));
    let rows = cache.document();
    let height = usize::from(inner.height);
    let reveal = std::mem::take(&mut model.reveal);
    let step = model.step;
    let scroll = model.scroll(Pane::Document);
    if reveal && let Some(first) = rows.iter().position(|r| r.step == Some(step)) {
        let rest = rows
            .iter()
            .skip(first)
            .take_while(|r| r.step == Some(step) || r.step.is_none());
        let end = first.saturating_add(rest.count().min(height));
        scroll.reveal(first.saturating_sub(1), end, rows.len(), height);
    }
    let top = scroll.window(rows.len(), height);
    let text = Rect {
        x: inner.x.saturating_add(MARGIN),
        width: inner.width.saturating_sub(MARGIN),
        ..inner
    };
    for (line, row) in rows.iter().skip(top).take(height).enumerate() {
        canvas.row(text, line, row.row.clone());
        let (Some(index), Some(place)) = (row.step, line_of(inner, line)) else {
            continue;
        };
        canvas.target(place, Target::Step(index));
        if row.is_title {
            canvas.row(place, 0, margin(cx, canvas, index, index == step));
        }
        if index == step && row.is_title {
            canvas.shade(place, canvas.of(Role::Selection));
        }
    }
    pane::scroll_bar(canvas, inner, rows.len(), top);
}

fn margin(cx: &Cx<'_>, canvas: &Canvas<'_>, index: usize, selected: bool) -> Row {
    let glyphs = canvas.look().glyphs;
    let mark = words::step(&cx.room.state, index, glyphs);
    let cursor = if selected { glyphs.cursor } else { " " };
    Row::of(cursor, canvas.of(Role::Active)).fixed(mark.glyph, canvas.of(mark.role))
}

/// File and commit the session is pinned to.
fn source(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let runbook = &cx.room.state.genesis.runbook;
    let name = runbook.path.rsplit('/').next().unwrap_or("");
    let commit = match runbook.commit.as_str() {
        "none" => " no commit".to_owned(),
        known => format!(" commit {}", known.chars().take(13).collect::<String>()),
    };
    let git = runbook.git.as_ref();
    let git = git.map_or_else(String::new, |git| format!(", {}", git.in_short()));
    Row::of(" ", canvas.of(Role::Dim))
        .text(name, canvas.of(Role::Dim))
        .text(&commit, canvas.of(Role::Dim))
        .text(&git, canvas.of(Role::Dim))
}
