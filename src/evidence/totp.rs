//! One-time codes: RFC 6238 with SHA-1, six digits, thirty seconds, as every authenticator app makes them.
//!
//! A code proves "now", not "this statement": what ties it to one is that it is asked for one proposal, spent at once and
//! never good again (`TWO_PERSON` 3.2 and 8.4). Nothing here reads a clock; [`crate::evidence::store`] alone touches the disk.

pub mod ledger;
#[cfg(test)]
mod tests;

use crate::domain::time::Timestamp;
use ring::hmac;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use std::time::Duration;

/// Shortest secret in bytes: the 160 bits that RFC 4226 recommends.
pub const SECRET_MIN: usize = 20;
/// Longest secret in bytes: more would be hashed down by HMAC first, and two secrets could be one.
pub const SECRET_MAX: usize = 64;
/// Length of a time step in milliseconds.
const STEP_MS: i64 = 30_000;
/// Wrong codes in a row that lock: enough for a tired hand, and 15 guesses of a million.
pub const FAILURES_MAX: u32 = 5;
/// How long a lock lasts.
pub const LOCK_TIME: Duration = Duration::from_secs(15 * 60);

/// The secret of one person. Neither printed nor compared but by [`Secret::is_same`]; wiped when dropped.
pub struct Secret(SecretSlice<u8>);

/// Why a code or a secret is not accepted. Never holds either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TotpFault {
    /// The secret's file holds something else.
    #[error("the secret is not base 32 in capital letters without padding")]
    SecretForm,
    /// The secret has a length that is not accepted.
    #[error("the secret has {bytes} bytes; 20 to 64 are accepted")]
    SecretLength {
        /// Its length.
        bytes: usize,
    },
    /// Not six digits. Not counted as a failure: nobody guesses like that.
    #[error("a code has six digits")]
    NotSixDigits,
    /// Not the code of now, or of half a minute before or after.
    #[error("the code is wrong; {left} more wrong {} for 15 min", if *left == 1 { "one locks" } else { "ones lock" })]
    Wrong {
        /// How many failures are left.
        left: u32,
    },
    /// Seen before, or older than one that was.
    #[error("the code was used already")]
    Used,
    /// Too many failures.
    #[error("codes are locked until {} after too many wrong ones", until.to_seconds_text())]
    Locked {
        /// When the lock ends.
        until: Timestamp,
    },
    /// A time before 1970.
    #[error("the server's clock is wrong")]
    Clock,
}

impl TotpFault {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::SecretForm => {
                "one line of the letters A to Z and digits 2 to 7, and nothing else"
            }
            Self::SecretLength { .. } => {
                "make a new one of 20 random bytes, and put it into the app again"
            }
            Self::NotSixDigits => "type the six digits that the app shows",
            Self::Wrong { .. } => {
                "type the code the app shows now; if it stays wrong, compare the clocks of the phone and of this host"
            }
            Self::Used => "wait for the next code: each is good once",
            Self::Locked { .. } => {
                "confirm by a key instead, or wait; if you did not type them, somebody else did: tell the others"
            }
            Self::Clock => "set the clock of this host",
        }
    }
}

impl Secret {
    /// Takes the bytes of a secret.
    ///
    /// # Errors
    /// [`TotpFault::SecretLength`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, TotpFault> {
        let bytes: SecretSlice<u8> = bytes.into();
        let count = bytes.expose_secret().len();
        if (SECRET_MIN..=SECRET_MAX).contains(&count) {
            Ok(Self(bytes))
        } else {
            Err(TotpFault::SecretLength { bytes: count })
        }
    }

    /// Reads the file of a secret: base 32 in capital letters without padding, and at most one line end.
    ///
    /// # Errors
    /// [`TotpFault::SecretForm`] or [`TotpFault::SecretLength`].
    pub fn parse(file: &SecretString) -> Result<Self, TotpFault> {
        let text = file.expose_secret();
        let line = text.strip_suffix('\n').unwrap_or(text);
        if line.len() > SECRET_MAX * 2 {
            // Longer than the longest by any count: not worth decoding.
            return Err(TotpFault::SecretForm);
        }
        let bytes = data_encoding::BASE32_NOPAD
            .decode(line.as_bytes())
            .map_err(|_| TotpFault::SecretForm)?;
        Self::new(bytes)
    }

    /// The form of the file, which is also what is typed into an app.
    pub fn to_file_text(&self) -> SecretString {
        let line = data_encoding::BASE32_NOPAD.encode(self.0.expose_secret());
        format!("{line}\n").into()
    }

    /// True when two people's apps show the same codes: neither could be told from the other. In constant time.
    ///
    /// Codes are compared and not bytes: zero bytes at the end make another secret, but the same codes.
    pub fn is_same(&self, other: &Self) -> bool {
        const ANY: &[u8] = b"any text";
        hmac::verify(&other.key(), ANY, hmac::sign(&self.key(), ANY).as_ref()).is_ok()
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose_secret())
    }
}

