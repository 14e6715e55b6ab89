//! A motion as both people see it on the smallest screen with panes, and what their keys send.

use super::*;
use crate::domain::command::Command;
use crate::domain::fact::{Fact, MotionEnd, MotionEvent, Moved};
use crate::domain::freeze::Freeze;
use crate::domain::id::FreezeId;
use crate::domain::motion::{MOTION_LIFE, Motion, MotionNo};
use crate::domain::time::Timestamp;
use crate::ui::fixtures::actor;
use crate::ui::layers::{Layer, Sign};
use crate::ui::proof::{Then, Wish};

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

/// Something happens to the motion while the seat looks at it.
fn happens(seat: &mut Seat, who: &str, event: MotionEvent) -> bool {
    let Screen::Room(room) = &mut seat.screen else {
        panic!("a room");
    };
    let story = Story {
        room: (**room).clone(),
        now: seat.now,
        actor: actor(who),
    };
    let no = MotionNo(1);
    let story = story.by(who).did(Fact::Motion(Moved { no, event }));
    **room = story.room;
    seat.now = story.now;
    let is_left = seat.ui.on_state(room, seat.now);
    seat.draw();
    is_left
}

fn rejected(reason: &str) -> MotionEvent {
    let reason = reason.to_owned();
    MotionEvent::Ended {
        why: MotionEnd::Rejected { reason },
    }
}

#[test]
fn the_dialog_closes_when_the_motion_ends_elsewhere_and_says_who_ended_it() {
    let expired = || MotionEvent::Ended {
        why: MotionEnd::Expired,
    };
    for (you, who, event, words) in [
        ("bob", "cho", MotionEvent::Carried, "is in force: cho"),
        (
            "bob",
            "cho",
            rejected("too late"),
            "rejected by cho: too late",
        ),
        ("bob", "alice", rejected(""), "ended: taken back by alice"),
        ("alice", "bob", rejected("no"), "ended: rejected by bob: no"),
        ("bob", "warroom", expired(), "nobody seconded it in time"),
    ] {
        let mut seat = Seat::at(moved(you), SMALL);
        seat.keys(&["Y"]);
        assert!(seat.text().contains("it ends by itself in"));
        happens(&mut seat, who, event);
        let text = seat.text();
        let plain = text.replace(['│', '"'], " ");
        let flat: String = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "{words}\n{text}");
        assert!(flat.contains("motion 1, extend the window"), "{text}");
        assert!(!flat.contains("do nothing"), "{text}");
        // Keys that were on their way to it mean nothing, the second one neither; but nobody is kept from a way back.
        assert_eq!(seat.keys(&["s", "s", "r"]), []);
        assert_eq!(asked(&seat.keys(&["h"])).len(), 1, "at once");
        assert_eq!(seat.keys(&["s"]), []);
        seat.wait(3);
        assert_eq!(asked(&seat.keys(&["h"])).len(), 1, "keys are heard again");
    }
    // What is open about something else stays open.
    let mut seat = Seat::at(moved("bob"), SMALL);
    seat.keys(&["?"]);
    let help = seat.text();
    happens(&mut seat, "cho", MotionEvent::Carried);
    assert_eq!(seat.text().lines().nth(9), help.lines().nth(9));
}

#[test]
fn the_dialog_counts_down() {
    let mut seat = Seat::at(moved("bob"), SMALL);
    seat.keys(&["Y"]);
    assert!(seat.text().contains("it ends by itself in 9m55s"));
    seat.wait(30);
    assert!(seat.text().contains("it ends by itself in 9m25s"));
}

#[test]
fn a_line_that_is_being_typed_is_not_cut_off_and_sends_nothing() {
    let mut seat = Seat::at(moved("bob"), SMALL);
    seat.keys(&["Y", "r"]);
    seat.types("not n");
    happens(&mut seat, "cho", rejected(""));
    // The rest of the word is no key of the view: `o`, `w` and `R` would be.
    assert_eq!(seat.types("owR"), []);
    insta::assert_snapshot!("motion_ended_80x24", seat.text());
    assert_eq!(seat.keys(&["enter"]), []);
    assert!(!seat.text().contains("nothing is sent any more"));
}

#[test]
fn nobody_waits_for_a_signature_for_a_motion_that_has_ended() {
    let mut seat = Seat::at(moved("bob"), SMALL);
    let then = Then::Ask(Command::Second {
        no: MotionNo(1),
        adopted: None,
        signed: None,
    });
    let statement = "warroom-second@v1\n".to_owned();
    let sign = Sign::new(Wish { statement, then }, false);
    seat.ui.layers.open(Layer::Sign(sign));
    assert!(seat.text().contains("waiting for your ssh-agent"));
    assert!(happens(&mut seat, "alice", rejected("")));
    assert!(!seat.text().contains("waiting for your ssh-agent"));
}
