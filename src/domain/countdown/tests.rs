use super::*;
use crate::domain::command::Command;
use crate::domain::fact::Fact;
use crate::domain::fixture::*;
use crate::domain::forecast::{late_step, usual};
use crate::domain::history::{Learned, Spread, StepSpans};
use crate::domain::motion::{Motion, MotionNo};
use crate::domain::runbook::plan::{self, Plan};
use proptest::prelude::*;

const START: i64 = 1_700_000_000_000;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn at(after: u64) -> Timestamp {
    Timestamp::from_millis(START).plus(minutes(after))
}

/// A window of two hours from the start of a room, with 20 minutes of buffer.
fn with_window() -> Plan {
    let mut plan = plan();
    plan.window = Some(plan::Window {
        start: at(0),
        end: at(120),
        buffer: minutes(20),
    });
    plan
}

fn spread(n: u32, p50: u64, p75: u64, p95: u64) -> Spread {
    let ms = |minutes: u64| minutes * 60_000;
    Spread {
        n,
        p50_ms: ms(p50),
        p75_ms: ms(p75),
        p95_ms: ms(p95),
    }
}

fn learn(room: &mut Room, steps: Vec<StepSpans>) {
    let mut genesis = (*room.state.genesis).clone();
    genesis.learned = Learned {
        runs: 7,
        unread: 0,
        steps,
    };
    room.state.genesis = std::sync::Arc::new(genesis);
}

fn spans(step: &str, run: Option<Spread>, undo: Option<Spread>) -> StepSpans {
    StepSpans {
        step: id(step),
        run,
        undo,
    }
}

fn freeze(start: u64, end: u64) -> Freeze {
    Freeze {
        id: FreezeId::new("sale").expect("an id"),
        start: at(start),
        end: at(end),
        reason: "the sale".to_owned(),
        components: Vec::new(),
        except: Vec::new(),
    }
}

fn freeze_it(room: &mut Room, freeze: Freeze) {
    let mut genesis = (*room.state.genesis).clone();
    genesis.freezes = vec![freeze];
    room.state.genesis = std::sync::Arc::new(genesis);
}

#[test]
fn the_point_of_no_return_moves_as_steps_are_done_and_by_what_was_learned() {
    let mut plan = with_window();
    plan.steps[1].expected = Some(minutes(5));
    let mut room = Room::with(plan);
    let point = |room: &Room| point_of_no_return(&room.state);
    assert_eq!(point(&room), Some(at(100)), "nothing to undo yet");
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room.must("ann", start("backup"));
    assert_eq!(point(&room), Some(at(95)), "the backup is touched");
    assert!(rollback_estimate(&room.state).is_complete);
    learn(
        &mut room,
        vec![spans("backup", None, Some(spread(3, 6, 8, 12)))],
    );
    assert_eq!(point(&room), Some(at(88)), "nineteen of twenty, not half");
    room.exit(0);
    room.exit(0);
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    room.must("ann", propose("drain"));
    room.confirm("bob").expect("confirmed");
    room.must("ann", go("drain"));
    let estimate = rollback_estimate(&room.state);
    assert_eq!((estimate.steps, estimate.is_complete), (2, false));
    room.exit(0);
    room.exit(0);
    room.must("ann", rollback());
    room.exit(0);
    assert_eq!(
        rollback_estimate(&room.state).steps,
        1,
        "the drain is undone"
    );
}

#[test]
fn a_maintenance_begins_with_its_window_and_not_before() {
    let mut plan = with_window();
    plan.window.as_mut().expect("there").start = at(10);
    let mut room = Room::with(plan);
    let refusal = room.ask("ann", Command::Begin).expect_err("too early");
    assert!(
        refusal.reason.contains("has not begun: it does in 10m00s"),
        "{refusal}"
    );
    assert!(
        refusal
            .hint
            .contains("begin it from 2023-11-14T22:23:20Z (UTC) on"),
        "{refusal:?}"
    );
    room.wait(minutes(10));
    room.must("ann", Command::Begin);
}

