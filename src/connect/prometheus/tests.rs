use super::wire::DECODE_APART_BYTES;
use super::*;
use crate::clock::SystemClock;
use crate::connect::connector::{Connector as _, Health};
use crate::connect::contracts::openapi::Contract;
use crate::connect::http::{Body, Call, Method, RetryAfter};
use crate::domain::id::RuleId;
use crate::domain::reading::{QueryAnswer, Series};
use tokio::sync::mpsc;
use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn spec(rule: &str, expr: &str) -> QuerySpec {
    QuerySpec {
        rule: RuleId::new(rule).unwrap(),
        expr: expr.to_owned(),
        source: None,
    }
}

fn one(value: &str) -> String {
    format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"a":"b"}},"value":[1,"{value}"]}}]}}}}"#
    )
}

async fn answer(server: &MockServer, expr: &str, response: ResponseTemplate) {
    Mock::given(path("/api/v1/query"))
        .and(query_param("query", expr))
        .respond_with(response)
        .mount(server)
        .await;
}

fn ok(body: impl Into<String>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(body)
}

fn connector(
    server: &MockServer,
    specs: &[QuerySpec],
    change: impl FnOnce(&mut PrometheusConfig),
) -> Prometheus {
    let mut config = PrometheusConfig::new(ConnectorName::new("main").unwrap(), &server.uri());
    config.alerts = false;
    config.rules = false;
    config.targets = false;
    config.history = Duration::ZERO;
    change(&mut config);
    Prometheus::new(config, specs, Arc::new(SystemClock)).unwrap()
}

fn answers(readings: &[Reading]) -> &[QueryAnswer] {
    let found = readings.iter().find_map(|reading| match reading {
        Reading::Queries { answers, .. } => Some(answers),
        _ => None,
    });
    found.expect("answers")
}

fn value(answer: &QueryAnswer) -> Result<f64, String> {
    match &answer.result {
        Ok(series) => Ok(series[0].sample.value),
        Err(failure) => Err(failure.what.clone()),
    }
}

#[tokio::test]
async fn each_rule_gets_its_answer_and_one_bad_query_spoils_no_other() {
    let server = MockServer::start().await;
    answer(&server, "up", ok(one("1"))).await;
    let refusal = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    answer(
        &server,
        "up{",
        ResponseTemplate::new(400).set_body_string(refusal),
    )
    .await;
    answer(
        &server,
        "slow",
        ok(one("1")).set_delay(Duration::from_secs(60)),
    )
    .await;
    let specs = [
        spec("a", "up"),
        spec("b", "up{"),
        spec("c", "slow"),
        spec("d", "up"),
    ];
    let mut prometheus = connector(&server, &specs, |config| {
        config.http.timeout = Duration::from_millis(300);
    });
    let readings = prometheus
        .poll(SystemClock.now())
        .await
        .expect("good enough");
    let answers = answers(&readings);
    let by_rule = |rule: &str| {
        value(
            answers
                .iter()
                .find(|answer| answer.rule.as_str() == rule)
                .unwrap(),
        )
    };
    assert_eq!(by_rule("a"), Ok(1.0));
    assert_eq!(by_rule("d"), Ok(1.0));
    assert_eq!(by_rule("b"), Err("bad_data: parse error".to_owned()));
    assert!(by_rule("c").unwrap_err().contains("within 300 ms"));
    assert!(
        prometheus
            .trouble()
            .is_some_and(|text| text.starts_with("2 of 3 queries failed"))
    );
}

/// A version or an alert list that hung kept every guard waiting for the whole time limit.
#[tokio::test]
async fn guards_do_not_wait_for_alerts_and_version_that_hang() {
    let server = MockServer::start().await;
    answer(&server, "up", ok(one("1"))).await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ok("{}").set_delay(Duration::from_secs(60)))
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", "up")], |config| {
        config.alerts = true;
        config.http.timeout = Duration::from_secs(30);
    });
    let asked = SystemClock.now();
    let readings = prometheus.poll(asked).await.expect("good enough");
    let answers = answers(&readings);
    assert_eq!(value(&answers[0]), Ok(1.0));
    assert!(
        answers[0].received.mono_since(asked) < 900,
        "the time of its arrival"
    );
    assert!(SystemClock.now().mono_since(asked) < 15_000);
    assert_eq!(
        prometheus.trouble().as_deref(),
        Some("alerts: no answer within 1000 ms; version: no answer within 1000 ms")
    );
}

