//! Datadog: queries as metrics, monitors as alerts, downtimes as silences.
//!
//! Operations used, all with the headers `DD-API-KEY` and `DD-APPLICATION-KEY`: `GET /api/v1/query`,
//! `GET /api/v1/monitor`, `GET /api/v1/validate`, and where writes are allowed `GET`, `POST` and `DELETE` of
//! `/api/v2/downtime`.
//!
//! Source: Datadog API reference, v1 and v2; "Rate limits" (429 with `X-RateLimit-Reset`).

mod config;
mod probe;
mod request;
mod response;
mod scope;
#[cfg(test)]
mod tests;
mod write;

pub use config::{COMPONENT_TAG, DatadogConfig, EVERY, KIND, SERIES_MAX, WINDOW, auth};

use crate::clock::Clock;
use crate::connect::http::{Call, Http, HttpError, HttpSetupError, RetryAfter, snippet};
use crate::connect::poll::{Early, Outbox, Pace, PollError, Source};
use crate::connect::query::{Ask, QuerySpec, asks_of};
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::reading::{Alert, QueryAnswer, ReadFailure, Reading};
use crate::domain::time::Moment;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream;
use response::{Downtime, ResponseError, Values};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Queries under way at once: a poll is done within a second, and the vendor sees no burst.
const QUERIES_IN_FLIGHT_MAX: usize = 4;
/// How often monitors and downtimes are read again: the vendor evaluates monitors every minute.
const LISTS_GAP: Duration = Duration::from_secs(60);
/// Pages of monitors read: an organisation with more names `monitor_tags`.
const MONITOR_PAGES_MAX: usize = 10;
/// Pages of downtimes read.
const DOWNTIME_PAGES_MAX: usize = 10;
/// Alerts told; `Reading::Alerts` promises no more.
const ALERTS_MAX: usize = 500;
/// Silences told; `Reading::Silences` promises no more.
const SILENCES_MAX: usize = 500;
/// Larger answers are decoded away from the tasks that answer keys: 100 kB take about a millisecond.
const DECODE_APART_BYTES: usize = 100 * 1024;

/// One Datadog organisation that is asked again and again.
pub struct Datadog {
    config: DatadogConfig,
    http: Http,
    clock: Arc<dyn Clock>,
    asks: Vec<Ask>,
    lists_at: Option<Moment>,
    /// What is amiss with monitors and downtimes.
    lists_trouble: Option<String>,
    trouble: Option<String>,
    early: Option<Early>,
}

/// Why one request gave nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The vendor was not reached, or refused the request as such.
    #[error("{}", http_text(.0))]
    Http(#[from] HttpError),
    /// The query was refused.
    #[error("{0}")]
    Refused(String),
    /// The poll's time ran out.
    #[error("no answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The decoder ended without a result.
    #[error("the answer could not be decoded")]
    Decoder,
}

/// The status, the vendor's words, and what to do.
fn http_text(error: &HttpError) -> String {
    let HttpError::Status { code, body, .. } = error else {
        return error.with_hint();
    };
    let hint = match code {
        401 => "; check `api_key` and `site`",
        403 => "; check the permissions of `app_key`, and `site`",
        _ => "",
    };
    match response::refusal(body) {
        Some(words) => format!("HTTP {code}: {words}{hint}"),
        None if hint.is_empty() => error.with_hint(),
        None => format!("HTTP {code}{hint}"),
    }
}

impl From<ResponseError> for Failure {
    fn from(error: ResponseError) -> Self {
        match error {
            ResponseError::Shape(error) => Self::Http(error),
            ResponseError::Refused(words) => Self::Refused(words),
        }
    }
}

impl Failure {
    /// The vendor answered, though not with values: a query that is wrong, or an answer that is.
    const fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::Decoder
                | Self::Http(HttpError::Status { code: 400, .. } | HttpError::Decode { .. })
        )
    }

    const fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Http(error) => error.retry_after(),
            Self::Refused(_) | Self::Late(_) | Self::Decoder => None,
        }
    }
}

