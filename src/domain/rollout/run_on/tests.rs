//! Rollouts that go by themselves: what is begun, what ends it, and what a journal cannot say of it.

mod waits;

use super::super::tests::{ONE_STEP, SIDES, SWITCH, go_on, plan, refused, room, skip_unit};
use crate::domain::apply::check_apply;
use crate::domain::board::Board;
use crate::domain::command::Command;
use crate::domain::confirm::ABSENCE_MAX;
use crate::domain::fact::{Actor, Fact, Finding, Halt, Quote, RolloutEvent, RolloutNews};
use crate::domain::fixture::*;
use crate::domain::freeze::Freeze;
use crate::domain::id::{AttemptNo, FreezeId};
use crate::domain::reading::Sample;
use crate::domain::runbook::plan::{ExecRole, Window};
use crate::domain::state::{Phase, Stage, State, StepStatus};
use crate::domain::threshold::{OnBreach, Unknown, Verdict};
use crate::domain::time::Timestamp;
use crate::domain::what_now::what_now;
use crate::domain::world::{Roles, Roster};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const THREE: &str = "for_each = [\"a\", \"b\", \"c\"]";

const fn word(on: bool) -> Command {
    Command::RunOn { phase: 0, on }
}

fn news(event: RolloutEvent) -> Fact {
    Fact::Rollout(RolloutNews { phase: 0, event })
}

/// Ann has said that it goes by itself.
fn going(phase: &str, steps: &str) -> Room {
    let mut room = room(phase, steps);
    room.must("ann", word(true));
    room
}

fn halted(room: &Room) -> Option<Halt> {
    let halted = room.state.rollout(0).halted.as_deref();
    halted.map(|halted| halted.why.clone())
}

fn runs(room: &Room) -> Option<String> {
    room.running().map(|key| key.step.to_string())
}

fn floor(room: &mut Room, value: Result<f64, Unknown>, at: Timestamp) {
    let seen = value.map(|value| Quote {
        series: String::new(),
        sample: Sample { at, value },
        age_ms: 0,
    });
    room.world.floors.insert(rule("floor-roll"), seen);
    room.settle();
}

fn line(room: &Room) -> String {
    let line = what_now(&room.state, &Board::default(), room.now, &actor("ann"));
    format!("{} ({}) {}", line.what, line.why, line.who)
}

#[test]
fn one_word_carries_a_rollout_through_its_pauses_to_the_end_of_its_phase() {
    let phase = format!("{THREE}\npause = \"5m\"");
    let steps =
        format!("{ONE_STEP}\n## Later\n\n- [ ] Tidy up\n  ```sh run id=tidy\n  true\n  ```\n");
    let mut room = going(&phase, &steps);
    for unit in ["a", "b", "c"] {
        assert_eq!(runs(&room), Some(format!("restart.{unit}")));
        room.exit(0);
        assert_eq!(room.running(), None);
        if unit != "c" {
            assert!(line(&room).contains("waits for the end of the pause"));
            room.wait(Duration::from_secs(299));
            assert_eq!(room.running(), None);
            room.wait(Duration::from_secs(1));
        }
    }
    assert_eq!(halted(&room), Some(Halt::Done));
    room.wait(Duration::from_secs(3600));
    assert_eq!(room.status("tidy"), &StepStatus::Pending, "another phase");
    let by_itself = |record: &&crate::domain::fact::Stamped| {
        record.actor == Actor::Engine && matches!(record.fact, Fact::StepStarted { .. })
    };
    assert_eq!(room.records.iter().filter(by_itself).count(), 3);
    assert_eq!(room.state.steps[0].by, "ann", "who said it watches over it");
    room.check_fold();
}

#[test]
fn a_person_ends_a_pause_early_and_it_goes_on() {
    let mut room = going(&format!("{THREE}\npause = \"5m\""), ONE_STEP);
    room.exit(0);
    room.must("bob", go_on(1, ""));
    assert_eq!(runs(&room), Some("restart.b".to_owned()));
    room.check_fold();
}

