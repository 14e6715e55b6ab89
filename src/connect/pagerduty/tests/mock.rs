//! A PagerDuty that refuses what the vendor's description does not know: parameters, headers, fields, types, words.

use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

pub(super) const TOKEN: &str = "y_NbAkKc66ryYTWUXYEu";
pub(super) const ROUTING_KEY: &str = "e93facc04764012d7bfb002500d5d1a6";
pub(super) const MAIL: &str = "mira@example.com";

/// What the account holds.
#[derive(Default)]
pub(super) struct Account {
    pub(super) on_calls: Vec<Value>,
    pub(super) incidents: Vec<Value>,
    pub(super) log: Vec<Value>,
    pub(super) notes: Vec<Value>,
    pub(super) windows: Vec<Value>,
    pub(super) services: Vec<Value>,
    pub(super) schedules: Vec<Value>,
    /// Events that were taken.
    pub(super) events: Vec<Value>,
    /// Why requests were refused.
    pub(super) refused: Vec<String>,
    /// Events open no incidents: the service is in maintenance.
    pub(super) holds_events: bool,
    /// Looks at the log that show nothing yet.
    pub(super) silent_looks: usize,
}

/// The server, and what it holds.
pub(super) struct PagerDutyMock {
    pub(super) server: MockServer,
    account: Arc<Mutex<Account>>,
}

struct Answers(Arc<Mutex<Account>>);

impl PagerDutyMock {
    pub(super) async fn start() -> Self {
        let account = Arc::new(Mutex::new(Account::default()));
        let server = MockServer::start().await;
        Mock::given(wiremock::matchers::any())
            .respond_with(Answers(Arc::clone(&account)))
            .mount(&server)
            .await;
        Self { server, account }
    }

    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap()
    }
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut account = self.0.lock().unwrap();
        match answer(&mut account, request) {
            Ok((code, body)) if body.is_null() => ResponseTemplate::new(code),
            Ok((code, body)) => ResponseTemplate::new(code).set_body_json(body),
            Err(why) => {
                let said = format!("{} {}: {why}", request.method, request.url.path());
                account.refused.push(said);
                let body = json!({"error": {"message": "Invalid Input Provided", "code": 2001, "errors": [why]}});
                ResponseTemplate::new(400).set_body_json(body)
            }
        }
    }
}

type Answered = Result<(u16, Value), String>;

