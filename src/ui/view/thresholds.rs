//! Guards and panels: verdict, value, age, recent past and limits, each told in words too.

use super::{Cx, nothing, top_pane};
use crate::domain::board::{Metric, Track};
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::{Limit, Op, Unknown, Verdict};
use crate::domain::time::short_span;
use crate::ui::action::Pane;
use crate::ui::canvas::Canvas;
use crate::ui::model::Model;
use crate::ui::room::Link;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::spark;
use crate::ui::words;
use ratatui::layout::Rect;

/// Draws the thresholds.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let width = usize::from(area.width.saturating_sub(2));
    let rules = cx.room.state.all_rules();
    let mut rows: Vec<Row> = Vec::new();
    if let Some(gate) = &cx.room.board.gate {
        rows.push(gate_row(cx, canvas, gate).fit(width, canvas.signs()));
    }
    rows.extend(rules.map(|rule| rule_row(cx, canvas, rule, width)));
    if rows.is_empty() {
        rows.push(nothing(canvas, "the runbook declares no guards or panels"));
    }
    top_pane(
        model,
        canvas,
        area,
        Pane::Thresholds,
        sources(cx, canvas),
        &rows,
    );
}

/// Sources that do not answer, named in the title.
fn sources(cx: &Cx<'_>, canvas: &Canvas<'_>) -> Row {
    use crate::domain::reading::Liveness;
    let glyphs = canvas.look().glyphs;
    cx.room
        .board
        .health
        .values()
        .filter(|h| h.liveness != Liveness::Live)
        .fold(Row::new(), |row, health| {
            let mark = words::liveness(health.liveness, glyphs);
            row.fixed(" ", canvas.of(Role::Dim))
                .text(health.connector.as_str(), canvas.of(mark.role))
                .fixed(" ", canvas.of(mark.role))
                .fixed(mark.word, canvas.of(mark.role))
        })
}

/// What a rule says on this screen: never better than what is known here and now.
pub(crate) fn verdict(cx: &Cx<'_>, rule: &MetricRule) -> Verdict {
    let said = cx.room.state.verdict(&rule.id);
    if cx.room.link != Link::Up {
        return Verdict::Unknown(Unknown::Stale);
    }
    let metric = cx.room.board.metrics.get(&rule.id);
    match (said, metric) {
        (Verdict::Pass | Verdict::Warn, None) => Verdict::Unknown(Unknown::Never),
        (Verdict::Pass | Verdict::Warn, Some(metric)) => local(cx, rule, metric).unwrap_or(said),
        // A panel decides nothing, so the server says nothing of it.
        (Verdict::Unknown(Unknown::Never), Some(metric)) if !rule.is_guard() => {
            local(cx, rule, metric).unwrap_or(Verdict::Pass)
        }
        (said, _) => said,
    }
}

/// Why a value must not be drawn as known.
fn local(cx: &Cx<'_>, rule: &MetricRule, metric: &Metric) -> Option<Verdict> {
    let last = worst(rule, metric).and_then(Track::last);
    match last {
        None if metric.failure.is_some() => Some(Verdict::Unknown(Unknown::Error)),
        None if metric.answered.is_none() => Some(Verdict::Unknown(Unknown::Never)),
        None => Some(Verdict::Unknown(Unknown::Empty)),
        Some(sample) if cx.now.wall.since(sample.at) > rule.stale_after => {
            Some(Verdict::Unknown(Unknown::Stale))
        }
        Some(sample) if sample.value.is_nan() => Some(Verdict::Unknown(Unknown::NotANumber)),
        Some(_) => None,
    }
}

/// The series nearest to breaking a limit, or beyond it.
pub(crate) fn worst<'a>(rule: &MetricRule, metric: &'a Metric) -> Option<&'a Track> {
    let low_is_bad = rule
        .crit
        .or(rule.warn)
        .is_some_and(|l| matches!(l.op, Op::Lt | Op::Le));
    let value = |track: &Track| track.last().map_or(f64::NAN, |s| s.value);
    // `total_cmp` puts NaN above everything: a NaN among the series is the worst of them.
    metric.tracks.iter().max_by(|a, b| {
        let (a, b) = (value(a), value(b));
        if low_is_bad && !a.is_nan() && !b.is_nan() {
            b.total_cmp(&a)
        } else {
            a.total_cmp(&b)
        }
    })
}