/// What somebody or something does, and what it ends with.
type Trouble = (fn(&mut Room), Halt);

#[test]
fn it_ends_at_the_first_thing_that_is_not_well_and_never_begins_anew_by_itself() {
    let step = || id("restart.a");
    let table: [Trouble; 8] = [
        (|room| room.exit(1), Halt::Failed { step: step() }),
        (|room| room.lose(), Halt::Unknown { step: step() }),
        (|room| room.must("bob", stop("restart.a")), Halt::Word),
        (|room| room.must("bob", hold()), Halt::Held),
        (
            |room| room.verdict(Verdict::Fail),
            Halt::Breach {
                rule: rule("errors"),
            },
        ),
        (|room| room.must("cho", word(false)), Halt::Word),
        (
            |room| {
                let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
                room.record(&Actor::Engine, Fact::SessionResumed { program, host });
                room.settle();
                room.attach(20, "bob");
            },
            Halt::Restart,
        ),
        (|room| room.must("bob", rollback()), Halt::Back),
    ];
    for (number, (trouble, why)) in table.into_iter().enumerate() {
        let mut plan = plan(THREE, ONE_STEP);
        plan.rules = vec![guard(OnBreach::Warn)];
        let mut room = Room::with(plan);
        room.must("ann", Command::Begin);
        room.must("ann", word(true));
        assert_eq!(runs(&room), Some("restart.a".to_owned()));
        trouble(&mut room);
        if number == 2 {
            // It is stopped, and that is a failure.
            room.end(crate::domain::fact::Outcome::Stopped);
            assert_eq!(halted(&room), Some(Halt::Failed { step: step() }));
        } else {
            assert_eq!(halted(&room), Some(why), "{number}");
        }
        // Everything is well again, and yet nothing begins.
        room.verdict(Verdict::Pass);
        if room.running().is_some() {
            room.exit(0);
        }
        drop(room.ask("bob", release()));
        drop(room.ask("bob", resolve("restart.a", Finding::Ran)));
        drop(room.ask("bob", retry("restart.a")));
        room.wait(Duration::from_secs(3600));
        assert_eq!(room.running(), None, "{number}");
        if room.state.phase == Phase::Running {
            assert!(line(&room).contains("stopped"), "{}", line(&room));
            room.must("bob", word(true));
            assert!(room.running().is_some(), "{number}");
            assert_eq!(halted(&room), None);
        }
        room.check_fold();
    }
}

#[test]
fn too_many_units_that_were_left_out_end_it() {
    let steps = "- [ ] Look at {{component}}\n  ```toml step\n  id = \"look\"\n  ```\n- [ ] Restart {{component}}\n  ```sh run id=restart\n  true\n  ```\n";
    let mut room = going(THREE, steps);
    assert!(line(&room).contains("then mark it done (the rest follows then)"));
    room.must("ann", mark_done("look.a"));
    assert_eq!(runs(&room), Some("restart.a".to_owned()), "behind the hand");
    room.exit(1);
    room.must("ann", skip_unit("restart.a"));
    let why = refused(&mut room, word(true));
    assert_eq!(why, "cannot run on: 1 failed or were left out, 0 may");
    room.must("ann", go_on(1, "it is old"));
    room.must("ann", word(true));
    room.must("ann", mark_done("look.b"));
    assert_eq!(runs(&room), Some("restart.b".to_owned()));
    room.check_fold();
}

