//! Who watches over what runs drops out, and somebody takes over (`TWO_PERSON` 4.7).

use super::*;
use crate::domain::board::Board;
use crate::domain::runbook::plan::OnExecutorLost;
use crate::domain::what_now::what_now;
use std::time::Duration;

fn take_over() -> Command {
    Command::TakeOver { step: id("drain") }
}

/// Ann has said go; `ends`: her absence ends it.
fn running(ends: bool) -> Room {
    let mut plan = plan();
    if ends {
        plan.steps[2].on_executor_lost = OnExecutorLost::Terminate;
    }
    let mut room = Room::at_drain_of(plan);
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    room.must("ann", propose("drain"));
    room.confirm("bob").expect("confirmed");
    room.must("ann", go("drain"));
    room
}

fn stops(room: &Room) -> bool {
    room.state.running().is_some_and(|r| r.stop_asked)
}

#[test]
fn nothing_is_taken_over_from_somebody_who_is_there() {
    let room = running(false);
    refused(&room, "bob", take_over(), "`ann` is here and watches it");
    refused(&room, "ann", take_over(), "you are the one who watches it");
    refused(&room, "root", take_over(), "proves nobody's identity");
    let mut gone = room.clone();
    gone.detach(0);
    gone.attach_as(8, "ann", true);
    // Who may only look could stop nothing: that is no presence.
    gone.must("bob", take_over());
    refused(&gone, "bob", take_over(), "you are the one who watches it");
    refused(&gone, "cho", take_over(), "`bob` is here");
    gone.check_fold();
    let idle = Room::armed();
    refused(&idle, "bob", take_over(), "nothing of it runs");
    let mut back = room;
    back.must("cho", rollback());
    back.end(Outcome::Stopped);
    back.detach(0);
    // The way back is nobody's in particular.
    refused(&back, "bob", take_over(), "nothing of it runs");
}

#[test]
fn a_step_that_ends_with_its_executor_goes_on_with_whoever_takes_over() {
    let mut room = running(true);
    room.detach(0);
    room.wait(Duration::from_secs(14));
    room.must("cho", take_over());
    room.wait(Duration::from_secs(60));
    assert!(!stops(&room), "cho watches it");
    // Cho goes too, and comes back in time; then goes for good.
    room.detach(2);
    room.wait(Duration::from_secs(10));
    room.attach(9, "cho");
    room.wait(Duration::from_secs(60));
    assert!(!stops(&room));
    room.detach(9);
    room.wait(Duration::from_secs(16));
    assert!(stops(&room), "nobody watches it any more");
    room.check_fold();
    let mut alone = running(true);
    alone.detach(0);
    alone.wait(Duration::from_secs(16));
    assert!(stops(&alone));
}

#[test]
fn the_way_back_is_not_ended_by_anybodys_absence() {
    let mut room = running(true);
    room.exit(0);
    room.exit(0);
    room.detach(0);
    room.must("bob", rollback());
    room.wait(Duration::from_secs(60));
    assert!(room.running().is_some() && !stops(&room));
}

#[test]
fn hand_work_belongs_to_whoever_took_it_over() {
    let mut room = Room::at_drain();
    room.must("ann", skip("drain"));
    room.must("ann", start("wipe"));
    room.must("ann", propose("wipe"));
    room.confirm("bob").expect("confirmed");
    room.confirm("cho").expect("confirmed");
    room.must("ann", go("wipe"));
    room.detach(0);
    refused(&room, "bob", mark_done("wipe"), "`ann` does it");
    room.must("bob", Command::TakeOver { step: id("wipe") });
    room.must("bob", mark_done("wipe"));
    room.check_fold();
}

#[test]
fn the_others_are_told_and_asked() {
    let mut room = running(true);
    room.detach(0);
    let line =
        |room: &Room, you: &str| what_now(&room.state, &Board::default(), room.now, &actor(you));
    let bob = line(&room, "bob");
    assert!(
        bob.what.contains("take over watching step 2.1 `drain`"),
        "{bob:?}"
    );
    assert!(
        bob.why.contains("`ann` is gone; it is stopped unless"),
        "{bob:?}"
    );
    assert!(bob.yours);
    assert_eq!(bob.until, Some(room.now.wall.plus(Duration::from_secs(15))));
    room.must("bob", take_over());
    assert!(line(&room, "cho").what.contains("runs"));
    let mut goes_on = running(false);
    goes_on.detach(0);
    let bob = line(&goes_on, "bob");
    assert!(bob.why.contains("it runs on"), "{bob:?}");
    assert_eq!(bob.until, None);
}
