//! Executions: their names, how they ended, and what is kept of their output. Frozen with the facts.

use crate::domain::digest::Digest;
use crate::domain::id::{AttemptNo, StepId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum Outcome {
    /// It exited.
    Exited {
        /// Exit code; 0 is success.
        code: i32,
    },
    /// A signal ended it.
    Signalled {
        /// Signal number.
        signal: i32,
    },
    /// It ran longer than its timeout and was stopped.
    TimedOut,
    /// Somebody stopped it.
    Stopped,
    /// It never ran.
    NotStarted {
        /// Why not.
        why: String,
    },
}

impl Outcome {
    /// True for exit code 0 alone.
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Exited { code: 0 })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "exit {code}"),
            Self::Signalled { signal } => write!(f, "ended by signal {signal}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Stopped => f.write_str("stopped"),
            Self::NotStarted { why } => write!(f, "not started: {why}"),
        }
    }
}

/// What is kept of a command's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRef {
    /// Bytes in the output file.
    pub bytes: u64,
    /// Bytes beyond the limit, which were not kept.
    pub dropped: u64,
    /// Digest of the kept bytes.
    pub digest: Digest,
    /// Values the command appended to `$WARROOM_OUTPUT`.
    pub values: Vec<(String, String)>,
    /// Lines of `$WARROOM_OUTPUT` that were refused, in one sentence; or empty.
    pub values_error: String,
    /// Processes of its group that had to be killed after it ended.
    pub left_behind: u32,
}

/// Names one execution of one block of one step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExecKey {
    /// The step.
    pub step: StepId,
    /// Which attempt of the step.
    pub attempt: AttemptNo,
    /// Place in `PlanStep::blocks`; or [`ExecKey::UNDO`], or [`ExecKey::BY_HAND`].
    pub block: u16,
    /// Which try of a block that is retried, from 1.
    pub try_no: u32,
}

impl ExecKey {
    /// Stands for the `undo` block in [`ExecKey::block`].
    pub const UNDO: u16 = u16::MAX;
    /// Stands in [`ExecKey::block`] for destructive work that a person does by hand: no process belongs to it.
    pub const BY_HAND: u16 = u16::MAX - 1;

    /// True when a process belongs to it.
    pub const fn has_process(&self) -> bool {
        self.block != Self::BY_HAND
    }
}

impl fmt::Display for ExecKey {
    /// `drain.1.b0.t1`: also the stem of the output file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, attempt, try_no) = (&self.step, self.attempt, self.try_no);
        match self.block {
            Self::UNDO => write!(f, "{step}.{attempt}.undo.t{try_no}"),
            Self::BY_HAND => write!(f, "{step}.{attempt}.hand.t{try_no}"),
            block => write!(f, "{step}.{attempt}.b{block}.t{try_no}"),
        }
    }
}