#[test]
fn a_destructive_step_waits_for_two_people_as_ever() {
    let steps = "- [ ] Wipe {{component}}\n  ```sh check\n  true\n  ```\n  ```sh run destructive id=wipe component={{component}}\n  true\n  ```\n- [ ] Fill {{component}}\n  ```sh run id=fill\n  true\n  ```\n";
    let mut room = going("for_each = [\"a\", \"b\"]", steps);
    assert_eq!(runs(&room), Some("wipe.a".to_owned()), "its check");
    room.exit(0);
    let stage = Stage::NeedsProposal;
    assert_eq!(room.status("wipe.a"), &StepStatus::Active { stage });
    room.wait(Duration::from_secs(3600));
    assert_eq!(room.running(), None);
    assert_eq!(room.state.proposal, None);
    room.must("ann", propose("wipe.a"));
    room.wait(Duration::from_secs(30));
    assert_eq!(room.running(), None);
    room.confirm("bob").expect("confirmed");
    room.wait(Duration::from_secs(30));
    assert_eq!(room.running(), None, "armed is not gone");
    room.must("ann", go("wipe.a"));
    room.exit(0);
    assert_eq!(
        runs(&room),
        Some("fill.a".to_owned()),
        "and then it goes on"
    );
    room.exit(0);
    assert_eq!(runs(&room), Some("wipe.b".to_owned()));
    room.check_fold();
}

#[test]
fn the_floor_is_asked_anew_behind_each_unit() {
    let mut room = going(&format!("{THREE}\nfloor = \"sum(up) >= 2\""), ONE_STEP);
    assert_eq!(room.running(), None, "nobody knows");
    assert!(line(&room).contains("waits before it begins by itself"));
    let now = room.now.wall;
    floor(&mut room, Err(Unknown::Stale), now);
    floor(&mut room, Ok(2.0), now);
    assert_eq!(room.running(), None, "too few");
    floor(&mut room, Ok(3.0), now);
    assert_eq!(runs(&room), Some("restart.a".to_owned()));
    room.wait(Duration::from_secs(2));
    room.exit(0);
    // The sample is of before the restart: a person would look first.
    assert_eq!(room.running(), None);
    let view = room.state.next_by_itself().expect("it is next");
    let seen = room.world.floors.get(&rule("floor-roll"));
    let waits = super::waits(&room.state, view, seen, room.now).expect("it waits");
    assert_eq!(waits.why, "the floor is measured anew first");
    assert!(waits.is_usual);
    let ended = room.now.wall;
    floor(&mut room, Ok(3.0), ended);
    assert_eq!(room.running(), None);
    // The clock of who measures it is ahead: it arrived before the end all the same.
    floor(&mut room, Ok(3.0), ended.plus(Duration::from_secs(20)));
    assert_eq!(room.running(), None);
    room.now = room.now.plus(Duration::from_secs(2));
    let late = room.world.floors.get_mut(&rule("floor-roll"));
    let late = late.and_then(|seen| seen.as_mut().ok()).expect("a value");
    late.age_ms = 2_000;
    room.settle();
    assert_eq!(room.running(), None, "just then");
    floor(&mut room, Ok(2.0), ended.plus(Duration::from_secs(1)));
    assert_eq!(room.running(), None, "it is not back yet");
    assert!(room.state.runs_on().is_some(), "which is worth a wait");
    floor(&mut room, Ok(3.0), ended.plus(Duration::from_secs(2)));
    assert_eq!(runs(&room), Some("restart.b".to_owned()));
    room.check_fold();
}

#[test]
fn nothing_begins_on_a_guard_that_nobody_knows_or_with_nobody_there() {
    let mut plan = plan(THREE, ONE_STEP);
    plan.rules = vec![guard(OnBreach::Warn)];
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.verdict(Verdict::Unknown(Unknown::Stale));
    room.must("ann", word(true));
    assert_eq!(room.running(), None);
    assert!(line(&room).contains("guard `error ratio` is not known to be good"));
    for terminal in 0..3 {
        room.detach(terminal);
    }
    room.verdict(Verdict::Pass);
    assert_eq!(room.running(), None, "nobody could stop it");
    room.attach_as(7, "bob", true);
    assert_eq!(room.running(), None, "nor can who only looks");
    room.attach(8, "bob");
    assert_eq!(runs(&room), Some("restart.a".to_owned()));
    room.wait(ABSENCE_MAX + Duration::from_secs(1));
    room.exit(0);
    assert_eq!(room.running(), None, "who said so is away for too long");
    assert!(line(&room).contains("`ann`, who said so, is away"));
    room.attach(9, "ann");
    assert_eq!(runs(&room), Some("restart.b".to_owned()));
    room.check_fold();
}

