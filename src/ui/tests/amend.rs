//! A changed runbook as both people read it, on the smallest screen with panes.

use super::*;
use crate::domain::amend::{self, Amendment};
use crate::domain::command::Command;
use crate::domain::digest::Digest;
use crate::domain::fact::{Fact, HoldCause, MotionEvent, Moved};
use crate::domain::motion::{MOTION_LIFE, Motion, MotionNo};
use crate::domain::runbook::plan::{Plan, PlanBlock};
use crate::wire::amendment::Preview;
use std::sync::Arc;

const SMALL: (u16, u16) = (80, 24);

/// The runbook after somebody has mended the last command in it.
fn amendment(story: &Story) -> Amendment {
    let state = &story.room.state;
    let mut plan: Plan = state.plan().clone();
    let mut steps = plan.steps.iter_mut().rev();
    let exec = steps.find_map(|step| {
        step.title.push_str(" once more");
        step.blocks.iter_mut().find_map(|block| match block {
            PlanBlock::Exec(exec) => Some(exec),
            PlanBlock::Gate(_) => None,
        })
    });
    let script = exec
        .and_then(|exec| exec.argv.last_mut())
        .expect("a command");
    *script = "first --line\nrm -rf \u{202e}/srv; \u{1b}[2J\n".to_owned();
    let mut runbook = state.genesis.runbook.clone();
    runbook.digest = Digest::of(b"edited");
    Amendment { plan, runbook }
}

fn motion(story: &Story, amendment: &Amendment) -> Motion {
    Motion::Amend {
        from: story.room.state.genesis.plan_digest,
        to: amendment.plan.digest(),
    }
}

