//! When to draw: at once after a key, otherwise coalesced, and never when nothing changed.

use std::time::Duration;
use tokio::time::Instant;

/// Shortest time between two frames that no key asked for: 30 a second is more than a reader can follow.
const SLOT: Duration = Duration::from_millis(33);
/// Shortest time between two frames that keys asked for: a held key must not fill a slow line.
const KEY_SLOT: Duration = Duration::from_millis(8);

/// Decides when the next frame is due.
#[derive(Debug, Default)]
pub struct Frames {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Frames {
    /// Something changed; a frame is due one slot after the last.
    pub fn changed(&mut self, now: Instant) {
        self.want(now, SLOT);
    }

    /// A key was handled; its effect is drawn as soon as can be.
    pub fn key(&mut self, now: Instant) {
        self.want(now, KEY_SLOT);
    }

    /// What was waited for is there; it is drawn now, whenever the last frame was.
    pub fn at_once(&mut self, now: Instant) {
        self.due = Some(now);
    }

    fn want(&mut self, now: Instant, slot: Duration) {
        let earliest = self.last.map_or(now, |last| (last + slot).max(now));
        self.due = Some(self.due.map_or(earliest, |due| due.min(earliest)));
    }

    /// When to draw; `None` while the screen is true.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A frame was drawn.
    pub fn drawn(&mut self, now: Instant) {
        self.last = Some(now);
        self.due = None;
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
    async fn a_key_does_not_wait_for_the_slot_of_a_reading() {
        let mut frames = Frames::default();
        let start = Instant::now();
        frames.drawn(start);
        frames.changed(start + Duration::from_millis(10));
        frames.key(start + Duration::from_millis(12));
        assert_eq!(frames.due(), Some(start + Duration::from_millis(12)));
    }
}
