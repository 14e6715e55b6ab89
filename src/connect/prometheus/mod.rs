//! Prometheus and servers with its HTTP API: newest values of all queries together, past values once, alerts, version.
//!
//! Knows nothing of limits or verdicts, and keeps no past: that is the session's.
//! [`PrometheusConfig`] says where, [`Prometheus`] is the [`Source`] for the poll loop.

mod config;
mod request;
mod response;

pub use config::{EVERY, EVERY_MIN, HISTORY, KIND, PrometheusConfig, SERIES_MAX};
pub use response::{
    ResponseError, Vector, parse_alerts, parse_matrix, parse_vector, parse_version,
};

use crate::clock::Clock;
use crate::connect::http::{Answer, Http, HttpError, HttpSetupError, RetryAfter, snippet};
use crate::connect::poll::{Pace, PollError, Source};
use crate::connect::query::QuerySpec;
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::reading::{Alert, QueryAnswer, RangeAnswer, ReadFailure, Reading, ServerInfo};
use crate::domain::time::{Moment, Timestamp};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use request::{Request, Span};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

/// Queries under way at once, on as many kept-alive connections.
const QUERIES_IN_FLIGHT_MAX: usize = 8;
/// Range queries under way at once: they are heavy for the server, and nobody waits for them.
const RANGES_IN_FLIGHT_MAX: usize = 4;
/// Series of one rule that get a past: as many as a chart can tell apart.
const HISTORY_SERIES_MAX: usize = 20;
/// Larger bodies are decoded away from the tasks that answer keys: 100 kB take about a millisecond.
const DECODE_APART_BYTES: usize = 100 * 1024;
/// Alerts change with rule evaluation, seldom faster than this.
const ALERTS_GAP: Duration = Duration::from_secs(5);
/// Alerts and version may take this much longer than the queries of the same poll, so that a guard is judged within a
/// second even where they hang.
const BESIDE_GRACE: Duration = Duration::from_secs(1);
/// How often version and clock are asked again: a clock that runs away does so slowly.
const INFO_GAP: Duration = Duration::from_secs(60);

/// One expression and all rules that asked for it.
#[derive(Debug)]
struct Ask {
    expr: String,
    rules: Vec<RuleId>,
}

/// One Prometheus.
pub struct Prometheus {
    config: PrometheusConfig,
    http: Http,
    clock: Arc<dyn Clock>,
    asks: Vec<Ask>,
    alerts_at: Option<Moment>,
    info_at: Option<Moment>,
    history: Past,
    trouble: Option<String>,
}

/// Whether past values have been asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    /// Not before the first live values are there.
    Later,
    Due,
    Done,
}

/// What one poll found; alerts and version are absent when they were not due.
struct Found {
    queries: Vec<Result<Vector, Failure>>,
    /// When the last query was answered.
    received: Moment,
    alerts: Option<Result<Vec<Alert>, Failure>>,
    info: Option<Result<ServerInfo, Failure>>,
}

/// Why one request gave nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The server was not reached, or did not get to it.
    #[error("{}", reach_text(error, words.as_deref()))]
    Transport {
        error: HttpError,
        /// What it said itself, such as that it is still starting.
        words: Option<Box<ResponseError>>,
    },
    /// The server answered that it cannot.
    #[error(transparent)]
    Answer(ResponseError),
    /// The poll's time ran out.
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The decoder ended without a result.
    #[error("the answer could not be decoded")]
    Decoder,
}

/// The server's own words say more than a hint about its status.
fn reach_text(error: &HttpError, words: Option<&ResponseError>) -> String {
    words.map_or_else(|| error.with_hint(), |words| format!("{error}: {words}"))
}

impl Failure {
    fn to_read_failure(&self) -> ReadFailure {
        ReadFailure {
            // The server's words may hold the whole expression.
            what: snippet(self.to_string().as_bytes()),
            partial: false,
        }
    }

