//! Silences for the work, as the server has to do with them: what they are judged by, and their end with the session.

use super::session::{Session, Sources, Turn};
use crate::domain::reading::Reading;
use crate::domain::silences::{Kept, has_any, kept};
use crate::engine::Input;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest wait for the ends of silences when the server is told to end: an alerting system that is there answers in
/// less, and whoever stops the service waits no longer. What is left ends with its lease.
const END_MAX: Duration = Duration::from_secs(5);

impl Session {
    /// Keeps what silences are judged by; nothing where the plan has none.
    pub(crate) fn look_out(&mut self, reading: &Reading) {
        if self.world.outlook.is_kept {
            self.world.outlook.absorb(reading);
        }
    }

    /// The first silence that an amendment brings is judged by what is known already, and in the turn that brings it.
    pub(crate) fn look_out_anew(&mut self) {
        if !self.world.outlook.is_kept && has_any(self.engine.tentative().plan()) {
            let now = self.clock.now().wall;
            self.world.outlook.keep_from(&self.board, now);
        }
    }

    /// Ends every silence before the session is left: the next server begins those anew that are wanted then.
    pub(crate) async fn end_silences(&mut self, sources: &mut Sources) {
        let now = self.clock.now().wall;
        let is_there = |one: &Kept<'_>| !one.stand.is_over();
        if !kept(self.engine.state(), now).iter().any(is_there) {
            return;
        }
        self.world.outlook.closing = true;
        let deadline = Instant::now() + END_MAX;
        loop {
            self.finish(Turn::default()).await;
            let now = self.clock.now().wall;
            if !kept(self.engine.state(), now).iter().any(is_there) {
                return;
            }
            match timeout_at(deadline, sources.ended.recv()).await {
                Ok(Some(ended)) => self.on_written(ended, &mut Turn::default()),
                Ok(None) | Err(_) => break,
            }
        }
        self.tell_left().await;
    }

    /// Says what still mutes when the server goes.
    async fn tell_left(&mut self) {
        let now = self.clock.now().wall;
        let left = kept(self.engine.state(), now);
        let left = left.iter().filter(|one| !one.stand.is_over());
        let texts: Vec<String> = left
            .map(|one| {
                let (connector, what) = (one.connector, one.what());
                let until = one.latest.to_seconds_text();
                format!(
                    "a silence of `{connector}` may still mute {what}; it ends by itself at {until}"
                )
            })
            .collect();
        for text in texts {
            self.take(&Input::Notice { text }, &mut Turn::default(), None);
        }
        self.write().await.ok();
    }
}
