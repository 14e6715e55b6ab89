//! What is said of a silence of the program's own beside its writes: that it was not made, and how people want to go on.

use crate::domain::write::Lifetime;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something said of one silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Which.
    pub lifetime: Lifetime,
    /// What.
    pub event: SilenceEvent,
}

/// What is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum SilenceEvent {
    /// It is not made; the program never makes one that it cannot answer for.
    Withheld {
        /// Why.
        because: Withheld,
    },
    /// A person wants another try, perhaps for fewer alerts.
    Again {
        /// Names of the alerts that it is for from now on; as the runbook says where there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        alerts: Vec<String>,
        /// Why; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A person goes on without it.
    Without {
        /// Why; never empty.
        reason: String,
    },
}

/// Why a silence is not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Withheld {
    /// It would keep quiet what the work does not touch.
    Outside {
        /// Alerts that it would mute, all together.
        muted: u32,
        /// What of that, and of what is monitored, is outside the targets.
        outside: u32,
        /// The first of those.
        names: Vec<String>,
    },
    /// Nobody knows what it would mute.
    Unknown {
        /// Why.
        what: String,
    },
    /// It was asked for, and is not there.
    Failed {
        /// Why.
        what: String,
    },
}

impl Withheld {
    /// Without names: for lists that are read by whoever must not be told the target yet.
    pub fn in_short(&self) -> String {
        match self {
            Self::Outside { muted, outside, .. } => {
                format!("it would mute {muted} alerts, {outside} things outside the targets")
            }
            Self::Unknown { .. } => "what it would mute is not known".to_owned(),
            Self::Failed { .. } => "it could not be made".to_owned(),
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside { names, .. } => write!(f, "{}: {}", self.in_short(), names.join(", ")),
            Self::Unknown { what } | Self::Failed { what } => {
                write!(f, "{}: {what}", self.in_short())
            }
        }
    }
}
