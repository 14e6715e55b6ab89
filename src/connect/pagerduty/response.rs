//! Bytes of PagerDuty into on-calls and incidents: tolerant of fields we do not use, strict on those we do.

use crate::connect::http::{HttpError, decode};
use crate::domain::reading::{Incident, OnCall, Silence, SilenceState};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// One page of a list, whatever it is called in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page<T> {
    /// True when there is another page.
    pub(super) more: bool,
    /// The entries.
    pub(super) entries: Vec<T>,
}

macro_rules! page_of {
    ($(#[$doc:meta])* $name:ident: $field:ident, $entry:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`HttpError::Decode`] with the place in the document.
        pub(super) fn $name(body: &[u8]) -> Result<Page<$entry>, HttpError> {
            #[derive(Deserialize)]
            struct Body {
                #[serde(default)]
                more: bool,
                $field: Vec<$entry>,
            }
            decode::<Body>(body).map(|body| Page {
                more: body.more,
                entries: body.$field,
            })
        }
    };
}

page_of!(
    /// Reads a page of `GET /oncalls`.
    on_calls: oncalls, Entry
);
page_of!(
    /// Reads a page of `GET /incidents`, or the answer of `PUT /incidents`.
    incidents: incidents, RawIncident
);
page_of!(
    /// Reads a page of `GET /schedules`.
    schedules: schedules, Reference
);
page_of!(
    /// Reads a page of `GET /services`.
    services: services, Service
);
page_of!(
    /// Reads a page of `GET /maintenance_windows`.
    windows: maintenance_windows, Window
);
page_of!(
    /// Reads a page of `GET /incidents/{id}/log_entries`.
    log_entries: log_entries, LogEntry
);
page_of!(
    /// Reads `GET /incidents/{id}/notes`, which is one page.
    notes: notes, Note
);
page_of!(
    /// Reads a page of `GET /users`.
    users: users, Reference
);

macro_rules! one_of {
    ($(#[$doc:meta])* $name:ident: $field:ident, $entry:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// [`HttpError::Decode`] with the place in the document.
        pub(super) fn $name(body: &[u8]) -> Result<$entry, HttpError> {
            #[derive(Deserialize)]
            struct Body {
                $field: $entry,
            }
            decode::<Body>(body).map(|body| body.$field)
        }
    };
}

one_of!(
    /// Reads the answer of `GET` and `POST` of a maintenance window.
    window: maintenance_window, Window
);
one_of!(
    /// Reads the answer of `GET /incidents/{id}`.
    incident: incident, RawIncident
);
one_of!(
    /// Reads the answer of `POST /incidents/{id}/notes`.
    note: note, Note
);

/// Reads what the Events API says of an event it took.
///
/// # Errors
/// [`HttpError::Decode`] when it does not say that it took it.
pub(super) fn taken(body: &[u8]) -> Result<String, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        dedup_key: String,
    }
    decode::<Body>(body).map(|body| body.dedup_key)
}

/// Anything the vendor refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Reference {
    #[serde(default)]
    id: String,
    /// Short text the vendor makes for labels.
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    name: Option<String>,
    /// Only with `include[]=users`.
    #[serde(default)]
    email: Option<String>,
}

impl Reference {
    /// The vendor's id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Mail address; empty where the vendor does not say it.
    pub(super) fn mail(&self) -> &str {
        self.email.as_deref().unwrap_or_default()
    }

    /// What a person calls it.
    pub(super) fn label(&self) -> String {
        let texts = [&self.summary, &self.name];
        let text = texts.into_iter().flatten().find(|text| !text.is_empty());
        text.unwrap_or(&self.id).clone()
    }
}

/// One contiguous time of one person on one level.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Entry {
    user: Reference,
    escalation_policy: Reference,
    /// Absent for a person who stands in the policy itself.
    #[serde(default)]
    schedule: Option<Reference>,
    escalation_level: u8,
    /// Absent for a person who is always on call.
    #[serde(default, deserialize_with = "time")]
    start: Option<Timestamp>,
    /// Absent for a person who never goes off call.
    #[serde(default, deserialize_with = "time")]
    end: Option<Timestamp>,
}

