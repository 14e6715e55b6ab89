//! Why an open proposal ended without running.

use super::Actor;
use crate::domain::id::{PersonId, RuleId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an open proposal ended without running (`TWO_PERSON` 4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum CloseCause {
    /// A confirmer said no.
    Rejected {
        /// What they said, at most 500 bytes; empty where the reason follows.
        reason: String,
    },
    /// The proposer or another operator took it back.
    Cancelled {
        /// What they said; may be empty.
        reason: String,
    },
    /// Its time ran out on either clock.
    Expired,
    /// The wall clock stepped by more than 2 s while armed.
    ClockStep,
    /// Plan, runbook file, variables or executable are not what was reviewed.
    Changed {
        /// What changed.
        what: String,
    },
    /// A guard went bad or unknown.
    Guard {
        /// Which one.
        rule: RuleId,
    },
    /// Proposer, executor or a counted confirmer was away for more than 15 s.
    Absent {
        /// Who.
        person: PersonId,
    },
    /// The policy files changed.
    Policy,
    /// The key or the person of somebody in it was revoked, or the evidence no longer suffices.
    Revoked {
        /// Whose.
        person: PersonId,
    },
    /// Who is who could not be read, so nobody could be counted.
    PolicyUnread {
        /// Why, on one line.
        why: String,
    },
    /// A confirmer expected something else to be touched.
    Mismatch {
        /// Who.
        person: PersonId,
        /// What they said.
        said: String,
        /// What is proposed.
        proposed: String,
    },
    /// The session was held, rolled back or ended.
    Session {
        /// What happened.
        what: String,
    },
    /// Another session of the lock scope changed the world, or nobody can tell whether one did.
    Scope {
        /// Which session and step, and whose; or why nobody can tell.
        what: String,
    },
    /// Somebody who is attached said no to going forward alone.
    Vetoed {
        /// Who, as text.
        by: String,
    },
    /// The server was restarted.
    Restart,
}

impl CloseCause {
    /// As its text, with the person who ended it where a person did.
    pub fn told(&self, by: &Actor) -> String {
        let (what, reason) = match (self, by) {
            (Self::Rejected { reason }, Actor::Person { .. } | Actor::Account { .. }) => {
                ("rejected", reason)
            }
            (Self::Cancelled { reason }, Actor::Person { .. } | Actor::Account { .. }) => {
                ("cancelled", reason)
            }
            _ => return self.to_string(),
        };
        let who = by.to_actor_text();
        if reason.is_empty() {
            format!("{what} by {who}")
        } else {
            format!("{what} by {who}: {reason}")
        }
    }
}

impl fmt::Display for CloseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { reason } if reason.is_empty() => f.write_str("rejected"),
            Self::Rejected { reason } => write!(f, "rejected: {reason}"),
            Self::Cancelled { reason } if reason.is_empty() => f.write_str("cancelled"),
            Self::Cancelled { reason } => write!(f, "cancelled: {reason}"),
            Self::Expired => f.write_str("expired"),
            Self::ClockStep => f.write_str("the wall clock stepped"),
            Self::Changed { what } => write!(f, "changed since review: {what}"),
            Self::Guard { rule } => write!(f, "guard {rule} is not good"),
            Self::Absent { person } => write!(f, "{person} was away for more than 15 s"),
            Self::Policy => f.write_str("the policy files changed"),
            Self::Revoked { person } => {
                write!(f, "what proved that it was {person} no longer counts")
            }
            Self::PolicyUnread { why } => write!(f, "the people file cannot be read: {why}"),
            Self::Mismatch {
                person,
                said,
                proposed,
            } => write!(f, "{person} expected {said}, and it is about {proposed}"),
            Self::Session { what } | Self::Scope { what } => f.write_str(what),
            Self::Vetoed { by } => write!(f, "break-glass vetoed by {by}"),
            Self::Restart => f.write_str("the server was restarted"),
        }
    }
}
