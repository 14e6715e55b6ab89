//! Own bodies of the documented shapes, and a server that answers in pages.

mod mock;
mod writes;

use super::*;
use crate::connect::http::{HttpConfig, RetryAfter};
use crate::domain::reading::{OnCall, SilenceState};
use crate::domain::time::Timestamp;
use mock::{PagerDutyMock, TOKEN};
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn now() -> Moment {
    Moment {
        wall: at("2026-11-22T03:00:00Z"),
        mono_ms: 1,
    }
}

fn config(url: &str) -> PagerDutyConfig {
    PagerDutyConfig {
        name: ConnectorName::new("pager").expect("valid"),
        http: Some(HttpConfig {
            auth: auth(&SecretString::from(TOKEN)),
            body_bytes_max: 256 * 1024,
            ..HttpConfig::new(url)
        }),
        every: EVERY,
        schedules: Vec::new(),
        escalation_policies: Vec::new(),
        services: Vec::new(),
        look_ahead: LOOK_AHEAD,
        writes: Writes {
            is_on: false,
            from: None,
            events: None,
            proof_wait: Duration::ZERO,
        },
    }
}

fn source(config: PagerDutyConfig) -> PagerDuty {
    PagerDuty::new(config).expect("valid").expect("a key")
}

fn services() -> Vec<Service> {
    let body = json!({"services": [
        {"id": "PIJ90N7", "summary": "orders", "name": "orders", "escalation_policy": {"id": "Databases", "summary": "Databases"}},
        {"id": "PIJ90N8", "summary": "web", "name": "web", "escalation_policy": {"id": "Web", "summary": "Web"}},
        {"id": "PIJ90N9", "summary": "billing", "name": null, "escalation_policy": null}
    ]});
    let page = response::services(body.to_string().as_bytes());
    page.expect("valid").entries
}

fn entry(
    user: &str,
    schedule: Option<&str>,
    level: u8,
    start: Option<&str>,
    end: Option<&str>,
) -> Value {
    let reference = |id: &str, kind: &str| json!({"id": id, "type": kind, "summary": id, "self": null, "html_url": null});
    json!({
        "user": {"id": user, "type": "user", "summary": user, "name": user, "email": format!("{user}@example.com"), "teams": []},
        "escalation_policy": reference("Databases", "escalation_policy_reference"),
        "schedule": schedule.map(|s| reference(s, "schedule_reference")),
        "escalation_level": level, "start": start, "end": end
    })
}

fn on_call_body(more: bool) -> Value {
    json!({"limit": 100, "offset": 0, "more": more, "total": null, "oncalls": [
        entry("Jon", Some("Primary"), 1, Some("2026-11-22T08:00:00Z"), Some("2026-11-22T20:00:00Z")),
        entry("Mira", Some("Primary"), 1, Some("2026-11-21T21:00:00+01:00"), Some("2026-11-22T08:00:00Z")),
        entry("Mira", Some("Primary"), 1, Some("2026-11-22T20:00:00Z"), Some("2026-11-23T08:00:00Z")),
        entry("Ada", None, 2, None, None)
    ]})
}

#[test]
fn on_calls_say_who_now_until_when_and_who_next() {
    let page = response::on_calls(on_call_body(false).to_string().as_bytes()).expect("valid");
    assert!(!page.more);
    let text = |text: &str| text.to_owned();
    let on_calls = response::current(&page.entries, &services(), now().wall);
    let covers = vec![text("Databases"), text("orders")];
    let mira = OnCall {
        rota: text("Primary"),
        level: 1,
        person: text("Mira"),
        contact: text("Mira@example.com"),
        from: Some(at("2026-11-21T20:00:00Z")),
        until: Some(at("2026-11-22T08:00:00Z")),
        next: text("Jon"),
        covers: covers.clone(),
    };
    let ada = OnCall {
        rota: text("Databases"),
        level: 2,
        person: text("Ada"),
        contact: text("Ada@example.com"),
        from: None,
        until: None,
        next: String::new(),
        covers,
    };
    assert_eq!(on_calls, [ada, mira]);
    // The hand-over belongs to the one who comes.
    let later = response::current(&page.entries, &[], at("2026-11-22T08:00:00Z"));
    assert_eq!(
        (later[1].person.as_str(), later[1].next.as_str()),
        ("Jon", "Mira")
    );
}

