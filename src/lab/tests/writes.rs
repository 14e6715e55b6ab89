//! What is written to the lab, and that it is there afterwards.

use super::*;
use serde_json::json;

/// Sends JSON in the name of a person on call.
async fn send(lab: &Lab, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let authorization = if path.starts_with("/netbox") {
        format!("Token {}", lab.token())
    } else {
        format!("Token token={}", lab.token())
    };
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: lab\r\nAuthorization: {authorization}\r\nFrom: lena.fischer@example.com\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, answer) = exchange(lab, &request).await;
    let answer = serde_json::from_str(&answer).unwrap_or(Value::Null);
    (status, answer)
}

fn silence(instance: &str, ends: &str) -> Value {
    json!({
        "matchers": [{"name": "instance", "value": instance, "isRegex": true, "isEqual": true}],
        "startsAt": "2026-11-22T04:00:00Z", "endsAt": ends, "createdBy": "mira", "comment": "upgrade [warroom/s/1]",
    })
}

const SILENCES: &str = "/alertmanager/api/v2/silences";
const CRITICAL: &str = "/alertmanager/api/v2/alerts?filter=severity%3D%22critical%22";
const LATER: &str = "2026-11-22T06:00:00Z";

#[tokio::test]
async fn a_silence_keeps_an_alert_and_its_page_quiet_until_it_is_ended() {
    let (lab, clock) = lab(1.0).await;
    let wanted = silence("(orders-api|orders\\-lb)(\\..+)?(:[0-9]+)?", LATER);
    let (status, made) = send(&lab, "POST", SILENCES, &wanted).await;
    assert_eq!(status, 200, "{made}");
    let id = made["silenceID"].as_str().expect("an id").to_owned();
    let one = format!("/alertmanager/api/v2/silence/{id}");
    assert_eq!(json(&lab, &one).await["status"]["state"], "active");
    let end = "2026-11-22T07:00:00.000Z";
    let mut moved = silence("orders-api", end);
    moved["id"] = json!(id);
    let (_, same) = send(&lab, "POST", SILENCES, &moved).await;
    assert_eq!(same["silenceID"], made["silenceID"]);
    assert_eq!(json(&lab, &one).await["endsAt"], end);
    act_at_once(&lab, "break?node=orders-api").await;
    clock.advance(Duration::from_secs(40));
    let alerts = json(&lab, CRITICAL).await;
    assert_eq!(alerts[0]["status"]["state"], "suppressed", "{alerts}");
    assert_eq!(alerts[0]["status"]["silencedBy"], json!([id]));
    let incidents = json(&lab, "/pagerduty/incidents").await;
    assert_eq!(incidents["incidents"], json!([]), "nobody is woken");
    assert_eq!(send(&lab, "DELETE", &one, &Value::Null).await.0, 200);
    assert_eq!(json(&lab, &one).await["status"]["state"], "expired");
    assert_eq!(send(&lab, "DELETE", &one, &Value::Null).await.0, 404);
    clock.advance(Duration::from_secs(2));
    let alerts = json(&lab, CRITICAL).await;
    assert_eq!(alerts[0]["status"]["state"], "active");
    let incidents = json(&lab, "/pagerduty/incidents").await;
    assert_eq!(incidents["incidents"][0]["status"], "triggered");
    let list = json(&lab, SILENCES).await;
    if let Some(recorded) = recorded("alertmanager/examples/recorded-0.25/am-silences.json") {
        assert_shape(&recorded, &list, "am-silences");
    }
}

#[tokio::test]
async fn a_silence_that_makes_no_sense_is_refused() {
    let (lab, _) = lab(1.0).await;
    let past = silence("orders-api", "2026-11-22T01:00:00Z");
    let (status, what) = send(&lab, "POST", SILENCES, &past).await;
    assert_eq!(
        (status, what),
        (400, json!("end time can't be in the past"))
    );
    let mut all = silence("x", LATER);
    all["matchers"] = json!([]);
    assert_eq!(send(&lab, "POST", SILENCES, &all).await.0, 400);
    let broken = silence("(", LATER);
    assert_eq!(send(&lab, "POST", SILENCES, &broken).await.0, 400);
    assert_eq!(json(&lab, SILENCES).await, json!([]));
    let body = "POST /alertmanager/api/v2/silences HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{";
    assert_eq!(exchange(&lab, body).await.0, 400);
}

