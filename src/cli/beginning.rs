//! What a person is told before a session begins: what will not be possible in it, and how to get on.

use crate::connect::connector::Connector;
use crate::display::one_line;
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::motion::EXTENSION_MAX;
use crate::domain::runbook::plan::{Plan, PlanBlock, Window};
use crate::domain::time::{Timestamp, short_span};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What a missing people file means, before anybody relies on it.
pub(super) const NO_PEOPLE: &str = "note: no people file (`[people] file` in `config.toml`): every account of this host is a person with the roles operator and approver, and no key counts; see docs/people.md";
/// Questions that are named: with more the reader has understood.
const NAMED_MAX: usize = 8;

/// A kind of question that a metrics server answers, in the order in which they are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Guard,
    Gate,
    Floor,
    Compare,
    Effect,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Gate => "gate",
            Self::Floor => "floor",
            Self::Compare => "comparison",
            Self::Effect => "effect",
        }
    }

    /// What that it stays unknown comes to.
    const fn unknown(self) -> &'static str {
        match self {
            Self::Guard => "nothing destructive arms under such a guard",
            Self::Gate => "such a gate never opens",
            Self::Floor => "no unit begins under such a floor",
            Self::Compare => "no canary passes such a comparison",
            Self::Effect => "such an effect is never seen",
        }
    }
}

/// Something of a plan that waits for an answer nobody gives.
struct Question<'a> {
    kind: Kind,
    id: &'a RuleId,
    source: Option<&'a ConnectorName>,
}

impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.kind.as_str();
        write!(f, "{word} `{}`", one_line(self.id.as_str()))?;
        self.source
            .map_or(Ok(()), |source| write!(f, " (asks `{source}`)"))
    }
}

/// Everything of a plan that stands in the way while it is unknown.
fn questions(plan: &Plan) -> Vec<Question<'_>> {
    let guards = plan.rules.iter();
    let guards = guards.filter(|rule| rule.is_guard() && !rule.dry_run);
    let guards = guards.map(|rule| (Kind::Guard, &rule.id, rule.source.as_ref()));
    let blocks = plan.steps.iter().flat_map(|step| &step.blocks);
    let gates = blocks.filter_map(|block| match block {
        PlanBlock::Gate(gate) => Some((Kind::Gate, &gate.id, gate.source.as_ref())),
        PlanBlock::Exec(_) => None,
    });
    let rollouts = plan.rollouts().flat_map(|(_, rollout)| {
        let floor = rollout.floor.iter();
        let floor = floor.map(|floor| (Kind::Floor, &floor.id, floor.source.as_ref()));
        let compare = rollout.soak.iter().filter_map(|soak| soak.compare.as_ref());
        floor.chain(compare.map(|one| (Kind::Compare, &one.id, one.source.as_ref())))
    });
    let expects = plan.steps.iter().flat_map(|step| &step.expects);
    let expects = expects.map(|one| (Kind::Effect, &one.id, one.source.as_ref()));
    let all = guards.chain(gates).chain(rollouts).chain(expects);
    all.map(|(kind, id, source)| Question { kind, id, source })
        .collect()
}

/// Those that answer questions.
pub(super) fn metrics(connectors: &[Arc<dyn Connector>]) -> Vec<&ConnectorName> {
    let all = connectors.iter().filter(|one| one.is_metrics());
    all.map(|one| one.name()).collect()
}

/// What of a plan no configured metrics server can answer: it is unknown as long as the session lives, which nobody sees
/// before the first gate is waited for. Absent when all of it can be.
pub(super) fn unanswered(plan: &Plan, metrics: &[&ConnectorName]) -> Option<String> {
    let mut open = questions(plan);
    open.retain(|question| match question.source {
        None => metrics.is_empty(),
        Some(source) => !metrics.contains(&source),
    });
    if open.is_empty() {
        return None;
    }
    let named = open.iter().take(NAMED_MAX).map(ToString::to_string);
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match open.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let kinds: BTreeSet<Kind> = open.iter().map(|question| question.kind).collect();
    let kinds: Vec<&str> = kinds.into_iter().map(Kind::unknown).collect();
    let (who, hint) = if metrics.is_empty() {
        (
            "no metrics server is configured",
            "name one in `config.toml` (`[connect.prometheus.NAME]` with its `url`)",
        )
    } else {
        (
            "no metrics server of that name is configured",
            "`source` of the runbook names a `[connect.KIND.NAME]` of `config.toml`",
        )
    };
    Some(format!(
        "{who}, so these stay unknown: {named}{more}: {}\nhint: {hint}; `warroom doctor --runbook FILE` asks each of them once",
        kinds.join(", ")
    ))
}

/// That a window is over, or has no time left to go back: what is not possible then, and how to get on. Absent while there is
/// time. `limit` is the point of no return.
pub(super) fn late(window: Window, limit: Timestamp, now: Timestamp) -> Option<String> {
    if now < limit {
        return None;
    }
    let (end, for_long) = (window.end.to_seconds_text(), short_span(now.since(limit)));
    let what = if now >= window.end {
        let for_long = short_span(now.since(window.end));
        format!("the window was until {end} and is over by {for_long}")
    } else {
        let limit = limit.to_seconds_text();
        format!("the window is until {end}, and its point of no return was {limit}, {for_long} ago")
    };
    let anew = "abort (`A`), give the runbook another `window`, and run it anew";
    let hint = if now.since(window.end) < EXTENSION_MAX {
        format!("extend it: `X` moves that, and another person seconds it with `Y`; or {anew}")
    } else {
        let most = short_span(EXTENSION_MAX);
        format!("{anew}; it ended more than {most} ago, which no motion extends")
    };
    Some(format!(
        "{what}: nothing destructive can be proposed, armed or run; everything else can\nhint: {hint}"
    ))
}

#[cfg(test)]
mod tests;
