//! Somebody goes alone, as everybody sees it on the smallest screen, and the one key that stops them.

use super::*;
use crate::domain::command::Command;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Breakglass, Fact, GlassEvent, Page, Touch, Via};
use crate::domain::id::{AttemptNo, PersonId, StepId};
use crate::domain::runbook::plan::ExecRole;

const SMALL: (u16, u16) = (80, 24);

fn drain() -> StepId {
    StepId::new("drain").expect("a step")
}

fn glass(event: GlassEvent) -> Fact {
    Fact::Breakglass(Breakglass {
        step: drain(),
        attempt: AttemptNo(1),
        event,
    })
}

/// Alice has said why, and the page has ended like this.
fn paged(you: &str, page: Page) -> Story {
    let asked = GlassEvent::Asked {
        reason: "the primary loses writes and nobody answers the phone".to_owned(),
        guards: Vec::new(),
    };
    let mut story = Story::proposed(you);
    story.room.welcome.policy.breakglass = true;
    let story = story.by("alice").did(glass(asked));
    story.by("warroom").did(glass(GlassEvent::Paged { page }))
}

/// She has signed it; bob's terminal knows.
fn begun(you: &str, page: Page) -> Story {
    let wait_s = if page == Page::Sent { 60 } else { 600 };
    let mut story = paged(you, page);
    let head = story.room.state.head.0.next();
    story.actor = Actor::Person {
        id: PersonId::new("alice").expect("a person"),
        via: Via::Sshsig {
            key: "SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE".to_owned(),
            touch: Touch::Present,
            detached: false,
        },
    };
    let begun = GlassEvent::Begun {
        wait_s,
        code: None,
        guards: Vec::new(),
        statement: Digest::of(b"what she signed"),
    };
    let witnessed = GlassEvent::Witnessed {
        seq: head,
        by: "bob".to_owned(),
    };
    let story = story.did(glass(begun));
    story.by("warroom").did(glass(witnessed)).watched(1)
}

/// It has run, and nobody has looked at it.
fn owed(you: &str) -> Story {
    let story = begun(you, Page::Sent).after(60);
    let nonce = story
        .room
        .state
        .proposal
        .as_ref()
        .map(|open| open.terms.nonce.clone());
    let story = story.by("warroom").did(glass(GlassEvent::Armed));
    let story = story.runs("drain", 1, ExecRole::Run, nonce);
    story.ended("drain", 1, 0).watched(1)
}

fn vetoes(requests: &[Request]) -> bool {
    let veto = Command::Veto {
        step: drain(),
        attempt: AttemptNo(1),
    };
    requests.contains(&Request::Ask(veto))
}

#[test]
fn everybody_sees_it_in_every_view_with_the_key_that_stops_it() {
    for page in [
        Page::Sent,
        Page::Down {
            why: "exit 1".to_owned(),
        },
    ] {
        for you in ["alice", "bob"] {
            for view in ["1", "2", "3", "4", "5", "6"] {
                let mut seat = Seat::at(begun(you, page.clone()), SMALL);
                seat.keys(&[view]);
                let text = seat.text();
                assert!(text.contains("ctrl-x VETOES"), "{you} {view}\n{text}");
                assert!(text.contains("BREAK-GLASS"), "{you} {view}\n{text}");
                let is_down = page != Page::Sent;
                assert_eq!(
                    text.contains("PAGE NOT SENT"),
                    is_down,
                    "{you} {view}\n{text}"
                );
            }
        }
    }
    insta::assert_snapshot!(
        "breakglass_bob_80x24",
        Seat::at(begun("bob", Page::Sent), SMALL).text()
    );
    let mut review = Seat::at(begun("bob", Page::Sent), SMALL);
    review.keys(&["c"]);
    insta::assert_snapshot!("breakglass_review_80x24", review.text());
    let mut watching = Seat::at(begun("alice", Page::Sent), SMALL);
    watching.keys(&["c"]);
    insta::assert_snapshot!("breakglass_watching_80x24", watching.text());
}

#[test]
fn one_key_vetoes_wherever_its_reader_is() {
    let ways: [&[&str]; 5] = [&[], &["c"], &["?"], &[":"], &["n"]];
    for way in ways {
        let mut seat = Seat::at(begun("bob", Page::Sent), SMALL);
        seat.keys(way);
        assert!(vetoes(&seat.keys(&["ctrl-x"])), "{way:?}");
    }
    let mut story = begun("bob", Page::Sent);
    story.room.welcome.read_only = true;
    assert!(
        vetoes(&Seat::at(story, SMALL).keys(&["ctrl-x"])),
        "who may only look"
    );
    // Nothing to stop: nothing is sent.
    let mut nobody = Seat::at(Story::proposed("bob"), SMALL);
    assert!(!vetoes(&nobody.keys(&["ctrl-x"])));
}

#[test]
fn who_goes_alone_says_why_first_and_signs_then() {
    let mut story = Story::proposed("alice");
    story.room.welcome.policy.breakglass = true;
    let mut seat = Seat::at(story, SMALL);
    seat.keys(&["!"]);
    insta::assert_snapshot!("breakglass_reason_80x24", seat.text());
    seat.types("the primary loses writes");
    let asked = Command::Breakglass {
        step: drain(),
        attempt: AttemptNo(1),
        reason: "the primary loses writes".to_owned(),
    };
    assert!(seat.keys(&["enter"]).contains(&Request::Ask(asked)));
    let mut seat = Seat::at(paged("alice", Page::Sent), SMALL);
    seat.keys(&["!"]);
    insta::assert_snapshot!("breakglass_sign_80x24", seat.text());
    let requests = seat.keys(&["y"]);
    let [Request::Sign { wish, .. }] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert!(wish.statement.starts_with("warroom-breakglass@v1\n"));
    assert!(wish.statement.contains("\npage: sent\n"));
    // Nobody else signs it.
    let mut bob = Seat::at(paged("bob", Page::Sent), SMALL);
    let asked = bob.keys(&["!"]);
    assert!(
        !asked
            .iter()
            .any(|request| matches!(request, Request::Ask(_)))
    );
    assert!(bob.text().contains("goes alone; ctrl-x vetoes it"));
}

#[test]
fn a_review_is_owed_until_somebody_else_signs_it() {
    let mut seat = Seat::at(owed("bob"), SMALL);
    insta::assert_snapshot!("breakglass_owed_80x24", seat.text());
    seat.keys(&["O"]);
    seat.types("looked at the rack");
    let requests = seat.keys(&["enter"]);
    let [Request::Sign { wish, .. }] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert!(wish.statement.starts_with("warroom-resolve@v1\n"));
    assert!(wish.statement.contains("\nfinding: reviewed\n"));
}