fn event(lab: &Lab, action: &str, severity: &str) -> Value {
    json!({
        "routing_key": lab.token(), "event_action": action, "dedup_key": "warroom/s/1",
        "payload": {"summary": "replica is gone", "severity": severity, "source": "orders-db-2"},
    })
}

#[tokio::test]
async fn a_page_becomes_one_incident_that_notifies_somebody_and_is_worked_off() {
    let (lab, clock) = lab(1.0).await;
    let page = event(&lab, "trigger", "critical");
    for _ in 0..2 {
        let (status, said) = send(&lab, "POST", "/pagerduty/v2/enqueue", &page).await;
        assert_eq!((status, &said["dedup_key"]), (202, &json!("warroom/s/1")));
    }
    let of_key = "/pagerduty/incidents?incident_key=warroom%2Fs%2F1&date_range=all";
    let incidents = json(&lab, of_key).await;
    let incidents = incidents["incidents"].as_array().expect("a list");
    assert_eq!(incidents.len(), 1, "one key, one incident");
    assert_eq!(incidents[0]["title"], "replica is gone");
    assert_eq!(incidents[0]["urgency"], "high");
    let id = incidents[0]["id"].as_str().expect("an id").to_owned();
    let log = format!("/pagerduty/incidents/{id}/log_entries");
    let entries = json(&lab, &log).await;
    assert_eq!(entries["log_entries"].as_array().map(Vec::len), Some(1));
    clock.advance(Duration::from_secs(2));
    let entries = json(&lab, &log).await;
    assert_eq!(entries["log_entries"][1]["type"], "notify_log_entry");
    assert_eq!(entries["log_entries"][1]["user"]["summary"], "Priya Raman");
    let set =
        json!({"incidents": [{"id": id, "type": "incident_reference", "status": "acknowledged"}]});
    let (status, said) = send(&lab, "PUT", "/pagerduty/incidents", &set).await;
    assert_eq!(
        (status, &said["incidents"][0]["status"]),
        (200, &json!("acknowledged"))
    );
    let notes = format!("/pagerduty/incidents/{id}/notes");
    let note = json!({"note": {"content": "we look at it"}});
    assert_eq!(send(&lab, "POST", &notes, &note).await.0, 200);
    assert_eq!(
        json(&lab, &notes).await["notes"][0]["content"],
        "we look at it"
    );
    let resolve = event(&lab, "resolve", "");
    assert_eq!(
        send(&lab, "POST", "/pagerduty/v2/enqueue", &resolve)
            .await
            .0,
        202
    );
    let one = json(&lab, &format!("/pagerduty/incidents/{id}")).await;
    assert_eq!(one["incident"]["status"], "resolved");
}

#[tokio::test]
async fn events_and_writes_that_real_pagerduty_refuses_are_refused() {
    let (lab, _) = lab(1.0).await;
    let mut wrong = event(&lab, "trigger", "critical");
    wrong["routing_key"] = json!("0123456789abcdef0123456789abcdef");
    let (status, said) = send(&lab, "POST", "/pagerduty/v2/enqueue", &wrong).await;
    assert_eq!((status, &said["status"]), (400, &json!("invalid event")));
    let unknown = json!({"incidents": [{"id": "Q1", "status": "resolved"}]});
    assert_eq!(
        send(&lab, "PUT", "/pagerduty/incidents", &unknown).await.0,
        404
    );
    let opened = json!({"incidents": [{"id": "Q1", "status": "triggered"}]});
    assert_eq!(
        send(&lab, "PUT", "/pagerduty/incidents", &opened).await.0,
        400
    );
    let stranger = format!(
        "PUT /pagerduty/incidents HTTP/1.0\r\nAuthorization: Token token={}\r\nFrom: eve@example.com\r\n\r\n",
        lab.token()
    );
    assert_eq!(exchange(&lab, &stranger).await.0, 400);
    assert_eq!(
        exchange(&lab, "PUT /pagerduty/incidents HTTP/1.0\r\n\r\n")
            .await
            .0,
        401
    );
}

