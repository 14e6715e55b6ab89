//! Where a session's socket is, and whether the way to it can be trusted (`TWO_PERSON` 8.1).
//!
//! Both ends use the same checks: a directory that somebody else can write lets them put their own server in the
//! socket's place, so it is refused before anything is sent.

use crate::domain::id::SessionName;
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// File name of the socket in a session's runtime directory.
pub const SOCKET: &str = "sock";

/// Why a place is not to be trusted, or not there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Nothing is there.
    #[error("no session `{name}` found in {}", list(.looked))]
    NotFound {
        /// The session.
        name: String,
        /// Where was looked.
        looked: Vec<PathBuf>,
    },
    /// The directory or socket could not be looked at.
    #[error("cannot look at `{}`", .path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody else could have put something in this place.
    #[error("`{}` is not safe: {what}", .path.display())]
    Unsafe {
        /// What.
        path: PathBuf,
        /// In which way.
        what: String,
    },
}

impl PlaceError {
    /// What a person can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some("`warroom ls` lists the sessions you can reach".to_owned()),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => Some(
                "sessions that several accounts share need `server.runtime_dir` and `server.group` in `config.toml`"
                    .to_owned(),
            ),
            Self::Io { .. } => None,
            Self::Unsafe { path, .. } => Some(format!(
                "its owner must be root, you or the session's account, and nobody else may write it: `ls -ld {}`",
                path.display()
            )),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|p| format!("`{}`", p.display()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A session's socket that passed [`find`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The socket.
    pub socket: PathBuf,
    /// Owner of the session's directory: the account its server must have.
    pub owner_uid: u32,
}

/// Looks for a session below each runtime directory in turn.
///
/// # Errors
/// [`PlaceError::NotFound`] when none has it; [`PlaceError::Unsafe`] when the one that has it cannot be trusted.
pub fn find(
    name: &SessionName,
    runtime_dirs: &[PathBuf],
    my_uid: u32,
) -> Result<Place, PlaceError> {
    for runtime in runtime_dirs {
        let dir = runtime.join(name.as_str());
        match std::fs::symlink_metadata(&dir) {
            Ok(_) => return check(&dir, my_uid),
            Err(source) if source.kind() == std::io::ErrorKind::PermissionDenied => {
                return Err(PlaceError::Io { path: dir, source });
            }
            Err(_) => {}
        }
    }
    Err(PlaceError::NotFound {
        name: name.to_string(),
        looked: runtime_dirs.to_vec(),
    })
}

/// Checks a session's directory, the directories above it, and its socket.
fn check(dir: &Path, my_uid: u32) -> Result<Place, PlaceError> {
    let meta = look(dir)?;
    if !meta.is_dir() {
        return Err(unsafe_place(dir, "it is not a directory"));
    }
    let owner_uid = meta.uid();
    if meta.permissions().mode() & 0o022 != 0 {
        return Err(unsafe_place(dir, "others than its owner can write it"));
    }
    check_above(dir, owner_uid, my_uid)?;
    let socket = dir.join(SOCKET);
    let socket_meta = look(&socket)?;
    if !socket_meta.file_type().is_socket() {
        return Err(unsafe_place(&socket, "it is not a socket"));
    }
    if socket_meta.uid() != owner_uid {
        return Err(unsafe_place(
            &socket,
            "it belongs to another account than its directory",
        ));
    }
    Ok(Place { socket, owner_uid })
}

/// Checks every directory above `dir`: owned by root, by me or by the session's account, and writable by others
/// only where the sticky bit keeps them from replacing what is not theirs.
///
/// # Errors
/// [`PlaceError::Unsafe`] with the directory that fails.
pub fn check_above(dir: &Path, owner_uid: u32, my_uid: u32) -> Result<(), PlaceError> {
    for above in dir.ancestors().skip(1) {
        if above.as_os_str().is_empty() {
            continue;
        }
        let meta = look(above)?;
        if meta.file_type().is_symlink() {
            return Err(unsafe_place(above, "it is a symbolic link"));
        }
        let owner = meta.uid();
        if owner != 0 && owner != my_uid && owner != owner_uid {
            return Err(unsafe_place(above, "it belongs to a third account"));
        }
        let mode = meta.permissions().mode();
        let is_sticky = mode & 0o1000 != 0;
        if mode & 0o022 != 0 && !is_sticky {
            return Err(unsafe_place(
                above,
                "others than its owner can write it and it has no sticky bit",
            ));
        }
    }
    Ok(())
}

