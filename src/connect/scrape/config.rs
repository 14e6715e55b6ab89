//! Every key of `[connect.scrape.NAME]`.

use crate::connect::http::HttpConfig;
use crate::domain::id::ConnectorName;
use std::time::Duration;

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
