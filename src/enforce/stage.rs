//! The last moments of the runner's own child before it becomes the reviewed command.
//!
//! A process of its own and not a piece of code between `fork` and `exec`: here everything can be done in safe Rust,
//! checked, and reported. Standard input is the socket the order comes from and the answer goes to; both outputs are
//! the command's terminal already. [`READY`] is written right before `exec`; what follows it, if anything, is why
//! `exec` failed. Without it nothing has run.

use super::frame::{read_block, write_block};
use super::order::{ORDER_BYTES_MAX, Order};
use super::parts::PartsFault;
use super::seal::{self, SealError, Sealed};
use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;
use rustix::process::{Resource, Rlimit};
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Says that the next thing is the command itself.
pub(super) const READY: u8 = b'+';
/// Exit code of a child that never became the command. Nobody reads it: the answer on the socket counts.
const FAILED: u8 = 125;
/// First descriptor behind the three that every program knows.
const FIRST_OTHER: RawFd = 3;
/// `O_CLOEXEC` as `/proc/self/fdinfo` shows it.
const CLOEXEC: u32 = OFlags::CLOEXEC.bits();

/// Why the command was not started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    /// The order does not come, or is none.
    #[error("the order cannot be read: {0}")]
    Order(#[from] PartsFault),
    /// Something of the operating system does not work.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// No sealed copy, no working directory.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A descriptor that the command would inherit.
    #[error("descriptor {0} would be left open in the command")]
    Open(RawFd),
    /// Nothing to execute.
    #[error("the command has no arguments, not even a name")]
    NoArguments,
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> StageError {
    move |source| StageError::System { what, source }
}

fn refused(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> StageError {
    move |errno| system(what)(errno.into())
}

/// Reads the order and becomes the command. Comes back only when that fails.
pub fn run() -> ExitCode {
    let socket = match rustix::io::fcntl_dupfd_cloexec(io::stdin(), FIRST_OTHER) {
        Ok(socket) => UnixStream::from(socket),
        // Started by hand: there is nobody to tell, and nothing has been done.
        Err(_) => return ExitCode::from(FAILED),
    };
    let Err(error) = become_command(&socket);
    // When the runner is gone, nobody wants the answer.
    drop((&socket).write_all(error.to_string().as_bytes()));
    ExitCode::from(FAILED)
}

fn become_command(mut socket: &UnixStream) -> Result<Infallible, StageError> {
    let bytes = read_block(&mut socket, ORDER_BYTES_MAX).map_err(system("reading the order"))?;
    let order = Order::parse(&bytes)?;
    if let Some(directory) = &order.cgroup {
        join(directory).map_err(system("joining the command's cgroup"))?;
    }
    let sealed = Sealed::copy_of(&order.exe, order.exe_digest)?;
    let cwd = seal::directory(&order.cwd)?;
    rustix::process::fchdir(&cwd).map_err(refused("entering the working directory"))?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none).map_err(refused("forbidding core files"))?;
    rustix::thread::set_no_new_privs(true).map_err(refused("giving up new privileges"))?;
    let stdin = match &order.stdin {
        Some(bytes) => seal::blob(bytes)?,
        None => File::open("/dev/null").map_err(system("opening `/dev/null`"))?,
    };
    rustix::stdio::dup2_stdin(&stdin).map_err(refused("setting standard input"))?;
    let (name, arguments) = order.argv.split_first().ok_or(StageError::NoArguments)?;
    let number = sealed.file().as_raw_fd();
    if sealed.is_script() {
        // The interpreter opens it by this number after the kernel has closed what does not outlive `exec`.
        rustix::io::fcntl_setfd(sealed.file(), FdFlags::empty())
            .map_err(refused("keeping the script open"))?;
    }
    check_descriptors(sealed.is_script().then_some(number))?;
    let mut command = Command::new(executable(number));
    command.arg0(name).args(arguments).env_clear();
    for variable in &order.env {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        command.env(name, value);
    }
    (&mut socket)
        .write_all(&[READY])
        .map_err(system("telling the runner"))?;
    Err(system("starting the command")(command.exec()))
}

/// A name for an open file that `exec` takes and an interpreter can open again.
fn executable(number: RawFd) -> PathBuf {
    let short = PathBuf::from(format!("/dev/fd/{number}"));
    if short.exists() {
        short
    } else {
        PathBuf::from(format!("/proc/self/fd/{number}"))
    }
}

fn join(directory: &Path) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let procs = rustix::fs::open(directory.join("cgroup.procs"), flags, Mode::empty())?;
    // 0 stands for whoever writes it.
    File::from(procs).write_all(b"0")
}

/// Demands that nothing but the three usual descriptors, and the script, is left to the command.
fn check_descriptors(kept: Option<RawFd>) -> Result<(), StageError> {
    match inherited(kept).map_err(system("looking at open descriptors"))? {
        Some(number) => Err(StageError::Open(number)),
        None => Ok(()),
    }
}

/// The first descriptor behind the three usual ones, and other than `kept`, that a command would inherit.
///
/// # Errors
/// When `/proc` cannot be read.
pub(super) fn inherited(kept: Option<RawFd>) -> io::Result<Option<RawFd>> {
    let entries = std::fs::read_dir("/proc/self/fd").and_then(Iterator::collect);
    let entries: Vec<std::fs::DirEntry> = entries?;
    for entry in entries {
        let name = entry.file_name();
        let number = name.to_str().and_then(|text| text.parse::<RawFd>().ok());
        let Some(number) = number.filter(|n| *n >= FIRST_OTHER && Some(*n) != kept) else {
            continue;
        };
        // One that is gone meanwhile was that of the listing itself.
        let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else {
            continue;
        };
        if !is_closed_on_exec(&info) {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// Reads the line `flags:`, octal. Source: proc_pid_fdinfo(5).
fn is_closed_on_exec(info: &str) -> bool {
    info.lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok())
        .is_some_and(|flags| flags & CLOEXEC != 0)
}

/// What the runner learns from its child: nothing when the command runs, else why it does not.
///
/// # Errors
/// One line for the result: nothing has run.
pub(super) fn ask(socket: &UnixStream, order: &Order) -> Result<(), String> {
    /// Longest reason.
    const ANSWER_BYTES_MAX: u64 = 4096;
    let failed = |error: io::Error| format!("the child of the runner does not answer: {error}");
    write_block(&mut &*socket, &order.print()).map_err(failed)?;
    let mut answer = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(socket, ANSWER_BYTES_MAX), &mut answer)
        .map_err(failed)?;
    match answer.split_first() {
        Some((&READY, [])) => Ok(()),
        Some((&READY, why)) => Err(String::from_utf8_lossy(why).into_owned()),
        Some(_) => Err(String::from_utf8_lossy(&answer).into_owned()),
        None => Err("the child of the runner ended without a word".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_that_outlive_exec_are_told_from_others() {
        assert!(is_closed_on_exec("pos:\t0\nflags:\t02100000\nmnt_id:\t1\n"));
        assert!(!is_closed_on_exec("pos:\t0\nflags:\t0100000\n"));
        assert!(!is_closed_on_exec("pos:\t0\n"));
        assert!(!is_closed_on_exec("flags:\tx\n"));
    }
}
