mod after;
mod diff;
mod quiet;

use super::*;
use crate::domain::apply::{check_apply, fold};
use crate::domain::command::Command;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Fact, MotionEvent, Moved, Rehearsal};
use crate::domain::fixture::*;
use crate::domain::motion::{Motion, MotionNo};
use crate::domain::readiness::Readiness;
use crate::domain::runbook::parse;
use crate::domain::runbook::plan::{ExecRole, PlanBlock, PlanStep, Window};
use crate::domain::runbook::shape::Shape;
use crate::domain::state::{StepState, StepStatus};
use crate::domain::threshold::{OnBreach, Op, RuleLimit, Scale, Verdict};
use crate::domain::time::Timestamp;
use proptest::prelude::*;
use std::sync::Arc;

/// The plan of the room after somebody has edited its file.
fn edited(room: &Room, edit: impl FnOnce(&mut Plan)) -> Amendment {
    let mut plan = room.state.plan().clone();
    edit(&mut plan);
    let mut runbook = room.state.genesis.runbook.clone();
    runbook.digest = Digest::of(&plan.canonical_json());
    Amendment { plan, runbook }
}

fn step_of<'a>(plan: &'a mut Plan, name: &str) -> &'a mut PlanStep {
    let mut steps = plan.steps.iter_mut();
    steps.find(|step| step.id == id(name)).expect("a step")
}

fn run(step: &mut PlanStep, text: &str) {
    step.blocks[0] = PlanBlock::Exec(exec(ExecRole::Run, text));
}

/// Takes a step out, and mends what points behind it.
fn without(plan: &mut Plan, name: &str) {
    let at = plan
        .steps
        .iter()
        .position(|s| s.id == id(name))
        .expect("there");
    plan.steps.remove(at);
    for step in &mut plan.steps {
        step.parent = match step.parent {
            Some(parent) if parent == at => None,
            Some(parent) if parent > at => Some(parent - 1),
            other => other,
        };
    }
}

fn insert(plan: &mut Plan, at: usize, step: PlanStep) {
    for known in &mut plan.steps {
        known.parent = known.parent.map(|p| if p >= at { p + 1 } else { p });
    }
    plan.steps.insert(at, step);
}

fn motion(room: &Room, amendment: &Amendment) -> Motion {
    Motion::Amend {
        from: room.state.genesis.plan_digest,
        to: amendment.plan.digest(),
    }
}

fn moved(room: &mut Room, amendment: &Amendment) -> Result<(), crate::domain::command::Refusal> {
    room.world.amendment = Some(Arc::new(amendment.clone()));
    let command = Command::Move {
        what: motion(room, amendment),
        reason: "the command was wrong".to_owned(),
        signed: None,
    };
    let done = room.ask("ann", command);
    room.world.amendment = None;
    done
}

fn second(room: &Room) -> Command {
    let open = room.state.motions.open.as_deref();
    let amendment = open.and_then(|open| open.amendment.as_deref());
    Command::Second {
        no: room.state.motions.newest,
        adopted: amendment.and_then(|amendment| adopted_digest(&room.state, amendment)),
        signed: None,
    }
}

/// Ann moves it and Bob seconds it.
fn amend(room: &mut Room, amendment: &Amendment) {
    moved(room, amendment).unwrap_or_else(|refusal| panic!("{refusal}"));
    let command = second(room);
    room.must("bob", command);
}

fn status(room: &Room, name: &str) -> StepStatus {
    let view = room.state.find(&id(name)).expect("there");
    view.now.status.clone()
}

fn whys(room: &Room, amendment: &Amendment) -> Vec<String> {
    let against = adopt(&room.state, amendment).err().unwrap_or_default();
    against.into_iter().map(|one| one.why).collect()
}

fn objects(room: &Room, edit: impl FnOnce(&mut Plan), part: &str) {
    let amendment = edited(room, edit);
    let whys = whys(room, &amendment);
    assert!(
        whys.iter().any(|why| why.contains(part)),
        "{part}: {whys:?}"
    );
}

fn told(adopted: &Adopted) -> Vec<String> {
    adopted.changes.iter().map(ToString::to_string).collect()
}

