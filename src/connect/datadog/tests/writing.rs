//! Downtimes against a server that keeps them.

use super::*;
use crate::connect::connector::{Order, WriteError, Writer as _};
use crate::connect::datadog::write::DatadogWriter;
use crate::domain::write::{Deed, Outcome};

const MARKER: &str = "db-upgrade/3";

fn mute() -> Deed {
    Deed::Mute {
        components: vec!["db-1".to_owned()],
        matchers: Vec::new(),
        until: at("2026-11-22T05:00:00Z"),
        comment: "failover of db-1, ask @mira".to_owned(),
    }
}

async fn written(server: &MockServer, deed: &Deed) -> Result<Outcome, WriteError> {
    let mut config = config(&server.uri());
    config.writes = true;
    let mut writer = DatadogWriter::new(&config).unwrap();
    let order = Order {
        marker: MARKER,
        deed,
        by: "Mira",
    };
    writer.write(&order, SystemClock.now()).await
}

#[tokio::test]
async fn a_downtime_is_made_once_and_read_back() {
    let server = MockServer::start().await;
    listing(&server, &[downtime("active", "somebody else's", END)]).await;
    let ours = downtime("active", &format!("x [{MARKER}]"), END);
    reading_back(&server, &ours).await;
    Mock::given(method("POST"))
        .and(path("/api/v2/downtime"))
        .respond_with(ok(&json!({"data": ours})))
        .expect(1)
        .mount(&server)
        .await;
    let outcome = written(&server, &mute()).await.unwrap();
    let Outcome::Done { reference, proof } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(reference, ID);
    assert_eq!(
        proof,
        format!("read back as downtime {ID}, active until 2026-11-22T05:00:00Z")
    );
    let requests = server.received_requests().await.unwrap();
    let post = requests
        .iter()
        .find(|r| r.method.as_str() == "POST")
        .unwrap();
    let sent: Value = post.body_json().unwrap();
    let attributes = &sent["data"]["attributes"];
    assert_eq!(attributes["scope"], "host:\"db-1\"");
    assert_eq!(
        attributes["schedule"],
        json!({"start": null, "end": "2026-11-22T05:00:00Z"})
    );
    let message = attributes["message"].as_str().unwrap();
    assert_eq!(
        message,
        format!("failover of db-1, ask (at)mira (Mira)\n[{MARKER}]")
    );
}

#[tokio::test]
async fn a_downtime_that_is_there_already_is_not_made_again() {
    let server = MockServer::start().await;
    listing(
        &server,
        &[downtime("active", &format!("x [{MARKER}]"), END)],
    )
    .await;
    let outcome = written(&server, &mute()).await.unwrap();
    assert!(matches!(outcome, Outcome::Done { reference, .. } if reference == ID));
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|r| r.method.as_str() == "GET"));
}

#[tokio::test]
async fn what_was_sent_and_not_proven_is_unclear_and_what_was_refused_is_not() {
    let check =
        async |response: ResponseTemplate, back: Option<Value>, unclear: bool, expected: &str| {
            let server = MockServer::start().await;
            listing(&server, &[]).await;
            if let Some(back) = &back {
                reading_back(&server, back).await;
            }
            Mock::given(method("POST"))
                .respond_with(response)
                .mount(&server)
                .await;
            let error = written(&server, &mute()).await.unwrap_err();
            assert!(error.what.contains(expected), "{}", error.what);
            assert_eq!(error.unclear, unclear, "{}", error.what);
        };
    let made = ok(&json!({"data": downtime("active", "x", END)}));
    let refusal = json!({"errors": ["Input should have a valid scope"]});
    check(
        ResponseTemplate::new(400).set_body_json(refusal),
        None,
        false,
        "a valid scope",
    )
    .await;
    check(
        ResponseTemplate::new(403),
        None,
        false,
        "permissions of `app_key`",
    )
    .await;
    check(ResponseTemplate::new(500), None, true, "HTTP 500").await;
    check(
        made.clone().set_delay(Duration::from_secs(30)),
        None,
        true,
        "no answer",
    )
    .await;
    check(made.clone(), None, true, "was made, but not read back").await;
    let other = downtime(
        "active",
        &format!("[{MARKER}]"),
        "2026-11-23T05:00:00+00:00",
    );
    check(made, Some(other), true, "does not read back").await;
}

#[tokio::test]
async fn without_a_look_at_what_is_there_nothing_is_sent() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&server)
        .await;
    let error = written(&server, &mute()).await.unwrap_err();
    assert!(!error.unclear, "{}", error.what);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
}

