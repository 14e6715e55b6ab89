//! Keys of the two people of a motion: it is made in two lines, and answered in a menu that says what it is about.

use crate::domain::amend;
use crate::domain::command::Command;
use crate::domain::confirm::rule::person_in;
use crate::domain::digest::Digest;
use crate::domain::fact::{Fact, MotionEnd, MotionEvent};
use crate::domain::freeze;
use crate::domain::id::FreezeId;
use crate::domain::motion::{Motion, MotionNo, parse_end};
use crate::domain::state::Tabled;
use crate::domain::time::{Moment, Timestamp, short_span};
use crate::ui::Request;
use crate::ui::action::Action;
use crate::ui::layers::{
    AboutMotion, Amendment, Closed, Layer, Layers, Menu, MenuItem, Outcome, Prompt, Purpose,
    SignAct,
};
use crate::ui::proof;
use crate::ui::ritual::me;
use crate::ui::room::{Link, Room};
use crate::ui::signing;
use crate::ui::update::Work;
use crate::wire::amendment::Preview;
use std::borrow::Cow;

/// What a line is for on the way of a motion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Moving {
    /// By how long, or until when, the window is extended.
    Until,
    /// Why the window is to end then.
    Extend(Timestamp),
    /// Why the work is to go on in a freeze.
    Override(FreezeId),
    /// Why the changed runbook is to be taken over: the plan before, and the one it comes to.
    Amend(Digest, Digest),
    /// Why a motion is rejected.
    Reject(MotionNo),
}

