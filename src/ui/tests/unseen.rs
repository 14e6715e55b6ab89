//! What a confirmer is shown before they have said what they expect, and what the proposer is told when it differs.

use super::*;
use crate::domain::command::Command;
use crate::domain::confirm::policy::Rules;
use crate::domain::fact::{Actor, Checked, CloseCause, Fact, Mode};
use crate::domain::id::{AttemptNo, PersonId};
use crate::domain::runbook::plan::Risk;
use crate::ui::fixtures::id;

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 60)];
/// In the command, the prose or the component of the proposed step.
const GIVEN_AWAY: [&str; 2] = ["drainctl", "component rack-07"];

fn asks(mut story: Story) -> Story {
    let rule = Rules::default().rule_for(Risk::Destructive, Mode::Demo, false);
    story.room.welcome.policy.classes = vec![(Risk::Destructive, rule)];
    story
}

fn says(story: Story, who: &str, matches: bool) -> Story {
    story.by(who).did(Fact::StepChecked(Checked {
        step: id("drain"),
        attempt: AttemptNo(1),
        component: "rack-07".to_owned(),
        remaining: Some(2),
        dwell_ms: 7000,
        matches,
        claimed: None,
    }))
}

/// What the step pane, the runbook and, without a review, the confirm screen show; cut to the step where a view also
/// has what is there anyway.
fn step_pane(story: Story, size: (u16, u16)) -> String {
    let mut seat = Seat::at(story, size);
    seat.keys(&["enter", "z"]);
    seat.text()
}

fn is_told(text: &str) -> bool {
    text.contains("drainctl")
}

fn is_later(text: &str) -> bool {
    text.contains("shown once you have answered what you expect: c")
}

#[test]
fn the_target_is_hidden_from_whoever_is_asked_and_from_nobody_else() {
    for size in SIZES {
        let hidden = step_pane(asks(Story::proposed("bob")), size);
        assert!(is_later(&hidden) && !is_told(&hidden), "{hidden}");
        assert!(!hidden.contains("component"), "{hidden}");
        let shown = [
            asks(Story::proposed("alice")),
            Story::proposed("bob"),
            says(asks(Story::proposed("bob")), "bob", true),
            asks(Story::armed("bob")),
            asks(Story::checked("bob")),
        ];
        for story in shown {
            let shown = step_pane(story, size);
            assert!(is_told(&shown) && !is_later(&shown), "{shown}");
        }
        let mut reads = asks(Story::proposed("bob"));
        reads.room.welcome.read_only = true;
        assert!(is_told(&step_pane(reads, size)));
        let mut observes = asks(Story::proposed("bob"));
        observes.room.welcome.policy.observes = true;
        assert!(is_told(&step_pane(observes, size)));
        let mut lost = asks(Story::proposed("bob"));
        lost.room.link = crate::ui::room::Link::Lost {
            since: lost.now,
            why: "gone".to_owned(),
        };
        assert!(
            is_later(&step_pane(lost, size)),
            "a lost link tells no more"
        );
        let mut shared = asks(Story::proposed("bob"));
        shared.room.welcome.you = Actor::Account { uid: 1500 };
        assert!(is_later(&step_pane(shared, size)));
    }
}

#[test]
fn no_view_gives_the_answer_away() {
    for size in SIZES {
        for view in ["1", "2", "3", "4", "5", "6"] {
            let mut seat = Seat::at(asks(Story::proposed("bob")), size);
            seat.keys(&[view]);
            let text = seat.text();
            for word in GIVEN_AWAY {
                // The title stands in every view, and may name it: that is said in the documentation.
                let text = text.replace("Drain rack-07", "");
                assert!(!text.contains(word), "{view}: {word}\n{text}");
            }
        }
    }
    let mut seat = Seat::at(asks(Story::proposed("bob")), (80, 24));
    seat.keys(&["2"]);
    let copied = seat.keys(&["y"]);
    assert!(!copied.iter().any(|r| matches!(r, Request::Copy(_))));
}

#[test]
fn what_another_confirmer_said_is_hidden_too() {
    let mut seat = Seat::at(says(asks(Story::proposed("bob")), "carol", true), (200, 60));
    seat.keys(&["4"]);
    let text = seat.text();
    assert!(!text.contains("expects rack-07"), "{text}");
    assert!(text.contains("said what they expect"), "{text}");
}

#[test]
fn a_key_for_something_else_is_no_answer() {
    let mut seat = Seat::at(asks(Story::checked("bob")), (80, 24));
    seat.keys(&["5"]);
    let Screen::Room(room) = &mut seat.screen else {
        panic!("a room");
    };
    **room = asks(Story::proposed("bob")).room;
    seat.draw();
    seat.keys(&["c"]);
    seat.wait(1);
    insta::assert_snapshot!("unseen_offered_80x24", seat.text());
    assert!(!seat.text().contains("ANSWER"));
    seat.keys(&["c"]);
    assert!(seat.text().contains("ANSWER > _"), "{}", seat.text());
}

#[test]
fn a_mismatch_is_told_where_the_proposer_looks() {
    let ended = CloseCause::Mismatch {
        person: PersonId::new("bob").expect("a person"),
        said: "orders-db-1 with 2 of its group left".to_owned(),
        proposed: "orders-db-2 with 2 of its group left".to_owned(),
    };
    let causes = [
        (ended, "the last proposal ended: bob expected"),
        (
            CloseCause::Rejected {
                reason: "not tonight".to_owned(),
            },
            "ended: rejected by bob: not",
        ),
        (
            CloseCause::Cancelled {
                reason: String::new(),
            },
            "ended: cancelled by bob",
        ),
        (CloseCause::Expired, "the last proposal ended: expired"),
        (CloseCause::Policy, "ended: the policy files changed"),
    ];
    for (why, told) in causes {
        for view in ["1", "2", "3", "4", "6"] {
            let story = Story::proposed("alice");
            let story = story.by("bob").did(Fact::ProposalClosed {
                step: id("drain"),
                attempt: AttemptNo(1),
                why: why.clone(),
            });
            let mut seat = Seat::at(story, (80, 24));
            seat.keys(&[view]);
            let text = seat.text();
            let top: Vec<&str> = text.lines().take(5).collect();
            let top: Vec<&str> = top.iter().map(|l| l.trim_matches(['"', ' '])).collect();
            let top = top.join(" ");
            assert!(top.contains(told), "{view}: {told}\n{text}");
        }
    }
}

#[test]
fn break_glass_without_the_role_is_refused_before_anything_is_asked() {
    let mut story = Story::proposed("alice");
    story.room.welcome.policy.alone = vec![PersonId::new("carol").expect("a person")];
    let mut seat = Seat::at(story, (120, 40));
    let requests = seat.keys(&["!"]);
    let is_asked = |r: &Request| matches!(r, Request::Ask(Command::Breakglass { .. }));
    assert!(!requests.iter().any(is_asked));
    let text = seat.text();
    assert!(!text.contains("What burns"), "{text}");
    assert!(text.contains("who has it: carol"), "{text}");
}
