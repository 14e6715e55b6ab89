//! The queries of one poll: asked side by side, told as they come.

use super::wire::{Failure, Wire};
use super::{Prometheus, Vector, parse_matrix, parse_vector, request};
use crate::connect::http::RetryAfter;
use crate::connect::poll::Early;
use crate::connect::query::QuerySpec;
use crate::domain::id::RuleId;
use crate::domain::reading::{QueryAnswer, RangeAnswer, ReadFailure, Reading};
use crate::domain::time::{Moment, Timestamp};
use futures_util::StreamExt as _;
use futures_util::stream;
use request::Span;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Range queries under way at once: they are heavy for the server, and nobody waits for them.
const RANGES_IN_FLIGHT_MAX: usize = 4;
/// Series of one rule that get a past: as many as a chart can tell apart.
const HISTORY_SERIES_MAX: usize = 20;
/// Answers that come within this time of each other are told together: a usual tick is one reading and one redraw, and
/// nobody sees that the first of them waited.
const EARLY_GAP: Duration = Duration::from_millis(100);

/// One expression and all rules that asked for it.
#[derive(Debug)]
pub(super) struct Ask {
    expr: String,
    rules: Vec<RuleId>,
}

impl Ask {
    /// Each expression once, in the order in which they come first.
    pub(super) fn all(specs: &[QuerySpec]) -> Vec<Self> {
        let mut asks: Vec<Self> = Vec::new();
        for spec in specs {
            match asks.iter_mut().find(|ask| ask.expr == spec.expr) {
                Some(ask) => ask.rules.push(spec.rule.clone()),
                None => asks.push(Self {
                    expr: spec.expr.clone(),
                    rules: vec![spec.rule.clone()],
                }),
            }
        }
        asks
    }

    fn answers(
        &self,
        found: &Result<Vector, Failure>,
        received: Moment,
    ) -> impl Iterator<Item = QueryAnswer> {
        let rules = self.rules.iter();
        rules.map(move |rule| to_answer(rule.clone(), found, received))
    }
}

fn to_answer(rule: RuleId, query: &Result<Vector, Failure>, received: Moment) -> QueryAnswer {
    let (result, dropped, warnings) = match query {
        Ok(Vector {
            partial: Some(what),
            warnings,
            dropped,
            ..
        }) => (
            Err(ReadFailure {
                what: what.clone(),
                partial: true,
            }),
            *dropped,
            warnings.clone(),
        ),
        Ok(vector) => (
            Ok(vector.series.clone()),
            vector.dropped,
            vector.warnings.clone(),
        ),
        Err(failure) => (Err(failure.to_read_failure()), 0, Vec::new()),
    };
    QueryAnswer {
        rule,
        result,
        dropped,
        warnings,
        received,
    }
}

/// What became of the queries of one poll, in their order: nothing where there is an answer.
pub(super) struct Outcomes(Vec<Option<Failure>>);

impl Outcomes {
    /// The failure of a tick in which the server answered nothing at all; a refused expression is an answer.
    pub(super) fn lost(&self) -> Option<&Failure> {
        let is_answer = |outcome: &Option<Failure>| {
            matches!(outcome, None | Some(Failure::Answer(_) | Failure::Decoder))
        };
        if self.0.iter().any(is_answer) {
            None
        } else {
            self.0.iter().find_map(Option::as_ref)
        }
    }

    /// When the server wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<RetryAfter> {
        self.0.iter().flatten().find_map(Failure::retry_after)
    }

    /// What a person should know of them.
    pub(super) fn trouble(&self) -> Option<String> {
        let failed = self.0.iter().flatten().count();
        let first = self.0.iter().flatten().next()?;
        Some(format!(
            "{failed} of {} queries failed: {first}",
            self.0.len()
        ))
    }
}

/// Where readings of a poll go: out at once where there is somebody who takes them early, else to the end of the poll.
pub(super) struct Outbox {
    early: Option<Early>,
    kept: Mutex<Vec<Reading>>,
}

