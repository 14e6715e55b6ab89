//! Every order of events of a small maintenance, by a model checker, through the functions the server calls: what is
//! decided, what follows by itself, what a fact changes, what a durable fact makes necessary and what a new server
//! writes first (`TWO_PERSON` 10.3).
//!
//! A scene is the real state and a ghost of what really happened; the properties are judged on the ghost. Two or three
//! troubles of any kind at any points are gone through, so the number of scenes is finite and the same on every run.
//! `WARROOM_MODEL=long` allows one more and takes minutes; `--nocapture` shows the numbers of scenes and
//! the way to each defect.
//!
//! Each guard is switched off in turn, and the checker must find what it was there for: a property list that misses one
//! is a defect of the list.

mod act;
mod acts;
mod ghost;
mod scene;

use crate::domain::apply::apply;
use crate::domain::fact::{Actor, CloseCause, Fact, Stamped};
use crate::domain::fixture::{self, actor, exec, guard, id, stamp, step};
use crate::domain::id::{AttemptNo, Seq, TerminalId};
use crate::domain::mutant::{Guard, Off};
use crate::domain::runbook::plan::{ExecRole, Plan, PlanBlock, Risk, Rollout, Strategy, Unit};
use crate::domain::state::{Phase, State, StepStatus};
use crate::domain::threshold::{OnBreach, Verdict};
use crate::domain::time::{Moment, Timestamp};
use acts::{Act, TERMINALS};
use ghost::*;
use scene::{Asks, PEOPLE, STEPS, Scene, TOUCHED};
use stateright::{Checker, Property};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// The first so many of [`PEOPLE`].
    people: usize,
    /// Confirmers that each step needs.
    quorum: [u8; 2],
    /// The first so many of them are named as executor.
    executors: usize,
    /// Proposals.
    offers: usize,
    /// Things that go wrong.
    troubles: u8,
    /// Step one was skipped, so that it can come back while step two is under way.
    skips: bool,
    /// The steps are units of a rollout, and nobody starts one: somebody says that it goes by itself.
    rolls: bool,
    /// Of confirmers, beyond their number.
    asks: Asks,
}

/// Ann, who has two terminals, and Bob.
const PAIR: Bounds = Bounds {
    people: 2,
    quorum: [1, 1],
    executors: 1,
    offers: 2,
    troubles: 3,
    skips: false,
    rolls: false,
    asks: Asks::NOTHING,
};

/// A rollout that goes by itself.
const ROLL: Bounds = Bounds {
    troubles: 2,
    rolls: true,
    ..PAIR
};

/// Step two is under way and step one may come back.
const BACK: Bounds = Bounds {
    offers: 3,
    troubles: 2,
    skips: true,
    ..PAIR
};

/// With Cho, a step that needs two others, and executors who are not the proposer.
const THREE: Bounds = Bounds {
    people: 3,
    quorum: [2, 1],
    executors: 2,
    offers: 2,
    troubles: 2,
    skips: false,
    rolls: false,
    asks: Asks::NOTHING,
};

/// A class that asks for a signature, and what is about to be touched.
const SIGNED: Bounds = Bounds {
    offers: 1,
    troubles: 2,
    asks: Asks::ALL,
    ..PAIR
};

/// The same with two confirmers, of whom one may give the confirm anew with another key.
const SIGNED_TWICE: Bounds = Bounds {
    people: 3,
    quorum: [2, 1],
    troubles: 1,
    ..SIGNED
};

/// A guard that is off, or a server that does not do as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    Off(Guard),
    /// Intents are not durable before the command is started.
    Hasty,
    /// A command that was started is started again.
    Twice,
}

struct Model {
    bounds: Bounds,
    defect: Option<Defect>,
    /// The one property that is looked at; else all are.
    only: Option<&'static str>,
    /// Causes that have ended a proposal, so that a model of nothing is noticed.
    causes: Mutex<BTreeSet<&'static str>>,
}

impl Model {
    fn new(bounds: Bounds, defect: Option<Defect>) -> Self {
        let causes = Mutex::default();
        Self {
            bounds,
            defect,
            only: None,
            causes,
        }
    }

    /// As long as the value lives, this thread decides without the guard.
    fn switch(&self) -> Off {
        Off::new(match self.defect {
            Some(Defect::Off(guard)) => Some(guard),
            Some(Defect::Hasty | Defect::Twice) | None => None,
        })
    }