/// Alice has moved to take it over.
fn moved(you: &str) -> Story {
    let story = Story::opened(you);
    let amendment = amendment(&story);
    let issued = story.now.wall;
    let made = MotionEvent::Made {
        what: motion(&story, &amendment),
        reason: "the command was wrong".to_owned(),
        issued,
        expires: issued.plus(MOTION_LIFE),
        amendment: Some(Arc::new(amendment)),
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

fn preview(story: &Story) -> Preview {
    let (state, read) = (&story.room.state, amendment(story));
    let adopted = amend::adopt(state, &read).expect("fits");
    Preview {
        number: 1,
        from: state.genesis.plan_digest,
        to: read.plan.digest(),
        is_pinned: false,
        against: Vec::new(),
        changes: adopted.changes.clone(),
        lines: amend::diff(state.plan(), &adopted.plan),
        more: 0,
    }
}

#[test]
fn who_seconds_reads_both_plans_first() {
    let mut bob = Seat::at(moved("bob"), SMALL);
    let text = bob.text();
    assert!(text.contains("MOTION of alice"), "{text}");
    assert_eq!(asked(&bob.keys(&["Y"])), []);
    insta::assert_snapshot!("amend_read_80x24", bob.text());
    bob.keys(&["G"]);
    let end = bob.text();
    assert!(
        !end.contains('\u{1b}') && !end.contains('\u{202e}'),
        "{end}"
    );
    assert!(end.contains("s second it"), "{end}");
    let story = moved("bob");
    let second = Command::Second {
        no: MotionNo(1),
        adopted: amend::adopted_digest(&story.room.state, &amendment(&story)),
        signed: None,
    };
    assert_eq!(asked(&bob.keys(&["s"])), [second]);
    bob.keys(&["Y", "r"]);
    bob.types("not tonight");
    let no = Command::RejectMotion {
        no: MotionNo(1),
        reason: "not tonight".to_owned(),
    };
    assert_eq!(asked(&bob.keys(&["enter"])), [no]);
    // Who made it reads it too, and cannot second it.
    let mut alice = Seat::at(moved("alice"), SMALL);
    assert_eq!(asked(&alice.keys(&["Y", "s"])), []);
    assert!(!alice.text().contains("second it: it is in force"));
}

#[test]
fn what_has_changed_is_read_before_it_is_moved() {
    let mut seat = Seat::at(Story::opened("alice"), SMALL);
    assert_eq!(seat.keys(&["Z"]), [Request::ReadRunbook]);
    let story = Story::opened("alice");
    let preview = preview(&story);
    let now = seat.now;
    seat.ui.on_amendment(&seat.screen, &preview, now);
    insta::assert_snapshot!("amend_preview_80x24", seat.text());
    seat.keys(&["m"]);
    seat.types("the command was wrong");
    let made = Command::Move {
        what: Motion::Amend {
            from: preview.from,
            to: preview.to,
        },
        reason: "the command was wrong".to_owned(),
        signed: None,
    };
    assert_eq!(asked(&seat.keys(&["enter"])), [made]);
    // What is in the way is named, and nothing can be moved.
    let mut against = preview;
    against.against = vec![amend::Objection {
        why: "step 1.1 is under way".to_owned(),
        hint: "wait until it is done, or stop it".to_owned(),
    }];
    seat.ui.on_amendment(&seat.screen, &against, now);
    let text = seat.text();
    assert!(text.contains("IN THE WAY: step 1.1 is under way"), "{text}");
    assert_eq!(asked(&seat.keys(&["m"])), []);
    assert!(!seat.text().contains("m move it"));
    // It may have gone meanwhile: that is said, and nothing moves under the eyes of its reader.
    assert!(!text.contains("GONE ON SINCE"), "{text}");
    let by = crate::ui::fixtures::actor("bob");
    let held = Fact::Held(HoldCause::Restart);
    let seq = crate::domain::id::Seq(99);
    let fact = crate::domain::fixture::stamp(seq, now, by, held);
    seat.ui.on_facts(&[fact], now);
    let text = seat.text();
    assert!(text.contains("THE SESSION HAS GONE ON SINCE"), "{text}");
    assert!(text.contains("IN THE WAY: step 1.1"), "{text}");
}

#[test]
fn a_runbook_that_has_changed_on_the_disk_is_a_quiet_word() {
    let mut story = Story::opened("alice");
    assert!(
        !Seat::at(Story::opened("alice"), SMALL)
            .text()
            .contains("has changed on the disk")
    );
    story.room.around.is_runbook_changed = true;
    let text = Seat::at(story, SMALL).text();
    assert!(
        text.contains("the runbook has changed on the disk"),
        "{text}"
    );
    assert!(text.contains("Z shows what"), "{text}");
}

#[test]
fn keys_mean_the_same_step_when_another_one_stands_in_its_place() {
    let mut seat = Seat::at(Story::running("alice"), SMALL);
    seat.keys(&["j"]);
    let Screen::Room(room) = &mut seat.screen else {
        panic!("a room");
    };
    let selected = seat.ui.selected(room).expect("a step");
    let genesis = Arc::make_mut(&mut room.state.genesis);
    let mut first = genesis.plan.steps[0].clone();
    first.id = crate::domain::id::StepId::new("before-all").expect("an id");
    genesis.plan.steps.insert(0, first);
    let fresh = room.state.steps[0].clone();
    room.state.steps.insert(0, fresh);
    assert_ne!(seat.ui.selected(room), Some(selected.clone()));
    seat.ui.keep_selected(room, Some(&selected));
    assert_eq!(seat.ui.selected(room), Some(selected));
}

#[test]
fn what_is_open_is_closed_when_another_plan_is_in_force() {
    let mut bob = Seat::at(moved("bob"), SMALL);
    bob.keys(&["Y"]);
    let now = bob.now;
    bob.ui.on_amended(now);
    let text = bob.text();
    assert!(text.contains("the runbook was amended; press the key again"));
    assert_eq!(asked(&bob.keys(&["s"])), [], "the answer was closed");
    assert_eq!(asked(&bob.keys(&["h"])).len(), 1, "a way back is heard");
    // The rest of a line that was being typed is no key, of a way back neither.
    let mut cho = Seat::at(moved("cho"), SMALL);
    cho.keys(&["n"]);
    cho.types("host");
    cho.ui.on_amended(now);
    assert_eq!(asked(&cho.keys(&["x", "h", "R"])), []);
    // Nothing was open but the help: nothing is closed, and nothing is said.
    let mut alice = Seat::at(Story::opened("alice"), SMALL);
    alice.keys(&["?"]);
    let help = alice.text();
    alice.ui.on_amended(now);
    assert_eq!(alice.text(), help);
}
