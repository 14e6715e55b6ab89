//! Which silences are wanted where the work stands, and for which components.

use super::kept::{Over, Stand, kept};
use super::said;
use crate::domain::readiness::StepView;
use crate::domain::reading::Component;
use crate::domain::runbook::plan::{Plan, PlanStep};
use crate::domain::runbook::silence::SilencePlan;
use crate::domain::selector;
use crate::domain::state::{Phase, State, StepStatus};
use crate::domain::time::Timestamp;
use crate::domain::touched;
use crate::domain::write::{Lifetime, WriteState};
use std::collections::BTreeMap;

/// True when the plan has a silence at all.
pub fn has_any(plan: &Plan) -> bool {
    plan.silence.is_some()
        || plan.phases.iter().any(|phase| phase.silence.is_some())
        || plan.steps.iter().any(|step| step.silence.is_some())
}

/// True when there is something to do or to show of silences: the plan has one, or one was begun. An amendment may take the
/// silence of a step away, and what was begun is ended all the same.
pub fn matter(state: &State) -> bool {
    let is_own = |write: &WriteState| write.write.cause.is_some();
    has_any(state.plan()) || state.writes.iter().any(is_own)
}

/// What the plan says of a silence.
pub fn plan_of<'a>(plan: &'a Plan, lifetime: &Lifetime) -> Option<&'a SilencePlan> {
    match lifetime {
        Lifetime::Session => plan.silence.as_ref(),
        Lifetime::Phase { phase } => plan.phases.get(*phase)?.silence.as_ref(),
        Lifetime::Step { step, .. } => {
            let step = plan.steps.iter().find(|s| s.id == *step)?;
            step.silence.as_ref()
        }
    }
}

/// `the maintenance`, ``phase 2 `Switch` ``, ``step 2.1 `drain` ``.
pub fn label_of(plan: &Plan, lifetime: &Lifetime) -> String {
    match lifetime {
        Lifetime::Session => "the maintenance".to_owned(),
        Lifetime::Phase { phase } => plan.phases.get(*phase).map_or_else(
            || "a phase".to_owned(),
            |phase| format!("phase {} `{}`", phase.number, phase.title),
        ),
        Lifetime::Step { step, .. } => {
            let found = plan.steps.iter().find(|s| s.id == *step);
            found.map_or_else(|| format!("step `{step}`"), PlanStep::to_label)
        }
    }
}

/// Silences that are wanted now: what holds the longest first.
pub fn wanted(state: &State) -> Vec<Lifetime> {
    let mut all = Vec::new();
    if !state.open || !has_any(state.plan()) {
        return all;
    }
    let is_on = matches!(state.phase, Phase::Running | Phase::RollingBack);
    if !is_on {
        return all;
    }
    if state.plan().silence.is_some() {
        all.push(Lifetime::Session);
    }
    let phase = state.current_phase().filter(|phase| {
        let has = state.plan().phases.get(*phase);
        has.is_some_and(|phase| phase.silence.is_some()) && is_begun(state, *phase)
    });
    all.extend(phase.map(|phase| Lifetime::Phase { phase }));
    let steps = state.views().filter(|view| view.plan.silence.is_some());
    let steps = steps.filter(|view| is_under_way(state, *view));
    all.extend(steps.map(|view| Lifetime::Step {
        step: view.plan.id.clone(),
        attempt: view.now.attempt,
    }));
    all
}

/// Something of the phase was begun.
fn is_begun(state: &State, phase: usize) -> bool {
    let mut steps = state.views().filter(|view| view.plan.phase == phase);
    steps.any(|view| view.now.status != StepStatus::Pending)
}

fn is_under_way(state: &State, view: StepView<'_>) -> bool {
    match view.now.status {
        StepStatus::Active { .. } | StepStatus::Unknown | StepStatus::Undoing => true,
        // Without work of its own it is under way while its parts are.
        StepStatus::Pending => state.views().any(|part| {
            state.is_within(part.index, view.index)
                && (part.now.is_active() || part.now.status.is_passed())
        }),
        _ => false,
    }
}

