//! Own bodies of the described shapes, recorded answers, and servers that behave well and badly.

use super::*;
use crate::connect::connector::{Health, Probe as _};
use crate::connect::contracts;
use crate::connect::contracts::openapi::Contract;
use crate::connect::http::{Auth, HttpConfig, RetryAfter};
use crate::domain::reading::SilenceState;
use crate::domain::time::Timestamp;
use crate::domain::write::Matcher;
use member::PREFIX;
use probe::AlertmanagerProbe;
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{any, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

mod writes;

const ID: &str = "c56cbd99-4799-4d51-bab0-8d53f6cf3704";
const MARKER: &str = "s7f3/2";
const SECRET: &str = "hunter2hunter2";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn now() -> Moment {
    Moment {
        wall: at("2026-11-22T03:00:00Z"),
        mono_ms: 1,
    }
}

fn config(urls: &[&str]) -> AlertmanagerConfig {
    let member = |url: &&str| HttpConfig {
        auth: Auth::Bearer(SecretString::from(SECRET)),
        body_bytes_max: 256 * 1024,
        timeout: Duration::from_secs(2),
        ..HttpConfig::new(url)
    };
    AlertmanagerConfig {
        members: urls.iter().map(member).collect(),
        writes: true,
        ..AlertmanagerConfig::new(ConnectorName::new("alerts").expect("valid"), "")
    }
}

fn source(urls: &[&str]) -> Alertmanager {
    let config = config(urls);
    let members = config.members.iter().map(|m| Member::new(m, PREFIX));
    let members = members.collect::<Result<_, _>>().expect("valid");
    Alertmanager::new(config, members)
}

fn alert(fingerprint: &str, name: &str, silenced: &[&str]) -> Value {
    json!({
        "fingerprint": fingerprint, "startsAt": "2026-11-22T02:58:00.000Z", "endsAt": "2026-11-22T03:58:00.000Z",
        "updatedAt": "2026-11-22T02:58:00.000Z", "receivers": [{"name": "oncall"}], "generatorURL": "",
        "annotations": {"summary": "", "description": format!("{name} of db-1")},
        "labels": {"alertname": name, "instance": "db-1:9100", "severity": "page"},
        "status": {"state": if silenced.is_empty() { "active" } else { "suppressed" },
                   "silencedBy": silenced, "inhibitedBy": [], "mutedBy": []}
    })
}

fn silence(id: &str, state: &str, comment: &str, updated: &str) -> Value {
    json!({
        "id": id, "status": {"state": state}, "updatedAt": updated, "comment": comment, "createdBy": "Mira",
        "startsAt": "2026-11-22T03:00:00.000Z", "endsAt": "2026-11-22T05:00:00.000Z", "annotations": {},
        "matchers": [{"name": "instance", "value": "db-1.*", "isRegex": true, "isEqual": true}]
    })
}

fn matcher(value: &str) -> Matcher {
    Matcher {
        label: "instance".to_owned(),
        value: value.to_owned(),
        is_regex: true,
        is_equal: true,
    }
}

async fn answers(server: &MockServer, verb: &str, place: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(format!("{PREFIX}{place}")))
        .and(header("Authorization", format!("Bearer {SECRET}")))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
}

async fn lists(server: &MockServer, alerts: Value, silences: Value) {
    answers(server, "GET", "/alerts", 200, alerts).await;
    answers(server, "GET", "/silences", 200, silences).await;
}

/// A port that nobody listens on.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

fn told(readings: &[Reading]) -> (&[Alert], &[Silence]) {
    match readings {
        [
            Reading::Alerts { alerts, .. },
            Reading::Silences { silences, .. },
        ] => (alerts, silences),
        other => panic!("{other:?}"),
    }
}

#[test]
fn recorded_answers_of_an_older_server_are_read() {
    let read = |name: &str| contracts::read(&format!("alertmanager/examples/recorded-0.25/{name}"));
    let Some(alerts) = read("am-alerts.json") else {
        return;
    };
    let alerts = merge_alerts(vec![response::alerts(&alerts).expect("alerts")]);
    assert_eq!(alerts[0].name, "InstanceDown");
    assert_eq!(alerts[0].severity, "page");
    assert_eq!(alerts[0].summary, "127.0.0.1:4299 of checkout is down");
    assert_eq!(alerts[0].since, Some(at("2026-11-22T04:31:57.704Z")));
    assert!(alerts[0].silenced_by.is_empty());
    let silences = read("am-silences.json").expect("there");
    let silences = response::silences(&silences).expect("silences");
    assert_eq!(silences[0].silence.mutes, ["alertname=\"InstanceDown\""]);
    assert_eq!(silences[0].silence.comment, "Failover under way");
    let expired = read("am-silences-expired.json").expect("there");
    let expired = response::silences(&expired).expect("silences");
    assert!(!expired[0].is_live());
    let one = response::silence(&read("am-silence.json").expect("there")).expect("one");
    assert_eq!(one.silence, silences[0].silence);
    assert_eq!(
        response::receivers(&read("am-receivers.json").expect("there")),
        Ok(2)
    );
}

