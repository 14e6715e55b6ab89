//! What a session says to the others of its host, through the whole server: what could not be said is said again.

use crate::session_host::{Host, Person, Running, step, wait_until};
use rustix::fs::FlockOperation;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use warroom::domain::command::Command;
use warroom::domain::id::AttemptNo;
use warroom::domain::scope::Claim;
use warroom::wire::message::ToServer;

const WIPE: &str = "\
# Wipe

## Work

- [ ] Wipe it
  ```sh run destructive id=wipe
  echo wiped >> wiped
  while [ -e wait ]; do sleep 0.05; done
  ```

- [ ] Look at it
";

/// The only file of the scope directory with this ending.
fn file(host: &Host, ending: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(host.path("scope")).ok()?;
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(|path| path.extension().is_some_and(|found| found == ending))
}

/// What the others read of this session.
fn claim(host: &Host) -> Option<Claim> {
    let text = std::fs::read(file(host, "claim")?).ok()?;
    serde_json::from_slice(&text).ok()
}

fn holds(host: &Host) -> bool {
    claim(host).is_some_and(|claim| claim.holds())
}

/// Somebody keeps the lock as long as the value lives.
fn locked(host: &Host) -> File {
    let lock = File::open(host.path("scope/lock")).expect("there");
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).expect("it is given back");
    lock
}

/// Which file is being written; each try makes a new one.
fn being_written(host: &Host) -> Option<(u64, i64, i64)> {
    let meta = std::fs::metadata(file(host, "new")?).ok()?;
    // The number of a file that is gone is given to the next one.
    Some((meta.ino(), meta.ctime(), meta.ctime_nsec()))
}

/// Waits until what could not be written once is tried again.
async fn tried_again(host: &Host) {
    wait_until("a first try", || being_written(host).is_some()).await;
    let first = being_written(host);
    wait_until("a second try", || {
        being_written(host).is_some_and(|now| Some(now) != first)
    })
    .await;
}

/// Alice runs it after bob has confirmed; it waits.
async fn running() -> (Host, Running, Person) {
    let host = Host::new(WIPE);
    std::fs::copy("/bin/sh", host.path("bin/sh")).expect("a shell");
    std::fs::write(host.path("wait"), "").expect("written");
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    alice.does(Command::Begin).await;
    alice.starts("wipe").await;
    alice.does(Command::propose(step("wipe"))).await;
    let head = alice.state.head;
    bob.until("the proposal", |p| p.state.head.0 >= head.0)
        .await;
    bob.confirms().await;
    let is_armed = |p: &Person| p.state.proposal.as_ref().is_some_and(|p| p.armed.is_some());
    alice.until("armed", is_armed).await;
    (host, running, alice)
}

async fn gone() -> (Host, Running, Person) {
    let (host, running, mut alice) = Box::pin(running()).await;
    alice.does(Command::go(step("wipe"), AttemptNo(1))).await;
    wait_until("it is said to run", || holds(&host)).await;
    (host, running, alice)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_could_not_be_said_is_said_again_without_another_record() {
    let (host, running, mut alice) = Box::pin(gone()).await;
    let lock = locked(&host);
    std::fs::remove_file(host.path("wait")).expect("there");
    alice.sees_done("wipe").await;
    tried_again(&host).await;
    assert!(holds(&host), "the others are told that it runs");
    let records = host.fold().0.len();
    drop(lock);
    wait_until("the others are told", || !holds(&host)).await;
    assert_eq!(host.fold().0.len(), records);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_word_of_a_session_is_tried_again_too() {
    let (host, running, mut alice) = Box::pin(gone()).await;
    let lock = locked(&host);
    std::fs::remove_file(host.path("wait")).expect("there");
    alice.sees_done("wipe").await;
    let ending = tokio::spawn(running.end());
    tried_again(&host).await;
    drop(lock);
    ending.await.expect("it ends");
    assert!(!holds(&host));
    assert!(claim(&host).is_some_and(|claim| claim.last.is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_go_that_is_pressed_twice_runs_once_and_the_second_is_told_why() {
    let (host, running, mut alice) = Box::pin(running()).await;
    for number in [1001, 1002] {
        let command = Command::go(step("wipe"), AttemptNo(1));
        alice.send(ToServer::Ask { number, command }).await;
    }
    alice.until("both answers", |p| p.replies.len() == 2).await;
    assert_eq!(alice.replies[&1001], None);
    let second = alice.replies[&1002].as_ref().expect("refused");
    let known = ["go was pressed already", "it runs already"];
    let is_known = known.iter().any(|words| second.reason.contains(words));
    assert!(is_known, "{second:?}");
    let third = Command::go(step("wipe"), AttemptNo(1));
    let why = alice.is_refused(third).await;
    assert!(why.contains("it runs already"), "{why}");
    std::fs::remove_file(host.path("wait")).expect("there");
    alice.sees_done("wipe").await;
    running.end().await;
    let runs = std::fs::read_to_string(host.path("wiped")).expect("it ran");
    assert_eq!(runs, "wiped\n");
}
