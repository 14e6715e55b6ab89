//! Whether the wall clock of the host can be believed: against its own boot clock, and against clocks of other hosts.

use super::{Moment, short_span};
use crate::domain::id::ConnectorName;
use std::collections::BTreeMap;
use std::time::Duration;

/// How far the wall clock may move against the boot clock without having jumped: more than a leap second and the steps
/// that `chronyd` makes at its start (`makestep 1.0`), less than anything a window is planned by.
const JUMP_MAX: Duration = Duration::from_secs(10);
/// A clock that is set right slowly gains or loses 500 parts in a million at most (adjtimex(2)): one in 2000.
const SLEW_PART: u64 = 2000;
/// How far another clock may be away: what `warroom doctor` calls bad.
pub const SKEW_MAX: Duration = Duration::from_secs(30);

/// How long a clock that was read says something of now: metrics servers are asked every minute, so five of them said nothing.
pub const HEARD_MAX: Duration = Duration::from_secs(300);

/// Another clock, as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Skew {
    /// It minus ours, milliseconds.
    ms: i64,
    at: Moment,
}

/// What is known of the clocks since the server was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockSeen {
    since: Moment,
    /// One for each configured metrics server at most.
    skews: BTreeMap<ConnectorName, Skew>,
}

/// Why the wall clock is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockDoubt {
    /// How far it may be wrong.
    pub by: Duration,
    /// In words that end a sentence.
    pub why: String,
}

impl ClockSeen {
    /// The clocks as they are at the start.
    pub const fn since(now: Moment) -> Self {
        Self {
            since: now,
            skews: BTreeMap::new(),
        }
    }

    /// Takes what a metrics server said of its clock; nothing where it could not be read.
    pub fn hear(&mut self, source: &ConnectorName, skew_ms: Option<i64>, now: Moment) {
        match skew_ms {
            Some(ms) => {
                let skew = Skew { ms, at: now };
                self.skews.insert(source.clone(), skew);
            }
            None => {
                self.skews.remove(source);
            }
        }
    }

    /// Why the wall clock is not believed now, if it is not. A clock that jumped is believed again once a metrics server,
    /// asked after the jump, has nearly the same time: then the jump has set it right. One that has not been heard for
    /// [`HEARD_MAX`] says nothing, neither for nor against.
    pub fn doubt(&self, now: Moment) -> Option<ClockDoubt> {
        // What was read before a jump says nothing of the time after it.
        let is_heard = |at| Duration::from_millis(now.mono_since(at)) <= HEARD_MAX;
        let is_fresh = |at| is_heard(at) && jump(at, now).is_none();
        let mut fresh = self.skews.iter().filter(|(_, skew)| is_fresh(skew.at));
        let far = fresh.clone().find(|(_, skew)| away(skew) > SKEW_MAX);
        if let Some((source, skew)) = far {
            let (by, side) = (away(skew), side(skew.ms));
            return Some(ClockDoubt {
                by,
                why: format!("the clock of `{source}` is {} {side} it", short_span(by)),
            });
        }
        let jumped = jump(self.since, now)?;
        if fresh.next().is_some() {
            return None;
        }
        let by = Duration::from_millis(jumped.unsigned_abs());
        let way = if jumped > 0 { "forward" } else { "back" };
        Some(ClockDoubt {
            by,
            why: format!("it was set {way} by {}", short_span(by)),
        })
    }
}

const fn side(ms: i64) -> &'static str {
    if ms > 0 { "ahead of" } else { "behind" }
}

const fn away(skew: &Skew) -> Duration {
    Duration::from_millis(skew.ms.unsigned_abs())
}

/// By how many milliseconds the wall clock moved against the boot clock, where that is more than a clock moves by itself.
fn jump(from: Moment, to: Moment) -> Option<i64> {
    let wall = to.wall.as_millis().saturating_sub(from.wall.as_millis());
    let boot = to.mono_since(from);
    let moved = wall.saturating_sub(i64::try_from(boot).unwrap_or(i64::MAX));
    let slew = Duration::from_millis(boot / SLEW_PART);
    let most = JUMP_MAX.saturating_add(slew);
    (Duration::from_millis(moved.unsigned_abs()) > most).then_some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    /// Seconds since the start, by the wall clock and by the boot clock.
    fn at(wall: i64, boot: u64) -> Moment {
        Moment {
            wall: Timestamp::from_millis(1_000_000_000 + wall * 1000),
            mono_ms: 5_000 + boot * 1000,
        }
    }

    fn why(seen: &ClockSeen, now: Moment) -> String {
        seen.doubt(now).map(|doubt| doubt.why).unwrap_or_default()
    }

    #[test]
    fn a_clock_that_is_set_slowly_is_believed_and_one_that_jumps_is_not() {
        let seen = ClockSeen::since(at(0, 0));
        for (wall, boot, expected) in [
            (0, 0, ""),
            (3610, 3600, ""),
            // Twelve hours at most 500 parts in a million away, and ten seconds.
            (43_231, 43_200, ""),
            (43_169, 43_200, ""),
            (43_233, 43_200, "it was set forward by 33s"),
            (3661, 60, "it was set forward by 60m01s"),
            (0, 7200, "it was set back by 2h00m"),
        ] {
            assert_eq!(why(&seen, at(wall, boot)), expected, "{wall} {boot}");
        }
    }

    #[test]
    fn another_clock_decides_when_it_was_read_after_the_jump() {
        let mut seen = ClockSeen::since(at(0, 0));
        let main = ConnectorName::new("main").expect("a name");
        seen.hear(&main, Some(-30_000), at(10, 10));
        assert_eq!(why(&seen, at(60, 60)), "");
        // It agreed before the jump; that says nothing.
        assert_eq!(why(&seen, at(660, 60)), "it was set forward by 10m00s");
        seen.hear(&main, Some(-600_000), at(670, 70));
        assert_eq!(
            why(&seen, at(680, 80)),
            "the clock of `main` is 10m00s behind it"
        );
        // Now it is the jump that was right.
        seen.hear(&main, Some(500), at(690, 90));
        assert_eq!(why(&seen, at(700, 100)), "");
        seen.hear(&main, None, at(710, 110));
        assert_eq!(why(&seen, at(720, 120)), "it was set forward by 10m00s");
        seen.hear(&main, Some(31_000), at(720, 120));
        assert_eq!(seen.doubt(at(720, 120)).map(|d| d.by.as_secs()), Some(31));
    }

    #[test]
    fn what_was_heard_long_ago_says_nothing_neither_for_nor_against() {
        let mut seen = ClockSeen::since(at(0, 0));
        let name = |text| ConnectorName::new(text).expect("a name");
        seen.hear(&name("far"), Some(60_000), at(10, 10));
        seen.hear(&name("near"), Some(0), at(300, 300));
        // One that disagrees is enough, whatever others say.
        let far = "the clock of `far` is 60s ahead of it";
        assert_eq!(why(&seen, at(310, 310)), far);
        assert_eq!(why(&seen, at(311, 311)), "");
        // The same for one that agreed after a jump.
        seen.hear(&name("near"), Some(0), at(920, 320));
        assert_eq!(why(&seen, at(1220, 620)), "");
        assert_eq!(why(&seen, at(1221, 621)), "it was set forward by 10m00s");
    }
}
