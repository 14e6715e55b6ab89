//! What a silence needs when it is made, ended and looked for again while things fail.

use super::*;

/// An Icinga that answers a schedule like this, and has these downtimes afterwards.
async fn failing(server: &MockServer, reply: ResponseTemplate, then: &[Value]) {
    objects(server, "hosts", &[json!({"name": "web1"})]).await;
    Mock::given(method("POST"))
        .and(path("/v1/objects/downtimes"))
        .respond_with(ResponseTemplate::new(200).set_body_json(results(&[])))
        .up_to_n_times(1)
        .mount(server)
        .await;
    objects(server, "downtimes", then).await;
    Mock::given(path("/v1/actions/schedule-downtime"))
        .respond_with(reply)
        .expect(1)
        .mount(server)
        .await;
}

#[tokio::test]
async fn what_a_reload_lost_is_found_by_its_marker_and_not_sent_again() {
    let server = MockServer::start().await;
    let reply = ResponseTemplate::new(503)
        .set_body_json(json!({"error": 503, "status": "Icinga is reloading"}));
    failing(&server, reply, &[downtime(NAME, "", "failover [s7f3/2]")]).await;
    let deed = mute("web1", &[]);
    let mut writer = writer(&server);
    let error = writer.write(&order(&deed), now()).await.expect_err("503");
    assert!(error.unclear, "it may have happened: {error:?}");
    let found = writer.find(&order(&deed), now()).await.expect("looked");
    assert!(matches!(found, Some(Outcome::Done { .. })), "{found:?}");
    let again = writer.write(&order(&deed), now()).await.expect("there");
    assert!(matches!(again, Outcome::Done { .. }), "{again:?}");
}

#[tokio::test]
async fn what_another_change_is_in_the_way_of_did_not_happen() {
    let server = MockServer::start().await;
    let reply = ResponseTemplate::new(409)
        .set_body_json(json!({"error": 409, "status": "Object is being changed"}));
    failing(&server, reply, &[]).await;
    let deed = mute("web1", &[]);
    let mut writer = writer(&server);
    let error = writer.write(&order(&deed), now()).await.expect_err("409");
    assert!(!error.unclear && error.what.contains("is being changed"));
    assert_eq!(writer.find(&order(&deed), now()).await, Ok(None));
}

/// The documented answer to a removal, and the one where somebody else was faster.
#[tokio::test]
async fn an_end_that_finds_nothing_is_an_end() {
    let server = MockServer::start().await;
    let there = results(&[downtime(NAME, "", "failover [s7f3/2]")]);
    Mock::given(method("POST"))
        .and(path("/v1/objects/downtimes"))
        .respond_with(ResponseTemplate::new(200).set_body_json(there))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    objects(&server, "downtimes", &[]).await;
    Mock::given(path("/v1/actions/remove-downtime"))
        .respond_with(
            ResponseTemplate::new(404)
                .set_body_json(json!({"error": 404, "status": "No objects found."})),
        )
        .expect(1)
        .mount(&server)
        .await;
    let deed = Deed::Unmute {
        reference: NAME.to_owned(),
    };
    let mut writer = writer(&server);
    // Icinga says the same to who may not: the next look, not the answer, says that it is over.
    let error = writer.write(&order(&deed), now()).await.expect_err("404");
    assert!(!error.unclear, "{error:?}");
    let again = writer.write(&order(&deed), now()).await;
    assert!(matches!(again, Ok(Outcome::Done { .. })), "{again:?}");
}
