//! Metrics straight from `/metrics` endpoints, where there is no Prometheus.
//!
//! Answers plain selectors only. Each series gets the label `instance` with host and port of its endpoint, and `up` tells
//! which endpoints answered, both as a Prometheus would. While an endpoint is silent, or a line that may belong to a
//! selector was refused, its answer is partial, hence unknown.

mod config;
mod selector;
mod text;

pub use config::{ENDPOINTS_MAX, EVERY, EVERY_MIN, KIND, SERIES_MAX, ScrapeConfig};
pub use selector::{Selector, SelectorError};
pub use text::{LineError, LostSamples, Page, Refused, TextSample, parse};

use crate::clock::Clock;
use crate::connect::http::{Http, HttpError, HttpSetupError, RetryAfter};
use crate::connect::poll::{Pace, PollError, Source};
use crate::connect::query::QuerySpec;
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::reading::{QueryAnswer, ReadFailure, Reading, Sample, Series};
use crate::domain::time::{Moment, Timestamp};
use futures_util::future::{BoxFuture, join_all};
use std::sync::Arc;
use std::time::Duration;

/// Larger pages are read away from the tasks that answer keys.
const DECODE_APART_BYTES: usize = 100 * 1024;
/// The metric that says which endpoints answered.
const UP: &str = "up";

/// The form that is asked for; OpenMetrics is read too where an endpoint knows nothing else.
const ACCEPT: &str = "text/plain;version=0.0.4;q=1,*/*;q=0.1";

/// A rule and what it selects.
#[derive(Debug)]
struct Ask {
    rule: RuleId,
    selector: Result<Selector, SelectorError>,
}

/// One set of endpoints.
pub struct Scraper {
    config: ScrapeConfig,
    endpoints: Vec<Http>,
    clock: Arc<dyn Clock>,
    asks: Arc<[Ask]>,
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
        let endpoints = config.endpoints.iter().map(|endpoint| {
            let mut endpoint = endpoint.clone();
            endpoint
                .headers
                .push(("Accept".to_owned(), ACCEPT.to_owned()));
            Http::new(&endpoint)
        });
        let endpoints = endpoints.collect::<Result<_, _>>()?;
        let asks = specs.iter().map(|spec| Ask {
            rule: spec.rule.clone(),
            selector: Selector::parse(&spec.expr),
        });
        Ok(Self {
            endpoints,
            asks: asks.collect(),
            config,
            clock,
            trouble: None,
        })
    }

    async fn poll_once(&mut self) -> Result<Vec<Reading>, PollError> {
        let found = join_all(self.endpoints.iter().map(|http| self.scrape(http))).await;
        let received = self.clock.now();
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
        }
    }

    async fn page(&self, http: &Http) -> Result<Page, Failure> {
        let body = http.get("", &[]).await?.body;
        let asks = Arc::clone(&self.asks);
        let received = self.clock.now().wall;
        let is_small = body.len() <= DECODE_APART_BYTES;
        let read = move || read_page(&body, received, &asks);
        if is_small {
            return read();
        }
        // A reader that panics loses this page, and nothing else.
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| Failure::Decoder)?
    }

    fn to_answer(&self, ask: &Ask, found: &[Found], received: Moment) -> QueryAnswer {
        let result = ask.selector.as_ref().map_err(|error| ReadFailure {
            what: error.to_string(),
            partial: false,
        });
        let mut result = result.and_then(|selector| select(selector, found, received));
        let mut dropped = 0;
        if let Ok(series) = &mut result {
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
            dropped = series.len().saturating_sub(self.config.series_max);
            series.truncate(self.config.series_max);
        }
        QueryAnswer {
            rule: ask.rule.clone(),
            result,
            dropped,
            warnings: Vec::new(),
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

fn read_page(body: &[u8], received: Timestamp, asks: &[Ask]) -> Result<Page, Failure> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = body.get(..error.valid_up_to()).unwrap_or_default();
        Failure::Encoding {
            line: before.split(|b| *b == b'\n').count(),
        }
    })?;
    let wanted = |name: &str| {
        asks.iter().any(|ask| {
            ask.selector
                .as_ref()
                .is_ok_and(|selector| selector.name == name)
        })
    };
    Ok(parse(text, received, wanted)?)
}

/// The series that a selector matches on all endpoints; a failure when one of them may be missing.
fn select(
    selector: &Selector,
    found: &[Found],
    received: Moment,
) -> Result<Vec<Series>, ReadFailure> {
    if selector.name == UP {
        return Ok(found
            .iter()
            .filter_map(|found| up(selector, found, received))
            .collect());
    }
    let missing = |instance: &str, why: String| ReadFailure {
        what: format!("`{instance}`: {why}"),
        partial: true,
    };
    let mut series = Vec::new();
    for Found { instance, page } in found {
        let page = page
            .as_ref()
            .map_err(|failure| missing(instance, failure.to_string()))?;
        if let Some(refused) = page.refused_of(&selector.name) {
            return Err(missing(
                instance,
                format!("line {}: {}", refused.line, refused.why),
            ));
        }
        series.extend(page.samples.iter().filter_map(|sample| {
            let labels = with_instance(&sample.name, &sample.labels, instance);
            let is_wanted = selector.matches(&sample.name, &labels);
            is_wanted.then_some(Series {
                labels,
                sample: Sample {
                    at: sample.at,
                    value: sample.value,
                },
            })
        }));
    }
    Ok(series)
}

fn up(selector: &Selector, found: &Found, received: Moment) -> Option<Series> {
    let labels = with_instance(UP, &[], &found.instance);
    let value = if found.page.is_ok() { 1.0 } else { 0.0 };
    selector.matches(UP, &labels).then_some(Series {
        labels,
        sample: Sample {
            at: received.wall,
            value,
        },
    })
}

/// Labels with the metric's and the endpoint's name; one that the page set itself is kept as `exported_instance`, as Prometheus does.
fn with_instance(
    metric: &str,
    labels: &[(String, String)],
    instance: &str,
) -> Vec<(String, String)> {
    let mut all: Vec<_> = labels
        .iter()
        .map(|(name, value)| {
            (
                if name == "instance" {
                    "exported_instance".to_owned()
                } else {
                    name.clone()
                },
                value.clone(),
            )
        })
        .collect();
    all.push(("instance".to_owned(), instance.to_owned()));
    all.push(("__name__".to_owned(), metric.to_owned()));
    all.sort_unstable();
    all
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
