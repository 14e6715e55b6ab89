//! The people file: read, checked, and turned into [`People`].

use super::document::{Document, Section};
use super::problem::{Problem, Problems};
use crate::domain::confirm::people::{People, PeopleFault, Person, Role};
use crate::domain::digest::Digest;
use crate::domain::id::PersonId;
use std::collections::BTreeSet;
use std::path::Path;

const EXAMPLE: &str =
    "write `[[person]]` with `id = \"alice\"`, `uids = [1001]`, `roles = [\"operator\"]`";

/// Checks the text of a people file; `path` is only named in problems.
///
/// # Errors
/// Every problem with its place.
pub fn parse(path: &Path, text: &str) -> Result<People, Problems> {
    named(path, text).0
}

/// As [`parse`], with every name that could be read: other files can be checked against those of a faulty one.
pub(super) fn named(path: &Path, text: &str) -> (Result<People, Problems>, BTreeSet<PersonId>) {
    let document = Document::new(path, text);
    let mut names = BTreeSet::new();
    let people = people_of(&document, Digest::of(text.as_bytes()), &mut names);
    let people = match (document.into_problems(), people) {
        (None, Some(people)) => Ok(people),
        (Some(problems), _) => Err(problems),
        (None, None) => Err(Problem::of_file(path, "names nobody".to_owned(), EXAMPLE).into()),
    };
    (people, names)
}

fn people_of(
    document: &Document<'_>,
    digest: Digest,
    names: &mut BTreeSet<PersonId>,
) -> Option<People> {
    let mut root = document.root();
    let sections = root.sections("person");
    let mut shared = BTreeSet::new();
    if let Some(mut section) = root.section("shared") {
        shared.extend(section.ids("uids").into_iter().map(|at| at.value));
        section.finish();
    }
    root.finish();
    let mut persons = Vec::new();
    let mut places = Vec::new();
    for section in sections {
        let place = section.at();
        if let Some(person) = person_of(document, section) {
            names.insert(person.id.clone());
            persons.push(person);
            places.push(place);
        }
    }
    if persons.is_empty() {
        return None;
    }
    match People::new(persons, shared, digest) {
        Ok(people) => Some(people),
        Err(faults) => {
            for (index, fault) in faults {
                if let Some(place) = places.get(index) {
                    document.fault(place, fault.to_string(), hint_for(&fault));
                }
            }
            None
        }
    }
}

fn hint_for(fault: &PeopleFault) -> &'static str {
    match fault {
        PeopleFault::UidOfTwo { .. } => {
            "give each person an account of their own, or list the account under `[shared]`"
        }
        PeopleFault::UidShared { .. } => {
            "an account that several people use proves nobody's identity"
        }
        PeopleFault::UidZero => "people attach from their own accounts, not as root",
        PeopleFault::NamedTwice { .. } => "put all accounts of one person into one entry",
    }
}

fn person_of(document: &Document<'_>, mut section: Section<'_, '_>) -> Option<Person> {
    let has_id = section.required("id", "the only name used in statements, such as `alice`");
    let id = has_id.and_then(|at| match PersonId::new(&at.value) {
        Ok(id) => Some(id),
        Err(error) => {
            document.fault(&at, error.to_string(), "");
            None
        }
    });
    let uids = section.ids("uids").into_iter().map(|at| at.value).collect();
    let roles = section.texts("roles");
    let roles = roles
        .iter()
        .filter_map(|at| section.pick(at, &Role::WORDS))
        .collect();
    let totp = section.flag("totp").unwrap_or(false);
    section.finish();
    Some(Person {
        id: id?,
        uids,
        roles,
        totp,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[person]]
id = "alice"
uids = [1001]
roles = ["operator", "approver"]
totp = true

[shared]
uids = [1500]
"#;

    #[test]
    fn a_good_file_is_read() {
        let people = parse(Path::new("people.toml"), GOOD).expect("valid");
        let alice = people.person_of_uid(1001).expect("alice");
        assert!(alice.totp && alice.has_role(Role::Approver) && !alice.has_role(Role::Breakglass));
        assert!(people.is_shared(1500));
        assert_eq!(people.digest(), Digest::of(GOOD.as_bytes()));
    }

    #[test]
    fn a_file_that_names_nobody_is_refused() {
        let error = parse(Path::new("people.toml"), "").expect_err("empty");
        assert!(
            error
                .to_string()
                .starts_with("people.toml: names nobody\nhint: write")
        );
    }
}
