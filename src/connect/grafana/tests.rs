//! Own bodies of the described shapes, and servers that behave well and badly.

mod overlap;

use super::*;
use crate::connect::connector::{Connector as _, Health, Order, Probe as _, Writer as _};
use crate::connect::contracts::openapi::Contract;
use crate::connect::http::{Auth, HttpConfig, RetryAfter};
use crate::domain::time::Timestamp;
use crate::domain::write::{Deed, Matcher, Outcome};
use probe::GrafanaProbe;
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{any, body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};
use write::GrafanaWriter;

const SECRET: &str = "glsa_hunter2hunter2";
const MARKER: &str = "s7f3/2";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn now() -> Moment {
    Moment {
        wall: at("2026-11-22T03:00:00Z"),
        mono_ms: 1,
    }
}

fn config(url: &str) -> GrafanaConfig {
    GrafanaConfig {
        name: ConnectorName::new("boards").expect("valid"),
        http: HttpConfig {
            auth: Auth::Bearer(SecretString::from(SECRET)),
            body_bytes_max: 256 * 1024,
            timeout: Duration::from_secs(2),
            ..HttpConfig::new(url)
        },
        every: EVERY,
        filter: Vec::new(),
        writes: true,
    }
}

fn writer(server: &MockServer) -> GrafanaWriter {
    GrafanaWriter::new(&config(&server.uri())).expect("valid")
}

fn annotate(text: &str) -> Deed {
    Deed::Annotate {
        text: text.to_owned(),
        tags: vec!["orders".to_owned(), " ".to_owned(), "warroom".to_owned()],
    }
}

fn order(deed: &Deed) -> Order<'_> {
    Order {
        marker: MARKER,
        deed,
        by: "Mira",
    }
}

async fn answers(server: &MockServer, verb: &str, place: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(place))
        .and(header("Authorization", format!("Bearer {SECRET}")))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
}

#[test]
fn every_request_is_one_that_the_description_allows() {
    let Some(contract) = Contract::open("grafana/swagger.json") else {
        return;
    };
    let calls = [
        request::annotations(MARKER),
        request::annotate("moved", &["orders".to_owned()], MARKER, now().wall),
    ];
    for call in calls {
        assert_eq!(contract.check_call("/api", &call), Ok(()));
    }
}

#[tokio::test]
async fn alerts_and_silences_are_those_of_the_alertmanager_inside() {
    let server = MockServer::start().await;
    let alerts = json!([{
        "fingerprint": "f", "startsAt": "2026-11-22T02:58:00.000Z", "endsAt": "2026-11-22T03:58:00.000Z",
        "updatedAt": "2026-11-22T02:58:00.000Z", "receivers": [], "annotations": {"summary": "it is slow"},
        "labels": {"alertname": "Slow", "instance": "db-1", "grafana_folder": "Orders"},
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []}
    }]);
    let silences = json!([{
        "id": "s1", "status": {"state": "active"}, "updatedAt": "2026-11-22T03:00:00Z", "comment": "x",
        "createdBy": "Mira", "startsAt": "2026-11-22T03:00:00Z", "endsAt": "2026-11-22T05:00:00Z",
        "matchers": [{"name": "instance", "value": "db-1", "isRegex": false, "isEqual": true}]
    }]);
    answers(&server, "GET", &format!("{PREFIX}/alerts"), 200, alerts).await;
    answers(&server, "GET", &format!("{PREFIX}/silences"), 200, silences).await;
    let mut grafana = Grafana::new(config(&server.uri())).expect("valid");
    let readings = grafana.poll(now()).await.expect("an answer");
    let [
        Reading::Alerts { alerts, .. },
        Reading::Silences { silences, .. },
    ] = readings.as_slice()
    else {
        panic!("{readings:?}");
    };
    assert_eq!(
        (alerts[0].name.as_str(), alerts[0].summary.as_str()),
        ("Slow", "it is slow")
    );
    assert_eq!(silences[0].mutes, ["instance=\"db-1\""]);
    assert_eq!(grafana.trouble(), None);
}

