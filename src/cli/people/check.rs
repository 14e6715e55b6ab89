//! `warroom people check`: everything that is wrong with the policy files, and what does not add up in good ones.

use super::people_file;
use crate::cli::args::PeopleCheckArgs;
use crate::cli::check::plural;
use crate::cli::environment::Environment;
use crate::cli::{Outcome, say};
use crate::clock::{Clock as _, SystemClock};
use crate::config::policy::{self, PolicyFiles, SIGNERS};
use crate::config::{Guard, Problem};
use crate::domain::confirm::people::{Person, Role};
use crate::domain::confirm::policy::UID_BY_POLICY;
use crate::domain::confirm::quorum::shortage;
use crate::domain::fact::Mode;
use crate::domain::runbook::plan::Risk;
use crate::domain::time::Timestamp;
use crate::exit::{Code, Failure};
use std::fmt::Write as _;
use std::path::Path;

/// Checks the files.
pub(super) fn check(environment: &Environment, args: &PeopleCheckArgs) -> Outcome {
    let file = people_file(environment, args.path.as_deref())?;
    let guard = if args.draft {
        Guard::Draft
    } else {
        Guard::Installed
    };
    let found = found(&file, guard, SystemClock.now().wall);
    if args.json {
        say(&found.to_json().map_err(Failure::new)?)?;
    } else {
        say(&found.to_text())?;
    }
    Ok(if found.problems.is_empty() {
        Code::Done
    } else {
        Code::Usage
    })
}

/// What a check found.
struct Findings {
    problems: Vec<Problem>,
    notes: Vec<Problem>,
    summary: String,
}

fn found(file: &Path, guard: Guard, now: Timestamp) -> Findings {
    match policy::load(file, guard) {
        Ok(files) => {
            let people = files.people.iter().count();
            let people = if people == 1 {
                "1 person".to_owned()
            } else {
                format!("{people} people")
            };
            let keys = plural(files.signers.iter().count(), "key");
            let mut notes = files.notes.clone();
            notes.extend(gaps(&files, file, now));
            Findings {
                problems: Vec::new(),
                notes,
                summary: format!("{people}, {keys}: no problems"),
            }
        }
        Err(problems) => Findings {
            summary: plural(problems.as_slice().len(), "problem"),
            problems: problems.as_slice().to_vec(),
            notes: Vec::new(),
        },
    }
}

/// What is allowed and will hurt one night.
fn gaps(files: &PolicyFiles, file: &Path, now: Timestamp) -> Vec<Problem> {
    let note = |file: &Path, place: Option<(usize, usize)>, what: String| Problem {
        file: file.to_owned(),
        place,
        key: String::new(),
        what,
        hint: String::new(),
    };
    let mut notes = Vec::new();
    for risk in [Risk::Change, Risk::Destructive, Risk::Irreversible] {
        if let Some(why) = nobody_for(files, risk) {
            let what = format!("no step that is {} can ever run: {why}", risk.as_str());
            notes.push(note(file, None, what));
        }
    }
    let signers = file.with_file_name(SIGNERS);
    for person in files
        .people
        .iter()
        .filter(|person| is_active(files, person))
    {
        if files.signers.keys_of(&person.id).next().is_none() {
            let what = format!(
                "`{}` has no key: only an account or a code speaks for them",
                person.id
            );
            notes.push(note(&signers, None, what));
        }
    }
    for key in files.signers.iter() {
        if key.valid_before.is_some_and(|end| end < now) {
            let what = format!("the key of `{}` is no longer valid", key.person);
            notes.push(note(&signers, Some((key.line, 1)), what));
        }
    }
    if files.rules.allow_uid {
        notes.push(note(
            &file.with_file_name(policy::RULES),
            None,
            UID_BY_POLICY.to_owned(),
        ));
    }
    notes
}

fn is_active(files: &PolicyFiles, person: &Person) -> bool {
    let acts = person.has_role(Role::Operator) || person.has_role(Role::Approver);
    acts && !files.revoked.has_person(&person.id)
}

/// Why nobody could ever propose a class and have it confirmed; nothing when somebody can.
fn nobody_for(files: &PolicyFiles, risk: Risk) -> Option<String> {
    let rule = files.rules.rule_for(risk, Mode::Enforced, false);
    let active = || {
        files
            .people
            .iter()
            .filter(|person| is_active(files, person))
    };
    let mut why = "nobody has the role operator".to_owned();
    for proposer in active().filter(|person| person.has_role(Role::Operator)) {
        let others = active().map(|person| (&person.id, person.roles.clone()));
        why = shortage(&rule, &proposer.id, &proposer.id, others)?;
    }
    Some(why)
}

impl Findings {
    fn to_text(&self) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            writeln!(text, "{problem}").ok();
        }
        for note in &self.notes {
            writeln!(text, "note: {note}").ok();
        }
        writeln!(text, "{}", self.summary).ok();
        text
    }

    fn to_json(&self) -> serde_json::Result<String> {
        let entry = |severity: &str, problem: &Problem| {
            serde_json::json!({
                "file": problem.file.to_string_lossy(),
                "line": problem.place.map(|place| place.0),
                "column": problem.place.map(|place| place.1),
                "key": problem.key,
                "severity": severity,
                "message": problem.what,
                "hint": problem.hint,
            })
        };
        let problems = self.problems.iter().map(|problem| entry("error", problem));
        let notes = self.notes.iter().map(|note| entry("note", note));
        let all: Vec<_> = problems.chain(notes).collect();
        Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::policy::PEOPLE;

    fn case(name: &str) -> Findings {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/people");
        let now = Timestamp::parse("2029-01-01T00:00:00Z").expect("a time");
        found(&root.join(name).join(PEOPLE), Guard::Draft, now)
    }

    #[test]
    fn a_good_policy_is_told_what_will_hurt_one_night() {
        let text = case("good-everything").to_text();
        for words in [
            "no step that is destructive can ever run: it needs 2 other people",
            "the key of `bob` is no longer valid",
            "`allow_uid`",
            "2 people, 5 keys: no problems\n",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let text = case("good-people-alone").to_text();
        assert!(text.contains("`alice` has no key"), "{text}");
        assert!(!text.contains("step that is change"), "{text}");
    }

    #[test]
    fn problems_are_entries_of_one_array() {
        let found = case("key-twice");
        let json: serde_json::Value =
            serde_json::from_str(&found.to_json().expect("JSON")).expect("JSON");
        assert_eq!(
            (json[0]["line"].as_u64(), json[0]["severity"].as_str()),
            (Some(3), Some("error"))
        );
        assert!(
            json[0]["file"]
                .as_str()
                .is_some_and(|file| file.ends_with(SIGNERS))
        );
    }
}
