//! Limits of rules: as they are, or counted from what was measured when the maintenance began.

use super::{Limit, Op, Unknown};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the number of a limit is counted from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// From nothing: the number is the limit.
    #[default]
    Absolute,
    /// The limit is the baseline, so many times.
    Ratio,
    /// The limit is the baseline and so much more; less where the number is negative.
    Difference,
}

impl Scale {
    const fn is_absolute(&self) -> bool {
        matches!(self, Self::Absolute)
    }
}

/// A limit of a guard: `> 5`, `> 2x baseline`, `> baseline + 0.05`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RuleLimit {
    /// The comparison.
    pub op: Op,
    /// The number; finite. In the metric's base unit, or a factor.
    pub value: f64,
    /// What the number is counted from.
    // An absolute one keeps the bytes it had before there were others.
    #[serde(default, skip_serializing_if = "Scale::is_absolute")]
    pub scale: Scale,
}

impl RuleLimit {
    /// True where it means nothing without a baseline.
    pub const fn is_relative(self) -> bool {
        !self.scale.is_absolute()
    }

    /// What it comes to for a series whose baseline is `base`.
    ///
    /// # Errors
    /// Why nobody can say: there is no baseline, or a multiple of one that is zero or below is asked for.
    pub fn at(self, base: Option<f64>) -> Result<Limit, Unknown> {
        let (op, number) = (self.op, self.value);
        if self.scale.is_absolute() {
            return Ok(Limit { op, value: number });
        }
        let base = base.filter(|base| base.is_finite());
        let base = base.ok_or(Unknown::NoBaseline)?;
        let value = match self.scale {
            Scale::Ratio if base <= 0.0 => return Err(Unknown::ZeroBaseline),
            Scale::Ratio => base * number,
            Scale::Absolute | Scale::Difference => base + number,
        };
        // Beyond what a number can hold nothing would ever cross it.
        if value.is_finite() {
            Ok(Limit { op, value })
        } else {
            Err(Unknown::NoBaseline)
        }
    }
}

impl From<Limit> for RuleLimit {
    fn from(limit: Limit) -> Self {
        Self {
            op: limit.op,
            value: limit.value,
            scale: Scale::Absolute,
        }
    }
}

impl fmt::Display for RuleLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (op, value) = (self.op.as_str(), self.value);
        match self.scale {
            Scale::Absolute => write!(f, "{op} {value}"),
            Scale::Ratio => write!(f, "{op} {value}x baseline"),
            Scale::Difference if value == 0.0 => write!(f, "{op} baseline"),
            Scale::Difference if value < 0.0 => write!(f, "{op} baseline - {}", -value),
            Scale::Difference => write!(f, "{op} baseline + {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(value: f64, scale: Scale) -> RuleLimit {
        let op = Op::Gt;
        RuleLimit { op, value, scale }
    }

    #[test]
    fn a_relative_limit_is_counted_from_the_baseline() {
        let at = |value, scale, base| limit(value, scale).at(base).map(|limit| limit.value);
        assert_eq!(at(5.0, Scale::Absolute, None), Ok(5.0));
        assert_eq!(at(2.0, Scale::Ratio, Some(3.0)), Ok(6.0));
        assert_eq!(at(-1.0, Scale::Difference, Some(3.0)), Ok(2.0));
        assert_eq!(at(0.5, Scale::Difference, Some(0.0)), Ok(0.5));
    }

    #[test]
    fn without_a_usable_baseline_nobody_can_say() {
        let at = |value, scale, base| limit(value, scale).at(base);
        for scale in [Scale::Ratio, Scale::Difference] {
            for base in [None, Some(f64::NAN), Some(f64::INFINITY)] {
                assert_eq!(at(2.0, scale, base), Err(Unknown::NoBaseline));
            }
        }
        for base in [0.0, -0.0, -3.0] {
            assert_eq!(
                at(2.0, Scale::Ratio, Some(base)),
                Err(Unknown::ZeroBaseline)
            );
        }
        assert_eq!(at(1e9, Scale::Ratio, Some(1e300)), Err(Unknown::NoBaseline));
    }

    #[test]
    fn an_absolute_limit_keeps_its_bytes() {
        let json = |limit: &RuleLimit| serde_json::to_string(limit).expect("serializes");
        assert_eq!(
            json(&limit(5.0, Scale::Absolute)),
            r#"{"op":">","value":5.0}"#
        );
        let ratio = limit(2.0, Scale::Ratio);
        assert_eq!(json(&ratio), r#"{"op":">","value":2.0,"scale":"ratio"}"#);
        let read: RuleLimit = serde_json::from_str(r#"{"op":">","value":5}"#).expect("reads");
        assert_eq!(read, limit(5.0, Scale::Absolute));
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let words = [
            (limit(5.0, Scale::Absolute), "> 5"),
            (limit(2.5, Scale::Ratio), "> 2.5x baseline"),
            (limit(0.05, Scale::Difference), "> baseline + 0.05"),
            (limit(-1.0, Scale::Difference), "> baseline - 1"),
            (limit(0.0, Scale::Difference), "> baseline"),
        ];
        for (limit, text) in words {
            assert_eq!(limit.to_string(), text);
        }
    }
}
