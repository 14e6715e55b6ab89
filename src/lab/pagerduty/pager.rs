//! What the lab's pager knows: incidents from the alert that pages and from events, their notes, maintenance windows.

use super::super::catalog::API;
use super::{INCIDENTS_MAX, service_of};
use crate::domain::time::Timestamp;
use serde_json::{Value, json};

/// Notes under one incident: more than anybody writes in a demo.
const NOTES_MAX: usize = 50;
/// Maintenance windows remembered.
const WINDOWS_MAX: usize = 50;
/// From an incident to the moment in which the person on call has been notified: long enough to be seen on its way.
pub(super) const NOTIFIED_AFTER_MS: i64 = 2_000;
/// Key of the incident of the alert that pages.
const ALARM_KEY: &str = "orders-api-errors";

/// State of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Triggered,
    Acknowledged,
    Resolved,
}

impl Status {
    /// The vendor's word.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }

    /// Reads the vendor's word for a state that can be set.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Acknowledged, Self::Resolved]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// One incident.
#[derive(Debug, Clone)]
pub(super) struct Incident {
    pub(super) number: u32,
    pub(super) key: String,
    pub(super) title: String,
    pub(super) urgency: &'static str,
    /// Id of its service.
    pub(super) service: &'static str,
    pub(super) status: Status,
    pub(super) opened_ms: i64,
    pub(super) changed_ms: i64,
    /// Number, text, when.
    notes: Vec<(u32, String, i64)>,
}

impl Incident {
    /// `QLAB0001`
    pub(super) fn id(&self) -> String {
        format!("QLAB{:04}", self.number)
    }

    /// Its notes, the oldest first.
    pub(super) fn notes(&self) -> Vec<Value> {
        let shown = self.notes.iter().map(|(number, text, at_ms)| {
            let created = Timestamp::from_millis(*at_ms).to_seconds_text();
            let id = format!("PLABN{:04}{number:03}", self.number);
            json!({"id": id, "content": text, "created_at": created, "user": null})
        });
        shown.collect()
    }
}

/// One maintenance window.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) id: String,
    pub(super) starts_ms: i64,
    pub(super) ends_ms: i64,
    pub(super) text: String,
    /// Ids of services.
    pub(super) services: Vec<&'static str>,
    /// Mail address of who opened it.
    pub(super) by: String,
}

/// How a window ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It ends now, or never begins.
    Now,
    /// It was over.
    Before,
    /// There is none.
    Unknown,
}

/// What an event opens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) key: &'a str,
    pub(super) title: &'a str,
    pub(super) urgency: &'static str,
    pub(super) service: &'static str,
}

/// Incidents and windows so far.
#[derive(Debug)]
pub(in crate::lab) struct Pager {
    pub(super) started_ms: i64,
    incidents: Vec<Incident>,
    opened: u32,
    windows: Vec<Window>,
    opened_windows: u32,
    /// The alert that fires now has been sent.
    is_told: bool,
}

impl Pager {
    /// None so far.
    pub(in crate::lab) const fn new(started_ms: i64) -> Self {
        Self {
            started_ms,
            incidents: Vec::new(),
            opened: 0,
            windows: Vec::new(),
            opened_windows: 0,
            is_told: false,
        }
    }

    /// When the lab was started.
    pub(in crate::lab) const fn started(&self) -> Timestamp {
        Timestamp::from_millis(self.started_ms)
    }

    /// Opens an incident when the paging alert fires and is heard, and resolves it when it no longer fires.
    pub(in crate::lab) fn follow(&mut self, is_firing: bool, is_heard: bool, now_ms: i64) {
        if !is_firing {
            self.is_told = false;
            self.set_key(ALARM_KEY, Status::Resolved, now_ms);
        } else if is_heard && !self.is_told {
            self.is_told = true;
            let event = Event {
                key: ALARM_KEY,
                title: "orders-api: more than 5 % of the requests fail",
                urgency: "high",
                service: service_of(API),
            };
            self.trigger(event, now_ms);
        }
    }

