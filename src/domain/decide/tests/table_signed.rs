//! Each pair of a state and an event where the class asks for signatures, and what is about to be touched: allowed, or
//! refused and nothing changed. What the class does not change stands in [`super::table`].

use super::table::assert_same;
use super::*;
use crate::domain::command::{Evidence, Refusal};
use crate::domain::confirm::policy::Grade;
use crate::domain::fact::Touch;
use crate::domain::id::AttemptNo;
use std::sync::Arc;

/// Stands for a signature: what the actor is known by was judged before.
pub(super) const ARMOUR: &str = "-----BEGIN SSH SIGNATURE-----\n";

/// A person by one of the keys in [`lists`].
pub(super) fn by_key(who: &str, key: &str) -> Actor {
    signer(who, key, false)
}

fn signer(who: &str, key: &str, detached: bool) -> Actor {
    Actor::Person {
        id: person(who),
        via: Via::Sshsig {
            key: format!("SHA256:{key}"),
            touch: Touch::None,
            detached,
        },
    }
}

/// What is expected to be touched.
pub(super) fn check(component: &str, left: u32) -> Command {
    check_of(1, component, Some(left))
}

fn check_of(attempt: u32, component: &str, remaining: Option<u32>) -> Command {
    Command::Check {
        step: id("drain"),
        attempt: AttemptNo(attempt),
        component: component.to_owned(),
        remaining,
        dwell_ms: 7000,
        claimed: None,
    }
}

/// The places an attempt can be at, in the order of the columns below.
fn places() -> Vec<(&'static str, Room)> {
    let mut plan = plan();
    plan.steps[2].blocks = vec![plan.steps[2].blocks[2].clone()];
    plan.steps[2].quorum = 2;
    plan.steps[2].component = Some("db-1".to_owned());
    let mut none = Room::at_drain_of(plan);
    let mut rules = (*none.world.rules).clone();
    rules.destructive.independent_check = Some(true);
    rules.destructive.confirmer = Some(Grade::Sshsig);
    none.world.rules = Arc::new(rules);
    none.world.groups = [("db-1".to_owned(), 2)].into();
    let keys = [
        ("ann", "ann"),
        ("bob", "bob"),
        ("bob-too", "bob"),
        ("cho", "cho"),
    ];
    let keys = keys.map(|(key, who)| (format!("SHA256:{key}"), person(who)));
    none.world.keys = keys.into();
    let then = |room: &Room, change: fn(&mut Room)| {
        let mut room = room.clone();
        change(&mut room);
        room
    };
    none.must("ann", start("drain"));
    let proposed = then(&none, |r| r.must("ann", propose("drain")));
    let answered = then(&proposed, |r| r.must("bob", check("db-1", 2)));
    let half = then(&answered, |r| {
        confirm(r, "bob", "bob").expect("confirmed");
        r.must("cho", check(" db-1 ", 2));
    });
    let lost = then(&half, revoke);
    let armed = then(&half, |r| confirm(r, "cho", "cho").expect("confirmed"));
    let revoked = then(&armed, revoke);
    let intent = then(&armed, |r| r.must("ann", go("drain")));
    let closed = then(&half, |r| r.must("cho", check("db-2", 2)));
    vec![
        ("none", none),
        ("proposed", proposed),
        ("answered", answered),
        ("half", half),
        ("lost", lost),
        ("armed", armed),
        ("revoked", revoked),
        ("intent", intent),
        ("closed", closed),
    ]
}

/// The key by which Bob has confirmed is on the list; the server has not looked around yet.
fn revoke(room: &mut Room) {
    room.world.keys.remove("SHA256:bob");
}

fn confirm(room: &mut Room, who: &str, key: &str) -> Result<(), Refusal> {
    let armour = ARMOUR.to_owned();
    let detached = false;
    confirm_as(
        room,
        &by_key(who, key),
        Evidence::Signature { armour, detached },
    )
}

fn confirm_as(room: &mut Room, who: &Actor, evidence: Evidence) -> Result<(), Refusal> {
    let statement = room.statement_by(who);
    let command = Command::Confirm {
        statement,
        evidence,
    };
    match decide(&room.state, who, &command, room.now, &room.world) {
        Ok(facts) => {
            for fact in facts {
                room.record(who, fact);
            }
            room.settle();
            Ok(())
        }
        Err(refused) => {
            if let Some(fact) = refused.record {
                room.record(who, *fact);
            }
            Err(refused.refusal)
        }
    }
}

