//! What becomes of guards, panels and their baselines.

use super::merge::Merged;
use super::same::bare_rule;
use super::{Change, Objection, What};
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::runbook::plan::{MetricRule, Plan, PlanBlock};
use crate::domain::state::State;
use crate::domain::verdict::is_untouched;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of the rules.
pub(super) struct Judged {
    /// Those that say the same as before; panels among them.
    pub(super) stand: BTreeSet<RuleId>,
    /// Those whose baseline is of the same question.
    pub(super) baselines: BTreeSet<RuleId>,
    pub(super) changes: Vec<Change>,
}

pub(super) fn judge(
    state: &State,
    new: &Plan,
    merged: &Merged,
    against: &mut Vec<Objection>,
) -> Judged {
    let old = state.plan();
    let mut judged = Judged {
        stand: state
            .genesis
            .panels
            .iter()
            .map(|rule| rule.id.clone())
            .collect(),
        baselines: BTreeSet::new(),
        changes: Vec::new(),
    };
    judged.baselines.clone_from(&judged.stand);
    let change = |what, rule: &MetricRule| Change {
        what,
        about: format!("rule `{}`", rule.id),
    };
    let can_be_taken = is_untouched(state);
    for rule in &new.rules {
        // The merged plan may have a phase that the runbook has lost; both are compared by the places in it.
        let now = bare_rule(rule, Some(&merged.of_new));
        let before = old.rules.iter().find(|known| known.id == rule.id);
        let is_same = before.is_some_and(|b| bare_rule(b, Some(&merged.phases)) == now);
        if is_same {
            judged.stand.insert(rule.id.clone());
        } else {
            let what = before.map_or(What::Added, |_| What::Changed);
            judged.changes.push(change(what, rule));
        }
        let is_asked = |b: &MetricRule| (&b.expr, &b.source) == (&rule.expr, &rule.source);
        let has = state.baselines.contains_key(&rule.id);
        if before.is_some_and(is_asked) && has {
            judged.baselines.insert(rule.id.clone());
        } else if !is_same && is_relative(rule) && !can_be_taken {
            let why = format!(
                "rule `{}` is counted from a baseline, and the work has changed what that would be",
                rule.id
            );
            against.push(Objection::new(
                why,
                "give it a limit of its own: `crit=0.05`",
            ));
        }
    }
    let is_gone = |rule: &&MetricRule| new.rules.iter().all(|now| now.id != rule.id);
    let gone = old.rules.iter().filter(is_gone);
    judged
        .changes
        .extend(gone.map(|rule| change(What::Removed, rule)));
    judged
}

fn is_relative(rule: &MetricRule) -> bool {
    let limits = [&rule.warn, &rule.crit, &rule.clear];
    limits
        .into_iter()
        .flatten()
        .any(|limit| limit.is_relative())
}

/// What is asked under each name.
type Asked<'a> = BTreeMap<&'a RuleId, (&'a str, Option<&'a ConnectorName>)>;

/// Names under which something else is asked in the new plan: an answer to the old question is none to the new one.
pub fn asked_anew(old: &Plan, new: &Plan) -> BTreeSet<RuleId> {
    let (before, after) = (asked(old), asked(new));
    let names = before.keys().chain(after.keys());
    names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| (*name).clone())
        .collect()
}

/// A name under which two things are asked: of what is over and stays, and of something new.
pub(super) fn clash(plan: &Plan) -> Option<Objection> {
    let mut known: Asked<'_> = BTreeMap::new();
    let mut all = questions(plan);
    let twice = all.find(|(name, asks)| known.insert(*name, *asks).is_some_and(|was| was != *asks));
    let (name, _) = twice?;
    let why = format!("two different things are asked under the name `{name}`");
    let hint = "a step that is over stays with what it asked: give the new one another `id`";
    Some(Objection::new(why, hint))
}

fn asked(plan: &Plan) -> Asked<'_> {
    questions(plan).collect()
}

fn questions(plan: &Plan) -> impl Iterator<Item = (&RuleId, (&str, Option<&ConnectorName>))> {
    let gates = plan.steps.iter().flat_map(|step| &step.blocks);
    let gates = gates.filter_map(|block| match block {
        PlanBlock::Gate(gate) => Some((&gate.id, (gate.expr.as_str(), gate.source.as_ref()))),
        PlanBlock::Exec(_) => None,
    });
    let expects = plan.steps.iter().flat_map(|step| &step.expects);
    let expects = expects.map(|e| (&e.id, (e.expr.as_str(), e.source.as_ref())));
    let rollouts = plan
        .rollouts()
        .flat_map(|(_, rollout)| rollout.queries())
        .map(|query| (query.id, (query.expr, query.source)));
    let rules = plan.rules.iter();
    let rules = rules.map(|rule| (&rule.id, (rule.expr.as_str(), rule.source.as_ref())));
    gates.chain(expects).chain(rollouts).chain(rules)
}