impl Outbox {
    pub(super) const fn new(early: Option<Early>) -> Self {
        Self {
            early,
            kept: Mutex::new(Vec::new()),
        }
    }

    /// Tells a reading at once; gives it back where that cannot be.
    pub(super) fn tell(&self, reading: Reading) -> Option<Reading> {
        match &self.early {
            Some(early) => early.tell(reading).err().map(|reading| *reading),
            None => Some(reading),
        }
    }

    /// Tells a reading at once, or keeps it for the end.
    fn put(&self, reading: Reading) {
        let back = self.tell(reading);
        // A holder that panicked left the list whole.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(back);
    }

    /// What was kept.
    pub(super) fn rest(self) -> Vec<Reading> {
        let kept = self.kept.into_inner();
        kept.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prometheus {
    /// All expressions side by side. What is not there at the deadline has failed.
    pub(super) async fn instants(&self, outbox: &Outbox, deadline: Instant) -> Outcomes {
        let wire = &self.wire;
        let series_max = self.config.series_max;
        let ask_one = |number: usize, ask: &Ask| {
            let request = request::instant(&ask.expr, wire.timeout());
            let asking = wire.fetch(request, deadline, move |body| {
                parse_vector(body, series_max)
            });
            async move { (number, asking.await.map(|(vector, _)| vector)) }
        };
        let asks = self.asks.iter().enumerate();
        let queries: Vec<_> = asks.map(|(number, ask)| ask_one(number, ask)).collect();
        let mut arrivals = stream::iter(queries).buffer_unordered(self.config.queries_in_flight);
        let mut outcomes: Vec<Option<Failure>> = Vec::new();
        outcomes.resize_with(self.asks.len(), || None);
        let mut waiting = Vec::new();
        let mut tell_at = None;
        loop {
            let arrival = tokio::select! {
                biased;
                arrival = arrivals.next() => arrival,
                () = sleep_until(tell_at.unwrap_or(deadline)), if tell_at.is_some() => {
                    tell_at = None;
                    outbox.put(self.reading(std::mem::take(&mut waiting)));
                    continue;
                }
            };
            let Some((number, found)) = arrival else {
                break;
            };
            let Some(ask) = self.asks.get(number) else {
                continue;
            };
            waiting.extend(ask.answers(&found, self.clock.now()));
            if outbox.early.is_some() && tell_at.is_none() {
                tell_at = Some(Instant::now() + EARLY_GAP);
            }
            if let Some(outcome) = outcomes.get_mut(number) {
                *outcome = found.err();
            }
        }
        if !waiting.is_empty() {
            outbox.put(self.reading(waiting));
        }
        Outcomes(outcomes)
    }

    fn reading(&self, answers: Vec<QueryAnswer>) -> Reading {
        Reading::Queries {
            source: self.config.name.clone(),
            answers,
        }
    }

    /// The past of all expressions.
    pub(super) async fn ranges(&self, now: Timestamp, deadline: Instant) -> Reading {
        let wire: &Wire = &self.wire;
        let span = Span::before(now, self.config.history, self.config.step);
        let ask_one = |ask: &Ask| {
            let request = request::range(&ask.expr, span, HISTORY_SERIES_MAX, wire.timeout());
            let parse = |body: &[u8]| parse_matrix(body, HISTORY_SERIES_MAX);
            let asking = wire.fetch(request, deadline, parse);
            async move { asking.await.map(|(past, _)| past) }
        };
        let queries: Vec<_> = self.asks.iter().map(ask_one).collect();
        let found: Vec<_> = stream::iter(queries)
            .buffered(RANGES_IN_FLIGHT_MAX)
            .collect()
            .await;
        let answers = self.asks.iter().zip(found).flat_map(|(ask, found)| {
            let result = found.map_err(|failure| failure.to_read_failure());
            ask.rules.iter().map(move |rule| RangeAnswer {
                rule: rule.clone(),
                result: result.clone(),
            })
        });
        Reading::Ranges {
            source: self.config.name.clone(),
            answers: answers.collect(),
        }
    }
}
