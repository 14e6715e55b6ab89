//! Alerts: those about touched components, what nobody expected first; all others as a count.

use super::super::Cx;
use crate::domain::alert_match::{self, Match};
use crate::domain::reading::{Alert, AlertState};
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;

/// Alerts shown one by one; a storm is counted.
const SHOWN_MAX: usize = 100;

/// Rows of all alerts; `is_long` unfolds what is expected and what is about other components.
pub(super) fn rows(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    touched: &[String],
    is_long: bool,
) -> Vec<Row> {
    let board = &cx.room.board;
    let expected = cx.room.expected_alerts(cx.now.wall);
    let matches = alert_match::touched(&board.alerts, &board.components, touched, &expected);
    let is_about = |alert: &&Alert| matches.iter().any(|m| std::ptr::eq(m.alert, *alert));
    let all = board.alerts.values().flatten();
    let mut others: Vec<&Alert> = all.filter(|alert| !is_about(alert)).collect();
    // Firing first, then by name, so that the order does not change from poll to poll.
    others.sort_by_key(|a| (a.state != AlertState::Firing, &a.name));
    let (known, news): (Vec<_>, Vec<_>) = matches.iter().partition(|m| m.expected);
    let mut rows: Vec<Row> = limited(news.iter().map(|m| about(cx, canvas, m)), canvas);
    if is_long {
        rows.extend(limited(known.iter().map(|m| about(cx, canvas, m)), canvas));
    } else {
        let known: Vec<&Alert> = known.iter().map(|m| m.alert).collect();
        rows.extend(count(canvas, &known, "expected by the runbook"));
    }
    // Where the runbook names no components, no alert is about others.
    if is_long || touched.is_empty() {
        rows.extend(limited(others.iter().map(|a| plain(cx, canvas, a)), canvas));
    } else {
        rows.extend(count(canvas, &others, "about other components"));
    }
    rows
}

fn limited(rows: impl ExactSizeIterator<Item = Row>, canvas: &Canvas<'_>) -> Vec<Row> {
    let over = rows.len().saturating_sub(SHOWN_MAX);
    let mut rows: Vec<Row> = rows.take(SHOWN_MAX).collect();
    if over > 0 {
        let text = format!("and {over} more alerts");
        rows.push(Row::new().text(&text, canvas.of(Role::Bad)));
    }
    rows
}

/// `3 alerts expected by the runbook, 2 firing`
fn count(canvas: &Canvas<'_>, alerts: &[&Alert], what: &'static str) -> Option<Row> {
    let dim = canvas.of(Role::Dim);
    let plural = if alerts.len() == 1 { "alert" } else { "alerts" };
    let firing = alerts.iter().filter(|a| a.state == AlertState::Firing);
    let firing = match firing.count() {
        0 => ", none firing".to_owned(),
        count => format!(", {count} firing"),
    };
    let row = Row::new()
        .text(&format!("{} {plural} ", alerts.len()), dim)
        .fixed(what, dim)
        .text(&firing, dim);
    (!alerts.is_empty()).then_some(row)
}

/// An alert about a touched component; `!` where nobody expected it and nothing keeps it quiet.
fn about(cx: &Cx<'_>, canvas: &Canvas<'_>, m: &Match<'_>) -> Row {
    let dim = canvas.of(Role::Dim);
    let mark = if m.expected || m.silenced {
        Row::of(" ", dim)
    } else {
        Row::of("!", canvas.of(Role::Bad))
    };
    let word = match (m.silenced, m.expected) {
        (true, _) => " silenced",
        (false, true) => " expected",
        (false, false) => "",
    };
    mark.row(state(canvas, m.alert))
        .text(&m.alert.name, canvas.of(Role::Strong))
        .fixed(" on ", dim)
        .text(&m.component, canvas.of(Role::Text))
        .fixed(word, canvas.of(Role::Active))
        .row(rest(cx, canvas, m.alert))
}

fn plain(cx: &Cx<'_>, canvas: &Canvas<'_>, alert: &Alert) -> Row {
    let word = if alert.silenced_by.is_empty() {
        ""
    } else {
        " silenced"
    };
    state(canvas, alert)
        .text(&alert.name, canvas.of(Role::Strong))
        .fixed(word, canvas.of(Role::Active))
        .row(rest(cx, canvas, alert))
}

fn state(canvas: &Canvas<'_>, alert: &Alert) -> Row {
    let glyphs = canvas.look().glyphs;
    let (sign, word, role) = match alert.state {
        AlertState::Firing => (glyphs.failed, " FIRING", Role::Bad),
        AlertState::Pending => (glyphs.waiting, " pending", Role::Warn),
    };
    Row::of(sign, canvas.of(role))
        .fixed(word, canvas.of(role))
        .fixed(" ", canvas.of(Role::Dim))
}

fn rest(cx: &Cx<'_>, canvas: &Canvas<'_>, alert: &Alert) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let mut row = Row::new();
    if !alert.severity.is_empty() {
        row = row
            .fixed(" ", dim)
            .text(&alert.severity, canvas.of(Role::Warn));
    }
    if let Some(since) = alert.since {
        row = row.fixed(" for ", dim).text(&cx.age(since), dim);
    }
    if alert.summary.is_empty() {
        return row;
    }
    row.fixed(": ", dim).text(&alert.summary, text)
}
