//! Why the program itself asked for a write: silences that live exactly as long as the work they are for.

use super::WriteNo;
use crate::domain::id::{AttemptNo, StepId};
use serde::{Deserialize, Serialize};

/// How long a silence of the program's own lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "span", rename_all = "kebab-case")]
pub enum Lifetime {
    /// From the begin of the maintenance to its end.
    Session,
    /// While a phase is worked on.
    Phase {
        /// Place in the plan's phases.
        phase: usize,
    },
    /// While one attempt of a step is under way, and while it is undone.
    Step {
        /// The step.
        step: StepId,
        /// Which attempt; 0 for a step that has no work of its own.
        attempt: AttemptNo,
    },
}

/// What a write of the program itself is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// A silence begins.
    Begins {
        /// How long it lives.
        lifetime: Lifetime,
        /// Alerts that it was going to keep quiet when it was asked for.
        muted: u32,
    },
    /// Its end is moved, since the work goes on.
    Extends {
        /// The write that began it.
        of: WriteNo,
    },
    /// The work is over.
    Ends {
        /// The write that began it.
        of: WriteNo,
    },
}
