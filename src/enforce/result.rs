//! What came of an attempt: written once, durably, and adopted by whichever session server asks for it later.

use super::name::RunName;
use super::parts::{PartsFault, PartsReader, PartsWriter};
use crate::domain::digest::Digest;
use crate::domain::id::{AttemptNo, SessionId, StepId};
use crate::domain::time::Timestamp;
use crate::runner::{NAME_BYTES_MAX, Outcome, VALUE_BYTES_MAX, VALUES_MAX};
use rustix::fs::{FallocateFlags, Mode, OFlags};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// First line of a result.
const TITLE: &str = "warroom-result@v1";
/// Longest result: all values at their longest, and some text.
pub const RESULT_BYTES_MAX: usize =
    VALUES_MAX * (NAME_BYTES_MAX + VALUE_BYTES_MAX + 32) + 64 * 1024;
/// Longest reason.
const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Most secrets named in one result: more than any command takes.
const SECRETS_MAX: usize = 64;
/// Room kept on the disk before anything runs, so that a full disk cannot swallow how it ended.
const RESERVED_BYTES: u64 = 512 * 1024;

/// A secret that was handed to the command: where from, never what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// The variable it was put into.
    pub variable: String,
    /// Its provider and path.
    pub from: String,
    /// The version the plan asked for, or `none`.
    pub version: String,
}

/// How one attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// What was spent for it.
    pub run: RunName,
    /// The session.
    pub session: SessionId,
    /// The step.
    pub step: StepId,
    /// Number of the attempt.
    pub attempt: AttemptNo,
    /// Digest of the plan.
    pub plan: Digest,
    /// When its nonce was spent.
    pub started: Timestamp,
    /// When it was over.
    pub ended: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes of output kept, scrubbed.
    pub output_bytes: u64,
    /// Bytes beyond the limit.
    pub output_truncated: u64,
    /// Digest of the kept bytes.
    pub output_digest: Digest,
    /// Why output is missing below the limit, or empty.
    pub output_error: String,
    /// Processes that had to be killed after the first one ended; absent when they could not be counted.
    pub left_behind: Option<u32>,
    /// Secrets it was given.
    pub secrets: Vec<SecretUse>,
    /// Values for later steps, scrubbed.
    pub values: Vec<(String, String)>,
    /// What was wrong with the values, or empty.
    pub values_error: String,
}

fn outcome_text(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Exited(code) => ("exited", code.to_string()),
        Outcome::Signalled(signal) => ("signalled", signal.to_string()),
        Outcome::TimedOut => ("timed-out", String::new()),
        Outcome::Stopped => ("stopped", String::new()),
        Outcome::NotStarted(why) => ("not-started", why.clone()),
        Outcome::Unknown(why) => ("unknown", why.clone()),
    }
}

fn outcome_of(word: &str, rest: &str) -> Option<Outcome> {
    let outcome = match word {
        "exited" => Outcome::Exited(rest.parse().ok()?),
        "signalled" => Outcome::Signalled(rest.parse().ok()?),
        "timed-out" => Outcome::TimedOut,
        "stopped" => Outcome::Stopped,
        "not-started" => Outcome::NotStarted(rest.to_owned()),
        "unknown" => Outcome::Unknown(rest.to_owned()),
        _ => return None,
    };
    (outcome_text(&outcome) == (word, rest.to_owned())).then_some(outcome)
}

/// As much of a text as a result carries.
fn cut(text: &str) -> String {
    text.chars().take(TEXT_BYTES_MAX / 4).collect()
}

