//! Who is a person, and which Unix account is whose.

use crate::domain::digest::Digest;
use crate::domain::id::{NameError, PersonId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a person may do. A confirm counts people; a role says which people count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Observer,
    /// Runs steps and proposes destructive ones.
    Operator,
    /// Confirms what others propose.
    Approver,
    /// May go forward alone in an emergency, with a record that says so.
    Breakglass,
}

impl Role {
    /// All roles, as written in the people file.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("observer", Self::Observer),
        ("operator", Self::Operator),
        ("approver", Self::Approver),
        ("breakglass", Self::Breakglass),
    ];

    /// The word of the people file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observer => "observer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Breakglass => "breakglass",
        }
    }
}

/// Roles of a Unix account that is a person only because there is no people file: everything but break-glass.
const ACCOUNT_ROLES: [Role; 3] = [Role::Observer, Role::Operator, Role::Approver];

/// One human being.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The only name used in statements.
    pub id: PersonId,
    /// Unix accounts that are this person's alone. Never 0.
    pub uids: BTreeSet<u32>,
    /// What the person may do.
    pub roles: BTreeSet<Role>,
    /// Has a one-time password; its secret is kept elsewhere.
    pub totp: bool,
}

impl Person {
    /// The person of a Unix account where there is no people file.
    ///
    /// Shape: id is the account's name; roles are observer, operator and approver, never break-glass.
    /// `Ok(None)` for uid 0, which is nobody.
    ///
    /// # Errors
    /// [`NameError`] when the account's name cannot be a person's id.
    pub fn of_account(uid: u32, name: &str) -> Result<Option<Self>, NameError> {
        if uid == 0 {
            return Ok(None);
        }
        Ok(Some(Self {
            id: PersonId::new(name)?,
            uids: BTreeSet::from([uid]),
            roles: BTreeSet::from(ACCOUNT_ROLES),
            totp: false,
        }))
    }

    /// True when the person may act in that role.
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// Everybody the people file names. Source: `TWO_PERSON` 3.1 and 3.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    persons: Vec<Person>,
    by_uid: BTreeMap<u32, usize>,
    shared: BTreeSet<u32>,
    digest: Digest,
}

/// A rule of the people file that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeopleFault {
    /// One account, two people: neither could be told from the other.
    #[error("uid {uid} already belongs to `{first}`")]
    UidOfTwo {
        /// The account.
        uid: u32,
        /// Who has it already.
        first: PersonId,
    },
    /// A shared account proves nobody's identity.
    #[error("uid {uid} is a person's and in `[shared]` too")]
    UidShared {
        /// The account.
        uid: u32,
    },
    /// Root is nobody: everybody with `sudo` would be that person.
    #[error("uid 0 is never a person")]
    UidZero,
    /// Two entries of one name.
    #[error("`{id}` is named twice")]
    NamedTwice {
        /// The name.
        id: PersonId,
    },
}

impl People {
    /// Nobody at all: for where a file cannot be read.
    pub fn nobody() -> Self {
        Self {
            persons: Vec::new(),
            by_uid: BTreeMap::new(),
            shared: BTreeSet::new(),
            digest: Digest::of(b""),
        }
    }

    /// Takes the entries of a people file and applies the rules that need no keys.
    ///
    /// `digest` is that of the file's bytes: a session pins it, so that a changed file is noticed.
    ///
    /// # Errors
    /// Every [`PeopleFault`], each with the place of its entry in `persons`.
    pub fn new(
        persons: Vec<Person>,
        shared: BTreeSet<u32>,
        digest: Digest,
    ) -> Result<Self, Vec<(usize, PeopleFault)>> {
        let mut faults = Vec::new();
        let mut by_uid: BTreeMap<u32, usize> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for (index, person) in persons.iter().enumerate() {
            if !ids.insert(&person.id) {
                let id = person.id.clone();
                faults.push((index, PeopleFault::NamedTwice { id }));
            }
            for &uid in &person.uids {
                let first = by_uid.get(&uid).and_then(|first| persons.get(*first));
                if uid == 0 {
                    faults.push((index, PeopleFault::UidZero));
                } else if let Some(first) = first {
                    let first = first.id.clone();
                    faults.push((index, PeopleFault::UidOfTwo { uid, first }));
                } else if shared.contains(&uid) {
                    faults.push((index, PeopleFault::UidShared { uid }));
                } else {
                    by_uid.insert(uid, index);
                }
            }
        }
        if faults.is_empty() {
            Ok(Self {
                persons,
                by_uid,
                shared,
                digest,
            })
        } else {
            Err(faults)
        }
    }

    /// Who an account is; `None` for a shared or unknown one, and for root.
    pub fn person_of_uid(&self, uid: u32) -> Option<&Person> {
        self.persons.get(*self.by_uid.get(&uid)?)
    }

    /// The person of that name.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.persons.iter().find(|person| person.id == *id)
    }

    /// True for an account that several people use: it proves nobody's identity.
    pub fn is_shared(&self, uid: u32) -> bool {
        self.shared.contains(&uid)
    }

    /// Everybody, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.persons.iter()
    }

    /// How many people have a role: a step that needs more confirmers cannot be proposed.
    pub fn count_with(&self, role: Role) -> usize {
        self.persons.iter().filter(|p| p.has_role(role)).count()
    }

    /// Digest of the file's bytes.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, uids: &[u32]) -> Person {
        Person {
            id: PersonId::new(id).expect("valid"),
            uids: uids.iter().copied().collect(),
            roles: BTreeSet::from([Role::Operator]),
            totp: false,
        }
    }

    fn people(persons: Vec<Person>, shared: &[u32]) -> Result<People, Vec<(usize, PeopleFault)>> {
        People::new(persons, shared.iter().copied().collect(), Digest::of(b""))
    }

    #[test]
    fn an_account_is_its_person_and_nobody_else() {
        let all = people(
            vec![person("alice", &[1001, 2001]), person("bob", &[1002])],
            &[1500],
        )
        .expect("valid");
        let name = |uid| all.person_of_uid(uid).map(|p| p.id.as_str());
        assert_eq!(name(2001), Some("alice"));
        assert_eq!(name(1002), Some("bob"));
        assert_eq!(name(1500), None);
        assert_eq!(name(0), None);
        assert!(all.is_shared(1500) && !all.is_shared(1001));
        assert_eq!(all.count_with(Role::Operator), 2);
        assert_eq!(all.count_with(Role::Approver), 0);
    }

    #[test]
    fn every_broken_rule_is_named_with_its_entry() {
        let faults = people(
            vec![
                person("alice", &[0, 1001]),
                person("bob", &[1001, 1500]),
                person("alice", &[]),
            ],
            &[1500],
        )
        .expect_err("four rules are broken");
        let texts: Vec<String> = faults.iter().map(|(i, f)| format!("{i}: {f}")).collect();
        assert_eq!(
            texts,
            [
                "0: uid 0 is never a person",
                "1: uid 1001 already belongs to `alice`",
                "1: uid 1500 is a person's and in `[shared]` too",
                "2: `alice` is named twice",
            ]
        );
    }

    #[test]
    fn without_a_people_file_root_is_nobody_and_nobody_may_break_the_glass() {
        assert_eq!(Person::of_account(0, "root"), Ok(None));
        let person = Person::of_account(1000, "mira")
            .expect("valid")
            .expect("a person");
        assert!(person.has_role(Role::Approver));
        assert!(!person.has_role(Role::Breakglass));
        assert!(Person::of_account(1000, "Domain\\Mira").is_err());
    }
}
