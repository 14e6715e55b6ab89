//! Who did something, and how that is known. Frozen with the facts.

use crate::domain::id::PersonId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who did it, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// A person by some evidence.
    Person {
        /// Who.
        id: PersonId,
        /// How that is known.
        via: Via,
    },
    /// An account that proves nobody's identity: root, a shared account, an account of nobody on the list.
    Account {
        /// Effective uid of the peer, from the kernel.
        uid: u32,
    },
    /// The session server itself.
    Engine,
}

/// How a person is known (`TWO_PERSON` 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// Effective uid of the peer, from the kernel.
    Uid(u32),
    /// A simulated person of a demo session; counts nowhere else.
    Demo,
}

impl Actor {
    /// The person, when there is one.
    pub const fn person(&self) -> Option<&PersonId> {
        match self {
            Self::Person { id, .. } => Some(id),
            Self::Account { .. } | Self::Engine => None,
        }
    }

    /// Value of the `actor` line of a record: a person id, `uid-0`, or `warroom`.
    pub fn to_actor_text(&self) -> String {
        match self {
            Self::Person { id, .. } => id.to_string(),
            Self::Account { uid } => format!("uid-{uid}"),
            Self::Engine => "warroom".to_owned(),
        }
    }

    /// Value of the `via` line of a record: `uid:1001`, `demo`, or `engine`.
    pub fn to_via_text(&self) -> String {
        match self {
            Self::Person {
                via: Via::Uid(uid), ..
            }
            | Self::Account { uid } => format!("uid:{uid}"),
            Self::Person { via: Via::Demo, .. } => "demo".to_owned(),
            Self::Engine => "engine".to_owned(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_actor_text())
    }
}
