//! The policy files: any text is read or refused with its place, and a list of signers that is accepted gives each key to
//! exactly one person of the people file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use warroom::config::{people, rules};
use warroom::domain::id::PersonId;
use warroom::evidence::revoked::Revoked;
use warroom::evidence::signers::{Signers, SignersFault};

/// Between the parts of an input: people file, signers, rules, revoked.
const PART: &str = "\n%%\n";

fn placed(faults: &[SignersFault], text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert!(!faults.is_empty());
    for fault in faults {
        let line = lines[fault.line - 1];
        assert!(
            (1..=line.chars().count() + 1).contains(&fault.column),
            "{fault:?}"
        );
    }
}

/// Takes one input.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut parts = text.split(PART);
    let mut part = || parts.next().unwrap_or_default();
    let mut ids: BTreeSet<PersonId> = ["alice", "bob"]
        .into_iter()
        .map(|name| PersonId::new(name).expect("a name"))
        .collect();
    match people::parse(Path::new("people.toml"), part()) {
        Ok(people) => {
            for person in people.iter() {
                for uid in &person.uids {
                    assert_eq!(people.person_of_uid(*uid).map(|p| &p.id), Some(&person.id));
                    assert!(!people.is_shared(*uid) && *uid != 0);
                }
            }
            ids = people.iter().map(|person| person.id.clone()).collect();
        }
        Err(problems) => assert!(!problems.as_slice().is_empty()),
    }
    let signers = part();
    match Signers::parse(signers, &ids) {
        Ok(list) => {
            let mut owners = BTreeMap::new();
            for listed in list.iter() {
                assert!(ids.contains(&listed.person) && !listed.namespaces.is_empty());
                assert_eq!(list.of_blob(listed.blob()), Some(listed));
                assert!(owners.insert(listed.key.identity(), listed.line).is_none());
            }
        }
        Err(faults) => placed(&faults, signers),
    }
    if let Err(faults) = Signers::parse_servers(signers) {
        placed(&faults, signers);
    }
    drop(rules::parse(Path::new("rules.toml"), part()));
    let revoked = part();
    if let Err(faults) = Revoked::parse(revoked) {
        placed(&faults, revoked);
    }
}
