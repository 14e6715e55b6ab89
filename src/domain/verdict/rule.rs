//! Guards and panels.

use super::level::{Known, Level};
use super::{Newest, Quote, is_older, series_name, worst_by};
use crate::domain::fact::Baseline;
use crate::domain::reading::QueryAnswer;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::{OnNoData, RuleLimit, Unknown, Verdict};
use crate::domain::time::{Moment, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a rule says now.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleReport {
    /// The verdict. A limit that is crossed, but not yet long or often enough, does not count in it: see
    /// [`Self::pending_since`].
    pub verdict: Verdict,
    /// Since when a limit is crossed that does not count yet; the worse one of two.
    pub pending_since: Option<Moment>,
    /// Since when the limit that counts is crossed; kept while data is missing.
    pub crossed_since: Option<Moment>,
    /// The sample that decides; the newest known one while the verdict is unknown for lack of data.
    pub quote: Option<Quote>,
    /// What the source said in place of an answer, or empty.
    pub failure: String,
}

/// Watches one rule. Any series that crosses a limit crosses it for the rule.
///
/// A limit counts after it was crossed for the rule's `for`, and by as many of the newest samples as its `samples` says; a gap
/// in the data resets nothing, but is unknown. A breach ends when every series is known and back at the clear level.
#[derive(Debug, Clone)]
pub struct RuleWatch {
    warn: Option<Level>,
    crit: Option<Level>,
    hold_for: Duration,
    stale_after: Duration,
    /// An answer without series is good.
    may_vanish: bool,
    /// Some limit needs the baseline.
    is_relative: bool,
    reference: Option<Reference>,
    newest: Option<Newest>,
    /// Names of its series, in their order; only where a limit needs them.
    names: Vec<String>,
    /// Times of the newest samples: the same ones again are no further samples.
    times: Vec<Timestamp>,
    report: RuleReport,
}

/// What a baseline says, ready to be looked up.
#[derive(Debug, Clone)]
struct Reference {
    series: u32,
    values: BTreeMap<String, f64>,
}

impl RuleWatch {
    /// Watches from the state "no data yet", without a baseline.
    pub fn new(rule: &MetricRule) -> Self {
        // The clear level belongs to the worst limit; a milder one ends where it begins.
        let warn_clear = rule.clear.filter(|_| rule.crit.is_none());
        let limits = [rule.warn, rule.crit, rule.clear];
        let level = |limit, clear| Level::new(limit, clear, rule.samples);
        Self {
            warn: rule.warn.map(|limit| level(limit, warn_clear)),
            crit: rule.crit.map(|limit| level(limit, rule.clear)),
            hold_for: rule.hold_for,
            stale_after: rule.stale_after,
            may_vanish: rule.no_data == OnNoData::Ok,
            is_relative: limits.into_iter().flatten().any(RuleLimit::is_relative),
            reference: None,
            newest: None,
            names: Vec::new(),
            times: Vec::new(),
            report: RuleReport {
                verdict: Verdict::Unknown(Unknown::Never),
                pending_since: None,
                crossed_since: None,
                quote: None,
                failure: String::new(),
            },
        }
    }

    /// Whether some limit of it counts from a baseline.
    pub const fn needs_baseline(&self) -> bool {
        self.is_relative
    }

    /// Whether it knows its baseline.
    pub const fn has_baseline(&self) -> bool {
        self.reference.is_some()
    }

    /// Judges by this baseline from the next look on.
    pub fn set_baseline(&mut self, baseline: &Baseline) {
        let values = baseline.medians.iter();
        let values = values.map(|median| (median.series.clone(), median.sample.value));
        self.reference = Some(Reference {
            series: baseline.series,
            values: values.collect(),
        });
    }

    /// Takes an answer or a failure in.
    pub fn feed(&mut self, answer: &QueryAnswer, now: Moment) -> &RuleReport {
        let newest = Newest::of(answer);
        self.names = match &answer.result {
            Ok(series) if self.is_relative => series
                .iter()
                .map(|series| series_name(&series.labels))
                .collect(),
            _ => Vec::new(),
        };
        self.report.failure = answer
            .result
            .as_ref()
            .err()
            .map(|failure| failure.what.clone())
            .unwrap_or_default();
        let times: Vec<Timestamp> = newest.samples.iter().map(|sample| sample.at).collect();
        // An answer without series has no time of its own: each is another sample.
        let is_new = times.is_empty() || times != self.times;
        if !times.is_empty() {
            self.times = times;
        }
        self.newest = Some(newest);
        let worst = self.crit.as_ref().or(self.warn.as_ref());
        let quote = worst_by(answer, |place, value| {
            let base = self.base(place);
            worst.map_or_else(
                || {
                    if value.is_nan() {
                        f64::NEG_INFINITY
                    } else {
                        0.0
                    }
                },
                |level| level.badness(Known { value, base }),
            )
        });
        if is_new {
            let (known, doubt) = self.look(now);
            for level in self.warn.iter_mut().chain(&mut self.crit) {
                level.take(&known, doubt.is_none(), quote.as_ref());
            }
        }
        if quote.is_some() {
            self.report.quote = quote;
        }
        self.tick(now)
    }

    /// Looks at the clock: what is known grows old, and what is pending ripens.
    pub fn tick(&mut self, now: Moment) -> &RuleReport {
        if self.newest.is_some() {
            let (known, doubt) = self.look(now);
            for level in self.warn.iter_mut().chain(&mut self.crit) {
                level.step(&known, doubt.is_none(), self.hold_for, now);
            }
            self.report.verdict = self.verdict(&known, doubt);
        }
        let levels = || self.crit.iter().chain(&self.warn);
        self.report.pending_since = levels().find_map(Level::pending_since);
        self.report.crossed_since = levels().find_map(Level::counted_since);
        &self.report
    }

    /// What the rule said last.
    pub const fn report(&self) -> &RuleReport {
        &self.report
    }

    /// The samples that crossed the critical limit since it last was well, oldest first; at most
    /// [`SAMPLES_MAX`](crate::domain::threshold::SAMPLES_MAX).
    pub fn deciding(&self) -> impl Iterator<Item = &Quote> {
        self.crit.iter().flat_map(Level::crossings)
    }

    /// What is known now, and why not all is.
    fn look(&self, now: Moment) -> (Vec<Known>, Option<Unknown>) {
        let Some(newest) = &self.newest else {
            return (Vec::new(), Some(Unknown::Never));
        };
        let known: Vec<Known> = newest
            .known_at(self.stale_after, now)
            .map(|(place, value)| Known {
                value,
                base: self.base(place),
            })
            .collect();
        let doubt = match newest.doubt(self.stale_after, now) {
            // It may have vanished, but that must be news, too.
            Some(Unknown::Empty) if self.may_vanish => {
                is_older(newest.received, self.stale_after, now).then_some(Unknown::Stale)
            }
            Some(why) => Some(why),
            None => self.fewer(newest.samples.len()).or_else(|| {
                let mut levels = self.crit.iter().chain(&self.warn);
                levels.find_map(|level| level.doubt(&known))
            }),
        };
        (known, doubt)
    }

    /// Series that were there at the baseline and are gone.
    fn fewer(&self, found: usize) -> Option<Unknown> {
        let of = self.reference.as_ref()?.series;
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        (found < of).then_some(Unknown::Fewer { found, of })
    }

    /// Baseline of the series at a place of the newest answer.
    fn base(&self, place: usize) -> Option<f64> {
        let name = self.names.get(place)?;
        self.reference.as_ref()?.values.get(name).copied()
    }

    fn verdict(&self, known: &[Known], doubt: Option<Unknown>) -> Verdict {
        let breached = |level: &Option<Level>| {
            let is_breached = |level: &Level| level.is_breached(known, doubt.is_none());
            level.as_ref().is_some_and(is_breached)
        };
        match doubt {
            // What is known to be bad stays bad, whatever else is not known.
            _ if breached(&self.crit) => Verdict::Fail,
            Some(why) => Verdict::Unknown(why),
            None if breached(&self.warn) => Verdict::Warn,
            None => Verdict::Pass,
        }
    }
}
