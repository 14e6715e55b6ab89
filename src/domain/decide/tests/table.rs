//! Each pair of a state and an event of one destructive attempt (`TWO_PERSON` 4.2): allowed, or refused and nothing
//! changed. First what people ask for, then what a journal may say.

use super::table_signed::{ARMOUR, by_key, check};
use super::*;
use crate::domain::apply::check_apply;
use crate::domain::command::Refusal;
use crate::domain::fact::{Checked, CloseCause, Confirmed, ExecKey, Signed};
use crate::domain::id::{AttemptNo, Nonce};
use crate::domain::runbook::plan::ExecRole;

/// The places an attempt can be at, in the order of the columns below.
fn places() -> Vec<(&'static str, Room)> {
    let mut plan = plan();
    // One command and nothing else, confirmed by two.
    plan.steps[2].blocks = vec![plan.steps[2].blocks[2].clone()];
    plan.steps[2].quorum = 2;
    let idle = Room::at_drain_of(plan);
    let then = |room: &Room, change: fn(&mut Room)| {
        let mut room = room.clone();
        change(&mut room);
        room
    };
    let none = then(&idle, |r| r.must("ann", start("drain")));
    let proposed = then(&none, |r| r.must("ann", propose("drain")));
    let opened = then(&none, |r| {
        let fact = opening(r);
        r.record(&actor("ann"), fact);
    });
    let half = then(&proposed, |r| r.confirm("bob").expect("confirmed"));
    let full = then(&half, |r| {
        r.verdict(Verdict::Fail);
        r.confirm("cho").expect("confirmed");
    });
    let armed = then(&half, |r| r.confirm("cho").expect("confirmed"));
    let intent = then(&armed, |r| r.must("ann", go("drain")));
    let running = then(&intent, |r| {
        let key = r.running().expect("intended");
        r.record(&Actor::Engine, Fact::ExecSpawned { key, pid: 7 });
    });
    let unknown = then(&running, Room::lose);
    let voted = then(&unknown, |r| r.must("bob", resolve("drain", Finding::Ran)));
    let agreed = then(&voted, |r| {
        let fact = vote();
        r.record(&actor("cho"), fact);
    });
    let ok = then(&running, |r| r.exit(0));
    let failed = then(&running, |r| r.exit(1));
    let closed = then(&armed, |r| r.must("cho", reject("drain")));
    let held = then(&armed, |r| r.must("cho", hold()));
    vec![
        ("idle", idle),
        ("none", none),
        ("opened", opened),
        ("proposed", proposed),
        ("half", half),
        ("full", full),
        ("armed", armed),
        ("intent", intent),
        ("running", running),
        ("unknown", unknown),
        ("voted", voted),
        ("agreed", agreed),
        ("ok", ok),
        ("failed", failed),
        ("closed", closed),
        ("held", held),
    ]
}

/// Nothing but the head may differ: a refusal that matters is kept in the journal.
pub(super) fn assert_same(before: &Room, after: &Room, what: &str) {
    let mut state = after.state.clone();
    state.head = before.state.head;
    state.head_at = before.state.head_at;
    if let (Some(now), Some(then)) = (state.proposal.as_mut(), &before.state.proposal) {
        assert!(now.heads.starts_with(&then.heads), "{what}");
        now.heads.clone_from(&then.heads);
    }
    assert_eq!(state, before.state, "{what} changed something");
}

type Event = fn(&mut Room) -> Result<(), Refusal>;

/// What is allowed: `x`. Columns: idle none opened proposed half full armed intent running unknown voted agreed ok
/// failed closed held.
const ASKED: [(&str, &str, Event); 26] = [
    ("propose", ".x............x.", |r| {
        r.ask("ann", propose("drain"))
    }),
    ("confirm", "...xx...........", |r| r.confirm("cho")),
    ("confirm twice", "...x............", |r| r.confirm("bob")),
    ("confirm as proposer", "................", |r| {
        r.confirm("ann")
    }),
    // Where nothing is asked of a confirmer; where it is, see the table of what is signed.
    ("check", "................", |r| {
        r.ask("cho", check("db-1", 2))
    }),
    ("confirm as root", "................", |r| r.confirm("root")),
    ("reject", "...xxxx.........", |r| {
        r.ask("cho", reject("drain"))
    }),
    ("cancel", "...xxxx.........", |r| {
        r.ask("ann", cancel("drain"))
    }),
    ("go", "......x.........", |r| r.ask("ann", go("drain"))),
    ("go as another", "................", |r| {
        r.ask("bob", go("drain"))
    }),
    ("stop", ".xxxxxxxx.....xx", |r| r.ask("bob", stop("drain"))),
    ("take over", "................", |r| {
        r.ask("bob", Command::TakeOver { step: id("drain") })
    }),
    ("reject in one key", "...xxxx.........", |r| {
        let reason = String::new();
        r.ask("cho", Command::reject(id("drain"), reason))
    }),
    ("explain", "................", |r| r.ask("cho", explain(1))),
    ("resolve", ".........xx.....", |r| {
        r.ask("cho", resolve("drain", Finding::Ran))
    }),
    ("resolve twice", ".........x......", |r| {
        r.ask("bob", resolve("drain", Finding::Ran))
    }),
    ("resolve as root", "................", |r| {
        r.ask("root", resolve("drain", Finding::Ran))
    }),
    ("start", "x...............", |r| {
        r.ask("ann", start("drain"))
    }),
    ("retry", ".............x..", |r| {
        r.ask("ann", retry("drain"))
    }),
    ("skip", "xx...........xxx", |r| r.ask("ann", skip("drain"))),
    ("mark done", "................", |r| {
        r.ask("ann", mark_done("drain"))
    }),
    ("hold", "xxxxxxxxxxxxxxxx", |r| r.ask("cho", hold())),
    ("release", "...............x", |r| r.ask("ann", release())),
    ("roll back", "xxxxxxxxxxxxxxxx", |r| {
        r.ask("cho", rollback())
    }),
    ("complete", "................", |r| {
        r.ask("ann", Command::Complete)
    }),
    ("abort", "xxxxxxxxxxxxxxxx", |r| r.ask("ann", abort())),
];

