//! One person alone in a whole session: a session server, a real runner process, a security key, and a witness.
//!
//! The server's clock is set by hand and the runner has the host's: a server that is behind proposes what is old enough
//! for the runner, without anybody waiting.

use crate::enforced_alone::{SecurityKey, TOUCHED};
use crate::session_enforced::{Enforced, RULES, WIPE, back_with, is_undone, outcomes};
use crate::session_host::{Person, Running, person, step};
use crate::session_signed::{Keyed, armour, confirm, confirm_of, is_armed, is_proposed, signed};
use std::time::Duration;
use warroom::domain::command::{Command, Evidence, Signed};
use warroom::domain::confirm::checkpoint::Checkpoint;
use warroom::domain::confirm::statement::{
    Kind, breakglass_statement, propose_statement, review_statement,
};
use warroom::domain::fact::{Breakglass, CloseCause, Fact, GlassEvent, Outcome};
use warroom::domain::id::AttemptNo;
use warroom::domain::state::{Glass, StepStatus};
use warroom::wire::message::{SignedCheckpoint, ToServer};

const HERS: SecurityKey = SecurityKey("alice's security key");
const REASON: &str = "the primary loses writes and nobody answers the phone";
/// Longer than a minute, so that the runner finds the proposal old enough at once.
pub(crate) const BEHIND: Duration = Duration::from_secs(75);

/// People of whom alice has the role and a security key; the page hook does its work.
pub(crate) fn people() -> Keyed {
    let rules =
        format!("{RULES}proposer = \"sshsig\"\n[breakglass]\npage_hook = [\"/bin/true\"]\n");
    let keyed = Keyed::over(WIPE, &rules);
    let people = std::fs::read_to_string(keyed.host.path("people.toml")).expect("there");
    let people = people.replacen("\"approver\"", "\"approver\", \"breakglass\"", 1);
    keyed.write("people.toml", &people);
    let keys = std::fs::read_to_string(keyed.host.path("allowed_signers")).expect("there");
    let hers = HERS.public();
    let keys = format!("{keys}alice namespaces=\"warroom-breakglass@v1\" {hers}\n");
    keyed.write("allowed_signers", &keys);
    keyed
}

fn night(behind: Duration) -> Enforced {
    Enforced::over(people(), behind)
}

async fn proposes(alice: &mut Person) {
    alice.does(Command::propose(step("wipe"))).await;
    alice.until("a draft", |p| p.draft.is_some()).await;
    let draft = alice.draft.take().expect("just there");
    let text = propose_statement(&alice.state, &draft.terms).expect("short");
    let signed = Some(signed("alice", text));
    let step = step("wipe");
    alice.does(Command::Propose { step, signed }).await;
    alice.until("the proposal", is_proposed).await;
}

/// Alice has proposed; bob looks on.
pub(crate) async fn proposed(keyed: &Keyed) -> (Person, Person) {
    let mut alice = keyed.attach("alice").await;
    let mut bob = keyed.attach("bob").await;
    alice.does(Command::Begin).await;
    alice.starts("wipe").await;
    proposes(&mut alice).await;
    bob.until("the proposal", is_proposed).await;
    (alice, bob)
}

fn attempt(p: &Person) -> AttemptNo {
    p.state.proposal.as_ref().expect("open").terms.attempt
}

/// Alice says why and somebody is paged; gives what she is to sign.
async fn asks(alice: &mut Person) -> String {
    let asks = Command::Breakglass {
        step: step("wipe"),
        attempt: attempt(alice),
        reason: REASON.to_owned(),
    };
    alice.does(asks).await;
    let is_paged = |p: &Person| p.state.glass().is_some_and(|g| g.page.is_some());
    alice.until("the page", is_paged).await;
    let open = alice.state.proposal.as_ref().expect("open");
    let head = open.proposed.expect("on the table");
    let by = person("alice");
    let text = breakglass_statement(&alice.state, open, &by, head, REASON, "sent");
    text.expect("on the table").expect("short")
}

fn signs(alice: &Person, statement: &str, signature: String, beside: Evidence) -> Command {
    Command::BreakglassSigned {
        step: step("wipe"),
        attempt: attempt(alice),
        signed: Signed {
            statement: statement.to_owned(),
            signature,
            detached: false,
        },
        beside,
        code_step: None,
    }
}

