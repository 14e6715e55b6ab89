//! What is written to the lab's PagerDuty: events, the state of incidents, notes, maintenance windows.

use super::super::http::{Ask, Reply};
use super::super::world::World;
use super::pager::{Ended, Event, Status, Window};
use super::{PAGES, entry, mail, not_found, people, services, window};
use crate::domain::time::Timestamp;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// Longest key of an event. Source: PagerDuty Events API v2, "PD-CEF".
const KEY_CHARS_MAX: usize = 255;

/// `POST /v2/enqueue`: opens, acknowledges or resolves by a key of the sender.
pub(super) fn enqueue(world: &World, ask: &Ask) -> Reply {
    let key = ask.text("/dedup_key");
    let title = ask.text("/payload/summary");
    let action = ask.text("/event_action");
    let is_known = matches!(action, "trigger" | "acknowledge" | "resolve");
    let fault = if ask.method != Method::POST || !is_known {
        "'event_action' is invalid"
    } else if !world.is_token(ask.text("/routing_key")) {
        "'routing_key' is not a valid integration key"
    } else if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
        "'dedup_key' is missing or too long"
    } else if action == "trigger" && title.is_empty() {
        "'payload.summary' is missing or blank"
    } else {
        ""
    };
    if !fault.is_empty() {
        let body = json!({"status": "invalid event", "message": "Event object is invalid", "errors": [fault]});
        return Reply::json(StatusCode::BAD_REQUEST, &body);
    }
    world.with(|cluster, now_ms| match action {
        "acknowledge" => cluster.pager.set_key(key, Status::Acknowledged, now_ms),
        "resolve" => cluster.pager.set_key(key, Status::Resolved, now_ms),
        _ => {
            let urgency = match ask.text("/payload/severity") {
                "critical" | "error" => "high",
                _ => "low",
            };
            let event = Event {
                key,
                title,
                urgency,
                service: PAGES.0,
            };
            cluster.pager.trigger(event, now_ms);
        }
    });
    let body = json!({"status": "success", "message": "Event processed", "dedup_key": key});
    Reply::json(StatusCode::ACCEPTED, &body)
}

/// Anything but a `GET` of the REST API.
pub(super) fn answer(world: &World, ask: &Ask, path: &str, base: &str) -> Reply {
    let parts: Vec<&str> = path.split('/').collect();
    // Ending a window is the one write that needs no `From`.
    if let (&Method::DELETE, ["", "maintenance_windows", id]) = (&ask.method, parts.as_slice()) {
        return match world.with(|cluster, now_ms| cluster.pager.end_window(id, now_ms)) {
            Ended::Now => Reply::empty(),
            Ended::Before => refuse(StatusCode::METHOD_NOT_ALLOWED, "the window is over"),
            Ended::Unknown => not_found(),
        };
    }
    if !people().any(|(_, name)| mail(name) == ask.from) {
        return refuse(StatusCode::BAD_REQUEST, "Requester User Not Found");
    }
    match (&ask.method, parts.as_slice()) {
        (&Method::PUT, ["", "incidents"]) => set_states(world, ask, base),
        (&Method::POST, ["", "incidents", id, "notes"]) => {
            let text = ask.text("/note/content");
            if text.is_empty() {
                return refuse(StatusCode::BAD_REQUEST, "Content can't be empty.");
            }
            let note = world.with(|cluster, now_ms| cluster.pager.note(id, text, now_ms));
            let body = note.map(|note| json!({"note": note}));
            body.map_or_else(not_found, |body| Reply::json(StatusCode::OK, &body))
        }
        (&Method::POST, ["", "maintenance_windows"]) => match open_window(world, ask, base) {
            Ok(body) => Reply::json(StatusCode::CREATED, &body),
            Err(what) => refuse(StatusCode::BAD_REQUEST, what),
        },
        _ => not_found(),
    }
}

fn refuse(status: StatusCode, what: &str) -> Reply {
    let error = json!({"error": {"message": what, "code": 2001}});
    Reply::json(status, &error)
}

/// All of the incidents, or none.
fn set_states(world: &World, ask: &Ask, base: &str) -> Reply {
    let wanted = ask.body.get("incidents").and_then(Value::as_array);
    let wanted = wanted.into_iter().flatten().map(|one| {
        let text = |name: &str| one.get(name).and_then(Value::as_str);
        Some((text("id")?, Status::from_word(text("status")?)?))
    });
    let Some(wanted) = wanted.collect::<Option<Vec<_>>>() else {
        let what = "Incidents must have an id and a status";
        return refuse(StatusCode::BAD_REQUEST, what);
    };
    world.with(|cluster, now_ms| {
        let pager = &mut cluster.pager;
        if wanted.iter().any(|(id, _)| pager.incident(id).is_none()) {
            return not_found();
        }
        let set = wanted.iter().filter_map(|(id, status)| {
            let incident = pager.set(id, *status, now_ms)?;
            Some(entry(incident, base))
        });
        let body = json!({"incidents": set.collect::<Vec<_>>()});
        Reply::json(StatusCode::OK, &body)
    })
}

fn open_window(world: &World, ask: &Ask, base: &str) -> Result<Value, &'static str> {
    let of = ask.body.pointer("/maintenance_window/services");
    let of = of.and_then(Value::as_array).into_iter().flatten();
    let ids = of.map(|one| {
        let id = one.get("id").and_then(Value::as_str)?;
        services().find(|(known, _)| *known == id)
    });
    let ids: Option<Vec<_>> = ids.collect();
    let ids = ids.filter(|ids| !ids.is_empty());
    let ids = ids.ok_or("Services must be those of the account")?;
    let time = |place: &str| {
        let time = Timestamp::parse(ask.text(place)).map(Timestamp::as_millis);
        time.map_err(|_| "Start and end must be times")
    };
    let starts_ms = time("/maintenance_window/start_time")?;
    let ends_ms = time("/maintenance_window/end_time")?;
    world.with(|cluster, now_ms| {
        if ends_ms <= starts_ms || ends_ms <= now_ms {
            return Err("End time must be after the start and in the future");
        }
        let opened = cluster.pager.open_window(Window {
            id: String::new(),
            starts_ms,
            ends_ms,
            text: ask.text("/maintenance_window/description").to_owned(),
            services: ids.into_iter().map(|(id, _)| id).collect(),
            by: ask.from.clone(),
        });
        Ok(json!({"maintenance_window": window(opened, base)}))
    })
}