/// Backup has failed at its command.
fn failed() -> Room {
    let mut room = Room::new();
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room.must("ann", start("backup"));
    room.exit(1);
    assert!(matches!(status(&room, "backup"), StepStatus::Failed { .. }));
    room
}

#[test]
fn a_failed_step_is_mended_by_two_people_and_tried_again() {
    let mut room = failed();
    let mended = edited(&room, |plan| run(step_of(plan, "backup"), "better"));
    moved(&mut room, &mended).expect("moved");
    refused_of(&mut room, "ann", "cannot second it too");
    assert_eq!(
        status(&room, "look"),
        StepStatus::Done {
            warning: String::new()
        }
    );
    let command = second(&room);
    room.must("bob", command);
    assert_eq!(room.state.genesis.plan_digest, mended.plan.digest());
    assert_eq!(room.state.genesis.first_plan, Some(Digest::of(b"plan")));
    assert_eq!(room.state.genesis.runbook, mended.runbook);
    assert!(matches!(status(&room, "look"), StepStatus::Done { .. }));
    assert!(matches!(status(&room, "backup"), StepStatus::Failed { .. }));
    assert_eq!(
        room.state.verdict(&rule("errors")),
        Verdict::Pass,
        "the rule is the same"
    );
    room.must("ann", retry("backup"));
    room.must("ann", start("backup"));
    let key = room.running().expect("it runs");
    let block = room.state.exec_block(&key).expect("a command");
    assert_eq!(block.argv.last().map(String::as_str), Some("better"));
    room.exit(0);
    room.exit(0);
    assert!(matches!(status(&room, "backup"), StepStatus::Done { .. }));
    let (carried, amended) = room.state.amendments().next().expect("it is kept");
    assert_eq!(
        (carried.by.as_str(), carried.second.as_str()),
        ("ann", "bob")
    );
    assert_eq!(amended.changes.len(), 1, "{amended:?}");
    assert_eq!(fold(room.records.clone()).expect("folds"), room.state);
}

fn refused_of(room: &mut Room, who: &str, part: &str) {
    let command = second(room);
    let refusal = room.ask(who, command).expect_err("refused");
    assert!(refusal.reason.contains(part), "{refusal}");
}

#[test]
fn what_is_over_stays_as_it_ran_in_its_place() {
    let mut room = Room::at_drain();
    let amendment = edited(&room, |plan| {
        step_of(plan, "look").title = "look twice".to_owned();
        without(plan, "backup");
        let mut again = step(
            "backup-2",
            0,
            vec![PlanBlock::Exec(exec(ExecRole::Run, "b"))],
        );
        again.title = "backup".to_owned();
        insert(plan, 1, again);
    });
    let adopted = adopt(&room.state, &amendment).expect("fits");
    assert_eq!(
        told(&adopted),
        [
            "done already, stays as it ran: step 1.1 `look`",
            "new: step 1.1 `backup`",
            "no longer in the runbook, done already, its way back stays: step 1.1 `backup`",
            "new, with the title of one that is over: it would be done again: step 1.1 `backup`",
        ]
    );
    amend(&mut room, &amendment);
    let ids: Vec<&str> = room
        .state
        .plan()
        .steps
        .iter()
        .map(|s| s.id.as_str())
        .take(3)
        .collect();
    assert_eq!(ids, ["look", "backup", "backup-2"]);
    assert_eq!(
        room.state.find(&id("look")).expect("there").plan.title,
        "look"
    );
    assert!(matches!(status(&room, "backup"), StepStatus::Done { .. }));
    let kept = room.state.find(&id("backup")).expect("there").plan;
    assert_eq!(
        kept.number, "1.1'",
        "two steps of one number are told apart"
    );
    // What is new stands before the drain, and comes first.
    let drain = room.state.index_of(&id("drain")).expect("there");
    assert!(matches!(room.state.readiness(drain), Readiness::Blocked(_)));
    room.must("ann", start("backup-2"));
    room.exit(0);
    assert_eq!(room.state.readiness(drain), Readiness::Ready);
    room.must("ann", rollback());
    assert_eq!(
        room.running().expect("undoing").step,
        id("backup"),
        "its way back is there"
    );
}

