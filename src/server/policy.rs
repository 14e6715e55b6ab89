//! The policy in force: who is a person, read anew whenever something depends on it.

use super::connection::Peer;
use crate::config::people;
use crate::domain::confirm::people::{People, Role};
use crate::domain::digest::Digest;
use crate::domain::doc::Doc;
use crate::domain::fact::{Actor, Mode, Via};
use crate::domain::id::PersonId;
use crate::domain::world::{Roles, Roster};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where people come from.
#[derive(Debug, Clone)]
pub enum PeopleSource {
    /// Each Unix account is the person of that name.
    Accounts,
    /// A people file.
    File(PathBuf),
    /// Simulated people of a demo.
    Demo,
}

/// People as they were read just now.
#[derive(Debug, Clone)]
pub struct Policy {
    people: Option<People>,
    is_demo: bool,
    /// Digest of the `warroom-policy@v1` document.
    pub digest: Digest,
}

impl Policy {
    /// Reads the policy. Blocks.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn read(source: &PeopleSource) -> Result<Self, String> {
        let people = match source {
            PeopleSource::Accounts | PeopleSource::Demo => None,
            PeopleSource::File(path) => {
                Some(people::load(path).map_err(|problems| problems.to_string())?)
            }
        };
        let people_digest = people.as_ref().map(People::digest);
        let digest = policy_digest(people_digest)?;
        Ok(Self {
            people,
            is_demo: matches!(source, PeopleSource::Demo),
            digest,
        })
    }

    /// Whom a peer counts as.
    pub fn actor(&self, peer: &Peer, demo_person: Option<&PersonId>, mode: Mode) -> Actor {
        let uid = peer.uid;
        if self.is_demo && mode == Mode::Demo {
            return match demo_person {
                Some(id) => Actor::Person {
                    id: id.clone(),
                    via: Via::Demo,
                },
                None => Actor::Account { uid },
            };
        }
        let id = match &self.people {
            Some(people) => people.person_of_uid(uid).map(|person| person.id.clone()),
            None => peer.account.clone(),
        };
        // A name like that of an account that is nobody would be read back from the journal as one.
        match id.filter(|id| !id.as_str().starts_with("uid-")) {
            Some(id) => Actor::Person {
                id,
                via: Via::Uid(uid),
            },
            None => Actor::Account { uid },
        }
    }

    /// True when a peer may attach at all: a listed person, a listed shared account, root, or the server's own.
    pub fn may_attach(&self, uid: u32, server_uid: u32) -> bool {
        match &self.people {
            Some(people) => {
                uid == 0
                    || uid == server_uid
                    || people.person_of_uid(uid).is_some()
                    || people.is_shared(uid)
            }
            None => true,
        }
    }

    /// Who may act.
    pub fn roster(&self) -> Roster {
        match &self.people {
            None => Roster::Everybody,
            Some(people) => Roster::Named(
                people
                    .iter()
                    .map(|person| {
                        let roles = Roles {
                            operator: person.has_role(Role::Operator),
                            approver: person.has_role(Role::Approver),
                            breakglass: person.has_role(Role::Breakglass),
                        };
                        (person.id.clone(), roles)
                    })
                    .collect::<BTreeMap<_, _>>(),
            ),
        }
    }
}

/// Digest of the `warroom-policy@v1` document: one digest a file, `none` where there is none.
fn policy_digest(people: Option<Digest>) -> Result<Digest, String> {
    let people = people.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
    let bytes = Doc::new("warroom-policy", 1)
        .with("people", people)
        .with("signers", "none")
        .with("server-signers", "none")
        .with("rules", "none")
        .print()
        .map_err(|error| error.to_string())?;
    Ok(Digest::of(&bytes))
}
