//! Bytes of the API v2 into alerts and silences: tolerant of fields we do not use, and of those that servers of some
//! years ago do not send; strict on the rest.

use crate::connect::http::{HttpError, decode};
use crate::domain::reading::{Alert, AlertState, Silence, SilenceState};
use crate::domain::time::Timestamp;
use crate::domain::write::Matcher;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// An alert with what makes it the same alert on every member of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::connect) struct FoundAlert {
    /// Hash of its labels.
    pub(in crate::connect) fingerprint: String,
    /// The alert.
    pub(in crate::connect) alert: Alert,
}

/// A silence with what it was made of.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::connect) struct FoundSilence {
    /// The silence.
    pub(in crate::connect) silence: Silence,
    /// Its matchers.
    pub(in crate::connect) matchers: Vec<Matcher>,
    /// When it was last changed.
    pub(in crate::connect) updated: Timestamp,
}

impl FoundSilence {
    /// True while it mutes, or will.
    pub(in crate::connect) fn is_live(&self) -> bool {
        self.silence.state != SilenceState::Expired
    }
}

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    /// `0.25.0`
    pub(super) version: String,
    /// `ready`, `settling`, `disabled`.
    pub(super) cluster: String,
    /// Members that it knows, itself among them.
    pub(super) peers: usize,
}

/// A list or an object that may be missing or null.
fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(d).map(Option::unwrap_or_default)
}

#[derive(Deserialize)]
struct RawAlert {
    fingerprint: String,
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(rename = "startsAt")]
    starts_at: Timestamp,
    status: RawStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStatus {
    state: String,
    #[serde(default, deserialize_with = "or_empty")]
    silenced_by: Vec<String>,
    #[serde(default, deserialize_with = "or_empty")]
    inhibited_by: Vec<String>,
    /// Names of time intervals; since 0.28.
    #[serde(default, deserialize_with = "or_empty")]
    muted_by: Vec<String>,
}

impl RawStatus {
    fn silenced_by(self) -> Vec<String> {
        let mut all = self.silenced_by;
        let inhibited = self.inhibited_by.iter();
        all.extend(inhibited.map(|fingerprint| format!("inhibited by {fingerprint}")));
        let muted = self.muted_by.iter();
        all.extend(muted.map(|interval| format!("muted by {interval}")));
        if all.is_empty() && self.state == "suppressed" {
            all.push(self.state);
        }
        all
    }
}

/// Reads `GET /alerts`.
///
/// # Errors
/// [`HttpError::Decode`] with the place in the document.
pub(in crate::connect) fn alerts(body: &[u8]) -> Result<Vec<FoundAlert>, HttpError> {
    let found = decode::<Vec<RawAlert>>(body)?.into_iter();
    Ok(found.map(FoundAlert::from).collect())
}

impl From<RawAlert> for FoundAlert {
    fn from(raw: RawAlert) -> Self {
        let label = |name: &str| raw.labels.get(name).cloned().unwrap_or_default();
        let note = |name: &str| raw.annotations.get(name).filter(|text| !text.is_empty());
        let summary = note("summary").or_else(|| note("description")).cloned();
        Self {
            alert: Alert {
                name: label("alertname"),
                // What has reached an Alertmanager has been pending elsewhere.
                state: AlertState::Firing,
                severity: label("severity"),
                summary: summary.unwrap_or_default(),
                since: Some(raw.starts_at),
                silenced_by: raw.status.silenced_by(),
                labels: raw.labels.into_iter().collect(),
            },
            fingerprint: raw.fingerprint,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSilence {
    id: String,
    status: RawSilenceStatus,
    #[serde(default)]
    updated_at: Timestamp,
    #[serde(default, deserialize_with = "or_empty")]
    matchers: Vec<RawMatcher>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize)]
struct RawSilenceStatus {
    state: SilenceState,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMatcher {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    /// Absent before 0.22, and means true.
    #[serde(default = "yes")]
    is_equal: bool,
}

const fn yes() -> bool {
    true
}

/// Reads `GET /silences`.
///
/// # Errors
/// As [`alerts`].
pub(in crate::connect) fn silences(body: &[u8]) -> Result<Vec<FoundSilence>, HttpError> {
    let found = decode::<Vec<RawSilence>>(body)?.into_iter();
    Ok(found.map(FoundSilence::from).collect())
}

/// Reads `GET /silence/{id}`.
///
/// # Errors
/// As [`alerts`].
pub(super) fn silence(body: &[u8]) -> Result<FoundSilence, HttpError> {
    decode::<RawSilence>(body).map(FoundSilence::from)
}

impl From<RawSilence> for FoundSilence {
    fn from(raw: RawSilence) -> Self {
        let matchers: Vec<Matcher> = raw
            .matchers
            .into_iter()
            .map(|m| Matcher {
                label: m.name,
                value: m.value,
                is_regex: m.is_regex,
                is_equal: m.is_equal,
            })
            .collect();
        Self {
            silence: Silence {
                id: raw.id,
                mutes: matchers.iter().map(ToString::to_string).collect(),
                by: raw.created_by,
                comment: raw.comment,
                from: Some(raw.starts_at),
                until: Some(raw.ends_at),
                state: raw.status.state,
            },
            matchers,
            updated: raw.updated_at,
        }
    }
}

/// Reads the answer to `POST /silences`: the new silence's id. Grafana of some versions calls it `id`.
///
/// # Errors
/// As [`alerts`].
pub(super) fn created(body: &[u8]) -> Result<String, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "silenceID", alias = "id")]
        id: String,
    }
    decode::<Body>(body).map(|body| body.id)
}

