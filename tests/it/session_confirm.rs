//! The two-person rule through the whole server.

use crate::session_host::{Host, Person, Running, step};
use std::time::Duration;
use warroom::domain::command::Command;
use warroom::domain::fact::Fact;
use warroom::domain::id::AttemptNo;
use warroom::domain::state::StepStatus;
use warroom::wire::message::ToServer;

const WIPE: &str = "\
# Wipe

## Work

- [ ] Wipe it
  ```sh run destructive id=wipe
  echo wiped >> wiped
  ```
";

/// A session in which alice has proposed, with bob watching.
async fn proposed() -> (Host, Running, Person, Person) {
    let host = Host::new(WIPE);
    std::fs::copy("/bin/sh", host.path("bin/sh")).expect("a shell");
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    let mut bob = host.attach("bob").await;
    alice.does(Command::Begin).await;
    alice.starts("wipe").await;
    alice.does(Command::propose(step("wipe"))).await;
    let head = alice.state.head;
    bob.until("the proposal", |p| p.state.head.0 >= head.0)
        .await;
    (host, running, alice, bob)
}

/// As [`proposed`], confirmed by bob.
async fn armed() -> (Host, Running, Person, Person) {
    let (host, running, mut alice, mut bob) = Box::pin(proposed()).await;
    bob.confirms().await;
    alice.until("armed", is_armed).await;
    (host, running, alice, bob)
}

fn is_armed(p: &Person) -> bool {
    p.state.proposal.as_ref().is_some_and(|p| p.armed.is_some())
}

/// Go as this person's screen has it; for the first attempt when it has no proposal.
fn go(p: &Person) -> Command {
    let open = p.state.proposal.as_ref();
    let attempt = open.map_or(AttemptNo(1), |p| p.terms.attempt);
    let step = step("wipe");
    Command::go(step, attempt)
}

fn runs(host: &Host) -> usize {
    std::fs::read_to_string(host.path("wiped")).map_or(0, |text| text.lines().count())
}

fn closed(p: &Person) -> bool {
    p.state.proposal.is_none()
}

fn why_closed(p: &Person) -> String {
    p.state
        .last_closed
        .clone()
        .map(|(_, why)| why)
        .unwrap_or_default()
}

#[tokio::test]
async fn two_people_run_it_once() {
    let (host, running, mut alice, mut bob) = Box::pin(armed()).await;
    alice.does(go(&alice)).await;
    bob.sees_done("wipe").await;
    assert_eq!(runs(&host), 1);
    assert!(alice.ask(go(&alice)).await.is_some(), "once");
    running.end().await;
    assert_eq!(runs(&host), 1);
    let spent = host.fold().1.spent;
    assert_eq!(spent.len(), 1);
}

#[tokio::test]
async fn the_proposer_cannot_confirm_from_any_number_of_terminals() {
    let (host, running, mut alice, bob) = Box::pin(proposed()).await;
    bob.leaves().await;
    for _ in 0..4 {
        // The same refusal is recorded once in ten seconds.
        host.clock.advance(Duration::from_secs(10));
        let mut again = host.attach("alice").await;
        let statement = again.statement();
        let why = again.is_refused(Command::confirm(statement)).await;
        assert!(why.contains("needs a second person"), "{why}");
    }
    assert!(alice.ask(go(&alice)).await.is_some());
    assert_eq!(runs(&host), 0);
    running.end().await;
    let refusals = host
        .fold()
        .0
        .into_iter()
        .filter(|r| matches!(r.fact, Fact::Refused { .. }));
    assert!(refusals.count() >= 4, "each try is on record");
}

#[tokio::test]
async fn a_statement_with_one_byte_changed_is_refused() {
    let (host, running, _alice, mut bob) = Box::pin(proposed()).await;
    let statement = bob.statement();
    let at = statement.find("nonce: ").expect("a nonce") + "nonce: ".len();
    let mut bytes = statement.clone().into_bytes();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    let changed = String::from_utf8(bytes).expect("ASCII");
    for statement in [changed, format!("{statement}\n"), String::new()] {
        let why = bob.is_refused(Command::confirm(statement)).await;
        assert!(why.contains("not about what is on the table"), "{why}");
    }
    bob.confirms().await;
    running.end().await;
    assert_eq!(runs(&host), 0);
}

#[tokio::test]
async fn only_the_executor_can_say_go() {
    let (host, running, _alice, mut bob) = Box::pin(armed()).await;
    let why = bob.is_refused(go(&bob)).await;
    assert!(why.contains("`alice` as its executor"), "{why}");
    let mut carol = host.attach("carol").await;
    assert!(carol.ask(go(&carol)).await.is_some());
    running.end().await;
    assert_eq!(runs(&host), 0);
}