    fn note(&self, record: &Stamped) {
        if let Fact::ProposalClosed { why, .. } = &record.fact {
            let cause = match why {
                CloseCause::Rejected { .. } => "rejected",
                CloseCause::Cancelled { .. } => "cancelled",
                CloseCause::Expired => "expired",
                CloseCause::ClockStep => "clock step",
                CloseCause::Changed { .. } => "changed",
                CloseCause::Guard { .. } => "guard",
                CloseCause::Absent { .. } => "absent",
                CloseCause::Policy | CloseCause::PolicyUnread { .. } => "policy",
                CloseCause::Revoked { .. } => "revoked",
                CloseCause::Mismatch { .. } => "mismatch",
                CloseCause::Session { .. } => "session",
                CloseCause::Scope { .. } => "scope",
                CloseCause::Vetoed { .. } => "vetoed",
                CloseCause::Restart => "restart",
            };
            self.causes.lock().expect("not poisoned").insert(cause);
        }
    }

    fn plan(&self) -> Plan {
        let steps = (1..).zip(STEPS.iter().zip(self.bounds.quorum));
        let steps = steps.map(|(batch, (name, quorum))| {
            let run = PlanBlock::Exec(exec(ExecRole::Run, name));
            let mut step = step(name, 0, vec![run]);
            step.risk = Risk::Destructive;
            step.quorum = quorum;
            step.component = Some(TOUCHED.0.to_owned());
            step.unit = self.bounds.rolls.then(|| Unit {
                component: (*name).to_owned(),
                batch,
                canary: false,
                env: BTreeMap::new(),
            });
            step
        });
        let mut plan = fixture::plan();
        plan.phases.truncate(1);
        let rollout = Rollout {
            for_each: STEPS.map(str::to_owned).into(),
            strategy: Strategy::Rolling,
            pause: None,
            max_failed: 0,
            floor: None,
            soak: None,
            sides: None,
        };
        plan.phases[0].rollout = self.bounds.rolls.then(|| Box::new(rollout));
        plan.steps = steps.collect();
        plan.rules = vec![guard(OnBreach::Warn)];
        plan
    }
}

impl stateright::Model for Model {
    type State = Scene;
    type Action = Act;

    /// Begun, everybody there, the guard good.
    fn init_states(&self) -> Vec<Scene> {
        let now = Moment {
            wall: Timestamp::from_millis(1_700_000_000_000),
            mono_ms: 1_000_000,
        };
        let genesis = fixture::genesis(self.plan());
        let opened = Fact::SessionOpened(Box::new(genesis.clone()));
        let first = stamp(Seq(0), now, Actor::Engine, opened);
        let mut state = State::new(genesis, first.hash, now);
        let mut record = |who: &Actor, fact| {
            let record = stamp(state.head.0.next(), now, who.clone(), fact);
            apply(&mut state, &record);
        };
        for (terminal, who) in TERMINALS {
            if who < self.bounds.people {
                let terminal = TerminalId(terminal);
                let read_only = false;
                record(
                    &actor(PEOPLE[who]),
                    Fact::Attached {
                        terminal,
                        read_only,
                    },
                );
            }
        }
        record(
            &Actor::Engine,
            Fact::RuleChanged {
                rule: fixture::rule("errors"),
                verdict: Verdict::Pass,
                quote: None,
            },
        );
        let ann = actor(PEOPLE[0]);
        record(&ann, Fact::Begun);
        if self.bounds.skips {
            record(
                &ann,
                Fact::StepSkipped {
                    step: id(STEPS[0]),
                    reason: "not needed".to_owned(),
                },
            );
            record(
                &ann,
                Fact::StepStarted {
                    step: id(STEPS[1]),
                    attempt: AttemptNo(1),
                },
            );
        }
        vec![Scene::new(
            state,
            now,
            self.bounds.troubles,
            self.bounds.asks,
        )]
    }

    fn actions(&self, scene: &Scene, acts: &mut Vec<Act>) {
        let _off = self.switch();
        acts::acts(scene, &self.bounds, acts);
    }

