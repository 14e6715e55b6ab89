//! Declared effects: what a command must change, and what it must leave as it is.
//!
//! THE SERIALIZED FORM OF [`Expect`] AND [`After`] IS FROZEN per journal format: they are part of the plan.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::fence::Head;
use super::ids::Taken;
use super::model::{Block, ExpectFence, Step};
use super::plan::{ExecRole, Risk};
use super::promql;
use super::rules::block_id;
use super::source::{Located, Mapped};
use super::template::Names;
use super::value::{connector, limit, name, number, positive_span, span};
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::threshold::{Limit, Op, Scale};
use crate::domain::time::{millis, short_span};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Time an effect has when none is stated: eight polls at the usual interval of 15 s.
pub const WITHIN_DEFAULT: Duration = Duration::from_secs(120);
/// Longest time an effect may have: what takes longer than any window's buffer is a gate of a step of its own.
pub const WITHIN_MAX: Duration = Duration::from_secs(3600);
/// How long something that must *not* change has to be seen unchanged when nothing is stated: two polls at the usual
/// interval. The first answer after a command shows nothing of it.
pub const STAYS_FOR: Duration = Duration::from_secs(30);
/// Expects of one step: more effects than two people can look at.
pub const EXPECTS_MAX: usize = 16;

/// A value that must change, or stay, across the command of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// Name of its query, unique in the session.
    pub id: RuleId,
    /// `PromQL` of the value.
    pub expr: String,
    /// Every series meets it right before the command runs, or it does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Limit>,
    /// Every series meets it once the command has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
    /// Time it has for that, from the end of the command.
    #[serde(rename = "within_ms", with = "millis")]
    pub within: Duration,
    /// How long without a break it must be met.
    #[serde(rename = "for_ms", with = "millis")]
    pub hold_for: Duration,
    /// Which metrics connector is asked; the first configured one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ConnectorName>,
    /// Line of the fence in the runbook, from 1.
    pub line: u32,
}

impl Expect {
    /// True when nothing can be judged without the values from before the command.
    pub const fn needs_before(&self) -> bool {
        self.before.is_some()
            || matches!(self.after, Some(After::Times { .. } | After::Band { .. }))
    }

    /// `before > 5, after < 0.2x before within 2m`.
    pub fn to_words(&self) -> String {
        let before = self.before.map(|limit| format!("before {limit}"));
        let after = self.after.map(|after| {
            let within = short_span(self.within);
            if self.hold_for.is_zero() {
                return format!("after {after} within {within}");
            }
            let hold_for = short_span(self.hold_for);
            format!("after {after} for {hold_for} within {within}")
        });
        let parts: Vec<String> = before.into_iter().chain(after).collect();
        parts.join(", ")
    }
}

/// What a value must be after the command.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum After {
    /// Within a limit.
    Limit {
        /// Which.
        limit: Limit,
    },
    /// A multiple of what the same series was before.
    Times {
        /// `<` in `< 0.2x before`.
        op: Op,
        /// `0.2` in it.
        factor: f64,
    },
    /// Between two multiples of what the same series was before, both included.
    Band {
        /// `0.8` in `0.8x..1.2x before`.
        low: f64,
        /// `1.2` in it.
        high: f64,
    },
}

impl After {
    /// Whether a value is as expected; nothing when it cannot be told without the value before, or from it.
    pub fn holds(self, before: Option<f64>, value: f64) -> Option<bool> {
        let base = || before.filter(|b| b.is_finite() && *b >= 0.0);
        match self {
            Self::Limit { limit } => Some(limit.holds(value)),
            Self::Times { op, factor } => {
                let value_at = base()? * factor;
                Some(
                    Limit {
                        op,
                        value: value_at,
                    }
                    .holds(value),
                )
            }
            Self::Band { low, high } => {
                let base = base()?;
                Some(value >= base * low && value <= base * high)
            }
        }
    }

    /// Whether a value before the command leaves anything to be seen: of nothing there is no part, and a multiple of a
    /// negative value lies on the other side.
    pub fn can_follow(self, before: f64) -> bool {
        match self {
            Self::Limit { .. } => true,
            Self::Times { op: Op::Lt, .. } => before.is_finite() && before > 0.0,
            Self::Times { .. } | Self::Band { .. } => before.is_finite() && before >= 0.0,
        }
    }

