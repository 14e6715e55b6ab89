//! Reads and writes against an account that refuses what the vendor would refuse. The checks that both dialects share
//! are called by the tests of the successor too.

pub(in crate::connect) mod mock;

use super::*;
use crate::clock::ManualClock;
use crate::connect::connector::{Connector, Health, Order, WriteError};
use crate::connect::http::HttpConfig;
use crate::domain::reading::SilenceState;
use crate::domain::time::Timestamp;
use crate::domain::write::Ability::{Acknowledge, Mute, Note, Page, Resolve};
use crate::domain::write::{Deed, Outcome, Urgency};
use mock::{ALERT, OpsMock};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use wiremock::{Mock, MockServer, ResponseTemplate};

const MARKER: &str = "db-upgrade/7";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

pub(in crate::connect) fn now() -> Moment {
    Moment {
        wall: at("2026-11-22T03:00:00Z"),
        mono_ms: 1,
    }
}

/// Settings with nothing but where it is.
pub(in crate::connect) fn config(dialect: Dialect, http: HttpConfig) -> OpsConfig {
    OpsConfig {
        name: ConnectorName::new("pager").expect("valid"),
        dialect,
        http,
        site: None,
        every: EVERY,
        schedules: Vec::new(),
        look_ahead: LOOK_AHEAD,
        writes: true,
        responders: vec![Entity::new("team", "T1".to_owned())],
        mute: Vec::new(),
        proof_wait: Duration::from_secs(2),
    }
}

fn opsgenie(mock: &OpsMock) -> OpsConfig {
    let http = HttpConfig {
        auth: auth(&SecretString::from("k3y")),
        ..HttpConfig::new(&mock.server.uri())
    };
    config(Dialect::Opsgenie, http)
}

fn order(deed: &Deed) -> Order<'_> {
    Order {
        marker: MARKER,
        deed,
        by: "Mira",
    }
}

async fn write(config: &OpsConfig, deed: &Deed) -> Result<Outcome, WriteError> {
    let mut writer = config.writer().expect("valid").expect("may write");
    writer.write(&order(deed), now()).await
}

async fn find(config: &OpsConfig, deed: &Deed) -> Option<Outcome> {
    let mut writer = config.writer().expect("valid").expect("may write");
    writer.find(&order(deed), now()).await.expect("an answer")
}

fn page() -> Deed {
    Deed::Page {
        summary: "db-1 does not come back ".repeat(20),
        details: "step 4 failed twice".to_owned(),
        component: "db-1".to_owned(),
        urgency: Urgency::High,
    }
}

fn done(proof: &str) -> Outcome {
    Outcome::Done {
        reference: ALERT.to_owned(),
        proof: proof.to_owned(),
    }
}

