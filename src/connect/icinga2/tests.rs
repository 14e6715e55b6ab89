//! Own answers of the shapes that Icinga 2.13 gives, examples of its documentation, and servers that behave badly.

mod overlap;

use super::*;
use crate::connect::connector::{Connector as _, Health, Order, Probe as _, Writer as _};
use crate::connect::contracts;
use crate::connect::http::{Auth, Body, HttpConfig, RetryAfter};
use crate::domain::reading::AlertState;
use crate::domain::write::{Deed, Matcher, Outcome};
use probe::IcingaProbe;
use request::{Wanted, Which};
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{any, body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};
use write::IcingaWriter;

const SECRET: &str = "hunter2hunter2";
const MARKER: &str = "s7f3/2";
const NAME: &str = "web1!21549d11-b03c-4570-b300-290ecf9c7483";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn now() -> Moment {
    Moment {
        wall: at("2026-11-22T03:00:00Z"),
        mono_ms: 1,
    }
}

fn config(url: &str) -> Icinga2Config {
    Icinga2Config {
        http: HttpConfig {
            auth: Auth::Basic {
                user: "warroom".to_owned(),
                password: SecretString::from(SECRET),
            },
            body_bytes_max: 256 * 1024,
            timeout: Duration::from_secs(2),
            ..HttpConfig::new(url)
        },
        writes: true,
        ..Icinga2Config::new(ConnectorName::new("infra").expect("valid"), "")
    }
}

fn results(attrs: &[Value]) -> Value {
    let object =
        |attrs: &Value| json!({"attrs": attrs, "joins": {}, "meta": {}, "name": "x", "type": "X"});
    json!({"results": attrs.iter().map(object).collect::<Vec<_>>()})
}

fn check(host: &str, name: &str, state: u8, acknowledged: u8, depth: u8) -> Value {
    json!({
        "name": name, "host_name": host, "state": state, "state_type": 1, "last_state_change": 1_795_341_169.45,
        "acknowledgement": acknowledged, "downtime_depth": depth, "enable_notifications": true,
        "last_check_result": {"output": "no answer\nat all", "state": state}
    })
}

fn downtime(name: &str, service: &str, comment: &str) -> Value {
    json!({
        "__name": name, "host_name": "web1", "service_name": service, "author": "Mira", "comment": comment,
        "start_time": 1_795_316_400, "end_time": 1_795_323_600
    })
}

async fn objects(server: &MockServer, kind: &str, attrs: &[Value]) {
    Mock::given(method("POST"))
        .and(path(format!("/v1/objects/{kind}")))
        .and(header("X-HTTP-Method-Override", "GET"))
        .and(header("Accept", "application/json"))
        .respond_with(ResponseTemplate::new(200).set_body_json(results(attrs)))
        .mount(server)
        .await;
}

fn writer(server: &MockServer) -> IcingaWriter {
    let writer = IcingaWriter::new(&config(&server.uri()).http).expect("valid");
    writer.patience(Duration::ZERO)
}

fn mute(component: &str, matchers: &[(&str, &str)]) -> Deed {
    let matcher = |(label, value): &(&str, &str)| Matcher {
        label: (*label).to_owned(),
        value: (*value).to_owned(),
        is_regex: false,
        is_equal: true,
    };
    Deed::Mute {
        components: vec![component.to_owned()],
        matchers: matchers.iter().map(matcher).collect(),
        until: at("2026-11-22T05:00:00Z"),
        comment: "failover".to_owned(),
    }
}

fn order(deed: &Deed) -> Order<'_> {
    Order {
        marker: MARKER,
        deed,
        by: "Mira",
    }
}