fn answer(account: &mut Account, request: &Request) -> Answered {
    let path = request.url.path();
    if path == "/v2/enqueue" {
        return enqueue(account, request);
    }
    let is_known = header(request, "authorization") == format!("Token token={TOKEN}");
    if !is_known {
        let error = json!({"error": {"message": "Invalid Credentials", "code": 2006}});
        return Ok((401, error));
    }
    if header(request, "accept") != "application/vnd.pagerduty+json;version=2" {
        return Err("Accept".to_owned());
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let method = request.method.as_str();
    if matches!(method, "POST" | "PUT") {
        expect(
            header(request, "content-type") == "application/json",
            "Content-Type",
        )?;
        expect(header(request, "from") == MAIL, "From is no user")?;
    }
    match (method, parts.as_slice()) {
        ("GET", [list]) => {
            let entries = list_of(account, request, list)?;
            Ok(page(request, list, entries))
        }
        ("GET", ["incidents", id, "log_entries"]) => {
            parameters(
                request,
                &[
                    "limit",
                    "offset",
                    "total",
                    "time_zone",
                    "since",
                    "until",
                    "is_overview",
                    "include[]",
                ],
            )?;
            let mut log = of_incident(&account.log, id);
            if account.silent_looks > 0 {
                account.silent_looks -= 1;
                log.clear();
            }
            Ok(page(request, "log_entries", log))
        }
        ("GET", ["incidents", id, "notes"]) => {
            parameters(request, &[])?;
            Ok((200, json!({"notes": of_incident(&account.notes, id)})))
        }
        ("GET", ["incidents", id]) => Ok(one(&account.incidents, id, "incident")),
        ("GET", ["maintenance_windows", id]) => Ok(one(&account.windows, id, "maintenance_window")),
        ("DELETE", ["maintenance_windows", id]) => Ok(end_window(account, id)),
        ("POST", ["maintenance_windows"]) => open_window(account, request),
        ("PUT", ["incidents"]) => set_status(account, request),
        ("POST", ["incidents", id, "notes"]) => add_note(account, request, id),
        _ => Ok((
            404,
            json!({"error": {"message": "Not Found", "code": 2100}}),
        )),
    }
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn header<'r>(request: &'r Request, name: &str) -> &'r str {
    let value = request.headers.get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

fn parameters(request: &Request, known: &[&str]) -> Result<(), String> {
    for (name, value) in request.url.query_pairs() {
        expect(known.contains(&name.as_ref()), &format!("parameter {name}"))?;
        let fits = match name.as_ref() {
            "limit" => value
                .parse::<u8>()
                .is_ok_and(|limit| (1..=100).contains(&limit)),
            "offset" => value.parse::<u32>().is_ok(),
            "since" | "until" => value.parse::<jiff::Timestamp>().is_ok(),
            "date_range" => value == "all",
            "statuses[]" => ["triggered", "acknowledged", "resolved"].contains(&value.as_ref()),
            "filter" => ["past", "future", "ongoing", "open", "all"].contains(&value.as_ref()),
            _ => !value.is_empty(),
        };
        expect(fits, &format!("parameter {name} = {value}"))?;
    }
    Ok(())
}

fn asked(request: &Request, name: &str) -> Vec<String> {
    let pairs = request.url.query_pairs();
    let ours = pairs.filter(|(key, _)| key == name);
    ours.map(|(_, value)| value.into_owned()).collect()
}

fn list_of(account: &Account, request: &Request, list: &str) -> Result<Vec<Value>, String> {
    const PAGE: [&str; 3] = ["limit", "offset", "total"];
    let known: &[&str] = match list {
        "oncalls" => &[
            "time_zone",
            "include[]",
            "user_ids[]",
            "escalation_policy_ids[]",
            "schedule_ids[]",
            "since",
            "until",
            "earliest",
        ],
        "incidents" => &[
            "date_range",
            "incident_key",
            "service_ids[]",
            "team_ids[]",
            "user_ids[]",
            "urgencies[]",
            "time_zone",
            "statuses[]",
            "sort_by",
            "include[]",
            "since",
            "until",
        ],
        "maintenance_windows" => &[
            "query",
            "team_ids[]",
            "service_ids[]",
            "include[]",
            "filter",
        ],
        "services" => &[
            "query",
            "team_ids[]",
            "time_zone",
            "sort_by",
            "include[]",
            "name",
        ],
        "schedules" | "users" => &["query", "include[]"],
        _ => return Err("no such list".to_owned()),
    };
    parameters(request, &[known, &PAGE].concat())?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let wanted = |name: &str, value: String| {
        let wanted = asked(request, name);
        wanted.is_empty() || wanted.contains(&value)
    };
    let all: Vec<Value> = match list {
        "oncalls" => account.on_calls.clone(),
        "services" => account.services.clone(),
        "schedules" => account.schedules.clone(),
        "users" => vec![
            json!({"id": "PMIRA", "type": "user", "summary": "Mira", "name": "Mira", "email": MAIL}),
        ],
        "incidents" => account.incidents.clone(),
        _ => account.windows.clone(),
    };
    let open_only = asked(request, "filter") == ["open"];
    let kept = all.into_iter().filter(|entry| {
        wanted("incident_key", text(entry, "incident_key"))
            && wanted("statuses[]", text(entry, "status"))
            && !(open_only && entry["end_time"] == "2026-11-22T03:00:00Z")
    });
    Ok(kept.collect())
}

fn page(request: &Request, list: &str, entries: Vec<Value>) -> (u16, Value) {
    let number = |name: &str, none: usize| {
        let asked = asked(request, name);
        asked.first().map_or(none, |text| text.parse().unwrap())
    };
    let (limit, offset) = (number("limit", 25), number("offset", 0));
    let more = offset + limit < entries.len();
    let entries: Vec<Value> = entries.into_iter().skip(offset).take(limit).collect();
    (
        200,
        json!({list: entries, "limit": limit, "offset": offset, "total": null, "more": more}),
    )
}

fn of_incident(entries: &[Value], id: &str) -> Vec<Value> {
    let ours = entries
        .iter()
        .filter(|entry| entry["incident"]["id"] == *id);
    ours.cloned().collect()
}

fn one(entries: &[Value], id: &str, key: &str) -> (u16, Value) {
    match entries.iter().find(|entry| entry["id"] == *id) {
        Some(entry) => (200, json!({key: entry})),
        None => (
            404,
            json!({"error": {"message": "Not Found", "code": 2100}}),
        ),
    }
}

/// A field's type, and the words it may be; a `!` behind the name makes it required.
enum Shape {
    Text(usize),
    Word(&'static [&'static str]),
    Time,
    Free,
    Object(&'static [(&'static str, Shape)]),
    List(&'static [(&'static str, Shape)]),
}

