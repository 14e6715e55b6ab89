//! `allowed_signers` and `server_signers`: OpenSSH's format, and of it only what names one key of one person.
//!
//! `ssh-keygen` accepts patterns, lists of names, keys on two lines and lines without namespaces; each of them lets one
//! key speak for two people or for a purpose nobody meant (`TWO_PERSON` 3.2). Such a file is refused, with every place.

mod line;

use super::key::{Identity, Listed};
use crate::domain::id::PersonId;
use std::collections::{BTreeMap, BTreeSet};

/// Namespaces that a person signs in (`TWO_PERSON` 5.3), in the order in which they come up.
pub const PERSONAL_NAMESPACES: [&str; 8] = [
    "warroom-hello@v1",
    "warroom-propose@v1",
    "warroom-confirm@v1",
    "warroom-reject@v1",
    "warroom-go@v1",
    "warroom-resolve@v1",
    "warroom-breakglass@v1",
    "warroom-motion@v1",
];

/// Keys of one file. A list of people is written by hand; a longer one is a generated file in the wrong place.
pub const KEYS_MAX: usize = 1000;

/// Something that keeps a list of signers from being used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignersFault {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong: lower case, no final stop.
    pub what: String,
    /// What to do; empty when there is nothing to say.
    pub hint: String,
}

/// Whose name stands at the beginning of a line.
#[derive(Debug, Clone, Copy)]
enum Whose<'a> {
    /// A person's, one of these.
    People(&'a BTreeSet<PersonId>),
    /// A server's.
    Servers,
}

/// A list of keys that was accepted: each key is on it once, for one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signers {
    keys: Vec<Listed>,
    by_blob: BTreeMap<Vec<u8>, usize>,
}

impl Signers {
    /// Reads `allowed_signers` by the rules 1, 2, 3 and 5 of `TWO_PERSON` 3.3; `people` are those of the people file.
    ///
    /// # Errors
    /// Every [`SignersFault`], by line.
    pub fn parse(text: &str, people: &BTreeSet<PersonId>) -> Result<Self, Vec<SignersFault>> {
        Self::read(text, Whose::People(people))
    }

    /// Reads `server_signers`, the keys that certify checkpoints. A line begins with the server's name, which has the
    /// form of a person id; the same rules hold, except that a namespace must not be one of people.
    ///
    /// # Errors
    /// As [`Signers::parse`].
    pub fn parse_servers(text: &str) -> Result<Self, Vec<SignersFault>> {
        Self::read(text, Whose::Servers)
    }

    fn read(text: &str, whose: Whose<'_>) -> Result<Self, Vec<SignersFault>> {
        let mut faults = Vec::new();
        let mut keys = Vec::new();
        let mut first_lines: BTreeMap<Identity, (usize, PersonId, Vec<u8>)> = BTreeMap::new();
        for (index, content) in text.split('\n').enumerate() {
            let number = index.saturating_add(1);
            let Some((listed, column)) = line::read(number, content, whose, &mut faults) else {
                continue;
            };
            if let Some(first) = first_lines.get(&listed.key.identity()) {
                faults.push(twice(&listed, column, first));
                continue;
            }
            let first = (number, listed.person.clone(), listed.blob().to_vec());
            first_lines.insert(listed.key.identity(), first);
            keys.push(listed);
            if keys.len() > KEYS_MAX {
                let what = format!("more than {KEYS_MAX} keys");
                faults.push(line::fault(number, 1, what, ""));
                break;
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let by_blob = keys.iter().enumerate();
        let by_blob = by_blob.map(|(place, key)| (key.blob().to_vec(), place));
        Ok(Self {
            by_blob: by_blob.collect(),
            keys,
        })
    }

    /// The one entry of a key, by its blob. This is the only way from a signature to a person.
    pub fn of_blob(&self, blob: &[u8]) -> Option<&Listed> {
        self.keys.get(*self.by_blob.get(blob)?)
    }

    /// The keys of a person, in the order of the file.
    pub fn keys_of(&self, person: &PersonId) -> impl Iterator<Item = &Listed> {
        self.keys.iter().filter(move |key| key.person == *person)
    }

    /// All entries, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.keys.iter()
    }

    /// True when no key is listed.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// An entry with the same secret behind it as that key.
    pub fn same_secret(&self, key: &Identity) -> Option<&Listed> {
        self.keys
            .iter()
            .find(|listed| listed.key.identity() == *key)
    }
}

fn twice(listed: &Listed, column: usize, first: &(usize, PersonId, Vec<u8>)) -> SignersFault {
    let (line, person, blob) = first;
    let same = if blob == listed.blob() {
        "this key is"
    } else {
        "the secret behind this key is"
    };
    let what = format!("{same} on line {line} already, for `{person}`");
    let hint = if listed.person == *person {
        "write all its namespaces on one line"
    } else {
        "a key speaks for one person; let the other make one with `ssh-keygen -t ed25519`"
    };
    line::fault(listed.line, column, what, hint)
}

#[cfg(test)]
mod tests;
