use super::*;
use crate::domain::command::Command;
use crate::domain::digest::Digest;
use crate::domain::fact::{CloseCause, Finding, Outcome};
use crate::domain::fixture::*;
use crate::domain::runbook::plan::{OnExecutorLost, RETRY_PAUSE};
use crate::domain::state::{Phase, Stage, StepStatus};
use crate::domain::threshold::{Unknown, Verdict};
use crate::domain::world::Look;
use std::time::Duration;

mod clocks;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Why the newest proposal ended; absent while it is open.
fn closed(room: &Room) -> Option<CloseCause> {
    if room.state.proposal.is_some() {
        return None;
    }
    room.records.iter().rev().find_map(|r| match &r.fact {
        Fact::ProposalClosed { why, .. } => Some(why.clone()),
        _ => None,
    })
}

#[test]
fn a_proposal_ends_after_fifteen_minutes_and_an_armed_one_after_five() {
    let mut room = Room::proposed();
    room.wait(seconds(899));
    assert_eq!(closed(&room), None);
    room.wait(seconds(1));
    assert_eq!(closed(&room), Some(CloseCause::Expired));
    let stage = Stage::NeedsProposal;
    assert_eq!(room.status("drain"), &StepStatus::Active { stage });

    let mut room = Room::armed();
    room.wait(seconds(299));
    assert_eq!(closed(&room), None);
    room.wait(seconds(1));
    assert_eq!(closed(&room), Some(CloseCause::Expired));
    room.check_fold();
}

#[test]
fn a_wall_clock_that_steps_ends_an_armed_proposal() {
    for step in [-3000_i64, 2001] {
        let mut room = Room::armed();
        let wall = room.now.wall.as_millis() + step;
        room.now.wall = crate::domain::time::Timestamp::from_millis(wall);
        room.settle();
        assert_eq!(closed(&room), Some(CloseCause::ClockStep));
    }
}

#[test]
fn absence_ends_an_armed_proposal_but_not_an_unarmed_one() {
    // Terminals: ann 0, bob 1, cho 2.
    for (terminal, name) in [(0, "ann"), (1, "bob")] {
        let mut room = Room::armed();
        room.detach(terminal);
        room.wait(seconds(15));
        assert_eq!(closed(&room), None);
        room.wait(seconds(1));
        let person = person(name);
        assert_eq!(closed(&room), Some(CloseCause::Absent { person }));
        room.check_fold();
    }
    let mut room = Room::armed();
    room.detach(2);
    room.wait(seconds(60));
    assert_eq!(closed(&room), None);
    let mut room = Room::proposed();
    room.detach(0);
    room.wait(seconds(60));
    assert_eq!(closed(&room), None);
}

#[test]
fn a_person_with_a_terminal_left_is_not_away() {
    let mut room = Room::armed();
    room.attach(7, "bob");
    room.detach(1);
    room.wait(seconds(60));
    assert_eq!(closed(&room), None);
}

#[test]
fn a_terminal_that_may_only_look_is_no_presence() {
    let mut room = Room::armed();
    room.attach_as(7, "bob", true);
    room.detach(1);
    room.wait(seconds(10));
    // Looking in and leaving again begins nothing anew.
    room.attach_as(8, "bob", true);
    room.detach(8);
    room.wait(seconds(6));
    let person = person("bob");
    assert_eq!(closed(&room), Some(CloseCause::Absent { person }));
    room.check_fold();
    let mut room = Room::armed();
    room.attach_as(7, "bob", true);
    room.detach(1);
    room.wait(seconds(10));
    room.attach(8, "bob");
    room.detach(7);
    room.wait(seconds(60));
    assert_eq!(closed(&room), None);
}

#[test]
fn a_guard_that_is_not_known_good_ends_an_armed_proposal_and_keeps_another_from_arming() {
    for verdict in [Verdict::Fail, Verdict::Unknown(Unknown::Stale)] {
        let mut room = Room::armed();
        room.verdict(verdict);
        let rule = rule("errors");
        assert_eq!(closed(&room), Some(CloseCause::Guard { rule }));
        let mut room = Room::proposed();
        room.verdict(verdict);
        room.confirm("bob").expect("confirmed");
        assert!(
            room.state
                .proposal
                .as_ref()
                .is_some_and(|p| p.armed.is_none())
        );
        room.verdict(Verdict::Warn);
        assert!(
            room.state
                .proposal
                .as_ref()
                .is_some_and(|p| p.armed.is_some())
        );
    }
}

