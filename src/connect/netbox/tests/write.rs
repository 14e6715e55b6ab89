//! Writes and the probe, against a server that keeps a journal.

use super::config;
use crate::connect::connector::{Connector as _, Health, Order, WriteError};
use crate::connect::contracts::openapi::Contract;
use crate::connect::netbox::NetBoxConfig;
use crate::domain::time::Moment;
use crate::domain::write::{Deed, Outcome};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A NetBox with one device and its journal, which refuses what its description does not have.
async fn server() -> MockServer {
    let server = MockServer::start().await;
    let device = |status: &str| json!({"id": 7, "name": "db-1", "status": {"value": status, "label": status}});
    let list =
        |results: Value| json!({"count": 1, "next": null, "previous": null, "results": results});
    let mocks = [
        ("GET", "/api/dcim/devices/", list(json!([device("active")]))),
        (
            "GET",
            "/api/virtualization/virtual-machines/",
            list(json!([])),
        ),
        (
            "GET",
            "/api/ipam/services/",
            list(json!([{"id": 3, "name": "sql", "device": {"id": 7}}])),
        ),
        (
            "GET",
            "/api/extras/journal-entries/",
            list(json!([{"id": 1, "comments": "Mira, [warroom s/12]"}])),
        ),
        (
            "GET",
            "/api/extras/journal-entries/31/",
            json!({"id": 31, "comments": "moved\n\nMira, [warroom s/1]"}),
        ),
        ("GET", "/api/status/", json!({"netbox-version": "4.2.2"})),
    ];
    for (verb, at, body) in mocks {
        Mock::given(method(verb))
            .and(path(at))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    Mock::given(method("OPTIONS"))
        .and(path("/api/dcim/devices/"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"actions": {"PUT": {"status": {"choices": [
            {"value": "active", "display_name": "Active"}, {"value": "offline", "display_name": "Offline"}]}}}})))
        .mount(&server)
        .await;
    // The first look is before the change, the second reads back.
    for (status, times) in [("active", 1), ("offline", 100)] {
        Mock::given(method("GET"))
            .and(path("/api/dcim/devices/7/"))
            .respond_with(ResponseTemplate::new(200).set_body_json(device(status)))
            .up_to_n_times(times)
            .mount(&server)
            .await;
    }
    server
}

async fn answers(server: &MockServer, verb: &str, at: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(at))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
}

async fn write(server: &MockServer, marker: &str, deed: &Deed) -> Result<Outcome, WriteError> {
    let mut writer = config(&server.uri(), false)
        .writer()
        .expect("valid")
        .expect("writes are on");
    let order = Order {
        marker,
        deed,
        by: "Mira",
    };
    writer.write(&order, Moment::default()).await
}

fn record(component: &str) -> Deed {
    Deed::Record {
        component: component.to_owned(),
        text: "moved".to_owned(),
    }
}

fn set(component: &str, status: &str) -> Deed {
    Deed::SetStatus {
        component: component.to_owned(),
        status: status.to_owned(),
    }
}

fn proof(outcome: Result<Outcome, WriteError>) -> String {
    match outcome {
        Ok(Outcome::Done { reference, proof }) => format!("{reference}: {proof}"),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("unclear={}: {error}", error.unclear),
    }
}

async fn sent(server: &MockServer, verb: &str) -> Vec<Value> {
    let requests = server.received_requests().await.expect("recorded");
    let sent = requests.iter().filter(|r| r.method.as_str() == verb);
    sent.map(|r| r.body_json().expect("JSON")).collect()
}

#[tokio::test]
async fn an_entry_is_looked_for_written_and_read_back() {
    let server = server().await;
    answers(
        &server,
        "POST",
        "/api/extras/journal-entries/",
        201,
        json!({"id": 31, "comments": "moved"}),
    )
    .await;
    assert_eq!(
        proof(write(&server, "s/1", &record("db-1")).await),
        "31: read back as entry 31"
    );
    let body = json!({"assigned_object_type": "dcim.device", "assigned_object_id": 7, "kind": "info",
                      "comments": "moved\n\nMira, [warroom s/1]"});
    assert_eq!(sent(&server, "POST").await, [body]);
    // Its mark is under another entry already: nothing is written.
    assert_eq!(
        proof(write(&server, "s/12", &record("db-1")).await),
        "1: was there already as entry 1"
    );
    assert_eq!(sent(&server, "POST").await.len(), 1);
    // A service is found by the name it has on the screen.
    write(&server, "s/2", &record("db-1/sql"))
        .await
        .expect("answered");
    let body = sent(&server, "POST").await.pop().expect("sent");
    assert_eq!(body["assigned_object_type"], "ipam.service");
    if let Some(contract) = Contract::open("netbox/openapi.json") {
        for request in server.received_requests().await.expect("recorded") {
            let mut request = request;
            let kept: Vec<(String, String)> = request
                .url
                .query_pairs()
                .into_owned()
                .filter(|(name, _)| !matches!(name.as_str(), "fields" | "exclude"))
                .collect();
            request.url.query_pairs_mut().clear().extend_pairs(kept);
            assert_eq!(contract.check("", &request), Ok(()));
        }
    }
}

