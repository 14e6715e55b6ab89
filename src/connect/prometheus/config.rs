//! Every key of `[connect.prometheus.NAME]`.

use super::Prometheus;
use super::past::PrometheusPast;
use super::probe::PrometheusProbe;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe};
use crate::connect::http::{HttpConfig, HttpSetupError};
use crate::connect::keys::{EVERY_METRICS, Keys};
use crate::connect::past::PastSource;
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
/// Queries under way at once when no other number is configured, on as many kept-alive connections.
pub const QUERIES_IN_FLIGHT: usize = 8;
/// Most queries that may be under way at once: a server evaluates 20 at once by default, and queues the rest.
const QUERIES_IN_FLIGHT_MAX: u64 = 64;
/// Parameters of a request that are this program's own.
const OWN_PARAMS: [&str; 8] = [
    "query", "time", "start", "end", "step", "limit", "timeout", "state",
];
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
/// | `queries_in_flight` | queries under way at once | 8 |
/// | `params` | further parameters of every request | none |
/// | `alerts`, `rules`, `targets` | ask for these | true |
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
    /// Queries under way at once; 1 at least.
    pub queries_in_flight: usize,
    /// Further parameters of every request: `dedup`, `partial_response` of Thanos, `nocache` of VictoriaMetrics.
    pub params: Vec<(String, String)>,
    /// Whether `/api/v1/alerts` is asked; VictoriaMetrics without vmalert has none.
    pub alerts: bool,
    /// Whether `/api/v1/rules` is asked, for rules that cannot be evaluated.
    pub rules: bool,
    /// Whether `/api/v1/targets` is asked; Mimir and the cluster of VictoriaMetrics have none.
    pub targets: bool,
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
            queries_in_flight: QUERIES_IN_FLIGHT,
            params: Vec::new(),
            alerts: true,
            rules: true,
            targets: true,
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
    let queries_in_flight = keys.whole("queries_in_flight", 1..QUERIES_IN_FLIGHT_MAX + 1);
    let params = keys.pairs("params");
    if let Some((own, _)) = params
        .iter()
        .find(|(k, _)| OWN_PARAMS.contains(&k.as_str()))
    {
        let what = format!("`params` must not hold `{own}`");
        keys.fault("params", what, "these are set by each request");
    }
    let alerts = keys.flag("alerts");
    let rules = keys.flag("rules");
    let targets = keys.flag("targets");
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
        series_max: number(series_max, base.series_max),
        queries_in_flight: number(queries_in_flight, base.queries_in_flight),
        params,
        alerts: alerts.unwrap_or(base.alerts),
        rules: rules.unwrap_or(base.rules),
        targets: targets.unwrap_or(base.targets),
        name: base.name,
    }))
}

fn number(set: Option<u64>, default: usize) -> usize {
    set.and_then(|number| usize::try_from(number).ok())
        .unwrap_or(default)
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

    fn past(&self) -> Result<Option<Box<dyn PastSource>>, HttpSetupError> {
        Ok(Some(Box::new(PrometheusPast::new(self)?)))
    }

    fn probe(&self, clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        let probe = PrometheusProbe::new(self.clone(), Arc::clone(clock))?;
        Ok(Box::new(probe))
    }
}