/// `warn >5s crit >10s`.
pub(crate) fn limits(canvas: &Canvas<'_>, rule: &MetricRule) -> Row {
    let part = |row: Row, name: &'static str, limit: Option<Limit>, role: Role| match limit {
        Some(limit) => {
            let text = format!(
                "{}{} ",
                limit.op.as_str(),
                words::value(limit.value, &rule.unit)
            );
            row.fixed(name, canvas.of(Role::Dim))
                .text(&text, canvas.of(role))
        }
        None => row,
    };
    let row = part(Row::new(), "warn ", rule.warn, Role::LimitWarn);
    part(row, "crit ", rule.crit, Role::LimitCrit)
}

/// Cells of a row's fixed columns: mark and verdict, value, age.
const VERDICT_CELLS: usize = 13;
const VALUE_CELLS: usize = 9;
const AGE_CELLS: usize = 6;
/// A sparkline narrower than this says nothing.
const SPARK_MIN: usize = 8;
const SPARK_MAX: usize = 40;
/// Room for a name that can be told from others.
const NAME_MIN: usize = 12;

fn rule_row(cx: &Cx<'_>, canvas: &Canvas<'_>, rule: &MetricRule, width: usize) -> Row {
    let signs = canvas.signs();
    let mark = words::verdict(verdict(cx, rule), canvas.look().glyphs);
    let style = canvas.of(mark.role);
    let (text, dim) = (canvas.of(Role::Text), canvas.of(Role::Dim));
    let metric = cx.room.board.metrics.get(&rule.id);
    let track = metric.and_then(|m| worst(rule, m));
    let sample = track.and_then(Track::last);
    let value = sample.map_or_else(|| "-".to_owned(), |s| words::value(s.value, &rule.unit));
    let age = sample.map_or_else(|| "-".to_owned(), |s| short_span(cx.now.wall.since(s.at)));
    let head = Row::of(mark.glyph, style)
        .fixed(" ", style)
        .fixed(mark.word, style)
        .filled(VERDICT_CELLS, signs);
    let mut numbers = Row::new()
        .text(&value, style)
        .filled(VALUE_CELLS, signs)
        .row(Row::new().text(&age, dim).filled(AGE_CELLS, signs));
    let limits = limits(canvas, rule);
    let fixed = VERDICT_CELLS + VALUE_CELLS + AGE_CELLS;
    let left = width.saturating_sub(fixed);
    let with_limits = left >= NAME_MIN + limits.width();
    let spare = left
        .saturating_sub(NAME_MIN)
        .saturating_sub(if with_limits { limits.width() } else { 0 });
    let spark_cells = (spare / 2).min(SPARK_MAX);
    if let (Some(track), true) = (track, spark_cells >= SPARK_MIN) {
        numbers = numbers
            .row(spark::row(canvas, track, rule, spark_cells, style))
            .fixed(" ", text);
    }
    if with_limits {
        numbers = numbers.row(limits);
    }
    let mut name = Row::new().text(&rule.title, text);
    let others = metric.map_or(0, |m| {
        m.tracks.len().saturating_sub(1).saturating_add(m.more)
    });
    if others > 0 {
        name = name.text(&format!(" +{others}"), dim);
    }
    let name_cells = width
        .saturating_sub(VERDICT_CELLS)
        .saturating_sub(numbers.width());
    let name = name
        .fit(name_cells.saturating_sub(1), signs)
        .filled(name_cells, signs);
    head.row(name).row(numbers)
}

fn gate_row(cx: &Cx<'_>, canvas: &Canvas<'_>, gate: &crate::domain::board::GateProgress) -> Row {
    let mark = words::verdict(gate.verdict, canvas.look().glyphs);
    let word = match gate.verdict {
        Verdict::Pass | Verdict::Warn => "met",
        Verdict::Fail => "NOT MET",
        Verdict::Unknown(_) => mark.word,
    };
    let role = if gate.verdict.is_pass() {
        Role::Good
    } else {
        Role::Warn
    };
    let style = canvas.of(role);
    let row = Row::of(canvas.look().glyphs.waiting, style)
        .fixed(" ", style)
        .fixed(word, style)
        .filled(VERDICT_CELLS, canvas.signs())
        .fixed("gate ", canvas.of(Role::Text))
        .text(gate.rule.as_str(), canvas.of(Role::Text));
    match gate.holding_since {
        Some(since) => row
            .fixed(" has held for ", canvas.of(Role::Dim))
            .text(&cx.age(since.wall), canvas.of(Role::Good)),
        None => row.fixed(" does not hold yet", canvas.of(Role::Dim)),
    }
}
