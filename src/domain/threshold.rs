//! Limits on metrics and what they say: pass, warn, fail or **unknown**, never two-valued.

use serde::{Deserialize, Serialize};
use std::fmt;

mod relative;

pub use relative::{RuleLimit, Scale};

/// A comparison of a value with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    /// `>`
    #[serde(rename = ">")]
    Gt,
    /// `>=`
    #[serde(rename = ">=")]
    Ge,
    /// `<`
    #[serde(rename = "<")]
    Lt,
    /// `<=`
    #[serde(rename = "<=")]
    Le,
    /// `==`
    #[serde(rename = "==")]
    Eq,
    /// `!=`
    #[serde(rename = "!=")]
    Ne,
}

impl Op {
    /// As written in `PromQL`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Eq => "==",
            Self::Ne => "!=",
        }
    }
}

/// `value op limit`: true when the limit is crossed (guards) or met (gates).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The comparison.
    pub op: Op,
    /// The limit, in the metric's base unit; finite.
    pub value: f64,
}

impl Limit {
    /// Whether `value op limit` holds. A NaN value holds for nothing, not even `!=`.
    #[expect(
        clippy::float_cmp,
        reason = "`==` in a rule means what it means in PromQL"
    )]
    pub fn holds(self, value: f64) -> bool {
        if value.is_nan() {
            return false;
        }
        match self.op {
            Op::Gt => value > self.value,
            Op::Ge => value >= self.value,
            Op::Lt => value < self.value,
            Op::Le => value <= self.value,
            Op::Eq => value == self.value,
            Op::Ne => value != self.value,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op.as_str(), self.value)
    }
}

/// What a breach of a guard does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBreach {
    /// Marks only.
    Warn,
    /// Holds the session: nothing new starts until somebody releases it.
    #[default]
    Hold,
    /// Holds the session and starts the back-out by itself.
    Rollback,
}

impl OnBreach {
    /// The word of the runbook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Hold => "hold",
            Self::Rollback => "rollback",
        }
    }
}

/// How many of the newest samples must cross a limit before it counts: one that comes and goes is not overlooked, and
/// a single one is not a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCount {
    /// At least so many; 1 first.
    pub of: u8,
    /// Of the newest so many; [`SAMPLES_MAX`] at most.
    pub last: u8,
}

/// Longest memory of a rule in samples: at the usual poll of 15 s that is five minutes, and what was crossed longer ago
/// decides nothing.
pub const SAMPLES_MAX: u8 = 20;

impl SampleCount {
    /// Reads `2/3`.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow the text itself.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let number = |part: &str| part.trim().parse::<u8>().ok();
        let read = text.split_once('/');
        let read = read.and_then(|(of, last)| Some((number(of)?, number(last)?)));
        match read {
            None => Err("not `N/M`, such as `2/3`"),
            Some((of, last)) if of == 0 || of > last => Err("not between 1 and all of the samples"),
            Some((_, last)) if last > SAMPLES_MAX => Err("more than 20 samples"),
            Some((of, last)) => Ok(Self { of, last }),
        }
    }
}

impl fmt::Display for SampleCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.of, self.last)
    }
}

/// What missing data of a guard does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnNoData {
    /// Shown as unknown; destructive steps do not arm.
    #[default]
    Unknown,
    /// As [`OnNoData::Unknown`], and the session is held.
    Hold,
    /// An answer without any series is good: for what legitimately vanishes. Nothing else is covered: no answer, an old
    /// one, an error, NaN, a partial answer and fewer series than at the baseline stay unknown.
    Ok,
}

impl OnNoData {
    /// The word of the runbook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Hold => "hold",
            Self::Ok => "ok",
        }
    }
}

/// Why a value is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// No answer has come yet.
    Never,
    /// The newest answer is too old.
    Stale,
    /// The query matched no series.
    Empty,
    /// A value is not a number.
    NotANumber,
    /// The source answered with an error, or not at all.
    Error,
    /// The answer was partial: some series are missing.
    Partial,
    /// Series that were there when the maintenance began are not there any more.
    Fewer {
        /// Series of the newest answer.
        found: u32,
        /// Series at the baseline.
        of: u32,
    },
    /// A limit is relative to the baseline, and there is none for this series.
    NoBaseline,
    /// A limit is a multiple of a baseline that is zero or below: nothing to compare with.
    ZeroBaseline,
}

impl Unknown {
    /// Words for the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "no data yet",
            Self::Stale => "stale",
            Self::Empty => "no series",
            Self::NotANumber => "NaN",
            Self::Error => "error",
            Self::Partial => "partial",
            Self::Fewer { .. } => "fewer series",
            Self::NoBaseline => "no baseline",
            Self::ZeroBaseline => "the baseline is not above 0",
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fewer { found, of } => write!(f, "{found} of {of} series"),
            why => f.write_str(why.as_str()),
        }
    }
}

/// What a rule says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "is", content = "why", rename_all = "lowercase")]
pub enum Verdict {
    /// Known and inside all limits.
    Pass,
    /// Known and beyond `warn`.
    Warn,
    /// Known and beyond `crit` (guard), or known and not met (gate).
    Fail,
    /// Not known: opens nothing.
    Unknown(Unknown),
}

impl Verdict {
    /// True only for a known good value.
    pub const fn is_pass(self) -> bool {
        matches!(self, Self::Pass)
    }

    /// True for a known value that does not breach.
    pub const fn is_known_good(self) -> bool {
        matches!(self, Self::Pass | Self::Warn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_meets_no_limit() {
        for op in [Op::Gt, Op::Ge, Op::Lt, Op::Le, Op::Eq, Op::Ne] {
            assert!(!Limit { op, value: 1.0 }.holds(f64::NAN), "{op:?}");
        }
    }

    #[test]
    fn a_count_of_samples_is_read_and_bounded() {
        let read = |text| SampleCount::parse(text).map(|count| count.to_string());
        assert_eq!(read("2/3"), Ok("2/3".to_owned()));
        assert_eq!(read(" 1 / 20 "), Ok("1/20".to_owned()));
        for refused in ["", "2", "0/3", "4/3", "2/21", "2/300", "-1/3", "2/3/4"] {
            assert!(read(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn limits_hold_at_their_edge_as_in_promql() {
        assert!(
            Limit {
                op: Op::Ge,
                value: 5.0
            }
            .holds(5.0)
        );
        assert!(
            !Limit {
                op: Op::Gt,
                value: 5.0
            }
            .holds(5.0)
        );
        assert!(
            Limit {
                op: Op::Lt,
                value: 5.0
            }
            .holds(f64::NEG_INFINITY)
        );
    }
}
