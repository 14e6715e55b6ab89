//! What status says of the time: made from maintenances that happened in memory.

use super::*;
use crate::domain::board::Board;
use crate::domain::command::Command;
use crate::domain::fixture::{Room, hold, id, plan, rollback};
use crate::domain::freeze::Freeze;
use crate::domain::id::FreezeId;
use crate::domain::motion::Motion;
use crate::domain::runbook::plan::{Plan, Window};
use crate::wire::around::Around;
use std::sync::Arc;
use std::time::Duration;

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

fn snapshot(room: &Room) -> Snapshot {
    Snapshot {
        state: room.state.clone(),
        board: Board::default(),
        outputs: Vec::new(),
        recent: Vec::new(),
        around: Around::default(),
    }
}

fn text(room: &Room) -> String {
    to_text(&snapshot(room), &summary(&room.state), room.now)
}

fn json(room: &Room) -> serde_json::Value {
    to_json(&snapshot(room), &summary(&room.state), room.now)
}

/// Begins now, lasts 2 h, the last 20 minutes of it for going back.
fn windowed() -> Plan {
    let start = Room::new().now.wall;
    Plan {
        window: Some(Window {
            start,
            end: start.plus(minutes(120)),
            buffer: minutes(20),
        }),
        ..plan()
    }
}

/// Time goes on, and nothing happens.
fn later(room: &mut Room, span: Duration) {
    room.now = room.now.plus(span);
}

#[test]
fn the_window_says_what_is_left_and_by_how_much_it_is_past() {
    let mut room = Room::at_drain_of(windowed());
    let start = room.now.wall;
    later(&mut room, minutes(50));
    let said = text(&room);
    assert!(
        said.contains("window: 50m00s to the point of no return (")
            && said.contains(", 70m00s to its end ("),
        "{said}"
    );
    assert!(!said.contains("nothing destructive"), "{said}");
    assert_eq!(json(&room)["window"]["turn_back_in_s"], 3000);
    assert_eq!(json(&room)["barred"], serde_json::Value::Null);
    later(&mut room, minutes(55));
    let said = text(&room);
    assert!(
        said.contains("window: PAST THE POINT OF NO RETURN by 5m00s ("),
        "{said}"
    );
    assert!(
        said.contains("nothing destructive may start: the point of no return was at"),
        "{said}"
    );
    later(&mut room, minutes(27));
    let end = start.plus(minutes(120)).to_seconds_text();
    let said = text(&room);
    let over = format!("window: OVER by 12m00s (it ended {end})");
    assert!(said.contains(&over), "{said}");
    let json = json(&room);
    assert_eq!(json["window"]["ends_in_s"], -720);
    assert_eq!(json["window"]["buffer_s"], 1200);
    let hint = json["barred"]["hint"].as_str().expect("a hint");
    assert!(hint.contains("extend the window"), "{hint}");
    // On the way back nothing is barred, and a person still wants to know how late it is.
    room.must("ann", hold());
    room.must("ann", rollback());
    let said = text(&room);
    assert!(said.contains("window: OVER by") && !said.contains("nothing destructive"));
}

#[test]
fn before_the_window_and_in_a_freeze_it_says_why_nothing_begins() {
    let mut plan = windowed();
    let mut room = Room::with(plan.clone());
    assert!(text(&room).contains("window: 100m00s to the point of no return"));
    if let Some(window) = &mut plan.window {
        window.start = window.start.plus(minutes(90));
    }
    later(&mut room, minutes(101));
    assert!(text(&room).contains("nothing destructive may start: the point of no return"));
    room = Room::with(plan);
    let said = text(&room);
    assert!(said.contains("window: begins in 90m00s ("), "{said}");
    assert!(
        said.contains("it cannot begin: the announced window has not begun"),
        "{said}"
    );
    let mut room = Room::new();
    assert!(!text(&room).contains("window:"), "it has none");
    let wall = room.now.wall;
    let mut genesis = (*room.state.genesis).clone();
    genesis.freezes = vec![Freeze {
        id: FreezeId::new("sale").expect("an id"),
        start: wall,
        end: wall.plus(minutes(60)),
        reason: "the sale".to_owned(),
        components: Vec::new(),
        except: Vec::new(),
    }];
    room.state.genesis = Arc::new(genesis);
    assert!(text(&room).contains("it cannot begin: freeze `sale` is on until"));
}

#[test]
fn an_open_proposal_says_since_when_what_is_missing_and_how_long_still() {
    let mut room = Room::proposed();
    later(&mut room, Duration::from_secs(40));
    let said = text(&room);
    let line = "drain, attempt 1: proposed by ann 40s ago; 0 of 1 other people have confirmed, 1 is missing; it ends in 14m20s";
    assert!(said.contains(line), "{said}");
    let open = json(&room)["proposal"].clone();
    assert_eq!(open["missing"], 1);
    assert_eq!(open["armed"], serde_json::Value::Null);
    assert_eq!(open["step"], id("drain").as_str());
    room.confirm("bob").expect("confirmed");
    later(&mut room, Duration::from_secs(30));
    let said = text(&room);
    let line = "proposed by ann 70s ago; ARMED 30s ago: waits for `go` by ann, and ends in 4m30s";
    assert!(said.contains(line), "{said}");
    let open = json(&room)["proposal"].clone();
    assert_eq!(
        (&open["missing"], &open["confirmed"][0]),
        (&0.into(), &"bob".into())
    );
}

#[test]
fn an_open_motion_says_what_by_whom_and_who_is_missing() {
    let mut room = Room::at_drain_of(windowed());
    let until = room.now.wall.plus(minutes(180));
    let what = Motion::ExtendWindow { until };
    let reason = "the copy is slow".to_owned();
    let signed = None;
    room.must(
        "ann",
        Command::Move {
            what,
            reason,
            signed,
        },
    );
    later(&mut room, Duration::from_secs(130));
    let said = text(&room);
    let until = until.to_seconds_text();
    let line = format!(
        "motion 1 by ann 2m10s ago: extend the window to {until} (the copy is slow); another person than ann seconds or rejects it (key Y), or it ends in 7m50s"
    );
    assert!(said.contains(&line), "{said}");
    let at = |part: &str| said.find(part).unwrap_or_else(|| panic!("{part}: {said}"));
    assert!(at("motion 1") < at("window:") && at("window:") < at("errors:"));
    assert_eq!(
        json(&room)["motion"]["missing"],
        "another person than ann seconds it"
    );
}
