//! The output of a command, as it comes.

use super::Cx;
use crate::domain::fact::ExecKey;
use crate::domain::git::{GitState, Tone};
use crate::domain::radius::Line;
use crate::domain::state::Phase;
use crate::domain::time::short_span;
use crate::ui::action::Pane;
use crate::ui::cache::Cache;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::{markdown, pane};
use ratatui::layout::Rect;

/// Draws the output pane.
pub(crate) fn draw(
    cx: &Cx<'_>,
    model: &mut Model,
    cache: &Cache,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    let (key, rows, last, made) = cache.output();
    let Some(key) = key else {
        if cx.room.state.phase == Phase::Briefing && model.follow {
            return briefing(cx, model, canvas, area);
        }
        return super::step::draw_as(Pane::Output, cx, model, canvas, area);
    };
    let title = title(cx, canvas, key);
    let inner = pane::open(
        canvas,
        area,
        Pane::Output,
        model.focus() == Pane::Output,
        title,
    );
    let height = usize::from(inner.height);
    cache.output_width.set(usize::from(inner.width));
    let len = rows.len().saturating_add(last.len());
    let top = model.scroll(Pane::Output).tail_window(len, height, made);
    for (line, row) in rows.iter().chain(last).skip(top).take(height).enumerate() {
        canvas.row(inner, line, row.clone());
    }
    pane::scroll_bar(canvas, inner, len, top);
    if len == 0 {
        canvas.row(inner, 0, empty(cx, canvas, key));
    }
}

/// What people read before they begin.
fn briefing(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let width = usize::from(area.width.saturating_sub(2));
    let genesis = &cx.room.state.genesis;
    let mut rows = markdown::render(&genesis.plan.briefing, width, canvas.look());
    if !rows.is_empty() {
        rows.push(Row::new());
    }
    // What is dangerous comes before what the pane may have no room for.
    let summary = cx.room.radius().summary();
    let (urgent, calm): (Vec<Line>, Vec<Line>) = summary.into_iter().partition(Line::is_urgent);
    let radius = |line: &Line| super::map::of_line(canvas, line).hang(width, 10);
    if !urgent.is_empty() {
        rows.extend(urgent.iter().flat_map(radius));
        rows.push(Row::new());
    }
    let change = Row::of("change  ", dim);
    let change = match &genesis.plan.change {
        Some(number) => change.text(number, text),
        None => change.fixed("not given", dim),
    };
    rows.extend(change.wrap(width));
    rows.extend(
        Row::of("runbook ", dim)
            .text(&genesis.runbook.path, text)
            .wrap(width),
    );
    let commit = Row::of("commit  ", dim);
    let commit = match genesis.runbook.commit.as_str() {
        "none" => commit.fixed("none: not tracked, or changed since", canvas.of(Role::Warn)),
        known => commit.text(known, text),
    };
    rows.extend(commit.wrap(width));
    for (word, said, tone) in genesis.runbook.git.iter().flat_map(GitState::lines) {
        let style = match tone {
            Tone::Plain => text,
            Tone::Doubt => canvas.of(Role::Warn),
        };
        let row = Row::new()
            .text(&format!("{word:<8}"), dim)
            .text(&said, style);
        rows.extend(row.wrap(width));
    }
    rows.extend(
        Row::of("host    ", dim)
            .text(&genesis.host, text)
            .wrap(width),
    );
    rows.extend(times(cx, canvas).iter().flat_map(|row| row.wrap(width)));
    rows.extend(calm.iter().flat_map(radius));
    rows.extend(super::rehearsal::rows(cx, canvas, width));
    let extra = Row::of(" (none yet: the briefing)", dim);
    super::top_pane(model, canvas, area, Pane::Output, extra, &rows);
}

/// When the work may happen, and how long it took before.
fn times(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let state = &cx.room.state;
    let mut rows = Vec::new();
    if let Some(window) = state.window() {
        let recurs = state.plan().recurs.as_ref();
        let recurs = recurs.map_or_else(String::new, |recurs| format!(" ({recurs})"));
        let times = format!(
            "{} to {}{recurs}",
            window.start.to_seconds_text(),
            window.end.to_seconds_text()
        );
        rows.push(Row::of("window  ", dim).text(&times, text));
    }
    for freeze in &state.genesis.freezes {
        let words = format!(
            "{}: {} to {}: {}",
            freeze.id,
            freeze.start.to_seconds_text(),
            freeze.end.to_seconds_text(),
            freeze.reason
        );
        rows.push(Row::of("freeze  ", dim).text(&words, text));
    }
    let learned = &state.genesis.learned;
    if !learned.is_none() {
        let unread = match learned.unread {
            0 => String::new(),
            unread => format!("; journals that could not be read: {unread}"),
        };
        let words = format!("durations from n={} earlier runs{unread}", learned.runs);
        rows.push(Row::of("history ", dim).text(&words, text));
    }
    rows
}

fn empty(cx: &Cx<'_>, canvas: &Canvas<'_>, key: &ExecKey) -> Row {
    let runs = cx.room.state.running().is_some_and(|r| r.key == *key);
    super::nothing(canvas, if runs { "no output yet" } else { "no output" })
}

/// Which command, for how long, and how it ended.
fn title(cx: &Cx<'_>, canvas: &Canvas<'_>, key: &ExecKey) -> Row {
    let (dim, text) = (canvas.of(Role::Dim), canvas.of(Role::Text));
    let Some(step) = cx.room.state.find(&key.step) else {
        return Row::new();
    };
    let row = Row::of(" ", dim)
        .text(&step.plan.number, text)
        .fixed(" ", dim);
    if let Some(running) = step.now.running.as_ref().filter(|r| r.key == *key) {
        let row = row
            .fixed(running.role.as_str(), text)
            .fixed(" running ", canvas.of(Role::Active))
            .text(&short_span(cx.now.wall.since(running.since.wall)), dim);
        return if running.stop_asked {
            let row = row.fixed(", stop asked", canvas.of(Role::Warn));
            match step.now.stop_by.as_str() {
                "" => row,
                who => row.text(&format!(" by {who}"), canvas.of(Role::Warn)),
            }
        } else {
            row
        };
    }
    let Some(done) = step.now.finished.iter().rev().find(|f| f.key == *key) else {
        return row;
    };
    let row = row.fixed(done.role.as_str(), text).fixed(" ", dim);
    let row = match &done.outcome {
        None => row.fixed("ended nobody knows how", canvas.of(Role::Unknown)),
        Some(outcome) => {
            let role = if outcome.is_success() {
                Role::Good
            } else {
                Role::Bad
            };
            row.text(&outcome.to_string(), canvas.of(role))
        }
    };
    let row = row
        .fixed(" after ", dim)
        .text(&short_span(done.ended.wall.since(done.started.wall)), dim);
    // What is shown may be older than what goes on: nobody takes it for the output of this attempt.
    let row = if key.attempt < step.now.attempt {
        let text = format!(", attempt {} of {}", key.attempt, step.now.attempt);
        row.text(&text, canvas.of(Role::Warn))
    } else {
        row
    };
    let dropped = done.output.as_ref().map_or(0, |o| o.dropped);
    if dropped > 0 {
        row.text(
            &format!(", {dropped} bytes not kept"),
            canvas.of(Role::Warn),
        )
    } else {
        row
    }
}