#[test]
fn changed_files_end_a_proposal() {
    for room in [Room::proposed(), Room::armed()] {
        let mut policy = room.clone();
        policy.world.policy = Some(Digest::of(b"other"));
        policy.settle();
        assert_eq!(closed(&policy), Some(CloseCause::Policy));
        let mut unread = room.clone();
        unread.world.policy = None;
        let why = "`/etc/warroom/people.toml`: line 3: no `=`".to_owned();
        unread.world.unread.clone_from(&why);
        unread.settle();
        assert_eq!(closed(&unread), Some(CloseCause::PolicyUnread { why }));
        let said = unread
            .state
            .last_closed
            .as_ref()
            .map(|(_, why)| why.as_str());
        assert_eq!(
            said,
            Some("the people file cannot be read: `/etc/warroom/people.toml`: line 3: no `=`")
        );
        let mut runbook = room.clone();
        runbook.world.runbook = None;
        runbook.settle();
        assert!(matches!(closed(&runbook), Some(CloseCause::Changed { .. })));
        let mut look = room;
        let what = "argv.2".to_owned();
        look.world.look = Look::Changed { what: what.clone() };
        look.settle();
        assert_eq!(closed(&look), Some(CloseCause::Changed { what }));
    }
}

#[test]
fn hold_rollback_and_abort_end_a_proposal() {
    for command in [hold(), rollback(), abort(), stop("drain")] {
        let mut room = Room::armed();
        room.must("cho", command);
        assert!(matches!(closed(&room), Some(CloseCause::Session { .. })));
        assert!(room.ask("ann", go("drain")).is_err());
        room.check_fold();
    }
}

#[test]
fn a_verify_is_tried_again_after_a_pause() {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room.must("ann", start("backup"));
    room.exit(0);
    room.must("bob", hold());
    room.exit(1);
    assert_eq!(room.running(), None);
    room.wait(RETRY_PAUSE.checked_sub(seconds(1)).expect("longer"));
    assert_eq!(room.running(), None);
    // What was run may be verified although the session is held.
    room.wait(seconds(1));
    assert_eq!(room.running().map(|k| k.try_no), Some(2));
    room.exit(1);
    let why = "verify: exit 1".to_owned();
    assert_eq!(room.status("backup"), &StepStatus::Failed { why });
    room.check_fold();
}

#[test]
fn while_held_no_check_or_run_starts() {
    let mut plan = plan();
    let run = plan.steps[6].blocks[0].clone();
    plan.steps[1].blocks = vec![run.clone(), run];
    plan.steps[1].undo = None;
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room.must("ann", start("backup"));
    room.must("bob", hold());
    room.exit(0);
    assert_eq!(room.running(), None);
    room.wait(seconds(60));
    assert_eq!(room.running(), None);
    room.must("ann", release());
    assert_eq!(room.running().map(|k| k.block), Some(1));
    room.check_fold();
}

#[test]
fn while_held_no_gate_opens() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.must("bob", hold());
    room.exit(0);
    room.open_gate();
    let stage = Stage::Gated;
    assert_eq!(room.status("drain"), &StepStatus::Active { stage });
    room.must("ann", release());
    let stage = Stage::NeedsProposal;
    assert_eq!(room.status("drain"), &StepStatus::Active { stage });
}

#[test]
fn a_gate_that_times_out_fails_its_step() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.exit(0);
    let stage = Stage::Gated;
    assert_eq!(room.status("drain"), &StepStatus::Active { stage });
    room.gates.gate = Some(GateNow {
        rule: rule("lag"),
        is_open: false,
        is_timed_out: true,
        quote: None,
    });
    room.settle();
    let why = "gate `lag` did not open in time".to_owned();
    assert_eq!(room.status("drain"), &StepStatus::Failed { why });
}

