//! A motion as both people see it on the smallest screen with panes, and what their keys send.

use super::*;
use crate::domain::command::Command;
use crate::domain::fact::{Fact, MotionEvent, Moved};
use crate::domain::freeze::Freeze;
use crate::domain::id::FreezeId;
use crate::domain::motion::{MOTION_LIFE, Motion, MotionNo};
use crate::domain::time::Timestamp;

const SMALL: (u16, u16) = (80, 24);

fn until() -> Timestamp {
    Timestamp::parse("2026-11-22T04:45:00Z").expect("a time")
}

/// Alice has moved to extend the window.
fn moved(you: &str) -> Story {
    let story = Story::checked(you);
    let issued = story.now.wall;
    let made = MotionEvent::Made {
        what: Motion::ExtendWindow { until: until() },
        reason: "the copy is slow".to_owned(),
        issued,
        expires: issued.plus(MOTION_LIFE),
        amendment: None,
    };
    let no = MotionNo(1);
    story
        .by("alice")
        .did(Fact::Motion(Moved { no, event: made }))
}

fn asked(requests: &[Request]) -> Vec<Command> {
    let asked = requests.iter().filter_map(|request| match request {
        Request::Ask(command) => Some(command.clone()),
        _ => None,
    });
    asked.collect()
}

#[test]
fn both_people_see_the_motion_in_every_view_and_who_may_answers_it() {
    for (you, words) in [
        ("alice", "Y takes it back"),
        ("bob", "Y seconds or rejects it"),
    ] {
        for view in ["1", "2", "3", "4"] {
            let mut seat = Seat::at(moved(you), SMALL);
            seat.keys(&[view]);
            let text = seat.text();
            assert!(text.contains("MOTION of alice"), "{you} {view}\n{text}");
            assert!(text.contains(words), "{you} {view}\n{text}");
        }
    }
    let mut bob = Seat::at(moved("bob"), SMALL);
    assert!(
        bob.text()
            .contains("YOU: second or reject: extend the window to 2026-11-22T04:45:00Z [Y]")
    );
    bob.keys(&["Y"]);
    insta::assert_snapshot!("motion_answer_80x24", bob.text());
    let second = Command::Second {
        no: MotionNo(1),
        adopted: None,
        signed: None,
    };
    assert_eq!(asked(&bob.keys(&["s"])), [second]);
    bob.keys(&["Y", "r"]);
    bob.types("not now");
    let no = Command::RejectMotion {
        no: MotionNo(1),
        reason: "not now".to_owned(),
    };
    assert_eq!(asked(&bob.keys(&["enter"])), [no]);
    // Who made it is not offered to second it.
    let mut alice = Seat::at(moved("alice"), SMALL);
    assert_eq!(asked(&alice.keys(&["Y", "s", "esc"])), []);
    // On the smallest screens the line that says what now is all there is.
    let mut tiny = Seat::at(moved("bob"), (40, 6));
    assert!(tiny.text().contains("second or reject"), "{}", tiny.text());
}

#[test]
fn an_extension_is_asked_for_in_two_lines() {
    let mut seat = Seat::at(Story::checked("alice"), SMALL);
    seat.keys(&["X"]);
    insta::assert_snapshot!("motion_until_80x24", seat.text());
    seat.types("soon");
    assert_eq!(asked(&seat.keys(&["enter"])), []);
    assert!(seat.text().contains("not a later end"));
    seat.keys(&["X"]);
    seat.types("45m");
    seat.keys(&["enter"]);
    seat.types("the copy is slow");
    let made = Command::Move {
        what: Motion::ExtendWindow { until: until() },
        reason: "the copy is slow".to_owned(),
        signed: None,
    };
    assert_eq!(asked(&seat.keys(&["enter"])), [made]);
}

#[test]
fn the_header_tells_what_two_people_have_agreed_on_and_a_freeze() {
    let carried = MotionEvent::Carried;
    let no = MotionNo(1);
    let story = moved("bob").by("bob");
    let story = story.did(Fact::Motion(Moved { no, event: carried }));
    let text = Seat::at(story, SMALL).text();
    assert!(text.contains("(+45m)"), "{text}");
    let mut story = Story::checked("alice");
    let mut genesis = (*story.room.state.genesis).clone();
    genesis.freezes = vec![Freeze {
        id: FreezeId::new("year-end").expect("an id"),
        start: story.now.wall,
        end: until(),
        reason: "closing of the books".to_owned(),
        components: Vec::new(),
        except: Vec::new(),
    }];
    story.room.state.genesis = std::sync::Arc::new(genesis);
    let mut seat = Seat::at(story, SMALL);
    let text = seat.text();
    assert!(text.contains("FREEZE year-end"), "{text}");
    assert!(text.contains("waits for the end"), "{text}");
    seat.keys(&["F"]);
    assert!(seat.text().contains("in spite of it?"));
}

#[test]
fn past_the_point_of_no_return_the_line_names_the_key_that_extends() {
    let mut seat = Seat::at(Story::checked("alice"), SMALL);
    let end = Timestamp::parse("2026-11-22T03:59:00Z").expect("a time");
    seat.now.wall = end;
    let text = seat.text();
    assert!(text.contains("is too late: extend the"), "{text}");
    assert!(text.contains("[X, R, A]"), "{text}");
    assert!(text.contains("buffer 94% used"), "{text}");
}

#[test]
fn an_armed_step_past_the_point_of_no_return_is_not_told_to_go() {
    let mut seat = Seat::at(Story::armed("alice"), SMALL);
    assert!(seat.text().contains("armed: go for"), "{}", seat.text());
    seat.now.wall = Timestamp::parse("2026-11-22T03:59:00Z").expect("a time");
    let text = seat.text();
    assert!(!text.contains("armed: go for"), "{text}");
    assert!(text.contains("is too late:"), "{text}");
    assert!(text.contains("[X, R, A]"), "{text}");
}
