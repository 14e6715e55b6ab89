//! What counters were at past scrapes, as far as rates are asked for.
//!
//! Growth is summed up at each scrape, so that a counter that begins anew is seen however few points are kept.

use crate::domain::time::Moment;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

/// Series whose past is kept: with two points in each of [`POINTS`] gaps about 16 MB at most. Beyond it a Prometheus is the
/// right tool.
pub(super) const SERIES_MAX: usize = 5000;
/// Gaps that a window is divided into: where it begins is met to a hundredth of it.
const POINTS: u32 = 100;

/// Label pairs of a series, and the number of its endpoint: two pages may have the same host.
pub(super) type Key = (usize, Vec<(String, String)>);

/// One scrape of one counter.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    /// By the page's own time stamp, else by our monotonic clock; milliseconds.
    at: i64,
    /// Growth since the first point.
    grown: f64,
}

/// One counter.
#[derive(Debug)]
struct Track {
    points: VecDeque<Point>,
    last: f64,
    is_stamped: bool,
    /// When it was last on its page.
    seen: Moment,
    window: Duration,
}

/// How much a counter grew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Growth {
    /// By second.
    pub(super) rate: f64,
    /// Time between the two points it was taken from.
    pub(super) covered: Duration,
    /// The points reach back to the window's beginning.
    pub(super) is_whole: bool,
}

/// Counters of all endpoints.
#[derive(Debug, Default)]
pub(super) struct Past {
    tracks: HashMap<Key, Track>,
    /// Metrics of which some series found no room.
    crowded: BTreeSet<String>,
}

/// One value of one counter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) value: f64,
    /// The page's own time stamp, if it has one; milliseconds.
    pub(super) stamp: Option<i64>,
    /// When the page arrived.
    pub(super) seen: Moment,
}

impl Past {
    /// Takes in the value of a counter of which the last `window` is asked for.
    pub(super) fn take_in(&mut self, name: &str, key: Key, count: Count, window: Duration) {
        let is_full = self.tracks.len() >= SERIES_MAX;
        if is_full && !self.tracks.contains_key(&key) {
            self.crowded.insert(name.to_owned());
            return;
        }
        let track = self.tracks.entry(key).or_insert_with(|| Track {
            points: VecDeque::new(),
            last: 0.0,
            is_stamped: false,
            seen: count.seen,
            window,
        });
        track.window = track.window.max(window);
        track.take_in(count);
    }

    /// Forgets counters that have not been on their page for their window.
    pub(super) fn forget(&mut self, now: Moment) {
        self.tracks
            .retain(|_, track| !now.has_passed(track.seen, track.window));
        if self.tracks.len() < SERIES_MAX {
            self.crowded.clear();
        }
    }

    /// Whether some series of a metric found no room.
    pub(super) fn is_crowded(&self, name: &str) -> bool {
        self.crowded.contains(name)
    }

    /// Growth of a counter in the window that ends with its newest point; nothing with a single point.
    pub(super) fn growth(&self, key: &Key, window: Duration) -> Option<Growth> {
        self.tracks.get(key)?.growth(window)
    }
}

impl Track {
    fn take_in(&mut self, count: Count) {
        self.seen = count.seen;
        let mono = i64::try_from(count.seen.mono_ms).unwrap_or(i64::MAX);
        let at = count.stamp.unwrap_or(mono);
        let is_stamped = count.stamp.is_some();
        // What is no count, or counts by another clock, begins anew.
        if !count.value.is_finite() || count.value < 0.0 || is_stamped != self.is_stamped {
            self.points.clear();
            self.is_stamped = is_stamped;
        }
        if !count.value.is_finite() || count.value < 0.0 {
            return;
        }
        let grown = match self.points.back() {
            // The page has nothing new.
            Some(newest) if at <= newest.at => return,
            // A counter that fell began anew at zero.
            Some(newest) if count.value < self.last => newest.grown + count.value,
            Some(newest) => newest.grown + (count.value - self.last),
            None => 0.0,
        };
        self.last = count.value;
        let gap = millis(self.window / POINTS);
        let before = self.points.len().checked_sub(2);
        let before = before.and_then(|index| self.points.get(index));
        if before.is_some_and(|before| at - before.at < gap) {
            self.points.pop_back();
        }
        self.points.push_back(Point { at, grown });
        let begin = at - millis(self.window);
        // One point at or before the window's beginning stays.
        while self.points.get(1).is_some_and(|second| second.at <= begin) {
            self.points.pop_front();
        }
    }

