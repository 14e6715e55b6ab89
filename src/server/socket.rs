//! The session's socket: made in a private place, then moved to where clients look (`TWO_PERSON` 8.1).

use crate::domain::id::SessionName;
use crate::wire::place::{self, PlaceError, SOCKET};
use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Bytes a socket's path may have: the kernel's `sun_path` is 108 with its ending zero.
const PATH_MAX: usize = 107;

/// What can go wrong while the socket is made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The runtime directory cannot be trusted.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A file operation failed.
    #[error("cannot {doing} `{}`", .path.display())]
    Io {
        /// What was done: `make`, `listen on`.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A live server has the name in this runtime directory, with its journal somewhere else.
    #[error("another session of this name answers on `{}`", .0.display())]
    InUse(PathBuf),
    /// The kernel takes no longer path.
    #[error("the socket's path `{}` is longer than {PATH_MAX} bytes", .0.display())]
    PathTooLong(PathBuf),
}

impl SocketError {
    /// What a person can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Place(error) => error.hint(),
            Self::Io { .. } => Some(
                "`server.runtime_dir` in `config.toml` names the directory of sockets".to_owned(),
            ),
            Self::InUse(_) => Some(
                "its journal is in another state directory; attach to it, or choose another name with `-t NAME`"
                    .to_owned(),
            ),
            Self::PathTooLong(_) => {
                Some("use a shorter session name or `server.runtime_dir`".to_owned())
            }
        }
    }
}

/// A listening socket in its directory; both are removed when it is dropped.
#[derive(Debug)]
pub(crate) struct SessionSocket {
    listener: UnixListener,
    dir: Dir,
}

/// The socket's directory; removed when dropped, unless another one has taken its place meanwhile.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
    /// Device and inode of what was made here.
    made: Option<(u64, u64)>,
}

/// Who may connect besides the server's own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    /// Nobody.
    Nobody,
    /// The group that new files in the runtime directory get: its owner has set it up so, with the setgid bit.
    Inherited,
    /// This group.
    Group(u32),
}

impl Share {
    fn of(runtime: &Path, group: Option<u32>) -> Result<Self, SocketError> {
        if let Some(gid) = group {
            return Ok(Self::Group(gid));
        }
        let meta = std::fs::metadata(runtime).map_err(io("look at", runtime))?;
        let is_setgid = meta.permissions().mode() & 0o2000 != 0;
        Ok(if is_setgid {
            Self::Inherited
        } else {
            Self::Nobody
        })
    }

    /// Modes of the directory and of the socket (`TWO_PERSON` 8.1).
    const fn modes(self) -> (u32, u32) {
        match self {
            Self::Nobody => (0o700, 0o600),
            Self::Inherited | Self::Group(_) => (0o750, 0o660),
        }
    }
}

impl SessionSocket {
    /// Makes the directory of a session below `runtime` and listens in it. The caller holds the session's lock,
    /// so whatever is there already is left over from a dead server.
    ///
    /// `group`: who may attach besides the owner.
    ///
    /// # Errors
    /// [`SocketError`], with the path that could not be made.
    pub(crate) fn bind(
        runtime: &Path,
        name: &SessionName,
        group: Option<u32>,
    ) -> Result<Self, SocketError> {
        make_runtime_dir(runtime)?;
        let me = rustix::process::geteuid().as_raw();
        place::check_runtime_dir(runtime, me)?;
        let dir = runtime.join(name.as_str());
        let long = dir.join(SOCKET);
        if long.as_os_str().len() > PATH_MAX {
            return Err(SocketError::PathTooLong(long));
        }
        refuse_live(&dir, &long, me)?;
        // Private until it is complete, whatever the umask is, and named so that nobody else can have taken it.
        let unique = crate::clock::random::<8>().unwrap_or_default();
        let fresh = runtime.join(format!(".{name}.{:016x}", u64::from_be_bytes(unique)));
        make(&fresh, 0o700)?;
        let listener = listen(&fresh, Share::of(runtime, group)?)
            .and_then(|listener| {
                remove(&dir)?;
                std::fs::rename(&fresh, &dir).map_err(io("move into place", &dir))?;
                Ok(listener)
            })
            .inspect_err(|_| {
                remove(&fresh).ok();
            })?;
        let made = identity(&dir);
        let dir = Dir { path: dir, made };
        Ok(Self { listener, dir })
    }

    /// The listener, and what keeps the directory until it is dropped.
    pub(crate) fn into_parts(self) -> (UnixListener, Dir) {
        (self.listener, self.dir)
    }

    /// Where clients connect.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path.join(SOCKET)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if self.made.is_some() && identity(&self.path) == self.made {
            remove(&self.path).ok();
        }
    }
}

fn identity(dir: &Path) -> Option<(u64, u64)> {
    let meta = std::fs::symlink_metadata(dir).ok()?;
    Some((meta.dev(), meta.ino()))
}