#[tokio::test]
async fn a_refused_password_comes_with_what_to_do() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", "up")], |_| {});
    let error = prometheus.poll(SystemClock.now()).await.unwrap_err();
    let what = "HTTP 401; check the token or password, and what it may read";
    assert_eq!(error.what, what);
    assert_eq!(value(&answers(&error.readings)[0]), Err(what.to_owned()));
}

#[tokio::test]
async fn when_nothing_answers_the_poll_fails_and_every_rule_is_told() {
    let server = MockServer::start().await;
    let down = ResponseTemplate::new(503)
        .insert_header("retry-after", "7")
        .set_body_string(
            r#"{"status":"error","errorType":"unavailable","error":"TSDB not ready"}"#,
        );
    Mock::given(wiremock::matchers::any())
        .respond_with(down)
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", "up"), spec("b", "x")], |_| {});
    let error = prometheus.poll(SystemClock.now()).await.unwrap_err();
    assert_eq!(error.what, "HTTP 503: unavailable: TSDB not ready");
    assert_eq!(
        error.retry_after,
        Some(RetryAfter::In(Duration::from_secs(7)))
    );
    assert!(
        answers(&error.readings)
            .iter()
            .all(|answer| answer.result.is_err())
    );
}

#[tokio::test]
async fn a_partial_answer_gives_no_series_to_trust() {
    let server = MockServer::start().await;
    let body = one("1").replace("\"data\"", "\"warnings\":[\"store-2 is down\"],\"data\"");
    answer(&server, "up", ok(body)).await;
    let mut prometheus = connector(&server, &[spec("a", "up")], |_| {});
    let readings = prometheus.poll(SystemClock.now()).await.unwrap();
    let failure = answers(&readings)[0].result.clone().unwrap_err();
    assert!(failure.partial);
    assert_eq!(failure.what, "store-2 is down");
}

#[tokio::test]
async fn a_long_query_is_posted_and_the_tenant_is_named() {
    let server = MockServer::start().await;
    let expr = format!("up{{a=\"{}\"}}", "x".repeat(3000));
    Mock::given(method("POST"))
        .and(path("/api/v1/query"))
        .and(wiremock::matchers::header("x-scope-orgid", "red"))
        .respond_with(ok(one("3")))
        .expect(1)
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", &expr)], |config| {
        config.tenant = Some("red".to_owned());
    });
    let readings = prometheus.poll(SystemClock.now()).await.unwrap();
    assert_eq!(value(&answers(&readings)[0]), Ok(3.0));
}

#[tokio::test]
async fn history_follows_the_first_live_values_and_comes_once() {
    let server = MockServer::start().await;
    answer(&server, "up", ok(one("1"))).await;
    let past = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[9,"2"]]}]}}"#;
    Mock::given(path("/api/v1/query_range"))
        .respond_with(ok(past))
        .expect(1)
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", "up")], |config| {
        config.history = HISTORY;
    });
    prometheus.poll(SystemClock.now()).await.unwrap();
    assert!(prometheus.wants_follow_up());
    let readings = prometheus.poll(SystemClock.now()).await.unwrap();
    let [Reading::Ranges { answers, .. }] = &readings[..] else {
        panic!("{readings:?}")
    };
    assert_eq!(answers[0].result.as_ref().unwrap()[0].samples.len(), 2);
    assert!(!prometheus.wants_follow_up());
    assert!(matches!(
        prometheus.poll(SystemClock.now()).await.unwrap()[..],
        [Reading::Queries { .. }, ..]
    ));
}

#[tokio::test]
async fn version_and_clock_are_told_and_alerts_do_not_spoil_queries() {
    let server = MockServer::start().await;
    answer(&server, "up", ok(one("1"))).await;
    let ahead = SystemClock
        .now()
        .wall
        .plus(Duration::from_secs(3600))
        .as_millis()
        / 1000;
    let time = format!(
        r#"{{"status":"success","data":{{"resultType":"scalar","result":[{ahead},"{ahead}"]}}}}"#
    );
    answer(&server, "time()", ok(time)).await;
    let build = r#"{"status":"success","data":{"version":"2.42.0","goVersion":"go1.19"}}"#;
    Mock::given(path("/api/v1/status/buildinfo"))
        .respond_with(ok(build))
        .expect(1)
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", "up")], |config| config.alerts = true);
    let readings = prometheus.poll(SystemClock.now()).await.unwrap();
    let [Reading::Queries { .. }, Reading::Info { info, .. }] = &readings[..] else {
        panic!("{readings:?}")
    };
    assert_eq!(info.version, "2.42.0");
    let skew = info.clock_skew_ms.expect("skew");
    assert!((3_590_000..=3_600_000).contains(&skew), "{skew}");
    assert_eq!(
        prometheus.trouble().as_deref(),
        Some("alerts: HTTP 404; where there are none, set `alerts` to false")
    );
    prometheus.poll(SystemClock.now()).await.unwrap();
}

