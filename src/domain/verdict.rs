//! From answers to verdicts: what a rule says now, since when, and which sample decided it.
//!
//! Three watches, all fed with answers and ticked with the clock: [`RuleWatch`] for guards and panels, [`GateWatch`] for
//! gates, [`ExpectWatch`] for declared effects.
//! **Unknown never passes**: data that is missing, old, NaN, empty, cut or partial never gives `Pass` or `Warn` and never opens a gate. A known crossing still counts while other series are unknown.
//!
//! A rule with a baseline ([`Baseline`](crate::domain::fact::Baseline)) is also unknown while series of it are gone, and its
//! relative limits are unknown without one: [`Collector`] gathers what a baseline is made of.
//!
//! Spans that must be waited out (`for`) run on the boot clock alone, since a stepped wall clock must not shorten them. Ages
//! run on both, and the larger one counts.

use crate::domain::reading::{QueryAnswer, Sample, Series};
use crate::domain::threshold::{Limit, Op, Unknown};
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

mod baseline;
mod expect;
mod gate;
mod level;
mod rule;

pub use baseline::{Collector, WINDOW, is_untouched};
pub use expect::{EXPECT_SERIES_MAX, EffectNow, ExpectWatch};
pub use gate::{GateReport, GateWatch};
pub use rule::{RuleReport, RuleWatch};

/// Age beyond which a gate's value is unknown, since gates have no key for it: six polls at the usual interval.
pub const GATE_STALE_AFTER: Duration = Duration::from_secs(30);

/// The sample that decided a verdict, or the newest one known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Labels of its series, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Value and time, by the source's clock.
    pub sample: Sample,
    /// When it arrived, by our clocks.
    pub received: Moment,
}

impl Quote {
    /// Age by the source's clock, or since arrival where that is more.
    pub fn age(&self, now: Moment) -> Duration {
        let arrived = Duration::from_millis(now.mono_since(self.received));
        now.wall.since(self.sample.at).max(arrived)
    }
}

/// True when `at` is more than `span` ago on either clock.
fn is_older(at: Moment, span: Duration, now: Moment) -> bool {
    Duration::from_millis(now.mono_since(at)) > span || now.wall.since(at.wall) > span
}

/// True once `span` has passed since `start` on the boot clock, which nobody can set.
fn has_lasted(start: Moment, span: Duration, now: Moment) -> bool {
    Duration::from_millis(now.mono_since(start)) >= span
}

/// The newest answer, as far as verdicts need it.
#[derive(Debug, Clone)]
struct Newest {
    samples: Vec<Sample>,
    /// Why the answer as a whole is not to be trusted.
    doubt: Option<Unknown>,
    received: Moment,
}

impl Newest {
    fn of(answer: &QueryAnswer) -> Self {
        let (samples, doubt) = match &answer.result {
            Err(failure) if failure.partial => (Vec::new(), Some(Unknown::Partial)),
            Err(_) => (Vec::new(), Some(Unknown::Error)),
            // Nobody has looked at the series that were left out.
            Ok(series) if answer.dropped > 0 => (samples(series), Some(Unknown::Partial)),
            Ok(series) if series.is_empty() => (Vec::new(), Some(Unknown::Empty)),
            Ok(series) => (samples(series), None),
        };
        Self {
            samples,
            doubt,
            received: answer.received,
        }
    }

    /// Whether a sample may count now. One from the future is as wrong as an old one: with its source's clock ahead, a
    /// value that no longer changes would look fresh.
    fn is_fresh(&self, sample: &Sample, stale_after: Duration, now: Moment) -> bool {
        !is_older(self.received, stale_after, now)
            && now.wall.since(sample.at) <= stale_after
            && sample.at.since(now.wall) <= stale_after
    }

    /// Values that are known now.
    fn known(&self, stale_after: Duration, now: Moment) -> impl Iterator<Item = f64> {
        self.known_at(stale_after, now).map(|(_, value)| value)
    }

