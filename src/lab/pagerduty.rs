//! The REST API of PagerDuty: on-calls, incidents with their notes and log, schedules, services, maintenance windows,
//! users; and the Events API, whose routing key is the lab's token.

mod pager;
mod write;

pub(super) use pager::Pager;

use super::catalog::COMPONENTS;
use super::http::{Ask, Reply};
use super::world::World;
use crate::domain::time::Timestamp;
use hyper::{Method, StatusCode};
use pager::{Incident, NOTIFIED_AFTER_MS, Window};
use serde_json::{Value, json};

/// Length of a shift.
const SHIFT_MS: i64 = 8 * 3600 * 1000;
/// From the start of the lab to the next hand-over: far enough not to come in the middle of a demo, near enough to be
/// shown.
const HANDOVER_MS: i64 = 150 * 60 * 1000;
/// Shifts in one answer: a fortnight of both levels.
const SHIFTS_MAX: i64 = 42;
/// Incidents remembered: a demo has a few.
const INCIDENTS_MAX: usize = 20;
/// Entries of one page when nobody says how many.
const PAGE: usize = 25;
/// Entries of one page at most.
const PAGE_MAX: usize = 100;

/// A rota: who follows whom.
struct Rota {
    id: &'static str,
    name: &'static str,
    level: u8,
    people: [(&'static str, &'static str); 3],
}

const POLICY: (&str, &str) = ("PLABPOL", "Orders");
/// The service that people page through: that of no component, so that no maintenance window keeps a page quiet.
const PAGES: (&str, &str) = ("PLABPG", "Orders on-call");
/// A service for each component, as the catalogue lists them.
const SERVICE_IDS: [&str; 6] = ["PLABS1", "PLABS2", "PLABS3", "PLABS4", "PLABSVC", "PLABS6"];

/// Ids and names of all services.
fn services() -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = COMPONENTS.iter().map(|entry| entry.name);
    SERVICE_IDS.into_iter().zip(names).chain([PAGES])
}

/// Id of the service of a component; empty for what is none.
fn service_of(component: &str) -> &'static str {
    let found = services().find(|(_, name)| *name == component);
    found.map_or("", |(id, _)| id)
}

/// The service with that id.
fn service_by_id(id: &str) -> (&'static str, &'static str) {
    services().find(|(known, _)| *known == id).unwrap_or(PAGES)
}

const ROTAS: [Rota; 2] = [
    Rota {
        id: "PLABSC1",
        name: "Orders primary",
        level: 1,
        people: [
            ("PLABU01", "Ines Duarte"),
            ("PLABU02", "Tomasz Nowak"),
            ("PLABU03", "Priya Raman"),
        ],
    },
    Rota {
        id: "PLABSC2",
        name: "Orders secondary",
        level: 2,
        people: [
            ("PLABU04", "Lena Fischer"),
            ("PLABU05", "Omar Haddad"),
            ("PLABU06", "Grace Kim"),
        ],
    },
];

/// Answers one request below `/pagerduty`.
pub(super) fn answer(world: &World, ask: &Ask, path: &str) -> Reply {
    let base = format!("{}/pagerduty", world.base());
    if path == "/v2/enqueue" {
        return write::enqueue(world, ask);
    }
    let token = ask.credential("Token token=");
    if !token.is_some_and(|token| world.is_token(token)) {
        let error = json!({"error": {"message": "Invalid Credentials", "code": 2006}});
        return Reply::json(StatusCode::UNAUTHORIZED, &error);
    }
    if ask.method != Method::GET {
        return write::answer(world, ask, path, &base);
    }
    let (key, entries) = match path {
        "/oncalls" => (
            "oncalls",
            world.with(|cluster, now_ms| on_calls(&cluster.pager, ask, now_ms, &base)),
        ),
        "/incidents" => (
            "incidents",
            world.with(|cluster, _| incidents(&cluster.pager, ask, &base)),
        ),
        "/schedules" => (
            "schedules",
            ROTAS.iter().map(|rota| schedule(rota, &base)).collect(),
        ),
        "/services" => (
            "services",
            services().map(|of| service(of, &base)).collect(),
        ),
        "/maintenance_windows" => (
            "maintenance_windows",
            world.with(|cluster, now_ms| windows(&cluster.pager, ask, now_ms, &base)),
        ),
        "/users" => {
            let wanted = ask.param("query").unwrap_or_default();
            let all = people().map(|person| user(person, &base));
            let found = all.filter(|user| user.to_string().contains(wanted));
            ("users", found.collect())
        }
        _ => return single(world, path, &base).unwrap_or_else(not_found),
    };
    page(ask, key, entries)
}

fn not_found() -> Reply {
    let error = json!({"error": {"message": "Not Found", "code": 2100}});
    Reply::json(StatusCode::NOT_FOUND, &error)
}

