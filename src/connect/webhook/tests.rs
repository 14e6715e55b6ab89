//! What is sent, byte for byte, and what the receiver's words are taken for.

use super::*;
use crate::connect::connector::{Connector as _, Order, Writer as _};
use crate::connect::http::{Auth, HttpConfig, RetryAfter};
use crate::domain::id::ConnectorName;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Ability, Deed, Outcome, Urgency};
use ring::hmac;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRET: &str = "s1gn3d-with-this";

fn now() -> Moment {
    Moment {
        wall: Timestamp::parse("2026-11-22T03:00:00.250Z").expect("a time"),
        mono_ms: 1,
    }
}

fn config(server: &MockServer) -> WebhookConfig {
    WebhookConfig {
        name: ConnectorName::new("hook").expect("valid"),
        http: HttpConfig {
            auth: Auth::Bearer(SecretString::from("b34rer")),
            ..HttpConfig::new(&format!("{}/hooks/orders", server.uri()))
        },
        secret: Some(SecretString::from(SECRET)),
        notes: false,
    }
}

fn page() -> Deed {
    Deed::Page {
        summary: "db-1 does not come back".to_owned(),
        details: "step 4 failed \"twice\"".to_owned(),
        component: "db-1".to_owned(),
        urgency: Urgency::High,
    }
}

fn order(deed: &Deed) -> Order<'_> {
    Order {
        marker: "db-upgrade/7",
        deed,
        by: "Mira",
    }
}

async fn answer(reply: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/hooks/orders"))
        .and(header("Idempotency-Key", "db-upgrade/7"))
        .and(header("Authorization", "Bearer b34rer"))
        .and(header("Content-Type", "application/json"))
        .respond_with(reply)
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn the_shape_is_what_the_documents_say() {
    let server = answer(ResponseTemplate::new(202)).await;
    let mut writer = WebhookWriter::new(&config(&server)).expect("valid");
    let outcome = writer.write(&order(&page()), now()).await;
    let host = server.address();
    let accepted = Outcome::Accepted {
        reference: "db-upgrade/7".to_owned(),
        what: format!("taken by {host} with HTTP 202; delivery is not known"),
    };
    assert_eq!(outcome, Ok(accepted));
    let received = server.received_requests().await.expect("recorded");
    let sent: Value = serde_json::from_slice(&received[0].body).expect("JSON");
    let expected = json!({
        "version": 1, "kind": "page", "text": "db-1: db-1 does not come back (Mira)", "summary": "db-1 does not come back",
        "details": "step 4 failed \"twice\"", "component": "db-1", "urgency": "high", "reference": "", "by": "Mira",
        "session": "db-upgrade", "marker": "db-upgrade/7", "at": "2026-11-22T03:00:00.250Z"
    });
    assert_eq!(sent, expected);
    let documented = include_str!("../../../docs/connect/webhook.md");
    for (field, _) in expected.as_object().expect("an object") {
        let row = format!("| `{field}` |");
        assert!(documented.contains(&row), "`{field}` is not documented");
    }
    // As a receiver checks it.
    let text = |name: &str| received[0].headers[name].to_str().expect("text").to_owned();
    let time = text("X-Warroom-Timestamp");
    assert_eq!(time, "1795316400");
    let signature = text("X-Warroom-Signature");
    let tag = signature.strip_prefix("sha256=").expect("its kind");
    let tag = data_encoding::HEXLOWER.decode(tag.as_bytes()).expect("hex");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = [time.as_bytes(), b".", &received[0].body].concat();
    hmac::verify(&key, &signed, &tag).expect("the signature fits");
}

#[tokio::test]
async fn only_words_about_delivery_are_proof() {
    let host_says = |reply: ResponseTemplate| async move {
        let server = answer(reply).await;
        let mut writer = WebhookWriter::new(&config(&server)).expect("valid");
        let outcome = writer.write(&order(&page()), now()).await.expect("taken");
        let host = server.address().to_string();
        match outcome {
            Outcome::Done { reference, proof } => (true, reference, proof.replace(&host, "HOST")),
            Outcome::Accepted { reference, what } => {
                (false, reference, what.replace(&host, "HOST"))
            }
            other => panic!("{other:?}"),
        }
    };
    let ok = || ResponseTemplate::new(200);
    let proof =
        json!({"delivered": true, "reference": "P7", "message": "Mira acknowledged\n\u{1b}[31m"});
    let said = "HOST says that it was delivered: Mira acknowledged  [31m";
    assert_eq!(
        host_says(ok().set_body_json(proof)).await,
        (true, "P7".to_owned(), said.to_owned())
    );
    let not_yet = host_says(ok().set_body_json(json!({"delivered": false}))).await;
    assert_eq!(not_yet.2, "HOST says that it is not delivered yet");
    for body in [
        "",
        "ok",
        "true",
        "{\"delivered\": \"yes\"}",
        "{\"delivered\": true",
    ] {
        let (is_done, reference, _) = host_says(ok().set_body_string(body)).await;
        assert_eq!(
            (is_done, reference.as_str()),
            (false, "db-upgrade/7"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn refusals_are_refusals_and_lost_answers_are_unclear() {
    let limited = ResponseTemplate::new(429).insert_header("Retry-After", "7");
    for (reply, is_unclear, retry) in [
        (ResponseTemplate::new(403), false, None),
        (limited, false, Some(RetryAfter::In(Duration::from_secs(7)))),
        (
            ResponseTemplate::new(307).insert_header("Location", "http://127.0.0.1:1"),
            false,
            None,
        ),
        (ResponseTemplate::new(502), true, None),
    ] {
        let server = answer(reply).await;
        let mut writer = WebhookWriter::new(&config(&server)).expect("valid");
        let error = writer
            .write(&order(&page()), now())
            .await
            .expect_err("an error");
        assert_eq!(
            (error.unclear, error.retry_after),
            (is_unclear, retry),
            "{error}"
        );
        let said = format!("{error:?} {writer:?} {:?}", config(&server));
        assert!(!said.contains(SECRET) && !said.contains("b34rer"));
    }
}

#[tokio::test]
async fn notes_are_sent_only_where_that_is_set() {
    let server = answer(ResponseTemplate::new(200)).await;
    let note = Deed::Note {
        reference: "P7".to_owned(),
        text: "switchover begins".to_owned(),
    };
    let mut config = config(&server);
    assert_eq!(config.abilities(), [Ability::Page]);
    let mut writer = config.writer().expect("valid").expect("always");
    let refused = writer
        .write(&order(&note), now())
        .await
        .expect_err("not set");
    assert_eq!(refused.what, "this webhook cannot note");
    config.notes = true;
    assert_eq!(config.abilities(), [Ability::Page, Ability::Note]);
    let mut writer = config.writer().expect("valid").expect("always");
    writer.write(&order(&note), now()).await.expect("taken");
    let received = server.received_requests().await.expect("recorded");
    let sent: Value = serde_json::from_slice(&received[0].body).expect("JSON");
    assert_eq!(
        (&sent["kind"], &sent["reference"]),
        (&json!("note"), &json!("P7"))
    );
    assert!(writer.find(&order(&note), now()).await.is_err());
}