    fn next_state(&self, scene: &Scene, act: Act) -> Option<Scene> {
        let _off = self.switch();
        self.after(scene, &act)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        if let Some(only) = self.only {
            let keeps =
                |model: &Self, scene: &Scene| model.only.is_none_or(|p| scene.ghost.keeps(p));
            return vec![Property::always(only, keeps)];
        }
        let mut all = vec![
            Property::always(SECOND, |_, s: &Scene| s.ghost.keeps(SECOND)),
            Property::always(REALLY, |_, s: &Scene| s.ghost.keeps(REALLY)),
            Property::always(ONCE, |_, s: &Scene| s.ghost.keeps(ONCE)),
            Property::always(SAME, |_, s: &Scene| s.ghost.keeps(SAME)),
            Property::always(ALONE, |_, s: &Scene| s.ghost.keeps(ALONE)),
            Property::always(KNOWN, |_, s: &Scene| s.ghost.keeps(KNOWN)),
            Property::always(RESOLVED, |_, s: &Scene| s.ghost.keeps(RESOLVED)),
            Property::always(CLOSED, |_, s: &Scene| s.ghost.keeps(CLOSED)),
            Property::always(IN_TIME, |_, s: &Scene| s.ghost.keeps(IN_TIME)),
            Property::always(WATCHED, |_, s: &Scene| s.ghost.keeps(WATCHED)),
            Property::always(STRONG, |_, s: &Scene| s.ghost.keeps(STRONG)),
            Property::always(STANDING, |_, s: &Scene| s.ghost.keeps(STANDING)),
            Property::always(CHECKED, |_, s: &Scene| s.ghost.keeps(CHECKED)),
            Property::always(REFUSED, |_, s: &Scene| s.ghost.keeps(REFUSED)),
            Property::always(POSSIBLE, |_, s: &Scene| s.ghost.keeps(POSSIBLE)),
        ];
        all.extend(self.reached());
        all
    }
}

impl Model {
    /// What must come about somewhere: else nothing was gone through.
    fn reached(&self) -> Vec<Property<Self>> {
        let mut all: Vec<Property<Self>> = vec![
            Property::sometimes(
                "a command is confirmed, runs and is done",
                |_, s: &Scene| {
                    s.ghost
                        .offers
                        .iter()
                        .any(|o| o.spawns == 1 && o.end == End::Known)
                },
            ),
            Property::sometimes("UNKNOWN", |_, s: &Scene| s.state.unknown().is_some()),
            Property::sometimes("UNKNOWN is resolved", |_, s: &Scene| {
                s.ghost.offers.iter().any(|o| o.end == End::Resolved)
            }),
            Property::sometimes("the way back", |_, s: &Scene| {
                s.state.phase == Phase::RolledBack
            }),
            Property::sometimes("what changed after go is not started", |_, s: &Scene| {
                s.ghost
                    .offers
                    .iter()
                    .any(|o| o.spawns == 0 && o.end == End::Known)
            }),
        ];
        if self.bounds.rolls {
            all.push(Property::sometimes(
                "both units begin by themselves and run with their confirms",
                |_, s: &Scene| {
                    let runs = |step| move |o: &Offer| (o.step, o.spawns) == (step, 1);
                    let offers = &s.ghost.offers;
                    s.state.runs_on().is_some()
                        && (0..STEPS.len()).all(|step| offers.iter().any(runs(step)))
                },
            ));
        }
        if self.bounds.offers > 1 {
            all.push(Property::sometimes(
                "a normal run to the end",
                |_, s: &Scene| {
                    let is_done = |s: &StepStatus| matches!(s, StepStatus::Done { .. });
                    s.state.steps.iter().filter(|s| is_done(&s.status)).count() == STEPS.len()
                        || (s.state.steps[0].status.is_passed()
                            && is_done(&s.state.steps[1].status))
                },
            ));
            all.push(Property::sometimes(
                "a second attempt after resolve",
                |_, s: &Scene| again(s, |o| o.end == End::Resolved),
            ));
            all.push(Property::sometimes(
                "a second proposal after a dead one",
                |_, s: &Scene| again(s, |o| o.is_dead),
            ));
        }
        all
    }
}

/// A later proposal of the same step was run after such a one.
fn again(scene: &Scene, is_such: impl Fn(&Offer) -> bool) -> bool {
    let offers = &scene.ghost.offers;
    offers.iter().enumerate().any(|(place, first)| {
        let mut later = offers.iter().skip(place + 1);
        is_such(first) && later.any(|o| o.step == first.step && o.spawns > 0)
    })
}

/// The usual bounds, or more where `WARROOM_MODEL=long` asks for it.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no command line to take this from"
)]
fn is_long() -> bool {
    std::env::var_os("WARROOM_MODEL").is_some_and(|mode| mode == "long")
}

/// One more of everything.
const fn longer(bounds: Bounds) -> Bounds {
    Bounds {
        offers: 3,
        troubles: bounds.troubles + 1,
        ..bounds
    }
}

