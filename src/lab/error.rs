//! What can go wrong with the lab and its client.

use std::io;
use std::net::SocketAddr;

/// Why the lab does not start, or why an action did not end well.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The port cannot be had.
    #[error("cannot listen on `{addr}`")]
    Listen {
        /// Wanted address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No token could be made.
    #[error(transparent)]
    Random(#[from] crate::clock::RandomError),
    /// The speed is not a sane number.
    #[error("speed must be from 0.1 to 100: {0}")]
    Speed(f64),
    /// Not an address.
    #[error("not an address of a lab: `{0}`")]
    Address(String),
    /// An address of another machine.
    #[error("`{0}` is not on this machine")]
    NotLoopback(SocketAddr),
    /// A token that no lab has.
    #[error("the token of the lab has characters that no token has")]
    Token,
    /// Nobody listens.
    #[error("cannot reach the lab at `{addr}`: {cause}")]
    Connect {
        /// Its address.
        addr: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The connection broke.
    #[error("lost the lab at `{addr}`: {cause}")]
    Lost {
        /// Its address.
        addr: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The connection ended before the action did.
    #[error("the lab at `{0}` ended before the action was done")]
    Ended(SocketAddr),
    /// The answer is not one of a lab.
    #[error("not an answer of a lab: {0}")]
    Answer(String),
    /// The cluster does not do it.
    #[error("{what}")]
    Refused {
        /// Why, whole.
        what: String,
        /// What a person can do; may be empty.
        hint: String,
    },
    /// Somebody undid it while it was going on.
    #[error("{0}")]
    Stopped(String),
    /// Progress cannot be written.
    #[error("cannot write")]
    Write(#[source] io::Error),
}

impl LabError {
    /// The next action of a person.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Listen { .. } => Some("leave the port out, and a free one is taken".to_owned()),
            Self::Address(_) | Self::NotLoopback(_) => {
                Some("write it as `127.0.0.1:PORT`, as `warroom lab` prints it".to_owned())
            }
            Self::Connect { .. } | Self::Lost { .. } | Self::Ended(_) => {
                Some("is `warroom demo` or `warroom lab` still running?".to_owned())
            }
            Self::Refused { hint, .. } if !hint.is_empty() => Some(hint.clone()),
            _ => None,
        }
    }
}
