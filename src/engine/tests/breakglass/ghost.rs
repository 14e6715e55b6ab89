//! Random orders of events against a record of what really happened, and the same with each guard switched off.

use super::*;
use crate::domain::fact::{Breakglass, CloseCause, Fact, GlassEvent};
use crate::domain::mutant::{Guard, Off};
use proptest::prelude::*;

/// What may happen, in any order.
#[derive(Debug, Clone, Copy)]
enum Act {
    Ask,
    Page(bool),
    Sign(Touch, bool),
    Keep(bool),
    Veto,
    Wait(u64),
    Wall(i64),
    Go,
    Confirm,
}

/// Does it as the server would; what is refused changes nothing.
fn act(room: &mut Room, act: Act) {
    match act {
        Act::Ask => drop(say(room, &actor("ann"), &ask(REASON))),
        Act::Page(is_sent) => paged(room, is_sent),
        Act::Sign(touch, has_code) if room.state.glass().is_some() => {
            drop(sign(room, touch, has_code.then_some(7)));
        }
        Act::Sign(..) => {}
        Act::Keep(is_bob) => witness(room, if is_bob { "bob" } else { "ann" }),
        Act::Veto => drop(veto(room, "cho")),
        Act::Wait(span) => room.wait(seconds(span)),
        Act::Wall(ms) => {
            room.now.wall = Timestamp::from_millis(room.now.wall.as_millis() + ms);
            room.settle();
        }
        Act::Go => drop(room.ask("ann", go("drain"))),
        Act::Confirm => drop(room.confirm("bob")),
    }
}

/// What is wrong with what was spawned, judged by the records alone and not by the state.
fn wrong(room: &Room, page_down: PageDown) -> Option<&'static str> {
    let facts = &room.records;
    let intent = facts
        .iter()
        .find(|r| matches!(r.fact, Fact::ExecIntent { nonce: Some(_), .. }))?;
    let before = || facts.iter().filter(|r| r.seq < intent.seq);
    let glass = |wanted: fn(&GlassEvent) -> bool| {
        before().filter(
            move |r| matches!(&r.fact, Fact::Breakglass(Breakglass { event, .. }) if wanted(event)),
        )
    };
    let event = |r: &crate::domain::fact::Stamped| match &r.fact {
        Fact::Breakglass(fact) => Some(fact.event.clone()),
        _ => None,
    };
    if before().any(|r| matches!(r.fact, Fact::StepArmed { .. })) {
        let confirmed = before().any(|r| matches!(r.fact, Fact::StepConfirmed(_)));
        return (!confirmed).then_some("armed without a second person");
    }
    let Some(begun) = glass(|e| matches!(e, GlassEvent::Begun { .. })).next_back() else {
        return Some("nobody signed it");
    };
    let paged = glass(|e| matches!(e, GlassEvent::Paged { .. }))
        .next_back()
        .and_then(event);
    let Some(GlassEvent::Paged { page }) = paged else {
        return Some("nobody was paged");
    };
    let wait = match (page, page_down) {
        (Page::Sent, _) => 60_000,
        (Page::Down { .. }, PageDown::Delay) => 600_000,
        (Page::Down { .. }, PageDown::Refuse) => return Some("the page is down"),
    };
    let wall = intent.at.wall.as_millis() - begun.at.wall.as_millis();
    if wall < wait || intent.at.mono_ms - begun.at.mono_ms < wait.unsigned_abs() {
        return Some("the wait was not over");
    }
    let covers = |r: &&crate::domain::fact::Stamped| matches!(event(r), Some(GlassEvent::Witnessed { seq, by }) if seq >= begun.seq && by != "ann");
    if !before().any(|r| covers(&r)) {
        return Some("nobody else knew of it");
    }
    if glass(|e| matches!(e, GlassEvent::Vetoed)).next().is_some() {
        return Some("somebody had said no");
    }
    let Actor::Person { via, .. } = &begun.actor else {
        return Some("nobody signed it");
    };
    let has_code = matches!(event(begun), Some(GlassEvent::Begun { code: Some(_), .. }));
    let is_strong = via.strength() >= 4 || (via.strength() == 3 && has_code);
    (!is_strong).then_some("it was too weak")
}

fn any_act() -> impl Strategy<Value = Act> {
    let touch = prop_oneof![Just(Touch::None), Just(Touch::Present)];
    prop_oneof![
        3 => Just(Act::Ask),
        3 => prop::bool::weighted(0.8).prop_map(Act::Page),
        4 => (touch, any::<bool>()).prop_map(|(touch, code)| Act::Sign(touch, code)),
        4 => prop::bool::weighted(0.8).prop_map(Act::Keep),
        1 => Just(Act::Veto),
        5 => prop::sample::select(vec![1_u64, 10, 59, 60, 200, 290]).prop_map(Act::Wait),
        1 => prop::sample::select(vec![-61_000_i64, 1_500, 61_000]).prop_map(Act::Wall),
        4 => Just(Act::Go),
        1 => Just(Act::Confirm),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_nothing_runs_alone_before_its_time(
        acts in prop::collection::vec(any_act(), 4..24),
        delays in any::<bool>(),
    ) {
        let page_down = if delays { PageDown::Delay } else { PageDown::Refuse };
        let mut room = proposed(page_down);
        for one in acts {
            act(&mut room, one);
        }
        prop_assert_eq!(wrong(&room, page_down), None);
        room.check_fold();
    }
}

/// For each guard an order of events that it alone stops.
#[test]
fn the_loss_of_any_guard_would_be_noticed() {
    use Act::{Ask, Go, Keep, Page as Paged, Sign, Veto, Wait};
    let strong = Sign(Touch::Present, false);
    let cases = [
        (
            Guard::GlassWait,
            vec![Ask, Paged(true), strong, Keep(true), Wait(10), Go],
        ),
        (
            Guard::GlassPage,
            vec![Ask, Paged(false), strong, Keep(true), Wait(60), Go],
        ),
        (
            Guard::GlassWitness,
            vec![Ask, Paged(true), strong, Wait(60), Go],
        ),
        (
            Guard::GlassEvidence,
            vec![
                Ask,
                Paged(true),
                Sign(Touch::None, false),
                Keep(true),
                Wait(60),
                Go,
            ],
        ),
        (
            Guard::GlassVeto,
            vec![Ask, Paged(true), strong, Keep(true), Veto, Wait(60), Go],
        ),
    ];
    for (guard, acts) in cases {
        for switched in [None, Some(guard)] {
            let off = Off::new(switched);
            let mut room = proposed(PageDown::Refuse);
            for one in &acts {
                act(&mut room, *one);
            }
            let found = wrong(&room, PageDown::Refuse);
            assert_eq!(found.is_some(), switched.is_some(), "{guard:?}: {found:?}");
            drop(off);
        }
    }
}

#[test]
fn the_usual_way_runs_so_that_the_properties_are_about_something() {
    use Act::{Ask, Go, Keep, Page as Paged, Sign, Wait};
    let mut room = proposed(PageDown::Refuse);
    for one in [
        Ask,
        Paged(true),
        Sign(Touch::None, true),
        Keep(true),
        Wait(60),
        Go,
    ] {
        act(&mut room, one);
    }
    assert!(room.running().is_some());
    assert_eq!(wrong(&room, PageDown::Refuse), None);
    let vetoed = CloseCause::Vetoed {
        by: "bob".to_owned(),
    };
    assert_eq!(vetoed.to_string(), "break-glass vetoed by bob");
}
