//! The journal is cut, or swapped with an older copy of itself: checkpoints that were kept elsewhere tell, and so does
//! the screen of whoever comes back.

use super::agent::Agent;
use super::stage::{Layout, ROOM, Stage, cannot, own};
use crate::bastion::PROMPT;
use crate::harness::{said, stdout_of, wait_until};
use crate::services::{ALICE, BOB};
use rustix::process::{Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::Command;

const SESSION: &str = "old";

/// Head of the newest checkpoint that somebody's terminals have kept.
fn newest_kept(stage: &Stage, user: &str) -> u64 {
    let kept = stage
        .place
        .join(&format!("home/{user}/.local/state/warroom/.seen"));
    let files = fs::read_dir(kept).into_iter().flatten().flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    let heads =
        texts.filter_map(|text| text.split("head: ").nth(1)?.split(' ').next()?.parse().ok());
    heads.max().unwrap_or(0)
}

fn copy(from: &Path, to: &Path) {
    stdout_of(Command::new("cp").arg("-a").arg(from).arg(to));
}

/// By hand: a journal that was cut, and an older copy, against checkpoints that were kept elsewhere.
fn check_by_hand(stage: &Stage, live: &Path, older: &Path) {
    let elsewhere = stage.place.join("kept");
    fs::copy(live.join("checkpoints"), &elsewhere).expect("copied");
    let elsewhere = elsewhere.to_str().expect("plain");
    let good = stage.warroom(&["verify", SESSION, "--checkpoints", elsewhere]);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    let cut = stage.place.join("cut");
    copy(live, &cut);
    // The newest checkpoint covers the outcome; whole records from there on are cut away, and a chain is left.
    let whole = fs::read(live.join("journal")).expect("readable");
    let outcome = find(&whole, b"kind: exec.outcome\n");
    let start = whole[..outcome]
        .windows(4)
        .rposition(|window| window == b"WJ1 ");
    fs::write(cut.join("journal"), &whole[..start.expect("its record")]).expect("writable");
    fs::remove_file(cut.join("checkpoints")).expect("there");
    let chain = stage.warroom(&["verify", cut.to_str().expect("plain")]);
    assert_eq!(
        chain.status.code(),
        Some(0),
        "the chain alone: {}",
        said(&chain)
    );
    for path in [cut.as_path(), older] {
        let path = path.to_str().expect("plain");
        let bad = stage.warroom(&["verify", path, "--checkpoints", elsewhere]);
        assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
        assert!(said(&bad).contains("ends before it"), "{}", said(&bad));
    }
}

/// Alice with nothing kept from before: she proposes what has run already.
fn propose_again(stage: &Stage) {
    let other = stage.place.join("home/other");
    fs::create_dir(&other).expect("mkdir");
    own(&other, ALICE);
    let fresh = stage.seat("fresh", ALICE, None);
    fresh.type_line(&format!("export HOME={}", other.display()));
    fresh.attach(SESSION);
    fresh.press(&["H"]);
    fresh.wait("release");
    fresh.type_line("looked at it");
    fresh.wait("RUNNING");
    fresh.propose(stage, SESSION);
}

#[test]
fn a_journal_that_was_rolled_back_is_found_and_takes_no_confirms() {
    if cannot("two_person::histories::a_journal_that_was_rolled_back_is_found") {
        return;
    }
    let stage = Stage::new(Layout::default());
    stage.start(SESSION);
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    let alice = stage.seat("alice", ALICE, None);
    let bob = stage.seat("bob", BOB, Some(&laptop.socket()));
    alice.attach(SESSION);
    bob.attach(SESSION);
    alice.begin(&stage, SESSION);
    // The server is asleep while its directory is copied.
    let pid = stage.server_pid(SESSION);
    let live = stage.place.join(&format!("state/{SESSION}"));
    let older = stage.place.join("older");
    kill_process(pid, Signal::STOP).expect("alive");
    copy(&live, &older);
    kill_process(pid, Signal::CONT).expect("alive");
    alice.propose(&stage, SESSION);
    bob.confirm();
    stage.wait_step(SESSION, "armed");
    alice.go();
    stage.wait_step(SESSION, "done");
    let outcome = stage.records_of(SESSION, "exec.outcome")[0]["seq"].as_u64();
    for user in [ALICE, BOB] {
        wait_until("a checkpoint of the outcome to be kept", || {
            Some(newest_kept(&stage, user)) >= outcome
        });
    }
    bob.press(&["C-b", "d"]);
    bob.wait(PROMPT);
    kill_process(pid, Signal::KILL).expect("alive");
    alice.wait("DISCONNECTED");
    check_by_hand(&stage, &live, &older);

    // The older copy takes the journal's place, and its server comes back.
    fs::rename(&live, stage.place.join("newer")).expect("moved");
    copy(&older, &live);
    let mut again = stage.warroom_in(ROOM);
    stdout_of(again.args(["run", "-d", "-t", SESSION]));
    bob.type_line(&format!("clear; warroom attach -t {SESSION}"));
    for seat in [&alice, &bob] {
        seat.wait_said("JOURNAL NOT AS YOU SAW IT");
    }
    propose_again(&stage);
    bob.press(&["c"]);
    bob.wait_said("do not confirm, call the others");
    bob.press(&["G", "Enter"]);
    let screen = bob.wait_said("do not confirm, call the others");
    assert!(!screen.contains("words: "), "no words are shown");
    assert!(stage.records_of(SESSION, "step.confirmed").is_empty());
    assert_eq!(stage.runs(SESSION), 1, "of before");
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
        .expect("it is there")
}