/// What is one thing, or belongs to one.
fn single(world: &World, path: &str, base: &str) -> Option<Reply> {
    let body = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["", "users", "me"] => {
            let first = people().next()?;
            json!({"user": user(first, base)})
        }
        ["", "maintenance_windows", id] => world.with(|cluster, _| {
            let mut all = cluster.pager.windows().iter();
            let found = all.find(|window| window.id == *id)?;
            Some(json!({"maintenance_window": window(found, base)}))
        })?,
        ["", "incidents", id] => world.with(|cluster, _| {
            let found = cluster.pager.incident(id)?;
            Some(json!({"incident": entry(found, base)}))
        })?,
        ["", "incidents", id, "notes"] => world.with(|cluster, _| {
            let found = cluster.pager.incident(id)?;
            Some(json!({"notes": found.notes()}))
        })?,
        ["", "incidents", id, "log_entries"] => world.with(|cluster, now_ms| {
            let found = cluster.pager.incident(id)?;
            let log = log(&cluster.pager, found, now_ms, base);
            Some(json!({"log_entries": log, "limit": PAGE, "offset": 0, "total": null, "more": false}))
        })?,
        _ => return None,
    };
    Some(Reply::json(StatusCode::OK, &body))
}

fn people() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROTAS.iter().flat_map(|rota| rota.people)
}

fn page(ask: &Ask, key: &str, entries: Vec<Value>) -> Reply {
    let number = |name: &str| ask.param(name).map_or(Ok(0), str::parse::<usize>);
    let (Ok(limit), Ok(offset)) = (number("limit"), number("offset")) else {
        let error = json!({"error": {
            "message": "Invalid Input Provided", "code": 2001, "errors": ["limit and offset are whole numbers."],
        }});
        return Reply::json(StatusCode::BAD_REQUEST, &error);
    };
    let limit = if limit == 0 {
        PAGE
    } else {
        limit.min(PAGE_MAX)
    };
    let more = offset.saturating_add(limit) < entries.len();
    let entries: Vec<Value> = entries.into_iter().skip(offset).take(limit).collect();
    Reply::json(
        StatusCode::OK,
        &json!({key: entries, "limit": limit, "offset": offset, "total": null, "more": more}),
    )
}

fn reference((id, name): (&str, &str), kind: &str, base: &str) -> Value {
    let plural = match kind {
        "escalation_policy" => "escalation_policies".to_owned(),
        kind => format!("{kind}s"),
    };
    json!({
        "id": id, "type": format!("{kind}_reference"), "summary": name,
        "self": format!("{base}/{plural}/{id}"), "html_url": null,
    })
}

/// `ines.duarte@example.com`
fn mail(name: &str) -> String {
    format!("{}@example.com", name.to_lowercase().replace(' ', "."))
}

fn user((id, name): (&str, &str), base: &str) -> Value {
    let email = mail(name);
    json!({
        "id": id, "type": "user", "summary": name, "name": name, "email": email, "time_zone": "UTC", "role": "user",
        "self": format!("{base}/users/{id}"), "html_url": null, "teams": [], "contact_methods": [],
    })
}

fn schedule(rota: &Rota, base: &str) -> Value {
    json!({
        "id": rota.id, "type": "schedule", "summary": rota.name, "name": rota.name, "time_zone": "UTC",
        "self": format!("{base}/schedules/{}", rota.id), "html_url": null, "description": null,
        "escalation_policies": [reference(POLICY, "escalation_policy", base)],
        "users": rota.people.map(|person| reference(person, "user", base)), "teams": [],
    })
}

fn service((id, name): (&str, &str), base: &str) -> Value {
    json!({
        "id": id, "type": "service", "summary": name, "name": name, "status": "active",
        "self": format!("{base}/services/{id}"), "html_url": null, "description": null,
        "escalation_policy": reference(POLICY, "escalation_policy", base), "teams": [], "integrations": [],
    })
}

/// Whether a list parameter is absent or names the id.
fn is_wanted(ask: &Ask, name: &str, id: &str) -> bool {
    let mut wanted = ask.params(name).peekable();
    wanted.peek().is_none() || wanted.any(|wanted| wanted == id)
}

/// The first hand-over after the start.
const fn anchor(pager: &Pager) -> i64 {
    pager.started_ms.saturating_add(HANDOVER_MS)
}

/// Number of the shift at a time; the one that ends with the first hand-over is -1.
const fn shift_at(pager: &Pager, ms: i64) -> i64 {
    ms.saturating_sub(anchor(pager)).div_euclid(SHIFT_MS)
}

/// Who has a shift.
fn on_duty(rota: &Rota, shift: i64) -> (&'static str, &'static str) {
    let place = usize::try_from(shift.rem_euclid(3)).unwrap_or(0);
    rota.people.get(place).copied().unwrap_or_default()
}