#[test]
fn a_switch_is_moved_by_a_person() {
    let mut room = room(SIDES, SWITCH);
    room.must("ann", word(true));
    room.must("ann", mark_done("roll-deploy-component.g-1"));
    room.wait(Duration::from_secs(60));
    assert_eq!(room.running(), None);
    assert!(line(&room).contains("a switch is moved by a person"));
    room.must("ann", start("switch"));
    room.exit(0);
    assert_eq!(halted(&room), Some(Halt::Done));
    assert_eq!(room.running(), None, "the next phase is begun by hand");
    room.check_fold();
}

#[test]
fn who_may_not_begin_a_step_may_not_say_it_and_it_ends_with_the_role() {
    let mut room = room(THREE, ONE_STEP);
    let approver = Roles {
        approver: true,
        ..Roles::OBSERVER
    };
    let people = |ann| {
        let people = [("ann", ann), ("bob", Roles::BOTH)];
        let people = people.map(|(name, roles)| (person(name), roles));
        Roster::Named(BTreeMap::from(people))
    };
    room.world.roster = people(approver);
    assert!(refused(&mut room, word(true)).contains("it needs the role operator"));
    assert!(room.ask("cho", word(true)).is_err());
    room.world.roster = people(Roles::BOTH);
    room.must("ann", word(true));
    assert_eq!(runs(&room), Some("restart.a".to_owned()));
    room.world.roster = people(approver);
    room.exit(0);
    assert_eq!(halted(&room), Some(Halt::Role));
    assert_eq!(room.running(), None);
    // Whoever may hold may end it.
    room.must("bob", word(true));
    room.must("ann", word(false));
    assert_eq!(halted(&room), Some(Halt::Word));
    room.exit(0);
    assert_eq!(room.running(), None, "what ran went on, and nothing else");
    room.check_fold();
}

#[test]
fn it_is_refused_where_it_means_nothing_or_something_is_not_well() {
    let mut early = Room::with(plan(THREE, ONE_STEP));
    assert!(refused(&mut early, word(true)).contains("has not begun"));
    let mut room = going(THREE, ONE_STEP);
    assert!(refused(&mut room, word(true)).contains("it goes by itself already"));
    room.must("bob", hold());
    assert!(refused(&mut room, word(true)).contains("a hold was set"));
    assert!(refused(&mut room, word(false)).contains("it does not go by itself"));
    room.must("bob", release());
    room.exit(1);
    let why = refused(&mut room, word(true));
    assert!(why.contains("`Restart a` failed"), "{why}");
    room.must("bob", rollback());
    assert!(refused(&mut room, word(true)).contains("the maintenance is over"));
    let mut small = Room::at_drain();
    let why = refused(&mut small, word(true));
    assert!(why.contains("only the steps of a rollout"), "{why}");
    let phase = 99;
    assert!(refused(&mut small, Command::RunOn { phase, on: true }).contains("only the steps"));
}

fn with_window(room: &mut Room, ends_in: u64) {
    let mut genesis = (*room.state.genesis).clone();
    let start = room.now.wall;
    genesis.plan.window = Some(Window {
        start,
        end: start.plus(Duration::from_secs(ends_in)),
        buffer: Duration::from_secs(60),
    });
    room.state.genesis = Arc::new(genesis);
}

fn with_freeze(room: &mut Room, begins_in: u64) {
    let mut genesis = (*room.state.genesis).clone();
    let start = room.now.wall.plus(Duration::from_secs(begins_in));
    genesis.freezes = vec![Freeze {
        id: FreezeId::new("eoq").expect("a name"),
        start,
        end: start.plus(Duration::from_secs(3600)),
        reason: "end of quarter".to_owned(),
        components: Vec::new(),
        except: Vec::new(),
    }];
    room.state.genesis = Arc::new(genesis);
}

