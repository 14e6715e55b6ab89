//! What connectors bring in: typed, with the time it was true, and with its failures.
//!
//! Readings are telemetry, not facts: the journal quotes those that decided something.

use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::time::{Moment, Timestamp, millis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One value of one series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When the value was true, by the source's clock.
    pub at: Timestamp,
    /// In the metric's base unit. NaN and infinities survive the wire as text.
    #[serde(with = "float_text")]
    pub value: f64,
}

/// Serde form of a float that may be NaN or infinite: a number, or the text Prometheus uses.
pub mod float_text {
    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    /// Finite as a number, else `"NaN"`, `"+Inf"`, `"-Inf"`.
    pub fn serialize<S: Serializer>(value: &f64, s: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            s.serialize_f64(*value)
        } else if value.is_nan() {
            s.serialize_str("NaN")
        } else {
            s.serialize_str(if *value > 0.0 { "+Inf" } else { "-Inf" })
        }
    }

    /// Reads what [`serialize`] writes.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        d.deserialize_any(Float)
    }

    struct Float;

    impl Visitor<'_> for Float {
        type Value = f64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number, or `NaN`, `+Inf`, `-Inf`")
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
            Ok(value)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
            Ok(value as f64)
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
            Ok(value as f64)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
            text.parse().map_err(E::custom)
        }
    }
}

/// One labelled series with its newest value. Labels are pairs, not a map: a map costs more than the parser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Label pairs, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Newest value.
    pub sample: Sample,
}

/// A series with its past, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Label pairs, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Values, oldest first.
    pub samples: Vec<Sample>,
}

/// Why an answer is missing; one line for a person, sanitised by whoever draws it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFailure {
    /// What happened: `connection refused`, `HTTP 503`, `no answer within 5s`.
    pub what: String,
    /// True when only some of the data is missing.
    pub partial: bool,
}

/// Answer to one instant query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryAnswer {
    /// The rule that asked.
    pub rule: RuleId,
    /// Series, sorted by labels; or why there are none to trust.
    pub result: Result<Vec<Series>, ReadFailure>,
    /// Series beyond the limit that were counted and left out.
    pub dropped: usize,
    /// Warnings of the server.
    pub warnings: Vec<String>,
    /// When the answer arrived, by our clocks.
    pub received: Moment,
}

/// Past of one rule, to fill a chart at attach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RangeAnswer {
    /// The rule that asked.
    pub rule: RuleId,
    /// Series with their past; or why there are none.
    pub result: Result<Vec<History>, ReadFailure>,
}

/// State of an alert, as Prometheus names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Expression true, not yet long enough.
    Pending,
    /// Firing.
    Firing,
}

/// One alert of an alerting system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Value of `alertname`.
    pub name: String,
    /// Pending or firing.
    pub state: AlertState,
    /// Value of the `severity` label, or empty.
    pub severity: String,
    /// `summary` annotation, else `description`, else empty.
    pub summary: String,
    /// All labels, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// A configuration item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Unique name.
    pub name: String,
    /// `database`, `vm`, `device`, `service`, or empty.
    pub kind: String,
    /// Team or person.
    pub owner: String,
    /// Service tier, or empty.
    pub tier: String,
    /// `prod`, `staging`, or empty.
    pub environment: String,
    /// Site, or empty.
    pub site: String,
    /// `active`, `planned`, or the vendor's word.
    pub status: String,
    /// Names of components this one needs.
    pub depends_on: Vec<String>,
}

/// Who answers the pager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnCall {
    /// Schedule, rota or escalation policy.
    pub rota: String,
    /// Escalation level, 1 first.
    pub level: u8,
    /// Display name of the person.
    pub person: String,
    /// How to reach them, or empty.
    pub contact: String,
    /// Start of this shift.
    pub from: Option<Timestamp>,
    /// Hand-over.
    pub until: Option<Timestamp>,
    /// Who follows, or empty.
    pub next: String,
}

/// An open incident of a pager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Vendor's id.
    pub id: String,
    /// One line.
    pub title: String,
    /// `triggered`, `acknowledged`, or the vendor's word.
    pub status: String,
    /// Service it is on.
    pub service: String,
    /// `high`, `low`, or empty.
    pub urgency: String,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// What a build of a metrics server says of itself, and how far its clock is from ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// `2.42.0`, or empty when it does not say.
    pub version: String,
    /// Server clock minus our clock, milliseconds; absent when it could not be read.
    pub clock_skew_ms: Option<i64>,
}

/// How a connector does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorHealth {
    /// Which one.
    pub connector: ConnectorName,
    /// `prometheus`, `netbox`, `pagerduty`, `scrape`, `files`.
    pub system: String,
    /// Live, stale or never.
    pub liveness: Liveness,
    /// Newest good answer.
    pub last_good: Option<Moment>,
    /// What went wrong last, or empty.
    pub last_error: String,
    /// Failures in a row.
    pub failures: u32,
    /// When it will be asked again.
    pub next_try: Option<Moment>,
    /// Time the newest answer took.
    #[serde(rename = "latency_ms", with = "millis")]
    pub latency: Duration,
}

/// Whether there is data to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// Answered within its limit.
    Live,
    /// Answered once, not lately.
    Stale,
    /// Has never answered.
    Never,
}

/// One thing a connector tells the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reading", rename_all = "kebab-case")]
pub enum Reading {
    /// Answers of one tick's instant queries.
    Queries {
        /// Who answered.
        source: ConnectorName,
        /// One for each query that was due.
        answers: Vec<QueryAnswer>,
    },
    /// Past values, after attach or start.
    Ranges {
        /// Who answered.
        source: ConnectorName,
        /// One for each rule.
        answers: Vec<RangeAnswer>,
    },
    /// All alerts there are now.
    Alerts {
        /// Who answered.
        source: ConnectorName,
        /// Pending and firing ones; at most 500.
        alerts: Vec<Alert>,
    },
    /// Build and clock of a server.
    Info {
        /// Who answered.
        source: ConnectorName,
        /// What it said.
        info: ServerInfo,
    },
    /// All components known to a CMDB (of those asked for).
    Components {
        /// Who answered.
        source: ConnectorName,
        /// At most 5,000.
        components: Vec<Component>,
    },
    /// Who is on call.
    OnCalls {
        /// Who answered.
        source: ConnectorName,
        /// At most 500.
        on_calls: Vec<OnCall>,
    },
    /// Open incidents.
    Incidents {
        /// Who answered.
        source: ConnectorName,
        /// At most 500.
        incidents: Vec<Incident>,
    },
    /// How a connector does; sent at each change and at each success.
    Health(ConnectorHealth),
}
