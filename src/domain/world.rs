//! What the server has read just now of the world outside the journal, and who is who.

use crate::domain::alert_match::AlertView;
use crate::domain::amend::Amendment;
use crate::domain::confirm::people::Role;
use crate::domain::confirm::policy::Rules;
use crate::domain::digest::Digest;
use crate::domain::fact::Via;
use crate::domain::freeze::Applies;
use crate::domain::id::{ConnectorName, FreezeId, PersonId, RuleId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::rollout::floor::Seen;
use crate::domain::scope::Claim;
use crate::domain::silences::Outlook;
use crate::domain::time::trust::ClockSeen;
use crate::domain::verdict::EffectNow;
use crate::domain::write::Ability;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

    /// The same as the rules of the classes name them.
    pub fn to_set(self) -> BTreeSet<Role> {
        let all = [
            (self.operator, Role::Operator),
            (self.approver, Role::Approver),
            (self.breakglass, Role::Breakglass),
        ];
        let has = all.into_iter().filter(|(has, _)| *has);
        has.map(|(_, role)| role).collect()
    }

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
            Self::Named(_) if is_off(Guard::Person) => Roles::BOTH,
            Self::Named(people) => people.get(person).copied().unwrap_or(Roles::OBSERVER),
        }
    }

    /// The people there are, with their roles; absent when nobody knows who they are.
    pub fn people(&self) -> Option<impl Iterator<Item = (&PersonId, BTreeSet<Role>)>> {
        match self {
            Self::Everybody => None,
            Self::Named(people) => Some(people.iter().map(|(id, roles)| (id, roles.to_set()))),
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
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Digest of the `warroom-policy@v1` document.
    pub policy: Option<Digest>,
    /// Why there is no policy, on one line; empty while there is one.
    pub unread: String,
    /// Digest of the runbook file's bytes.
    pub runbook: Option<Digest>,
    /// Whether the open proposal's command is still what was reviewed. A look is about one proposal: it starts as
    /// [`Look::NotLooked`] with each new one.
    pub look: Look,
    /// Who may act; somebody who is revoked may not.
    pub roster: Roster,
    /// What each class of step asks of people.
    pub rules: Arc<Rules>,
    /// The person whose own account the server runs in: they could have made up what the accounts of others say.
    pub owner: Option<PersonId>,
    /// Keys that speak for somebody now, by fingerprint: listed, in their time, not revoked.
    pub keys: BTreeMap<String, PersonId>,
    /// Components the work touches, as far as the CMDB knows now: selectors of the plan are resolved here.
    pub touched: Vec<String>,
    /// Selectors of the plan that fit nothing the CMDB knows now: what they touch is unknown.
    pub unmatched: Vec<String>,
    /// Names of all components that the CMDB knows now; none where there is no CMDB.
    pub known: BTreeSet<String>,
    /// How many others of its group the CMDB knows of each component in service, as far as it knows now.
    pub groups: BTreeMap<String, u32>,
    /// What other sessions say that share a lock scope with this one; or why nobody knows, which never passes.
    pub scope: Result<Vec<Claim>, String>,
    /// What the floor of each rollout says now, by the name of its query; what is not here is not known.
    pub floors: BTreeMap<RuleId, Seen>,
    /// What is read now of the declared effects of the step under way.
    pub effects: Vec<EffectNow>,
    /// Alerts that fire now on what the work touches; or why nobody knows.
    pub alerts: AlertView,
    /// Whether each freeze of the session is about its work, as far as a CMDB knows now; one that is not here is.
    pub freezes: BTreeMap<FreezeId, Applies>,
    /// What is known of the wall clock that windows and freezes are judged by.
    pub clock: ClockSeen,
    /// Every configured connector, with what it can write; nothing for those that only read.
    pub writers: BTreeMap<ConnectorName, Vec<Ability>>,
    /// What the runbook comes to now, read for somebody who asks for an amendment; absent at any other time.
    pub amendment: Option<Arc<Amendment>>,
    /// What silences for the work are judged by; empty where the plan has none.
    pub outlook: Box<Outlook>,
}

impl World {
    /// True while evidence still speaks for that person: a key that was revoked or taken off the list does not, and
    /// neither does a code whose secret the owner of the server's account could read.
    pub fn is_good(&self, person: &PersonId, via: &Via) -> bool {
        match via {
            Via::Sshsig { key, .. } => self.keys.get(key) == Some(person) || is_off(Guard::Key),
            Via::Totp { .. } => self.owner.is_none(),
            Via::Uid(_) | Via::Demo => true,
        }
    }

    /// True when the server runs in this person's own account.
    pub fn is_owner(&self, person: &PersonId) -> bool {
        self.owner.as_ref() == Some(person)
    }
}
