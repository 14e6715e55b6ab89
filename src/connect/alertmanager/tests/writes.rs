//! Silences that are made and ended, found again, and refused.

use super::*;
use crate::connect::connector::{Connector as _, Order, WriteError, Writer as _};
use crate::domain::write::{Deed, Outcome};
use wiremock::matchers::body_partial_json;

fn writer(urls: &[&str]) -> SilenceWriter {
    let members = config(urls).members;
    let members = members.iter().map(|m| Member::new(m, PREFIX));
    SilenceWriter::new(members.collect::<Result<_, _>>().expect("valid"))
}

fn mute(matchers: Vec<Matcher>) -> Deed {
    Deed::Mute {
        components: vec!["db-1".to_owned()],
        matchers,
        until: at("2026-11-22T05:00:00Z"),
        comment: "failover".to_owned(),
    }
}

fn unmute(reference: &str) -> Deed {
    Deed::Unmute {
        reference: reference.to_owned(),
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
async fn a_silence_is_made_with_its_marker_and_read_back() {
    let server = MockServer::start().await;
    answers(&server, "GET", "/silences", 200, json!([])).await;
    Mock::given(method("POST"))
        .and(path("/api/v2/silences"))
        .and(body_partial_json(json!({
            "matchers": [{"name": "instance", "value": "db-1.*", "isRegex": true, "isEqual": true}],
            "endsAt": "2026-11-22T05:00:00.000Z", "createdBy": "Mira", "comment": "failover [s7f3/2]"
        })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"silenceID": ID})))
        .expect(1)
        .mount(&server)
        .await;
    let there = silence(ID, "active", "failover [s7f3/2]", "2026-11-22T03:00:00Z");
    answers(&server, "GET", &format!("/silence/{ID}"), 200, there).await;
    let deed = mute(vec![matcher("db-1.*")]);
    let done = writer(&[&server.uri()]).write(&order(&deed), now()).await;
    let proof = format!("read back as silence {ID}, holds until 2026-11-22T05:00:00Z");
    let reference = ID.to_owned();
    assert_eq!(done, Ok(Outcome::Done { reference, proof }));
}

#[tokio::test]
async fn a_second_try_finds_the_first() {
    let server = MockServer::start().await;
    let list = json!([
        silence(
            "other",
            "active",
            "failover [s7f3/22]",
            "2026-11-22T03:00:00Z"
        ),
        silence(
            "before",
            "expired",
            "failover [s7f3/2]",
            "2026-11-22T03:00:00Z"
        ),
        silence(ID, "active", "failover [s7f3/2]", "2026-11-22T03:00:00Z")
    ]);
    answers(&server, "GET", "/silences", 200, list).await;
    let deed = mute(vec![matcher("db-1.*")]);
    let mut writer = writer(&[&server.uri()]);
    let done = writer.write(&order(&deed), now()).await.expect("found");
    assert!(
        matches!(&done, Outcome::Done { reference, .. } if reference == ID),
        "{done:?}"
    );
    assert_eq!(writer.find(&order(&deed), now()).await, Ok(Some(done)));
}

#[tokio::test]
async fn broad_silences_and_far_ends_are_refused_before_anything_is_sent() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(500))
        .expect(0)
        .mount(&server)
        .await;
    let mut writer = writer(&[&server.uri()]);
    let negated = Matcher {
        is_equal: false,
        ..matcher("db-1")
    };
    let mut far = mute(vec![matcher("db-1")]);
    if let Deed::Mute { until, .. } = &mut far {
        *until = at("2027-11-22T05:00:00Z");
    }
    let deeds = [
        (mute(Vec::new()), "without matchers"),
        (mute(vec![matcher(".*")]), "nearly everything"),
        (
            mute(vec![matcher(".*"), matcher(".+"), negated]),
            "nearly everything",
        ),
        (mute(vec![matcher("db-1"); 51]), "50 matchers at most"),
        (far, "7 days at most"),
        (unmute("../../x"), "not the id of a silence"),
        (unmute(""), "not the id of a silence"),
        (
            Deed::Acknowledge {
                reference: ID.to_owned(),
            },
            "cannot acknowledge",
        ),
    ];
    for (deed, part) in deeds {
        let error = writer.write(&order(&deed), now()).await.expect_err(part);
        assert!(error.what.contains(part) && !error.unclear, "{error:?}");
    }
}

