//! Opening a journal for writing: everything is read and checked, and a torn tail is set aside.

use super::error::{JournalError, ReadError};
use super::lock::{JOURNAL_FILE, SessionDir, TORN_FILE};
use super::reader::{Entry, Reader};
use super::record::Chain;
use crate::domain::digest::Digest;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Most bytes that `journal.torn` may hold, 64 MiB: many torn tails; a server that leaves more is crashing in a loop.
pub const TORN_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A torn tail that was moved to `journal.torn`. Belongs into the journal as a record `journal.recovered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// How many bytes.
    pub bytes: u64,
    /// Digest of these bytes.
    pub digest: Digest,
}

/// A journal that is locked, read, verified and ready for [`super::Writer::start`].
#[derive(Debug)]
pub struct Opened {
    pub(super) dir: SessionDir,
    pub(super) file: File,
    pub(super) chain: Chain,
    pub(super) offsets: Vec<u64>,
    pub(super) len: u64,
    torn: Option<TornTail>,
}

impl Opened {
    /// What the next record must follow.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Length of the journal in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// True for a journal without records.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The torn tail that was set aside by this opening.
    pub const fn torn(&self) -> Option<TornTail> {
        self.torn
    }
}

/// Opens the journal of a session for writing and hands every intact record, in order, to `on_record`.
///
/// An incomplete last record is moved to the end of `journal.torn`. Any other damage is refused and the file stays
/// as it is. After a crash in the middle of the move the same bytes may be in `journal.torn` twice.
///
/// # Errors
/// [`JournalError::Read`] with byte and record when the journal is damaged or too long;
/// [`JournalError::TornFull`]; [`JournalError::Io`] and [`JournalError::Unsafe`] from opening its files.
pub fn open(
    dir: SessionDir,
    mut on_record: impl FnMut(&Entry<'_>),
) -> Result<Opened, JournalError> {
    let path = dir.path().join(JOURNAL_FILE);
    let file = dir.open_append(JOURNAL_FILE)?;
    let mut reader = Reader::new(&file);
    let torn = loop {
        match reader.next_record() {
            Ok(Some(entry)) => on_record(&entry),
            Ok(None) => break None,
            Err(ReadError::Torn { offset, bytes, .. }) => {
                break Some(set_aside(&dir, &file, offset, bytes)?);
            }
            Err(source) => return Err(JournalError::Read { path, source }),
        }
    };
    let len = reader.offset();
    let (chain, offsets) = reader.into_parts();
    Ok(Opened {
        dir,
        file,
        chain,
        offsets,
        len,
        torn,
    })
}

/// Moves the end of the journal: first a durable copy, then the cut.
fn set_aside(
    dir: &SessionDir,
    journal: &File,
    offset: u64,
    bytes: u64,
) -> Result<TornTail, JournalError> {
    let journal_path = dir.path().join(JOURNAL_FILE);
    let torn_path = dir.path().join(TORN_FILE);
    // The reader has judged these bytes to be less than one record, which bounds them.
    let mut tail = vec![0; usize::try_from(bytes).unwrap_or(0)];
    journal
        .read_exact_at(&mut tail, offset)
        .map_err(|e| failed("read", &journal_path, e))?;
    let mut torn = dir.open_append(TORN_FILE)?;
    let held = torn
        .metadata()
        .map_err(|e| failed("inspect", &torn_path, e))?
        .len();
    if held.saturating_add(bytes) > TORN_BYTES_MAX {
        return Err(JournalError::TornFull { path: torn_path });
    }
    torn.write_all(&tail)
        .and_then(|()| torn.sync_all())
        .map_err(|e| failed("write", &torn_path, e))?;
    journal
        .set_len(offset)
        .and_then(|()| journal.sync_all())
        .map_err(|e| failed("cut", &journal_path, e))?;
    Ok(TornTail {
        bytes,
        digest: Digest::of(&tail),
    })
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> JournalError {
    JournalError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}
