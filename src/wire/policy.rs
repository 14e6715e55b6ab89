//! What a client is told of the policy: what is asked of its person, and with which keys they can answer.

use crate::domain::board::base64_bytes;
use crate::domain::confirm::policy::{ClassRule, Grade, Purpose};
use crate::domain::id::PersonId;
use crate::domain::runbook::plan::Risk;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Keys a client is told of: those of one person, or of everybody where the connection is nobody yet.
pub const KEYS_MAX: usize = 200;

/// The policy as it concerns one connection. A client only shows and asks by it; what counts is judged by the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about one connection"
)]
pub struct PolicyView {
    /// What holds for each class of step.
    pub classes: Vec<(Risk, ClassRule)>,
    /// The server runs in the account of this connection's person.
    pub is_owner: bool,
    /// Keys that can speak for this connection's person; at most [`KEYS_MAX`].
    pub keys: Vec<KeyView>,
    /// One-time codes of this person can be checked; where the connection is nobody yet, those of anybody.
    pub codes: bool,
    /// Why the account of this connection is nobody's; empty where it is somebody's.
    pub nobody: String,
    /// This person may go alone in an emergency.
    #[serde(default)]
    pub breakglass: bool,
    /// Everybody who may; at most [`ALONE_MAX`].
    #[serde(default)]
    pub alone: Vec<PersonId>,
    /// This person's roles do not let them confirm: they look on.
    #[serde(default)]
    pub observes: bool,
    /// There is no people file: everybody with an account of the host is a person with every role but break-glass.
    #[serde(default)]
    pub no_people: bool,
}

/// People named as those who may go alone: a screen holds no more, and few should have the role.
pub const ALONE_MAX: usize = 8;

impl PolicyView {
    /// What holds for a class; absent when the server did not say.
    pub fn rule(&self, risk: Risk) -> Option<&ClassRule> {
        let mut classes = self.classes.iter();
        classes
            .find(|(class, _)| *class == risk)
            .map(|(_, rule)| rule)
    }

    /// Evidence needed of this connection's person.
    pub fn needed(&self, risk: Risk, purpose: Purpose) -> Grade {
        self.rule(risk)
            .map_or(Grade::Uid, |rule| rule.needed(purpose, self.is_owner))
    }

    /// Words on accounts that count as people because the policy says so.
    pub fn is_uid_by_policy(&self) -> bool {
        self.classes
            .iter()
            .any(|(risk, rule)| risk.needs_second_person() && rule.uid_by_policy)
    }
}

/// A key on the list of signers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Whose it is.
    pub person: PersonId,
    /// The public key, as agents list it, base 64.
    #[serde(with = "base64_bytes")]
    pub blob: Vec<u8>,
    /// Namespaces it may sign in.
    pub namespaces: Vec<String>,
    /// Not good for anything signed before this.
    pub valid_after: Option<Timestamp>,
    /// Not good for anything signed after this.
    pub valid_before: Option<Timestamp>,
}
