//! Every key of `[connect.scrape.NAME]`.

use super::Scraper;
use super::probe::ScrapeProbe;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe};
use crate::connect::http::{HttpConfig, HttpSetupError};
use crate::connect::keys::{EVERY_METRICS, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.scrape.NAME]`
pub const KIND: Kind = Kind {
    word: "scrape",
    read,
};

/// Interval of the polls when none is configured.
pub const EVERY: Duration = Duration::from_secs(5);
/// Shortest interval allowed: the clock on the screen ticks as fast.
pub const EVERY_MIN: Duration = Duration::from_secs(1);
/// Endpoints of one connector: beyond that a Prometheus is the right tool.
pub const ENDPOINTS_MAX: usize = 32;
/// Series kept of one answer when no other limit is configured: more than a person can look at.
pub const SERIES_MAX: usize = 200;

/// `/metrics` endpoints that are read directly, where there is no Prometheus.
///
/// | key | unit | default |
/// |---|---|---|
/// | `urls` | whole URLs, path included; 32 at most | required |
/// | `headers`, `auth`, `ca_file`, `ca_only` | as for Prometheus, for all of them | none |
/// | `timeout` | span for one poll, all endpoints together | 5 s |
/// | `every` | span | 5 s |
/// | `series_max` | series kept of one answer | 200 |
#[derive(Debug, Clone)]
pub struct ScrapeConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// One for each endpoint; `url` is that of the page itself.
    pub endpoints: Vec<HttpConfig>,
    /// Interval of the polls; [`EVERY_MIN`] at least.
    pub every: Duration,
    /// Series kept of one answer; the rest is counted.
    pub series_max: usize,
}

impl ScrapeConfig {
    /// Defaults for a name and URLs of pages.
    pub fn new(name: ConnectorName, urls: &[&str]) -> Self {
        Self {
            name,
            endpoints: urls.iter().map(|url| HttpConfig::new(url)).collect(),
            every: EVERY,
            series_max: SERIES_MAX,
        }
    }
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let is_there = keys.has("url") || keys.has("urls");
    let mut urls = keys.urls("urls");
    urls.extend(keys.url("url"));
    let (auth, headers) = (keys.auth(), keys.headers());
    let every = keys.span("every", EVERY_METRICS);
    let series_max = keys.whole("series_max", 1..10_001);
    let limits = keys.limits();
    if !is_there {
        let hint = "the page itself, such as `urls = [\"http://db-1:9100/metrics\"]`";
        keys.fault("urls", "needs `url` or `urls`".to_owned(), hint);
    }
    if urls.is_empty() {
        return None;
    }
    if urls.len() > ENDPOINTS_MAX {
        let what = format!("more than {ENDPOINTS_MAX} endpoints");
        keys.fault("urls", what, "ask a Prometheus instead");
    }
    let endpoints = urls.into_iter().map(|url| HttpConfig {
        url,
        auth: auth.clone(),
        headers: headers.clone(),
        ..limits.clone()
    });
    let base = ScrapeConfig::new(name, &[]);
    Some(Arc::new(ScrapeConfig {
        endpoints: endpoints.collect(),
        every: every.unwrap_or(base.every),
        series_max: series_max
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(base.series_max),
        name: base.name,
    }))
}

impl Connector for ScrapeConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "scrape"
    }

    fn is_metrics(&self) -> bool {
        true
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        self.endpoints.iter().collect()
    }

    fn source(
        &self,
        specs: &[QuerySpec],
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        let source = Scraper::new(self.clone(), specs, Arc::clone(clock))?;
        Ok(Some(Box::new(source)))
    }

    fn probe(&self, clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(ScrapeProbe::new(self, Arc::clone(clock))?))
    }
}
