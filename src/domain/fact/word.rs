//! Words of people about a proposal: what they signed, and what they expected before they saw it. Frozen with the facts.

use crate::domain::id::{AttemptNo, PersonId, StepId};
use serde::{Deserialize, Serialize};

/// How the program's own note begins that a security key may have been copied; a report puts it on top.
pub const COUNTER_NOTICE: &str = "THE COUNTER OF A SECURITY KEY DID NOT RISE";

/// What a confirmer said from their own view, before the proposer's target was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The step.
    pub step: StepId,
    /// Which attempt.
    pub attempt: AttemptNo,
    /// The component they expect to be touched.
    pub component: String,
    /// How many others of its group stay in service; absent where nobody could be asked.
    pub remaining: Option<u32>,
    /// How long they looked, milliseconds.
    pub dwell_ms: u64,
    /// It is what the proposal is about.
    pub matches: bool,
    /// Who somebody in an account that is nobody's says they are; absent where the record's actor is a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<PersonId>,
}

/// A statement and the signature over it, as a record keeps them for whoever checks it with other tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// The document, whole. Its first line is the namespace of the signature.
    pub statement: String,
    /// The armoured SSHSIG over it.
    pub signature: String,
}