    /// Values that are known now, each with its place in the answer.
    fn known_at(&self, stale_after: Duration, now: Moment) -> impl Iterator<Item = (usize, f64)> {
        let fresh = move |(_, sample): &(usize, &Sample)| {
            self.is_fresh(sample, stale_after, now) && !sample.value.is_nan()
        };
        let known = self.samples.iter().enumerate().filter(fresh);
        known.map(|(place, sample)| (place, sample.value))
    }

    /// Why something is not known now; none when every series is.
    fn doubt(&self, stale_after: Duration, now: Moment) -> Option<Unknown> {
        if let Some(doubt) = self.doubt {
            return Some(doubt);
        }
        if self
            .samples
            .iter()
            .any(|sample| !self.is_fresh(sample, stale_after, now))
        {
            return Some(Unknown::Stale);
        }
        self.samples
            .iter()
            .any(|sample| sample.value.is_nan())
            .then_some(Unknown::NotANumber)
    }
}

/// Labels of a series as the journal quotes them: `{instance="db-1"}`, or nothing where it has none.
pub fn series_name(labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

fn samples(series: &[Series]) -> Vec<Sample> {
    series.iter().map(|series| series.sample).collect()
}

/// Where bad values lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bad {
    Above,
    Below,
    /// Neither end is worse: what crosses is.
    Crossing,
}

impl Bad {
    /// For a limit that is bad to cross.
    const fn of_crossed(op: Op) -> Self {
        match op {
            Op::Gt | Op::Ge => Self::Above,
            Op::Lt | Op::Le => Self::Below,
            Op::Eq | Op::Ne => Self::Crossing,
        }
    }

    /// For a limit that is good to meet.
    const fn of_met(op: Op) -> Self {
        match Self::of_crossed(op) {
            Self::Above => Self::Below,
            Self::Below => Self::Above,
            Self::Crossing => Self::Crossing,
        }
    }

    /// How bad a value is; more is worse. NaN decides nothing and is quoted only when nothing else is there.
    fn badness(self, value: f64, crosses: bool) -> f64 {
        match self {
            _ if value.is_nan() => f64::NEG_INFINITY,
            Self::Above => value,
            Self::Below => -value,
            Self::Crossing => f64::from(u8::from(crosses)),
        }
    }
}

/// The worst series of an answer; a NaN one when no other is there.
fn worst(answer: &QueryAnswer, bad: Bad, crosses: impl Fn(f64) -> bool) -> Option<Quote> {
    worst_by(answer, |_, value| bad.badness(value, crosses(value)))
}

/// As [`worst`], by a measure of its own for the place of a series in the answer and its value.
fn worst_by(answer: &QueryAnswer, badness: impl Fn(usize, f64) -> f64) -> Option<Quote> {
    let series = answer.result.as_ref().ok()?;
    let measured = series
        .iter()
        .enumerate()
        .map(|(place, series)| (series, badness(place, series.sample.value)));
    // Of equals the first by labels is quoted, so that the quote does not jump between them.
    let (worst, _) = measured.reduce(|worst, next| if next.1 > worst.1 { next } else { worst })?;
    Some(Quote {
        labels: worst.labels.clone(),
        sample: worst.sample,
        received: answer.received,
    })
}

/// Whether a value ends a breach of `crossed`, given the level to come back to. That level may be written as what must
/// hold (`< 0.3` for a breach of `> 0.5`) or as the lower limit itself (`> 0.3`); both mean the same level.
fn has_cleared(crossed: Limit, clear: Option<Limit>, value: f64) -> bool {
    let Some(clear) = clear else {
        return !value.is_nan() && !crossed.holds(value);
    };
    if Bad::of_crossed(clear.op) == Bad::of_crossed(crossed.op)
        && !matches!(clear.op, Op::Eq | Op::Ne)
    {
        !value.is_nan() && !clear.holds(value)
    } else {
        clear.holds(value)
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
