//! What the cluster exposes: names, labels and values of all series, and their past.

use super::catalog::{API, BALANCER, CLUSTER, COMPONENTS, WORKER};
use super::promql::{Element, Matcher};
use super::sim::{Role, Sim};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Distance of kept values: the interval at which the demo asks.
pub(super) const SCRAPE_MS: i64 = 1000;
/// Kept past, and what is there already at the start: half an hour, and a few steps more so that a chart that rounds
/// its start down to a whole step still finds something.
pub(super) const PAST_MS: i64 = 31 * 60 * 1000;
/// How old a value may be to stand for a point in time.
const LOOKBACK_MS: i64 = 5 * SCRAPE_MS;
/// Snapshots that make up [`PAST_MS`].
const SNAPSHOTS_MAX: usize = 31 * 60;

/// A metric: all of them are gauges.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metric {
    /// Name, base unit last.
    pub(super) name: &'static str,
    /// One line for people.
    pub(super) help: &'static str,
}

const fn metric(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help }
}

static UP: Metric = metric("up", "1 when the instance answers.");
static PG_UP: Metric = metric("pg_up", "1 when the server takes connections.");
static PG_IS_REPLICA: Metric = metric(
    "pg_replication_is_replica",
    "1 on a replica, 0 on the primary.",
);
static PG_LAG: Metric = metric("pg_replication_lag_seconds", "Seconds behind the primary.");
static PG_LAG_BYTES: Metric = metric("pg_replication_lag_bytes", "Bytes behind the primary.");
static PG_CONNECTIONS: Metric = metric("pg_stat_activity_count", "Client connections.");
static PG_QUERIES: Metric = metric("pg_queries_per_second", "Queries per second.");
static PG_P99: Metric = metric(
    "pg_query_duration_p99_seconds",
    "99th percentile of query durations.",
);
static PG_VERSION: Metric = metric("pg_server_version", "Major version of the server.");
static DISK: Metric = metric(
    "node_filesystem_used_ratio",
    "Part of the data disk in use, 0 to 1.",
);
static SERVERS: Metric = metric(
    "haproxy_backend_active_servers",
    "Servers that take traffic.",
);
static SESSIONS: Metric = metric("haproxy_server_current_sessions", "Sessions of one server.");
static REQUESTS: Metric = metric(
    "orders_requests_per_second",
    "Requests per second, by class.",
);
static P99: Metric = metric(
    "orders_request_duration_p99_seconds",
    "99th percentile of request durations.",
);
static QUEUE: Metric = metric("orders_queue_jobs", "Jobs that wait.");
static JOBS: Metric = metric("orders_jobs_per_second", "Jobs finished per second.");

/// A label pair.
pub(super) type Label = (&'static str, &'static str);