    /// True when a value that has not moved at all meets it: it says what must *not* change.
    pub fn is_met_by_nothing(self) -> bool {
        !matches!(self, Self::Limit { .. }) && self.holds(Some(1.0), 1.0) == Some(true)
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { limit } => limit.fmt(f),
            Self::Times { op, factor } => write!(f, "{} {factor}x before", op.as_str()),
            Self::Band { low, high } => write!(f, "{low}x..{high}x before"),
        }
    }
}

/// Words for what people mean most often. What they stand for is what the plan and every screen show.
const WORDS: [(&str, After); 3] = [
    (
        "falls",
        After::Times {
            op: Op::Lt,
            factor: 0.5,
        },
    ),
    (
        "rises",
        After::Times {
            op: Op::Gt,
            factor: 1.5,
        },
    ),
    (
        "stays",
        After::Band {
            low: 0.8,
            high: 1.2,
        },
    ),
];

const AFTER_HINT: &str = "write a limit (`after=\"< 5\"`), a part of the value before (`after=\"< 0.2x before\"`, `after=\"0.8x..1.2x before\"`), or `falls`, `rises`, `stays`";

/// Reads an `expect` fence.
pub(super) fn fence(head: &Head, expr: Mapped, line: u32, problems: &mut Problems) -> ExpectFence {
    let mut out = ExpectFence {
        id: None,
        expr,
        before: None,
        after: None,
        within: None,
        hold_for: None,
        source: None,
        has_bad_limit: false,
        span: head.span.clone(),
        line,
    };
    for (key, value) in &head.pairs {
        match key.value {
            "id" => out.id = name(value, RuleId::new, problems),
            "before" => {
                out.before = absolute(value, problems);
                out.has_bad_limit |= out.before.is_none();
            }
            "after" => {
                out.after = after(value, problems);
                out.has_bad_limit |= out.after.is_none();
            }
            "within" => {
                out.within = positive_span(value, problems)
                    .map(|found| Located::new(found, value.span.clone()));
            }
            "for" => out.hold_for = span(value, problems),
            _ => out.source = connector(value, problems),
        }
    }
    if out.expr.as_str().trim().is_empty() {
        problems.push(
            Diagnostic::error(codes::EMPTY_BLOCK, &head.span, "this block is empty")
                .hint("write the PromQL of the value that is expected to change"),
        );
    }
    out
}

/// `< 5`, `16.4`, `< 0.2x before`, `0.8x..1.2x`, `falls`.
fn after(value: &Located<String>, problems: &mut Problems) -> Option<After> {
    let text = value.value.trim();
    if let Some((_, known)) = WORDS.iter().find(|(word, _)| *word == text) {
        return Some(*known);
    }
    let relative = text.strip_suffix("before").map_or(text, str::trim_end);
    if relative.ends_with('x') {
        let found = relative_of(relative);
        if found.is_none() {
            let what = format!("{} is no part of the value before", quoted(text));
            problems.push(Diagnostic::error(codes::BAD_VALUE, &value.span, what).hint(AFTER_HINT));
        }
        return found;
    }
    let bare = text.is_empty() || text.starts_with(|c: char| c.is_alphabetic());
    if bare || relative.len() != text.len() {
        let what = format!("{} is no effect", quoted(text));
        problems.push(Diagnostic::error(codes::BAD_VALUE, &value.span, what).hint(AFTER_HINT));
        return None;
    }
    absolute(value, problems).map(|limit| After::Limit { limit })
}

/// A limit in the metric's own unit: what was measured at Begin is old news by the time of a command.
fn absolute(value: &Located<String>, problems: &mut Problems) -> Option<Limit> {
    let found = limit(value, problems)?.value;
    if found.scale != Scale::Absolute {
        let what = format!("{} counts from the baseline", quoted(value.value.trim()));
        problems.push(Diagnostic::error(codes::BAD_VALUE, &value.span, what).hint(AFTER_HINT));
        return None;
    }
    let (op, value) = (found.op.unwrap_or(Op::Eq), found.value);
    Some(Limit { op, value })
}

/// `< 0.2x` or `0.8x..1.2x`.
fn relative_of(text: &str) -> Option<After> {
    let factor = |text: &str| {
        let digits = text.trim().strip_suffix('x')?;
        number(digits).filter(|n| *n >= 0.0)
    };
    if let Some((low, high)) = text.split_once("..") {
        let (low, high) = (factor(low)?, factor(high)?);
        return (low < high).then_some(After::Band { low, high });
    }
    let (op, rest) = super::value::OPS
        .iter()
        .find_map(|(word, op)| text.strip_prefix(word).map(|rest| (*op, rest)))?;
    Some(After::Times {
        op,
        factor: factor(rest)?,
    })
}

