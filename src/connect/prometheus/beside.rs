//! What is asked beside the queries: alerts, rules, targets, version and clock. None of it keeps an answer back.

use super::request;
use super::response::{parse_alerts, parse_build, parse_rules, parse_targets, parse_vector};
use super::wire::{Failure, Wire};
use crate::clock::Clock;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Reading, ServerInfo};
use crate::domain::time::Moment;
use std::time::Duration;
use tokio::time::Instant;

/// Alerts change with rule evaluation, seldom faster than this.
const ALERTS_GAP: Duration = Duration::from_secs(5);
/// Targets and rules are long lists; what is down shows within half a minute.
const LISTS_GAP: Duration = Duration::from_secs(30);
/// How often version and clock are asked again: a clock that runs away does so slowly.
const INFO_GAP: Duration = Duration::from_secs(60);
/// How often a server that knows no such question is asked it again: it may have been started anew with more.
const ABSENT_GAP: Duration = Duration::from_secs(300);

/// One thing that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Alerts,
    Rules,
    Targets,
    Info,
}

impl Part {
    /// Name of it in troubles; for the first three the key that switches it off.
    const fn word(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Rules => "rules",
            Self::Targets => "targets",
            Self::Info => "version",
        }
    }

    const fn gap(self) -> Duration {
        match self {
            Self::Alerts => ALERTS_GAP,
            Self::Rules | Self::Targets => LISTS_GAP,
            Self::Info => INFO_GAP,
        }
    }
}

/// What one answer says.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// What is told.
    pub(super) reading: Option<Reading>,
    /// What a person should know of it.
    trouble: Option<String>,
}

/// What is remembered of one part between polls.
#[derive(Debug)]
pub(super) struct Standing {
    part: Part,
    good_at: Option<Moment>,
    absent_at: Option<Moment>,
    trouble: Option<String>,
}

impl Standing {
    pub(super) const fn new(part: Part) -> Self {
        Self {
            part,
            good_at: None,
            absent_at: None,
            trouble: None,
        }
    }

    pub(super) const fn part(&self) -> Part {
        self.part
    }

    /// Whether it is asked now. That the server has no such thing was said by the poll before, and is said once.
    pub(super) fn is_due(&mut self, now: Moment) -> bool {
        if let Some(absent) = self.absent_at {
            self.trouble = None;
            return now.has_passed(absent, ABSENT_GAP);
        }
        let gap = self.part.gap();
        self.good_at.is_none_or(|good| now.has_passed(good, gap))
    }

    /// Takes in what became of it; gives what is told.
    pub(super) fn take(&mut self, outcome: Result<Told, Failure>, now: Moment) -> Option<Reading> {
        match outcome {
            Ok(told) => {
                self.good_at = Some(now);
                self.absent_at = None;
                self.trouble = told.trouble.map(|text| self.named(&text));
                told.reading
            }
            Err(failure) => {
                let absence = failure.absence().filter(|_| self.part != Part::Info);
                if let Some(code) = absence {
                    let word = self.part.word();
                    let text = format!("HTTP {code}; where there are none, set `{word}` to false");
                    self.trouble = self.absent_at.is_none().then(|| self.named(&text));
                    self.absent_at = Some(now);
                } else {
                    self.trouble = Some(self.named(&failure.to_string()));
                }
                None
            }
        }
    }

    fn named(&self, text: &str) -> String {
        format!("{}: {text}", self.part.word())
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Answered in the poll that began at `now`.
    pub(super) fn is_good_at(&self, now: Moment) -> bool {
        self.good_at == Some(now)
    }
}

/// Asks one part.
pub(super) async fn ask(
    wire: &Wire,
    clock: &dyn Clock,
    source: &ConnectorName,
    part: Part,
    deadline: Instant,
) -> Result<Told, Failure> {
    match part {
        Part::Alerts => {
            let (found, _) = wire
                .fetch(request::alerts(), deadline, parse_alerts)
                .await?;
            Ok(Told {
                trouble: left_out(found.dropped, found.partial),
                reading: Some(Reading::Alerts {
                    source: source.clone(),
                    alerts: found.alerts,
                }),
            })
        }
        Part::Rules => {
            let (rules, _) = wire.fetch(request::rules(), deadline, parse_rules).await?;
            Ok(Told {
                trouble: rules.trouble(),
                reading: Some(Reading::AlertRules {
                    source: source.clone(),
                    known: rules.alerts,
                }),
            })
        }
        Part::Targets => {
            let (found, _) = wire
                .fetch(request::targets(), deadline, parse_targets)
                .await?;
            Ok(Told {
                trouble: left_out(found.dropped, found.partial),
                reading: Some(Reading::Targets {
                    source: source.clone(),
                    targets: found.targets,
                }),
            })
        }
        Part::Info => info(wire, clock, deadline).await.map(|info| Told {
            reading: Some(Reading::Info {
                source: source.clone(),
                info,
            }),
            trouble: None,
        }),
    }
}

fn left_out(dropped: usize, partial: Option<String>) -> Option<String> {
    match partial {
        Some(why) => Some(format!("some may be missing: {why}")),
        None => (dropped > 0).then(|| format!("{dropped} are left out")),
    }
}

/// Version and clock. The clock is read from the evaluation time of a query, to the millisecond; from the `Date` of an
/// answer, to the second, where a server does not take that query. Either is compared with the middle of the exchange.
async fn info(wire: &Wire, clock: &dyn Clock, deadline: Instant) -> Result<ServerInfo, Failure> {
    let (build, date) = wire
        .fetch(request::build_info(), deadline, parse_build)
        .await?;
    let sent = clock.now();
    let request = request::instant("time()", wire.timeout());
    let time = wire
        .fetch(request, deadline, |body| parse_vector(body, 1))
        .await;
    let received = clock.now();
    let server = match &time {
        Ok((vector, _)) => vector.series.first().map(|series| series.sample.at),
        Err(_) => date,
    };
    let middle = i64::midpoint(sent.wall.as_millis(), received.wall.as_millis());
    let clock_skew_ms = server.map(|server| server.as_millis().saturating_sub(middle));
    Ok(ServerInfo {
        version: build.text(),
        clock_skew_ms,
    })
}