    const fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Transport { error, .. } => error.retry_after(),
            _ => None,
        }
    }
}

impl From<HttpError> for Failure {
    /// An error status with the server's own words is an answer when it blames the query, and not the server.
    fn from(error: HttpError) -> Self {
        let words = match &error {
            HttpError::Status { body, .. } => response::parse_refusal(body),
            _ => None,
        };
        match (&error, words) {
            (
                HttpError::Status {
                    code: 400 | 422, ..
                },
                Some(words),
            ) => Self::Answer(words),
            (_, words) => Self::Transport {
                words: words.map(Box::new),
                error,
            },
        }
    }
}

impl Prometheus {
    /// Prepares the connection; opens none. `specs` are the queries of this connector alone.
    ///
    /// # Errors
    /// [`HttpSetupError`] when the URL, the credentials or the certificates cannot be used.
    pub fn new(
        config: PrometheusConfig,
        specs: &[QuerySpec],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        let mut http = config.http.clone();
        if let Some(tenant) = &config.tenant {
            http.headers
                .push(("X-Scope-OrgID".to_owned(), tenant.clone()));
        }
        let mut asks: Vec<Ask> = Vec::new();
        for spec in specs {
            match asks.iter_mut().find(|ask| ask.expr == spec.expr) {
                Some(ask) => ask.rules.push(spec.rule.clone()),
                None => asks.push(Ask {
                    expr: spec.expr.clone(),
                    rules: vec![spec.rule.clone()],
                }),
            }
        }
        Ok(Self {
            http: Http::new(&http)?,
            history: if config.history.is_zero() || asks.is_empty() {
                Past::Done
            } else {
                Past::Later
            },
            config,
            clock,
            asks,
            alerts_at: None,
            info_at: None,
            trouble: None,
        })
    }

    async fn poll_once(&mut self, now: Moment) -> Result<Vec<Reading>, PollError> {
        let deadline = Instant::now() + self.http.timeout();
        if self.history == Past::Due {
            self.history = Past::Done;
            return Ok(vec![self.ranges(now.wall, deadline).await]);
        }
        let want_alerts = self.config.alerts && is_due(self.alerts_at, now, ALERTS_GAP);
        // Without queries the version is the only sign of life.
        let want_info = self.asks.is_empty() || is_due(self.info_at, now, INFO_GAP);
        let found = self.exchange(want_alerts, want_info, deadline).await;
        self.alerts_at = if matches!(found.alerts, Some(Ok(_))) {
            Some(now)
        } else {
            self.alerts_at
        };
        self.info_at = if matches!(found.info, Some(Ok(_))) {
            Some(now)
        } else {
            self.info_at
        };
        let Found {
            queries,
            received,
            alerts,
            info,
        } = found;
        let (readings, troubles) = self.to_readings(&queries, received, alerts, info);
        if let Some(failure) = lost(&queries) {
            let retry_after = queries
                .iter()
                .find_map(|query| query.as_ref().err()?.retry_after());
            return Err(PollError {
                what: failure.to_string(),
                retry_after,
                readings,
            });
        }
        if self.asks.is_empty() && self.info_at != Some(now) {
            return Err(PollError::new(troubles.join("; ")).with_readings(readings));
        }
        self.trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
        if self.history == Past::Later {
            self.history = Past::Due;
        }
        Ok(readings)
    }

    /// Asks everything side by side. What a guard needs is not kept back by alerts or version that hang.
    async fn exchange(&self, want_alerts: bool, want_info: bool, deadline: Instant) -> Found {
        let done = Notify::new();
        let queries = async {
            let queries = self.instants(deadline).await;
            done.notify_one();
            (queries, self.clock.now())
        };
        let enough = async {
            done.notified().await;
            if self.asks.is_empty() {
                std::future::pending::<()>().await;
            }
            sleep(BESIDE_GRACE).await;
        };
        let beside = async {
            tokio::select! {
                found = async { tokio::join!(
                    when(want_alerts, self.alerts(deadline)),
                    when(want_info, self.info(deadline)),
                ) } => found,
                () = enough => {
                    let late = |wanted: bool| wanted.then_some(Failure::Late(BESIDE_GRACE));
                    (late(want_alerts).map(Err), late(want_info).map(Err))
                }
            }
        };
        let ((queries, received), (alerts, info)) = tokio::join!(queries, beside);
        Found {
            queries,
            received,
            alerts,
            info,
        }
    }