#[tokio::test]
async fn a_downtime_is_ended_and_that_is_read_back() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path(format!("/api/v2/downtime/{ID}")))
        .respond_with(ok(&json!({"data": downtime("active", "x", END)})))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    reading_back(&server, &downtime("canceled", "x", END)).await;
    Mock::given(method("DELETE"))
        .and(path(format!("/api/v2/downtime/{ID}")))
        .respond_with(ResponseTemplate::new(204))
        .expect(1)
        .mount(&server)
        .await;
    let deed = Deed::Unmute {
        reference: ID.to_owned(),
    };
    let proof = format!("read back as downtime {ID}, canceled");
    for _ in 0..2 {
        let outcome = written(&server, &deed).await.unwrap();
        assert!(matches!(outcome, Outcome::Done { proof: found, .. } if found == proof));
    }
    let gone = Deed::Unmute {
        reference: "../monitor/7".to_owned(),
    };
    assert!(!written(&server, &gone).await.unwrap_err().unclear);
}

#[tokio::test]
async fn a_write_is_found_again_by_its_marker() {
    let server = MockServer::start().await;
    listing(&server, &[downtime("ended", &format!("x [{MARKER}]"), END)]).await;
    let mut writer = DatadogWriter::new(&config(&server.uri())).unwrap();
    let deed = mute();
    let find = |marker| Order {
        marker,
        deed: &deed,
        by: "Mira",
    };
    let order = find(MARKER);
    let found = writer.find(&order, SystemClock.now()).await.unwrap();
    assert!(matches!(found, Some(Outcome::Done { reference, .. }) if reference == ID));
    let order = find("db-upgrade/33");
    assert_eq!(writer.find(&order, SystemClock.now()).await.unwrap(), None);
}

#[tokio::test]
async fn what_it_cannot_do_is_refused() {
    let server = MockServer::start().await;
    let deed = Deed::Resolve {
        reference: "1".to_owned(),
    };
    let error = written(&server, &deed).await.unwrap_err();
    assert_eq!(
        (error.what.as_str(), error.unclear),
        ("Datadog cannot resolve", false)
    );
}

/// The vendor answered an error, and had made the downtime all the same.
#[tokio::test]
async fn what_failed_there_is_found_by_its_marker_and_not_sent_again() {
    let server = MockServer::start().await;
    let nothing = json!({"data": [], "meta": {"page": {"total_filtered_count": 0}}});
    Mock::given(method("GET"))
        .and(path("/api/v2/downtime"))
        .respond_with(ok(&nothing))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let ours = downtime("active", &format!("x [{MARKER}]"), END);
    listing(&server, &[ours]).await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(503))
        .expect(1)
        .mount(&server)
        .await;
    let error = written(&server, &mute()).await.unwrap_err();
    assert!(error.unclear, "it may have happened: {}", error.what);
    let again = written(&server, &mute()).await.unwrap();
    assert!(matches!(again, Outcome::Done { reference, .. } if reference == ID));
}

/// As the vendor answers for what it does not know (any more), by the recorded exchanges.
#[tokio::test]
async fn the_end_of_what_is_gone_is_told_in_the_words_of_the_vendor() {
    let unmute = Deed::Unmute {
        reference: ID.to_owned(),
    };
    let gone = || {
        let body = json!({"errors": ["Downtime not found"]});
        ResponseTemplate::new(404).set_body_json(body)
    };
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(gone())
        .mount(&server)
        .await;
    let error = written(&server, &unmute).await.unwrap_err();
    assert!(
        error.what.contains("Downtime not found") && !error.unclear,
        "{}",
        error.what
    );
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|r| r.method.as_str() == "GET"));
    // Somebody else was faster: the next try reads back that it is over.
    let server = MockServer::start().await;
    let active = json!({"data": downtime("active", "x", END)});
    Mock::given(method("GET"))
        .respond_with(ok(&active))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    reading_back(&server, &downtime("canceled", "x", END)).await;
    Mock::given(method("DELETE"))
        .respond_with(gone())
        .expect(1)
        .mount(&server)
        .await;
    assert!(!written(&server, &unmute).await.unwrap_err().unclear);
    let again = written(&server, &unmute).await.unwrap();
    assert!(matches!(again, Outcome::Done { .. }));
}

#[tokio::test]
async fn a_conflict_is_a_refusal() {
    let server = MockServer::start().await;
    listing(&server, &[]).await;
    let said = json!({"errors": ["a downtime like this exists"]});
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(409).set_body_json(said))
        .expect(1)
        .mount(&server)
        .await;
    let error = written(&server, &mute()).await.unwrap_err();
    assert!(!error.unclear && error.what.contains("like this exists"));
}