/// Reads `GET /status`.
///
/// # Errors
/// As [`alerts`].
pub(super) fn status(body: &[u8]) -> Result<Status, HttpError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        cluster: Cluster,
        version_info: VersionInfo,
    }
    #[derive(Deserialize)]
    struct Cluster {
        status: String,
        #[serde(default, deserialize_with = "or_empty")]
        peers: Vec<serde::de::IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct VersionInfo {
        version: String,
    }
    decode::<Body>(body).map(|body| Status {
        version: body.version_info.version,
        cluster: body.cluster.status,
        peers: body.cluster.peers.len(),
    })
}

/// Reads `GET /receivers`: how many there are.
///
/// # Errors
/// As [`alerts`].
pub(super) fn receivers(body: &[u8]) -> Result<usize, HttpError> {
    #[derive(Deserialize)]
    struct Receiver {
        #[serde(rename = "name")]
        _name: String,
    }
    decode::<Vec<Receiver>>(body).map(|list| list.len())
}

/// Alerts of several members, each once, by name and labels. An alert that one member would tell is heard, whatever the
/// others know of silences: gossip takes a moment, and what is unknown is not quiet.
pub(in crate::connect) fn merge_alerts(lists: Vec<Vec<FoundAlert>>) -> Vec<Alert> {
    let mut all: BTreeMap<String, Alert> = BTreeMap::new();
    for FoundAlert { fingerprint, alert } in lists.into_iter().flatten() {
        let Some(known) = all.get_mut(&fingerprint) else {
            all.insert(fingerprint, alert);
            continue;
        };
        known.since = known.since.min(alert.since);
        if alert.silenced_by.is_empty() || known.silenced_by.is_empty() {
            known.silenced_by.clear();
        } else {
            known.silenced_by.extend(alert.silenced_by);
            known.silenced_by.sort();
            known.silenced_by.dedup();
        }
    }
    let mut alerts: Vec<Alert> = all.into_values().collect();
    // What is heard comes first, so that what is cut off in the end is what somebody has silenced.
    alerts.sort_by(|a, b| {
        (!a.silenced_by.is_empty(), &a.name, &a.labels).cmp(&(
            !b.silenced_by.is_empty(),
            &b.name,
            &b.labels,
        ))
    });
    alerts
}

/// Silences of several members, each once as it was changed last; expired ones are left out.
pub(in crate::connect) fn merge_silences(lists: Vec<Vec<FoundSilence>>) -> Vec<Silence> {
    let mut all: BTreeMap<String, FoundSilence> = BTreeMap::new();
    for found in lists.into_iter().flatten() {
        match all.get(&found.silence.id) {
            Some(known) if known.updated >= found.updated => {}
            _ => drop(all.insert(found.silence.id.clone(), found)),
        }
    }
    let live = all.into_values().filter(FoundSilence::is_live);
    let mut silences: Vec<Silence> = live.map(|found| found.silence).collect();
    silences.sort_by(|a, b| (a.until, &a.id).cmp(&(b.until, &b.id)));
    silences
}