#[test]
fn incidents_are_read_with_and_without_their_optional_fields() {
    let body = json!({"more": true, "incidents": [
        {"id": "PT4KHLK", "type": "incident", "summary": "[#1234] The server is on fire.", "title": "The server is on fire.",
         "status": "triggered", "urgency": "high", "created_at": "2026-11-22T02:58:00Z", "incident_number": 1234, "html_url": "https://example.pagerduty.com/incidents/PT4KHLK",
         "service": {"id": "PIJ90N7", "type": "service_reference", "summary": "My Mail Service"}, "assignments": []},
        {"id": "P2", "status": "acknowledged"}
    ]});
    let page = response::incidents(body.to_string().as_bytes()).expect("valid");
    assert!(page.more);
    let incidents: Vec<Incident> = page.entries.into_iter().map(Incident::from).collect();
    let fire = Incident {
        id: "PT4KHLK".to_owned(),
        title: "The server is on fire.".to_owned(),
        status: "triggered".to_owned(),
        service: "My Mail Service".to_owned(),
        urgency: "high".to_owned(),
        since: Some(at("2026-11-22T02:58:00Z")),
        url: "https://example.pagerduty.com/incidents/PT4KHLK".to_owned(),
    };
    assert_eq!(incidents[0], fire);
    assert_eq!(
        (incidents[1].title.as_str(), incidents[1].since),
        ("P2", None)
    );
}

