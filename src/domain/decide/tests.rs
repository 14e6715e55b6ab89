use super::*;
use crate::domain::digest::Digest;
use crate::domain::fact::{Finding, Mode, Outcome, Via};
use crate::domain::fixture::*;
use crate::domain::id::PersonId;
use crate::domain::runbook::plan::Window;
use crate::domain::state::{Phase, Stage, StepStatus};
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::time::Timestamp;
use crate::domain::world::{Look, Roles, Roster};
use std::collections::BTreeMap;
use std::time::Duration;

mod back;
mod evidence;
mod motion;
mod runbook;
mod table;
mod table_signed;
mod two_person;
mod watching;
mod write;

/// The command is refused with these words, and the state is as before.
fn refused(room: &Room, who: &str, command: Command, words: &str) {
    let mut tried = room.clone();
    let text = format!("{command:?}");
    let refusal = tried.ask(who, command).expect_err(&text);
    assert!(refusal.reason.contains(words), "{text}: {refusal}");
    let mut before = room.state.clone();
    let mut after = tried.state.clone();
    // Only a recorded refusal moves the head.
    for state in [&mut before, &mut after] {
        state.head = room.state.head;
        state.head_at = room.state.head_at;
        if let Some(open) = state.proposal.as_mut() {
            open.heads.clear();
        }
    }
    assert_eq!(before, after, "{text} changed something");
}

fn recorded(room: &Room) -> usize {
    let is_refusal = |f: &Fact| matches!(f, Fact::Refused { .. });
    room.records.iter().filter(|r| is_refusal(&r.fact)).count()
}

fn named(people: &[(&str, Roles)]) -> Roster {
    let pairs = people.iter().map(|(name, roles)| (person(name), *roles));
    Roster::Named(pairs.collect::<BTreeMap<PersonId, Roles>>())
}

const OPERATOR: Roles = Roles {
    operator: true,
    ..Roles::OBSERVER
};
const APPROVER: Roles = Roles {
    approver: true,
    ..Roles::OBSERVER
};

#[test]
fn nothing_starts_before_begin_and_nothing_twice() {
    let room = Room::new();
    refused(&room, "ann", start("backup"), "has not begun");
    refused(&room, "ann", hold(), "has not begun");
    refused(&room, "ann", rollback(), "has not begun");
    refused(&room, "ann", Command::Complete, "has not begun");
    let mut room = room;
    room.must("root", Command::Begin);
    refused(&room, "ann", Command::Begin, "begun already");
    room.check_fold();
}

#[test]
fn steps_start_in_document_order() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    refused(&room, "ann", start("look"), "done by hand");
    refused(&room, "ann", start("backup"), "step 1.1 `look` is not done");
    refused(&room, "ann", mark_done("part-a"), "`look` is not done");
    refused(&room, "ann", start("restore"), "back-out plan");
    refused(&room, "ann", start("nowhere"), "no step `nowhere`");
    room.must("ann", mark_done("look"));
    refused(&room, "ann", mark_done("backup"), "blocks to run");
    refused(&room, "ann", mark_done("look"), "is done");
    room.must("ann", start("backup"));
    refused(&room, "ann", start("backup"), "is under way");
    refused(&room, "ann", skip("backup"), "is under way");
    refused(&room, "ann", retry("backup"), "is under way");
}

#[test]
fn a_failed_step_is_retried_as_a_new_attempt() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.exit(3);
    assert_eq!(
        room.status("drain"),
        &StepStatus::Failed {
            why: "check: exit 3".to_owned()
        }
    );
    refused(&room, "ann", start("drain"), "has failed");
    refused(&room, "ann", start("part-b"), "`drain` has failed");
    room.must("ann", retry("drain"));
    room.must("ann", start("drain"));
    assert_eq!(room.running().expect("runs").attempt.0, 2);
    room.check_fold();
}

#[test]
fn a_skipped_step_lets_the_next_one_start_and_can_come_back() {
    let mut room = Room::at_drain();
    let no_reason = Command::Skip {
        step: id("drain"),
        reason: " ".to_owned(),
    };
    refused(&room, "ann", no_reason, "needs a reason");
    room.must("ann", skip("drain"));
    room.must("ann", skip("wipe"));
    room.must("ann", skip("parts"));
    assert!(room.status("part-b").is_passed());
    refused(&room, "ann", retry("part-b"), "`parts` was skipped");
    room.must("ann", retry("parts"));
    assert_eq!(room.status("part-b"), &StepStatus::Pending);
    room.must("ann", mark_done("part-a"));
    room.must("ann", start("part-b"));
    room.exit(0);
    assert!(room.status("parts").is_passed());
    room.must("ann", Command::Complete);
    assert_eq!(room.state.phase, Phase::Completed);
    refused(&room, "ann", abort(), "is over");
    room.check_fold();
}

