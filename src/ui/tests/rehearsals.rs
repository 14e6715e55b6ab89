//! A rehearsal is marked on every screen, and the real thing shows what was rehearsed.

use super::*;
use crate::domain::confirm::policy::Rules;
use crate::domain::digest::Digest;
use crate::domain::fact::{Genesis, Mode, Rehearsal, RehearsalEnd, Rehearsed, RehearsedStep};
use crate::domain::id::{Seq, SessionName};
use crate::domain::rehearsal::Wanted;
use crate::domain::runbook::plan::Risk;
use crate::domain::runbook::shape::Shape;
use std::sync::Arc;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 8)];

fn pinned(change: impl FnOnce(&mut Genesis)) -> Story {
    let mut story = Story::opened("alice");
    change(Arc::make_mut(&mut story.room.state.genesis));
    story
}

fn rehearsal() -> Story {
    pinned(|genesis| {
        genesis.rehearsal = Some(Box::new(Rehearsal {
            env_file: "/srv/runbooks/staging.toml".to_owned(),
            env_digest: Digest::of(b"env"),
            config: None,
            writes: false,
            shape: Shape {
                digest: Digest::of(b"shape"),
                parts: [].into(),
            },
        }));
    })
}

#[test]
fn every_screen_of_a_rehearsal_says_what_it_is() {
    for size in SIZES {
        for view in ["1", "2", "3", "4", "5"] {
            let mut seat = Seat::at(rehearsal(), size);
            seat.keys(&[view]);
            let text = seat.text();
            assert!(text.contains("REHEARSAL"), "{size:?} {view}\n{text}");
        }
    }
    insta::assert_snapshot!("rehearsal_80x24", Seat::at(rehearsal(), SIZES[0]).text());
    let real = Seat::at(Story::opened("alice"), SIZES[0]).text();
    assert!(!real.contains("REHEARSAL"), "{real}");
}

/// The real thing after one rehearsal, in which only the first step was carried out, where one is required.
fn rehearsed() -> Story {
    let mut story = pinned(|genesis| {
        let first = genesis.plan.steps[0].id.clone();
        genesis.rehearsed = vec![Rehearsed {
            session: genesis.session.clone(),
            name: SessionName::new("rehearse-orders").expect("a name"),
            head: (Seq(9), Digest::of(b"head")),
            shape: Digest::of(b"shape"),
            is_same: true,
            end: RehearsalEnd::Completed,
            at: crate::domain::time::Timestamp::parse("2026-11-20T02:10:00Z").expect("a time"),
            took_ms: 4_200_000,
            steps: vec![RehearsedStep {
                step: first,
                template: None,
                took_ms: Some(80_000),
                is_done: true,
            }],
            differs: vec!["DB=orders, rehearsed with orders-staging".to_owned()],
        }];
    });
    let mut rules = Rules::default();
    rules.destructive.rehearsal = Some(Wanted { age_max_ms: None });
    let class = |risk| (risk, rules.rule_for(risk, Mode::Advisory, false));
    story.room.welcome.policy.classes = vec![class(Risk::Destructive), class(Risk::Irreversible)];
    story
}

#[test]
fn the_briefing_of_the_real_thing_shows_what_was_rehearsed_and_what_is_missing() {
    let mut seat = Seat::at(rehearsed(), (120, 50));
    let text = seat.text();
    insta::assert_snapshot!("rehearsed_120x50", text);
    for words in ["rehearsed rehearse-orders completed", "REHEARSAL REQUIRED"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}
