//! What is said of a step that a rollout which goes by itself comes to, and of one that it stopped before.

use super::timing::unbelieved;
use super::{OPERATOR, Severity, WhatNow};
use crate::domain::alert_match;
use crate::domain::board::Board;
use crate::domain::fact::Quote;
use crate::domain::id::StepId;
use crate::domain::readiness::{Readiness, StepView};
use crate::domain::rollout::floor::{Seen, on_board};
use crate::domain::rollout::run_on::{Waits, waits};
use crate::domain::state::{Phase, State, StepStatus};
use crate::domain::time::{Moment, Timestamp};

/// The line for a step that is not begun, where it goes or went by itself; nothing elsewhere.
pub(super) fn line(
    state: &State,
    view: StepView<'_>,
    board: &Board,
    now: Timestamp,
) -> Option<WhatNow> {
    if state.phase != Phase::Running || view.now.status != StepStatus::Pending {
        return None;
    }
    let label = view.plan.to_label();
    let act = |what: String| WhatNow::new(Severity::Act, what).by(OPERATOR, true);
    let phase = view.plan.phase;
    let goes = state.runs_on().is_some_and(|(of, _)| of == phase);
    match state.readiness(view.index) {
        Readiness::ByHand if goes => {
            let line = act(format!("do {label}, then mark it done"));
            Some(line.because("the rest follows then"))
        }
        Readiness::Ready if goes && view.plan.switch => {
            let line = act(format!("start {label}"));
            Some(line.because("a switch is moved by a person"))
        }
        Readiness::Ready if goes => Some(next(state, view, board, now)),
        Readiness::Ready => {
            let halted = state.rollout(phase).halted.as_deref()?;
            let name = |step: &StepId| {
                let view = state.find(step);
                view.map_or_else(|| step.to_string(), |view| view.plan.to_label())
            };
            let why = format!("it stopped going by itself: {}", halted.words(&name));
            Some(act(format!("start {label}, or let it go on by itself")).because(why))
        }
        _ => None,
    }
}

/// The step that begins next, and what it waits for.
fn next(state: &State, view: StepView<'_>, board: &Board, now: Timestamp) -> WhatNow {
    let label = view.plan.to_label();
    let seen = state.asks_floor(view).map(|floor| -> Seen {
        let sample = on_board(board, &floor.id, now)?;
        Ok(Quote {
            series: String::new(),
            sample,
            age_ms: 0,
        })
    });
    // By the wall clock alone: who draws this may sit on another host.
    let at = Moment {
        wall: now,
        mono_ms: 0,
    };
    let waits = waits(state, view, seen.as_ref(), at).or_else(|| unknown(state, board, now));
    match waits {
        None => WhatNow::new(Severity::Calm, format!("{label} begins by itself")),
        Some(waits) => {
            let what = format!("{label} waits before it begins by itself");
            let severity = if waits.is_usual {
                Severity::Calm
            } else {
                Severity::Warn
            };
            let line = WhatNow::new(severity, what).because(waits.why);
            line.by("any operator can stop it and go on by hand", false)
        }
    }
}

/// What nobody knows of the world outside, so that nothing begins by itself.
fn unknown(state: &State, board: &Board, now: Timestamp) -> Option<Waits> {
    let unwell = |why| Waits {
        why,
        is_usual: false,
    };
    let relies = alert_match::relies(state.plan(), !board.alerts.is_empty());
    let alerts = alert_match::known(board).err().filter(|_| relies);
    let alerts = alerts.map(|why| format!("which alerts fire is not known: {why}"));
    let people = board.people_doubt();
    let people = people.map(|why| format!("the people file cannot be read: {why}"));
    let why = people.or(alerts);
    why.or_else(|| unbelieved(state, board, now)).map(unwell)
}