#[tokio::test]
async fn a_maintenance_window_keeps_the_alarm_of_its_service_quiet_and_no_page() {
    let (lab, clock) = lab(1.0).await;
    let path = "/pagerduty/maintenance_windows";
    let window = json!({"maintenance_window": {
        "type": "maintenance_window", "start_time": "2026-11-22T04:00:00Z", "end_time": LATER,
        "description": "upgrade (mira, warroom/s/2)", "services": [{"id": "PLABSVC", "type": "service_reference"}],
    }});
    let (status, made) = send(&lab, "POST", path, &window).await;
    assert_eq!(status, 201, "{made}");
    let one = format!(
        "{path}/{}",
        made["maintenance_window"]["id"].as_str().expect("an id")
    );
    assert_eq!(
        json(&lab, &one).await["maintenance_window"]["services"][0]["summary"],
        "orders-api"
    );
    act_at_once(&lab, "break?node=orders-api").await;
    clock.advance(Duration::from_secs(40));
    assert_eq!(
        json(&lab, "/pagerduty/incidents").await["incidents"],
        json!([])
    );
    let page = event(&lab, "trigger", "warning");
    send(&lab, "POST", "/pagerduty/v2/enqueue", &page).await;
    let incidents = json(&lab, "/pagerduty/incidents").await;
    assert_eq!(incidents["incidents"].as_array().map(Vec::len), Some(1));
    assert_eq!(incidents["incidents"][0]["urgency"], "low");
    assert_eq!(send(&lab, "DELETE", &one, &Value::Null).await.0, 204);
    assert_eq!(send(&lab, "DELETE", &one, &Value::Null).await.0, 405);
    let open = json(&lab, &format!("{path}?filter=open")).await;
    assert_eq!(open["maintenance_windows"], json!([]));
}

#[tokio::test]
async fn netbox_takes_journal_entries_and_states() {
    let (lab, _) = lab(1.0).await;
    let entries = "/netbox/api/extras/journal-entries/";
    let wanted = json!({
        "assigned_object_type": "dcim.device", "assigned_object_id": 2, "kind": "info",
        "comments": "upgraded to 16 (warroom/s/3)",
    });
    let (status, made) = send(&lab, "POST", entries, &wanted).await;
    assert_eq!(status, 201, "{made}");
    let found = json(
        &lab,
        &format!(
            "{entries}?assigned_object_type=dcim.device&assigned_object_id=2&q=warroom%2Fs%2F3"
        ),
    )
    .await;
    assert_eq!(found["results"], json!([made]));
    let other = json(
        &lab,
        &format!("{entries}?assigned_object_type=dcim.device&assigned_object_id=1"),
    )
    .await;
    assert_eq!(other["count"], 0);
    assert_eq!(json(&lab, &format!("{entries}1/")).await["id"], made["id"]);
    let mut nobody = wanted.clone();
    nobody["assigned_object_id"] = json!(99);
    assert_eq!(send(&lab, "POST", entries, &nobody).await.0, 400);
    let device = "/netbox/api/dcim/devices/2/";
    let set = json!({"status": "staged"});
    let (status, changed) = send(&lab, "PATCH", device, &set).await;
    assert_eq!(
        (status, &changed["status"]["value"]),
        (200, &json!("staged"))
    );
    assert_eq!(json(&lab, device).await["status"]["label"], "Staged");
    let odd = json!({"status": "sleeping"});
    assert_eq!(send(&lab, "PATCH", device, &odd).await.0, 400);
    let gone = "/netbox/api/dcim/devices/99/";
    assert_eq!(send(&lab, "PATCH", gone, &set).await.0, 404);
    let (_, options) = send(&lab, "OPTIONS", "/netbox/api/dcim/devices/", &Value::Null).await;
    let choices = options["actions"]["PUT"]["status"]["choices"].as_array();
    assert_eq!(choices.map(Vec::len), Some(6));
    let Some(openapi) = recorded("netbox/openapi.json") else {
        return;
    };
    let required = &openapi["components"]["schemas"]["JournalEntry"]["required"];
    for key in required.as_array().expect("a list") {
        let key = key.as_str().expect("a name");
        assert!(made.get(key).is_some(), "a journal entry has no `{key}`");
    }
}
