//! The queries of one poll: asked side by side, told as they come.

use super::wire::{Failure, Wire};
use super::{Prometheus, Vector, parse_matrix, parse_vector, request};
use crate::connect::http::RetryAfter;
use crate::connect::poll::Outbox;
use crate::connect::query::Ask;
use crate::domain::id::RuleId;
use crate::domain::reading::{QueryAnswer, RangeAnswer, ReadFailure, Reading};
use crate::domain::time::{Moment, Timestamp};
use futures_util::StreamExt as _;
use futures_util::stream;
use request::Span;
use tokio::time::Instant;

/// Range queries under way at once: they are heavy for the server, and nobody waits for them.
const RANGES_IN_FLIGHT_MAX: usize = 4;
/// Series of one rule that get a past: as many as a chart can tell apart.
const HISTORY_SERIES_MAX: usize = 20;
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
            let rules = ask.rules.clone();
            async move {
                let found = asking.await.map(|(vector, _)| vector);
                let received = self.clock.now();
                let answers = rules.into_iter();
                let answers = answers.map(|rule| to_answer(rule, &found, received));
                (number, (answers.collect(), found.err()))
            }
        };
        let asks = self.asks.iter().enumerate();
        let queries: Vec<_> = asks.map(|(number, ask)| ask_one(number, ask)).collect();
        let arrivals = stream::iter(queries).buffer_unordered(self.config.queries_in_flight);
        let count = self.asks.len();
        Outcomes(outbox.gather(&self.config.name, count, arrivals).await)
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
