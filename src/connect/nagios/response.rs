//! Bytes of `statusjson.cgi` into alerts and downtimes: tolerant of fields we do not use, strict on those we do.

use crate::connect::http::{HttpError, decode, snippet};
use crate::domain::reading::{Alert, AlertState, Silence, SilenceState};
use crate::domain::time::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use std::collections::BTreeMap;

/// An answer that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NagiosError {
    /// No answer, or one of another shape.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The CGI says why not.
    #[error("Nagios says: {0}")]
    Said(String),
    /// What it tells is old.
    #[error("Nagios has not written its status for {0} s: is it running?")]
    Old(u64),
}

/// An answer with the times that tell how fresh it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fresh<T> {
    /// When it was asked, by the server's clock.
    pub(super) asked: Timestamp,
    /// When Nagios wrote what it holds.
    pub(super) written: Timestamp,
    /// What was asked for.
    pub(super) data: T,
}

#[derive(Deserialize)]
struct Body<T> {
    result: RawResult,
    data: Option<T>,
}

#[derive(Deserialize)]
struct RawResult {
    type_code: i64,
    #[serde(default)]
    type_text: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    query_time: i64,
    #[serde(default)]
    last_data_update: i64,
}

/// Reads an answer whose `data` is a `T`.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<Fresh<T>, NagiosError> {
    // Plugins print what they like, and it is handed through.
    let text = String::from_utf8_lossy(body);
    let head: Body<IgnoredAny> = decode(text.as_bytes())?;
    let result = head.result;
    if result.type_code != 0 {
        let said = format!("{}: {}", result.type_text, result.message);
        return Err(NagiosError::Said(snippet(said.as_bytes())));
    }
    let body: Body<T> = decode(text.as_bytes())?;
    let missing = || NagiosError::Said("an answer without `data`".to_owned());
    Ok(Fresh {
        asked: Timestamp::from_millis(result.query_time),
        written: Timestamp::from_millis(result.last_data_update),
        data: body.data.ok_or_else(missing)?,
    })
}

#[derive(Deserialize)]
struct RawHost {
    name: String,
    #[serde(flatten)]
    check: RawCheck,
}

#[derive(Deserialize)]
struct RawService {
    host_name: String,
    description: String,
    #[serde(flatten)]
    check: RawCheck,
}

/// What hosts and services have in common.
#[derive(Deserialize)]
struct RawCheck {
    /// `down`, `critical`, ...
    status: String,
    /// `soft` while it is tried again, else `hard`.
    state_type: String,
    #[serde(default)]
    plugin_output: String,
    /// Milliseconds; 0 when it never changed.
    #[serde(default)]
    last_state_change: i64,
    problem_has_been_acknowledged: bool,
    scheduled_downtime_depth: i64,
    notifications_enabled: bool,
}

impl RawCheck {
    fn alert(self, name: String, labels: Vec<(String, String)>) -> Alert {
        let mut silenced_by = Vec::new();
        if self.problem_has_been_acknowledged {
            silenced_by.push("acknowledged".to_owned());
        }
        if self.scheduled_downtime_depth > 0 {
            silenced_by.push("downtime".to_owned());
        }
        if !self.notifications_enabled {
            silenced_by.push("notifications are off".to_owned());
        }
        let is_hard = self.state_type == "hard";
        Alert {
            name,
            state: if is_hard {
                AlertState::Firing
            } else {
                AlertState::Pending
            },
            severity: self.status,
            summary: self.plugin_output,
            labels,
            since: (self.last_state_change > 0)
                .then(|| Timestamp::from_millis(self.last_state_change)),
            silenced_by,
        }
    }
}