#[test]
fn every_key_in_every_state_of_an_attempt() {
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

/// Why an attempt was rejected.
fn explain(attempt: u32) -> Command {
    Command::explain(id("drain"), AttemptNo(attempt), "too late".to_owned())
}

#[test]
fn a_no_without_a_reason_is_explained_once_by_whoever_said_it() {
    let places = places();
    let armed = places.iter().find(|(name, _)| *name == "armed");
    let mut room = armed.expect("a place").1.clone();
    room.must("cho", Command::reject(id("drain"), String::new()));
    let why = |room: &Room| room.state.last_closed.clone().expect("closed").1;
    assert_eq!(why(&room), "rejected by cho");
    // Proposed again before the reason came: what was rejected stays explained, and what is open stays open.
    room.must("ann", propose("drain"));
    refused(
        &room,
        "bob",
        explain(1),
        "you have rejected no such proposal",
    );
    refused(
        &room,
        "cho",
        explain(2),
        "you have rejected no such proposal",
    );
    room.must("cho", explain(1));
    assert_eq!(why(&room), "rejected by cho: too late");
    assert!(room.state.proposal.is_some());
    refused(&room, "cho", explain(1), "have said why already");
    room.check_fold();
}

/// The opening of the proposal that this room could have next.
fn opening(room: &Room) -> Fact {
    let mut other = room.clone();
    let view = room.state.find(&id("drain")).expect("a step");
    let plan = render_plan(&room.state, &id("drain"));
    if other.propose("ann", "drain").is_err() {
        other = Room::proposed();
    }
    let mut terms = other.state.proposal.expect("proposed").terms;
    terms.attempt = view.now.next_proposal();
    terms.quorum = 2;
    terms.plan = Digest::of(plan.as_bytes());
    terms.nonce = Nonce::from_bytes([77; 16]);
    Fact::ProposalOpened {
        terms,
        signature: String::new(),
    }
}

fn vote() -> Fact {
    Fact::ResolveVoted {
        step: id("drain"),
        finding: Finding::Ran,
        reason: "looked".to_owned(),
    }
}

fn confirmed(room: &Room, who: &str) -> Fact {
    Fact::StepConfirmed(Confirmed {
        step: id("drain"),
        signer: person(who),
        // Good for an account too: as journals have it from before accounts said what they are.
        statement: room.statement_by(&by_key(who, who)),
        signature: String::new(),
    })
}

fn signed(fact: Fact) -> Fact {
    let Fact::StepConfirmed(mut confirmed) = fact else {
        unreachable!("it is a confirm");
    };
    ARMOUR.clone_into(&mut confirmed.signature);
    Fact::StepConfirmed(confirmed)
}

fn stated(armour: &str) -> Fact {
    Fact::StatementSigned(Signed {
        statement: "warroom-go@v1\n".to_owned(),
        signature: armour.to_owned(),
    })
}

/// What was said of the proposal on the table, or of one so many attempts later.
fn checked(room: &Room, later: u32) -> Fact {
    let open = room.state.proposal.as_ref();
    let attempt = open.map_or(AttemptNo(1), |p| p.terms.attempt);
    Fact::StepChecked(Checked {
        step: id("drain"),
        attempt: AttemptNo(attempt.0 + later),
        component: "db-1".to_owned(),
        remaining: Some(2),
        dwell_ms: 7000,
        matches: true,
        claimed: None,
    })
}

/// The execution in flight, or the one that would be next.
fn key(room: &Room) -> ExecKey {
    let next = || room.state.find(&id("drain")).expect("a step").next_key();
    room.running().unwrap_or_else(next)
}

fn intent(room: &Room, nonce: bool) -> Fact {
    let open = room.state.proposal.as_ref();
    let any = || Nonce::from_bytes([9; 16]);
    let nonce = nonce.then(|| open.map_or_else(any, |p| p.terms.nonce.clone()));
    Fact::ExecIntent {
        key: key(room),
        role: ExecRole::Run,
        nonce,
    }
}

type Told = fn(&Room) -> (Actor, Fact);

/// What a journal may say, columns as above.
const TOLD: [(&str, &str, Told); 29] = [
    ("opened", ".x............x.", |r| (actor("ann"), opening(r))),
    ("opened by another", "................", |r| {
        (actor("bob"), opening(r))
    }),
    ("opened by an account, signed", "................", |r| {
        let Fact::ProposalOpened { terms, .. } = opening(r) else {
            unreachable!("it is one");
        };
        let signature = ARMOUR.to_owned();
        (actor("ann"), Fact::ProposalOpened { terms, signature })
    }),
    ("signed", "xxxxxxxxxxxxxxxx", |_| {
        (by_key("cho", "cho"), stated(ARMOUR))
    }),
    ("signed by an account", "................", |_| {
        (actor("cho"), stated(ARMOUR))
    }),
    ("checked", "..xxxxx.........", |r| {
        (actor("cho"), checked(r, 0))
    }),
    ("checked for another attempt", "................", |r| {
        (actor("cho"), checked(r, 7))
    }),
    ("proposed", "..x.............", |r| {
        // That of the attempt which is open already.
        let plan = render_plan(&r.state, &id("drain")).replace("attempt: 2", "attempt: 1");
        (actor("ann"), Fact::StepProposed { plan })
    }),
    ("confirmed", "...xx...........", |r| {
        (actor("cho"), confirmed(r, "cho"))
    }),
    ("confirmed twice", "...x............", |r| {
        (actor("bob"), confirmed(r, "bob"))
    }),
    ("confirmed by a key", "...xxx..........", |r| {
        (by_key("cho", "cho"), signed(confirmed(r, "cho")))
    }),
    // Whose evidence was revoked gives the confirm anew.
    ("confirmed anew", "...xxx..........", |r| {
        (by_key("bob", "bob"), signed(confirmed(r, "bob")))
    }),
    ("confirmed by a key unsigned", "................", |r| {
        (by_key("cho", "cho"), confirmed(r, "cho"))
    }),
    ("confirmed by the proposer", "................", |r| {
        (actor("ann"), confirmed(r, "ann"))
    }),
    ("confirmed for another", "................", |r| {
        (actor("bob"), confirmed(r, "cho"))
    }),
    ("armed", ".....x..........", |_| {
        (Actor::Engine, Fact::StepArmed { step: id("drain") })
    }),
    ("closed", "..xxxxx.........", |r| {
        let attempt = r
            .state
            .proposal
            .as_ref()
            .map_or(AttemptNo(1), |p| p.terms.attempt);
        let (step, why) = (id("drain"), CloseCause::Expired);
        (Actor::Engine, Fact::ProposalClosed { step, attempt, why })
    }),
    ("intent", "......x.........", |r| {
        (actor("ann"), intent(r, true))
    }),
    ("intent of another", "................", |r| {
        (actor("bob"), intent(r, true))
    }),
    ("intent without nonce", "................", |r| {
        (actor("ann"), intent(r, false))
    }),
    ("spawned", ".......x........", |r| {
        (
            Actor::Engine,
            Fact::ExecSpawned {
                key: key(r),
                pid: 8,
            },
        )
    }),
    ("outcome", ".......xx.......", |r| {
        let (outcome, output) = (
            Outcome::Exited { code: 0 },
            crate::domain::fixture::no_output(),
        );
        (
            Actor::Engine,
            Fact::ExecOutcome {
                key: key(r),
                outcome,
                output,
            },
        )
    }),
    ("unknown", ".......xx.......", |r| {
        (Actor::Engine, Fact::ExecUnknown { key: key(r) })
    }),
    ("stop asked", ".......xx.......", |_| {
        (actor("cho"), Fact::StopAsked { step: id("drain") })
    }),
    ("vote", ".........xxx....", |_| (actor("cho"), vote())),
    ("resolved", "...........x....", |_| {
        let (step, finding) = (id("drain"), Finding::Ran);
        (actor("cho"), Fact::StepResolved { step, finding })
    }),
    ("started", "x...............", |r| {
        let now = r.state.find(&id("drain")).expect("a step").now;
        let (step, attempt) = (id("drain"), AttemptNo(now.attempt.0 + 1));
        (actor("ann"), Fact::StepStarted { step, attempt })
    }),
    ("retried", ".............x..", |_| {
        (actor("ann"), Fact::StepRetried { step: id("drain") })
    }),
    ("undone", "................", |_| {
        (Actor::Engine, Fact::StepUndone { step: id("drain") })
    }),
];

#[test]
fn every_record_in_every_state_of_an_attempt() {
    let places = places();
    for (event, row, told) in TOLD {
        assert_eq!(row.len(), places.len(), "{event}");
        for ((name, room), may) in places.iter().zip(row.chars()) {
            let (who, fact) = told(room);
            let mut tried = room.clone();
            let record = stamp(room.state.head.0.next(), room.now, who, fact);
            let answer = check_apply(&mut tried.state, &record);
            let what = format!("{event} in {name}: {answer:?}");
            assert_eq!(answer.is_ok(), may == 'x', "{what}");
            if answer.is_err() {
                assert_same(room, &tried, &what);
            }
        }
    }
}