#[tokio::test]
async fn errors_never_hold_the_secret() {
    let replies = [
        (
            ResponseTemplate::new(401).set_body_string(SECRET),
            "HTTP 401",
            None,
        ),
        (
            ResponseTemplate::new(429).insert_header("Retry-After", "7"),
            "HTTP 429",
            Some(RetryAfter::In(Duration::from_secs(7))),
        ),
        (
            ResponseTemplate::new(302).insert_header("Location", "http://evil.example/"),
            "HTTP 302",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            "unexpected answer",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b'['; 300_000]),
            "larger",
            None,
        ),
    ];
    for (reply, part, retry) in replies {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(reply).mount(&server).await;
        let mut grafana = Grafana::new(config(&server.uri())).expect("valid");
        let error = grafana.poll(now()).await.expect_err(part);
        assert!(error.what.contains(part), "{error}");
        assert_eq!(error.retry_after, retry);
        assert!(!format!("{error:?} {grafana:?}").contains(SECRET));
    }
}

/// Finds nothing at first, then what was made.
async fn annotations(server: &MockServer, first: Value, then: Value) {
    let list = |body: Value| {
        Mock::given(method("GET"))
            .and(path("/api/annotations"))
            .and(query_param("tags", "warroom:s7f3/2"))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
    };
    list(first).up_to_n_times(1).mount(server).await;
    list(then).mount(server).await;
}

#[tokio::test]
async fn an_annotation_is_made_with_its_marker_and_read_back() {
    let server = MockServer::start().await;
    let other = json!({"id": 3, "time": 1, "tags": ["warroom:s7f3/22"]});
    let made = json!({"id": 7, "time": now().wall.as_millis(), "tags": ["warroom:s7f3/2"], "text": "moved"});
    annotations(&server, json!([other]), json!([made])).await;
    Mock::given(method("POST"))
        .and(path("/api/annotations"))
        .and(body_json(json!({
            "text": "moved", "time": now().wall.as_millis(), "tags": ["warroom:s7f3/2", "warroom", "orders"]
        })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"id": 7, "message": "Annotation added"})))
        .expect(1)
        .mount(&server)
        .await;
    let deed = annotate("moved");
    let mut writer = writer(&server);
    let done = writer.write(&order(&deed), now()).await;
    let wanted = Outcome::Done {
        reference: "7".to_owned(),
        proof: "read back as annotation 7 at 2026-11-22T03:00:00Z".to_owned(),
    };
    assert_eq!(done, Ok(wanted.clone()));
    let again = writer.write(&order(&deed), now()).await;
    assert_eq!(again, Ok(wanted.clone()), "a second try finds the first");
    assert_eq!(writer.find(&order(&deed), now()).await, Ok(Some(wanted)));
}

#[tokio::test]
async fn what_is_not_found_again_is_not_called_done() {
    let server = MockServer::start().await;
    annotations(&server, json!([]), json!([{"id": 9, "tags": null}])).await;
    answers(&server, "POST", "/api/annotations", 200, json!({"id": 7})).await;
    let deed = annotate("moved");
    let outcome = writer(&server).write(&order(&deed), now()).await;
    assert!(
        matches!(&outcome, Ok(Outcome::Accepted { reference, .. }) if reference == "7"),
        "{outcome:?}"
    );
    assert_eq!(writer(&server).find(&order(&deed), now()).await, Ok(None));
}