/// The answer of a query that lost its selector must not hold up the tasks that answer keys.
#[tokio::test]
async fn ten_thousand_series_are_decoded_apart_and_cut() {
    let server = MockServer::start().await;
    let items: Vec<String> = (0..10_000)
        .map(|n| format!(r#"{{"metric":{{"__name__":"m","instance":"host-{n:05}:9100","job":"node"}},"value":[1,"{n}"]}}"#))
        .collect();
    let body = format!(
        r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#,
        items.join(",")
    );
    assert!(body.len() > DECODE_APART_BYTES);
    answer(&server, "m", ok(body)).await;
    let mut prometheus = connector(&server, &[spec("a", "m")], |_| {});
    let readings = prometheus.poll(SystemClock.now()).await.unwrap();
    let answer = &answers(&readings)[0];
    let series: &Vec<Series> = answer.result.as_ref().unwrap();
    assert_eq!((series.len(), answer.dropped), (SERIES_MAX, 9800));
    assert_eq!(series[199].labels[1].1, "host-00199:9100");
}

const SLOW: Duration = Duration::from_secs(60);

fn source(config: PrometheusConfig, specs: &[QuerySpec]) -> Prometheus {
    Prometheus::new(config, specs, Arc::new(SystemClock)).unwrap()
}

/// A query that hung kept the other guards of its server, and its alerts, waiting for the whole time limit.
#[tokio::test]
async fn a_slow_query_keeps_back_no_other_answer_and_no_alert() {
    let server = MockServer::start().await;
    answer(&server, "up", ok(one("1"))).await;
    answer(&server, "slow", ok(one("1")).set_delay(SLOW)).await;
    let none = r#"{"status":"success","data":{"alerts":[]}}"#;
    Mock::given(path("/api/v1/alerts"))
        .respond_with(ok(none))
        .mount(&server)
        .await;
    let specs = [spec("a", "up"), spec("b", "slow")];
    let mut prometheus = connector(&server, &specs, |config| {
        config.alerts = true;
        config.http.timeout = Duration::from_secs(5);
    });
    let (sender, mut early) = mpsc::channel(8);
    prometheus.tell_early(Early::new(sender));
    let asked = SystemClock.now();
    let polling = tokio::spawn(async move {
        let readings = prometheus.poll(asked).await;
        (prometheus, readings)
    });
    let mut told = Vec::new();
    while told.len() < 2 {
        told.push(early.recv().await.expect("told"));
    }
    assert!(!polling.is_finished());
    let [fast] = answers(&told) else {
        panic!("{told:?}")
    };
    assert_eq!((fast.rule.as_str(), value(fast)), ("a", Ok(1.0)));
    assert!(told.iter().any(|r| matches!(r, Reading::Alerts { .. })));
    let (prometheus, rest) = polling.await.expect("ends");
    // The slow one is told early too, at the end: health alone comes after it.
    let late = early.recv().await.expect("told");
    let [late] = answers(std::slice::from_ref(&late)) else {
        panic!("{late:?}")
    };
    assert_eq!(late.rule.as_str(), "b");
    assert!(value(late).unwrap_err().starts_with("no answer"));
    assert!(rest.is_ok_and(|rest| rest.iter().all(|r| matches!(r, Reading::Info { .. }))));
    let trouble = prometheus.trouble().unwrap();
    assert!(trouble.starts_with("1 of 2 queries failed"), "{trouble}");
}

#[tokio::test]
async fn answers_that_come_together_are_told_together_and_a_full_queue_loses_none() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/query"))
        .respond_with(ok(one("1")))
        .mount(&server)
        .await;
    let specs: Vec<_> = (0..40)
        .map(|n| spec(&format!("r{n}"), &format!("m{n}")))
        .collect();
    let mut prometheus = connector(&server, &specs, |_| {});
    let (sender, mut early) = mpsc::channel(1);
    prometheus.tell_early(Early::new(sender));
    let rest = prometheus.poll(SystemClock.now()).await.unwrap();
    let mut told = vec![early.try_recv().expect("told")];
    told.extend(rest);
    let groups = told.iter().filter_map(|reading| match reading {
        Reading::Queries { answers, .. } => Some(answers.len()),
        _ => None,
    });
    let groups: Vec<usize> = groups.collect();
    assert_eq!(groups.iter().sum::<usize>(), 40);
    assert!(groups.len() < 10, "{groups:?}");
}

#[tokio::test]
async fn no_more_queries_are_under_way_than_configured() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/query"))
        .respond_with(ok(one("1")).set_delay(Duration::from_millis(50)))
        .mount(&server)
        .await;
    let specs = [spec("a", "x"), spec("b", "y"), spec("c", "z")];
    let mut prometheus = connector(&server, &specs, |config| config.queries_in_flight = 1);
    let asked = SystemClock.now();
    prometheus.poll(asked).await.unwrap();
    assert!(SystemClock.now().mono_since(asked) >= 150);
}

