//! Readings that are told before their poll is over.

use crate::connect::bound::bound;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{QueryAnswer, Reading};
use futures_util::{Stream, StreamExt as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, sleep_until};

/// Answers that come within this time of each other are told together: a usual tick is one reading and one redraw, and
/// nobody sees that the first of them waited.
const EARLY_GAP: Duration = Duration::from_millis(100);

/// Tells readings before their poll is over. Health stays with the end of the poll.
#[derive(Debug, Clone)]
pub struct Early {
    readings: mpsc::Sender<Reading>,
}

impl Early {
    /// Puts readings into this queue.
    pub const fn new(readings: mpsc::Sender<Reading>) -> Self {
        Self { readings }
    }

    /// Tells a reading now. Given back where the queue has no room: it then belongs to what the poll brings at its end,
    /// which may wait for room while this must not, since the poll's time limit runs.
    ///
    /// # Errors
    /// The reading itself, when it was not told.
    pub fn tell(&self, mut reading: Reading) -> Result<(), Box<Reading>> {
        bound(&mut reading);
        self.readings.try_send(reading).map_err(|error| {
            let (TrySendError::Full(reading) | TrySendError::Closed(reading)) = error;
            Box::new(reading)
        })
    }
}

/// Where the readings of one poll go: out at once where there is somebody who takes them early, else to its end.
pub(crate) struct Outbox {
    early: Option<Early>,
    kept: Mutex<Vec<Reading>>,
}

impl Outbox {
    /// An empty one for one poll.
    pub(crate) const fn new(early: Option<Early>) -> Self {
        Self {
            early,
            kept: Mutex::new(Vec::new()),
        }
    }

    /// Tells a reading at once; gives it back where that cannot be.
    pub(crate) fn tell(&self, reading: Reading) -> Option<Reading> {
        match &self.early {
            Some(early) => early.tell(reading).err().map(|reading| *reading),
            None => Some(reading),
        }
    }

    /// Tells a reading at once, or keeps it for the end.
    fn put(&self, reading: Reading) {
        let back = self.tell(reading);
        // A holder that panicked left the list whole.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(back);
    }

    /// What was kept.
    pub(crate) fn rest(self) -> Vec<Reading> {
        let kept = self.kept.into_inner();
        kept.unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the answers of `count` queries as they arrive, each with its number and its failure. Gives the failures in
    /// the order of the numbers.
    pub(crate) async fn gather<E>(
        &self,
        source: &ConnectorName,
        count: usize,
        arrivals: impl Stream<Item = (usize, (Vec<QueryAnswer>, Option<E>))>,
    ) -> Vec<Option<E>> {
        let mut failures = Vec::new();
        failures.resize_with(count, || None);
        let mut waiting = Vec::new();
        let mut tell_at = None;
        let reading = |answers| Reading::Queries {
            source: source.clone(),
            answers,
        };
        tokio::pin!(arrivals);
        loop {
            let arrival = tokio::select! {
                biased;
                arrival = arrivals.next() => arrival,
                () = sleep_until(tell_at.unwrap_or_else(Instant::now)), if tell_at.is_some() => {
                    tell_at = None;
                    self.put(reading(std::mem::take(&mut waiting)));
                    continue;
                }
            };
            let Some((number, (answers, failure))) = arrival else {
                break;
            };
            waiting.extend(answers);
            if self.early.is_some() && tell_at.is_none() {
                tell_at = Some(Instant::now() + EARLY_GAP);
            }
            if let Some(place) = failures.get_mut(number) {
                *place = failure;
            }
        }
        if !waiting.is_empty() {
            self.put(reading(waiting));
        }
        failures
    }
}
