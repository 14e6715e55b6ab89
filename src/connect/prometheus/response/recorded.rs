//! The answer of a range query as a backtest wants it: nothing that is missing goes unsaid.

use super::{
    Data, KeepFirst, Kept, Labelled, Labels, Point, ResponseError, once, open, partial_reason,
    within,
};
use crate::connect::http::{decode, decode_seed};
use crate::domain::reading::History;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::marker::PhantomData;

/// Past values of one expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Sorted by labels, at most as many as were asked for; oldest value first.
    pub series: Vec<History>,
    /// How many more there were.
    pub dropped: usize,
    /// Why values may be missing, when the server says so.
    pub partial: Option<String>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    metric: Labels<'a>,
    #[serde(default)]
    values: Vec<Point>,
    #[serde(default)]
    histograms: Option<IgnoredAny>,
}

impl Labelled for Item<'_> {
    fn labels(&self) -> &Labels<'_> {
        &self.metric
    }
}

/// As [`super::parse_matrix`], with what is missing.
///
/// # Errors
/// [`ResponseError`]; a series with native histograms is one, since a moment at which it has one is no number.
pub fn parse_recorded(body: &[u8], series_max: usize) -> Result<Matrix, ResponseError> {
    if let Some(found) = once::read::<Item<'_>>(body, "matrix", series_max) {
        let partial = partial_reason(found.warnings.as_deref(), found.is_partial);
        return matrix(found.kept, partial);
    }
    let (envelope, data) = open(body)?;
    let data: Data<'_> = decode(data).map_err(within("data"))?;
    if data.result_type != "matrix" {
        return Err(ResponseError::ResultType {
            got: data.result_type.chars().take(20).collect(),
        });
    }
    let keep = KeepFirst::<Item<'_>> {
        limit: series_max,
        kind: PhantomData,
    };
    let kept = decode_seed(data.result.get().as_bytes(), keep).map_err(within("data.result"))?;
    matrix(kept, envelope.partial_reason())
}

fn matrix(kept: Kept<Item<'_>>, partial: Option<String>) -> Result<Matrix, ResponseError> {
    if kept.items.iter().any(|item| item.histograms.is_some()) {
        return Err(ResponseError::Histogram);
    }
    let dropped = kept.total.saturating_sub(kept.items.len());
    let series = kept.items.into_iter().map(|item| History {
        labels: item.metric.into_owned(),
        samples: item.values.into_iter().map(|point| point.0).collect(),
    });
    Ok(Matrix {
        series: series.collect(),
        dropped,
        partial,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(result: &str, beside: &str) -> Vec<u8> {
        format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}{beside}}}"#
        )
        .into_bytes()
    }

    const ONE: &str = r#"{"metric":{"i":"a"},"values":[[10,"1"],[25,"NaN"]]}"#;
    const TWO: &str = r#"{"metric":{"i":"b"},"values":[[10,"2"]]}"#;

    #[test]
    fn values_come_with_what_is_left_out() {
        let read = parse_recorded(&body(&format!("{TWO},{ONE}"), ""), 1).expect("reads");
        assert_eq!((read.series.len(), read.dropped), (1, 1));
        assert_eq!(read.series[0].labels[0].1, "a");
        assert_eq!(read.series[0].samples[0].at.as_millis(), 10_000);
        assert!(read.series[0].samples[1].value.is_nan());
        assert_eq!(read.partial, None);
    }

    #[test]
    fn a_partial_answer_says_so_whatever_the_order_of_the_envelope() {
        let remark = body(ONE, r#","warnings":["PromQL info: rate of a gauge"]"#);
        assert_eq!(parse_recorded(&remark, 9).expect("reads").partial, None);
        let usual = body(ONE, r#","warnings":["store x: no answer"]"#);
        let data = format!(r#"{{"result":[{ONE}],"resultType":"matrix"}}"#);
        let other =
            format!(r#"{{"warnings":["store x: no answer"],"status":"success","data":{data}}}"#);
        for body in [usual, other.into_bytes()] {
            let read = parse_recorded(&body, 9).expect("reads");
            assert_eq!(read.partial.as_deref(), Some("store x: no answer"));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let histogram = r#"{"metric":{},"histograms":[[10,{"count":"1","sum":"2"}]]}"#;
        assert_eq!(
            parse_recorded(&body(histogram, ""), 9),
            Err(ResponseError::Histogram)
        );
        let vector = br#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
        assert!(parse_recorded(vector, 9).is_err());
    }
}
