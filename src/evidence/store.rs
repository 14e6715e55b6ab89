//! A small file that all sessions of a host share: read, changed and durable before anybody is believed.

use crate::domain::confirm::breakglass::Uses;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Owner alone: who can write it can bring a spent code back.
const OWNER_ONLY: u32 = 0o600;
/// What group and others may do with the file.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);

/// Longest file: a thousand lines at the longest.
const FILE_MAX: usize = 128 * 1024;

/// How often another session's turn is waited for, and how long each time: a change takes a few milliseconds.
const TRIES: usize = 50;
const AGAIN: Duration = Duration::from_millis(20);

/// What such a file holds, as text.
pub trait Kept: Clone + Default + PartialEq {
    /// Reads what [`Kept::print`] writes, and no other text.
    ///
    /// # Errors
    /// [`LineFault`] with the first line that is not as it should be.
    fn parse(text: &str) -> Result<Self, LineFault>;

    /// The text of the file.
    fn print(&self) -> String;
}

/// A line that is not as this program writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LineFault {
    /// Line, from 1.
    pub line: usize,
    /// What was expected.
    pub what: &'static str,
}

impl Kept for Uses {
    fn parse(text: &str) -> Result<Self, LineFault> {
        Self::parse(text).map_err(|fault| LineFault {
            line: fault.line,
            what: fault.what,
        })
    }

    fn print(&self) -> String {
        self.print()
    }
}

/// A file on disk, shared by all sessions of a host.
#[derive(Debug, Clone)]
pub struct Store {
    dir: PathBuf,
    name: String,
}

/// Why the file could not be read or written. Whoever gets one must not accept what depended on it.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The system said no.
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another session changes it right now.
    #[error("`{}` is being changed by another session", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Others could put another file in its place.
    #[error("the directory `{}` is not this account's alone to write", path.display())]
    OpenToOthers {
        /// The directory.
        path: PathBuf,
    },
    /// Not a plain file of our own that nobody else can read.
    #[error("`{}` is not a plain file of this account with mode 0600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// Its text is damaged.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        source: LineFault,
    },
    /// Longer than it can be.
    #[error("`{}` is longer than 128 KiB", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

impl StoreFault {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => {
                "the directory must exist, belong to the server's account and have room; no code is accepted until then"
            }
            Self::OpenToOthers { .. } => {
                "find out who could write there; then `chown` it to the server's account and `chmod 0750` it"
            }
            Self::Busy { .. } => "type the code again",
            Self::Exposed { .. } => {
                "find out who changed it; then `chown` it to the server's account and `chmod 0600` it"
            }
            Self::Damaged { .. } | Self::TooLong { .. } => {
                "find out who changed it; if nobody can tell, remove it and wait two minutes, so that no spent code is still good"
            }
        }
    }
}

impl Store {
    /// The file `name` in a directory that must exist and belong to the server alone.
    pub fn new(dir: &Path, name: &str) -> Self {
        Self {
            dir: dir.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Lets `change` look at and change what is kept, alone, and gives its answer once what it changed is durable.
    ///
    /// # Errors
    /// [`StoreFault`]; what `change` did is then forgotten, and what it answered must not count.
    pub fn update<K: Kept, T>(&self, change: impl FnOnce(&mut K) -> T) -> Result<T, StoreFault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&self.dir, flags, Mode::empty())
            .map_err(|e| self.fault("open the directory of", e))?;
        let stat =
            rustix::fs::fstat(&dir).map_err(|e| self.fault("look at the directory of", e))?;
        if stat.st_mode & 0o022 != 0 || stat.st_uid != rustix::process::geteuid().as_raw() {
            let path = self.dir.clone();
            return Err(StoreFault::OpenToOthers { path });
        }
        // Held until the end of this function, whatever happens.
        let _lock = self.lock(&dir)?;
        let mut kept: K = self.read(&dir)?;
        let before = kept.clone();
        let answer = change(&mut kept);
        if kept != before {
            self.write(&dir, &kept.print())?;
        }
        Ok(answer)
    }

    /// As [`Store::update`]; another session that changes the file right now is waited for, a second at the longest. Blocks.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn update_in_turn<K: Kept, T>(
        &self,
        mut change: impl FnMut(&mut K) -> T,
    ) -> Result<T, StoreFault> {
        for _ in 0..TRIES {
            match self.update(&mut change) {
                Err(StoreFault::Busy { .. }) => std::thread::park_timeout(AGAIN),
                done => return done,
            }
        }
        self.update(&mut change)
    }

    fn lock(&self, dir: &OwnedFd) -> Result<OwnedFd, StoreFault> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = format!("{}.lock", self.name);
        let file = rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(OWNER_ONLY))
            .map_err(|e| self.fault("lock", e))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(Errno::WOULDBLOCK) => Err(StoreFault::Busy { path: self.path() }),
            Err(e) => Err(self.fault("lock", e)),
        }
    }

    fn read<K: Kept>(&self, dir: &OwnedFd) -> Result<K, StoreFault> {
        let path = self.path();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(dir, &self.name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(K::default()),
            Err(Errno::LOOP) => return Err(StoreFault::Exposed { path }),
            Err(e) => return Err(self.fault("open", e)),
        };
        let stat = rustix::fs::fstat(&file).map_err(|e| self.fault("look at", e))?;
        let is_ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && !Mode::from_raw_mode(stat.st_mode).intersects(OTHERS)
            && stat.st_uid == rustix::process::geteuid().as_raw();
        if !is_ours {
            return Err(StoreFault::Exposed { path });
        }
        let mut text = String::new();
        let limit = u64::try_from(FILE_MAX).unwrap_or(u64::MAX);
        let read = File::from(file)
            .take(limit.saturating_add(1))
            .read_to_string(&mut text);
        read.map_err(|source| self.io("read", source))?;
        if text.len() > FILE_MAX {
            return Err(StoreFault::TooLong { path });
        }
        K::parse(&text).map_err(|source| StoreFault::Damaged { path, source })
    }

    /// A new file beside the old one, durable, then in its place; the old one stays whole until then.
    fn write(&self, dir: &OwnedFd, text: &str) -> Result<(), StoreFault> {
        if text.len() > FILE_MAX {
            return Err(StoreFault::TooLong { path: self.path() });
        }
        let new = format!("{}.new", self.name);
        // Left by a crash: nobody else writes while we hold the lock.
        match rustix::fs::unlinkat(dir, &new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(self.fault("clear the way for", e)),
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(dir, &new, flags, Mode::from_raw_mode(OWNER_ONLY))
            .map_err(|e| self.fault("make", e))?;
        let mut file = File::from(file);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|source| self.io("write", source))?;
        rustix::fs::renameat(dir, &new, dir, &self.name).map_err(|e| self.fault("replace", e))?;
        rustix::fs::fsync(dir).map_err(|e| self.fault("make durable", e))
    }

    fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    fn fault(&self, what: &'static str, errno: Errno) -> StoreFault {
        self.io(what, errno.into())
    }

    fn io(&self, what: &'static str, source: io::Error) -> StoreFault {
        StoreFault::Io {
            what,
            path: self.path(),
            source,
        }
    }
}
