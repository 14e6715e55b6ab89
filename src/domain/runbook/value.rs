//! Single values, the same in info strings and in TOML.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::model::{Rule, WrittenLimit};
use super::source::{Located, Mapped};
use super::suggest::did_you_mean;
use crate::domain::id::{ConnectorName, NameError};
use crate::domain::threshold::{OnBreach, OnNoData, Op, SampleCount, Scale};
use crate::domain::time::parse_span;
use std::time::Duration;

/// Comparisons, longest first so that `>=` is not read as `>`.
pub(super) const OPS: [(&str, Op); 6] = [
    (">=", Op::Ge),
    ("<=", Op::Le),
    ("==", Op::Eq),
    ("!=", Op::Ne),
    (">", Op::Gt),
    ("<", Op::Lt),
];

fn bad(value: &Located<String>, why: &str) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_VALUE,
        &value.span,
        format!("{} is {why}", quoted(&value.value)),
    )
}

/// A span of time.
pub(super) fn span(value: &Located<String>, problems: &mut Problems) -> Option<Duration> {
    parse_span(&value.value)
        .map_err(|error| problems.push(bad(value, &error.to_string())))
        .ok()
}

/// A span of time that is not zero: with zero, whatever waits for it has failed before it began.
pub(super) fn positive_span(value: &Located<String>, problems: &mut Problems) -> Option<Duration> {
    let found = span(value, problems)?;
    if found.is_zero() {
        problems.push(bad(value, "no time at all").hint("write a time above zero, such as `30s`"));
        return None;
    }
    Some(found)
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    value: &Located<String>,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let found = words.iter().find(|(word, _)| *word == value.value);
    if found.is_none() {
        let all: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        problems.push(
            bad(value, "not one of the known words")
                .hint(format!("write one of {}", all.join(", ")))
                .hint_opt(did_you_mean(&value.value, words.iter().map(|(w, _)| *w))),
        );
    }
    found.map(|(_, meaning)| *meaning)
}

/// `true` or `false`.
pub(super) fn boolean(value: &Located<String>, problems: &mut Problems) -> Option<bool> {
    choice(value, &[("true", true), ("false", false)], problems)
}

/// A whole number up to `max`.
pub(super) fn whole(value: &Located<String>, max: u32, problems: &mut Problems) -> Option<u32> {
    let found = value.value.parse::<u32>().ok().filter(|n| *n <= max);
    if found.is_none() {
        problems.push(bad(value, &format!("not a whole number from 0 to {max}")));
    }
    found
}

/// A name of one of the types in [`crate::domain::id`].
pub(super) fn name<T>(
    value: &Located<String>,
    make: impl Fn(&str) -> Result<T, NameError>,
    problems: &mut Problems,
) -> Option<Located<T>> {
    match make(&value.value) {
        Ok(name) => Some(Located::new(name, value.span.clone())),
        Err(error) => {
            problems.push(Diagnostic::error(
                codes::BAD_VALUE,
                &value.span,
                error.to_string(),
            ));
            None
        }
    }
}

/// A finite number as people write it; `0x` is not read.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // `inf` and `nan` parse as floats and are no limits.
    if text
        .bytes()
        .any(|b| b.is_ascii_alphabetic() && !matches!(b, b'e' | b'E'))
    {
        return None;
    }
    text.parse::<f64>().ok().filter(|n| n.is_finite())
}

/// `5`, `> 5`, `<= 0.01`, `> 2x baseline`, `> baseline + 0.05`.
pub(super) fn limit(
    value: &Located<String>,
    problems: &mut Problems,
) -> Option<Located<WrittenLimit>> {
    let text = value.value.trim();
    let (op, rest) = OPS
        .iter()
        .find_map(|(word, op)| text.strip_prefix(word).map(|rest| (Some(*op), rest)))
        .unwrap_or((None, text));
    let Some((number, scale)) = level(rest.trim()) else {
        problems.push(
            bad(value, "not a limit")
                .hint(
                    "write a number in the metric's base unit, with a comparison if it is not `>`: `5`, `\"< 0.01\"`",
                )
                .hint("or count from what is measured at Begin: `\"> 2x baseline\"`, `\"> baseline + 0.05\"`"),
        );
        return None;
    };
    let value_of = WrittenLimit {
        op,
        value: number,
        scale,
    };
    Some(Located::new(value_of, value.span.clone()))
}

