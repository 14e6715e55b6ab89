//! Journals that say of rollouts what no session can have recorded.

use super::*;
use crate::domain::fact::{Actor, Stamped};
use crate::domain::time::Moment;

/// A journal of two rollouts, the first with a canary that was judged: everybody came to everything in its order.
fn two_rollouts() -> Room {
    let phase = |title: &str, keys: &str, id: &str| {
        format!(
            "## {title}\n\n```toml phase\n{keys}\n```\n\n- [ ] Restart\n  ```sh run id={id}\n  true\n  ```\n\n"
        )
    };
    let canary = "for_each = [\"a\", \"b\", \"c\"]\nstrategy = \"canary\"\ncanary = 1\nsoak = \"10m\"\ncompare = \"errors\"\nmax_ratio = 1.5\npause = \"2m\"";
    let rolling = "for_each = [\"d\", \"e\"]\npause = \"5m\"";
    let text = format!(
        "# T\n\n{}{}",
        phase("First", canary, "one"),
        phase("Then", rolling, "two")
    );
    let (runbook, problems) = parse(&text, "case.md");
    assert_eq!(problems, []);
    let (plan, problems) = resolve(&runbook);
    assert_eq!(problems, []);
    let mut room = Room::with(plan);
    room.must("ann", Command::Begin);
    room.gates.soak = Some(SoakNow {
        phase: 0,
        is_over: true,
        quote: Some(seen(0.1)),
    });
    for step in ["one.a", "one.b", "one.c", "two.d", "two.e"] {
        room.wait(Duration::from_secs(600));
        room.must("ann", start(step));
        room.exit(0);
    }
    room.check_fold();
    room
}

/// What is wrong with a record, and the record.
type Lie = (&'static str, Stamped);

/// Records that could not stand where this one stands.
fn lies(record: &Stamped) -> Vec<Lie> {
    let Fact::Rollout(news) = &record.fact else {
        return Vec::new();
    };
    let told = |news| Stamped {
        fact: Fact::Rollout(news),
        ..record.clone()
    };
    let elsewhere = RolloutNews {
        phase: 1_usize.saturating_sub(news.phase),
        ..news.clone()
    };
    let mut lies = vec![("another phase", told(elsewhere))];
    let phase = news.phase;
    match &news.event {
        RolloutEvent::UnitBegun { component, floor } => {
            let others = ["a", "b", "c", "d", "e"].into_iter();
            lies.extend(others.filter(|other| other != component).map(|other| {
                let event = RolloutEvent::UnitBegun {
                    component: other.to_owned(),
                    floor: floor.clone(),
                };
                ("another unit", told(RolloutNews { phase, event }))
            }));
        }
        RolloutEvent::WaitEnded { .. } => lies.extend(lies_of_a_wait(record, news)),
        _ => {}
    }
    lies
}

fn lies_of_a_wait(record: &Stamped, news: &RolloutNews) -> Vec<Lie> {
    let RolloutEvent::WaitEnded {
        batch,
        reason,
        quote,
    } = &news.event
    else {
        return Vec::new();
    };
    let told = |batch, reason: &str, quote: &Option<Quote>| {
        let event = RolloutEvent::WaitEnded {
            batch,
            reason: reason.to_owned(),
            quote: quote.clone(),
        };
        let phase = news.phase;
        Stamped {
            fact: Fact::Rollout(RolloutNews { phase, event }),
            ..record.clone()
        }
    };
    let by_ann = Stamped {
        actor: crate::domain::fixture::actor("ann"),
        ..told(*batch, "", quote)
    };
    let early = Stamped {
        at: Moment {
            wall: record.at.wall.minus(Duration::from_secs(590)),
            mono_ms: record.at.mono_ms - 590_000,
        },
        ..record.clone()
    };
    let mut lies = vec![
        ("another batch", told(batch + 1, reason, quote)),
        ("a person without a reason", by_ann),
        ("a reason of nobody", told(*batch, "because", quote)),
        ("too early", early),
    ];
    if quote.is_some() {
        lies.push(("a canary nobody judged", told(*batch, reason, &None)));
    }
    lies
}

#[test]
fn the_fold_takes_no_fact_of_a_rollout_that_settling_never_gives() {
    let room = two_rollouts();
    let mut told = std::collections::BTreeMap::new();
    for (place, record) in room.records.iter().enumerate() {
        for (what, lie) in lies(record) {
            let before = room.records[..place].to_vec();
            let mut state = crate::domain::apply::fold(before).expect("the truth so far");
            let lied = check_apply(&mut state, &lie);
            assert!(lied.is_err(), "{what}: {lie:?}");
            *told.entry(what).or_insert(0) += 1;
        }
    }
    let lies: Vec<(&str, i32)> = told.into_iter().collect();
    let expected = [
        ("a canary nobody judged", 1),
        ("a person without a reason", 3),
        ("a reason of nobody", 3),
        ("another batch", 3),
        ("another phase", 8),
        ("another unit", 20),
        ("too early", 3),
    ];
    assert_eq!(lies, expected);
}

#[test]
fn no_wait_ends_by_itself_in_a_hold_and_no_unit_begins_beside_another() {
    let room = two_rollouts();
    let engine = Actor::Engine;
    for (place, record) in room.records.iter().enumerate() {
        let Fact::Rollout(news) = &record.fact else {
            continue;
        };
        let mut state = crate::domain::apply::fold(room.records[..place].to_vec()).expect("true");
        let held = Stamped {
            actor: engine.clone(),
            fact: Fact::Held(crate::domain::fact::HoldCause::Restart),
            ..record.clone()
        };
        check_apply(&mut state, &held).expect("it is held");
        let late = Stamped {
            seq: record.seq.next(),
            ..record.clone()
        };
        assert!(check_apply(&mut state, &late).is_err(), "{news:?}");
    }
}