#[tokio::test]
async fn what_is_not_well_is_an_alert_with_what_keeps_it_quiet() {
    let server = MockServer::start().await;
    let mut down = check("", "web2", 1, 0, 1);
    down["state_type"] = json!(0);
    down["enable_notifications"] = json!(false);
    let mut unchecked = check("", "web3", 1, 0, 0);
    unchecked["last_check_result"] = json!(null);
    objects(&server, "hosts", &[down, unchecked]).await;
    let services = [
        check("web1", "http", 2, 0, 0),
        check("web1", "disk", 1, 2, 0),
        check("web1", "ssh", 3, 0, 0),
    ];
    objects(&server, "services", &services).await;
    objects(&server, "downtimes", &[downtime(NAME, "", "moving")]).await;
    let mut icinga = Icinga2::new(config(&server.uri())).expect("valid");
    let readings = icinga.poll(now()).await.expect("an answer");
    let [
        Reading::Alerts { alerts, .. },
        Reading::Silences { silences, .. },
    ] = readings.as_slice()
    else {
        panic!("{readings:?}");
    };
    let seen: Vec<_> = alerts
        .iter()
        .map(|a| {
            (
                a.name.as_str(),
                a.severity.as_str(),
                a.state,
                a.silenced_by.join(", "),
            )
        })
        .collect();
    let none = String::new;
    let wanted = [
        ("http", "critical", AlertState::Firing, none()),
        ("ssh", "unknown", AlertState::Firing, none()),
        (
            "disk",
            "warning",
            AlertState::Firing,
            "acknowledged".to_owned(),
        ),
        (
            "host down",
            "down",
            AlertState::Pending,
            "downtime, notifications are off".to_owned(),
        ),
    ];
    assert_eq!(seen, wanted);
    assert_eq!(alerts[0].summary, "no answer");
    assert_eq!(alerts[0].since, Some(at("2026-11-22T09:52:49.450Z")));
    assert_eq!(
        alerts[0].labels,
        [
            ("host".into(), "web1".into()),
            ("service".into(), "http".into())
        ]
    );
    assert_eq!(
        (silences[0].id.as_str(), silences[0].state),
        (NAME, SilenceState::Active)
    );
}

#[test]
fn downtimes_are_over_when_their_time_is() {
    let body = results(&[downtime(NAME, "http", "x")]).to_string();
    let downtime = response::downtimes(body.as_bytes())
        .expect("valid")
        .remove(0);
    for (now, state) in [
        ("2026-11-22T02:59:59Z", SilenceState::Pending),
        ("2026-11-22T03:00:00Z", SilenceState::Active),
        ("2026-11-22T05:00:00Z", SilenceState::Expired),
    ] {
        assert_eq!(downtime.silence(at(now)).state, state, "{now}");
    }
    assert_eq!(downtime.silence(now().wall).mutes, ["web1/http"]);
}

#[test]
fn answers_of_the_documentation_are_read() {
    let folder = "icinga2/examples/docs";
    for name in [
        "12-icinga2-api.schedule-downtime-a-id-icinga2-api-actions-schedule-downtime-a.1.json",
        "12-icinga2-api.remove-downtime-a-id-icinga2-api-actions-remove-downtime-a.1.json",
    ] {
        let Some(body) = contracts::read(&format!("{folder}/{name}")) else {
            return;
        };
        let acted = response::acted(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            acted
                .iter()
                .all(|one| one.code < 300.0 && !one.status.is_empty()),
            "{acted:?}"
        );
    }
}

#[test]
fn names_are_values_and_never_code() {
    let evil = "web1\" || true || \"".to_owned();
    let wanted = Wanted {
        hosts: vec![evil.clone()],
        service: Some(evil.clone()),
        from: now().wall,
        until: now().wall,
        author: evil.clone(),
        comment: evil.clone(),
    };
    let calls = [
        wanted.schedule(),
        Wanted {
            service: None,
            ..wanted
        }
        .schedule(),
        request::services(std::slice::from_ref(&evil), &evil),
        Which::Name(evil.clone()).query(),
        Which::Marker(evil.clone()).remove("Mira"),
    ];
    for call in calls {
        let Body::Json(body) = &call.body else {
            panic!("{call:?}");
        };
        let filter = body["filter"].as_str().expect("a filter");
        assert!(
            !filter.contains("web1") && body["filter_vars"].to_string().contains("web1"),
            "{body}"
        );
        assert!(call.query.is_empty());
    }
}

