//! Who may write a policy file (`TWO_PERSON` 3.3, rule 6), judged from facts about the file and what is above it.

use super::problem::Problem;
use crate::domain::confirm::people::People;
use std::path::PathBuf;

/// Permission bits that let others than the owner write.
const WRITE_BY_OTHERS: u32 = 0o022;
/// Directory bit: only the owner of an entry may rename or remove it.
const STICKY: u32 = 0o1000;

/// Where something stands that a policy depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A policy file.
    File,
    /// The directory that holds policy files: whoever can make an entry there can add one.
    Holder,
    /// A directory further up.
    Above,
}

/// What the kernel says of a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// Where.
    pub(super) path: PathBuf,
    /// What.
    pub(super) kind: Kind,
    /// Whose.
    pub(super) owner: u32,
    /// Permission bits with the sticky one. With an access control list the group's bits are its upper limit, so that
    /// whoever it lets write shows there.
    pub(super) mode: u32,
}

/// Every way in which somebody on the list could change the policy.
pub(super) fn faults(facts: &[Fact], people: &People) -> Vec<Problem> {
    facts
        .iter()
        .flat_map(|fact| [owner_fault(fact, people), mode_fault(fact)])
        .flatten()
        .collect()
}

fn owner_fault(fact: &Fact, people: &People) -> Option<Problem> {
    let uid = fact.owner;
    let whose = match people.person_of_uid(uid) {
        Some(person) => format!("`{}`", person.id),
        None if people.is_shared(uid) && uid != 0 => "an account that people share".to_owned(),
        None => return None,
    };
    let what = match fact.kind {
        Kind::File => {
            format!("belongs to uid {uid}, {whose}: who is on the list may not write the list")
        }
        Kind::Holder | Kind::Above => format!(
            "belongs to uid {uid}, {whose}: who is on the list could put another list in its place"
        ),
    };
    let hint = format!("run `chown root {}`", fact.path.display());
    Some(Problem::of_file(&fact.path, what, &hint))
}

fn mode_fault(fact: &Fact) -> Option<Problem> {
    let is_kept_by_sticky = fact.kind == Kind::Above && fact.mode & STICKY != 0;
    if fact.mode & WRITE_BY_OTHERS == 0 || is_kept_by_sticky {
        return None;
    }
    let path = fact.path.display();
    let mode = fact.mode;
    let what = match fact.kind {
        Kind::File => format!("has mode {mode:04o}: others than its owner may write it"),
        Kind::Holder | Kind::Above => {
            format!("has mode {mode:04o}: others than its owner may put another list in its place")
        }
    };
    Some(Problem::of_file(
        &fact.path,
        what,
        &format!("run `chmod go-w {path}`"),
    ))
}
