use super::*;
use crate::domain::confirm::policy::Rules;
use crate::domain::digest::Digest;
use crate::domain::fact::Fact;
use crate::domain::fixture::{Room, genesis, plan};
use crate::domain::id::{Seq, SessionName};
use std::sync::Arc;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn shape(text: &[u8]) -> Shape {
    Shape {
        digest: Digest::of(text),
        parts: [("step drain".to_owned(), Digest::of(text))].into(),
    }
}

fn id(text: &str) -> StepId {
    StepId::new(text).expect("an id")
}

fn rehearsed(name: &str, at: Timestamp) -> Rehearsed {
    Rehearsed {
        session: genesis(plan()).session,
        name: SessionName::new(name).expect("a name"),
        head: (Seq(9), Digest::of(b"head")),
        shape: Digest::of(b"same"),
        is_same: true,
        end: RehearsalEnd::Completed,
        at,
        took_ms: 4_200_000,
        steps: vec![RehearsedStep {
            step: id("drain"),
            template: None,
            took_ms: Some(80_000),
            is_done: true,
        }],
        differs: Vec::new(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000)
}

fn check(change: impl FnOnce(&mut Rehearsed), expected: &str) {
    let mut one = rehearsed("r", now().minus(DAY));
    change(&mut one);
    let mut genesis = genesis(plan());
    genesis.rehearsed = vec![one];
    let wanted = Wanted {
        age_max_ms: Some(2 * 24 * 3600 * 1000),
    };
    let found = standing(&genesis, &id("drain"), wanted, now());
    assert_eq!(found.err().unwrap_or_default(), expected);
}

#[test]
fn only_a_completed_rehearsal_of_this_very_plan_in_which_the_step_ran_counts() {
    let not = |why: &str| format!("the rehearsal `r` does not count: {why}");
    check(|_| {}, "");
    check(|r| r.is_same = false, &not("it was of another plan"));
    check(|r| r.end = RehearsalEnd::Aborted, &not("it is aborted"));
    check(
        |r| r.end = RehearsalEnd::RolledBack,
        &not("it is rolled back"),
    );
    check(|r| r.end = RehearsalEnd::Open, &not("it is not over"));
    let skipped = not("this step was not carried out in it");
    check(|r| r.steps[0].is_done = false, &skipped);
    check(|r| r.steps.clear(), &skipped);
    check(
        |r| r.at = now().minus(3 * DAY),
        &not("it is 3d00h old, at most 2d00h count"),
    );
    check(
        |r| r.at = now().plus(DAY),
        &not("it ended later than it is now"),
    );
    let bare = genesis(plan());
    let none = standing(&bare, &id("drain"), Wanted { age_max_ms: None }, now());
    assert!(none.is_err_and(|why| why.contains("no rehearsal")));
}

#[test]
fn an_older_rehearsal_that_counts_is_enough_and_gives_the_time() {
    let mut genesis = genesis(plan());
    let mut newest = rehearsed("newest", now());
    newest.end = RehearsalEnd::Aborted;
    newest.steps[0].took_ms = Some(1);
    genesis.rehearsed = vec![newest, rehearsed("older", now().minus(DAY))];
    let wanted = Wanted { age_max_ms: None };
    let found = standing(&genesis, &id("drain"), wanted, now()).expect("one counts");
    assert_eq!(found.name.as_str(), "older");
    assert_eq!(took(&genesis, &id("drain")), Some(Duration::from_secs(80)));
    assert_eq!(took(&genesis, &id("other")), None);
    assert_eq!(
        line(found),
        "older completed 2023-11-13T22:13:20Z, took 70m00s"
    );
}

/// A room whose policy asks for a rehearsal, with the destructive step waiting for its proposal.
fn strict(change: impl Fn(&mut Genesis)) -> Room {
    let mut room = Room::at_proposal();
    let mut genesis = genesis(plan());
    change(&mut genesis);
    room.state.genesis = Arc::new(genesis);
    let mut rules = Rules::clone(&room.world.rules);
    rules.destructive.rehearsal = Some(Wanted { age_max_ms: None });
    room.world.rules = Arc::new(rules);
    room
}

#[test]
fn a_step_without_its_rehearsal_is_refused_on_record() {
    let mut room = strict(|_| {});
    let refused = room.propose("ann", "drain").expect_err("not rehearsed");
    let reason = refused.reason;
    assert!(
        reason.contains("the policy asks for a rehearsal"),
        "{reason}"
    );
    assert!(refused.hint.contains("warroom rehearse"));
    let last = room.records.last().map(|record| record.fact.clone());
    assert!(matches!(last, Some(Fact::Refused { .. })), "{last:?}");
    let mut with = strict(|genesis| genesis.rehearsed = vec![rehearsed("r", now().minus(DAY))]);
    assert_eq!(with.propose("ann", "drain"), Ok(()));
}

#[test]
fn neither_a_rehearsal_nor_a_way_back_is_asked_for_one() {
    let mut own = strict(|genesis| {
        genesis.rehearsal = Some(Box::new(Rehearsal {
            env_file: "/srv/staging.toml".to_owned(),
            env_digest: Digest::of(b"env"),
            config: None,
            writes: false,
            shape: shape(b"same"),
        }));
    });
    assert_eq!(own.propose("ann", "drain"), Ok(()));
    let mut back = strict(|_| {});
    back.state.phase = Phase::RollingBack;
    let said = back
        .propose("ann", "drain")
        .err()
        .map(|refusal| refusal.reason);
    assert!(!said.unwrap_or_default().contains("rehears"));
}

#[test]
fn what_a_rehearsal_came_to_names_what_differs() {
    let mut room = Room::new();
    assert_eq!(
        super::rehearsed(&room.state, &plan(), &shape(b"x")),
        None,
        "it is none"
    );
    let mut first = genesis(plan());
    first.plan.environment = [("DB".to_owned(), "staging".to_owned())].into();
    first.rehearsal = Some(Box::new(Rehearsal {
        env_file: "/srv/staging.toml".to_owned(),
        env_digest: Digest::of(b"env"),
        config: None,
        writes: false,
        shape: shape(b"then"),
    }));
    room.state.genesis = Arc::new(first);
    let mut real = plan();
    real.environment = [("DB", "orders"), ("NEW", "1")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    let found = super::rehearsed(&room.state, &real, &shape(b"now")).expect("a rehearsal");
    assert_eq!((found.is_same, found.end), (false, RehearsalEnd::Open));
    assert_eq!(
        found.differs,
        [
            "step drain: another",
            "DB=orders, rehearsed with staging",
            "NEW=1, not rehearsed"
        ]
    );
    let same = super::rehearsed(&room.state, &real, &shape(b"then")).expect("a rehearsal");
    assert!(same.is_same);
}

/// The plan with the drain once for each of these units.
fn for_each(units: &[&str]) -> Plan {
    use crate::domain::runbook::plan::Unit;
    let mut plan = plan();
    let place = plan
        .steps
        .iter()
        .position(|step| step.id == id("drain"))
        .expect("there");
    let drain = plan.steps.remove(place);
    for (number, unit) in units.iter().enumerate() {
        let mut step = drain.clone();
        step.id = id(&format!("drain-{unit}"));
        step.unit = Some(Unit {
            component: (*unit).to_owned(),
            batch: 1,
            canary: false,
            env: [].into(),
        });
        plan.steps.insert(place + number, step);
    }
    plan
}

#[test]
fn a_step_for_each_unit_counts_whatever_the_units_are_called() {
    let place = |plan: &Plan, name: &str| {
        let place = plan.steps.iter().position(|step| step.id == id(name));
        template(plan, place.expect("there")).expect("of a unit")
    };
    let (there, here) = (for_each(&["s1"]), for_each(&["p1", "p2"]));
    assert_eq!(place(&there, "drain-s1"), place(&here, "drain-p2"));
    let mut one = rehearsed("r", now());
    one.steps[0].step = id("drain-s1");
    one.steps[0].template = Some(place(&there, "drain-s1"));
    let mut genesis = genesis(here);
    genesis.rehearsed = vec![one];
    let wanted = Wanted { age_max_ms: None };
    for name in ["drain-p1", "drain-p2"] {
        assert!(
            standing(&genesis, &id(name), wanted, now()).is_ok(),
            "{name}"
        );
        assert_eq!(took(&genesis, &id(name)), Some(Duration::from_secs(80)));
    }
    assert!(standing(&genesis, &id("backup"), wanted, now()).is_err());
}
