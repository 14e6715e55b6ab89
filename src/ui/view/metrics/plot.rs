//! One plot: values at the left, times below, limits as lines or named at the edge they lie beyond.

use super::Cx;
use crate::domain::board::Track;
use crate::domain::fact::Fact;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::Limit;
use crate::domain::time::{Timestamp, short_span};
use crate::domain::verdict::series_name;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::chart::{self, Chart, Place};
use crate::ui::widgets::spark::{Buckets, worse_of};
use crate::ui::words;
use ratatui::layout::Rect;
use std::time::Duration;

/// Cells of the values at the left, with the axis.
const SCALE_CELLS: u16 = 11;
/// Widest a bucket is drawn, dot columns: a young session fills its chart, in few steps so that it is seldom redrawn.
const STRETCH: [usize; 4] = [8, 4, 2, 1];
/// Cells from which on the times of day stand below a plot too.
const TIMES_CELLS: usize = 44;

/// What time each dot column stands for.
#[derive(Debug, Clone, Copy)]
struct Span {
    buckets: Buckets,
    /// Buckets drawn, and dot columns of each.
    count: usize,
    stretch: usize,
    /// Dot columns of the plot.
    columns: usize,
    /// Time of the newest sample.
    last: Timestamp,
}

impl Span {
    fn of(tracks: &[Track], columns: usize) -> Option<Self> {
        let all = || tracks.iter().filter_map(Buckets::of);
        let each = all().map(|b| b.each).max()?;
        let newest = all()
            .map(|b| b.newest.saturating_mul(b.each).div_euclid(each))
            .max()?;
        let last = tracks.iter().filter_map(Track::last).map(|s| s.at).max()?;
        let first = tracks.iter().filter_map(|t| t.samples.front());
        let oldest = first.map(|s| s.at.as_millis().div_euclid(each)).min()?;
        let held = newest.saturating_sub(oldest).saturating_add(1);
        let held = usize::try_from(held).unwrap_or(usize::MAX);
        let stretch = STRETCH
            .into_iter()
            .find(|s| held.saturating_mul(*s) <= columns)
            .unwrap_or(1);
        Some(Self {
            buckets: Buckets { each, newest },
            count: columns / stretch,
            stretch,
            columns,
            last,
        })
    }

    /// Values of a series, one for each dot column.
    fn fold(self, track: &Track, worse: impl Fn(f64, f64) -> f64) -> Vec<Option<f64>> {
        let free = self.columns.saturating_sub(self.count * self.stretch);
        let values = self.buckets.fold(track, self.count, worse);
        std::iter::repeat_n(None, free)
            .chain(
                values
                    .into_iter()
                    .flat_map(|v| std::iter::repeat_n(v, self.stretch)),
            )
            .collect()
    }

    /// The dot column of a time; absent before the first.
    fn column(self, at: Timestamp) -> Option<usize> {
        let bucket = at.as_millis().div_euclid(self.buckets.each);
        let back = self.buckets.newest.saturating_sub(bucket).max(0);
        let back = usize::try_from(back).ok()?.checked_add(1)?;
        self.columns.checked_sub(back.checked_mul(self.stretch)?)
    }

    /// Milliseconds from the first dot column to the end of the last.
    fn millis(self) -> i64 {
        i64::try_from(self.count)
            .unwrap_or(i64::MAX)
            .saturating_mul(self.buckets.each)
    }

    /// End of the newest bucket, milliseconds since 1970.
    fn end(self) -> i64 {
        let next = self.buckets.newest.saturating_add(1);
        next.saturating_mul(self.buckets.each)
    }
}

/// Draws the plot of a rule's series into `area`; its last row holds the times.
pub(super) fn draw(
    cx: &Cx<'_>,
    canvas: &mut Canvas<'_>,
    rule: &MetricRule,
    tracks: &[Track],
    area: Rect,
) {
    let left = SCALE_CELLS.min(area.width / 3);
    let plot = Rect {
        x: area.x.saturating_add(left),
        width: area.width.saturating_sub(left.saturating_add(1)),
        height: area.height.saturating_sub(1),
        ..area
    };
    let columns = chart::columns(
        usize::from(plot.width),
        chart::has_dots(canvas, tracks.len()),
    );
    let Some(span) = Span::of(tracks, columns) else {
        return;
    };
    let series: Vec<_> = tracks
        .iter()
        .map(|t| span.fold(t, worse_of(rule)))
        .collect();
    let named = named(cx, rule, tracks);
    let limits: Vec<(f64, Role)> = named.iter().map(|(_, l, role)| (l.value, *role)).collect();
    let base = if rule.unit == "bytes" { 1024.0 } else { 1000.0 };
    let scale = chart::scale(&series, &limits, base);
    let chart = Chart {
        series,
        limits,
        marks: marks(cx, span),
        scale,
    };
    chart::draw(canvas, plot, &chart);
    beyond(canvas, &rule.unit, &named, scale, plot);
    let values = Rect {
        width: left,
        height: plot.height,
        ..area
    };
    value_axis(canvas, &rule.unit, &named, scale, values);
    let below = Rect {
        y: plot.bottom(),
        height: area.bottom().saturating_sub(plot.bottom()),
        ..plot
    };
    canvas.row(below, 0, time_axis(cx, canvas, rule, span, below.width));
}

