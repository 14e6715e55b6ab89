//! Everybody in one account and one pane of one tmux: the account proves nothing; a code and a signature do.

use super::agent::Agent;
use super::confirms::code_now;
use super::program::Program;
use super::seat::Seat;
use super::stage::{Layout, SHARED, Stage, cannot};
use crate::bastion::uid_of;
use crate::harness::{said, wait_for, wait_until};
use crate::services::ALICE;
use std::fs;
use std::path::PathBuf;
use std::process::Command as Process;
use warroom::domain::command::Command;

/// Alice has proposed from her own account; she and bob both look into one pane of the shared account.
fn pane(stage: &Stage, session: &str) -> (Seat, Seat, Seat) {
    stage.start(session);
    let alice = stage.seat(&format!("{session}-alice"), ALICE, None);
    alice.attach(session);
    alice.begin(stage, session);
    alice.propose(stage, session);
    let home = stage.place.join(&format!("home/{SHARED}"));
    let inner = format!("tmux -S {}/{session} -f /dev/null", home.display());
    let first = stage.seat(&format!("{session}-first"), SHARED, None);
    first.type_line(&format!(
        "{inner} new-session -s pane 'bash --norc --noprofile'"
    ));
    first.wait("[pane]");
    let second = stage.seat(&format!("{session}-second"), SHARED, None);
    second.type_line(&format!("{inner} attach -t pane"));
    second.wait("[pane]");
    first.type_line(&format!("warroom attach -t {session}"));
    for seat in [&first, &second] {
        seat.wait("RUNNING");
    }
    second.press(&["c"]);
    for seat in [&first, &second] {
        seat.wait_said("this account is nobody's, so it cannot confirm");
    }
    (alice, first, second)
}

/// Bob signs on his own machine what the session asks for; gives the file with the signature.
fn sign_elsewhere(stage: &Stage, session: &str) -> PathBuf {
    let laptop = Agent::with_key(stage, "laptop", "bob");
    let program = Program::attach(stage, SHARED, session);
    let statement = program.statement("bob");
    let plan = program
        .state
        .proposal
        .as_ref()
        .map(|open| open.plan.clone());
    let request =
        warroom::evidence::detached::Request::new(&statement, plan.as_deref()).expect("a request");
    let home = stage.place.join("home/elsewhere");
    fs::create_dir(&home).expect("mkdir");
    fs::write(home.join("request"), request.print()).expect("written");
    let signed = Process::new(stage.place.program())
        .args(["sign", "--words", &request.words().join(" ")])
        .arg(home.join("request"))
        .env_clear()
        .env("HOME", &home)
        .env("SSH_AUTH_SOCK", laptop.socket())
        .output()
        .expect("runs");
    assert!(signed.status.success(), "{}", said(&signed));
    stage
        .place
        .write("home/armour", &String::from_utf8_lossy(&signed.stdout))
}

#[test]
fn in_a_pane_of_a_shared_account_a_code_and_a_signature_count_and_the_account_does_not() {
    if cannot("two_person::shared::in_a_pane_of_a_shared_account") {
        return;
    }
    let stage = Stage::new(Layout {
        codes: true,
        rules: "[class.destructive]\nconfirmer = \"totp\"\nindependent_check = true\ndwell = \"1s\"\npresence = \"no\"\n",
        ..Layout::default()
    });
    let (alice, _first, _second) = pane(&stage, "code");
    let mut program = Program::attach(&stage, SHARED, "code");
    for person in ["bob", "alice"] {
        let statement = program.statement(person);
        let refused = program.ask(Command::confirm(statement));
        assert!(refused.is_some(), "the account does not count as {person}");
    }
    // Whoever sits there has said as bob what they expect to be touched; that too counts for nobody by itself.
    assert_eq!(program.says_as("bob"), None);
    let spent = code_now();
    assert_eq!(
        program.confirm_by_code("bob", &spent),
        None,
        "the code says who it is"
    );
    stage.wait_step("code", "armed");
    alice.go();
    stage.wait_step("code", "done");
    assert_eq!(stage.runs("code"), 1);
    let confirmed = &stage.records_of("code", "step.confirmed")[0];
    assert_eq!(confirmed["actor"], "bob");
    assert!(
        confirmed["via"].to_string().starts_with("\"totp:"),
        "{confirmed}"
    );

    types_a_code(&stage, &spent);
    is_brought_a_signature(&stage);
}