#[test]
fn a_freeze_stops_begin_and_destructive_work_until_two_people_say_otherwise() {
    let mut room = Room::new();
    freeze_it(&mut room, freeze(0, 60));
    let refusal = room.ask("ann", Command::Begin).expect_err("frozen");
    assert!(
        refusal.reason.contains("freeze `sale` is on until"),
        "{refusal}"
    );
    let id = FreezeId::new("sale").expect("an id");
    room.world.freezes.insert(
        id.clone(),
        Applies::Unknown {
            what: "db-1".to_owned(),
        },
    );
    room.ask("ann", Command::Begin)
        .expect_err("what is not known counts");
    let mut elsewhere = room.clone();
    elsewhere.world.freezes.insert(id.clone(), Applies::No);
    elsewhere.must("ann", Command::Begin);
    room.must(
        "ann",
        Command::Move {
            what: Motion::OverrideFreeze { freeze: id },
            reason: "the disk fills up".to_owned(),
            signed: None,
        },
    );
    room.ask("bob", Command::Begin).expect_err("not yet");
    room.must(
        "bob",
        Command::Second {
            no: MotionNo(1),
            adopted: None,
            signed: None,
        },
    );
    room.must("bob", Command::Begin);

    let mut room = Room::at_proposal();
    freeze_it(&mut room, freeze(0, 60));
    room.propose("ann", "drain").expect_err("frozen");
    // It begins between the confirm and go.
    let mut room = Room::proposed();
    freeze_it(&mut room, freeze(1, 60));
    room.now = room.now.plus(minutes(1));
    room.confirm("bob").expect("confirmed");
    assert!(
        room.state
            .proposal
            .as_ref()
            .is_some_and(|p| p.armed.is_none())
    );
    let mut room = Room::armed();
    freeze_it(&mut room, freeze(1, 60));
    room.now = room.now.plus(minutes(1));
    let refusal = room.ask("ann", go("drain")).expect_err("frozen");
    assert!(refusal.reason.contains("freeze `sale`"), "{refusal}");
}

#[test]
fn what_is_confirmed_past_the_point_arms_once_two_people_have_extended_the_window() {
    let mut room = Room::at_drain_of(with_window());
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    room.wait(minutes(90));
    room.must("ann", propose("drain"));
    room.now = room.now.plus(minutes(10));
    room.confirm("bob").expect("confirmed");
    let is_armed = |room: &Room| {
        room.state
            .proposal
            .as_ref()
            .is_some_and(|p| p.armed.is_some())
    };
    assert!(!is_armed(&room), "no time is left to go back");
    room.must(
        "cho",
        Command::Move {
            what: Motion::ExtendWindow { until: at(150) },
            reason: "the copy is slow".to_owned(),
            signed: None,
        },
    );
    assert!(!is_armed(&room), "one person extends nothing");
    room.must(
        "bob",
        Command::Second {
            no: MotionNo(1),
            adopted: None,
            signed: None,
        },
    );
    assert!(is_armed(&room));
    room.must("ann", go("drain"));
    room.check_fold();
}

fn jumped(room: &mut Room, by: u64) {
    // The wall clock alone.
    room.now.wall = room.now.wall.plus(minutes(by));
}

#[test]
fn nothing_destructive_arms_or_goes_by_a_clock_that_nobody_believes() {
    let is_armed = |room: &Room| {
        let open = room.state.proposal.as_ref();
        open.is_some_and(|open| open.armed.is_some())
    };
    let mut room = Room::at_drain_of(with_window());
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    jumped(&mut room, 10);
    // What is not destructive goes on, and it can be proposed: somebody may have to go alone.
    room.propose("ann", "drain").expect("proposed");
    room.confirm("bob").expect("confirmed");
    assert!(!is_armed(&room), "it was set forward");
    let main = crate::domain::id::ConnectorName::new("main").expect("a name");
    let mut wrong = room.clone();
    wrong.world.clock.hear(&main, Some(-600_000), wrong.now);
    wrong.settle();
    assert!(!is_armed(&wrong), "it was set wrong");
    room.world.clock.hear(&main, Some(40), room.now);
    room.settle();
    assert!(is_armed(&room), "it was set right");
    // Between arming and go as well.
    room.world.clock.hear(&main, Some(45_000), room.now);
    let refused = room.ask("ann", go("drain")).expect_err("not known");
    let why =
        "the clock of this host is not believed, since the clock of `main` is 45s ahead of it";
    assert!(refused.reason.contains(why), "{refused}");
    assert!(refused.hint.contains("the way back"), "{refused}");
    let mut back = room.clone();
    back.must("ann", rollback());
    back.check_fold();
    room.world.clock.hear(&main, Some(29_000), room.now);
    room.must("ann", go("drain"));
    room.check_fold();
}

#[test]
fn a_clock_matters_where_a_window_or_a_near_freeze_is_judged_by_it() {
    let doubt = |by| Some((minutes(by), "it was set back"));
    let mut room = Room::with(plan());
    room.must("ann", Command::Begin);
    let mut none = BTreeMap::new();
    let asks = |room: &Room, freezes: &BTreeMap<FreezeId, Applies>, by| {
        unsure(&room.state, freezes, room.now.wall, doubt(by)).is_some()
    };
    assert!(!asks(&room, &none, 60), "nothing hangs on it");
    let day = 24 * 60;
    freeze_it(&mut room, freeze(day, 2 * day));
    assert!(asks(&room, &none, 60), "it may be on");
    freeze_it(&mut room, freeze(day + 1, 2 * day));
    assert!(!asks(&room, &none, 60), "it is far away");
    assert!(asks(&room, &none, day + 1), "and so may the time be");
    none.insert(FreezeId::new("sale").expect("an id"), Applies::No);
    assert!(!asks(&room, &none, day + 1), "it is about other work");
    let room = Room::at_drain_of(with_window());
    assert!(asks(&room, &none, 1));
    assert!(unsure(&room.state, &none, room.now.wall, None).is_none());
    let mut back = room;
    back.must("ann", rollback());
    assert!(!asks(&back, &none, 1), "the way back asks nothing");
}

