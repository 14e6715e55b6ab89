//! From an order to a process with a terminal on its outputs.

use super::group::{Cgroup, Group};
use super::order::Order;
use super::stage;
use rustix::process::{Pid, PidfdFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Terminal that commands see; as wide and high as in a plan's `COLUMNS` and `LINES`.
const SIZE: Winsize = Winsize {
    ws_row: 40,
    ws_col: 120,
    ws_xpixel: 0,
    ws_ypixel: 0,
};
/// Longest silence of the child: a gibibyte is copied and hashed within it on a slow disk.
const CHILD_MAX: Duration = Duration::from_secs(60);

/// A command that runs.
pub(super) struct Running {
    /// Its process id.
    pub(super) pid: u32,
    /// All its processes.
    pub(super) group: Group,
    /// For reaping, at the very end.
    pub(super) child: Child,
    /// Becomes readable when the first process has exited, without reaping it.
    pub(super) exit: AsyncFd<OwnedFd>,
    /// The side of the terminal that is read; never waits.
    pub(super) terminal: AsyncFd<OwnedFd>,
    /// The command's side, kept open so that a command that closes its outputs for a while is not taken for ended.
    pub(super) command_side: Option<OwnedFd>,
}

/// Why a command does not run.
#[derive(Debug)]
pub(super) enum LaunchError {
    /// It never ran.
    NotStarted(String),
    /// It may have run, and was killed.
    Lost(String),
}

/// A terminal that becomes nobody's controlling one: the two sides of it.
fn open_terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = rustix::pty::openpt(flags)?;
    rustix::pty::grantpt(&ours)?;
    rustix::pty::unlockpt(&ours)?;
    let theirs = rustix::pty::ioctl_tiocgptpeer(&ours, flags)?;
    rustix::termios::tcsetwinsize(&ours, SIZE)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}

#[expect(
    deprecated,
    reason = "the replacement is `unsafe`; what it asks for, a descriptor that stays the same, an `OwnedFd` grants"
)]
fn watched(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// Starts the child that becomes the command, and waits until it has. Blocks; needs the context of a tokio runtime.
///
/// `note` is told the child's process id before the child knows what to do: a runner that dies right here leaves either
/// a child that ends without having done anything, or one that a later runner knows of.
pub(super) fn launch(
    program: &Path,
    order: &Order,
    cgroup: Option<Cgroup>,
    note: impl FnOnce(u32) -> io::Result<()>,
) -> Result<Running, LaunchError> {
    let not_started = |error: io::Error| LaunchError::NotStarted(error.to_string());
    let (ours, theirs) = open_terminal()
        .map_err(|error| LaunchError::NotStarted(format!("cannot open a terminal: {error}")))?;
    let (socket, childs) = UnixStream::pair().map_err(not_started)?;
    socket
        .set_read_timeout(Some(CHILD_MAX))
        .and_then(|()| socket.set_write_timeout(Some(CHILD_MAX)))
        .map_err(not_started)?;
    let outputs = theirs
        .try_clone()
        .and_then(|out| Ok((out, theirs.try_clone()?)))
        .map_err(not_started)?;
    let mut child = Command::new(program)
        .arg("stage")
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(childs))
        .stdout(outputs.0)
        .stderr(outputs.1)
        .process_group(0)
        .spawn()
        .map_err(|error| LaunchError::NotStarted(format!("cannot start a child: {error}")))?;
    let noted = note(child.id())
        .map_err(|error| format!("it cannot be noted which processes it has: {error}"));
    if let Err(why) = noted.and_then(|()| stage::ask(&socket, order)) {
        end(&mut child, None);
        return Err(LaunchError::NotStarted(why));
    }
    let leader = Pid::from_child(&child);
    let group = Group::of(leader, cgroup);
    let process = rustix::process::pidfd_open(leader, PidfdFlags::empty());
    let watches = process
        .map_err(io::Error::from)
        .and_then(|process| Ok((watched(process)?, watched(ours)?)));
    match watches {
        Ok((exit, terminal)) => Ok(Running {
            pid: leader.as_raw_nonzero().get().unsigned_abs(),
            group,
            child,
            exit,
            terminal,
            command_side: Some(theirs),
        }),
        Err(error) => {
            end(&mut child, Some(&group));
            let why = format!("it was started, cannot be followed, and was killed: {error}");
            Err(LaunchError::Lost(why))
        }
    }
}

fn end(child: &mut Child, group: Option<&Group>) {
    if let Some(group) = group {
        group.signal(rustix::process::Signal::KILL);
    }
    // Either it is gone already, or it is now.
    child.kill().ok();
    child.wait().ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::IsTerminal as _;

    #[test]
    fn a_terminal_is_one_on_the_side_of_the_command() {
        let (ours, theirs) = open_terminal().expect("a terminal");
        assert!(std::fs::File::from(theirs).is_terminal());
        let size = rustix::termios::tcgetwinsize(&ours).expect("a size");
        assert_eq!((size.ws_col, size.ws_row), (SIZE.ws_col, SIZE.ws_row));
    }
}
