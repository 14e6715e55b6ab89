//! Which evidence counts for whom, and what a confirmer says before the target is shown.

use super::*;
use crate::domain::command::Evidence;
use crate::domain::confirm::policy::{ClassLines, Grade, Rules};
use crate::domain::fact::{CloseCause, Touch};
use std::sync::Arc;

const KEY: &str = "SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE";

fn by_key(name: &str, touch: Touch, detached: bool) -> Actor {
    let key = format!("{KEY}{name}");
    Actor::Person {
        id: person(name),
        via: Via::Sshsig {
            key,
            touch,
            detached,
        },
    }
}

/// A room with these rules, in which everybody has a key.
fn keyed(mut room: Room, rules: Rules, owner: Option<&str>) -> Room {
    room.world.rules = Arc::new(rules);
    room.world.owner = owner.map(person);
    let keys = ["ann", "bob", "cho"].map(|name| (format!("{KEY}{name}"), person(name)));
    room.world.keys = keys.into();
    room
}

fn no_check() -> ClassLines {
    ClassLines {
        independent_check: Some(false),
        ..ClassLines::default()
    }
}

fn signed(room: &Room, name: &str) -> Command {
    Command::Confirm {
        statement: room.statement_by(&by_key(name, Touch::None, false)),
        evidence: Evidence::Signature {
            armour: "-----BEGIN SSH SIGNATURE-----\n".to_owned(),
            detached: false,
        },
    }
}

fn ask_as(room: &mut Room, who: &Actor, command: &Command) -> Result<(), String> {
    match decide(&room.state, who, command, room.now, &room.world) {
        Ok(facts) => {
            for fact in facts {
                room.record(who, fact);
            }
            room.settle();
            Ok(())
        }
        Err(refused) => Err(refused.refusal.reason),
    }
}

#[test]
fn under_a_persons_own_account_only_signatures_speak_for_others() {
    let rules = || Rules {
        destructive: no_check(),
        ..Rules::default()
    };
    // Ann owns the account: what bob's account says, she could have made up.
    let mut room = keyed(Room::proposed(), rules(), Some("ann"));
    let command = Command::confirm(room.statement("bob"));
    let why = ask_as(&mut room, &actor("bob"), &command).expect_err("an account");
    assert!(why.contains("a signature by a listed key"), "{why}");
    let command = signed(&room, "bob");
    ask_as(&mut room, &by_key("bob", Touch::None, false), &command).expect("signed");
    assert!(
        room.state
            .proposal
            .as_ref()
            .is_some_and(|p| p.armed.is_some())
    );
    room.check_fold();
    // Bob proposes by his account in ann's: that is no word of his, even with a confirm of hers.
    let mut other = keyed(Room::at_proposal(), rules(), Some("ann"));
    let why = other.propose("bob", "drain").expect_err("an account");
    assert!(why.reason.contains("a signature by a listed key"), "{why}");
    // With the line in the policy both may.
    let allow_uid = Rules {
        allow_uid: true,
        ..rules()
    };
    let mut room = keyed(Room::proposed(), allow_uid, Some("ann"));
    room.confirm("bob").expect("the policy says so");
}

#[test]
fn evidence_of_the_connection_never_confirms() {
    let mut room = keyed(Room::proposed(), (*world().rules).clone(), None);
    let command = Command::confirm(room.statement("bob"));
    let greeted = by_key("bob", Touch::None, false);
    let why = ask_as(&mut room, &greeted, &command).expect_err("not signed");
    assert!(why.contains("proves who gave it"), "{why}");
    let command = signed(&room, "bob");
    let why = ask_as(&mut room, &actor("bob"), &command).expect_err("an account");
    assert!(why.contains("proves who gave it"), "{why}");
}

