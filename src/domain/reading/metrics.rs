//! Readings of metrics servers: series, their past, and whether targets are reached.

use crate::domain::id::RuleId;
use crate::domain::time::{Moment, Timestamp};
use serde::{Deserialize, Serialize};

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

/// An alerting rule of a metrics server, whatever its alerts do now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlertRule {
    /// Name of its alerts: their label `alertname`.
    pub name: String,
    /// Labels that it sets itself, sorted by name, as they are written: a value may be a template.
    pub labels: Vec<(String, String)>,
}

/// The alerting rules of a metrics server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRules {
    /// Sorted by name and labels, each once; at most 500.
    pub rules: Vec<AlertRule>,
    /// Why there may be more, or empty.
    pub unknown: String,
}

/// Whether a metrics server reaches what it watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    /// Job that scrapes it.
    pub job: String,
    /// Label `instance`.
    pub instance: String,
    /// All labels, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Up, down; absent when the server does not know yet.
    pub is_up: Option<bool>,
    /// Why it is down, or empty.
    pub error: String,
    /// When it was last asked.
    pub scraped: Option<Timestamp>,
}
