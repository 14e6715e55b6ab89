//! Going forward alone in an emergency, as it is recorded (`TWO_PERSON` 4.8). Frozen with the facts.

use crate::domain::digest::Digest;
use crate::domain::id::{AttemptNo, Seq, StepId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that happened on the way through a break-glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakglass {
    /// The step.
    pub step: StepId,
    /// Which attempt: it is about that one alone.
    pub attempt: AttemptNo,
    /// What happened.
    pub event: GlassEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum GlassEvent {
    /// The executor asked to go without a second person. The page goes out once this is durable.
    Asked {
        /// Why nobody else is waited for.
        reason: String,
        /// Guards that were not known to be good, each with what it said.
        guards: Vec<String>,
    },
    /// The page hook has ended, one way or the other.
    Paged {
        /// What came of it.
        page: Page,
    },
    /// It was signed: from here on everybody can veto it until the wait is over. The statement is the record before.
    Begun {
        /// Seconds of the wait.
        wait_s: u64,
        /// Time step of the one-time code that was given beside the signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u64>,
        /// Guards that were not known to be good, each with what it said.
        guards: Vec<String>,
        /// Digest of the `warroom-breakglass@v1` in the record before.
        statement: Digest,
    },
    /// A checkpoint that covers the beginning has left this host.
    Witnessed {
        /// Newest record it covers.
        seq: Seq,
        /// Who has it.
        by: String,
    },
    /// Somebody who is attached said no.
    Vetoed,
    /// The wait is over and nobody said no.
    Armed,
    /// It is over before it was signed; the proposal goes on waiting for people.
    Ended {
        /// Why.
        why: String,
    },
    /// A second person has looked at what was done, and signed that.
    Reviewed {
        /// What they found.
        note: String,
    },
}

/// What came of paging somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "page", rename_all = "kebab-case")]
pub enum Page {
    /// The hook has exited with 0.
    Sent,
    /// It has not.
    Down {
        /// What it did instead.
        why: String,
    },
}

impl Page {
    /// The word in the statement.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Down { .. } => "down",
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent => f.write_str("page sent"),
            Self::Down { why } => write!(f, "PAGE NOT SENT: {why}"),
        }
    }
}
