//! The journal is cut, or swapped with an older copy of itself: checkpoints that were kept elsewhere tell, and so does
//! the screen of whoever comes back.

use super::agent::Agent;
use super::stage::{Layout, ROOM, Stage, cannot};
use crate::harness::{said, stdout_of, wait_until};
use crate::services::{ALICE, BOB};
use rustix::process::Signal;
use std::fs;
use std::process::Command;

#[test]
fn a_journal_that_was_rolled_back_is_found_and_takes_no_confirms() {
    if cannot("two_person::histories::a_journal_that_was_rolled_back_is_found") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let session = "old";
    stage.start(session);
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    let alice = stage.seat("alice", ALICE, None);
    let bob = stage.seat("bob", BOB, Some(&laptop.socket()));
    alice.attach(session);
    bob.attach(session);
    alice.begin(&stage, session);
    // The server is asleep while its directory is copied.
    let pid = stage.server_pid(session);
    rustix::process::kill_process(pid, Signal::STOP).expect("alive");
    let copy = stage.place.join("copy");
    let live = stage.place.join(&format!("state/{session}"));
    stdout_of(Command::new("cp").arg("-a").arg(&live).arg(&copy));
    rustix::process::kill_process(pid, Signal::CONT).expect("alive");
    alice.propose(&stage, session);
    bob.confirm();
    stage.wait_step(session, "armed");
    alice.go();
    stage.wait_step(session, "done");

    // Both terminals have kept the newest checkpoint of their own.
    let kept = |user: &str| {
        stage
            .place
            .join(&format!("home/{user}/.local/state/warroom/.seen"))
    };
    let newest = stage
        .records(session)
        .last()
        .and_then(|record| record["seq"].as_u64())
        .expect("records");
    let outcome = stage.records_of(session, "exec.outcome")[0]["seq"]
        .as_u64()
        .expect("a number");
    assert!(outcome <= newest);
    let has_seen = |user: &str| {
        let files = fs::read_dir(kept(user)).into_iter().flatten().flatten();
        let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
        let heads: Vec<u64> = texts
            .filter_map(|text| text.split("head: ").nth(1)?.split(' ').next()?.parse().ok())
            .collect();
        heads.iter().any(|head| *head >= outcome)
    };
    for user in [ALICE, BOB] {
        wait_until("a checkpoint of the outcome to be kept", || has_seen(user));
    }
    bob.press(&["C-b", "d"]);
    bob.wait(crate::bastion::PROMPT);
    rustix::process::kill_process(pid, Signal::KILL).expect("alive");
    alice.wait("DISCONNECTED");

    // By hand: cut, and swapped, with what was kept elsewhere.
    let elsewhere = stage.place.join("kept");
    fs::copy(live.join("checkpoints"), &elsewhere).expect("copied");
    let elsewhere = elsewhere.to_str().expect("plain");
    let good = stage.warroom(&["verify", session, "--checkpoints", elsewhere]);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    let journal = stage.journal(session);
    let whole = fs::read(&journal).expect("readable");
    let last = whole
        .windows(4)
        .rposition(|window| window == b"WJ1 ")
        .expect("a record");
    let before = whole[..last]
        .windows(4)
        .rposition(|window| window == b"WJ1 ")
        .expect("another");
    let cut = stage.place.join("cut");
    stdout_of(Command::new("cp").arg("-a").arg(&live).arg(&cut));
    // The newest checkpoint covers the outcome; cut away what it covers.
    let outcome_at = find(&whole, b"kind: exec.outcome\n");
    let start = whole[..outcome_at]
        .windows(4)
        .rposition(|window| window == b"WJ1 ")
        .expect("its record");
    fs::write(cut.join("journal"), &whole[..start.min(before)]).expect("writable");
    fs::remove_file(cut.join("checkpoints")).expect("there");
    for path in [&cut, &copy] {
        let path = path.to_str().expect("plain");
        let bad = stage.warroom(&["verify", path, "--checkpoints", elsewhere]);
        assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
        assert!(said(&bad).contains("ends before it"), "{}", said(&bad));
    }

    // The older copy takes the journal's place, and its server comes back.
    fs::rename(&live, stage.place.join("newer")).expect("moved");
    stdout_of(Command::new("cp").arg("-a").arg(&copy).arg(&live));
    let mut again = stage.warroom_in(ROOM);
    stdout_of(again.args(["run", "-d", "-t", session]));
    bob.type_line(&format!("clear; warroom attach -t {session}"));
    for seat in [&alice, &bob] {
        seat.wait_said("JOURNAL NOT AS YOU SAW IT");
    }
    // Somebody who has seen nothing proposes again; bob's screen lets him confirm nothing.
    let other = stage.place.join("home/other");
    fs::create_dir(&other).expect("mkdir");
    super::stage::own(&other, ALICE);
    let fresh = stage.seat("fresh", ALICE, None);
    fresh.type_line(&format!("export HOME={}", other.display()));
    fresh.attach(session);
    fresh.press(&["H"]);
    fresh.wait("release");
    fresh.type_line("looked at it");
    fresh.wait("RUNNING");
    fresh.propose(&stage, session);
    bob.press(&["c"]);
    bob.wait_said("do not confirm, call the others");
    bob.press(&["G", "Enter"]);
    bob.wait_said("do not confirm, call the others");
    assert!(
        !bob.terminal.screen().contains("words: "),
        "no words are shown"
    );
    assert!(stage.records_of(session, "step.confirmed").is_empty());
    assert_eq!(stage.runs(session), 1, "of before");
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
        .expect("it is there")
}
