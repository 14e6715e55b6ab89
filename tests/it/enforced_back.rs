//! Ways back at a real `warroom-runner` process: only what it has run, only as reviewed, each try once.

use crate::enforced::desk::Desk;
use crate::enforced::{Rig, SCRIPT, ended, run, told, word};
use std::fs;
use warroom::domain::confirm::undo_doc::{self, UndoInputs};
use warroom::domain::digest::Digest;
use warroom::enforce::back::BackTicket;
use warroom::enforce::frame::Request;
use warroom::enforce::name::RunName;
use warroom::runner::Outcome;

/// The way back that a desk's plan binds, as its ticket.
pub(crate) fn back(desk: &Desk, undo: &[u8], try_no: u32) -> Vec<u8> {
    let began = desk.header(
        60,
        &Digest::of(b"x").to_string(),
        "rollback.started",
        // No person: the account of the server, root, or one that several share.
        "uid-1500",
        b"",
    );
    BackTicket {
        forward: desk.ticket().print(),
        undo: undo.to_vec(),
        try_no,
        began,
    }
    .print()
}

#[test]
fn a_reviewed_way_back_runs_once_a_try_by_one_person_and_never_before_the_way_forward() {
    let mut rig = Rig::start();
    let script = rig.script("tool", SCRIPT);
    let text = "#!/bin/sh\necho back >> \"$COUNTER\"\necho \"leader=$leader\"\n[ ! -e \"$COUNTER.bad\" ]\n";
    let undo = rig.script("untool", text);
    let bytes = undo_doc::render(&UndoInputs {
        exe: undo.display().to_string(),
        exe_digest: Digest::of(text.as_bytes()),
        argv: vec!["untool".to_owned()],
        timeout_s: 60,
    })
    .expect("short");
    let mut desk = rig.desk(&script);
    desk.plan.undo = undo_doc::line("untool", &bytes);
    let go_back = |rig: &Rig, bytes: &[u8], try_no| {
        told(&rig.link, &Request::Run(back(&desk, bytes, try_no)))
    };
    assert_eq!(
        word(&go_back(&rig, &bytes, 1)),
        "not-run",
        "nothing to take back"
    );
    let (result, _) = ended(run(&rig, &desk.ticket()));
    assert_eq!((result.outcome, rig.runs()), (Outcome::Exited(0), 1));
    let other = String::from_utf8(bytes.clone()).expect("text");
    let other = other.replace("timeout-s: 60", "timeout-s: 61");
    assert_eq!(word(&go_back(&rig, other.as_bytes(), 1)), "undo-changed");
    // Nobody can read the policy any more, and the runner was started anew.
    rig.place.write("etc/revoked", "garbage\n");
    rig.place.write("etc/people.toml", "garbage\n");
    rig.kill();
    rig.restart();
    rig.place.write("work/runs.bad", "");
    let (result, output) = ended(go_back(&rig, &bytes, 1));
    assert_eq!(result.outcome, Outcome::Exited(1));
    assert!(
        output.contains("leader=db-2"),
        "from the way forward: {output}"
    );
    assert_eq!(
        word(&go_back(&rig, &bytes, 1)),
        "spent",
        "one try is one run"
    );
    fs::remove_file(rig.place.join("work/runs.bad")).expect("removed");
    let (result, _) = ended(go_back(&rig, &bytes, 2));
    assert_eq!(
        (result.outcome, result.run.to_string()),
        (Outcome::Exited(0), format!("{}.undo.2", desk.nonce))
    );
    assert_eq!(word(&go_back(&rig, &bytes, 3)), "undone");
    let line = rig.place.join(&format!("state/spent/{}", result.run));
    let line = fs::read_to_string(line).expect("spent");
    assert!(line.ends_with(" way back begun by uid-1500\n"), "{line}");
    assert_eq!(rig.runs(), 3);
    // A try that is asked about before its ticket came never runs.
    let third = RunName::forward(desk.nonce.clone())
        .undo(4)
        .expect("within bounds");
    let asked = told(
        &rig.link,
        &Request::Watch {
            run: third,
            offset: 0,
        },
    );
    assert_eq!(word(&asked), "not-taken");
}

#[test]
fn a_program_of_a_way_back_that_changed_since_the_review_does_not_run() {
    let rig = Rig::start();
    let undo = rig.script("untool", "#!/bin/sh\necho back >> \"$COUNTER\"\n");
    let bytes = undo_doc::render(&UndoInputs {
        exe: undo.display().to_string(),
        exe_digest: Digest::of(&fs::read(&undo).expect("there")),
        argv: vec!["untool".to_owned()],
        timeout_s: 60,
    })
    .expect("short");
    let mut desk = rig.desk(&rig.script("tool", SCRIPT));
    desk.plan.undo = undo_doc::line("untool", &bytes);
    ended(run(&rig, &desk.ticket()));
    fs::write(&undo, "#!/bin/sh\necho evil >> \"$COUNTER\"\n").expect("changed");
    let request = Request::Run(back(&desk, &bytes, 1));
    let (result, _) = ended(told(&rig.link, &request));
    assert!(matches!(&result.outcome, Outcome::NotStarted(why) if why.contains("was reviewed as")));
    assert_eq!(rig.runs(), 1);
}