#[test]
fn bodies_of_the_wrong_shape_are_errors_with_their_place() {
    let cases = [
        ("", "EOF"),
        ("[]", "unexpected answer"),
        (
            r#"{"error": {"message": "Not Found", "code": 2100}}"#,
            "missing field `oncalls`",
        ),
        (r#"{"oncalls": {}}"#, "at `oncalls`"),
        (
            r#"{"oncalls": [{"user": {}, "escalation_policy": {}, "escalation_level": 300}]}"#,
            "escalation_level",
        ),
        (
            r#"{"oncalls": [{"user": {}, "escalation_policy": {}, "escalation_level": 1, "end": "soon"}]}"#,
            "oncalls[0].end",
        ),
        (r#"{"oncalls": [{"user""#, "EOF"),
    ];
    for (body, part) in cases {
        let error = response::on_calls(body.as_bytes())
            .expect_err(body)
            .to_string();
        assert!(error.contains(part), "{body}: {error}");
    }
    let empty = response::on_calls(br#"{"oncalls":[]}"#).expect("valid");
    assert!(response::current(&empty.entries, &[], now().wall).is_empty());
}

#[test]
fn schedules_and_policies_are_asked_for_apart() {
    let mut config = config("http://127.0.0.1:1");
    assert_eq!(request::on_calls(&config, now().wall).len(), 1);
    config.schedules = vec!["S1".to_owned(), "S2".to_owned()];
    config.escalation_policies = vec!["E1".to_owned()];
    let requests = request::on_calls(&config, now().wall);
    let filters: Vec<Vec<_>> = requests
        .iter()
        .map(|r| {
            r.query
                .iter()
                .filter(|(k, _)| k.ends_with("_ids[]"))
                .cloned()
                .collect()
        })
        .collect();
    let pair = |key, value: &str| (key, value.to_owned());
    assert_eq!(
        filters,
        [
            vec![pair("schedule_ids[]", "S1"), pair("schedule_ids[]", "S2")],
            vec![pair("escalation_policy_ids[]", "E1")],
        ]
    );
    assert!(
        requests[0]
            .query
            .contains(&pair("since", "2026-11-22T03:00:00Z"))
    );
    assert!(
        requests[0]
            .query
            .contains(&pair("until", "2026-11-23T03:00:00Z"))
    );
}

async fn answer(server: &MockServer, list: &str, offset: usize, times: u64, body: Value) {
    Mock::given(method("GET"))
        .and(path(list))
        .and(query_param("offset", offset.to_string()))
        .and(query_param("limit", "100"))
        .and(header("Accept", request::ACCEPT))
        .and(header("Authorization", format!("Token token={TOKEN}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .expect(times)
        .mount(server)
        .await;
}

#[tokio::test]
async fn pages_are_joined_and_unknown_schedules_named_once() {
    let server = MockServer::start().await;
    let schedules = json!({"more": false, "schedules": [{"id": "S1", "summary": "Primary"}]});
    answer(&server, "/schedules", 0, 1, schedules).await;
    answer(&server, "/services", 0, 1, json!({"services": []})).await;
    let windows = json!({"maintenance_windows": []});
    answer(&server, "/maintenance_windows", 0, 2, windows).await;
    answer(&server, "/oncalls", 0, 2, on_call_body(true)).await;
    answer(&server, "/oncalls", 100, 2, on_call_body(false)).await;
    answer(
        &server,
        "/incidents",
        0,
        2,
        json!({"more": false, "incidents": [{"id": "P2", "status": "acknowledged"}]}),
    )
    .await;
    let mut config = config(&server.uri());
    config.schedules = vec!["S1".to_owned(), "S9".to_owned()];
    let mut pager = source(config);
    for _ in 0..2 {
        let readings = pager.poll(now()).await.expect("an answer");
        let [
            Reading::OnCalls { on_calls, .. },
            Reading::Incidents { incidents, .. },
            Reading::Silences { silences, .. },
        ] = readings.as_slice()
        else {
            panic!("{readings:?}");
        };
        assert_eq!(
            (on_calls.len(), incidents.len(), silences.len()),
            (2, 1, 0),
            "the same entry twice counts once"
        );
        assert_eq!(pager.trouble().as_deref(), Some("schedule not found: `S9`"));
    }
}

#[tokio::test]
async fn an_endless_list_is_cut_and_said_to_be() {
    let server = MockServer::start().await;
    let reply = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    Mock::given(path("/oncalls"))
        .respond_with(reply(on_call_body(true)))
        .expect(10)
        .mount(&server)
        .await;
    let empty = json!({"incidents": [], "services": [], "maintenance_windows": []});
    Mock::given(wiremock::matchers::any())
        .respond_with(reply(empty))
        .mount(&server)
        .await;
    let mut pager = source(config(&server.uri()));
    pager.poll(now()).await.expect("an answer");
    assert!(
        pager
            .trouble()
            .is_some_and(|t| t.starts_with("more than 1000 entries"))
    );
}

#[tokio::test]
async fn errors_name_the_list_and_never_the_token() {
    let replies = [
        (
            ResponseTemplate::new(401).set_body_string(format!("bad token {TOKEN}")),
            "cannot read services: HTTP 401; check the token",
            None,
        ),
        (
            ResponseTemplate::new(429).insert_header("Retry-After", "18"),
            "cannot read services: HTTP 429",
            Some(RetryAfter::In(Duration::from_secs(18))),
        ),
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            "cannot read services: unexpected answer",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b'['; 300_000]),
            "cannot read services: the answer is larger",
            None,
        ),
    ];
    for (reply, text, retry) in replies {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(reply)
            .mount(&server)
            .await;
        let mut pager = source(config(&server.uri()));
        let error = pager.poll(now()).await.expect_err(text);
        assert!(error.what.starts_with(text), "{error}");
        assert_eq!(error.retry_after, retry);
        assert!(error.readings.is_empty());
        assert!(!format!("{error:?} {pager:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn a_poll_asks_only_what_the_vendor_knows_and_shows_windows_as_silences() {
    let mock = PagerDutyMock::start().await;
    let window = |id: &str, start: &str, end: &str| json!({"id": id, "start_time": start, "end_time": end, "description": "switchover", "services": [{"id": "P1", "summary": "orders"}]});
    mock.account().windows = vec![
        window("PW1", "2026-11-22T02:00:00Z", "2026-11-22T04:00:00Z"),
        window("PW2", "2026-11-22T05:00:00+01:00", "2026-11-22T08:00:00Z"),
    ];
    let readings = source(config(&mock.server.uri())).poll(now()).await;
    let readings = readings.expect("an answer");
    let Some(Reading::Silences { silences, .. }) = readings.last() else {
        panic!("{readings:?}");
    };
    let said: Vec<_> = silences.iter().map(|s| (s.id.as_str(), s.state)).collect();
    let states = [SilenceState::Active, SilenceState::Pending];
    assert_eq!(said, [("PW1", states[0]), ("PW2", states[1])]);
    assert_eq!(silences[0].mutes, ["orders"]);
    assert!(mock.account().refused.is_empty());
}
