//! As much of `PromQL` as is needed to take the comparison off the end of a gate; [`check()`] reads all of it.
//!
//! Source: Prometheus documentation, "Querying basics" (literals, comments) and "Operators" (precedence: comparisons
//! bind weaker than arithmetic and stronger than `and`, `or`, `unless`).

use super::value::{OPS, number};
use crate::domain::threshold::{Limit, Op};
use crate::domain::time::parse_span;

mod check;
mod functions;
mod lex;
mod types;

pub(super) use check::check;

/// What stands at the top level of an expression, outside of brackets and quotes.
#[derive(Debug, Default, PartialEq)]
struct TopLevel {
    /// Where the last comparison begins and ends, and which one it is.
    last: Option<(usize, usize, Op)>,
    has_set_operator: bool,
    has_bool: bool,
}

/// The value a gate looks at, and what it must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    pub(super) expr: String,
    pub(super) limit: Limit,
    /// A comparison stays inside, beside a set operator: it drops series instead of saying no, and a series whose
    /// value is 0 then reads as not met.
    pub(super) filters: bool,
}

/// Takes the comparison off: `pg_lag < 5` is the value `pg_lag` and the limit `< 5`.
///
/// Without a comparison with a number at the end the value must not be 0, which is what `bool` gives.
///
/// # Errors
/// What is wrong, in words, when brackets or quotes do not match or nothing is compared.
pub(super) fn condition(text: &str) -> Result<Condition, &'static str> {
    let text = without_comments(text)?;
    let top = top_level(&text)?;
    let whole = || Condition {
        expr: text.trim().to_owned(),
        limit: Limit {
            op: Op::Ne,
            value: 0.0,
        },
        filters: top.has_set_operator && top.last.is_some() && !top.has_bool,
    };
    let Some((start, end, op)) = top.last.filter(|_| !top.has_set_operator) else {
        return Ok(whole());
    };
    let left = text.get(..start).unwrap_or_default().trim();
    if left.is_empty() {
        return Err("there is nothing before the comparison");
    }
    let right = text.get(end..).unwrap_or_default().trim();
    if right.is_empty() {
        return Err("there is nothing after the comparison");
    }
    Ok(literal(right).map_or_else(whole, |value| Condition {
        expr: left.to_owned(),
        limit: Limit { op, value },
        filters: false,
    }))
}

/// The value of a guard or a panel, and whether a comparison in it drops series.
///
/// # Errors
/// As [`condition`].
pub(super) fn value(text: &str) -> Result<(String, bool), &'static str> {
    let text = without_comments(text)?;
    let top = top_level(&text)?;
    let drops = top.last.is_some() && !top.has_bool;
    Ok((text.trim().to_owned(), drops))
}

/// Whether this is a query of another system, which only its own server can judge: `avg:system.load.1{host:db-1}`.
pub(super) fn is_foreign(text: &str) -> bool {
    const WORDS: [&str; 5] = ["avg:", "sum:", "min:", "max:", "count:"];
    let scopes = || {
        text.split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next())
    };
    // The matchers of PromQL are comparisons.
    WORDS.iter().any(|word| text.contains(word))
        && scopes().any(|scope| !scope.contains(['=', '"']))
}

/// A number, or a span of time in seconds as Prometheus 3 reads it.
fn literal(text: &str) -> Option<f64> {
    number(text).or_else(|| {
        let is_span = text.starts_with(|c: char| c.is_ascii_digit())
            && text.ends_with(['s', 'm', 'h'])
            && text.bytes().all(|b| b.is_ascii_alphanumeric());
        parse_span(text)
            .ok()
            .filter(|_| is_span)
            .map(|span| span.as_secs_f64())
    })
}

const OPEN_QUOTE: &str = "a quote is never closed";

/// Length of the quoted text at the beginning of `text`, both quotes included.
fn quoted_len(text: &str) -> Result<usize, &'static str> {
    let mut chars = text.char_indices();
    let quote = chars.next().map(|(_, c)| c);
    while let Some((at, c)) = chars.next() {
        if Some(c) == quote {
            return Ok(at.saturating_add(1));
        }
        // In backticks a backslash is a backslash.
        if c == '\\' && quote != Some('`') {
            chars.next();
        }
    }
    Err(OPEN_QUOTE)
}