#[tokio::test]
async fn the_next_member_makes_what_the_first_cannot_be_asked_for() {
    let up = MockServer::start().await;
    answers(&up, "GET", "/silences", 200, json!([])).await;
    answers(&up, "POST", "/silences", 200, json!({"silenceID": ID})).await;
    let there = silence(ID, "active", "failover [s7f3/2]", "2026-11-22T03:00:00Z");
    answers(&up, "GET", &format!("/silence/{ID}"), 200, there).await;
    let down = nobody();
    let deed = mute(vec![matcher("db-1.*")]);
    let mut some = writer(&[&down, &up.uri()]);
    let done = some.write(&order(&deed), now()).await.expect("made");
    assert!(matches!(done, Outcome::Done { .. }), "{done:?}");
    let error = writer(&[&down])
        .write(&order(&deed), now())
        .await
        .expect_err("nobody");
    assert!(
        error.what.starts_with("nothing was changed") && !error.unclear,
        "{error:?}"
    );
    // Whether the silent member has it, nobody knows.
    let error = some
        .find(&order(&deed), now())
        .await
        .expect_err("not all were asked");
    assert!(error.unclear, "{error:?}");
}

#[tokio::test]
async fn a_request_without_an_answer_is_unclear_and_not_sent_to_another() {
    let (slow, other) = (MockServer::start().await, MockServer::start().await);
    answers(&slow, "GET", "/silences", 200, json!([])).await;
    answers(&other, "GET", "/silences", 200, json!([])).await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(method("POST"))
        .respond_with(late)
        .expect(1)
        .mount(&slow)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .mount(&other)
        .await;
    let deed = mute(vec![matcher("db-1.*")]);
    let mut writer = writer(&[&slow.uri(), &other.uri()]);
    let error = writer
        .write(&order(&deed), now())
        .await
        .expect_err("no answer");
    assert!(error.unclear, "{error:?}");
}

#[tokio::test]
async fn what_the_server_does_not_take_is_told_in_its_words() {
    for (status, body, part, unclear) in [
        (
            400,
            json!("bad matcher format: {{"),
            "HTTP 400: bad matcher format",
            false,
        ),
        (
            422,
            json!({"code": 612, "message": "at least 1 items"}),
            "HTTP 422: at least 1 items",
            false,
        ),
        (
            403,
            json!({"message": SECRET}),
            "HTTP 403; check the token",
            false,
        ),
        (500, json!("oops"), "HTTP 500", true),
    ] {
        let server = MockServer::start().await;
        answers(&server, "GET", "/silences", 200, json!([])).await;
        answers(&server, "POST", "/silences", status, body).await;
        let deed = mute(vec![matcher("db-1.*")]);
        let error: WriteError = writer(&[&server.uri()])
            .write(&order(&deed), now())
            .await
            .expect_err(part);
        assert!(
            error.what.contains(part) && error.unclear == unclear,
            "{error:?}"
        );
        assert!(!error.what.contains(SECRET));
    }
}

#[tokio::test]
async fn what_is_not_read_back_as_wanted_is_not_called_done() {
    let mut wrong_end = silence(ID, "active", "failover [s7f3/2]", "2026-11-22T03:00:00Z");
    wrong_end["endsAt"] = json!("2026-11-22T04:00:00Z");
    let mut wrong_matcher = silence(ID, "active", "failover [s7f3/2]", "2026-11-22T03:00:00Z");
    wrong_matcher["matchers"][0]["value"] = json!(".*");
    for (status, there, part) in [
        (200, wrong_end, "it ends at 2026-11-22T04:00:00Z"),
        (200, wrong_matcher, "it mutes instance=~\".*\""),
        (404, json!(null), "does not know it any more"),
        (500, json!(null), "cannot be read back"),
    ] {
        let server = MockServer::start().await;
        answers(&server, "GET", "/silences", 200, json!([])).await;
        answers(&server, "POST", "/silences", 200, json!({"silenceID": ID})).await;
        answers(&server, "GET", &format!("/silence/{ID}"), status, there).await;
        let deed = mute(vec![matcher("db-1.*")]);
        let outcome = writer(&[&server.uri()]).write(&order(&deed), now()).await;
        let Ok(Outcome::Accepted { reference, what }) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(reference == ID && what.contains(part), "{what}");
    }
}