/// The runtime directory itself is never world-writable, sticky or not: anybody could squat on session names.
///
/// # Errors
/// [`PlaceError::Unsafe`] when it is.
pub fn check_runtime_dir(dir: &Path, my_uid: u32) -> Result<(), PlaceError> {
    let meta = look(dir)?;
    if !meta.is_dir() {
        return Err(unsafe_place(dir, "it is not a directory"));
    }
    let mode = meta.permissions().mode();
    if mode & 0o002 != 0 {
        return Err(unsafe_place(dir, "everybody can write it"));
    }
    if mode & 0o020 != 0 && mode & 0o1000 == 0 {
        return Err(unsafe_place(
            dir,
            "its group can write it and it has no sticky bit",
        ));
    }
    if meta.uid() != 0 && meta.uid() != my_uid {
        return Err(unsafe_place(dir, "it belongs to another account"));
    }
    check_above(dir, my_uid, my_uid)
}

fn look(path: &Path) -> Result<Metadata, PlaceError> {
    std::fs::symlink_metadata(path).map_err(|source| PlaceError::Io {
        path: path.to_owned(),
        source,
    })
}

fn unsafe_place(path: &Path, what: &str) -> PlaceError {
    PlaceError::Unsafe {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}

/// Names of the sessions below the runtime directories, sorted, each once.
pub fn names(runtime_dirs: &[PathBuf]) -> Vec<SessionName> {
    let mut names: Vec<SessionName> = runtime_dirs
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flat_map(|entries| entries.filter_map(Result::ok).take(LISTED_MAX))
        .filter_map(|entry| SessionName::new(entry.file_name().to_str()?).ok())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Entries looked at per directory: more sessions than this on one host is a directory that is not ours.
const LISTED_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
    }

    fn session() -> (tempfile::TempDir, PathBuf, SessionName) {
        let base = tempfile::tempdir().expect("temp dir");
        mode(base.path(), 0o755);
        let dir = base.path().join("db");
        std::fs::create_dir(&dir).expect("mkdir");
        mode(&dir, 0o750);
        (base, dir, SessionName::new("db").expect("valid"))
    }

    fn me() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    #[test]
    fn a_session_of_mine_is_found() {
        let (base, dir, name) = session();
        let _socket = UnixListener::bind(dir.join(SOCKET)).expect("bind");
        let place = find(&name, &[base.path().to_owned()], me()).expect("found");
        assert_eq!(place.owner_uid, me());
    }

    #[test]
    fn a_directory_others_can_write_is_refused() {
        let (base, dir, name) = session();
        let _socket = UnixListener::bind(dir.join(SOCKET)).expect("bind");
        mode(&dir, 0o770);
        let error = find(&name, &[base.path().to_owned()], me()).expect_err("refused");
        assert!(matches!(error, PlaceError::Unsafe { .. }), "{error}");
        mode(&dir, 0o750);
        mode(base.path(), 0o777);
        assert!(find(&name, &[base.path().to_owned()], me()).is_err());
        assert!(check_runtime_dir(base.path(), me()).is_err());
    }

    #[test]
    fn a_file_in_the_sockets_place_is_refused() {
        let (base, dir, name) = session();
        std::fs::write(dir.join(SOCKET), b"").expect("write");
        let error = find(&name, &[base.path().to_owned()], me()).expect_err("refused");
        assert!(error.to_string().contains("not a socket"), "{error}");
    }

    #[test]
    fn an_unknown_session_says_where_was_looked() {
        let (base, _dir, _name) = session();
        let other = SessionName::new("other").expect("valid");
        let error = find(&other, &[base.path().to_owned()], me()).expect_err("not found");
        assert!(
            error
                .to_string()
                .contains(&base.path().display().to_string())
        );
        assert!(error.hint().is_some());
    }
}