#[test]
fn a_touch_is_a_touch_and_a_key_that_is_gone_is_nobodys() {
    let mut lines = no_check();
    lines.confirmer = Some(Grade::Touch);
    let rules = Rules {
        destructive: lines,
        ..Rules::default()
    };
    let mut room = keyed(Room::proposed(), rules, None);
    let command = signed(&room, "bob");
    let why = ask_as(&mut room, &by_key("bob", Touch::None, false), &command).expect_err("weak");
    assert!(why.contains("security key that is touched"), "{why}");
    let mut gone = room.clone();
    gone.world.keys.clear();
    let touched = by_key("bob", Touch::Present, false);
    let why = ask_as(&mut gone, &touched, &command).expect_err("revoked");
    assert!(why.contains("no longer speaks for `bob`"), "{why}");
    ask_as(&mut room, &touched, &command).expect("touched");
    // The key is lost while it is armed: everything ends, and says so.
    room.world.keys.clear();
    room.settle();
    let why = room.state.last_closed.clone().map(|(_, why)| why);
    assert_eq!(
        why.as_deref(),
        Some("what proved that it was bob no longer counts")
    );
    room.check_fold();
}

/// The drain is of db-1, one of three.
fn asked() -> Room {
    let mut plan = plan();
    plan.steps[2].component = Some("db-1".to_owned());
    let mut room = Room::at_drain_of(plan);
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    room.must("ann", propose("drain"));
    let mut rules = (*room.world.rules).clone();
    rules.destructive.independent_check = Some(true);
    room.world.rules = Arc::new(rules);
    room.world.groups = [("db-1".to_owned(), 2)].into();
    room
}

fn check(component: &str, remaining: Option<u32>) -> Command {
    Command::Check {
        step: id("drain"),
        attempt: crate::domain::id::AttemptNo(1),
        component: component.to_owned(),
        remaining,
        dwell_ms: 7000,
        claimed: None,
    }
}

#[test]
fn a_confirmer_says_first_what_is_about_to_be_touched() {
    let mut room = asked();
    refused(
        &room,
        "bob",
        Command::confirm(room.statement("bob")),
        "asks first",
    );
    refused(&room, "ann", check("db-1", Some(2)), "own view");
    room.must("bob", check(" db-1 ", Some(2)));
    assert!(room.state.proposal.is_some());
    room.confirm("bob").expect("as proposed");
    room.check_fold();
}

#[test]
fn a_name_that_nobody_knows_is_asked_for_again_twice_and_then_counts() {
    let known = || ["db-1", "db-2"].map(str::to_owned).into();
    let mut room = asked();
    room.world.known = known();
    for left in ["2 tries are left", "the next answer counts"] {
        let refusal = room.ask("bob", check("db-l", Some(2))).expect_err("a slip");
        assert!(
            refusal.reason.contains("knows no component `db-l`"),
            "{refusal}"
        );
        assert!(refusal.hint.contains(left), "{refusal}");
        assert!(room.state.proposal.is_some());
    }
    let tries = room
        .records
        .iter()
        .filter(|r| matches!(&r.fact, Fact::StepChecked(c) if !c.matches));
    assert_eq!(tries.count(), 2, "each is on record");
    let mut right = asked();
    right.world.known = known();
    right
        .ask("bob", check("db-l", Some(2)))
        .expect_err("a slip");
    right.must("bob", check("db-1", Some(2)));
    right.confirm("bob").expect("as proposed");
    right.check_fold();
    room.must("bob", check("db-l", Some(2)));
    assert!(room.state.proposal.is_none(), "the third counts");
    room.check_fold();
    // Another component that there is, another count, and any other name where nobody knows them: another opinion.
    for (names, component, remaining) in [
        (known(), "db-2", Some(2)),
        (known(), "db-1", Some(3)),
        (std::collections::BTreeSet::new(), "db-l", Some(2)),
    ] {
        let mut room = asked();
        room.world.known = names;
        room.must("bob", check(component, remaining));
        assert!(room.state.proposal.is_none(), "{component}");
    }
}

