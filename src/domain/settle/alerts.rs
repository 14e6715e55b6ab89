//! Alerts on what the work touches: recorded when they come and go, held for when nobody expected them, and flagged when
//! they should have come and have not. What nobody knows changes nothing.

use crate::domain::alert_match::{ALERT_TAIL, AlertNow, expected_at, has_fired, is_done_here};
use crate::domain::fact::{AlertEvent, Fact, HoldCause};
use crate::domain::runbook::plan::PlanStep;
use crate::domain::state::{ALERTS_MAX, Phase, State};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::world::World;

/// The next thing there is to say of alerts.
pub(super) fn follow(state: &State, now: Moment, world: &World) -> Option<Vec<Fact>> {
    if !matches!(state.phase, Phase::Running | Phase::RollingBack) {
        return None;
    }
    if world.alerts.known.is_err() {
        return None;
    }
    fired(state, now.wall, world)
        .or_else(|| cleared(state, world))
        .or_else(|| absent(state, now))
}

fn fired(state: &State, now: Timestamp, world: &World) -> Option<Vec<Fact>> {
    let begun = state.begun?.wall;
    let expected = expected_at(state, now);
    let is_expected = |alert: &AlertNow| expected.contains(&alert.key.name);
    let is_news = |alert: &&AlertNow| {
        // One that fired before Begin was there for everybody to see; one of an unknown age may be new.
        let is_new = alert.since.is_none_or(|since| since >= begun);
        let known = state.alerts.iter().find(|known| known.key == alert.key);
        let has_place = known.is_some() || state.alerts.len() < ALERTS_MAX;
        let counts = is_expected(alert) || (!alert.silenced && !alert.key.component.is_empty());
        let is_new = is_new || is_expected(alert);
        is_new && has_place && counts && known.is_none_or(|known| !known.is_firing)
    };
    let alert = world.alerts.firing.iter().find(is_news)?;
    let expected = is_expected(alert);
    let event = AlertEvent::Fired {
        key: alert.key.clone(),
        severity: alert.severity.clone(),
        since: alert.since,
        expected,
    };
    let mut facts = vec![Fact::Alert(event)];
    let is_held = state
        .holds
        .iter()
        .any(|hold| matches!(hold.cause, HoldCause::Alert { .. }));
    let holds = state.plan().alerts.holds(&alert.severity);
    if !expected && holds && !is_held && state.phase == Phase::Running {
        facts.push(Fact::Held(HoldCause::Alert {
            name: alert.key.name.clone(),
            component: Some(alert.key.component.clone()),
        }));
    }
    Some(facts)
}

fn cleared(state: &State, world: &World) -> Option<Vec<Fact>> {
    let gone = state.alerts.iter().find(|known| {
        let mut firing = world.alerts.firing.iter();
        known.is_firing && !firing.any(|alert| alert.key == known.key)
    })?;
    let key = gone.key.clone();
    Some(vec![Fact::Alert(AlertEvent::Cleared { key })])
}

/// An alert that a step expects, and that has not come some time after the step was done.
fn absent(state: &State, now: Moment) -> Option<Vec<Fact>> {
    if state.phase != Phase::Running {
        return None;
    }
    let (name, must_fire) = state
        .views()
        .filter(|view| is_done_here(*view))
        .filter(|view| {
            view.now
                .ended
                .is_some_and(|ended| now.wall.since(ended.wall) >= ALERT_TAIL)
        })
        .find_map(|view| {
            let mut names = names_of(view.plan);
            names.find(|(name, _)| !is_settled(state, name, view.now.started))
        })?;
    let event = AlertEvent::Absent {
        name: name.to_owned(),
        must_fire,
        unknown: String::new(),
    };
    let mut facts = vec![Fact::Alert(event)];
    if must_fire {
        facts.push(Fact::Held(HoldCause::Alert {
            name: name.to_owned(),
            component: None,
        }));
    }
    Some(facts)
}

/// Names of the alerts a step expects, with whether they must come.
fn names_of(plan: &PlanStep) -> impl Iterator<Item = (&str, bool)> {
    let must = plan.must_fire.iter().map(|name| (name.as_str(), true));
    let may = plan.expect_alerts.iter().map(|name| (name.as_str(), false));
    must.chain(may)
}

fn is_settled(state: &State, name: &str, started: Option<Moment>) -> bool {
    state.alerts_absent.contains(name) || has_fired(state, name, started)
}

#[cfg(test)]
mod tests;
