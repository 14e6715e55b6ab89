//! The rows on top: which session, in which mode and state, and how long is left.

use super::{Cx, window};
use crate::domain::fact::Mode;
use crate::domain::time::short_span;
use crate::ui::action::View;
use crate::ui::canvas::{Canvas, Target};
use crate::ui::model::Model;
use crate::ui::room::{Link, Seen};
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::words;
use ratatui::layout::Rect;

/// Draws the header; gives the rows it took.
pub(crate) fn draw(cx: &Cx<'_>, model: &Model, canvas: &mut Canvas<'_>, area: Rect) -> usize {
    let width = usize::from(area.width);
    let header = canvas.of(Role::Header);
    let signs = canvas.signs();
    let state = &cx.room.state;
    let (phase, role) = words::phase(state);
    let clock = Row::of(" ", header)
        .text(
            &cx.clock(cx.now.wall, model.local_time),
            canvas.of(Role::Strong),
        )
        .fixed(" ", header);
    let right = mode(cx, canvas)
        .fixed(" ", header)
        .fixed(phase, canvas.of(role))
        .row(clock);
    let left = Row::of(" ", header)
        .text(cx.room.welcome.name.as_str(), canvas.of(Role::Title))
        .fixed("  ", header)
        .text(&state.plan().title, canvas.of(Role::Strong));
    canvas.bar(area, 0, left.with_right(right, width, signs), header);
    let views = views(model, canvas, area);
    let left = width.saturating_sub(views.width()).saturating_sub(2);
    let second = Row::of(" ", header).row(window::row(cx, model.local_time, canvas, left));
    canvas.bar(area, 1, second.with_right(views, width, signs), header);
    let mut rows = 2;
    if let Some(row) = link(cx, canvas) {
        canvas.bar(area, rows, row, canvas.of(Role::Danger));
        rows = rows.saturating_add(1);
    }
    if let Some(row) = rolled_back(cx, canvas) {
        canvas.bar(area, rows, row, canvas.of(Role::Danger));
        rows = rows.saturating_add(1);
    }
    rows
}

/// Says that the session's journal is not the one this person has seen before.
fn rolled_back(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let Seen::Fault(what) = &cx.room.seen else {
        return None;
    };
    let style = canvas.of(Role::Danger);
    let row = Row::of(" JOURNAL NOT AS YOU SAW IT: ", style).text(what, style);
    Some(row.fixed("; confirm nothing, call the others", style))
}

/// State, clock and link in a few cells.
pub(crate) fn short(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let (phase, role) = words::phase(&cx.room.state);
    let header = canvas.of(Role::Header);
    let row = Row::of(phase, canvas.of(role));
    let row = match &cx.room.link {
        Link::Up if matches!(cx.room.seen, Seen::Fault(_)) => {
            row.fixed(" JOURNAL!", canvas.of(Role::Bad))
        }
        Link::Up => row,
        Link::Lost { .. } => row.fixed(" LOST", canvas.of(Role::Bad)),
        Link::Ended { .. } => row.fixed(" ENDED", canvas.of(Role::Bad)),
    };
    row.fixed(" ", header)
        .text(&cx.clock(cx.now.wall, false), header)
        .fixed(" ", header)
        .row(mode(cx, canvas))
}

fn mode(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let (word, role) = match cx.room.welcome.mode {
        Mode::Enforced => ("[ENFORCED]", Role::Text),
        Mode::Advisory if cx.room.welcome.policy.no_people => {
            ("[ADVISORY no people file]", Role::ModeAdvisory)
        }
        Mode::Advisory if cx.room.welcome.policy.is_uid_by_policy() => {
            ("[ADVISORY uid]", Role::ModeAdvisory)
        }
        Mode::Advisory => ("[ADVISORY]", Role::ModeAdvisory),
        Mode::Demo => ("[DEMO]", Role::ModeDemo),
    };
    if cx.room.state.genesis.rehearsal.is_some() {
        // What it is comes before how it is guarded, where there is room for one of them alone.
        return Row::of("[REHEARSAL]", canvas.of(Role::ModeDemo))
            .fixed(" ", canvas.of(Role::Header))
            .fixed(word, canvas.of(role));
    }
    Row::of(word, canvas.of(role))
}

/// From this width on views are shown by name: the names take 69 cells, the longest text of the window beside them 47.
const NAMED_VIEWS: u16 = 119;

/// The names of the views with their keys; the shown one is marked by brackets too.
fn views(model: &Model, canvas: &mut Canvas<'_>, area: Rect) -> Row {
    const NAMES: [(&str, &str); 6] = [
        (" 1 war room ", "[1 war room]"),
        (" 2 runbook ", "[2 runbook]"),
        (" 3 metrics ", "[3 metrics]"),
        (" 4 timeline ", "[4 timeline]"),
        (" 5 confirm ", "[5 confirm]"),
        (" 6 map ", "[6 map]"),
    ];
    const SHORT: [(&str, &str); 6] = [
        (" 1 ", "[1]"),
        (" 2 ", "[2]"),
        (" 3 ", "[3]"),
        (" 4 ", "[4]"),
        (" 5 ", "[5]"),
        (" 6 ", "[6]"),
    ];
    let names = if area.width >= NAMED_VIEWS {
        &NAMES
    } else {
        &SHORT
    };
    let mut row = Row::new();
    let mut places = Vec::new();
    for (view, (plain, shown)) in View::ALL.into_iter().zip(names) {
        let at = row.width();
        row = if view == model.view {
            row.fixed(shown, canvas.of(Role::Key))
        } else {
            row.fixed(plain, canvas.of(Role::Dim))
        };
        places.push((view, at, row.width().saturating_sub(at)));
    }
    let start = usize::from(area.right()).saturating_sub(row.width());
    for (view, at, width) in places {
        let place = Rect {
            x: u16::try_from(start.saturating_add(at)).unwrap_or(u16::MAX),
            y: area.y.saturating_add(1),
            width: u16::try_from(width).unwrap_or(0),
            height: 1,
        };
        canvas.target(place, Target::View(view));
    }
    row
}

/// Says that what is on the screen is old.
fn link(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Option<Row> {
    let style = canvas.of(Role::Danger);
    match &cx.room.link {
        Link::Up => None,
        Link::Lost { since, why } => {
            let age = short_span(std::time::Duration::from_millis(cx.now.mono_since(*since)));
            Some(
                Row::of(" DISCONNECTED for ", style)
                    .text(&age, style)
                    .fixed(", trying again; everything below is old: ", style)
                    .text(why, style),
            )
        }
        Link::Ended { reason } => Some(
            Row::of(" SESSION ENDED: ", style)
                .text(reason, style)
                .fixed("; q leaves", style),
        ),
    }
}