impl Attempted {
    /// The result's bytes.
    pub fn print(&self) -> Vec<u8> {
        let (word, rest) = outcome_text(&self.outcome);
        let left: Vec<String> = self.left_behind.iter().map(u32::to_string).collect();
        let mut parts = PartsWriter::new(TITLE)
            .with("run", self.run.to_string())
            .with("session", self.session.as_str())
            .with("step", self.step.as_str())
            .with("attempt", self.attempt.to_string())
            .with("plan", self.plan.to_string())
            .with("started", self.started.to_string())
            .with("ended", self.ended.to_string())
            .with("end", word)
            .with("end.detail", cut(&rest))
            .with("output-bytes", self.output_bytes.to_string())
            .with("output-truncated", self.output_truncated.to_string())
            .with("output-sha256", self.output_digest.to_string())
            .with("output-error", cut(&self.output_error))
            .with_all("left-behind", &left)
            .with("secretc", self.secrets.len().to_string());
        for secret in &self.secrets {
            parts = parts
                .with("secret", &secret.variable)
                .with("secret.from", &secret.from)
                .with("secret.version", &secret.version);
        }
        parts = parts.with("valuec", self.values.len().to_string());
        for (name, value) in &self.values {
            parts = parts.with("value.name", name).with("value", value);
        }
        parts.with("values-error", cut(&self.values_error)).finish()
    }

    /// Reads a result.
    ///
    /// # Errors
    /// [`PartsFault`] for anything that [`Attempted::print`] does not write.
    pub fn parse(bytes: &[u8]) -> Result<Self, PartsFault> {
        let mut parts = PartsReader::new(bytes, TITLE)?;
        let time = |text: &str| Timestamp::parse_usual(text.as_bytes());
        let digest = |text: &str| Digest::parse(text).ok();
        let run = parts.parsed("run", 64, "the name of a run", RunName::parse)?;
        let session = parts.parsed("session", 26, "a session id", |t| {
            SessionId::try_from(t.to_owned()).ok()
        })?;
        let step = parts.parsed("step", 256, "a step id", |t| StepId::new(t).ok())?;
        let attempt = parts.parsed("attempt", 10, "a number", |t| t.parse().ok())?;
        let plan = parts.parsed("plan", 71, "a digest", digest)?;
        let started = parts.parsed("started", 24, "a time", time)?;
        let ended = parts.parsed("ended", 24, "a time", time)?;
        let word = parts.text("end", 16)?.to_owned();
        let outcome = parts.parsed("end.detail", TEXT_BYTES_MAX, "an end", |rest| {
            outcome_of(&word, rest)
        })?;
        let output_bytes = parts.number("output-bytes")?;
        let output_truncated = parts.number("output-truncated")?;
        let output_digest = parts.parsed("output-sha256", 71, "a digest", digest)?;
        let output_error = parts.text("output-error", TEXT_BYTES_MAX)?.to_owned();
        let left_behind = match parts.count("left-behind", 1)? {
            0 => None,
            _ => Some(parts.parsed("left-behind", 10, "a number", |t| t.parse().ok())?),
        };
        let secrets = read_secrets(&mut parts)?;
        let values = read_values(&mut parts)?;
        let attempted = Self {
            run,
            session,
            step,
            attempt: AttemptNo(attempt),
            plan,
            started,
            ended,
            outcome,
            output_bytes,
            output_truncated,
            output_digest,
            output_error,
            left_behind,
            secrets,
            values,
            values_error: parts.text("values-error", TEXT_BYTES_MAX)?.to_owned(),
        };
        parts.finish()?;
        Ok(attempted)
    }
}

fn read_secrets(parts: &mut PartsReader<'_>) -> Result<Vec<SecretUse>, PartsFault> {
    (0..parts.count("secret", SECRETS_MAX)?)
        .map(|_| {
            Ok(SecretUse {
                variable: parts.text("secret", TEXT_BYTES_MAX)?.to_owned(),
                from: parts.text("secret.from", TEXT_BYTES_MAX)?.to_owned(),
                version: parts.text("secret.version", TEXT_BYTES_MAX)?.to_owned(),
            })
        })
        .collect()
}

fn read_values(parts: &mut PartsReader<'_>) -> Result<Vec<(String, String)>, PartsFault> {
    (0..parts.count("value", VALUES_MAX)?)
        .map(|_| {
            let name = parts.text("value.name", NAME_BYTES_MAX)?.to_owned();
            // A value may have grown by the name that took a secret's place.
            let value = parts.text("value", 2 * VALUE_BYTES_MAX)?.to_owned();
            Ok((name, value))
        })
        .collect()
}

