//! The HTTP API of Prometheus: queries, alerts, rules, targets, version.
//!
//! Source: Prometheus HTTP API (read for 2.42 and 3.x); the tests compare with recorded answers.

use super::alerts::{Active, RULES, Rule};
use super::catalog::COMPONENTS;
use super::http::{Ask, Reply};
use super::promql::{self, Element, Expr, Value};
use super::world::{Cluster, World};
use crate::domain::time::{Timestamp, parse_span};
use hyper::StatusCode;
use serde_json::{Map, Number, Value as Json, json};
use std::collections::BTreeMap;

/// Points of one series in an answer: more than the lab keeps.
const POINTS_MAX: i64 = 2_000;

/// Answers one request below `/prometheus`.
pub(super) fn answer(world: &World, ask: &Ask, path: &str) -> Reply {
    match path {
        "/-/ready" => return Reply::text(StatusCode::OK, "Prometheus Server is Ready.\n"),
        "/-/healthy" => return Reply::text(StatusCode::OK, "Prometheus Server is Healthy.\n"),
        "/metrics" => {
            let text = world.with(|cluster, _| cluster.history.exposition());
            return Reply::text(StatusCode::OK, text);
        }
        _ => {}
    }
    let data = match path {
        "/api/v1/query" => world.with(|cluster, now_ms| query(cluster, ask, now_ms)),
        "/api/v1/query_range" => world.with(|cluster, _| query_range(cluster, ask)),
        "/api/v1/alerts" => Ok(world.with(|cluster, _| alerts(cluster))),
        "/api/v1/rules" => Ok(world.with(|cluster, _| rules(cluster))),
        "/api/v1/targets" => Ok(world.with(|cluster, now_ms| targets(cluster, now_ms))),
        "/api/v1/status/buildinfo" => Ok(build_info()),
        _ => return Reply::text(StatusCode::NOT_FOUND, "404 page not found\n"),
    };
    match data {
        Ok(data) => Reply::json(StatusCode::OK, &json!({"status": "success", "data": data})),
        Err(Fault { status, kind, what }) => Reply::json(
            status,
            &json!({"status": "error", "errorType": kind, "error": what}),
        ),
    }
}

/// Why a query has no answer.
struct Fault {
    status: StatusCode,
    kind: &'static str,
    what: String,
}

fn bad(name: &str, what: impl std::fmt::Display) -> Fault {
    Fault {
        status: StatusCode::BAD_REQUEST,
        kind: "bad_data",
        what: format!("invalid parameter {name:?}: {what}"),
    }
}

fn expression(ask: &Ask) -> Result<Expr, Fault> {
    let text = ask.param("query").unwrap_or_default();
    promql::parse(text).map_err(|error| bad("query", error))
}

fn value(cluster: &Cluster, expr: &Expr, at_ms: i64) -> Result<Value, Fault> {
    let history = &cluster.history;
    promql::evaluate(expr, at_ms, &|matchers| history.select(matchers, at_ms)).map_err(|error| {
        Fault {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            kind: "execution",
            what: error.to_string(),
        }
    })
}

fn query(cluster: &Cluster, ask: &Ask, now_ms: i64) -> Result<Json, Fault> {
    let at_ms = match ask.param("time") {
        Some(text) => time(text).ok_or_else(|| bad_time("time", text))?,
        None => now_ms,
    };
    let expr = expression(ask)?;
    Ok(match value(cluster, &expr, at_ms)? {
        Value::Scalar(number) => json!({"resultType": "scalar", "result": sample(at_ms, number)}),
        Value::Vector(elements) => {
            let elements = elements.into_iter().map(|element| {
                json!({"metric": labels(&element.labels), "value": sample(at_ms, element.value)})
            });
            json!({"resultType": "vector", "result": elements.collect::<Vec<_>>()})
        }
    })
}

