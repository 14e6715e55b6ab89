//! Which of an agent's keys signs: only those that are listed for the person, and good for what is to be signed.

use super::Held;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::evidence::key::Listed;
use crate::evidence::sshsig::{SigFault, may_sign};

/// What came of looking for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick<'a> {
    /// Just one can sign.
    One(&'a Listed),
    /// Several can: ask the person. In the agent's order, at least two.
    Several(Vec<Usable<'a>>),
}

/// One of several keys that can sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usable<'a> {
    /// Its entry on the list of signers.
    pub listed: &'a Listed,
    /// What its owner calls it; from outside, to be cleaned before it is shown.
    pub comment: &'a str,
}

/// Why no key of an agent can sign for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The list of signers has nothing for the person.
    #[error("no key is listed for `{person}`")]
    NothingListed {
        /// Who wants to sign.
        person: PersonId,
    },
    /// The agent shows no keys at all.
    #[error("the ssh-agent shows no keys")]
    Empty,
    /// It has keys, but none of the person.
    #[error("the ssh-agent has {held} {}, none of them listed for `{person}`", if *held == 1 { "key" } else { "keys" })]
    NoneListed {
        /// Who wants to sign.
        person: PersonId,
        /// How many it has, certificates and kinds that are not accepted included.
        held: usize,
        /// How many of these are certificates.
        certificates: usize,
    },
    /// It has a key of the person that may not sign this, or not now.
    #[error("no key of `{person}` can sign this now: {why}")]
    NoneGood {
        /// Who wants to sign.
        person: PersonId,
        /// Why the first of them cannot.
        why: SigFault,
    },
}

impl NoKey {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NothingListed { .. } => {
                "`warroom people enroll` prints the line to review and add to the list of signers"
            }
            Self::Empty => {
                "add one with `ssh-add`; a locked agent shows none until `ssh-add -X`; keys added with `ssh-add -h` are not shown over a forwarded agent and never sign here"
            }
            Self::NoneListed {
                certificates: 1.., ..
            } => {
                "certificates do not sign here: add the plain key that is listed for you with `ssh-add`, or have it listed with `warroom people enroll`"
            }
            Self::NoneListed { .. } => {
                "add the listed one with `ssh-add`; keys added with `ssh-add -h` are not shown over a forwarded agent: use a key of its own for signing"
            }
            Self::NoneGood { why, .. } => why.hint(),
        }
    }
}

/// Finds the keys of an agent that can sign in a namespace for a person now. All others are never offered.
///
/// `listed` are the entries of that person alone, revoked ones left out.
///
/// # Errors
/// [`NoKey`] with the reason that is nearest to the person.
pub fn pick<'a>(
    held: &'a Held,
    listed: impl IntoIterator<Item = &'a Listed>,
    person: &PersonId,
    namespace: &str,
    now: Timestamp,
) -> Result<Pick<'a>, NoKey> {
    let listed: Vec<&Listed> = listed
        .into_iter()
        .filter(|entry| entry.person == *person)
        .collect();
    if listed.is_empty() {
        let person = person.clone();
        return Err(NoKey::NothingListed { person });
    }
    let mut good: Vec<Usable<'a>> = Vec::new();
    let mut why = None;
    for held in &held.keys {
        let Some(entry) = listed.iter().find(|entry| entry.key == held.key) else {
            continue;
        };
        match may_sign(entry, namespace, now) {
            Ok(()) if good.iter().all(|other| other.listed != *entry) => good.push(Usable {
                listed: entry,
                comment: &held.comment,
            }),
            Ok(()) => {}
            Err(fault) => why = why.or(Some(fault)),
        }
    }
    match (good.as_slice(), why) {
        ([one], _) => Ok(Pick::One(one.listed)),
        ([_, ..], _) => Ok(Pick::Several(good)),
        ([], Some(why)) => {
            let person = person.clone();
            Err(NoKey::NoneGood { person, why })
        }
        ([], None) => {
            let total = held.keys.len() + held.certificates + held.others;
            Err(if total == 0 {
                NoKey::Empty
            } else {
                NoKey::NoneListed {
                    person: person.clone(),
                    held: total,
                    certificates: held.certificates,
                }
            })
        }
    }
}
