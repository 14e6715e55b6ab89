//! Follows a running command to its end.

use super::live::Live;
use super::output::{Written, count};
use super::session::Session;
use super::spawn::{self, Running, Started};
use super::values::{self, Values};
use super::{End, Job, Limits, Outcome, Update};
use crate::domain::digest::Digest;
use bytes::{Bytes, BytesMut};
use pty_process::{Pts, Pty};
use rustix::process::Signal;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Room for one read. Linux hands out at most one page of terminal output at a time.
const READ_BYTES: usize = 4096;
/// Allocated at once, for several reads.
const BLOCK_BYTES: usize = 16 * READ_BYTES;
/// Reads that may wait for the disk; beyond it the command waits as well.
const FILE_QUEUE: usize = 64;
/// Between two looks at the processes left behind: a wait that nobody notices, and few enough readings of `/proc`.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// After SIGKILL, before the terminal is hung up, which reaches programs of other accounts too.
const HANG_UP_AFTER: Duration = Duration::from_secs(2);
/// After the hang-up, before the outcome is given up: only a process stuck in the kernel or one of another account is
/// still there.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);
/// For killed processes to vanish and for their last output to arrive.
const KILLED_WITHIN: Duration = Duration::from_secs(1);

/// Starts a job and follows it to its end.
pub(super) async fn run(job: Job, updates: mpsc::Sender<Update>, stop: CancellationToken) -> End {
    if stop.is_cancelled() {
        let reason = "it was stopped before its start";
        return End::without_output(Outcome::NotStarted(reason.to_owned()));
    }
    let (key, limits, time) = (job.key, job.limits, job.timeout);
    let values_file = job.values_file.clone();
    let running = match blocking(move || spawn::start(&job)).await {
        Some(Ok(Started::Running(running))) => *running,
        Some(Ok(Started::Lost(error))) => {
            let reason = format!("it was started, but cannot be followed, and was killed: {error}");
            return End::without_output(Outcome::Unknown(reason));
        }
        Some(Err(error)) => return End::without_output(Outcome::NotStarted(error.to_string())),
        None => {
            let reason = "it is not known whether it was started: the attempt broke off";
            return End::without_output(Outcome::Unknown(reason.to_owned()));
        }
    };
    let live = Live::new(key, running.pid, updates);
    let mut watch = Watch::new(running, live, limits, stop);
    let (outcome, left_behind) = watch.follow(time).await;
    let (written, live) = watch.pump.finish().await;
    let read = blocking(move || values::read(&values_file)).await;
    let values = read.unwrap_or_else(|| Values {
        values: Vec::new(),
        error: Some("reading the values file broke off".to_owned()),
    });
    End {
        outcome,
        output_bytes: written.bytes,
        output_truncated: written.truncated,
        output_digest: written.digest,
        output_error: written.error,
        // Last, because it waits for the receiver, and the receiver may take its time.
        live_dropped: live.finish().await,
        values: values.values,
        values_error: values.error,
        left_behind,
    }
}

/// Does something that blocks; none when it panicked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// How much has been done to end a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    Terminated,
    Killed,
    HungUp,
}

struct Watch {
    session: Session,
    child: Child,
    exit: AsyncFd<OwnedFd>,
    pts: Option<Pts>,
    pump: Pump,
    limits: Limits,
    stop: CancellationToken,
    stage: Stage,
    /// Set when this module ends the command.
    cause: Option<Outcome>,
    /// When SIGKILL follows SIGTERM.
    kill_at: Option<Instant>,
}

impl Watch {
    fn new(running: Running, live: Live, limits: Limits, stop: CancellationToken) -> Self {
        let (file, chunks) = mpsc::channel(FILE_QUEUE);
        let output = running.output;
        let writer = tokio::task::spawn_blocking(move || output.write_all_from(chunks));
        Self {
            session: running.session,
            child: running.child,
            exit: running.exit,
            pts: Some(running.pts),
            pump: Pump {
                pty: Some(running.pty),
                buffer: BytesMut::new(),
                unsent: None,
                file,
                writer,
                live,
                error: None,
            },
            limits,
            stop,
            stage: Stage::Running,
            cause: None,
            kill_at: None,
        }
    }

