//! Two sessions of one host that share a lock scope: neither does destructive things across the other.

use super::program::{Program, step};
use super::stage::{COMPONENT, Layout, Stage, cannot};
use crate::harness::wait_until;
use crate::services::{ALICE, BOB};
use rustix::process::Signal;
use warroom::domain::command::Command;
use warroom::domain::id::AttemptNo;

/// A session whose step waits for a proposal, with alice attached.
fn begun(stage: &Stage, session: &str, text: &str) -> Program {
    stage.start_with(session, text);
    stage.hold_command(session, true);
    let mut alice = Program::attach(stage, ALICE, session);
    assert_eq!(alice.ask(Command::Begin), None);
    assert_eq!(alice.ask(Command::Start { step: step() }), None);
    stage.wait_step(session, "needs-proposal");
    alice
}

/// Alice proposes and bob confirms: both stay.
fn arm(stage: &Stage, session: &str, alice: &mut Program) -> Program {
    assert_eq!(alice.ask(Command::propose(step())), None);
    stage.wait_step(session, "awaiting-second");
    let mut bob = Program::attach(stage, BOB, session);
    assert_eq!(bob.confirm_with(stage, "bob", "bob", false), None);
    stage.wait_step(session, "armed");
    bob
}

fn go(alice: &mut Program, attempt: u32) -> Option<String> {
    alice.ask(Command::go(step(), AttemptNo(attempt)))
}

#[test]
fn of_two_sessions_on_one_component_one_runs_and_the_other_is_reviewed_anew() {
    if cannot("two_person::scopes::of_two_sessions_on_one_component") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let mut first = begun(&stage, "first", &stage.book("first", ""));
    let mut second = begun(&stage, "second", &stage.book("second", ""));
    // Both are on the table; the second is proposed before the first is armed.
    assert_eq!(second.ask(Command::propose(step())), None);
    let _bob = arm(&stage, "first", &mut first);
    assert_eq!(go(&mut first, 1), None);
    wait_until("the first to run", || stage.runs("first") == 1);
    stage.wait_record("second", "step.closed", "\"scope\"");
    let closed = stage.records_of("second", "step.closed")[0].to_string();
    for word in ["first", "Touch it once", "alice"] {
        assert!(closed.contains(word), "{word}: {closed}");
    }
    let refused = second.ask(Command::propose(step())).expect("in the way");
    for word in ["Touch it once", "session `first` runs", "alice"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    // Something else on the same host is in nobody's way; what names the same lock is.
    let other = |name: &str| stage.book(name, "").replace(COMPONENT, "db-9");
    let mut apart = begun(&stage, "apart", &other("apart"));
    assert_eq!(apart.ask(Command::propose(step())), None);

    // Its server dies: nobody knows how it ended, and nothing is done across that.
    let server = stage.server_pid("first");
    rustix::process::kill_process(server, Signal::KILL).expect("it was alive");
    let refused = second.ask(Command::propose(step())).expect("in the way");
    assert!(refused.contains("session `first`"), "{refused}");
    assert_eq!(stage.runs("second"), 0);
}

#[test]
fn a_session_whose_selector_fits_nothing_is_in_the_way_of_all() {
    if cannot("two_person::scopes::a_session_whose_selector_fits_nothing") {
        return;
    }
    let stage = Stage::new(Layout::default());
    // There is no CMDB: nobody knows what the selector stands for.
    let named = format!("components = [\"{COMPONENT}\"]");
    let text = stage.book("vague", "");
    assert!(text.contains(&named), "{text}");
    let text = text.replace(&named, "components = [\"role=db\"]");
    let mut vague = begun(&stage, "vague", &text);
    let mut apart = begun(
        &stage,
        "apart",
        &stage.book("apart", "").replace(COMPONENT, "db-9"),
    );
    let _bob = arm(&stage, "vague", &mut vague);
    let refused = apart.ask(Command::propose(step())).expect("in the way");
    for word in [
        "session `vague` is armed",
        "`role=db` fits no known component",
    ] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
}

#[test]
fn sessions_that_name_one_lock_see_each_other_and_an_unread_scope_lets_nothing_run() {
    if cannot("two_person::scopes::sessions_that_name_one_lock") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let locked = |name: &str, component: &str| {
        let text = stage.book(name, "").replace(COMPONENT, component);
        text.replacen("components", "lock = \"storage\"\ncomponents", 1)
    };
    let mut one = begun(&stage, "one", &locked("one", "db-1"));
    let mut two = begun(&stage, "two", &locked("two", "db-2"));
    let _first = arm(&stage, "one", &mut one);
    let refused = two.ask(Command::propose(step())).expect("in the way");
    assert!(
        refused.contains("session `one` is armed for `alice`"),
        "{refused}"
    );
    // What cannot be read is no silence.
    let claims = stage.place.join("state/.scope");
    std::fs::write(claims.join("01ARYZ6S410000000000000000.claim"), "{").expect("writable");
    assert!(go(&mut one, 1).is_some(), "unread");
    stage.wait_record("one", "step.closed", "cannot be read");
    let refused = one.ask(Command::propose(step())).expect("unread");
    assert!(
        refused.contains("the lock scope cannot be read"),
        "{refused}"
    );
    assert_eq!(stage.runs("one") + stage.runs("two"), 0);
    std::fs::remove_file(claims.join("01ARYZ6S410000000000000000.claim")).expect("there");
    assert_eq!(two.ask(Command::propose(step())), None);
}
