//! Charts with their limits, step markers, legend and age.

use super::thresholds::{limits, verdict, worst};
use super::{Cx, nothing};
use crate::domain::board::{Metric, Track};
use crate::domain::fact::Fact;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::time::short_span;
use crate::ui::action::Pane;
use crate::ui::canvas::{Canvas, below};
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::chart::{self, Chart};
use crate::ui::widgets::pane;
use crate::ui::widgets::spark::{Buckets, worse_of};
use crate::ui::words;
use ratatui::layout::{Constraint, Layout, Rect};

/// Rows of one chart with its title and legend: eight rows of plot tell a slope from a step.
const CHART_ROWS: u16 = 12;
/// Narrowest chart worth drawing beside another.
const CHART_COLUMNS: u16 = 58;
/// Cells of the scale at the left.
const SCALE_CELLS: u16 = 9;

/// Draws the charts.
pub(crate) fn draw(cx: &Cx<'_>, model: &mut Model, canvas: &mut Canvas<'_>, area: Rect) {
    let rules: Vec<&MetricRule> = cx.room.state.all_rules().collect();
    let inner = pane::open(canvas, area, Pane::Charts, true, Row::new());
    if rules.is_empty() {
        canvas.row(
            inner,
            0,
            nothing(canvas, "the runbook declares no guards or panels"),
        );
        return;
    }
    let columns = usize::from(inner.width / CHART_COLUMNS).clamp(1, rules.len());
    let bands = rules.len().div_ceil(columns);
    let fits = (inner.height / CHART_ROWS).max(1);
    let visible = usize::from(fits).min(bands);
    let top = model.scroll(Pane::Charts).window(bands, visible);
    let shares = vec![Constraint::Fill(1); visible];
    let places = Layout::vertical(shares).split(inner);
    for (band, place) in places.iter().enumerate() {
        let cells = Layout::horizontal(vec![Constraint::Fill(1); columns]).split(*place);
        let first = top.saturating_add(band).saturating_mul(columns);
        for (rule, cell) in rules.iter().skip(first).zip(cells.iter()) {
            one(cx, canvas, rule, *cell);
        }
    }
    pane::scroll_bar(
        canvas,
        Rect {
            height: u16::try_from(visible).unwrap_or(1),
            ..inner
        },
        bands,
        top,
    );
}

/// One chart: title, plot, legend.
fn one(cx: &Cx<'_>, canvas: &mut Canvas<'_>, rule: &MetricRule, area: Rect) {
    let mark = words::verdict(verdict(cx, rule), canvas.look().glyphs);
    let style = canvas.of(mark.role);
    let metric = cx.room.board.metrics.get(&rule.id);
    let title = Row::of(mark.glyph, style)
        .fixed(" ", style)
        .fixed(mark.word, style)
        .fixed(" ", style)
        .text(&rule.title, canvas.of(Role::Strong))
        .fixed(" ", style)
        .row(newest(cx, canvas, rule, metric))
        .fixed("  ", style)
        .row(limits(canvas, rule));
    canvas.row(area, 0, title);
    let tracks: &[Track] = metric.map_or(&[], |m| &m.tracks);
    let legend = legend_rows(cx, canvas, rule, metric, area.height);
    let used = u16::try_from(legend.len()).unwrap_or(0);
    let mut plot = below(area, 1);
    plot.height = plot.height.saturating_sub(used.saturating_add(1));
    for (line, row) in legend.into_iter().enumerate() {
        canvas.row(
            below(area, usize::from(plot.height.saturating_add(1))),
            line,
            row,
        );
    }
    if tracks.iter().all(|t| t.samples.is_empty()) {
        canvas.row(plot, 0, no_data(canvas, metric));
        return;
    }
    plotted(cx, canvas, rule, tracks, plot);
}

fn no_data(canvas: &Canvas<'_>, metric: Option<&Metric>) -> Row {
    match metric.and_then(|m| m.failure.as_ref()) {
        Some(failure) => Row::of("no data: ", canvas.of(Role::Unknown))
            .text(&failure.what, canvas.of(Role::Text)),
        None => Row::of("no data yet", canvas.of(Role::Unknown)),
    }
}

fn newest(cx: &Cx<'_>, canvas: &Canvas<'_>, rule: &MetricRule, metric: Option<&Metric>) -> Row {
    let sample = metric.and_then(|m| worst(rule, m)).and_then(Track::last);
    match sample {
        Some(sample) => Row::new()
            .text(
                &words::value(sample.value, &rule.unit),
                canvas.of(Role::Strong),
            )
            .fixed(" ", canvas.of(Role::Dim))
            .text(
                &short_span(cx.now.wall.since(sample.at)),
                canvas.of(Role::Dim),
            )
            .fixed(" ago", canvas.of(Role::Dim)),
        None => Row::of("no value", canvas.of(Role::Unknown)),
    }
}

