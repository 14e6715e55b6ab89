//! What a step worked and what it waited.

use super::*;
use crate::domain::fixture::{retry, start};

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn times(report: &Report, name: &str) -> Option<(u64, u64)> {
    let mut steps = report.steps.iter();
    let step = steps.find(|step| step.id == id(name)).expect("a step");
    let (took, waited) = (step.took_ms, step.waited_ms);
    assert_eq!(took.is_some(), waited.is_some());
    Some((took? / 1000, waited? / 1000))
}

/// The check of the drain works for 3 s, it waits for people for 40 s, 30 s (who say no) and 20 s, and its command works for 12 s.
fn drained() -> Room {
    let mut room = Room::at_drain();
    room.must("ann", start("drain"));
    room.wait(secs(3));
    room.exit(0);
    room.open_gate();
    room.wait(secs(40));
    room.propose("ann", "drain").expect("proposed");
    room.wait(secs(30));
    room.must("bob", reject("drain"));
    room.propose("ann", "drain").expect("proposed");
    room.confirm("bob").expect("confirmed");
    room.wait(secs(20));
    let attempt = room.state.proposal.as_ref().expect("open").terms.attempt;
    room.must("ann", go_for("drain", attempt.0));
    room.wait(secs(12));
    room.exit(1);
    room
}

#[test]
fn waiting_for_people_and_for_a_gate_is_no_work() {
    let mut room = drained();
    let report = report_of(&room);
    let ended = Some((105, 90));
    assert_eq!(times(&report, "drain"), ended, "check and command work");
    assert!(render(&report).contains("| worked | waited |"));
    // Nothing of a step goes on before somebody tries it again, and what was before counts no more then.
    room.wait(secs(600));
    assert_eq!(times(&report_of(&room), "drain"), ended);
    room.must("ann", retry("drain"));
    room.must("ann", start("drain"));
    room.wait(secs(7));
    assert_eq!(times(&report_of(&room), "drain"), None, "it goes on");
    room.exit(1);
    assert_eq!(times(&report_of(&room), "drain"), Some((7, 0)));
}

#[test]
fn the_way_back_is_no_time_of_an_attempt() {
    let mut room = drained();
    let before = times(&report_of(&room), "drain");
    let reason = "enough".to_owned();
    room.must("cho", Command::Rollback { reason });
    room.wait(secs(30));
    while room.running().is_some() {
        room.exit(0);
    }
    assert_eq!(times(&report_of(&room), "drain"), before);
}

#[test]
fn what_was_never_started_has_no_times() {
    assert_eq!(times(&report_of(&Room::new()), "drain"), None);
}