fn refused_nothing(mock: &OpsMock) {
    let refused = mock.account().refused.clone();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// Who is on call, until when and who follows; an open alert as an incident.
pub(in crate::connect) async fn it_reads(config: OpsConfig, mock: &OpsMock, people: [&str; 2]) {
    mock.account().alerts = vec![
        json!({"id": ALERT, "message": "disk full", "status": "open", "acknowledged": true, "priority": "P2", "createdAt": "2026-11-22T02:00:00Z", "source": "10.0.0.1"}),
        json!({"id": "2", "status": "closed"}),
    ];
    let dialect = config.dialect;
    let mut source = Ops::new(config).expect("valid");
    let readings = source.poll(now()).await.expect("an answer");
    let Reading::OnCalls { on_calls, .. } = &readings[0] else {
        panic!("{readings:?}");
    };
    let [on_call] = on_calls.as_slice() else {
        panic!("{on_calls:?}");
    };
    assert_eq!([on_call.person.as_str(), on_call.next.as_str()], people);
    assert_eq!(on_call.rota, "Databases");
    assert_eq!(on_call.until, Some(at("2026-11-22T08:00:00Z")));
    assert_eq!(on_call.from, None, "it began before the timeline does");
    assert_eq!(on_call.covers, ["payments"]);
    let Reading::Incidents { incidents, .. } = &readings[1] else {
        panic!("{readings:?}");
    };
    assert_eq!(incidents.len(), 1);
    let incident = &incidents[0];
    assert_eq!(
        (
            incident.title.as_str(),
            incident.status.as_str(),
            incident.urgency.as_str()
        ),
        ("disk full", "acknowledged", "high")
    );
    assert_eq!(source.trouble(), None);
    assert_eq!(readings.len() == 3, dialect == Dialect::Opsgenie);
    refused_nothing(mock);
}

/// A page, found again, acknowledged, noted and closed.
pub(in crate::connect) async fn it_pages(config: &OpsConfig, mock: &OpsMock) {
    assert_eq!(find(config, &page()).await, None);
    mock.account().slow_looks = 1;
    let what = format!("alert {ALERT} is open; nobody has seen or acknowledged it yet");
    let accepted = Outcome::Accepted {
        reference: ALERT.to_owned(),
        what,
    };
    for _ in 0..2 {
        assert_eq!(write(config, &page()).await, Ok(accepted.clone()));
    }
    assert_eq!(
        mock.account().made.len(),
        1,
        "the second try found the first"
    );
    let made = mock.account().made[0].clone();
    assert_eq!(
        (&made["alias"], &made["priority"], &made["entity"]),
        (&json!(MARKER), &json!("P1"), &json!("db-1"))
    );
    assert_eq!(made["responders"], json!([{"type": "team", "id": "T1"}]));
    let acknowledge = Deed::Acknowledge {
        reference: MARKER.to_owned(),
    };
    assert_eq!(find(config, &acknowledge).await, None);
    let proof = format!("alert {ALERT} is acknowledged by mira@example.com");
    let acknowledged = write(config, &acknowledge).await;
    assert_eq!(acknowledged, Ok(done(&format!("{proof} since 03:00:01Z"))));
    assert_eq!(find(config, &acknowledge).await, Some(done(&proof)));
    let proof = format!("alert {ALERT}, acknowledged by mira@example.com");
    assert_eq!(find(config, &page()).await, Some(done(&proof)));
    let note = Deed::Note {
        reference: ALERT.to_owned(),
        text: "switchover begins".to_owned(),
    };
    let noted = done(&format!("read back as a note of alert {ALERT}"));
    for _ in 0..2 {
        assert_eq!(write(config, &note).await, Ok(noted.clone()));
    }
    assert_eq!(
        mock.account().notes.len(),
        1,
        "the second try found the first"
    );
    let resolve = Deed::Resolve {
        reference: ALERT.to_owned(),
    };
    let proof = format!("alert {ALERT} is closed since 03:00:01Z");
    assert_eq!(write(config, &resolve).await, Ok(done(&proof)));
    refused_nothing(mock);
}

/// What the vendor took and could not do, and what it has not done yet.
pub(in crate::connect) async fn it_says_what_failed(config: &OpsConfig, mock: &OpsMock) {
    mock.account().fails = Some("Responder does not exist");
    let failed = Outcome::Failed {
        what: "the vendor says: Responder does not exist".to_owned(),
    };
    assert_eq!(write(config, &page()).await, Ok(failed));
    let resolve = Deed::Resolve {
        reference: "other/1".to_owned(),
    };
    let refused = write(config, &resolve).await.expect_err("not there");
    assert_eq!(refused.what, "there is no alert `other/1`");
    assert!(!refused.unclear);
    let mut quick = config.clone();
    quick.proof_wait = Duration::ZERO;
    mock.account().slow_looks = 100;
    let accepted = write(&quick, &page()).await.expect("taken");
    assert!(matches!(accepted, Outcome::Accepted { .. }), "{accepted:?}");
    refused_nothing(mock);
}

#[tokio::test]
async fn people_alerts_and_maintenance_are_read() {
    let mock = OpsMock::start(Dialect::Opsgenie).await;
    let people = ["mira@example.com", "jon@example.com"];
    it_reads(opsgenie(&mock), &mock, people).await;
}

#[tokio::test]
async fn a_page_is_proven_by_who_has_it() {
    let mock = OpsMock::start(Dialect::Opsgenie).await;
    it_pages(&opsgenie(&mock), &mock).await;
}

#[tokio::test]
async fn what_is_worked_off_later_may_fail_later() {
    let mock = OpsMock::start(Dialect::Opsgenie).await;
    it_says_what_failed(&opsgenie(&mock), &mock).await;
}

#[tokio::test]
async fn without_a_timeline_there_is_somebody_on_call_all_the_same() {
    let mock = OpsMock::start(Dialect::Opsgenie).await;
    mock.account().lacks_timelines = true;
    let mut config = opsgenie(&mock);
    config.schedules = vec!["S1".to_owned(), "S9".to_owned()];
    let mut source = Ops::new(config).expect("valid");
    let readings = source.poll(now()).await.expect("an answer");
    let Reading::OnCalls { on_calls, .. } = &readings[0] else {
        panic!("{readings:?}");
    };
    assert_eq!(
        (on_calls[0].next.as_str(), on_calls[0].until),
        ("jon@example.com", None)
    );
    let trouble = source.trouble().expect("amiss");
    assert_eq!(trouble, "schedule not found: `S9`");
}

#[tokio::test]
async fn maintenance_switches_what_the_settings_name_once_and_is_cancelled() {
    let mock = OpsMock::start(Dialect::Opsgenie).await;
    let mut config = opsgenie(&mock);
    let mute = Deed::Mute {
        components: vec!["db-1".to_owned()],
        matchers: Vec::new(),
        until: at("2026-11-22T04:00:00Z"),
        comment: "switchover".to_owned(),
    };
    let refused = write(&config, &mute).await.expect_err("nothing to switch");
    assert_eq!(refused.what, "opsgenie cannot mute here");
    config.mute = vec![
        Entity::new("integration", "I1".to_owned()),
        Entity::new("policy", "P1".to_owned()),
    ];
    assert_eq!(config.abilities(), [Mute, Page, Acknowledge, Resolve, Note]);
    let proof = "read back as maintenance M1, active; it switches integration I1, policy P1";
    let muted = Outcome::Done {
        reference: "M1".to_owned(),
        proof: proof.to_owned(),
    };
    for _ in 0..2 {
        assert_eq!(write(&config, &mute).await, Ok(muted.clone()));
    }
    assert_eq!(find(&config, &mute).await, Some(muted));
    let made = mock.account().maintenance.clone();
    assert_eq!(made.len(), 1, "the second try found the first");
    assert_eq!(made[0]["rules"][0]["state"], "disabled");
    assert_eq!(made[0]["rules"][1]["state"], "enabled");
    let readings = Ops::new(config.clone()).expect("valid").poll(now()).await;
    let readings = readings.expect("an answer");
    let Reading::Silences { silences, .. } = &readings[2] else {
        panic!("{readings:?}");
    };
    assert_eq!(silences[0].state, SilenceState::Active);
    assert_eq!(silences[0].until, Some(at("2026-11-22T04:00:00Z")));
    let unmute = Deed::Unmute {
        reference: "M1".to_owned(),
    };
    assert_eq!(find(&config, &unmute).await, None);
    let over = Outcome::Done {
        reference: "M1".to_owned(),
        proof: "read back: it is cancelled".to_owned(),
    };
    for _ in 0..2 {
        assert_eq!(write(&config, &unmute).await, Ok(over.clone()));
    }
    refused_nothing(&mock);
}

#[test]
fn the_end_of_the_service_is_said_with_the_days_that_are_left() {
    let config = config(Dialect::Opsgenie, HttpConfig::new(URL));
    let said = |time: &str| config.notice(at(time)).expect("a notice");
    assert_eq!(END_OF_SERVICE, at("2027-04-05T00:00:00Z"));
    assert_eq!(
        said("2026-11-22T03:00:00Z"),
        "`pager`: the vendor's Opsgenie API ends in 133 days (2027-04-05); its successor is `[connect.jsm.NAME]`"
    );
    assert!(said("2027-04-03T12:00:00Z").contains("ends in 1 day "));
    assert!(said("2027-04-04T12:00:00Z").contains("ends today "));
    assert!(said("2027-04-06T00:00:00Z").contains("has ended "));
}

#[test]
fn responders_are_read_with_their_kind() {
    let team = Entity::new("team", "T1".to_owned());
    assert_eq!(Entity::responder("team:T1"), Some(team));
    let account = "712020:9ae5385e";
    let user = Entity::new("user", account.to_owned());
    assert_eq!(Entity::responder("user:712020:9ae5385e"), Some(user));
    for text in ["T1", "group:1", "team:", "team:a b", ""] {
        assert_eq!(Entity::responder(text), None, "{text}");
    }
}

#[tokio::test]
async fn errors_say_what_was_read_and_never_the_key() {
    let cases = [
        (
            ResponseTemplate::new(401),
            "cannot read schedules: HTTP 401; check the token",
        ),
        (
            ResponseTemplate::new(200).set_body_string("{\"data\": [{\"id\": 1"),
            "cannot read schedules: unexpected answer",
        ),
        (
            ResponseTemplate::new(200).set_body_string("{}"),
            "cannot read schedules: unexpected answer",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"data": [{"id": "S", "name": 7}]})),
            "cannot read schedules: unexpected answer at `data[0].name`",
        ),
        (
            ResponseTemplate::new(302).insert_header("Location", "http://127.0.0.1:1/"),
            "cannot read schedules: HTTP 302; redirects",
        ),
    ];
    for (reply, expected) in cases {
        let server = MockServer::start().await;
        let any = Mock::given(wiremock::matchers::any()).respond_with(reply);
        any.mount(&server).await;
        let http = HttpConfig {
            auth: auth(&SecretString::from("k3y-of-opsgenie")),
            ..HttpConfig::new(&server.uri())
        };
        let mut source = Ops::new(config(Dialect::Opsgenie, http)).expect("valid");
        let error = source.poll(now()).await.expect_err(expected);
        assert!(error.what.starts_with(expected), "{error}");
        assert!(!format!("{error:?} {source:?}").contains("k3y-of"));
    }
}

#[tokio::test]
async fn the_probe_names_each_permission() {
    let mock = OpsMock::start(Dialect::Opsgenie).await;
    let clock: Arc<dyn crate::clock::Clock> = Arc::new(ManualClock::default());
    let mut probe = opsgenie(&mock).probe(&clock).expect("valid");
    let checks = probe.check(now()).await;
    let said: Vec<_> = checks.iter().map(|c| (c.what.as_str(), c.health)).collect();
    assert_eq!(
        said,
        [
            ("permission to read schedules", Health::Good),
            ("permission to read on-calls", Health::Good),
            ("permission to read alerts", Health::Good),
            ("permission to read maintenance", Health::Good),
            ("permission to write", Health::Unknown),
            ("found", Health::Good),
        ]
    );
    refused_nothing(&mock);
}