/// Shifts that overlap the time asked for, of both levels.
fn on_calls(pager: &Pager, ask: &Ask, now_ms: i64, base: &str) -> Vec<Value> {
    let point = |name: &str| {
        let text = ask.param(name)?;
        Timestamp::parse(text).ok().map(Timestamp::as_millis)
    };
    let since = point("since").unwrap_or(now_ms);
    let until = point("until").unwrap_or(since).max(since);
    let first = shift_at(pager, since);
    let last = shift_at(pager, until).min(first.saturating_add(SHIFTS_MAX));
    let mut entries = Vec::new();
    for rota in &ROTAS {
        if !is_wanted(ask, "schedule_ids[]", rota.id)
            || !is_wanted(ask, "escalation_policy_ids[]", POLICY.0)
        {
            continue;
        }
        for shift in first..=last {
            let start = anchor(pager).saturating_add(shift.saturating_mul(SHIFT_MS));
            let time = |ms: i64| Timestamp::from_millis(ms).to_seconds_text();
            let person = on_duty(rota, shift);
            entries.push(json!({
                "escalation_policy": reference(POLICY, "escalation_policy", base),
                "escalation_level": rota.level, "schedule": reference((rota.id, rota.name), "schedule", base),
                "user": user(person, base), "start": time(start), "end": time(start.saturating_add(SHIFT_MS)),
            }));
        }
    }
    entries
}

fn incidents(pager: &Pager, ask: &Ask, base: &str) -> Vec<Value> {
    let wanted = pager.incidents().filter(|incident| {
        is_wanted(ask, "statuses[]", incident.status.as_str())
            && is_wanted(ask, "service_ids[]", incident.service)
            && is_wanted(ask, "incident_key", &incident.key)
    });
    wanted.map(|incident| entry(incident, base)).collect()
}

fn entry(incident: &Incident, base: &str) -> Value {
    let (id, title) = (incident.id(), &incident.title);
    let time = |ms: i64| Timestamp::from_millis(ms).to_seconds_text();
    json!({
        "id": id, "type": "incident", "summary": format!("[#{}] {title}", incident.number), "title": title,
        "self": format!("{base}/incidents/{id}"), "html_url": null, "incident_number": incident.number,
        "created_at": time(incident.opened_ms), "last_status_change_at": time(incident.changed_ms),
        "status": incident.status.as_str(), "urgency": incident.urgency, "incident_key": incident.key,
        "service": reference(service_by_id(incident.service), "service", base),
        "escalation_policy": reference(POLICY, "escalation_policy", base),
        "assignments": [], "acknowledgements": [], "teams": [],
    })
}

/// What happened to an incident: it was opened, and then the person on call was notified.
fn log(pager: &Pager, incident: &Incident, now_ms: i64, base: &str) -> Vec<Value> {
    let id = incident.id();
    let line = |kind: &str, at_ms: i64| {
        json!({
            "id": format!("R{id}{}", kind.len()), "type": format!("{kind}_log_entry"),
            "created_at": Timestamp::from_millis(at_ms).to_seconds_text(),
        })
    };
    let mut log = vec![line("trigger", incident.opened_ms)];
    let at_ms = incident.opened_ms.saturating_add(NOTIFIED_AFTER_MS);
    if at_ms <= now_ms {
        let [primary, ..] = &ROTAS;
        let person = on_duty(primary, shift_at(pager, incident.opened_ms));
        let mut line = line("notify", at_ms);
        let by = if incident.urgency == "high" {
            "push"
        } else {
            "email"
        };
        let told = json!({
            "user": reference(person, "user", base),
            "channel": {"type": "auto", "notification": {"type": format!("{by}_notification"), "status": "success"}},
        });
        if let (Some(line), Value::Object(told)) = (line.as_object_mut(), told) {
            line.extend(told);
        }
        log.push(line);
    }
    log
}

fn windows(pager: &Pager, ask: &Ask, now_ms: i64, base: &str) -> Vec<Value> {
    let filter = ask.param("filter").unwrap_or("all");
    let wanted = pager.windows().iter().filter(|window| {
        let is_service = |id: &&str| is_wanted(ask, "service_ids[]", id);
        (filter != "open" || now_ms < window.ends_ms) && window.services.iter().any(is_service)
    });
    wanted.map(|one| window(one, base)).collect()
}

fn window(window: &Window, base: &str) -> Value {
    let time = |ms: i64| Timestamp::from_millis(ms).to_seconds_text();
    let of = window.services.iter();
    let of = of.map(|id| reference(service_by_id(id), "service", base));
    let by = people().find(|(_, name)| mail(name) == window.by);
    json!({
        "id": window.id, "type": "maintenance_window", "summary": window.text, "description": window.text,
        "self": format!("{base}/maintenance_windows/{}", window.id), "html_url": null, "sequence_number": 1,
        "start_time": time(window.starts_ms), "end_time": time(window.ends_ms), "services": of.collect::<Vec<_>>(),
        "created_by": by.map(|person| reference(person, "user", base)), "teams": [],
    })
}
