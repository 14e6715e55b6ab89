//! One step in full: what it does, where it stands, what it has done.

use super::{Cx, nothing, silences, top_pane, waiting};
use crate::domain::forecast::usual;
use crate::domain::readiness::{Readiness, StepView};
use crate::domain::runbook::plan::{ExecBlock, Gate, PlanBlock};
use crate::domain::state::{Finished, StepStatus};
use crate::domain::time::short_span;
use crate::domain::took::took;
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::text::{Row, exact, wrapped};
use crate::ui::theme::Role;
use crate::ui::unseen;
use crate::ui::widgets::markdown;
use crate::ui::words;
use ratatui::layout::Rect;
use std::time::Duration;

/// Draws the selected step.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    draw_as(Pane::Step, cx, model, canvas, area);
}

/// Draws the selected step in the place of another pane.
pub(crate) fn draw_as(
    which: Pane,
    cx: &Cx<'_>,
    model: &mut Model,
    canvas: &mut Canvas<'_>,
    area: Rect,
) {
    let width = usize::from(area.width.saturating_sub(2));
    let rows = match cx.room.state.view(model.step) {
        Some(view) => rows(cx, canvas, view, width),
        None => vec![nothing(canvas, "the runbook has no steps")],
    };
    let extra = if which == Pane::Step || unseen::is_hidden(cx.room, model.step) {
        Row::new()
    } else {
        Row::of(" (none yet: the step)", canvas.of(Role::Dim))
    };
    top_pane(model, canvas, area, which, extra, &rows);
}

fn rows(cx: &Cx<'_>, canvas: &Canvas<'_>, view: StepView<'_>, width: usize) -> Vec<Row> {
    let title = format!("{} {}", view.plan.number, view.plan.title);
    let mut rows = wrapped(&title, width, canvas.of(Role::Strong));
    rows.extend(status(cx, canvas, view, width));
    let is_hidden = unseen::is_hidden(cx.room, view.index);
    rows.extend(about(cx, canvas, view, is_hidden).wrap(width));
    if is_hidden {
        rows.push(Row::new());
        rows.extend(wrapped(unseen::LATER, width, canvas.of(Role::Now)));
        return rows;
    }
    for row in silences::of_step(cx, canvas, view.index) {
        rows.extend(row.wrap(width));
    }
    rows.extend(body(cx, canvas, view, width));
    rows
}

/// Everything that may name the target.
fn body(cx: &Cx<'_>, canvas: &Canvas<'_>, view: StepView<'_>, width: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    if !view.plan.prose.is_empty() {
        rows.push(Row::new());
        rows.extend(markdown::render(&view.plan.prose, width, canvas.look()));
    }
    for (place, block) in view.plan.blocks.iter().enumerate() {
        let done = place < usize::from(view.now.next_block) && view.now.attempt.0 > 0;
        rows.push(Row::new());
        rows.extend(match block {
            PlanBlock::Exec(exec) => command(canvas, exec, done, width),
            PlanBlock::Gate(gate) => condition(canvas, gate, done, width),
        });
    }
    for expect in &view.plan.expects {
        rows.push(Row::new());
        rows.extend(waiting::declared(cx, canvas, (view, expect), width));
    }
    if let Some(undo) = &view.plan.undo {
        rows.push(Row::new());
        rows.extend(command(
            canvas,
            undo,
            view.now.status == StepStatus::Undone,
            width,
        ));
    }
    if !view.now.finished.is_empty() {
        rows.push(Row::new());
        rows.push(Row::of("what it has done", canvas.of(Role::Heading)));
        rows.extend(view.now.finished.iter().map(|f| finished(cx, canvas, f)));
    }
    if !view.now.note.is_empty() {
        rows.push(Row::new());
        let note = format!("note: {}", view.now.note);
        rows.extend(wrapped(&note, width, canvas.of(Role::Text)));
    }
    rows
}

fn status(cx: &Cx<'_>, canvas: &Canvas<'_>, view: StepView<'_>, width: usize) -> Vec<Row> {
    let mark = words::step(&cx.room.state, view.index, canvas.look().glyphs);
    let style = canvas.of(mark.role);
    let row = Row::of(mark.glyph, style)
        .fixed(" ", style)
        .fixed(mark.word, style);
    let why = match &view.now.status {
        StepStatus::Done { warning } => warning.clone(),
        StepStatus::Failed { why } | StepStatus::UndoFailed { why } => why.clone(),
        StepStatus::Skipped { by, reason } => format!("by {by}: {reason}"),
        StepStatus::Unknown => {
            "the server died while it ran; look at the target, then press o".to_owned()
        }
        StepStatus::Pending => match cx.room.state.readiness(view.index) {
            Readiness::Blocked(why) => why,
            _ => String::new(),
        },
        StepStatus::Active { .. } | StepStatus::Undoing | StepStatus::Undone => String::new(),
    };
    let row = if why.is_empty() {
        row
    } else {
        row.fixed(": ", style).text(&why, canvas.of(Role::Text))
    };
    row.wrap(width)
}

