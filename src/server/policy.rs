//! The policy in force: who is a person, whose keys, which rules; read anew whenever something depends on it.

use super::connection::Peer;
use crate::config::Guard;
use crate::config::policy::{self, Digests, Listed, PolicyFiles};
use crate::config::rules;
use crate::domain::confirm::people::{People, Role};
use crate::domain::confirm::policy::Rules;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Mode, Via};
use crate::domain::id::PersonId;
use crate::domain::world::{Roles, Roster};
use crate::evidence::revoked::Revoked;
use crate::evidence::signers::Signers;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Where people come from.
#[derive(Debug, Clone)]
pub enum PeopleSource {
    /// Each Unix account is the person of that name.
    Accounts {
        /// What is asked of them; absent: what holds without any rules.
        rules: Option<PathBuf>,
    },
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
    /// Keys of people.
    pub signers: Signers,
    /// Keys that certify checkpoints.
    pub server_signers: Signers,
    /// What each class of step asks of people.
    pub rules: Arc<Rules>,
    /// What counts no more. Not in the digest.
    pub revoked: Revoked,
}

impl Policy {
    /// Reads the policy. Blocks.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn read(source: &PeopleSource) -> Result<Self, String> {
        let path = match source {
            PeopleSource::File(path) => path,
            PeopleSource::Demo => return Ok(Self::without_people(true, None)),
            PeopleSource::Accounts { rules: None } => return Ok(Self::without_people(false, None)),
            PeopleSource::Accounts { rules: Some(file) } => {
                let read = rules::load(file).map_err(|problems| problems.to_string())?;
                return Ok(Self::without_people(false, Some(read)));
            }
        };
        let files =
            policy::load(path, Guard::Installed).map_err(|problems| problems.to_string())?;
        let digest = files.digests.to_digest();
        let PolicyFiles {
            people,
            signers,
            server_signers,
            rules,
            revoked,
            ..
        } = files;
        Ok(Self {
            people: Some(people),
            is_demo: false,
            digest,
            signers,
            server_signers,
            rules: Arc::new(rules),
            revoked,
        })
    }

    /// What holds where the files cannot be read: nobody is a person and nobody has a role. A session that is taken up
    /// is served all the same, by its own account and root, who can go back.
    pub fn nobody() -> Self {
        Self {
            people: Some(People::nobody()),
            is_demo: false,
            digest: Digest::of(b""),
            signers: Signers::default(),
            server_signers: Signers::default(),
            rules: Arc::default(),
            revoked: Revoked::default(),
        }
    }

    fn without_people(is_demo: bool, rules: Option<(Rules, Digest)>) -> Self {
        let (rules, digest) = rules.unzip();
        let digests = Digests {
            people: None,
            signers: None,
            server_signers: None,
            rules: digest,
            runbook_signers: rules.as_ref().map_or(Listed::Not, Listed::of),
        };
        Self {
            people: None,
            is_demo,
            digest: digests.to_digest(),
            signers: Signers::default(),
            server_signers: Signers::default(),
            rules: Arc::new(rules.unwrap_or_default()),
            revoked: Revoked::default(),
        }
    }

    /// The people file's entries; absent where each account is the person of its name.
    pub const fn people(&self) -> Option<&People> {
        self.people.as_ref()
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
                        // Who is revoked stays known, so that records say who asked, and has no role.
                        let is_revoked = self.revoked.has_person(&person.id);
                        let has = |role| !is_revoked && person.has_role(role);
                        let roles = Roles {
                            operator: has(Role::Operator),
                            approver: has(Role::Approver),
                            breakglass: has(Role::Breakglass),
                        };
                        (person.id.clone(), roles)
                    })
                    .collect::<BTreeMap<_, _>>(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const PEOPLE: &str =
        "[[person]]\nid = \"alice\"\nuids = [4000001]\nroles = [\"approver\", \"breakglass\"]\n";
    const SIGNERS: &str = "alice namespaces=\"warroom-confirm@v1\" ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIAbfrTXw9fBkRVs0ChpdmMoifHjF+dlRF3S4mRRuZBzw\n";
    const SERVERS: &str = "bastion-1 namespaces=\"warroom-checkpoint@v1\" ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIK3DTpwl6xS359J9md9W+lwN2ZamN30tNdX2phSxpBar\n";

    #[test]
    fn every_file_but_the_revoked_is_in_the_digest_and_the_revoked_have_no_role() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let source = PeopleSource::File(dir.path().join("people.toml"));
        let mut seen = vec![
            Policy::read(&PeopleSource::Accounts { rules: None })
                .expect("a policy")
                .digest,
        ];
        for (name, text) in [
            ("people.toml", PEOPLE),
            ("allowed_signers", SIGNERS),
            ("server_signers", SERVERS),
            ("rules.toml", "allow_uid = true\n"),
        ] {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("write");
            let mode = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&path, mode).expect("chmod");
            let digest = Policy::read(&source).expect("a policy").digest;
            assert!(!seen.contains(&digest), "{name}");
            seen.push(digest);
        }
        // Who may sign runbooks is part of it as soon as the rules name a list, there or not.
        let list = dir.path().join("git_signers");
        let named = format!(
            "allow_uid = true\nrunbook_signers = \"{}\"\n",
            list.display()
        );
        std::fs::write(dir.path().join("rules.toml"), named).expect("write");
        for text in ["", "alice ssh-ed25519 AAAA\n", "mallory ssh-ed25519 AAAA\n"] {
            if !text.is_empty() {
                std::fs::write(&list, text).expect("write");
            }
            let digest = Policy::read(&source).expect("a policy").digest;
            assert!(!seen.contains(&digest), "{text}");
            seen.push(digest);
        }
        let before = Policy::read(&source).expect("a policy");
        let alice = PersonId::new("alice").expect("a name");
        let roles = before.roster().roles(&alice);
        assert!(roles.approver && roles.breakglass && before.rules.allow_uid);
        let path = dir.path().join("revoked");
        std::fs::write(&path, "person alice\n").expect("write");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        let after = Policy::read(&source).expect("a policy");
        assert_eq!(after.digest, before.digest);
        assert_eq!(after.roster().roles(&alice), Roles::OBSERVER);
        let known = after.people().and_then(|people| people.person(&alice));
        assert!(known.is_some(), "records still name who asked");
    }

    #[test]
    fn a_team_without_keys_says_so_in_a_rules_file_that_others_may_not_write() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("rules.toml");
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::write(&file, "allow_uid = true\n").expect("write");
        std::fs::set_permissions(&file, mode(0o644)).expect("chmod");
        let rules = Some(file.clone());
        let source = PeopleSource::Accounts { rules };
        let with = Policy::read(&source).expect("a policy");
        let without = Policy::read(&PeopleSource::Accounts { rules: None }).expect("a policy");
        assert!(with.rules.allow_uid && !without.rules.allow_uid);
        assert!(with.people().is_none() && with.digest != without.digest);
        std::fs::set_permissions(&file, mode(0o666)).expect("chmod");
        let why = Policy::read(&source).expect_err("anybody could write it");
        assert!(why.contains("others than its owner may write it"), "{why}");
        std::fs::set_permissions(&file, mode(0o644)).expect("chmod");
        std::fs::write(&file, "allow_uids = true\n").expect("write");
        let why = Policy::read(&source).expect_err("another key");
        assert!(why.contains("allow_uid"), "{why}");
    }
}
