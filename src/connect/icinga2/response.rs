//! Bytes of the API into alerts and downtimes: tolerant of fields we do not use, strict on those we do.

use crate::connect::http::{HttpError, decode};
use crate::domain::reading::{Alert, AlertState, Silence, SilenceState};
use crate::domain::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// `{"results": [{"attrs": ...}]}`
#[derive(Deserialize)]
struct Results<T> {
    results: Vec<Object<T>>,
}

#[derive(Deserialize)]
struct Object<T> {
    attrs: T,
}

fn objects<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, HttpError> {
    let results = decode::<Results<T>>(body)?.results.into_iter();
    Ok(results.map(|object| object.attrs).collect())
}

/// Seconds since 1970 with a fraction, as Icinga writes times; 0 and less is never.
fn time(seconds: f64) -> Option<Timestamp> {
    // Beyond this a float no longer holds milliseconds; Icinga writes no such times.
    const SECONDS_MAX: f64 = 1e11;
    if !(seconds > 0.0 && seconds < SECONDS_MAX) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be far inside the range"
    )]
    let ms = (seconds * 1000.0).round() as i64;
    Some(Timestamp::from_millis(ms))
}

/// Attributes of a host or service. Numbers are floats in Icinga, whole or not.
#[derive(Deserialize)]
struct RawCheck {
    name: String,
    /// Of services only.
    #[serde(default)]
    host_name: String,
    state: f64,
    state_type: f64,
    #[serde(default)]
    last_state_change: f64,
    acknowledgement: f64,
    downtime_depth: f64,
    enable_notifications: bool,
    /// Null before the first check; the state until then is made up.
    #[serde(default)]
    last_check_result: Option<RawResult>,
}

#[derive(Deserialize)]
struct RawResult {
    #[serde(default)]
    output: Option<String>,
}

impl RawCheck {
    fn alert(self, name: String, severity: &str, labels: Vec<(String, String)>) -> Alert {
        let quiet = [
            (self.acknowledgement > 0.0, "acknowledged"),
            (self.downtime_depth > 0.0, "downtime"),
            (!self.enable_notifications, "notifications are off"),
        ];
        let quiet = quiet.into_iter().filter(|(is_so, _)| *is_so);
        let output = self.last_check_result.and_then(|result| result.output);
        let output = output.unwrap_or_default();
        Alert {
            name,
            // Soft states are tried again first, and nobody is told of them.
            state: if self.state_type >= 1.0 {
                AlertState::Firing
            } else {
                AlertState::Pending
            },
            severity: severity.to_owned(),
            summary: output.lines().next().unwrap_or_default().to_owned(),
            labels,
            since: time(self.last_state_change),
            silenced_by: quiet.map(|(_, word)| word.to_owned()).collect(),
        }
    }
}

/// Hosts or services that were checked; nothing is known of the others.
fn checked(body: &[u8]) -> Result<impl Iterator<Item = RawCheck>, HttpError> {
    let all = objects::<RawCheck>(body)?.into_iter();
    Ok(all.filter(|check| check.last_check_result.is_some()))
}

/// Reads hosts that are not up: each is the alert `host down`.
///
/// # Errors
/// [`HttpError::Decode`] with the place in the document.
pub(super) fn bad_hosts(body: &[u8]) -> Result<Vec<Alert>, HttpError> {
    let alert = |host: RawCheck| {
        let labels = vec![("host".to_owned(), host.name.clone())];
        host.alert("host down".to_owned(), "down", labels)
    };
    Ok(checked(body)?.map(alert).collect())
}

/// Reads services that are not well: each is an alert called after the service.
///
/// # Errors
/// As [`bad_hosts`].
pub(super) fn bad_services(body: &[u8]) -> Result<Vec<Alert>, HttpError> {
    let alert = |service: RawCheck| {
        let labels = vec![
            ("host".to_owned(), service.host_name.clone()),
            ("service".to_owned(), service.name.clone()),
        ];
        // Source: Icinga 2, "Service", `state`.
        let severity = match service.state {
            state if state < 1.5 => "warning",
            state if state < 2.5 => "critical",
            _ => "unknown",
        };
        let name = service.name.clone();
        service.alert(name, severity, labels)
    };
    Ok(checked(body)?.map(alert).collect())
}

/// One downtime.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Downtime {
    /// `web1!http!UUID`.
    #[serde(rename = "__name")]
    pub(super) name: String,
    /// The host it is for.
    #[serde(rename = "host_name")]
    pub(super) host: String,
    /// The service it is for; empty for the host itself.
    #[serde(rename = "service_name", default)]
    pub(super) service: String,
    #[serde(default)]
    author: String,
    /// Why.
    #[serde(default)]
    pub(super) comment: String,
    start_time: f64,
    end_time: f64,
}

impl Downtime {
    /// When it ends by itself.
    pub(super) fn until(&self) -> Option<Timestamp> {
        time(self.end_time)
    }

    /// `web1`, or `web1/http`.
    pub(super) fn target(&self) -> String {
        if self.service.is_empty() {
            self.host.clone()
        } else {
            format!("{}/{}", self.host, self.service)
        }
    }

