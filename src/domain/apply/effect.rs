//! Facts of declared effects and of alerts. A command with declared effects runs on values that were read right before it,
//! in the fold too.

use super::step::enter_next;
use super::{Mark, Why};
use crate::domain::fact::{AlertEvent, Effect, EffectEvent, Read};
use crate::domain::id::StepId;
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::PlanStep;
use crate::domain::state::{ALERTS_MAX, AlertState, EffectState, Phase, State, StepState};
use crate::domain::time::Moment;

pub(super) fn transition(state: &mut State, fact: &Effect, mark: Mark<'_>) -> Result<(), Why> {
    let view = state.find(&fact.step).ok_or("the plan has no such step")?;
    if fact.attempt != view.now.attempt {
        return Err("it belongs to another attempt");
    }
    match &fact.event {
        EffectEvent::Before { reads } => {
            if !view.now.is_active() || view.now.running.is_some() || !view.comes_to_its_command() {
                return Err("its command is not about to run");
            }
            if !covers(view.plan, reads) {
                return Err("it does not tell of every declared effect");
            }
            let now = state.step_mut(&fact.step)?;
            now.effect.get_or_insert_default().before.clone_from(reads);
            Ok(())
        }
        EffectEvent::Met { reads } => {
            awaited(view, reads)?;
            // What is declared for before alone is not waited for.
            let is_asked = |read: &Read| {
                let expects = &mut view.plan.expects.iter();
                expects.any(|expect| expect.id == read.rule && expect.after.is_some())
            };
            if reads
                .iter()
                .any(|read| is_asked(read) && !read.verdict.is_pass())
            {
                return Err("not all of its effects are there");
            }
            let now = state.step_mut(&fact.step)?;
            now.effect.get_or_insert_default().is_met = true;
            enter_next(state, &fact.step, mark)
        }
        EffectEvent::Missing { reads } => awaited(view, reads),
    }
}

fn awaited(view: StepView<'_>, reads: &[Read]) -> Result<(), Why> {
    if !view.now.is_active() || view.awaits_effect().is_none() {
        return Err("its effects are not waited for");
    }
    if covers(view.plan, reads) {
        Ok(())
    } else {
        Err("it does not tell of every declared effect")
    }
}

fn covers(plan: &PlanStep, reads: &[Read]) -> bool {
    let rules = plan.expects.iter().map(|expect| &expect.id);
    plan.expects.len() == reads.len() && rules.eq(reads.iter().map(|read| &read.rule))
}

/// What was read before the command lets it run. Who goes alone in an emergency has been shown what is not as declared.
pub(super) fn may_run(view: StepView<'_>, is_alone: bool) -> Result<(), Why> {
    if view.plan.expects.is_empty() {
        return Ok(());
    }
    let reads = view.now.effect.as_deref().map(|e| e.before.as_slice());
    match reads {
        Some(reads) if covers(view.plan, reads) => {}
        _ => return Err("nobody has read what it is declared to change"),
    }
    let is_good = reads.is_some_and(|reads| reads.iter().all(|read| read.verdict.is_known_good()));
    if is_good || is_alone {
        Ok(())
    } else {
        Err("before it, something is not as declared")
    }
}

/// A new attempt, or what stood on the way of this one is gone: what was read before is old.
pub(super) fn look_anew(now: &mut StepState, at: Moment) {
    let effect = EffectState {
        looking: Some(at),
        ..EffectState::default()
    };
    now.effect = Some(Box::new(effect));
}

/// The command has ended well: its effects are waited for from here on.
pub(super) fn ran(state: &mut State, step: &StepId, mark: Mark<'_>) -> Result<(), Why> {
    let has_effects = state.find(step).is_some_and(|v| !v.plan.expects.is_empty());
    if has_effects {
        let effect = state.step_mut(step)?.effect.get_or_insert_default();
        effect.since = Some(mark.at);
        effect.looking = None;
    }
    Ok(())
}

/// A new server has watched nothing: what is waited for begins anew, and what was read before a command that has not run
/// is old.
pub(super) fn begin_anew(now: &mut StepState, at: Moment) {
    let is_running = now.running.is_some() || !now.is_active();
    let Some(effect) = now.effect.as_deref_mut() else {
        return;
    };
    effect.looking = effect.looking.map(|_| at);
    match effect.since {
        Some(_) if !effect.is_met => effect.since = Some(at),
        None if !is_running => effect.before.clear(),
        _ => {}
    }
}

pub(super) fn alert(state: &mut State, event: &AlertEvent, mark: Mark<'_>) -> Result<(), Why> {
    if !matches!(state.phase, Phase::Running | Phase::RollingBack) {
        return Err("nothing goes on");
    }
    match event {
        AlertEvent::Fired {
            key,
            severity,
            expected,
            ..
        } => {
            let place = state.alerts.iter().position(|known| &known.key == key);
            if place.is_none() && !state.keeps_alert() {
                return Err("more alerts than are kept");
            }
            let fired = AlertState {
                key: key.clone(),
                severity: severity.clone(),
                expected: *expected,
                at: mark.at,
                is_firing: true,
            };
            match place.and_then(|place| state.alerts.get_mut(place)) {
                Some(known) if known.is_firing => return Err("it fires already"),
                Some(known) => *known = fired,
                None => {
                    make_room(&mut state.alerts);
                    state.alerts.push(fired);
                }
            }
        }
        AlertEvent::Cleared { key } => {
            let firing = state
                .alerts
                .iter_mut()
                .find(|a| &a.key == key && a.is_firing);
            firing.ok_or("it does not fire")?.is_firing = false;
        }
        AlertEvent::Absent { name, .. } => {
            if !state.alerts_absent.insert(name.clone()) {
                return Err("it was said already");
            }
        }
    }
    Ok(())
}

/// Forgets the oldest alert that is over where all places are taken; one that was expected last, since that it came is
/// asked for later.
fn make_room(alerts: &mut Vec<AlertState>) {
    if alerts.len() < ALERTS_MAX {
        return;
    }
    let over = alerts.iter().enumerate().filter(|(_, a)| !a.is_firing);
    let oldest = over.min_by_key(|(place, alert)| (alert.expected, *place));
    if let Some((place, _)) = oldest {
        alerts.remove(place);
    }
}
