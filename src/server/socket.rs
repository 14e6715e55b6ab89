//! The session's socket: made in a private place, then moved to where clients look (`TWO_PERSON` 8.1).

use crate::domain::id::SessionName;
use crate::wire::place::{self, PlaceError, SOCKET};
use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
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

/// The socket's directory; removed when dropped.
#[derive(Debug)]
pub(crate) struct Dir(PathBuf);

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
        let fresh = runtime.join(format!(".{}", std::process::id()));
        remove(&fresh)?;
        make(&fresh, 0o700)?;
        let listener = listen(&fresh, group).inspect_err(|_| {
            remove(&fresh).ok();
        })?;
        remove(&dir)?;
        std::fs::rename(&fresh, &dir).map_err(io("move into place", &dir))?;
        Ok(Self {
            listener,
            dir: Dir(dir),
        })
    }

    /// The listener, and what keeps the directory until it is dropped.
    pub(crate) fn into_parts(self) -> (UnixListener, Dir) {
        (self.listener, self.dir)
    }

    /// Where clients connect.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.0.join(SOCKET)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        remove(&self.0).ok();
    }
}

fn listen(fresh: &Path, group: Option<u32>) -> Result<UnixListener, SocketError> {
    let socket = fresh.join(SOCKET);
    let listener = UnixListener::bind(&socket).map_err(io("listen on", &socket))?;
    if let Some(gid) = group {
        std::os::unix::fs::chown(&socket, None, Some(gid))
            .map_err(io("give to the group", &socket))?;
        std::os::unix::fs::chown(fresh, None, Some(gid)).map_err(io("give to the group", fresh))?;
    }
    std::fs::set_permissions(&socket, Permissions::from_mode(0o660))
        .map_err(io("set the mode of", &socket))?;
    std::fs::set_permissions(fresh, Permissions::from_mode(0o750))
        .map_err(io("set the mode of", fresh))?;
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
        std::mem::forget(first);
        assert!(SessionSocket::bind(dir.path(), &name, None).is_ok());
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