/// A number, a multiple of the baseline, or the baseline and a number.
fn level(text: &str) -> Option<(f64, Scale)> {
    const BASELINE: &str = "baseline";
    if let Some(rest) = text.strip_prefix(BASELINE) {
        let rest = rest.trim();
        let (sign, rest) = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
            _ if rest.is_empty() => return Some((0.0, Scale::Difference)),
            (Some(rest), _) => (1.0, rest),
            (_, Some(rest)) => (-1.0, rest),
            (None, None) => return None,
        };
        let size = number(rest).filter(|n| *n >= 0.0 && !rest.trim().starts_with(['+', '-']))?;
        return Some((sign * size, Scale::Difference));
    }
    if let Some(factor) = text.strip_suffix(BASELINE) {
        let factor = factor.trim().strip_suffix('x')?;
        // No part of something, or a negative part, is no limit that anybody means.
        let factor = number(factor).filter(|n| *n > 0.0)?;
        return Some((factor, Scale::Ratio));
    }
    number(text).map(|n| (n, Scale::Absolute))
}

fn samples(value: &Located<String>, problems: &mut Problems) -> Option<SampleCount> {
    SampleCount::parse(&value.value)
        .map_err(|why| {
            problems.push(bad(value, why).hint(
                "`samples=2/3`: the limit counts when 2 of the newest 3 samples cross it; 20 at most",
            ));
        })
        .ok()
}

/// Sets one field of a rule. False when the key is none of a rule's.
pub(super) fn rule_field(
    rule: &mut Rule,
    key: &str,
    value: &Located<String>,
    problems: &mut Problems,
) -> bool {
    match key {
        "id" => rule.id = name(value, crate::domain::id::RuleId::new, problems),
        "title" => rule.title = Some(Mapped::at(&value.value, value.span.clone())),
        "expr" => rule.expr = Mapped::at(value.value.trim(), value.span.clone()),
        "unit" => rule.unit.clone_from(&value.value),
        "warn" | "crit" | "clear" => {
            let found = limit(value, problems);
            rule.has_bad_limit |= found.is_none();
            match key {
                "warn" => rule.warn = found,
                "crit" => rule.crit = found,
                _ => rule.clear = found,
            }
        }
        "for" => rule.hold_for = span(value, problems).unwrap_or_default(),
        "samples" => rule.samples = samples(value, problems),
        "dry_run" => rule.dry_run = boolean(value, problems).unwrap_or_default(),
        "on_breach" => rule.on_breach = choice(value, &ON_BREACH, problems),
        "no_data" => rule.no_data = choice(value, &NO_DATA, problems).unwrap_or_default(),
        "stale_after" => rule.stale_after = positive_span(value, problems),
        "source" => rule.source = connector(value, problems),
        _ => return false,
    }
    true
}

/// Name of a configured connector.
pub(super) fn connector(value: &Located<String>, problems: &mut Problems) -> Option<ConnectorName> {
    name(value, ConnectorName::new, problems).map(|found| found.value)
}

const ON_BREACH: [(&str, OnBreach); 3] = [
    ("warn", OnBreach::Warn),
    ("hold", OnBreach::Hold),
    ("rollback", OnBreach::Rollback),
];

const NO_DATA: [(&str, OnNoData); 3] = [
    ("unknown", OnNoData::Unknown),
    ("hold", OnNoData::Hold),
    ("ok", OnNoData::Ok),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Option<Op>, f64)> {
        let mut problems = Problems::default();
        let value = Located::new(text.to_owned(), 0..0);
        limit(&value, &mut problems).map(|found| (found.value.op, found.value.value))
    }

    #[test]
    fn limits_are_numbers_with_or_without_a_comparison() {
        assert_eq!(read("5"), Some((None, 5.0)));
        assert_eq!(read("> 5"), Some((Some(Op::Gt), 5.0)));
        assert_eq!(read(">=-0.5e3"), Some((Some(Op::Ge), -500.0)));
        assert_eq!(read("!= 0"), Some((Some(Op::Ne), 0.0)));
        for refused in ["", ">", "inf", "> nan", "5%", "=> 5", "1e999", "> 5 6"] {
            assert_eq!(read(refused), None, "{refused}");
        }
    }

    #[test]
    fn limits_may_count_from_the_baseline() {
        for (text, expected) in [
            ("> 2x baseline", Some((2.0, Scale::Ratio))),
            ("1.5 x baseline", Some((1.5, Scale::Ratio))),
            ("> baseline", Some((0.0, Scale::Difference))),
            (">= baseline + 0.05", Some((0.05, Scale::Difference))),
            ("< baseline-5", Some((-5.0, Scale::Difference))),
            ("> 0x baseline", None),
            ("> -2x baseline", None),
            ("> 2 baseline", None),
            ("> baseline 5", None),
            ("> baseline + -5", None),
            ("> baselines", None),
            ("> xbaseline", None),
            ("> baseline x 2", None),
        ] {
            let mut problems = Problems::default();
            let value = Located::new(text.to_owned(), 0..0);
            let found = limit(&value, &mut problems);
            assert_eq!(
                found.map(|f| (f.value.value, f.value.scale)),
                expected,
                "{text}"
            );
        }
    }
}