    /// Until nothing of the command is left: how it ended, and how many processes it left behind.
    async fn follow(&mut self, time: Duration) -> (Outcome, Option<u32>) {
        if !self.until_exit(time).await {
            let reason = "its first process is still there after SIGKILL and a hang-up";
            let others = self.left().await;
            let left = others.map(|others| others.saturating_add(1));
            return (Outcome::Unknown(reason.to_owned()), left);
        }
        self.pts = None;
        self.drain().await;
        let left = match self.left().await {
            Some(0) if self.pump.is_open() => Some(1),
            left => left,
        };
        if left != Some(0) {
            self.kill_rest().await;
        }
        // Reaped only now: until here its number stands for this command and nothing else.
        let outcome = match (self.child.wait().await, self.cause.take()) {
            (_, Some(cause)) => cause,
            (Ok(status), None) => outcome_of(status),
            (Err(error), None) => Outcome::Unknown(format!("it has exited, but not how: {error}")),
        };
        (outcome, left)
    }

    /// False when the first process could not be ended by any means.
    async fn until_exit(&mut self, time: Duration) -> bool {
        let due = sleep(time);
        tokio::pin!(due);
        loop {
            tokio::select! {
                biased;
                _ = self.exit.readable() => return true,
                () = self.stop.cancelled(), if self.stage == Stage::Running => {
                    self.cause = Some(Outcome::Stopped);
                }
                () = &mut due => {
                    self.cause.get_or_insert(Outcome::TimedOut);
                }
                () = self.pump.turn() => continue,
            }
            let Some(wait) = self.escalate().await else {
                return false;
            };
            let now = Instant::now();
            due.as_mut().reset(now.checked_add(wait).unwrap_or(now));
        }
    }

    /// Takes the next stronger means, and says how long to wait for its effect; none when there is no stronger one.
    async fn escalate(&mut self) -> Option<Duration> {
        let (next, wait) = match self.stage {
            Stage::Running => {
                self.signal(Signal::TERM).await;
                // A stopped process notices SIGTERM only when it goes on.
                self.signal(Signal::CONT).await;
                self.kill_at = Instant::now().checked_add(self.limits.grace);
                (Stage::Terminated, self.limits.grace)
            }
            Stage::Terminated => {
                self.signal(Signal::KILL).await;
                (Stage::Killed, HANG_UP_AFTER)
            }
            Stage::Killed => {
                self.pump.hang_up();
                (Stage::HungUp, GIVE_UP_AFTER)
            }
            Stage::HungUp => return None,
        };
        self.stage = next;
        Some(wait)
    }

    /// After the exit: the rest of the output, and a while for the other processes to end by themselves. Those that
    /// got SIGTERM have their whole grace.
    async fn drain(&mut self) {
        let now = Instant::now();
        let by_drain = now.checked_add(self.limits.drain).unwrap_or(now);
        let until = self.kill_at.map_or(by_drain, |at| at.max(by_drain));
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = sleep_until(until) => return,
                () = self.stop.cancelled(), if self.cause.is_none() => return,
                _ = look.tick(), if !self.pump.is_open() => {
                    if self.left().await == Some(0) {
                        return;
                    }
                }
                () = self.pump.turn() => {}
            }
        }
    }

    /// Kills what is left until it is gone, and takes its last output.
    async fn kill_rest(&mut self) {
        let now = Instant::now();
        let until = now.checked_add(KILLED_WITHIN).unwrap_or(now);
        let mut look = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                biased;
                () = sleep_until(until) => return,
                _ = look.tick() => {
                    // Again and again, since a process may have started another one in between.
                    self.signal(Signal::KILL).await;
                    if self.left().await == Some(0) {
                        break;
                    }
                }
                () = self.pump.turn() => {}
            }
        }
        let rest = async {
            while self.pump.is_open() {
                self.pump.turn().await;
            }
        };
        // A process outside the session can hold the terminal for ever; the bound is then what ends this.
        drop(timeout(LOOK_EVERY, rest).await);
    }

    async fn signal(&self, signal: Signal) {
        let session = self.session;
        blocking(move || session.signal(signal)).await;
    }

    async fn left(&self) -> Option<u32> {
        let session = self.session;
        blocking(move || session.count()).await?.ok()
    }
}

