//! The fold of a journal at start: one thread reads and verifies, one decodes and one folds, so that a long night is
//! taken up in a third of the time.

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
    let take = |folded: &mut Folded, stamped| folded.take(stamped).map_err(FoldFault::from);
    let (opened, folded) = while_reading(take, |on_record| journal::open(dir, on_record));
    Ok((opened?, folded?))
}

/// Folds what `read` hands over while it reads, by `take`; gives what both come to.
pub(crate) fn while_reading<T, E: From<FactError> + Send>(
    take: impl FnMut(&mut Folded, Stamped) -> Result<(), E> + Send,
    read: impl FnOnce(&mut dyn FnMut(&Entry<'_>)) -> T,
) -> (T, Result<Folded, E>) {
    let (to_decode, full) = sync_channel(BATCHES_MAX);
    let (give_back, used) = sync_channel(BATCHES_MAX);
    let (to_fold, decoded) = sync_channel(BATCHES_MAX);
    thread::scope(|scope| {
        scope.spawn(move || decode(&full, &give_back, &to_fold));
        let folding = scope.spawn(move || fold(&decoded, take));
        let mut batch = Batch::default();
        // A fold that has ended early has an error to tell; the rest of the journal is verified all the same.
        let read = read(&mut |entry| {
            batch.add(entry);
            if batch.is_full() {
                let next = used.try_recv().unwrap_or_default();
                to_decode.send(std::mem::replace(&mut batch, next)).ok();
            }
        });
        to_decode.send(batch).ok();
        drop(to_decode);
        let folded = match folding.join() {
            Ok(folded) => folded,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        (read, folded)
    })
}

/// Facts of one batch.
type Decoded = Vec<Result<Stamped, FactError>>;

fn decode(full: &Receiver<Batch>, give_back: &SyncSender<Batch>, to_fold: &SyncSender<Decoded>) {
    for mut batch in full {
        let mut start = 0;
        let bodies = &batch.bodies;
        let facts = batch.places.drain(..).map(|(place, end)| {
            let body = bodies.get(start..end).unwrap_or_default();
            start = end;
            place?.fact(body)
        });
        let facts: Decoded = facts.collect();
        // Whoever folds has an error to tell.
        if to_fold.send(facts).is_err() {
            return;
        }
        batch.bodies.clear();
        give_back.try_send(batch).ok();
    }
}

fn fold<E: From<FactError>>(
    decoded: &Receiver<Decoded>,
    mut take: impl FnMut(&mut Folded, Stamped) -> Result<(), E>,
) -> Result<Folded, E> {
    let mut folded = Folded::default();
    for fact in decoded.iter().flatten() {
        take(&mut folded, fact?)?;
    }
    Ok(folded)
}

impl Folded {
    /// Takes the next fact.
    ///
    /// # Errors
    /// [`FoldError`] when it cannot be; then it has moved the head and nothing else.
    pub(crate) fn take(&mut self, mut stamped: Stamped) -> Result<(), FoldError> {
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
        stamped.forget_plan();
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(stamped);
        Ok(())
    }
}
