//! Every key of `[connect.prometheus.NAME]`.

use crate::connect::http::HttpConfig;
use crate::domain::id::ConnectorName;
use std::time::Duration;

/// Interval of the polls when none is configured: a third of the usual scrape interval.
pub const EVERY: Duration = Duration::from_secs(5);
/// Shortest interval allowed: the clock on the screen ticks as fast.
pub const EVERY_MIN: Duration = Duration::from_secs(1);
/// Past that is asked for at start when none is configured: what came before the maintenance fits a chart.
pub const HISTORY: Duration = Duration::from_secs(30 * 60);
/// Series kept of one answer when no other limit is configured: more than a person can look at.
pub const SERIES_MAX: usize = 200;

/// One Prometheus, or a server with its HTTP API: Thanos, Mimir, VictoriaMetrics.
///
/// | key | unit | default |
/// |---|---|---|
/// | `url` | base URL, a prefix such as `/prometheus` included | required |
/// | `tenant` | value of `X-Scope-OrgID` | none |
/// | `headers` | further headers | none |
/// | `auth` | none, bearer, basic, headers | none |
/// | `ca_file`, `ca_only` | PEM file; trust nothing else | platform |
/// | `timeout` | span for one poll, all its queries together | 5 s |
/// | `every` | span | 5 s |
/// | `step` | span between points of history | fitted to 240 points |
/// | `history` | span | 30 min |
/// | `series_max` | series kept of one answer | 200 |
/// | `alerts` | ask for alerts | true |
#[derive(Debug, Clone)]
pub struct PrometheusConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// URL, headers, credentials, certificates and limits.
    pub http: HttpConfig,
    /// Tenant of a multi-tenant server.
    pub tenant: Option<String>,
    /// Interval of the polls; [`EVERY_MIN`] at least.
    pub every: Duration,
    /// Wanted span between points of history; made longer where too many points would come.
    pub step: Option<Duration>,
    /// Past that is asked for at start; zero asks for none.
    pub history: Duration,
    /// Series kept of one answer; the rest is counted.
    pub series_max: usize,
    /// Whether `/api/v1/alerts` is asked; VictoriaMetrics without vmalert has none.
    pub alerts: bool,
}

impl PrometheusConfig {
    /// Defaults for a name and a base URL.
    pub fn new(name: ConnectorName, url: &str) -> Self {
        Self {
            name,
            http: HttpConfig::new(url),
            tenant: None,
            every: EVERY,
            step: None,
            history: HISTORY,
            series_max: SERIES_MAX,
            alerts: true,
        }
    }
}
