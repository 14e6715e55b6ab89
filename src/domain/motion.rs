//! What two people agree on that is no step: a longer window, work in spite of a freeze, another plan.
//!
//! One person makes a motion and says why; another one seconds it, and then it is carried. Anybody who may act rejects it
//! with one word, and it ends by itself. One is open at a time. A further kind of motion is a variant of [`Motion`]: the
//! matches on it say where else it has to be thought of.

use crate::domain::digest::Digest;
use crate::domain::id::FreezeId;
use crate::domain::time::{Timestamp, parse_span};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Life of a motion: time to call somebody to a terminal, and no longer than its reason stays true.
pub const MOTION_LIFE: Duration = Duration::from_secs(10 * 60);
/// Motions of one session: a night in which people agree on more than this is another plan.
pub const MOTIONS_MAX: u32 = 100;
/// Longest time a window is extended by in one motion: what takes a day more is planned anew.
pub const EXTENSION_MAX: Duration = Duration::from_secs(24 * 3600);

/// Number of a motion in its session, 1 first.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MotionNo(pub u32);

impl MotionNo {
    /// The number after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for MotionNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What is moved. Frozen with the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "motion", rename_all = "kebab-case")]
pub enum Motion {
    /// The window ends later than announced.
    ExtendWindow {
        /// Its new end, whole seconds.
        until: Timestamp,
    },
    /// The work goes on in spite of a freeze.
    OverrideFreeze {
        /// Which.
        freeze: FreezeId,
    },
    /// Another plan is taken over; it comes with the motion.
    Amend {
        /// Digest of the plan the session is pinned to.
        from: Digest,
        /// Digest of the plan the runbook comes to now.
        to: Digest,
    },
}

impl Motion {
    /// The line of a statement: a word, a space, and what it is about. Two motions never have the same one.
    pub fn to_line(&self) -> String {
        match self {
            Self::ExtendWindow { until } => format!("extend-window {}", until.to_seconds_text()),
            Self::OverrideFreeze { freeze } => format!("override-freeze {freeze}"),
            Self::Amend { from, to } => format!("amend {from} {to}"),
        }
    }
}

impl fmt::Display for Motion {
    /// A phrase for people: `extend the window to 2026-11-22T06:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtendWindow { until } => {
                write!(f, "extend the window to {}", until.to_seconds_text())
            }
            Self::OverrideFreeze { freeze } => write!(f, "work in spite of freeze `{freeze}`"),
            Self::Amend { to, .. } => {
                write!(f, "take over the changed runbook (plan {})", to.to_short())
            }
        }
    }
}

/// The end a person means who types `45m` (longer than now), `06:30` (the first one after its end, UTC) or a whole time;
/// whole seconds. Absent for any other text. `end` is that of the window now; one that is past is extended from now.
pub fn parse_end(text: &str, end: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let from = end.max(now);
    let meant = if let Ok(time) = Timestamp::parse(text) {
        time
    } else if let Some((hour, minute)) = text.trim_end_matches('Z').split_once(':') {
        let part = |text: &str, below: i64| {
            let number = text.parse::<i64>().ok().filter(|n| (0..below).contains(n));
            number.filter(|_| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()))
        };
        let of_day = (part(hour, 24)? * 60 + part(minute, 60)?) * 60_000;
        let day = from.as_millis().div_euclid(DAY_MS).saturating_mul(DAY_MS);
        let today = Timestamp::from_millis(day.saturating_add(of_day));
        if today > from {
            today
        } else {
            today.plus(Duration::from_secs(24 * 3600))
        }
    } else {
        from.plus(parse_span(text).ok()?)
    };
    let whole = meant.as_millis().div_euclid(1000).saturating_mul(1000);
    Some(Timestamp::from_millis(whole))
}

/// A day of UTC, which has no leap seconds here.
const DAY_MS: i64 = 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_typed_as_people_say_it() {
        let at = |text: &str| Timestamp::parse(text).expect("a time");
        let end = at("2026-11-22T04:00:00Z");
        let cases = [
            ("45m", "2026-11-22T03:00:00Z", Some("2026-11-22T04:45:00Z")),
            // It is over: longer means longer than now.
            (
                "45m",
                "2026-11-22T04:10:00.700Z",
                Some("2026-11-22T04:55:00Z"),
            ),
            (
                "06:30",
                "2026-11-22T03:00:00Z",
                Some("2026-11-22T06:30:00Z"),
            ),
            (
                "03:30Z",
                "2026-11-22T03:00:00Z",
                Some("2026-11-23T03:30:00Z"),
            ),
            (
                "04:00",
                "2026-11-22T03:00:00Z",
                Some("2026-11-23T04:00:00Z"),
            ),
            (
                "2026-11-22T07:00:00+02:00",
                "2026-11-22T03:00:00Z",
                Some("2026-11-22T05:00:00Z"),
            ),
            ("soon", "2026-11-22T03:00:00Z", None),
            ("25:00", "2026-11-22T03:00:00Z", None),
            ("6:30", "2026-11-22T03:00:00Z", None),
            ("", "2026-11-22T03:00:00Z", None),
        ];
        for (text, now, expected) in cases {
            assert_eq!(parse_end(text, end, at(now)), expected.map(at), "{text}");
        }
    }
}
