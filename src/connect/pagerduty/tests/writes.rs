//! Writes against a PagerDuty that is strict, and what `doctor` finds there.

use super::mock::{MAIL, PagerDutyMock, ROUTING_KEY, TOKEN};
use super::*;
use crate::connect::connector::{Connector, Health, Order, WriteError, Writer};
use crate::domain::write::Ability::{self, Acknowledge, Mute, Note, Page, Resolve};
use crate::domain::write::{Deed, Outcome, Urgency};

const MARKER: &str = "db-upgrade/7";

fn writing(mock: &PagerDutyMock) -> PagerDutyConfig {
    let mut config = config(&mock.server.uri());
    config.writes = Writes {
        is_on: true,
        from: Some(MAIL.to_owned()),
        events: Some(EventsConfig {
            http: HttpConfig::new(&mock.server.uri()),
            routing_key: SecretString::from(ROUTING_KEY),
        }),
        proof_wait: Duration::from_millis(40),
    };
    config
}

async fn account() -> PagerDutyMock {
    let mock = PagerDutyMock::start().await;
    let service = |id: &str, name: &str| json!({"id": id, "name": name, "summary": name});
    mock.account().services = vec![service("PORDERS", "Orders"), service("PWEB", "web")];
    mock
}

fn order(deed: &Deed) -> Order<'_> {
    Order {
        marker: MARKER,
        deed,
        by: "Mira",
    }
}

async fn write(config: &PagerDutyConfig, deed: &Deed) -> Result<Outcome, WriteError> {
    let mut writer = config.writer().expect("valid").expect("may write");
    writer.write(&order(deed), now()).await
}

async fn find(config: &PagerDutyConfig, deed: &Deed) -> Option<Outcome> {
    let mut writer = PagerDutyWriter::new(config).expect("valid");
    writer.find(&order(deed), now()).await.expect("an answer")
}

fn page(urgency: Urgency) -> Deed {
    Deed::Page {
        summary: "db-1 does not come back".to_owned(),
        details: "step 4 failed twice".to_owned(),
        component: "db-1".to_owned(),
        urgency,
    }
}

fn notified(status: &str) -> Value {
    json!({"id": "R1", "type": "notify_log_entry", "created_at": "2026-11-22T03:12:04Z", "incident": {"id": "Q1X"},
        "user": {"id": "PMIRA", "type": "user_reference", "summary": "Mira"},
        "channel": {"type": "auto", "notification": {"type": "push_notification", "status": status}}})
}

fn done(reference: &str, proof: &str) -> Outcome {
    Outcome::Done {
        reference: reference.to_owned(),
        proof: proof.to_owned(),
    }
}

#[tokio::test]
async fn a_page_is_done_once_somebody_was_notified_and_is_sent_once() {
    let mock = account().await;
    mock.account().log = vec![notified("success")];
    mock.account().silent_looks = 1;
    let mut config = writing(&mock);
    config.writes.proof_wait = Duration::from_secs(2);
    let page = page(Urgency::High);
    let proof = "incident Q1X triggered, Mira notified 03:12:04Z by push";
    let expected = done("Q1X", proof);
    assert_eq!(find(&config, &page).await, None);
    assert_eq!(write(&config, &page).await, Ok(expected.clone()));
    assert_eq!(write(&config, &page).await, Ok(expected.clone()));
    assert_eq!(find(&config, &page).await, Some(expected));
    let account = mock.account();
    assert!(account.refused.is_empty(), "{:?}", account.refused);
    assert_eq!(account.events.len(), 1, "the second try found the first");
    let payload = &account.events[0]["payload"];
    assert_eq!(
        (
            &payload["severity"],
            &payload["source"],
            &payload["component"]
        ),
        (&json!("critical"), &json!("db-1"), &json!("db-1"))
    );
    assert_eq!(payload["custom_details"]["paged by"], "Mira");
}

