//! Below a chart: which series is which, by the labels that tell them apart.

use super::Cx;
use crate::domain::board::{Metric, Track};
use crate::domain::runbook::plan::MetricRule;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use crate::ui::theme::Role;
use crate::ui::widgets::chart;
use crate::ui::words;

/// Label that holds a metric's name. Source: the Prometheus data model.
const NAME_LABEL: &str = "__name__";

/// Cells between two series in one row.
const GAP: &str = "   ";

/// Rows of at most `size` cells and rows. One series needs none: title and legend would say the same.
pub(super) fn rows(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    rule: &MetricRule,
    metric: &Metric,
    (width, most): (usize, usize),
) -> Vec<Row> {
    let dim = canvas.of(Role::Dim);
    let mut rows = if metric.tracks.len().saturating_add(metric.more) > 1 {
        series(cx, canvas, rule, metric, (width, most.max(1)))
    } else {
        Vec::new()
    };
    if let Some(failure) = &metric.failure {
        rows.push(
            Row::of("last answer failed: ", canvas.of(Role::Unknown)).text(&failure.what, dim),
        );
    }
    if let Some(failure) = &metric.past_failure {
        rows.push(Row::of("no history: ", canvas.of(Role::Unknown)).text(&failure.what, dim));
    }
    rows.extend(
        metric
            .warnings
            .first()
            .map(|w| Row::of("warning: ", canvas.of(Role::Warn)).text(w, dim)),
    );
    rows
}

/// The series one after the other, as many as the rows hold, and how many are left out.
fn series(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    rule: &MetricRule,
    metric: &Metric,
    (width, most): (usize, usize),
) -> Vec<Row> {
    let dim = canvas.of(Role::Dim);
    let keys = telling(&metric.tracks);
    let mut rows: Vec<Row> = Vec::new();
    let mut shown: usize = 0;
    let left = |shown: usize| {
        metric
            .tracks
            .len()
            .saturating_sub(shown)
            .saturating_add(metric.more)
    };
    let more =
        |left: usize| Row::new().text(&format!("and {left} more series"), canvas.of(Role::Warn));
    // One label tells them apart: its name stands in front, once.
    if let [only] = keys.as_slice()
        && *only != NAME_LABEL
    {
        rows.push(Row::new().text(only, dim).fixed(":", dim));
    }
    for (at, track) in metric.tracks.iter().enumerate() {
        let one = entry(cx, canvas, rule, track, (at, metric.tracks.len()), &keys);
        let last_row = rows.len() >= most;
        // Room is kept for saying how many are left out.
        let kept = match left(shown.saturating_add(1)) {
            0 => 0,
            n if last_row => more(n).width().saturating_add(GAP.len()),
            _ => 0,
        };
        match rows.last_mut() {
            Some(row) if row.width() + GAP.len() + one.width() + kept <= width => {
                let gap = if shown == 0 { " " } else { GAP };
                *row = std::mem::take(row).fixed(gap, dim).row(one);
            }
            _ if last_row => break,
            _ => rows.push(one),
        }
        shown = shown.saturating_add(1);
    }
    if left(shown) > 0
        && let Some(last) = rows.pop()
    {
        let more = more(left(shown));
        let room = width.saturating_sub(more.width().saturating_add(GAP.len()));
        rows.push(last.fit(room, canvas.signs()).fixed(GAP, dim).row(more));
    }
    rows
}

fn entry(
    cx: &Cx<'_>,
    canvas: &Canvas<'_>,
    rule: &MetricRule,
    track: &Track,
    (at, all): (usize, usize),
    keys: &[&str],
) -> Row {
    let dim = canvas.of(Role::Dim);
    let sample = track.last();
    let value = sample.map_or_else(|| "-".to_owned(), |s| words::value(s.value, &rule.unit));
    let age = sample.map_or_else(|| "-".to_owned(), |s| cx.age(s.at));
    let mut row = Row::of(chart::mark(canvas, at, all), canvas.look().series(at)).fixed(" ", dim);
    for key in keys {
        let Some((_, label)) = track.labels.iter().find(|(k, _)| k == key) else {
            continue;
        };
        if keys.len() > 1 {
            row = row.text(key, dim).fixed("=", dim);
        }
        row = row.text(label, canvas.of(Role::Text)).fixed(" ", dim);
    }
    row.text(&value, canvas.of(Role::Strong))
        .fixed(" ", dim)
        .text(&age, dim)
}

/// Names of the labels that are not the same on every series; the metric's name only where nothing else differs.
fn telling(tracks: &[Track]) -> Vec<&str> {
    let mut keys: Vec<&str> = tracks
        .iter()
        .flat_map(|t| t.labels.iter().map(|(k, _)| k.as_str()))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let of = |track: &Track, key: &str| {
        let label = track.labels.iter().find(|(k, _)| k == key);
        label.map(|(_, v)| v.clone())
    };
    keys.retain(|key| {
        let first = tracks.first().and_then(|t| of(t, key));
        tracks.iter().any(|t| of(t, key) != first)
    });
    if keys.len() > 1 {
        keys.retain(|key| *key != NAME_LABEL);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(labels: &[(&str, &str)]) -> Track {
        Track {
            labels: labels
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            samples: std::collections::VecDeque::new(),
        }
    }

    #[test]
    fn only_labels_that_differ_are_named() {
        let a = track(&[("__name__", "up"), ("instance", "a"), ("job", "db")]);
        let b = track(&[("__name__", "up"), ("instance", "b"), ("job", "db")]);
        assert_eq!(telling(&[a.clone(), b]), ["instance"]);
        let other = track(&[("__name__", "down"), ("instance", "a"), ("job", "db")]);
        assert_eq!(telling(&[a.clone(), other]), ["__name__"]);
        let named = track(&[("__name__", "down"), ("instance", "b"), ("job", "db")]);
        assert_eq!(telling(&[a.clone(), named]), ["instance"]);
        let less = track(&[("__name__", "up"), ("instance", "a")]);
        assert_eq!(telling(&[a.clone(), less]), ["job"]);
        assert!(telling(&[a]).is_empty());
    }
}