fn plotted(cx: &Cx<'_>, canvas: &mut Canvas<'_>, rule: &MetricRule, tracks: &[Track], area: Rect) {
    let scale_cells = SCALE_CELLS.min(area.width / 3);
    let plot = Rect {
        x: area.x.saturating_add(scale_cells),
        width: area.width.saturating_sub(scale_cells.saturating_add(1)),
        ..area
    };
    let count = chart::columns(usize::from(plot.width), canvas.look().glyphs.braille);
    let all: Vec<Buckets> = tracks.iter().filter_map(Buckets::of).collect();
    let Some(each) = all.iter().map(|b| b.each).max() else {
        return;
    };
    let newest = all
        .iter()
        .map(|b| b.newest.saturating_mul(b.each).div_euclid(each))
        .max()
        .unwrap_or(0);
    let buckets = Buckets { each, newest };
    let series: Vec<_> = tracks
        .iter()
        .map(|t| buckets.fold(t, count, worse_of(rule)))
        .collect();
    let mut lines = Vec::new();
    lines.extend(rule.warn.map(|l| (l.value, Role::LimitWarn)));
    lines.extend(rule.crit.map(|l| (l.value, Role::LimitCrit)));
    let scale = chart::scale(&series, &lines);
    let chart = Chart {
        series,
        limits: lines,
        marks: marks(cx, buckets, count),
        scale,
    };
    chart::draw(canvas, plot, &chart);
    let dim = canvas.of(Role::Dim);
    let last = usize::from(area.height.saturating_sub(1));
    canvas.row(
        Rect {
            width: scale_cells,
            ..area
        },
        0,
        Row::new().text(&words::value(scale.1, &rule.unit), dim),
    );
    canvas.row(
        Rect {
            width: scale_cells,
            ..area
        },
        last,
        Row::new().text(&words::value(scale.0, &rule.unit), dim),
    );
    let span = u64::try_from(each)
        .unwrap_or(0)
        .saturating_mul(u64::try_from(count).unwrap_or(0));
    let text = format!("-{}", short_span(std::time::Duration::from_millis(span)));
    canvas.row(
        Rect {
            width: scale_cells,
            ..area
        },
        last / 2,
        Row::new().text(&text, dim),
    );
}

/// Dot columns at which a command started.
fn marks(cx: &Cx<'_>, buckets: Buckets, count: usize) -> Vec<usize> {
    cx.room
        .recent
        .iter()
        .rev()
        .filter(|record| {
            matches!(
                record.fact,
                Fact::ExecSpawned { .. } | Fact::RollbackStarted { .. }
            )
        })
        .map_while(|record| {
            let back = buckets
                .newest
                .saturating_sub(record.at.wall.as_millis().div_euclid(buckets.each));
            let back = usize::try_from(back.max(0)).ok()?;
            count.checked_sub(back.checked_add(1)?)
        })
        .collect()
}

/// One row for each series, as many as leave room for the plot.
fn legend_rows(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    rule: &MetricRule,
    metric: Option<&Metric>,
    height: u16,
) -> Vec<Row> {
    let Some(metric) = metric else {
        return Vec::new();
    };
    let room = usize::from(height / 4);
    let dim = canvas.of(Role::Dim);
    let mut rows: Vec<Row> = metric
        .tracks
        .iter()
        .enumerate()
        .take(room)
        .map(|(at, track)| {
            let sample = track.last();
            let value =
                sample.map_or_else(|| "-".to_owned(), |s| words::value(s.value, &rule.unit));
            let age = sample.map_or_else(|| "-".to_owned(), |s| cx.age(s.at));
            let labels: Vec<String> = track
                .labels
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            Row::of(canvas.look().glyphs.bullet, canvas.look().series(at))
                .fixed(" ", dim)
                .text(&value, canvas.of(Role::Text))
                .fixed(" ", dim)
                .text(&age, dim)
                .fixed(" ago  ", dim)
                .text(&labels.join(" "), dim)
        })
        .collect();
    let left = metric
        .tracks
        .len()
        .saturating_sub(rows.len())
        .saturating_add(metric.more);
    if left > 0
        && let Some(last) = rows.pop()
    {
        rows.push(last.text(&format!("  and {left} more series"), canvas.of(Role::Warn)));
    }
    if let Some(failure) = &metric.failure {
        rows.push(
            Row::of("last answer failed: ", canvas.of(Role::Unknown)).text(&failure.what, dim),
        );
    }
    rows.extend(
        metric
            .warnings
            .first()
            .map(|w| Row::of("warning: ", canvas.of(Role::Warn)).text(w, dim)),
    );
    rows
}
