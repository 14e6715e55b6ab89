//! The checklist: phases and steps with their states, the one that matters marked.

use super::Cx;
use crate::domain::forecast::usual;
use crate::domain::readiness::StepView;
use crate::domain::state::StepStatus;
use crate::domain::time::short_span;
use crate::domain::took::took;
use crate::ui::action::Pane;
use crate::ui::canvas::{Canvas, Target, line_of};
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crate::ui::{update, words};
use ratatui::layout::Rect;

/// One row: a phase, or a step.
#[derive(Clone, Copy)]
enum Item {
    Phase(usize),
    Step(usize),
}

/// Draws the checklist.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &cx.room.state;
    let items = items(cx);
    let inner = pane::open(
        canvas,
        area,
        Pane::Checklist,
        model.focus() == Pane::Checklist,
        progress(cx, canvas),
    );
    let height = usize::from(inner.height);
    let selected = items
        .iter()
        .position(|i| matches!(i, Item::Step(s) if *s == model.step))
        .unwrap_or(0);
    let (reveal, follow) = (model.reveal, model.follow);
    let scroll = model.scroll(Pane::Checklist);
    // A pane that became smaller must not lose the step that matters.
    if reveal || (follow && scroll.height != height) {
        // A few rows ahead stay visible, so that what comes next is seen.
        let ahead = selected.saturating_add(3).min(items.len());
        scroll.reveal(
            selected.saturating_sub(1),
            ahead.max(selected.saturating_add(1)),
            items.len(),
            height,
        );
    }
    let top = scroll.window(items.len(), height);
    model.reveal = false;
    let current = update::current_step(cx.room);
    for (line, item) in items.iter().skip(top).take(height).enumerate() {
        match *item {
            Item::Phase(phase) => canvas.row(inner, line, phase_row(cx, canvas, phase)),
            Item::Step(index) => {
                let Some(view) = state.view(index) else {
                    continue;
                };
                let row = step_row(
                    cx,
                    canvas,
                    view,
                    current == Some(index),
                    usize::from(inner.width),
                );
                canvas.row(inner, line, row);
                if let Some(place) = line_of(inner, line) {
                    if index == model.step {
                        canvas.shade(place, canvas.of(Role::Selection));
                    }
                    canvas.target(place, Target::Step(index));
                }
            }
        }
    }
    pane::scroll_bar(canvas, inner, items.len(), top);
}

fn items(cx: &Cx<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut phase = None;
    for (index, step) in cx.room.state.plan().steps.iter().enumerate() {
        if phase != Some(step.phase) {
            phase = Some(step.phase);
            items.push(Item::Phase(step.phase));
        }
        items.push(Item::Step(index));
    }
    items
}

/// ` 4/12`: forward steps that are passed.
fn progress(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    let state = &cx.room.state;
    let forward = || state.views().filter(|v| !state.is_back_out(v.plan));
    let passed = forward().filter(|v| v.now.status.is_passed()).count();
    Row::new().text(
        &format!(" {passed}/{}", forward().count()),
        canvas.of(Role::Dim),
    )
}

fn phase_row(cx: &Cx<'_>, canvas: &Canvas<'_>, phase: usize) -> Row {
    let Some(phase) = cx.room.state.plan().phases.get(phase) else {
        return Row::new();
    };
    let style = canvas.of(Role::Heading);
    let row = Row::new().text(&format!("{} {}", phase.number, phase.title), style);
    if phase.rollback {
        row.fixed(" (back-out)", canvas.of(Role::Dim))
    } else {
        row
    }
}

fn step_row(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    view: StepView<'_>,
    is_current: bool,
    width: usize,
) -> Row {
    let glyphs = canvas.look().glyphs;
    let mark = words::step(&cx.room.state, view.index, glyphs);
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let cursor = if is_current { glyphs.cursor } else { " " };
    let mut row = Row::of(cursor, canvas.of(Role::Active));
    for _ in 0..view.plan.depth {
        row = row.fixed("  ", text);
    }
    row = row
        .fixed(mark.glyph, canvas.of(mark.role))
        .fixed(" ", text)
        .text(&view.plan.number, dim)
        .fixed(" ", text)
        .text(
            &view.plan.title,
            if is_current {
                canvas.of(Role::Strong)
            } else {
                text
            },
        );
    row.with_right(tail(cx, canvas, view, mark, width), width, canvas.signs())
}

/// From this width on every state is also told by its word.
const WORDY: usize = 48;

/// Risk, word and time at the end of a step's row.
fn tail(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    view: StepView<'_>,
    mark: words::Mark,
    width: usize,
) -> Row {
    let dim = canvas.of(Role::Dim);
    let mut row = Row::of(" ", dim);
    if view.plan.risk.needs_second_person() && !view.now.status.is_passed() {
        let sign = if view.plan.risk == crate::domain::runbook::plan::Risk::Irreversible {
            "!!"
        } else {
            "!"
        };
        row = row.fixed(sign, canvas.of(Role::Bad)).fixed(" ", dim);
    }
    let undone = view.now.status == StepStatus::Undone;
    // Pending is the rule; its sign says it too, and titles need the room.
    if mark.role != Role::Dim || width >= WORDY || undone {
        row = row.fixed(mark.word, canvas.of(mark.role));
    }
    let span = match (view.now.started, view.now.ended) {
        // From the start of the step to the end of its undoing is no time that anything took.
        (Some(_), Some(_)) if undone => None,
        // What a command took, not how long people took to let it.
        (Some(_), Some(_)) => took(&cx.room.state, view).map(|took| took.worked),
        (Some(start), None) if view.now.is_active() => {
            // While a command runs, how long that does: the step may have waited for people before it.
            let running = view.now.running.as_ref();
            let since = running.map_or(start, |running| running.since);
            Some(cx.now.wall.since(since.wall))
        }
        _ => None,
    };
    let Some(span) = span else { return row };
    let usual = usual(&cx.room.state, view).filter(|_| view.now.is_active());
    let style = match usual {
        Some(usual) if span > usual.p75 => canvas.of(Role::Warn),
        _ => dim,
    };
    let row = row.fixed(" ", dim).text(&short_span(span), style);
    match usual {
        Some(usual) if width >= WORDY => row.text(&format!("/{}", short_span(usual.p50)), dim),
        _ => row,
    }
}