/// What the plan has of the declared effects of a step.
pub(super) fn expects(
    step: &Step,
    step_id: &str,
    risk: Risk,
    names: &Names<'_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Vec<Expect> {
    if let Some(first) = step.expects.first() {
        one_command(step, first, risk, problems);
    }
    let fences = step.expects.iter();
    fences
        .filter_map(|fence| expect(fence, step_id, names, taken, problems))
        .collect()
}

/// An effect is of one command: of none there is none, and of two nobody could tell which had it.
fn one_command(step: &Step, first: &ExpectFence, risk: Risk, problems: &mut Problems) {
    let runs = |block: &&Block| matches!(block, Block::Exec(e) if e.role == ExecRole::Run);
    let count = step.blocks.iter().filter(runs).count();
    if count == 1 || (count == 0 && risk.needs_second_person()) {
        return;
    }
    let (what, hint) = if count == 0 {
        (
            "an effect is declared, and this step has no `run` block to have it",
            "add the `run` block, or write the condition as ```promql gate",
        )
    } else {
        (
            "an effect is declared, and this step has several `run` blocks",
            "make a step of each command, each with its own effect",
        )
    };
    problems.push(Diagnostic::error(codes::EXPECT_OF_NOTHING, &first.span, what).hint(hint));
}

fn expect(
    fence: &ExpectFence,
    step_id: &str,
    names: &Names<'_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<Expect> {
    let text = names.fill_query(&fence.expr, problems);
    if text.trim().is_empty() {
        return None; // Reported where it was read.
    }
    let (expr, drops_series) = promql::value(&text)
        .map_err(|why| super::rules::unreadable(&fence.expr, why, problems))
        .ok()?;
    if drops_series {
        problems.push(
            Diagnostic::warning(
                codes::GUARD_COMPARISON,
                &fence.expr.span(),
                "a comparison in the expression drops the series that do not meet it",
            )
            .label("no series is unknown, and unknown is never an effect")
            .hint("move the comparison into `before` and `after`: `after=\"< 5\"`"),
        );
    }
    if fence.before.is_none() && fence.after.is_none() && !fence.has_bad_limit {
        problems.push(
            Diagnostic::error(
                codes::NO_LIMIT,
                &fence.span,
                "this `expect` says neither what is before nor what comes after",
            )
            .hint(AFTER_HINT),
        );
    }
    let (within, hold_for) = spans(fence, problems);
    Some(Expect {
        id: block_id(
            fence.id.as_ref(),
            &format!("expect-{step_id}"),
            names,
            taken,
        )?,
        expr,
        before: fence.before,
        after: fence.after,
        within,
        hold_for,
        source: fence.source.clone(),
        line: fence.line,
    })
}

