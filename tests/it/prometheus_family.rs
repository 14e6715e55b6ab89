//! Against a real Prometheus and a real exporter: targets that go down, rules that fail, rates from scrapes.

use crate::harness::{Place, is_skipped, wait_for};
use crate::services::Services;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use warroom::clock::{Clock, SystemClock};
use warroom::connect::connector::{Connector, Health};
use warroom::connect::poll::Source;
use warroom::connect::prometheus::PrometheusConfig;
use warroom::connect::query::QuerySpec;
use warroom::connect::scrape::ScrapeConfig;
use warroom::domain::id::{ConnectorName, RuleId};
use warroom::domain::reading::{QueryAnswer, Reading, TargetHealth};

/// One rule that fires, and one that no evaluation can answer: both sides have two series for one.
const RULES: &str = "\
groups:
  - name: test
    rules:
      - alert: AlwaysThere
        expr: vector(1)
        labels: {severity: page}
      - alert: ManyToMany
        expr: up + on() up > 0
";

fn spec(rule: &str, expr: &str) -> QuerySpec {
    QuerySpec {
        rule: RuleId::new(rule).expect("valid"),
        expr: expr.to_owned(),
        source: None,
    }
}

fn name() -> ConnectorName {
    ConnectorName::new("main").expect("valid")
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn source(config: &dyn Connector, specs: &[QuerySpec]) -> Box<dyn Source> {
    let source = config.source(specs, &clock()).expect("can be set up");
    source.expect("it is polled")
}

/// Asks once, as a source that was never asked before does: all there is to ask.
fn asked(runtime: &Runtime, config: &dyn Connector, specs: &[QuerySpec]) -> (Vec<Reading>, String) {
    let mut source = source(config, specs);
    let readings = runtime.block_on(source.poll(SystemClock.now()));
    (
        readings.expect("answered"),
        source.trouble().unwrap_or_default(),
    )
}

fn targets(readings: &[Reading]) -> Option<&[TargetHealth]> {
    readings.iter().find_map(|reading| match reading {
        Reading::Targets { targets, .. } => Some(&targets[..]),
        _ => None,
    })
}

fn answers(readings: &[Reading]) -> &[QueryAnswer] {
    let found = readings.iter().find_map(|reading| match reading {
        Reading::Queries { answers, .. } => Some(&answers[..]),
        _ => None,
    });
    found.expect("answers")
}

fn node(readings: &[Reading], is_up: bool) -> Option<TargetHealth> {
    let found = targets(readings)?.iter();
    let mut nodes =
        found.filter(|target| target.labels.iter().any(|(_, v)| v == "node") || target.job == "sd");
    nodes.find(|target| target.is_up == Some(is_up)).cloned()
}

#[test]
fn a_target_that_goes_down_and_a_rule_that_fails_are_told_by_a_real_prometheus() {
    if is_skipped(
        "prometheus_family::a_target_that_goes_down_and_a_rule_that_fails_are_told_by_a_real_prometheus",
    ) {
        return;
    }
    let place = Place::new();
    let rules = place.join("svc/prometheus/rules");
    fs::create_dir_all(&rules).expect("writable");
    fs::write(rules.join("test.yml"), RULES).expect("writable");
    let services = Services::start(&place, &["prometheus", "node-exporter"]);
    let config = PrometheusConfig::new(name(), services.get("PROMETHEUS_URL"));
    let runtime = runtime();
    let specs = [spec("up", "up")];
    let up = wait_for("the exporter to be scraped", || {
        node(&asked(&runtime, &config, &specs).0, true)
    });
    assert_eq!(up.error, "");
    assert!(up.scraped.is_some() && !up.instance.is_empty());
    services.kill("node-exporter");
    let down = wait_for("the exporter to be down", || {
        node(&asked(&runtime, &config, &specs).0, false)
    });
    assert_eq!(down.instance, up.instance);
    assert!(down.error.contains("refused"), "{}", down.error);
    let trouble = wait_for("the rule to fail", || {
        let (readings, trouble) = asked(&runtime, &config, &specs);
        let alerts = readings.iter().any(|reading| {
            matches!(reading, Reading::Alerts { alerts, .. } if alerts.iter().any(|a| a.name == "AlwaysThere"))
        });
        (alerts && trouble.contains("rules: 1 of 2 rules fail")).then_some(trouble)
    });
    assert!(trouble.contains("`ManyToMany`"), "{trouble}");
    let mut probe = config.probe(&clock()).expect("can be set up");
    let checks = runtime.block_on(probe.check(SystemClock.now()));
    let found: Vec<_> = checks
        .iter()
        .map(|check| (check.what.as_str(), check.health, check.said.as_str()))
        .collect();
    assert!(found[0].2.starts_with("2."), "{found:?}");
    assert_eq!((found[1].0, found[1].1), ("queries", Health::Good));
    assert_eq!((found[3].0, found[3].1), ("rules", Health::Warn));
    assert_eq!((found[4].0, found[4].2), ("targets", "2 targets, 1 down"));
}

#[test]
fn a_real_exporter_is_scraped_without_loss_and_its_counters_become_rates() {
    if is_skipped(
        "prometheus_family::a_real_exporter_is_scraped_without_loss_and_its_counters_become_rates",
    ) {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["prometheus", "node-exporter"]);
    let pages =
        ["NODE_EXPORTER_URL", "PROMETHEUS_URL"].map(|key| format!("{}/metrics", services.get(key)));
    let config = ScrapeConfig::new(name(), &[&pages[0], &pages[1]]);
    let runtime = runtime();
    let mut probe = config.probe(&clock()).expect("can be set up");
    for check in runtime.block_on(probe.check(SystemClock.now())) {
        assert_eq!(check.health, Health::Good, "{}: {}", check.what, check.said);
    }
    let specs = [
        spec("up", "up"),
        spec("rate", "rate(process_cpu_seconds_total[1m])"),
        spec("gauge", "rate(process_resident_memory_bytes[1m])"),
        spec(
            "quantile",
            "histogram_quantile(0.5, prometheus_http_request_duration_seconds_bucket)",
        ),
    ];
    let mut source = source(&config, &specs);
    let readings = wait_for("two scrapes apart in time", || {
        let readings = runtime
            .block_on(source.poll(SystemClock.now()))
            .expect("answered");
        answers(&readings)[1].result.is_ok().then_some(readings)
    });
    let answers = answers(&readings);
    assert_eq!(answers[0].result.as_ref().expect("known").len(), 2);
    let rates = answers[1].result.as_ref().expect("known");
    assert_eq!(rates.len(), 2);
    assert!(
        rates
            .iter()
            .all(|rate| (0.0..64.0).contains(&rate.sample.value)),
        "{rates:?}"
    );
    let failure = answers[2].result.as_ref().expect_err("no counter");
    assert!(failure.what.contains("is a gauge"), "{}", failure.what);
    assert!(answers[3].result.is_ok());
    assert!(source.deadline() >= Duration::from_secs(1));
}