#[tokio::test]
async fn refusals_are_plain_and_lost_answers_unclear() {
    for (reply, unclear) in [
        (
            ResponseTemplate::new(403).set_body_json(json!({"message": SECRET})),
            false,
        ),
        (ResponseTemplate::new(500), true),
        (ResponseTemplate::new(200).set_body_string("<html>"), true),
        (
            ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
            true,
        ),
    ] {
        let server = MockServer::start().await;
        annotations(&server, json!([]), json!([])).await;
        Mock::given(method("POST"))
            .respond_with(reply)
            .expect(1)
            .mount(&server)
            .await;
        let deed = annotate("moved");
        let error = writer(&server)
            .write(&order(&deed), now())
            .await
            .expect_err("no");
        assert_eq!(error.unclear, unclear, "{error:?}");
        assert!(!error.what.contains(SECRET));
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_anything_is_sent() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(500))
        .expect(0)
        .mount(&server)
        .await;
    let page = Deed::Page {
        summary: "x".to_owned(),
        details: String::new(),
        component: String::new(),
        urgency: crate::domain::write::Urgency::High,
    };
    let wide = Deed::Mute {
        components: Vec::new(),
        matchers: vec![Matcher {
            label: "instance".to_owned(),
            value: ".*".to_owned(),
            is_regex: true,
            is_equal: true,
        }],
        until: at("2026-11-22T05:00:00Z"),
        comment: String::new(),
    };
    for deed in [page, wide, annotate("  ")] {
        let error = writer(&server)
            .write(&order(&deed), now())
            .await
            .expect_err("no");
        assert!(!error.unclear, "{error:?}");
    }
}

#[tokio::test]
async fn a_silence_is_made_below_the_prefix() {
    let server = MockServer::start().await;
    answers(
        &server,
        "GET",
        &format!("{PREFIX}/silences"),
        200,
        json!([]),
    )
    .await;
    let made = json!({"silenceID": "s1", "message": "silence created"});
    answers(&server, "POST", &format!("{PREFIX}/silences"), 202, made).await;
    let there = json!({
        "id": "s1", "status": {"state": "active"}, "updatedAt": "2026-11-22T03:00:00Z", "comment": "x [s7f3/2]",
        "createdBy": "Mira", "startsAt": "2026-11-22T03:00:00Z", "endsAt": "2026-11-22T05:00:00Z",
        "matchers": [{"name": "instance", "value": "db-1", "isRegex": false, "isEqual": true}]
    });
    answers(&server, "GET", &format!("{PREFIX}/silence/s1"), 200, there).await;
    let deed = Deed::Mute {
        components: Vec::new(),
        matchers: vec![Matcher {
            label: "instance".to_owned(),
            value: "db-1".to_owned(),
            is_regex: false,
            is_equal: true,
        }],
        until: at("2026-11-22T05:00:00Z"),
        comment: "x".to_owned(),
    };
    let done = writer(&server).write(&order(&deed), now()).await;
    assert!(
        matches!(&done, Ok(Outcome::Done { reference, .. }) if reference == "s1"),
        "{done:?}"
    );
}

#[tokio::test]
async fn the_probe_names_each_permission() {
    let server = MockServer::start().await;
    answers(
        &server,
        "GET",
        "/api/health",
        200,
        json!({"database": "ok", "version": "12.1.0"}),
    )
    .await;
    let may = json!({"alert.instances:read": [""], "alert.silences:create": ["folders:*"], "annotations:read": ["annotations:*"]});
    answers(
        &server,
        "GET",
        "/api/access-control/user/permissions",
        200,
        may,
    )
    .await;
    answers(&server, "GET", &format!("{PREFIX}/alerts"), 200, json!([])).await;
    answers(
        &server,
        "GET",
        &format!("{PREFIX}/silences"),
        200,
        json!([]),
    )
    .await;
    let checks = GrafanaProbe::new(&config(&server.uri()))
        .expect("valid")
        .check(now())
        .await;
    let seen: Vec<_> = checks.iter().map(|check| check.health).collect();
    let (good, bad) = (Health::Good, Health::Bad);
    assert_eq!(
        seen,
        [good, good, good, good, bad, bad, good, good],
        "{checks:?}"
    );
    assert_eq!(checks[0].said, "12.1.0");
    assert!(checks[5].hint.contains("annotations:create"), "{checks:?}");
    assert!(!format!("{checks:?}").contains(SECRET));
}

#[test]
fn without_leave_to_write_there_is_no_writer() {
    let mut config = config("http://127.0.0.1:1");
    assert!(config.writer().expect("valid").is_some() && !config.abilities().is_empty());
    config.writes = false;
    assert!(config.writer().expect("valid").is_none() && config.abilities().is_empty());
}