/// What bars, how many seconds it is given, and what is said then.
type Bar = (fn(&mut Room, u64), u64, &'static str);

#[test]
fn the_point_of_no_return_and_a_freeze_end_it() {
    let cases: [Bar; 2] = [
        (with_window, 160, "the point of no return was"),
        (with_freeze, 100, "freeze `eoq` is on"),
    ];
    for (bar, seconds, why) in cases {
        let mut room = going(THREE, ONE_STEP);
        bar(&mut room, seconds);
        room.wait(Duration::from_secs(99));
        room.exit(0);
        assert_eq!(runs(&room), Some("restart.b".to_owned()));
        room.wait(Duration::from_secs(1));
        let Some(Halt::Barred { what }) = halted(&room) else {
            panic!("{:?}", halted(&room));
        };
        assert!(what.starts_with(why), "{what}");
        room.exit(0);
        assert_eq!(room.running(), None);
        assert!(refused(&mut room, word(true)).contains(why));
    }
}

#[test]
fn a_journal_cannot_say_that_something_began_by_itself_without_the_word() {
    let told = |room: &Room, who: &Actor, facts: &[Fact]| {
        let mut state = room.state.clone();
        let mut last = Ok(());
        for fact in facts {
            let seq = state.head.0.next();
            let record = stamp(seq, room.now, who.clone(), fact.clone());
            last = check_apply(&mut state, &record).map_err(|error| error.to_string());
        }
        last.err().unwrap_or_default()
    };
    let begins = || {
        let component = "a".to_owned();
        let floor = None;
        let (step, attempt) = (id("restart.a"), AttemptNo(1));
        let begun = news(RolloutEvent::UnitBegun { component, floor });
        [begun, Fact::StepStarted { step, attempt }]
    };
    let quiet = room(THREE, ONE_STEP);
    let (engine, ann) = (Actor::Engine, actor("ann"));
    assert_eq!(told(&quiet, &ann, &begins()), "");
    let without = "nobody has said that it goes by itself";
    assert!(told(&quiet, &engine, &begins()[..1]).contains(without));
    let mut begun = quiet.clone();
    begun.record(&ann, begins()[0].clone());
    assert!(told(&begun, &engine, &begins()[1..]).contains(without));
    let on = news(RolloutEvent::RunsOn);
    assert!(told(&quiet, &engine, std::slice::from_ref(&on)).contains("nobody said it"));
    let mut said = quiet;
    said.record(&ann, on.clone());
    assert_eq!(told(&said, &engine, &begins()), "");
    assert!(told(&said, &ann, std::slice::from_ref(&on)).contains("already"));
    let ends = |halt| news(RolloutEvent::RunsOnEnded { halt });
    for wrong in [Halt::Held, Halt::Done, Halt::Restart, Halt::Word] {
        let why = told(&said, &engine, &[ends(wrong)]);
        assert!(why.contains("that did not end it"), "{why}");
    }
    assert!(told(&said, &ann, &[ends(Halt::Role)]).contains("that did not end it"));
    assert_eq!(told(&said, &ann, &[ends(Halt::Word)]), "");
    assert_eq!(told(&said, &engine, &[ends(Halt::Role)]), "");
    // A crash between what ends it and the record of that: nothing begins, whatever comes to good meanwhile.
    let cause = crate::domain::fact::HoldCause::Restart;
    let released = Fact::Released {
        reason: "fine".to_owned(),
    };
    said.record(&engine, Fact::Held(cause));
    said.record(&ann, released);
    assert!(told(&said, &engine, &begins()[..1]).contains(without));
    assert_eq!(told(&said, &engine, &[ends(Halt::Held)]), "");
    said.settle();
    assert_eq!(halted(&said), Some(Halt::Held));
    assert!(told(&said, &ann, &[ends(Halt::Word)]).contains("it does not go by itself"));
    said.check_fold();
}

/// What began by itself, judged against the states before it.
fn judge(room: &Room) {
    let mut state: Option<State> = None;
    for record in &room.records {
        if let Fact::SessionOpened(genesis) = &record.fact {
            state = Some(State::new((**genesis).clone(), record.hash, record.at));
            continue;
        }
        let before = state.as_mut().expect("opened");
        match &record.fact {
            Fact::StepStarted { step, .. } if record.actor == Actor::Engine => {
                let (phase, run_on) = before.runs_on().expect("somebody said so");
                assert_eq!((phase, &run_on.ends), (0, &None), "{step}");
                assert!(!before.is_held(), "{step}");
                assert_eq!(before.phase, Phase::Running, "{step}");
                let failed = |view: crate::domain::readiness::StepView<'_>| {
                    matches!(
                        view.now.status,
                        StepStatus::Failed { .. } | StepStatus::Unknown
                    )
                };
                assert!(!before.views().any(failed), "{step}");
                assert_eq!(before.rollout_wait(0), None, "{step}");
            }
            Fact::ExecIntent {
                key,
                role: ExecRole::Run,
                nonce,
            } => {
                let view = before.find(&key.step).expect("a step");
                let needs = view.plan.risk.needs_second_person();
                assert_eq!(needs, nonce.is_some(), "{key}");
                if needs {
                    assert!(record.actor.person().is_some(), "{key}: nobody said go");
                    let open = before.proposal.as_ref().expect("one is open");
                    assert!(!open.confirms.is_empty(), "{key}");
                }
            }
            Fact::StepProposed { .. } | Fact::StepConfirmed(_) => {
                assert!(record.actor.person().is_some());
            }
            _ => {}
        }
        check_apply(before, record).expect("it folds");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever people do and whatever fails: what begins by itself is covered by a word that nothing has ended, and what is
    /// destructive by two people.
    #[test]
    fn nothing_begins_by_itself_that_nobody_has_said(
        units in 1_usize..5,
        acts in prop::collection::vec((0_u8..16, any::<bool>()), 1..80),
    ) {
        let names: Vec<String> = (0..units).map(|n| format!("\"u-{n}\"")).collect();
        let phase = format!("for_each = [{}]\npause = \"1m\"\nmax_failed = 1", names.join(", "));
        let steps = "- [ ] Drain {{component}}\n  ```sh run id=drain\n  true\n  ```\n- [ ] Wipe {{component}}\n  ```sh run destructive id=wipe component={{component}}\n  true\n  ```\n- [ ] Look\n  ```toml step\n  id = \"look\"\n  ```\n";
        let mut room = room(&phase, steps);
        for (act, is_good) in acts {
            let open = room.state.first_open().map(|view| view.plan.id.to_string());
            let Some(step) = open else { break };
            let attempt = room.state.proposal.as_ref().map_or(1, |open| open.terms.attempt.0);
            match act {
                0..=2 => drop(room.ask("ann", word(true))),
                3 => drop(room.ask("bob", word(false))),
                4 => drop(room.ask("ann", start(&step))),
                5 => drop(room.ask("ann", retry(&step))),
                6 => drop(room.ask("ann", propose(&step))),
                7 => drop(room.confirm("bob")),
                8 => drop(room.ask("ann", go_for(&step, attempt))),
                9 => drop(room.ask("ann", mark_done(&step))),
                10 => drop(room.ask("ann", skip_unit(&step))),
                11 => drop(room.ask("cho", hold())),
                12 => drop(room.ask("cho", release())),
                13 => drop(room.ask("bob", go_on(room.state.batch_behind(0), "because"))),
                _ => room.wait(Duration::from_secs(40)),
            }
            if room.running().is_some() {
                room.exit(u8::from(!is_good && act > 9).into());
            }
        }
        judge(&room);
        room.check_fold();
    }
}
