//! Gathers what a baseline is made of, from before the maintenance begins.

use super::{Newest, series_name};
use crate::domain::fact::{BASELINE_SERIES_MAX, Baseline, Quote};
use crate::domain::id::RuleId;
use crate::domain::reading::{QueryAnswer, Sample};
use crate::domain::runbook::plan::MetricRule;
use crate::domain::state::{Phase, State, StepStatus};
use crate::domain::threshold::{OnNoData, RuleLimit, Unknown};
use crate::domain::time::Moment;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How far back a baseline looks. One scrape that happens to be high must not move it, and yesterday must not either.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);

/// Answers a baseline is made of: the window at the usual interval.
const ANSWERS_MAX: usize = 20;

/// Bytes of all names of one baseline: it is part of every snapshot, and a name may have any length. Series beyond have no
/// baseline.
const NAMES_BYTES_MAX: usize = 32 * 1024;

/// Whether everything still stands as it did when the maintenance began: then what is measured now is what was then.
pub fn is_untouched(state: &State) -> bool {
    let is_work = |step: &crate::domain::state::StepState| {
        let is_over = !matches!(
            step.status,
            StepStatus::Pending | StepStatus::Active { .. } | StepStatus::Skipped { .. }
        );
        step.touched || (step.started.is_some() && is_over)
    };
    matches!(state.phase, Phase::Briefing | Phase::Running) && !state.steps.iter().any(is_work)
}

/// The newest good answers to one rule.
///
/// Good is an answer that is whole, new enough and made of finite numbers. Values are the **median** over the window, for
/// each series by itself: a single outlier does not move it.
#[derive(Debug, Clone)]
pub struct Collector {
    rule: RuleId,
    stale_after: Duration,
    may_vanish: bool,
    is_relative: bool,
    /// Arrival of the good answers of the window, oldest first.
    answers: VecDeque<Moment>,
    /// Series of the newest good answer.
    series: u32,
    values: BTreeMap<String, VecDeque<(Moment, Sample)>>,
}

impl Collector {
    /// Gathers for this rule.
    pub fn new(rule: &MetricRule) -> Self {
        let limits = [rule.warn, rule.crit, rule.clear];
        Self {
            rule: rule.id.clone(),
            stale_after: rule.stale_after,
            may_vanish: rule.no_data == OnNoData::Ok,
            is_relative: limits.into_iter().flatten().any(RuleLimit::is_relative),
            answers: VecDeque::new(),
            series: 0,
            values: BTreeMap::new(),
        }
    }

    /// Takes an answer in; what is not good is left out.
    pub fn feed(&mut self, answer: &QueryAnswer, now: Moment) {
        let newest = Newest::of(answer);
        let is_good = match newest.doubt(self.stale_after, now) {
            None => {
                let mut samples = newest.samples.iter();
                samples.all(|s| !self.is_relative || s.value.is_finite())
            }
            Some(why) => why == Unknown::Empty && self.may_vanish,
        };
        let Some(series) = answer.result.as_ref().ok().filter(|_| is_good) else {
            return;
        };
        self.series = u32::try_from(series.len()).unwrap_or(u32::MAX);
        self.answers.push_back(answer.received);
        while self.answers.len() > ANSWERS_MAX {
            self.answers.pop_front();
        }
        let oldest = self.answers.front().copied();
        let is_kept = |at: &Moment| {
            now.mono_since(*at) <= millis_of(WINDOW)
                && oldest.is_none_or(|oldest| at.mono_ms >= oldest.mono_ms)
        };
        self.answers.retain(is_kept);
        for kept in self.values.values_mut() {
            kept.retain(|(at, _)| is_kept(at));
        }
        // A series that is gone is no part of it.
        let wanted = series.iter().filter(|_| self.is_relative);
        let names: Vec<String> = wanted.map(|one| series_name(&one.labels)).collect();
        let there: BTreeSet<&String> = names.iter().collect();
        self.values.retain(|name, _| there.contains(name));
        let mut bytes: usize = 0;
        let kept = names.into_iter().zip(series).take(BASELINE_SERIES_MAX);
        for (name, one) in kept.take_while(|(name, _)| {
            bytes = bytes.saturating_add(name.len());
            bytes <= NAMES_BYTES_MAX
        }) {
            let kept = self.values.entry(name).or_default();
            if kept.back().is_none_or(|(_, last)| last.at != one.sample.at) {
                kept.push_back((answer.received, one.sample));
            }
        }
    }

    /// What it comes to now; absent while no good answer is new enough.
    pub fn take(&self, now: Moment) -> Option<Baseline> {
        let newest = self.answers.back()?;
        if now.mono_since(*newest) > millis_of(self.stale_after) {
            return None;
        }
        let medians = self.values.iter().filter_map(|(series, kept)| {
            let (_, last) = kept.back()?;
            let values: Vec<f64> = kept.iter().map(|(_, sample)| sample.value).collect();
            let at = last.at;
            let age = now.wall.since(at).as_millis();
            Some(Quote {
                series: series.clone(),
                sample: Sample {
                    at,
                    value: median(values)?,
                },
                age_ms: u64::try_from(age).unwrap_or(u64::MAX),
            })
        });
        Some(Baseline {
            rule: self.rule.clone(),
            series: self.series,
            answers: u32::try_from(self.answers.len()).unwrap_or(u32::MAX),
            medians: medians.collect(),
        })
    }
}

fn millis_of(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The middle of them; between the two middle ones where their number is even.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied()?;
    let lower = values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(upper);
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outlier_does_not_move_a_median() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![1.0, 4.0]), Some(2.5));
        assert_eq!(median(vec![1.0, 900.0, 2.0]), Some(2.0));
    }
}