    /// Sorts what came in: what is told, and what a person should know of the rest.
    fn to_readings(
        &self,
        queries: &[Result<Vector, Failure>],
        received: Moment,
        alerts: Option<Result<Vec<Alert>, Failure>>,
        info: Option<Result<ServerInfo, Failure>>,
    ) -> (Vec<Reading>, Vec<String>) {
        let source = &self.config.name;
        let mut readings = Vec::new();
        let mut troubles = Vec::new();
        let failed: Vec<_> = queries
            .iter()
            .filter_map(|query| query.as_ref().err())
            .collect();
        if let Some(first) = failed.first() {
            troubles.push(format!(
                "{} of {} queries failed: {first}",
                failed.len(),
                queries.len()
            ));
        }
        if !queries.is_empty() {
            let answers = to_answers(&self.asks, queries, received);
            readings.push(Reading::Queries {
                source: source.clone(),
                answers,
            });
        }
        match alerts {
            Some(Ok(alerts)) => readings.push(Reading::Alerts {
                source: source.clone(),
                alerts,
            }),
            Some(Err(Failure::Transport {
                error: error @ HttpError::Status { code: 404, .. },
                ..
            })) => troubles.push(format!(
                "alerts: {error}; where there are none, set `alerts` to false"
            )),
            Some(Err(failure)) => troubles.push(format!("alerts: {failure}")),
            None => {}
        }
        match info {
            Some(Ok(info)) => readings.push(Reading::Info {
                source: source.clone(),
                info,
            }),
            Some(Err(failure)) => troubles.push(format!("version: {failure}")),
            None => {}
        }
        (readings, troubles)
    }

    /// All expressions side by side, in their order. What is not there at the deadline has failed.
    async fn instants(&self, deadline: Instant) -> Vec<Result<Vector, Failure>> {
        let series_max = self.config.series_max;
        let queries = self.asks.iter().map(|ask| {
            let request = request::instant(&ask.expr, self.http.timeout());
            self.fetch(request, deadline, move |body| {
                parse_vector(body, series_max)
            })
        });
        side_by_side(queries.collect(), QUERIES_IN_FLIGHT_MAX).await
    }