#[tokio::test]
async fn a_status_is_checked_set_and_read_back() {
    let server = server().await;
    answers(&server, "PATCH", "/api/dcim/devices/7/", 200, json!({})).await;
    assert_eq!(
        proof(write(&server, "s/1", &set("db-1", "Offline")).await),
        "7: the status reads back as `offline`"
    );
    assert_eq!(sent(&server, "PATCH").await, [json!({"status": "offline"})]);
    assert_eq!(
        proof(write(&server, "s/2", &set("db-1", "offline")).await),
        "7: the status is already `offline`"
    );
    let refused = proof(write(&server, "s/3", &set("db-1", "asleep")).await);
    assert_eq!(
        refused,
        "unclear=false: `asleep` is no status of devices: active, offline"
    );
    let refused = proof(write(&server, "s/4", &set("db-1/sql", "active")).await);
    assert!(
        refused.contains("is a service, which has no status"),
        "{refused}"
    );
    assert_eq!(sent(&server, "PATCH").await.len(), 1);
}

#[tokio::test]
async fn what_was_not_sent_did_not_happen_and_what_was_not_answered_may_have() {
    let server = server().await;
    let refused = proof(write(&server, "s/1", &record("db-9")).await);
    assert_eq!(
        refused,
        "unclear=false: `db-9` is not in NetBox, or `filter` leaves it out"
    );
    let cases = [(500, true), (400, false), (403, false)];
    for (status, is_unclear) in cases {
        let server = self::server().await;
        answers(
            &server,
            "POST",
            "/api/extras/journal-entries/",
            status,
            json!({"detail": "x"}),
        )
        .await;
        answers(
            &server,
            "PATCH",
            "/api/dcim/devices/7/",
            status,
            json!({"detail": "x"}),
        )
        .await;
        for deed in [record("db-1"), set("db-1", "offline")] {
            let error = write(&server, "s/1", &deed).await.expect_err("refused");
            assert_eq!(error.unclear, is_unclear, "{status}: {error}");
        }
    }
    let nowhere = MockServer::start().await;
    for deed in [record("db-1"), set("db-1", "offline")] {
        let error = write(&nowhere, "s/1", &deed).await.expect_err("404");
        assert!(!error.unclear, "{error}");
        assert!(error.what.ends_with("nothing was written"), "{error}");
    }
    let other = Deed::Unmute {
        reference: "x".to_owned(),
    };
    assert_eq!(
        proof(write(&nowhere, "s/1", &other).await),
        "unclear=false: NetBox cannot unmute"
    );
}

#[tokio::test]
async fn reconciliation_finds_what_is_there_and_nothing_else() {
    let server = server().await;
    let mut writer = config(&server.uri(), false)
        .writer()
        .expect("valid")
        .expect("on");
    let mut find = async |marker: &str, deed: &Deed| {
        let order = Order {
            marker,
            deed,
            by: "",
        };
        writer
            .find(&order, Moment::default())
            .await
            .expect("answered")
            .is_some()
    };
    assert!(find("s/12", &record("db-1")).await);
    assert!(!find("s/1", &record("db-1")).await, "s/12 is another mark");
    assert!(find("s/1", &set("db-1", "ACTIVE")).await);
    assert!(!find("s/1", &set("db-1", "active")).await, "offline by now");
}

#[tokio::test]
async fn without_writes_nothing_can_be_written() {
    let config = NetBoxConfig {
        writes: false,
        ..config("http://127.0.0.1:1", false)
    };
    assert!(config.abilities().is_empty());
    assert!(config.writer().expect("valid").is_none());
}

#[tokio::test]
async fn the_probe_says_what_the_token_may() {
    use crate::clock::{Clock, ManualClock};
    let clock: std::sync::Arc<dyn Clock> = std::sync::Arc::new(ManualClock::default());
    let server = server().await;
    let mut probe = config(&server.uri(), false).probe(&clock).expect("valid");
    let checks = probe.check(Moment::default()).await;
    let lines: Vec<String> = checks
        .iter()
        .map(|check| format!("{}: {:?} {}", check.what, check.health, check.said))
        .collect();
    assert_eq!(
        lines,
        [
            "version: Good 4.2.2",
            "permission to view devices: Good 1 devices",
            "permission to view virtual machines: Good 1 virtual machines",
            "permission to view services: Good 1 services",
            "permission to view journal entries: Good 1 journal entries",
            "permission to write journal entries: Unknown HTTP 404; check the path in `url`",
            "permission to change devices: Good granted",
            "permission to change virtual machines: Unknown HTTP 404; check the path in `url`",
        ]
    );
    let server = MockServer::start().await;
    answers(
        &server,
        "GET",
        "/api/status/",
        403,
        json!({"detail": "Invalid token"}),
    )
    .await;
    let mut probe = config(&server.uri(), false).probe(&clock).expect("valid");
    let checks = probe.check(Moment::default()).await;
    assert_eq!(checks.len(), 1, "there is no use in asking further");
    assert_eq!(checks[0].health, Health::Bad);
    assert!(checks[0].hint.contains("check the token"), "{checks:?}");
}
