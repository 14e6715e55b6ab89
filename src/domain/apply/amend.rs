//! An amendment that was carried: what the session is pinned to becomes another, and what was begun stays what it is.

use super::{Why, fresh_step};
use crate::domain::amend::{Adopted, Amendment, CHANGES_KEPT_MAX, adopt};
use crate::domain::fact::{Genesis, Rehearsed};
use crate::domain::id::{Seq, StepId};
use crate::domain::motion::Motion;
use crate::domain::runbook::plan::Plan;
use crate::domain::state::{Amended, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is moved fits what the session is pinned to, and the plan that came with it is the one it names.
pub(super) fn possible(
    state: &State,
    what: &Motion,
    amendment: Option<&Amendment>,
) -> Result<(), Why> {
    let Motion::Amend { from, to } = what else {
        let none = "a plan came with what is no amendment";
        return amendment.map_or(Ok(()), |_| Err(none));
    };
    let amendment = amendment.ok_or("an amendment came without a plan")?;
    if *from != state.genesis.plan_digest {
        return Err("it amends another plan");
    }
    if *to != amendment.plan.digest() {
        return Err("the plan that came with it is another");
    }
    adopted(state, amendment).map(drop)
}

fn adopted(state: &State, amendment: &Amendment) -> Result<Adopted, Why> {
    adopt(state, amendment).map_err(|_| "the session as it stands cannot take that plan over")
}

/// Puts it in force.
pub(super) fn carry(state: &mut State, amendment: &Amendment) -> Result<Box<Amended>, Why> {
    let adopted = adopted(state, amendment)?;
    let Adopted {
        plan,
        mut changes,
        steps,
        phases,
        changed,
        rules,
        baselines,
    } = adopted;
    let before = state.genesis.plan_digest;
    let digest = plan.digest();
    let genesis = &state.genesis;
    let mut learned = genesis.learned.clone();
    learned.steps.retain(|spans| !changed.contains(&spans.step));
    let rehearsed = genesis.rehearsed.iter();
    let rehearsed =
        rehearsed.map(|one| still_rehearsed(one, &genesis.plan, &plan, (&changed, &phases)));
    let genesis = Genesis {
        rehearsed: rehearsed.collect(),
        learned,
        first_plan: genesis.first_plan.or(Some(before)),
        plan_digest: digest,
        runbook: amendment.runbook.clone(),
        plan,
        ..Genesis::clone(genesis)
    };
    let mut old = std::mem::take(&mut state.steps);
    if state.amendments().next().is_none() {
        let ran = old.iter_mut().filter(|step| step.touched);
        for (place, step) in (0..).zip(ran) {
            step.ran_at = Some(Seq(place));
        }
    }
    let taken = steps.iter().map(|place| {
        let was = place.and_then(|place| old.get(place));
        was.cloned().unwrap_or_else(fresh_step)
    });
    state.steps = taken.collect();
    state.genesis = Arc::new(genesis);
    state.rules.retain(|rule, _| rules.contains(rule));
    state.acted.retain(|rule, _| rules.contains(rule));
    state.baselines.retain(|rule, _| baselines.contains(rule));
    let rollouts = std::mem::take(&mut state.rollouts);
    let moved = rollouts.into_iter();
    state.rollouts = moved
        .filter_map(|(phase, rollout)| Some((*phases.get(&phase)?, rollout)))
        .collect();
    let more = changes.len().saturating_sub(CHANGES_KEPT_MAX);
    changes.truncate(CHANGES_KEPT_MAX);
    Ok(Box::new(Amended {
        before,
        plan: digest,
        runbook: amendment.runbook.digest,
        changes,
        more,
    }))
}

/// What a rehearsal says of steps that are as they were. Of a rollout it speaks by places, which mean the same as long as
/// its phase has the same steps.
fn still_rehearsed(
    one: &Rehearsed,
    old: &Plan,
    new: &Plan,
    (changed, phases): (&BTreeSet<StepId>, &BTreeMap<usize, usize>),
) -> Rehearsed {
    let ids = |plan: &Plan, phase: usize| -> Vec<StepId> {
        let steps = plan.steps.iter().filter(|step| step.phase == phase);
        steps.map(|step| step.id.clone()).collect()
    };
    let steps = one.steps.iter().filter_map(|step| {
        let mut step = step.clone();
        let Some(template) = &mut step.template else {
            return (!changed.contains(&step.step)).then_some(step);
        };
        let (was, now) = (template.phase, *phases.get(&template.phase)?);
        let before = ids(old, was);
        let is_same = before == ids(new, now) && before.iter().all(|id| !changed.contains(id));
        template.phase = now;
        is_same.then_some(step)
    });
    Rehearsed {
        steps: steps.collect(),
        ..one.clone()
    }
}
