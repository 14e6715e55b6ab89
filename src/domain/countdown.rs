//! How long is left: the window, the point after which there is no time to go back, and what may not start now.

use crate::domain::fact::Genesis;
use crate::domain::forecast::forecast;
use crate::domain::freeze::{self, Applies, Freeze};
use crate::domain::id::FreezeId;
use crate::domain::readiness::StepView;
use crate::domain::state::{Phase, State, StepStatus};
use crate::domain::time::{Timestamp, short_span};
use std::collections::BTreeMap;
use std::time::Duration;

/// Time left in the window.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackEstimate {
    /// Sum of what nineteen of twenty earlier ways back took, or of declared durations where there are none.
    pub span: Duration,
    /// Steps that would be undone.
    pub steps: usize,
    /// True when something is known of every one of them; the others count nothing.
    pub is_complete: bool,
}

/// How long the way back of a step takes: by earlier runs, else as declared.
fn way_back(genesis: &Genesis, view: StepView<'_>) -> Option<Duration> {
    let learned = genesis.learned.undo(&view.plan.id);
    learned.map_or(view.plan.expected, |spread| Some(spread.p95()))
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
    touched.fold(none, |sum, v| {
        let span = way_back(&state.genesis, v);
        RollbackEstimate {
            span: sum.span.saturating_add(span.unwrap_or_default()),
            steps: sum.steps.saturating_add(1),
            is_complete: sum.is_complete && span.is_some(),
        }
    })
}

/// `end - buffer - estimated rollback`, of the window as it stands; absent without one.
pub fn point_of_no_return(state: &State) -> Option<Timestamp> {
    let window = state.window()?;
    let back = rollback_estimate(state).span;
    Some(window.end.minus(window.buffer).minus(back))
}

/// Where `now` lies in the window.
pub fn window(state: &State, now: Timestamp) -> Window {
    let Some(window) = state.window() else {
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

/// How much of the time that is kept for going back is used up by going forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burn {
    /// All of it.
    pub buffer: Duration,
    /// Used by now.
    pub used: Duration,
    /// Used when the work is done, if it goes on as nineteen of twenty earlier runs did; absent where nobody knows.
    pub forecast: Option<Duration>,
}

impl Burn {
    /// A part of the buffer in whole percent, rounded up: a little is not nothing.
    pub fn percent(&self, part: Duration) -> u128 {
        let whole = self.buffer.as_millis().max(1);
        part.as_millis().saturating_mul(100).div_ceil(whole)
    }
}

/// The buffer and what is used of it; absent without one.
pub fn burn(state: &State, now: Timestamp) -> Option<Burn> {
    let window = state.window().filter(|w| !w.buffer.is_zero())?;
    let begins = window.end.minus(window.buffer);
    let used = |at: Timestamp| at.since(begins).min(window.buffer);
    let late = forecast(state, now).filter(|f| f.unknown == 0);
    Some(Burn {
        buffer: window.buffer,
        used: used(now),
        forecast: late.map(|forecast| used(forecast.late)),
    })
}

/// Why something may not start now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred<'a> {
    /// The window has not begun.
    Early {
        /// When it does.
        start: Timestamp,
    },
    /// There would be no time to go back.
    Late {
        /// The point of no return.
        limit: Timestamp,
    },
    /// A freeze is on.
    Frozen(&'a Freeze),
    /// Whether it may is not known: the clock is not believed.
    Clock {
        /// Why not, in words that end a sentence.
        why: &'a str,
    },
}

impl Barred<'_> {
    /// Why, in words that end a refusal.
    pub fn why(&self, now: Timestamp) -> String {
        match self {
            Self::Early { start } => format!(
                "the announced window has not begun: it does in {}",
                short_span(start.since(now))
            ),
            Self::Late { limit } => format!(
                "the point of no return was at {}: no time is left to go back",
                limit.to_clock_text()
            ),
            Self::Frozen(freeze) => format!(
                "freeze `{}` is on until {}: {}",
                freeze.id,
                freeze.end.to_seconds_text(),
                freeze.reason
            ),
            Self::Clock { why } => {
                format!(
                    "nobody knows what time it is: the clock of this host is not believed, since {why}"
                )
            }
        }
    }

    /// Who can do what about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Early { start } => {
                let start = start.to_seconds_text();
                format!("wait until {start} (UTC); what is not destructive can go on")
            }
            Self::Late { .. } => {
                "an operator can move to extend the window, and another person second it; else roll back, or abort and plan another window"
                    .to_owned()
            }
            Self::Clock { .. } => {
                "set the clocks right: a metrics server that disagrees must have the same time again, or not be heard for 5 minutes; a clock that was set is believed when a metrics server has its time, or when the session server is started again; a break-glass and the way back are not held by it"
                    .to_owned()
            }
            Self::Frozen(_) => {
                "wait until it is over, or an operator moves to work in spite of it, and another person seconds that"
                    .to_owned()
            }
        }
    }
}

/// What keeps the maintenance from beginning now: its window has not begun, or a freeze is on.
pub fn closed<'a>(
    state: &'a State,
    freezes: &BTreeMap<FreezeId, Applies>,
    now: Timestamp,
) -> Option<Barred<'a>> {
    let window = state.window().filter(|window| now < window.start);
    let early = window.map(|window| Barred::Early {
        start: window.start,
    });
    early.or_else(|| freeze::in_force(state, freezes, now).map(Barred::Frozen))
}

/// What keeps destructive work from being proposed, armed or run now. On the way back nothing does.
pub fn barred<'a>(
    state: &'a State,
    freezes: &BTreeMap<FreezeId, Applies>,
    now: Timestamp,
) -> Option<Barred<'a>> {
    if state.phase != Phase::Running {
        return None;
    }
    closed(state, freezes, now).or_else(|| {
        let limit = point_of_no_return(state).filter(|limit| now >= *limit);
        limit.map(|limit| Barred::Late { limit })
    })
}

/// A freeze that begins or ended farther away than this, and than the clock is wrong, has nothing to do with now.
const FREEZE_NEAR: Duration = Duration::from_secs(24 * 3600);

/// What keeps destructive work from being armed or run while the clock is not believed: there is a window, or a freeze is
/// near, and where now lies in them is not known. What is proposed, a break-glass, and the way back do not ask.
pub fn unsure<'a>(
    state: &State,
    freezes: &BTreeMap<FreezeId, Applies>,
    now: Timestamp,
    doubt: Option<(Duration, &'a str)>,
) -> Option<Barred<'a>> {
    let (by, why) = doubt?;
    let margin = by.max(FREEZE_NEAR);
    let is_near = |freeze: &Freeze| {
        freeze.start.minus(margin) <= now
            && now < freeze.end.plus(margin)
            && freezes.get(&freeze.id) != Some(&Applies::No)
            && !state.is_overridden(&freeze.id)
    };
    let asks = state.window().is_some() || state.genesis.freezes.iter().any(is_near);
    (state.phase == Phase::Running && asks).then_some(Barred::Clock { why })
}

#[cfg(test)]
mod tests;
