//! The golden journal of silences that live as long as the work: facts, causes and a plan that format WJ1 gained later.

use crate::golden::{actor, check, genesis, is_writing, journal, sealed, write};
use std::time::Duration;
use warroom::domain::apply::check_apply;
use warroom::domain::fact::{Actor, Fact, HoldCause, Silence, SilenceEvent, Withheld};
use warroom::domain::id::{AttemptNo, ConnectorName};
use warroom::domain::runbook::silence::{OnWithheld, SilencePlan};
use warroom::domain::state::State;
use warroom::domain::time::{Moment, Timestamp};
use warroom::domain::write::{Cause, Deed, Lifetime, Outcome, Write, WriteNo};

const BOOT: &str = "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90";

fn text(text: &str) -> String {
    text.to_owned()
}

fn said(lifetime: Lifetime, event: SilenceEvent) -> Fact {
    Fact::Silence(Silence { lifetime, event })
}

fn asked(no: u32, deed: Deed, cause: Cause) -> Fact {
    let write = Write {
        no: WriteNo(no),
        connector: ConnectorName::new("alerts").expect("a name"),
        deed,
        cause: Some(cause),
    };
    Fact::WriteAsked { write }
}

fn ended(no: u32, outcome: Outcome) -> Fact {
    let no = WriteNo(no);
    Fact::WriteEnded { no, outcome }
}

fn done() -> Outcome {
    Outcome::Done {
        reference: text("4f2a"),
        proof: text("read back"),
    }
}

fn withheld(because: Withheld) -> SilenceEvent {
    SilenceEvent::Withheld { because }
}

/// Each event, each reason and each cause once.
fn facts(step: &Lifetime, now: Timestamp) -> Vec<(Actor, Fact)> {
    let engine = |fact| (Actor::Engine, fact);
    let alice = |fact| (actor("alice"), fact);
    let phase = Lifetime::Phase { phase: 0 };
    let outside = Withheld::Outside {
        muted: 12,
        outside: 1,
        names: vec![text("Down instance=db-1:9100 env=staging (firing)")],
    };
    let mute = Deed::Mute {
        components: vec![text("rack-07")],
        matchers: Vec::new(),
        until: now.plus(Duration::from_secs(900)),
        comment: text("maintenance `move-orders`"),
    };
    let extend = Deed::Extend {
        reference: text("4f2a"),
        until: now.plus(Duration::from_secs(1800)),
    };
    let unmute = Deed::Unmute {
        reference: text("4f2a"),
    };
    let begins = Cause::Begins {
        lifetime: Lifetime::Session,
        muted: 2,
    };
    let of = WriteNo(1);
    let what = text("`alerts`: HTTP 503");
    let unknown = Withheld::Unknown { what: what.clone() };
    let failed = Withheld::Failed { what };
    let again = SilenceEvent::Again {
        alerts: vec![text("Down")],
        reason: text("the rest may ring"),
    };
    let reason = text("the pager is with us");
    let lifetime = Lifetime::Session;
    vec![
        engine(Fact::Begun),
        engine(said(Lifetime::Session, withheld(outside))),
        engine(Fact::Held(HoldCause::Silence { lifetime })),
        alice(said(Lifetime::Session, again)),
        engine(asked(1, mute, begins)),
        engine(ended(1, done())),
        engine(asked(2, extend, Cause::Extends { of })),
        engine(ended(2, done())),
        engine(said(phase.clone(), withheld(unknown))),
        alice(said(phase, SilenceEvent::Without { reason })),
        engine(said(step.clone(), withheld(failed))),
        engine(asked(3, unmute, Cause::Ends { of })),
        engine(ended(3, done())),
    ]
}

fn make() {
    let mut now = Moment {
        wall: Timestamp::from_millis(1_795_312_800_000),
        mono_ms: 81_000_000,
    };
    let mut genesis = genesis();
    let silence = SilencePlan {
        components: vec![text("role=orders")],
        alerts: vec![text("Down")],
        by: vec![ConnectorName::new("alerts").expect("a name")],
        withheld: OnWithheld::Warn,
        ..SilencePlan::default()
    };
    genesis.plan.silence = Some(SilencePlan::default());
    genesis.plan.phases[0].silence = Some(silence.clone());
    genesis.plan.steps[0].silence = Some(silence);
    genesis.plan_digest = genesis.plan.digest();
    let step = Lifetime::Step {
        step: genesis.plan.steps[0].id.clone(),
        attempt: AttemptNo(1),
    };
    let session = genesis.session.clone();
    let first = Fact::SessionOpened(Box::new(genesis.clone()));
    let record = sealed(None, &session, now, BOOT, &Actor::Engine, &first);
    let mut state = State::new(genesis, record.hash(), now);
    let mut records = vec![record];
    for (who, fact) in facts(&step, now.wall) {
        now = now.plus(Duration::from_secs(1));
        let record = sealed(Some(&state), &session, now, BOOT, &who, &fact);
        let stamped = warroom::journal::facts::fact_of(&record).expect("a fact");
        check_apply(&mut state, &stamped).expect("it makes sense");
        records.push(record);
    }
    write("wj1-silences", records);
}

#[test]
fn silences_are_read_folded_and_written_back_byte_for_byte() {
    if is_writing("wj1-silences") {
        make();
    }
    let kinds: Vec<&str> = check(&journal("wj1-silences")).into_iter().collect();
    let all = [
        "maintenance.begun",
        "session.held",
        "session.opened",
        "silence.again",
        "silence.withheld",
        "silence.without",
        "write.asked",
        "write.ended",
    ];
    assert_eq!(kinds, all);
}
