//! `revoked`: keys and people whose word counts no more, from the next decision on.
//!
//! Not part of the policy's digest: it is read at every decision, so that a lost key ends what is open, not only what
//! comes later (`TWO_PERSON` 4.4).

use super::key::{Identity, Key, fingerprint};
use super::signers::SignersFault;
use crate::domain::id::PersonId;
use std::collections::{BTreeMap, BTreeSet};

/// Lines of the file: somebody revokes by hand.
const LINES_MAX: usize = 10_000;
/// Characters of a SHA-256 fingerprint behind `SHA256:`.
const FINGERPRINT_CHARS: usize = 43;

/// Who and what is revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    people: BTreeMap<PersonId, usize>,
    fingerprints: BTreeSet<String>,
    secrets: BTreeSet<Identity>,
}

impl Revoked {
    /// Reads lines `person NAME`, `key SHA256:FINGERPRINT`, or a whole public key as in a `.pub` file. Empty lines and
    /// those that begin with `#` are comments.
    ///
    /// # Errors
    /// Every line that is something else: a line that nobody understands may be the one that was meant to stop somebody.
    pub fn parse(text: &str) -> Result<Self, Vec<SignersFault>> {
        let mut revoked = Self::default();
        let mut faults = Vec::new();
        for (index, line) in text.split('\n').enumerate() {
            let number = index.saturating_add(1);
            let line = line.trim_end_matches('\r');
            if number > LINES_MAX {
                let what = format!("more than {LINES_MAX} lines");
                faults.push(fault(number, 1, what, ""));
                break;
            }
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(wrong) = revoked.add(number, line) {
                faults.push(wrong);
            }
        }
        if faults.is_empty() {
            Ok(revoked)
        } else {
            Err(faults)
        }
    }

    fn add(&mut self, number: usize, line: &str) -> Result<(), SignersFault> {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        let second = words.next().unwrap_or_default();
        let column = line.find(second).map_or(1, |at| {
            let before = line.get(..at).unwrap_or_default();
            before.chars().count().saturating_add(1)
        });
        match first {
            "person" | "key" if words.next().is_some() => {
                let hint = "one person or one key a line; a comment begins its own line with `#`";
                Err(fault(number, 1, "more than one thing on a line", hint))
            }
            "person" => {
                let id = PersonId::new(second)
                    .map_err(|error| fault(number, column, error.to_string(), ""))?;
                self.people.entry(id).or_insert(number);
                Ok(())
            }
            "key" => {
                let is_fingerprint = second.strip_prefix("SHA256:").is_some_and(|rest| {
                    let base64 = data_encoding::BASE64_NOPAD.decode(rest.as_bytes());
                    rest.len() == FINGERPRINT_CHARS && base64.is_ok()
                });
                if !is_fingerprint {
                    let hint =
                        "`SHA256:` and 43 characters, as `ssh-keygen -l -f FILE.pub` prints it";
                    let what = format!("`{second}` is not a fingerprint");
                    return Err(fault(number, column, what, hint));
                }
                self.fingerprints.insert(second.to_owned());
                Ok(())
            }
            _ => self.add_key(number, first, second),
        }
    }

    fn add_key(&mut self, number: usize, name: &str, base64: &str) -> Result<(), SignersFault> {
        match Key::parse(name, base64) {
            Ok(key) => {
                self.fingerprints.insert(key.fingerprint());
                self.secrets.insert(key.identity());
                Ok(())
            }
            Err(error) => {
                let hint = "write `person NAME`, `key SHA256:...`, or the line of a `.pub` file";
                Err(fault(number, 1, error.to_string(), hint))
            }
        }
    }

    /// True for a key that is revoked, and for another form of one that is there as a whole key.
    pub fn has_key(&self, blob: &[u8]) -> bool {
        self.fingerprints.contains(&fingerprint(blob))
            || Key::of_blob(blob).is_ok_and(|key| self.secrets.contains(&key.identity()))
    }

    /// True for a person nobody may count any more.
    pub fn has_person(&self, person: &PersonId) -> bool {
        self.people.contains_key(person)
    }

    /// The people, each with the line that says so.
    pub fn people(&self) -> impl Iterator<Item = (&PersonId, usize)> {
        self.people.iter().map(|(id, line)| (id, *line))
    }

    /// Fingerprints of the revoked keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.fingerprints.iter().map(String::as_str)
    }
}

fn fault(
    line: usize,
    column: usize,
    what: impl Into<String>,
    hint: impl Into<String>,
) -> SignersFault {
    SignersFault {
        line,
        column,
        what: what.into(),
        hint: hint.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEOvE6iEp9MPxtq2qsZg6Qi5LbVottExaZqt2axFl+Up";
    const BOB_PRINT: &str = "SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE";

    fn blob(line: &str) -> Vec<u8> {
        let base64 = line.split(' ').nth(1).expect("a key");
        data_encoding::BASE64
            .decode(base64.as_bytes())
            .expect("base 64")
    }

    fn person(name: &str) -> PersonId {
        PersonId::new(name).expect("a name")
    }

    #[test]
    fn people_keys_and_fingerprints_can_be_revoked() {
        let text = format!("# lost\n\nperson carol\nkey {BOB_PRINT}\n");
        let revoked = Revoked::parse(&text).expect("good");
        assert!(revoked.has_person(&person("carol")) && !revoked.has_person(&person("bob")));
        assert!(revoked.has_key(&blob(BOB)));
        let by_key = Revoked::parse(&format!("{BOB} bob@laptop\n")).expect("good");
        assert!(by_key.has_key(&blob(BOB)));
        let mut mirrored = blob(BOB);
        *mirrored.last_mut().expect("bytes") ^= 0x80;
        assert!(by_key.has_key(&mirrored), "one secret stands behind both");
        assert!(!revoked.has_key(&mirrored), "a fingerprint is of one form");
        assert!(!Revoked::default().has_key(&blob(BOB)));
    }

    #[test]
    fn a_line_that_nobody_understands_is_told() {
        let text = "persn bob\nperson Bob\nkey SHA256:abc\nperson bob carol\nbob\nperson\n";
        let faults = Revoked::parse(text).expect_err("bad");
        let places: Vec<_> = faults.iter().map(|f| (f.line, f.column)).collect();
        assert_eq!(places, [(1, 1), (2, 8), (3, 5), (4, 1), (5, 1), (6, 1)]);
    }
}
