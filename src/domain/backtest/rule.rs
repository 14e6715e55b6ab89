//! One rule over a recorded past.

use super::Bad;
use super::outcome::{ALARMS_KEPT, Alarm, Caught, RuleOutcome, Worst};
use crate::domain::reading::QueryAnswer;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::{Op, Verdict};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::verdict::{Collector, Quote, RuleWatch};
use std::collections::BTreeMap;
use std::time::Duration;

/// Feeds one rule's watch and counts what it says.
///
/// In alarm is `Fail`; for a rule that has `warn` alone, `Warn`. What is unknown neither begins nor ends an alarm.
#[derive(Debug)]
pub struct RuleReplay {
    rule: MetricRule,
    watch: RuleWatch,
    collector: Collector,
    step: Duration,
    /// Begun anew this often, as a maintenance would be; and when next.
    window: Option<(Duration, Option<Timestamp>)>,
    bad: Vec<Bad>,
    first_in: Vec<Option<Timestamp>>,
    was_on: Vec<bool>,
    unknown_in: Vec<u64>,
    open: Option<Alarm>,
    worst: Option<Quote>,
    last: Option<Timestamp>,
    alarms: u64,
    outside: u64,
    kept: Vec<Alarm>,
    alarm_samples: u64,
    warn_samples: u64,
    unknown_by: BTreeMap<&'static str, u64>,
}

impl RuleReplay {
    /// From the state "no data yet". `step` is the distance of two answers. With `window` the watch begins anew that
    /// often, with everything that it takes down at its begin; an alarm that goes on begins anew too.
    pub fn new(rule: &MetricRule, step: Duration, window: Option<Duration>, bad: &[Bad]) -> Self {
        Self {
            rule: rule.clone(),
            watch: RuleWatch::new(rule),
            collector: Collector::new(rule),
            step,
            window: window.map(|span| (span, None)),
            first_in: vec![None; bad.len()],
            was_on: vec![false; bad.len()],
            unknown_in: vec![0; bad.len()],
            bad: bad.to_vec(),
            open: None,
            worst: None,
            last: None,
            alarms: 0,
            outside: 0,
            kept: Vec::new(),
            alarm_samples: 0,
            warn_samples: 0,
            unknown_by: BTreeMap::new(),
        }
    }

    /// Takes the answer of one moment in; answers come in their order.
    pub fn feed(&mut self, answer: &QueryAnswer, now: Moment) {
        self.begin_anew(now.wall);
        self.take_baseline(answer, now);
        let report = self.watch.feed(answer, now);
        let (verdict, quote) = (report.verdict, report.quote.clone());
        match verdict {
            Verdict::Fail => self.in_alarm(now.wall, quote),
            Verdict::Warn if self.rule.crit.is_none() => self.in_alarm(now.wall, quote),
            Verdict::Warn => {
                self.warn_samples += 1;
                self.close(now.wall, false);
            }
            Verdict::Pass => self.close(now.wall, false),
            Verdict::Unknown(why) => {
                *self.unknown_by.entry(why.as_str()).or_default() += 1;
                for (bad, count) in self.bad.iter().zip(&mut self.unknown_in) {
                    *count += u64::from(bad.holds_at(now.wall));
                }
            }
        }
        self.last = Some(now.wall);
    }

    /// From the first good answer, as at Begin. Series that a rule without relative limits had then are held against it
    /// for one window only: over days, series come and go.
    fn take_baseline(&mut self, answer: &QueryAnswer, now: Moment) {
        let is_wanted = self.watch.needs_baseline() || self.window.is_some();
        if !is_wanted || self.watch.has_baseline() {
            return;
        }
        self.collector.feed(answer, now);
        if let Some(baseline) = self.collector.take(now) {
            self.watch.set_baseline(&baseline);
        }
    }

    fn begin_anew(&mut self, at: Timestamp) {
        let Some((span, next)) = &mut self.window else {
            return;
        };
        match next {
            Some(due) if at < *due => return,
            Some(_) => {
                self.watch = RuleWatch::new(&self.rule);
                self.collector = Collector::new(&self.rule);
            }
            None => {}
        }
        *next = Some(at.plus(*span));
    }

