//! Whole rollouts, decided, settled and folded, without processes.

mod hints;
mod lies;

use super::Wait;
use crate::domain::apply::check_apply;
use crate::domain::command::Command;
use crate::domain::fact::{Fact, Finding, Quote, RolloutEvent, RolloutNews};
use crate::domain::fixture::{Room, id, mark_done, start};
use crate::domain::id::RuleId;
use crate::domain::reading::Sample;
use crate::domain::runbook::plan::Plan;
use crate::domain::runbook::{parse, resolve};
use crate::domain::settle::SoakNow;
use crate::domain::state::{Phase, StepStatus};
use crate::domain::threshold::Unknown;
use crate::domain::time::Timestamp;
use proptest::prelude::*;
use std::time::Duration;

pub(super) fn plan(phase: &str, steps: &str) -> Plan {
    let text = format!("# T\n\n## Roll\n\n```toml phase\n{phase}\n```\n\n{steps}\n");
    let (runbook, problems) = parse(&text, "case.md");
    assert_eq!(problems, [], "{text}");
    let (plan, problems) = resolve(&runbook);
    assert_eq!(problems, [], "{text}");
    plan
}

pub(super) const ONE_STEP: &str =
    "- [ ] Restart {{component}}\n  ```sh run id=restart\n  true\n  ```\n";

pub(super) fn room(phase: &str, steps: &str) -> Room {
    let mut room = Room::with(plan(phase, steps));
    room.must("ann", Command::Begin);
    room
}

fn seen(value: f64) -> Quote {
    Quote {
        series: String::new(),
        sample: Sample {
            at: Timestamp::from_millis(0),
            value,
        },
        age_ms: 0,
    }
}

fn floor(room: &mut Room, value: Option<f64>) {
    let seen = value.map(seen).ok_or(Unknown::Stale);
    let rule = RuleId::new("floor-roll").expect("a name");
    room.world.floors.insert(rule, seen);
}

pub(super) fn refused(room: &mut Room, command: Command) -> String {
    room.ask("ann", command).expect_err("refused").reason
}

pub(super) fn go_on(behind: u32, reason: &str) -> Command {
    let reason = reason.to_owned();
    Command::GoOn {
        phase: 0,
        behind,
        reason,
    }
}

pub(super) fn skip_unit(step: &str) -> Command {
    Command::SkipUnit {
        step: id(step),
        reason: "not today".to_owned(),
    }
}

fn is_failed(room: &Room, step: &str) -> bool {
    matches!(room.status(step), StepStatus::Failed { .. })
}

#[test]
fn batches_wait_for_the_pause_between_them_and_a_person_ends_it() {
    let mut room = room("for_each = [\"a\", \"b\", \"c\"]\npause = \"5m\"", ONE_STEP);
    room.must("ann", start("restart.a"));
    room.exit(0);
    let why = refused(&mut room, start("restart.b"));
    assert!(
        why.contains("the pause of 5m00s after batch 1 is not over"),
        "{why}"
    );
    room.wait(Duration::from_secs(299));
    assert!(room.state.waiting_rollout().is_some());
    room.wait(Duration::from_secs(1));
    assert_eq!(room.state.waiting_rollout(), None);
    room.must("ann", start("restart.b"));
    room.exit(0);
    assert_eq!(
        refused(&mut room, go_on(1, "")),
        "cannot go on: it waits for something else by now"
    );
    room.must("ann", go_on(2, ""));
    room.must("ann", start("restart.c"));
    room.exit(0);
    room.must("ann", Command::Complete);
    room.check_fold();
}

#[test]
fn a_pause_begins_anew_with_a_new_server_and_ends_in_no_hold() {
    let mut room = room("for_each = [\"a\", \"b\"]\npause = \"5m\"", ONE_STEP);
    room.must("ann", start("restart.a"));
    room.exit(0);
    room.wait(Duration::from_secs(200));
    let engine = crate::domain::fact::Actor::Engine;
    let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
    room.record(&engine, Fact::SessionResumed { program, host });
    room.wait(Duration::from_secs(200));
    assert!(room.state.waiting_rollout().is_some());
    let reason = String::new();
    room.must(
        "ann",
        Command::Hold {
            reason: reason.clone(),
        },
    );
    room.wait(Duration::from_secs(200));
    assert!(room.state.waiting_rollout().is_some(), "held");
    let reason = "fine".to_owned();
    room.must("ann", Command::release(reason));
    assert_eq!(room.state.waiting_rollout(), None);
    room.check_fold();
}

