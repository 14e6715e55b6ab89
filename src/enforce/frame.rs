//! What passes between a session server and the runner: blocks with their length in front, each a request or an answer.
//!
//! One connection carries one request. `Run` and `Watch` are answered by a stream that ends with `Ended` or `Refused`;
//! everything else by one answer. A peer that sends something else is hung up on.

use super::name::RunName;
use super::parts::{PartsFault, PartsReader, PartsWriter};
use super::result::{Attempted, RESULT_BYTES_MAX};
use super::ticket::TICKET_BYTES_MAX;
use crate::domain::digest::Digest;
use std::io::{self, Read, Write};

/// Longest request: a ticket and its kind.
pub const REQUEST_BYTES_MAX: usize = TICKET_BYTES_MAX + 64;
/// Bytes of output in one answer: a screen or two, so that a stop is never behind megabytes.
pub const OUTPUT_CHUNK_MAX: usize = 32 * 1024;
/// Longest answer: a result with all its values.
pub const ANSWER_BYTES_MAX: usize = RESULT_BYTES_MAX + 64;
/// Longest reason, hint or name in an answer.
const TEXT_BYTES_MAX: usize = 8 * 1024;

const HELLO: &str = "warroom-hello-runner@v1";
const STOP: &str = "warroom-stop@v1";
const WATCH: &str = "warroom-watch@v1";
const FACTS: &str = "warroom-runner@v1";
const TAKEN: &str = "warroom-taken@v1";
const SPAWNED: &str = "warroom-spawned@v1";
const OUTPUT: &str = "warroom-output@v1";
const REFUSED: &str = "warroom-refused@v1";
const DONE: &str = "warroom-done@v1";

/// What a session server asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Who are you?
    Hello,
    /// Run this, if you find it right. The bytes of a ticket, judged whole by the runner.
    Run(Vec<u8>),
    /// Ask the command of this run to end.
    Stop(RunName),
    /// What became of this run? Output is wanted from `offset` on.
    Watch {
        /// The run.
        run: RunName,
        /// First byte of output that is wanted.
        offset: u64,
    },
}

/// What a runner says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `warroom-runner 0.1.0`.
    pub program: String,
    /// Name of its account: commands run in it.
    pub account: String,
    /// Name of its host.
    pub host: String,
    /// Directory of the files that commands hand values over in.
    pub values: String,
    /// Digest of the policy it reads now.
    pub policy: Option<Digest>,
    /// Why there is no policy, or empty.
    pub policy_error: String,
    /// `cgroup` or `process group`: what a stop reaches.
    pub reach: String,
    /// The lock scope.
    pub scope: String,
    /// Hours in which a way back may begin.
    pub undo_hours: u64,
}

/// What the runner answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To `Hello`.
    Facts(Box<Facts>),
    /// The ticket is right; its nonce is spent, and the command is being started.
    Taken(RunName),
    /// The command runs.
    Spawned {
        /// Process id.
        pid: u32,
    },
    /// Some of its output, scrubbed.
    Output {
        /// Place of the first byte in the whole output.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// It is over.
    Ended(Box<Attempted>),
    /// No, and why. For a ticket: nothing has run and nothing will.
    Refused {
        /// Stable word for what was wrong, such as `signature`.
        word: String,
        /// One line.
        why: String,
        /// What a person can do; may be empty.
        hint: String,
    },
    /// To `Watch`: the attempt was begun, and nobody knows how it ended.
    Unknown,
    /// To `Stop`: it has been asked to end.
    Done,
}

/// `UNKNOWN` as a document of its own.
const UNKNOWN: &str = "warroom-unknown@v1";

/// Longest name of a run.
const NAME_BYTES_MAX: usize = 64;

fn run(parts: &mut PartsReader<'_>) -> Result<RunName, PartsFault> {
    parts.parsed("run", NAME_BYTES_MAX, "the name of a run", RunName::parse)
}

impl Request {
    /// The request's bytes.
    pub fn print(&self) -> Vec<u8> {
        match self {
            Self::Hello => PartsWriter::new(HELLO).finish(),
            Self::Run(ticket) => ticket.clone(),
            Self::Stop(run) => PartsWriter::new(STOP).with("run", run.to_string()).finish(),
            Self::Watch { run, offset } => PartsWriter::new(WATCH)
                .with("run", run.to_string())
                .with("offset", offset.to_string())
                .finish(),
        }
    }

