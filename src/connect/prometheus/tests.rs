use super::*;
use crate::clock::SystemClock;
use crate::domain::reading::Series;
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
    let build = r#"{"status":"success","data":{"version":"2.42.0"}}"#;
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