/// It is signed, and bob's client keeps a checkpoint of that.
async fn is_kept(alice: &mut Person, bob: &mut Person) {
    let is_begun = |p: &Person| p.state.glass().is_some_and(|g| g.countdown.is_some());
    alice.until("the countdown", is_begun).await;
    bob.until("the countdown", is_begun).await;
    let glass = bob.state.glass().and_then(|g| g.countdown.as_ref());
    let seq = glass.expect("just there").seq;
    let covers = |signed: &SignedCheckpoint| {
        let newest = Checkpoint::parse(&signed.document).expect("a checkpoint");
        newest.head.0 >= seq
    };
    bob.until("a checkpoint of it", |p| p.checkpoints.iter().any(covers))
        .await;
    bob.send(ToServer::Kept { seq }).await;
    let is_witnessed = |p: &Person| p.state.glass().is_some_and(Glass::is_witnessed);
    alice.until("a witness", is_witnessed).await;
}

/// Alice says why and signs it by a touch; her other key is not enough.
pub(crate) async fn breaks(alice: &mut Person, bob: &mut Person) {
    let statement = asks(alice).await;
    let plain = armour("alice", &statement);
    let plain = signs(alice, &statement, plain, Evidence::Account);
    let why = alice.is_refused(plain).await;
    assert!(why.contains("touch"), "a plain key is not enough: {why}");
    let namespace = Kind::Breakglass.namespace();
    let touched = HERS.armour(namespace, statement.as_bytes(), TOUCHED);
    let touched = signs(alice, &statement, touched, Evidence::Account);
    alice.does(touched).await;
    is_kept(alice, bob).await;
}

/// Alice has proposed and signed that she goes alone; bob looks on.
async fn signed_alone(night: &Enforced) -> (Person, Person) {
    let (mut alice, mut bob) = proposed(&night.keyed).await;
    breaks(&mut alice, &mut bob).await;
    (alice, bob)
}

