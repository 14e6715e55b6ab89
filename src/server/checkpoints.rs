//! Checkpoints: the session's key signs what the journal is, and what is signed leaves this process
//! (`TWO_PERSON` 5.5): to attached clients, to a file beside the journal, to the system log, and to where the
//! configuration says.

use super::outbox::{Outbox, Outlet};
use crate::domain::confirm::checkpoint::{Checkpoint, NAMESPACE, is_due_after};
use crate::domain::digest::Digest;
use crate::domain::fact::{Genesis, Stamped};
use crate::domain::id::Seq;
use crate::domain::time::Timestamp;
use crate::evidence::SessionKey;
use crate::wire::message::SignedCheckpoint;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// File of the private key, in the session's directory.
const KEY_FILE: &str = "checkpoint.key";
/// File of the session's checkpoints, oldest first.
pub const CHECKPOINTS_FILE: &str = "checkpoints";
/// Longest time between a record and a checkpoint that covers it.
const EVERY: Duration = Duration::from_secs(60);
/// A PKCS#8 Ed25519 key has 83 bytes; more is no key of ours.
const KEY_BYTES_MAX: u64 = 1024;

/// Makes the key of a new session and keeps it in the session's directory; returns its public half.
///
/// # Errors
/// One line that says what failed.
pub(crate) fn make_key(dir: &Path) -> Result<String, String> {
    let (key, bytes) = SessionKey::generate().map_err(|error| error.to_string())?;
    let path = dir.join(KEY_FILE);
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let failed = |error: &dyn std::fmt::Display| {
        format!(
            "the session's key cannot be kept in `{}`: {error}",
            path.display()
        )
    };
    let opened = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR);
    let mut file = File::from(opened.map_err(|error| failed(&error))?);
    file.write_all(&bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| failed(&error))?;
    Ok(key.to_public_text())
}

/// Reads the key of a session that is taken up.
fn read_key(dir: &Path, public: &str) -> Result<SessionKey, String> {
    let path = dir.join(KEY_FILE);
    let failed = |what: &dyn std::fmt::Display| {
        format!(
            "no checkpoints are made: the session's key in `{}`: {what}",
            path.display()
        )
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = rustix::fs::open(&path, flags, Mode::empty()).map_err(|error| failed(&error))?;
    let mut bytes = secrecy::zeroize::Zeroizing::new(Vec::new());
    File::from(opened)
        .take(KEY_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    let key = SessionKey::from_pkcs8(&bytes).map_err(|error| failed(&error))?;
    if key.to_public_text() == public {
        return Ok(key);
    }
    Err(failed(&"it is another key than the journal names"))
}

/// Where checkpoints go besides clients and the file beside the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Away {
    /// Files they are appended to, such as one on another host's disk.
    pub files: Vec<PathBuf>,
    /// A program that gets each on its standard input.
    pub command: Option<Vec<String>>,
    /// A file that root's rules name. Who owns the session cannot say where it leads, so it counts as outside.
    pub ruled_file: Option<PathBuf>,
    /// A program that root's rules name, in place of the other; it counts as outside too.
    pub ruled_command: Option<Vec<String>>,
}

/// The session's key and what it has signed.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    key: Option<SessionKey>,
    key_file: PathBuf,
    outbox: Outbox,
    newest: Option<SignedCheckpoint>,
    /// Newest record that a checkpoint covers.
    newest_head: Option<Seq>,
    /// When the newest one was made.
    last_made: Option<Instant>,
    /// When the oldest record came that no checkpoint covers.
    uncovered: Option<Instant>,
}

impl Checkpoints {
    /// The checkpoints of a session. Without its key none are made, and the second value says so.
    pub(crate) fn open(dir: &Path, genesis: &Genesis, away: &Away) -> (Self, Option<String>) {
        let key = genesis
            .session_key
            .as_deref()
            .map(|public| read_key(dir, public));
        let (key, trouble) = match key {
            None => (None, None),
            Some(Ok(key)) => (Some(key), None),
            Some(Err(trouble)) => (None, Some(trouble)),
        };
        let mut outlets = vec![
            (Outlet::File(dir.join(CHECKPOINTS_FILE)), false),
            (Outlet::SystemLog, false),
        ];
        let outlets_of = |files: &mut dyn Iterator<Item = &PathBuf>,
                          command: Option<&Vec<String>>| {
            let files = files.cloned().map(Outlet::File);
            let command = command.cloned().map(Outlet::Command);
            files.chain(command).collect::<Vec<_>>()
        };
        let own = outlets_of(&mut away.files.iter(), away.command.as_ref());
        let ruled = outlets_of(&mut away.ruled_file.iter(), away.ruled_command.as_ref());
        outlets.extend(own.into_iter().map(|outlet| (outlet, false)));
        outlets.extend(ruled.into_iter().map(|outlet| (outlet, true)));
        let checkpoints = Self {
            key,
            key_file: dir.join(KEY_FILE),
            outbox: Outbox::new(outlets),
            newest: None,
            newest_head: None,
            last_made: None,
            uncovered: None,
        };
        (checkpoints, trouble)
    }

    /// Takes what carries checkpoints away, to be run beside the session.
    pub(crate) const fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// The newest one.
    pub(crate) const fn newest(&self) -> Option<&SignedCheckpoint> {
        self.newest.as_ref()
    }

    /// Newest record that the newest one covers.
    pub(crate) const fn newest_head(&self) -> Option<Seq> {
        self.newest_head
    }

    /// When the newest one was made.
    pub(crate) const fn last_made(&self) -> Option<Instant> {
        self.last_made
    }

    /// When the next one has to be made, if records wait for one.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.key.as_ref()?;
        Some(self.uncovered? + EVERY)
    }

    /// True when these durable records call for a checkpoint now.
    pub(crate) fn is_due(&mut self, stamped: &[Stamped]) -> bool {
        if self.key.is_none() {
            return false;
        }
        let now = Instant::now();
        if !stamped.is_empty() {
            self.uncovered.get_or_insert(now);
        }
        let is_late = self.due().is_some_and(|due| due <= now);
        is_late || stamped.iter().any(|record| is_due_after(&record.fact))
    }

    /// Makes one.
    pub(crate) fn make(
        &mut self,
        genesis: (&Genesis, Digest),
        head: (Seq, Digest),
        bytes: u64,
        time: Timestamp,
    ) -> Option<SignedCheckpoint> {
        let key = self.key.as_ref()?;
        let checkpoint = Checkpoint {
            session: genesis.0.session.clone(),
            genesis: genesis.1,
            head,
            bytes,
            time,
        };
        self.uncovered = None;
        let signed = checkpoint
            .print()
            .map_err(|error| error.to_string())
            .and_then(|document| {
                let signature = key.sign(NAMESPACE, document.as_bytes());
                let signature = signature.map_err(|error| error.to_string())?;
                Ok(SignedCheckpoint {
                    document,
                    signature,
                })
            });
        match signed {
            Ok(signed) => {
                self.outbox.put(&signed);
                self.newest = Some(signed.clone());
                self.newest_head = Some(head.0);
                self.last_made = Some(Instant::now());
                Some(signed)
            }
            Err(error) => {
                tracing::error!(%error, "a checkpoint could not be made");
                None
            }
        }
    }

    /// Destroys the key of a session that nobody can take up again.
    pub(crate) fn destroy(&mut self) {
        if self.key.take().is_some()
            && let Err(error) = std::fs::remove_file(&self.key_file)
        {
            tracing::error!(%error, "the session's key could not be destroyed");
        }
    }
}
