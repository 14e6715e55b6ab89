//! The other end, for session servers: asks a runner, after the kernel has said that it is the right account.

use super::frame::{ANSWER_BYTES_MAX, Answer, Facts, Request, checked, framed};
use super::name::RunName;
use super::parts::PartsFault;
use crate::config::accounts;
use crate::config::runner::RunnerLink;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Longest wait for a connection or a single answer; a ticket is judged in a fraction of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a runner could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It does not listen, or the connection broke.
    #[error("the runner at `{}` does not answer: {source}", .socket.display())]
    Socket {
        /// Its socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configured account does not exist.
    #[error("account `{0}` of the runner is not known on this host")]
    NoAccount(String),
    /// Somebody else listens there.
    #[error("uid {found} listens at the runner's socket, and `{account}` should")]
    Account {
        /// Who should.
        account: String,
        /// Who does.
        found: u32,
    },
    /// It says something that is no answer.
    #[error("the runner's answer cannot be read: {0}")]
    Answer(#[from] PartsFault),
    /// It answers something else than what was asked.
    #[error("the runner refused: {0}")]
    Refused(String),
}

impl AskError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Socket { .. } => "run `systemctl status warroom-runner`",
            Self::NoAccount(_) | Self::Account { .. } => {
                "check `account` and `socket` in `[runner]`; do not trust whoever listens there"
            }
            Self::Answer(_) => "install runner and session server from one version",
            Self::Refused(_) => "",
        }
    }
}

/// A connection with one request on it.
#[derive(Debug)]
pub struct Asked {
    socket: UnixStream,
    path: PathBuf,
}

impl Asked {
    /// Connects, checks whose the other end is, and sends the request.
    ///
    /// # Errors
    /// [`AskError`]; a request that was not sent whole has no effect.
    pub async fn send(link: &RunnerLink, request: &Request) -> Result<Self, AskError> {
        let failed = |source| AskError::Socket {
            socket: link.socket.clone(),
            source,
        };
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let account = link.account.clone();
        let uid = tokio::task::spawn_blocking(move || accounts::uid_of(&account)).await;
        let uid = uid.ok().flatten();
        let uid = uid.ok_or_else(|| AskError::NoAccount(link.account.clone()))?;
        let connected = timeout(PATIENCE, UnixStream::connect(&link.socket)).await;
        let mut socket = connected.map_err(late).and_then(|c| c).map_err(failed)?;
        let found = socket.peer_cred().map_err(failed)?.uid();
        if found != uid {
            let account = link.account.clone();
            return Err(AskError::Account { account, found });
        }
        let bytes = framed(&request.print()).map_err(failed)?;
        let written = timeout(PATIENCE, socket.write_all(&bytes)).await;
        written.map_err(late).and_then(|w| w).map_err(failed)?;
        Ok(Self {
            socket,
            path: link.socket.clone(),
        })
    }

    /// The next answer; waits for it as long as it takes.
    ///
    /// # Errors
    /// [`AskError`]; what was asked may have happened all the same.
    pub async fn next(&mut self) -> Result<Answer, AskError> {
        let bytes = self.read().await.map_err(|source| AskError::Socket {
            socket: self.path.clone(),
            source,
        })?;
        Ok(Answer::parse(&bytes)?)
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).await?;
        let mut bytes = vec![0; checked(length, ANSWER_BYTES_MAX)?];
        self.socket.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn only(mut self) -> Result<Answer, AskError> {
        match timeout(PATIENCE, self.next()).await {
            Ok(answer) => answer,
            Err(_) => Err(AskError::Socket {
                socket: self.path.clone(),
                source: io::ErrorKind::TimedOut.into(),
            }),
        }
    }
}

/// Asks the runner who it is.
///
/// # Errors
/// [`AskError`].
pub async fn hello(link: &RunnerLink) -> Result<Facts, AskError> {
    match Asked::send(link, &Request::Hello).await?.only().await? {
        Answer::Facts(facts) => Ok(*facts),
        other => Err(unexpected(other)),
    }
}

/// Asks for a running command to end.
///
/// # Errors
/// [`AskError`], also when it does not run.
pub async fn stop(link: &RunnerLink, run: RunName) -> Result<(), AskError> {
    match Asked::send(link, &Request::Stop(run)).await?.only().await? {
        Answer::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}

fn unexpected(answer: Answer) -> AskError {
    AskError::Refused(match answer {
        Answer::Refused { why, .. } => why,
        _ => "it answered something else than what was asked".to_owned(),
    })
}
