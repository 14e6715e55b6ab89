//! What is written to other systems: the closed list of deeds, and what came of them.
//!
//! A write is asked for by a person or follows from the runbook, is a fact before it is sent, and carries a marker that
//! makes a second try find the first.

mod cause;

pub use cause::{Cause, Lifetime};

use crate::domain::id::{ConnectorName, SessionId};
use crate::domain::time::{Moment, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Writes of one session: more than people ask for in a night, and few enough that all of them are in every snapshot.
pub const WRITES_MAX: usize = 500;

/// Writes of one session that the program itself asks for, beside those of people: a day of silences that are extended
/// every some minutes, and their ends.
pub const OWN_WRITES_MAX: usize = 400;

/// A page that was accepted is looked up for this long; a pager that has not told of it by then is called by phone.
pub const PROOF_SPAN: Duration = Duration::from_secs(5 * 60);

/// Number of a write in its session, 1 first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriteNo(pub u32);

impl fmt::Display for WriteNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One label of what a silence mutes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Matcher {
    /// Name of the label.
    pub label: String,
    /// What its value must be; a regular expression, anchored at both ends, when [`Self::is_regex`].
    pub value: String,
    /// The value is a regular expression.
    pub is_regex: bool,
    /// False turns it round: the label must not be that.
    pub is_equal: bool,
}

impl fmt::Display for Matcher {
    /// As Alertmanager writes it: `instance=~"db-1(:.*)?"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match (self.is_equal, self.is_regex) {
            (true, false) => "=",
            (true, true) => "=~",
            (false, false) => "!=",
            (false, true) => "!~",
        };
        write!(f, "{}{operator}{:?}", self.label, self.value)
    }
}

/// How urgent a page is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Wakes somebody.
    #[default]
    High,
    /// Waits for the day.
    Low,
}

/// What a system can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// [`Deed::Mute`] and [`Deed::Unmute`].
    Mute,
    /// Nothing to be asked for: a mute may keep quiet what is not read, since the settings filter it away.
    MuteUnseen,
    /// [`Deed::Extend`]; without it, a further mute that overlaps takes the place of the first.
    Extend,
    /// [`Deed::Page`].
    Page,
    /// [`Deed::Acknowledge`].
    Acknowledge,
    /// [`Deed::Resolve`].
    Resolve,
    /// [`Deed::Note`].
    Note,
    /// [`Deed::Annotate`].
    Annotate,
    /// [`Deed::Record`].
    Record,
    /// [`Deed::SetStatus`].
    SetStatus,
}

/// What is to be done in another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "kebab-case")]
pub enum Deed {
    /// Keep alerts quiet: a silence, a downtime or a maintenance window.
    Mute {
        /// Components meant, by their CMDB names. Systems without label matchers use these.
        components: Vec<String>,
        /// Labels meant, all of them together; systems with label matchers use these.
        matchers: Vec<Matcher>,
        /// When it ends by itself.
        until: Timestamp,
        /// Why.
        comment: String,
    },
    /// End it early.
    Unmute {
        /// What [`Outcome::Done`] named.
        reference: String,
    },
    /// Move the end of what keeps alerts quiet, with the same id.
    Extend {
        /// What [`Outcome::Done`] named. That of this write is empty when there is nothing any more whose end could be
        /// moved, since somebody else has ended it.
        reference: String,
        /// When it ends by itself from now on; never earlier than before.
        until: Timestamp,
    },
    /// Wake who is on call.
    Page {
        /// One line.
        summary: String,
        /// All there is to say; may be empty.
        details: String,
        /// What it is about, a CMDB name; may be empty.
        component: String,
        /// Wakes somebody or waits.
        urgency: Urgency,
    },
    /// Take an incident.
    Acknowledge {
        /// The incident or page.
        reference: String,
    },
    /// Close an incident.
    Resolve {
        /// The incident or page.
        reference: String,
    },
    /// Write under an incident.
    Note {
        /// The incident or page.
        reference: String,
        /// What to write.
        text: String,
    },
    /// A mark on dashboards.
    Annotate {
        /// What to write.
        text: String,
        /// Tags to find it by.
        tags: Vec<String>,
    },
    /// A journal entry of a component in the CMDB.
    Record {
        /// Its CMDB name.
        component: String,
        /// What to write.
        text: String,
    },
    /// The state of a component in the CMDB.
    SetStatus {
        /// Its CMDB name.
        component: String,
        /// The system's word: `maintenance`, `active`.
        status: String,
    },
}

impl Deed {
    /// What a system must be able to do for it.
    pub const fn ability(&self) -> Ability {
        match self {
            Self::Mute { .. } | Self::Unmute { .. } => Ability::Mute,
            Self::Extend { .. } => Ability::Extend,
            Self::Page { .. } => Ability::Page,
            Self::Acknowledge { .. } => Ability::Acknowledge,
            Self::Resolve { .. } => Ability::Resolve,
            Self::Note { .. } => Ability::Note,
            Self::Annotate { .. } => Ability::Annotate,
            Self::Record { .. } => Ability::Record,
            Self::SetStatus { .. } => Ability::SetStatus,
        }
    }