#[test]
fn the_first_failure_stops_and_a_retry_goes_on_there() {
    let mut room = room("for_each = [\"a\", \"b\"]", ONE_STEP);
    room.must("ann", start("restart.a"));
    room.exit(1);
    assert!(is_failed(&room, "restart.a"));
    assert!(refused(&mut room, start("restart.b")).contains("has failed"));
    room.must(
        "ann",
        Command::Retry {
            step: id("restart.a"),
        },
    );
    room.must("ann", start("restart.a"));
    room.exit(0);
    // It was brought to a good end, and does not count.
    room.must("ann", start("restart.b"));
    room.exit(0);
    room.must("ann", Command::Complete);
    room.check_fold();
}

#[test]
fn more_failed_units_than_allowed_stop_until_a_person_says_why_not() {
    let steps = "- [ ] Drain {{component}}\n  ```sh run id=drain\n  true\n  ```\n- [ ] Look at {{component}}\n";
    let mut room = room(
        "for_each = [\"a\", \"b\", \"c\", \"d\"]\nmax_failed = 1",
        steps,
    );
    let look = "roll-look-at-component";
    for (unit, is_stopped) in [("a", false), ("b", true)] {
        room.must("ann", start(&format!("drain.{unit}")));
        room.exit(1);
        room.must("ann", skip_unit(&format!("{look}.{unit}")));
        assert!(matches!(
            room.status(&format!("drain.{unit}")),
            StepStatus::Skipped { .. }
        ));
        assert_eq!(room.state.waiting_rollout().is_some(), is_stopped, "{unit}");
    }
    let why = refused(&mut room, start("drain.c"));
    assert!(
        why.contains("2 units have failed or been left out, and 1 may"),
        "{why}"
    );
    assert!(refused(&mut room, go_on(2, " ")).contains("it needs a reason"));
    assert!(refused(&mut room, go_on(1, "x")).contains("something else"));
    room.must("ann", go_on(2, "they are old"));
    room.must("ann", start("drain.c"));
    room.exit(0);
    room.must("ann", mark_done(&format!("{look}.c")));
    assert!(refused(&mut room, skip_unit("drain.c")).contains("nothing of its unit is left"));
    // A third one goes beyond what was allowed.
    room.must("ann", start("drain.d"));
    room.exit(1);
    room.must("ann", skip_unit("drain.d"));
    room.must("ann", Command::Complete);
    room.check_fold();
}

#[test]
fn a_unit_with_something_running_or_unknown_is_not_left_out() {
    let mut room = room("for_each = [\"a\", \"b\"]", ONE_STEP);
    room.must("ann", start("restart.a"));
    assert!(refused(&mut room, skip_unit("restart.a")).contains("is under way"));
    room.lose();
    assert!(refused(&mut room, skip_unit("restart.a")).contains("nobody knows how"));
    let (step, reason) = (id("restart.a"), "looked".to_owned());
    room.must("ann", Command::resolve(step, Finding::DidNotRun, reason));
    assert!(is_failed(&room, "restart.a"));
    room.must("ann", skip_unit("restart.a"));
    // Whoever changes their mind takes the unit up again.
    room.must(
        "ann",
        Command::Retry {
            step: id("restart.a"),
        },
    );
    assert!(room.state.rollout(0).left_out.is_empty());
    room.check_fold();
}

#[test]
fn the_floor_is_asked_before_each_unit_and_unknown_closes() {
    let phase = "for_each = [\"a\", \"b\"]\nfloor = \"sum(up) >= 2\"";
    let steps = "- [ ] Drain {{component}}\n  ```sh run id=drain\n  true\n  ```\n- [ ] Start {{component}}\n  ```sh run id=start\n  true\n  ```\n";
    let mut room = room(phase, steps);
    assert!(refused(&mut room, start("drain.a")).contains("is not known (no data yet)"));
    floor(&mut room, None);
    assert!(refused(&mut room, start("drain.a")).contains("is not known (stale)"));
    floor(&mut room, Some(2.0));
    let why = refused(&mut room, start("drain.a"));
    assert!(
        why.contains("must stay >= 2: it is 2 now and 1 without this unit"),
        "{why}"
    );
    floor(&mut room, Some(3.0));
    room.must("ann", start("drain.a"));
    floor(&mut room, Some(2.0));
    room.exit(1);
    // It may be away already, and is tried again; what brings it back is never held.
    room.must(
        "ann",
        Command::Retry {
            step: id("drain.a"),
        },
    );
    room.must("ann", start("drain.a"));
    room.exit(0);
    floor(&mut room, None);
    room.must("ann", start("start.a"));
    room.exit(0);
    assert!(refused(&mut room, start("drain.b")).contains("is not known"));
    floor(&mut room, Some(3.0));
    room.must("ann", start("drain.b"));
    let begun = room
        .state
        .rollout(0)
        .begun
        .get("b")
        .and_then(Option::as_ref);
    assert_eq!(begun.map(|quote| quote.sample.value), Some(3.0));
    room.check_fold();
}