#[tokio::test]
async fn a_silence_that_has_ended_needs_no_ending() {
    let server = MockServer::start().await;
    let over = silence(ID, "expired", "failover [s7f3/2]", "2026-11-22T03:00:00Z");
    answers(&server, "GET", &format!("/silence/{ID}"), 200, over).await;
    answers(&server, "GET", "/silence/nix", 404, json!(null)).await;
    let mut writer = writer(&[&server.uri()]);
    let deed = unmute(ID);
    let done = writer.write(&order(&deed), now()).await.expect("over");
    assert!(
        matches!(&done, Outcome::Done { proof, .. } if proof.contains("ended at")),
        "{done:?}"
    );
    assert_eq!(writer.find(&order(&deed), now()).await, Ok(Some(done)));
    let deed = unmute("nix");
    let failed = writer
        .write(&order(&deed), now())
        .await
        .expect("an outcome");
    assert!(matches!(failed, Outcome::Failed { .. }), "{failed:?}");
    assert_eq!(writer.find(&order(&deed), now()).await, Ok(None));
}

#[test]
fn without_leave_to_write_there_is_no_writer() {
    let mut config = config(&["http://127.0.0.1:1"]);
    assert!(config.writer().expect("valid").is_some() && !config.abilities().is_empty());
    config.writes = false;
    assert!(config.writer().expect("valid").is_none() && config.abilities().is_empty());
}

fn extend(until: &str) -> Deed {
    Deed::Extend {
        reference: ID.to_owned(),
        until: at(until),
    }
}

#[tokio::test]
async fn the_end_of_a_silence_is_moved_with_its_id_and_its_begin() {
    let server = MockServer::start().await;
    let there = silence(ID, "active", "failover [s7f3/2]", "2026-11-22T03:00:00Z");
    let place = format!("/api/v2/silence/{ID}");
    Mock::given(method("GET"))
        .and(path(&place))
        .respond_with(ResponseTemplate::new(200).set_body_json(there.clone()))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    let mut moved = there;
    moved["endsAt"] = json!("2026-11-22T05:15:00.000Z");
    Mock::given(method("GET"))
        .and(path(&place))
        .respond_with(ResponseTemplate::new(200).set_body_json(moved))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/api/v2/silences"))
        .and(body_partial_json(json!({
            "id": ID, "startsAt": "2026-11-22T03:00:00.000Z", "endsAt": "2026-11-22T05:15:00.000Z",
            "comment": "failover [s7f3/2]", "createdBy": "Mira",
        })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"silenceID": ID})))
        .expect(1)
        .mount(&server)
        .await;
    let mut writer = writer(&[&server.uri()]);
    let deed = extend("2026-11-22T05:15:00Z");
    for _ in 0..2 {
        let done = writer.write(&order(&deed), now()).await.expect("done");
        assert!(
            matches!(&done, Outcome::Done { reference, proof } if reference == ID && proof.contains("05:15")),
            "{done:?}"
        );
    }
    let found = writer.find(&order(&deed), now()).await.expect("an answer");
    assert!(matches!(found, Some(Outcome::Done { .. })), "{found:?}");
    let later = extend("2026-11-22T06:00:00Z");
    assert_eq!(writer.find(&order(&later), now()).await, Ok(None));
}

#[tokio::test]
async fn a_silence_that_somebody_has_ended_is_not_made_anew() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(500))
        .expect(0)
        .mount(&server)
        .await;
    let ended = silence(ID, "expired", "failover [s7f3/2]", "2026-11-22T03:00:00Z");
    answers(&server, "GET", &format!("/silence/{ID}"), 200, ended).await;
    let mut writer = writer(&[&server.uri()]);
    let deed = extend("2026-11-22T05:15:00Z");
    let gone = writer.write(&order(&deed), now()).await.expect("an answer");
    assert!(
        matches!(&gone, Outcome::Done { reference, .. } if reference.is_empty()),
        "{gone:?}"
    );
    assert_eq!(writer.find(&order(&deed), now()).await, Ok(Some(gone)));
}