fn outcome_of(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(code), _) => Outcome::Exited(code),
        (None, Some(signal)) => Outcome::Signalled(signal),
        (None, None) => Outcome::Unknown(format!("its status says neither: {status}")),
    }
}

/// Carries output from the terminal to the file and to whoever watches.
struct Pump {
    pty: Option<Pty>,
    buffer: BytesMut,
    /// Read, but not yet taken by the writer of the file. While it is there nothing more is read.
    unsent: Option<Bytes>,
    file: mpsc::Sender<Bytes>,
    writer: JoinHandle<Written>,
    live: Live,
    error: Option<io::Error>,
}

impl Pump {
    /// Whether the terminal can bring more output.
    fn is_open(&self) -> bool {
        self.pty.is_some()
    }

    /// Closes the terminal under the command.
    fn hang_up(&mut self) {
        self.pty = None;
    }

    /// Moves one piece of output as soon as one can be moved; waits for ever when there is none to come. Nothing is
    /// lost when it is not awaited to its end. Reading goes before sending, which is what joins small pieces.
    async fn turn(&mut self) {
        let Self {
            pty,
            buffer,
            unsent,
            file,
            live,
            ..
        } = self;
        let read = tokio::select! {
            biased;
            permit = file.reserve(), if unsent.is_some() => {
                // Without a permit the writer is gone, which `finish` reports.
                if let (Ok(permit), Some(bytes)) = (permit, unsent.take()) {
                    permit.send(bytes);
                }
                return;
            }
            read = read(pty, buffer), if pty.is_some() && unsent.is_none() => read,
            () = live.send_one(), if live.is_waiting() => return,
            else => std::future::pending().await,
        };
        self.took(read);
    }

    fn took(&mut self, read: io::Result<usize>) {
        match read {
            Ok(0) => self.pty = None,
            Ok(_) => {
                let bytes = self.buffer.split().freeze();
                self.live.push(&bytes);
                self.unsent = Some(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.pty = None;
                // How Linux says that nobody holds the other side any more.
                if error.raw_os_error() != Some(rustix::io::Errno::IO.raw_os_error()) {
                    self.error = Some(error);
                }
            }
        }
    }

    /// Waits until the file is complete.
    async fn finish(self) -> (Written, Live) {
        let unsent = self.unsent.as_ref().map_or(0, |bytes| count(bytes));
        if let Some(bytes) = self.unsent {
            drop(self.file.send(bytes).await);
        }
        drop(self.file);
        let mut written = self.writer.await.unwrap_or_else(|_| Written {
            bytes: 0,
            truncated: unsent,
            digest: Digest::of(b""),
            error: Some("writing the output file broke off".to_owned()),
        });
        if let Some(error) = self.error {
            let text = format!("cannot read the terminal: {error}");
            written.error.get_or_insert(text);
        }
        (written, self.live)
    }
}

/// One read, with room for it.
async fn read(pty: &mut Option<Pty>, buffer: &mut BytesMut) -> io::Result<usize> {
    if buffer.capacity() < READ_BYTES {
        buffer.reserve(BLOCK_BYTES);
    }
    match pty {
        Some(pty) => pty.read_buf(buffer).await,
        None => Ok(0),
    }
}
