//! Blocks with a role, from their head and content.

use super::codes;
use super::diagnostic::{Diagnostic, Problems};
use super::fence::Head;
use super::limits::RETRY_MAX;
use super::model::{ExecFence, GateFence, Language, Rule, RuleKind, StepSettings};
use super::plan::{ExecRole, Risk};
use super::settings::{raise, set_once};
use super::source::Mapped;
use super::value::{connector, name, positive_span, rule_field, span, whole};
use crate::domain::id::{RuleId, StepId};
use std::time::Duration;

/// A command; what its head says about the whole step goes into `step`.
pub(super) fn exec(
    role: ExecRole,
    head: &Head,
    script: Mapped,
    line: u32,
    step: &mut StepSettings,
    problems: &mut Problems,
) -> ExecFence {
    let mut fence = ExecFence {
        role,
        lang: head.lang.unwrap_or(Language::Sh),
        script,
        timeout: None,
        retry: 0,
        span: head.span.clone(),
        line,
    };
    for flag in &head.flags {
        let risk = match flag.value {
            "irreversible" => Risk::Irreversible,
            _ => Risk::Destructive,
        };
        raise(&mut step.risk, Some(risk), &flag.span);
    }
    for (key, value) in &head.pairs {
        match key.value {
            "timeout" => fence.timeout = positive_span(value, problems),
            "retry" => fence.retry = whole(value, RETRY_MAX, problems).unwrap_or_default(),
            "id" => {
                let id = name(value, StepId::new, problems);
                set_once(&mut step.id, id, "id", problems);
            }
            _ => set_once(
                &mut step.component,
                Some(value.clone()),
                "component",
                problems,
            ),
        }
    }
    refuse_empty(&fence.script, head, problems);
    fence
}

/// A condition that holds a step.
pub(super) fn gate(head: &Head, expr: Mapped, line: u32, problems: &mut Problems) -> GateFence {
    let mut fence = GateFence {
        id: None,
        expr,
        hold_for: Duration::ZERO,
        timeout: None,
        source: None,
        span: head.span.clone(),
        line,
    };
    for (key, value) in &head.pairs {
        match key.value {
            "id" => fence.id = name(value, RuleId::new, problems),
            "for" => fence.hold_for = span(value, problems).unwrap_or_default(),
            "timeout" => fence.timeout = positive_span(value, problems),
            _ => fence.source = connector(value, problems),
        }
    }
    refuse_empty(&fence.expr, head, problems);
    if fence.timeout.is_none() && !head.pairs.iter().any(|(key, _)| key.value == "timeout") {
        problems.push(
            Diagnostic::warning(
                codes::GATE_NO_TIMEOUT,
                &head.span,
                "this gate has no `timeout`",
            )
            .label("if it never opens, the step waits until somebody stops it")
            .hint("say how long anybody would wait: `timeout=15m`; the step fails then, and can be tried again or skipped"),
        );
    }
    if let Some(timeout) = fence.timeout
        && timeout < fence.hold_for
    {
        problems.push(
            Diagnostic::error(
                codes::CONTRADICTION,
                &head.span,
                "this gate times out before it can have held long enough",
            )
            .hint("make `timeout` longer than `for`"),
        );
    }
    fence
}

/// A watched metric.
pub(super) fn guard(head: &Head, expr: Mapped, line: u32, problems: &mut Problems) -> Rule {
    let mut rule = Rule::new(RuleKind::Guard, head.span.clone(), line);
    for (key, value) in &head.pairs {
        rule_field(&mut rule, key.value, value, problems);
    }
    // The only flag there is.
    rule.dry_run |= !head.flags.is_empty();
    rule.expr = expr;
    refuse_empty(&rule.expr, head, problems);
    rule
}

fn refuse_empty(content: &Mapped, head: &Head, problems: &mut Problems) {
    if content.as_str().trim().is_empty() {
        problems.push(
            Diagnostic::error(codes::EMPTY_BLOCK, &head.span, "this block is empty")
                .hint("a block with a role does what its lines say; write them or remove it"),
        );
    }
}
