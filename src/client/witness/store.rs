//! What a person has seen of sessions, in a directory of their own: one small file a session.

use crate::domain::confirm::checkpoint::Checkpoint;
use crate::domain::digest::Digest;
use crate::domain::doc::split_armour;
use crate::domain::id::{Seq, SessionId};
use crate::wire::message::SignedCheckpoint;
use rustix::fs::{Mode, OFlags};
use std::fs::{DirBuilder, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

/// Checkpoint, signature and key take a kilobyte; more is no file of ours.
const FILE_BYTES_MAX: u64 = 16 * 1024;
/// How the key's line begins; it comes first.
const KEY: &str = "key: ";

/// What is kept of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Record the checkpoint names.
    pub(super) head: (Seq, Digest),
    /// Public half of the session's key.
    pub(super) key: String,
    /// The checkpoint.
    pub(super) signed: SignedCheckpoint,
}

/// Why something cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// The disk.
    #[error("`{}`: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not one of ours.
    #[error("`{}` does not hold a checkpoint", .path.display())]
    Shape {
        /// Which file.
        path: PathBuf,
    },
}

/// A directory of checkpoints that were seen, 0700.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// A store in this directory, which is made when there is something to keep.
    pub const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(super) fn load(&self, session: &SessionId) -> Result<Option<Kept>, StoreError> {
        let path = self.dir.join(session.as_str());
        let failed = |source: std::io::Error| StoreError::Io {
            path: path.clone(),
            source,
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        };
        let mut text = String::new();
        file.take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(failed)?;
        parse(&text).map(Some).ok_or(StoreError::Shape { path })
    }

    pub(super) fn keep(&self, session: &SessionId, kept: &Kept) -> Result<(), StoreError> {
        let path = self.dir.join(session.as_str());
        let temporary = self.dir.join(format!(".{session}.{}", std::process::id()));
        let write = || {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.dir)?;
            let flags = OFlags::WRONLY
                | OFlags::CREATE
                | OFlags::TRUNC
                | OFlags::NOFOLLOW
                | OFlags::CLOEXEC;
            let opened = rustix::fs::open(&temporary, flags, Mode::RUSR | Mode::WUSR)?;
            File::from(opened).write_all(print(kept).as_bytes())?;
            // Not synced: after a crash of the host an older checkpoint, or none, is believed less, never more.
            std::fs::rename(&temporary, &path)
        };
        write().map_err(|source| StoreError::Io {
            path: path.clone(),
            source,
        })
    }
}

fn print(kept: &Kept) -> String {
    let Kept { key, signed, .. } = kept;
    format!("{KEY}{key}\n{}{}", signed.document, signed.signature)
}

fn parse(text: &str) -> Option<Kept> {
    let (key, rest) = text.strip_prefix(KEY)?.split_once('\n')?;
    let (document, signature) =
        Some(split_armour(rest)).filter(|(_, armour)| !armour.is_empty())?;
    let checkpoint = Checkpoint::parse(document).ok()?;
    Some(Kept {
        head: checkpoint.head,
        key: key.to_owned(),
        signed: SignedCheckpoint {
            document: document.to_owned(),
            signature: signature.to_owned(),
        },
    })
}
