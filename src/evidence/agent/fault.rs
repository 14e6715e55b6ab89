//! What goes wrong with an agent, and what its owner can do about it.

use crate::evidence::sshsig::SigFault;
use std::io;
use std::path::{Path, PathBuf};

/// Why an agent gave no list or no signature.
#[derive(Debug, thiserror::Error)]
pub enum AgentFault {
    /// No agent is named at all.
    #[error("no ssh-agent is known here: `SSH_AUTH_SOCK` is not set")]
    Unset,
    /// Nobody listens at the path any more.
    #[error("no ssh-agent listens at `{}`", path.display())]
    Gone {
        /// Its socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The socket is another account's.
    #[error("the ssh-agent at `{}` is another account's", path.display())]
    Forbidden {
        /// Its socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path is no socket that can be connected to.
    #[error("cannot connect to the ssh-agent at `{}`", path.display())]
    Connect {
        /// Its socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It went away in the middle.
    #[error("the ssh-agent at `{}` went away before it had answered", path.display())]
    Died {
        /// Its socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No answer in time.
    #[error("the ssh-agent at `{}` did not answer within {seconds} s", path.display())]
    Silent {
        /// Its socket.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// It does not even say which keys it holds, which asks nobody.
    #[error("the ssh-agent at `{}` hangs: it did not list its keys within {seconds} s", path.display())]
    Hangs {
        /// Its socket.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// What came is no answer of an agent.
    #[error("the ssh-agent at `{}` cannot be understood: {what}", path.display())]
    Garbled {
        /// Its socket.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It would not even list its keys.
    #[error("the ssh-agent at `{}` refused to list its keys", path.display())]
    ListRefused {
        /// Its socket.
        path: PathBuf,
    },
    /// It would not sign. The protocol has one word for every reason.
    #[error("the ssh-agent refused to sign with `{key}`")]
    SignRefused {
        /// Fingerprint of the key.
        key: String,
        /// Whether somebody had to touch something.
        is_security_key: bool,
    },
    /// It answered with what does not fit.
    #[error("the ssh-agent's signature is not accepted")]
    Signature(#[source] SigFault),
}

impl AgentFault {
    pub(super) fn of_connect(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                Self::Gone { path, source }
            }
            io::ErrorKind::PermissionDenied => Self::Forbidden { path, source },
            _ => Self::Connect { path, source },
        }
    }

    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unset => UNSET,
            Self::Gone { .. } => GONE,
            Self::Hangs { .. } => HANGS,
            Self::Forbidden { .. } => {
                "an agent serves its own account only: start warroom under the account you logged in to"
            }
            Self::Connect { .. } | Self::Garbled { .. } => {
                "`ssh-add -l` with the same `SSH_AUTH_SOCK` shows whether it is an agent; `--agent PATH` names another"
            }
            Self::Died { .. } => DIED,
            Self::Silent { .. } => {
                "it may wait for you: look for a window that asks, or for a security key that blinks, on the machine where the agent runs"
            }
            Self::ListRefused { .. } => {
                "`ssh-add -l` shows what it says; a locked agent is unlocked with `ssh-add -X`"
            }
            Self::SignRefused {
                is_security_key: false,
                ..
            } => REFUSED,
            Self::SignRefused {
                is_security_key: true,
                ..
            } => REFUSED_SECURITY_KEY,
            Self::Signature(fault) => fault.hint(),
        }
    }
}

const UNSET: &str = "log in with `ssh -A`, or start one with `eval $(ssh-agent)` and `ssh-add`, then attach again; `--agent PATH` names \
one (inside tmux, `tmux show-environment SSH_AUTH_SOCK` has the path of the login that attached last)";
/// What to do about a path that a login has left behind, which is usual inside tmux.
const GONE: &str = "the login it came with has ended: attach again with `--agent PATH`, the `echo $SSH_AUTH_SOCK` of a new login; inside \
tmux, `tmux show-environment SSH_AUTH_SOCK` has the path of the login that attached last, and a new window has it already";
const HANGS: &str = "an agent forwarded from a login whose line is dead hangs like this: attach again with `--agent PATH`, the \
`echo $SSH_AUTH_SOCK` of a new login (inside tmux: `tmux show-environment SSH_AUTH_SOCK`), or sign on another machine";
const DIED: &str = "look whether your login or the agent has ended, and name another with `--agent PATH`; nothing was signed that \
anybody has seen";

/// Every cause of the one refusal an agent knows.
const REFUSED: &str = "an agent does not say why; look in this order: is it locked (`ssh-add -X` unlocks); was the key added with \
`ssh-add -c`, and did you say no, or is there no askpass program on the agent's machine; was it added with `ssh-add -h`, which \
signs logins only (use a key of its own for signing); has its time from `ssh-add -t` run out; did its device go away";
const REFUSED_SECURITY_KEY: &str = "an agent does not say why; look in this order: was the security key touched in time, is it plugged in, and was \
its PIN right (an agent without an askpass program cannot ask for it); is the agent locked (`ssh-add -X` unlocks); was the key \
added with `ssh-add -c` and did you say no; was it added with `ssh-add -h`, which signs logins only";