#[tokio::test]
async fn set_parameters_go_with_every_request_and_infos_are_shown() {
    let server = MockServer::start().await;
    let info = "PromQL info: metric might not be a counter, name does not end in _total";
    let body = one("2").replace("\"data\"", &format!("\"infos\":[\"{info}\"],\"data\""));
    Mock::given(path("/api/v1/query"))
        .and(query_param("partial_response", "false"))
        .and(query_param("query", "up"))
        .respond_with(ok(body))
        .expect(1)
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", "up")], |config| {
        config.params = vec![("partial_response".to_owned(), "false".to_owned())];
    });
    let readings = prometheus.poll(SystemClock.now()).await.unwrap();
    let answer = &answers(&readings)[0];
    assert_eq!(value(answer), Ok(2.0));
    assert_eq!(answer.warnings, [info]);
}

#[tokio::test]
async fn targets_are_told_and_rules_that_fail_are_said() {
    let server = MockServer::start().await;
    answer(&server, "up", ok(one("1"))).await;
    let targets = r#"{"status":"success","data":{"activeTargets":[{"labels":{"job":"db","instance":"db-1"},"health":"down","lastError":"connection refused","lastScrape":"2026-11-22T04:32:03Z"}]}}"#;
    Mock::given(path("/api/v1/targets"))
        .and(query_param("state", "active"))
        .respond_with(ok(targets))
        .expect(1)
        .mount(&server)
        .await;
    let rules = r#"{"status":"success","data":{"groups":[{"name":"g","rules":[{"name":"Down","type":"alerting","labels":{"severity":"page"},"health":"err","lastError":"many-to-many"}]}]}}"#;
    Mock::given(path("/api/v1/rules"))
        .respond_with(ok(rules))
        .expect(1)
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", "up")], |config| {
        config.rules = true;
        config.targets = true;
    });
    let now = SystemClock.now();
    let readings = prometheus.poll(now).await.unwrap();
    let targets = readings.iter().find_map(|reading| match reading {
        Reading::Targets { targets, .. } => Some(targets),
        _ => None,
    });
    let [target] = &targets.expect("targets")[..] else {
        panic!("{readings:?}")
    };
    assert_eq!(
        (target.is_up, target.error.as_str()),
        (Some(false), "connection refused")
    );
    let told = readings.iter().find_map(|reading| match reading {
        Reading::AlertRules { known, .. } => Some(known),
        _ => None,
    });
    let rule = &told.expect("rules").rules[0];
    assert_eq!((&*rule.name, &*rule.labels[0].1), ("Down", "page"));
    let said = "rules: 1 of 1 rules fail; `Down`: many-to-many";
    assert!(prometheus.trouble().unwrap().contains(said));
    // Asked again after half a minute only; what is wrong stays said.
    prometheus.poll(now).await.unwrap();
    assert!(prometheus.trouble().unwrap().contains(said));
}

