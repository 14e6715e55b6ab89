//! Gates, guards, thresholds and panels as the plan has them.

use super::codes;
use super::diagnostic::{Diagnostic, Problems};
use super::ids::{Taken, UNIT_RULE_MAX, rule_words, unit_words};
use super::model::{GateFence, Rule, RuleKind, Runbook};
use super::plan::{Gate, MetricRule};
use super::promql;
use super::source::{Located, Mapped};
use super::template::Names;
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::threshold::{OnBreach, Op, RuleLimit};
use std::time::Duration;

/// Two missed polls at the usual interval of 15 s.
const STALE_AFTER_DEFAULT: Duration = Duration::from_secs(30);
/// Characters of an expression that stand for a missing title.
const TITLE_CHARS: usize = 60;

/// Reserves explicit ids, so that no made one takes them.
pub(super) fn reserve_ids(runbook: &Runbook, problems: &mut Problems) -> Taken {
    let mut taken = Taken::default();
    let gates = runbook.steps.iter().flat_map(|step| &step.blocks);
    let gates = gates.filter_map(|block| match block {
        super::model::Block::Gate(gate) => gate.id.as_ref(),
        super::model::Block::Exec(_) => None,
    });
    let expects = runbook.steps.iter().flat_map(|step| &step.expects);
    let expects = expects.filter_map(|expect| expect.id.as_ref());
    for id in runbook
        .rules
        .iter()
        .filter_map(|rule| rule.id.as_ref())
        .chain(gates)
        .chain(expects)
    {
        if !taken.reserve(id.value.as_str()) {
            problems.push(
                Diagnostic::error(
                    codes::SAME_RULE_ID,
                    &id.span,
                    format!(
                        "two gates, guards, panels or expects have the id `{}`",
                        id.value
                    ),
                )
                .hint("ids are unique in a runbook; choose another"),
            );
        }
    }
    taken
}

/// An explicit id, or one made from `words`.
fn rule_id(explicit: Option<&Located<RuleId>>, words: &str, taken: &mut Taken) -> Option<RuleId> {
    match explicit {
        Some(id) => Some(id.value.clone()),
        None => RuleId::new(&taken.make(rule_words(words))).ok(),
    }
}

/// As [`rule_id`] for a block of a step: a template has one name for the blocks of all its units.
pub(super) fn block_id(
    explicit: Option<&Located<RuleId>>,
    words: &str,
    names: &Names<'_>,
    taken: &mut Taken,
) -> Option<RuleId> {
    match (explicit, names.unit) {
        (Some(id), Some(unit)) => {
            let words = unit_words(id.value.as_str(), &unit.component, UNIT_RULE_MAX);
            RuleId::new(&taken.make(words)).ok()
        }
        _ => rule_id(explicit, words, taken),
    }
}

pub(super) fn unreadable(expr: &Mapped, why: &str, problems: &mut Problems) {
    problems.push(Diagnostic::error(
        codes::EXPRESSION,
        &expr.span(),
        format!("this expression cannot be read: {why}"),
    ));
}

/// Whether a server would evaluate what it will be sent; reports why not, at the place in the file where that is known.
pub(super) fn is_evaluated(
    written: &Mapped,
    sent: &str,
    source: Option<&ConnectorName>,
    problems: &mut Problems,
) -> bool {
    // A name that the environment does not have is reported where it stands.
    if sent.contains("{{") || (source.is_some() && promql::is_foreign(sent)) {
        return true;
    }
    let Err(flaw) = promql::check(sent) else {
        return true;
    };
    let start = written.as_str().find(sent);
    let span = start.map(|start| {
        let begin = start.saturating_add(flaw.span.start);
        let end = start.saturating_add(flaw.span.end.max(flaw.span.start.saturating_add(1)));
        written.source_span(begin..end)
    });
    let span = span.unwrap_or_else(|| written.span());
    let problem = Diagnostic::error(codes::EXPRESSION_TYPE, &span, flaw.what);
    problems.push(if flaw.hint.is_empty() {
        problem
    } else {
        problem.hint(flaw.hint)
    });
    false
}

