//! Alerts on what the work touches: recorded when they come and go, held for when nobody expected them, and flagged when
//! they should have come and have not. What nobody knows changes nothing.

use crate::domain::alert_match::{ALERT_TAIL, AlertNow, expected_at, has_fired, is_done_here};
use crate::domain::fact::{AlertEvent, Fact, HoldCause};
use crate::domain::runbook::plan::PlanStep;
use crate::domain::state::{Phase, State};
use crate::domain::time::Moment;
use crate::domain::world::World;

/// The next thing there is to say of alerts.
pub(super) fn follow(state: &State, now: Moment, world: &World) -> Option<Vec<Fact>> {
    if !matches!(state.phase, Phase::Running | Phase::RollingBack) {
        return None;
    }
    if world.alerts.known.is_err() {
        return None;
    }
    let expected = expected_at(state, now.wall);
    // What is over makes room for what comes.
    cleared(state, world)
        .or_else(|| fired(state, world, &expected))
        .or_else(|| unkept(state, world, &expected))
        .or_else(|| absent(state, now))
}

fn fired(state: &State, world: &World, expected: &[String]) -> Option<Vec<Fact>> {
    let has_place = state.keeps_alert();
    let (alert, expected) = world.alerts.firing.iter().find_map(|alert| {
        let is_expected = is_news(state, alert, expected)?;
        let is_known = state.alerts.iter().any(|known| known.key == alert.key);
        (has_place || is_known).then_some((alert, is_expected))
    })?;
    let event = AlertEvent::Fired {
        key: alert.key.clone(),
        severity: alert.severity.clone(),
        since: alert.since,
        expected,
    };
    let mut facts = vec![Fact::Alert(event)];
    facts.extend(hold_for(state, alert, expected));
    Some(facts)
}

/// One that there is no place for. Whoever released could not know whether it is new, so it holds as long as it fires.
fn unkept(state: &State, world: &World, expected: &[String]) -> Option<Vec<Fact>> {
    let is_held = |cause: &HoldCause| matches!(cause, HoldCause::Alert { .. });
    if state.keeps_alert() || state.holds.iter().any(|hold| is_held(&hold.cause)) {
        return None;
    }
    let mut firing = world.alerts.firing.iter();
    let fact = firing.find_map(|alert| {
        let is_expected = is_news(state, alert, expected)?;
        hold_for(state, alert, is_expected)
    })?;
    Some(vec![fact])
}

/// Whether an alert is expected, of one that was not said to fire and counts; nothing of any other.
fn is_news(state: &State, alert: &AlertNow, expected: &[String]) -> Option<bool> {
    let begun = state.begun?.wall;
    let expected = expected.contains(&alert.key.name);
    // One that fired before Begin was there for everybody to see; one of an unknown age may be new.
    let is_new = expected || alert.since.is_none_or(|since| since >= begun);
    let counts = expected || (!alert.silenced && !alert.key.component.is_empty());
    let mut known = state.alerts.iter();
    let is_said = known.any(|known| known.key == alert.key && known.is_firing);
    (is_new && counts && !is_said).then_some(expected)
}

/// Each alert that nobody expected is a hold of its own: whoever releases is told of every one.
fn hold_for(state: &State, alert: &AlertNow, expected: bool) -> Option<Fact> {
    let cause = HoldCause::Alert {
        name: alert.key.name.clone(),
        component: Some(alert.key.component.clone()),
    };
    let is_held = state.holds.iter().any(|hold| hold.cause == cause);
    let holds = state.plan().alerts.holds(&alert.severity);
    (!expected && holds && !is_held && state.phase == Phase::Running).then_some(Fact::Held(cause))
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
