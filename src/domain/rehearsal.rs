//! Rehearsals: which one counts for a step, how long a step took in one, and how two environments differ.
//!
//! What was found stands in the first record of a session, so whatever is said of it here follows from the journal alone.

use super::fact::{Genesis, Rehearsal, RehearsalEnd, Rehearsed, RehearsedStep, Template};
use super::id::StepId;
use super::runbook::plan::{Plan, PlanStep};
use super::runbook::shape::Shape;
use super::state::{Phase, State, StepStatus};
use super::time::{Timestamp, short_span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Differences that are named: more say that it is another runbook.
pub const DIFFERENCES_MAX: usize = 20;
/// Longest time a policy may let a rehearsal count: after a year nothing is as it was.
pub const AGE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// What a class asks of rehearsals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// How long one counts, milliseconds; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_max_ms: Option<u64>,
}

impl Wanted {
    /// How long a rehearsal counts.
    pub fn age_max(self) -> Option<Duration> {
        self.age_max_ms.map(Duration::from_millis)
    }
}

/// The rehearsal that counts for a step: completed, of this very shape, the step carried out in it, and young enough.
///
/// # Errors
/// Why none does, in words that follow the step's name.
pub fn standing<'a>(
    genesis: &'a Genesis,
    step: &StepId,
    wanted: Wanted,
    now: Timestamp,
) -> Result<&'a Rehearsed, String> {
    let mut why = "no rehearsal of this plan was found when the session was opened".to_owned();
    // The newest comes first; the first reason is about the newest one.
    let mut is_first = true;
    for one in &genesis.rehearsed {
        match counts(one, &genesis.plan, step, wanted, now) {
            Ok(()) => return Ok(one),
            Err(what) if is_first => {
                why = format!("the rehearsal `{}` does not count: {what}", one.name);
                is_first = false;
            }
            Err(_) => {}
        }
    }
    Err(why)
}

/// What a step is one of, where it is there for each unit.
fn template(plan: &Plan, place: usize) -> Option<Template> {
    let step = plan.steps.get(place)?;
    let unit = &step.unit.as_ref()?.component;
    let is_before = |other: &&PlanStep| {
        let theirs = other.unit.as_ref().map(|unit| &unit.component);
        other.phase == step.phase && theirs == Some(unit)
    };
    let before = plan.steps.iter().take(place).filter(is_before);
    Some(Template {
        phase: step.phase,
        place: before.count(),
    })
}

/// What became of a step of this plan in a rehearsal.
fn found<'a>(one: &'a Rehearsed, plan: &Plan, step: &StepId) -> Option<&'a RehearsedStep> {
    let place = plan.steps.iter().position(|known| known.id == *step)?;
    let template = template(plan, place);
    one.steps.iter().find(|known| match template {
        Some(_) => known.template == template,
        None => known.template.is_none() && known.step == *step,
    })
}

fn counts(
    one: &Rehearsed,
    plan: &Plan,
    step: &StepId,
    wanted: Wanted,
    now: Timestamp,
) -> Result<(), String> {
    if !one.is_same {
        return Err("it was of another plan".to_owned());
    }
    if one.end != RehearsalEnd::Completed {
        return Err(format!("it is {}", one.end.as_str()));
    }
    if !found(one, plan, step).is_some_and(|step| step.is_done) {
        return Err("this step was not carried out in it".to_owned());
    }
    if one.at > now {
        return Err("it ended later than it is now".to_owned());
    }
    match wanted.age_max() {
        Some(limit) if now.since(one.at) > limit => {
            let age = short_span(now.since(one.at));
            Err(format!(
                "it is {age} old, at most {} count",
                short_span(limit)
            ))
        }
        _ => Ok(()),
    }
}

/// How long a step took in the newest completed rehearsal of this very plan.
pub fn took(genesis: &Genesis, step: &StepId) -> Option<Duration> {
    took_in(&genesis.rehearsed, &genesis.plan, step)
}