/// Shows every series to `see`, always the same ones in the same order, with the value it has now, if any.
fn walk(sim: &Sim, see: &mut dyn FnMut(&'static Metric, Vec<Label>, Option<f64>)) {
    for entry in COMPONENTS {
        let is_up = match (sim.db(entry.name), sim.service(entry.name)) {
            (Some(db), _) => db.is_up(),
            (None, service) => service.is_some_and(super::sim::Service::is_up),
        };
        let labels = vec![("instance", entry.name), ("job", entry.job)];
        see(&UP, labels, Some(flag(is_up)));
    }
    databases(sim, see);
    let lb = |value: f64| sim.lb.is_up().then_some(value);
    let front = [
        ("instance", BALANCER),
        ("job", "haproxy"),
        ("proxy", CLUSTER),
    ];
    see(&SERVERS, front.to_vec(), lb(count(sim.serving())));
    for db in &sim.dbs {
        let mut labels = front.to_vec();
        labels.push(("server", db.name));
        see(&SESSIONS, labels, lb(db.connections));
    }
    let api = |value: f64| sim.api.is_up().then_some(value);
    let traffic = sim.traffic;
    let failed = traffic.requests * traffic.error_ratio;
    for (code, value) in [("2xx", traffic.requests - failed), ("5xx", failed)] {
        let labels = vec![("code", code), ("instance", API), ("job", API)];
        see(&REQUESTS, labels, api(value));
    }
    see(
        &P99,
        vec![("instance", API), ("job", API)],
        api(traffic.p99_s),
    );
    let worker = |value: f64| sim.worker.is_up().then_some(value);
    let labels = vec![("instance", WORKER), ("job", WORKER)];
    see(&QUEUE, labels.clone(), worker(traffic.queue));
    see(&JOBS, labels, worker(traffic.jobs));
}

fn databases(sim: &Sim, see: &mut dyn FnMut(&'static Metric, Vec<Label>, Option<f64>)) {
    for db in &sim.dbs {
        let labels = vec![
            ("cluster", CLUSTER),
            ("instance", db.name),
            ("job", "postgres"),
        ];
        see(&PG_UP, labels.clone(), Some(flag(db.is_up())));
        let values = [
            (&PG_IS_REPLICA, flag(db.role == Role::Replica)),
            (&PG_LAG, db.lag_s),
            (&PG_LAG_BYTES, db.lag_bytes()),
            (&PG_CONNECTIONS, db.connections),
            (&PG_QUERIES, db.queries),
            (&PG_P99, db.p99_s),
            (&PG_VERSION, f64::from(db.version)),
            (&DISK, db.disk),
        ];
        for (metric, value) in values {
            see(metric, labels.clone(), db.is_up().then_some(value));
        }
    }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// Values of all series at one moment.
#[derive(Debug, Clone)]
struct Snapshot {
    at_ms: i64,
    /// In the order of [`walk`]. NaN: the series is absent; no metric of the lab is NaN otherwise.
    values: Vec<f64>,
}

impl Snapshot {
    fn of(sim: &Sim) -> Self {
        let mut values = Vec::new();
        walk(sim, &mut |_, _, value| {
            values.push(value.unwrap_or(f64::NAN));
        });
        Self {
            at_ms: sim.now_ms(),
            values,
        }
    }
}

/// All series with their past.
#[derive(Debug)]
pub(super) struct History {
    series: Vec<(&'static Metric, Vec<Label>)>,
    past: VecDeque<Snapshot>,
    live: Snapshot,
}

impl History {
    /// Nothing but the present.
    pub(super) fn new(sim: &Sim) -> Self {
        let mut series = Vec::new();
        walk(sim, &mut |metric, labels, _| series.push((metric, labels)));
        Self {
            series,
            past: VecDeque::new(),
            live: Snapshot::of(sim),
        }
    }

    /// Keeps the present for later.
    pub(super) fn keep(&mut self, sim: &Sim) {
        self.live = Snapshot::of(sim);
        if self.past.len() >= SNAPSHOTS_MAX {
            self.past.pop_front();
        }
        self.past.push_back(self.live.clone());
    }

    /// Makes the present known, without keeping it.
    pub(super) fn refresh(&mut self, sim: &Sim) {
        self.live = Snapshot::of(sim);
    }

    /// Series that match, with their newest value at `at_ms`.
    pub(super) fn select(&self, matchers: &[Matcher], at_ms: i64) -> Vec<Element> {
        let Some(snapshot) = self.at(at_ms) else {
            return Vec::new();
        };
        let series = self.series.iter().zip(&snapshot.values);
        let present = series.filter(|(_, value)| !value.is_nan());
        present
            .filter(|((metric, labels), _)| {
                matchers.iter().all(|matcher| {
                    let label = matcher.label.as_str();
                    let found = labels.iter().find(|(name, _)| *name == label);
                    matcher.fits(match found {
                        _ if label == "__name__" => metric.name,
                        Some((_, value)) => value,
                        None => "",
                    })
                })
            })
            .map(|((metric, labels), value)| {
                let name = ("__name__", metric.name);
                let labels = std::iter::once(name).chain(labels.iter().copied());
                Element {
                    labels: labels
                        .map(|(name, value)| (name.to_owned(), value.to_owned()))
                        .collect(),
                    value: *value,
                }
            })
            .collect()
    }

    fn at(&self, at_ms: i64) -> Option<&Snapshot> {
        let found = if at_ms >= self.live.at_ms {
            Some(&self.live)
        } else {
            let after = self
                .past
                .partition_point(|snapshot| snapshot.at_ms <= at_ms);
            after.checked_sub(1).and_then(|index| self.past.get(index))
        };
        found.filter(|snapshot| at_ms.saturating_sub(snapshot.at_ms) <= LOOKBACK_MS)
    }

    /// The present as the text exposition format has it.
    pub(super) fn exposition(&self) -> String {
        let mut out = String::new();
        let mut written: Vec<&str> = Vec::new();
        for (metric, _) in &self.series {
            if written.contains(&metric.name) || metric.name == UP.name {
                continue;
            }
            written.push(metric.name);
            writeln!(out, "# HELP {} {}", metric.name, metric.help).ok();
            writeln!(out, "# TYPE {} gauge", metric.name).ok();
            for ((other, labels), value) in self.series.iter().zip(&self.live.values) {
                if other.name == metric.name && !value.is_nan() {
                    let pairs: Vec<String> = labels
                        .iter()
                        .map(|(name, value)| format!("{name}=\"{value}\""))
                        .collect();
                    writeln!(out, "{}{{{}}} {value}", metric.name, pairs.join(",")).ok();
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::sim::action::Action;
    use super::*;

    fn history(seconds: i64) -> (Sim, History) {
        let mut sim = Sim::new(0, 1);
        let mut history = History::new(&sim);
        for second in 1..=seconds {
            sim.step(second * 1000);
            history.keep(&sim);
        }
        (sim, history)
    }

    fn select(history: &History, name: &str, at_ms: i64) -> Vec<f64> {
        let matchers = [Matcher::equal("__name__", name)];
        let found = history.select(&matchers, at_ms);
        found.into_iter().map(|element| element.value).collect()
    }

    #[test]
    fn the_past_is_bounded_and_ends_where_it_began() {
        let (_, history) = history(2000);
        assert_eq!(history.past.len(), SNAPSHOTS_MAX);
        assert_eq!(select(&history, "pg_up", 2_000_000), [1.0; 3]);
        assert_eq!(select(&history, "pg_up", 1_234_567), [1.0; 3]);
        assert!(select(&history, "pg_up", 1000).is_empty());
        assert!(select(&history, "pg_up", 2_006_000).is_empty(), "stale");
    }

    #[test]
    fn a_node_that_is_down_has_no_values_but_that_it_is_down() {
        let (mut sim, mut history) = history(3);
        sim.act(Action::Restart, Some("orders-db-3")).expect("up");
        sim.step(3500);
        history.refresh(&sim);
        assert_eq!(select(&history, "pg_up", 3500), [1.0, 1.0, 0.0]);
        assert_eq!(select(&history, "pg_stat_activity_count", 3500).len(), 2);
        assert_eq!(select(&history, "pg_stat_activity_count", 3000).len(), 3);
    }

    #[test]
    fn the_exposition_can_be_parsed() {
        let (_, history) = history(1);
        let lines = history.exposition();
        let lines = lines.lines().map(|line| Ok(line.to_owned()));
        let scrape = prometheus_parse::Scrape::parse(lines).expect("valid");
        assert_eq!(scrape.samples.len(), 3 * 9 + 4 + 3 + 2);
        assert!(scrape.docs.contains_key("pg_replication_lag_seconds"));
    }
}