fn query_range(cluster: &Cluster, ask: &Ask) -> Result<Json, Fault> {
    let point = |name: &'static str| {
        let text = ask.param(name).unwrap_or_default();
        time(text).ok_or_else(|| bad_time(name, text))
    };
    let (start, end) = (point("start")?, point("end")?);
    if end < start {
        return Err(bad("end", "end timestamp must not be before start time"));
    }
    let step = step(ask.param("step").unwrap_or_default())?;
    if end.saturating_sub(start) / step >= POINTS_MAX {
        return Err(bad(
            "step",
            format!(
                "exceeded maximum resolution of {POINTS_MAX} points per timeseries. Try decreasing the query resolution (?step=XX)"
            ),
        ));
    }
    let limit = ask.param("limit").map_or(Ok(0), str::parse::<usize>);
    let limit = limit.map_err(|error| bad("limit", error))?;
    let expr = expression(ask)?;
    let mut series: BTreeMap<Vec<(String, String)>, Vec<Json>> = BTreeMap::new();
    let mut at_ms = start;
    while at_ms <= end {
        let elements = match value(cluster, &expr, at_ms)? {
            Value::Vector(elements) => elements,
            Value::Scalar(value) => vec![Element {
                labels: Vec::new(),
                value,
            }],
        };
        for element in elements {
            let samples = series.entry(element.labels).or_default();
            samples.push(sample(at_ms, element.value));
        }
        at_ms = at_ms.saturating_add(step);
    }
    let kept = if limit == 0 { series.len() } else { limit };
    let series = series.into_iter().take(kept);
    let series = series.map(|(names, values)| json!({"metric": labels(&names), "values": values}));
    Ok(json!({"resultType": "matrix", "result": series.collect::<Vec<_>>()}))
}

/// Unix seconds with a fraction, or RFC 3339.
fn time(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => millis(seconds),
        Err(_) => Timestamp::parse(text).ok().map(Timestamp::as_millis),
    }
}

fn bad_time(name: &str, text: &str) -> Fault {
    bad(name, format!("cannot parse {text:?} to a valid timestamp"))
}

/// Seconds with a fraction, or a span such as `15s`; in milliseconds.
fn step(text: &str) -> Result<i64, Fault> {
    let span = match text.parse::<f64>() {
        Ok(seconds) => millis(seconds),
        Err(_) => parse_span(text)
            .ok()
            .and_then(|span| i64::try_from(span.as_millis()).ok()),
    };
    match span {
        Some(span) if span > 0 => Ok(span),
        Some(_) => Err(bad(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        )),
        None => Err(bad(
            "step",
            format!("cannot parse {text:?} to a valid duration"),
        )),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bounded in the line before"
)]
fn millis(seconds: f64) -> Option<i64> {
    // Times up to the year 33658.
    let is_sane = seconds.abs() < 1e12;
    is_sane.then(|| (seconds * 1000.0).round() as i64)
}

fn labels(pairs: &[(String, String)]) -> Json {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| (name.clone(), Json::from(value.as_str())));
    Json::Object(pairs.collect::<Map<_, _>>())
}

fn sample(at_ms: i64, value: f64) -> Json {
    json!([seconds(at_ms), number(value)])
}

/// Whole seconds are written without a fraction.
fn seconds(ms: i64) -> Number {
    let fraction = Number::from_f64(promql_seconds(ms)).filter(|_| ms.rem_euclid(1000) != 0);
    fraction.unwrap_or_else(|| Number::from(ms.div_euclid(1000)))
}

fn promql_seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// A value as Prometheus writes samples: shortest, without an exponent.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

/// A value as Prometheus writes those of alerts: `3.7e+01`.
fn scientific(value: f64) -> String {
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => number(value),
    }
}

fn when(ms: i64) -> String {
    Timestamp::from_millis(ms).to_string()
}

fn alert(active: &Active) -> Json {
    json!({
        "labels": labels(&active.all_labels()),
        "annotations": {"summary": active.rule.summary},
        "state": if active.is_firing { "firing" } else { "pending" },
        "activeAt": when(active.since_ms),
        "value": scientific(active.value),
    })
}

fn alerts(cluster: &Cluster) -> Json {
    let alerts: Vec<Json> = cluster.alarms.active.iter().map(alert).collect();
    json!({"alerts": alerts})
}

