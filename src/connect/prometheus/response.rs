//! Answers of the Prometheus HTTP API. Unknown fields are ignored; those used must be as documented.
//!
//! Labels are decoded as borrowed pairs and made owned only for the series that are kept, so an answer of thousands of
//! series costs little more than reading it.
//!
//! Source: Prometheus HTTP API, "Format overview", "Expression query result formats", "Alerts" (read for 2.42 and 3.x).

mod once;
mod recorded;
mod state;

pub use recorded::{Matrix, parse_recorded};
pub use state::{
    Alerts, Build, Flavour, Rules, Targets, parse_alerts, parse_build, parse_rules, parse_targets,
};

use crate::connect::http::{HttpError, decode, decode_seed, snippet};
use crate::domain::reading::{History, Sample, Series};
use crate::domain::time::Timestamp;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;
use std::marker::PhantomData;

/// Warnings kept of one answer.
const WARNINGS_MAX: usize = 10;

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// Not JSON of the documented shape.
    #[error(transparent)]
    Shape(HttpError),
    /// The server refused, in its own words.
    #[error("{error_type}: {error}")]
    Server {
        /// `bad_data`, `timeout`, `execution`, ...
        error_type: String,
        /// Text for a person.
        error: String,
    },
    /// The expression has a type that has no newest value.
    #[error("the expression gives a {got}, not a vector or scalar")]
    ResultType {
        /// `matrix` or `string`.
        got: String,
    },
    /// A series holds native histograms, which are not numbers.
    #[error(
        "the expression gives native histograms; wrap it in `histogram_quantile` or `histogram_count`"
    )]
    Histogram,
}

/// Newest values of one expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    /// Sorted by labels, at most as many as were asked for.
    pub series: Vec<Series>,
    /// How many more there were.
    pub dropped: usize,
    /// Warnings and infos of the server; at most ten.
    pub warnings: Vec<String>,
    /// Why series may be missing, when the server says so.
    pub partial: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    status: Status,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(rename = "errorType", default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    /// Since Prometheus 3: remarks on the expression, which cost no data.
    #[serde(default)]
    infos: Option<Vec<String>>,
    /// `VictoriaMetrics` says so when a storage node did not answer.
    #[serde(rename = "isPartial", default)]
    is_partial: bool,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Success,
    Error,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "resultType")]
    result_type: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

/// A string that is borrowed where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Label pairs, sorted by name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Labels<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Labels<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Pairs<'a>(PhantomData<&'a str>);
        impl<'de: 'a, 'a> Visitor<'de> for Pairs<'a> {
            type Value = Labels<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of labels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels<'a>, A::Error> {
                // Most series have a handful of labels.
                let mut pairs = Vec::with_capacity(8);
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                if !pairs.is_sorted() {
                    pairs.sort();
                }
                Ok(Labels(pairs))
            }
        }
        d.deserialize_map(Pairs(PhantomData))
    }
}

impl Labels<'_> {
    fn into_owned(self) -> Vec<(String, String)> {
        self.0
            .into_iter()
            .map(|(name, value)| (name.0.into_owned(), value.0.into_owned()))
            .collect()
    }
}

/// `[1795321924.314, "0.5"]`.
struct Point(Sample);

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Pair<'a>(f64, #[serde(borrow)] Text<'a>);
        let Pair(seconds, text) = Pair::deserialize(d)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`as` stops at the ends of the range"
        )]
        let at = Timestamp::from_millis((seconds * 1000.0).round() as i64);
        let value = text
            .0
            .parse()
            .map_err(|_| D::Error::custom(format_args!("`{}` is not a number", text.0)))?;
        Ok(Self(Sample { at, value }))
    }
}

#[derive(Deserialize)]
struct VectorItem<'a> {
    #[serde(borrow)]
    metric: Labels<'a>,
    value: Option<Point>,
    #[serde(default)]
    histogram: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct MatrixItem<'a> {
    #[serde(borrow)]
    metric: Labels<'a>,
    #[serde(default)]
    values: Vec<Point>,
}

