//! Samples of one label set of a family, which come one after another in OpenMetrics.
//!
//! Source: OpenMetrics 1.0, "Histogram", "GaugeHistogram", "Timestamps".

use super::LineError;
use super::family::Kind;
use super::line::Line;
use crate::domain::time::Timestamp;

/// One label set.
#[derive(Debug)]
pub(super) struct Group {
    key: String,
    kind: Kind,
    /// Suffix and time of the last sample.
    last: Option<(String, Option<Timestamp>)>,
    buckets: Buckets,
}

/// What the samples of one histogram say.
#[derive(Debug, Default)]
struct Buckets {
    /// Bound and count of the last bucket.
    last: Option<(f64, f64)>,
    has_negative: bool,
    count: Option<f64>,
    sum: Option<f64>,
}

impl Group {
    pub(super) fn new(key: String, kind: Kind) -> Self {
        Self {
            key,
            kind,
            last: None,
            buckets: Buckets::default(),
        }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn into_key(self) -> String {
        self.key
    }

    const fn is_histogram(&self) -> bool {
        matches!(self.kind, Kind::Histogram | Kind::GaugeHistogram)
    }

    /// Takes in one sample; `bound` is that of a bucket.
    pub(super) fn take_in(
        &mut self,
        suffix: &str,
        sample: &Line<'_>,
        bound: f64,
    ) -> Result<(), LineError> {
        let before = self.last.replace((suffix.to_owned(), sample.at));
        if let Some((name, at)) = before {
            let is_later = sample.at > at;
            if sample.at.is_some() != at.is_some() || sample.at < at {
                return Err(LineError::Order);
            }
            if is_later && self.is_histogram() {
                self.check()?;
                self.buckets = Buckets::default();
            }
            let is_single = matches!(
                self.kind,
                Kind::Unknown | Kind::Counter | Kind::Gauge | Kind::Info
            );
            if is_single && !is_later && name == suffix {
                return Err(LineError::Order);
            }
        }
        match suffix {
            "_bucket" => self.buckets.bucket(bound, sample.number),
            "_count" | "_gcount" => {
                self.buckets.count = Some(sample.number);
                Ok(())
            }
            "_sum" | "_gsum" => {
                self.buckets.sum = Some(sample.number);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether what was taken in makes a whole.
    pub(super) fn check(&self) -> Result<(), LineError> {
        if self.is_histogram() {
            self.buckets.check(self.kind)
        } else {
            Ok(())
        }
    }
}

impl Buckets {
    fn bucket(&mut self, bound: f64, count: f64) -> Result<(), LineError> {
        let before = self.last.replace((bound, count));
        self.has_negative |= bound < 0.0;
        match before {
            Some((last, fewer)) if bound <= last || count < fewer => Err(LineError::Buckets),
            _ => Ok(()),
        }
    }

    fn check(&self, kind: Kind) -> Result<(), LineError> {
        let all = self
            .last
            .filter(|(bound, _)| *bound == f64::INFINITY)
            .map(|(_, count)| count);
        let fits_count = self.count.is_none_or(|count| Some(count) == all);
        let sum_is_right = match (self.sum, self.has_negative) {
            (Some(_), true) => kind == Kind::GaugeHistogram,
            (Some(sum), false) => sum >= 0.0,
            (None, negative) => self.count.is_none() || (negative && kind == Kind::Histogram),
        };
        let is_whole = self.sum.is_none() || self.count.is_some();
        if all.is_some() && fits_count && sum_is_right && is_whole {
            Ok(())
        } else {
            Err(LineError::Buckets)
        }
    }
}
