//! The policy files, read together: who is who, whose keys, which rules, and what is revoked (`TWO_PERSON` 3).

use super::access;
use super::guard::{Found, Guard, Holder};
use super::problem::{Problem, Problems};
use super::{people, rules, totp};
use crate::domain::confirm::people::People;
use crate::domain::confirm::policy::Rules;
use crate::domain::digest::Digest;
use crate::domain::doc::Doc;
use crate::evidence::revoked::Revoked;
use crate::evidence::signers::{Signers, SignersFault};
use std::collections::BTreeSet;
use std::path::Path;

/// Directory of an installed policy.
pub const DIR: &str = "/etc/warroom";
/// Name of the people file where none is configured.
pub const PEOPLE: &str = "people.toml";
/// Keys of people, beside the people file.
pub const SIGNERS: &str = "allowed_signers";
/// Keys that certify checkpoints, beside the people file.
pub const SERVER_SIGNERS: &str = "server_signers";
/// Rules of the classes, beside the people file.
pub const RULES: &str = "rules.toml";
/// Revoked keys and people, beside the people file.
pub const REVOKED: &str = "revoked";

/// Digests of the files that `warroom-policy@v1` names; what is not there has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// Of the people file; absent where each account is the person of its name.
    pub people: Option<Digest>,
    /// Of `allowed_signers`.
    pub signers: Option<Digest>,
    /// Of `server_signers`.
    pub server_signers: Option<Digest>,
    /// Of `rules.toml`.
    pub rules: Option<Digest>,
    /// Of the list of those who may sign runbooks.
    pub runbook_signers: Listed,
}

/// A list that the rules name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// They name none.
    Not,
    /// They name one, and it cannot be read.
    Unread,
    /// With these bytes.
    As(Digest),
}

impl Listed {
    /// Reads the list of those who may sign runbooks. Blocks. One that cannot be read is no fault here: no signature is
    /// good by it.
    pub fn of(rules: &Rules) -> Self {
        let Some(path) = &rules.runbook_signers else {
            return Self::Not;
        };
        super::read::bytes(path).map_or(Self::Unread, |bytes| Self::As(Digest::of(&bytes)))
    }
}

impl Digests {
    /// Digest of the `warroom-policy@v1` document: one digest a file, `none` where there is none. The list of those who
    /// may sign runbooks has a line only where the rules name one.
    pub fn to_digest(&self) -> Digest {
        let text = |digest: Option<Digest>| digest.map_or_else(|| "none".to_owned(), String::from);
        let doc = Doc::new("warroom-policy", 1)
            .with("people", text(self.people))
            .with("signers", text(self.signers))
            .with("server-signers", text(self.server_signers))
            .with("rules", text(self.rules));
        let doc = match self.runbook_signers {
            Listed::Not => doc,
            Listed::Unread => doc.with("runbook-signers", "unread"),
            Listed::As(digest) => doc.with("runbook-signers", String::from(digest)),
        };
        // A few digests under fixed keys always fit; nothing else is ever the digest of no bytes.
        Digest::of(&doc.print().unwrap_or_default())
    }
}

/// The files as they are now.
#[derive(Debug, Clone)]
pub struct PolicyFiles {
    /// Who is who.
    pub people: People,
    /// Keys of people; empty without a file.
    pub signers: Signers,
    /// Keys that certify checkpoints; empty without a file.
    pub server_signers: Signers,
    /// Rules of the classes; the defaults without a file.
    pub rules: Rules,
    /// What counts no more; nothing without a file.
    pub revoked: Revoked,
    /// What a session pins.
    pub digests: Digests,
    /// What somebody should know and nothing is refused for.
    pub notes: Vec<Problem>,
}

/// Reads the people file and what stands beside it, and applies every rule of `TWO_PERSON` 3.3.
///
/// Only the people file has to be there. With [`Guard::Draft`] rule 6 is left out: who may write a draft says nothing.
///
/// # Errors
/// Everything that is wrong, file by file.
pub fn load(people_file: &Path, guard: Guard) -> Result<PolicyFiles, Problems> {
    let dir = people_file.parent().unwrap_or_else(|| Path::new("."));
    let Some(name) = people_file.file_name().and_then(|name| name.to_str()) else {
        return Err(Problem::of_file(people_file, "is not a file".to_owned(), "").into());
    };
    let holder = Holder::open(dir, guard)?;
    let files = Files::read(&holder, name)?;
    let lint = files.lint();
    let mut all: Vec<Problems> = lint.problems;
    let mut notes = Vec::new();
    if let Some(people) = &lint.people {
        let mut found = totp::look(&holder, people);
        if guard == Guard::Installed {
            let facts: Vec<_> = holder
                .facts()
                .iter()
                .cloned()
                .chain(files.facts())
                .collect();
            found.problems.extend(access::faults(&facts, people));
        }
        notes = found.notes;
        all.extend(found.problems.into_iter().map(Problems::from));
    }
    let digest = |found: &Option<(_, Found)>| {
        found
            .as_ref()
            .map(|(_, file)| Digest::of(file.text.as_bytes()))
    };
    match (Problems::joined(all), lint.people) {
        (None, Some(people)) => Ok(PolicyFiles {
            digests: Digests {
                people: Some(people.digest()),
                signers: digest(&files.signers),
                server_signers: digest(&files.server_signers),
                rules: digest(&files.rules),
                runbook_signers: Listed::of(&lint.rules),
            },
            people,
            signers: lint.signers,
            server_signers: lint.server_signers,
            rules: lint.rules,
            revoked: lint.revoked,
            notes,
        }),
        (Some(problems), _) => Err(problems),
        (None, None) => Err(Problem::of_file(people_file, "names nobody".to_owned(), "").into()),
    }
}