#[test]
fn a_new_step_before_what_is_done_is_done_or_left_out_before_anything_goes_on() {
    let mut room = Room::at_drain();
    let amendment = edited(&room, |plan| insert(plan, 0, step("first", 0, Vec::new())));
    amend(&mut room, &amendment);
    assert!(matches!(status(&room, "backup"), StepStatus::Done { .. }));
    assert_eq!(room.state.first_open().expect("open").plan.id, id("first"));
    assert!(room.ask("ann", start("drain")).is_err());
    room.must("ann", skip("first"));
    room.must("ann", start("drain"));
}

#[test]
fn sub_steps_keep_their_parents_when_places_shift() {
    let mut room = Room::at_drain();
    let amendment = edited(&room, |plan| {
        insert(plan, 0, step("first", 0, Vec::new()));
        without(plan, "wipe");
    });
    amend(&mut room, &amendment);
    let part = room.state.find(&id("part-a")).expect("there");
    let parent = part
        .plan
        .parent
        .and_then(|p| room.state.view(p))
        .expect("a parent");
    assert_eq!(parent.plan.id, id("parts"));
    assert!(room.state.find(&id("wipe")).is_none());
    assert_eq!(room.state.steps.len(), room.state.plan().steps.len());
}

#[test]
fn what_goes_on_is_not_changed_under_peoples_hands() {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    // Its check runs.
    objects(
        &room,
        |p| step_of(p, "drain").title = "other".to_owned(),
        "is changed, and it is under way",
    );
    objects(
        &room,
        |p| without(p, "drain"),
        "is gone, and it is under way",
    );
    assert!(
        whys(
            &room,
            &edited(&room, |p| step_of(p, "drain").prose = "careful".to_owned())
        )
        .is_empty()
    );
    assert!(
        whys(&room, &edited(&room, |p| without(p, "wipe"))).is_empty(),
        "others may"
    );
    let proposed = Room::proposed();
    objects(&proposed, |p| without(p, "wipe"), "is proposed");
    let armed = Room::armed();
    objects(&armed, |p| without(p, "wipe"), "is proposed");
    let mut gone = Room::at_drain();
    gone.must("ann", start("drain"));
    gone.record(
        &Actor::Engine,
        Fact::SessionResumed {
            program: "test".to_owned(),
            host: "bastion".to_owned(),
        },
    );
    let key = gone.running().expect("runs");
    gone.record(&Actor::Engine, Fact::ExecUnknown { key });
    objects(
        &gone,
        |p| step_of(p, "drain").title = "other".to_owned(),
        "ended nobody knows how",
    );
}

#[test]
fn a_way_back_that_was_reviewed_stays_what_it_was() {
    let room = failed();
    let other = |p: &mut Plan| step_of(p, "backup").undo = Some(exec(ExecRole::Undo, "other"));
    objects(&room, other, "the way back of step 1.1 `backup` is changed");
    objects(
        &room,
        |p| step_of(p, "backup").undo = None,
        "the way back of",
    );
    objects(&room, |p| without(p, "backup"), "is gone, and it was begun");
    objects(
        &room,
        |p| {
            p.environment.insert("HOST".to_owned(), "db-2".to_owned());
        },
        "the environment is another: `HOST`",
    );
    // Before anything has run it may be anything.
    let fresh = Room::new();
    let free = edited(&fresh, |p| {
        other(p);
        p.environment.insert("HOST".to_owned(), "db-2".to_owned());
    });
    assert!(whys(&fresh, &free).is_empty());
}

#[test]
fn what_belongs_to_the_whole_names_its_field() {
    let mut plan = plan();
    plan.components = vec!["db-1".to_owned()];
    let room = Room::at_drain_of(plan);
    let at = |ms| Timestamp::from_millis(1_700_000_000_000_i64 + ms);
    objects(
        &room,
        |p| {
            p.window = Some(Window {
                start: at(0),
                end: at(3_600_000),
                buffer: std::time::Duration::ZERO,
            });
        },
        "`window`",
    );
    objects(&room, |p| p.change = Some("CHG2".to_owned()), "`change`");
    objects(&room, |p| p.lock = Some("orders".to_owned()), "`lock`");
    objects(
        &room,
        |p| p.components.clear(),
        "`components` does not name `db-1`",
    );
    let more = edited(&room, |p| {
        p.components.push("db-2".to_owned());
        p.title = "another".to_owned();
        p.briefing = "read this".to_owned();
    });
    let adopted = adopt(&room.state, &more).expect("fits");
    assert_eq!(
        told(&adopted),
        [
            "changed: the title",
            "changed: the briefing",
            "changed: the components"
        ]
    );
}