impl Datadog {
    /// Prepares the connection; opens none. `specs` are the queries of this connector alone.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the settings.
    pub fn new(
        config: DatadogConfig,
        specs: &[QuerySpec],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: client(&config)?,
            config,
            clock,
            asks: asks_of(specs),
            lists_at: None,
            lists_trouble: None,
            trouble: None,
            early: None,
        })
    }

    async fn poll_once(&mut self, now: Moment) -> Result<Vec<Reading>, PollError> {
        let deadline = Instant::now() + self.http.timeout();
        let is_due = self.lists_at.is_none_or(|at| now.has_passed(at, LISTS_GAP));
        let outbox = Outbox::new(self.early.clone());
        let lists = async {
            if is_due {
                Some(self.lists(now, deadline).await)
            } else {
                None
            }
        };
        let (failures, lists) = tokio::join!(self.values(&outbox, now, deadline), lists);
        let mut readings = outbox.rest();
        let mut first = None;
        if let Some((told, failure)) = lists {
            readings.extend(told);
            self.lists_trouble = failure.as_ref().map(ToString::to_string);
            self.lists_at = if failure.is_none() { Some(now) } else { None };
            first = failure;
        }
        let lost = self.asks.is_empty()
            || failures
                .iter()
                .all(|f| f.as_ref().is_some_and(|f| !f.is_answer()));
        let failed = failures.iter().flatten().count();
        let first_query = failures.into_iter().flatten().next();
        let queries = first_query
            .as_ref()
            .map(|failure| format!("{failed} of {} queries failed: {failure}", self.asks.len()));
        // Without queries, monitors are the only sign of life.
        if let Some(failure) = first_query.or(first).filter(|_| lost) {
            return Err(PollError {
                what: failure.to_string(),
                retry_after: failure.retry_after(),
                readings,
            });
        }
        let troubles: Vec<String> = queries
            .into_iter()
            .chain(self.lists_trouble.clone())
            .collect();
        self.trouble = (!troubles.is_empty()).then(|| troubles.join("; "));
        Ok(readings)
    }

    /// All queries side by side, told as they come; gives what failed, in their order.
    async fn values(
        &self,
        outbox: &Outbox,
        now: Moment,
        deadline: Instant,
    ) -> Vec<Option<Failure>> {
        let series_max = self.config.series_max;
        let ask_one = |number: usize, ask: &Ask| {
            let call = request::query(&ask.expr, now.wall, self.config.window);
            let asking = self.fetch(call, deadline, move |body| {
                response::values(body, series_max).map_err(Failure::from)
            });
            let rules = ask.rules.clone();
            async move {
                let found = asking.await;
                let received = self.clock.now();
                let answers = rules.into_iter();
                let answers = answers.map(|rule| to_answer(rule, &found, received));
                (number, (answers.collect(), found.err()))
            }
        };
        let asks = self.asks.iter().enumerate();
        let queries: Vec<_> = asks.map(|(number, ask)| ask_one(number, ask)).collect();
        let arrivals = stream::iter(queries).buffer_unordered(QUERIES_IN_FLIGHT_MAX);
        outbox
            .gather(&self.config.name, self.asks.len(), arrivals)
            .await
    }

    /// Monitors, and downtimes where they are ours to make; a sign of life where there is neither.
    async fn lists(&self, now: Moment, deadline: Instant) -> (Vec<Reading>, Option<Failure>) {
        let source = &self.config.name;
        let mut readings = Vec::new();
        let mut failure = None;
        let mut downtimes = None;
        if self.config.writes {
            match self.downtimes(deadline).await {
                Ok(found) => downtimes = Some(found),
                Err(error) => failure = Some(error),
            }
        }
        if self.config.monitors {
            match self.monitors(now, deadline).await {
                Ok(mut alerts) => {
                    silence(&mut alerts, downtimes.as_deref().unwrap_or_default());
                    readings.push(Reading::Alerts {
                        source: source.clone(),
                        alerts,
                    });
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(downtimes) = downtimes {
            let silences = downtimes.into_iter().map(Downtime::into_silence);
            readings.push(Reading::Silences {
                source: source.clone(),
                silences: silences.take(SILENCES_MAX).collect(),
            });
        }
        if self.asks.is_empty() && !self.config.monitors && !self.config.writes {
            failure = self.validate(deadline).await.err();
        }
        (readings, failure)
    }

    async fn monitors(&self, now: Moment, deadline: Instant) -> Result<Vec<Alert>, Failure> {
        let mut alerts = Vec::new();
        for page in 0..MONITOR_PAGES_MAX {
            let call = request::monitors(&self.config.monitor_tags, page, request::MONITORS_PAGE);
            let read = move |body: &[u8]| Ok(response::alerts(body, now.wall)?);
            let (mut found, count) = self.fetch(call, deadline, read).await?;
            alerts.append(&mut found);
            if count < request::MONITORS_PAGE {
                alerts.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
                alerts.truncate(ALERTS_MAX);
                return Ok(alerts);
            }
        }
        let most = MONITOR_PAGES_MAX * request::MONITORS_PAGE;
        Err(Failure::Refused(format!(
            "more than {most} monitors: set `monitor_tags`"
        )))
    }

    async fn downtimes(&self, deadline: Instant) -> Result<Vec<Downtime>, Failure> {
        let mut downtimes = Vec::new();
        for page in 0..DOWNTIME_PAGES_MAX {
            let offset = page * request::DOWNTIMES_PAGE;
            let call = request::downtimes(true, offset, request::DOWNTIMES_PAGE);
            let read = |body: &[u8]| Ok(response::downtimes(body)?);
            let (found, _) = self.fetch(call, deadline, read).await?;
            let count = found.len();
            downtimes.extend(found);
            if count < request::DOWNTIMES_PAGE {
                break;
            }
        }
        Ok(downtimes)
    }

    async fn validate(&self, deadline: Instant) -> Result<(), Failure> {
        let read = |body: &[u8]| Ok(response::is_valid(body)?);
        if self.fetch(request::validate(), deadline, read).await? {
            Ok(())
        } else {
            Err(Failure::Refused("`api_key` is not valid".to_owned()))
        }
    }

    /// Sends one request and decodes its answer, apart when it is large.
    async fn fetch<T, F>(&self, call: Call, deadline: Instant, parse: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&[u8]) -> Result<T, Failure> + Send + 'static,
    {
        let exchange = async {
            let answer = self.http.call(&call).await?;
            if answer.body.len() <= DECODE_APART_BYTES {
                return parse(&answer.body);
            }
            let apart = tokio::task::spawn_blocking(move || parse(&answer.body));
            // A decoder that panics loses this answer, and nothing else.
            apart.await.map_err(|_| Failure::Decoder)?
        };
        timeout_at(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(Failure::Late(self.http.timeout())))
    }
}

/// Notes on each alert which downtimes keep it quiet, beside those that came with its monitor.
fn silence(alerts: &mut [Alert], downtimes: &[Downtime]) {
    for alert in alerts {
        let ids = downtimes.iter().filter(|downtime| downtime.covers(alert));
        let ids: Vec<_> = ids.map(|downtime| downtime.id.clone()).collect();
        alert.silenced_by.extend(ids);
    }
}

/// A client that asks for JSON.
fn client(config: &DatadogConfig) -> Result<Http, HttpSetupError> {
    let mut http = config.http.clone();
    http.headers
        .push(("Accept".to_owned(), "application/json".to_owned()));
    Http::new(&http)
}

fn to_answer(rule: RuleId, found: &Result<Values, Failure>, received: Moment) -> QueryAnswer {
    let (result, dropped) = match found {
        Ok(values) => (Ok(values.series.clone()), values.dropped),
        Err(failure) => {
            let failure = ReadFailure {
                what: snippet(failure.to_string().as_bytes()),
                partial: false,
            };
            (Err(failure), 0)
        }
    };
    QueryAnswer {
        rule,
        result,
        dropped,
        warnings: Vec::new(),
        received,
    }
}

impl Source for Datadog {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "datadog"
    }

    fn every(&self) -> Duration {
        self.config.every
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

    fn tell_early(&mut self, early: Early) {
        self.early = Some(early);
    }
}
