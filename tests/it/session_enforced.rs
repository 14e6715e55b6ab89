//! An enforced session from its proposal to its end: a session server, a real runner process, and people with keys.

use crate::enforced::Rig;
use crate::session_host::{Person, Running, person, step, wait_until};
use crate::session_signed::{Keyed, armour, confirm, confirm_of, is_armed, is_proposed, signed};
use std::sync::Arc;
use std::time::Duration;
use warroom::clock::{Clock as _, ManualClock, SystemClock};
use warroom::domain::command::Command;
use warroom::domain::confirm::statement::propose_statement;
use warroom::domain::fact::{Fact, Mode, Outcome};
use warroom::domain::state::StepStatus;
use warroom::server::start::StartError;

pub(crate) const WIPE: &str = "\
# Wipe

## Work

- [ ] Wipe it
  ```sh run destructive id=wipe
  echo wiped >> wiped
  echo \"found=7\" >> \"$WARROOM_OUTPUT\"
  while [ -e wait ]; do sleep 0.05; done
  echo over
  ```
  ```sh undo
  echo unwiped $found >> wiped
  while [ -e wait-back ]; do sleep 0.05; done
  [ ! -e bad ]
  ```

- [ ] Look at it
";

pub(crate) const RULES: &str = "[class.destructive]\nindependent_check = false\n";

/// People, a runner that decides by their policy, and a session in enforced mode.
pub(crate) struct Enforced {
    pub(crate) keyed: Keyed,
    pub(crate) rig: Rig,
}

impl Enforced {
    pub(crate) fn new() -> Self {
        Self::over(Keyed::over(WIPE, RULES), Duration::ZERO)
    }

    /// As these people are; the server's clocks are that far behind those of the host.
    pub(crate) fn over(mut keyed: Keyed, behind: Duration) -> Self {
        let people = keyed.host.path("people.toml");
        let rig = Rig::start_over(None, Some(&people), &[]);
        keyed.host.mode = Mode::Enforced;
        keyed.host.runner = Some(rig.link.clone());
        // The runner has the clocks of the host.
        let mut now = SystemClock.now();
        now.wall = now.wall.minus(behind);
        let behind_ms = u64::try_from(behind.as_millis()).expect("short");
        now.mono_ms = now.mono_ms.saturating_sub(behind_ms);
        keyed.host.clock = Arc::new(ManualClock::at(now));
        Self { keyed, rig }
    }

    pub(crate) fn wiped(&self) -> usize {
        let text = std::fs::read_to_string(self.keyed.host.path("wiped")).unwrap_or_default();
        text.lines().count()
    }

    /// Alice has proposed and bob has confirmed, each by their key.
    pub(crate) async fn armed(&self) -> (Person, Person) {
        let mut alice = self.keyed.attach("alice").await;
        let mut bob = self.keyed.attach("bob").await;
        alice.does(Command::Begin).await;
        alice.starts("wipe").await;
        alice.does(Command::propose(step("wipe"))).await;
        alice.until("a draft", |p| p.draft.is_some()).await;
        let draft = alice.draft.take().expect("just there");
        let text = propose_statement(&alice.state, &draft.terms).expect("short");
        let signed = Some(signed("alice", text));
        let step = step("wipe");
        alice.does(Command::Propose { step, signed }).await;
        bob.until("the proposal", is_proposed).await;
        let statement = confirm_of(&bob, &person("bob"));
        let with_armour = armour("bob", &statement);
        bob.does(confirm(statement, with_armour, false)).await;
        alice.until("armed", is_armed).await;
        (alice, bob)
    }

    async fn go(alice: &mut Person) {
        let attempt = alice.state.proposal.as_ref().expect("open").terms.attempt;
        alice.does(Command::go(step("wipe"), attempt)).await;
    }
}

