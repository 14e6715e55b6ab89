//! Why a rollout no longer goes by itself, as it is recorded. Frozen with the facts.

use crate::domain::id::{RuleId, StepId};
use serde::{Deserialize, Serialize};

/// What ended the word that a rollout goes by itself. Nothing but another word begins it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Halt {
    /// A person said so.
    Word,
    /// Nothing of its phase is left to do.
    Done,
    /// A step of its phase failed, or could not be undone.
    Failed {
        /// Which.
        step: StepId,
    },
    /// Nobody knows how a step ended.
    Unknown {
        /// Which.
        step: StepId,
    },
    /// The session is held, by whomever.
    Held,
    /// A guard is beyond its limit, also one that only warns.
    Breach {
        /// Which.
        rule: RuleId,
    },
    /// More units failed or were left out than the plan allows.
    TooMany {
        /// How many.
        failed: u32,
        /// How many may.
        allowed: u32,
    },
    /// The session was taken up by another server.
    Restart,
    /// The maintenance goes back or is over, or its switch is taken back.
    Back,
    /// Something before its phase is open again.
    Elsewhere,
    /// The window or a freeze bars what would come.
    Barred {
        /// In words.
        what: String,
    },
    /// Whoever said the word may not begin steps any more.
    Role,
}

impl Halt {
    /// True for what is seen in the world outside the journal, so that the fold cannot find it by itself.
    pub const fn is_outside(&self) -> bool {
        matches!(self, Self::Barred { .. } | Self::Role)
    }

    /// Ends a sentence: `it stopped going by itself: a hold is in force`. `name` says what a step is called there.
    pub fn words(&self, name: &dyn Fn(&StepId) -> String) -> String {
        match self {
            Self::Word => "somebody said so".to_owned(),
            Self::Done => "the phase is done".to_owned(),
            Self::Failed { step } => format!("{} failed", name(step)),
            Self::Unknown { step } => format!("nobody knows how {} ended", name(step)),
            Self::Held => "a hold was set".to_owned(),
            Self::Breach { rule } => format!("guard `{rule}` is beyond its limit"),
            Self::TooMany { failed, allowed } => {
                format!("{failed} failed or were left out, {allowed} may")
            }
            Self::Restart => "the server was restarted".to_owned(),
            Self::Back => "the maintenance does not go forward here any more".to_owned(),
            Self::Elsewhere => "something before this phase is open again".to_owned(),
            Self::Barred { what } => what.clone(),
            Self::Role => "who said so may not begin steps any more".to_owned(),
        }
    }
}