#[test]
fn a_step_that_comes_back_waits_for_the_one_under_way() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    room.must("ann", skip("look"));
    room.must("ann", skip("backup"));
    room.must("ann", start("drain"));
    room.must("ann", retry("backup"));
    refused(&room, "ann", start("backup"), "`drain` is under way");
    room.lose();
    refused(&room, "ann", start("backup"), "nobody knows");
    room.check_fold();
}

#[test]
fn a_held_maintenance_is_not_completed() {
    let mut room = Room::at_drain();
    for name in ["drain", "wipe", "parts"] {
        room.must("ann", skip(name));
    }
    room.must("cho", hold());
    refused(&room, "ann", Command::Complete, "held by `cho`");
    room.must("ann", release());
    room.must("ann", Command::Complete);
}

#[test]
fn complete_names_the_first_open_step() {
    let room = Room::at_drain();
    refused(&room, "ann", Command::Complete, "`drain` is not done");
}

#[test]
fn a_hold_stops_what_goes_forward_and_nothing_that_goes_back() {
    let mut room = Room::proposed();
    room.must("cho", hold());
    assert!(room.state.proposal.is_none());
    refused(&room, "ann", propose("drain"), "held by `cho`");
    room.must("ann", stop("drain"));
    room.must("ann", retry("drain"));
    refused(&room, "ann", start("drain"), "held by `cho`");
    room.must("bob", release());
    refused(&room, "bob", release(), "nothing is held");
    room.must("ann", start("drain"));
    room.check_fold();
}

#[test]
fn a_release_over_a_bad_guard_needs_a_reason() {
    let mut room = Room::at_drain();
    room.must("ann", hold());
    room.verdict(Verdict::Unknown(Unknown::Stale));
    refused(
        &room,
        "ann",
        release(),
        "`error ratio` is not known to be good",
    );
    let reason = "exporter is being replaced".to_owned();
    room.must("ann", Command::release(reason));
}

#[test]
fn a_destructive_step_runs_from_start_to_done() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    assert_eq!(
        room.status("drain"),
        &StepStatus::Active {
            stage: Stage::Running
        }
    );
    assert_eq!(room.state.spent.len(), 1);
    room.exit(0);
    assert_eq!(
        room.status("drain"),
        &StepStatus::Active {
            stage: Stage::Verifying
        }
    );
    room.exit(0);
    assert!(room.status("drain").is_passed());
    room.check_fold();
}

#[test]
fn hand_work_is_confirmed_by_two_and_done_by_its_executor_alone() {
    let mut room = Room::at_drain();
    room.must("ann", skip("drain"));
    refused(&room, "ann", mark_done("wipe"), "a second person confirms");
    room.must("ann", start("wipe"));
    room.must("ann", propose("wipe"));
    room.confirm("bob").expect("confirmed");
    assert!(
        room.state
            .proposal
            .as_ref()
            .is_some_and(|p| p.armed.is_none())
    );
    refused(&room, "ann", go("wipe"), "1 of 2 people");
    room.confirm("cho").expect("confirmed");
    room.must("ann", go("wipe"));
    refused(&room, "bob", mark_done("wipe"), "`ann` does it");
    room.must("ann", mark_done("wipe"));
    assert!(room.status("wipe").is_passed());
    room.check_fold();
}

#[test]
fn an_unknown_destructive_outcome_needs_two_people_who_agree() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.lose();
    assert_eq!(room.status("drain"), &StepStatus::Unknown);
    refused(&room, "ann", start("part-b"), "nobody knows");
    refused(&room, "ann", retry("drain"), "nobody knows");
    refused(&room, "ann", skip("drain"), "nobody knows");
    refused(
        &room,
        "root",
        resolve("drain", Finding::Ran),
        "nobody's identity",
    );
    room.must("ann", resolve("drain", Finding::Ran));
    refused(
        &room,
        "ann",
        resolve("drain", Finding::Ran),
        "said so already",
    );
    room.must("bob", resolve("drain", Finding::Partial));
    assert_eq!(room.status("drain"), &StepStatus::Unknown);
    room.must("bob", resolve("drain", Finding::Ran));
    assert_eq!(
        room.status("drain"),
        &StepStatus::Active {
            stage: Stage::Verifying
        }
    );
    refused(&room, "cho", resolve("drain", Finding::Ran), "is known");
    room.check_fold();
}