/// Waits below this are the way from one command to the next, and nobody's.
const WAIT_MIN: Duration = Duration::from_secs(15);

fn about(cx: &Cx<'_>, canvas: &Canvas<'_>, view: StepView<'_>, is_hidden: bool) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let risk = if view.plan.risk.needs_second_person() {
        Role::Bad
    } else {
        Role::Text
    };
    let mut row = Row::of("risk ", dim).fixed(view.plan.risk.as_str(), canvas.of(risk));
    if view.plan.risk.needs_second_person() {
        row = row.text(&format!(", {} more to confirm", view.plan.quorum), text);
    }
    if let Some(component) = view.plan.component.as_ref().filter(|_| !is_hidden) {
        row = row.fixed(", component ", dim).text(component, text);
    }
    if let Some(usual) = usual(&cx.room.state, view) {
        row = match usual.samples {
            Some(_) => row.fixed(", usually ", dim).text(&usual.to_string(), text),
            None => row
                .fixed(", expected ", dim)
                .text(&short_span(usual.p50), text),
        };
    }
    let is_over = matches!(
        view.now.status,
        StepStatus::Done { .. } | StepStatus::Failed { .. }
    );
    if let Some(took) = took(&cx.room.state, view).filter(|_| is_over) {
        row = row
            .fixed(", took ", dim)
            .text(&short_span(took.worked), text);
        if took.waited >= WAIT_MIN {
            row = row
                .fixed(", waited ", dim)
                .text(&short_span(took.waited), text);
        }
    }
    if let Some(took) = super::rehearsal::took(&cx.room.state.genesis, view.plan) {
        row = row.fixed(", rehearsed ", dim).text(&took, text);
    }
    if view.now.attempt.0 > 1 {
        row = row.text(&format!(", attempt {}", view.now.attempt), text);
    }
    if !view.now.by.is_empty() {
        row = row
            .fixed(", by ", dim)
            .text(&view.now.by, canvas.of(Role::Person));
    }
    row.text(&format!(", line {}", view.plan.line), dim)
}

/// A command as it is written: every line, none cut.
pub(crate) fn command(canvas: &Canvas<'_>, exec: &ExecBlock, done: bool, width: usize) -> Vec<Row> {
    let dim = canvas.of(Role::Dim);
    let mut head = block_head(canvas, exec.role.as_str(), done)
        .text(&exec.lang, dim)
        .fixed(", at most ", dim)
        .text(&short_span(exec.timeout), dim);
    if exec.retry > 0 {
        head = head.text(&format!(", tried {} times more", exec.retry), dim);
    }
    let script = exec.argv.last().map_or("", String::as_str);
    let mut rows = vec![head];
    rows.extend(
        exact(
            script.trim_end(),
            width.saturating_sub(2),
            canvas.of(Role::Code),
            canvas.signs(),
        )
        .into_iter()
        .map(|row| Row::of("  ", dim).row(row)),
    );
    rows
}

fn condition(canvas: &Canvas<'_>, gate: &Gate, done: bool, width: usize) -> Vec<Row> {
    let dim = canvas.of(Role::Dim);
    let end = gate.timeout.map_or_else(
        || ", no timeout".to_owned(),
        |timeout| format!(", fails after {}", short_span(timeout)),
    );
    let head = block_head(canvas, "gate", done)
        .fixed("for ", dim)
        .text(&short_span(gate.hold_for), dim)
        .text(&end, dim);
    let text = format!("{} {}", gate.expr, gate.limit);
    let mut rows = vec![head];
    rows.extend(
        exact(
            &text,
            width.saturating_sub(2),
            canvas.of(Role::Code),
            canvas.signs(),
        )
        .into_iter()
        .map(|row| Row::of("  ", dim).row(row)),
    );
    rows
}

fn block_head(canvas: &Canvas<'_>, role: &'static str, done: bool) -> Row {
    let glyphs = canvas.look().glyphs;
    let (sign, style) = if done {
        (glyphs.done, canvas.of(Role::Good))
    } else {
        (glyphs.pending, canvas.of(Role::Dim))
    };
    Row::of(sign, style)
        .fixed(" ", style)
        .fixed(role, canvas.of(Role::Key))
        .fixed("  ", canvas.of(Role::Dim))
}

fn finished(cx: &Cx<'_>, canvas: &Canvas<'_>, done: &Finished) -> Row {
    let dim = canvas.of(Role::Dim);
    let row = Row::new()
        .text(&cx.clock(done.started.wall, false), dim)
        .fixed(" ", dim)
        .fixed(done.role.as_str(), canvas.of(Role::Text))
        .fixed(" ", dim);
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
    row.fixed(" after ", dim)
        .text(&short_span(done.ended.wall.since(done.started.wall)), dim)
}
