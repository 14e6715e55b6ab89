//! A stretch of time in equal steps.

use crate::domain::time::{Moment, Timestamp};
use std::time::Duration;

/// Moments from `from` to `to`, both included, one every `step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First moment.
    pub from: Timestamp,
    /// Last moment; not before `from`.
    pub to: Timestamp,
    /// Distance of two moments: whole seconds, one at least.
    pub step: Duration,
}

impl Stretch {
    /// The moments of `from..=to` that lie on multiples of `step`, so that asking twice asks for the same ones, and a
    /// server that moves what it is asked for to such multiples changes nothing. None when there is none.
    pub fn aligned(from: Timestamp, to: Timestamp, step: Duration) -> Option<Self> {
        let step = Duration::from_secs(step.as_secs().max(1));
        let step_ms = i64::try_from(step.as_millis()).ok()?;
        let floor = |ms: i64| ms.div_euclid(step_ms).saturating_mul(step_ms);
        let first = floor(from.as_millis().saturating_add(step_ms - 1));
        let last = floor(to.as_millis());
        (first <= last).then_some(Self {
            from: Timestamp::from_millis(first),
            to: Timestamp::from_millis(last),
            step,
        })
    }

    /// How many moments there are; one at least.
    pub fn points(&self) -> u64 {
        let step = self.step.as_secs().max(1);
        (self.to.since(self.from).as_secs() / step).saturating_add(1)
    }

    /// The moments in their order.
    pub fn moments(self) -> impl Iterator<Item = Moment> {
        let step = u32::try_from(self.step.as_secs().max(1)).unwrap_or(u32::MAX);
        (0..self.points()).map(move |n| {
            let after = Duration::from_secs(n.saturating_mul(u64::from(step)));
            moment(self.from.plus(after))
        })
    }

    /// The same moments in parts of at most `points` each, in order.
    pub fn parts(self, points: u64) -> impl Iterator<Item = Self> {
        let points = points.max(1);
        let span = move |n: u64| Duration::from_secs(n.saturating_mul(self.step.as_secs()));
        (0..self.points().div_ceil(points)).map(move |n| {
            let from = self.from.plus(span(n.saturating_mul(points)));
            let to = from.plus(span(points - 1)).min(self.to);
            Self { from, to, ..self }
        })
    }

    /// Two halves, where there is more than one moment.
    pub fn halves(self) -> Option<[Self; 2]> {
        let mut parts = self.parts(self.points().div_ceil(2));
        Some([parts.next()?, parts.next()?])
    }
}

/// A past moment as the watches want it: both clocks went evenly.
pub(super) fn moment(at: Timestamp) -> Moment {
    Moment {
        wall: at,
        mono_ms: u64::try_from(at.as_millis()).unwrap_or(0),
    }
}
