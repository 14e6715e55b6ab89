//! Charts with their limits, step markers, legend and age.

mod legend;
mod plot;

use super::thresholds::{limits, verdict, worst};
use super::{Cx, nothing};
use crate::domain::board::{Metric, Track};
use crate::domain::runbook::plan::MetricRule;
use crate::domain::time::short_span;
use crate::ui::action::Pane;
use crate::ui::canvas::{Canvas, below};
use crate::ui::model::Model;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::pane;
use crate::ui::words;
use ratatui::layout::{Constraint, Layout, Rect};

/// Fewest rows of one chart with title, times and legend: five rows of plot, so twenty dots, tell a slope from a step.
const CHART_ROWS_MIN: u16 = 8;
/// Rows from which on a chart is better made wider than higher.
const CHART_ROWS: u16 = 14;
/// Narrowest chart worth drawing beside another.
const CHART_COLUMNS: u16 = 58;

/// How many charts stand beside each other, and how many rows of charts are seen at once.
fn grid(charts: usize, inner: Rect) -> (usize, usize) {
    let roomy = usize::from(inner.height / CHART_ROWS).max(1);
    let most = usize::from(inner.width / CHART_COLUMNS).max(1);
    let columns = charts.div_ceil(roomy).clamp(1, most);
    let bands = charts.div_ceil(columns);
    let fits = usize::from(inner.height / CHART_ROWS_MIN).max(1);
    (columns, fits.min(bands))
}

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
    let (columns, visible) = grid(rules.len(), inner);
    let bands = rules.len().div_ceil(columns);
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
    let (style, dim) = (canvas.of(mark.role), canvas.of(Role::Dim));
    let metric = cx.room.board.metrics.get(&rule.id);
    let title = Row::of(mark.glyph, style)
        .fixed(" ", style)
        .fixed(mark.word, style)
        .fixed(" ", dim)
        .text(&rule.title, canvas.of(Role::Strong))
        .fixed(" ", dim)
        .row(newest(cx, canvas, rule, metric))
        .fixed("  ", dim);
    // A column stays free between two charts.
    let width = usize::from(area.width.saturating_sub(1));
    let long = limits(canvas, rule, false);
    let is_short = title.width().saturating_add(long.width()) > width;
    let limits = if is_short {
        limits(canvas, rule, true)
    } else {
        long
    };
    canvas.row(area, 0, title.row(limits).fit(width, canvas.signs()));
    let tracks: &[Track] = metric.map_or(&[], |m| &m.tracks);
    let legend = metric.map_or_else(Vec::new, |metric| {
        legend::rows(
            cx,
            canvas,
            rule,
            metric,
            (width, usize::from(area.height / 4)),
        )
    });
    let used = u16::try_from(legend.len()).unwrap_or(0);
    let mut plot = below(area, 1);
    plot.height = plot.height.saturating_sub(used);
    let foot = below(area, usize::from(plot.height.saturating_add(1)));
    for (line, row) in legend.into_iter().enumerate() {
        canvas.row(foot, line, row.fit(width, canvas.signs()));
    }
    if tracks.iter().all(|t| t.samples.is_empty()) {
        canvas.row(plot, 0, no_data(canvas, metric));
        return;
    }
    plot::draw(cx, canvas, rule, tracks, plot);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_share_the_screen_by_its_size() {
        let of = |charts, width, height| grid(charts, Rect::new(0, 0, width, height));
        assert_eq!(of(3, 78, 17), (1, 2), "80x24: below each other");
        assert_eq!(of(3, 118, 33), (2, 2), "120x40: two columns");
        assert_eq!(of(3, 198, 43), (1, 3), "200x50: three rows");
        assert_eq!(of(9, 198, 43), (3, 3));
        assert_eq!(of(30, 198, 43), (3, 5));
        assert_eq!(of(1, 10, 2), (1, 1));
    }
}
