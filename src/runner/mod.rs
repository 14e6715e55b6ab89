//! Executes the commands of steps in a pseudo-terminal.
//!
//! One [`Job`] goes in, a stream of [`Update`]s comes out, and the last of them is always [`Update::Ended`]. That
//! pair is the whole interface, so that the work can move behind a pipe into a separate, enforcing process without
//! the callers noticing. Nothing here knows steps, plans, people, the journal or the wire.
//!
//! What a command gets: exactly the arguments and the environment of its job (see [`Job::environment`]), standard
//! input that is at its end (`/dev/null`), a terminal of its own for both outputs, a session and process group of
//! its own. What it does not get yet: a sealed copy of its executable, a umask, a cgroup. Hence four limits:
//!
//! - who may write to the executable can change its bytes between the hash and the `exec`, in place and in that moment;
//! - a process that makes itself a new session (`setsid`, daemons) is neither counted nor killed, unless it keeps
//!   the terminal open, in which case it is counted;
//! - a program that asks on `/dev/tty` waits until its time limit, with the question visible in the output;
//! - when this process dies, the terminal is closed and the kernel sends the commands SIGHUP.
//!
//! The terminal is in its usual mode: a line feed that a command writes is recorded as carriage return and line
//! feed, and every other byte as it came.
//!
//! Linux only: an exit is observed through a pidfd without reaping, so that the process group id cannot be given to
//! a stranger before the last signal is sent; and members of the session are found in `/proc`.

mod env;
mod exe;
mod live;
mod output;
mod session;
mod spawn;
mod values;
mod watch;

#[cfg(test)]
mod tests;

use crate::domain::digest::Digest;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use env::{EnvError, OUTPUT_VARIABLE, check_env};
pub(crate) use env::{is_steering, is_variable_name};
pub use exe::{DigestFileError, EXE_BYTES_MAX, ResolveError, digest_file, resolve_exe};
pub use live::LIVE_CHUNK_BYTES_MAX;
pub(crate) use output::OutputFile;
pub(crate) use session::stat_of;
pub use spawn::StartError;
pub use values::{NAME_BYTES_MAX, VALUE_BYTES_MAX, VALUES_MAX};
pub(crate) use values::{create as create_values, read as read_values};

/// Output kept of one command. More than any log a person reads during a maintenance, and a thousand steps that all
/// reach it still fit on a small disk.
pub const OUTPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// From SIGTERM to SIGKILL: long enough to remove a lock file, short enough to wait for at a screen.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// How long processes that a command leaves behind may keep its outcome open.
pub const DRAIN: Duration = Duration::from_secs(2);

/// Names one run of one command. The caller chooses it and finds it again in every [`Update`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey(pub u64);

/// Size of the terminal in character cells. Neither may be 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// How far one command may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output kept in the file; the rest is counted.
    pub output_bytes: u64,
    /// From SIGTERM to SIGKILL.
    pub grace: Duration,
    /// From the exit of the command to the end of waiting for what it left behind.
    pub drain: Duration,
}

impl Default for Limits {
    /// [`OUTPUT_BYTES_MAX`], [`STOP_GRACE`] and [`DRAIN`].
    fn default() -> Self {
        Self {
            output_bytes: OUTPUT_BYTES_MAX,
            grace: STOP_GRACE,
            drain: DRAIN,
        }
    }
}

/// Which file a job executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exe {
    /// The one that the first argument means when the job starts: [`resolve_exe`] with the `PATH` of the job.
    Named,
    /// The one that people have reviewed: the file is opened once, hashed, and that open file is executed, so that
    /// nothing can take its place in between. A script sees `/proc/self/fd/N` as its own name then, and the kernel's
    /// short name of the process (not its arguments) is that number.
    Reviewed {
        /// Absolute.
        path: PathBuf,
        /// SHA-256 of its bytes; with other bytes the job does not start.
        digest: Digest,
    },
}

/// One command to execute once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Chosen by the caller.
    pub key: JobKey,
    /// Arguments, the name of the program first. At least one.
    pub argv: Vec<String>,
    /// The file to execute.
    pub exe: Exe,
    /// Environment; see [`check_env`] for what it may not hold and [`Job::environment`] for what is added.
    pub env: BTreeMap<String, String>,
    /// Working directory, absolute.
    pub cwd: PathBuf,
    /// Time limit of the command, from its start.
    pub timeout: Duration,
    /// Where the output goes. Must not exist: the output of another run is never overwritten.
    pub output_file: PathBuf,
    /// The file named by [`OUTPUT_VARIABLE`]. Must not exist either.
    pub values_file: PathBuf,
    /// Size of the terminal.
    pub size: TerminalSize,
    /// Limits; [`Limits::default`] outside tests.
    pub limits: Limits,
}

