//! The golden journal of writes to other systems: facts that format WJ1 gained after its first journal was made.

use crate::golden::{actor, check, genesis, is_writing, journal, sealed, write};
use std::time::Duration;
use warroom::domain::apply::check_apply;
use warroom::domain::fact::{Actor, Fact};
use warroom::domain::id::ConnectorName;
use warroom::domain::state::State;
use warroom::domain::time::{Moment, Timestamp};
use warroom::domain::write::{Deed, Matcher, Outcome, Urgency, Write, WriteNo};
use warroom::journal::facts::fact_of;

const BOOT: &str = "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90";

fn text(text: &str) -> String {
    text.to_owned()
}

/// Each deed once.
fn deeds() -> Vec<Deed> {
    let reference = || text("Q1X2");
    vec![
        Deed::Mute {
            components: vec![text("rack-07")],
            matchers: vec![Matcher {
                label: text("instance"),
                value: text("rack-07(:.*)?"),
                is_regex: true,
                is_equal: true,
            }],
            until: Timestamp::from_millis(1_795_316_400_000),
            comment: text("orders move"),
        },
        Deed::Unmute {
            reference: reference(),
        },
        Deed::Page {
            summary: text("orders do not drain"),
            details: text("caf\u{e9}\nsecond line"),
            component: text("rack-07"),
            urgency: Urgency::High,
        },
        Deed::Acknowledge {
            reference: reference(),
        },
        Deed::Resolve {
            reference: reference(),
        },
        Deed::Note {
            reference: reference(),
            text: text("we look"),
        },
        Deed::Annotate {
            text: text("orders move"),
            tags: vec![text("warroom")],
        },
        Deed::Record {
            component: text("rack-07"),
            text: text("drained"),
        },
        Deed::SetStatus {
            component: text("rack-07"),
            status: text("maintenance"),
        },
    ]
}

/// Each outcome; the page is accepted first and proven later.
fn ends(no: u32) -> Vec<Outcome> {
    let accepted = Outcome::Accepted {
        reference: text("Q1X2"),
        what: text("accepted; nobody is notified yet"),
    };
    let done = Outcome::Done {
        reference: text("Q1X2"),
        proof: text("mira was notified 03:12:04Z"),
    };
    let what = text("HTTP 403");
    match no {
        3 => vec![accepted, done],
        4 => vec![Outcome::Failed { what }],
        5 => vec![Outcome::Unknown { what }],
        6 => vec![accepted],
        9 => Vec::new(),
        _ => vec![done],
    }
}

fn make() {
    let mut now = Moment {
        wall: Timestamp::from_millis(1_795_312_800_000),
        mono_ms: 81_000_000,
    };
    let genesis = genesis();
    let session = genesis.session.clone();
    let first = Fact::SessionOpened(Box::new(genesis.clone()));
    let record = sealed(None, &session, now, BOOT, &Actor::Engine, &first);
    let mut state = State::new(genesis, record.hash(), now);
    let mut records = vec![record];
    let mut take = |who: Actor, fact: Fact| {
        now = now.plus(Duration::from_secs(1));
        let record = sealed(Some(&state), &session, now, BOOT, &who, &fact);
        let stamped = fact_of(&record).expect("a fact");
        check_apply(&mut state, &stamped).expect("it makes sense");
        records.push(record);
    };
    for (no, deed) in (1..).zip(deeds()) {
        let write = Write {
            no: WriteNo(no),
            connector: ConnectorName::new("pager").expect("a name"),
            deed,
            cause: None,
        };
        take(actor("alice"), Fact::WriteAsked { write });
        for outcome in ends(no) {
            let no = WriteNo(no);
            take(Actor::Engine, Fact::WriteEnded { no, outcome });
        }
    }
    write("wj1-writes", records);
}

#[test]
fn writes_are_read_folded_and_written_back_byte_for_byte() {
    if is_writing("wj1-writes") {
        make();
    }
    let kinds: Vec<&str> = check(&journal("wj1-writes")).into_iter().collect();
    assert_eq!(kinds, ["session.opened", "write.asked", "write.ended"]);
}
