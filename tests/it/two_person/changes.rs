//! What was reviewed is changed behind the confirm: the runbook, a variable in it, the program, the policy.

use super::agent::Agent;
use super::stage::{Layout, STEP, Stage, cannot};
use crate::harness::set_mode;
use crate::services::{ALICE, BOB};
use std::fs;

/// What is changed, once the step is armed.
type Change = fn(&Stage, &str);

fn edit(stage: &Stage, file: &str, change: impl Fn(&str) -> String) {
    let path = stage.place.join(file);
    let text = fs::read_to_string(&path).expect("readable");
    let changed = change(&text);
    assert_ne!(text, changed, "{file}");
    fs::write(&path, changed).expect("writable");
}

const CHANGES: [(&str, Change, &str); 4] = [
    (
        "runbook",
        |stage, session| {
            edit(stage, &format!("books/{session}.md"), |text| {
                text.replace("echo touched", "echo wiped")
            });
        },
        "runbook",
    ),
    (
        "variable",
        |stage, session| {
            edit(stage, &format!("books/{session}.md"), |text| {
                text.replace("marks = \"/", "marks = \"//")
            });
        },
        "runbook",
    ),
    (
        "program",
        |stage, _| {
            let shell = stage.place.join("tools/sh");
            let mut bytes = fs::read(&shell).expect("readable");
            bytes.push(0);
            fs::remove_file(&shell).expect("there");
            fs::write(&shell, bytes).expect("writable");
            set_mode(&shell, 0o755);
        },
        "exe-sha256",
    ),
    (
        "policy",
        |stage, _| {
            edit(stage, "etc/warroom/rules.toml", |text| {
                format!("{text}# another comment\n")
            });
        },
        "policy",
    ),
];

#[test]
fn what_changes_behind_a_confirm_does_not_run() {
    if cannot("two_person::changes::what_changes_behind_a_confirm_does_not_run") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    let tools = stage.place.join("tools");
    fs::create_dir(&tools).expect("mkdir");
    fs::copy("/bin/sh", tools.join("sh")).expect("a shell");
    for (session, change, why) in CHANGES {
        let path = format!(
            "[environment]\nPATH = \"{}:/usr/bin:/bin\"\n",
            tools.display()
        );
        stage.start_with(
            session,
            &stage.book(session, "").replace("[environment]\n", &path),
        );
        let alice = stage.seat(&format!("{session}-alice"), ALICE, None);
        let bob = stage.seat(&format!("{session}-bob"), BOB, Some(&laptop.socket()));
        alice.attach(session);
        bob.attach(session);
        alice.begin(&stage, session);
        alice.propose(&stage, session);
        bob.confirm();
        stage.wait_step(session, "armed");
        alice.wait("ARMED");
        change(&stage, session);
        alice.press(&["C-g"]);
        stage.wait_record(session, "step.closed", why);
        stage.wait_step(session, "needs-proposal");
        assert_eq!(stage.runs(session), 0, "{session} of `{STEP}` was changed");
        assert!(
            stage.records_of(session, "exec.intent").is_empty(),
            "{session}"
        );
        bob.press(&["5"]);
        bob.wait_said(why);
    }
}
