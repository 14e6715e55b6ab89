//! A step whose command has run and whose declared effect has not come yet; holds for alerts; what nobody may believe.

use super::*;
use crate::domain::board::CLOCK;
use crate::domain::command::{AlertsSeen, Command};
use crate::domain::fact::{
    AlertEvent, AlertKey, Effect, EffectEvent, ExecKey, Fact, HoldCause, Read, SeriesValue,
};
use crate::domain::id::{AttemptNo, ConnectorName, RuleId, StepId};
use crate::domain::reading::{Liveness, Sample};
use crate::domain::runbook::plan::{After, ExecRole, Expect};
use crate::domain::threshold::{Limit, Op, Verdict};
use crate::domain::verdict::EffectNow;
use std::sync::Arc;

fn plain() -> Settings {
    Settings {
        ascii: true,
        colors: Colors::Mono,
        ..settings()
    }
}

fn read(story: &Story, verdict: Verdict, value: f64) -> Read {
    Read {
        rule: RuleId::new("sessions").expect("a name"),
        verdict,
        series: vec![SeriesValue {
            series: "{instance=\"db-1\"}".to_owned(),
            sample: Sample {
                at: story.now.wall,
                value,
            },
        }],
        failure: String::new(),
    }
}

/// The backup is declared to take the sessions off; it has run, and they are still there.
fn waiting() -> Story {
    let mut story = Story::opened("alice");
    let genesis = Arc::make_mut(&mut story.room.state.genesis);
    genesis.plan.steps[0].expects = vec![Expect {
        id: RuleId::new("sessions").expect("a name"),
        expr: "sum(pg_sessions)".to_owned(),
        before: Some(Limit {
            op: Op::Gt,
            value: 5.0,
        }),
        after: Some(After::Times {
            op: Op::Lt,
            factor: 0.2,
        }),
        within: Duration::from_secs(120),
        hold_for: Duration::ZERO,
        source: None,
        line: 26,
    }];
    let story = story
        .by("alice")
        .did(Fact::Begun)
        .started("alice", "backup")
        .runs("backup", 0, ExecRole::Check, None)
        .ended("backup", 0, 0);
    let step = StepId::new("backup").expect("a name");
    let before = Fact::Effect(Effect {
        step: step.clone(),
        attempt: AttemptNo(1),
        event: EffectEvent::Before {
            reads: vec![read(&story, Verdict::Pass, 40.0)],
        },
    });
    let key = ExecKey {
        step: step.clone(),
        attempt: AttemptNo(1),
        block: 1,
        try_no: 1,
    };
    let mut story = story
        .by("warroom")
        .did(before)
        .did(Fact::ExecIntent {
            key,
            role: ExecRole::Run,
            nonce: None,
        })
        .ended("backup", 1, 0)
        .after(30);
    story.room.board.effects = vec![EffectNow {
        step,
        is_after: true,
        read: read(&story, Verdict::Fail, 38.0),
        met_since: None,
        is_met: false,
    }];
    story.watched(1)
}

#[test]
fn a_step_that_waits_for_its_effect_says_what_was_what_is_and_what_must_be() {
    let mut seat = Seat::with(waiting(), plain(), (80, 24));
    insta::assert_snapshot!("effect_waits_80x24_ascii", seat.text());
    let mut seat = Seat::at(waiting(), (120, 40));
    insta::assert_snapshot!("effect_waits_120x40", seat.text());
}

fn alert(name: &str) -> (Fact, Fact) {
    let component = "db-orders".to_owned();
    let fired = AlertEvent::Fired {
        key: AlertKey {
            source: ConnectorName::new("am").expect("a name"),
            name: name.to_owned(),
            component: component.clone(),
        },
        severity: "critical".to_owned(),
        since: None,
        expected: false,
    };
    let held = HoldCause::Alert {
        name: name.to_owned(),
        component: Some(component),
    };
    (Fact::Alert(fired), Fact::Held(held))
}

fn alerted(names: &[&str]) -> Story {
    names.iter().fold(Story::prepared("alice"), |story, name| {
        let (fired, held) = alert(name);
        story.by("warroom").did(fired).did(held)
    })
}

#[test]
fn whoever_releases_reads_every_alert_and_releases_what_they_read() {
    let story = alerted(&["DiskFull", "ReplicationBroken"]);
    let seen = AlertsSeen::of(&story.room.state);
    let mut seat = Seat::with(story, plain(), (80, 24));
    assert!(seat.text().contains("and 1 more"), "{}", seat.text());
    seat.keys(&["H"]);
    insta::assert_snapshot!("release_alerts_80x24_ascii", seat.text());
    // An alert that comes while they type was not read.
    let more = alerted(&["DiskFull", "ReplicationBroken", "Late"]);
    seat.screen = Screen::Room(Box::new(more.room));
    let asked = seat.keys(&["o", "k", "enter"]);
    let expected = Command::Release {
        reason: "ok".to_owned(),
        seen: Some(seen),
    };
    assert!(asked.contains(&Request::Ask(expected)), "{asked:?}");
}

#[test]
fn a_clock_that_is_not_believed_is_named_where_everybody_looks_first() {
    let mut story = Story::checked("alice");
    let health = story.health(CLOCK, CLOCK, Liveness::Stale, "it was set back by 2h00m");
    story.room.on_readings(vec![health]);
    let text = Seat::with(story, plain(), (80, 24)).text();
    // The line breaks behind "the clock".
    let said = "is not believed, since it was set back by 2h00m: nothing destructive arms";
    assert!(text.contains(said), "{text}");
}

#[test]
fn without_a_people_file_the_header_says_so() {
    for size in [(80, 24), (120, 40)] {
        let mut copy = Story::opened("alice");
        copy.room.welcome.policy.no_people = true;
        let text = Seat::with(copy, plain(), size).text();
        assert!(text.contains("[ADVISORY no people file]"), "{text}");
    }
}