pub(crate) fn outcomes(enforced: &Enforced) -> Vec<(Outcome, Vec<(String, String)>)> {
    let (records, _) = enforced.keyed.host.fold();
    let of = |fact: Fact| match fact {
        Fact::ExecOutcome {
            outcome, output, ..
        } => Some((outcome, output.values)),
        _ => None,
    };
    records.into_iter().filter_map(|r| of(r.fact)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_people_signed_is_run_by_the_runner() {
    let enforced = Enforced::new();
    let running = enforced.keyed.host.start().await;
    let (mut alice, mut bob) = Box::pin(enforced.armed()).await;
    let plan = alice.state.proposal.as_ref().expect("open").plan.clone();
    let account = &enforced.rig.link.account;
    assert!(plan.contains(&format!("\nrunas: {account}\n")), "{plan}");
    Enforced::go(&mut alice).await;
    bob.sees_done("wipe").await;
    assert_eq!(enforced.wiped(), 1);
    let output: Vec<u8> = bob.output.values().flatten().copied().collect();
    let output = String::from_utf8_lossy(&output).into_owned();
    running.end().await;
    assert!(output.contains("over"), "{output}");
    let expected = vec![("found".to_owned(), "7".to_owned())];
    assert_eq!(
        outcomes(&enforced),
        [(Outcome::Exited { code: 0 }, expected)]
    );
    let (_, state) = enforced.keyed.host.fold();
    assert_eq!(state.genesis.mode, Mode::Enforced);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_outlives_its_server_and_the_next_one_adopts_it() {
    let enforced = Enforced::new();
    std::fs::write(enforced.keyed.host.path("wait"), "").expect("write");
    let running: Running = enforced.keyed.host.start_apart();
    let (mut alice, _bob) = Box::pin(enforced.armed()).await;
    Enforced::go(&mut alice).await;
    wait_until("it runs", || enforced.wiped() == 1).await;
    let is_spawned = |p: &Person| p.state.running().is_some_and(|r| r.pid.is_some());
    alice.until("it is known to run", is_spawned).await;
    running.kill();
    let resumed = enforced.keyed.host.resume().await;
    let mut carol = enforced.keyed.attach("carol").await;
    assert!(
        carol.state.running().is_some(),
        "the runner has it: it is not unknown"
    );
    std::fs::remove_file(enforced.keyed.host.path("wait")).expect("removed");
    let is_done = |p: &Person| {
        let status = p
            .state
            .find(&step("wipe"))
            .map(|view| view.now.status.clone());
        matches!(status, Some(StepStatus::Done { .. }))
    };
    carol.until("done", is_done).await;
    resumed.end().await;
    assert_eq!((enforced.wiped(), outcomes(&enforced).len()), (1, 1));
}

/// Alice has run it with bob, who has left since; the confirm has expired.
async fn wiped(enforced: &Enforced) -> Person {
    let (mut alice, bob) = Box::pin(enforced.armed()).await;
    Enforced::go(&mut alice).await;
    alice.sees_done("wipe").await;
    drop(bob);
    alice
}

pub(crate) fn is_undone(p: &Person) -> bool {
    let view = p.state.find(&step("wipe")).expect("a step");
    view.now.status == StepStatus::Undone
}

fn has_undo_failed(p: &Person) -> bool {
    let view = p.state.find(&step("wipe")).expect("a step");
    matches!(view.now.status, StepStatus::UndoFailed { .. })
}

pub(crate) fn back_with(reason: &str) -> Command {
    Command::Rollback {
        reason: reason.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_goes_back_at_the_runner_and_a_failed_try_can_be_repeated() {
    let enforced = Enforced::new();
    let running = enforced.keyed.host.start().await;
    let mut alice = Box::pin(wiped(&enforced)).await;
    std::fs::write(enforced.keyed.host.path("bad"), "").expect("write");
    alice.does(back_with("wrong table")).await;
    alice.until("it failed", has_undo_failed).await;
    std::fs::remove_file(enforced.keyed.host.path("bad")).expect("removed");
    alice.does(Command::Retry { step: step("wipe") }).await;
    alice.until("it is undone", is_undone).await;
    running.end().await;
    let text = std::fs::read_to_string(enforced.keyed.host.path("wiped")).expect("there");
    assert_eq!(text, "wiped\nunwiped 7\nunwiped 7\n");
    // In the runner's own words, and in nobody else's account.
    let names = enforced.rig.spent();
    let backs = names.iter().filter(|name| name.contains(".undo."));
    assert_eq!((names.len(), backs.count()), (3, 2), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_outlives_its_server_and_the_next_one_adopts_it() {
    let enforced = Enforced::new();
    let running: Running = enforced.keyed.host.start_apart();
    let mut alice = Box::pin(wiped(&enforced)).await;
    std::fs::write(enforced.keyed.host.path("wait-back"), "").expect("write");
    alice.does(back_with("wrong table")).await;
    wait_until("it runs", || enforced.wiped() == 2).await;
    running.kill();
    let resumed = enforced.keyed.host.resume().await;
    let mut carol = enforced.keyed.attach("carol").await;
    assert!(carol.state.running().is_some(), "the runner has it");
    std::fs::remove_file(enforced.keyed.host.path("wait-back")).expect("removed");
    carol.until("it is undone", is_undone).await;
    resumed.end().await;
    assert_eq!(enforced.wiped(), 2);
}

/// Whether one of the notes says this.
fn is_noted(enforced: &Enforced, words: &str) -> bool {
    let (records, _) = enforced.keyed.host.fold();
    let mut notes = records.iter().filter_map(|record| match &record.fact {
        Fact::NoteAdded { text, .. } => Some(text),
        _ => None,
    });
    notes.any(|text| text.contains(words))
}

const CLOSED: &str = "nothing that needs a second person goes forward";

#[tokio::test(flavor = "multi_thread")]
async fn an_enforced_session_is_not_begun_without_its_runner_or_by_another_policy() {
    let mut enforced = Enforced::new();
    let link = enforced.keyed.host.runner.take();
    let why = enforced.keyed.host.try_start().await.map(drop);
    assert!(
        matches!(&why, Err(StartError::Runner(why)) if why.contains("[runner]")),
        "{why:?}"
    );
    enforced.keyed.host.runner = link.map(|link| warroom::config::runner::RunnerLink {
        socket: enforced.keyed.host.path("nobody"),
        ..link
    });
    let why = enforced.keyed.host.try_start().await.map(drop);
    assert!(matches!(&why, Err(StartError::Runner(_))), "{why:?}");
    let other = Keyed::over(WIPE, "[class.destructive]\nconfirmers = 2\n");
    enforced.keyed.host.runner = Some(enforced.rig.link.clone());
    enforced.keyed.host.people = other.host.people.clone();
    let why = enforced.keyed.host.try_start().await.map(drop);
    let is_other = matches!(&why, Err(StartError::Runner(why)) if why.contains("by policy"));
    assert!(is_other, "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_taken_up_beside_a_runner_of_another_policy_goes_back_and_not_forward() {
    let mut enforced = Enforced::new();
    let running = enforced.keyed.host.start().await;
    let mut alice = enforced.keyed.attach("alice").await;
    alice.does(Command::Begin).await;
    alice.starts("wipe").await;
    running.end().await;
    // Somebody has changed the rules, and the runner reads others.
    let other = Keyed::over(WIPE, "[class.destructive]\nconfirmers = 2\n");
    let own = std::mem::replace(&mut enforced.keyed.host.people, other.host.people.clone());
    let running = enforced.keyed.host.resume().await;
    let mut alice = enforced.keyed.attach("alice").await;
    let reason = "looked".to_owned();
    alice.does(Command::release(reason)).await;
    let why = alice.is_refused(Command::propose(step("wipe"))).await;
    assert!(
        why.contains("by policy") && why.contains("the way back is open"),
        "{why}"
    );
    // Both read the same again: nothing has to be restarted for it.
    other.write("rules.toml", RULES);
    alice.does(Command::propose(step("wipe"))).await;
    alice.until("a draft", |p| p.draft.is_some()).await;
    running.end().await;
    assert!(is_noted(&enforced, CLOSED));
    assert!(is_noted(&enforced, "can be proposed again"));
    enforced.keyed.host.people = own;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_run_is_taken_back_by_a_session_that_may_do_nothing_else() {
    let mut enforced = Enforced::new();
    let running = enforced.keyed.host.start().await;
    let alice = Box::pin(wiped(&enforced)).await;
    running.end().await;
    drop(alice);
    let other = Keyed::over(WIPE, "[class.destructive]\nconfirmers = 2\n");
    enforced.keyed.host.people = other.host.people.clone();
    let running = enforced.keyed.host.resume().await;
    let mut alice = enforced.keyed.attach("alice").await;
    alice.does(back_with("wrong table")).await;
    alice.until("it is undone", is_undone).await;
    running.end().await;
    assert!(is_noted(&enforced, CLOSED));
    assert_eq!(enforced.wiped(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_people_nobody_can_read_is_taken_up_and_goes_back() {
    let enforced = Enforced::new();
    let running = enforced.keyed.host.start().await;
    let alice = Box::pin(wiped(&enforced)).await;
    running.end().await;
    drop(alice);
    enforced.keyed.write("people.toml", "garbage\n");
    let running = enforced.keyed.host.resume().await;
    // Nobody is anybody; the account of the session itself can still go back.
    let mut owner = enforced.keyed.host.attach("alice").await;
    assert_eq!(owner.welcome.you.person(), None);
    owner.does(back_with("wrong table")).await;
    owner.until("it is undone", is_undone).await;
    running.end().await;
    assert!(is_noted(&enforced, CLOSED));
    assert_eq!(enforced.wiped(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_taken_up_while_its_runner_is_away_and_goes_on_when_it_is_back() {
    let mut enforced = Enforced::new();
    let running = enforced.keyed.host.start().await;
    let alice = Box::pin(wiped(&enforced)).await;
    running.end().await;
    drop(alice);
    enforced.rig.kill();
    let running = enforced.keyed.host.resume().await;
    enforced.rig.restart();
    let mut alice = enforced.keyed.attach("alice").await;
    alice.does(back_with("wrong table")).await;
    alice.until("it is undone", is_undone).await;
    running.end().await;
    assert!(is_noted(&enforced, CLOSED));
    assert_eq!(enforced.wiped(), 2);
}
