//! Motions: two people, each once, and nothing without them.

use super::*;
use crate::domain::fact::{MotionEvent, Moved, Via};
use crate::domain::motion::{Motion, MotionNo};
use crate::domain::runbook::plan::Window;
use crate::domain::time::Timestamp;
use crate::domain::world::{Roles, Roster};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const START: i64 = 1_700_000_000_000;

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// An hour from the start of the room, with ten minutes of buffer.
fn end() -> Timestamp {
    Timestamp::from_millis(START).plus(minutes(60))
}

fn room() -> Room {
    let mut plan = plan();
    plan.window = Some(Window {
        start: Timestamp::from_millis(START - 1000),
        end: end(),
        buffer: minutes(10),
    });
    Room::with(plan)
}

fn extend(by: u64) -> Command {
    Command::Move {
        what: Motion::ExtendWindow {
            until: end().plus(minutes(by)),
        },
        reason: "the copy is slow".to_owned(),
        signed: None,
    }
}

fn second(no: u32) -> Command {
    Command::Second {
        no: MotionNo(no),
        adopted: None,
        signed: None,
    }
}

fn no(no: u32) -> Command {
    Command::RejectMotion {
        no: MotionNo(no),
        reason: String::new(),
    }
}

#[test]
fn what_one_person_moves_another_seconds() {
    let mut room = room();
    room.must("ann", extend(30));
    assert_eq!(room.state.window().map(|w| w.end), Some(end()), "not yet");
    room.attach(9, "ann");
    refused(
        &room,
        "ann",
        second(1),
        "made the motion and cannot second it too",
    );
    refused(&room, "bob", extend(40), "`ann` has moved");
    refused(&room, "bob", second(2), "motion 2 is not open");
    refused(&room, "shared", second(1), "proves nobody's identity");
    room.must("bob", second(1));
    let later = end().plus(minutes(30));
    assert_eq!(room.state.window().map(|w| w.end), Some(later));
    let carried = room.state.extension().expect("carried");
    assert_eq!(
        (carried.by.as_str(), carried.second.as_str()),
        ("ann", "bob")
    );
    refused(&room, "cho", second(1), "not open");
    refused(&room, "cho", extend(20), "already");
    room.must("cho", extend(60));
    room.must("ann", second(2));
    assert_eq!(
        room.state.window().map(|w| w.end),
        Some(end().plus(minutes(60)))
    );
    room.check_fold();
}

#[test]
fn anybody_with_a_role_rejects_it_and_time_ends_it() {
    let mut room = room();
    room.must("ann", extend(30));
    room.must("root", no(1));
    assert!(room.state.motions.open.is_none());
    refused(&room, "bob", second(1), "not open");
    room.must("ann", extend(30));
    room.must("ann", no(2));
    room.must("ann", extend(30));
    room.wait(Duration::from_secs(599));
    assert!(room.state.motions.open.is_some());
    // The clock of the wall stands still, and the boot clock goes on.
    let wall = room.now.wall;
    room.now.mono_ms += 2000;
    room.now.wall = wall;
    refused(&room, "bob", second(3), "its time is over");
    room.settle();
    assert!(room.state.motions.open.is_none());
    let (no, why) = room.state.motions.last_ended.clone().expect("ended");
    assert_eq!((no, &*why), (MotionNo(3), "nobody seconded it in time"));
    assert_eq!(room.state.window().map(|w| w.end), Some(end()));
    room.check_fold();
}

#[test]
fn an_extension_that_makes_no_sense_is_refused() {
    let mut room = room();
    refused(&room, "ann", extend(0), "already");
    refused(&room, "ann", extend(24 * 60 + 1), "by more than 24h00m");
    let mut speechless = extend(10);
    if let Command::Move { reason, .. } = &mut speechless {
        *reason = "  ".to_owned();
    }
    refused(&room, "ann", speechless, "needs a reason");
    room.must("ann", extend(10));
    room.must("bob", abort());
    assert!(
        room.state.motions.open.is_none(),
        "it is over with the rest"
    );
    refused(&room, "ann", extend(10), "is over");
    let without = Room::new();
    refused(&without, "ann", extend(10), "no window");
}

