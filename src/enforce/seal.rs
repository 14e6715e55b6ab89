//! A sealed copy of an executable: the bytes that were hashed are the bytes that run.
//!
//! Whoever may write the file can change it at any time; nobody can change the copy, not even its owner, once the
//! seals are on it. The digest is taken of the copy, after sealing.

use crate::domain::digest::Digest;
use crate::runner::EXE_BYTES_MAX;
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};

/// Read at once.
const READ_BYTES: usize = 64 * 1024;

/// Why there is no sealed copy.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is too large to be copied.
    #[error("`{}` is larger than {EXE_BYTES_MAX} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The kernel gives no memory file, or does not seal it.
    #[error("cannot make a sealed copy: {source}")]
    Memory {
        /// Why.
        source: io::Error,
    },
    /// Other bytes than those that were reviewed.
    #[error("`{}` has digest {found} and was reviewed as {reviewed}", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: Digest,
        /// What it must have.
        reviewed: Digest,
    },
    /// The C library would hand it to a shell nobody asked for.
    #[error("`{}` is neither a binary nor a script that starts with `#!`", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The working directory is missing, no directory, or reached through a link.
    #[error("working directory `{}` cannot be used: {source}", .path.display())]
    Cwd {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A sealed memory file that may be executed.
#[derive(Debug)]
pub struct Sealed {
    file: File,
    /// Starts with `#!`: its interpreter opens it once more.
    is_script: bool,
}

impl Sealed {
    /// Opens a file once, copies it, seals the copy, and compares the copy's digest with the reviewed one. Blocks.
    ///
    /// # Errors
    /// [`SealError`]; then nothing may be executed.
    pub fn copy_of(path: &Path, reviewed: Digest) -> Result<Self, SealError> {
        let source = open(path).map_err(|source| read_error(path, source))?;
        let mut copy = memory("warroom-exe")?;
        copy_all(source, &mut copy, path)?;
        seal(&copy)?;
        let found = digest_of(&copy, path)?;
        if found != reviewed {
            let path = path.to_path_buf();
            return Err(SealError::Changed {
                path,
                found,
                reviewed,
            });
        }
        let mut head = [0; 4];
        let filled = copy.read_at(&mut head, 0).unwrap_or(0);
        let head = head.get(..filled).unwrap_or_default();
        let is_script = head.starts_with(b"#!");
        if !is_script && head != b"\x7fELF" {
            let path = path.to_path_buf();
            return Err(SealError::Format { path });
        }
        Ok(Self {
            file: copy,
            is_script,
        })
    }

    /// True for a script, whose descriptor must stay open in the process that it becomes.
    pub const fn is_script(&self) -> bool {
        self.is_script
    }

    /// The memory file.
    pub const fn file(&self) -> &File {
        &self.file
    }
}

/// A sealed memory file with these bytes, at its start: standard input that nobody can change.
///
/// # Errors
/// [`SealError::Memory`].
pub fn blob(bytes: &[u8]) -> Result<File, SealError> {
    let mut file = memory("warroom-stdin")?;
    file.write_all(bytes)
        .map_err(|source| SealError::Memory { source })?;
    seal(&file)?;
    std::io::Seek::rewind(&mut file).map_err(|source| SealError::Memory { source })?;
    Ok(file)
}

/// Opens a directory by its absolute path without following a link anywhere in it.
///
/// # Errors
/// [`SealError::Cwd`].
pub fn directory(path: &Path) -> Result<OwnedFd, SealError> {
    let failed = |source: io::Error| SealError::Cwd {
        path: path.to_path_buf(),
        source,
    };
    let is_plain = path.is_absolute()
        && path
            .components()
            .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !is_plain {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    // Piece by piece: `RestrictSUIDSGID=` of the runner's unit takes `openat2` away.
    let open = |at: BorrowedFd<'_>, part: &OsStr| {
        rustix::fs::openat(at, part, flags, Mode::empty()).map_err(|errno| failed(errno.into()))
    };
    let mut reached = open(CWD, OsStr::new("/"))?;
    for part in path.components() {
        if let Component::Normal(part) = part {
            reached = open(reached.as_fd(), part)?;
        }
    }
    Ok(reached)
}

fn read_error(path: &Path, source: io::Error) -> SealError {
    let path = path.to_path_buf();
    SealError::Read { path, source }
}

/// Opens a regular file; never waits for the other end of a FIFO.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
    }
}

