//! The fold of a journal at start: one thread reads and verifies, another decodes and folds, so that a long night is
//! taken up in half the time.

use crate::domain::apply::{FoldError, check_apply};
use crate::domain::fact::{Fact, Stamped};
use crate::domain::state::State;
use crate::journal::facts::{self, FactError};
use crate::journal::{self, JournalError, Opened, Record, SessionDir};
use crate::wire::message::RECENT_MAX;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Records handed over at a time: few enough to begin at once, many enough that the hand-over is not seen.
const BATCH: usize = 256;
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

/// Opens a journal for writing, verifies all of it, and folds it.
///
/// # Errors
/// [`FoldFault`]: damage before anything else, then the first record that is not known or cannot be.
pub fn open(dir: SessionDir) -> Result<(Opened, Folded), FoldFault> {
    let (to_fold, batches) = sync_channel(BATCHES_MAX);
    thread::scope(|scope| {
        let folding = scope.spawn(move || fold(&batches));
        let mut batch = Vec::with_capacity(BATCH);
        // A fold that has ended early has an error to tell; the rest of the journal is verified all the same.
        let opened = journal::open(dir, |entry| {
            batch.push(entry.to_record());
            if batch.len() >= BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                to_fold.send(full).ok();
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

fn fold(batches: &Receiver<Vec<Record>>) -> Result<Folded, FoldFault> {
    let mut folded = Folded::default();
    for record in batches.iter().flatten() {
        folded.take(facts::fact_of(&record)?)?;
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
