//! Silences that live as long as the work: what is muted, what is withheld, and what a person can choose then.

use super::*;
use crate::domain::command::{Command, SilenceWish};
use crate::domain::fact::{Fact, HoldCause, Silence, SilenceEvent, Withheld};
use crate::domain::runbook::silence::SilencePlan;
use crate::domain::write::{Cause, Deed, Lifetime, Outcome, Write, WriteNo};
use crate::ui::fixtures::connector;
use std::sync::Arc;
use std::time::Duration;

const SMALL: (u16, u16) = (80, 24);
const TO_DUTY: [&str; 4] = ["tab", "tab", "tab", "z"];

fn quiet(mut story: Story) -> Story {
    let genesis = Arc::make_mut(&mut story.room.state.genesis);
    genesis.plan.silence = Some(SilencePlan {
        by: vec![connector("am")],
        ..SilencePlan::default()
    });
    story
}

fn asked(story: Story, no: u32, deed: Deed, cause: Cause) -> Story {
    let write = Write {
        no: WriteNo(no),
        connector: connector("am"),
        deed,
        cause: Some(cause),
    };
    story.by("warroom").did(Fact::WriteAsked { write })
}

fn begun() -> Story {
    let story = quiet(Story::running("bob").equipped());
    let deed = Deed::Mute {
        components: vec!["db-orders".to_owned()],
        matchers: Vec::new(),
        until: story.now.wall.plus(Duration::from_secs(900)),
        comment: String::new(),
    };
    let cause = Cause::Begins {
        lifetime: Lifetime::Session,
        muted: 1,
    };
    let done = Outcome::Done {
        reference: "4f2a".to_owned(),
        proof: "read back".to_owned(),
    };
    asked(story, 1, deed, cause).written(1, done)
}

fn withheld() -> Story {
    let lifetime = Lifetime::Session;
    let because = Withheld::Outside {
        muted: 2,
        outside: 1,
        names: vec!["CheckoutSlow instance=shop-1 (firing)".to_owned()],
    };
    let event = SilenceEvent::Withheld { because };
    let said = Silence {
        lifetime: lifetime.clone(),
        event,
    };
    quiet(Story::running("bob").equipped())
        .by("warroom")
        .did(Fact::Silence(said))
        .did(Fact::Held(HoldCause::Silence { lifetime }))
}

fn screen(story: Story, keys: &[&str]) -> String {
    let mut seat = Seat::at(story, SMALL);
    seat.keys(keys);
    seat.text()
}

#[test]
fn what_is_muted_and_until_when_is_in_the_war_room() {
    let text = screen(begun(), &TO_DUTY);
    assert!(text.contains("muted db-orders by am until"), "{text}");
    assert!(text.contains(", 1 alert"), "{text}");
    let text = screen(begun(), &["w", "z"]);
    assert!(text.contains("mute for the maintenance until"), "{text}");
}

#[test]
fn what_is_withheld_says_why_and_how_it_goes_on() {
    let text = screen(withheld(), &[]);
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("a silence is withheld"), "{text}");
    let text = screen(withheld(), &TO_DUTY);
    assert!(
        text.contains("silence WITHHELD for the maintenance"),
        "{text}"
    );
    insta::assert_snapshot!("silence_withheld_80x24", screen(withheld(), &["M"]));
    let mut seat = Seat::at(withheld(), SMALL);
    let requests = seat.keys(&["M", "enter"]);
    let narrowed = requests.iter().any(|request| match request {
        Request::Ask(Command::Silence { wish, .. }) => {
            matches!(wish, SilenceWish::Narrow { alerts, .. } if !alerts.is_empty())
        }
        _ => false,
    });
    assert!(narrowed, "{requests:?}");
}

#[test]
fn before_the_begin_it_says_what_would_be_muted() {
    let text = screen(quiet(Story::opened("bob").equipped()), &["B"]);
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let known = flat.contains("begin mutes") || flat.contains("its silence would be withheld");
    assert!(known, "{text}");
}

#[test]
fn what_still_mutes_after_the_end_is_said_with_its_key() {
    let mut story = begun().by("bob").did(Fact::Aborted {
        reason: "enough".to_owned(),
    });
    let cause = Cause::Ends { of: WriteNo(1) };
    let reference = "4f2a".to_owned();
    story = asked(story, 2, Deed::Unmute { reference }, cause);
    let what = "HTTP 503".to_owned();
    let text = screen(story.written(2, Outcome::Failed { what }), &[]);
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("silence 4f2a of `am` still mutes db-orders: U ends it by hand"),
        "{text}"
    );
}