fn memory(name: &str) -> Result<File, SealError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels since 6.3 may deny execution unless it is asked for; older ones do not know the flag.
    let made = rustix::fs::memfd_create(name, flags | MemfdFlags::EXEC)
        .or_else(|_| rustix::fs::memfd_create(name, flags));
    made.map(File::from).map_err(|errno| SealError::Memory {
        source: errno.into(),
    })
}

fn seal(file: &File) -> Result<(), SealError> {
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(file, seals).map_err(|errno| SealError::Memory {
        source: errno.into(),
    })
}

fn copy_all(mut from: File, to: &mut File, path: &Path) -> Result<(), SealError> {
    let mut buffer = vec![0; READ_BYTES];
    let mut total = 0_u64;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_error(path, error)),
        };
        total = total.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if total > EXE_BYTES_MAX {
            let path = path.to_path_buf();
            return Err(SealError::TooLarge { path });
        }
        to.write_all(buffer.get(..read).unwrap_or_default())
            .map_err(|source| SealError::Memory { source })?;
    }
}

fn digest_of(file: &File, path: &Path) -> Result<Digest, SealError> {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; READ_BYTES];
    let mut at = 0_u64;
    loop {
        let read = match file.read_at(&mut buffer, at) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_error(path, error)),
        };
        context.update(buffer.get(..read).unwrap_or_default());
        at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Ok(Digest::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tool");
        std::fs::write(&path, text).expect("write");
        (directory, path)
    }

    #[test]
    fn a_copy_has_the_reviewed_bytes_and_nobody_can_change_them() {
        let script = b"#!/bin/sh\necho hello\n";
        let (_directory, path) = put(script);
        let sealed = Sealed::copy_of(&path, Digest::of(script)).expect("sealed");
        assert!(sealed.is_script());
        std::fs::write(&path, b"#!/bin/sh\necho evil\n").expect("write");
        let mut bytes = vec![0; script.len()];
        sealed.file().read_exact_at(&mut bytes, 0).expect("read");
        assert_eq!(bytes, script);
        assert!(sealed.file().write_at(b"x", 0).is_err());
        assert!(sealed.file().write_at(b"x", 100).is_err());
        assert!(sealed.file().set_len(3).is_err());
        assert!(fcntl_add_seals(sealed.file(), SealFlags::FUTURE_WRITE).is_err());
        let seals = rustix::fs::fcntl_get_seals(sealed.file()).expect("seals");
        assert!(
            seals
                .contains(SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)
        );
    }

    #[test]
    fn other_bytes_and_what_a_shell_would_take_are_refused() {
        let (_directory, path) = put(b"#!/bin/sh\n");
        let refused = Sealed::copy_of(&path, Digest::of(b"other"));
        assert!(matches!(refused, Err(SealError::Changed { .. })));
        let (_directory, path) = put(b"echo hello\n");
        let refused = Sealed::copy_of(&path, Digest::of(b"echo hello\n"));
        assert!(matches!(refused, Err(SealError::Format { .. })));
        let refused = Sealed::copy_of(Path::new("/dev/zero"), Digest::of(b""));
        assert!(matches!(refused, Err(SealError::Read { .. })));
    }

    #[test]
    fn a_working_directory_is_reached_without_links() {
        let place = tempfile::tempdir().expect("a directory");
        let place = place.path().canonicalize().expect("real");
        std::fs::create_dir(place.join("real")).expect("made");
        std::os::unix::fs::symlink("real", place.join("link")).expect("linked");
        assert!(directory(&place.join("real")).is_ok());
        for path in ["link", "link/.", "real/../real", "missing"] {
            assert!(directory(&place.join(path)).is_err(), "{path}");
        }
        assert!(directory(Path::new("relative")).is_err());
    }

    #[test]
    fn standard_input_is_a_sealed_file_at_its_start() {
        let mut file = blob(b"select 1;\n").expect("a blob");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("read");
        assert_eq!(text, "select 1;\n");
        assert!(file.write_at(b"x", 0).is_err());
    }
}