#[test]
fn every_request_is_one_that_the_description_allows() {
    let Some(contract) = Contract::open("alertmanager/openapi.json") else {
        return;
    };
    let wanted = request::Wanted::new(
        &[matcher("db-1.*")],
        (now().wall, at("2026-11-22T05:00:00Z")),
        "Mira",
        ("failover", MARKER),
    );
    let calls = [
        request::alerts(PREFIX, &["a=\"b\"".to_owned(), "c!=\"d\"".to_owned()]),
        request::silences(PREFIX),
        request::silence(PREFIX, ID),
        request::expire(PREFIX, ID),
        request::status(PREFIX),
        request::receivers(PREFIX),
        wanted.expect("narrow").call(PREFIX),
    ];
    for call in calls {
        assert_eq!(contract.check_call(PREFIX, &call), Ok(()));
    }
}

#[test]
fn what_keeps_an_alert_quiet_is_named() {
    let with = |status: Value| {
        let mut alert = alert("f", "Down", &[]);
        alert["status"] = status;
        let body = json!([alert]).to_string();
        let found = response::alerts(body.as_bytes()).expect("valid");
        found[0].alert.silenced_by.clone()
    };
    let all = json!({"state": "suppressed", "silencedBy": [ID], "inhibitedBy": ["9f"], "mutedBy": ["nights"]});
    assert_eq!(with(all), [ID, "inhibited by 9f", "muted by nights"]);
    assert_eq!(with(json!({"state": "suppressed"})), ["suppressed"]);
    let nulls = json!({"state": "active", "silencedBy": null, "inhibitedBy": null});
    assert!(with(nulls).is_empty());
}

#[test]
fn bodies_of_the_wrong_shape_are_errors_with_their_place() {
    let cases = [
        ("", "EOF"),
        ("{}", "unexpected answer"),
        (r#"[{"labels": {}}]"#, "[0]"),
        (
            r#"[{"fingerprint": "f", "labels": {"a": 1}}]"#,
            "[0].labels.a",
        ),
        (
            r#"[{"fingerprint": "f", "labels": {}, "startsAt": "soon"}]"#,
            "[0].startsAt",
        ),
        (r#"[{"fingerprint""#, "EOF"),
    ];
    for (body, part) in cases {
        let error = response::alerts(body.as_bytes())
            .expect_err(body)
            .to_string();
        assert!(error.contains(part), "{body}: {error}");
    }
    let odd = silence(ID, "asleep", "", "2026-11-22T03:00:00Z");
    let error = response::silences(json!([odd]).to_string().as_bytes()).expect_err("state");
    assert!(error.to_string().contains("[0].status.state"), "{error}");
}

#[tokio::test]
async fn members_are_merged_and_what_one_would_tell_is_heard() {
    let (one, two) = (MockServer::start().await, MockServer::start().await);
    let old = "2026-11-22T03:00:00Z";
    let new = "2026-11-22T03:00:09Z";
    lists(
        &one,
        json!([alert("f1", "Down", &["s1"]), alert("f2", "Lag", &["s1"])]),
        json!([
            silence("s1", "active", "x", old),
            silence("s2", "active", "y", old)
        ]),
    )
    .await;
    lists(
        &two,
        json!([
            alert("f1", "Down", &[]),
            alert("f2", "Lag", &["s2"]),
            alert("f3", "Full", &[])
        ]),
        json!([
            silence("s1", "active", "x", old),
            silence("s2", "expired", "y", new)
        ]),
    )
    .await;
    let mut source = source(&[&one.uri(), &two.uri()]);
    let readings = source.poll(now()).await.expect("an answer");
    let (alerts, silences) = told(&readings);
    let seen: Vec<_> = alerts
        .iter()
        .map(|a| (a.name.as_str(), a.silenced_by.join(" ")))
        .collect();
    let none = String::new;
    assert_eq!(
        seen,
        [
            ("Down", none()),
            ("Full", none()),
            ("Lag", "s1 s2".to_owned())
        ]
    );
    let ids: Vec<_> = silences.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["s1"], "one that was ended on either member is over");
    assert_eq!(source.trouble(), None);
}

#[tokio::test]
async fn one_member_down_is_a_trouble_and_all_down_a_failure() {
    let up = MockServer::start().await;
    lists(&up, json!([alert("f1", "Down", &[])]), json!([])).await;
    let down = nobody();
    let mut some = source(&[&down, &up.uri()]);
    let readings = some.poll(now()).await.expect("one answers");
    assert_eq!(told(&readings).0.len(), 1);
    let trouble = some.trouble().expect("one is down");
    assert!(
        trouble.contains(down.trim_start_matches("http://")),
        "{trouble}"
    );
    let mut all = source(&[&down, &down]);
    let error = all.poll(now()).await.expect_err("nobody answers");
    assert!(error.what.contains("cannot connect"), "{error}");
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
        let mut source = source(&[&server.uri()]);
        let error = source.poll(now()).await.expect_err(part);
        assert!(error.what.contains(part), "{error}");
        assert_eq!(error.retry_after, retry);
        assert!(!format!("{error:?} {source:?}").contains(SECRET));
    }
}

