//! A look at a session's journal without its lock: is it over, and what was it started with?

use super::fold::{self, Folded};
use crate::clock::{Clock as _, SystemClock};
use crate::domain::apply::FoldError;
use crate::domain::countdown::point_of_no_return;
use crate::domain::digest::Digest;
use crate::domain::fact::{Mode, Stamped};
use crate::domain::id::{Seq, SessionId};
use crate::domain::runbook::plan::{Plan, Window};
use crate::domain::silences::kept;
use crate::domain::state::{Phase, State};
use crate::domain::time::Timestamp;
use crate::journal::facts::{FactError, kind_of};
use crate::journal::{Entry, JOURNAL_FILE, ReadError, Reader};
use serde::Serialize;
use std::fmt;
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
    /// It is a rehearsal.
    pub is_rehearsal: bool,
    /// Where it stands, in a word.
    pub phase: &'static str,
    /// Digest of the runbook it was started with.
    pub runbook: Digest,
    /// The plan that is in force.
    pub plan: Plan,
    /// The window as it stands, and its point of no return; absent without one, and while nothing goes forward.
    pub window: Option<(Window, Timestamp)>,
}

/// Facts that cannot have happened and are named one by one: whoever made one up made up few, and whoever reads a
/// journal of something else has read enough.
const FAULTS_MAX: usize = 100;

/// A fact that the state before it rules out: the chain may hold, and no session can have written this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impossible {
    /// Which record.
    pub seq: Seq,
    /// Its kind, `step.confirmed`.
    pub kind: &'static str,
    /// Why it cannot be.
    pub why: String,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seq, kind, why } = self;
        write!(f, "record {seq}: `{kind}` cannot have happened: {why}")
    }
}

/// Everything that a journal says and cannot be.
#[derive(Debug, Default)]
pub struct Faults {
    /// The first [`FAULTS_MAX`], in the journal's order.
    pub named: Vec<Impossible>,
    /// How many there are beyond.
    pub more: usize,
}

impl Faults {
    fn add(&mut self, seq: Seq, kind: &'static str, error: FoldError) {
        if self.named.len() >= FAULTS_MAX {
            self.more = self.more.saturating_add(1);
            return;
        }
        let why = match error {
            FoldError::Impossible { why, .. } => why.to_owned(),
            other => other.to_string(),
        };
        self.named.push(Impossible { seq, kind, why });
    }

    /// One line each, and one for those beyond.
    pub fn lines(&self) -> Vec<String> {
        let named = self.named.iter().map(Impossible::to_string);
        let more =
            (self.more > 0).then(|| format!("{} more facts that cannot have happened", self.more));
        named.chain(more).collect()
    }
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

/// A silence for the work may still hold, as far as this journal and its lease say.
fn is_muting(state: &State) -> bool {
    let now = SystemClock.now().wall;
    kept(state, now).iter().any(|one| !one.stand.is_over())
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
    judge_file(file).map(|(peek, _)| peek)
}

/// As [`peek_file`], and names what the journal says that cannot have happened. Such a fact counts nowhere.
///
/// # Errors
/// As [`peek_file`].
pub fn judge_file(file: &Path) -> Result<(Option<Peek>, Faults), PeekError> {
    let (state, faults) = state_file(file)?;
    let peek = state.map(|state| Peek {
        session: state.genesis.session.clone(),
        head: state.head.0,
        // While a review is owed a server has to be there to take it, and one to end what still keeps alerts quiet.
        is_over: state.phase.is_final() && state.review_owed().is_none() && !is_muting(&state),
        is_demo: state.genesis.mode == Mode::Demo,
        is_rehearsal: state.genesis.rehearsal.is_some(),
        phase: if state.phase.is_final() && state.review_owed().is_some() {
            "review owed"
        } else if state.phase.is_final() && is_muting(&state) {
            "silence left"
        } else {
            word(state.phase)
        },
        runbook: state.genesis.runbook.digest,
        plan: state.plan().clone(),
        window: state
            .window()
            .filter(|_| matches!(state.phase, Phase::Briefing | Phase::Running))
            .zip(point_of_no_return(&state)),
    });
    Ok((peek, faults))
}

/// As [`judge_file`], with all that the journal comes to.
///
/// # Errors
/// As [`peek_file`].
pub(crate) fn state_file(file: &Path) -> Result<(Option<State>, Faults), PeekError> {
    let shown = || {
        let dir = file.parent().unwrap_or(file);
        dir.display().to_string()
    };
    let file = match File::open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((None, Faults::default()));
        }
        Err(source) => {
            return Err(PeekError::Io {
                dir: shown(),
                source,
            });
        }
    };
    let mut faults = Faults::default();
    let take = |folded: &mut Folded, stamped: Stamped| {
        let (seq, kind) = (stamped.seq, kind_of(&stamped.fact));
        if let Err(error) = folded.take(stamped) {
            faults.add(seq, kind, error);
        }
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
    Ok((folded.state, faults))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named_up_to_a_limit_and_counted_beyond() {
        let mut faults = Faults::default();
        for n in 1..=FAULTS_MAX as u64 + 2 {
            let (seq, why) = (Seq(n), "no proposal is open");
            faults.add(seq, "step.armed", FoldError::Impossible { seq, why });
        }
        let lines = faults.lines();
        assert_eq!(
            lines.first().map(String::as_str),
            Some("record 1: `step.armed` cannot have happened: no proposal is open")
        );
        assert_eq!(lines.len(), FAULTS_MAX + 1);
        assert_eq!(
            lines.last().map(String::as_str),
            Some("2 more facts that cannot have happened")
        );
    }
}