#[test]
fn who_moved_and_lost_their_role_moves_nothing_any_more() {
    let mut room = room();
    room.must("ann", extend(30));
    let roles = [("bob", Roles::BOTH), ("cho", Roles::OBSERVER)];
    let named: BTreeMap<_, _> = roles.map(|(name, roles)| (person(name), roles)).into();
    room.world.roster = Roster::Named(named);
    refused(&room, "bob", second(1), "no longer counts");
    refused(&room, "cho", second(1), "may only look");
    refused(&room, "cho", no(1), "may only look");
}

#[test]
fn where_keys_are_asked_for_both_words_are_signed() {
    let mut room = room();
    // Somebody's own account runs the server: what others say by account could be made up.
    room.world.owner = Some(person("ann"));
    room.world.rules = std::sync::Arc::default();
    room.must("ann", extend(30));
    refused(
        &room,
        "bob",
        second(1),
        "it needs a signature by a listed key",
    );
    let key = "SHA256:bob".to_owned();
    room.world.keys.insert(key.clone(), person("bob"));
    let by_key = Actor::Person {
        id: person("bob"),
        via: Via::Sshsig {
            key,
            touch: crate::domain::fact::Touch::None,
            detached: false,
        },
    };
    let open = room.state.motions.open.clone().expect("open");
    let statement =
        crate::domain::confirm::statement::second_statement(&room.state, &open, &person("bob"))
            .expect("printable");
    let signed = |statement: String| Command::Second {
        no: MotionNo(1),
        adopted: None,
        signed: Some(crate::domain::command::Signed {
            statement,
            signature: "armour".to_owned(),
            detached: false,
        }),
    };
    let world = room.world.clone();
    let ask = |command: &Command| decide(&room.state, &by_key, command, room.now, &world);
    assert!(ask(&second(1)).is_err(), "the greeting is not the word");
    let other = statement.replace("motion: 1", "motion: 2");
    assert!(ask(&signed(other)).is_err());
    let facts = ask(&signed(statement)).expect("seconded");
    assert!(matches!(
        facts.as_slice(),
        [
            Fact::StatementSigned(_),
            Fact::Motion(Moved {
                event: MotionEvent::Carried,
                ..
            })
        ]
    ));
}

proptest! {
    /// Whoever says what in whatever order and however late: the window ends later only by the word of two people.
    #[test]
    fn no_window_ends_later_without_two_people(
        words in proptest::collection::vec((0_usize..4, 0_u8..3, 0_u32..4, 0_u64..400), 0..40),
    ) {
        let names = ["ann", "bob", "cho", "shared"];
        let mut room = room();
        let mut made = BTreeMap::new();
        for (who, word, number, seconds) in words {
            room.wait(Duration::from_secs(seconds));
            let before = room.state.window();
            let open = room.state.motions.open.clone();
            let no_said = number + room.state.motions.newest.0.saturating_sub(2);
            let command = match word {
                0 => extend(u64::from(room.state.motions.newest.0) * 5 + 5),
                1 => second(no_said),
                _ => no(no_said),
            };
            let is_done = room.ask(names[who], command).is_ok();
            if word == 0 && is_done {
                made.insert(room.state.motions.newest, names[who]);
            }
            if room.state.window() != before {
                let open = open.expect("something was open");
                prop_assert_eq!(word, 1);
                prop_assert_eq!(open.no, MotionNo(no_said));
                prop_assert_ne!(made[&open.no], names[who]);
                prop_assert_ne!(names[who], "shared");
                prop_assert!(!open.is_expired(room.now));
            }
        }
        room.check_fold();
    }
}

#[test]
fn where_a_code_is_the_least_a_motion_asks_for_a_signature_and_says_so() {
    use crate::domain::confirm::policy::Grade;
    let mut room = room();
    let mut rules = (*room.world.rules).clone();
    rules.destructive.go = Some(Grade::Totp);
    room.world.rules = std::sync::Arc::new(rules);
    let refusal = room.ask("ann", extend(30)).expect_err("no evidence");
    assert!(
        refusal.hint.contains("a motion takes no one-time code"),
        "{refusal:?}"
    );
    assert!(room.state.motions.open.is_none());
}
