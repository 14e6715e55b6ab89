//! What metrics connectors are asked: one query for each rule, gate and panel.

use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::runbook::plan::{MetricRule, Plan, PlanBlock};

/// One query that is asked at every poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuerySpec {
    /// Rule, gate or panel that gets the answer.
    pub rule: RuleId,
    /// `PromQL` of the value.
    pub expr: String,
    /// Who is asked; the first configured metrics connector when absent.
    pub source: Option<ConnectorName>,
}

impl From<&MetricRule> for QuerySpec {
    fn from(rule: &MetricRule) -> Self {
        Self {
            rule: rule.id.clone(),
            expr: rule.expr.clone(),
            source: rule.source.clone(),
        }
    }
}

/// All queries of a session: rules, gates and declared effects and rollouts of the plan, then panels of the configuration. A rule id that comes twice
/// is asked once, as the plan says.
pub fn specs_for(plan: &Plan, panels: &[MetricRule]) -> Vec<QuerySpec> {
    let gates = plan
        .steps
        .iter()
        .flat_map(|step| &step.blocks)
        .filter_map(|block| match block {
            PlanBlock::Gate(gate) => Some(QuerySpec {
                rule: gate.id.clone(),
                expr: gate.expr.clone(),
                source: gate.source.clone(),
            }),
            PlanBlock::Exec(_) => None,
        });
    let rollouts = plan.rollouts().flat_map(|(_, rollout)| rollout.queries());
    let rollouts = rollouts.map(|query| QuerySpec {
        rule: query.id.clone(),
        expr: query.expr.to_owned(),
        source: query.source.cloned(),
    });
    let expects = plan.steps.iter().flat_map(|step| &step.expects);
    let expects = expects.map(|expect| QuerySpec {
        rule: expect.id.clone(),
        expr: expect.expr.clone(),
        source: expect.source.clone(),
    });
    let mut specs: Vec<QuerySpec> = Vec::new();
    for spec in plan
        .rules
        .iter()
        .map(QuerySpec::from)
        .chain(gates)
        .chain(rollouts)
        .chain(expects)
        .chain(panels.iter().map(QuerySpec::from))
    {
        if !specs.iter().any(|known| known.rule == spec.rule) {
            specs.push(spec);
        }
    }
    specs
}

/// The queries that connector `name` is asked. `is_first`: it is the first configured metrics connector, so it also gets
/// those that name none.
pub fn specs_of(specs: &[QuerySpec], name: &ConnectorName, is_first: bool) -> Vec<QuerySpec> {
    let wanted = |spec: &&QuerySpec| {
        spec.source
            .as_ref()
            .map_or(is_first, |source| source == name)
    };
    specs.iter().filter(wanted).cloned().collect()
}

/// One expression and all rules that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The expression.
    pub expr: String,
    /// Who gets the answer; one at least.
    pub rules: Vec<RuleId>,
}

/// Each expression once, in the order in which they come first.
pub fn asks_of(specs: &[QuerySpec]) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    for spec in specs {
        match asks.iter_mut().find(|ask| ask.expr == spec.expr) {
            Some(ask) => ask.rules.push(spec.rule.clone()),
            None => asks.push(Ask {
                expr: spec.expr.clone(),
                rules: vec![spec.rule.clone()],
            }),
        }
    }
    asks
}

/// Queries that name a connector nobody configured: they would be unknown for ever.
pub fn specs_without_source<'a>(
    specs: &'a [QuerySpec],
    names: &[ConnectorName],
) -> Vec<&'a QuerySpec> {
    let lost = |spec: &&QuerySpec| {
        spec.source
            .as_ref()
            .map_or(names.is_empty(), |source| !names.contains(source))
    };
    specs.iter().filter(lost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(rule: &str, source: Option<&str>) -> QuerySpec {
        QuerySpec {
            rule: RuleId::new(rule).unwrap(),
            expr: "up".to_owned(),
            source: source.map(|name| ConnectorName::new(name).unwrap()),
        }
    }

    #[test]
    fn queries_go_to_the_connector_they_name_or_to_the_first() {
        let specs = [
            spec("a", None),
            spec("b", Some("main")),
            spec("c", Some("other")),
            spec("d", Some("gone")),
        ];
        let names = ["main", "other"].map(|name| ConnectorName::new(name).unwrap());
        let rules =
            |specs: &[QuerySpec]| specs.iter().map(|s| s.rule.to_string()).collect::<Vec<_>>();
        assert_eq!(rules(&specs_of(&specs, &names[0], true)), ["a", "b"]);
        assert_eq!(rules(&specs_of(&specs, &names[1], false)), ["c"]);
        assert_eq!(specs_without_source(&specs, &names), [&specs[3]]);
        assert_eq!(specs_without_source(&specs, &[]).len(), 4);
    }
}