/// A file that was found, with the path to name it by.
type Named = (std::path::PathBuf, Found);

/// The texts.
struct Files {
    people: Named,
    signers: Option<Named>,
    server_signers: Option<Named>,
    rules: Option<Named>,
    revoked: Option<Named>,
}

impl Files {
    fn read(holder: &Holder, people: &str) -> Result<Self, Problems> {
        let read = |name: &str| -> Result<Option<Named>, Problem> {
            let found = holder.read(name)?;
            Ok(found.map(|found| (holder.path_of(name), found)))
        };
        let people = read(people)?.ok_or_else(|| {
            let what = "cannot read the file: there is no such file".to_owned();
            Problem::of_file(&holder.path_of(people), what, "")
        })?;
        Ok(Self {
            people,
            signers: read(SIGNERS)?,
            server_signers: read(SERVER_SIGNERS)?,
            rules: read(RULES)?,
            revoked: read(REVOKED)?,
        })
    }

    fn facts(&self) -> impl Iterator<Item = access::Fact> {
        let others = [
            &self.signers,
            &self.server_signers,
            &self.rules,
            &self.revoked,
        ];
        std::iter::once(&self.people)
            .chain(others.into_iter().flatten())
            .map(|(_, found)| found.fact.clone())
    }

    fn lint(&self) -> Lint {
        let (path, found) = &self.people;
        let (people, names) = people::named(path, &found.text);
        let mut lint = Lint::default();
        lint.people = lint.take(people);
        if let Some((path, found)) = &self.signers {
            let signers = Signers::parse(&found.text, &names);
            lint.signers = lint.take(placed(path, signers)).unwrap_or_default();
        }
        if let Some((path, found)) = &self.server_signers {
            let signers = Signers::parse_servers(&found.text).and_then(|servers| {
                apart(&servers, &lint.signers)?;
                Ok(servers)
            });
            lint.server_signers = lint.take(placed(path, signers)).unwrap_or_default();
        }
        if let Some((path, found)) = &self.rules {
            lint.rules = lint
                .take(rules::parse(path, &found.text))
                .unwrap_or_default();
        }
        if let Some((path, found)) = &self.revoked {
            let revoked = Revoked::parse(&found.text).and_then(|revoked| {
                known(&revoked, &names)?;
                Ok(revoked)
            });
            lint.revoked = lint.take(placed(path, revoked)).unwrap_or_default();
        }
        lint
    }
}

/// What the texts say.
#[derive(Default)]
struct Lint {
    people: Option<People>,
    signers: Signers,
    server_signers: Signers,
    rules: Rules,
    revoked: Revoked,
    problems: Vec<Problems>,
}

impl Lint {
    fn take<T>(&mut self, result: Result<T, Problems>) -> Option<T> {
        result.map_err(|problems| self.problems.push(problems)).ok()
    }
}

fn placed<T>(path: &Path, result: Result<T, Vec<SignersFault>>) -> Result<T, Problems> {
    result.map_err(|faults| {
        let problems = faults.into_iter().map(|fault| Problem {
            file: path.to_owned(),
            place: Some((fault.line, fault.column)),
            key: String::new(),
            what: fault.what,
            hint: fault.hint,
        });
        let none = || Problem::of_file(path, "cannot be used".to_owned(), "").into();
        Problems::new(problems.collect()).unwrap_or_else(none)
    })
}

/// A person who holds a key of a server could make checkpoints of a history that was not.
fn apart(servers: &Signers, people: &Signers) -> Result<(), Vec<SignersFault>> {
    let faults: Vec<SignersFault> = servers
        .iter()
        .filter_map(|server| {
            let person = people.same_secret(&server.key.identity())?;
            Some(SignersFault {
                line: server.line,
                column: 1,
                what: format!("this key is `{}`'s in `{SIGNERS}`", person.person),
                hint: "a server signs with a key that no person has".to_owned(),
            })
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// A name that is misspelled would revoke nobody.
fn known(
    revoked: &Revoked,
    names: &BTreeSet<crate::domain::id::PersonId>,
) -> Result<(), Vec<SignersFault>> {
    let faults: Vec<SignersFault> = revoked
        .people()
        .filter(|(id, _)| !names.contains(id))
        .map(|(id, line)| SignersFault {
            line,
            column: 8,
            what: format!("`{id}` is nobody of the people file"),
            hint: "correct the name; who is no longer in the people file needs no line here"
                .to_owned(),
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

#[cfg(test)]
mod tests;