    fn in_alarm(&mut self, at: Timestamp, quote: Option<Quote>) {
        self.alarm_samples += 1;
        let was_on = self.open.is_some();
        if !was_on {
            self.alarms = self.alarms.saturating_add(1);
            self.worst = None;
            self.open = Some(Alarm {
                from: at,
                to: at,
                is_open: true,
                worst: None,
                bad: Vec::new(),
            });
        }
        for (index, bad) in self.bad.iter().enumerate() {
            let Some(first) = self.first_in.get_mut(index).filter(|first| first.is_none()) else {
                continue;
            };
            if bad.holds_at(at) {
                *first = Some(at);
                if let Some(on) = self.was_on.get_mut(index) {
                    // The first sample of an interval has none before it that could have been in alarm in it.
                    *on = was_on && self.open.as_ref().is_some_and(|open| open.from < bad.from);
                }
            }
        }
        if let Some(quote) = quote.filter(|quote| self.is_worse(quote)) {
            self.worst = Some(quote);
        }
    }

    /// Further beyond the limit than the worst so far.
    fn is_worse(&self, quote: &Quote) -> bool {
        let Some(worst) = &self.worst else {
            return true;
        };
        let op = self.rule.crit.or(self.rule.warn).map(|limit| limit.op);
        match op {
            Some(Op::Gt | Op::Ge) => quote.sample.value > worst.sample.value,
            Some(Op::Lt | Op::Le) => quote.sample.value < worst.sample.value,
            Some(Op::Eq | Op::Ne) | None => false,
        }
    }

    /// Ends the alarm there is.
    fn close(&mut self, at: Timestamp, is_open: bool) {
        let Some(mut alarm) = self.open.take() else {
            return;
        };
        alarm.to = at;
        alarm.is_open = is_open;
        alarm.worst = self.worst.take().map(|quote| Worst {
            series: series(&quote.labels),
            value: quote.sample.value.to_string(),
            at: quote.sample.at,
        });
        let meets = self.bad.iter().filter(|bad| bad.meets(alarm.from, at));
        alarm.bad = meets.map(|bad| bad.name.clone()).collect();
        self.outside += u64::from(alarm.bad.is_empty());
        if self.kept.len() < ALARMS_KEPT {
            self.kept.push(alarm);
        }
    }

    /// The outcome, and for each bad interval the first sample in alarm in it.
    pub fn finish(mut self) -> (RuleOutcome, Vec<Option<Timestamp>>) {
        if let Some(last) = self.last {
            self.close(last, true);
        }
        let seconds = |samples: u64| samples.saturating_mul(self.step.as_secs());
        let bad = self.bad.iter().enumerate().map(|(index, bad)| Caught {
            name: bad.name.clone(),
            after_seconds: self
                .first_in
                .get(index)
                .copied()
                .flatten()
                .map(|at| at.since(bad.from).as_secs()),
            was_on: self.was_on.get(index).copied().unwrap_or(false),
            unknown_seconds: seconds(self.unknown_in.get(index).copied().unwrap_or(0)),
        });
        let outcome = RuleOutcome {
            id: self.rule.id.clone(),
            title: self.rule.title.clone(),
            expr: self.rule.expr.clone(),
            limits: limits(&self.rule),
            on_breach: self.rule.on_breach,
            alarms: self.alarms,
            outside: self.outside,
            alarm_seconds: seconds(self.alarm_samples),
            warn_seconds: seconds(self.warn_samples),
            unknown_seconds: seconds(self.unknown_by.values().sum()),
            unknown_by: scaled(&self.unknown_by, self.step),
            bad: bad.collect(),
            intervals: self.kept,
        };
        (outcome, self.first_in)
    }
}

/// Samples by reason as seconds by reason.
pub(super) fn scaled(
    samples: &BTreeMap<&'static str, u64>,
    step: Duration,
) -> BTreeMap<&'static str, u64> {
    let seconds = |(why, count): (&&'static str, &u64)| (*why, count * step.as_secs());
    samples.iter().map(seconds).collect()
}

/// `{instance="db-1"}`, or empty.
fn series(labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
    format!("{{{}}}", pairs.join(","))
}

/// `warn > 0.5, crit > 1, clear > 0.3, for 30s`
fn limits(rule: &MetricRule) -> String {
    let written = [
        ("warn", rule.warn),
        ("crit", rule.crit),
        ("clear", rule.clear),
    ];
    let written = written.into_iter();
    let mut parts: Vec<String> = written
        .filter_map(|(word, limit)| Some(format!("{word} {}", limit?)))
        .collect();
    if let Some(samples) = rule.samples {
        parts.push(format!("{samples} samples"));
    }
    if !rule.hold_for.is_zero() {
        parts.push(format!(
            "for {}",
            crate::domain::time::short_span(rule.hold_for)
        ));
    }
    parts.join(", ")
}