type Event = fn(&mut Room) -> Result<(), Refusal>;

/// What is allowed: `x`. Columns: none proposed answered half lost armed revoked intent closed.
const ASKED: [(&str, &str, Event); 16] = [
    ("check", ".xxxx....", |r| r.ask("bob", check("db-1", 2))),
    ("check, another component", ".xxxx....", |r| {
        r.ask("cho", check("db-2", 2))
    }),
    ("check, no count", ".xxxx....", |r| {
        r.ask("cho", check_of(1, "db-1", None))
    }),
    ("check as proposer", ".........", |r| {
        r.ask("ann", check("db-1", 2))
    }),
    ("check as root", ".........", |r| {
        r.ask("root", check("db-1", 2))
    }),
    ("check of another attempt", ".........", |r| {
        r.ask("bob", check_of(7, "db-1", Some(2)))
    }),
    ("confirm by account", ".........", |r| {
        confirm_as(r, &actor("bob"), Evidence::Account)
    }),
    ("confirm by greeting", ".........", |r| {
        confirm_as(r, &by_key("cho", "cho"), Evidence::Account)
    }),
    ("confirm by key", "..x......", |r| confirm(r, "bob", "bob")),
    ("confirm by another key", "..x.x....", |r| {
        confirm(r, "bob", "bob-too")
    }),
    ("confirm by the second", "...xx....", |r| {
        confirm(r, "cho", "cho")
    }),
    ("confirm by a key of nobody", ".........", |r| {
        confirm(r, "cho", "eve")
    }),
    ("confirm by a key of another", ".........", |r| {
        confirm(r, "cho", "bob-too")
    }),
    // Who signs elsewhere has the plan there: nobody asks them here.
    ("confirm from elsewhere", ".xxxx....", |r| {
        let armour = ARMOUR.to_owned();
        let detached = true;
        let evidence = Evidence::Signature { armour, detached };
        confirm_as(r, &signer("cho", "cho", true), evidence)
    }),
    ("reject", ".xxxxxx..", |r| r.ask("cho", reject("drain"))),
    ("go", ".....x...", |r| r.ask("ann", go("drain"))),
];

#[test]
fn every_key_in_every_state_of_an_attempt_with_signatures() {
    let places = places();
    for (event, row, ask) in ASKED {
        assert_eq!(row.len(), places.len(), "{event}");
        for ((name, room), may) in places.iter().zip(row.chars()) {
            let mut tried = room.clone();
            let answer = ask(&mut tried);
            let what = format!("{event} in {name}: {answer:?}");
            assert_eq!(answer.is_ok(), may == 'x', "{what}");
            if let Err(refusal) = answer {
                assert!(refusal.reason.len() > 10, "{what}");
                assert_same(room, &tried, &what);
            }
            tried.check_fold();
        }
    }
}

#[test]
fn what_is_armed_ends_when_the_server_sees_that_a_key_or_a_person_is_revoked() {
    let armed = |room: &Room| room.state.proposal.as_ref().map(|p| p.armed.is_some());
    let place = |name: &str| {
        let mut all = places().into_iter();
        all.find(|(of, _)| *of == name).expect("a place").1
    };
    let mut room = place("revoked");
    room.settle();
    assert_eq!(armed(&room), None);
    let ends: [(&[(&str, Roles)], &str); 3] = [
        (
            &[("bob", Roles::BOTH), ("cho", Roles::BOTH)],
            "the proposer",
        ),
        (&[("ann", Roles::BOTH), ("cho", Roles::BOTH)], "a confirmer"),
        (&[("ann", Roles::BOTH), ("bob", Roles::BOTH)], "the other"),
    ];
    for (left, who) in ends {
        let mut room = place("armed");
        room.world.roster = named(left);
        room.settle();
        assert_eq!(armed(&room), None, "{who} is revoked");
    }
    // Before it is armed the confirm alone is gone: one of two counts, and another key makes it two again.
    let mut room = place("lost");
    confirm(&mut room, "cho", "cho").expect("confirmed");
    assert_eq!(armed(&room), Some(false));
    confirm(&mut room, "bob", "bob-too").expect("confirmed anew");
    assert_eq!(armed(&room), Some(true));
    room.check_fold();
}
