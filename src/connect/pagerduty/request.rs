//! Which lists are asked for, and what is written; made without I/O.

use super::config::PagerDutyConfig;
use crate::connect::http::{Call, Method, path_part};
use crate::domain::time::Timestamp;
use crate::domain::write::Urgency;
use serde_json::{Value, json};

/// Entries of one page: the vendor's maximum.
pub(super) const PAGE: usize = 100;

/// Version of the API, asked for in the `Accept` header.
pub(super) const ACCEPT: &str = "application/vnd.pagerduty+json;version=2";

/// Longest summary of an event, in characters. Source: "Send an Alert Event", `payload.summary`.
const SUMMARY_CHARS_MAX: usize = 1024;

/// One list of the REST API with its filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// Path below the base URL.
    pub(super) path: String,
    /// What a person calls it, for errors.
    pub(super) what: &'static str,
    /// Parameters without those of the page.
    pub(super) query: Vec<(&'static str, String)>,
}

impl Request {
    fn new(path: impl Into<String>, what: &'static str) -> Self {
        Self {
            path: path.into(),
            what,
            query: Vec::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    fn with_all(mut self, name: &'static str, values: &[String]) -> Self {
        let pairs = values.iter().map(|value| (name, value.clone()));
        self.query.extend(pairs);
        self
    }

    /// The page that starts at `offset`.
    pub(super) fn page(&self, offset: usize) -> Call {
        let mut call = Call::get(&self.path);
        call.query.clone_from(&self.query);
        call.query("limit", PAGE.to_string())
            .query("offset", offset.to_string())
    }

    /// A list that has no pages, or its first entry alone.
    pub(super) fn once(&self, limit: Option<usize>) -> Call {
        let mut call = Call::get(&self.path);
        call.query.clone_from(&self.query);
        match limit {
            Some(limit) => call.query("limit", limit.to_string()),
            None => call,
        }
    }
}

/// On-calls from now to the end of the look-ahead.
///
/// Schedules and policies are two requests: given together they would narrow each other down.
pub(super) fn on_calls(config: &PagerDutyConfig, now: Timestamp) -> Vec<Request> {
    let base = Request::new("/oncalls", "on-calls")
        .with("since", now.to_seconds_text())
        .with("until", now.plus(config.look_ahead).to_seconds_text())
        .with("include[]", "users");
    let filters = [
        ("schedule_ids[]", &config.schedules),
        ("escalation_policy_ids[]", &config.escalation_policies),
    ];
    let set = filters.into_iter().filter(|(_, ids)| !ids.is_empty());
    let requests: Vec<Request> = set
        .map(|(name, ids)| base.clone().with_all(name, ids))
        .collect();
    if requests.is_empty() {
        vec![base]
    } else {
        requests
    }
}

/// Open incidents, however old: without `date_range=all` the vendor leaves out what is older than a month.
pub(super) fn incidents(config: &PagerDutyConfig) -> Request {
    Request::new("/incidents", "incidents")
        .with("statuses[]", "triggered")
        .with("statuses[]", "acknowledged")
        .with("date_range", "all")
        .with_all("service_ids[]", &config.services)
}

/// Incidents of one deduplication key, in any state.
pub(super) fn incidents_of_key(key: &str) -> Request {
    Request::new("/incidents", "the incident")
        .with("incident_key", key)
        .with("date_range", "all")
}

/// All schedules, to find configured ids that do not exist: the on-call list is silently empty for those.
pub(super) fn schedules() -> Request {
    Request::new("/schedules", "schedules")
}

/// All services, with the escalation policy of each.
pub(super) fn services() -> Request {
    Request::new("/services", "services")
}

/// Maintenance windows that hold or will hold.
pub(super) fn windows(config: &PagerDutyConfig) -> Request {
    Request::new("/maintenance_windows", "maintenance windows")
        .with("filter", "open")
        .with_all("service_ids[]", &config.services)
}

/// Maintenance windows in a state: `open`, `all`.
pub(super) fn windows_in(state: &'static str) -> Request {
    Request::new("/maintenance_windows", "maintenance windows").with("filter", state)
}

/// What happened to an incident.
pub(super) fn log_entries(incident: &str) -> Request {
    let path = format!("/incidents/{}/log_entries", path_part(incident));
    Request::new(path, "the incident's log")
}

/// Notes of an incident; the list has no pages.
pub(super) fn notes(incident: &str) -> Request {
    let path = format!("/incidents/{}/notes", path_part(incident));
    Request::new(path, "the incident's notes")
}

/// Users whose name or address holds a text.
pub(super) fn users(text: &str) -> Request {
    Request::new("/users", "users").with("query", text)
}

/// One incident.
pub(super) fn incident(id: &str) -> Call {
    Call::get(format!("/incidents/{}", path_part(id)))
}

/// One maintenance window.
pub(super) fn window(id: &str) -> Call {
    Call::get(format!("/maintenance_windows/{}", path_part(id)))
}

/// Opens a maintenance window.
pub(super) fn open_window(
    from: &str,
    services: &[String],
    description: &str,
    (start, end): (Timestamp, Timestamp),
) -> Call {
    let services: Vec<Value> = services
        .iter()
        .map(|id| json!({"id": id, "type": "service_reference"}))
        .collect();
    let body = json!({"maintenance_window": {
        "type": "maintenance_window",
        "start_time": start.to_seconds_text(),
        "end_time": end.to_seconds_text(),
        "description": description,
        "services": services,
    }});
    Call::post("/maintenance_windows", body).header("From", from)
}

/// Ends a maintenance window that holds, and removes one that has not begun.
pub(super) fn end_window(id: &str) -> Call {
    let path = format!("/maintenance_windows/{}", path_part(id));
    Call::new(Method::Delete, path)
}

/// Sets the state of an incident: `acknowledged`, `resolved`.
pub(super) fn set_status(from: &str, incident: &str, status: &str) -> Call {
    let body = json!({"incidents": [
        {"id": incident, "type": "incident_reference", "status": status},
    ]});
    Call {
        method: Method::Put,
        ..Call::post("/incidents", body).header("From", from)
    }
}

/// Writes under an incident.
pub(super) fn add_note(from: &str, incident: &str, text: &str) -> Call {
    let path = format!("/incidents/{}/notes", path_part(incident));
    Call::post(path, json!({"note": {"content": text}})).header("From", from)
}

/// What a page says.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageText<'a> {
    pub(super) summary: &'a str,
    pub(super) details: &'a str,
    pub(super) component: &'a str,
    pub(super) urgency: Urgency,
    pub(super) by: &'a str,
}

/// Event that opens an alert, without its routing key, which is a secret and is put in when it is sent.
///
/// A service whose urgency follows the severity wakes somebody for `critical`, and not for `warning`.
pub(super) fn trigger(key: &str, page: PageText<'_>, now: Timestamp) -> Value {
    let severity = match page.urgency {
        Urgency::High => "critical",
        Urgency::Low => "warning",
    };
    let source = if page.component.is_empty() {
        "warroom"
    } else {
        page.component
    };
    let summary: String = page.summary.chars().take(SUMMARY_CHARS_MAX).collect();
    let mut payload = json!({
        "summary": summary,
        "timestamp": now.to_string(),
        "severity": severity,
        "source": source,
        "custom_details": {"details": page.details, "paged by": page.by, "marker": key},
    });
    if !page.component.is_empty()
        && let Some(object) = payload.as_object_mut()
    {
        object.insert("component".to_owned(), page.component.into());
    }
    json!({"event_action": "trigger", "dedup_key": key, "client": "warroom", "payload": payload})
}

/// Event about an alert that is open: `acknowledge`, `resolve`.
pub(super) fn event(action: &str, key: &str) -> Value {
    json!({"event_action": action, "dedup_key": key})
}

/// An event on its way. Holds the routing key: never print it.
pub(super) fn enqueue(event: Value) -> Call {
    Call::post("/v2/enqueue", event)
}
