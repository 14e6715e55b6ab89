//! How long is left: the window, and the point after which there is no time to go back.

use crate::domain::state::{State, StepStatus};
use crate::domain::time::Timestamp;
use std::time::Duration;

/// Time left in the announced window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The plan names none.
    None,
    /// It has not begun.
    Before {
        /// Until it begins.
        starts_in: Duration,
    },
    /// It is on.
    Within {
        /// Until it ends.
        ends_in: Duration,
        /// Until the point of no return; absent when that is past.
        turn_back_in: Option<Duration>,
    },
    /// It is over.
    Over {
        /// Since when.
        for_long: Duration,
    },
}

/// Time the way back would take from here.
///
/// An estimate from declared durations alone: steps to undo that declare none count nothing, and then `is_complete`
/// is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackEstimate {
    /// Sum of declared durations.
    pub span: Duration,
    /// Steps that would be undone.
    pub steps: usize,
    /// True when every one of them declares its duration.
    pub is_complete: bool,
}

/// What a rollback from here would take.
pub fn rollback_estimate(state: &State) -> RollbackEstimate {
    let touched = state
        .views()
        .filter(|v| v.now.touched && v.plan.undo.is_some() && v.now.status != StepStatus::Undone);
    let none = RollbackEstimate {
        span: Duration::ZERO,
        steps: 0,
        is_complete: true,
    };
    touched.fold(none, |sum, v| RollbackEstimate {
        span: sum.span.saturating_add(v.plan.expected.unwrap_or_default()),
        steps: sum.steps.saturating_add(1),
        is_complete: sum.is_complete && v.plan.expected.is_some(),
    })
}

/// `end - buffer - estimated rollback`; absent without a window.
pub fn point_of_no_return(state: &State) -> Option<Timestamp> {
    let window = state.plan().window?;
    let back = rollback_estimate(state).span;
    Some(window.end.minus(window.buffer).minus(back))
}

/// Where `now` lies in the window.
pub fn window(state: &State, now: Timestamp) -> Window {
    let Some(window) = state.plan().window else {
        return Window::None;
    };
    if now < window.start {
        let starts_in = window.start.since(now);
        return Window::Before { starts_in };
    }
    if now >= window.end {
        let for_long = now.since(window.end);
        return Window::Over { for_long };
    }
    let limit = point_of_no_return(state).filter(|limit| *limit > now);
    Window::Within {
        ends_in: window.end.since(now),
        turn_back_in: limit.map(|limit| limit.since(now)),
    }
}