    async fn ranges(&self, now: Timestamp, deadline: Instant) -> Reading {
        let span = Span::before(now, self.config.history, self.config.step);
        let queries = self.asks.iter().map(|ask| {
            let request = request::range(&ask.expr, span, HISTORY_SERIES_MAX, self.http.timeout());
            self.fetch(request, deadline, |body| {
                parse_matrix(body, HISTORY_SERIES_MAX)
            })
        });
        let found = side_by_side(queries.collect(), RANGES_IN_FLIGHT_MAX).await;
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

    async fn alerts(&self, deadline: Instant) -> Result<Vec<Alert>, Failure> {
        self.fetch(request::alerts(), deadline, parse_alerts)
            .await
            .map(|(alerts, _)| alerts)
    }

    /// Version and clock. The clock is read from the evaluation time of a query, to the millisecond; from the `Date` of an
    /// answer, to the second, where a server does not take that query. Either is compared with the middle of the exchange.
    async fn info(&self, deadline: Instant) -> Result<ServerInfo, Failure> {
        let (version, date) = self
            .fetch(request::build_info(), deadline, parse_version)
            .await?;
        let sent = self.clock.now();
        let request = request::instant("time()", self.http.timeout());
        let time = self
            .fetch(request, deadline, |body| parse_vector(body, 1))
            .await;
        let received = self.clock.now();
        let server = match &time {
            Ok((vector, _)) => vector.series.first().map(|series| series.sample.at),
            Err(_) => date,
        };
        let middle = i64::midpoint(sent.wall.as_millis(), received.wall.as_millis());
        let clock_skew_ms = server.map(|server| server.as_millis().saturating_sub(middle));
        Ok(ServerInfo {
            version,
            clock_skew_ms,
        })
    }

    /// Sends one request and decodes its answer, apart when it is large. Gives the answer's `Date` too.
    async fn fetch<T, F>(
        &self,
        request: Request,
        deadline: Instant,
        parse: F,
    ) -> Result<(T, Option<Timestamp>), Failure>
    where
        T: Send + 'static,
        F: FnOnce(&[u8]) -> Result<T, ResponseError> + Send + 'static,
    {
        let exchange = async {
            let answer = self.send(&request).await?;
            let date = answer.date;
            let parsed = if answer.body.len() <= DECODE_APART_BYTES {
                parse(&answer.body)
            } else {
                let apart = tokio::task::spawn_blocking(move || parse(&answer.body));
                // A decoder that panics loses this answer, and nothing else.
                apart.await.map_err(|_| Failure::Decoder)?
            };
            Ok((parsed.map_err(Failure::Answer)?, date))
        };
        timeout_at(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::Late(self.http.timeout())))
    }

    async fn send(&self, request: &Request) -> Result<Answer, HttpError> {
        let params: Vec<(&str, &str)> = request
            .params
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        if request.post {
            self.http.post_form(request.path, &params).await
        } else {
            self.http.get(request.path, &params).await
        }
    }
}

impl Source for Prometheus {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "prometheus"
    }

    fn every(&self) -> Duration {
        self.config.every.max(EVERY_MIN)
    }

    fn pace(&self) -> Pace {
        Pace::Aligned
    }

    fn deadline(&self) -> Duration {
        self.http.timeout()
    }

    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(self.poll_once(now))
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }

    fn wants_follow_up(&self) -> bool {
        self.history == Past::Due
    }
}

async fn when<T>(wanted: bool, asking: impl Future<Output = T>) -> Option<T> {
    if wanted { Some(asking.await) } else { None }
}

fn is_due(last: Option<Moment>, now: Moment, gap: Duration) -> bool {
    last.is_none_or(|last| now.has_passed(last, gap))
}

/// Runs at most `max` requests at once; gives the results in their order, without the `Date` of the answers.
async fn side_by_side<T>(
    requests: Vec<impl Future<Output = Result<(T, Option<Timestamp>), Failure>>>,
    max: usize,
) -> Vec<Result<T, Failure>> {
    let results = futures_util::stream::iter(requests).buffered(max);
    results
        .map(|result| result.map(|(value, _)| value))
        .collect()
        .await
}

/// The failure of a tick in which the server answered nothing at all; a refused expression is an answer.
fn lost(queries: &[Result<Vector, Failure>]) -> Option<&Failure> {
    let is_answer = |query: &Result<Vector, Failure>| {
        matches!(query, Ok(_) | Err(Failure::Answer(_) | Failure::Decoder))
    };
    if queries.iter().any(is_answer) {
        None
    } else {
        queries.iter().find_map(|query| query.as_ref().err())
    }
}

fn to_answers(
    asks: &[Ask],
    queries: &[Result<Vector, Failure>],
    received: Moment,
) -> Vec<QueryAnswer> {
    let pairs = asks
        .iter()
        .zip(queries)
        .flat_map(|(ask, query)| ask.rules.iter().map(move |rule| (rule, query)));
    pairs
        .map(|(rule, query)| to_answer(rule.clone(), query, received))
        .collect()
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

#[cfg(test)]
mod tests;
