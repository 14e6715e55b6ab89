//! The directory of one session: held by one process at a time, its files opened without following links.

use super::error::JournalError;
use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Name of the journal in its session directory.
pub const JOURNAL_FILE: &str = "journal";
/// Name of the file that torn last records are moved to.
pub const TORN_FILE: &str = "journal.torn";

/// Source: `TWO_PERSON` 8.2.
const DIR_MODE: Mode = Mode::from_raw_mode(0o750);
/// Source: `TWO_PERSON` 8.2.
const FILE_MODE: Mode = Mode::from_raw_mode(0o640);

/// A session directory that this process alone may write to, as long as the value lives.
#[derive(Debug)]
pub struct SessionDir {
    fd: OwnedFd,
    path: PathBuf,
}

impl SessionDir {
    /// Opens a session directory, makes it (mode 0750) if it is not there, and locks it. Its parent must be there.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when another process has it; [`JournalError::Unsafe`] when it belongs to another
    /// user or others may write there; [`JournalError::Io`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let made = make_dir(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|e| refused("open directory", path, e))?;
        match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let path = path.to_owned();
                return Err(JournalError::Locked { path });
            }
            Err(error) => return Err(refused("lock", path, error)),
        }
        if made {
            // The mode given at creation is cut by the umask.
            rustix::fs::fchmod(&fd, DIR_MODE).map_err(|e| refused("set mode of", path, e))?;
        }
        let stat = rustix::fs::fstat(&fd).map_err(|e| refused("inspect", path, e))?;
        let unsafe_because = |why| JournalError::Unsafe {
            path: path.to_owned(),
            why,
        };
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(unsafe_because("it belongs to another user"));
        }
        if Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
            return Err(unsafe_because("others may write there"));
        }
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// The directory's path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file of the directory for reading and appending; makes it (mode 0640) if it is not there.
    ///
    /// # Errors
    /// [`JournalError::Unsafe`] when it is not a plain file; [`JournalError::Io`].
    pub(super) fn open_append(&self, name: &str) -> Result<File, JournalError> {
        let path = self.path.join(name);
        let flags =
            OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let open = |flags| rustix::fs::openat(&self.fd, name, flags, FILE_MODE);
        let (fd, made) = match open(flags) {
            Err(Errno::NOENT) => (open(flags | OFlags::CREATE | OFlags::EXCL), true),
            found => (found, false),
        };
        let fd = fd.map_err(|e| refused("open", &path, e))?;
        demand_plain_file(&fd, &path)?;
        if made {
            rustix::fs::fchmod(&fd, FILE_MODE).map_err(|e| refused("set mode of", &path, e))?;
            rustix::fs::fsync(&fd).map_err(|e| refused("sync", &path, e))?;
            rustix::fs::fsync(&self.fd).map_err(|e| refused("sync", &self.path, e))?;
        }
        Ok(File::from(fd))
    }
}

impl Drop for SessionDir {
    fn drop(&mut self) {
        // A child of this process, forked a moment ago and not yet the program it is to be, has a copy of the
        // descriptor: closing ours would leave the session locked until that one is closed too. Best effort: what
        // cannot be unlocked here is unlocked by that.
        rustix::fs::flock(&self.fd, FlockOperation::Unlock).ok();
    }
}

/// Opens a journal for reading only, without any lock.
///
/// # Errors
/// [`JournalError::Unsafe`] when it is not a plain file; [`JournalError::Io`].
pub(super) fn open_read(path: &Path) -> Result<File, JournalError> {
    // Without NONBLOCK, opening a named pipe would wait for its other end.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| refused("open", path, e))?;
    demand_plain_file(&fd, path)?;
    Ok(File::from(fd))
}

fn demand_plain_file(fd: &OwnedFd, path: &Path) -> Result<(), JournalError> {
    let stat = rustix::fs::fstat(fd).map_err(|e| refused("inspect", path, e))?;
    if FileType::from_raw_mode(stat.st_mode).is_file() {
        Ok(())
    } else {
        Err(JournalError::Unsafe {
            path: path.to_owned(),
            why: "it is not a plain file",
        })
    }
}

/// True when the directory was made just now; its name is durable then.
fn make_dir(path: &Path) -> Result<bool, JournalError> {
    match rustix::fs::mkdir(path, DIR_MODE) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Ok(false),
        Err(error) => return Err(refused("make directory", path, error)),
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| JournalError::Io {
            doing: "sync",
            path: parent.to_owned(),
            source,
        })?;
    Ok(true)
}

fn refused(doing: &'static str, path: &Path, error: Errno) -> JournalError {
    JournalError::Io {
        doing,
        path: path.to_owned(),
        source: io::Error::from(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        let meta = std::fs::metadata(path).expect("there");
        meta.permissions().mode() & 0o777
    }

    #[test]
    fn directory_and_files_get_their_modes() {
        let root = tempfile::tempdir().expect("temp dir");
        let path = root.path().join("s1");
        let dir = SessionDir::open(&path).expect("made");
        dir.open_append(JOURNAL_FILE).expect("made");
        assert_eq!(mode(&path), 0o750);
        assert_eq!(mode(&path.join(JOURNAL_FILE)), 0o640);
    }

    #[test]
    fn a_second_holder_is_refused_until_the_first_has_gone() {
        let root = tempfile::tempdir().expect("temp dir");
        let path = root.path().join("s1");
        let first = SessionDir::open(&path).expect("free");
        let error = SessionDir::open(&path).expect_err("held");
        assert!(matches!(&error, JournalError::Locked { path: p } if *p == path));
        assert!(error.to_string().contains("s1"));
        assert!(error.hint().is_some());
        drop(first);
        SessionDir::open(&path).expect("free again");
    }

    #[test]
    fn a_copy_of_the_descriptor_in_a_forked_child_does_not_keep_the_session_locked() {
        let root = tempfile::tempdir().expect("temp dir");
        let path = root.path().join("s1");
        let first = SessionDir::open(&path).expect("free");
        // What a child has between `fork` and `exec`.
        let copy = first.fd.try_clone().expect("a second descriptor");
        drop(first);
        SessionDir::open(&path).expect("free although a copy is open");
        drop(copy);
    }

    #[test]
    fn links_pipes_and_shared_directories_are_refused() {
        let root = tempfile::tempdir().expect("temp dir");
        let real = root.path().join("real");
        let link = root.path().join("link");
        let dir = SessionDir::open(&real).expect("made");
        symlink(&real, &link).expect("link");
        assert!(matches!(
            SessionDir::open(&link),
            Err(JournalError::Io { .. })
        ));

        symlink("/etc/passwd", real.join(JOURNAL_FILE)).expect("link");
        assert!(matches!(
            dir.open_append(JOURNAL_FILE),
            Err(JournalError::Io { .. })
        ));
        let pipe = real.join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, FILE_MODE, 0).expect("pipe");
        assert!(matches!(open_read(&pipe), Err(JournalError::Unsafe { .. })));

        let shared = root.path().join("shared");
        std::fs::create_dir(&shared).expect("dir");
        std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).expect("mode");
        assert!(matches!(
            SessionDir::open(&shared),
            Err(JournalError::Unsafe { .. })
        ));
    }
}