/// A series of either kind, ordered by its labels alone.
trait Labelled {
    fn labels(&self) -> &Labels<'_>;
}

impl Labelled for VectorItem<'_> {
    fn labels(&self) -> &Labels<'_> {
        &self.metric
    }
}

impl Labelled for MatrixItem<'_> {
    fn labels(&self) -> &Labels<'_> {
        &self.metric
    }
}

struct ByLabels<T>(T);

impl<T: Labelled> Ord for ByLabels<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.labels().0.iter().cmp(other.0.labels().0.iter())
    }
}

impl<T: Labelled> PartialOrd for ByLabels<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Labelled> PartialEq for ByLabels<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T: Labelled> Eq for ByLabels<T> {}

/// The first series by labels, and how many there were in all.
struct Kept<T> {
    items: Vec<T>,
    total: usize,
}

/// Reads a list of series and keeps the first `limit` by labels, without holding the others.
struct KeepFirst<T> {
    limit: usize,
    kind: PhantomData<T>,
}

impl<T> Clone for KeepFirst<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for KeepFirst<T> {}

impl<'de, T: Deserialize<'de> + Labelled> DeserializeSeed<'de> for KeepFirst<T> {
    type Value = Kept<T>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Kept<T>, D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de> + Labelled> Visitor<'de> for KeepFirst<T> {
    type Value = Kept<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kept<T>, A::Error> {
        let mut heap = BinaryHeap::new();
        let mut total = 0;
        while let Some(item) = list.next_element::<T>()? {
            total += 1;
            let item = ByLabels(item);
            if heap.len() < self.limit {
                heap.push(item);
            } else if let Some(mut last) = heap.peek_mut()
                && item < *last
            {
                *last = item;
            }
        }
        let items = heap
            .into_sorted_vec()
            .into_iter()
            .map(|item| item.0)
            .collect();
        Ok(Kept { items, total })
    }
}

/// Opens the envelope; an error of the server comes out as one.
fn open(body: &[u8]) -> Result<(Envelope<'_>, &[u8]), ResponseError> {
    let envelope: Envelope<'_> = decode(body).map_err(ResponseError::Shape)?;
    if envelope.status == Status::Error {
        return Err(ResponseError::Server {
            error_type: envelope.error_type,
            error: envelope.error,
        });
    }
    let data = envelope
        .data
        .map_or(&b"null"[..], |data| data.get().as_bytes());
    Ok((envelope, data))
}

/// Puts the place of an inner document before the place of an error in it.
fn within(place: &'static str) -> impl Fn(HttpError) -> ResponseError {
    move |error| {
        ResponseError::Shape(match error {
            HttpError::Decode {
                path,
                what,
                snippet,
            } => {
                let dot = if path.is_empty() || path.starts_with(['[', '.']) {
                    ""
                } else {
                    "."
                };
                HttpError::Decode {
                    path: format!("{place}{dot}{path}")
                        .trim_end_matches('.')
                        .to_owned(),
                    what,
                    snippet,
                }
            }
            other => other,
        })
    }
}

/// Newest sample of each series that an instant query matched.
///
/// Shape: one entry per series, sorted by labels; a scalar is one series without labels. Empty means "nothing matched",
/// which is not an error here. Units: `value` in the metric's base unit; `at` is the server's evaluation time.
///
/// # Errors
/// [`ResponseError`]; a matrix or string has no newest value, a native histogram is no number.
pub fn parse_vector(body: &[u8], series_max: usize) -> Result<Vector, ResponseError> {
    if let Some(found) = once::read::<VectorItem<'_>>(body, "vector", series_max) {
        return Ok(Vector {
            dropped: found.kept.total - found.kept.items.len(),
            series: all_series(found.kept.items)?,
            partial: partial_reason(found.warnings.as_deref(), found.is_partial),
            warnings: warnings(found.warnings, found.infos),
        });
    }
    let (envelope, data) = open(body)?;
    let data: Data<'_> = decode(data).map_err(within("data"))?;
    let result = data.result.get().as_bytes();
    let (series, dropped) = match data.result_type.as_str() {
        "vector" => {
            let keep = KeepFirst::<VectorItem<'_>> {
                limit: series_max,
                kind: PhantomData,
            };
            let kept = decode_seed(result, keep).map_err(within("data.result"))?;
            let dropped = kept.total - kept.items.len();
            (all_series(kept.items)?, dropped)
        }
        "scalar" => {
            let point: Point = decode(result).map_err(within("data.result"))?;
            (
                vec![Series {
                    labels: Vec::new(),
                    sample: point.0,
                }],
                0,
            )
        }
        other => {
            return Err(ResponseError::ResultType {
                got: other.chars().take(20).collect(),
            });
        }
    };
    Ok(Vector {
        series,
        dropped,
        partial: envelope.partial_reason(),
        warnings: warnings(envelope.warnings, envelope.infos),
    })
}

