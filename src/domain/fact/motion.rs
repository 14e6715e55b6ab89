//! Facts on the way of a motion. Frozen with the facts.

use super::Actor;
use crate::domain::amend::Amendment;
use crate::domain::motion::{Motion, MotionNo};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Something on the way of one motion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// Which motion.
    pub no: MotionNo,
    /// What happened.
    pub event: MotionEvent,
}

/// What happened to a motion. Who did it is the actor of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum MotionEvent {
    /// Somebody made it.
    Made {
        /// What is moved.
        what: Motion,
        /// Why; never empty.
        reason: String,
        /// From when on it is open, whole seconds: as its maker signed it, where they signed.
        issued: Timestamp,
        /// When it ends by itself, whole seconds.
        expires: Timestamp,
        /// What an amendment comes to, whole: who folds the journal needs no file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amendment: Option<Arc<Amendment>>,
    },
    /// Another person seconded it: from here on it is in force.
    Carried,
    /// It ended without being carried.
    Ended {
        /// Why.
        why: MotionEnd,
    },
    /// Somebody was refused something on its way.
    Refused {
        /// What they asked: `move`, `second`.
        asked: String,
        /// Why not.
        reason: String,
    },
}

/// Why a motion ended without being carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum MotionEnd {
    /// Somebody said no; who made it takes it back with the same word.
    Rejected {
        /// What they said; may be empty.
        reason: String,
    },
    /// Its time ran out on either clock.
    Expired,
    /// What it was about is over.
    Moot {
        /// What happened.
        what: String,
    },
}

impl MotionEnd {
    /// As its text, with the person who ended it where a person did.
    pub fn told(&self, by: &Actor) -> String {
        match self {
            Self::Rejected { reason } if reason.is_empty() => {
                format!("rejected by {}", by.to_actor_text())
            }
            Self::Rejected { reason } => format!("rejected by {}: {reason}", by.to_actor_text()),
            Self::Expired | Self::Moot { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for MotionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { reason } if reason.is_empty() => f.write_str("rejected"),
            Self::Rejected { reason } => write!(f, "rejected: {reason}"),
            Self::Expired => f.write_str("nobody seconded it in time"),
            Self::Moot { what } => f.write_str(what),
        }
    }
}
