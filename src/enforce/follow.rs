//! Follows a running command to its end: output through the scrubber onto the disk, limits, stop, and what is left.

use super::launch::Running;
use super::scrub::Scrubber;
use crate::runner::{Limits, Outcome, OutputFile};
use rustix::io::Errno;
use rustix::process::Signal;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;
use tokio::io::unix::AsyncFdReadyGuard;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// Room for one read; Linux hands out at most one page of terminal output at a time.
const READ_BYTES: usize = 4096;
/// Between two looks at what is left: a wait that nobody notices, and few enough readings of `/proc`.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// After SIGKILL, before the outcome is given up: only a process stuck in the kernel is still there.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);
/// For killed processes to vanish and for their last output to arrive.
const KILLED_WITHIN: Duration = Duration::from_secs(2);

/// What those who watch learn while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// Process id, once it runs.
    pub(super) pid: Option<u32>,
    /// Bytes of output in the file.
    pub(super) written: u64,
    /// Its result is on the disk, or nobody will ever know it.
    pub(super) is_over: bool,
}

/// How it ended.
pub(super) struct Ended {
    /// How.
    pub(super) outcome: Outcome,
    /// Processes that had to be killed after the first one ended; absent when they could not be counted.
    pub(super) left_behind: Option<u32>,
    /// The file with its output, complete.
    pub(super) output: OutputFile,
    /// The scrubber, for the values.
    pub(super) scrubber: Scrubber,
}

/// Follows a command until nothing of it is left.
pub(super) async fn follow(
    running: Running,
    time: Duration,
    limits: Limits,
    stop: CancellationToken,
    sink: Sink<'_>,
) -> Ended {
    let mut follower = Follower {
        terminal_open: true,
        running: Some(running),
        limits,
        stop,
        sink,
        cause: None,
        kill_at: None,
    };
    let (outcome, left_behind) = follower.until_over(time).await;
    let (output, scrubber) = follower.sink.finish();
    Ended {
        outcome,
        left_behind,
        output,
        scrubber,
    }
}

/// Where output goes.
pub(super) struct Sink<'a> {
    /// Takes secrets out.
    pub(super) scrubber: Scrubber,
    /// Keeps what is left.
    pub(super) output: OutputFile,
    /// Tells who watches.
    pub(super) progress: &'a watch::Sender<Progress>,
}

impl Sink<'_> {
    fn push(&mut self, bytes: &[u8]) {
        let clean = self.scrubber.push(bytes);
        self.output.push(&clean);
        self.tell();
    }

    fn tell(&self) {
        let written = self.output.written();
        self.progress
            .send_modify(|progress| progress.written = written);
    }

    fn finish(self) -> (OutputFile, Scrubber) {
        let Self {
            mut scrubber,
            mut output,
            progress,
        } = self;
        output.push(&scrubber.flush());
        let written = output.written();
        progress.send_modify(|progress| progress.written = written);
        (output, scrubber)
    }
}

struct Follower<'a> {
    running: Option<Running>,
    terminal_open: bool,
    limits: Limits,
    stop: CancellationToken,
    sink: Sink<'a>,
    /// Set when the runner ends the command.
    cause: Option<Outcome>,
    /// When SIGKILL follows SIGTERM.
    kill_at: Option<Instant>,
}

