//! What can be wrong with a journal, and what a person can do about it.

use super::version::FORMAT;
use crate::domain::digest::Digest;
use crate::domain::doc::DocError;
use crate::domain::id::Seq;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A record that cannot be sealed, because it could not be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The header does not fit the grammar or its limits.
    #[error("record of kind `{kind}` has no valid header")]
    Header {
        /// The kind, cut to plain ASCII.
        kind: String,
        /// What is wrong in the header.
        #[source]
        source: DocError,
    },
    /// The header is too long.
    #[error(
        "header of kind `{kind}` is longer than {} bytes",
        super::HEADER_BYTES_MAX
    )]
    HeaderTooLong {
        /// The kind, cut to plain ASCII.
        kind: String,
    },
    /// The body is too long.
    #[error("body of kind `{kind}` is longer than {} bytes", super::BODY_BYTES_MAX)]
    BodyTooLong {
        /// The kind, cut to plain ASCII.
        kind: String,
    },
    /// The header would be read back as another one, such as for a time beyond the calendar.
    #[error("header of kind `{kind}` would not be read back as it is")]
    Changed {
        /// The kind, cut to plain ASCII.
        kind: String,
    },
}

/// A record that does not follow the one before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The record belongs to another session.
    #[error("record belongs to another session")]
    Session,
    /// The record has another number than the next.
    #[error("expected record {expected}, found record {found}")]
    Seq {
        /// The next number.
        expected: Seq,
        /// The record's number.
        found: Seq,
    },
    /// The record names another record as the one before it.
    #[error("`prev` does not name the record before it, {}", link_text(*.expected))]
    Prev {
        /// Hash of the record before, nothing before record 0.
        expected: Option<Digest>,
    },
}

fn link_text(digest: Option<Digest>) -> String {
    digest.map_or_else(|| "`none`".to_owned(), |d| format!("`{d}`"))
}

/// What is wrong with the bytes of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The record does not begin as records do.
    #[error("no record begins here, expected `{FORMAT} `")]
    Magic,
    /// The record has a format that this program does not know.
    #[error("journal format `{found}` is not known, this program reads `{FORMAT}`")]
    Version {
        /// The format, such as `WJ2`.
        found: String,
    },
    /// The record's first line has another form or breaks a limit.
    #[error("first line of the record is not `{FORMAT}`, number, header length and body length")]
    Frame,
    /// First line and header disagree.
    #[error("first line of the record and its header disagree")]
    Disagree,
    /// The header is outside the grammar.
    #[error("header: {0}")]
    Header(DocError),
    /// The record does not follow the one before it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The body has another digest than the header says.
    #[error("digest of the body does not match the header")]
    Body,
    /// No line feed behind the body.
    #[error("record does not end with a line feed")]
    End,
}

/// Damage in a journal: where, and what. Everything before it is intact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("damaged at byte {offset} (record {record}): {flaw}")]
pub struct Damage {
    /// Byte in the file, counted from 0, of the part that is wrong.
    pub offset: u64,
    /// Number of the record, counted from 0.
    pub record: u64,
    /// What is wrong.
    pub flaw: Flaw,
}

/// Why reading stopped before the end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be read.
    #[error("cannot read at byte {offset} (record {record})")]
    Io {
        /// Byte in the file where the record begins.
        offset: u64,
        /// Number of the record.
        record: u64,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A record is wrong.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The last record is incomplete, as a crash while writing leaves it.
    #[error(
        "last record is incomplete at byte {offset} (record {record}): {bytes} bytes of it are there"
    )]
    Torn {
        /// Byte in the file where the record begins.
        offset: u64,
        /// Number of the record.
        record: u64,
        /// How many bytes of it are there.
        bytes: u64,
    },
    /// The journal is longer than allowed.
    #[error(
        "journal is longer than {} bytes (record {record})",
        super::JOURNAL_BYTES_MAX
    )]
    TooLong {
        /// Number of the record that goes over the limit.
        record: u64,
    },
    /// There is no record of this number.
    #[error("there is no record {record}, the journal ends before it")]
    NoSuchRecord {
        /// The number asked for.
        record: u64,
    },
}

