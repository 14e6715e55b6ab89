//! A quorum of two with roles, of which one rejects, and one leaves (E12).

use super::program::{Program, step};
use super::stage::{Layout, SHARED, Stage, cannot};
use crate::bastion::uid_of;
use crate::harness::wait_until;
use crate::services::{ALICE, BOB};
use warroom::domain::command::Command;
use warroom::domain::id::AttemptNo;

/// Two people, an operator and an approver.
const TWO: &str = "[class.destructive]\nindependent_check = false\nconfirmers = 2\n\
                   roles = [\"operator\", \"approver\"]\ndistinct_roles = true\n";

/// The host with carol, an operator who attaches from the account that elsewhere is shared; bob and dora approve.
fn stage() -> Stage {
    let mut stage = Stage::new(Layout {
        rules: TWO,
        ..Layout::default()
    });
    stage.make_key("carol", "carol", &["-t", "ed25519"]);
    stage.make_key("dora", "dora", &["-t", "ed25519"]);
    stage.install();
    let person = |id: &str, uids: String, roles: &str| {
        format!("[[person]]\nid = \"{id}\"\nuids = [{uids}]\nroles = [{roles}]\n")
    };
    let uid = |user: &str| uid_of(user).to_string();
    let people = [
        person("alice", uid(ALICE), "\"operator\", \"approver\""),
        person("bob", uid(BOB), "\"approver\""),
        person("carol", uid(SHARED), "\"operator\""),
        person("dora", String::new(), "\"approver\""),
    ];
    stage
        .place
        .write("etc/warroom/people.toml", &people.concat());
    stage
}

fn proposed(stage: &Stage, session: &str) -> (Program, Program, Program) {
    stage.start(session);
    let mut alice = Program::attach(stage, ALICE, session);
    assert_eq!(alice.ask(Command::Begin), None);
    assert_eq!(alice.ask(Command::Start { step: step() }), None);
    stage.wait_step(session, "needs-proposal");
    assert_eq!(alice.ask(Command::propose(step())), None);
    stage.wait_step(session, "awaiting-second");
    let bob = Program::attach(stage, BOB, session);
    let carol = Program::attach(stage, SHARED, session);
    (alice, bob, carol)
}

#[test]
fn two_confirm_by_their_roles_one_rejects_and_one_leaves() {
    if cannot("two_person::quorums::two_confirm_by_their_roles") {
        return;
    }
    let stage = stage();

    let (mut alice, mut bob, mut carol) = proposed(&stage, "both");
    assert_eq!(bob.confirm_with(&stage, "bob", "bob", false), None);
    stage.wait_step("both", "awaiting-second");
    // A second approver is not the operator that is missing, and the proposer is neither.
    let dora = bob.confirm_with(&stage, "dora", "dora", true);
    assert!(
        dora.is_some_and(|why| why.contains("another role")),
        "two approvers"
    );
    let own = carol.confirm_with(&stage, "alice", "alice", true);
    assert!(own.is_some_and(|why| why.contains("cannot confirm it too")));
    assert!(alice.ask(Command::go(step(), AttemptNo(1))).is_some());
    assert_eq!(carol.confirm_with(&stage, "carol", "carol", false), None);
    stage.wait_step("both", "armed");
    assert_eq!(alice.ask(Command::go(step(), AttemptNo(1))), None);
    stage.wait_step("both", "done");
    assert_eq!(stage.runs("both"), 1);
    stage.verifies("both");

    let (mut alice, mut bob, mut carol) = proposed(&stage, "rejected");
    assert_eq!(bob.confirm_with(&stage, "bob", "bob", false), None);
    let reason = "the backup is not done".to_owned();
    assert_eq!(carol.ask(Command::reject(step(), reason)), None);
    stage.wait_record("rejected", "step.closed", "the backup is not done");
    assert!(alice.ask(Command::go(step(), AttemptNo(1))).is_some());
    // What was confirmed counts for nothing later.
    assert_eq!(alice.ask(Command::propose(step())), None);
    stage.wait_step("rejected", "awaiting-second");
    assert_eq!(stage.runs("rejected"), 0);

    let (mut alice, mut bob, mut carol) = proposed(&stage, "left");
    assert_eq!(bob.confirm_with(&stage, "bob", "bob", false), None);
    assert_eq!(carol.confirm_with(&stage, "carol", "carol", false), None);
    stage.wait_step("left", "armed");
    carol.dies();
    wait_until("carol to be missed", || {
        !stage.records_of("left", "step.closed").is_empty()
    });
    let closed = stage.records_of("left", "step.closed")[0].to_string();
    assert!(
        closed.contains("absent") && closed.contains("carol"),
        "{closed}"
    );
    assert!(alice.ask(Command::go(step(), AttemptNo(1))).is_some());
    assert_eq!(stage.runs("left"), 0);
    stage.verifies("left");
}