#[tokio::test]
async fn a_page_that_reached_nobody_yet_is_accepted_with_what_is_missing() {
    let what = |outcome: Result<Outcome, WriteError>| match outcome {
        Ok(Outcome::Accepted { reference, what }) => (reference, what),
        other => panic!("{other:?}"),
    };
    let mock = account().await;
    let config = writing(&mock);
    let (reference, said) = what(write(&config, &page(Urgency::Low)).await);
    assert_eq!(reference, "Q1X");
    assert_eq!(said, "incident Q1X triggered; nobody has been notified yet");
    assert_eq!(mock.account().events[0]["payload"]["severity"], "warning");
    mock.account().log = vec![notified("in_progress")];
    let (_, said) = what(write(&config, &page(Urgency::Low)).await);
    let open = "incident Q1X triggered; nobody was reached yet: Mira notified 03:12:04Z by push (in_progress)";
    assert_eq!(said, open);

    let mock = account().await;
    mock.account().holds_events = true;
    let (reference, said) = what(write(&writing(&mock), &page(Urgency::High)).await);
    assert_eq!(reference, MARKER);
    assert!(said.contains("no incident is seen yet"), "{said}");

    let mut config = writing(&mock);
    config.http = None;
    let (_, said) = what(write(&config, &page(Urgency::High)).await);
    assert!(said.ends_with("is not known: set `token`"), "{said}");
    assert!(mock.account().refused.is_empty());
}

#[tokio::test]
async fn a_test_page_of_low_urgency_can_be_resolved_again() {
    let mock = account().await;
    let config = writing(&mock);
    let Ok(Outcome::Accepted { reference, .. }) = write(&config, &page(Urgency::Low)).await else {
        panic!("it reached nobody");
    };
    let expected = done("Q1X", "incident Q1X is resolved");
    let resolve = |reference: &str| Deed::Resolve {
        reference: reference.to_owned(),
    };
    let by_id = resolve(&reference);
    assert_eq!(write(&config, &by_id).await, Ok(expected.clone()));
    assert_eq!(find(&config, &by_id).await, Some(expected.clone()));
    // By the key of the page, which is all there is without a REST API key.
    mock.account().incidents[0]["status"] = json!("triggered");
    assert_eq!(write(&config, &resolve(MARKER)).await, Ok(expected));
    mock.account().incidents[0]["status"] = json!("triggered");
    let mut blind = config.clone();
    blind.http = None;
    let accepted = write(&blind, &resolve(MARKER)).await.expect("taken");
    assert!(matches!(accepted, Outcome::Accepted { .. }));
    assert_eq!(mock.account().incidents[0]["status"], "resolved");
    let refused = write(&blind, &by_id).await.expect_err("by its id");
    assert_eq!(refused.what, "that needs a REST API key: set `token`");
    assert!(mock.account().refused.is_empty());
}

#[tokio::test]
async fn an_incident_is_acknowledged_and_noted_by_its_id_or_by_its_key() {
    let mock = account().await;
    mock.account().incidents =
        vec![json!({"id": "Q2", "status": "triggered", "incident_key": "disk"})];
    let mut config = writing(&mock);
    config.writes.events = None;
    let acknowledge = Deed::Acknowledge {
        reference: "disk".to_owned(),
    };
    assert_eq!(find(&config, &acknowledge).await, None);
    let expected = done("Q2", "incident Q2 is acknowledged");
    assert_eq!(write(&config, &acknowledge).await, Ok(expected));
    let note = Deed::Note {
        reference: "Q2".to_owned(),
        text: "switchover begins".to_owned(),
    };
    let expected = done("PN0", "read back as note PN0 of incident Q2");
    for _ in 0..2 {
        assert_eq!(write(&config, &note).await, Ok(expected.clone()));
    }
    assert_eq!(find(&config, &note).await, Some(expected));
    let account = mock.account();
    assert_eq!(account.notes.len(), 1, "the second try found the first");
    let text = "switchover begins\n(Mira, db-upgrade/7)";
    assert_eq!(account.notes[0]["content"], text);
    assert!(account.refused.is_empty(), "{:?}", account.refused);
}

#[tokio::test]
async fn a_window_is_opened_once_read_back_and_ended() {
    let mock = account().await;
    let config = writing(&mock);
    let mute = |components: &[&str]| Deed::Mute {
        components: components.iter().map(|name| (*name).to_owned()).collect(),
        matchers: Vec::new(),
        until: at("2026-11-22T04:00:00Z"),
        comment: "switchover".to_owned(),
    };
    let both = mute(&["orders", "web", "web"]);
    let proof = "read back as maintenance window PW0 of Orders, web until 2026-11-22T04:00:00Z";
    for _ in 0..2 {
        assert_eq!(write(&config, &both).await, Ok(done("PW0", proof)));
    }
    assert_eq!(find(&config, &both).await, Some(done("PW0", proof)));
    assert_eq!(mock.account().windows.len(), 1);
    let unmute = Deed::Unmute {
        reference: "PW0".to_owned(),
    };
    assert_eq!(find(&config, &unmute).await, None);
    let ended = done("PW0", "read back: it has ended");
    assert_eq!(write(&config, &unmute).await, Ok(ended.clone()));
    assert_eq!(find(&config, &unmute).await, Some(ended));
    let again = done("PW0", "it had ended already");
    assert_eq!(write(&config, &unmute).await, Ok(again));
    // One with the same beginning of its marker is another one.
    mock.account().windows[0]["description"] = json!("(Mira, db-upgrade/77)");
    assert_eq!(find(&config, &both).await, None);
    let refused = write(&config, &mute(&["web", "db-1"])).await;
    let refused = refused.expect_err("db-1 is no service");
    assert!(
        refused
            .what
            .starts_with("no PagerDuty service is called `db-1`"),
        "{refused}"
    );
    assert!(!refused.unclear);
    assert_eq!(mock.account().windows.len(), 1);
    assert!(mock.account().refused.is_empty());
}

