//! The fold of a journal at start: one thread reads and verifies, another decodes and folds, so that a long night is
//! taken up in half the time.

use crate::domain::apply::{FoldError, check_apply};
use crate::domain::fact::{Fact, Stamped};
use crate::domain::state::State;
use crate::journal::facts::{FactError, Place};
use crate::journal::{self, Entry, JournalError, Opened, SessionDir};
use crate::wire::message::RECENT_MAX;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Records handed over at a time: few enough to begin at once, many enough that the hand-over is not seen.
const BATCH: usize = 256;
/// Bytes of bodies in a batch after which it goes, so that long records do not make long batches.
const BATCH_BYTES: usize = 256 * 1024;
/// Batches that may wait: the reader is never far ahead, so a long journal takes no more memory than a short one.
const BATCHES_MAX: usize = 4;

/// Why a journal could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldFault {
    /// It cannot be opened, or is damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It says something this program does not know.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// Its facts do not fit each other.
    #[error(transparent)]
    Fold(#[from] FoldError),
}

/// What a journal comes to.
#[derive(Debug, Default)]
pub struct Folded {
    /// The state; absent when the journal has no record.
    pub state: Option<State>,
    /// Newest records, oldest first; at most [`RECENT_MAX`].
    pub recent: VecDeque<Stamped>,
    /// Highest terminal number ever used.
    pub highest: u64,
}

/// Records on their way from the reader to the fold. Bodies lie behind each other, so that a batch is two allocations
/// that are used again and not several for each record.
#[derive(Debug, Default)]
struct Batch {
    /// What each header says, and where its body ends.
    places: Vec<(Result<Place, FactError>, usize)>,
    bodies: Vec<u8>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.places.len() >= BATCH || self.bodies.len() >= BATCH_BYTES
    }

    fn add(&mut self, entry: &Entry<'_>) {
        self.bodies.extend_from_slice(entry.body);
        self.places
            .push((Place::of(&entry.header, entry.hash), self.bodies.len()));
    }
}

/// Opens a journal for writing, verifies all of it, and folds it.
///
/// # Errors
/// [`FoldFault`]: damage before anything else, then the first record that is not known or cannot be.
pub fn open(dir: SessionDir) -> Result<(Opened, Folded), FoldFault> {
    let (to_fold, full) = sync_channel(BATCHES_MAX);
    let (give_back, used) = sync_channel(BATCHES_MAX);
    thread::scope(|scope| {
        let folding = scope.spawn(move || fold(&full, &give_back));
        let mut batch = Batch::default();
        // A fold that has ended early has an error to tell; the rest of the journal is verified all the same.
        let opened = journal::open(dir, |entry| {
            batch.add(entry);
            if batch.is_full() {
                let next = used.try_recv().unwrap_or_default();
                to_fold.send(std::mem::replace(&mut batch, next)).ok();
            }
        });
        to_fold.send(batch).ok();
        drop(to_fold);
        let folded = match folding.join() {
            Ok(folded) => folded,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        Ok((opened?, folded?))
    })
}

fn fold(full: &Receiver<Batch>, give_back: &SyncSender<Batch>) -> Result<Folded, FoldFault> {
    let mut folded = Folded::default();
    for mut batch in full {
        let mut start = 0;
        for (place, end) in batch.places.drain(..) {
            let body = batch.bodies.get(start..end).unwrap_or_default();
            folded.take(place?.fact(body)?)?;
            start = end;
        }
        batch.bodies.clear();
        give_back.try_send(batch).ok();
    }
    Ok(folded)
}

impl Folded {
    fn take(&mut self, stamped: Stamped) -> Result<(), FoldError> {
        if let Fact::Attached { terminal, .. } = &stamped.fact {
            self.highest = self.highest.max(terminal.0);
        }
        match (&mut self.state, &stamped.fact) {
            (None, Fact::SessionOpened(genesis)) => {
                self.state = Some(State::new((**genesis).clone(), stamped.hash, stamped.at));
            }
            (None, _) => return Err(FoldError::NotGenesis),
            (Some(state), _) => check_apply(state, &stamped)?,
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(stamped);
        Ok(())
    }
}
