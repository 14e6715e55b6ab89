//! Which alerts are about the work, who is on call, which incidents are open; and which sources do not answer.

mod alerts;
mod on_call;

use super::{Cx, entries, nothing, silences, top_pane, writes};
use crate::domain::reading::{AlertState, Incident, Liveness};
use crate::domain::touched;
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::room::Link;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::words;
use ratatui::layout::Rect;

/// Draws the pane: what nobody expected first, then what was written and is not proven, then who answers.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let touched = touched::names(cx.room.state.plan(), &cx.room.board.components);
    let is_long = model.zoom && model.focus() == Pane::Duty;
    let mut rows = alerts::rows(cx, canvas, &touched, is_long);
    rows.extend(silences::rows(cx, canvas));
    rows.extend(writes::open_rows(cx, canvas));
    let incidents = cx.room.board.incidents.values().flatten();
    rows.extend(incidents.map(|i| incident(cx, canvas, i)));
    rows.extend(on_call::handovers(cx, canvas));
    rows.extend(on_call::rows(cx, canvas, &touched));
    rows.extend(unhealthy(cx, canvas));
    if rows.is_empty() {
        rows.push(nothing(canvas, "no alert or pager source is configured"));
    }
    let firing = firing(cx);
    let extra = if firing > 0 {
        Row::of(" ", canvas.of(Role::Dim)).text(&format!("{firing} FIRING"), canvas.of(Role::Bad))
    } else {
        Row::new()
    };
    let rows = entries(&rows, area);
    top_pane(model, canvas, area, Pane::Duty, extra, &rows);
}

/// How many alerts fire.
pub(super) fn firing(cx: &Cx<'_>) -> usize {
    let alerts = cx.room.board.alerts.values().flatten();
    alerts.filter(|a| a.state == AlertState::Firing).count()
}

/// How many incidents are open.
pub(super) fn incidents(cx: &Cx<'_>) -> usize {
    cx.room.board.incidents.values().flatten().count()
}

fn incident(cx: &Cx<'_>, canvas: &Canvas<'_>, incident: &Incident) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let role = if incident.status == "triggered" {
        Role::Bad
    } else {
        Role::Warn
    };
    let row = Row::of("incident ", dim)
        .text(&incident.id, canvas.of(Role::Strong))
        .fixed(" ", dim)
        .text(&incident.status, canvas.of(role))
        .fixed(" ", dim)
        .text(&incident.title, text);
    match incident.since {
        Some(since) => row.fixed(" for ", dim).text(&cx.age(since), dim),
        None => row,
    }
}

/// Sources that do not answer: what they would say is not known.
fn unhealthy(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let glyphs = canvas.look().glyphs;
    let lost = cx.room.link != Link::Up;
    cx.room
        .board
        .health
        .values()
        .filter(|h| lost || h.liveness != Liveness::Live)
        .map(|health| {
            if !lost && health.is_unused() {
                return Row::new()
                    .text(health.connector.as_str(), text)
                    .fixed(" only writes; nothing was sent yet", dim);
            }
            let liveness = if lost {
                Liveness::Stale
            } else {
                health.liveness
            };
            let mark = words::liveness(liveness, glyphs);
            let row = Row::of(mark.glyph, canvas.of(mark.role))
                .fixed(" ", dim)
                .text(health.connector.as_str(), text)
                .fixed(" ", dim)
                .fixed(mark.word, canvas.of(mark.role));
            let row = match health.last_good {
                Some(at) => row
                    .fixed(", last answer ", dim)
                    .text(&cx.age(at.wall), text)
                    .fixed(" ago", dim),
                None => row,
            };
            row.fixed(" ", dim).text(&health.last_error, text)
        })
        .collect()
}