    /// Takes an event: one key opens one incident while it is open, and none while its service is in maintenance.
    pub(super) fn trigger(&mut self, event: Event<'_>, now_ms: i64) {
        let mut windows = self.windows.iter();
        let is_quiet = windows.any(|window| {
            let holds = window.starts_ms <= now_ms && now_ms < window.ends_ms;
            holds && window.services.contains(&event.service)
        });
        if is_quiet || self.open_of_key(event.key).is_some() {
            return;
        }
        if self.incidents.len() >= INCIDENTS_MAX {
            let is_over = |one: &Incident| one.status == Status::Resolved;
            let over = self.incidents.iter().position(is_over);
            self.incidents.remove(over.unwrap_or(0));
        }
        self.opened = self.opened.saturating_add(1);
        self.incidents.push(Incident {
            number: self.opened,
            key: event.key.to_owned(),
            title: event.title.to_owned(),
            urgency: event.urgency,
            service: event.service,
            status: Status::Triggered,
            opened_ms: now_ms,
            changed_ms: now_ms,
            notes: Vec::new(),
        });
    }

    fn open_of_key(&mut self, key: &str) -> Option<&mut Incident> {
        let mut all = self.incidents.iter_mut();
        all.find(|one| one.key == key && one.status != Status::Resolved)
    }

    /// Sets the state of the open incident of a key.
    pub(super) fn set_key(&mut self, key: &str, status: Status, now_ms: i64) {
        if let Some(incident) = self.open_of_key(key) {
            (incident.status, incident.changed_ms) = (status, now_ms);
        }
    }

    /// Sets the state of an incident; what is resolved stays so.
    pub(super) fn set(&mut self, id: &str, status: Status, now_ms: i64) -> Option<&Incident> {
        let mut all = self.incidents.iter_mut();
        let incident = all.find(|one| one.id() == id)?;
        if incident.status != Status::Resolved {
            (incident.status, incident.changed_ms) = (status, now_ms);
        }
        Some(incident)
    }

    /// Writes under an incident.
    pub(super) fn note(&mut self, id: &str, text: &str, now_ms: i64) -> Option<Value> {
        let mut all = self.incidents.iter_mut();
        let incident = all.find(|one| one.id() == id)?;
        if incident.notes.len() >= NOTES_MAX {
            incident.notes.remove(0);
        }
        let number = incident.notes.last().map_or(0, |(number, ..)| *number);
        let number = number.saturating_add(1);
        incident.notes.push((number, text.to_owned(), now_ms));
        incident.notes().pop()
    }

    /// The newest first.
    pub(super) fn incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().rev()
    }

    /// One incident.
    pub(super) fn incident(&self, id: &str) -> Option<&Incident> {
        self.incidents.iter().find(|one| one.id() == id)
    }

    /// Opens a window; gives it with its id.
    pub(super) fn open_window(&mut self, window: Window) -> &Window {
        if self.windows.len() >= WINDOWS_MAX {
            self.windows.remove(0);
        }
        self.opened_windows = self.opened_windows.saturating_add(1);
        let id = format!("PLABW{:02}", self.opened_windows);
        self.windows.push_mut(Window { id, ..window })
    }

    /// Ends a window.
    pub(super) fn end_window(&mut self, id: &str, now_ms: i64) -> Ended {
        let Some(at) = self.windows.iter().position(|window| window.id == id) else {
            return Ended::Unknown;
        };
        match self.windows.get_mut(at) {
            Some(window) if window.ends_ms <= now_ms => Ended::Before,
            Some(window) if window.starts_ms <= now_ms => {
                window.ends_ms = now_ms;
                Ended::Now
            }
            _ => {
                self.windows.remove(at);
                Ended::Now
            }
        }
    }

    /// All windows.
    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }
}