#[tokio::test]
async fn errors_say_what_happened_and_never_hold_the_secret() {
    let replies = [
        (
            ResponseTemplate::new(401).set_body_string(SECRET),
            "cannot read hosts: HTTP 401",
            None,
        ),
        (
            ResponseTemplate::new(404)
                .set_body_json(json!({"error": 404, "status": "No objects found."})),
            "HTTP 404: No objects found.; does the ApiUser have the permission?",
            None,
        ),
        (
            ResponseTemplate::new(503).insert_header("Retry-After", "7"),
            "HTTP 503",
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
            ResponseTemplate::new(200).set_body_string("{\"results\": [{"),
            "unexpected answer",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"results": [{"attrs": {"name": 1}}]})),
            "results[0]",
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
        let mut icinga = Icinga2::new(config(&server.uri())).expect("valid");
        let error = icinga.poll(now()).await.expect_err(part);
        assert!(error.what.contains(part), "{error}");
        assert_eq!(error.retry_after, retry);
        assert!(!format!("{error:?} {icinga:?}").contains(SECRET));
    }
}

#[tokio::test]
async fn a_downtime_is_asked_for_with_its_marker_and_only_where_there_is_none() {
    let server = MockServer::start().await;
    let host = |name: &str| json!({"name": name, "address": ""});
    objects(&server, "hosts", &[host("web1"), host("web2.example.com")]).await;
    objects(
        &server,
        "downtimes",
        &[downtime(NAME, "", "failover [s7f3/2]")],
    )
    .await;
    Mock::given(path("/v1/actions/schedule-downtime"))
        .and(body_partial_json(json!({
            "type": "Host", "filter_vars": {"wanted": ["web2.example.com"]}, "all_services": true, "fixed": true,
            "author": "Mira", "comment": "failover [s7f3/2]", "end_time": 1_795_323_600
        })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"results": [{"code": 200, "status": "ok"}]})))
        .expect(1)
        .mount(&server)
        .await;
    let deed = mute("web2", &[]);
    let outcome = writer(&server).write(&order(&deed), now()).await;
    let Ok(Outcome::Accepted { reference, what }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        reference == "[s7f3/2]" && what.contains("do not show all"),
        "{what}"
    );
    let deed = mute("web1", &[]);
    let done = writer(&server)
        .write(&order(&deed), now())
        .await
        .expect("there already");
    let Outcome::Done { reference, proof } = &done else {
        panic!("{done:?}");
    };
    assert_eq!(reference, NAME);
    assert_eq!(
        proof,
        "read back as 1 downtime of web1, until 2026-11-22T05:00:00Z"
    );
    assert_eq!(
        writer(&server).find(&order(&deed), now()).await,
        Ok(Some(done))
    );
}

