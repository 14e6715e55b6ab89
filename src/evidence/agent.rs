//! A client of `ssh-agent`: which keys it holds, and a signature by one of them (`TWO_PERSON` 9).
//!
//! Two requests of the agent protocol (draft-ietf-sshm-ssh-agent; OpenSSH's `PROTOCOL.agent`), each on a connection of
//! its own: dropping the future is the way to cancel, and leaves nothing half said. Nothing is ever asked twice by
//! itself, since an agent may have asked its owner.

mod fault;
mod pick;
#[cfg(test)]
mod tests;

pub use fault::AgentFault;
pub use pick::{NoKey, Pick, Usable, pick};

use super::key::{Key, Kind};
use super::make;
use super::packet::{Packet, put_string};
use super::sshsig::to_sign;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Longest message either way: what OpenSSH's own agent and clients take.
pub const MESSAGE_MAX: usize = 256 * 1024;
/// Patience with a signature: the agent may be asking its owner, who has to find the prompt, a PIN and a security key.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Patience with everything that asks nobody, such as the list of keys: one on the other side of the world answers in a
/// second, and one that is forwarded from a login that is gone never does.
pub const LIST_PATIENCE: Duration = Duration::from_secs(5);

/// `SSH_AGENT_FAILURE`.
const FAILURE: u8 = 5;
/// `SSH_AGENTC_REQUEST_IDENTITIES`.
const LIST: u8 = 11;
/// `SSH_AGENT_IDENTITIES_ANSWER`.
const LISTED: u8 = 12;
/// `SSH_AGENTC_SIGN_REQUEST`.
const SIGN: u8 = 13;
/// `SSH_AGENT_SIGN_RESPONSE`.
const SIGNED: u8 = 14;
/// `SSH_AGENT_RSA_SHA2_512`: without it an RSA key signs with SHA-1.
const RSA_SHA2_512: u32 = 4;

/// An agent, by the path of its socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    path: PathBuf,
}

/// A key an agent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldKey {
    /// The key.
    pub key: Key,
    /// What its owner calls it; from outside, to be cleaned before it is shown.
    pub comment: String,
}

/// What an agent holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Keys of accepted kinds, in the agent's order.
    pub keys: Vec<HeldKey>,
    /// How many certificates were passed over: what they sign cannot be checked by `ssh-keygen`.
    pub certificates: usize,
    /// How many keys of other kinds were passed over.
    pub others: usize,
}

impl Agent {
    /// The agent at a socket.
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The agent of `--agent PATH`, else of the value of `SSH_AUTH_SOCK`.
    ///
    /// # Errors
    /// [`AgentFault::Unset`] when neither names one.
    pub fn of_settings(flag: Option<&Path>, variable: Option<&OsStr>) -> Result<Self, AgentFault> {
        flag.or(variable.map(Path::new))
            .filter(|path| !path.as_os_str().is_empty())
            .map(Self::at)
            .ok_or(AgentFault::Unset)
    }

    /// Path of its socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Asks which keys it holds. A locked agent says none.
    ///
    /// # Errors
    /// [`AgentFault`] when it cannot be reached, does not answer in time or answers nonsense.
    pub async fn held(&self) -> Result<Held, AgentFault> {
        let answer = tokio::time::timeout(LIST_PATIENCE, self.exchange(&[LIST]));
        let answer = answer.await.unwrap_or_else(|_| {
            Err(AgentFault::Hangs {
                path: self.path.clone(),
                seconds: LIST_PATIENCE.as_secs(),
            })
        })?;
        let mut packet = Packet::new(&answer);
        match packet.byte() {
            Some(LISTED) => read_list(packet).ok_or(self.garbled("its list of keys is damaged")),
            Some(FAILURE) => Err(AgentFault::ListRefused {
                path: self.path.clone(),
            }),
            _ => Err(self.garbled("it does not speak the agent protocol")),
        }
    }

    /// Asks for a signature and gives it as armour, checked against the message: what leaves here is a signature by that
    /// key, in the algorithm that is accepted, and for a security key with a touch.
    ///
    /// The agent may ask its owner first; dropping the future ends the wait here, not the question there.
    ///
    /// # Errors
    /// [`AgentFault`] when it cannot be reached, refuses, does not answer in time, or answers with what does not fit.
    pub async fn sign(
        &self,
        key: &Key,
        namespace: &str,
        message: &[u8],
    ) -> Result<String, AgentFault> {
        let mut request = vec![SIGN];
        put_string(&mut request, key.blob());
        put_string(&mut request, &to_sign(namespace, message));
        let flags = if key.kind() == Kind::Rsa {
            RSA_SHA2_512
        } else {
            0
        };
        request.extend_from_slice(&flags.to_be_bytes());
        let answer = tokio::time::timeout(PATIENCE, self.exchange(&request));
        let answer = answer.await.unwrap_or_else(|_| {
            Err(AgentFault::Silent {
                path: self.path.clone(),
                seconds: PATIENCE.as_secs(),
            })
        })?;
        let mut packet = Packet::new(&answer);
        let signature = match packet.byte() {
            Some(SIGNED) => packet.string().filter(|_| packet.is_done()),
            Some(FAILURE) => {
                return Err(AgentFault::SignRefused {
                    key: key.fingerprint(),
                    is_security_key: key.kind().is_security_key(),
                });
            }
            _ => None,
        };
        let signature = signature.ok_or(self.garbled("its signature is damaged"))?;
        make::armour(key, namespace, message, signature).map_err(AgentFault::Signature)
    }

    /// One request and its answer.
    async fn exchange(&self, request: &[u8]) -> Result<Vec<u8>, AgentFault> {
        let died = |source| AgentFault::Died {
            path: self.path.clone(),
            source,
        };
        let mut stream = UnixStream::connect(&self.path)
            .await
            .map_err(|source| AgentFault::of_connect(&self.path, source))?;
        let mut message = Vec::new();
        put_string(&mut message, request);
        stream.write_all(&message).await.map_err(died)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length).await.map_err(died)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MESSAGE_MAX {
            return Err(self.garbled("its answer is longer than 256 KiB"));
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).await.map_err(died)?;
        Ok(answer)
    }

    fn garbled(&self, what: &'static str) -> AgentFault {
        AgentFault::Garbled {
            path: self.path.clone(),
            what,
        }
    }
}

/// Reads the keys behind the type byte; nothing when the list is damaged.
fn read_list(mut packet: Packet<'_>) -> Option<Held> {
    let count = packet.number()?;
    let mut held = Held::default();
    // The length of a message bounds how long this goes on, whatever the count says.
    for _ in 0..count {
        let blob = packet.string()?;
        let comment = String::from_utf8_lossy(packet.string()?).into_owned();
        match Key::of_blob(blob) {
            Ok(key) => held.keys.push(HeldKey { key, comment }),
            Err(super::key::KeyFault::Certificate { .. }) => held.certificates += 1,
            Err(_) => held.others += 1,
        }
    }
    packet.is_done().then_some(held)
}