#[test]
fn an_unknown_harmless_outcome_needs_one() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.lose();
    room.must("root", resolve("drain", Finding::DidNotRun));
    assert_eq!(
        room.status("drain"),
        &StepStatus::Failed {
            why: "did not run (found by people)".to_owned()
        }
    );
    room.must("ann", retry("drain"));
    room.check_fold();
}

#[test]
fn past_the_point_of_no_return_nothing_destructive_is_proposed() {
    let mut plan = plan();
    let end = Timestamp::from_millis(1_700_000_000_000).plus(Duration::from_secs(3600));
    plan.window = Some(Window {
        start: Timestamp::from_millis(1_699_999_000_000),
        end,
        buffer: Duration::from_secs(600),
    });
    plan.steps[1].expected = Some(Duration::from_secs(60));
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room.must("ann", start("backup"));
    room.exit(0);
    room.exit(0);
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    assert_eq!(
        crate::domain::countdown::point_of_no_return(&room.state),
        Some(end.minus(Duration::from_secs(660)))
    );
    room.wait(Duration::from_secs(3600 - 660));
    refused(&room, "ann", propose("drain"), "point of no return");
}

#[test]
fn an_abort_stops_what_runs_and_ends_everything() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.must("bob", abort());
    assert!(room.state.running().is_some_and(|r| r.stop_asked));
    room.end(Outcome::Stopped);
    assert!(matches!(room.status("drain"), StepStatus::Failed { .. }));
    refused(&room, "ann", start("drain"), "is over");
    refused(&room, "ann", hold(), "is over");
    room.check_fold();
}

#[test]
fn who_stopped_it_is_told_with_the_failure_and_while_it_ends() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.must("bob", stop("drain"));
    let stops = crate::domain::what_now::what_now(
        &room.state,
        &crate::domain::board::Board::default(),
        room.now,
        &actor("ann"),
    );
    assert_eq!(stops.why, "`bob` stopped it");
    room.end(Outcome::Stopped);
    let why = "check: stopped by bob".to_owned();
    assert_eq!(room.status("drain"), &StepStatus::Failed { why });
    // An end of its own is nobody's.
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.must("bob", stop("drain"));
    room.exit(3);
    let why = "check: exit 3".to_owned();
    assert_eq!(room.status("drain"), &StepStatus::Failed { why });
    room.check_fold();
}

#[test]
fn what_nobody_could_confirm_is_not_proposed() {
    let mut room = Room::at_proposal();
    room.world.rules = std::sync::Arc::default();
    let refusal = room.propose("ann", "drain").expect_err("no keys");
    assert!(
        refusal.reason.contains("there is no people file"),
        "{refusal}"
    );
    assert!(refusal.hint.contains("warroom people enroll"), "{refusal}");
    room.world.keys = [("SHA256:bob".to_owned(), person("bob"))].into();
    if let Err(refusal) = room.propose("ann", "drain") {
        assert!(!refusal.reason.contains("no people file"), "{refusal}");
    }
}

#[test]
fn texts_are_bounded() {
    let room = Room::at_drain();
    let reason = "x".repeat(REASON_BYTES_MAX + 1);
    refused(
        &room,
        "ann",
        Command::Hold { reason },
        "longer than 500 bytes",
    );
    let text = "x".repeat(NOTE_BYTES_MAX + 1);
    refused(
        &room,
        "ann",
        Command::Note { step: None, text },
        "1 to 4000 bytes",
    );
}

#[test]
fn a_plan_that_is_not_the_sessions_own_is_not_put_before_anybody() {
    let room = Room::at_proposal();
    let good = render_plan(&room.state, &id("drain"));
    for (from, to) in [
        ("attempt: 1", "attempt: 2"),
        ("host: bastion", "host: laptop"),
        ("argv.2: drain", "argv.2: drain -f"),
        ("risk: destructive", "risk: change"),
        ("step: drain", "step: wipe"),
    ] {
        let prepared = Prepared {
            plan: good.replacen(from, to, 1),
            nonce: crate::domain::id::Nonce::from_bytes([9; 16]),
            executor: person("ann"),
            signed: None,
        };
        assert_ne!(prepared.plan, good, "{from} is in the plan");
        let decision = open_proposal(
            &room.state,
            &actor("ann"),
            &id("drain"),
            &prepared,
            room.now,
            &room.world,
        );
        let refused = decision.expect_err(to);
        assert!(refused.refusal.reason.contains("as the session knows it"));
    }
}