    fn growth(&self, window: Duration) -> Option<Growth> {
        let newest = self.points.back()?;
        let begin = newest.at - millis(window);
        let base = self.points.iter().rev().find(|point| point.at <= begin);
        let first = base.or_else(|| self.points.front())?;
        let covered = u64::try_from(newest.at - first.at)
            .ok()
            .filter(|ms| *ms > 0)?;
        let covered = Duration::from_millis(covered);
        Some(Growth {
            rate: (newest.grown - first.grown) / covered.as_secs_f64(),
            covered,
            is_whole: base.is_some(),
        })
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use proptest::prelude::*;

    fn at(ms: u64) -> Moment {
        Moment {
            wall: Timestamp::from_millis(0),
            mono_ms: ms,
        }
    }

    fn count(value: f64, ms: u64) -> Count {
        Count {
            value,
            stamp: None,
            seen: at(ms),
        }
    }

    fn key(n: usize) -> Key {
        (n, vec![("a".to_owned(), "b".to_owned())])
    }

    fn fed(window: u64, counts: &[(u64, f64)]) -> Past {
        let mut past = Past::default();
        for (ms, value) in counts {
            past.take_in("m", key(0), count(*value, *ms), Duration::from_secs(window));
        }
        past
    }

    fn growth(window: u64, counts: &[(u64, f64)]) -> Option<(f64, u64, bool)> {
        let found = fed(window, counts).growth(&key(0), Duration::from_secs(window))?;
        Some((found.rate, found.covered.as_secs(), found.is_whole))
    }

    #[test]
    fn growth_is_by_second_and_says_how_much_it_covers() {
        assert_eq!(growth(60, &[]), None);
        assert_eq!(growth(60, &[(0, 5.0)]), None);
        assert_eq!(
            growth(60, &[(0, 5.0), (10_000, 25.0)]),
            Some((2.0, 10, false))
        );
        let minute = [(0, 0.0), (30_000, 30.0), (60_000, 120.0)];
        assert_eq!(growth(60, &minute), Some((2.0, 60, true)));
        let long = [(0, 0.0), (30_000, 30.0), (60_000, 120.0), (90_000, 150.0)];
        assert_eq!(growth(60, &long), Some((2.0, 60, true)));
    }

    #[test]
    fn a_counter_that_begins_anew_has_not_shrunk() {
        let reset = [(0, 100.0), (10_000, 110.0), (20_000, 3.0), (30_000, 5.0)];
        assert_eq!(growth(60, &reset), Some((0.5, 30, false)));
    }

    #[test]
    fn what_is_no_count_begins_anew() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
            let counts = [(0, 1.0), (1000, bad), (2000, 50.0)];
            assert_eq!(growth(60, &counts), None, "{bad}");
            let counts = [(0, 1.0), (1000, bad), (2000, 50.0), (4000, 60.0)];
            assert_eq!(growth(60, &counts), Some((5.0, 2, false)), "{bad}");
        }
    }

    #[test]
    fn stamps_of_the_page_count_and_a_page_that_stands_still_adds_nothing() {
        let mut past = Past::default();
        let window = Duration::from_secs(60);
        for (ms, stamp, value) in [(0, 1000, 1.0), (5000, 1000, 9.0), (9000, 3000, 5.0)] {
            let stamped = Count {
                stamp: Some(stamp),
                ..count(value, ms)
            };
            past.take_in("m", key(0), stamped, window);
        }
        let found = past.growth(&key(0), window).unwrap();
        assert_eq!((found.rate, found.covered.as_secs()), (2.0, 2));
        past.take_in("m", key(0), count(6.0, 10_000), window);
        assert_eq!(past.growth(&key(0), window), None, "another clock");
    }

    #[test]
    fn the_number_of_series_and_points_is_bounded_and_old_ones_go() {
        let mut past = Past::default();
        let window = Duration::from_secs(60);
        for n in 0..=SERIES_MAX {
            past.take_in("m", key(n), count(1.0, 0), window);
        }
        assert!(past.is_crowded("m") && !past.is_crowded("other"));
        for ms in 1..100_000 {
            past.take_in("m", key(0), count(1.0, ms), window);
        }
        let points = past.tracks[&key(0)].points.len();
        assert!(points <= 2 * POINTS as usize + 3, "{points}");
        past.forget(at(100_000));
        assert_eq!(past.tracks.len(), 1);
        assert!(!past.is_crowded("m"));
    }

    proptest! {
        /// However points are thinned out, growth is what came in between the two points it is taken from.
        #[test]
        fn growth_is_never_wrong(steps in prop::collection::vec((1..5000_u64, 0..100_u32, prop::bool::weighted(0.1)), 2..300)) {
            let (mut ms, mut value, mut grown) = (0, 0.0, 0.0);
            let mut counts = Vec::new();
            let mut truth = Vec::new();
            for (gap, step, resets) in steps {
                ms += gap;
                let before = value;
                value = if resets { 0.0 } else { value } + f64::from(step);
                // A counter that begins anew and comes past where it was cannot be told from one that grew.
                grown += if value < before { value } else { value - before };
                counts.push((ms, value));
                truth.push((ms, grown));
            }
            let found = fed(60, &counts).growth(&key(0), Duration::from_secs(60)).expect("two points");
            let newest = truth[truth.len() - 1];
            let from = newest.0 - u64::try_from(found.covered.as_millis()).unwrap();
            let first = truth.iter().find(|(ms, _)| *ms == from).expect("a point that came in");
            let expected = (newest.1 - first.1) / found.covered.as_secs_f64();
            prop_assert!((found.rate - expected).abs() < 1e-6, "{} {expected}", found.rate);
            prop_assert!(found.rate >= 0.0);
            prop_assert_eq!(found.is_whole, found.covered.as_secs() >= 60);
        }
    }
}