#[tokio::test]
async fn a_refusal_has_the_vendors_words_and_a_lost_answer_is_unclear() {
    let mock = account().await;
    let mut config = writing(&mock);
    config.writes.events.as_mut().expect("there").routing_key =
        SecretString::from("0123456789abcdef0123456789abcdef");
    let refused = write(&config, &page(Urgency::High)).await;
    let refused = refused.expect_err("another key");
    assert_eq!(
        refused.what,
        "HTTP 400: Event object is invalid, no service has \"…\""
    );
    assert!(!refused.unclear);
    let server = MockServer::start().await;
    let broken = ResponseTemplate::new(502);
    let enqueue = Mock::given(path("/v2/enqueue")).respond_with(broken);
    enqueue.mount(&server).await;
    config.writes.events.as_mut().expect("there").http = HttpConfig::new(&server.uri());
    let lost = write(&config, &page(Urgency::High)).await;
    assert!(lost.expect_err("502").unclear);
    let said = format!("{config:?} {:?}", config.writer().map(|_| ()));
    assert!(!said.contains(TOKEN) && !said.contains("0123456789abcdef"));
}

#[tokio::test]
async fn abilities_follow_what_the_settings_allow() {
    let mock = account().await;
    let all = writing(&mock);
    let check = |change: fn(&mut PagerDutyConfig), expected: &[Ability]| {
        let mut config = all.clone();
        change(&mut config);
        assert_eq!(config.abilities(), expected);
        assert_eq!(
            config.writer().expect("valid").is_some(),
            !expected.is_empty()
        );
    };
    check(|_| {}, &[Mute, Page, Acknowledge, Resolve, Note]);
    check(|c| c.writes.is_on = false, &[]);
    check(|c| c.writes.from = None, &[Page, Acknowledge, Resolve]);
    check(
        |c| c.writes.events = None,
        &[Mute, Acknowledge, Resolve, Note],
    );
    check(|c| c.http = None, &[Page, Acknowledge, Resolve]);
}

#[tokio::test]
async fn the_probe_names_each_permission_and_what_cannot_be_known() {
    let mock = account().await;
    let clock: std::sync::Arc<dyn crate::clock::Clock> =
        std::sync::Arc::new(crate::clock::ManualClock::default());
    let config = writing(&mock);
    let mut probe = config.probe(&clock).expect("valid");
    let checks = probe.check(now()).await;
    let said: Vec<_> = checks
        .iter()
        .map(|c| (c.what.as_str(), c.health, c.said.as_str()))
        .collect();
    let read = |what| (what, Health::Good, "granted");
    assert_eq!(
        said,
        [
            read("permission to read schedules"),
            read("permission to read services"),
            read("permission to read on-calls"),
            read("permission to read incidents"),
            read("permission to read maintenance windows"),
            ("found", Health::Good, "schedules: 0, services: 2"),
            ("from", Health::Good, "Mira"),
            (
                "permission to write",
                Health::Unknown,
                "the vendor does not say it before a write"
            ),
            (
                "routing key",
                Health::Unknown,
                "has the right form; only an event proves it"
            ),
        ]
    );
    assert!(mock.account().refused.is_empty());
    let mut wrong = config.clone();
    wrong.http.as_mut().expect("there").auth = auth(&SecretString::from("other"));
    wrong.writes.from = Some("jon@example.com".to_owned());
    wrong.writes.is_on = false;
    let checks = wrong.probe(&clock).expect("valid").check(now()).await;
    let said: Vec<_> = checks.iter().map(|c| (c.what.as_str(), c.health)).collect();
    assert_eq!(
        said,
        [
            ("permission to read schedules", Health::Bad),
            ("routing key", Health::Warn),
        ]
    );
    assert!(checks[0].hint.contains("REST API key"));
}
