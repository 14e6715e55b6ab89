//! What a silence needs when it is made, ended and looked for again while things fail.

use super::*;

fn mute() -> Deed {
    Deed::Mute {
        components: Vec::new(),
        matchers: vec![Matcher {
            label: "instance".to_owned(),
            value: "db-1".to_owned(),
            is_regex: false,
            is_equal: true,
        }],
        until: at("2026-11-22T05:00:00Z"),
        comment: "x".to_owned(),
    }
}

/// A silence as the description of Grafana has it: `gettableSilence`.
fn silence(state: &str) -> Value {
    json!({
        "id": "s1", "status": {"state": state}, "updatedAt": "2026-11-22T03:00:00Z", "comment": "x [s7f3/2]",
        "createdBy": "Mira", "startsAt": "2026-11-22T03:00:00Z", "endsAt": "2026-11-22T05:00:00Z",
        "matchers": [{"name": "instance", "value": "db-1", "isRegex": false, "isEqual": true}]
    })
}

/// A Grafana that answers a new silence with this status, and lists these afterwards.
async fn failing(server: &MockServer, status: u16, then: Value) {
    Mock::given(method("GET"))
        .and(path(format!("{PREFIX}/silences")))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .up_to_n_times(1)
        .mount(server)
        .await;
    answers(server, "GET", &format!("{PREFIX}/silences"), 200, then).await;
    let said = json!({"message": "database is locked", "traceID": ""});
    Mock::given(method("POST"))
        .and(path(format!("{PREFIX}/silences")))
        .respond_with(ResponseTemplate::new(status).set_body_json(said))
        .expect(1)
        .mount(server)
        .await;
}

#[tokio::test]
async fn what_failed_inside_is_found_by_its_marker_and_not_sent_again() {
    let server = MockServer::start().await;
    failing(&server, 500, json!([silence("active")])).await;
    let deed = mute();
    let mut writer = writer(&server);
    let error = writer.write(&order(&deed), now()).await.expect_err("500");
    assert!(error.unclear, "it may have happened: {error:?}");
    let found = writer.find(&order(&deed), now()).await.expect("looked");
    assert!(
        matches!(&found, Some(Outcome::Done { reference, .. }) if reference == "s1"),
        "{found:?}"
    );
    let again = writer.write(&order(&deed), now()).await.expect("there");
    assert!(matches!(again, Outcome::Done { .. }), "{again:?}");
}

#[tokio::test]
async fn what_was_refused_did_not_happen_and_is_not_found() {
    for status in [400, 409] {
        let server = MockServer::start().await;
        failing(&server, status, json!([])).await;
        let deed = mute();
        let mut writer = writer(&server);
        let error = writer.write(&order(&deed), now()).await.expect_err("no");
        assert!(!error.unclear, "{status}: {error:?}");
        let found = writer.find(&order(&deed), now()).await;
        assert_eq!(found, Ok(None), "{status}");
    }
}

#[tokio::test]
async fn the_end_of_what_is_not_known_is_no_proof() {
    let server = MockServer::start().await;
    let said = json!({"message": "silence not found", "traceID": ""});
    answers(&server, "GET", &format!("{PREFIX}/silence/s1"), 404, said).await;
    let deed = Deed::Unmute {
        reference: "s1".to_owned(),
    };
    let outcome = writer(&server).write(&order(&deed), now()).await;
    let Ok(Outcome::Failed { what }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(what.contains("never there, or ended long ago"), "{what}");
}