/// RFC 3339, or null.
fn time<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<Timestamp>::deserialize(d)
}

impl Entry {
    fn holds(&self, now: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= now) && self.end.is_none_or(|end| now < end)
    }

    /// The policy, and the services it is the policy of, each once.
    fn covered(&self, services: &[Service]) -> Vec<String> {
        let policy = &self.escalation_policy;
        let mut names = vec![policy.label()];
        names.extend(
            services
                .iter()
                .filter(|service| service.has_policy(&policy.id))
                .map(Service::name),
        );
        names.retain(|name| !name.is_empty());
        names.dedup();
        names
    }

    /// Entries that follow each other have the same rota: policy, level and schedule.
    fn rota(&self) -> (&str, u8, &str) {
        let schedule = self.schedule.as_ref().map_or("", |s| s.id.as_str());
        (&self.escalation_policy.id, self.escalation_level, schedule)
    }
}

/// Who is on call now, with the hand-over and who follows; sorted by rota and level, each once.
///
/// The rota is called after the schedule, else after the policy. `next` is whoever begins first at or after the end of
/// the current shift, within what was asked for.
///
/// `services` say what each escalation policy answers for.
pub(super) fn current(entries: &[Entry], services: &[Service], now: Timestamp) -> Vec<OnCall> {
    let mut rotas: BTreeMap<(&str, u8, &str), Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        rotas.entry(entry.rota()).or_default().push(entry);
    }
    let mut out: Vec<OnCall> = Vec::new();
    for group in rotas.values() {
        for entry in group.iter().filter(|entry| entry.holds(now)) {
            let mut on_call = on_call(entry, group);
            on_call.covers = entry.covered(services);
            if !out.contains(&on_call) {
                out.push(on_call);
            }
        }
    }
    out.sort_by(|a, b| (&a.rota, a.level, &a.person).cmp(&(&b.rota, b.level, &b.person)));
    out
}

fn on_call(entry: &Entry, group: &[&Entry]) -> OnCall {
    let named = entry.schedule.as_ref().unwrap_or(&entry.escalation_policy);
    let later = group.iter().filter(|next| next.start.is_some());
    let next = entry.end.and_then(|end| {
        later
            .filter(|next| next.start >= Some(end))
            .min_by_key(|next| next.start)
    });
    OnCall {
        rota: named.label(),
        level: entry.escalation_level,
        person: entry.user.label(),
        contact: entry.user.email.clone().unwrap_or_default(),
        from: entry.start,
        until: entry.end,
        next: next.map(|next| next.user.label()).unwrap_or_default(),
        covers: Vec::new(),
    }
}

/// One incident.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawIncident {
    /// Vendor's id.
    pub(super) id: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    /// `triggered`, `acknowledged`, `resolved`.
    pub(super) status: String,
    #[serde(default)]
    html_url: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
    #[serde(default)]
    service: Option<Reference>,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<Timestamp>,
}

impl RawIncident {
    /// Order of several with one key: an open one first, then the newest.
    pub(super) fn order(&self) -> (bool, Option<Timestamp>) {
        (self.status != "resolved", self.created_at)
    }
}

impl From<RawIncident> for Incident {
    fn from(raw: RawIncident) -> Self {
        let title = raw.title.filter(|title| !title.is_empty());
        Self {
            title: title.or(raw.summary).unwrap_or_else(|| raw.id.clone()),
            id: raw.id,
            status: raw.status,
            service: raw.service.map(|s| s.label()).unwrap_or_default(),
            urgency: raw.urgency.unwrap_or_default(),
            since: raw.created_at,
            url: raw.html_url.unwrap_or_default(),
        }
    }
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Service {
    #[serde(flatten)]
    itself: Reference,
    #[serde(default)]
    escalation_policy: Option<Reference>,
}

impl Service {
    /// Vendor's id.
    pub(super) fn id(&self) -> &str {
        &self.itself.id
    }