/// A server that only stores has no alerts, rules and targets: that is no trouble, but worth saying.
#[tokio::test]
async fn what_a_server_does_not_have_is_said_once_and_asked_again_later() {
    let server = MockServer::start().await;
    answer(&server, "up", ok(one("1"))).await;
    let build = r#"{"status":"success","data":{"version":"2.24.0"}}"#;
    Mock::given(path("/api/v1/status/buildinfo"))
        .respond_with(ok(build))
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/alerts"))
        .respond_with(ResponseTemplate::new(400).set_body_string("unsupported path requested"))
        .expect(2)
        .mount(&server)
        .await;
    let mut prometheus = connector(&server, &[spec("a", "up")], |config| {
        config.alerts = true;
        config.targets = true;
    });
    let now = SystemClock.now();
    prometheus.poll(now).await.unwrap();
    assert_eq!(
        prometheus.trouble().as_deref(),
        Some(
            "alerts: HTTP 400; where there are none, set `alerts` to false; \
             targets: HTTP 404; where there are none, set `targets` to false"
        )
    );
    prometheus.poll(now).await.unwrap();
    assert_eq!(prometheus.trouble(), None);
    prometheus
        .poll(now.plus(Duration::from_secs(301)))
        .await
        .unwrap();
    assert_eq!(prometheus.trouble(), None, "nothing new");
}

async fn checks(server: &MockServer) -> Vec<(String, Health, String)> {
    let config = PrometheusConfig::new(ConnectorName::new("main").unwrap(), &server.uri());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut probe = config.probe(&clock).unwrap();
    let checks = probe.check(SystemClock.now()).await;
    let texts = checks.into_iter().map(|check| {
        let said = [check.said, check.hint].join("|");
        (check.what, check.health, said)
    });
    texts.collect()
}

#[tokio::test]
async fn the_probe_asks_each_question_and_says_what_to_do() {
    let server = MockServer::start().await;
    answer(&server, "count(up)", ok(one("3"))).await;
    let build = r#"{"status":"success","data":{"application":"Grafana Mimir","version":"2.11.0"}}"#;
    Mock::given(path("/api/v1/status/buildinfo"))
        .respond_with(ok(build))
        .mount(&server)
        .await;
    let rules = r#"{"status":"success","data":{"groups":[{"rules":[{"name":"a","type":"recording","health":"ok"}]}]}}"#;
    Mock::given(path("/api/v1/rules"))
        .respond_with(ok(rules))
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/alerts"))
        .respond_with(ok(r#"{"status":"success","data":{"alerts":[]}}"#))
        .mount(&server)
        .await;
    let check = |what: &str, health, said: &str| (what.to_owned(), health, said.to_owned());
    assert_eq!(
        checks(&server).await,
        [
            check("version", Health::Good, "Mimir 2.11.0|"),
            check("queries", Health::Good, "3 series of `up`|"),
            check("alerts", Health::Good, "0 alerts|"),
            check("rules", Health::Good, "0 alerting, 1 recording|"),
            check(
                "targets",
                Health::Warn,
                "HTTP 404|where there are none, set `targets` to false"
            ),
        ]
    );
    let closed = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(401))
        .mount(&closed)
        .await;
    for (what, health, said) in checks(&closed).await {
        assert_eq!(health, Health::Bad, "{what}");
        assert_eq!(said, "HTTP 401|check `auth` and `tenant`", "{what}");
    }
}

#[test]
fn every_request_is_in_the_published_description() {
    let Some(contract) = Contract::open("prometheus/openapi.json") else {
        return;
    };
    let timeout = Duration::from_secs(5);
    let span = request::Span::before(SystemClock.now().wall, HISTORY, None);
    let long = "x".repeat(3000);
    let requests = [
        request::instant("up", timeout),
        request::instant(&long, timeout),
        // A form holds texts alone, so the number in a long one cannot be checked.
        request::range("up", span, 20, timeout),
        request::alerts(),
        request::rules(),
        request::targets(),
        request::build_info(),
    ];
    for request in requests {
        let mut call = if request.post {
            Call::new(Method::Post, request.path)
        } else {
            Call::get(request.path)
        };
        if request.post {
            call.body = Body::Form(request.params);
        } else {
            call.query = request.params;
        }
        assert_eq!(
            contract.check_call("/api/v1", &call),
            Ok(()),
            "{}",
            call.path
        );
    }
}

#[test]
fn settings_reach_the_source() {
    let mut config =
        PrometheusConfig::new(ConnectorName::new("main").unwrap(), "http://127.0.0.1:1");
    assert_eq!(config.queries_in_flight, QUERIES_IN_FLIGHT);
    config.alerts = false;
    let source = source(config, &[]);
    let parts: Vec<_> = source.beside.iter().map(Standing::part).collect();
    assert_eq!(parts, [Part::Rules, Part::Targets, Part::Info]);
}