/// A journal that cannot be opened or verified.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused something.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What was tried, such as "open".
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Another process has the session.
    #[error("session directory `{}` is in use by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// Others could change the file or directory, or it is something else than it should be.
    #[error("`{}` is not safe to use: {why}", path.display())]
    Unsafe {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// The journal cannot be read to its end.
    #[error("journal `{}` cannot be used", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: ReadError,
    },
    /// Too many torn tails have been set aside.
    #[error("`{}` holds more than {} bytes of torn records", path.display(), super::TORN_BYTES_MAX)]
    TornFull {
        /// The file.
        path: PathBuf,
    },
}

impl JournalError {
    /// What a person can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some(DISK_FULL_HINT.to_owned())
            }
            Self::Io { .. } => None,
            Self::Locked { .. } => Some(
                "attach to the running session with `warroom attach -t NAME`; `warroom ls` lists sessions"
                    .to_owned(),
            ),
            Self::Unsafe { .. } => Some(
                "the directory and its files must belong to the user of the server, and nobody else may write there"
                    .to_owned(),
            ),
            Self::TornFull { path } => Some(format!(
                "look why the server keeps crashing, then move `{}` away",
                path.display()
            )),
            Self::Read { source, .. } => Some(read_hint(source)),
        }
    }
}

fn read_hint(error: &ReadError) -> String {
    match error {
        ReadError::Damage(Damage {
            flaw: Flaw::Version { .. },
            ..
        }) => "the file is left as it is; read it with the version of warroom that wrote it"
            .to_owned(),
        ReadError::Damage(Damage { record, .. }) | ReadError::Io { record, .. } => format!(
            "{}; the file is left as it is, for people to look at",
            intact(*record)
        ),
        ReadError::Torn { record, .. } => format!(
            "{}; the server sets the rest aside at its start",
            intact(*record)
        ),
        ReadError::TooLong { .. } => "close this session and begin another one".to_owned(),
        ReadError::NoSuchRecord { .. } => {
            "`warroom verify` shows how many records there are".to_owned()
        }
    }
}

fn intact(record: u64) -> String {
    match record {
        0 => "no record is intact".to_owned(),
        1 => "record 0 is intact".to_owned(),
        n => format!("records 0 to {} are intact", n.saturating_sub(1)),
    }
}

const DISK_FULL_HINT: &str =
    "free some space on the disk of the journal; records of running steps still use the reserve";

/// Records that were not appended. Nobody may act on them.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// A record does not follow the newest one; another append came first or failed.
    #[error("record does not follow the journal")]
    Link(#[from] LinkError),
    /// An append without a record.
    #[error("nothing to append")]
    Empty,
    /// More bytes than one append may have.
    #[error(
        "append of {bytes} bytes is longer than {} bytes",
        super::APPEND_BYTES_MAX
    )]
    TooLong {
        /// Encoded size.
        bytes: usize,
    },
    /// The journal has reached its greatest length.
    #[error("journal would be longer than {} bytes", super::JOURNAL_BYTES_MAX)]
    JournalFull,
    /// The disk is full; what is left is the reserve of running steps.
    #[error("no space left for the journal")]
    DiskFull {
        /// The system's answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// Writing or syncing failed; the journal was cut back to its last good record.
    #[error("cannot {doing} the journal")]
    Io {
        /// What was tried: "write" or "sync".
        doing: &'static str,
        /// The system's answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// An earlier failure could not be undone; nothing more is written.
    #[error("journal is closed for writing: an earlier failed write could not be undone")]
    Broken,
    /// Too many appends wait.
    #[error("journal is busy: {} appends are waiting", super::QUEUE_MAX)]
    Busy,
    /// The writer has ended.
    #[error("journal is closed")]
    Closed,
}

impl AppendError {
    /// What a person can do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DiskFull { .. } => Some(DISK_FULL_HINT),
            Self::Io { .. } => Some(
                "look for errors of the disk in the system log; nothing was recorded or started",
            ),
            Self::Broken => Some(
                "restart the session server when the disk works again; it sets an incomplete record aside",
            ),
            Self::JournalFull => Some("close this session and begin another one"),
            Self::Busy => Some("the disk does not keep up; try again"),
            Self::Link(_) | Self::Empty | Self::TooLong { .. } | Self::Closed => None,
        }
    }
}
