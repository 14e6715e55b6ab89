//! What a rollout comes to by itself: the end of a wait, and a switch that is taken back.

use super::GateView;
use crate::domain::fact::{ExecKey, Fact, RolloutEvent, RolloutNews};
use crate::domain::rollout::Wait;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::state::{State, StepStatus};
use crate::domain::time::Moment;
use std::time::Duration;

/// A pause whose time is over, or a soak that ended well. While the session is held nothing ends: what is true now may
/// not be when the hold ends.
pub(super) fn go_on(state: &State, now: Moment, gates: &GateView) -> Option<Vec<Fact>> {
    if state.is_held() {
        return None;
    }
    let (phase, wait) = state.waiting_rollout()?;
    let has_passed = |since: Moment, span| Duration::from_millis(now.mono_since(since)) >= span;
    let (batch, quote) = match wait {
        Wait::Stopped { .. } => return None,
        Wait::Pause { batch, since, span } => {
            if !has_passed(since, span) {
                return None;
            }
            (batch, None)
        }
        Wait::Soak {
            since,
            span,
            compare,
        } => {
            let soak = gates.soak.as_ref().filter(|soak| soak.phase == phase);
            let is_good = compare.is_none() || soak.is_some_and(|soak| soak.is_over);
            if !has_passed(since, span) || !is_good {
                return None;
            }
            let quote = soak.and_then(|soak| soak.quote.clone());
            (state.batch_behind(phase), quote)
        }
    };
    let event = RolloutEvent::WaitEnded {
        batch,
        reason: String::new(),
        quote,
    };
    Some(vec![Fact::Rollout(RolloutNews { phase, event })])
}

/// The way back of a switch, as soon as nothing runs. A hold does not stop it: it is the way back.
pub(super) fn switch_back(state: &State) -> Option<Vec<Fact>> {
    let view = state.switching_back()?;
    if state.running().is_some() || state.moved().is_some() {
        return None;
    }
    // What goes on behind a switch must not go on when that is taken back.
    if let Some(under_way) = state.under_way() {
        let step = under_way.plan.id.clone();
        let why = "interrupted: the switch is taken back".to_owned();
        return Some(vec![Fact::StepFailed { step, why }]);
    }
    let step = view.plan.id.clone();
    match view.now.status {
        // A person has to look first.
        StepStatus::Unknown | StepStatus::UndoFailed { .. } => None,
        StepStatus::Undoing if view.now.tries > 0 => {
            let outcome = view.now.finished.last().and_then(|f| f.outcome.as_ref())?;
            Some(if outcome.is_success() {
                vec![Fact::StepUndone { step }]
            } else {
                let why = format!("undo: {outcome}");
                vec![Fact::UndoFailed { step, why }]
            })
        }
        _ => Some(vec![Fact::ExecIntent {
            key: ExecKey {
                step,
                attempt: view.now.attempt,
                block: ExecKey::UNDO,
                try_no: view.now.next_try(ExecKey::UNDO),
            },
            role: ExecRole::Undo,
            nonce: None,
        }]),
    }
}
