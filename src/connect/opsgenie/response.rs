//! Bytes of either dialect into what is used of them: tolerant of fields we do not use, strict on those we do.

use super::dialect::Dialect;
use crate::connect::http::{HttpError, decode};
use crate::domain::reading::{Incident, Silence, SilenceState};
use crate::domain::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// Reads one thing: of Opsgenie below `data`, of its successor as it is.
///
/// # Errors
/// [`HttpError::Decode`] with the place in the document.
pub(super) fn one<T: DeserializeOwned>(dialect: Dialect, body: &[u8]) -> Result<T, HttpError> {
    #[derive(Deserialize)]
    struct Wrapped<T> {
        data: T,
    }
    match dialect {
        Dialect::Opsgenie => decode::<Wrapped<T>>(body).map(|wrapped| wrapped.data),
        Dialect::Jsm => decode(body),
    }
}

/// Reads a list: of Opsgenie called `data`, of its successor `values`.
///
/// # Errors
/// As [`one`].
pub(super) fn list<T: DeserializeOwned>(
    dialect: Dialect,
    body: &[u8],
) -> Result<Vec<T>, HttpError> {
    #[derive(Deserialize)]
    struct Data<T> {
        data: Vec<T>,
    }
    #[derive(Deserialize)]
    struct Values<T> {
        values: Vec<T>,
    }
    match dialect {
        Dialect::Opsgenie => decode::<Data<T>>(body).map(|list| list.data),
        Dialect::Jsm => decode::<Values<T>>(body).map(|list| list.values),
    }
}

fn text<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(d).map(Option::unwrap_or_default)
}

fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Option::<bool>::deserialize(d).map(Option::unwrap_or_default)
}

/// One schedule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    /// Vendor's id.
    pub(super) id: String,
    /// What people call it.
    pub(super) name: String,
    /// Nobody is on call for one that is not.
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    #[serde(default)]
    owner_team: Option<Team>,
    #[serde(default)]
    team_id: Option<String>,
}

const fn yes() -> bool {
    true
}

/// A team, by the names either dialect has for its fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Team {
    /// Vendor's id.
    #[serde(default, alias = "teamId", deserialize_with = "text")]
    pub(super) id: String,
    /// What people call it.
    #[serde(default, alias = "teamName", deserialize_with = "text")]
    pub(super) name: String,
}

impl Schedule {
    /// Name of the team it belongs to; `teams` have the names for ids.
    pub(super) fn team(&self, teams: &[Team]) -> Option<String> {
        let own = self.owner_team.as_ref().map(|team| team.name.clone());
        own.filter(|name| !name.is_empty()).or_else(|| {
            let id = self.team_id.as_deref()?;
            let team = teams.iter().find(|team| team.id == id)?;
            Some(team.name.clone())
        })
    }
}

/// Reads the teams of Jira Service Management.
///
/// # Errors
/// As [`one`].
pub(super) fn teams(body: &[u8]) -> Result<Vec<Team>, HttpError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        platform_teams: Vec<Team>,
    }
    decode::<Body>(body).map(|body| body.platform_teams)
}

/// A person, team or the like: a text, or an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Who {
    Text(String),
    Object {
        #[serde(default)]
        id: Option<String>,
        #[serde(default)]
        name: Option<String>,
    },
}

impl Who {
    /// The name, else the id; nothing for nobody.
    pub(super) fn label(&self) -> Option<&str> {
        let label = match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Object { id, name } => name.as_deref().or(id.as_deref()),
        };
        label.filter(|label| !label.is_empty())
    }
}

/// Who is on call. The description and the vendor's answers disagree on which field holds names and which holds
/// objects, so both are taken from both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OnCalls {
    on_call_recipients: Vec<Who>,
    on_call_participants: Vec<Who>,
    on_call_users: Vec<Who>,
    next_on_call_recipients: Vec<Who>,
    next_on_call_participants: Vec<Who>,
    next_on_call_users: Vec<Who>,
}

impl OnCalls {
    /// Names or ids, each once.
    pub(super) fn people(&self) -> Vec<String> {
        let all = [
            &self.on_call_recipients,
            &self.on_call_participants,
            &self.on_call_users,
            &self.next_on_call_recipients,
            &self.next_on_call_participants,
            &self.next_on_call_users,
        ];
        let mut people: Vec<String> = Vec::new();
        for label in all.into_iter().flatten().filter_map(Who::label) {
            if !people.iter().any(|person| person == label) {
                people.push(label.to_owned());
            }
        }
        people
    }
}