/// The code is typed on the screen, and nobody has said by `K` who is there: it says who confirms this.
fn types_a_code(stage: &Stage, spent: &str) {
    let (alice, first, second) = pane(stage, "typed");
    second.press(&["c"]);
    second.wait_said("who reviews?");
    second.type_line("alice");
    for seat in [&first, &second] {
        seat.wait_said("`alice` proposed it, so somebody else has to confirm");
    }
    second.press(&["c"]);
    second.wait_said("who reviews?");
    second.type_line("bob");
    second.check();
    let words = second.read();
    second.type_words(&words);
    second.wait("the code your authenticator shows now");
    second.type_line("000000");
    second.wait_said("the code is wrong");
    stage.wait_step("typed", "awaiting-second");
    let words = second.read();
    second.type_words(&words);
    second.wait("the code your authenticator shows now");
    second.type_line(&wait_for("a code that was not spent", || {
        let code = code_now();
        (code != spent).then_some(code)
    }));
    stage.wait_step("typed", "armed");
    alice.go();
    stage.wait_step("typed", "done");
    assert_eq!(stage.runs("typed"), 1);
    let confirmed = &stage.records_of("typed", "step.confirmed")[0];
    assert_eq!(confirmed["actor"], "bob");
    assert!(
        confirmed["via"].to_string().starts_with("\"totp:"),
        "{confirmed}"
    );
    let checked = &stage.records_of("typed", "step.checked")[0];
    assert_eq!(
        checked["actor"],
        format!("uid-{}", uid_of(SHARED)),
        "{checked}"
    );
    assert_eq!(checked["fact"]["claimed"], "bob", "{checked}");
}

/// A signature that bob made on his own machine, brought in by a command in that very pane.
fn is_brought_a_signature(stage: &Stage) {
    let (alice, first, second) = pane(stage, "away");
    let armour = sign_elsewhere(stage, "away");
    // The prefix of the tmux in between, which passes it on.
    first.press(&["C-b"]);
    first.press(&["C-b"]);
    first.press(&["d"]);
    first.wait("[detached");
    second.type_line(&format!(
        "clear; warroom confirm -t away --signer bob --signature {}",
        armour.display()
    ));
    for seat in [&first, &second] {
        seat.wait_said("confirmed: touch by bob");
    }
    stage.wait_step("away", "armed");
    alice.go();
    stage.wait_step("away", "done");
    assert_eq!(stage.runs("away"), 1);
    assert_eq!(stage.verifies("away")["signatures"]["bob"], 1);
}

#[test]
fn on_a_shared_account_keys_tell_people_apart() {
    if cannot("two_person::shared::on_a_shared_account_keys_tell_people_apart") {
        return;
    }
    let stage = Stage::new(Layout::default());
    stage.start("keys");
    let (hers, his) = (
        Agent::with_key(&stage, "hers", "alice"),
        Agent::with_key(&stage, "his", "bob"),
    );
    let alice = stage.seat("alice", SHARED, Some(&hers.socket()));
    let bob = stage.seat("bob", SHARED, Some(&his.socket()));
    for (seat, person) in [(&alice, "alice"), (&bob, "bob")] {
        seat.attach("keys");
        seat.sign_in(&stage, "keys", person);
    }
    alice.begin(&stage, "keys");
    alice.propose(&stage, "keys");
    // Her second terminal, with the same key or the other, is she.
    let second = Agent::with_key(&stage, "second", "alice-2");
    let again = stage.seat("again", SHARED, Some(&second.socket()));
    again.attach("keys");
    again.press(&["K"]);
    wait_until("her second terminal to be known", || {
        stage.records_of("keys", "statement.signed").len() == 3
    });
    again.press(&["c"]);
    again.wait_said("you proposed it, so somebody else has to confirm");
    bob.confirm();
    stage.wait_step("keys", "armed");
    alice.go();
    stage.wait_step("keys", "done");
    assert_eq!(stage.runs("keys"), 1);
    let verified = stage.verifies("keys");
    assert_eq!(
        verified["signatures"]["bob"], 2,
        "hello and confirm: {verified}"
    );
}
