//! From a job to a running process.

use super::exe::{DigestFileError, Program};
use super::output::OutputFile;
use super::session::Session;
use super::{EnvError, Job, ResolveError, check_env, values};
use pty_process::{Command, Pts, Pty, Size};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

/// Held from the opening of a terminal to the start of its process: `pty_process` marks the terminal as closed-on-exec
/// one call after opening it, and a process started in between would inherit the terminal of another command.
static SPAWNING: Mutex<()> = Mutex::new(());

/// Why a command was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment is refused.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The executable cannot be executed.
    #[error(transparent)]
    Exe(#[from] ResolveError),
    /// The reviewed executable cannot be read.
    #[error(transparent)]
    Unread(#[from] DigestFileError),
    /// The executable is not the one that people have seen.
    #[error("`{}` has other bytes than when it was reviewed", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Nothing to execute.
    #[error("the command has no arguments, not even a name")]
    NoArguments,
    /// Found only from some working directory.
    #[error("`{}` is not an absolute path", .path.display())]
    Relative {
        /// The path as given.
        path: PathBuf,
    },
    /// The terminal would have no cells.
    #[error("a terminal of {cols} columns and {rows} rows has no cells")]
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The working directory is missing or is none.
    #[error("working directory `{}` cannot be used: {source}", .path.display())]
    Cwd {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The output or values file cannot be created, or exists.
    #[error("cannot create `{}`: {source}", .path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No terminal.
    #[error("cannot open a pseudo-terminal: {source}")]
    Terminal {
        /// Why.
        source: pty_process::Error,
    },
    /// The operating system refused the process.
    #[error("cannot start `{}`: {source}", .path.display())]
    Spawn {
        /// The executable.
        path: PathBuf,
        /// Why.
        source: pty_process::Error,
    },
}

/// A process that runs, and all that is needed to follow it.
pub(super) struct Running {
    /// Process id.
    pub pid: u32,
    /// All its processes.
    pub session: Session,
    /// For reaping, at the very end.
    pub child: Child,
    /// Becomes readable when the process has exited, without reaping it.
    pub exit: AsyncFd<OwnedFd>,
    /// The side of the terminal that is read.
    pub pty: Pty,
    /// The command's side, kept open until the exit so that a command that closes its outputs for a while does not
    /// look like one that has ended.
    pub pts: Pts,
    /// Where the output goes.
    pub output: OutputFile,
}

/// What came of an attempt to start.
pub(super) enum Started {
    /// It runs.
    Running(Box<Running>),
    /// It was started, but it cannot be followed, and was therefore killed.
    Lost(io::Error),
}

/// Starts a job. Blocks for the time of a `fork` and an `exec`; needs the context of a tokio runtime.
pub(super) fn start(job: &Job) -> Result<Started, StartError> {
    check(job)?;
    let program = Program::open(job)?;
    let output =
        OutputFile::create(&job.output_file, job.limits.output_bytes).map_err(|source| {
            let path = job.output_file.clone();
            StartError::Create { path, source }
        })?;
    values::create(&job.values_file).map_err(|source| {
        let path = job.values_file.clone();
        StartError::Create { path, source }
    })?;
    let (pty, pts, child) = spawn(job, &program)?;
    let number = child.id().and_then(|id| i32::try_from(id).ok());
    let Some(leader) = number.and_then(Pid::from_raw) else {
        return Ok(Started::Lost(io::ErrorKind::NotFound.into()));
    };
    let session = Session::of(leader);
    Ok(match watch_exit(leader) {
        Ok(exit) => Started::Running(Box::new(Running {
            pid: leader.as_raw_nonzero().get().unsigned_abs(),
            session,
            child,
            exit,
            pty,
            pts,
            output,
        })),
        Err(error) => {
            session.signal(Signal::KILL);
            Started::Lost(error)
        }
    })
}

#[expect(
    deprecated,
    reason = "the replacement is `unsafe`; what it asks for, a descriptor that stays the same, an `OwnedFd` grants"
)]
fn watch_exit(leader: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    let process = rustix::process::pidfd_open(leader, PidfdFlags::empty())?;
    AsyncFd::with_interest(process, Interest::READABLE)
}

fn check(job: &Job) -> Result<(), StartError> {
    check_env(&job.env)?;
    if job.argv.is_empty() {
        return Err(StartError::NoArguments);
    }
    let (cols, rows) = (job.size.cols, job.size.rows);
    if cols == 0 || rows == 0 {
        return Err(StartError::Size { cols, rows });
    }
    for path in [&job.cwd, &job.output_file, &job.values_file] {
        if !path.is_absolute() {
            let path = path.clone();
            return Err(StartError::Relative { path });
        }
    }
    // Asked here because a failed `chdir` and a missing program look the same after `fork`.
    let is_directory = std::fs::metadata(&job.cwd).and_then(|metadata| {
        if metadata.is_dir() {
            Ok(())
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    });
    is_directory.map_err(|source| StartError::Cwd {
        path: job.cwd.clone(),
        source,
    })
}

pub(super) fn spawn(job: &Job, program: &Program) -> Result<(Pty, Pts, Child), StartError> {
    let _turn = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
    let terminal = |source| StartError::Terminal { source };
    let (pty, pts) = pty_process::open().map_err(terminal)?;
    pty.resize(Size::new(job.size.rows, job.size.cols))
        .map_err(terminal)?;
    let (name, arguments) = job.argv.split_first().ok_or(StartError::NoArguments)?;
    let mut command = Command::new(program.path())
        .arg0(name)
        .args(arguments)
        .env_clear()
        .envs(job.environment())
        .current_dir(&job.cwd)
        .stdin(Stdio::null());
    let child = command
        .spawn_borrowed(&pts)
        .map_err(|source| StartError::Spawn {
            path: program.path(),
            source,
        })?;
    Ok((pty, pts, child))
}
