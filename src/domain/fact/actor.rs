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
    /// A one-time code.
    Totp {
        /// RFC 6238 time step of the code; never accepted again for this person.
        step: u64,
    },
    /// A signature by a listed key.
    Sshsig {
        /// Fingerprint, `SHA256:` and 43 characters of base 64, as `ssh-keygen -l` prints it.
        key: String,
        /// What a security key saw of the person.
        touch: Touch,
        /// Made off this host and brought in as text.
        detached: bool,
    },
}

/// What a security key saw of its owner (`TWO_PERSON` 3.2, 5.4 rule 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Touch {
    /// Nothing, or the key is no security key.
    None,
    /// A finger: `+up`.
    Present,
    /// A PIN or a known finger: `+uv`.
    Verified,
}

impl Via {
    /// Strength of the evidence, 0 (proves nobody) to 6 (`TWO_PERSON` 3.2).
    pub const fn strength(&self) -> u8 {
        match self {
            Self::Uid(0) => 0,
            Self::Uid(_) | Self::Demo => 1,
            Self::Totp { .. } => 2,
            Self::Sshsig {
                touch, detached, ..
            } => {
                let signed = match touch {
                    Touch::None => 3,
                    Touch::Present => 4,
                    Touch::Verified => 5,
                };
                if *detached { signed + 1 } else { signed }
            }
        }
    }

    /// Value of the `via` line of a record: `uid:1001`, `demo`, `totp:59023114`, `sshsig:SHA256:...`,
    /// `sshsig+up+detached:SHA256:...`.
    pub fn to_text(&self) -> String {
        match self {
            Self::Uid(uid) => format!("uid:{uid}"),
            Self::Demo => "demo".to_owned(),
            Self::Totp { step } => format!("totp:{step}"),
            Self::Sshsig {
                key,
                touch,
                detached,
            } => {
                let touch = match touch {
                    Touch::None => "",
                    Touch::Present => "+up",
                    Touch::Verified => "+uv",
                };
                let detached = if *detached { "+detached" } else { "" };
                format!("sshsig{touch}{detached}:{key}")
            }
        }
    }

    /// Reads what [`Via::to_text`] writes; nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "demo" {
            return Some(Self::Demo);
        }
        let (name, value) = text.split_once(':')?;
        let via = match name {
            "uid" => Self::Uid(value.parse().ok()?),
            "totp" => Self::Totp {
                step: value.parse().ok()?,
            },
            _ => {
                let marks = name.strip_prefix("sshsig")?;
                let (marks, detached) = match marks.strip_suffix("+detached") {
                    Some(marks) => (marks, true),
                    None => (marks, false),
                };
                let touch = match marks {
                    "" => Touch::None,
                    "+up" => Touch::Present,
                    "+uv" => Touch::Verified,
                    _ => return None,
                };
                Self::Sshsig {
                    key: value.to_owned(),
                    touch,
                    detached,
                }
            }
        };
        // One text for each value: `uid:007` is no record of ours.
        (via.to_text() == text).then_some(via)
    }
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

    /// Value of the `via` line of a record: [`Via::to_text`], `uid:0` for an account that is nobody, or `engine`.
    pub fn to_via_text(&self) -> String {
        match self {
            Self::Person { via, .. } => via.to_text(),
            Self::Account { uid } => format!("uid:{uid}"),
            Self::Engine => "engine".to_owned(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_actor_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_evidence_has_one_text_and_its_strength() {
        let key = "SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE";
        let cases = [
            ("uid:1001".to_owned(), 1),
            ("uid:0".to_owned(), 0),
            ("demo".to_owned(), 1),
            ("totp:59023114".to_owned(), 2),
            (format!("sshsig:{key}"), 3),
            (format!("sshsig+detached:{key}"), 4),
            (format!("sshsig+up:{key}"), 4),
            (format!("sshsig+uv+detached:{key}"), 6),
        ];
        for (text, strength) in cases {
            let via = Via::parse(&text).expect("known");
            assert_eq!((via.to_text(), via.strength()), (text, strength));
        }
        for text in [
            "uid:01",
            "uid",
            "totp:-1",
            "sshsig+detached+up:x",
            "sshsig+x:y",
            "engine",
            "",
        ] {
            assert_eq!(Via::parse(text), None, "{text}");
        }
    }
}
