use super::*;
use crate::domain::alert_match::AlertView;
use crate::domain::command::{AlertsSeen, Command};
use crate::domain::fact::AlertKey;
use crate::domain::fixture::*;
use crate::domain::id::ConnectorName;
use crate::domain::runbook::plan::{OnAlert, Plan};
use crate::domain::state::ALERTS_MAX;
use std::time::Duration;

/// Begun; look may bring `Lag`, and must bring `Down`.
fn begun_with(change: impl Fn(&mut Plan)) -> Room {
    let mut plan = plan();
    plan.steps[0].expect_alerts = vec!["Lag".to_owned()];
    plan.steps[0].must_fire = vec!["Down".to_owned()];
    change(&mut plan);
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.now = room.now.plus(Duration::from_secs(5));
    room
}

fn begun() -> Room {
    begun_with(|_| ())
}

fn alert(room: &Room, name: &str, component: &str) -> AlertNow {
    AlertNow {
        key: AlertKey {
            source: ConnectorName::new("am").expect("valid"),
            name: name.to_owned(),
            component: component.to_owned(),
        },
        severity: "critical".to_owned(),
        since: Some(room.now.wall),
        silenced: false,
    }
}

fn fire(room: &mut Room, alerts: Vec<AlertNow>) {
    room.world.alerts.firing = alerts;
    room.settle();
    room.check_fold();
}

