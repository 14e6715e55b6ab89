//! Every key of `[connect.prometheus.NAME]`.

use super::Prometheus;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind};
use crate::connect::http::{HttpConfig, HttpSetupError};
use crate::connect::keys::{EVERY_METRICS, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.prometheus.NAME]`
pub const KIND: Kind = Kind {
    word: "prometheus",
    read,
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

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

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let base = PrometheusConfig::new(name, "");
    let auth = keys.auth();
    let headers = keys.headers();
    let tenant = keys.text("tenant");
    let every = keys.span("every", EVERY_METRICS);
    let step = keys.span("step", SECOND..DAY);
    let history = keys.span("history", Duration::ZERO..DAY);
    let series_max = keys.whole("series_max", 1..10_001);
    let alerts = keys.flag("alerts");
    let http = keys.http(None)?;
    Some(Arc::new(PrometheusConfig {
        http: HttpConfig {
            auth,
            headers,
            ..http
        },
        tenant,
        every: every.unwrap_or(base.every),
        step,
        history: history.unwrap_or(base.history),
        series_max: series_max
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(base.series_max),
        alerts: alerts.unwrap_or(base.alerts),
        name: base.name,
    }))
}

impl Connector for PrometheusConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "prometheus"
    }

    fn is_metrics(&self) -> bool {
        true
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn source(
        &self,
        specs: &[QuerySpec],
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        let source = Prometheus::new(self.clone(), specs, Arc::clone(clock))?;
        Ok(Some(Box::new(source)))
    }
}
