//! Waiting for full seconds: everything timed is looked at then, and every clock on every screen ticks together.

use crate::domain::time::Moment;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Wakes on full seconds by a timer of the kernel: one wakeup each.
///
/// The runtime keeps its own timers in a wheel, and a sleep of a second wakes it two or three times on its way down.
#[derive(Debug)]
pub struct Seconds {
    /// Absent where the kernel gives none; the runtime's timers serve then.
    timer: Option<AsyncFd<OwnedFd>>,
}

impl Seconds {
    /// Makes the timer. Only within a runtime.
    #[expect(
        deprecated,
        reason = "an owned descriptor keeps what the new name asks its caller to promise: it stays open and the same"
    )]
    pub fn start() -> Self {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)
            .map_err(io::Error::from)
            .and_then(|fd| AsyncFd::with_interest(fd, Interest::READABLE));
        Self { timer: timer.ok() }
    }

    /// Waits for the full second of the wall clock after `now`. May be dropped and asked again at any time.
    pub async fn next(&self, now: Moment) {
        let into = u64::try_from(now.wall.as_millis().rem_euclid(1000)).unwrap_or(0);
        let left = Duration::from_millis(1000 - into);
        let waited = match &self.timer {
            Some(timer) => wait(timer, left).await,
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        if waited.is_err() {
            tokio::time::sleep(left).await;
        }
    }
}

/// Sets the timer anew and waits until it has run out.
async fn wait(timer: &AsyncFd<OwnedFd>, left: Duration) -> io::Result<()> {
    let zero = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let value = Timespec::try_from(left).unwrap_or(zero);
    let once = Itimerspec {
        it_interval: zero,
        it_value: value,
    };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &once)?;
    loop {
        let mut ready = timer.readable().await?;
        let mut count = [0; 8];
        let read = rustix::io::read(timer, &mut count);
        ready.clear_ready();
        match read {
            Ok(_) => return Ok(()),
            // What was ready is an earlier second that nobody waited for to its end.
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use tokio::time::Instant;

    fn at(ms: i64) -> Moment {
        Moment {
            wall: Timestamp::from_millis(ms),
            mono_ms: 0,
        }
    }

    #[tokio::test]
    async fn it_wakes_on_the_full_second_also_after_being_dropped() {
        let seconds = Seconds::start();
        assert!(seconds.timer.is_some());
        for _ in 0..3 {
            let dropped = tokio::time::timeout(Duration::from_millis(2), seconds.next(at(500)));
            assert!(dropped.await.is_err(), "half a second is left");
            let before = Instant::now();
            seconds.next(at(7_970)).await;
            assert!(before.elapsed() >= Duration::from_millis(30));
        }
    }
}