/// True while commands of a step wait for a silence: it is wanted, and neither is it there, nor have people or the runbook
/// said that the work goes on without it.
pub fn waits(state: &State, view: StepView<'_>, now: Timestamp) -> bool {
    if state.phase != Phase::Running {
        return false;
    }
    let covers = |lifetime: &Lifetime| match lifetime {
        Lifetime::Session => true,
        Lifetime::Phase { phase } => *phase == view.plan.phase,
        Lifetime::Step { step, .. } => {
            let outer = state.index_of(step);
            outer.is_some_and(|o| o == view.index || state.is_within(view.index, o))
        }
    };
    let wanted = wanted(state);
    let mut open = wanted.iter().filter(|lifetime| covers(lifetime)).peekable();
    if open.peek().is_none() {
        return false;
    }
    let all = kept(state, now);
    open.any(|lifetime| {
        if said(state, lifetime).is_some_and(|s| s.withheld.is_some()) {
            return false;
        }
        let newest = newest(&all, lifetime);
        newest.is_empty()
            || newest
                .values()
                .any(|stand| !matches!(stand, Stand::Holds | Stand::Over(Over::Elsewhere)))
    })
}

/// How the newest silence of each connector stands.
fn newest<'k>(
    all: &'k [super::Kept<'_>],
    lifetime: &Lifetime,
) -> BTreeMap<&'k crate::domain::id::ConnectorName, Stand> {
    let mut newest = BTreeMap::new();
    for one in all.iter().filter(|one| one.lifetime == lifetime) {
        let stand = newest.entry(one.connector).or_insert(one.stand);
        // While a second one takes the place of the first, the first holds.
        if *stand != Stand::Holds || one.stand == Stand::Holds {
            *stand = one.stand;
        }
    }
    newest
}

/// Components that a silence is for.
///
/// # Errors
/// What cannot be resolved: a selector that fits nothing known, or nothing at all.
pub fn targets(
    plan: &Plan,
    lifetime: &Lifetime,
    components: &BTreeMap<String, Component>,
) -> Result<Vec<String>, String> {
    let silence = plan_of(plan, lifetime).ok_or("the plan has no such silence")?;
    let entries = if silence.components.is_empty() {
        of_lifetime(plan, lifetime)
    } else {
        silence.components.clone()
    };
    let (names, unmatched) = if entries.is_empty() {
        (
            touched::names(plan, components),
            touched::unmatched(plan, components),
        )
    } else {
        let resolved = selector::resolve(&entries, components);
        (resolved.names, resolved.unmatched)
    };
    if let Some(first) = unmatched.first() {
        return Err(format!("`{first}` fits no component that is known now"));
    }
    if names.is_empty() {
        return Err("the runbook touches no components".to_owned());
    }
    Ok(names)
}

/// Components of the steps that a silence is for; none where they name none.
fn of_lifetime(plan: &Plan, lifetime: &Lifetime) -> Vec<String> {
    let is_in = |place: usize| match lifetime {
        Lifetime::Session => false,
        Lifetime::Phase { phase } => plan.steps.get(place).is_some_and(|s| s.phase == *phase),
        Lifetime::Step { step, .. } => {
            let mut at = Some(place);
            // A parent stands before its parts, so this ends.
            while let Some(here) = at.and_then(|at| plan.steps.get(at)) {
                if here.id == *step {
                    return true;
                }
                at = here.parent.filter(|parent| Some(*parent) < at);
            }
            false
        }
    };
    let steps = plan.steps.iter().enumerate();
    let with_one = steps.filter(|(place, step)| step.component.is_some() && is_in(*place));
    let mut names: Vec<String> = Vec::new();
    for component in with_one.filter_map(|(_, step)| step.component.as_ref()) {
        if !names.contains(component) {
            names.push(component.clone());
        }
    }
    names
}