/// The server's minute is over and alice says go.
pub(crate) async fn goes(keyed: &Keyed, alice: &mut Person) {
    let go = Command::go(step("wipe"), attempt(alice));
    assert!(
        alice.ask(go.clone()).await.is_some(),
        "the wait is not over"
    );
    keyed.host.clock.advance(Duration::from_secs(60));
    alice.until("armed", is_armed).await;
    alice.does(go).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_alone_is_run_once_by_the_runner_and_taken_back_by_it() {
    let night = night(BEHIND);
    let running = night.keyed.host.start().await;
    let (mut alice, mut bob) = Box::pin(signed_alone(&night)).await;
    goes(&night.keyed, &mut alice).await;
    alice.sees_done("wipe").await;
    assert_eq!((night.wiped(), night.rig.spent().len()), (1, 1));
    // Its way back: the runner still has the ticket, with alice's word in the place of a confirm.
    alice.does(back_with("it was the wrong table")).await;
    alice.until("it is undone", is_undone).await;
    let text = std::fs::read_to_string(night.keyed.host.path("wiped")).expect("there");
    assert_eq!(text, "wiped\nunwiped 7\n");
    // Undone or not, somebody else looks at it, long after the proposal has expired.
    night.keyed.host.clock.advance(Duration::from_secs(3600));
    bob.until("it is undone", is_undone).await;
    let owed = bob.state.review_owed().expect("owed").clone();
    let note = "looked at both";
    let text = review_statement(&bob.state, &owed, &person("bob"), note);
    let review = Command::Review {
        step: step("wipe"),
        attempt: owed.ran.terms.attempt,
        note: note.to_owned(),
        signed: Some(signed("bob", text.expect("ran").expect("short"))),
    };
    bob.does(review).await;
    bob.until("reviewed", |p| p.state.review_owed().is_none())
        .await;
    running.end().await;
    let codes = outcomes(&night).into_iter().map(|(outcome, _)| outcome);
    assert!(codes.eq([Outcome::Exited { code: 0 }, Outcome::Exited { code: 0 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_runs_ahead_does_not_shorten_the_runners_minute() {
    let night = night(Duration::ZERO);
    let running = night.keyed.host.start().await;
    let (mut alice, _bob) = Box::pin(signed_alone(&night)).await;
    goes(&night.keyed, &mut alice).await;
    let is_over = |p: &Person| matches!(p.status("wipe"), StepStatus::Failed { .. });
    alice.until("it did not start", is_over).await;
    running.end().await;
    let told = format!("{:?}", outcomes(&night));
    assert!(told.contains("younger than the time"), "{told}");
    assert_eq!((night.wiped(), night.rig.spent().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_countdown_never_resumes_it_and_a_second_person_can_confirm() {
    let night = night(Duration::ZERO);
    let running: Running = night.keyed.host.start_apart();
    let (alice, bob) = Box::pin(signed_alone(&night)).await;
    let old = Command::go(step("wipe"), attempt(&alice));
    alice.leaves().await;
    bob.leaves().await;
    running.kill();
    let resumed = night.keyed.host.resume().await;
    let mut alice = night.keyed.attach("alice").await;
    let mut bob = night.keyed.attach("bob").await;
    assert!(alice.state.proposal.is_none(), "closed");
    // The minute passes, and ten.
    night.keyed.host.clock.advance(Duration::from_secs(600));
    assert!(alice.ask(old).await.is_some(), "an old word counts no more");
    // By two it goes on, with a new proposal.
    let reason = String::new();
    alice.does(Command::release(reason)).await;
    proposes(&mut alice).await;
    bob.until("the proposal", is_proposed).await;
    let statement = confirm_of(&bob, &person("bob"));
    let by_bob = armour("bob", &statement);
    bob.does(confirm(statement, by_bob, false)).await;
    alice.until("armed", is_armed).await;
    assert!(alice.state.glass().is_none());
    alice.leaves().await;
    resumed.end().await;
    let (records, state) = night.keyed.host.fold();
    let restarts = records.iter().filter(|r| {
        let why = &r.fact;
        matches!(
            why,
            Fact::ProposalClosed {
                why: CloseCause::Restart,
                ..
            }
        )
    });
    assert_eq!(restarts.count(), 1);
    let is_armed_alone = |fact: &Fact| {
        matches!(
            fact,
            Fact::Breakglass(Breakglass {
                event: GlassEvent::Armed,
                ..
            })
        )
    };
    assert!(!records.iter().any(|r| is_armed_alone(&r.fact)));
    assert!(state.broken.is_empty(), "nobody has gone alone");
    assert_eq!((night.wiped(), night.rig.spent().len()), (0, 0));
}

#[tokio::test]
async fn without_a_runner_a_plain_key_and_a_code_beside_it_are_enough_once() {
    let keyed = people();
    let secret = [9_u8; 20];
    keyed.gives_codes("alice", &secret);
    let running = keyed.host.start().await;
    let (mut alice, mut bob) = Box::pin(proposed(&keyed)).await;
    let statement = asks(&mut alice).await;
    let by_code = |alice: &Person, code: &str| {
        let code = code.to_owned();
        let plain = armour("alice", &statement);
        signs(alice, &statement, plain, Evidence::Code { code })
    };
    let code = keyed.code(&secret);
    let wrong = if code == "123456" { "654321" } else { "123456" };
    let why = alice.is_refused(by_code(&alice, wrong)).await;
    assert!(why.contains("the code is wrong"), "{why}");
    let of_bob = armour("bob", &statement);
    let of_bob = signs(
        &alice,
        &statement,
        of_bob,
        Evidence::Code { code: code.clone() },
    );
    assert!(alice.ask(of_bob).await.is_some(), "not her signature");
    alice.does(by_code(&alice, &code)).await;
    is_kept(&mut alice, &mut bob).await;
    let countdown = alice.state.glass().and_then(|g| g.countdown.as_ref());
    assert!(countdown.is_some_and(|c| c.code.is_some()));
    goes(&keyed, &mut alice).await;
    alice.sees_done("wipe").await;
    let owed = alice.state.review_owed().expect("owed");
    assert_eq!(owed.person, person("alice"));
    running.end().await;
    let wiped = std::fs::read_to_string(keyed.host.path("wiped")).expect("there");
    assert_eq!(wiped, "wiped\n");
    let journal = std::fs::read(keyed.host.journal()).expect("there");
    let holds = |text: &str| journal.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(!holds(&code) || code == "000000", "never journaled");
}