#[tokio::test]
async fn what_is_refused_is_plain_and_what_is_not_answered_unclear() {
    for (reply, part, unclear) in [
        (
            ResponseTemplate::new(404)
                .set_body_json(json!({"error": 404, "status": "No objects found."})),
            "permission",
            false,
        ),
        (
            ResponseTemplate::new(400)
                .set_body_json(json!({"error": 400, "status": "bad end_time"})),
            "bad end_time",
            false,
        ),
        (
            ResponseTemplate::new(500)
                .set_body_json(json!({"results": [{"code": 500, "status": "not written"}]})),
            "HTTP 500: not written",
            true,
        ),
        (
            ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
            "no answer",
            true,
        ),
    ] {
        let server = MockServer::start().await;
        objects(&server, "hosts", &[json!({"name": "web1"})]).await;
        objects(&server, "downtimes", &[]).await;
        Mock::given(path("/v1/actions/schedule-downtime"))
            .respond_with(reply)
            .expect(1)
            .mount(&server)
            .await;
        let deed = mute("web1", &[]);
        let error = writer(&server)
            .write(&order(&deed), now())
            .await
            .expect_err(part);
        assert!(
            error.what.contains(part) && error.unclear == unclear,
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_before_anything_is_sent() {
    let server = MockServer::start().await;
    objects(&server, "hosts", &[json!({"name": "web1"})]).await;
    objects(&server, "services", &[]).await;
    let unmute = |reference: &str| Deed::Unmute {
        reference: reference.to_owned(),
    };
    for (deed, part) in [
        (mute("web9", &[]), "no host is called `web9`"),
        (mute("web1", &[("service", "ftp")]), "has no service `ftp`"),
        (unmute("7"), "is not the name of a downtime"),
        (unmute("[]"), "is not the name of a downtime"),
        (
            Deed::Resolve {
                reference: NAME.to_owned(),
            },
            "cannot resolve",
        ),
    ] {
        let error = writer(&server)
            .write(&order(&deed), now())
            .await
            .expect_err(part);
        assert!(error.what.contains(part) && !error.unclear, "{error:?}");
    }
}

#[tokio::test]
async fn what_has_ended_needs_no_ending_and_what_stays_is_told() {
    let server = MockServer::start().await;
    objects(&server, "downtimes", &[]).await;
    let deed = Deed::Unmute {
        reference: NAME.to_owned(),
    };
    let done = writer(&server).write(&order(&deed), now()).await;
    assert!(matches!(done, Ok(Outcome::Done { .. })), "{done:?}");
    let server = MockServer::start().await;
    objects(&server, "downtimes", &[downtime(NAME, "", "")]).await;
    let refused = json!({"results": [{"code": 400, "status": "cannot remove a scheduled one"}]});
    Mock::given(path("/v1/actions/remove-downtime"))
        .and(body_partial_json(
            json!({"filter_vars": {"wanted": NAME}, "type": "Downtime"}),
        ))
        .respond_with(ResponseTemplate::new(200).set_body_json(refused))
        .mount(&server)
        .await;
    let stays = writer(&server).write(&order(&deed), now()).await;
    let Ok(Outcome::Accepted { what, .. }) = stays else {
        panic!("{stays:?}");
    };
    assert_eq!(what, "cannot remove a scheduled one");
    assert_eq!(writer(&server).find(&order(&deed), now()).await, Ok(None));
}

#[tokio::test]
async fn the_probe_names_each_permission() {
    let server = MockServer::start().await;
    let who = json!({"results": [{
        "user": "warroom", "version": "r2.13.6-1", "info": "",
        "permissions": ["objects/query/Host", "objects/query/Service (filtered)", "actions/schedule-*"]
    }]});
    Mock::given(method("GET"))
        .and(path("/v1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(who))
        .mount(&server)
        .await;
    for kind in ["hosts", "services", "downtimes"] {
        objects(&server, kind, &[]).await;
    }
    let client = Client::new(&config(&server.uri()).http).expect("valid");
    let checks = IcingaProbe::new(client, true).check(now()).await;
    let seen: Vec<_> = checks.iter().map(|check| check.health).collect();
    let wanted = [
        Health::Good,
        Health::Good,
        Health::Warn,
        Health::Bad,
        Health::Good,
        Health::Bad,
        Health::Warn,
    ];
    assert_eq!(seen, wanted, "{checks:?}");
    assert_eq!(checks[0].said, "r2.13.6-1, as warroom");
    assert!(!format!("{checks:?}").contains(SECRET));
}

#[test]
fn without_leave_to_write_there_is_no_writer() {
    let mut config = config("http://127.0.0.1:1");
    assert!(config.writer().expect("valid").is_some() && !config.abilities().is_empty());
    config.writes = false;
    assert!(config.writer().expect("valid").is_none() && config.abilities().is_empty());
}
