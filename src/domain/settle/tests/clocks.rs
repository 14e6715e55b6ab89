//! Two clocks, each with the last word: nothing runs after either limit (`TWO_PERSON` T9, 4.4).

use super::*;
use crate::domain::confirm::{ARMED_LIFE, CLOCK_STEP_MAX_MS, PROPOSAL_LIFE};
use crate::domain::time::{Moment, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

/// The wall clock moves by so much, the boot clock by so much; milliseconds.
fn later(now: Moment, wall: i64, boot: u64) -> Moment {
    Moment {
        wall: Timestamp::from_millis(now.wall.as_millis() + wall),
        mono_ms: now.mono_ms + boot,
    }
}

fn runs(room: &mut Room) -> bool {
    let attempt = room
        .state
        .proposal
        .as_ref()
        .map_or(1, |p| p.terms.attempt.0);
    room.ask("ann", go_for("drain", attempt)).is_ok()
}

#[test]
fn a_proposal_can_be_armed_and_run_up_to_its_last_millisecond_on_both_clocks() {
    for (wall, boot, may) in [
        (899_999, 899_999, true),
        (900_000, 0, false),
        (0, 900_000, false),
        (-60_000, 899_999, true),
        (-60_000, 900_000, false),
    ] {
        for settles in [false, true] {
            let mut room = Room::proposed();
            room.now = later(room.now, wall, boot);
            if settles {
                room.settle();
            }
            assert_eq!(room.confirm("bob").is_ok(), may, "{wall} {boot}");
            assert_eq!(runs(&mut room), may, "{wall} {boot}");
        }
    }
}

#[test]
fn what_is_armed_can_run_up_to_its_last_millisecond_while_the_clocks_agree() {
    for (wall, boot, may) in [
        (299_999, 299_999, true),
        (300_000, 298_000, false),
        (298_000, 300_000, false),
        (2_000, 0, true),
        (2_001, 0, false),
        (0, 2_000, true),
        (0, 2_001, false),
        (-2_001, 0, false),
    ] {
        for settles in [false, true] {
            let mut room = Room::armed();
            room.now = later(room.now, wall, boot);
            if settles {
                room.settle();
            }
            assert_eq!(runs(&mut room), may, "{wall} {boot}");
        }
    }
}

/// What happens between two movements of the clocks.
#[derive(Debug, Clone, Copy)]
enum Key {
    Nothing,
    Settle,
    Confirm,
    Go,
    Cancel,
    Propose,
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        2 => Just(Key::Nothing),
        2 => Just(Key::Settle),
        3 => Just(Key::Confirm),
        4 => Just(Key::Go),
        1 => Just(Key::Cancel),
        3 => Just(Key::Propose),
    ]
}

/// Milliseconds on the boot clock: a moment, some minutes, or near to a limit.
fn span() -> impl Strategy<Value = u64> {
    prop_oneof![
        5 => 0_u64..2_000,
        2 => 0_u64..400_000,
        1 => 298_000_u64..302_000,
        1 => 898_000_u64..902_000,
    ]
}

/// By how much the wall clock moves more or less than that.
fn skew() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => Just(0_i64),
        2 => -2_100_i64..2_100,
        1 => -1_000_000_i64..1_000_000,
    ]
}

/// Every run in the journal was within all limits of its proposal; how many there were.
fn check(room: &Room) -> Result<usize, TestCaseError> {
    let (mut opened, mut armed, mut runs) = (None, None, 0);
    for record in &room.records {
        match &record.fact {
            Fact::ProposalOpened { .. } => (opened, armed) = (Some(record.at), None),
            Fact::StepArmed { .. } => armed = Some(record.at),
            Fact::ProposalClosed { .. } => (opened, armed) = (None, None),
            Fact::ExecIntent { nonce: Some(_), .. } => {
                let opened: Moment = opened.expect("it was proposed");
                let armed: Moment = armed.expect("it was armed");
                let now = record.at;
                prop_assert!(!now.has_passed(opened, PROPOSAL_LIFE));
                prop_assert!(!now.has_passed(armed, ARMED_LIFE));
                let wall = now.wall.as_millis() - armed.wall.as_millis();
                let boot = i64::try_from(now.mono_since(armed)).expect("small");
                prop_assert!((wall - boot).abs() <= CLOCK_STEP_MAX_MS);
                runs += 1;
            }
            _ => {}
        }
    }
    Ok(runs)
}

fn play(schedule: &[(u64, i64, Key)]) -> Room {
    let mut room = Room::proposed();
    for (boot, skew, key) in schedule {
        let wall = i64::try_from(*boot).expect("small") + skew;
        room.now = later(room.now, wall, *boot);
        match key {
            Key::Nothing => {}
            Key::Settle => room.settle(),
            Key::Confirm => drop(room.confirm("bob")),
            Key::Go => drop(runs(&mut room)),
            Key::Cancel => drop(room.ask("ann", cancel("drain"))),
            Key::Propose => drop(room.propose("ann", "drain")),
        }
    }
    room
}

proptest! {
    #![proptest_config(cases(256))]

    /// Whatever the two clocks do, and however seldom the server looks at them.
    #[test]
    fn nothing_runs_after_either_limit(
        schedule in proptest::collection::vec((span(), skew(), key()), 1..24),
    ) {
        check(&play(&schedule))?;
    }
}

#[test]
fn the_random_schedules_do_run_something() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let schedule = proptest::collection::vec((span(), skew(), key()), 1..24);
    let mut ran = 0;
    for _ in 0..200 {
        let tree = schedule.new_tree(&mut runner).expect("a schedule");
        ran += check(&play(&tree.current())).expect("within all limits");
    }
    assert!(ran >= 10, "{ran} of 200 schedules ran anything");
}
