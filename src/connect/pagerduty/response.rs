//! Bytes of PagerDuty into on-calls and incidents: tolerant of fields we do not use, strict on those we do.

use crate::connect::http::{HttpError, decode};
use crate::domain::reading::{Incident, OnCall};
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

/// Reads a page of `GET /oncalls`.
///
/// # Errors
/// [`HttpError::Decode`] with the place in the document.
pub(super) fn on_calls(body: &[u8]) -> Result<Page<Entry>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        more: bool,
        oncalls: Vec<Entry>,
    }
    decode::<Body>(body).map(|body| Page {
        more: body.more,
        entries: body.oncalls,
    })
}

/// Reads a page of `GET /incidents`.
///
/// # Errors
/// As [`on_calls`].
pub(super) fn incidents(body: &[u8]) -> Result<Page<Incident>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        more: bool,
        incidents: Vec<RawIncident>,
    }
    decode::<Body>(body).map(|body| Page {
        more: body.more,
        entries: body.incidents.into_iter().map(Incident::from).collect(),
    })
}

/// Reads a page of `GET /schedules`; the entries are ids.
///
/// # Errors
/// As [`on_calls`].
pub(super) fn schedules(body: &[u8]) -> Result<Page<String>, HttpError> {
    #[derive(Deserialize)]
    struct Schedule {
        id: String,
    }
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        more: bool,
        schedules: Vec<Schedule>,
    }
    decode::<Body>(body).map(|body| Page {
        more: body.more,
        entries: body.schedules.into_iter().map(|s| s.id).collect(),
    })
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
    fn label(&self) -> String {
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
    fn covers(&self, now: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= now) && self.end.is_none_or(|end| now < end)
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
pub(super) fn current(entries: &[Entry], now: Timestamp) -> Vec<OnCall> {
    let mut rotas: BTreeMap<(&str, u8, &str), Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        rotas.entry(entry.rota()).or_default().push(entry);
    }
    let mut out: Vec<OnCall> = Vec::new();
    for group in rotas.values() {
        for entry in group.iter().filter(|entry| entry.covers(now)) {
            let on_call = on_call(entry, group);
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

#[derive(Debug, Clone, Deserialize)]
struct RawIncident {
    id: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    summary: Option<String>,
    status: String,
    #[serde(default)]
    urgency: Option<String>,
    #[serde(default)]
    service: Option<Reference>,
    #[serde(default, deserialize_with = "time")]
    created_at: Option<Timestamp>,
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
            url: String::new(),
        }
    }
}