/// The session's lock says that no other server has this journal; one with another journal may have the name.
fn refuse_live(dir: &Path, socket: &Path, me: u32) -> Result<(), SocketError> {
    let Ok(meta) = std::fs::symlink_metadata(dir) else {
        return Ok(());
    };
    let is_live = std::os::unix::net::UnixStream::connect(socket).is_ok();
    if is_live || meta.uid() != me {
        return Err(SocketError::InUse(socket.to_owned()));
    }
    Ok(())
}

fn listen(fresh: &Path, share: Share) -> Result<UnixListener, SocketError> {
    let socket = fresh.join(SOCKET);
    let listener = UnixListener::bind(&socket).map_err(io("listen on", &socket))?;
    if let Share::Group(gid) = share {
        let chown = std::os::unix::fs::chown::<&Path>;
        chown(&socket, None, Some(gid)).map_err(io("give to the group", &socket))?;
        chown(fresh, None, Some(gid)).map_err(io("give to the group", fresh))?;
    }
    let (dir_mode, socket_mode) = share.modes();
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(io("set the mode of", path))
    };
    chmod(&socket, socket_mode)?;
    chmod(fresh, dir_mode)?;
    Ok(listener)
}

fn make_runtime_dir(runtime: &Path) -> Result<(), SocketError> {
    if runtime.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(runtime)
        .map_err(io("make", runtime))
}

fn make(dir: &Path, mode: u32) -> Result<(), SocketError> {
    DirBuilder::new()
        .mode(mode)
        .create(dir)
        .map_err(io("make", dir))
}

/// Removes a session's directory: the socket and the directory itself, nothing else that might be in it.
fn remove(dir: &Path) -> Result<(), SocketError> {
    for (path, gone) in [
        (dir.join(SOCKET), std::fs::remove_file(dir.join(SOCKET))),
        (dir.to_owned(), std::fs::remove_dir(dir)),
    ] {
        match gone {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(SocketError::Io {
                    doing: "remove",
                    path,
                    source,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SocketError {
    let path = path.to_owned();
    move |source| SocketError::Io {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temp dir");
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).expect("chmod");
        dir
    }

    #[tokio::test]
    async fn a_client_finds_the_socket_and_it_goes_with_the_server() {
        let dir = runtime();
        let name = SessionName::new("db").expect("valid");
        let socket = SessionSocket::bind(dir.path(), &name, None).expect("binds");
        let me = rustix::process::geteuid().as_raw();
        let place = place::find(&name, &[dir.path().to_owned()], me).expect("found");
        assert_eq!(place.socket, socket.path());
        drop(socket);
        assert!(place::names(&[dir.path().to_owned()]).is_empty());
    }

    #[tokio::test]
    async fn a_dead_servers_socket_is_replaced() {
        let dir = runtime();
        let name = SessionName::new("db").expect("valid");
        let first = SessionSocket::bind(dir.path(), &name, None).expect("binds");
        let (listener, kept) = first.into_parts();
        drop(listener);
        let second = SessionSocket::bind(dir.path(), &name, None).expect("replaces it");
        drop(kept);
        assert!(second.path().exists(), "the dead one removes only its own");
    }

    #[tokio::test]
    async fn a_live_servers_socket_is_left_alone() {
        let dir = runtime();
        let name = SessionName::new("db").expect("valid");
        let first = SessionSocket::bind(dir.path(), &name, None).expect("binds");
        let error = SessionSocket::bind(dir.path(), &name, None).expect_err("in use");
        assert!(matches!(error, SocketError::InUse(_)), "{error}");
        assert!(first.path().exists());
    }

    fn modes(socket: &SessionSocket) -> (u32, u32) {
        let mode = |path: &Path| {
            let meta = std::fs::metadata(path).expect("there");
            meta.permissions().mode() & 0o777
        };
        (mode(&socket.dir.path), mode(&socket.path()))
    }

    #[tokio::test]
    async fn nobody_else_can_connect_unless_a_group_is_named() {
        let dir = runtime();
        let name = SessionName::new("db").expect("valid");
        let socket = SessionSocket::bind(dir.path(), &name, None).expect("binds");
        assert_eq!(modes(&socket), (0o700, 0o600));
        drop(socket);
        let own = rustix::process::getegid().as_raw();
        let socket = SessionSocket::bind(dir.path(), &name, Some(own)).expect("binds");
        assert_eq!(modes(&socket), (0o750, 0o660));
        drop(socket);
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o2750)).expect("chmod");
        let socket = SessionSocket::bind(dir.path(), &name, None).expect("binds");
        assert_eq!(modes(&socket), (0o750, 0o660));
    }

    #[tokio::test]
    async fn a_world_writable_runtime_directory_is_refused() {
        let dir = runtime();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).expect("chmod");
        let name = SessionName::new("db").expect("valid");
        let error = SessionSocket::bind(dir.path(), &name, None).expect_err("refused");
        assert!(
            error.to_string().contains("everybody can write it"),
            "{error}"
        );
    }
}