/// Shifts of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timeline {
    start_date: Timestamp,
    end_date: Timestamp,
    #[serde(rename = "finalTimeline")]
    final_layer: Layer,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Layer {
    #[serde(default)]
    rotations: Vec<Rotation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Rotation {
    #[serde(default)]
    periods: Vec<Period>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Period {
    start_date: Timestamp,
    end_date: Timestamp,
    #[serde(default, alias = "responder")]
    recipient: Option<Who>,
    #[serde(default, alias = "flattenedResponders")]
    flattened_recipients: Vec<Who>,
}

impl Period {
    fn has(&self, person: &str) -> bool {
        let mut all = self.recipient.iter().chain(&self.flattened_recipients);
        all.any(|who| who.label() == Some(person))
    }
}

/// One shift of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// Who follows, as the timeline says it.
    pub(super) next: Option<String>,
}

impl Timeline {
    /// The shift that `person` is on at `now`: periods without a gap are one. What begins or ends with the timeline
    /// itself has its real begin or end outside, which is not known.
    pub(super) fn shift(&self, person: &str, now: Timestamp) -> Shift {
        let holds = |p: &&Period| p.start_date <= now && now < p.end_date && p.has(person);
        let found = self
            .final_layer
            .rotations
            .iter()
            .find_map(|rotation| Some((rotation, rotation.periods.iter().find(holds)?)));
        let Some((rotation, period)) = found else {
            return Shift::default();
        };
        let (mut from, mut until) = (period.start_date, period.end_date);
        let mut next = None;
        // Each turn takes in one more period, or stops.
        for _ in &rotation.periods {
            let own = |p: &&Period| p.has(person);
            if let Some(before) = rotation
                .periods
                .iter()
                .filter(own)
                .find(|p| p.end_date == from)
            {
                from = before.start_date;
            }
            let after = rotation.periods.iter().find(|p| p.start_date == until);
            match after {
                Some(after) if after.has(person) => until = after.end_date,
                other => next = other,
            }
        }
        let next = next.and_then(|next| next.recipient.as_ref()?.label());
        Shift {
            from: (from > self.start_date).then_some(from),
            until: (until < self.end_date).then_some(until),
            next: next.map(str::to_owned),
        }
    }
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    /// Vendor's id.
    pub(super) id: String,
    #[serde(default, deserialize_with = "text")]
    message: String,
    /// `open`, `closed`, or another word.
    #[serde(default, deserialize_with = "text")]
    pub(super) status: String,
    /// Somebody has taken it.
    #[serde(default, deserialize_with = "flag")]
    pub(super) acknowledged: bool,
    #[serde(default, alias = "seen", deserialize_with = "flag")]
    is_seen: bool,
    #[serde(default, deserialize_with = "text")]
    source: String,
    #[serde(default, deserialize_with = "text")]
    entity: String,
    #[serde(default, deserialize_with = "text")]
    owner: String,
    #[serde(default, deserialize_with = "text")]
    priority: String,
    #[serde(default)]
    created_at: Option<Timestamp>,
    #[serde(default)]
    report: Option<Report>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    #[serde(default, deserialize_with = "text")]
    acknowledged_by: String,
}

impl Alert {
    /// How it is known that somebody has it: acknowledged, or seen.
    pub(super) fn taken(&self) -> Option<String> {
        let by = self.report.as_ref().map(|r| r.acknowledged_by.as_str());
        let by = by.filter(|by| !by.is_empty()).unwrap_or(&self.owner);
        let by = if by.is_empty() {
            String::new()
        } else {
            format!(" by {by}")
        };
        if self.acknowledged {
            Some(format!("acknowledged{by}"))
        } else if self.is_seen {
            Some("seen".to_owned())
        } else {
            None
        }
    }

    /// The alert as an incident, with its page below `pages`.
    pub(super) fn incident(self, pages: Option<&str>) -> Incident {
        let status = if self.acknowledged {
            "acknowledged".to_owned()
        } else {
            self.status
        };
        let urgency = match self.priority.as_str() {
            "P1" | "P2" => "high",
            "" => "",
            _ => "low",
        };
        let about = if self.entity.is_empty() {
            self.source
        } else {
            self.entity
        };
        let url = pages.map(|pages| format!("{pages}/alert/detail/{}/details", self.id));
        Incident {
            title: self.message,
            status,
            service: about,
            urgency: urgency.to_owned(),
            since: self.created_at,
            url: url.unwrap_or_default(),
            id: self.id,
        }
    }
}

/// A request that was taken, to be worked off later.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Taken {
    /// What to ask for it by.
    pub(super) request_id: String,
}

/// What became of such a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestStatus {
    /// Absent while it is not worked off.
    #[serde(default)]
    pub(super) is_success: Option<bool>,
    /// The vendor's words.
    #[serde(default, deserialize_with = "text")]
    pub(super) status: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) alert_id: String,
    #[serde(default)]
    pub(super) processed_at: Option<Timestamp>,
}

/// One note of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Note {
    /// What it says; the marker is part of it.
    pub(super) note: String,
}

/// One maintenance of Opsgenie.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Maintenance {
    /// Vendor's id.
    pub(super) id: String,
    /// `cancelled`, `past`, `active`, `planned`.
    #[serde(default, deserialize_with = "text")]
    pub(super) status: String,
    /// Why; the marker is part of it.
    #[serde(default, deserialize_with = "text")]
    pub(super) description: String,
    #[serde(default)]
    time: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(default)]
    start_date: Option<Timestamp>,
    #[serde(default)]
    end_date: Option<Timestamp>,
}

impl Maintenance {
    /// It holds, or will.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "active" | "planned")
    }

    /// The maintenance as what keeps alerts quiet. The list does not say what it switches.
    pub(super) fn silence(self) -> Silence {
        let state = match self.status.as_str() {
            "active" => SilenceState::Active,
            "planned" => SilenceState::Pending,
            _ => SilenceState::Expired,
        };
        let (from, until) = self
            .time
            .map_or((None, None), |t| (t.start_date, t.end_date));
        Silence {
            id: self.id,
            mutes: Vec::new(),
            by: String::new(),
            comment: self.description,
            from,
            until,
            state,
        }
    }
}

/// Reads the answer of the Jira site: name of the person with that account, if there is one.
///
/// # Errors
/// As [`one`].
pub(super) fn display_name(body: &[u8]) -> Result<Option<String>, HttpError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct User {
        #[serde(default, deserialize_with = "text")]
        display_name: String,
    }
    let users = decode::<Vec<User>>(body)?;
    let mut names = users.into_iter().map(|user| user.display_name);
    Ok(names.find(|name| !name.is_empty()))
}
