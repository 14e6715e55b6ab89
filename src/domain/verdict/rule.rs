//! Guards and panels.

use super::{Bad, Newest, Quote, has_cleared, has_lasted, worst};
use crate::domain::reading::QueryAnswer;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::{Limit, Unknown, Verdict};
use crate::domain::time::Moment;
use std::time::Duration;

/// What a rule says now.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleReport {
    /// The verdict. A limit that is crossed, but not yet long enough, does not count in it: see [`Self::pending_since`].
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
/// A limit counts after it was crossed for the rule's `for`; a gap in the data resets nothing, but is unknown. A breach
/// ends when every series is known and back at the clear level.
#[derive(Debug, Clone)]
pub struct RuleWatch {
    warn: Option<Level>,
    crit: Option<Level>,
    hold_for: Duration,
    stale_after: Duration,
    newest: Option<Newest>,
    report: RuleReport,
}

/// One limit with its memory.
#[derive(Debug, Clone)]
struct Level {
    limit: Limit,
    clear: Option<Limit>,
    crossed_since: Option<Moment>,
    counts: bool,
}

impl Level {
    fn new(limit: Limit, clear: Option<Limit>) -> Self {
        Self {
            limit,
            clear,
            crossed_since: None,
            counts: false,
        }
    }

    fn step(&mut self, known: &[f64], all_known: bool, hold_for: Duration, now: Moment) {
        if known.iter().any(|value| self.limit.holds(*value)) {
            let since = *self.crossed_since.get_or_insert(now);
            self.counts |= has_lasted(since, hold_for, now);
        } else if all_known && (!self.counts || !self.keeps(known)) {
            self.crossed_since = None;
            self.counts = false;
        }
    }

    /// Whether some series is known not to have come back.
    fn keeps(&self, known: &[f64]) -> bool {
        known
            .iter()
            .any(|value| !has_cleared(self.limit, self.clear, *value))
    }

    fn is_breached(&self, known: &[f64]) -> bool {
        self.counts && (self.keeps(known) || known.iter().any(|value| self.limit.holds(*value)))
    }

    fn pending_since(&self) -> Option<Moment> {
        self.crossed_since.filter(|_| !self.counts)
    }

    fn counted_since(&self) -> Option<Moment> {
        self.crossed_since.filter(|_| self.counts)
    }
}

impl RuleWatch {
    /// Watches from the state "no data yet".
    pub fn new(rule: &MetricRule) -> Self {
        // The clear level belongs to the worst limit; a milder one ends where it begins.
        let warn_clear = rule.clear.filter(|_| rule.crit.is_none());
        Self {
            warn: rule.warn.map(|limit| Level::new(limit, warn_clear)),
            crit: rule.crit.map(|limit| Level::new(limit, rule.clear)),
            hold_for: rule.hold_for,
            stale_after: rule.stale_after,
            newest: None,
            report: RuleReport {
                verdict: Verdict::Unknown(Unknown::Never),
                pending_since: None,
                crossed_since: None,
                quote: None,
                failure: String::new(),
            },
        }
    }

    /// Takes an answer or a failure in.
    pub fn feed(&mut self, answer: &QueryAnswer, now: Moment) -> &RuleReport {
        self.newest = Some(Newest::of(answer));
        self.report.failure = answer
            .result
            .as_ref()
            .err()
            .map(|failure| failure.what.clone())
            .unwrap_or_default();
        let limit = self
            .crit
            .as_ref()
            .or(self.warn.as_ref())
            .map(|level| level.limit);
        let bad = limit.map_or(Bad::Crossing, |limit| Bad::of_crossed(limit.op));
        if let Some(quote) = worst(answer, bad, |value| {
            limit.is_some_and(|limit| limit.holds(value))
        }) {
            self.report.quote = Some(quote);
        }
        self.tick(now)
    }

    /// Looks at the clock: what is known grows old, and what is pending ripens.
    pub fn tick(&mut self, now: Moment) -> &RuleReport {
        if let Some(newest) = &self.newest {
            let known: Vec<f64> = newest.known(self.stale_after, now).collect();
            let doubt = newest.doubt(self.stale_after, now);
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

    fn verdict(&self, known: &[f64], doubt: Option<Unknown>) -> Verdict {
        let breached =
            |level: &Option<Level>| level.as_ref().is_some_and(|level| level.is_breached(known));
        match doubt {
            // What is known to be bad stays bad, whatever else is not known.
            _ if breached(&self.crit) => Verdict::Fail,
            Some(why) => Verdict::Unknown(why),
            None if breached(&self.warn) => Verdict::Warn,
            None => Verdict::Pass,
        }
    }
}