#[test]
fn a_journal_cannot_say_that_a_unit_began_below_its_floor_or_a_step_before_its_unit() {
    let room = room("for_each = [\"a\"]\nfloor = \"sum(up) >= 2\"", ONE_STEP);
    let told = |fact: Fact| {
        let mut state = room.state.clone();
        let mut record = room.records.last().expect("records").clone();
        record.seq = state.head.0.next();
        record.fact = fact;
        check_apply(&mut state, &record).map_err(|error| error.to_string())
    };
    let begun = |floor| {
        let component = "a".to_owned();
        let event = RolloutEvent::UnitBegun { component, floor };
        Fact::Rollout(RolloutNews { phase: 0, event })
    };
    assert!(told(begun(Some(seen(3.0)))).is_ok());
    assert!(
        told(begun(Some(seen(2.0))))
            .expect_err("too few")
            .contains("the floor does not hold")
    );
    assert!(
        told(begun(None))
            .expect_err("unknown")
            .contains("the floor does not hold")
    );
    let attempt = crate::domain::id::AttemptNo(1);
    let step = id("restart.a");
    let why = told(Fact::StepStarted { step, attempt }).expect_err("not begun");
    assert!(why.contains("its unit has not begun"), "{why}");
}

#[test]
fn the_rest_waits_until_the_canary_has_soaked_well() {
    let phase = "for_each = [\"a\", \"b\"]\nstrategy = \"canary\"\ncanary = 1\nsoak = \"10m\"\ncompare = \"errors\"\nmax_ratio = 1.5";
    let mut room = room(phase, ONE_STEP);
    room.must("ann", start("restart.a"));
    room.exit(0);
    assert!(matches!(
        room.state.waiting_rollout(),
        Some((0, Wait::Soak { .. }))
    ));
    room.wait(Duration::from_secs(3600));
    assert!(refused(&mut room, start("restart.b")).contains("the canary soaks"));
    let soak = |is_over| SoakNow {
        phase: 0,
        is_over,
        quote: Some(seen(0.1)),
    };
    room.gates.soak = Some(soak(false));
    room.settle();
    assert!(refused(&mut room, go_on(1, "")).contains("it needs a reason"));
    room.gates.soak = Some(soak(true));
    room.settle();
    assert_eq!(room.state.waiting_rollout(), None);
    room.must("ann", start("restart.b"));
    room.exit(0);
    room.check_fold();
}

pub(super) const SIDES: &str =
    "strategy = \"blue-green\"\nblue = [\"b-1\"]\ngreen = [\"g-1\"]\nidle = \"green\"";
pub(super) const SWITCH: &str = "- [ ] Deploy {{component}}\n- [ ] Move the traffic\n  ```toml step\n  id = \"switch\"\n  switch = true\n  ```\n  ```sh run\n  lb green\n  ```\n  ```sh undo\n  lb blue\n  ```\n\n## After\n\n- [ ] Watch\n  ```sh run id=watch\n  true\n  ```\n- [ ] Clean up\n  ```sh run id=clean component=b-1\n  true\n  ```\n";

fn switched() -> Room {
    let mut room = room(SIDES, SWITCH);
    room.must("ann", mark_done("roll-deploy-component.g-1"));
    let why = refused(&mut room, switch_back());
    assert!(why.contains("it has not run"), "{why}");
    room.must("ann", start("switch"));
    room.exit(0);
    room
}

fn switch_back() -> Command {
    Command::SwitchBack {
        step: id("switch"),
        reason: String::new(),
    }
}

#[test]
fn a_switch_is_taken_back_at_once_and_alone_also_while_held_and_while_something_runs() {
    let mut room = switched();
    room.must("ann", start("watch"));
    let reason = String::new();
    room.must("bob", Command::Hold { reason });
    room.must("cho", switch_back());
    // What runs is stopped first.
    assert!(
        room.state
            .running()
            .is_some_and(|running| running.stop_asked)
    );
    room.end(crate::domain::fact::Outcome::Stopped);
    let running = room.running().expect("the way back");
    let undo = crate::domain::fact::ExecKey::UNDO;
    assert_eq!((running.step.as_str(), running.block), ("switch", undo));
    assert!(is_failed(&room, "watch"));
    room.exit(0);
    assert_eq!(room.status("switch"), &StepStatus::Undone);
    assert_eq!(room.state.phase, Phase::Running);
    assert!(matches!(
        room.status("roll-deploy-component.g-1"),
        StepStatus::Done { .. }
    ));
    assert!(refused(&mut room, switch_back()).contains("cannot switch back"));
    let reason = "looked".to_owned();
    room.must("ann", Command::release(reason));
    room.must("ann", Command::Retry { step: id("switch") });
    room.must("ann", start("switch"));
    room.exit(0);
    assert!(room.state.armed_switch().is_some());
    room.check_fold();
}

