//! Metrics straight from `/metrics` endpoints, where there is no Prometheus.
//!
//! Answers selectors, and `rate`, `increase` and `histogram_quantile` of one, from the past of the scrapes it made itself.
//! Each series gets the label `instance` with host and port of its endpoint, and `up` tells which endpoints answered, both
//! as a Prometheus would. While an endpoint is silent, or a line that may belong to a selector was refused, its answer is
//! partial, hence unknown.

mod answer;
mod config;
mod expr;
mod past;
mod probe;
mod selector;
mod text;

pub use config::{ENDPOINTS_MAX, EVERY, EVERY_MIN, KIND, SERIES_MAX, ScrapeConfig};
pub use expr::{Expr, ExprError, WINDOW_MAX};
pub use selector::{Selector, SelectorError};
pub use text::{Form, LineError, LostSamples, Page, Refused, TextSample, parse};

use crate::clock::Clock;
use crate::connect::http::{Http, HttpError, HttpSetupError, RetryAfter};
use crate::connect::poll::{Pace, PollError, Source};
use crate::connect::query::QuerySpec;
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::reading::{QueryAnswer, ReadFailure, Reading};
use crate::domain::time::{Moment, Timestamp};
use futures_util::future::{BoxFuture, join_all};
use past::Past;
use std::sync::Arc;
use std::time::Duration;

/// Larger pages are read away from the tasks that answer keys.
const DECODE_APART_BYTES: usize = 100 * 1024;
/// The forms that are asked for, OpenMetrics before text: it says where it ends. Anything else is read as text.
const ACCEPT: &str =
    "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// A rule and what it asks for.
#[derive(Debug)]
struct Ask {
    rule: RuleId,
    expr: Result<Expr, ExprError>,
}

/// One set of endpoints.
pub struct Scraper {
    config: ScrapeConfig,
    endpoints: Vec<Http>,
    clock: Arc<dyn Clock>,
    asks: Arc<[Ask]>,
    past: Past,
    trouble: Option<String>,
}