/// What is reported about a job, in this order: `Spawned` unless the job did not start, any number of `Output`,
/// `Ended` exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The command runs.
    Spawned {
        /// Which job.
        key: JobKey,
        /// Its process id, which is the id of its process group and of its session as well.
        pid: u32,
    },
    /// Some output, raw: any bytes, cut anywhere, at most [`LIVE_CHUNK_BYTES_MAX`].
    Output {
        /// Which job.
        key: JobKey,
        /// Position of the first byte in all output of the job. A jump means that this receiver was too slow; the
        /// bytes between are in the file, up to its limit.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// It is over; nothing follows.
    Ended {
        /// Which job.
        key: JobKey,
        /// How it ended.
        end: End,
    },
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It exited with this code.
    Exited(i32),
    /// A signal with this number ended it, and this module did not send it.
    Signalled(i32),
    /// It was ended because its time was up, whatever it then exited with.
    TimedOut,
    /// It was ended by [`Handle::stop`], whatever it then exited with.
    Stopped,
    /// It never ran, for this reason.
    NotStarted(String),
    /// It ran, and nobody can say how it ended or whether it did, for this reason. Never a success.
    Unknown(String),
}

/// The end of a command and what it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes in the output file.
    pub output_bytes: u64,
    /// Bytes of output that are not in the file: beyond its limit, or after an error of writing.
    pub output_truncated: u64,
    /// SHA-256 of the bytes in the output file.
    pub output_digest: Digest,
    /// Why the output file lacks bytes below its limit; absent when it does not.
    pub output_error: Option<String>,
    /// Bytes of output that were not sent as [`Update::Output`] because the receiver was slow or gone.
    pub live_dropped: u64,
    /// Values that the command wrote, in the order of the file. Only well-formed lines.
    pub values: Vec<(String, String)>,
    /// What was wrong with the values file, by line number. When present, some value is missing.
    pub values_error: Option<String>,
    /// Processes still there when waiting ended; they were killed then. Absent when they could not be counted.
    pub left_behind: Option<u32>,
}

impl End {
    /// The end of a command without any output.
    pub(crate) fn without_output(outcome: Outcome) -> Self {
        let left_behind = matches!(outcome, Outcome::NotStarted(_)).then_some(0);
        Self {
            outcome,
            output_bytes: 0,
            output_truncated: 0,
            output_digest: Digest::of(b""),
            output_error: None,
            live_dropped: 0,
            values: Vec::new(),
            values_error: None,
            left_behind,
        }
    }
}

/// Reaches a started job. Dropping it changes nothing: commands outlive whoever started them.
#[derive(Debug, Clone)]
pub struct Handle {
    key: JobKey,
    stop: CancellationToken,
}

impl Handle {
    /// A handle on a job that runs elsewhere, and what tells that it is asked to end.
    pub(crate) fn remote(key: JobKey) -> (Self, CancellationToken) {
        let stop = CancellationToken::new();
        let told = stop.clone();
        (Self { key, stop }, told)
    }

    /// Which job.
    pub fn key(&self) -> JobKey {
        self.key
    }

    /// Asks the command to end: SIGTERM to its whole process group, SIGKILL after [`Limits::grace`]. Before the
    /// start it prevents the start; after the exit it ends the wait for processes left behind. May be repeated.
    pub fn stop(&self) {
        self.stop.cancel();
    }
}

/// Starts a job and reports about it on `updates`, whose capacity the caller chooses. A slow receiver loses live
/// output, never `Spawned`, `Ended` or bytes of the file.
///
/// # Panics
/// Outside a tokio runtime with time and I/O enabled.
pub fn start(job: Job, updates: mpsc::Sender<Update>) -> Handle {
    let key = job.key;
    let stop = CancellationToken::new();
    let handle = Handle {
        key,
        stop: stop.clone(),
    };
    tokio::spawn(async move {
        // A task of its own, so that even a defect in there ends in an outcome, and one that does not pass.
        let watch = tokio::spawn(watch::run(job, updates.clone(), stop));
        let end = watch.await.unwrap_or_else(|_| {
            let reason = "the task that watched the command broke off";
            End::without_output(Outcome::Unknown(reason.to_owned()))
        });
        // A receiver that is gone has lost interest in the outcome as well.
        drop(updates.send(Update::Ended { key, end }).await);
    });
    handle
}