    /// The verb, for screens and refusals.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Mute { .. } => "mute",
            Self::Unmute { .. } => "unmute",
            Self::Extend { .. } => "extend",
            Self::Page { .. } => "page",
            Self::Acknowledge { .. } => "acknowledge",
            Self::Resolve { .. } => "resolve",
            Self::Note { .. } => "note",
            Self::Annotate { .. } => "annotate",
            Self::Record { .. } => "record",
            Self::SetStatus { .. } => "set status",
        }
    }
}

/// One write of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Its number.
    pub no: WriteNo,
    /// Which connector carries it out.
    pub connector: ConnectorName,
    /// What is to be done.
    pub deed: Deed,
    /// What the program itself asked for it for; absent for what people ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It is there: the system was asked again and showed it, or its answer is proof by its own contract.
    Done {
        /// The system's id, for later writes: of the silence, the incident, the entry.
        reference: String,
        /// How that is known: `read back as silence 4f2a`, `incident Q1X triggered, mira notified 03:12:04Z`.
        proof: String,
    },
    /// The system took it, and has not shown that it got through: a page on its way, a mail at a relay.
    Accepted {
        /// The system's id, or empty.
        reference: String,
        /// What is missing: `accepted by mail.example:25; delivery is not known`.
        what: String,
    },
    /// It did not happen.
    Failed {
        /// Why.
        what: String,
    },
    /// Nobody knows whether it happened.
    Unknown {
        /// Why.
        what: String,
    },
}

impl Write {
    /// Idempotency key, the same for every try: `warroom/01aryz6s41aaaaaaaaaaaaaaaa/3`.
    ///
    /// Shape: at most 45 characters of `a-z 0-9 /`.
    pub fn marker(&self, session: &SessionId) -> String {
        let session = session.as_str().to_ascii_lowercase();
        format!("warroom/{session}/{}", self.no)
    }
}

impl Outcome {
    /// True when nothing more is to come: only what was merely accepted may still be proven.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Accepted { .. })
    }

    /// The system's id of what was written; empty when it is not known.
    pub fn reference(&self) -> &str {
        match self {
            Self::Done { reference, .. } | Self::Accepted { reference, .. } => reference,
            Self::Failed { .. } | Self::Unknown { .. } => "",
        }
    }
}

/// Where one write stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteState {
    /// What was asked.
    pub write: Write,
    /// Who asked, as text.
    pub by: String,
    /// When.
    pub asked: Moment,
    /// What came of it; absent while nobody knows yet.
    pub outcome: Option<Outcome>,
    /// When that was recorded.
    pub ended: Option<Moment>,
}

impl WriteState {
    /// True when this outcome says more than what is known.
    pub fn takes(&self, outcome: &Outcome) -> bool {
        match &self.outcome {
            None => true,
            Some(known) => {
                let is_proof = matches!(outcome, Outcome::Done { .. } | Outcome::Failed { .. });
                !known.is_final()
                    && known != outcome
                    && (is_proof || matches!(outcome, Outcome::Accepted { .. }))
            }
        }
    }

    /// True while somebody still looks for what came of it.
    pub fn is_open(&self, now: Moment) -> bool {
        match &self.outcome {
            None => true,
            Some(outcome) => !outcome.is_final() && now.wall.since(self.asked.wall) < PROOF_SPAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_the_same_for_every_try_and_fits_every_vendor() {
        let session = SessionId::from_parts(u64::MAX >> 16, u128::MAX);
        let write = Write {
            no: WriteNo(u32::MAX),
            connector: ConnectorName::new("pager").unwrap(),
            deed: Deed::Unmute {
                reference: "4f2a".to_owned(),
            },
            cause: None,
        };
        let marker = write.marker(&session);
        assert_eq!(marker, "warroom/7zzzzzzzzzzzzzzzzzzzzzzzzz/4294967295");
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'/';
        assert!(marker.len() <= 64 && marker.bytes().all(fits), "{marker}");
    }

    #[test]
    fn only_what_was_accepted_may_be_followed_by_a_proof() {
        let text = String::new;
        let all = [
            Outcome::Done {
                reference: text(),
                proof: text(),
            },
            Outcome::Accepted {
                reference: text(),
                what: text(),
            },
            Outcome::Failed { what: text() },
            Outcome::Unknown { what: text() },
        ];
        for (first, known) in all.iter().enumerate() {
            let state = WriteState {
                write: Write {
                    no: WriteNo(1),
                    connector: ConnectorName::new("pager").unwrap(),
                    deed: Deed::Resolve { reference: text() },
                    cause: None,
                },
                by: text(),
                asked: Moment::default(),
                outcome: Some(known.clone()),
                ended: None,
            };
            let taken: Vec<bool> = all.iter().map(|next| state.takes(next)).collect();
            let expected = if first == 1 {
                [true, false, true, false]
            } else {
                [false; 4]
            };
            assert_eq!(taken, expected, "{known:?}");
        }
    }
}
