//! A runbook that is edited while its session runs: two people take it over, and nothing that was done is lost.

use crate::session_host::{Host, Person, fold_of, step};
use warroom::domain::apply::fold;
use warroom::domain::command::Command;
use warroom::domain::fact::{Fact, MotionEvent};
use warroom::domain::motion::{Motion, MotionNo};
use warroom::domain::state::StepStatus;
use warroom::wire::amendment::Preview;
use warroom::wire::message::ToServer;

const RUNBOOK: &str = "\
# Copy

## Work

- [ ] Look
  ```sh run id=look
  echo looked >> ran
  ```
- [ ] Copy it
  ```sh run id=copy
  echo wrong >> ran; exit 3
  ```
- [ ] Tell
";

fn mended() -> String {
    let text = RUNBOOK.replace("echo wrong >> ran; exit 3", "echo right >> ran");
    // What is over says something else now, and stays as it ran.
    text.replace("echo looked", "echo looked twice")
}

fn host() -> Host {
    let host = Host::new(RUNBOOK);
    std::fs::copy("/bin/sh", host.path("bin/sh")).expect("a shell");
    host
}

fn motion(preview: &Preview) -> Command {
    Command::Move {
        what: Motion::Amend {
            from: preview.from,
            to: preview.to,
        },
        reason: "the command was wrong".to_owned(),
        signed: None,
    }
}

fn second() -> Command {
    Command::Second {
        no: MotionNo(1),
        signed: None,
    }
}

impl Person {
    /// Has the server read the runbook.
    async fn reads_runbook(&mut self) -> Result<Preview, String> {
        self.preview = None;
        let number = u64::MAX;
        self.send(ToServer::ReadRunbook { number }).await;
        self.until("a reply", |p| p.replies.contains_key(&number))
            .await;
        match self.replies.remove(&number).flatten() {
            Some(refusal) => Err(refusal.reason),
            None => Ok(self.preview.take().expect("it comes before the reply")),
        }
    }
}

async fn to_failed(alice: &mut Person) {
    alice.does(Command::Begin).await;
    alice.starts("look").await;
    alice.sees_done("look").await;
    alice.starts("copy").await;
    alice
        .until("it fails", |p| {
            matches!(p.status("copy"), StepStatus::Failed { .. })
        })
        .await;
}

#[tokio::test]
async fn a_wrong_command_is_mended_in_the_night_and_survives_the_server() {
    let host = host();
    let running = host.start_apart();
    let (mut alice, mut bob) = (host.attach("alice").await, host.attach("bob").await);
    to_failed(&mut alice).await;
    let unchanged = alice.reads_runbook().await.expect("reads");
    assert!(unchanged.is_pinned, "{unchanged:?}");
    std::fs::write(host.path("runbook.md"), mended()).expect("write");
    let preview = alice.reads_runbook().await.expect("reads");
    assert!(preview.against.is_empty() && !preview.is_pinned);
    let words: Vec<String> = preview.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "done already, stays as it ran: step 1.1 `Look`",
            "changed: step 1.2 `Copy it`",
        ]
    );
    alice.does(motion(&preview)).await;
    let refused = alice.is_refused(second()).await;
    assert!(refused.contains("cannot second it too"), "{refused}");
    bob.until("the motion", |p| p.state.motions.open.is_some())
        .await;
    let open = bob.state.motions.open.as_ref().expect("open");
    let amendment = open.amendment.as_ref().expect("who seconds has the plan");
    assert_eq!(amendment.plan.digest(), preview.to);
    bob.does(second()).await;
    alice
        .until("it is in force", |p| p.state.amendments().count() == 1)
        .await;
    alice.does(Command::Retry { step: step("copy") }).await;
    alice.starts("copy").await;
    alice.sees_done("copy").await;
    let ran = std::fs::read_to_string(host.path("ran")).expect("it ran");
    assert_eq!(ran, "looked\nwrong\nright\n");
    let seen = alice.state.clone();
    running.kill();
    alice.leaves().await;
    bob.leaves().await;

    let running = host.resume().await;
    let alice = host.attach("alice").await;
    assert_eq!(alice.state.genesis, seen.genesis, "the amended plan");
    assert!(alice.status("copy").is_passed());
    running.end().await;
    let (records, state) = fold_of(&host.journal());
    assert_eq!(
        fold(records).expect("nothing that cannot have happened"),
        state
    );
}

#[tokio::test]
async fn what_is_moved_is_what_was_read_and_a_broken_runbook_is_not() {
    let host = host();
    let running = host.start().await;
    let (mut alice, mut bob) = (host.attach("alice").await, host.attach("bob").await);
    to_failed(&mut alice).await;
    std::fs::write(host.path("runbook.md"), mended()).expect("write");
    let preview = alice.reads_runbook().await.expect("reads");
    // Somebody edits it again before it is moved.
    let later = mended().replace("echo right", "echo evil");
    std::fs::write(host.path("runbook.md"), later).expect("write");
    let why = alice.is_refused(motion(&preview)).await;
    assert!(why.contains("another one by now"), "{why}");
    std::fs::write(host.path("runbook.md"), "# Copy\n\n```sh run\nx\n```\n").expect("write");
    let why = alice.reads_runbook().await.expect_err("an error in it");
    assert!(why.contains("cannot be run"), "{why}");
    std::fs::write(host.path("runbook.md"), mended()).expect("write");
    alice.does(motion(&preview)).await;
    // It is tried as it was before the second person comes, and fails again: that changes nothing.
    alice.does(Command::Retry { step: step("copy") }).await;
    alice
        .does(Command::RejectMotion {
            no: MotionNo(1),
            reason: String::new(),
        })
        .await;
    let why = bob.is_refused(second()).await;
    assert!(why.contains("not open"), "{why}");
    assert_eq!(bob.state.amendments().count(), 0);
    running.end().await;
    let (records, _) = fold_of(&host.journal());
    let carried = records.iter().any(
        |record| matches!(&record.fact, Fact::Motion(moved) if moved.event == MotionEvent::Carried),
    );
    assert!(!carried);
}
