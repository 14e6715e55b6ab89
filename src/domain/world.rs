//! What the server has read just now of the world outside the journal, and who is who.

use crate::domain::digest::Digest;
use crate::domain::id::{ConnectorName, PersonId};
use crate::domain::write::Ability;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a person may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Runs steps, proposes, says go.
    pub operator: bool,
    /// Confirms and rejects what others propose.
    pub approver: bool,
    /// May go forward alone in an emergency.
    #[serde(default)]
    pub breakglass: bool,
}

impl Roles {
    /// Operator and approver, never break-glass.
    pub const BOTH: Self = Self {
        operator: true,
        approver: true,
        breakglass: false,
    };

    /// Looks only.
    pub const OBSERVER: Self = Self {
        operator: false,
        approver: false,
        breakglass: false,
    };

    /// True with any role that may act.
    pub const fn may_act(self) -> bool {
        self.operator || self.approver
    }
}

/// Everybody who may act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Roster {
    /// There is no people file: everybody with an account of their own is operator and approver.
    Everybody,
    /// The people of the file; nobody else has a role.
    Named(BTreeMap<PersonId, Roles>),
}

impl Roster {
    /// Roles of a person; none for who is not on the list.
    pub fn roles(&self, person: &PersonId) -> Roles {
        match self {
            Self::Everybody => Roles::BOTH,
            Self::Named(people) => people.get(person).copied().unwrap_or(Roles::OBSERVER),
        }
    }

    /// How many people could confirm something these two propose and execute; absent when nobody knows how many
    /// there are.
    pub fn confirmers_other_than(&self, proposer: &PersonId, executor: &PersonId) -> Option<usize> {
        match self {
            Self::Everybody => None,
            Self::Named(people) => Some(
                people
                    .iter()
                    .filter(|(id, roles)| roles.approver && *id != proposer && *id != executor)
                    .count(),
            ),
        }
    }
}

/// A last look at the command of the open proposal: executable, arguments, environment, place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Look {
    /// Nobody has looked now; enough between two commands, never enough for go.
    NotLooked,
    /// It is what was reviewed.
    Same,
    /// It is not.
    Changed {
        /// What changed.
        what: String,
    },
}

/// What the server has read just now. Absent means that it could not be read, which never passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// Digest of the `warroom-policy@v1` document.
    pub policy: Option<Digest>,
    /// Why there is no policy, on one line; empty while there is one.
    #[serde(default)]
    pub unread: String,
    /// Digest of the runbook file's bytes.
    pub runbook: Option<Digest>,
    /// Whether the open proposal's command is still what was reviewed. A look is about one proposal: it starts as
    /// [`Look::NotLooked`] with each new one.
    pub look: Look,
    /// Who may act.
    pub roster: Roster,
    /// Components the work touches, as far as the CMDB knows now: selectors of the plan are resolved here.
    pub touched: Vec<String>,
    /// Every configured connector, with what it can write; nothing for those that only read.
    pub writers: BTreeMap<ConnectorName, Vec<Ability>>,
}