/// Does one of them.
pub(super) fn act(work: &mut Work<'_>, action: Action) {
    match action {
        Action::ExtendWindow => extend(work),
        Action::OverrideFreeze => go_on(work),
        Action::Amend => read_runbook(work),
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

/// Has the server read the runbook; what has changed comes back as [`preview`].
fn read_runbook(work: &mut Work<'_>) {
    match work.room {
        Some(room) if room.welcome.read_only => {
            work.say("this terminal only looks: it was attached read-only");
        }
        Some(room) if room.link == Link::Up => {
            work.requests.push(Request::ReadRunbook);
            work.say("the server reads the runbook");
        }
        _ => work.say("not sent: the server is not reached"),
    }
}

/// Shows what has changed in the runbook to somebody who may want it taken over.
pub(super) fn preview(work: &mut Work<'_>, preview: &Preview) {
    work.layers.dismiss();
    if preview.is_pinned {
        return work.say("the runbook is the one this session is pinned to: nothing has changed");
    }
    let mut items = Vec::new();
    if preview.against.is_empty() {
        let title = "why should the changed runbook be taken over? whoever seconds it reads it";
        let purpose = Purpose::Moving(Moving::Amend(preview.from, preview.to));
        let prompt = Layer::Prompt(Prompt::new(purpose, title.to_owned()));
        items.push(MenuItem {
            key: 'm',
            shown: "m",
            what: "move it (asks why); another person has to second it",
            outcome: Outcome::Open(Box::new(prompt)),
        });
    }
    let mut words: Vec<String> = preview.changes.iter().map(ToString::to_string).collect();
    if preview.more > 0 {
        let more = preview.more;
        words.push(format!("{more} more rows are shown once it is moved"));
    }
    let against = preview.against.iter().map(ToString::to_string).collect();
    let title = "the runbook has changed".to_owned();
    let layer = Amendment::new(title, words, against, preview.lines.clone(), items);
    work.layers.open(Layer::Amendment(layer));
}

/// What a motion would put in force, by the two plans that the journal has.
fn moved(room: &Room, open: &Tabled, title: String, items: Vec<MenuItem>) -> Option<Layer> {
    let amendment = open.amendment.as_deref()?;
    let (plan, words, against) = match amend::adopt(&room.state, amendment) {
        Ok(adopted) => {
            let words = adopted.changes.iter().map(ToString::to_string).collect();
            (Cow::Owned(adopted.plan), words, Vec::new())
        }
        Err(against) => {
            let against = against.iter().map(ToString::to_string).collect();
            (Cow::Borrowed(&amendment.plan), Vec::new(), against)
        }
    };
    let mut about = vec![format!("why: {}", open.reason)];
    about.extend(words);
    let lines = amend::diff(room.state.plan(), &plan);
    let layer = Amendment::new(title, about, against, lines, items);
    Some(Layer::Amendment(layer.of_motion(AboutMotion::of(open))))
}

/// Asks what to say to the open motion. Nothing is a default.
fn say_to_it(work: &mut Work<'_>) {
    let Some(room) = work.room else { return };
    let Some(open) = &room.state.motions.open else {
        return work.say("no motion is open");
    };
    let no = open.no;
    let question = format!(
        "motion {no} of `{}`: {}. why: {}",
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
    if room.welcome.read_only && open.amendment.is_some() {
        items.clear();
    } else if !is_mine {
        items.insert(
            0,
            item(
                's',
                "s",
                "second it: it is in force then",
                second(room, open),
            ),
        );
    }
    let title = format!("motion {no} of `{}`", open.by);
    let layer = if open.amendment.is_some() {
        moved(room, open, title, items)
    } else {
        let about = AboutMotion::of(open);
        Some(Layer::Menu(Menu::of_motion(question, items, about)))
    };
    if let Some(layer) = layer {
        work.layers.open(layer);
    }
}

/// Closes what asks about a motion that has ended, and says what ended it. Absent where nothing was closed.
pub(super) fn close_ended(layers: &mut Layers, room: &Room, now: Moment) -> Option<Closed> {
    let open = room.state.motions.open.as_ref().map(|open| open.no);
    let no = layers.ended_motion(open)?;
    let why = ended(room, no);
    let closed = layers.close_motion(no, &why, now)?;
    layers.tell(&why, now);
    Some(closed)
}

/// What ended a motion, and who: by its records, where they are still here.
fn ended(room: &Room, no: MotionNo) -> String {
    let events = || {
        let records = room.recent.iter().rev();
        records.filter_map(|record| match &record.fact {
            Fact::Motion(moved) if moved.no == no => Some((&record.actor, &moved.event)),
            _ => None,
        })
    };
    let person = |actor| person_in(room.welcome.mode, actor);
    let made = events().find_map(|(actor, event)| match event {
        MotionEvent::Made { what, .. } => Some((actor, what)),
        _ => None,
    });
    let end = events().find_map(|(actor, event)| match event {
        MotionEvent::Carried => {
            let who = actor.to_actor_text();
            Some(format!("is in force: {who} seconded it"))
        }
        MotionEvent::Ended { why } => {
            let is_own = made.is_some_and(|(maker, _)| person(maker) == person(actor));
            Some(match why {
                MotionEnd::Rejected { reason } if is_own => {
                    let (who, colon) = (
                        actor.to_actor_text(),
                        if reason.is_empty() { "" } else { ": " },
                    );
                    format!("ended: taken back by {who}{colon}{reason}")
                }
                _ => format!("ended: {}", why.told(actor)),
            })
        }
        MotionEvent::Made { .. } | MotionEvent::Refused { .. } => None,
    });
    match (end, made) {
        (None, _) => format!("motion {no} is over: the timeline says what ended it"),
        (Some(end), None) => format!("motion {no} {end}"),
        (Some(end), Some((_, what))) => format!("motion {no}, {what}, {end}"),
    }
}

/// What seconding comes to: a signature first, where one is needed.
fn second(room: &Room, open: &Tabled) -> Outcome {
    match proof::second(room) {
        Some(wish) => Outcome::Sign(Box::new(SignAct::Begin(wish))),
        None => Outcome::Send(proof::seconded(room, open)),
    }
}

/// Takes a line that was typed on this way.
pub(super) fn typed(work: &mut Work<'_>, line: Moving, text: String) {
    match line {
        Moving::Until => until(work, &text),
        Moving::Extend(until) => make(work, Motion::ExtendWindow { until }, text),
        Moving::Override(freeze) => make(work, Motion::OverrideFreeze { freeze }, text),
        Moving::Amend(from, to) => make(work, Motion::Amend { from, to }, text),
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