/// Remarks of the server for a person to read.
fn warnings(warnings: Option<Vec<String>>, infos: Option<Vec<String>>) -> Vec<String> {
    warnings
        .into_iter()
        .flatten()
        .chain(infos.into_iter().flatten())
        .take(WARNINGS_MAX)
        .map(|text| snippet(text.as_bytes()))
        .collect()
}

/// Why something may be missing. Warnings of the expression itself say nothing of missing data; all others come from
/// storage that did not answer.
///
/// Source: Prometheus `util/annotations`, prefixes of its texts; Thanos and remote read warn of failed stores.
fn partial_reason(warnings: Option<&[String]>, is_partial: bool) -> Option<String> {
    let mut said = warnings.into_iter().flatten();
    match said.find(|text| !text.starts_with("PromQL ")) {
        Some(text) => Some(snippet(text.as_bytes())),
        None => is_partial.then(|| "the server marks its answer as partial".to_owned()),
    }
}

impl Envelope<'_> {
    fn partial_reason(&self) -> Option<String> {
        partial_reason(self.warnings.as_deref(), self.is_partial)
    }
}

fn all_series(items: Vec<VectorItem<'_>>) -> Result<Vec<Series>, ResponseError> {
    items.into_iter().map(into_series).collect()
}

fn into_series(item: VectorItem<'_>) -> Result<Series, ResponseError> {
    match (item.value, item.histogram) {
        (Some(point), _) => Ok(Series {
            labels: item.metric.into_owned(),
            sample: point.0,
        }),
        (None, Some(_)) => Err(ResponseError::Histogram),
        (None, None) => Err(ResponseError::Shape(HttpError::Decode {
            path: "data.result".to_owned(),
            what: "a series has no value".to_owned(),
            snippet: String::new(),
        })),
    }
}

/// Past values of each series that a range query matched, sorted by labels, oldest value first.
///
/// # Errors
/// [`ResponseError`]; anything but a matrix is one.
pub fn parse_matrix(body: &[u8], series_max: usize) -> Result<Vec<History>, ResponseError> {
    if let Some(found) = once::read::<MatrixItem<'_>>(body, "matrix", series_max) {
        return Ok(histories(found.kept.items));
    }
    let (_, data) = open(body)?;
    let data: Data<'_> = decode(data).map_err(within("data"))?;
    if data.result_type != "matrix" {
        return Err(ResponseError::ResultType {
            got: data.result_type.chars().take(20).collect(),
        });
    }
    let keep = KeepFirst::<MatrixItem<'_>> {
        limit: series_max,
        kind: PhantomData,
    };
    let kept = decode_seed(data.result.get().as_bytes(), keep).map_err(within("data.result"))?;
    Ok(histories(kept.items))
}

fn histories(items: Vec<MatrixItem<'_>>) -> Vec<History> {
    let one = |item: MatrixItem<'_>| History {
        labels: item.metric.into_owned(),
        samples: item.values.into_iter().map(|point| point.0).collect(),
    };
    items.into_iter().map(one).collect()
}

/// The server's own words in the body of an error status, when it has any.
pub(super) fn parse_refusal(body: &str) -> Option<ResponseError> {
    match open(body.as_bytes()) {
        Err(refusal @ ResponseError::Server { .. }) => Some(refusal),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
