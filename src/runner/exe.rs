//! Finding and hashing executables.

use super::spawn::StartError;
use super::{Exe, Job};
use crate::domain::digest::Digest;
use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags};
use rustix::io::FdFlags;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};

/// Largest executable that is hashed: several times the largest ones in use, and a few seconds of work.
pub const EXE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Read at once while hashing.
const READ_BYTES: usize = 64 * 1024;

/// No executable for a program name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Depends on the working directory.
    #[error("program `{program}` is a relative path")]
    Relative {
        /// The program as given.
        program: String,
    },
    /// A directory in the search path depends on the working directory; an empty one means it.
    #[error("the search path holds a directory that is not absolute: `{entry}`")]
    RelativeEntry {
        /// The entry as given.
        entry: String,
    },
    /// The empty text, a NUL byte, or a path with `..` in it.
    #[error("`{program}` does not name a program")]
    Name {
        /// The program as given.
        program: String,
    },
    /// In none of the directories.
    #[error("program `{program}` is not in the search path: `{path}`")]
    NotFound {
        /// The program as given.
        program: String,
        /// The search path.
        path: String,
    },
    /// Not there.
    #[error("program `{}` does not exist", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// There, but a directory or a device.
    #[error("program `{}` is not a file", .path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// There, but this account may not execute it.
    #[error("program `{}` is not executable", .path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
    /// Whether it can be executed cannot be found out, for instance because a directory above it is closed.
    #[error("program `{}` cannot be looked at: {reason}", .path.display())]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The kernel would not execute it, and the C library would hand it to a shell nobody asked for.
    #[error("program `{}` is neither a binary nor a script that starts with `#!`", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
}

impl ResolveError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Relative { .. } | Self::Name { .. } => {
                "write the absolute path, or the bare name of a program in the search path"
            }
            Self::RelativeEntry { .. } => "use only absolute directories in `PATH`",
            Self::NotFound { .. } | Self::Missing { .. } => {
                "install the program on this host, or correct its name or `PATH`"
            }
            Self::NotAFile { .. } => "name a file",
            Self::Unreachable { .. } => "check the directories above it and the account",
            Self::NotExecutable { .. } => {
                "run `chmod +x`, and check the account and the mount options"
            }
            Self::Format { .. } => "start the script with `#!` and its interpreter",
        }
    }
}

/// Finds the file that a program name means, without regard to the working directory.
///
/// `path_env` is the text of `PATH`: directories with `:` between. Files in it that cannot be executed are passed over
/// as the shell does, and named when nothing better follows. Symbolic links are followed but not resolved in the
/// answer, because some programs act by the name they are called by.
///
/// # Errors
/// [`ResolveError`], by the first reason that applies.
pub fn resolve_exe(program: &str, path_env: &str) -> Result<PathBuf, ResolveError> {
    let name = || program.to_owned();
    if program.is_empty() || program.contains('\0') || matches!(program, "." | "..") {
        return Err(ResolveError::Name { program: name() });
    }
    if program.contains('/') {
        let path = PathBuf::from(program);
        if !path.is_absolute() {
            return Err(ResolveError::Relative { program: name() });
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(ResolveError::Name { program: name() });
        }
        return check_exe(&path).map(|()| path);
    }
    let mut passed_over = None;
    for entry in path_env.split(':') {
        if !entry.starts_with('/') {
            let entry = entry.to_owned();
            return Err(ResolveError::RelativeEntry { entry });
        }
        let path = Path::new(entry).join(program);
        match check_exe(&path) {
            Ok(()) => return Ok(path),
            Err(ResolveError::Missing { .. }) => {}
            Err(other) => passed_over = passed_over.or(Some(other)),
        }
    }
    Err(passed_over.unwrap_or_else(|| ResolveError::NotFound {
        program: name(),
        path: path_env.to_owned(),
    }))
}

