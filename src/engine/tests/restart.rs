//! A new server takes an old journal up: on its own host, and on another.

use super::*;

#[test]
fn after_a_crash_nothing_runs_again_by_itself() {
    let mut desk = Desk::draining();
    let journal = desk.records.clone();
    let spawned = desk.effects.len();
    desk.engine = Engine::new(fold(journal).expect("folds"));
    desk.effects.clear();
    let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
    let restarted = Input::Restarted { program, host };
    desk.input(&restarted).expect("restarted");
    for _ in 0..60 {
        desk.wait(Duration::from_secs(1));
    }
    assert!(desk.effects.is_empty() && spawned > 0);
    let status = &desk.state().find(&id("drain")).expect("there").now.status;
    assert_eq!(status, &StepStatus::Unknown);
    assert_eq!(desk.state().holds[0].cause, HoldCause::Restart);
    desk.must("bob", resolve("drain", Finding::Ran));
    assert_eq!(desk.running(), None);
    desk.must("cho", resolve("drain", Finding::Ran));
    // It is verified although the session is held: what was run may be looked at.
    assert_eq!(desk.running().map(|k| k.block), Some(3));
    desk.check_fold();
}

fn restarted_on(desk: &mut Desk, host: &str) {
    desk.engine = Engine::new(fold(desk.records.clone()).expect("folds"));
    desk.effects.clear();
    let (program, host) = ("warroom".to_owned(), host.to_owned());
    let restarted = Input::Restarted { program, host };
    desk.input(&restarted).expect("restarted");
}

fn release_because(why: &str) -> Command {
    let reason = why.to_owned();
    Command::release(reason)
}

#[test]
fn on_another_host_no_command_runs_before_a_person_says_that_it_is_right() {
    let mut desk = Desk::draining();
    restarted_on(&mut desk, "bastion-2");
    let cause = HoldCause::Moved {
        from: "bastion".to_owned(),
        to: "bastion-2".to_owned(),
    };
    assert_eq!(desk.state().holds[0].cause, cause);
    desk.must("bob", resolve("drain", Finding::Ran));
    desk.must("cho", resolve("drain", Finding::Ran));
    desk.wait(Duration::from_secs(5));
    assert_eq!(desk.running(), None, "not even what only looks");
    desk.must("ann", rollback());
    desk.wait(Duration::from_secs(5));
    assert_eq!(desk.running(), None, "nor the way back");
    let refusal = desk.ask("bob", release()).expect_err("no reason");
    assert!(
        refusal.reason.contains("`bastion`") && refusal.reason.contains("`bastion-2`"),
        "{refusal}"
    );
    desk.must(
        "bob",
        release_because("bastion is broken, bastion-2 is its twin"),
    );
    assert!(desk.running().is_some(), "the way back goes on");
    desk.check_fold();
}

#[test]
fn a_session_that_has_not_begun_is_held_on_another_host_too_and_is_free_on_its_own() {
    let mut desk = Desk::new();
    restarted_on(&mut desk, "bastion-2");
    assert!(desk.state().moved().is_some());
    desk.must("ann", Command::Begin);
    assert!(desk.ask("ann", start("backup")).is_err());
    restarted_on(&mut desk, "bastion");
    assert!(desk.state().moved().is_none());
    assert_eq!(desk.state().holds[0].cause, HoldCause::Restart);
    restarted_on(&mut desk, "bastion-2");
    desk.must("ann", release_because("the right one"));
    assert!(!desk.state().is_held());
    desk.check_fold();
}

#[test]
fn a_restart_closes_the_open_proposal() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    for name in ["look", "backup", "drain"] {
        desk.must("ann", skip(name));
    }
    desk.must("ann", start("wipe"));
    desk.must("ann", propose("wipe"));
    desk.confirm("bob").expect("confirmed");
    desk.engine = Engine::new(fold(desk.records.clone()).expect("folds"));
    let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
    desk.input(&Input::Restarted { program, host })
        .expect("restarted");
    assert!(desk.state().proposal.is_none());
    let reason = desk.state().last_closed.clone().map(|(_, why)| why);
    assert_eq!(reason.as_deref(), Some("the server was restarted"));
    desk.check_fold();
}

/// A crash after any record: what is on the disk makes sense, and nothing of it is run again.
#[test]
fn a_journal_that_ends_at_any_record_is_taken_up_and_nothing_runs_by_itself() {
    let mut desk = Desk::draining();
    desk.exit(0);
    desk.exit(0);
    desk.must("ann", start("wipe"));
    desk.must("ann", propose("wipe"));
    desk.confirm("bob").expect("confirmed");
    desk.confirm("cho").expect("confirmed");
    desk.must("ann", go("wipe"));
    desk.must("ann", rollback());
    let all = desk.records.clone();
    let mut unknown = 0;
    for end in 1..=all.len() {
        let records = all[..end].to_vec();
        desk.records.clone_from(&records);
        let before = fold(records).unwrap_or_else(|e| panic!("{end}: {e}"));
        restarted_on(&mut desk, "bastion");
        for _ in 0..3 {
            desk.wait(Duration::from_secs(20));
        }
        let state = desk.state();
        // What was run may be looked at by itself, when nobody has looked yet.
        for effect in &desk.effects {
            let Effect::Spawn { key, role, .. } = effect else {
                panic!("{end}: {effect:?}");
            };
            assert_eq!(*role, ExecRole::Verify, "{end}");
            let intended =
                |r: &Stamped| matches!(&r.fact, Fact::ExecIntent { key: k, .. } if k == key);
            assert!(!all[..end].iter().any(intended), "{end}: {key} again");
        }
        assert!(state.proposal.is_none(), "{end}");
        // A command that was intended and has no outcome: nobody knows.
        assert_eq!(
            state.unknown().is_some(),
            before.running().is_some(),
            "{end}"
        );
        unknown += usize::from(state.unknown().is_some());
        assert_eq!(state.spent, before.spent, "{end}: a nonce came back");
        desk.check_fold();
    }
    assert!(
        unknown > 5 && unknown < all.len() / 2,
        "{unknown} of {}",
        all.len()
    );
}

#[test]
fn a_server_that_is_about_to_go_begins_nothing_no_way_back_either() {
    for closing in [false, true] {
        let mut desk = Desk::draining();
        desk.must("ann", rollback());
        desk.world.outlook.closing = closing;
        desk.end(Outcome::Stopped);
        desk.wait(Duration::from_secs(2));
        assert_eq!(desk.running().is_none(), closing, "the way back begins");
        desk.check_fold();
    }
}