/// Comments end at the line; what is sent must stay right when it is put on one line or into brackets.
fn without_comments(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '`', '#']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(before);
        let len = if from.starts_with('#') {
            from.find('\n').unwrap_or(from.len())
        } else {
            let len = quoted_len(from)?;
            out.push_str(from.get(..len).unwrap_or_default());
            len
        };
        rest = from.get(len..).unwrap_or_default();
    }
    out.push_str(rest);
    if out.trim().is_empty() {
        return Err("there is no expression");
    }
    Ok(out)
}

fn top_level(text: &str) -> Result<TopLevel, &'static str> {
    let mut top = TopLevel::default();
    let mut open: Vec<char> = Vec::new();
    let mut at: usize = 0;
    while let Some(rest) = text.get(at..)
        && let Some(next) = rest.chars().next()
    {
        let mut step = next.len_utf8();
        match next {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' => {
                if open.pop() != Some(next) {
                    return Err("brackets do not match");
                }
            }
            '"' | '\'' | '`' => step = quoted_len(rest)?,
            _ if !open.is_empty() => {}
            c if is_word(c) => {
                step = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                top.word(rest.get(..step).unwrap_or_default());
            }
            _ => {
                if let Some((word, op)) = OPS.iter().find(|(word, _)| rest.starts_with(word)) {
                    step = word.len();
                    top.last = Some((at, at.saturating_add(step), *op));
                }
            }
        }
        at = at.saturating_add(step);
    }
    if open.is_empty() {
        Ok(top)
    } else {
        Err("a bracket is never closed")
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.')
}

impl TopLevel {
    fn word(&mut self, word: &str) {
        let is = |known: &str| word.eq_ignore_ascii_case(known);
        self.has_set_operator |= is("and") || is("or") || is("unless");
        self.has_bool |= is("bool");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expr: &str, limit: &str) {
        let found = condition(text).expect(text);
        assert_eq!(
            (found.expr.as_str(), found.limit.to_string().as_str()),
            (expr, limit),
            "{text}"
        );
    }

    #[test]
    fn the_last_comparison_with_a_number_is_the_limit() {
        check("pg_lag < 5", "pg_lag", "< 5");
        check("a + b >= -0.5e1", "a + b", ">= -5");
        check(
            "sum by (x) (rate(a{b=\"c > 1\"}[5m])) == 0",
            "sum by (x) (rate(a{b=\"c > 1\"}[5m]))",
            "== 0",
        );
        check("a > 1 < 5", "a > 1", "< 5");
        check("a != 0 # why > 3\n", "a", "!= 0");
        check("# first\na\n  <\n  5\n", "a", "< 5");
        check("time() - t < 5m", "time() - t", "< 300");
        check("a{x='\\'>'} > 2", "a{x='\\'>'}", "> 2");
        check("a{x=`\\`} > 2", "a{x=`\\`}", "> 2");
    }

    #[test]
    fn other_conditions_stay_whole_and_must_not_be_zero() {
        for text in [
            "up",
            "a > bool 5",
            "a > b",
            "0 < a",
            "a > 5 + 3",
            "a < 5 and b > 3",
            "a < 5 OR b > 3",
            "a unless b > 3",
            "(a < 5)",
            "a > Inf",
            "a > on(x) 5",
        ] {
            check(text, text, "!= 0");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "",
            " # only\n",
            "(a",
            "a)",
            "a[5m}",
            "a{x=\"}",
            "> 5",
            "a >",
            "a{x='",
        ] {
            assert!(condition(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_comparison_in_a_guard_is_seen() {
        assert_eq!(value("a > 5"), Ok(("a > 5".to_owned(), true)));
        assert_eq!(value("a > bool 5").map(|v| v.1), Ok(false));
        assert_eq!(value("sum(a > 5)").map(|v| v.1), Ok(false));
    }
}