fn holds(room: &Room) -> Vec<String> {
    let holds = room.state.holds.iter();
    holds
        .map(|hold| match &hold.cause {
            HoldCause::Alert { name, component } => {
                format!("{name} {}", component.as_deref().unwrap_or("absent"))
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

fn release_saying(room: &mut Room) {
    let reason = "it is about another disk".to_owned();
    let seen = Some(AlertsSeen::of(&room.state));
    room.must("ann", Command::Release { reason, seen });
}

fn refusal(room: &mut Room, seen: Option<AlertsSeen>) -> String {
    let reason = "it is about another disk".to_owned();
    let refused = room.ask("ann", Command::Release { reason, seen });
    refused.expect_err("it is not released").to_string()
}

#[test]
fn an_unexpected_alert_holds_once_and_needs_a_reason_to_go_on() {
    let mut room = begun();
    let full = alert(&room, "DiskFull", "db-1");
    fire(&mut room, vec![full.clone()]);
    assert_eq!(holds(&room), ["DiskFull db-1"]);
    let refused = room.ask("ann", release()).expect_err("needs a reason");
    assert!(
        refused
            .to_string()
            .contains("`DiskFull` on db-1 was not expected")
    );
    release_saying(&mut room);
    fire(&mut room, vec![full.clone()]);
    assert!(!room.state.is_held(), "the same one holds once");
    // Another does, and so does the same one when it comes again.
    let other = alert(&room, "DiskFull", "db-2");
    fire(&mut room, vec![full.clone(), other]);
    assert_eq!(holds(&room), ["DiskFull db-2"]);
    release_saying(&mut room);
    fire(&mut room, Vec::new());
    fire(&mut room, vec![full]);
    assert_eq!(holds(&room), ["DiskFull db-1"]);
}

#[test]
fn what_was_there_before_what_is_expected_muted_or_for_the_record_holds_nothing() {
    let mut room = begun();
    let mut old = alert(&room, "Old", "db-1");
    old.since = Some(room.now.wall.minus(Duration::from_secs(6)));
    let mut muted = alert(&room, "Muted", "db-1");
    muted.silenced = true;
    let mut info = alert(&room, "Info", "db-1");
    info.severity = "info".to_owned();
    let elsewhere = alert(&room, "Elsewhere", "");
    fire(&mut room, vec![old, muted, info, elsewhere]);
    assert_eq!(room.state.alerts.len(), 1, "{:?}", room.state.alerts);
    assert!(!room.state.is_held());
    let mut ageless = alert(&room, "Ageless", "db-1");
    ageless.since = None;
    fire(&mut room, vec![ageless]);
    assert_eq!(holds(&room), ["Ageless db-1"], "it may be new");
}

#[test]
fn a_step_expects_its_alerts_while_it_goes_on_and_a_while_after() {
    // Work by hand goes on from when it comes next.
    let mut room = begun();
    let lag = alert(&room, "Lag", "db-1");
    fire(&mut room, vec![lag]);
    assert!(room.state.alerts[0].expected && !room.state.is_held());
    for (after, expected) in [
        (ALERT_TAIL, true),
        (ALERT_TAIL + Duration::from_secs(1), false),
    ] {
        let mut room = begun();
        room.must("ann", mark_done("look"));
        room.now = room.now.plus(after);
        let lag = alert(&room, "Lag", "db-1");
        fire(&mut room, vec![lag]);
        assert_eq!(room.state.alerts[0].expected, expected, "{after:?}");
    }
}

#[test]
fn a_runbook_may_ask_for_marks_alone_or_for_some_severities() {
    let mut room = begun_with(|plan| plan.alerts.on_unexpected = Some(OnAlert::Mark));
    let full = alert(&room, "DiskFull", "db-1");
    fire(&mut room, vec![full]);
    assert!(!room.state.is_held());
    assert_eq!(room.state.alerts.len(), 1, "it is recorded");
    let mut room = begun_with(|plan| plan.alerts.severities = vec!["page".to_owned()]);
    let full = alert(&room, "DiskFull", "db-1");
    fire(&mut room, vec![full.clone()]);
    assert!(!room.state.is_held());
    let page = AlertNow {
        severity: "Page".to_owned(),
        ..alert(&room, "AllDown", "db-1")
    };
    fire(&mut room, vec![full, page]);
    assert_eq!(holds(&room), ["AllDown db-1"]);
}

#[test]
fn on_the_way_back_and_before_begin_no_alert_holds() {
    let mut room = Room::with(plan());
    let full = alert(&room, "DiskFull", "db-1");
    fire(&mut room, vec![full.clone()]);
    assert!(room.state.alerts.is_empty());
    room.must("ann", Command::Begin);
    release_saying(&mut room);
    room.must("ann", rollback());
    let other = alert(&room, "DiskFull", "db-2");
    fire(&mut room, vec![full, other]);
    assert!(!room.state.is_held());
}

#[test]
fn what_nobody_knows_neither_comes_nor_goes() {
    let mut room = begun();
    let full = alert(&room, "DiskFull", "db-1");
    fire(&mut room, vec![full]);
    room.world.alerts = AlertView {
        known: Err("`am` does not answer".to_owned()),
        ..AlertView::quiet()
    };
    room.settle();
    assert!(room.state.alerts[0].is_firing);
}

#[test]
fn an_alert_that_must_come_and_does_not_is_flagged_and_holds() {
    let mut room = begun();
    room.must("ann", mark_done("look"));
    room.wait(ALERT_TAIL.saturating_sub(Duration::from_secs(1)));
    assert!(room.state.alerts_absent.is_empty());
    room.wait(Duration::from_secs(1));
    let absent: Vec<&String> = room.state.alerts_absent.iter().collect();
    assert_eq!(absent, ["Down", "Lag"]);
    assert_eq!(holds(&room), ["Down absent"], "the other is only flagged");
    release_saying(&mut room);
    room.wait(ALERT_TAIL);
    assert!(!room.state.is_held());
    // What came in time is not flagged.
    let mut room = begun();
    let both = vec![alert(&room, "Down", "db-1"), alert(&room, "Lag", "")];
    fire(&mut room, both);
    fire(&mut room, Vec::new());
    assert!(room.state.alerts.iter().all(|a| !a.is_firing));
}

#[test]
fn what_has_never_come_is_flagged_at_the_end() {
    let mut room = begun_with(|plan| {
        plan.steps.truncate(1);
        plan.expect_alerts = vec!["Failover".to_owned()];
        plan.steps[0].must_fire.clear();
    });
    room.must("ann", mark_done("look"));
    room.world.alerts.known = Err("`am` does not answer".to_owned());
    room.must("ann", Command::Complete);
    let absent: Vec<&Fact> = room.records.iter().rev().take(3).map(|r| &r.fact).collect();
    assert!(matches!(absent[0], Fact::Completed));
    for (fact, wanted) in absent[1..].iter().zip(["Lag", "Failover"]) {
        let Fact::Alert(AlertEvent::Absent { name, unknown, .. }) = fact else {
            panic!("{fact:?}");
        };
        assert_eq!((name.as_str(), unknown.is_empty()), (wanted, false));
    }
}

#[test]
fn nothing_is_armed_while_nobody_knows_which_alerts_fire_where_the_runbook_relies_on_them() {
    let says_nothing: fn(&mut Plan) = |_| ();
    let may: fn(&mut Plan) = |plan| plan.expect_alerts = vec!["Lag".to_owned()];
    let must: fn(&mut Plan) = |plan| plan.alerts.must_fire = vec!["Lag".to_owned()];
    for (change, has_answered, arms) in [
        (says_nothing, true, true),
        (may, true, false),
        (may, false, true),
        (must, false, false),
    ] {
        let mut plan = plan();
        change(&mut plan);
        let mut room = Room::at_drain_of(plan);
        room.must("ann", start("drain"));
        room.exit(0);
        room.open_gate();
        room.propose("ann", "drain").expect("proposed");
        let silent = AlertView {
            has_answered,
            ..AlertView::default()
        };
        room.world.alerts = silent.clone();
        room.confirm("bob").expect("confirmed");
        let is_armed = room
            .state
            .proposal
            .as_ref()
            .is_some_and(|p| p.armed.is_some());
        assert_eq!(is_armed, arms);
        room.world.alerts = AlertView::quiet();
        room.settle();
        room.world.alerts = silent;
        assert_eq!(room.ask("ann", go("drain")).is_ok(), arms);
    }
}

#[test]
fn each_unexpected_alert_holds_and_none_is_released_unseen() {
    let mut room = begun();
    let full = alert(&room, "DiskFull", "db-1");
    fire(&mut room, vec![full.clone()]);
    let seen = AlertsSeen::of(&room.state);
    let slow = alert(&room, "DiskSlow", "db-2");
    fire(&mut room, vec![full.clone(), slow.clone()]);
    assert_eq!(holds(&room), ["DiskFull db-1", "DiskSlow db-2"]);
    // The second came while the first was read; a script has read none.
    for seen in [Some(seen), None] {
        let refused = refusal(&mut room, seen);
        for told in ["`DiskFull` on db-1", "`DiskSlow` on db-2"] {
            assert!(refused.contains(told), "{refused}");
        }
        assert_eq!(holds(&room).len(), 2);
    }
    release_saying(&mut room);
    fire(&mut room, vec![full, slow]);
    assert!(!room.state.is_held());
}

/// As [`fire`], more and more of them, or fewer and fewer: a room settles in a hundred rounds.
fn fire_slowly(room: &mut Room, all: &[AlertNow], is_more: bool) {
    let mut counts: Vec<usize> = (0..all.len()).step_by(80).chain([all.len()]).collect();
    if !is_more {
        counts.reverse();
    }
    for count in counts {
        fire(room, all.iter().take(count).cloned().collect());
    }
}

/// As many as are remembered.
fn storm(room: &mut Room) -> Vec<AlertNow> {
    let one = |n: usize| alert(room, &format!("Storm{n}"), "db-1");
    (0..ALERTS_MAX).map(one).collect()
}

#[test]
fn what_is_over_makes_room_and_what_is_expected_goes_last() {
    let mut room = begun_with(|plan| plan.alerts.on_unexpected = Some(OnAlert::Mark));
    let lag = alert(&room, "Lag", "db-1");
    fire(&mut room, vec![lag]);
    let mut all = storm(&mut room);
    let last = all.pop();
    fire_slowly(&mut room, &all, true);
    assert_eq!(room.state.alerts.len(), ALERTS_MAX);
    fire_slowly(&mut room, &all, false);
    fire(&mut room, last.into_iter().collect());
    let names: Vec<&str> = room
        .state
        .alerts
        .iter()
        .map(|a| a.key.name.as_str())
        .collect();
    assert_eq!(names.len(), ALERTS_MAX);
    assert!(names.contains(&"Lag") && !names.contains(&"Storm0"));
    assert_eq!(names.last(), Some(&"Storm499"));
}

#[test]
fn a_storm_of_more_than_is_remembered_holds_as_long_as_it_fires() {
    let mut room = begun_with(|plan| plan.alerts.severities = vec!["page".to_owned()]);
    let all = storm(&mut room);
    fire_slowly(&mut room, &all, true);
    assert!(!room.state.is_held());
    let page = AlertNow {
        severity: "page".to_owned(),
        ..alert(&room, "AllDown", "db-1")
    };
    let mut more = all.clone();
    more.push(page);
    fire(&mut room, more.clone());
    assert_eq!(holds(&room), ["AllDown db-1"]);
    release_saying(&mut room);
    fire(&mut room, more);
    assert_eq!(
        holds(&room),
        ["AllDown db-1"],
        "nobody can tell that it is the same"
    );
    // The way back is there, and so is the way on when the storm is over.
    fire(&mut room, all);
    release_saying(&mut room);
    assert!(!room.state.is_held());
    room.must("ann", rollback());
}
