//! The only place that reads a clock or the random generator.

mod seconds;

pub use seconds::Seconds;

use crate::domain::id::Nonce;
use crate::domain::time::{Moment, Timestamp};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads both clocks.
pub trait Clock: Send + Sync {
    /// Wall clock and boot clock, read together.
    fn now(&self) -> Moment;
}

/// The clocks of this host.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else asks"
    )]
    fn now(&self) -> Moment {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        // CLOCK_BOOTTIME counts suspended time, so a limit does not outlive a closed laptop lid.
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(boot.tv_sec).unwrap_or(0);
        let millis = u64::try_from(boot.tv_nsec / 1_000_000).unwrap_or(0);
        Moment {
            wall: Timestamp::from_millis(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)),
            mono_ms: seconds.saturating_mul(1000).saturating_add(millis),
        }
    }
}

/// A clock that stands still until it is moved: for tests and for rehearsals of time limits.
#[derive(Debug, Default)]
pub struct ManualClock(Mutex<Moment>);

impl ManualClock {
    /// Starts at `moment`.
    pub fn at(moment: Moment) -> Self {
        Self(Mutex::new(moment))
    }

    /// Moves both clocks on.
    pub fn advance(&self, span: Duration) {
        let mut now = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.plus(span);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Random bytes from the operating system.
///
/// # Errors
/// When the generator does not answer; nothing that needs a nonce may go on then.
pub fn random<const N: usize>() -> Result<[u8; N], RandomError> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; N];
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| RandomError)?;
    Ok(bytes)
}

/// A fresh nonce.
///
/// # Errors
/// As [`random`].
pub fn nonce() -> Result<Nonce, RandomError> {
    random::<16>().map(Nonce::from_bytes)
}

/// The operating system's random generator did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system's random generator does not answer")]
pub struct RandomError;