fn check(value: &Value, shape: &Shape, place: &str) -> Result<(), String> {
    let fits = match shape {
        Shape::Text(max) => value
            .as_str()
            .is_some_and(|text| text.chars().count() <= *max),
        Shape::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        Shape::Time => value
            .as_str()
            .is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
        Shape::Free => value.is_object(),
        Shape::Object(fields) => return object(value, fields, place),
        Shape::List(fields) => {
            let items = value.as_array().ok_or(place)?;
            expect(!items.is_empty(), place)?;
            return items
                .iter()
                .try_for_each(|item| object(item, fields, place));
        }
    };
    expect(fits, &format!("{place} = {value}"))
}

fn object(value: &Value, fields: &[(&str, Shape)], place: &str) -> Result<(), String> {
    let given: &Map<String, Value> = value.as_object().ok_or(place)?;
    for (name, _) in fields {
        if let Some(required) = name.strip_suffix('!') {
            expect(
                given.contains_key(required),
                &format!("{place}.{required} is missing"),
            )?;
        }
    }
    for (name, value) in given {
        let place = format!("{place}.{name}");
        let field = fields
            .iter()
            .find(|(field, _)| field.trim_end_matches('!') == name);
        let (_, shape) = field.ok_or_else(|| format!("{place} is not known"))?;
        check(value, shape, &place)?;
    }
    Ok(())
}

fn body(request: &Request, fields: &[(&str, Shape)]) -> Result<Value, String> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|e| e.to_string())?;
    object(&body, fields, "body")?;
    Ok(body)
}

fn open_window(account: &mut Account, request: &Request) -> Answered {
    const SERVICE: &[(&str, Shape)] = &[
        ("id!", Shape::Text(20)),
        ("type!", Shape::Word(&["service_reference"])),
    ];
    const WINDOW: &[(&str, Shape)] = &[
        ("type!", Shape::Word(&["maintenance_window"])),
        ("start_time!", Shape::Time),
        ("end_time!", Shape::Time),
        ("description", Shape::Text(1000)),
        ("services!", Shape::List(SERVICE)),
    ];
    parameters(request, &[])?;
    let mut window =
        body(request, &[("maintenance_window!", Shape::Object(WINDOW))])?["maintenance_window"]
            .take();
    for service in window["services"].as_array_mut().unwrap() {
        let known = account
            .services
            .iter()
            .find(|known| known["id"] == service["id"]);
        service["summary"] = known.ok_or("no such service")?["name"].clone();
    }
    window["id"] = json!(format!("PW{}", account.windows.len()));
    window["created_by"] = json!({"id": "PMIRA", "type": "user_reference", "summary": "Mira"});
    window["teams"] = json!([]);
    account.windows.push(window.clone());
    Ok((201, json!({"maintenance_window": window})))
}

