//! A line of bars: the recent past of one series.

use crate::domain::board::Track;
use crate::domain::reading::Sample;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::Op;
use crate::ui::canvas::Canvas;
use crate::ui::text::Row;
use ratatui::style::Style;

/// Shortest time one cell stands for, milliseconds. The bars move on once in so long, not at each sample: a line that
/// scrolls each second costs fourteen times the bytes of one that changes its newest cell.
const CELL_MIN_MS: i64 = 10_000;

/// Buckets of time that do not move with each sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buckets {
    /// Milliseconds one cell stands for.
    pub(crate) each: i64,
    /// Number of the newest bucket, counted from 1970.
    pub(crate) newest: i64,
}

impl Buckets {
    /// Buckets for a series, so that each holds a sample when none is missing.
    pub(crate) fn of(track: &Track) -> Option<Self> {
        let first = track.samples.front()?.at.as_millis();
        let last = track.samples.back()?.at.as_millis();
        let gaps = i64::try_from(track.samples.len())
            .unwrap_or(i64::MAX)
            .saturating_sub(1)
            .max(1);
        let between = last.saturating_sub(first).checked_div(gaps).unwrap_or(0);
        // Half as much again as the usual distance, in whole units, so that one late sample leaves no hole.
        let units = between
            .saturating_mul(3)
            .checked_div(2 * CELL_MIN_MS)
            .unwrap_or(0)
            .saturating_add(1);
        let each = units.saturating_mul(CELL_MIN_MS);
        Some(Self {
            each,
            newest: last.div_euclid(each),
        })
    }

    /// The worse of the values in each of the newest `count` buckets, oldest first; absent where there is no sample.
    pub(crate) fn fold(
        self,
        track: &Track,
        count: usize,
        worse: impl Fn(f64, f64) -> f64,
    ) -> Vec<Option<f64>> {
        let mut out = vec![None; count];
        for Sample { at, value } in &track.samples {
            let back = self
                .newest
                .saturating_sub(at.as_millis().div_euclid(self.each));
            let place = usize::try_from(back)
                .ok()
                .and_then(|back| count.checked_sub(back.checked_add(1)?));
            if let Some(slot) = place.and_then(|p| out.get_mut(p)) {
                *slot = Some(slot.map_or(*value, |old| worse(old, *value)));
            }
        }
        out
    }
}

/// Picks the value nearer to breaking the rule.
pub(crate) fn worse_of(rule: &MetricRule) -> impl Fn(f64, f64) -> f64 + use<> {
    let low = rule
        .worst_limit()
        .is_some_and(|l| matches!(l.op, Op::Lt | Op::Le));
    move |a, b| if low { a.min(b) } else { a.max(b) }
}

/// One bar each for the newest `cells` buckets. The scale holds the values and reaches to the limits' side of zero.
pub(crate) fn row(
    canvas: &Canvas<'_>,
    track: &Track,
    rule: &MetricRule,
    cells: usize,
    style: Style,
) -> Row {
    let glyphs = canvas.look().glyphs;
    let Some(buckets) = Buckets::of(track) else {
        return Row::new().filled(cells, canvas.signs());
    };
    let values = buckets.fold(track, cells, worse_of(rule));
    let known = || values.iter().flatten().copied().filter(|v| v.is_finite());
    let low = known().fold(f64::INFINITY, f64::min);
    let high = known().fold(f64::NEG_INFINITY, f64::max);
    values.iter().fold(Row::new(), |row, value| {
        let bar = match value {
            Some(value) if value.is_finite() => glyphs.bars.get(level(*value, low, high)).copied(),
            Some(_) => Some(glyphs.unknown),
            None => Some(glyphs.gap),
        };
        row.fixed(bar.unwrap_or(glyphs.gap), style)
    })
}

/// Place among eight heights; a flat line is low, not high.
fn level(value: f64, low: f64, high: f64) -> usize {
    let span = high - low;
    if span <= 0.0 {
        return usize::from(value != 0.0);
    }
    let share = ((value - low) / span).clamp(0.0, 1.0);
    (0..7)
        .rev()
        .find(|n| share * 7.0 >= f64::from(*n) + 0.5)
        .map_or(0, |n| usize::try_from(n + 1).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn track(samples: &[(i64, f64)]) -> Track {
        Track {
            labels: Vec::new(),
            samples: samples
                .iter()
                .map(|(s, value)| Sample {
                    at: Timestamp::from_millis(s * 1000),
                    value: *value,
                })
                .collect(),
        }
    }

    #[test]
    fn bars_move_on_once_a_bucket() {
        let a = track(&[(100, 1.0), (101, 2.0), (102, 3.0)]);
        let b = track(&[(100, 1.0), (101, 2.0), (102, 3.0), (103, 1.0)]);
        let fold = |t: &Track| Buckets::of(t).expect("samples").fold(t, 3, f64::max);
        assert_eq!(fold(&a), [None, None, Some(3.0)]);
        assert_eq!(fold(&b), [None, None, Some(3.0)]);
    }

    #[test]
    fn a_missing_sample_leaves_a_gap() {
        let t = track(&[
            (0, 1.0),
            (10, 1.0),
            (20, 1.0),
            (30, 1.0),
            (40, 1.0),
            (130, 2.0),
        ]);
        let buckets = Buckets::of(&t).expect("samples");
        assert_eq!(buckets.each, 40_000);
        assert!(buckets.fold(&t, 4, f64::max).contains(&None));
    }

    #[test]
    fn heights_span_the_values() {
        assert_eq!(level(0.0, 0.0, 10.0), 0);
        assert_eq!(level(10.0, 0.0, 10.0), 7);
        assert_eq!(level(5.0, 5.0, 5.0), 1);
        assert_eq!(level(0.0, 0.0, 0.0), 0);
    }
}