#[tokio::test]
async fn a_flood_is_cut_and_said_to_be() {
    let server = MockServer::start().await;
    let many: Vec<Value> = (0..600)
        .map(|n| {
            alert(
                &format!("f{n}"),
                &format!("A{n:03}"),
                if n == 0 { &["s"] } else { &[] },
            )
        })
        .collect();
    lists(&server, json!(many), json!([])).await;
    let mut source = source(&[&server.uri()]);
    let readings = source.poll(now()).await.expect("an answer");
    let (alerts, _) = told(&readings);
    assert_eq!(alerts.len(), 500);
    assert!(
        alerts.iter().all(|a| a.silenced_by.is_empty()),
        "what is heard comes first"
    );
    let trouble = source.trouble().expect("cut");
    assert!(trouble.starts_with("100 entries"), "{trouble}");
}

#[tokio::test]
async fn the_probe_tells_of_each_member_and_of_what_was_found() {
    let server = MockServer::start().await;
    let status = json!({
        "cluster": {"status": "disabled", "peers": []}, "config": {"original": ""}, "uptime": "2026-11-22T02:00:00Z",
        "versionInfo": {"version": "0.25.0", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}
    });
    answers(&server, "GET", "/status", 200, status).await;
    answers(&server, "GET", "/receivers", 200, json!([{"name": "a"}])).await;
    let over = silence(ID, "expired", "", "2026-11-22T03:00:00Z");
    lists(&server, json!([alert("f", "Down", &[])]), json!([over])).await;
    let down = nobody();
    let config = config(&[&server.uri(), &down]);
    let mut probe = AlertmanagerProbe::new(&config).expect("valid");
    let checks = probe.check(now()).await;
    let seen: Vec<_> = checks.iter().map(|c| (c.health, c.said.as_str())).collect();
    assert_eq!(
        seen[0],
        (Health::Warn, "version 0.25.0, cluster disabled, 0 known")
    );
    assert!(checks[0].hint.contains("no gossip"));
    assert_eq!(seen[1].0, Health::Bad);
    assert_eq!(seen[2], (Health::Good, "1 alerts, 0 silences, 1 receivers"));
    assert_eq!(
        seen[3].0,
        Health::Unknown,
        "permission to silence cannot be asked for"
    );
    assert!(!format!("{probe:?} {checks:?}").contains(SECRET));
}

#[tokio::test]
async fn the_filter_goes_out_with_the_request() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v2/alerts"))
        .and(query_param("filter", "cluster=\"orders\""))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .expect(1)
        .mount(&server)
        .await;
    answers(&server, "GET", "/silences", 200, json!([])).await;
    let mut source = source(&[&server.uri()]);
    source.config.filter = vec!["cluster=\"orders\"".to_owned()];
    source.poll(now()).await.expect("an answer");
}

#[test]
fn states_are_read_as_the_server_names_them() {
    for (word, state) in [
        ("pending", SilenceState::Pending),
        ("active", SilenceState::Active),
        ("expired", SilenceState::Expired),
    ] {
        let body = json!([silence(ID, word, "", "2026-11-22T03:00:00Z")]).to_string();
        let found = response::silences(body.as_bytes()).expect("valid");
        assert_eq!(found[0].silence.state, state);
    }
}