#[test]
fn forecast_and_burn_say_what_is_known_and_how_much_is_not() {
    let mut room = Room::with(with_window());
    assert_eq!(
        crate::domain::forecast::forecast(&room.state, room.now.wall),
        None
    );
    room.must("ann", Command::Begin);
    let six: Vec<StepSpans> = ["look", "backup", "drain", "wipe", "part-a", "part-b"]
        .map(|step| spans(step, Some(spread(7, 10, 12, 18)), None))
        .into();
    let few = six.iter().take(4).cloned().collect();
    learn(&mut room, few);
    let forecast = crate::domain::forecast::forecast(&room.state, at(0)).expect("it runs");
    assert_eq!(
        (forecast.likely, forecast.late, forecast.unknown),
        (at(40), at(72), 2)
    );
    assert_eq!(
        burn(&room.state, at(0)).expect("a buffer").forecast,
        None,
        "two are unknown"
    );
    learn(&mut room, six);
    let all = burn(&room.state, at(0)).expect("a buffer");
    assert_eq!((all.used, all.forecast), (Duration::ZERO, Some(minutes(8))));
    assert_eq!(all.percent(minutes(8)), 40);
    let late = burn(&room.state, at(105)).expect("a buffer");
    assert_eq!((late.used, late.forecast), (minutes(5), Some(minutes(20))));
    room.must("ann", mark_done("look"));
    room.must("ann", start("backup"));
    assert!(late_step(&room.state, room.now.wall.plus(minutes(12))).is_none());
    let now = room.now.wall.plus(minutes(13));
    let slow = late_step(&room.state, now).expect("beyond p75").to_string();
    assert_eq!(
        slow,
        "step 1.1 `backup` takes 13m00s already, p75 12m00s n=7"
    );
    learn(&mut room, Vec::new());
    assert!(
        late_step(&room.state, now).is_none(),
        "nobody knows how long it takes"
    );
    let view = room.state.find(&id("backup")).expect("a step");
    assert_eq!(usual(&room.state, view), None);
}

proptest! {
    /// Whatever people ask, and however late: no destructive command starts before the window, past the point of no
    /// return, or in a freeze, unless two people have agreed to it.
    #[test]
    fn nothing_destructive_starts_out_of_time(
        wait in 0_u64..200,
        more in 0_u64..14,
        begins in 0_u64..60,
        frozen in proptest::option::of((0_u64..200, 1_u64..100)),
        extended in proptest::option::of(1_u64..120),
        seconded in any::<bool>(),
    ) {
        let mut room = Room::at_drain_of(with_window());
        room.must("ann", start("drain"));
        room.exit(0);
        room.open_gate();
        // The window is another one from here on, as if the clock had been set back.
        let mut genesis = (*room.state.genesis).clone();
        let window = genesis.plan.window.as_mut().expect("there");
        window.start = at(begins);
        genesis.freezes = frozen.map(|(from, long)| freeze(from, from + long)).into_iter().collect();
        room.state.genesis = std::sync::Arc::new(genesis);
        room.wait(minutes(wait));
        if let Some(by) = extended {
            let what = Motion::ExtendWindow { until: at(120 + by) };
            let reason = "late".to_owned();
            let moved = Command::Move { what, reason, signed: None };
            if room.ask("ann", moved).is_ok() && seconded {
                room.must("bob", Command::Second { no: MotionNo(1), adopted: None, signed: None });
            }
        }
        room.propose("ann", "drain").ok();
        if room.state.proposal.is_some() {
            room.confirm("bob").ok();
        }
        room.now = room.now.plus(minutes(more));
        let went = room.ask("ann", go("drain")).is_ok();
        let now = room.now.wall;
        let is_extended = extended.is_some() && room.state.extension().is_some();
        if went {
            let end = if is_extended { at(120 + extended.unwrap_or(0)) } else { at(120) };
            prop_assert!(now >= at(begins));
            // The backup declares nothing, so the buffer alone is kept.
            prop_assert!(now < end.minus(minutes(20)));
            prop_assert!(!frozen.is_some_and(|(from, long)| at(from) <= now && now < at(from + long)));
            prop_assert!(is_extended || now < at(100));
        }
        let starts = room.records.iter().filter(|r| matches!(r.fact, Fact::ExecIntent { nonce: Some(_), .. }));
        prop_assert_eq!(starts.count(), usize::from(went));
    }
}