fn end_window(account: &mut Account, id: &str) -> (u16, Value) {
    let window = account
        .windows
        .iter_mut()
        .find(|window| window["id"] == *id);
    match window {
        None => one(&[], id, ""),
        Some(window) if window["end_time"] == "2026-11-22T03:00:00Z" => (405, Value::Null),
        Some(window) => {
            window["end_time"] = json!("2026-11-22T03:00:00Z");
            (204, Value::Null)
        }
    }
}

fn set_status(account: &mut Account, request: &Request) -> Answered {
    const INCIDENT: &[(&str, Shape)] = &[
        ("id!", Shape::Text(20)),
        ("type!", Shape::Word(&["incident", "incident_reference"])),
        (
            "status",
            Shape::Word(&["resolved", "acknowledged", "triggered"]),
        ),
    ];
    let body = body(request, &[("incidents!", Shape::List(INCIDENT))])?;
    let change = &body["incidents"][0];
    let incident = account
        .incidents
        .iter_mut()
        .find(|incident| incident["id"] == change["id"]);
    let incident = incident.ok_or("Incident Not Found")?;
    incident["status"] = change["status"].clone();
    Ok((200, json!({"incidents": [incident], "more": false})))
}

fn add_note(account: &mut Account, request: &Request, id: &str) -> Answered {
    const NOTE: &[(&str, Shape)] = &[("content!", Shape::Text(25_000))];
    let mut note = body(request, &[("note!", Shape::Object(NOTE))])?["note"].take();
    note["id"] = json!(format!("PN{}", account.notes.len()));
    note["incident"] = json!({"id": id});
    account.notes.push(note.clone());
    Ok((200, json!({"note": note})))
}

fn enqueue(account: &mut Account, request: &Request) -> Answered {
    const PAYLOAD: &[(&str, Shape)] = &[
        ("summary!", Shape::Text(1024)),
        ("source!", Shape::Text(1024)),
        (
            "severity!",
            Shape::Word(&["critical", "error", "warning", "info"]),
        ),
        ("timestamp", Shape::Time),
        ("component", Shape::Text(1024)),
        ("group", Shape::Text(1024)),
        ("class", Shape::Text(1024)),
        ("custom_details", Shape::Free),
    ];
    const EVENT: &[(&str, Shape)] = &[
        ("routing_key!", Shape::Text(32)),
        (
            "event_action!",
            Shape::Word(&["trigger", "acknowledge", "resolve"]),
        ),
        ("dedup_key", Shape::Text(255)),
        ("client", Shape::Text(1024)),
        ("payload", Shape::Object(PAYLOAD)),
    ];
    expect(request.method.as_str() == "POST", "method")?;
    expect(
        header(request, "authorization").is_empty(),
        "a credential nobody asked for",
    )?;
    expect(
        header(request, "content-type") == "application/json",
        "Content-Type",
    )?;
    let event = body(request, EVENT)?;
    if event["routing_key"] != ROUTING_KEY {
        let said = format!("no service has {}", event["routing_key"]);
        return Ok((
            400,
            json!({"status": "invalid event", "message": "Event object is invalid", "errors": [said]}),
        ));
    }
    let (action, key) = (
        event["event_action"].as_str().unwrap(),
        event["dedup_key"].clone(),
    );
    let is_trigger = action == "trigger";
    expect(is_trigger == event.get("payload").is_some(), "payload")?;
    expect(is_trigger || key.is_string(), "dedup_key")?;
    account.events.push(event.clone());
    let open =
        |incident: &&mut Value| incident["incident_key"] == key && incident["status"] != "resolved";
    match (account.incidents.iter_mut().find(open), action) {
        (Some(incident), "acknowledge") => incident["status"] = json!("acknowledged"),
        (Some(incident), "resolve") => incident["status"] = json!("resolved"),
        (None, "trigger") if !account.holds_events => {
            account.incidents.push(json!({
                "id": "Q1X", "type": "incident", "status": "triggered", "incident_key": key, "created_at": "2026-11-22T03:00:00Z",
                "title": event["payload"]["summary"], "html_url": "https://example.pagerduty.com/incidents/Q1X"}));
        }
        _ => {}
    }
    Ok((
        202,
        json!({"status": "success", "message": "Event processed", "dedup_key": key}),
    ))
}