#[test]
fn who_expects_something_else_ends_the_proposal() {
    for (component, remaining) in [("db-2", Some(2)), ("db-1", Some(3)), ("db-1", None)] {
        let mut room = asked();
        room.must("bob", check(component, remaining));
        assert!(room.state.proposal.is_none(), "{component} {remaining:?}");
        let why = room.records.iter().find_map(|r| match &r.fact {
            Fact::ProposalClosed { why, .. } => Some(why.clone()),
            _ => None,
        });
        assert!(
            matches!(why, Some(CloseCause::Mismatch { person: who, .. }) if who == person("bob"))
        );
        let kept = room
            .records
            .iter()
            .any(|r| matches!(&r.fact, Fact::StepChecked(c) if !c.matches && c.dwell_ms == 7000));
        assert!(kept, "what was said is in the journal");
        room.check_fold();
    }
}

#[test]
fn under_a_persons_own_account_nobody_resolves_as_two() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.lose();
    let mut room = keyed(room, Rules::default(), Some("ann"));
    room.must("ann", resolve("drain", Finding::Ran));
    let command = resolve("drain", Finding::Ran);
    let why = ask_as(&mut room, &actor("bob"), &command).expect_err("an account");
    assert!(why.contains("a signature by a listed key"), "{why}");
    let text = crate::domain::confirm::statement::resolve_statement(
        &room.state,
        &id("drain"),
        &person("bob"),
        Finding::Ran,
        match &command {
            Command::Resolve { reason, .. } => reason,
            _ => "",
        },
    );
    let text = text.expect("it ran").expect("short");
    let armour = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    let command = command.with_signature(&text, armour, false);
    ask_as(&mut room, &by_key("bob", Touch::None, false), &command).expect("signed");
    assert_ne!(room.status("drain"), &StepStatus::Unknown);
    room.check_fold();
}

/// The finding of a person by key, signed over what the server would build.
fn resolved(room: &mut Room, name: &str, finding: Finding) -> Result<(), String> {
    let command = resolve("drain", finding);
    let Command::Resolve { reason, .. } = &command else {
        unreachable!("it is one");
    };
    let text = crate::domain::confirm::statement::resolve_statement(
        &room.state,
        &id("drain"),
        &person(name),
        finding,
        reason,
    );
    let text = text.expect("people had agreed on it").expect("short");
    let armour = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    let command = command.with_signature(&text, armour, false);
    ask_as(room, &by_key(name, Touch::None, false), &command)
}

#[test]
fn an_unknown_way_back_is_resolved_by_two_signatures_like_an_unknown_run() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.exit(0);
    room.exit(0);
    room.must("cho", rollback());
    assert_eq!(
        room.running().map(|key| key.block),
        Some(crate::domain::fact::ExecKey::UNDO)
    );
    room.lose();
    let mut lines = no_check();
    lines.go = Some(Grade::Sshsig);
    let rules = Rules {
        destructive: lines,
        ..Rules::default()
    };
    let mut room = keyed(room, rules, None);
    for name in ["ann", "bob"] {
        let command = resolve("drain", Finding::Ran);
        let why = ask_as(&mut room, &actor(name), &command).expect_err("an account");
        assert!(why.contains("a signature by a listed key"), "{why}");
    }
    resolved(&mut room, "ann", Finding::Ran).expect("signed");
    assert_eq!(room.status("drain"), &StepStatus::Unknown, "one is not two");
    let why = resolved(&mut room, "ann", Finding::Ran).expect_err("the same person");
    assert!(why.contains("you have said so already"), "{why}");
    resolved(&mut room, "bob", Finding::Ran).expect("signed");
    assert_eq!(room.status("drain"), &StepStatus::Undone);
    let signed = |r: &crate::domain::fact::Stamped| matches!(&r.fact, Fact::StatementSigned(_));
    assert_eq!(room.records.iter().filter(|r| signed(r)).count(), 2);
    room.check_fold();
}