/// The gate as the plan has it; none when it cannot be read.
pub(super) fn gate(
    fence: &GateFence,
    step_id: &str,
    names: &Names<'_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<Gate> {
    let text = names.fill_query(&fence.expr, problems);
    if text.trim().is_empty() {
        return None; // Reported where it was read.
    }
    let condition = promql::condition(&text)
        .map_err(|why| unreadable(&fence.expr, why, problems))
        .ok()?;
    if !is_evaluated(
        &fence.expr,
        &condition.expr,
        fence.source.as_ref(),
        problems,
    ) {
        return None;
    }
    if condition.filters {
        problems.push(
            Diagnostic::warning(
                codes::GATE_FILTER,
                &fence.expr.span(),
                "with `and`, `or` or `unless` the gate opens when the value is not 0",
            )
            .label("a comparison here keeps the value it compared, which may be 0")
            .hint("compare with `bool` and multiply, or write one gate for each condition"),
        );
    }
    let id = block_id(fence.id.as_ref(), &format!("gate-{step_id}"), names, taken)?;
    Some(Gate {
        id,
        expr: condition.expr,
        limit: condition.limit,
        hold_for: fence.hold_for,
        timeout: fence.timeout,
        source: fence.source.clone(),
        line: fence.line,
    })
}

/// The rule as the plan has it; none when it cannot be read.
pub(super) fn rule(
    rule: &Rule,
    names: &Names<'_>,
    has_way_back: bool,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<MetricRule> {
    let text = names.fill(&rule.expr, problems);
    if text.trim().is_empty() {
        if rule.kind != RuleKind::Guard {
            problems.push(
                Diagnostic::error(
                    codes::EXPRESSION,
                    &rule.span,
                    format!("this {} has no expression", rule.kind.as_str()),
                )
                .hint("add `expr = \"...\"`: the PromQL of its value"),
            );
        }
        return None;
    }
    let (expr, drops_series) = promql::value(&text)
        .map_err(|why| unreadable(&rule.expr, why, problems))
        .ok()?;
    if !is_evaluated(&rule.expr, &expr, rule.source.as_ref(), problems) {
        return None;
    }
    if drops_series && rule.kind != RuleKind::Panel {
        problems.push(
            Diagnostic::warning(
                codes::GUARD_COMPARISON,
                &rule.expr.span(),
                "a comparison in the expression drops the series while all is well",
            )
            .label("no series is unknown, and unknown is never good")
            .hint("move the comparison into the limit: `crit=\"> 5\"`"),
        );
    }
    let (warn, crit, clear) = limits(rule, problems);
    let on_breach = rule.on_breach.unwrap_or(match rule.kind {
        RuleKind::Panel => OnBreach::Warn,
        RuleKind::Guard | RuleKind::Threshold => OnBreach::Hold,
    });
    if on_breach == OnBreach::Rollback && !has_way_back {
        problems.push(
            Diagnostic::error(
                codes::CONTRADICTION,
                &rule.span,
                "`on_breach` starts a rollback, and this runbook has no way back",
            )
            .hint("add `undo` blocks to its steps, or a phase with the title `Rollback`"),
        );
    }
    let title = rule.title.as_ref().map(|title| names.fill(title, problems));
    let title = title.filter(|title| !title.trim().is_empty());
    let words = title.clone().unwrap_or_else(|| expr.clone());
    Some(MetricRule {
        id: rule_id(rule.id.as_ref(), &words, taken)?,
        title: title.unwrap_or_else(|| expr.chars().take(TITLE_CHARS).collect()),
        expr,
        unit: rule.unit.clone(),
        warn,
        crit,
        clear,
        hold_for: rule.hold_for,
        samples: rule.samples,
        on_breach,
        dry_run: rule.dry_run,
        no_data: rule.no_data,
        stale_after: rule.stale_after.unwrap_or(STALE_AFTER_DEFAULT),
        source: rule.source.clone(),
        phase: rule.phase,
        line: rule.line,
    })
}

/// Which way a limit is crossed: 1 upward, -1 downward, 0 neither.
const fn direction(op: Op) -> i8 {
    match op {
        Op::Gt | Op::Ge => 1,
        Op::Lt | Op::Le => -1,
        Op::Eq | Op::Ne => 0,
    }
}

/// True when `outer` is crossed later than `inner`, or at the same place; also where only the baseline can tell.
fn is_beyond(outer: RuleLimit, inner: RuleLimit) -> bool {
    match direction(inner.op) {
        _ if outer.scale != inner.scale => true,
        1 => outer.value >= inner.value,
        -1 => outer.value <= inner.value,
        _ => true,
    }
}

/// `warn`, `crit` and `clear`.
type Limits = (Option<RuleLimit>, Option<RuleLimit>, Option<RuleLimit>);

fn limits(rule: &Rule, problems: &mut Problems) -> Limits {
    let warn = rule.warn.as_ref().map(|limit| limit.value.or(Op::Gt));
    let crit = rule.crit.as_ref().map(|limit| limit.value.or(Op::Gt));
    if let (Some(warn), Some(crit), Some(place)) = (warn, crit, &rule.crit) {
        let problem = if direction(warn.op) != direction(crit.op) {
            Some(format!(
                "`warn` ({warn}) and `crit` ({crit}) are crossed in different directions"
            ))
        } else if is_beyond(crit, warn) {
            None
        } else {
            Some(format!("`crit` ({crit}) is crossed before `warn` ({warn})"))
        };
        if let Some(message) = problem {
            problems.push(
                Diagnostic::error(codes::LIMIT_ORDER, &place.span, message).hint(
                    "a limit without a comparison means `>`; write `\"< 5\"` for a lower one",
                ),
            );
        }
    }
    let crossed = crit.or(warn);
    let Some(crossed) = crossed else {
        let is_wanted = rule.kind != RuleKind::Panel || rule.clear.is_some();
        if is_wanted && !rule.has_bad_limit {
            problems.push(
                Diagnostic::error(
                    codes::NO_LIMIT,
                    &rule.span,
                    format!("this {} has no limit", rule.kind.as_str()),
                )
                .hint("add `warn` or `crit`, such as `crit=\"> 5\"`; a `[[panel]]` needs none"),
            );
        }
        return (None, None, None);
    };
    (warn, crit, clear(rule, crossed, problems))
}

/// The level that ends a breach, in the sense of the crossed limit: the breach lasts while it holds.
///
/// `crit="> 5" clear=3` and `clear="< 3"` both mean: over when no longer above (or at) 3.
fn clear(rule: &Rule, crossed: RuleLimit, problems: &mut Problems) -> Option<RuleLimit> {
    let written = rule.clear.as_ref()?;
    let mut clear = written.value.or(crossed.op);
    if clear.scale != crossed.scale {
        problems.push(
            Diagnostic::error(
                codes::LIMIT_ORDER,
                &written.span,
                format!("`clear` ({clear}) is counted from something else than `{crossed}`"),
            )
            .hint("write both in the same way: `crit=\"> 2x baseline\" clear=\"1.5x baseline\"`"),
        );
        return None;
    }
    if direction(clear.op) != direction(crossed.op) {
        clear.op = match clear.op {
            Op::Gt => Op::Le,
            Op::Ge => Op::Lt,
            Op::Lt => Op::Ge,
            Op::Le => Op::Gt,
            Op::Eq => Op::Ne,
            Op::Ne => Op::Eq,
        };
    }
    if direction(clear.op) == direction(crossed.op) && is_beyond(crossed, clear) {
        return Some(clear);
    }
    problems.push(
        Diagnostic::error(
            codes::LIMIT_ORDER,
            &written.span,
            format!("`clear` does not lie on the good side of `{crossed}`"),
        )
        .hint("a breach ends at a level better than the one that began it"),
    );
    None
}