/// A limit as it is drawn.
type Named = (&'static str, Limit, Role);

/// Limits that can be drawn: one that counts from the baseline where it lies for the first series that has one.
fn named(cx: &Cx<'_>, rule: &MetricRule, tracks: &[Track]) -> Vec<Named> {
    let measured = tracks.iter().find_map(|track| {
        let name = series_name(&track.labels);
        cx.room.state.baseline(&rule.id, &name)
    });
    let limits = [
        ("warn", rule.warn, Role::LimitWarn),
        ("crit", rule.crit, Role::LimitCrit),
    ];
    let drawn = limits.into_iter();
    drawn
        .filter_map(|(name, limit, role)| Some((name, limit?.at(measured).ok()?, role)))
        .collect()
}

/// Names the limits beyond an edge, at that edge.
fn beyond(canvas: &mut Canvas<'_>, unit: &str, named: &[Named], scale: (f64, f64), plot: Rect) {
    let [up, down] = chart::arrows(canvas.look().glyphs.braille);
    let last = usize::from(plot.height.saturating_sub(1));
    for (side, arrow, line) in [(Place::Above, up, 0), (Place::Below, down, last)] {
        let row = named
            .iter()
            .filter(|(_, limit, _)| chart::place(limit.value, scale) == side)
            .fold(Row::new(), |row, (name, limit, role)| {
                let style = canvas.of(*role);
                let value = words::value(limit.value, unit);
                row.fixed(arrow, style)
                    .fixed(name, style)
                    .fixed(" ", style)
                    .text(limit.op.as_str(), style)
                    .text(&value, style)
                    .fixed(" ", style)
            });
        if row.width() > 0 {
            canvas.row(plot, line, row);
        }
    }
}

/// Top, middle and bottom of the scale, and names of the limits that are drawn.
fn value_axis(canvas: &mut Canvas<'_>, unit: &str, named: &[Named], scale: (f64, f64), area: Rect) {
    let dim = canvas.of(Role::Dim);
    let rows = usize::from(area.height);
    let last = rows.saturating_sub(1);
    let middle = f64::midpoint(scale.0, scale.1);
    let room = usize::from(area.width.saturating_sub(2));
    let mut labels: Vec<Option<Row>> = vec![None; rows];
    let ticks = [(last / 2, middle), (last, scale.0), (0, scale.1)];
    for (line, value) in ticks {
        if let Some(slot) = labels.get_mut(line) {
            *slot = Some(Row::new().text(&words::value(value, unit), dim));
        }
    }
    let mut taken: Option<usize> = None;
    for (name, limit, role) in named.iter().copied() {
        let line = chart::row_of(limit.value, scale, rows);
        let Some(slot) = line.and_then(|l| labels.get_mut(l)) else {
            continue;
        };
        let label = Row::of(name, canvas.of(role));
        *slot = match slot.take() {
            // Both limits fall into one row: `warn,crit`.
            Some(first) if taken == line => Some(first.fixed(",", dim).row(label)),
            // The ends of the scale keep their value where both fit.
            Some(end) if line == Some(0) || line == Some(last) => {
                let both = label.clone().fixed(" ", dim).row(end);
                Some(if both.width() <= room { both } else { label })
            }
            _ => Some(label),
        };
        taken = line;
    }
    for (line, label) in labels.into_iter().enumerate() {
        let label = label.unwrap_or_default().fit(room, canvas.signs());
        let row = Row::new()
            .filled(room.saturating_sub(label.width()), canvas.signs())
            .row(label)
            .fixed(" ", dim)
            .fixed(canvas.look().glyphs.vertical, dim);
        canvas.row(area, line, row);
    }
}

/// When the plot begins, and when it ends: now, or the time of the last answer.
fn time_axis(cx: &Cx<'_>, canvas: &Canvas<'_>, rule: &MetricRule, span: Span, width: u16) -> Row {
    let dim = canvas.of(Role::Dim);
    let width = usize::from(width);
    let end = Timestamp::from_millis(span.end());
    let start = Timestamp::from_millis(span.end().saturating_sub(span.millis()));
    let late = cx.now.wall.since(span.last);
    let (last_at, ending, paint) = if late > rule.stale_after {
        (
            span.last,
            format!("{} ago", short_span(late)),
            Role::Unknown,
        )
    } else {
        (cx.now.wall.min(end), "now".to_owned(), Role::Dim)
    };
    let mut right = Row::new().text(&ending, canvas.of(paint));
    let length = Duration::from_millis(u64::try_from(span.millis()).unwrap_or(0));
    let mut left = Row::new().text(&format!("-{}", short_span(length)), dim);
    if width >= TIMES_CELLS {
        left = left.fixed("  ", dim).text(&cx.clock(start, false), dim);
        right = Row::new()
            .text(&cx.clock(last_at, false), dim)
            .fixed("  ", dim)
            .row(right);
    }
    left.with_right(right, width, canvas.signs())
}

/// Dot columns at which a command started.
fn marks(cx: &Cx<'_>, span: Span) -> Vec<usize> {
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
        .map_while(|record| span.column(record.at.wall))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reading::Sample;

    fn track(seconds: &[i64]) -> Track {
        Track {
            labels: Vec::new(),
            samples: seconds
                .iter()
                .map(|s| Sample {
                    at: Timestamp::from_millis(s * 1000),
                    value: 1.0,
                })
                .collect(),
        }
    }

    #[test]
    fn a_young_series_is_stretched_and_an_old_one_is_not() {
        let young = track(&[100, 110, 120]);
        let span = Span::of(std::slice::from_ref(&young), 30).expect("samples");
        let held = usize::try_from(20_000 / span.buckets.each).expect("few") + 1;
        assert!(span.stretch == 8 && held <= 3);
        assert_eq!(span.fold(&young, f64::max).len(), 30);
        let at = |s: i64| span.column(Timestamp::from_millis(s * 1000));
        assert_eq!(at(120), Some(22), "the newest bucket ends at the right");
        assert_eq!(at(-5000), None);
        let old: Vec<i64> = (0..100).map(|n| n * 10).collect();
        let span = Span::of(&[track(&old)], 30).expect("samples");
        assert_eq!((span.stretch, span.count), (1, 30));
    }
}
