//! What an amendment says of the whole: bounds, window, components, environment, what is kept quiet.

use super::Objection;
use crate::domain::runbook::limits::{PHASES_MAX, RULES_MAX, STEPS_MAX};
use crate::domain::runbook::plan::{MetricRule, Plan, PlanStep};
use crate::domain::state::{Phase, State, StepState, StepStatus};
use crate::domain::write::{Cause, Lifetime};
use std::collections::{BTreeMap, BTreeSet};

/// What no runbook comes to: a plan is believed of nobody.
pub(super) fn unsound(plan: &Plan, panels: &[MetricRule]) -> Option<Objection> {
    let is_placed = |(place, step): (usize, &PlanStep)| {
        step.parent.is_none_or(|parent| parent < place) && step.phase < plan.phases.len()
    };
    let ids: BTreeSet<_> = plan.steps.iter().map(|step| &step.id).collect();
    let rules: BTreeSet<_> = plan.rules.iter().map(|rule| &rule.id).collect();
    let of_phase = |rule: &MetricRule| rule.phase.is_none_or(|phase| phase < plan.phases.len());
    let is_whole = plan.steps.iter().enumerate().all(is_placed)
        && ids.len() == plan.steps.len()
        && rules.len() == plan.rules.len()
        && plan.rules.iter().all(of_phase)
        && plan.rules.len() <= RULES_MAX
        && plan.check_panels(panels).is_ok();
    let why = "it is no plan that a runbook comes to: names come twice, or nothing has them";
    (!is_whole).then(|| Objection::new(why, "`warroom check` shows what is wrong with it"))
}

/// With what stays behind it may be longer than any runbook.
pub(super) fn too_long(plan: &Plan) -> Option<Objection> {
    let is_long = plan.steps.len() > STEPS_MAX || plan.phases.len() > PHASES_MAX;
    let why = format!("with what was done it has more than {STEPS_MAX} steps, or too many phases");
    is_long.then(|| Objection::new(why, "plan what is left anew"))
}

/// What may not become another while the session lives. A window that comes again stays the one that is on.
pub(super) fn header(state: &State, new: &mut Plan) -> Vec<Objection> {
    let old = state.plan();
    let mut against = Vec::new();
    if old.recurs.is_some() && old.recurs == new.recurs {
        new.window = old.window;
    }
    if (old.window, &old.recurs) != (new.window, &new.recurs) {
        let why = "`window` is another";
        let hint = "put it back; two people extend the window with a motion of its own";
        against.push(Objection::new(why, hint));
    }
    if old.change != new.change {
        let why = "`change` is another ticket";
        against.push(Objection::new(
            why,
            "put it back: what was done was done under that one",
        ));
    }
    if old.lock != new.lock {
        let why = "`lock` is another";
        against.push(Objection::new(
            why,
            "put it back: other sessions keep away by it",
        ));
    }
    against.extend(components(state, new));
    let has_way_back = |(step, now): (&PlanStep, &StepState)| now.touched && step.undo.is_some();
    let ran = old.steps.iter().zip(&state.steps).any(has_way_back);
    let goes_on = |now: &StepState| {
        now.is_active() || matches!(now.status, StepStatus::Unknown | StepStatus::Undoing)
    };
    let goes_on = state.steps.iter().any(goes_on);
    if (ran || goes_on) && old.environment != new.environment {
        let all = old.environment.keys().chain(new.environment.keys());
        let is_other = |name: &&String| old.environment.get(*name) != new.environment.get(*name);
        let names: BTreeSet<String> = all.filter(is_other).map(|n| format!("`{n}`")).collect();
        let names: Vec<String> = names.into_iter().collect();
        let why = format!("the environment is another: {}", names.join(", "));
        let hint = if ran {
            "put it back, and say it in the step: ways back of what was done read it"
        } else {
            "wait until what is under way has come to a known end: it reads it"
        };
        against.push(Objection::new(why, hint));
    }
    against
}

fn components(state: &State, new: &Plan) -> Option<Objection> {
    let old = state.plan();
    let is_gone = |name: &&String| !new.components.contains(name);
    if let Some(gone) = old.components.iter().find(is_gone) {
        let why = format!("`components` does not name `{gone}` any more");
        let hint = "put it back: it was announced, and what was done to it may have to be undone";
        return Some(Objection::new(why, hint));
    }
    let is_quiet = old.silence.is_some() && state.phase == Phase::Running;
    let is_more = old.components.len() != new.components.len();
    let why = "`components` names more, and alerts are kept quiet for those that were there";
    let hint = "leave them out, and name the component at the step";
    (is_quiet && is_more).then(|| Objection::new(why, hint))
}

/// What is kept quiet is kept quiet under the name it has: of the whole, and of phases by their place.
pub(super) fn silences(
    state: &State,
    phases: &BTreeMap<usize, usize>,
    new: &Plan,
) -> Vec<Objection> {
    if state.phase == Phase::Briefing {
        return Vec::new();
    }
    let old = state.plan();
    let mut against = Vec::new();
    if old.silence != new.silence {
        let why = "what is kept quiet from begin to end is another";
        against.push(Objection::new(
            why,
            "put it back; mutes are begun and ended by hand",
        ));
    }
    let asked = state
        .writes
        .iter()
        .filter_map(|write| match &write.write.cause {
            Some(Cause::Begins { lifetime, .. }) => Some(lifetime),
            _ => None,
        });
    let said = state.silences.iter().map(|said| &said.lifetime);
    let used: BTreeSet<usize> = asked
        .chain(said)
        .filter_map(|lifetime| match lifetime {
            Lifetime::Phase { phase } => Some(*phase),
            Lifetime::Session | Lifetime::Step { .. } => None,
        })
        .collect();
    for place in used {
        let before = old.phases.get(place);
        let after = phases
            .get(&place)
            .filter(|now| **now == place)
            .and_then(|now| new.phases.get(*now));
        let is_same = matches!((before, after), (Some(a), Some(b)) if a.silence == b.silence);
        if !is_same {
            let title = before.map_or("", |phase| phase.title.as_str());
            let why = format!("alerts were kept quiet for phase `{title}`, which is another now");
            against.push(Objection::new(
                why,
                "leave it, and what stands before it, as it was",
            ));
        }
    }
    against
}
