//! Nonces are spent once, durably, before anything runs (`TWO_PERSON` 4.5).
//!
//! The directory lives with the runner and not with the session: whoever restores an old session directory brings no
//! nonce back.

use super::name::RunName;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Nobody else looks into the runner's directories.
const DIR_MODE: u32 = 0o700;

/// Why a nonce could not be spent; then nothing may run.
#[derive(Debug, thiserror::Error)]
pub enum SpendError {
    /// It was spent before: this is a replay.
    #[error("`{0}` was spent before")]
    Spent(RunName),
    /// It cannot be made durable.
    #[error("cannot record the nonce in `{}`: {source}", .path.display())]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The runner's memory of what it ever ran.
#[derive(Debug)]
pub struct Spent {
    directory: PathBuf,
    handle: File,
}

impl Spent {
    /// Opens the directory `spent` in the runner's state directory, and makes it when it is not there.
    ///
    /// # Errors
    /// What the file system says; a directory of another account, or one that others may write, is refused.
    pub fn open(state: &Path) -> io::Result<Self> {
        let directory = state.join("spent");
        Ok(Self {
            handle: own_directory(&directory)?,
            directory,
        })
    }

    /// True when it was spent. Only [`Spent::spend`] decides; this is for saying so early.
    pub fn has(&self, run: &RunName) -> bool {
        self.directory
            .join(run.to_string())
            .symlink_metadata()
            .is_ok()
    }

    /// Spends the name of a run: when this returns, no crash brings it back. `line` says what for, for people.
    ///
    /// # Errors
    /// [`SpendError`]; nothing may run then.
    pub fn spend(&self, run: &RunName, line: &str) -> Result<(), SpendError> {
        let name = run.to_string();
        let path = self.directory.join(&name);
        let disk = |source: io::Error| SpendError::Disk {
            path: path.clone(),
            source,
        };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let private = Mode::RUSR | Mode::WUSR;
        let made = rustix::fs::openat(&self.handle, &name, flags | OFlags::CLOEXEC, private);
        let mut file = match made {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::EXIST) => return Err(SpendError::Spent(run.clone())),
            Err(errno) => return Err(disk(errno.into())),
        };
        file.write_all(line.as_bytes())
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.sync_all())
            .and_then(|()| self.handle.sync_all())
            .map_err(disk)
    }
}

/// Makes a directory for this account alone, durably, and opens it.
///
/// # Errors
/// What the file system says, and a refusal of one that others own or may write.
pub(super) fn own_directory(path: &Path) -> io::Result<File> {
    match std::fs::DirBuilder::new().mode(DIR_MODE).create(path) {
        Ok(()) => {
            if let Some(parent) = path.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = handle.metadata()?;
    let is_own = meta.uid() == rustix::process::geteuid().as_raw();
    if is_own && meta.mode() & 0o022 == 0 {
        Ok(handle)
    } else {
        let why = format!("`{}` belongs to or is written by others", path.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(byte: u8) -> RunName {
        RunName::forward(crate::domain::id::Nonce::from_bytes([byte; 16]))
    }

    #[test]
    fn a_nonce_is_spent_once_for_ever() {
        let state = tempfile::tempdir().expect("a directory");
        let spent = Spent::open(state.path()).expect("open");
        assert!(!spent.has(&nonce(1)));
        spent.spend(&nonce(1), "drain 1").expect("fresh");
        let again = spent.spend(&nonce(1), "drain 1");
        assert!(matches!(again, Err(SpendError::Spent(n)) if n == nonce(1)));
        spent.spend(&nonce(2), "drain 2").expect("fresh");
        drop(spent);
        let reopened = Spent::open(state.path()).expect("open");
        assert!(reopened.has(&nonce(1)) && reopened.has(&nonce(2)));
        assert!(reopened.spend(&nonce(2), "drain 2").is_err());
        let back = nonce(2).undo(1).expect("within bounds");
        reopened.spend(&back, "undrain 2").expect("fresh");
        assert!(reopened.spend(&back, "undrain 2").is_err());
    }

    #[test]
    fn a_directory_that_others_may_write_is_no_memory() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().expect("a directory");
        drop(Spent::open(state.path()).expect("open"));
        let open = std::fs::Permissions::from_mode(0o770);
        std::fs::set_permissions(state.path().join("spent"), open).expect("chmod");
        assert!(Spent::open(state.path()).is_err());
    }

    #[test]
    fn what_cannot_be_recorded_is_not_spent() {
        let state = tempfile::tempdir().expect("a directory");
        let spent = Spent::open(state.path()).expect("open");
        std::fs::remove_dir(state.path().join("spent")).expect("gone");
        let refused = spent.spend(&nonce(1), "drain 1");
        assert!(matches!(refused, Err(SpendError::Disk { .. })));
    }
}
