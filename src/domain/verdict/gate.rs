//! Gates.

use super::{Bad, Newest, Quote, has_lasted, is_older, worst};
use crate::domain::reading::QueryAnswer;
use crate::domain::runbook::plan::Gate;
use crate::domain::threshold::{Limit, Unknown, Verdict};
use crate::domain::time::Moment;
use std::time::Duration;

/// What a gate says now.
#[derive(Debug, Clone, PartialEq)]
pub struct GateReport {
    /// Pass: every series meets the limit now. Fail: one does not.
    pub verdict: Verdict,
    /// The limit has been met long enough, shown by an answer, and nothing has been unknown since.
    pub is_open: bool,
    /// Since when every series meets the limit without a break.
    pub met_since: Option<Moment>,
    /// The gate's time ran out before it opened. It does not open any more.
    pub is_timed_out: bool,
    /// The sample that decides; the newest known one while the verdict is unknown for lack of data.
    pub quote: Option<Quote>,
    /// What the source said in place of an answer, or empty.
    pub failure: String,
}

/// Watches one gate. Every series must meet the limit, all the time, for the gate's `for`.
///
/// Whatever is unknown starts the wait anew, and only an answer opens: the mere passing of time shows nothing.
#[derive(Debug, Clone)]
pub struct GateWatch {
    limit: Limit,
    hold_for: Duration,
    timeout: Option<Duration>,
    stale_after: Duration,
    started: Moment,
    newest: Option<Newest>,
    report: GateReport,
}

impl GateWatch {
    /// Watches from `started`, from when the timeout runs. A value older than `stale_after` is unknown; so is the time
    /// between two answers that lie further apart.
    pub fn new(gate: &Gate, stale_after: Duration, started: Moment) -> Self {
        Self {
            limit: gate.limit,
            hold_for: gate.hold_for,
            timeout: gate.timeout,
            stale_after,
            started,
            newest: None,
            report: GateReport {
                verdict: Verdict::Unknown(Unknown::Never),
                is_open: false,
                met_since: None,
                is_timed_out: false,
                quote: None,
                failure: String::new(),
            },
        }
    }

    /// Takes an answer or a failure in.
    pub fn feed(&mut self, answer: &QueryAnswer, now: Moment) -> &GateReport {
        // Nobody may have looked at the clock since the last answer.
        self.look(now);
        self.newest = Some(Newest::of(answer));
        self.report.failure = answer
            .result
            .as_ref()
            .err()
            .map(|failure| failure.what.clone())
            .unwrap_or_default();
        let limit = self.limit;
        if let Some(quote) = worst(answer, Bad::of_met(limit.op), |value| !limit.holds(value)) {
            self.report.quote = Some(quote);
        }
        self.look(now);
        if self.report.verdict.is_pass() && !self.report.is_timed_out {
            let since = *self.report.met_since.get_or_insert(now);
            self.report.is_open |= has_lasted(since, self.hold_for, now);
        }
        &self.report
    }

    /// Looks at the clock: what is known grows old, and time runs out.
    pub fn tick(&mut self, now: Moment) -> &GateReport {
        self.look(now);
        &self.report
    }

    /// What the gate said last.
    pub const fn report(&self) -> &GateReport {
        &self.report
    }

    /// Brings the verdict up to date; closes and starts anew unless it passes.
    fn look(&mut self, now: Moment) {
        if let Some(newest) = &self.newest {
            let fails = newest
                .known(self.stale_after, now)
                .any(|value| !self.limit.holds(value));
            self.report.verdict = match newest.doubt(self.stale_after, now) {
                _ if fails => Verdict::Fail,
                Some(why) => Verdict::Unknown(why),
                None => Verdict::Pass,
            };
        }
        if !self.report.verdict.is_pass() {
            self.report.met_since = None;
            self.report.is_open = false;
        }
        if !self.report.is_open
            && self
                .timeout
                .is_some_and(|limit| self.has_run_out(limit, now))
        {
            self.report.is_timed_out = true;
            self.report.met_since = None;
        }
    }

    fn has_run_out(&self, limit: Duration, now: Moment) -> bool {
        is_older(self.started, limit, now)
    }
}
