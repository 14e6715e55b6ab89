//! Sessions over their real socket and journal, with several people and no terminal.

use crate::harness::wait_until;
use crate::room::{Person, Room, status, step};
use std::sync::Arc;
use std::time::Duration;
use warroom::clock::{Clock, ManualClock, SystemClock};
use warroom::domain::command::Command;
use warroom::domain::state::{Stage, StepStatus};

const WIPE: &str = "\
# Wipe the old disk

## Work

- [ ] Wait for the mark
  ```sh run id=wait
  while [ ! -e \"$MARKS/go-on\" ]; do sleep 0.05; done
  echo waited >>\"$MARKS/waited\"
  ```
- [ ] Wipe it
  ```sh run destructive id=wipe
  echo wiped >>\"$MARKS/wiped\"
  ```
";

/// A session in which the first step is done and alice has proposed the second one.
async fn proposed(clock: Arc<dyn Clock>) -> (Room, Person, Person) {
    let room = Room::open(WIPE, clock).await;
    std::fs::write(room.mark("go-on"), "").expect("writable");
    let mut alice = room.person("alice").await;
    let mut bob = room.person("bob").await;
    alice.does(Command::Begin).await;
    alice.does(Command::Start { step: step("wait") }).await;
    alice.wait_done("wait").await;
    alice.does(Command::Start { step: step("wipe") }).await;
    alice.wait_stage("wipe", Stage::NeedsProposal).await;
    alice.does(Command::Propose { step: step("wipe") }).await;
    for person in [&mut alice, &mut bob] {
        person.wait_stage("wipe", Stage::AwaitingSecond).await;
    }
    (room, alice, bob)
}

fn go() -> Command {
    Command::Go { step: step("wipe") }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_run_what_one_person_at_two_terminals_cannot() {
    let (room, mut alice, mut bob) = proposed(Arc::new(SystemClock)).await;
    let mut second = room.person("alice").await;
    let confirm = second.confirm();
    let refused = second.is_refused(confirm).await;
    assert!(refused.contains("needs a second person"), "{refused}");
    let refused = alice.is_refused(go()).await;
    assert!(
        refused.contains("0 of 1 people have confirmed"),
        "{refused}"
    );

    // In bob's name, but from alice's terminal: the statement is not what she could state.
    let forged = bob.confirm();
    assert!(second.ask(forged).await.is_some());
    let confirm = bob.confirm();
    bob.does(confirm).await;
    alice.wait_stage("wipe", Stage::Armed).await;
    bob.is_refused(go()).await;
    assert_eq!(room.lines("wiped"), 0, "armed is not go");
    alice.does(go()).await;
    for person in [&mut alice, &mut bob, &mut second] {
        person.wait_done("wipe").await;
    }
    assert_eq!(room.lines("wiped"), 1);
    alice.is_refused(go()).await;

    // What each terminal has folded for itself is what the server tells a newcomer.
    let told = room.state().await;
    for person in [&mut alice, &mut bob, &mut second] {
        person
            .wait("the newest record", |state| state.head == told.head)
            .await;
        assert_eq!(person.state, told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_alone_can_always_stop_it() {
    let (room, mut alice, mut bob) = proposed(Arc::new(SystemClock)).await;
    let late = bob.confirm();
    let reason = "the backup is not done".to_owned();
    bob.does(Command::Reject {
        step: step("wipe"),
        reason,
    })
    .await;
    alice.wait_stage("wipe", Stage::NeedsProposal).await;
    assert!(
        bob.ask(late).await.is_some(),
        "a confirm of what is off the table"
    );
    alice.does(Command::Propose { step: step("wipe") }).await;
    bob.wait_stage("wipe", Stage::AwaitingSecond).await;
    let confirm = bob.confirm();
    bob.does(confirm).await;
    bob.wait_stage("wipe", Stage::Armed).await;
    bob.does(Command::Hold {
        reason: "wait".to_owned(),
    })
    .await;
    alice.wait_stage("wipe", Stage::NeedsProposal).await;
    alice.is_refused(go()).await;
    assert_eq!(room.lines("wiped"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_ends_by_itself_when_its_time_is_over() {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let (room, mut alice, bob) = proposed(Arc::clone(&clock) as Arc<dyn Clock>).await;
    let late = bob.confirm();
    clock.advance(Duration::from_secs(15 * 60 + 1));
    alice.wait_stage("wipe", Stage::NeedsProposal).await;
    let mut bob = bob;
    assert!(bob.ask(late).await.is_some(), "too late");
    assert_eq!(room.lines("wiped"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_goes_on_while_nobody_is_attached() {
    let room = Room::open(WIPE, Arc::new(SystemClock)).await;
    let mut alice = room.person("alice").await;
    alice.does(Command::Begin).await;
    alice.does(Command::Start { step: step("wait") }).await;
    alice.wait_stage("wait", Stage::Running).await;
    drop(alice);
    std::fs::write(room.mark("go-on"), "").expect("writable");
    wait_until("the command to end", || room.lines("waited") == 1);
    let mut bob = room.person("bob").await;
    bob.wait_done("wait").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_looks_is_refused_by_the_server_too() {
    let room = Room::open(WIPE, Arc::new(SystemClock)).await;
    let mut onlooker = room.onlooker("bob").await;
    onlooker.is_refused(Command::Begin).await;
    assert_eq!(status(&room.state().await, "wait"), &StepStatus::Pending);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_holds_and_forgets_what_was_armed() {
    let (mut room, alice, mut bob) = proposed(Arc::new(SystemClock)).await;
    let confirm = bob.confirm();
    bob.does(confirm).await;
    bob.wait_stage("wipe", Stage::Armed).await;
    drop((alice, bob));
    room.restart().await;
    let mut alice = room.person("alice").await;
    assert!(alice.state.is_held(), "somebody must look before going on");
    assert!(
        alice.state.proposal.is_none(),
        "the world was another one when it was reviewed"
    );
    alice.is_refused(go()).await;
    assert_eq!(room.lines("wiped"), 0);
    assert_eq!(
        alice.state,
        room.state().await,
        "nothing is lost and nothing is made up"
    );
}
