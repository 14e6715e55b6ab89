//! What now where the clock decides: the window, a freeze, and steps that take longer than they usually do.

use super::{OPERATOR, Severity, WhatNow};
use crate::domain::board::Board;
use crate::domain::countdown::{self, Barred, Window, window};
use crate::domain::forecast::{forecast, late_step};
use crate::domain::freeze;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// Why nothing destructive may start now; absent when it may.
pub(super) fn barred(state: &State, board: &Board, now: Timestamp) -> Option<String> {
    let freezes = freeze::standing(&state.genesis, board);
    countdown::barred(state, &freezes, now)
        .or_else(|| countdown::unsure(state, &freezes, now, doubt(board)))
        .map(|barred| barred.why(now))
}

/// Why the clock of the session's host is not believed, as its server told.
fn doubt(board: &Board) -> Option<(Duration, &str)> {
    // The margin is the server's to know; near is near enough for a screen.
    Some((Duration::ZERO, board.clock_doubt()?))
}

/// That nothing destructive arms by a clock nobody believes; empty while it is believed, or nothing hangs on it.
pub(super) fn clock(state: &State, board: &Board, now: Timestamp) -> String {
    let why = unbelieved(state, board, now);
    why.map_or_else(String::new, |why| {
        format!("{why}: nothing destructive arms")
    })
}

/// That the clock is not believed, where something hangs on it.
pub(super) fn unbelieved(state: &State, board: &Board, now: Timestamp) -> Option<String> {
    let freezes = freeze::standing(&state.genesis, board);
    match countdown::unsure(state, &freezes, now, doubt(board))? {
        Barred::Clock { why } => Some(format!("the clock is not believed, since {why}")),
        Barred::Early { .. } | Barred::Late { .. } | Barred::Frozen(_) => None,
    }
}

/// The same line, with what keeps the step from arming later: it may be proposed all the same.
pub(super) fn doubted(mut line: WhatNow, state: &State, board: &Board, now: Timestamp) -> WhatNow {
    let clock = clock(state, board, now);
    if clock.is_empty() {
        return line;
    }
    line.severity = Severity::Warn;
    line.because(clock)
}

/// The briefing is read; whether it can begin is the window's and the freezes' to say.
pub(super) fn begin(state: &State, board: &Board, now: Timestamp) -> WhatNow {
    let freezes = freeze::standing(&state.genesis, board);
    if let Some(closed) = countdown::closed(state, &freezes, now) {
        return match closed {
            Barred::Early { start } => {
                let line = WhatNow::new(
                    Severity::Calm,
                    "read the briefing; it begins with the window",
                );
                line.because("the window has not begun").until(Some(start))
            }
            Barred::Frozen(_) | Barred::Late { .. } | Barred::Clock { .. } => {
                frozen("it cannot begin", closed, now)
            }
        };
    }
    let line = WhatNow::new(Severity::Act, "read the briefing, then begin").by(OPERATOR, true);
    match window(state, now) {
        Window::Over { .. } => {
            let mut line = line.because("the window is over");
            line.severity = Severity::Warn;
            line
        }
        Window::Before { .. } | Window::None | Window::Within { .. } => line,
    }
}

fn frozen(what: &str, barred: Barred<'_>, now: Timestamp) -> WhatNow {
    WhatNow::new(Severity::Warn, what)
        .by("two people can agree to work in spite of it", false)
        .because(barred.why(now))
}

/// A step that waits for a proposal, and may not be proposed now.
pub(super) fn waits(state: &State, board: &Board, now: Timestamp, label: &str) -> Option<WhatNow> {
    let freezes = freeze::standing(&state.genesis, board);
    let barred = countdown::barred(state, &freezes, now)?;
    Some(match barred {
        Barred::Early { start } => {
            WhatNow::new(Severity::Calm, format!("{label} waits for the window"))
                .because("destructive work begins with it")
                .until(Some(start))
        }
        Barred::Late { .. } => {
            let what = format!("{label} is too late: extend the window, roll back, or abort");
            WhatNow::new(Severity::Warn, what)
                .by("an operator, and another person who agrees", true)
                .because(barred.why(now))
        }
        Barred::Clock { .. } => {
            let what = format!("{label} waits for a clock that can be believed");
            WhatNow::new(Severity::Warn, what).because(barred.why(now))
        }
        Barred::Frozen(_) => frozen(
            &format!("{label} waits for the end of a freeze"),
            barred,
            now,
        ),
    })
}

/// What is late: a step against earlier runs, and the whole against the window. May be empty.
pub(super) fn late(state: &State, now: Timestamp) -> String {
    if let Some(late) = late_step(state, now) {
        return late.to_string();
    }
    let end = state.window().map(|window| window.end);
    match (forecast(state, now), end) {
        (Some(forecast), Some(end)) if forecast.late > end && now < end => format!(
            "it may take until {}Z, and the window ends at {}Z",
            forecast.late.to_clock_text(),
            end.to_clock_text()
        ),
        _ => String::new(),
    }
}
