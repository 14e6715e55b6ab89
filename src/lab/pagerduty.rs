//! The REST API of PagerDuty, read only: on-calls, incidents, schedules, services, maintenance windows, the own user.

use super::alerts::{Alarms, PAGING};
use super::http::{Ask, Reply};
use super::world::World;
use crate::domain::time::Timestamp;
use hyper::StatusCode;
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
const SERVICE: (&str, &str) = ("PLABSVC", "orders-api");
/// Services of the teams that own the rest, so that somebody answers for every component of the demo.
const TEAMS: [(&str, &str); 3] = [
    ("PLABST", "team-storage"),
    ("PLABED", "team-edge"),
    ("PLABOR", "team-orders"),
];
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

/// One incident.
#[derive(Debug, Clone, Copy)]
struct Incident {
    number: u32,
    opened_ms: i64,
    resolved_ms: Option<i64>,
}

/// Incidents so far.
#[derive(Debug)]
pub(super) struct Pager {
    started_ms: i64,
    incidents: Vec<Incident>,
    opened: u32,
}

impl Pager {
    /// None so far.
    pub(super) const fn new(started_ms: i64) -> Self {
        Self {
            started_ms,
            incidents: Vec::new(),
            opened: 0,
        }
    }

    /// When the lab was started.
    pub(super) const fn started(&self) -> Timestamp {
        Timestamp::from_millis(self.started_ms)
    }

    /// Opens an incident when the paging alert fires, and resolves it when it no longer does.
    pub(super) fn follow(&mut self, alarms: &Alarms, now_ms: i64) {
        let is_firing = alarms.is_firing(PAGING);
        let open = self
            .incidents
            .iter_mut()
            .find(|incident| incident.resolved_ms.is_none());
        match open {
            Some(incident) if !is_firing => incident.resolved_ms = Some(now_ms),
            None if is_firing => {
                if self.incidents.len() >= INCIDENTS_MAX {
                    self.incidents.remove(0);
                }
                self.opened = self.opened.saturating_add(1);
                self.incidents.push(Incident {
                    number: self.opened,
                    opened_ms: now_ms,
                    resolved_ms: None,
                });
            }
            _ => {}
        }
    }
}

/// Answers one request below `/pagerduty`.
pub(super) fn answer(world: &World, ask: &Ask, path: &str) -> Reply {
    let token = ask.credential("Token token=");
    if !token.is_some_and(|token| world.is_token(token)) {
        let error = json!({"error": {"message": "Invalid Credentials", "code": 2006}});
        return Reply::json(StatusCode::UNAUTHORIZED, &error);
    }
    let base = format!("{}/pagerduty", world.base());
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
        "/services" => {
            let all = [SERVICE].into_iter().chain(TEAMS);
            ("services", all.map(|of| service(of, &base)).collect())
        }
        // The lab takes no writes, so nobody ever opens one.
        "/maintenance_windows" => ("maintenance_windows", Vec::new()),
        "/users/me" => {
            let [first, ..] = &ROTAS;
            let [person, ..] = first.people;
            return Reply::json(StatusCode::OK, &json!({"user": user(person, &base)}));
        }
        _ => {
            let error = json!({"error": {"message": "Not Found", "code": 2100}});
            return Reply::json(StatusCode::NOT_FOUND, &error);
        }
    };
    page(ask, key, entries)
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

fn user((id, name): (&str, &str), base: &str) -> Value {
    let email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
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

/// Shifts that overlap the time asked for, of both levels.
fn on_calls(pager: &Pager, ask: &Ask, now_ms: i64, base: &str) -> Vec<Value> {
    let point = |name: &str| {
        let text = ask.param(name)?;
        Timestamp::parse(text).ok().map(Timestamp::as_millis)
    };
    let since = point("since").unwrap_or(now_ms);
    let until = point("until").unwrap_or(since).max(since);
    let anchor = pager.started_ms.saturating_add(HANDOVER_MS);
    let shift_at = |ms: i64| ms.saturating_sub(anchor).div_euclid(SHIFT_MS);
    let first = shift_at(since);
    let last = shift_at(until).min(first.saturating_add(SHIFTS_MAX));
    let mut entries = Vec::new();
    for rota in &ROTAS {
        if !is_wanted(ask, "schedule_ids[]", rota.id)
            || !is_wanted(ask, "escalation_policy_ids[]", POLICY.0)
        {
            continue;
        }
        for shift in first..=last {
            let start = anchor.saturating_add(shift.saturating_mul(SHIFT_MS));
            let time = |ms: i64| Timestamp::from_millis(ms).to_seconds_text();
            let place = usize::try_from(shift.rem_euclid(3)).unwrap_or(0);
            let person = rota.people.get(place).copied().unwrap_or_default();
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
    let newest_first = pager.incidents.iter().rev();
    let incidents = newest_first.filter_map(|incident| {
        let status = match incident.resolved_ms {
            None => "triggered",
            Some(_) => "resolved",
        };
        let wanted =
            is_wanted(ask, "statuses[]", status) && is_wanted(ask, "service_ids[]", SERVICE.0);
        wanted.then(|| entry(incident, status, base))
    });
    incidents.collect()
}

fn entry(incident: &Incident, status: &str, base: &str) -> Value {
    let id = format!("QLAB{:04}", incident.number);
    let title = "orders-api: more than 5 % of the requests fail";
    let changed = incident.resolved_ms.unwrap_or(incident.opened_ms);
    let time = |ms: i64| Timestamp::from_millis(ms).to_seconds_text();
    json!({
        "id": id, "type": "incident", "summary": format!("[#{}] {title}", incident.number), "title": title,
        "self": format!("{base}/incidents/{id}"), "html_url": null, "incident_number": incident.number,
        "created_at": time(incident.opened_ms), "last_status_change_at": time(changed), "status": status,
        "urgency": "high", "incident_key": "orders-api-errors", "service": reference(SERVICE, "service", base),
        "escalation_policy": reference(POLICY, "escalation_policy", base),
        "assignments": [], "acknowledgements": [], "teams": [],
    })
}
