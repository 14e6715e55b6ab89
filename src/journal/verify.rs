//! Checks a journal without writing to it and without a lock, so a running session can be verified too.

use super::error::{JournalError, ReadError};
use super::lock::{JOURNAL_FILE, open_read};
use super::reader::Reader;
use super::record::Chain;
use crate::domain::time::Timestamp;
use std::path::Path;

/// What an intact journal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Session, count of records and hash of the newest one.
    pub chain: Chain,
    /// Length in bytes of the intact records.
    pub bytes: u64,
    /// Time of record 0.
    pub first_time: Option<Timestamp>,
    /// Time of the newest record.
    pub last_time: Option<Timestamp>,
    /// Bytes of an incomplete last record. In a running session it may just be on its way to the disk.
    pub torn_bytes: u64,
}

/// Verifies the journal in a session directory.
///
/// # Errors
/// As [`verify_file`].
pub fn verify_dir(dir: &Path) -> Result<Report, JournalError> {
    verify_file(&dir.join(JOURNAL_FILE))
}

/// Verifies a journal: grammar, lengths, digests of bodies, numbers and the chain of hashes.
///
/// # Errors
/// [`JournalError::Read`] with byte and record of the first damage; [`JournalError::Io`];
/// [`JournalError::Unsafe`] when the path is not a plain file.
pub fn verify_file(path: &Path) -> Result<Report, JournalError> {
    let mut reader = Reader::new(open_read(path)?);
    let (mut first_time, mut last_time) = (None, None);
    let torn_bytes = loop {
        match reader.next_record() {
            Ok(Some(entry)) => {
                last_time = Some(entry.header.time);
                first_time = first_time.or(last_time);
            }
            Ok(None) => break 0,
            Err(ReadError::Torn { bytes, .. }) => break bytes,
            Err(source) => {
                let path = path.to_owned();
                return Err(JournalError::Read { path, source });
            }
        }
    };
    let bytes = reader.offset();
    let (chain, _) = reader.into_parts();
    Ok(Report {
        chain,
        bytes,
        first_time,
        last_time,
        torn_bytes,
    })
}
