//! Who is on call, which incidents are open, which alerts fire; and which sources do not answer.

use super::{Cx, entries, nothing, top_pane};
use crate::domain::reading::{Alert, AlertState, Incident, Liveness, OnCall};
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::room::Link;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::words;
use ratatui::layout::Rect;

/// Draws the pane.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let board = &cx.room.board;
    let mut rows = Vec::new();
    let mut alerts: Vec<&Alert> = board.alerts.values().flatten().collect();
    // Firing first, then by name, so that the order does not change from poll to poll.
    alerts.sort_by_key(|a| (a.state != AlertState::Firing, &a.name));
    rows.extend(alerts.into_iter().map(|a| alert(cx, canvas, a)));
    rows.extend(
        board
            .incidents
            .values()
            .flatten()
            .map(|i| incident(cx, canvas, i)),
    );
    rows.extend(
        board
            .on_calls
            .values()
            .flatten()
            .map(|o| on_call(cx, canvas, o)),
    );
    rows.extend(unhealthy(cx, canvas));
    if rows.is_empty() {
        rows.push(nothing(canvas, "no alert or pager source is configured"));
    }
    let firing = firing(cx);
    let extra = if firing > 0 {
        Row::new().text(&format!(" {firing} FIRING"), canvas.of(Role::Bad))
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

fn alert(cx: &Cx<'_>, canvas: &Canvas<'_>, alert: &Alert) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let glyphs = canvas.look().glyphs;
    let (sign, word, role) = match alert.state {
        AlertState::Firing => (glyphs.failed, " FIRING ", Role::Bad),
        AlertState::Pending => (glyphs.waiting, " pending ", Role::Warn),
    };
    let row = Row::of(sign, canvas.of(role))
        .fixed(word, canvas.of(role))
        .text(&alert.name, canvas.of(Role::Strong));
    let row = if alert.severity.is_empty() {
        row
    } else {
        row.fixed(" ", dim)
            .text(&alert.severity, canvas.of(Role::Warn))
    };
    let row = match alert.since {
        Some(since) => row.fixed(" for ", dim).text(&cx.age(since), dim),
        None => row,
    };
    row.fixed(" ", dim).text(&alert.summary, text)
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

fn on_call(cx: &Cx<'_>, canvas: &Canvas<'_>, duty: &OnCall) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let mut row = Row::of("on call ", dim)
        .text(&duty.person, canvas.of(Role::Person))
        .fixed(" ", dim)
        .text(&duty.rota, text)
        .text(&format!(" L{}", duty.level), dim);
    if !duty.contact.is_empty() {
        row = row.fixed(" ", dim).text(&duty.contact, text);
    }
    if let Some(until) = duty.until {
        let left = crate::domain::time::short_span(until.since(cx.now.wall));
        row = row.fixed(" hands over in ", dim).text(&left, text);
        if !duty.next.is_empty() {
            row = row
                .fixed(" to ", dim)
                .text(&duty.next, canvas.of(Role::Person));
        }
    }
    row
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
