//! Declared effects: what a query says before a command, and after it compared with that.

use super::{Newest, has_lasted, series_name};
use crate::domain::fact::{Read, SeriesValue};
use crate::domain::id::StepId;
use crate::domain::reading::QueryAnswer;
use crate::domain::runbook::plan::Expect;
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Series of one declared effect: each is quoted into the journal and compared by name. More is a query that wants a
/// `sum`, and is unknown.
pub const EXPECT_SERIES_MAX: usize = 64;

/// What is read of a declared effect now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectNow {
    /// Whose it is.
    pub step: StepId,
    /// The command has ended: it is compared with what was before.
    pub is_after: bool,
    /// What the newest answer says.
    pub read: Read,
    /// Since when every series is as declared without a break.
    pub met_since: Option<Moment>,
    /// It has been so for long enough.
    pub is_met: bool,
}

/// Watches one declared effect on one side of its command.
#[derive(Debug, Clone)]
pub struct ExpectWatch {
    expect: Expect,
    stale_after: Duration,
    /// The end of the command and what was before it; absent before the command.
    after: Option<(Moment, Option<Read>)>,
    newest: Option<Known>,
    now: EffectNow,
}

/// The newest answer with the names of its series.
#[derive(Debug, Clone)]
struct Known {
    newest: Newest,
    names: Vec<String>,
}

impl ExpectWatch {
    /// Watches what is before the command.
    pub fn before(step: &StepId, expect: &Expect, stale_after: Duration) -> Self {
        Self::new(step, expect, stale_after, None)
    }

    /// Watches what comes after a command that ended at `ended`. Answers from before that show nothing of it.
    pub fn after(
        step: &StepId,
        expect: &Expect,
        stale_after: Duration,
        (ended, was): (Moment, Option<&Read>),
    ) -> Self {
        Self::new(step, expect, stale_after, Some((ended, was.cloned())))
    }

    fn new(
        step: &StepId,
        expect: &Expect,
        stale_after: Duration,
        after: Option<(Moment, Option<Read>)>,
    ) -> Self {
        Self {
            now: EffectNow {
                step: step.clone(),
                is_after: after.is_some(),
                read: Read {
                    rule: expect.id.clone(),
                    verdict: Verdict::Unknown(Unknown::Never),
                    series: Vec::new(),
                    failure: String::new(),
                },
                met_since: None,
                is_met: false,
            },
            expect: expect.clone(),
            stale_after,
            after,
            newest: None,
        }
    }

    /// Takes an answer or a failure in.
    pub fn feed(&mut self, answer: &QueryAnswer, now: Moment) -> &EffectNow {
        // Nobody may have looked at the clock since the last answer.
        self.look(now);
        if answer.rule != self.expect.id || self.is_of_before(answer) {
            return &self.now;
        }
        self.now.read.failure = match &answer.result {
            Err(failure) => failure.what.clone(),
            Ok(series) if series.len() > EXPECT_SERIES_MAX => {
                format!("more than {EXPECT_SERIES_MAX} series")
            }
            Ok(_) => String::new(),
        };
        let names = match &answer.result {
            Ok(series) => series.iter().take(EXPECT_SERIES_MAX),
            Err(_) => [].iter().take(0),
        };
        self.newest = Some(Known {
            newest: Newest::of(answer),
            names: names.map(|series| series_name(&series.labels)).collect(),
        });
        self.look(now);
        if self.now.read.verdict.is_pass() {
            let since = *self.now.met_since.get_or_insert(now);
            self.now.is_met |= has_lasted(since, self.expect.hold_for, now);
        }
        &self.now
    }

    /// Looks at the clock: what is known grows old.
    pub fn tick(&mut self, now: Moment) -> &EffectNow {
        self.look(now);
        &self.now
    }

    /// What it said last.
    pub const fn report(&self) -> &EffectNow {
        &self.now
    }

    /// An answer that was asked for, or is about a time, before the command ended.
    fn is_of_before(&self, answer: &QueryAnswer) -> bool {
        self.after
            .as_ref()
            .is_some_and(|(ended, _)| answer.received.mono_ms <= ended.mono_ms)
    }

    fn look(&mut self, now: Moment) {
        if let Some(known) = &self.newest {
            let (verdict, series) = self.judge(known, now);
            self.now.read.verdict = verdict;
            self.now.read.series = series;
        }
        if !self.now.read.verdict.is_pass() {
            self.now.met_since = None;
            self.now.is_met = false;
        }
    }

    fn judge(&self, known: &Known, now: Moment) -> (Verdict, Vec<SeriesValue>) {
        let samples = known.newest.samples.iter();
        let named = known.names.iter().zip(samples.clone());
        let mut series: Vec<(bool, SeriesValue)> = Vec::new();
        let mut doubt = known.newest.doubt(self.stale_after, now);
        if samples.len() > EXPECT_SERIES_MAX {
            doubt = Some(Unknown::Partial);
        }
        let mut fails = false;
        for (name, sample) in named {
            let is_fresh = known.newest.is_fresh(sample, self.stale_after, now);
            if let Some((ended, _)) = &self.after
                && sample.at < ended.wall
            {
                doubt = doubt.or(Some(Unknown::Stale));
            }
            let verdict = self.of_one(name, sample.value);
            // A value that is no number, or old, says nothing at all.
            let is_bad = is_fresh && !sample.value.is_nan() && verdict == Some(false);
            if verdict.is_none() {
                doubt = doubt.or(Some(Unknown::Partial));
            }
            fails |= is_bad && self.is_about_after(sample.at);
            series.push((
                verdict != Some(true),
                SeriesValue {
                    series: name.clone(),
                    sample: *sample,
                },
            ));
        }
        if self.has_lost_series(known) {
            doubt = doubt.or(Some(Unknown::Partial));
        }
        // Those that are not as declared are named first.
        series.sort_by_key(|(is_bad, _)| !*is_bad);
        let verdict = match doubt {
            _ if fails => Verdict::Fail,
            Some(why) if self.is_asked() => Verdict::Unknown(why),
            _ => Verdict::Pass,
        };
        (
            verdict,
            series.into_iter().map(|(_, value)| value).collect(),
        )
    }

    fn is_about_after(&self, at: crate::domain::time::Timestamp) -> bool {
        self.after
            .as_ref()
            .is_none_or(|(ended, _)| at >= ended.wall)
    }

    /// A value that nothing is declared of on this side is read where it can be, and stops nothing.
    const fn is_asked(&self) -> bool {
        match self.after {
            None => self.expect.needs_before(),
            Some(_) => self.expect.after.is_some(),
        }
    }

    /// Whether one series is as declared; nothing when that cannot be told.
    fn of_one(&self, name: &str, value: f64) -> Option<bool> {
        if value.is_nan() {
            return None;
        }
        match (&self.after, self.expect.after) {
            (None, after) => {
                let limit = self.expect.before.is_none_or(|limit| limit.holds(value));
                Some(limit && after.is_none_or(|after| after.can_follow(value)))
            }
            (Some((_, was)), Some(after)) => {
                let was = was.as_ref().and_then(|was| was.value_of(name));
                after.holds(was, value)
            }
            (Some(_), None) => Some(true),
        }
    }

    /// A series that was there before and is not now: nobody knows what became of it.
    fn has_lost_series(&self, known: &Known) -> bool {
        let was = self.after.as_ref().and_then(|(_, was)| was.as_ref());
        was.is_some_and(|was| {
            was.series
                .iter()
                .any(|before| !known.names.contains(&before.series))
        })
    }
}
