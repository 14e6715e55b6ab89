//! Keys of the two people of a motion: it is made in two lines, and answered in a menu that says what it is about.

use crate::domain::command::Command;
use crate::domain::freeze;
use crate::domain::id::FreezeId;
use crate::domain::motion::{Motion, MotionNo, parse_end};
use crate::domain::time::{Timestamp, short_span};
use crate::ui::action::Action;
use crate::ui::layers::{Layer, Menu, MenuItem, Outcome, Prompt, Purpose, SignAct};
use crate::ui::proof;
use crate::ui::ritual::me;
use crate::ui::room::Room;
use crate::ui::signing;
use crate::ui::update::Work;

/// What a line is for on the way of a motion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moving {
    /// By how long, or until when, the window is extended.
    Until,
    /// Why the window is to end then.
    Extend(Timestamp),
    /// Why the work is to go on in a freeze.
    Override(FreezeId),
    /// Why a motion is rejected.
    Reject(MotionNo),
}

/// Does one of the three.
pub(super) fn act(work: &mut Work<'_>, action: Action) {
    match action {
        Action::ExtendWindow => extend(work),
        Action::OverrideFreeze => go_on(work),
        _ => say_to_it(work),
    }
}

fn extend(work: &mut Work<'_>) {
    let Some(room) = work.room else { return };
    let Some(window) = room.state.window() else {
        return work.say("the runbook has no window: there is nothing to extend");
    };
    let title = format!(
        "the window ends at {}. by how long should it end later (`45m`), or when (`06:30`, UTC)? another person has to second it",
        window.end.to_seconds_text()
    );
    work.prompt(Purpose::Moving(Moving::Until), title);
}

fn go_on(work: &mut Work<'_>) {
    let Some(room) = work.room else { return };
    let standing = freeze::standing(&room.state.genesis, &room.board);
    let Some(on) = freeze::in_force(&room.state, &standing, work.now.wall) else {
        return work.say("no freeze stands in the way now");
    };
    let title = format!(
        "freeze `{}` until {}: {}. why should the work go on in spite of it? another person has to second it",
        on.id,
        on.end.to_seconds_text(),
        on.reason
    );
    let purpose = Purpose::Moving(Moving::Override(on.id.clone()));
    work.prompt(purpose, title);
}

/// Asks what to say to the open motion. Nothing is a default.
fn say_to_it(work: &mut Work<'_>) {
    let Some(room) = work.room else { return };
    let Some(open) = &room.state.motions.open else {
        return work.say("no motion is open");
    };
    let (no, left) = (open.no, short_span(open.expires.since(work.now.wall)));
    let question = format!(
        "motion {no} of `{}`: {}. why: {}. it ends by itself in {left}",
        open.by, open.what, open.reason
    );
    let item = |key, shown, what, outcome| MenuItem {
        key,
        shown,
        what,
        outcome,
    };
    let purpose = Purpose::Moving(Moving::Reject(no));
    let is_mine = me(room) == Some(&open.by);
    let (title, label) = if is_mine {
        (
            "you take the motion back. why? (may be empty)",
            "take it back",
        )
    } else {
        ("you reject the motion. why? (may be empty)", "reject it")
    };
    let prompt = Layer::Prompt(Prompt::new(purpose, title.to_owned()));
    let mut items = vec![item('r', "r", label, Outcome::Open(Box::new(prompt)))];
    if !is_mine {
        items.insert(
            0,
            item('s', "s", "second it: it is in force then", second(room, no)),
        );
    }
    work.layers.open(Layer::Menu(Menu::new(question, items)));
}

/// What seconding comes to: a signature first, where one is needed.
fn second(room: &Room, no: MotionNo) -> Outcome {
    match proof::second(room) {
        Some(wish) => Outcome::Sign(Box::new(SignAct::Begin(wish))),
        None => Outcome::Send(Command::Second { no, signed: None }),
    }
}

/// Takes a line that was typed on this way.
pub(super) fn typed(work: &mut Work<'_>, line: Moving, text: String) {
    match line {
        Moving::Until => until(work, &text),
        Moving::Extend(until) => make(work, Motion::ExtendWindow { until }, text),
        Moving::Override(freeze) => make(work, Motion::OverrideFreeze { freeze }, text),
        Moving::Reject(no) => work.ask(Command::RejectMotion { no, reason: text }),
    }
}

fn until(work: &mut Work<'_>, text: &str) {
    let window = work.room.and_then(|room| room.state.window());
    let Some(window) = window else { return };
    let now = work.now.wall;
    let Some(until) = parse_end(text, window.end, now).filter(|until| *until > window.end) else {
        return work.say("not a later end: type `45m`, `06:30` (UTC) or `2026-11-22T06:30:00Z`");
    };
    let title = format!(
        "the window should end at {}, {} later. why? whoever seconds it reads it",
        until.to_seconds_text(),
        short_span(until.since(window.end))
    );
    work.prompt(Purpose::Moving(Moving::Extend(until)), title);
}

fn make(work: &mut Work<'_>, what: Motion, reason: String) {
    let wish = work
        .room
        .and_then(|room| proof::motion(room, &what, &reason, work.now.wall));
    match wish {
        Some(wish) => signing::begin(work, wish),
        None => work.ask(Command::Move {
            what,
            reason,
            signed: None,
        }),
    }
}