/// Goes through everything and says how much that was. `sizes` are the usual bounds and the long ones, each with the
/// scenes there were when it was last looked at.
fn explore(name: &str, sizes: [(Bounds, usize); 2]) {
    use stateright::Model as _;
    let [usual, long] = sizes;
    let (bounds, recorded) = if is_long() { long } else { usual };
    let checker = Model::new(bounds, None).checker().spawn_bfs().join();
    let (scenes, depth) = (checker.unique_state_count(), checker.max_depth());
    println!("model {name}: {scenes} scenes, depth {depth}, {bounds:?}");
    checker.assert_properties();
    let causes = checker.model().causes.lock().expect("not poisoned").clone();
    let more = if bounds.asks.checks { 2 } else { 0 };
    // To be away too long somebody goes, and time passes.
    let fewer = usize::from(bounds.troubles < 2);
    assert_eq!(causes.len(), CAUSES + more - fewer, "{name}: {causes:?}");
    assert!(
        scenes * 2 > recorded,
        "{name}: {scenes} scenes, where there were {recorded}: is something not gone through any more?"
    );
}

/// Causes that end a proposal: `TWO_PERSON` 4.4, those that [`Model::note`] tells apart. Where something is asked of
/// confirmers they are two more: revocation, and a mismatch.
const CAUSES: usize = 10;

#[test]
fn no_order_of_events_breaks_the_rule_with_two_people() {
    explore("pair", [(PAIR, 17_137), (longer(PAIR), 275_125)]);
}

#[test]
fn no_order_of_events_breaks_the_rule_in_a_rollout_that_goes_by_itself() {
    explore("roll", [(ROLL, 5_746), (longer(ROLL), 101_067)]);
}

#[test]
fn no_order_of_events_breaks_the_rule_when_a_step_comes_back() {
    explore("back", [(BACK, 3_696), (longer(BACK), 42_406)]);
}

#[test]
fn no_order_of_events_breaks_the_rule_with_three_people() {
    explore("three", [(THREE, 11_298), (longer(THREE), 445_054)]);
}

#[test]
fn no_order_of_events_breaks_the_rule_with_signatures_revocations_and_checks() {
    let long = Bounds {
        offers: 2,
        ..SIGNED
    };
    explore("signed", [(SIGNED, 4_729), (long, 43_041)]);
}

#[test]
fn no_order_of_events_breaks_the_rule_with_two_signatures() {
    let long = Bounds {
        troubles: 2,
        ..SIGNED_TWICE
    };
    explore("signed twice", [(SIGNED_TWICE, 1_802), (long, 19_714)]);
}

/// The shortest way to where a defect breaks a property.
fn found(defect: Defect, bounds: Bounds, property: &'static str) -> Vec<Act> {
    use stateright::Model as _;
    let mut model = Model::new(bounds, Some(defect));
    model.only = Some(property);
    let checker = model.checker().spawn_bfs().join();
    let path = checker.discovery(property);
    path.unwrap_or_else(|| panic!("{defect:?} does not break `{property}`"))
        .into_actions()
}

#[test]
fn every_guard_that_is_switched_off_is_noticed() {
    let off = Defect::Off;
    let one_trouble = Bounds {
        troubles: 1,
        ..SIGNED
    };
    let cases = [
        (off(Guard::People), THREE, SECOND),
        (off(Guard::Distinct), PAIR, SECOND),
        (off(Guard::Executor), PAIR, SECOND),
        (off(Guard::Statement), PAIR, REALLY),
        (off(Guard::Plan), PAIR, SAME),
        (off(Guard::Policy), PAIR, WATCHED),
        (off(Guard::Restart), PAIR, CLOSED),
        (off(Guard::Exclusive), BACK, ALONE),
        (off(Guard::Expiry), PAIR, IN_TIME),
        (off(Guard::ClockStep), PAIR, IN_TIME),
        (off(Guard::Presence), PAIR, WATCHED),
        (off(Guard::Metric), PAIR, WATCHED),
        (off(Guard::Resolve), PAIR, RESOLVED),
        (off(Guard::Reject), PAIR, CLOSED),
        (off(Guard::Evidence), one_trouble, STRONG),
        (off(Guard::Key), one_trouble, STANDING),
        (off(Guard::Person), one_trouble, STANDING),
        (off(Guard::Check), one_trouble, CHECKED),
        (off(Guard::Mismatch), one_trouble, CLOSED),
        (Defect::Hasty, PAIR, KNOWN),
        (Defect::Twice, PAIR, ONCE),
    ];
    for (defect, bounds, property) in cases {
        let acts = found(defect, bounds, property);
        println!(
            "mutant {defect:?} breaks `{property}` after {} acts: {acts:?}",
            acts.len()
        );
    }
}