/// Whether a file can be executed by this account, without a shell being added.
fn check_exe(path: &Path) -> Result<(), ResolveError> {
    let path_owned = || path.to_path_buf();
    let unreachable = |error: &io::Error| ResolveError::Unreachable {
        path: path_owned(),
        reason: error.to_string(),
    };
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            ResolveError::Missing { path: path_owned() }
        }
        _ => unreachable(&error),
    })?;
    if !metadata.is_file() {
        return Err(ResolveError::NotAFile { path: path_owned() });
    }
    if rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_err() {
        return Err(ResolveError::NotExecutable { path: path_owned() });
    }
    let mut head = Vec::new();
    match open_regular(path).and_then(|file| file.take(4).read_to_end(&mut head)) {
        Ok(_) if head.starts_with(b"#!") || head == *b"\x7fELF" => Ok(()),
        Ok(_) => Err(ResolveError::Format { path: path_owned() }),
        // A file that may be executed but not read (`sudo` on some systems) cannot be a script.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(unreachable(&error)),
    }
}

/// A file without a digest.
#[derive(Debug, thiserror::Error)]
pub enum DigestFileError {
    /// It cannot be opened or read, or is not a file.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Larger than anything that is hashed.
    #[error("`{}` is larger than the limit of {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

/// SHA-256 of a file of at most [`EXE_BYTES_MAX`] bytes. Blocks while it reads.
///
/// Says nothing of the file that is executed later; [`super::Exe::Reviewed`] has that one hashed.
///
/// # Errors
/// [`DigestFileError`].
pub fn digest_file(path: &Path) -> Result<Digest, DigestFileError> {
    digest_at_most(path, EXE_BYTES_MAX)
}

fn digest_at_most(path: &Path, limit: u64) -> Result<Digest, DigestFileError> {
    let file = open_regular(path).map_err(|source| DigestFileError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    digest_of(&file, path, limit)
}

/// A file that is about to be executed.
#[derive(Debug)]
pub(super) enum Program {
    /// Found by its path.
    Found(PathBuf),
    /// The very file that was hashed, whatever its path means by now.
    Hashed(File),
}

impl Program {
    /// Finds the file of a job, or opens the reviewed one and hashes it. Blocks.
    pub(super) fn open(job: &Job) -> Result<Self, StartError> {
        let (path, reviewed) = match &job.exe {
            Exe::Named => {
                let program = job.argv.first().ok_or(StartError::NoArguments)?;
                let search = job.env.get("PATH").map_or("", String::as_str);
                return Ok(Self::Found(resolve_exe(program, search)?));
            }
            Exe::Reviewed { path, digest } => (path, digest),
        };
        if !path.is_absolute() {
            let path = path.clone();
            return Err(StartError::Relative { path });
        }
        check_exe(path)?;
        let file = open_regular(path).map_err(|source| DigestFileError::Read {
            path: path.clone(),
            source,
        })?;
        if digest_of(&file, path, EXE_BYTES_MAX)? != *reviewed {
            let path = path.clone();
            return Err(StartError::Changed { path });
        }
        // The interpreter of a script opens it once more, after the kernel has closed what does not outlive `exec`.
        let mut head = [0; 2];
        if file.read_at(&mut head, 0).is_ok() && head == *b"#!" {
            rustix::io::fcntl_setfd(&file, FdFlags::empty()).map_err(|error| {
                DigestFileError::Read {
                    path: path.clone(),
                    source: error.into(),
                }
            })?;
        }
        Ok(Self::Hashed(file))
    }

    /// What is handed to `exec`, good in a child of this process as long as `self` lives.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Found(path) => path.clone(),
            Self::Hashed(file) => PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())),
        }
    }
}

fn digest_of(mut file: &File, path: &Path, limit: u64) -> Result<Digest, DigestFileError> {
    let failed = |source| DigestFileError::Read {
        path: path.to_path_buf(),
        source,
    };
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; READ_BYTES];
    let mut total = 0_u64;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok(finish(context)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        total = total.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if total > limit {
            let path = path.to_path_buf();
            return Err(DigestFileError::TooLarge { path, limit });
        }
        context.update(buffer.get(..read).unwrap_or_default());
    }
}