#[test]
fn a_rule_that_becomes_another_is_unknown_until_it_was_asked() {
    let mut room = Room::at_drain();
    let stricter = edited(&room, |p| {
        p.rules[0].hold_for = std::time::Duration::from_secs(9);
        let mut more = guard(OnBreach::Warn);
        more.id = rule("latency");
        p.rules.push(more);
    });
    let adopted = adopt(&room.state, &stricter).expect("fits");
    assert_eq!(
        told(&adopted),
        ["changed: rule `errors`", "new: rule `latency`"]
    );
    amend(&mut room, &stricter);
    assert!(!room.state.verdict(&rule("errors")).is_known_good());
    assert!(room.state.bad_guard().is_some(), "unknown never passes");
    assert_eq!(
        asked_anew(&plan(), &stricter.plan),
        BTreeSet::from([rule("latency")])
    );
    let mut relative = guard(OnBreach::Hold);
    relative.id = rule("ratio");
    relative.crit = Some(RuleLimit {
        op: Op::Gt,
        value: 2.0,
        scale: Scale::Ratio,
    });
    objects(
        &room,
        |p| p.rules.push(relative),
        "is counted from a baseline",
    );
}

#[test]
fn two_questions_do_not_share_a_name() {
    let mut room = Room::at_proposal();
    room.must("ann", stop("drain"));
    room.settle();
    room.must("ann", skip("drain"));
    objects(
        &room,
        |p| {
            let mut again = p.steps[2].clone();
            again.id = id("drain-2");
            if let PlanBlock::Gate(gate) = &mut again.blocks[1] {
                gate.expr = "other_lag".to_owned();
            }
            without(p, "drain");
            insert(p, 2, again);
        },
        "asked under the name `lag`",
    );
}

#[test]
fn nothing_is_amended_on_the_way_back_or_in_a_rehearsal() {
    let mut room = Room::at_drain();
    room.must("ann", rollback());
    objects(&room, |p| without(p, "wipe"), "rolling back");
    let mut rehearsal = Room::at_drain();
    Arc::make_mut(&mut rehearsal.state.genesis).rehearsal = Some(Box::new(Rehearsal {
        env_file: "/staging.toml".to_owned(),
        env_digest: Digest::of(b"staging"),
        writes: false,
        config: None,
        shape: Shape::of(&parse("# One\n\n- [ ] look\n", "one.md").0),
    }));
    objects(&rehearsal, |p| without(p, "wipe"), "rehearsal");
    let room = Room::at_drain();
    let mut elsewhere = edited(&room, |p| without(p, "wipe"));
    elsewhere.runbook.path = "/other.md".to_owned();
    assert!(!whys(&room, &elsewhere).is_empty());
}

#[test]
fn a_session_that_has_gone_on_refuses_what_it_could_have_taken() {
    let mut room = Room::at_drain();
    let other = edited(&room, |p| step_of(p, "drain").title = "other".to_owned());
    moved(&mut room, &other).expect("nobody has begun it");
    room.must("ann", start("drain"));
    refused_of(&mut room, "bob", "is changed, and it is under way");
    // The fold refuses it too.
    let carried = Fact::Motion(Moved {
        no: MotionNo(1),
        event: MotionEvent::Carried,
    });
    let record = stamp(room.state.head.0.next(), room.now, actor("bob"), carried);
    assert!(check_apply(&mut room.state.clone(), &record).is_err());
}

