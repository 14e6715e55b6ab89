//! When to draw: at once after a key, otherwise coalesced, and never when nothing changed.

use std::time::Duration;
use tokio::time::Instant;

/// Shortest time between two frames that no key asked for: 30 a second is more than a reader can follow.
const SLOT: Duration = Duration::from_millis(33);
/// Shortest time between two frames that keys asked for: a held key must not fill a slow line.
const KEY_SLOT: Duration = Duration::from_millis(8);
/// How long a tick of the clock waits for readings that are asked for on the same full second: most come within it, and
/// then age and value of each change once a second and not twice.
const TICK_WAIT: Duration = Duration::from_millis(100);
/// Readings within this time of each other come every second.
const EVERY_SECOND: Duration = Duration::from_millis(1500);

/// Decides when the next frame is due.
#[derive(Debug, Default)]
pub struct Frames {
    last: Option<Instant>,
    /// The last frame that a key asked for.
    last_for_key: Option<Instant>,
    due: Option<Instant>,
    /// A key asked for the next frame.
    is_for_key: bool,
    /// When values came last.
    read: Option<Instant>,
    /// The frame that is due is a tick's that waits for values.
    is_waiting: bool,
}

impl Frames {
    /// Something changed; a frame is due one slot after the last.
    pub fn changed(&mut self, now: Instant) {
        self.want(now, self.last.map(|last| last + SLOT));
    }

    /// Values of queries came; as [`Self::changed`].
    pub fn read(&mut self, now: Instant) {
        self.read = Some(now);
        self.changed(now);
    }

    /// Something else of a connector came. It shares the frame of a tick that waits for values.
    pub fn beside(&mut self, now: Instant) {
        if !self.is_waiting {
            self.changed(now);
        }
    }

    /// The clock shows another second. Where readings come every second, those of this one are waited for.
    pub fn tick(&mut self, now: Instant) {
        match self.read {
            Some(read) if now.saturating_duration_since(read) < EVERY_SECOND => {
                self.is_waiting = self.due.is_none();
                self.want(now, Some(now + TICK_WAIT));
            }
            _ => self.changed(now),
        }
    }

    /// A key was handled; its effect is drawn as soon as can be. Frames that no key asked for do not keep it waiting.
    pub fn key(&mut self, now: Instant) {
        self.is_for_key = true;
        self.want(now, self.last_for_key.map(|last| last + KEY_SLOT));
    }

    /// What was waited for is there; it is drawn now, whenever the last frame was.
    pub fn at_once(&mut self, now: Instant) {
        self.due = Some(now);
    }

    fn want(&mut self, now: Instant, slot: Option<Instant>) {
        let earliest = slot.map_or(now, |slot| slot.max(now));
        self.due = Some(self.due.map_or(earliest, |due| due.min(earliest)));
    }

    /// When to draw; `None` while the screen is true.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A frame was drawn.
    pub fn drawn(&mut self, now: Instant) {
        self.last = Some(now);
        if std::mem::take(&mut self.is_for_key) {
            self.last_for_key = self.last;
        }
        self.due = None;
        self.is_waiting = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_changes_is_one_frame() {
        let mut frames = Frames::default();
        let start = Instant::now();
        frames.changed(start);
        assert_eq!(frames.due(), Some(start), "the first is drawn at once");
        frames.drawn(start);
        assert_eq!(frames.due(), None, "nothing changed, nothing to draw");
        frames.changed(start + Duration::from_millis(1));
        frames.changed(start + Duration::from_millis(2));
        assert_eq!(frames.due(), Some(start + SLOT));
    }

    #[tokio::test(start_paused = true)]
    async fn the_room_does_not_wait_for_the_slot_of_the_frame_that_said_connecting() {
        let mut frames = Frames::default();
        let start = Instant::now();
        frames.drawn(start);
        let ms = Duration::from_millis(1);
        frames.at_once(start + ms * 2);
        assert_eq!(frames.due(), Some(start + ms * 2));
        frames.drawn(start + ms * 3);
        frames.changed(start + ms * 5);
        assert_eq!(frames.due(), Some(start + ms * 3 + SLOT), "its news does");
    }

    #[tokio::test(start_paused = true)]
    async fn a_tick_waits_for_the_readings_of_its_second_but_not_for_long() {
        let mut frames = Frames::default();
        let (ms, second) = (Duration::from_millis(1), Duration::from_secs(1));
        let mut now = Instant::now();
        frames.tick(now);
        assert_eq!(frames.due(), Some(now), "nothing is read here");
        frames.drawn(now);
        frames.read(now + ms * 40);
        frames.drawn(now + ms * 40);
        for _ in 0..2 {
            now += second;
            frames.tick(now);
            frames.beside(now + ms * 10);
            assert_eq!(frames.due(), Some(now + TICK_WAIT));
            frames.read(now + ms * 20);
            assert_eq!(frames.due(), Some(now + ms * 20), "both in one frame");
            frames.drawn(now + ms * 20);
            assert_eq!(frames.due(), None);
            frames.beside(now + ms * 60);
            assert_eq!(frames.due(), Some(now + ms * 60), "no tick waits");
            frames.drawn(now + ms * 60);
        }
        now += second;
        frames.tick(now);
        frames.key(now + ms);
        assert_eq!(frames.due(), Some(now + ms), "a key waits for nobody");
        frames.drawn(now + ms);
        now += second;
        frames.tick(now);
        assert_eq!(frames.due(), Some(now), "they stay away");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_does_not_wait_for_the_slot_of_a_reading() {
        let mut frames = Frames::default();
        let start = Instant::now();
        frames.drawn(start);
        let ms = Duration::from_millis(1);
        frames.key(start + ms);
        assert_eq!(frames.due(), Some(start + ms), "however new it is");
        frames.drawn(start + ms);
        frames.changed(start + ms * 3);
        frames.key(start + ms * 4);
        let next = start + ms + KEY_SLOT;
        assert_eq!(frames.due(), Some(next), "only for that of a key");
        frames.drawn(next);
        frames.changed(start + ms * 12);
        frames.key(start + ms * 20);
        assert_eq!(frames.due(), Some(start + ms * 20));
    }
}