    /// As a reading.
    pub(super) fn silence(&self, now: Timestamp) -> Silence {
        let from = time(self.start_time);
        Silence {
            id: self.name.clone(),
            mutes: vec![self.target()],
            by: self.author.clone(),
            comment: self.comment.clone(),
            from,
            until: self.until(),
            state: if self.until().is_some_and(|until| until <= now) {
                SilenceState::Expired
            } else if from.is_none_or(|from| from <= now) {
                SilenceState::Active
            } else {
                SilenceState::Pending
            },
        }
    }
}

/// Reads downtimes.
///
/// # Errors
/// As [`bad_hosts`].
pub(super) fn downtimes(body: &[u8]) -> Result<Vec<Downtime>, HttpError> {
    objects(body)
}

/// A host, as far as it must be known to be found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct KnownHost {
    /// Its name.
    pub(super) name: String,
    /// Its address, or empty.
    #[serde(default)]
    pub(super) address: String,
}

/// Reads names and addresses.
///
/// # Errors
/// As [`bad_hosts`].
pub(super) fn hosts(body: &[u8]) -> Result<Vec<KnownHost>, HttpError> {
    objects(body)
}

/// Reads services: the hosts that have one.
///
/// # Errors
/// As [`bad_hosts`].
pub(super) fn service_hosts(body: &[u8]) -> Result<Vec<String>, HttpError> {
    #[derive(Deserialize)]
    struct Service {
        host_name: String,
    }
    let services = objects::<Service>(body)?.into_iter();
    Ok(services.map(|service| service.host_name).collect())
}

/// What an action did to one object.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Acted {
    /// An HTTP status.
    pub(super) code: f64,
    /// In words.
    #[serde(default)]
    pub(super) status: String,
}

/// Reads the answer to an action.
///
/// # Errors
/// As [`bad_hosts`].
pub(super) fn acted(body: &[u8]) -> Result<Vec<Acted>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        results: Vec<Acted>,
    }
    decode::<Body>(body).map(|body| body.results)
}

/// What Icinga says of us and of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Who {
    /// Name of the `ApiUser`.
    pub(super) user: String,
    /// `objects/query/*`, `actions/schedule-downtime (filtered)`.
    pub(super) permissions: Vec<String>,
    /// `r2.13.6-1`
    pub(super) version: String,
}

impl Who {
    /// Whether the user has a permission: in full, for some objects only, or not.
    /// Source: Icinga 2, "API", "Permissions": `*` stands for any characters.
    pub(super) fn may(&self, wanted: &str) -> May {
        let mut may = May::Not;
        for pattern in &self.permissions {
            let (pattern, is_filtered) = match pattern.strip_suffix(" (filtered)") {
                Some(pattern) => (pattern, true),
                None => (pattern.as_str(), false),
            };
            if fits(&pattern.to_lowercase(), &wanted.to_lowercase()) {
                if !is_filtered {
                    return May::All;
                }
                may = May::Some;
            }
        }
        may
    }
}

/// How far a permission goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// For all objects.
    All,
    /// For those that fit a filter.
    Some,
    /// Not at all.
    Not,
}

/// True when a text is what a pattern with `*` says.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Reads `/v1`.
///
/// # Errors
/// As [`bad_hosts`].
pub(super) fn who(body: &[u8]) -> Result<Option<Who>, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        results: Vec<Who>,
    }
    decode::<Body>(body).map(|body| body.results.into_iter().next())
}

/// The words of an error, from its body.
pub(super) fn said(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        status: String,
        #[serde(default)]
        results: Vec<Acted>,
    }
    let body: Body = serde_json::from_str(body).ok()?;
    let inner = body.results.into_iter().map(|acted| acted.status);
    std::iter::once(body.status)
        .chain(inner)
        .find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_patterns() {
        let who = |list: &[&str]| Who {
            user: "warroom".to_owned(),
            permissions: list.iter().map(|text| (*text).to_owned()).collect(),
            version: String::new(),
        };
        let host = "objects/query/Host";
        for (list, wanted) in [
            (vec!["*"], May::All),
            (vec!["objects/query/*"], May::All),
            (vec!["objects/*/host"], May::All),
            (vec!["objects/query/Host"], May::All),
            (vec!["objects/query/Host (filtered)"], May::Some),
            (vec!["objects/query/Host (filtered)", "objects/*"], May::All),
            (vec!["objects/query/Hos"], May::Not),
            (vec!["objects/query/Host2"], May::Not),
            (vec!["actions/*"], May::Not),
            (vec![""], May::Not),
            (vec![], May::Not),
        ] {
            assert_eq!(who(&list).may(host), wanted, "{list:?}");
        }
    }

    #[test]
    fn times_are_seconds_with_a_fraction() {
        assert_eq!(
            time(1_795_338_784.042_72),
            Some(Timestamp::from_millis(1_795_338_784_043))
        );
        for never in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(time(never), None);
        }
    }
}