#[test]
fn a_plan_that_is_not_the_one_named_is_refused_by_the_fold() {
    let room = Room::at_drain();
    let good = edited(&room, |p| without(p, "wipe"));
    let evil = edited(&room, |p| run(step_of(p, "part-b"), "evil"));
    let made = |what, amendment: Option<&Amendment>| {
        let issued = room.now.wall;
        let event = MotionEvent::Made {
            what,
            reason: "why".to_owned(),
            issued,
            expires: issued.plus(crate::domain::motion::MOTION_LIFE),
            amendment: amendment.cloned().map(Arc::new),
        };
        let fact = Fact::Motion(Moved {
            no: MotionNo(1),
            event,
        });
        let record = stamp(room.state.head.0.next(), room.now, actor("ann"), fact);
        check_apply(&mut room.state.clone(), &record)
    };
    assert!(made(motion(&room, &good), Some(&good)).is_ok());
    assert!(made(motion(&room, &good), Some(&evil)).is_err());
    assert!(made(motion(&room, &good), None).is_err());
    let until = room.now.wall.plus(std::time::Duration::from_secs(60));
    assert!(made(Motion::ExtendWindow { until }, Some(&good)).is_err());
    let mut other = room.state.clone();
    Arc::make_mut(&mut other.genesis).plan_digest = Digest::of(b"another");
    let from = Motion::Amend {
        from: Digest::of(b"another"),
        to: good.plan.digest(),
    };
    assert!(made(from, Some(&good)).is_err());
}

#[test]
fn a_runbook_that_is_pinned_already_is_no_amendment() {
    let mut room = Room::at_drain();
    let mended = edited(&room, |p| without(p, "wipe"));
    amend(&mut room, &mended);
    let refusal = moved(&mut room, &mended).expect_err("again");
    assert!(refusal.reason.contains("pinned to"), "{refusal}");
    let stale = room.world.amendment.clone();
    assert_eq!(stale, None);
}

/// One edit of a plan, by numbers.
fn change(plan: &mut Plan, kind: u8, at: usize) {
    let at = at % plan.steps.len();
    let name = plan.steps[at].id.clone();
    match kind % 5 {
        0 => without(plan, name.as_str()),
        1 => plan.steps[at].title.push('!'),
        2 => insert(
            plan,
            at,
            step(
                &format!("new-{}", plan.steps.len()),
                plan.steps[at].phase,
                Vec::new(),
            ),
        ),
        3 => plan.steps[at]
            .blocks
            .push(PlanBlock::Exec(exec(ExecRole::Verify, "again"))),
        _ => plan.steps[at].undo = Some(exec(ExecRole::Undo, "other")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_edit_loses_what_was_done(
        go in 0_u8..7,
        edits in prop::collection::vec((any::<u8>(), 0_usize..12), 1..8),
    ) {
        let mut room = match go {
            0 => Room::new(),
            1 => failed(),
            2 => Room::at_drain(),
            3 => Room::at_proposal(),
            4 => Room::proposed(),
            5 => Room::armed(),
            _ => {
                let mut room = Room::at_drain();
                room.must("ann", skip("drain"));
                room.must("ann", skip("wipe"));
                room
            }
        };
        let amendment = edited(&room, |plan| {
            for (kind, at) in &edits {
                if plan.steps.len() > 1 {
                    change(plan, *kind, *at);
                }
            }
        });
        let before = room.state.clone();
        if adopt(&room.state, &amendment).is_ok() && moved(&mut room, &amendment).is_ok() {
            let command = second(&room);
            room.must("bob", command);
        }
        let state = &room.state;
        prop_assert_eq!(state.steps.len(), state.plan().steps.len());
        for view in before.views().filter(|view| view.now.attempt.0 > 0 || view.now.status != StepStatus::Pending) {
            let now = state.find(&view.plan.id);
            let kept = now.map(|now| StepState { ran_at: None, ..now.now.clone() });
            prop_assert_eq!(kept.as_ref(), Some(view.now), "{} is what it was", view.plan.id);
            if matches!(view.now.status, StepStatus::Done { .. }) || view.now.touched {
                let undo = |step: &PlanStep| step.undo.clone();
                prop_assert_eq!(now.and_then(|now| undo(now.plan)), undo(view.plan));
            }
        }
        for step in &state.plan().steps {
            prop_assert!(step.parent.is_none_or(|parent| parent < state.plan().steps.len()));
            prop_assert!(step.phase < state.plan().phases.len());
        }
        prop_assert_eq!(&fold(room.records.clone()).expect("folds"), state);
    }
}