/// The digest of what an incremental hash has seen.
pub(super) fn finish(context: ring::digest::Context) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Digest::from_bytes(bytes)
}

/// Opens a regular file for reading; never waits for the other end of a FIFO.
fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn put(directory: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn names_are_found_in_the_order_of_the_search_path() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let blocked = put(one.path(), "tool", "#!/bin/sh\n", 0o644);
        let path_env = format!("{}:{}", one.path().display(), two.path().display());
        let found = resolve_exe("tool", &path_env);
        assert_eq!(found, Err(ResolveError::NotExecutable { path: blocked }));
        let second = put(two.path(), "tool", "#!/bin/sh\n", 0o755);
        assert_eq!(resolve_exe("tool", &path_env), Ok(second));
        put(one.path(), "tool", "#!/bin/sh\n", 0o755);
        assert_eq!(resolve_exe("tool", &path_env), Ok(one.path().join("tool")));
        assert!(matches!(
            resolve_exe("other", &path_env),
            Err(ResolveError::NotFound { .. })
        ));
    }

    #[test]
    fn nothing_depends_on_the_working_directory() {
        for program in ["./sh", "bin/sh", "../sh"] {
            let program = program.to_owned();
            assert_eq!(
                resolve_exe(&program, "/bin"),
                Err(ResolveError::Relative { program })
            );
        }
        for entry in ["", ".", "bin"] {
            let found = resolve_exe("no-such-program", &format!("/bin:{entry}"));
            let entry = entry.to_owned();
            assert_eq!(found, Err(ResolveError::RelativeEntry { entry }));
        }
        for program in ["", "..", "/bin/../bin/sh", "a\0b"] {
            let program = program.to_owned();
            assert_eq!(
                resolve_exe(&program, "/bin"),
                Err(ResolveError::Name { program })
            );
        }
    }

    #[test]
    fn a_path_must_be_an_executable_file_with_an_interpreter() {
        let directory = tempfile::tempdir().unwrap();
        let resolve = |path: &Path| resolve_exe(path.to_str().unwrap(), "/bin");
        assert!(resolve(Path::new("/bin/sh")).is_ok());
        assert!(matches!(
            resolve(directory.path()),
            Err(ResolveError::NotAFile { .. })
        ));
        let looped = directory.path().join("looped");
        std::os::unix::fs::symlink(&looped, &looped).unwrap();
        assert!(matches!(
            resolve(&looped),
            Err(ResolveError::Unreachable { .. })
        ));
        let missing = directory.path().join("missing");
        assert!(matches!(
            resolve(&missing),
            Err(ResolveError::Missing { .. })
        ));
        let bare = put(directory.path(), "bare", "echo hello\n", 0o755);
        assert_eq!(
            resolve(&bare),
            Err(ResolveError::Format { path: bare.clone() })
        );
        let empty = put(directory.path(), "empty", "", 0o755);
        assert!(matches!(resolve(&empty), Err(ResolveError::Format { .. })));
    }

    #[test]
    fn digests_stop_at_the_limit_and_at_things_that_are_not_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = put(directory.path(), "x", "hello", 0o600);
        assert_eq!(digest_file(&path).unwrap(), Digest::of(b"hello"));
        assert_eq!(digest_at_most(&path, 5).unwrap(), Digest::of(b"hello"));
        let refused = digest_at_most(&path, 4);
        assert!(matches!(
            refused,
            Err(DigestFileError::TooLarge { limit: 4, .. })
        ));
        assert!(matches!(
            digest_file(Path::new("/dev/zero")),
            Err(DigestFileError::Read { .. })
        ));
        assert!(digest_file(&directory.path().join("missing")).is_err());
    }
}