    /// Reads a request. A ticket is only told by its being none of the others; its own reading judges it.
    ///
    /// # Errors
    /// [`PartsFault`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, PartsFault> {
        if let Ok(parts) = PartsReader::new(&bytes, HELLO) {
            parts.finish()?;
            return Ok(Self::Hello);
        }
        if let Ok(mut parts) = PartsReader::new(&bytes, STOP) {
            let run = run(&mut parts)?;
            parts.finish()?;
            return Ok(Self::Stop(run));
        }
        if let Ok(mut parts) = PartsReader::new(&bytes, WATCH) {
            let run = run(&mut parts)?;
            let offset = parts.number("offset")?;
            parts.finish()?;
            return Ok(Self::Watch { run, offset });
        }
        Ok(Self::Run(bytes))
    }
}

impl Answer {
    /// The answer's bytes.
    pub fn print(&self) -> Vec<u8> {
        match self {
            Self::Facts(facts) => facts.print(),
            Self::Taken(run) => PartsWriter::new(TAKEN)
                .with("run", run.to_string())
                .finish(),
            Self::Spawned { pid } => PartsWriter::new(SPAWNED)
                .with("pid", pid.to_string())
                .finish(),
            Self::Output { offset, bytes } => PartsWriter::new(OUTPUT)
                .with("offset", offset.to_string())
                .with("bytes", bytes)
                .finish(),
            Self::Ended(attempted) => attempted.print(),
            Self::Refused { word, why, hint } => PartsWriter::new(REFUSED)
                .with("word", cut(word))
                .with("why", cut(why))
                .with("hint", cut(hint))
                .finish(),
            Self::Unknown => PartsWriter::new(UNKNOWN).finish(),
            Self::Done => PartsWriter::new(DONE).finish(),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`PartsFault`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PartsFault> {
        let title = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        let is = |expected: &str| title == expected.as_bytes();
        if is(FACTS) {
            return Facts::parse(bytes).map(|facts| Self::Facts(Box::new(facts)));
        }
        let (answer, parts) = if is(TAKEN) {
            let mut parts = PartsReader::new(bytes, TAKEN)?;
            (Self::Taken(run(&mut parts)?), parts)
        } else if is(SPAWNED) {
            let mut parts = PartsReader::new(bytes, SPAWNED)?;
            let pid = parts.parsed("pid", 10, "a process id", |text| text.parse().ok())?;
            (Self::Spawned { pid }, parts)
        } else if is(OUTPUT) {
            let mut parts = PartsReader::new(bytes, OUTPUT)?;
            let offset = parts.number("offset")?;
            let bytes = parts.take("bytes", OUTPUT_CHUNK_MAX)?.to_vec();
            (Self::Output { offset, bytes }, parts)
        } else if is(REFUSED) {
            let mut parts = PartsReader::new(bytes, REFUSED)?;
            let word = parts.text("word", TEXT_BYTES_MAX)?.to_owned();
            let why = parts.text("why", TEXT_BYTES_MAX)?.to_owned();
            let hint = parts.text("hint", TEXT_BYTES_MAX)?.to_owned();
            (Self::Refused { word, why, hint }, parts)
        } else if is(UNKNOWN) {
            (Self::Unknown, PartsReader::new(bytes, UNKNOWN)?)
        } else if is(DONE) {
            (Self::Done, PartsReader::new(bytes, DONE)?)
        } else {
            let attempted = Attempted::parse(bytes)?;
            return Ok(Self::Ended(Box::new(attempted)));
        };
        parts.finish()?;
        Ok(answer)
    }
}

impl Facts {
    fn print(&self) -> Vec<u8> {
        let policy: Vec<String> = self.policy.iter().map(Digest::to_string).collect();
        PartsWriter::new(FACTS)
            .with("program", cut(&self.program))
            .with("account", cut(&self.account))
            .with("host", cut(&self.host))
            .with("values", cut(&self.values))
            .with_all("policy", &policy)
            .with("policy-error", cut(&self.policy_error))
            .with("reach", cut(&self.reach))
            .with("scope", cut(&self.scope))
            .with("undo-hours", self.undo_hours.to_string())
            .finish()
    }

    fn parse(bytes: &[u8]) -> Result<Self, PartsFault> {
        let mut parts = PartsReader::new(bytes, FACTS)?;
        let mut text = |name| parts.text(name, TEXT_BYTES_MAX).map(str::to_owned);
        let (program, account) = (text("program")?, text("account")?);
        let (host, values) = (text("host")?, text("values")?);
        let read = |text: &str| Digest::parse(text).ok();
        let policy = match parts.count("policy", 1)? {
            0 => None,
            _ => Some(parts.parsed("policy", TEXT_BYTES_MAX, "a digest", read)?),
        };
        let mut text = |name| parts.text(name, TEXT_BYTES_MAX).map(str::to_owned);
        let facts = Self {
            program,
            account,
            host,
            values,
            policy,
            policy_error: text("policy-error")?,
            reach: text("reach")?,
            scope: text("scope")?,
            undo_hours: parts.number("undo-hours")?,
        };
        parts.finish()?;
        Ok(facts)
    }
}

/// As much of a text as an answer carries.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// Reads one block: its length, four bytes big endian, then that many bytes.
///
/// # Errors
/// What the socket says; a length over `limit` is refused before anything is allocated for it.
pub fn read_block(from: &mut impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = checked(length, limit)?;
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Length of the block that these four bytes announce.
///
/// # Errors
/// When it is over the limit.
pub(crate) fn checked(length: [u8; 4], limit: usize) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length <= limit {
        return Ok(length);
    }
    let why = format!("a block of {length} bytes, more than {limit}");
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// A block with its length in front.
///
/// # Errors
/// When it is too long to be announced.
pub(crate) fn framed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(bytes.len());
    let length = length.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok([&length.to_be_bytes()[..], bytes].concat())
}

/// Writes one block.
///
/// # Errors
/// What the socket says.
pub fn write_block(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(&framed(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            program: "warroom-runner 0.1.0".to_owned(),
            account: "warroom-exec".to_owned(),
            host: "bastion-1".to_owned(),
            values: "/var/lib/warroom-runner/values".to_owned(),
            policy: Some(Digest::of(b"x")),
            policy_error: String::new(),
            reach: "cgroup".to_owned(),
            scope: "/run/warroom-runner/scope".to_owned(),
            undo_hours: 72,
        }
    }

    #[test]
    fn requests_and_answers_are_read_back() {
        let forward = RunName::forward(crate::domain::id::Nonce::from_bytes([7; 16]));
        let run = forward.undo(2).expect("within bounds");
        for request in [
            Request::Hello,
            Request::Run(b"warroom-ticket@v1\n".to_vec()),
            Request::Stop(forward.clone()),
            Request::Watch {
                run: run.clone(),
                offset: 12,
            },
        ] {
            assert_eq!(Request::parse(request.print()), Ok(request));
        }
        let mut without = facts();
        without.policy = None;
        for answer in [
            Answer::Facts(Box::new(facts())),
            Answer::Facts(Box::new(without)),
            Answer::Taken(forward),
            Answer::Taken(run),
            Answer::Spawned { pid: 4711 },
            Answer::Output {
                offset: 5,
                bytes: vec![0, 10, 255],
            },
            Answer::Refused {
                word: "signature".to_owned(),
                why: "no".to_owned(),
                hint: String::new(),
            },
            Answer::Unknown,
            Answer::Done,
        ] {
            assert_eq!(Answer::parse(&answer.print()), Ok(answer));
        }
        assert!(Answer::parse(b"").is_err());
        assert!(Answer::parse(b"warroom-done@v1\nx").is_err());
        let mut long = b"warroom-stop@v1\nrun 33\n".to_vec();
        long.extend([b'0'; 34]);
        assert!(Request::parse(long).is_err());
    }

    #[test]
    fn a_block_is_bounded_before_it_is_read() {
        let bytes = framed(b"hello").expect("short");
        assert_eq!(
            read_block(&mut &bytes[..], 5).expect("fits"),
            b"hello".to_vec()
        );
        assert!(read_block(&mut &bytes[..], 4).is_err());
        assert!(read_block(&mut &bytes[..6], 5).is_err());
        assert!(read_block(&mut &[255_u8, 255, 255, 255][..], REQUEST_BYTES_MAX).is_err());
    }
}
