//! `totp.d/PERSON`: secrets of one-time codes, one file each. Here only what makes two people one is looked for.

use super::guard::{Holder, Unread};
use super::problem::Problem;
use crate::domain::confirm::people::People;
use crate::domain::id::PersonId;
use crate::evidence::totp::Secret;
use std::collections::BTreeSet;
use std::path::Path;

/// The directory beside the people file.
pub(super) const DIR: &str = "totp.d";

/// What a look at the secrets gave.
#[derive(Default)]
pub(super) struct Secrets {
    /// What keeps the policy from being used.
    pub(super) problems: Vec<Problem>,
    /// What somebody should know.
    pub(super) notes: Vec<Problem>,
}

/// Looks at all secrets this account may read.
pub(super) fn look(holder: &Holder, people: &People) -> Secrets {
    let mut found = Secrets::default();
    let wants: BTreeSet<&PersonId> = people
        .iter()
        .filter_map(|person| person.totp.then_some(&person.id))
        .collect();
    let secrets = match holder.secrets(DIR) {
        Ok(Some(secrets)) => secrets,
        Ok(None) => {
            if !wants.is_empty() {
                let what = "is not there, and people have `totp = true`".to_owned();
                let problem = Problem::of_file(&holder.path_of(DIR), what, "");
                found.notes.push(problem);
            }
            return found;
        }
        Err(Unread::Forbidden) => {
            found.notes.push(unchecked(&holder.path_of(DIR)));
            return found;
        }
        Err(Unread::Wrong(problem)) => {
            found.problems.push(problem);
            return found;
        }
    };
    let mut owners: Vec<(Secret, &str)> = Vec::new();
    for name in &secrets.names {
        let path = secrets.path_of(name);
        if !wants.iter().any(|id| id.as_str() == name) {
            let what = "belongs to nobody with `totp = true`".to_owned();
            found.notes.push(Problem::of_file(&path, what, "remove it"));
        }
        match secrets.read(name) {
            Ok(text) => match Secret::parse(&text.into()) {
                Ok(secret) => {
                    // Two forms of one secret show the same codes, so the codes are compared.
                    let first = owners.iter().find(|(other, _)| other.is_same(&secret));
                    if let Some((_, first)) = first {
                        let what = format!("is the same secret as that of `{first}`");
                        let hint = "a code would prove either of two people: make a new secret for one of them";
                        found.problems.push(Problem::of_file(&path, what, hint));
                    }
                    owners.push((secret, name));
                }
                Err(fault) => {
                    let problem = Problem::of_file(&path, fault.to_string(), fault.hint());
                    found.problems.push(problem);
                }
            },
            Err(Unread::Forbidden) => found.notes.push(unchecked(&path)),
            Err(Unread::Wrong(problem)) => found.problems.push(problem),
        }
    }
    for id in wants {
        if !secrets.names.iter().any(|name| name == id.as_str()) {
            let what = "is not there, and the person has `totp = true`".to_owned();
            let path = secrets.path_of(id.as_str());
            found.notes.push(Problem::of_file(&path, what, ""));
        }
    }
    found
}

fn unchecked(path: &Path) -> Problem {
    let what =
        "cannot be read by this account; whether two people have one secret was not looked at";
    Problem::of_file(path, what.to_owned(), "")
}