#[test]
fn a_switch_back_that_fails_is_tried_again_or_left() {
    let mut room = switched();
    room.must("ann", switch_back());
    room.exit(1);
    assert!(matches!(
        room.status("switch"),
        StepStatus::UndoFailed { .. }
    ));
    room.must("ann", Command::Retry { step: id("switch") });
    room.exit(0);
    assert_eq!(room.status("switch"), &StepStatus::Undone);
    let (step, reason) = (id("switch"), "we stay on blue".to_owned());
    room.must("ann", Command::Skip { step, reason });
    room.must("ann", start("watch"));
    room.exit(0);
    room.check_fold();
}

#[test]
fn a_switch_back_that_nobody_knows_the_end_of_is_resolved() {
    let mut room = switched();
    room.must("ann", switch_back());
    room.lose();
    assert_eq!(room.status("switch"), &StepStatus::Unknown);
    let (step, reason) = (id("switch"), "looked".to_owned());
    room.must("ann", Command::resolve(step, Finding::Ran, reason));
    assert_eq!(room.status("switch"), &StepStatus::Undone);
    assert!(room.state.switching_back().is_none());
    room.check_fold();
}

#[test]
fn the_old_side_is_no_way_back_once_something_was_done_to_it() {
    let mut room = switched();
    room.must("ann", start("watch"));
    room.exit(0);
    assert!(room.state.armed_switch().is_some());
    room.must("ann", start("clean"));
    let why = refused(&mut room, switch_back());
    assert!(why.contains("no longer as it was"), "{why}");
    room.exit(0);
    // Everything can still be undone.
    let reason = String::new();
    room.must("ann", Command::Rollback { reason });
    assert_eq!(room.running().map(|key| key.step), Some(id("switch")));
    room.check_fold();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever people do with steps that fail: units begin in their order, one at a time, each once, and never while the
    /// one before is open; the fold says the same.
    #[test]
    fn units_begin_in_order_and_never_beside_each_other(
        units in 2_usize..7,
        batch in 1_usize..4,
        max_failed in 0_u32..3,
        acts in prop::collection::vec((0_u8..6, any::<bool>()), 1..60),
    ) {
        let names: Vec<String> = (0..units).map(|n| format!("\"u-{n}\"")).collect();
        let phase = format!("for_each = [{}]\nbatch = {batch}\npause = \"1m\"\nmax_failed = {max_failed}", names.join(", "));
        let mut room = room(&phase, ONE_STEP);
        for (act, is_good) in acts {
            let open = room.state.first_open().map(|view| view.plan.id.clone());
            let Some(step) = open else { break };
            match act {
                0 | 1 => drop(room.ask("ann", Command::Start { step })),
                2 => drop(room.ask("ann", Command::Retry { step })),
                3 => drop(room.ask("ann", skip_unit(step.as_str()))),
                4 => room.wait(Duration::from_secs(40)),
                _ => {
                    let behind = match room.state.waiting_rollout() {
                        Some((_, Wait::Stopped { failed, .. })) => failed,
                        _ => room.state.batch_behind(0),
                    };
                    drop(room.ask("ann", go_on(behind, "because")));
                }
            }
            if room.running().is_some() {
                room.exit(u32::from(!is_good).try_into().expect("small"));
            }
        }
        let begun: Vec<String> = room.records.iter().filter_map(|record| match &record.fact {
            Fact::Rollout(RolloutNews { event: RolloutEvent::UnitBegun { component, .. }, .. }) => Some(component.clone()),
            _ => None,
        }).collect();
        let mut sorted = begun.clone();
        sorted.sort();
        sorted.dedup();
        prop_assert_eq!(&begun, &sorted, "in order, each once");
        let failed = room.state.units(0).iter().filter(|unit| unit.is_begun && unit.has_failed()).count();
        let allowed = room.state.rollout(0).allowed.max(max_failed) as usize;
        prop_assert!(failed <= allowed + 1, "{} {}", failed, allowed);
        room.check_fold();
    }
}
