//! What the policy demands of a runbook, at Begin and again at every proposal.

use super::*;
use crate::domain::confirm::policy::Rules;
use crate::domain::git::{Demand, FileState, GitFacts, GitState, tests::clean};
use std::sync::Arc;

fn with(mut room: Room, git: Option<GitState>, change: impl FnOnce(&mut Rules)) -> Room {
    let mut rules = Rules::clone(&room.world.rules);
    change(&mut rules);
    room.world.rules = Arc::new(rules);
    Arc::make_mut(&mut room.state.genesis).runbook.git = git;
    room
}

#[expect(clippy::unnecessary_wraps, reason = "as a genesis has it")]
fn known(change: impl FnOnce(&mut GitFacts)) -> Option<GitState> {
    let mut facts = clean();
    change(&mut facts);
    Some(GitState::Known(Box::new(facts)))
}

fn begins(git: Option<GitState>, change: impl FnOnce(&mut Rules)) -> Result<(), String> {
    let mut room = with(Room::new(), git, change);
    let asked = room.ask("ann", Command::Begin);
    asked.map_err(|refusal| format!("{}; {}", refusal.reason, refusal.hint))
}

#[test]
fn nothing_is_asked_of_a_runbook_where_no_policy_does() {
    assert_eq!(begins(None, |_| {}), Ok(()));
    assert_eq!(begins(Some(GitState::None), |_| {}), Ok(()));
}

#[test]
fn a_maintenance_does_not_begin_from_a_runbook_that_is_not_what_the_policy_asks_for() {
    let clean = |rules: &mut Rules| rules.runbook = Some(Demand::Clean);
    assert_eq!(begins(known(|_| {}), clean), Ok(()));
    let why = begins(known(|git| git.file = FileState::Changed), clean).expect_err("changed");
    assert_eq!(
        why,
        "cannot begin: the policy asks for a runbook that is clean: it differs from its commit; whoever keeps the \
         runbook commits or restores what differs; then a new session is opened"
    );
    for git in [None, Some(GitState::None)] {
        assert!(begins(git, clean).is_err());
    }
    // The plan of the room has a destructive step and no irreversible one.
    let of_class = |demand| move |rules: &mut Rules| rules.destructive.runbook = Some(demand);
    let why = begins(known(|_| {}), of_class(Demand::Signed)).expect_err("not signed");
    assert!(
        why.contains("its commit is not signed") && why.contains("commit -S"),
        "{why}"
    );
    let other = |rules: &mut Rules| rules.irreversible.runbook = Some(Demand::Signed);
    assert_eq!(begins(known(|_| {}), other), Ok(()));
}

#[test]
fn a_proposal_is_judged_again_by_the_policy_and_the_file_of_now() {
    let clean = |rules: &mut Rules| rules.destructive.runbook = Some(Demand::Clean);
    let mut good = with(Room::at_proposal(), known(|_| {}), clean);
    assert!(good.propose("ann", "drain").is_ok());
    let mut stricter = with(Room::at_proposal(), known(|_| {}), |rules| {
        rules.runbook = Some(Demand::Tagged);
    });
    let refusal = stricter.propose("ann", "drain").expect_err("no tag");
    assert!(
        refusal.reason.contains("no tag is at its commit"),
        "{refusal}"
    );
    assert_eq!(recorded(&stricter), 1, "the refusal is on record");
    let mut moved = with(Room::at_proposal(), known(|_| {}), clean);
    for (now, words) in [
        (Some(Digest::of(b"another")), "has changed since the start"),
        (None, "cannot be read now"),
    ] {
        moved.world.runbook = now;
        let refusal = moved.propose("ann", "drain").expect_err(words);
        assert!(refusal.reason.contains(words), "{refusal}");
    }
}

#[test]
fn the_way_back_is_not_in_the_way_of_any_demand() {
    let mut room = with(Room::at_proposal(), Some(GitState::None), |rules| {
        rules.runbook = Some(Demand::SignedTag);
    });
    assert!(room.propose("ann", "drain").is_err());
    room.must("ann", rollback());
    assert_eq!(room.state.phase, Phase::RollingBack);
    // What is proposed on the way back is refused for what it is, not for the runbook.
    if let Err(refusal) = room.propose("ann", "drain") {
        assert!(!refusal.reason.contains("policy asks"), "{refusal}");
    }
}