#[test]
fn a_rollback_undoes_what_was_touched_last_first_and_then_works_the_back_out_plan() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.must("cho", rollback());
    assert!(room.state.running().is_some_and(|r| r.stop_asked));
    room.end(Outcome::Stopped);
    let undo = room.running().expect("undo runs");
    assert_eq!(undo.to_string(), "drain.1.undo.t1");
    room.exit(0);
    assert_eq!(room.status("drain"), &StepStatus::Undone);
    assert_eq!(room.running().expect("undo runs").step, id("backup"));
    room.exit(9);
    let why = "undo: exit 9".to_owned();
    assert_eq!(room.status("backup"), &StepStatus::UndoFailed { why });
    assert_eq!(room.running(), None);
    assert!(room.ask("ann", start("restore")).is_err());
    room.must("ann", retry("backup"));
    assert_eq!(room.running().map(|k| k.try_no), Some(2));
    room.exit(0);
    assert_eq!(room.state.phase, Phase::RollingBack);
    room.must("ann", start("restore"));
    room.exit(0);
    assert_eq!(room.state.phase, Phase::RolledBack);
    room.check_fold();
}

#[test]
fn a_hold_pauses_a_rollback_between_two_steps() {
    let mut room = Room::at_drain();
    room.must("ann", rollback());
    room.must("ann", hold());
    room.exit(1);
    room.must("ann", retry("backup"));
    assert_eq!(room.running(), None);
    room.must("ann", release());
    assert!(room.running().is_some());
}

#[test]
fn an_unknown_step_is_resolved_before_it_is_undone() {
    let mut room = Room::armed();
    room.must("ann", go("drain"));
    room.lose();
    room.must("ann", rollback());
    assert_eq!(room.running(), None);
    room.must("ann", resolve("drain", Finding::DidNotRun));
    room.must("bob", resolve("drain", Finding::DidNotRun));
    // It never ran, so nothing of it is undone.
    assert_eq!(room.running().map(|k| k.step), Some(id("backup")));
    room.check_fold();
}

#[test]
fn an_executor_who_drops_out_ends_a_command_that_says_so() {
    for (lost, stops) in [
        (OnExecutorLost::Continue, false),
        (OnExecutorLost::Terminate, true),
    ] {
        let mut plan = plan();
        plan.steps[1].on_executor_lost = lost;
        let mut room = Room::with(plan);
        room.must("ann", Command::Begin);
        room.must("ann", mark_done("look"));
        room.must("ann", start("backup"));
        room.detach(0);
        room.wait(seconds(16));
        let asked = room.state.running().is_some_and(|r| r.stop_asked);
        assert_eq!(asked, stops);
    }
}

#[test]
fn what_is_ticked_by_hand_counts_and_blocks_never_do() {
    let mut plan = plan();
    for step in &mut plan.steps {
        step.ticked = true;
    }
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    for name in ["look", "part-a"] {
        assert!(room.status(name).is_passed(), "{name}");
    }
    for name in ["backup", "drain", "wipe", "parts", "part-b", "restore"] {
        assert_eq!(room.status(name), &StepStatus::Pending, "{name}");
    }
    let look = room.state.find(&id("look")).expect("there");
    assert_eq!(look.now.note, "ticked in the runbook");
}

#[test]
fn a_parent_with_blocks_does_them_before_its_sub_steps() {
    let mut plan = plan();
    plan.steps[4].blocks = plan.steps[6].blocks.clone();
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.must("ann", skip("look"));
    room.must("ann", skip("backup"));
    room.must("ann", skip("drain"));
    room.must("ann", skip("wipe"));
    assert!(room.ask("ann", mark_done("part-a")).is_err());
    room.must("ann", start("parts"));
    room.exit(0);
    let stage = Stage::SubSteps;
    assert_eq!(room.status("parts"), &StepStatus::Active { stage });
    room.must("ann", mark_done("part-a"));
    room.must("ann", start("part-b"));
    room.exit(0);
    assert!(room.status("parts").is_passed());
    room.check_fold();
}
