//! What has changed between the judgement and the start, and what counts as a use.

use super::*;
use crate::config::Env;
use crate::config::runner::RunnerSettings;
use crate::domain::confirm::undo_doc::{self, UndoInputs};
use crate::domain::digest::Digest;
use crate::domain::id::Nonce;
use crate::enforce::back::BackTicket;
use crate::enforce::judge::tests::desk::Desk;
use crate::enforce::judge::tests::passed_alone;
use crate::enforce::name::RunName;
use crate::enforce::result::Reserved;
use crate::runner::Outcome;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A runner over a directory, without a policy and without a socket.
fn runner(place: &Path) -> Runner {
    let settings = RunnerSettings {
        socket: place.join("sock"),
        state_dir: place.join("state"),
        servers: std::iter::empty().collect(),
        people: place.join("people.toml"),
        scope: place.join("scope"),
        allow_env: std::iter::empty().collect(),
        believe_detached: true,
        output_bytes_max: 1024,
        undo_within: Duration::from_secs(3600),
        secrets: std::iter::empty().collect(),
        digest: Digest::of(b"settings"),
    };
    let program = PathBuf::from("/bin/false");
    Runner::new(settings, program, Env::default(), CancellationToken::new()).expect("starts")
}

fn word<T>(answer: Result<T, Answer>) -> String {
    match answer {
        Ok(_) => "begun".to_owned(),
        Err(Answer::Refused { word, .. }) => word,
        Err(other) => panic!("no refusal: {other:?}"),
    }
}

/// The runner's book of who went alone.
fn book(place: &Path) -> String {
    std::fs::read_to_string(place.join("state").join(super::super::USES)).unwrap_or_default()
}

#[test]
fn only_what_is_about_to_run_counts_as_going_alone() {
    let place = tempfile::tempdir().expect("a directory");
    let runner = runner(place.path());
    let (passed, bytes) = passed_alone(Nonce::from_bytes([1; 16]));
    // Somebody asked what became of it before it came.
    runner
        .spent
        .spend(passed.name(), "not taken")
        .expect("fresh");
    assert_eq!(word(runner.begin(passed, &bytes)), "spent");
    assert_eq!(book(place.path()), "", "nothing ran");

    let (passed, bytes) = passed_alone(Nonce::from_bytes([2; 16]));
    assert_eq!(word(runner.begin(passed.clone(), &bytes)), "begun");
    let used = book(place.path());
    assert_eq!(used.matches('Z').count(), 1, "{used}");
    // Sent again and again: neither runs nor locks.
    for _ in 0..3 {
        assert_eq!(word(runner.begin(passed.clone(), &bytes)), "spent");
    }
    assert_eq!(book(place.path()), used);

    // A name that cannot be recorded.
    std::fs::remove_dir_all(place.path().join("state/spent")).expect("gone");
    let (passed, bytes) = passed_alone(Nonce::from_bytes([3; 16]));
    assert_eq!(word(runner.begin(passed, &bytes)), "disk");
    assert_eq!(book(place.path()), used);
}

#[test]
fn two_alone_within_an_hour_lock_and_spend_no_further_nonce() {
    let place = tempfile::tempdir().expect("a directory");
    let runner = runner(place.path());
    for byte in [1, 2] {
        let (passed, bytes) = passed_alone(Nonce::from_bytes([byte; 16]));
        assert_eq!(word(runner.begin(passed, &bytes)), "begun");
    }
    let (passed, bytes) = passed_alone(Nonce::from_bytes([3; 16]));
    assert_eq!(word(runner.begin(passed.clone(), &bytes)), "locked");
    assert!(!runner.spent.has(passed.name()));
}

/// A way back whose way forward still runs: it was found right, and the bytes that were.
struct Back {
    passed: Passed,
    bytes: Vec<u8>,
    forward: PathBuf,
}

fn back(runner: &Runner) -> Back {
    let undo = undo_doc::render(&UndoInputs {
        exe: "/bin/false".to_owned(),
        exe_digest: Digest::of(b"false"),
        argv: vec!["false".to_owned()],
        timeout_s: 30,
    });
    let undo = undo.expect("short");
    let nonce = Nonce::from_bytes([9; 16]);
    let here = runner.here();
    let mut desk = Desk::new(Digest::of(b"policy"), nonce.clone(), here.boot, here.now);
    desk.plan.undo = undo_doc::line("false", &undo);
    desk.plan.runas.clone_from(&runner.account);
    desk.plan.host.clone_from(&runner.host);
    let name = RunName::forward(nonce);
    let ticket = desk.ticket().print();
    runner.spent.spend(&name, "forward").expect("fresh");
    let forward = run::directory(&runner.ground.attempts, &name);
    std::fs::create_dir(&forward).expect("made");
    std::fs::write(forward.join(run::TICKET), &ticket).expect("written");
    let prev = Digest::of(b"before").to_string();
    let bytes = BackTicket {
        forward: ticket,
        undo,
        try_no: 1,
        began: desk.header(60, &prev, "rollback.started", "dan", b""),
    };
    let bytes = bytes.print();
    let passed = runner.judge_any(&bytes).expect("an outcome nobody knows");
    Back {
        passed,
        bytes,
        forward,
    }
}

fn ends(directory: &Path, outcome: Outcome) {
    let mut result = crate::enforce::result::tests::example();
    result.outcome = outcome;
    result.values = vec![("LEADER".to_owned(), "db-2".to_owned())];
    let reserved = Reserved::new(directory).expect("room");
    reserved.write(&result).expect("written");
}

#[test]
fn a_way_forward_that_ends_behind_the_judgement_is_judged_by_how_it_ended() {
    let place = tempfile::tempdir().expect("a directory");
    let runner = runner(place.path());
    let back = back(&runner);
    ends(&back.forward, Outcome::NotStarted("no".to_owned()));
    assert_eq!(word(runner.begin(back.passed, &back.bytes)), "not-run");
}

#[test]
fn a_way_back_gets_what_the_way_forward_handed_over_at_its_end() {
    let place = tempfile::tempdir().expect("a directory");
    let runner = runner(place.path());
    let back = back(&runner);
    let leader = ("LEADER".to_owned(), "db-2".to_owned());
    assert!(!back.passed.plan().inputs.env.contains(&leader));
    ends(&back.forward, Outcome::Exited(1));
    let now = runner.as_it_is_now(back.passed, &back.bytes);
    let now = now.expect("right");
    assert!(now.plan().inputs.env.contains(&leader));
    assert_eq!(word(runner.begin(now, &back.bytes)), "begun");
}