fn label(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Reads `hostlist` with details: each host in it is an alert called after its state, `host down`.
///
/// # Errors
/// [`NagiosError`].
pub(super) fn bad_hosts(body: &[u8]) -> Result<Fresh<Vec<Alert>>, NagiosError> {
    #[derive(Deserialize)]
    struct Data {
        hostlist: BTreeMap<String, RawHost>,
    }
    let answer = read::<Data>(body)?;
    let alert = |host: RawHost| {
        let labels = vec![label("host", &host.name)];
        let name = format!("host {}", host.check.status);
        host.check.alert(name, labels)
    };
    Ok(Fresh {
        asked: answer.asked,
        written: answer.written,
        data: answer.data.hostlist.into_values().map(alert).collect(),
    })
}

/// Reads `servicelist` with details: each service in it is an alert called after the service.
///
/// # Errors
/// [`NagiosError`].
pub(super) fn bad_services(body: &[u8]) -> Result<Fresh<Vec<Alert>>, NagiosError> {
    #[derive(Deserialize)]
    struct Data {
        servicelist: BTreeMap<String, BTreeMap<String, RawService>>,
    }
    let answer = read::<Data>(body)?;
    let alert = |service: RawService| {
        let labels = vec![
            label("host", &service.host_name),
            label("service", &service.description),
        ];
        service.check.alert(service.description, labels)
    };
    let services = answer.data.servicelist.into_values();
    Ok(Fresh {
        asked: answer.asked,
        written: answer.written,
        data: services
            .flat_map(BTreeMap::into_values)
            .map(alert)
            .collect(),
    })
}

/// One downtime.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Downtime {
    /// Its number.
    #[serde(rename = "downtime_id")]
    pub(super) id: u64,
    /// The host it is for.
    #[serde(rename = "host_name")]
    pub(super) host: String,
    /// The service it is for; the host itself when absent.
    #[serde(rename = "service_description", default)]
    pub(super) service: Option<String>,
    start_time: i64,
    end_time: i64,
    #[serde(default)]
    is_in_effect: bool,
    #[serde(default)]
    author: String,
    /// Why.
    #[serde(default)]
    pub(super) comment: String,
}

impl Downtime {
    /// When it ends by itself.
    pub(super) const fn until(&self) -> Timestamp {
        Timestamp::from_millis(self.end_time)
    }

    /// `web1`, or `web1/http`.
    pub(super) fn target(&self) -> String {
        match &self.service {
            None => self.host.clone(),
            Some(service) => format!("{}/{service}", self.host),
        }
    }

    /// As a reading. A flexible one that waits for trouble is not in effect, and mutes nothing yet.
    pub(super) fn silence(&self) -> Silence {
        Silence {
            id: self.id.to_string(),
            mutes: vec![self.target()],
            by: self.author.clone(),
            comment: self.comment.clone(),
            from: Some(Timestamp::from_millis(self.start_time)),
            until: Some(self.until()),
            state: if self.is_in_effect {
                SilenceState::Active
            } else {
                SilenceState::Pending
            },
        }
    }

    /// True for one of a host, which keeps its services quiet too, that holds now.
    pub(super) fn covers_host(&self, host: &str) -> bool {
        self.is_in_effect && self.service.is_none() && self.host == host
    }
}

/// Reads `downtimelist` with details, in the order of their numbers.
///
/// # Errors
/// [`NagiosError`].
pub(super) fn downtimes(body: &[u8]) -> Result<Fresh<Vec<Downtime>>, NagiosError> {
    #[derive(Deserialize)]
    struct Data {
        downtimelist: BTreeMap<String, Downtime>,
    }
    let answer = read::<Data>(body)?;
    let mut all: Vec<Downtime> = answer.data.downtimelist.into_values().collect();
    all.sort_by_key(|downtime| downtime.id);
    Ok(Fresh {
        asked: answer.asked,
        written: answer.written,
        data: all,
    })
}

/// Reads `hostlist` without details: the names.
///
/// # Errors
/// [`NagiosError`].
pub(super) fn host_names(body: &[u8]) -> Result<Vec<String>, NagiosError> {
    #[derive(Deserialize)]
    struct Data {
        hostlist: BTreeMap<String, Value>,
    }
    Ok(read::<Data>(body)?.data.hostlist.into_keys().collect())
}

/// Reads `servicelist` of one host without details: the names of its services.
///
/// # Errors
/// [`NagiosError`].
pub(super) fn service_names(body: &[u8], host: &str) -> Result<Vec<String>, NagiosError> {
    #[derive(Deserialize)]
    struct Data {
        servicelist: BTreeMap<String, BTreeMap<String, Value>>,
    }
    let mut hosts = read::<Data>(body)?.data.servicelist;
    let services = hosts.remove(host).unwrap_or_default();
    Ok(services.into_keys().collect())
}

/// What Nagios says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Program {
    /// `4.4.6`
    pub(super) version: String,
    /// Somebody is told of problems at all.
    pub(super) enable_notifications: bool,
}

/// Reads `programstatus`.
///
/// # Errors
/// [`NagiosError`].
pub(super) fn program(body: &[u8]) -> Result<Fresh<Program>, NagiosError> {
    #[derive(Deserialize)]
    struct Data {
        programstatus: Program,
    }
    let answer = read::<Data>(body)?;
    Ok(Fresh {
        asked: answer.asked,
        written: answer.written,
        data: answer.data.programstatus,
    })
}