/// What is remembered of one person's codes, on the host and not in a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Newest time step whose code was accepted.
    pub last_step: Option<u64>,
    /// Failures since then.
    pub lock: Lock,
}

impl Standing {
    /// Judges a typed code and remembers what came of it.
    ///
    /// Gives the time step, for the record. It counts only once what is remembered is on the disk: see [`Store`](crate::evidence::store::Store).
    ///
    /// # Errors
    /// [`TotpFault`]; a wrong or used code is a failure and counts toward the lock.
    pub fn try_code(
        &mut self,
        secret: &Secret,
        typed: &SecretString,
        at: Timestamp,
    ) -> Result<u64, TotpFault> {
        if let Some(until) = self.lock.until(at) {
            return Err(TotpFault::Locked { until });
        }
        let code = digits(typed)?;
        let found = step_of(secret, &code, at)?;
        match found {
            Some(step) if self.last_step.is_none_or(|last| step > last) => {
                self.last_step = Some(step);
                self.lock = Lock::default();
                Ok(step)
            }
            Some(_) => {
                self.lock.fail(at);
                Err(TotpFault::Used)
            }
            None => {
                self.lock.fail(at);
                Err(match self.lock.until(at) {
                    Some(until) => TotpFault::Locked { until },
                    None => TotpFault::Wrong {
                        left: FAILURES_MAX.saturating_sub(self.lock.failures),
                    },
                })
            }
        }
    }
}

/// How many codes were wrong in a row, and whether that locks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    failures: u32,
    until: Option<Timestamp>,
}

impl Lock {
    /// A lock as it was written down.
    pub const fn new(failures: u32, until: Option<Timestamp>) -> Self {
        Self { failures, until }
    }

    /// Failures that count now.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// When it ends; nothing when it is open.
    pub fn until(&self, at: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| at < *until)
    }

    /// Counts a failure; the fifth locks.
    pub fn fail(&mut self, at: Timestamp) {
        if self.until.is_some_and(|until| at >= until) {
            *self = Self::default();
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            self.until = Some(at.plus(LOCK_TIME));
        }
    }
}

/// The digits that were typed; apps show a gap in the middle, so spaces are passed over.
fn digits(typed: &SecretString) -> Result<Zeroizing<Vec<u8>>, TotpFault> {
    let bytes = typed.expose_secret().bytes().filter(|b| *b != b' ');
    // One more than a code has, so that a longer one is seen to be longer.
    let code: Zeroizing<Vec<u8>> = Zeroizing::new(bytes.take(7).collect());
    if code.len() == 6 && code.iter().all(u8::is_ascii_digit) {
        Ok(code)
    } else {
        Err(TotpFault::NotSixDigits)
    }
}

/// The newest time step near `at` whose code this is. All three are always made and compared.
fn step_of(secret: &Secret, code: &[u8], at: Timestamp) -> Result<Option<u64>, TotpFault> {
    let now = u64::try_from(at.as_millis() / STEP_MS).map_err(|_| TotpFault::Clock)?;
    let key = secret.key();
    let mut found = None;
    for step in [now.checked_sub(1), Some(now), now.checked_add(1)] {
        let Some(step) = step else { continue };
        if is_equal(&key, code_at(&key, step).as_slice(), code) {
            found = Some(step);
        }
    }
    Ok(found)
}

/// RFC 4226, section 5.3, with the time step as counter.
fn code_at(key: &hmac::Key, step: u64) -> Zeroizing<[u8; 6]> {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 0x0f);
    let word = tag.iter().skip(offset).take(4);
    let mut number = word.fold(0_u32, |word, byte| (word << 8) | u32::from(*byte)) & 0x7fff_ffff;
    let mut code = Zeroizing::new([b'0'; 6]);
    for digit in code.iter_mut().rev() {
        *digit = b'0'.saturating_add(u8::try_from(number % 10).unwrap_or(0));
        number /= 10;
    }
    code
}

/// Compares by what the secret makes of both: how long that takes says nothing about either.
fn is_equal(key: &hmac::Key, one: &[u8], other: &[u8]) -> bool {
    hmac::verify(key, other, hmac::sign(key, one).as_ref()).is_ok()
}
