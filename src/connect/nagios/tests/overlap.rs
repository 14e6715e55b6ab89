//! What a silence needs when it is made, ended and looked for again while things fail.

use super::*;

/// Downtimes of everything that a host has, as a Nagios lists them.
fn all_of_web1(comment: &str) -> Value {
    json!({
        "1": downtime(1, "web1", None, comment),
        "2": downtime(2, "web1", Some("http"), comment),
        "3": downtime(3, "web1", Some("ssh"), comment)
    })
}

/// A Nagios that answers a command like this, and lists these downtimes afterwards.
async fn failing(server: &MockServer, reply: ResponseTemplate, then: Value) {
    let list = |list: &Value| {
        let body = answer("downtimelist", list);
        Mock::given(method("GET"))
            .and(path("/statusjson.cgi"))
            .and(query_param("query", "downtimelist"))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
    };
    // Before the command there is nothing.
    list(&json!({})).up_to_n_times(1).mount(server).await;
    list(&then).mount(server).await;
    known(server, json!({})).await;
    let form = ResponseTemplate::new(200).set_body_raw(FORM.as_bytes(), "text/html");
    Mock::given(method("GET"))
        .and(path("/cmd.cgi"))
        .respond_with(form)
        .mount(server)
        .await;
    Mock::given(method("POST"))
        .and(path("/cmd.cgi"))
        .respond_with(reply)
        .expect(1)
        .mount(server)
        .await;
}

#[tokio::test]
async fn what_a_gateway_lost_is_found_by_its_marker_and_not_sent_again() {
    let server = MockServer::start().await;
    let comment = format!("failover [{MARKER}]");
    failing(&server, ResponseTemplate::new(502), all_of_web1(&comment)).await;
    let deed = mute("web1");
    let mut writer = writer(&server);
    let error = writer.write(&order(&deed), now()).await.expect_err("502");
    assert!(error.unclear, "it may have happened: {error:?}");
    let found = writer.find(&order(&deed), now()).await.expect("looked");
    assert!(matches!(found, Some(Outcome::Done { .. })), "{found:?}");
    let again = writer.write(&order(&deed), now()).await.expect("there");
    assert!(matches!(again, Outcome::Done { .. }), "{again:?}");
}

#[tokio::test]
async fn what_was_refused_did_not_happen() {
    for code in [403, 404, 409] {
        let server = MockServer::start().await;
        failing(&server, ResponseTemplate::new(code), json!({})).await;
        let deed = mute("web1");
        let mut writer = writer(&server);
        let error = writer.write(&order(&deed), now()).await.expect_err("no");
        assert!(!error.unclear, "{code}: {error:?}");
        // A list from before the command proves nothing about what is not in it.
        let look = writer.find(&order(&deed), now()).await;
        assert!(look.is_err_and(|error| error.unclear), "{code}");
    }
}