fn spans(fence: &ExpectFence, problems: &mut Problems) -> (Duration, Duration) {
    let stays = fence.after.is_some_and(After::is_met_by_nothing);
    let usual = if stays { STAYS_FOR } else { Duration::ZERO };
    let hold_for = fence.hold_for.unwrap_or(usual);
    let within = fence.within.as_ref().map_or(WITHIN_DEFAULT, |w| w.value);
    if fence.after.is_none() && (fence.within.is_some() || fence.hold_for.is_some()) {
        problems.push(
            Diagnostic::error(
                codes::CONTRADICTION,
                &fence.span,
                "`within` and `for` are about what comes after, and no `after` is given",
            )
            .hint("add `after=`, or remove them: `before` is looked at once"),
        );
    } else if within > WITHIN_MAX {
        let most = short_span(WITHIN_MAX);
        let span = fence.within.as_ref().map_or(&fence.span, |w| &w.span);
        problems.push(
            Diagnostic::error(
                codes::BAD_VALUE,
                span,
                format!("an effect has {most} at most"),
            )
            .hint("what takes longer is a step of its own with a ```promql gate"),
        );
    } else if hold_for >= within {
        problems.push(
            Diagnostic::error(
                codes::CONTRADICTION,
                &fence.span,
                format!(
                    "the effect must hold for {} and has {} to do so",
                    short_span(hold_for),
                    short_span(within)
                ),
            )
            .hint("make `within` longer than `for`; what must not change holds for 30s unless `for` says otherwise"),
        );
    }
    (within, hold_for)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runbook::{parse, resolve};

    fn plan_of(info: &str, body: &str) -> (Vec<Expect>, Vec<Diagnostic>) {
        let text = format!("- [ ] one\n  ```promql expect {info}\n  x\n  ```\n{body}");
        let (runbook, mut problems) = parse(&text, "case.md");
        let (plan, more) = resolve(&runbook);
        problems.extend(more);
        let expects = plan.steps.into_iter().flat_map(|step| step.expects);
        (expects.collect(), problems)
    }

    const RUN: &str = "  ```sh run\n  true\n  ```\n";

    #[test]
    fn an_effect_is_a_limit_or_a_part_of_the_value_before() {
        for (info, words) in [
            ("before=\"> 5\"", "before > 5"),
            (
                "before=16.3 after=16.4",
                "before == 16.3, after == 16.4 within 2m00s",
            ),
            (
                "after=\"< 0.2x before\"",
                "after < 0.2x before within 2m00s",
            ),
            (
                "after=\"<=0.2x\" within=5m",
                "after <= 0.2x before within 5m00s",
            ),
            (
                "after=falls for=10s",
                "after < 0.5x before for 10s within 2m00s",
            ),
            ("after=rises", "after > 1.5x before within 2m00s"),
            (
                "after=stays",
                "after 0.8x..1.2x before for 30s within 2m00s",
            ),
            (
                "after=\"0.5x..2x before\" for=0s",
                "after 0.5x..2x before within 2m00s",
            ),
            (
                "after=\">= 0.8x before\"",
                "after >= 0.8x before for 30s within 2m00s",
            ),
        ] {
            let (expects, problems) = plan_of(info, RUN);
            assert_eq!(problems, [], "{info}");
            assert_eq!(expects[0].to_words(), words, "{info}");
            assert_eq!(expects[0].id.as_str(), "expect-case-md-one");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (info, body, code) in [
            ("", RUN, codes::NO_LIMIT),
            ("after=\"\"", RUN, codes::BAD_VALUE),
            ("after=grows", RUN, codes::BAD_VALUE),
            ("after=\"5 before\"", RUN, codes::BAD_VALUE),
            ("after=\"0.2x before\"", RUN, codes::BAD_VALUE),
            ("after=\"< -1x before\"", RUN, codes::BAD_VALUE),
            ("after=\"1.2x..0.8x before\"", RUN, codes::BAD_VALUE),
            ("after=\"< infx before\"", RUN, codes::BAD_VALUE),
            ("before=\"falls\"", RUN, codes::BAD_VALUE),
            ("after=falls within=2h", RUN, codes::BAD_VALUE),
            ("after=falls within=0s", RUN, codes::BAD_VALUE),
            ("after=stays within=30s", RUN, codes::CONTRADICTION),
            ("before=1 within=30s", RUN, codes::CONTRADICTION),
            ("after=falls until=5m", RUN, codes::UNKNOWN_KEY),
            ("after=falls", "", codes::EXPECT_OF_NOTHING),
            (
                "after=falls",
                "  ```sh run\n  a\n  ```\n  ```sh run\n  b\n  ```\n",
                codes::EXPECT_OF_NOTHING,
            ),
        ] {
            let (_, problems) = plan_of(info, body);
            assert!(
                problems.iter().any(|p| p.code == code),
                "{info}: {problems:?}"
            );
        }
    }

    #[test]
    fn destructive_hand_work_may_have_an_effect_too() {
        let (expects, problems) = plan_of(
            "after=falls",
            "  ```toml step\n  risk = \"destructive\"\n  ```\n",
        );
        assert_eq!((expects.len(), problems), (1, Vec::new()));
    }

    #[test]
    fn of_nothing_there_is_no_part() {
        let times = |op, factor| After::Times { op, factor };
        assert_eq!(times(Op::Lt, 0.2).holds(Some(10.0), 1.9), Some(true));
        assert_eq!(times(Op::Lt, 0.2).holds(Some(10.0), 2.0), Some(false));
        assert_eq!(times(Op::Lt, 0.2).holds(None, 2.0), None);
        assert_eq!(times(Op::Lt, 0.2).holds(Some(f64::NAN), 2.0), None);
        assert_eq!(times(Op::Lt, 0.2).holds(Some(-10.0), -10.0), None);
        assert!(!times(Op::Lt, 0.2).can_follow(0.0));
        assert!(times(Op::Gt, 1.5).can_follow(0.0));
        assert!(!times(Op::Gt, 1.5).can_follow(f64::INFINITY));
        let band = After::Band {
            low: 0.8,
            high: 1.2,
        };
        assert_eq!(band.holds(Some(10.0), 8.0), Some(true));
        assert_eq!(band.holds(Some(10.0), f64::NAN), Some(false));
        assert!(band.is_met_by_nothing() && !times(Op::Lt, 0.2).is_met_by_nothing());
    }
}