    /// What people call it.
    pub(super) fn name(&self) -> String {
        let name = self.itself.name.clone().filter(|name| !name.is_empty());
        name.unwrap_or_else(|| self.itself.label())
    }

    fn has_policy(&self, id: &str) -> bool {
        let policy = self.escalation_policy.as_ref();
        policy.is_some_and(|policy| policy.id == id)
    }
}

/// One maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Window {
    /// Vendor's id.
    pub(super) id: String,
    start_time: Timestamp,
    /// When it ends.
    pub(super) end_time: Timestamp,
    /// Why; the marker is part of it.
    #[serde(default, deserialize_with = "text")]
    pub(super) description: String,
    services: Vec<Reference>,
    #[serde(default)]
    created_by: Option<Reference>,
}

impl Window {
    /// Names of its services.
    pub(super) fn services(&self) -> Vec<String> {
        self.services.iter().map(Reference::label).collect()
    }

    /// The window as what keeps alerts quiet.
    pub(super) fn silence(&self, now: Timestamp) -> Silence {
        let state = if self.end_time <= now {
            SilenceState::Expired
        } else if now < self.start_time {
            SilenceState::Pending
        } else {
            SilenceState::Active
        };
        let by = self.created_by.as_ref().map(Reference::label);
        Silence {
            id: self.id.clone(),
            mutes: self.services(),
            by: by.unwrap_or_default(),
            comment: self.description.clone(),
            from: Some(self.start_time),
            until: Some(self.end_time),
            state,
        }
    }
}

/// A text, or null.
fn text<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(d).map(Option::unwrap_or_default)
}

/// One note of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Note {
    /// Vendor's id.
    pub(super) id: String,
    /// What it says; the marker is part of it.
    pub(super) content: String,
}

/// One thing that happened to an incident. Fields beside the type differ by type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct LogEntry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<Timestamp>,
    #[serde(default)]
    user: Option<Reference>,
    #[serde(default)]
    channel: Option<Channel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Channel {
    #[serde(rename = "type", default, deserialize_with = "text")]
    kind: String,
    #[serde(default)]
    notification: Option<Notification>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Notification {
    #[serde(rename = "type", default, deserialize_with = "text")]
    kind: String,
    #[serde(default, deserialize_with = "text")]
    status: String,
    #[serde(default)]
    user: Option<Reference>,
}

/// One person who was notified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notified {
    /// `Mira notified 03:12:04Z by push`.
    pub(super) said: String,
    /// False while the vendor says that it is on its way, or that it failed.
    pub(super) is_through: bool,
}

impl LogEntry {
    /// Who was notified, when this entry is about that.
    ///
    /// The vendor describes `status` of a notification as a free text. `success` and an entry without one count as
    /// through: the entry itself says that the person was notified. Any other word does not, and is shown.
    pub(super) fn notified(&self) -> Option<Notified> {
        if self.kind.trim_end_matches("_reference") != "notify_log_entry" {
            return None;
        }
        let channel = self.channel.as_ref();
        let notification = channel.and_then(|channel| channel.notification.as_ref());
        let user = self
            .user
            .as_ref()
            .or_else(|| notification.and_then(|notification| notification.user.as_ref()));
        let who = user.map_or_else(|| "somebody".to_owned(), Reference::label);
        let at = self
            .created_at
            .map(|at| format!(" {}Z", at.to_clock_text()));
        let by = notification
            .map(|n| n.kind.trim_end_matches("_notification"))
            .filter(|kind| !kind.is_empty())
            .or_else(|| channel.map(|channel| channel.kind.as_str()))
            .filter(|kind| !kind.is_empty())
            .map(|kind| format!(" by {kind}"));
        let status = notification.map_or("", |notification| notification.status.as_str());
        let is_through = matches!(status, "" | "success");
        let state = if is_through {
            String::new()
        } else {
            format!(" ({status})")
        };
        Some(Notified {
            said: format!(
                "{who} notified{}{}{state}",
                at.unwrap_or_default(),
                by.unwrap_or_default()
            ),
            is_through,
        })
    }
}