/// As [`took`], of what was found.
pub fn took_in(rehearsed: &[Rehearsed], plan: &Plan, step: &StepId) -> Option<Duration> {
    let whole = rehearsed
        .iter()
        .filter(|one| one.is_same && one.end == RehearsalEnd::Completed);
    let mut steps = whole.filter_map(|one| found(one, plan, step).filter(|step| step.is_done));
    steps
        .find_map(|step| step.took_ms)
        .map(Duration::from_millis)
}

/// What a rehearsal came to, held against a plan and its shape. None for a session that is none, or one of a demo.
pub fn rehearsed(state: &State, plan: &Plan, shape: &Shape) -> Option<Rehearsed> {
    let genesis = &state.genesis;
    let rehearsal = genesis.rehearsal.as_deref()?;
    let end = match state.phase {
        Phase::Completed => RehearsalEnd::Completed,
        Phase::RolledBack => RehearsalEnd::RolledBack,
        Phase::Aborted => RehearsalEnd::Aborted,
        Phase::Briefing | Phase::Running | Phase::RollingBack => RehearsalEnd::Open,
    };
    let last = state.ended.unwrap_or(state.head_at);
    let is_same = rehearsal.shape.digest == shape.digest;
    Some(Rehearsed {
        session: genesis.session.clone(),
        name: genesis.name.clone(),
        head: state.head,
        shape: rehearsal.shape.digest,
        is_same,
        end,
        at: last.wall,
        took_ms: state.begun.map_or(0, |begun| last.mono_since(begun)),
        steps: if is_same { steps(state) } else { Vec::new() },
        differs: differences(rehearsal, genesis, plan, shape),
    })
}

/// Steps that were started, those for each unit together.
fn steps(state: &State) -> Vec<RehearsedStep> {
    let plan = &state.genesis.plan;
    let mut steps: Vec<RehearsedStep> = Vec::new();
    let mut places: BTreeMap<Template, usize> = BTreeMap::new();
    for (place, (step, now)) in plan.steps.iter().zip(&state.steps).enumerate() {
        if now.attempt.0 == 0 {
            continue;
        }
        let times = now.started.zip(now.ended);
        let one = RehearsedStep {
            step: step.id.clone(),
            template: template(plan, place),
            took_ms: times.map(|(from, to)| to.mono_since(from)),
            is_done: matches!(now.status, StepStatus::Done { .. }),
        };
        let known = one.template.and_then(|template| places.get(&template));
        if let Some(known) = known.and_then(|place| steps.get_mut(*place)) {
            known.took_ms = known.took_ms.max(one.took_ms);
            known.is_done |= one.is_done;
            continue;
        }
        places.extend(one.template.map(|template| (template, steps.len())));
        steps.push(one);
    }
    steps
}

/// What is not as it was in the rehearsal: parts of the plan first, then values of the environment.
fn differences(rehearsal: &Rehearsal, then: &Genesis, plan: &Plan, shape: &Shape) -> Vec<String> {
    let mut found = shape.differences(&rehearsal.shape);
    for (name, value) in &plan.environment {
        match then.plan.environment.get(name) {
            Some(before) if before == value => {}
            Some(before) => found.push(format!("{name}={value}, rehearsed with {before}")),
            None => found.push(format!("{name}={value}, not rehearsed")),
        }
    }
    let more = found.len().saturating_sub(DIFFERENCES_MAX);
    if more > 0 {
        found.truncate(DIFFERENCES_MAX);
        found.push(format!("and {more} more"));
    }
    found
}

/// One line of what a rehearsal was: `rehearse-upgrade completed 2026-11-20T02:10:00Z, took 1h10m`.
pub fn line(one: &Rehearsed) -> String {
    let took = short_span(Duration::from_millis(one.took_ms));
    let what = if one.is_same { "" } else { ", of another plan" };
    format!(
        "{} {} {}, took {took}{what}",
        one.name,
        one.end.as_str(),
        one.at.to_seconds_text()
    )
}
