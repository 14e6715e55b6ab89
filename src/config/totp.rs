//! `totp.d/PERSON`: secrets of one-time codes, one file each. Here only what makes two people one is looked for.

use super::guard::{Holder, Unread};
use super::problem::Problem;
use crate::domain::confirm::people::People;
use crate::domain::digest::Digest;
use crate::domain::id::PersonId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The directory beside the people file.
pub(super) const DIR: &str = "totp.d";
/// Shortest secret, in bytes (`TWO_PERSON` 8.4).
const SECRET_BYTES_MIN: usize = 20;

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
    let mut owners: BTreeMap<Digest, String> = BTreeMap::new();
    for name in &secrets.names {
        let path = secrets.path_of(name);
        if !wants.iter().any(|id| id.as_str() == name) {
            let what = "belongs to nobody with `totp = true`".to_owned();
            found.notes.push(Problem::of_file(&path, what, "remove it"));
        }
        match secrets.read(name) {
            Ok(text) => match digest_of(&text) {
                Ok(digest) => {
                    if let Some(first) = owners.insert(digest, name.clone()) {
                        let what = format!("is the same secret as that of `{first}`");
                        let hint = "a code would prove either of two people: make a new secret for one of them";
                        found.problems.push(Problem::of_file(&path, what, hint));
                    }
                }
                Err(what) => found.problems.push(Problem::of_file(
                    &path,
                    what,
                    "20 random bytes or more, in base 32 on one line",
                )),
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

/// Digest of the secret's bytes: two ways to write one secret are one.
fn digest_of(text: &str) -> Result<Digest, String> {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace() && !matches!(c, '-' | '='))
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let bytes = data_encoding::BASE32_NOPAD
        .decode(plain.as_bytes())
        .map_err(|_| "is not base 32".to_owned())?;
    if bytes.len() < SECRET_BYTES_MIN {
        return Err(format!(
            "is a secret of {} bytes, {SECRET_BYTES_MIN} is the least",
            bytes.len()
        ));
    }
    Ok(Digest::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_secret_is_one_however_it_is_written() {
        let plain = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        let grouped = "jbsw y3dp ehpk 3pxp jbsw-y3dp-ehpk-3pxp\n";
        assert_eq!(digest_of(plain), digest_of(grouped));
        assert!(digest_of("JBSWY3DP").is_err_and(|what| what.contains("5 bytes")));
        assert!(digest_of("not base 32!").is_err());
    }
}
