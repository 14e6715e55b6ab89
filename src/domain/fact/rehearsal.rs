//! What a first record says of rehearsals: that the session is one, or which ones there had been.

use crate::domain::digest::Digest;
use crate::domain::id::{Seq, SessionId, SessionName, StepId};
use crate::domain::runbook::shape::Shape;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The session is a rehearsal: the runbook's steps against another environment than its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The environment file, absolute.
    pub env_file: String,
    /// Digest of its bytes.
    pub env_digest: Digest,
    /// The configuration whose connectors are asked, absolute; the usual one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The usual connectors may write, mute and page in it; else they are only read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes: bool,
    /// What is rehearsed: the plan without what is another in another environment.
    pub shape: Shape,
}

/// How a rehearsal had ended when it was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RehearsalEnd {
    /// Every step was done or left out.
    Completed,
    /// Everything that could be undone was undone.
    RolledBack,
    /// It was given up.
    Aborted,
    /// It had not ended.
    Open,
}

impl RehearsalEnd {
    /// Words for the screen.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::RolledBack => "rolled back",
            Self::Aborted => "aborted",
            Self::Open => "not over",
        }
    }
}

/// A rehearsal of this runbook whose journal was intact when the session was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// The rehearsal for ever.
    pub session: SessionId,
    /// Its name.
    pub name: SessionName,
    /// Newest record of its journal, and that record's hash.
    pub head: (Seq, Digest),
    /// Digest of its shape.
    pub shape: Digest,
    /// It rehearsed this very plan, but for what is another in another environment.
    pub is_same: bool,
    /// How it had ended.
    pub end: RehearsalEnd,
    /// When that was; of one that had not ended, the time of its newest record.
    pub at: Timestamp,
    /// From its begin to its end, milliseconds.
    pub took_ms: u64,
    /// Steps that were started, in the order of its plan; none when it was of another plan.
    pub steps: Vec<RehearsedStep>,
    /// What is not as it was there, in words.
    pub differs: Vec<String>,
}

/// A step that is there for each of many units, by its place: its id names the unit, and units are others elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Template {
    /// Place of the phase in the plan.
    pub phase: usize,
    /// Place of the step among those of one unit.
    pub place: usize,
}

/// One step of a rehearsal; of steps that are there for each unit all of them together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsedStep {
    /// Which; the first one of several.
    pub step: StepId,
    /// What it is one of, where it is there for each unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// From its start to its end, milliseconds, the longest of several; absent when it had none.
    pub took_ms: Option<u64>,
    /// It was carried out, and not left out, failed or undone; one of several is enough.
    pub is_done: bool,
}