/// The place of a result, with room for it already on the disk.
#[derive(Debug)]
pub struct Reserved {
    directory: PathBuf,
    file: File,
}

/// Name of a result in the directory of its attempt.
const NAME: &str = "result";
/// Name of one that is being written.
const TEMPORARY: &str = "result.tmp";

impl Reserved {
    /// Takes room for a result in the directory of its attempt.
    ///
    /// # Errors
    /// What the file system says, most often that the disk is full; then nothing may run.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let path = directory.join(TEMPORARY);
        let file = rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR)?;
        match rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, RESERVED_BYTES) {
            // A file system that cannot promise room is used without the promise.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(Self {
            directory: directory.to_path_buf(),
            file: File::from(file),
        })
    }

    /// Writes the result: after this it is there whole, whatever happens to the host.
    ///
    /// # Errors
    /// What the file system says; then nobody will know how it ended.
    pub fn write(mut self, attempted: &Attempted) -> io::Result<()> {
        let bytes = attempted.print();
        self.file.write_all(&bytes)?;
        self.file
            .set_len(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        self.file.sync_all()?;
        let to = self.directory.join(NAME);
        std::fs::rename(self.directory.join(TEMPORARY), to)?;
        File::open(&self.directory)?.sync_all()
    }
}

/// Reads the result of an attempt; none when there is none (yet).
///
/// # Errors
/// What the file system says, and [`io::ErrorKind::InvalidData`] for a file that is no result.
pub fn read(directory: &Path) -> io::Result<Option<Attempted>> {
    let file = match File::open(directory.join(NAME)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let limit = u64::try_from(RESULT_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Attempted::parse(&bytes)
        .map(Some)
        .map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::enforce) fn example() -> Attempted {
        Attempted {
            run: RunName::forward(crate::domain::id::Nonce::from_bytes([3; 16])),
            session: SessionId::from_parts(1_795_320_631_250, 7),
            step: StepId::new("drain-broker-3").expect("valid"),
            attempt: AttemptNo(2),
            plan: Digest::of(b"plan"),
            started: Timestamp::from_millis(1_795_320_631_250),
            ended: Timestamp::from_millis(1_795_320_632_250),
            outcome: Outcome::Exited(-1),
            output_bytes: 5,
            output_truncated: 0,
            output_digest: Digest::of(b"hello"),
            output_error: String::new(),
            left_behind: Some(1),
            secrets: vec![SecretUse {
                variable: "DB_PASS".to_owned(),
                from: "vault/db/main".to_owned(),
                version: "3".to_owned(),
            }],
            values: vec![("LEADER".to_owned(), "db-2".to_owned())],
            values_error: "line 2: no `=`".to_owned(),
        }
    }

    #[test]
    fn every_outcome_is_read_back() {
        for outcome in [
            Outcome::Exited(0),
            Outcome::Signalled(9),
            Outcome::TimedOut,
            Outcome::Stopped,
            Outcome::NotStarted("no such\nfile".to_owned()),
            Outcome::Unknown("why".to_owned()),
        ] {
            let mut attempted = example();
            attempted.outcome = outcome;
            attempted.left_behind = None;
            assert_eq!(Attempted::parse(&attempted.print()), Ok(attempted));
        }
        let text = String::from_utf8(example().print()).expect("text");
        assert!(Attempted::parse(text.replace("exited", "existed").as_bytes()).is_err());
    }

    #[test]
    fn a_result_is_there_whole_or_not_at_all() {
        let place = tempfile::tempdir().expect("a directory");
        let reserved = Reserved::new(place.path()).expect("room");
        assert_eq!(read(place.path()).expect("read"), None);
        reserved.write(&example()).expect("written");
        assert_eq!(read(place.path()).expect("read"), Some(example()));
        assert!(!place.path().join(TEMPORARY).exists());
        std::fs::write(place.path().join(NAME), b"warroom-result@v1\n").expect("damaged");
        assert!(read(place.path()).is_err());
    }
}
