//! A look at a session's journal without its lock: is it over, and what was it started with?

use super::fold::{self, Folded};
use crate::domain::digest::Digest;
use crate::domain::fact::Mode;
use crate::domain::id::{Seq, SessionId};
use crate::domain::state::Phase;
use crate::journal::facts::FactError;
use crate::journal::{Entry, JOURNAL_FILE, ReadError, Reader};
use std::fs::File;
use std::path::Path;

/// What a journal says of its session.
#[derive(Debug, Clone)]
pub struct Peek {
    /// The session for ever.
    pub session: SessionId,
    /// Newest whole record.
    pub head: Seq,
    /// The maintenance has come to its end, and nothing is owed for it.
    pub is_over: bool,
    /// It is a demo.
    pub is_demo: bool,
    /// Where it stands, in a word.
    pub phase: &'static str,
    /// Digest of the runbook it was started with.
    pub runbook: Digest,
}

/// Why a journal could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum PeekError {
    /// It cannot be opened.
    #[error("cannot read the journal in `{dir}`")]
    Io {
        /// The session's directory.
        dir: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It is damaged.
    #[error("the journal in `{dir}` is damaged")]
    Read {
        /// The session's directory.
        dir: String,
        /// Where and how.
        source: ReadError,
    },
    /// It says something this program does not know.
    #[error("the journal in `{dir}` cannot be understood")]
    Fact {
        /// The session's directory.
        dir: String,
        /// What and where.
        source: FactError,
    },
}

impl PeekError {
    /// What a person can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Some("it belongs to another account; attach to its session instead".to_owned())
            }
            Self::Io { .. } => None,
            Self::Read { dir, .. } => Some(format!(
                "nothing was changed; `warroom verify {dir}` says how far it is intact; start anew under another name with `-t NAME`"
            )),
            Self::Fact { .. } => {
                Some("a newer warroom may have written it; nothing was changed".to_owned())
            }
        }
    }
}

/// Folds the journal of a session directory; `None` when there is none or it has no record yet.
///
/// # Errors
/// As [`peek_file`].
pub fn peek(dir: &Path) -> Result<Option<Peek>, PeekError> {
    peek_file(&dir.join(JOURNAL_FILE))
}

/// Folds a journal; `None` when there is none or it has no record yet.
///
/// # Errors
/// [`PeekError`]. A torn last record is not an error: it was never told to anybody.
pub fn peek_file(file: &Path) -> Result<Option<Peek>, PeekError> {
    let shown = || {
        let dir = file.parent().unwrap_or(file);
        dir.display().to_string()
    };
    let file = match File::open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(PeekError::Io {
                dir: shown(),
                source,
            });
        }
    };
    // What cannot be is left out here; the server that takes the session up has the words for it.
    let take = |folded: &mut Folded, stamped| {
        folded.take(stamped).ok();
        Ok::<(), FactError>(())
    };
    let (read, folded) = fold::while_reading(take, |on_record| read_all(file, on_record));
    read.map_err(|source| PeekError::Read {
        dir: shown(),
        source,
    })?;
    let folded = folded.map_err(|source| PeekError::Fact {
        dir: shown(),
        source,
    })?;
    let state = folded.state;
    Ok(state.map(|state| Peek {
        session: state.genesis.session.clone(),
        head: state.head.0,
        // While a review is owed a server has to be there to take it.
        is_over: state.phase.is_final() && state.review_owed().is_none(),
        is_demo: state.genesis.mode == Mode::Demo,
        phase: if state.phase.is_final() && state.review_owed().is_some() {
            "review owed"
        } else {
            word(state.phase)
        },
        runbook: state.genesis.runbook.digest,
    }))
}

/// Reads and verifies all records but a torn last one.
fn read_all(file: File, on_record: &mut dyn FnMut(&Entry<'_>)) -> Result<(), ReadError> {
    let mut reader = Reader::new(file);
    loop {
        match reader.next_record() {
            Ok(Some(entry)) => on_record(&entry),
            Ok(None) | Err(ReadError::Torn { .. }) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Briefing => "briefing",
        Phase::Running => "running",
        Phase::RollingBack => "rolling back",
        Phase::Completed => "completed",
        Phase::RolledBack => "rolled back",
        Phase::Aborted => "aborted",
    }
}
