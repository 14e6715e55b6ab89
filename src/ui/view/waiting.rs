//! What a step waits for by itself, expected against seen: its gate with what is left of it, and its declared effects.

use super::Cx;
use crate::domain::board::GateProgress;
use crate::domain::effect::{find, seen_words};
use crate::domain::fact::Read;
use crate::domain::readiness::{Next, StepView};
use crate::domain::runbook::plan::{Expect, Gate};
use crate::domain::threshold::Verdict;
use crate::domain::time::short_span;
use crate::ui::canvas::Canvas;
use crate::ui::text::{Row, exact, wrapped};
use crate::ui::theme::Role;
use crate::ui::words;

/// Cells of a mark.
const MARK_CELLS: usize = 10;

/// One row for the gate that waits, and one for each declared effect that is looked at.
pub(crate) fn rows(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Vec<Row> {
    let view = cx.room.state.under_way();
    let gate = cx.room.board.gate.as_ref();
    let gate = gate.map(|gate| gate_row(cx, canvas, gate));
    let effects = view.into_iter().flat_map(|view| {
        let expects = view.plan.expects.iter();
        expects.filter_map(move |expect| effect_row(cx, canvas, view, expect))
    });
    gate.into_iter().chain(effects).collect()
}

fn verdict_row(canvas: &Canvas<'_>, verdict: Verdict) -> Row {
    let mark = words::verdict(verdict, canvas.look().glyphs);
    let word = match verdict {
        Verdict::Pass | Verdict::Warn => "met",
        Verdict::Fail => "NOT MET",
        Verdict::Unknown(_) => mark.word,
    };
    let role = if verdict.is_pass() {
        Role::Good
    } else {
        Role::Warn
    };
    let style = canvas.of(role);
    Row::of(canvas.look().glyphs.waiting, style)
        .fixed(" ", style)
        .fixed(word, style)
        .filled(MARK_CELLS, canvas.signs())
}

fn gate_row(cx: &Cx<'_>, canvas: &Canvas<'_>, gate: &GateProgress) -> Row {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let row = verdict_row(canvas, gate.verdict)
        .fixed("gate ", text)
        .text(gate.rule.as_str(), text);
    let plan = waiting_gate(cx, gate);
    let row = match (gate.holding_since, plan) {
        (Some(since), plan) => {
            let row = row
                .fixed(" held ", dim)
                .text(&cx.age(since.wall), canvas.of(Role::Good));
            match plan {
                Some((_, plan)) if !plan.hold_for.is_zero() => {
                    row.text(&format!(" of {}", short_span(plan.hold_for)), dim)
                }
                _ => row,
            }
        }
        (None, _) => row.fixed(" does not hold yet", dim),
    };
    let Some((view, plan)) = plan else { return row };
    match (plan.timeout, view.now.gate_since) {
        (Some(timeout), Some(since)) => {
            let left = since.wall.plus(timeout).since(cx.now.wall);
            row.text(&format!(", fails in {}", short_span(left)), dim)
        }
        _ => row.fixed(", no timeout", canvas.of(Role::Warn)),
    }
}

/// The gate as the plan has it, when it is the one that waits.
fn waiting_gate<'a>(cx: &Cx<'a>, gate: &GateProgress) -> Option<(StepView<'a>, &'a Gate)> {
    let view = cx.room.state.under_way()?;
    match view.next() {
        Next::Gate(plan) if plan.id == gate.rule => Some((view, plan)),
        _ => None,
    }
}

/// An effect on the side of the command that is looked at now.
fn effect_row(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    view: StepView<'_>,
    expect: &Expect,
) -> Option<Row> {
    let is_after = view.awaits_effect().is_some();
    let is_asked = if is_after {
        expect.after.is_some()
    } else {
        expect.needs_before()
    };
    let now = find(view, expect, &cx.room.board.effects, is_after).filter(|_| is_asked)?;
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let was = view
        .now
        .effect
        .as_deref()
        .and_then(|e| e.before(&expect.id));
    let row = verdict_row(canvas, now.read.verdict)
        .fixed("effect ", text)
        .text(expect.id.as_str(), text)
        .text(&format!(": {}", wanted(expect, is_after)), dim)
        .text(&format!(", seen {}", seen_words(&now.read, was)), text);
    Some(match view.awaits_effect() {
        Some((_, since)) => {
            let left = since.wall.plus(expect.within).since(cx.now.wall);
            row.text(&format!(", {} left", short_span(left)), dim)
        }
        None => row,
    })
}

fn wanted(expect: &Expect, is_after: bool) -> String {
    match (is_after, expect.before, expect.after) {
        (false, Some(limit), _) => limit.to_string(),
        (true, _, Some(after)) => after.to_string(),
        _ => "something that can change".to_owned(),
    }
}

/// A declared effect of a step in full: what it is, what was seen before and after.
pub(crate) fn declared(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    (view, expect): (StepView<'_>, &Expect),
    width: usize,
) -> Vec<Row> {
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let state = view.now.effect.as_deref();
    let glyphs = canvas.look().glyphs;
    let (sign, style) = if state.is_some_and(|e| e.is_met) {
        (glyphs.done, canvas.of(Role::Good))
    } else {
        (glyphs.pending, dim)
    };
    let head = Row::of(sign, style)
        .fixed(" ", style)
        .fixed("expect", canvas.of(Role::Key))
        .text(&format!("  {}: {}", expect.id, expect.to_words()), text);
    let mut rows = head.wrap(width);
    let inner = width.saturating_sub(2);
    let code = exact(&expect.expr, inner, canvas.of(Role::Code), canvas.signs());
    rows.extend(code.into_iter().map(|row| Row::of("  ", dim).row(row)));
    let was = state.and_then(|e| e.before(&expect.id));
    if let Some(was) = was {
        rows.extend(seen(canvas, ("was", was, None), inner));
    }
    let is_after = view.awaits_effect().is_some();
    if let Some(now) = find(view, expect, &cx.room.board.effects, is_after) {
        rows.extend(seen(canvas, ("now", &now.read, was), inner));
    }
    rows
}

fn seen(
    canvas: &Canvas<'_>,
    (word, read, was): (&str, &Read, Option<&Read>),
    width: usize,
) -> Vec<Row> {
    let mark = words::verdict(read.verdict, canvas.look().glyphs);
    let verdict = match read.verdict {
        Verdict::Pass | Verdict::Warn => "as declared",
        Verdict::Fail => "NOT AS DECLARED",
        Verdict::Unknown(_) => mark.word,
    };
    let text = format!("{word} {}: {verdict}", seen_words(read, was));
    let style = canvas.of(if read.verdict.is_pass() {
        Role::Good
    } else {
        Role::Warn
    });
    let rows = wrapped(&text, width, style).into_iter();
    rows.map(|row| Row::of("  ", style).row(row)).collect()
}
