//! Alice alone: from a second terminal, with a second key, with her code, from the shared account.

use super::agent::Agent;
use super::confirms::code_of;
use super::program::{Program, sign};
use super::seat::Seat;
use super::stage::{ALICE_SECRET, Layout, SHARED, Stage, cannot};
use crate::harness::{run, said};
use crate::services::{ALICE, BOB};
use warroom::domain::command::{Command, Evidence};

/// Alice has proposed, and bob is attached.
fn proposed(stage: &Stage, agent: &Agent) -> (Seat, Seat) {
    stage.start("alone");
    let alice = stage.seat("alice", ALICE, Some(&agent.socket()));
    let bob = stage.seat("bob", BOB, None);
    alice.attach("alone");
    bob.attach("alone");
    alice.begin(stage, "alone");
    alice.propose(stage, "alone");
    (alice, bob)
}

/// What goes round the screens meets the server: each try, and why it was refused.
fn tries(stage: &Stage) -> Vec<(&'static str, Option<String>)> {
    let code = || code_of(ALICE_SECRET);
    let mut hers = Program::attach(stage, ALICE, "alone");
    let (as_alice, as_bob) = (hers.statement("alice"), hers.statement("bob"));
    let unsigned = Command::Confirm {
        statement: as_bob.clone(),
        evidence: Evidence::Signature {
            armour: String::new(),
            detached: true,
        },
    };
    let mut tries = vec![
        ("her account", hers.ask(Command::confirm(as_alice))),
        (
            "her account for bob's word",
            hers.ask(Command::confirm(as_bob.clone())),
        ),
        ("an empty signature for bob's word", hers.ask(unsigned)),
        (
            "her first key",
            hers.confirm_with(stage, "alice", "alice", false),
        ),
        (
            "her second key",
            hers.confirm_with(stage, "alice", "alice-2", false),
        ),
        (
            "her second key, as from elsewhere",
            hers.confirm_with(stage, "alice", "alice-2", true),
        ),
        (
            "her key for bob's word",
            hers.confirm_with(stage, "bob", "alice-2", true),
        ),
        ("her code", hers.confirm_by_code("alice", &code())),
        (
            "her code for bob's word",
            hers.confirm_by_code("bob", &code()),
        ),
    ];
    let mut nobody = Program::attach(stage, SHARED, "alone");
    tries.extend([
        (
            "the shared account for bob's word",
            nobody.ask(Command::confirm(as_bob)),
        ),
        (
            "her second key from there",
            nobody.confirm_with(stage, "alice", "alice-2", false),
        ),
        (
            "her code from there",
            nobody.confirm_by_code("alice", &code()),
        ),
    ]);
    let armour = sign(stage, "alice-2", &nobody.statement("alice"));
    let file = stage.place.write("home/armour", &armour);
    let mut command = stage.warroom_in(SHARED);
    command
        .args(["confirm", "-t", "alone", "--signer", "alice", "--signature"])
        .arg(&file);
    let brought = run(&mut command);
    assert!(!brought.status.success(), "{}", said(&brought));
    tries.push(("`warroom confirm`", Some(said(&brought))));
    tries
}

#[test]
fn alice_is_one_person_however_she_comes() {
    if cannot("two_person::alone::alice_is_one_person_however_she_comes") {
        return;
    }
    let stage = Stage::new(Layout {
        codes: true,
        ..Layout::default()
    });
    let first = Agent::with_key(&stage, "first", "alice");
    let second = Agent::with_key(&stage, "second", "alice-2");
    let (_alice, bob) = proposed(&stage, &first);
    // Screens: her second terminal with her second key, and the shared account.
    let again = stage.seat("again", ALICE, Some(&second.socket()));
    again.attach("alone");
    again.press(&["c"]);
    again.wait_said("you proposed it, so somebody else has to confirm");
    let shared = stage.seat_by_sudo("shared", SHARED);
    shared.attach("alone");
    shared.press(&["c"]);
    shared.wait_said("this account is nobody's, so it cannot confirm");
    for (what, answer) in tries(&stage) {
        let answer = answer.unwrap_or_else(|| panic!("{what} was not refused"));
        let reasons = [
            "second person",
            "is not about what",
            "somebody else's",
            "proves nobody's identity",
            "does not prove enough",
            "does not count",
            "code is wrong",
            "used already",
        ];
        assert!(
            reasons.iter().any(|why| answer.contains(why)),
            "{what}: {answer}"
        );
    }
    // Recorded, and shown to bob.
    stage.wait_record("alone", "step.refused", "needs a second person");
    bob.press(&["4"]);
    bob.wait_said("needs a second person");
    stage.wait_step("alone", "awaiting-second");
    assert_eq!(stage.records_of("alone", "step.confirmed").len(), 0);
    assert_eq!(stage.runs("alone"), 0);
    stage.verifies("alone");
}

/// The server runs in alice's own account: what she could make up does not count, unless the policy says so everywhere.
#[test]
fn in_alices_own_account_only_a_signature_speaks_for_bob() {
    if cannot("two_person::alone::in_alices_own_account_only_a_signature_speaks_for_bob") {
        return;
    }
    let stage = Stage::new(Layout {
        owner: ALICE,
        codes: true,
        ..Layout::default()
    });
    stage.start("hers");
    let alice = stage.seat("alice", ALICE, None);
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    let bob = stage.seat("bob", BOB, Some(&laptop.socket()));
    alice.attach("hers");
    bob.attach("hers");
    alice.begin(&stage, "hers");
    alice.propose(&stage, "hers");
    let mut his = Program::attach(&stage, BOB, "hers");
    let statement = his.statement_by_account("bob", BOB);
    let by_account = his.ask(Command::confirm(statement)).expect("refused");
    assert!(by_account.contains("does not prove enough"), "{by_account}");
    let by_code = his
        .confirm_by_code("bob", &super::confirms::code_now())
        .expect("refused");
    assert!(by_code.contains("cannot be checked here"), "{by_code}");
    bob.confirm();
    stage.wait_step("hers", "armed");
    alice.go();
    stage.wait_step("hers", "done");
    assert_eq!(stage.runs("hers"), 1);
    assert_eq!(stage.verifies("hers")["signatures"]["bob"], 1);
}

#[test]
fn accounts_that_count_by_policy_are_told_on_every_screen() {
    if cannot("two_person::alone::accounts_that_count_by_policy_are_told_on_every_screen") {
        return;
    }
    let stage = Stage::new(Layout {
        owner: ALICE,
        rules: "allow_uid = true\n[class.destructive]\nindependent_check = false\ndwell = \"1s\"\n",
        ..Layout::default()
    });
    stage.start("by-uid");
    let (alice, bob) = (
        stage.seat("alice", ALICE, None),
        stage.seat("bob", BOB, None),
    );
    alice.attach("by-uid");
    bob.attach("by-uid");
    alice.wait("ADVISORY uid");
    alice.begin(&stage, "by-uid");
    alice.propose(&stage, "by-uid");
    bob.review();
    bob.wait("ADVISORY uid");
    let words = bob.read();
    bob.type_words(&words);
    stage.wait_step("by-uid", "armed");
    alice.go();
    stage.wait_step("by-uid", "done");
    assert_eq!(stage.runs("by-uid"), 1);
    let via = stage.records_of("by-uid", "step.confirmed")[0]["via"].to_string();
    assert!(via.starts_with("\"uid:"), "{via}");
    let told = stage.verifies("by-uid")["notes"].to_string();
    assert!(told.contains("counted by the account alone"), "{told}");
}