impl Follower<'_> {
    async fn until_over(&mut self, time: Duration) -> (Outcome, Option<u32>) {
        if !self.until_exit(time).await {
            let reason = "its first process is still there after SIGKILL";
            return (Outcome::Unknown(reason.to_owned()), self.left());
        }
        if let Some(running) = &mut self.running {
            // From here on the end of the output can be seen.
            running.command_side = None;
        }
        self.drain().await;
        let left = match self.left() {
            Some(0) if self.terminal_open => Some(1),
            left => left,
        };
        if left != Some(0) {
            self.kill_rest().await;
        }
        let Some(Running {
            mut child, group, ..
        }) = self.running.take()
        else {
            return (Outcome::Unknown("it was not followed".to_owned()), left);
        };
        if let Some(cgroup) = group.cgroup() {
            cgroup.remove();
        }
        // Reaped only now: until here its number stands for this command and nothing else.
        let outcome = match (child.wait(), self.cause.take()) {
            (_, Some(cause)) => cause,
            (Ok(status), None) => match (status.code(), status.signal()) {
                (Some(code), _) => Outcome::Exited(code),
                (None, Some(signal)) => Outcome::Signalled(signal),
                (None, None) => Outcome::Unknown(format!("its status says neither: {status}")),
            },
            (Err(error), None) => Outcome::Unknown(format!("it has exited, but not how: {error}")),
        };
        (outcome, left)
    }

    /// False when the first process could not be ended by any means.
    async fn until_exit(&mut self, time: Duration) -> bool {
        let due = sleep(time);
        tokio::pin!(due);
        loop {
            let Some(running) = &self.running else {
                return false;
            };
            tokio::select! {
                biased;
                _ = running.exit.readable() => return true,
                () = self.stop.cancelled(), if self.cause.is_none() => {
                    self.cause = Some(Outcome::Stopped);
                }
                () = &mut due => {
                    self.cause.get_or_insert(Outcome::TimedOut);
                }
                ready = running.terminal.readable(), if self.terminal_open => {
                    self.terminal_open = take(ready, &mut self.sink);
                    continue;
                }
            }
            let Some(wait) = self.escalate() else {
                return false;
            };
            let now = Instant::now();
            due.as_mut().reset(now.checked_add(wait).unwrap_or(now));
        }
    }

    /// Takes the next stronger means, and says how long to wait for its effect; none when there is no stronger one.
    fn escalate(&mut self) -> Option<Duration> {
        let group = &self.running.as_ref()?.group;
        let now = Instant::now();
        match self.kill_at {
            None => {
                group.signal(Signal::TERM);
                // A stopped process notices SIGTERM only when it goes on.
                group.signal(Signal::CONT);
                self.kill_at = now.checked_add(self.limits.grace);
                Some(self.limits.grace)
            }
            Some(at) if now >= at.checked_add(GIVE_UP_AFTER).unwrap_or(at) => None,
            Some(_) => {
                group.signal(Signal::KILL);
                Some(GIVE_UP_AFTER)
            }
        }
    }

    /// After the exit: the rest of the output, and a while for other processes to end by themselves. Those that got
    /// SIGTERM have their whole grace.
    async fn drain(&mut self) {
        let now = Instant::now();
        let by_drain = now.checked_add(self.limits.drain).unwrap_or(now);
        let until = self.kill_at.map_or(by_drain, |at| at.max(by_drain));
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let Some(running) = &self.running else { return };
            tokio::select! {
                biased;
                () = sleep_until(until) => return,
                () = self.stop.cancelled(), if self.cause.is_none() => return,
                ready = running.terminal.readable(), if self.terminal_open => {
                    self.terminal_open = take(ready, &mut self.sink);
                }
                _ = look.tick(), if !self.terminal_open => {
                    if self.left() == Some(0) {
                        return;
                    }
                }
            }
        }
    }

    /// Kills what is left until it is gone, and takes its last output.
    async fn kill_rest(&mut self) {
        let now = Instant::now();
        let until = now.checked_add(KILLED_WITHIN).unwrap_or(now);
        let mut look = interval(LOOK_EVERY);
        loop {
            let Some(running) = &self.running else { return };
            tokio::select! {
                biased;
                () = sleep_until(until) => return,
                _ = look.tick() => {
                    // Again and again, since a process may have started another one in between.
                    running.group.signal(Signal::KILL);
                    if self.left() == Some(0) {
                        break;
                    }
                }
                ready = running.terminal.readable(), if self.terminal_open => {
                    self.terminal_open = take(ready, &mut self.sink);
                }
            }
        }
        // A process outside the group can hold the terminal for ever; the bound is then what ends this.
        drop(timeout(LOOK_EVERY, self.rest()).await);
    }

    async fn rest(&mut self) {
        while self.terminal_open
            && let Some(running) = &self.running
        {
            let ready = running.terminal.readable().await;
            self.terminal_open = take(ready, &mut self.sink);
        }
    }

    fn left(&self) -> Option<u32> {
        self.running.as_ref()?.group.count().ok()
    }
}

/// Reads once; false when the terminal can bring nothing more.
fn take(
    ready: io::Result<AsyncFdReadyGuard<'_, std::os::fd::OwnedFd>>,
    sink: &mut Sink<'_>,
) -> bool {
    let Ok(mut guard) = ready else { return false };
    let mut buffer = [0; READ_BYTES];
    let read = guard.try_io(|fd| rustix::io::read(fd.get_ref(), &mut buffer).map_err(Into::into));
    match read {
        // Not ready after all.
        Err(_) => true,
        Ok(Ok(0)) => false,
        Ok(Ok(length)) => {
            sink.push(buffer.get(..length).unwrap_or_default());
            true
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => true,
        // How Linux says that nobody holds the other side any more.
        Ok(Err(error)) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => false,
        Ok(Err(error)) => {
            tracing::error!(%error, "the terminal of a command cannot be read");
            false
        }
    }
}