/// Why an endpoint gave no page.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", .0.with_hint())]
    Http(#[from] HttpError),
    #[error("line {line} is not UTF-8")]
    Encoding { line: usize },
    #[error(transparent)]
    Lost(#[from] LostSamples),
    #[error("the page could not be read")]
    Decoder,
}

impl Failure {
    const fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Http(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// What one endpoint gave.
struct Found {
    instance: String,
    page: Result<Page, Failure>,
    /// When it arrived.
    received: Moment,
}

impl Scraper {
    /// Prepares the connections; opens none. `specs` are the queries of this connector alone.
    ///
    /// # Errors
    /// [`HttpSetupError`] when a URL, the credentials or the certificates cannot be used, or there are too many endpoints.
    pub fn new(
        config: ScrapeConfig,
        specs: &[QuerySpec],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        if config.endpoints.len() > ENDPOINTS_MAX {
            return Err(HttpSetupError::Url {
                what: format!("more than {ENDPOINTS_MAX} endpoints"),
            });
        }
        let endpoints = clients(&config)?;
        let asks = specs.iter().map(|spec| Ask {
            rule: spec.rule.clone(),
            expr: Expr::parse(&spec.expr),
        });
        Ok(Self {
            endpoints,
            asks: asks.collect(),
            config,
            clock,
            past: Past::default(),
            trouble: None,
        })
    }

    async fn poll_once(&mut self) -> Result<Vec<Reading>, PollError> {
        let found = join_all(self.endpoints.iter().map(|http| self.scrape(http))).await;
        let received = self.clock.now();
        let exprs = self.asks.iter().filter_map(|ask| ask.expr.as_ref().ok());
        answer::remember(&mut self.past, exprs, &found, received);
        let answers = self
            .asks
            .iter()
            .map(|ask| self.to_answer(ask, &found, received))
            .collect();
        let readings = vec![Reading::Queries {
            source: self.config.name.clone(),
            answers,
        }];
        let failed: Vec<_> = found
            .iter()
            .filter_map(|found| Some((&found.instance, found.page.as_ref().err()?)))
            .collect();
        if let Some((instance, failure)) = failed.first()
            && failed.len() == found.len()
        {
            let retry_after = failed.iter().find_map(|(_, failure)| failure.retry_after());
            return Err(PollError {
                what: format!("`{instance}`: {failure}"),
                retry_after,
                readings,
            });
        }
        let silent = failed.first().map(|(instance, failure)| {
            format!(
                "{} of {} endpoints failed; `{instance}`: {failure}",
                failed.len(),
                found.len()
            )
        });
        self.trouble = silent.or_else(|| found.iter().find_map(refusal));
        Ok(readings)
    }

    async fn scrape(&self, http: &Http) -> Found {
        let page = self.page(http).await;
        Found {
            instance: http.host().to_owned(),
            page,
            received: self.clock.now(),
        }
    }

    async fn page(&self, http: &Http) -> Result<Page, Failure> {
        let answer = http.get("", &[]).await?;
        let form = Form::of(&answer.content_type);
        let body = answer.body;
        let asks = Arc::clone(&self.asks);
        let received = self.clock.now().wall;
        let is_small = body.len() <= DECODE_APART_BYTES;
        let read = move || read_page(&body, form, received, |name| is_wanted(&asks, name));
        if is_small {
            return read();
        }
        // A reader that panics loses this page, and nothing else.
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| Failure::Decoder)?
    }

    fn to_answer(&self, ask: &Ask, found: &[Found], received: Moment) -> QueryAnswer {
        let expr = ask.expr.as_ref().map_err(|error| ReadFailure {
            what: error.to_string(),
            partial: false,
        });
        let answered = expr.and_then(|expr| answer::answer(expr, found, &self.past, received));
        let mut dropped = 0;
        let (result, warnings) = match answered {
            Ok((mut series, warnings)) => {
                series.sort_by(|a, b| a.labels.cmp(&b.labels));
                dropped = series.len().saturating_sub(self.config.series_max);
                series.truncate(self.config.series_max);
                (Ok(series), warnings)
            }
            Err(failure) => (Err(failure), Vec::new()),
        };
        QueryAnswer {
            rule: ask.rule.clone(),
            result,
            dropped,
            warnings,
            received,
        }
    }
}

impl Source for Scraper {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "scrape"
    }

    fn every(&self) -> Duration {
        self.config.every.max(EVERY_MIN)
    }

    fn pace(&self) -> Pace {
        Pace::Aligned
    }

    fn deadline(&self) -> Duration {
        self.endpoints
            .iter()
            .map(Http::timeout)
            .max()
            .unwrap_or_default()
    }

    fn poll(&mut self, _now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(self.poll_once())
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}

/// A client for each endpoint.
fn clients(config: &ScrapeConfig) -> Result<Vec<Http>, HttpSetupError> {
    let clients = config.endpoints.iter().map(|endpoint| {
        let mut endpoint = endpoint.clone();
        let accept = ("Accept".to_owned(), ACCEPT.to_owned());
        endpoint.headers.push(accept);
        Http::new(&endpoint)
    });
    clients.collect()
}

fn is_wanted(asks: &[Ask], name: &str) -> bool {
    let mut exprs = asks.iter().filter_map(|ask| ask.expr.as_ref().ok());
    exprs.any(|expr| expr.selector().name == name)
}

fn read_page(
    body: &[u8],
    form: Form,
    received: Timestamp,
    wanted: impl Fn(&str) -> bool,
) -> Result<Page, Failure> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = body.get(..error.valid_up_to()).unwrap_or_default();
        Failure::Encoding {
            line: before.split(|b| *b == b'\n').count(),
        }
    })?;
    Ok(parse(text, form, received, wanted)?)
}

/// The first refused line of a page, for the operator.
fn refusal(found: &Found) -> Option<String> {
    let page = found.page.as_ref().ok()?;
    let first = page.refused.first()?;
    let count = page.refused.len() + page.refused_more;
    Some(format!(
        "`{}` line {}: {} ({count} refused)",
        found.instance, first.line, first.why
    ))
}

#[cfg(test)]
mod tests;
