//! The matrix of a rollout, and the keys of one.

use super::*;
use crate::domain::command::Command;
use crate::domain::fact::{Fact, Halt, HoldCause, RolloutEvent};
use crate::domain::runbook::plan::ExecRole;

/// The first batch is done but for one unit that was left out; the next one waits.
fn paused() -> Story {
    Story::rolling("alice", 6)
        .whole_unit("web-1")
        .failed_unit("web-2")
        .by("bob")
        .news(RolloutEvent::UnitSkipped {
            component: "web-2".to_owned(),
            reason: "its disk is full".to_owned(),
        })
        .in_service(5.0)
}

fn failed() -> Story {
    Story::rolling("alice", 6)
        .whole_unit("web-1")
        .failed_unit("web-2")
        .in_service(5.0)
}

/// The middle of many units.
fn many() -> Story {
    let story = (1..=7).fold(Story::rolling("alice", 40), |story, n| {
        let story = story.whole_unit(&format!("web-{n}"));
        if n % 2 == 1 {
            return story;
        }
        let (batch, reason, quote) = (n / 2, "seen enough".to_owned(), None);
        story.news(RolloutEvent::WaitEnded {
            batch,
            reason,
            quote,
        })
    });
    story.unit("web-8", 40.0).in_service(39.0)
}

fn shot(name: &str, story: Story, settings: Settings, size: (u16, u16)) {
    let mut seat = Seat::with(story, settings, size);
    insta::assert_snapshot!(name, seat.text());
}

fn plain() -> Settings {
    Settings {
        ascii: true,
        colors: Colors::Mono,
        ..settings()
    }
}

#[test]
fn the_matrix_has_units_by_steps_and_says_what_is_waited_for() {
    shot("rollout_paused_120x40", paused(), settings(), (120, 40));
    shot("rollout_paused_80x24_ascii", paused(), plain(), (80, 24));
    shot("rollout_failed_80x24_ascii", failed(), plain(), (80, 24));
    shot("rollout_many_80x24", many(), settings(), (80, 24));
    shot("rollout_many_200x50", many(), settings(), (200, 50));
}

#[test]
fn every_state_of_a_unit_is_told_without_colour() {
    let mut seat = Seat::with(paused(), plain(), (120, 40));
    let text = seat.text();
    for word in ["LEFT OUT", "done", "waits", "-- batch 2", "pause until"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn keys_end_a_wait_and_leave_a_unit_out() {
    let mut seat = Seat::at(paused(), (80, 24));
    let reason = String::new();
    let go_on = Command::GoOn {
        phase: 0,
        behind: 1,
        reason,
    };
    assert_eq!(seat.keys(&["L"]), [Request::Ask(go_on)]);
    let mut seat = Seat::at(failed(), (80, 24));
    seat.keys(&["u"]);
    seat.types("no disk");
    let skip = Command::SkipUnit {
        step: crate::ui::fixtures::id("restart.web-2"),
        reason: "no disk".to_owned(),
    };
    assert_eq!(seat.keys(&["enter"]), [Request::Ask(skip)]);
    let mut seat = Seat::at(paused(), (80, 24));
    assert_eq!(seat.keys(&["V"]), []);
    assert!(seat.text().contains("no switch can be taken back"));
}

/// Alice lets it go by itself, and the second unit is restarted.
fn going() -> Story {
    let story = Story::rolling("alice", 6).news(RolloutEvent::RunsOn);
    let story = story.whole_unit("web-1").unit("web-2", 6.0).in_service(5.0);
    story
        .started("warroom", "restart.web-2")
        .runs("restart.web-2", 0, ExecRole::Run, None)
}

/// It goes by itself and waits behind a batch.
fn going_paused() -> Story {
    let story = Story::rolling("alice", 6).news(RolloutEvent::RunsOn);
    story
        .whole_unit("web-1")
        .whole_unit("web-2")
        .in_service(6.0)
}

fn ended(story: Story, halt: Halt) -> Story {
    story.by("warroom").news(RolloutEvent::RunsOnEnded { halt })
}

/// A unit failed, and it goes no further.
fn stopped() -> Story {
    let story = Story::rolling("alice", 6).news(RolloutEvent::RunsOn);
    let story = story.whole_unit("web-1").failed_unit("web-2");
    let step = crate::ui::fixtures::id("restart.web-2");
    ended(story, Halt::Failed { step }).in_service(5.0)
}

/// Bob held it and has released it.
fn held_and_released() -> Story {
    let story = Story::rolling("alice", 6).news(RolloutEvent::RunsOn);
    let story = story.whole_unit("web-1").by("bob");
    let reason = "phone".to_owned();
    let story = story.did(Fact::Held(HoldCause::Person { reason }));
    let reason = String::new();
    ended(story, Halt::Held)
        .by("bob")
        .did(Fact::Released { reason })
        .in_service(6.0)
}

#[test]
fn it_says_that_it_goes_by_itself_and_why_it_no_longer_does() {
    shot("run_on_goes_120x40", going(), settings(), (120, 40));
    shot("run_on_goes_80x24_ascii", going(), plain(), (80, 24));
    shot(
        "run_on_pauses_80x24_ascii",
        going_paused(),
        plain(),
        (80, 24),
    );
    shot("run_on_stopped_80x24_ascii", stopped(), plain(), (80, 24));
    shot("run_on_stopped_120x40", stopped(), settings(), (120, 40));
    shot(
        "run_on_held_80x24_ascii",
        held_and_released(),
        plain(),
        (80, 24),
    );
}

#[test]
fn one_key_asks_before_it_goes_by_itself_and_ends_it_at_once() {
    let mut seat = Seat::at(Story::rolling("alice", 6).in_service(6.0), (80, 24));
    assert!(seat.text().contains("e run on"), "{}", seat.text());
    assert_eq!(seat.keys(&["e"]), []);
    assert!(
        seat.text()
            .contains("let `Restart` go by itself, 6 of 6 units?")
    );
    let word = |on| Request::Ask(Command::RunOn { phase: 0, on });
    assert_eq!(seat.keys(&["y"]), [word(true)]);
    let mut seat = Seat::at(going(), (80, 24));
    assert!(!seat.text().contains("e run on"), "{}", seat.text());
    assert!(seat.text().contains("e stops it"), "{}", seat.text());
    assert_eq!(seat.keys(&["e"]), [word(false)]);
    // The session says why not, without a question before.
    let mut seat = Seat::at(stopped(), (80, 24));
    assert_eq!(seat.keys(&["e"]).first(), Some(&word(true)));
    let mut seat = Seat::at(Story::running("alice"), (80, 24));
    assert_eq!(seat.keys(&["e"]), []);
    assert!(seat.text().contains("only a rollout goes by itself"));
}