#[tokio::test]
async fn an_executable_that_changed_after_the_review_does_not_run() {
    let (host, running, mut alice, _bob) = Box::pin(armed()).await;
    let shell = host.path("bin/sh");
    let mut bytes = std::fs::read(&shell).expect("a shell");
    bytes.push(0);
    std::fs::remove_file(&shell).expect("there");
    std::fs::write(&shell, bytes).expect("write");
    let why = alice.is_refused(go(&alice)).await;
    assert!(
        why.contains("exe-sha256") || why.contains("cannot"),
        "{why}"
    );
    alice.until("closed", closed).await;
    running.end().await;
    assert_eq!(runs(&host), 0);
}

#[tokio::test]
async fn an_edited_runbook_closes_the_proposal() {
    let (host, running, mut alice, mut bob) = Box::pin(armed()).await;
    std::fs::write(host.path("runbook.md"), format!("{WIPE}\nmore\n")).expect("write");
    assert!(alice.ask(go(&alice)).await.is_some());
    bob.until("closed", closed).await;
    let why = why_closed(&bob);
    assert!(why.contains("runbook"), "{why}");
    running.end().await;
    assert_eq!(runs(&host), 0);
}

#[tokio::test]
async fn the_runbook_is_looked_at_while_a_proposal_waits() {
    let (host, running, _alice, mut bob) = Box::pin(proposed()).await;
    std::fs::remove_file(host.path("runbook.md")).expect("there");
    bob.until("closed by itself", closed).await;
    running.end().await;
}

#[tokio::test]
async fn a_proposal_expires_and_another_one_needs_new_confirms() {
    let (host, running, mut alice, mut bob) = Box::pin(armed()).await;
    let old = bob.state.proposal.as_ref().map(|p| p.terms.nonce.clone());
    host.clock.advance(Duration::from_secs(301));
    alice.notes("time passes").await;
    alice.until("expired", closed).await;
    assert!(alice.ask(go(&alice)).await.is_some());
    alice.does(Command::propose(step("wipe"))).await;
    let head = alice.state.head;
    bob.until("the new proposal", |p| p.state.head.0 >= head.0)
        .await;
    let new = bob.state.proposal.as_ref().map(|p| p.terms.nonce.clone());
    assert_ne!(new, old);
    assert!(
        alice.ask(go(&alice)).await.is_some(),
        "the old confirm does not count"
    );
    bob.confirms().await;
    alice.until("armed", is_armed).await;
    alice.does(go(&alice)).await;
    alice.sees_done("wipe").await;
    running.end().await;
    assert_eq!(runs(&host), 1);
}

#[tokio::test]
async fn an_armed_step_does_not_outlive_the_absence_of_its_proposer() {
    let (host, running, alice, mut bob) = Box::pin(armed()).await;
    alice.leaves().await;
    bob.until("she is gone", |p| p.state.terminals.len() == 1)
        .await;
    host.clock.advance(Duration::from_secs(14));
    bob.notes("not yet").await;
    assert!(is_armed(&bob));
    host.clock.advance(Duration::from_secs(2));
    bob.notes("now").await;
    bob.until("closed", closed).await;
    let why = why_closed(&bob);
    assert!(why.contains("alice"), "{why}");
    running.end().await;
    assert_eq!(runs(&host), 0);
}

#[tokio::test]
async fn an_armed_step_does_not_survive_a_restart() {
    let (host, running, alice, bob) = Box::pin(armed()).await;
    running.end().await;
    drop((alice, bob));
    let running = host.resume().await;
    let mut alice = host.attach("alice").await;
    assert!(closed(&alice));
    assert!(alice.ask(go(&alice)).await.is_some());
    assert!(matches!(alice.status("wipe"), StepStatus::Active { .. }));
    running.end().await;
    assert_eq!(runs(&host), 0);
}

#[tokio::test]
async fn one_person_alone_can_always_say_no() {
    let (host, running, mut alice, mut bob) = Box::pin(armed()).await;
    let reason = "not on my watch".to_owned();
    let wipe = step("wipe");
    bob.does(Command::reject(wipe, reason)).await;
    alice.until("closed", closed).await;
    assert!(alice.ask(go(&alice)).await.is_some());
    running.end().await;
    assert_eq!(runs(&host), 0);
}

/// Both commands reach the server before it has settled the first one.
#[tokio::test]
async fn a_group_is_done_before_the_maintenance_is_complete() {
    let host = Host::new("# Work\n\n## Work\n\n- [ ] Outer\n  - [ ] Inner\n");
    let running = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    let ids: Vec<_> = alice
        .state
        .plan()
        .steps
        .iter()
        .map(|s| s.id.clone())
        .collect();
    let (step, note) = (ids[1].clone(), String::new());
    for (number, command) in [
        (1001, Command::MarkDone { step, note }),
        (1002, Command::Complete),
    ] {
        alice.send(ToServer::Ask { number, command }).await;
    }
    alice
        .until("the end", |p| {
            p.replies.contains_key(&1002) && p.state.phase.is_final()
        })
        .await;
    for id in ids {
        assert!(
            matches!(alice.status(id.as_str()), StepStatus::Done { .. }),
            "{id}"
        );
    }
    running.end().await;
}
