//! Bytes of the Datadog API into series, alerts and silences: tolerant of fields we do not use, strict on those we do.

use super::scope;
use crate::connect::http::{HttpError, decode, snippet};
use crate::domain::reading::{Alert, AlertState, Sample, Series, Silence, SilenceState};
use crate::domain::time::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What keeps a monitor quiet that was muted without a downtime.
const MUTED: &str = "muted";

/// Label pairs, sorted.
type Labels = Vec<(String, String)>;

/// Newest values of one query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Values {
    /// Sorted by labels, at most as many as were asked for.
    pub(super) series: Vec<Series>,
    /// How many more there were.
    pub(super) dropped: usize,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ResponseError {
    /// Not JSON of the documented shape.
    #[error(transparent)]
    Shape(#[from] HttpError),
    /// The query was refused, in the vendor's words.
    #[error("{0}")]
    Refused(String),
}

#[derive(Deserialize)]
struct Body {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    series: Vec<RawSeries>,
}

#[derive(Deserialize)]
struct RawSeries {
    metric: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    tag_set: Vec<String>,
    pointlist: Vec<(f64, Option<f64>)>,
}

/// Newest value of each series of a query. A series without any value in the window is left out.
///
/// # Errors
/// [`ResponseError`]; an answer whose `status` is not `ok` is one.
pub(super) fn values(body: &[u8], series_max: usize) -> Result<Values, ResponseError> {
    let body: Body = decode(body)?;
    if body.status != "ok" {
        let words = body.error.unwrap_or(body.status);
        return Err(ResponseError::Refused(snippet(words.as_bytes())));
    }
    let mut series: Vec<Series> = body.series.into_iter().filter_map(newest).collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    let dropped = series.len().saturating_sub(series_max);
    series.truncate(series_max);
    Ok(Values { series, dropped })
}

fn newest(raw: RawSeries) -> Option<Series> {
    let points = raw.pointlist.iter();
    let known = points.filter_map(|(at, value)| value.map(|value| (*at, value)));
    let (at, value) = known.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let mut labels = if raw.tag_set.is_empty() {
        tags(raw.scope.split(',').filter(|tag| *tag != "*"))
    } else {
        tags(raw.tag_set.iter().map(String::as_str))
    };
    labels.push(("__name__".to_owned(), raw.metric));
    labels.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` stops at the ends of the range"
    )]
    let at = Timestamp::from_millis(at.round() as i64);
    Some(Series {
        labels,
        sample: Sample { at, value },
    })
}

/// Tags as pairs; one without a value has an empty one.
fn tags<'t>(tags: impl Iterator<Item = &'t str>) -> Labels {
    let tags = tags.map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(|tag| tag.split_once(':').unwrap_or((tag, "")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The vendor's own words in the body of an error status.
pub(super) fn refusal(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        errors: Vec<String>,
        #[serde(default)]
        error: Option<String>,
    }
    let said: Said = serde_json::from_str(body).ok()?;
    let words = said.error.or_else(|| said.errors.into_iter().next())?;
    Some(snippet(words.as_bytes()))
}

#[derive(Deserialize)]
struct Monitor {
    id: i64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    priority: Option<i64>,
    #[serde(default)]
    overall_state: Option<String>,
    #[serde(default)]
    overall_state_modified: Option<Timestamp>,
    #[serde(default)]
    query: String,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    state: State,
    #[serde(default)]
    matching_downtimes: Vec<Matching>,
}

#[derive(Deserialize, Default)]
struct Options {
    #[serde(default)]
    notify_no_data: Option<bool>,
    #[serde(default)]
    on_missing_data: Option<String>,
    #[serde(default)]
    silenced: Option<BTreeMap<String, Option<i64>>>,
}

#[derive(Deserialize, Default)]
struct State {
    #[serde(default)]
    groups: Option<BTreeMap<String, Group>>,
}

#[derive(Deserialize)]
struct Group {
    status: String,
    #[serde(default)]
    last_triggered_ts: Option<i64>,
    #[serde(default)]
    last_nodata_ts: Option<i64>,
}

#[derive(Deserialize)]
struct Matching {
    id: i64,
    #[serde(default)]
    scope: Vec<String>,
}

/// What is wrong of one page of monitors, and how many monitors that page has.
///
/// # Errors
/// [`HttpError::Decode`].
pub(super) fn alerts(body: &[u8], now: Timestamp) -> Result<(Vec<Alert>, usize), HttpError> {
    let monitors: Vec<Monitor> = decode(body)?;
    let count = monitors.len();
    let alerts = monitors.iter().flat_map(|monitor| monitor.alerts(now));
    Ok((alerts.collect(), count))
}

impl Monitor {
    /// One alert for each group that is not well; for the monitor itself where it does not name groups.
    fn alerts(&self, now: Timestamp) -> Vec<Alert> {
        let groups = self.state.groups.iter().flatten();
        let mut alerts: Vec<Alert> = groups
            .filter_map(|(name, group)| {
                let severity = self.severity(&group.status)?;
                let since = if severity == "no data" {
                    group.last_nodata_ts
                } else {
                    group.last_triggered_ts
                };
                let since = since.filter(|at| *at > 0);
                let since = since.map(|at| Timestamp::from_millis(at.saturating_mul(1000)));
                // A monitor without groups has one of this name.
                let name = if name == "total" { "" } else { name };
                Some(self.alert(severity, name, since, now))
            })
            .collect();
        if alerts.is_empty() {
            let overall = self.overall_state.as_deref();
            let severity = overall.and_then(|state| self.severity(state));
            let since = self.overall_state_modified;
            alerts.extend(severity.map(|severity| self.alert(severity, "", since, now)));
        }
        alerts
    }

    /// How bad a state is; nothing for those that are well, and for missing data that nobody wants to hear of.
    fn severity(&self, state: &str) -> Option<&'static str> {
        let on_missing = self.options.on_missing_data.as_deref();
        let tells_missing = self.options.notify_no_data.unwrap_or(false)
            || on_missing == Some("show_and_notify_no_data");
        match state {
            "Alert" => Some("alert"),
            "Warn" => Some("warn"),
            "No Data" if tells_missing => Some("no data"),
            _ => None,
        }
    }

    fn alert(
        &self,
        severity: &str,
        group: &str,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Alert {
        let of_group = tags(group.split(','));
        let mut labels = tags(self.tags.iter().map(String::as_str));
        labels.extend(of_group.iter().cloned());
        labels.push(("monitor_id".to_owned(), self.id.to_string()));
        if let Some(priority) = self.priority {
            labels.push(("priority".to_owned(), format!("P{priority}")));
        }
        labels.sort_unstable();
        labels.dedup();
        Alert {
            name: self.name.clone(),
            state: AlertState::Firing,
            severity: severity.to_owned(),
            summary: self.query.clone(),
            silenced_by: self.silenced_by(&of_group, &labels, now),
            labels,
            since,
        }
    }

    /// Downtimes that cover a group. Those of v2 are matched by the vendor and name their scope; what is muted in the
    /// monitor's own options is a scope with its end.
    fn silenced_by(&self, group: &Labels, all: &Labels, now: Timestamp) -> Vec<String> {
        let covers = |scope: &str| {
            scope == "*"
                || tags(scope.split(','))
                    .iter()
                    .all(|tag| group.contains(tag) || all.contains(tag))
        };
        let mut ids: Vec<String> = self
            .matching_downtimes
            .iter()
            .filter(|downtime| downtime.scope.iter().all(|scope| covers(scope)))
            .map(|downtime| downtime.id.to_string())
            .collect();
        let seconds = now.as_millis().div_euclid(1000);
        let mut muted = self.options.silenced.iter().flatten();
        let is_muted =
            muted.any(|(scope, end)| covers(scope) && end.is_none_or(|end| end > seconds));
        if is_muted && ids.is_empty() {
            ids.push(MUTED.to_owned());
        }
        ids
    }
}

/// One downtime.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Downtime {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) scope: String,
    pub(super) message: String,
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// Tags of the monitors it is for.
    monitor_tags: Vec<String>,
    /// The one monitor it is for.
    monitor_id: Option<i64>,
}

#[derive(Deserialize)]
struct RawDowntime {
    id: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    status: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    schedule: Option<Schedule>,
    #[serde(default)]
    monitor_identifier: Identifier,
}

#[derive(Deserialize, Default)]
struct Identifier {
    #[serde(default)]
    monitor_tags: Vec<String>,
    #[serde(default)]
    monitor_id: Option<i64>,
}

#[derive(Deserialize)]
struct Schedule {
    #[serde(default)]
    start: Option<Timestamp>,
    #[serde(default)]
    end: Option<Timestamp>,
    #[serde(default)]
    current_downtime: Option<Current>,
}

#[derive(Deserialize)]
struct Current {
    #[serde(default)]
    start: Option<Timestamp>,
    #[serde(default)]
    end: Option<Timestamp>,
}

impl From<RawDowntime> for Downtime {
    fn from(raw: RawDowntime) -> Self {
        let schedule = raw.attributes.schedule;
        let span = schedule.map(|schedule| {
            // One that comes again and again says when it holds now.
            let current = schedule.current_downtime;
            current.map_or((schedule.start, schedule.end), |now| (now.start, now.end))
        });
        let (from, until) = span.unwrap_or_default();
        Self {
            id: raw.id,
            status: raw.attributes.status,
            scope: raw.attributes.scope,
            message: raw.attributes.message.unwrap_or_default(),
            from,
            until,
            monitor_tags: raw.attributes.monitor_identifier.monitor_tags,
            monitor_id: raw.attributes.monitor_identifier.monitor_id,
        }
    }
}

/// One downtime.
///
/// # Errors
/// [`HttpError::Decode`].
pub(super) fn downtime(body: &[u8]) -> Result<Downtime, HttpError> {
    #[derive(Deserialize)]
    struct One {
        data: RawDowntime,
    }
    decode::<One>(body).map(|one| one.data.into())
}

/// A page of downtimes, and how many there are in all where that is said.
///
/// # Errors
/// [`HttpError::Decode`].
pub(super) fn downtimes(body: &[u8]) -> Result<(Vec<Downtime>, Option<usize>), HttpError> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<RawDowntime>,
        #[serde(default)]
        meta: Option<Meta>,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(default)]
        page: Option<Page>,
    }
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        total_filtered_count: Option<usize>,
    }
    let list: List = decode(body)?;
    let page = list.meta.and_then(|meta| meta.page);
    let total = page.and_then(|page| page.total_filtered_count);
    Ok((list.data.into_iter().map(Downtime::from).collect(), total))
}

impl Downtime {
    pub(super) fn state(&self) -> SilenceState {
        match self.status.as_str() {
            "active" => SilenceState::Active,
            "scheduled" => SilenceState::Pending,
            _ => SilenceState::Expired,
        }
    }

    /// Whether it keeps an alert of a monitor quiet now, as far as its scope can be told.
    pub(super) fn covers(&self, alert: &Alert) -> bool {
        let has = |tag: &(String, String)| alert.labels.contains(tag);
        let wanted = tags(self.monitor_tags.iter().map(String::as_str));
        let is_of = match self.monitor_id {
            Some(id) => has(&("monitor_id".to_owned(), id.to_string())),
            None => !wanted.is_empty() && wanted.iter().all(|tag| tag.0 == "*" || has(tag)),
        };
        self.state() == SilenceState::Active && is_of && scope::covers(&self.scope, &alert.labels)
    }

    pub(super) fn into_silence(self) -> Silence {
        Silence {
            state: self.state(),
            id: self.id,
            mutes: vec![self.scope],
            // Who made it would cost a further question for each.
            by: String::new(),
            comment: self.message,
            from: self.from,
            until: self.until,
        }
    }
}

/// Whether the key of the organisation is good.
///
/// # Errors
/// [`HttpError::Decode`].
pub(super) fn is_valid(body: &[u8]) -> Result<bool, HttpError> {
    #[derive(Deserialize)]
    struct Said {
        #[serde(default)]
        valid: bool,
    }
    decode::<Said>(body).map(|said| said.valid)
}
