//! Against the published description and recorded exchanges of Datadog, and a server that answers as it does.

mod writing;

use super::*;
use crate::clock::SystemClock;
use crate::connect::connector::{Connector as _, Health};
use crate::connect::contracts;
use crate::connect::contracts::openapi::Contract;
use crate::domain::id::RuleId;
use crate::domain::reading::{AlertState, SilenceState};
use crate::domain::time::Timestamp;
use crate::domain::write::Ability;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use wiremock::matchers::{any, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "f00dfeed";
const ID: &str = "83718756-0187-11ee-8c18-da7ad0900002";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn config(url: &str) -> DatadogConfig {
    let mut config = DatadogConfig::new(ConnectorName::new("dd").unwrap(), url);
    config.http.auth = auth(SecretString::from(KEY), SecretString::from(KEY));
    config.http.timeout = Duration::from_millis(500);
    config.http.body_bytes_max = 256 * 1024;
    config.monitors = false;
    config
}

fn spec(rule: &str, expr: &str) -> QuerySpec {
    QuerySpec {
        rule: RuleId::new(rule).unwrap(),
        expr: expr.to_owned(),
        source: None,
    }
}

fn datadog(config: DatadogConfig, specs: &[QuerySpec]) -> Datadog {
    Datadog::new(config, specs, Arc::new(SystemClock)).unwrap()
}

fn series(value: &Value) -> Value {
    json!({"status": "ok", "resp_version": 1, "query": "q", "new_field": {}, "series": [{
        "metric": "system.cpu.idle", "scope": "host:db-1,env:prod", "tag_set": ["host:db-1", "env:prod"],
        "pointlist": [[1_681_683_300_000.0, 70.5], [1_681_683_320_000.0, value], [1_681_683_340_000.0, null]],
        "interval": 20, "aggr": "avg"
    }]})
}

async fn serving(route: &str, response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path(route))
        .and(header("dd-api-key", KEY))
        .and(header("dd-application-key", KEY))
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Answers of the exchanges in a recording, with their requests.
fn recorded(file: &str) -> Option<Vec<(Value, String, u64)>> {
    let bytes = contracts::read(&format!("datadog/examples/{file}.json"))?;
    let tape: Value = serde_json::from_slice(&bytes).expect("JSON");
    let exchanges = tape["http_interactions"].as_array().expect("exchanges");
    let parts = exchanges.iter().map(|exchange| {
        let answer = &exchange["response"];
        let body = answer["body"]["string"].as_str().unwrap_or_default();
        let code = answer["status"]["code"].as_u64().expect("a code");
        (exchange["request"].clone(), body.to_owned(), code)
    });
    Some(parts.collect())
}

#[test]
fn every_request_of_version_1_is_in_the_published_description() {
    let Some(contract) = Contract::open("datadog/openapi-v1.json") else {
        return;
    };
    let now = at("2026-11-22T03:00:00Z");
    let calls = [
        request::query("avg:system.cpu.idle{*}", now, WINDOW),
        request::monitors(&[], 0, request::MONITORS_PAGE),
        request::monitors(&["env:ci".to_owned(), "team:db".to_owned()], 3, 200),
        request::validate(),
    ];
    for call in calls {
        assert_eq!(contract.check_call("", &call), Ok(()), "{}", call.path);
    }
}

/// Version 2 has no description among the contracts: its requests have the fields that recorded ones have.
#[test]
fn a_downtime_is_asked_for_as_recorded() {
    let Some(tape) = recorded("recorded-v2/downtimes-Schedule-a-downtime-returns-OK-response")
    else {
        return;
    };
    let body = tape[0].0["body"]["string"].as_str().expect("a body");
    let theirs: Value = serde_json::from_str(body).expect("JSON");
    let call = request::mute("host:\"db-1\"", at("2026-11-22T05:00:00Z"), "why");
    let crate::connect::http::Body::Json(ours) = &call.body else {
        panic!("{call:?}")
    };
    let names = |value: &Value| -> Vec<String> {
        let fields = value["data"]["attributes"].as_object().expect("fields");
        fields.keys().cloned().collect()
    };
    for name in names(&theirs) {
        assert!(names(ours).contains(&name), "{name}");
    }
    assert_eq!(ours["data"]["type"], theirs["data"]["type"]);
    assert_eq!(tape[0].0["method"], "post");
    assert!(
        tape[0].0["uri"]
            .as_str()
            .expect("a URI")
            .ends_with(&call.path)
    );
    let made = response::downtime(tape[0].1.as_bytes()).unwrap();
    assert_eq!(made.state(), SilenceState::Active);
    assert_eq!((made.message.as_str(), made.until), ("dark forest", None));
}

#[test]
fn recorded_values_decode_and_the_newest_is_taken() {
    let Some(tape) = recorded("recorded-v1/metrics-Query-timeseries-points-returns-OK-response")
    else {
        return;
    };
    let values = response::values(tape[0].1.as_bytes(), 9).unwrap();
    let [only] = &values.series[..] else {
        panic!("{values:?}")
    };
    assert_eq!(
        only.labels,
        [("__name__".to_owned(), "system.cpu.idle".to_owned())]
    );
    assert_eq!(only.sample.at.as_millis(), 1_641_430_200_000);
    let example =
        contracts::read("datadog/examples/openapi/QueryMetrics.200.default.json").unwrap();
    let values = response::values(&example, 9).unwrap();
    assert!((values.series[0].sample.value - 77.62).abs() < 0.01);
}

#[test]
fn recorded_monitors_and_downtimes_decode() {
    let now = at("2023-05-22T21:16:00Z");
    let Some(tape) =
        recorded("recorded-v1/monitors-Get-all-monitors-returns-OK-response-with-pagination")
    else {
        return;
    };
    for (_, body, _) in &tape {
        let (alerts, count) = response::alerts(body.as_bytes(), now).unwrap();
        // Missing data that these monitors do not tell of.
        assert!(count >= 1 && alerts.is_empty());
    }
    let tape =
        recorded("recorded-v1/monitors-Get-a-monitor-s-details-with-downtime-returns-OK-response")
            .unwrap();
    let muted = tape
        .iter()
        .find(|(_, body, _)| body.contains("matching_downtimes"));
    let list = format!("[{}]", muted.expect("with a downtime").1);
    let (alerts, _) = response::alerts(list.as_bytes(), now).unwrap();
    assert_eq!(alerts[0].severity, "no data");
    assert_eq!(alerts[0].silenced_by, ["2942947856"]);
    assert_eq!(
        alerts[0].since,
        Timestamp::parse("2023-05-22T21:15:22Z").ok()
    );
    let tape =
        recorded("recorded-v2/downtimes-Get-all-downtimes-returns-OK-response-with-pagination")
            .unwrap();
    let (found, total) = response::downtimes(tape[0].1.as_bytes()).unwrap();
    assert_eq!((found.len(), total), (2, Some(3)));
    for name in [
        "Cancel-a-downtime-returns-Downtime-not-found-response",
        "Get-a-downtime-returns-Not-Found-response",
    ] {
        let tape = recorded(&format!("recorded-v2/downtimes-{name}")).unwrap();
        let words = response::refusal(&tape[0].1).expect("words");
        assert!(words.ends_with("not found"), "{words}");
    }
}

#[tokio::test]
async fn each_query_gets_its_newest_value_and_a_bad_one_spoils_no_other() {
    let server = serving("/api/v1/query", ok(&series(&json!(71.25)))).await;
    let refusal = json!({"status": "error", "error": "Error parsing query: unable to parse b"});
    Mock::given(query_param("query", "b"))
        .respond_with(ResponseTemplate::new(400).set_body_json(refusal))
        .with_priority(1)
        .mount(&server)
        .await;
    let specs = [
        spec("a", "avg:system.cpu.idle{*} by {host}"),
        spec("b", "b"),
    ];
    let mut source = datadog(config(&server.uri()), &specs);
    let (sender, mut early) = mpsc::channel(8);
    source.tell_early(Early::new(sender));
    let rest = source.poll(SystemClock.now()).await.unwrap();
    assert_eq!(rest, []);
    let Ok(Reading::Queries { answers, .. }) = early.try_recv() else {
        panic!("nothing told")
    };
    let by = |rule: &str| answers.iter().find(|a| a.rule.as_str() == rule).unwrap();
    let found = &by("a").result.as_ref().unwrap()[0];
    assert!((found.sample.value - 71.25).abs() < f64::EPSILON);
    assert_eq!(found.sample.at.as_millis(), 1_681_683_320_000);
    let labels: Vec<_> = found
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(
        labels,
        ["__name__=system.cpu.idle", "env=prod", "host=db-1"]
    );
    let what = &by("b").result.as_ref().unwrap_err().what;
    assert_eq!(what, "HTTP 400: Error parsing query: unable to parse b");
    assert!(
        source
            .trouble()
            .unwrap()
            .starts_with("1 of 2 queries failed")
    );
}

#[tokio::test]
async fn when_the_vendor_limits_it_is_left_alone_for_that_long() {
    let limited = ResponseTemplate::new(429)
        .insert_header("x-ratelimit-reset", "23")
        .set_body_json(json!({"errors": ["Rate limit of 1600 requests in 3600 seconds reached"]}));
    let server = serving("/api/v1/query", limited).await;
    let mut source = datadog(config(&server.uri()), &[spec("a", "x")]);
    let error = source.poll(SystemClock.now()).await.unwrap_err();
    assert_eq!(
        error.retry_after,
        Some(RetryAfter::In(Duration::from_secs(23)))
    );
    assert!(error.what.contains("1600 requests"), "{}", error.what);
    assert_eq!(error.readings.len(), 1, "the rule is told");
}

#[tokio::test]
async fn bad_answers_are_failures_with_their_reason_and_without_keys() {
    let check = async |response: ResponseTemplate, expected: &str| {
        let server = serving("/api/v1/query", response).await;
        let mut source = datadog(config(&server.uri()), &[spec("a", "x")]);
        let readings = match source.poll(SystemClock.now()).await {
            Ok(readings) => readings,
            Err(error) => error.readings,
        };
        let [Reading::Queries { answers, .. }] = &readings[..] else {
            panic!("{readings:?}")
        };
        let what = answers[0]
            .result
            .as_ref()
            .map(Vec::len)
            .map_err(|f| f.what.clone());
        let text = format!("{what:?}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains(KEY));
    };
    check(ok(&json!({"status": "ok", "series": []})), "Ok(0)").await;
    check(
        ok(&json!({"status": "error", "error": "timeout"})),
        "timeout",
    )
    .await;
    check(
        ok(&json!({"status": "ok", "series": [{"metric": 5}]})),
        "series[0].metric",
    )
    .await;
    check(ok(&json!([])), "unexpected answer").await;
    check(
        ResponseTemplate::new(200).set_body_string("{\"status\":\"ok\",\"ser"),
        "unexpected",
    )
    .await;
    check(
        ResponseTemplate::new(200).set_body_string("x".repeat(300 * 1024)),
        "larger than",
    )
    .await;
    check(
        ok(&series(&json!(1.0))).set_delay(Duration::from_secs(30)),
        "no answer",
    )
    .await;
    check(ResponseTemplate::new(403), "permissions of `app_key`").await;
    let elsewhere = ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/");
    check(elsewhere, "redirects are not followed").await;
    let text = format!("{:?}", config("http://127.0.0.1:1"));
    assert!(!text.contains(KEY), "{text}");
}

fn monitor(changes: &Value) -> Value {
    let mut monitor = json!({
        "id": 7, "name": "lag", "type": "query alert", "query": "avg(last_5m):lag{*} > 5",
        "tags": ["team:db", "critical"], "priority": 2, "overall_state": "Alert",
        "overall_state_modified": "2026-11-22T02:00:00+00:00", "options": {"silenced": {}},
        "state": {"groups": {}}, "matching_downtimes": [], "new_field": 1
    });
    let fields = changes.as_object().expect("an object").clone();
    monitor.as_object_mut().expect("an object").extend(fields);
    monitor
}

#[test]
fn monitors_become_alerts_group_by_group() {
    let now = at("2026-11-22T03:00:00Z");
    let alerts = |changes: Value| {
        let body = json!([monitor(&changes)]).to_string();
        response::alerts(body.as_bytes(), now).unwrap().0
    };
    let [alert] = &alerts(json!({}))[..] else {
        panic!("one")
    };
    assert_eq!(
        (alert.name.as_str(), alert.severity.as_str()),
        ("lag", "alert")
    );
    assert_eq!(alert.state, AlertState::Firing);
    assert_eq!(alert.since, Some(at("2026-11-22T02:00:00Z")));
    assert!(alert.silenced_by.is_empty());
    let labels: Vec<_> = alert
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(
        labels,
        ["critical=", "monitor_id=7", "priority=P2", "team=db"]
    );

    let groups = json!({"groups": {
        "host:db-1,env:prod": {"status": "Alert", "last_triggered_ts": 1_795_312_800},
        "host:db-2,env:prod": {"status": "Warn", "last_triggered_ts": 1_795_312_801},
        "host:db-3,env:prod": {"status": "OK", "last_triggered_ts": 1},
        "host:db-4,env:prod": {"status": "No Data", "last_nodata_ts": 2},
    }});
    let downtimes = json!([{"id": 41, "scope": ["host:db-1"]}, {"id": 42, "scope": ["env:dev"]}]);
    let found = alerts(json!({"state": groups, "matching_downtimes": downtimes}));
    let short: Vec<_> = found
        .iter()
        .map(|alert| (alert.severity.as_str(), alert.silenced_by.join(",")))
        .collect();
    assert_eq!(short, [("alert", "41".to_owned()), ("warn", String::new())]);
    assert_eq!(
        found[0].since,
        Some(Timestamp::from_millis(1_795_312_800_000))
    );
    assert!(
        found[0]
            .labels
            .contains(&("host".to_owned(), "db-1".to_owned()))
    );

    for state in ["OK", "No Data", "Ignored", "Skipped", "Unknown", "Later"] {
        assert_eq!(alerts(json!({"overall_state": state})), [], "{state}");
    }
    let missing = json!({"overall_state": "No Data", "options": {"notify_no_data": true}});
    assert_eq!(alerts(missing)[0].severity, "no data");
    let muted = |end: Value| {
        alerts(json!({"options": {"silenced": {"*": end}}}))[0]
            .silenced_by
            .clone()
    };
    assert_eq!(muted(Value::Null), ["muted"]);
    assert_eq!(muted(json!(now.as_millis() / 1000 + 60)), ["muted"]);
    assert_eq!(muted(json!(1)), [""; 0]);
}

#[tokio::test]
async fn monitors_are_read_page_by_page_and_once_a_minute() {
    let server = MockServer::start().await;
    let page = |count: usize| json!(vec![monitor(&json!({})); count]);
    for (number, count) in [("0", 200), ("1", 3)] {
        Mock::given(path("/api/v1/monitor"))
            .and(query_param("page", number))
            .and(query_param("with_downtimes", "true"))
            .and(query_param("monitor_tags", "team:db"))
            .respond_with(ok(&page(count)))
            .expect(1)
            .mount(&server)
            .await;
    }
    let mut config = config(&server.uri());
    config.monitors = true;
    config.monitor_tags = vec!["team:db".to_owned()];
    let mut source = datadog(config, &[]);
    let now = SystemClock.now();
    let readings = source.poll(now).await.unwrap();
    let [Reading::Alerts { alerts, .. }] = &readings[..] else {
        panic!("{readings:?}")
    };
    assert_eq!(alerts.len(), 203);
    assert_eq!(source.poll(now).await.unwrap(), []);
}

#[tokio::test]
async fn an_alert_names_the_downtime_that_keeps_it_quiet() {
    let group = |host: &str| json!({"groups": {(format!("host:{host}")): {"status": "Alert", "last_triggered_ts": 9}}});
    let monitors = json!([
        monitor(&json!({"state": group("db-1")})),
        monitor(&json!({"state": group("db-2")})),
    ]);
    let server = serving("/api/v1/monitor", ok(&monitors)).await;
    listing(
        &server,
        &[
            downtime("active", "x", END),
            downtime("scheduled", "later", END),
        ],
    )
    .await;
    let mut config = config(&server.uri());
    config.monitors = true;
    config.writes = true;
    let readings = datadog(config, &[]).poll(SystemClock.now()).await.unwrap();
    let [
        Reading::Alerts { alerts, .. },
        Reading::Silences { silences, .. },
    ] = &readings[..]
    else {
        panic!("{readings:?}")
    };
    let quiet: Vec<_> = alerts
        .iter()
        .map(|alert| alert.silenced_by.join(","))
        .collect();
    assert_eq!(quiet, [ID, ""]);
    assert_eq!(silences.len(), 2);
    assert_eq!(silences[0].mutes, ["host:\"db-1\""]);
    assert_eq!(silences[1].state, SilenceState::Pending);
}

#[tokio::test]
async fn monitors_that_cannot_be_read_spoil_no_query_and_stay_said() {
    let server = serving("/api/v1/query", ok(&series(&json!(1.0)))).await;
    Mock::given(path("/api/v1/monitor"))
        .respond_with(ResponseTemplate::new(403).set_body_json(json!({"errors": ["Forbidden"]})))
        .mount(&server)
        .await;
    let mut config = config(&server.uri());
    config.monitors = true;
    let mut source = datadog(config, &[spec("a", "x")]);
    for _ in 0..2 {
        let readings = source.poll(SystemClock.now()).await.unwrap();
        assert_eq!(readings.len(), 1);
        let trouble = source.trouble().unwrap();
        assert!(
            trouble.starts_with("HTTP 403: Forbidden; check the permissions"),
            "{trouble}"
        );
    }
}

/// What a downtime of ours looks like.
fn downtime(status: &str, message: &str, end: &str) -> Value {
    json!({"id": ID, "type": "downtime", "attributes": {
        "status": status, "message": message, "scope": "host:\"db-1\"",
        "schedule": {"start": "2026-11-22T03:00:00+00:00", "end": end},
        "monitor_identifier": {"monitor_tags": ["*"]}
    }})
}

const END: &str = "2026-11-22T05:00:00+00:00";

async fn listing(server: &MockServer, found: &[Value]) {
    let body = json!({"data": found, "meta": {"page": {"total_filtered_count": found.len()}}});
    Mock::given(method("GET"))
        .and(path("/api/v2/downtime"))
        .respond_with(ok(&body))
        .mount(server)
        .await;
}

async fn reading_back(server: &MockServer, found: &Value) {
    Mock::given(method("GET"))
        .and(path(format!("/api/v2/downtime/{ID}")))
        .respond_with(ok(&json!({"data": found})))
        .mount(server)
        .await;
}

#[tokio::test]
async fn only_what_is_allowed_is_offered() {
    let mut config = config("http://127.0.0.1:1");
    assert_eq!(config.abilities(), []);
    assert!(config.writer().unwrap().is_none());
    config.writes = true;
    assert_eq!(config.abilities(), [Ability::Mute]);
    assert!(config.writer().unwrap().is_some());
}

#[tokio::test]
async fn the_probe_looks_at_each_permission_without_writing() {
    let server = MockServer::start().await;
    for (route, body) in [
        ("/api/v1/validate", json!({"valid": true})),
        ("/api/v1/query", json!({"status": "ok", "series": []})),
        ("/api/v1/monitor", json!([monitor(&json!({}))])),
    ] {
        Mock::given(method("GET"))
            .and(path(route))
            .respond_with(ok(&body))
            .mount(&server)
            .await;
    }
    Mock::given(any())
        .respond_with(ResponseTemplate::new(403).set_body_json(json!({"errors": ["Forbidden"]})))
        .mount(&server)
        .await;
    let mut config = config(&server.uri());
    config.monitors = true;
    config.writes = true;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let checks = config.probe(&clock).unwrap().check(SystemClock.now()).await;
    let found: Vec<_> = checks
        .iter()
        .map(|check| (check.what.as_str(), check.health, check.said.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("credentials", Health::Good, "`api_key` is valid"),
            ("permission to query", Health::Good, "answered, 0 series"),
            (
                "permission to read monitors",
                Health::Good,
                "1 monitors, 1 not well"
            ),
            (
                "permission to make downtimes",
                Health::Bad,
                "HTTP 403: Forbidden; check the permissions of `app_key`, and `site`"
            ),
        ]
    );
    assert!(checks[3].hint.contains("monitors_downtime"));
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|r| r.method.as_str() == "GET"));
}
