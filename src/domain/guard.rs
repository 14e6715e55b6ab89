//! Which guards count now, and whether they are known good.

use crate::domain::id::RuleId;
use crate::domain::mutant::{Guard, is_off};
use crate::domain::runbook::plan::{MetricRule, Plan, PlanBlock};
use crate::domain::state::State;
use crate::domain::threshold::{RuleLimit, Unknown, Verdict};

impl MetricRule {
    /// True for a rule with limits; a rule without is a panel, which decides nothing.
    pub const fn is_guard(&self) -> bool {
        self.warn.is_some() || self.crit.is_some()
    }

    /// Its worst limit, by which a value is bad or good; none for a panel.
    pub const fn worst_limit(&self) -> Option<RuleLimit> {
        match self.crit {
            Some(crit) => Some(crit),
            None => self.warn,
        }
    }
}

/// A panel of the configuration and a rule of the runbook that have one id: two different questions whose answers
/// nobody could tell apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "panel `{id}` of the configuration has the id of {kind} `{id}` of the runbook (line {line})"
)]
pub struct SameRule {
    /// The id of both.
    pub id: RuleId,
    /// What the runbook has: `gate`, `guard`, `panel`, `floor` or `compare`.
    pub kind: &'static str,
    /// Line in the runbook.
    pub line: u32,
}

impl Plan {
    /// The first of these panels of the configuration whose id the plan has given away already.
    ///
    /// # Errors
    /// [`SameRule`], naming both.
    pub fn check_panels(&self, panels: &[MetricRule]) -> Result<(), SameRule> {
        let gates = self.steps.iter().flat_map(|step| &step.blocks);
        let gates = gates.filter_map(|block| match block {
            PlanBlock::Gate(gate) => Some((&gate.id, "gate", gate.line)),
            PlanBlock::Exec(_) => None,
        });
        let expects = self.steps.iter().flat_map(|step| &step.expects);
        let expects = expects.map(|expect| (&expect.id, "expect", expect.line));
        let gates = gates.chain(expects);
        let rules = self.rules.iter().map(|rule| {
            let kind = if rule.is_guard() { "guard" } else { "panel" };
            (&rule.id, kind, rule.line)
        });
        let rollouts = self.rollouts().flat_map(|(phase, rollout)| {
            let line = self.phases.get(phase).map_or(0, |phase| phase.line);
            let queries = rollout.queries().into_iter();
            queries.map(move |query| (query.id, query.kind, line))
        });
        let mut taken = rules.chain(gates).chain(rollouts);
        let same = taken.find(|(id, _, _)| panels.iter().any(|panel| &panel.id == *id));
        same.map_or(Ok(()), |(id, kind, line)| {
            let id = id.clone();
            Err(SameRule { id, kind, line })
        })
    }

    /// True for a phase and for every phase whose heading is nested below its own.
    pub fn is_phase_within(&self, inner: usize, outer: usize) -> bool {
        let Some(level) = self.phases.get(outer).map(|p| p.level) else {
            return false;
        };
        let between = self.phases.iter().take(inner.saturating_add(1));
        inner >= outer
            && between
                .skip(outer.saturating_add(1))
                .all(|p| p.level > level)
    }
}

impl State {
    /// What a rule said last; unknown when it has never said anything.
    pub fn verdict(&self, rule: &RuleId) -> Verdict {
        self.rules
            .get(rule)
            .map_or(Verdict::Unknown(Unknown::Never), |r| r.verdict)
    }

    /// True for a rule that counts while `current` is worked on: one of no phase always, one of a phase also while
    /// the headings below it are.
    pub fn is_watched_in(&self, rule: &MetricRule, current: Option<usize>) -> bool {
        rule.phase.is_none_or(|outer| {
            current.is_some_and(|inner| self.plan().is_phase_within(inner, outer))
        })
    }

    /// All guards, of the plan and of the configuration, watched now or not.
    ///
    /// An id that comes twice is judged as the plan says: a panel of the configuration never replaces a reviewed limit.
    pub fn all_guards(&self) -> impl Iterator<Item = &MetricRule> {
        let rules = &self.plan().rules;
        let panels = self.genesis.panels.iter();
        let panels = panels.filter(|panel| rules.iter().all(|rule| rule.id != panel.id));
        rules.iter().chain(panels).filter(|rule| rule.is_guard())
    }

    /// Guards that are watched now, with what they say; also those that only report.
    pub fn guards(&self) -> impl Iterator<Item = (&MetricRule, Verdict)> {
        let phase = self.current_phase();
        self.all_guards()
            .filter(move |rule| self.is_watched_in(rule, phase))
            .map(|rule| (rule, self.verdict(&rule.id)))
    }

    /// The first watched guard that is not known to be good, apart from those that only report. Unknown never passes.
    pub fn bad_guard(&self) -> Option<(&MetricRule, Verdict)> {
        self.guards().find(|(rule, verdict)| {
            !rule.dry_run && !verdict.is_known_good() && !is_off(Guard::Metric)
        })
    }

    /// What a series of a rule measured when the maintenance began; `series` as quotes name it.
    pub fn baseline(&self, rule: &RuleId, series: &str) -> Option<f64> {
        let medians = &self.baselines.get(rule)?.medians;
        let median = medians.iter().find(|median| median.series == series)?;
        Some(median.sample.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{Room, guard, plan, rule};
    use crate::domain::threshold::{Limit, OnBreach, Op};
    use std::sync::Arc;

    #[test]
    fn a_guard_of_a_phase_is_watched_while_the_headings_below_it_are_worked_on() {
        let mut plan = plan();
        // `Switch` is nested below `Prepare` now; the guard stands under `Prepare`.
        plan.phases[1].level = 3;
        plan.rules[0].phase = Some(0);
        let mut room = Room::at_drain_of(plan);
        assert_eq!(room.state.current_phase(), Some(1));
        room.verdict(Verdict::Fail);
        assert!(room.state.bad_guard().is_some());
    }

    #[test]
    fn a_guard_of_a_phase_is_not_watched_beside_it() {
        let mut plan = plan();
        plan.rules[0].phase = Some(0);
        let room = Room::at_drain_of(plan);
        assert_eq!(room.state.guards().count(), 0);
    }

    #[test]
    fn a_panel_with_the_id_of_a_gate_or_guard_is_refused_and_both_are_named() {
        let named = |name: &str| MetricRule {
            id: rule(name),
            ..guard(OnBreach::Warn)
        };
        let plan = plan();
        assert_eq!(plan.check_panels(&[named("other")]), Ok(()));
        for (name, kind) in [("errors", "guard"), ("lag", "gate")] {
            let same = plan
                .check_panels(&[named("other"), named(name)])
                .expect_err("taken");
            let words = format!(
                "panel `{name}` of the configuration has the id of {kind} `{name}` of the runbook (line 1)"
            );
            assert_eq!(same.to_string(), words);
        }
    }

    #[test]
    fn a_panel_of_the_configuration_never_replaces_a_guard_of_the_runbook() {
        let mut room = Room::new();
        let mut genesis = (*room.state.genesis).clone();
        let mut lax = guard(OnBreach::Warn);
        let (op, value) = (Op::Gt, 1e9);
        lax.crit = Some(Limit { op, value }.into());
        genesis.panels = vec![lax];
        room.state.genesis = Arc::new(genesis);
        let guards: Vec<_> = room.state.guards().map(|(r, _)| r).collect();
        assert_eq!(guards.len(), 1);
        assert_eq!(
            (&guards[0].id, guards[0].on_breach),
            (&rule("errors"), OnBreach::Hold)
        );
    }
}