fn rules(cluster: &Cluster) -> Json {
    let evaluated = when(cluster.alarms.evaluated_ms);
    let rule = |rule: &Rule| {
        let all = cluster.alarms.active.iter();
        let own: Vec<&Active> = all.filter(|active| active.rule.name == rule.name).collect();
        let state = if own.iter().any(|active| active.is_firing) {
            "firing"
        } else if own.is_empty() {
            "inactive"
        } else {
            "pending"
        };
        let labels = if rule.instance.is_empty() {
            json!({"severity": rule.severity})
        } else {
            json!({"severity": rule.severity, "instance": rule.instance})
        };
        json!({
            "state": state, "name": rule.name, "query": rule.query,
            "duration": promql_seconds(rule.for_ms), "keepFiringFor": 0,
            "labels": labels, "annotations": {"summary": rule.summary},
            "alerts": own.into_iter().map(alert).collect::<Vec<_>>(),
            "health": "ok", "evaluationTime": 0.000_4, "lastEvaluation": evaluated, "type": "alerting",
        })
    };
    let rules: Vec<Json> = RULES.iter().map(rule).collect();
    json!({"groups": [{
        "name": "orders", "file": "/etc/prometheus/rules/orders.yml", "rules": rules, "interval": 1, "limit": 0,
        "evaluationTime": 0.002, "lastEvaluation": evaluated,
    }]})
}

fn targets(cluster: &Cluster, now_ms: i64) -> Json {
    let target = |entry: &super::catalog::Entry| {
        let is_up = cluster.sim.db(entry.name).map_or_else(
            || {
                cluster
                    .sim
                    .service(entry.name)
                    .is_some_and(super::sim::Service::is_up)
            },
            super::sim::Db::is_up,
        );
        let url = format!("http://{}:9100/metrics", entry.name);
        let error = if is_up { "" } else { "connection refused" };
        json!({
            "discoveredLabels": {
                "__address__": format!("{}:9100", entry.name), "__metrics_path__": "/metrics", "__scheme__": "http",
                "__scrape_interval__": "1s", "__scrape_timeout__": "1s", "job": entry.job,
            },
            "labels": {"instance": entry.name, "job": entry.job},
            "scrapePool": entry.job, "scrapeUrl": url, "globalUrl": url,
            "lastError": error, "lastScrape": when(now_ms.div_euclid(1000) * 1000), "lastScrapeDuration": 0.002,
            "health": if is_up { "up" } else { "down" }, "scrapeInterval": "1s", "scrapeTimeout": "1s",
        })
    };
    let active: Vec<Json> = COMPONENTS.iter().map(target).collect();
    json!({"activeTargets": active, "droppedTargets": [], "droppedTargetCounts": {}})
}

/// Says what it is: nobody should take the lab for a real server.
fn build_info() -> Json {
    json!({
        "version": "2.42.0-warroom-lab", "revision": "lab", "branch": "lab",
        "buildUser": "warroom", "buildDate": "", "goVersion": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        assert_eq!(scientific(37.0), "3.7e+01");
        assert_eq!(scientific(0.0), "0e+00");
        assert_eq!(scientific(0.0725), "7.25e-02");
        assert_eq!(number(f64::NEG_INFINITY), "-Inf");
        assert_eq!(number(0.000_001), "0.000001");
        assert_eq!(seconds(1_795_321_924_104).to_string(), "1795321924.104");
        assert_eq!(seconds(1_795_321_924_000).to_string(), "1795321924");
    }

    #[test]
    fn times_and_steps_are_read_in_both_forms() {
        assert_eq!(time("1795321924.104"), Some(1_795_321_924_104));
        assert_eq!(time("2026-11-22T04:32:04Z"), Some(1_795_321_924_000));
        assert_eq!(time("now"), None);
        assert_eq!(time("1e300"), None);
        assert_eq!(time("NaN"), None);
        assert_eq!(step("8").ok(), Some(8000));
        assert_eq!(step("15s").ok(), Some(15_000));
        assert!(step("0").is_err() && step("-1").is_err() && step("x").is_err());
    }
}
