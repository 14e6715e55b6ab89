//! One limit of a rule with its memory.

use super::{Bad, Quote, has_cleared, has_lasted};
use crate::domain::threshold::{Limit, RuleLimit, SAMPLES_MAX, SampleCount, Scale, Unknown};
use crate::domain::time::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// A value that is known now, with the baseline of its series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) value: f64,
    pub(super) base: Option<f64>,
}

/// `warn` or `crit`.
#[derive(Debug, Clone)]
pub(super) struct Level {
    limit: RuleLimit,
    clear: Option<RuleLimit>,
    samples: Option<SampleCount>,
    /// Whether each of the newest samples crossed, oldest first; kept only where they are counted.
    recent: VecDeque<bool>,
    /// The worst series of each sample that crossed since it last was well; at most [`SAMPLES_MAX`].
    crossings: VecDeque<Quote>,
    crossed_since: Option<Moment>,
    counts: bool,
}

impl Level {
    pub(super) fn new(
        limit: RuleLimit,
        clear: Option<RuleLimit>,
        samples: Option<SampleCount>,
    ) -> Self {
        Self {
            limit,
            clear,
            samples,
            recent: VecDeque::new(),
            crossings: VecDeque::new(),
            crossed_since: None,
            counts: false,
        }
    }

    /// Why it cannot be said what some of these values mean.
    pub(super) fn doubt(&self, known: &[Known]) -> Option<Unknown> {
        let limits = || [Some(self.limit), self.clear].into_iter().flatten();
        known
            .iter()
            .find_map(|one| limits().find_map(|limit| limit.at(one.base).err()))
    }

    /// How bad a value is; more is worse, and what cannot be compared is not bad at all.
    pub(super) fn badness(&self, one: Known) -> f64 {
        let measure = match (self.limit.scale, one.base) {
            (Scale::Absolute, _) => Some(one.value),
            (Scale::Ratio, Some(base)) if base > 0.0 => Some(one.value / base),
            (Scale::Difference, Some(base)) => Some(one.value - base),
            (Scale::Ratio | Scale::Difference, _) => None,
        };
        let bad = Bad::of_crossed(self.limit.op);
        measure.map_or(f64::NEG_INFINITY, |measure| {
            bad.badness(measure, self.is_crossed_by(one))
        })
    }

    /// Takes a new sample in: whether any series crosses; one that nobody can judge is left out.
    pub(super) fn take(&mut self, known: &[Known], all_known: bool, quote: Option<&Quote>) {
        let crosses = known.iter().any(|one| self.is_crossed_by(*one));
        if crosses && let Some(quote) = quote {
            if self.crossings.len() >= usize::from(SAMPLES_MAX) {
                // How it began stays.
                self.crossings.remove(1);
            }
            self.crossings.push_back(quote.clone());
        }
        if let Some(samples) = self.samples
            && (crosses || all_known)
        {
            self.recent.push_back(crosses);
            while self.recent.len() > usize::from(samples.last) {
                self.recent.pop_front();
            }
        }
    }

    /// Brings it up to date with what is known now.
    pub(super) fn step(&mut self, known: &[Known], all_known: bool, span: Duration, now: Moment) {
        let crosses = known.iter().any(|one| self.is_crossed_by(*one));
        let is_crossed = self.is_crossed(crosses);
        if is_crossed && (crosses || all_known) {
            let since = *self.crossed_since.get_or_insert(now);
            self.counts |= has_lasted(since, span, now);
        } else if !is_crossed && all_known && (!self.counts || !self.keeps(known)) {
            self.crossed_since = None;
            self.counts = false;
            if !self.recent.contains(&true) {
                self.crossings.clear();
            }
        }
    }

    /// `crosses`: the newest sample does.
    fn is_crossed(&self, crosses: bool) -> bool {
        self.samples.map_or(crosses, |samples| {
            let count = self.recent.iter().filter(|crossed| **crossed).count();
            count >= usize::from(samples.of)
        })
    }

    fn is_crossed_by(&self, one: Known) -> bool {
        self.limit
            .at(one.base)
            .is_ok_and(|limit| limit.holds(one.value))
    }

    /// Whether some series is known not to have come back.
    fn keeps(&self, known: &[Known]) -> bool {
        known.iter().any(|one| {
            let levels = self.levels(one.base);
            levels.is_some_and(|(limit, clear)| !has_cleared(limit, clear, one.value))
        })
    }

    /// Both limits as they are for a series; absent where the baseline does not say.
    fn levels(&self, base: Option<f64>) -> Option<(Limit, Option<Limit>)> {
        let clear = self.clear.map(|clear| clear.at(base)).transpose();
        Some((self.limit.at(base).ok()?, clear.ok()?))
    }

    pub(super) fn is_breached(&self, known: &[Known], all_known: bool) -> bool {
        let crosses = known.iter().any(|one| self.is_crossed_by(*one));
        let by_count = self.samples.is_some() && all_known && self.is_crossed(crosses);
        self.counts && (crosses || by_count || self.keeps(known))
    }

    pub(super) fn pending_since(&self) -> Option<Moment> {
        self.crossed_since.filter(|_| !self.counts)
    }

    pub(super) fn counted_since(&self) -> Option<Moment> {
        self.crossed_since.filter(|_| self.counts)
    }

    pub(super) fn crossings(&self) -> impl Iterator<Item = &Quote> {
        self.crossings.iter()
    }
}
