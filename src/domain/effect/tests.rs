use super::*;
use crate::domain::command::Command;
use crate::domain::fact::{EffectEvent, Fact, HoldCause, SeriesValue};
use crate::domain::fixture::*;
use crate::domain::id::StepId;
use crate::domain::reading::Sample;
use crate::domain::runbook::plan::{After, Plan};
use crate::domain::state::{Stage, StepStatus};
use crate::domain::threshold::{Limit, Op};

const WITHIN: Duration = Duration::from_secs(60);

fn expect(name: &str) -> Expect {
    Expect {
        id: rule(name),
        expr: name.to_owned(),
        before: Some(Limit {
            op: Op::Gt,
            value: 5.0,
        }),
        after: Some(After::Times {
            op: Op::Lt,
            factor: 0.2,
        }),
        within: WITHIN,
        hold_for: Duration::ZERO,
        source: None,
        line: 1,
    }
}

/// The backup and the drain take traffic off, and leave the peers alone.
fn plan_with() -> Plan {
    let mut plan = plan();
    for step in [1, 2] {
        let mut peers = expect("peers");
        peers.before = None;
        peers.after = Some(After::Band {
            low: 0.8,
            high: 2.0,
        });
        peers.within = WITHIN * 2;
        plan.steps[step].expects = vec![expect("traffic"), peers];
    }
    plan
}

fn read(room: &Room, name: &str, verdict: Verdict, value: f64) -> Read {
    Read {
        rule: rule(name),
        verdict,
        series: vec![SeriesValue {
            series: "{i=\"db-1\"}".to_owned(),
            sample: Sample {
                at: room.now.wall,
                value,
            },
        }],
        failure: String::new(),
    }
}

/// What is read of both effects of a step from here on.
fn see(room: &mut Room, step: &str, is_after: bool, verdicts: [Verdict; 2]) {
    let reads = [
        read(
            room,
            "traffic",
            verdicts[0],
            if is_after { 11.8 } else { 12.0 },
        ),
        read(room, "peers", verdicts[1], 7.0),
    ];
    let now = |read: Read| EffectNow {
        step: id(step),
        is_after,
        is_met: read.verdict.is_pass(),
        met_since: Some(room.now),
        read,
    };
    room.world.effects = reads.map(now).to_vec();
    room.settle();
}

fn status(room: &Room, step: &str) -> StepStatus {
    let step: StepId = id(step);
    room.state.find(&step).expect("a step").now.status.clone()
}

fn why(room: &Room, step: &str) -> String {
    match status(room, step) {
        StepStatus::Failed { why } => why,
        other => panic!("{other:?}"),
    }
}

fn refused(room: &mut Room, who: &str, command: Command) -> String {
    room.ask(who, command).expect_err("refused").to_string()
}

const NEVER: Verdict = Verdict::Unknown(Unknown::Never);
const PASS: Verdict = Verdict::Pass;
const FAIL: Verdict = Verdict::Fail;

/// Begun, look marked done, backup started: its first block is its command.
fn at_backup() -> Room {
    let mut room = Room::with(plan_with());
    room.must("ann", Command::Begin);
    room.must("ann", mark_done("look"));
    room.must("ann", start("backup"));
    room
}

#[test]
fn a_command_waits_for_the_values_before_it_and_runs_on_them() {
    let mut room = at_backup();
    assert!(room.state.running().is_none());
    see(&mut room, "backup", false, [PASS, NEVER]);
    assert!(room.state.running().is_none(), "the peers are not known");
    // What was read of another step, or after a command, is not what is asked here.
    see(&mut room, "drain", false, [PASS, PASS]);
    see(&mut room, "backup", true, [PASS, PASS]);
    assert!(room.state.running().is_none());
    see(&mut room, "backup", false, [PASS, PASS]);
    assert!(room.state.running().is_some());
    let kinds: Vec<&Fact> = room.records.iter().rev().take(2).map(|r| &r.fact).collect();
    assert!(
        matches!(kinds[1], Fact::Effect(e) if matches!(e.event, EffectEvent::Before { .. })),
        "{kinds:?}"
    );
}

#[test]
fn on_the_wrong_target_the_command_does_not_run() {
    let mut room = at_backup();
    see(&mut room, "backup", false, [FAIL, PASS]);
    assert!(room.state.running().is_none());
    assert_eq!(
        why(&room, "backup"),
        "expected `traffic` > 5 before it runs, seen 12 on {i=\"db-1\"}: is this the right target?"
    );
    assert!(!room.state.is_held(), "nothing has run");
    // Another attempt looks again.
    room.world.effects.clear();
    room.must("ann", retry("backup"));
    room.must("ann", start("backup"));
    see(&mut room, "backup", false, [PASS, PASS]);
    assert!(room.state.running().is_some());
}

#[test]
fn values_that_nobody_knows_end_the_attempt_after_a_while() {
    let mut room = at_backup();
    room.wait(BEFORE_WAIT.saturating_sub(Duration::from_secs(1)));
    assert!(matches!(status(&room, "backup"), StepStatus::Active { .. }));
    room.wait(Duration::from_secs(1));
    assert_eq!(
        why(&room, "backup"),
        "it did not run: nobody knows `traffic`: no data yet"
    );
}

/// The backup has run on known values.
fn ran() -> Room {
    let mut room = at_backup();
    see(&mut room, "backup", false, [PASS, PASS]);
    room.world.effects.clear();
    room.exit(0);
    room
}

#[test]
fn a_step_goes_on_once_all_effects_are_there_at_once() {
    let mut room = ran();
    let waits = StepStatus::Active {
        stage: Stage::Effect,
    };
    assert_eq!(status(&room, "backup"), waits);
    see(&mut room, "backup", true, [PASS, FAIL]);
    assert_eq!(status(&room, "backup"), waits);
    see(&mut room, "backup", true, [FAIL, PASS]);
    assert_eq!(status(&room, "backup"), waits);
    see(&mut room, "backup", true, [PASS, PASS]);
    assert!(room.state.running().is_some(), "its verify follows");
    room.exit(0);
    assert!(matches!(status(&room, "backup"), StepStatus::Done { .. }));
}

#[test]
fn a_missing_effect_fails_the_step_and_holds_until_somebody_says_why_it_goes_on() {
    let mut room = ran();
    see(&mut room, "backup", true, [FAIL, PASS]);
    room.wait(WITHIN.saturating_sub(Duration::from_secs(1)));
    assert!(!room.state.is_held());
    room.wait(Duration::from_secs(1));
    assert_eq!(
        why(&room, "backup"),
        "the declared effect is missing: expected `traffic` < 0.2x before within 60s, seen 11.8 (before 12) on {i=\"db-1\"}"
    );
    let cause = &room.state.holds[0].cause;
    assert_eq!(*cause, HoldCause::Effect { step: id("backup") });
    let refused = refused(&mut room, "ann", release());
    assert!(refused.contains("declared effect"), "{refused}");
    let with_reason = Command::release("the load balancer drains slowly".to_owned());
    room.must("ann", with_reason);
    assert!(!room.state.is_held());
    // The way back of what has run is there.
    room.must("ann", rollback());
    assert!(room.state.running().is_some());
}

#[test]
fn an_effect_that_nobody_can_see_is_missing_when_the_time_of_all_is_over() {
    let mut room = ran();
    see(&mut room, "backup", true, [NEVER, PASS]);
    room.wait(WITHIN);
    assert!(matches!(status(&room, "backup"), StepStatus::Active { .. }));
    room.wait(WITHIN);
    assert!(why(&room, "backup").contains("nobody knows `traffic`"));
    assert!(room.state.is_held());
}

#[test]
fn a_hold_does_not_stop_the_look_at_what_has_run() {
    let mut room = ran();
    room.must("ann", hold());
    see(&mut room, "backup", true, [PASS, PASS]);
    assert!(room.state.running().is_some(), "what was run is verified");
}

#[test]
fn a_rollback_ends_the_wait_for_an_effect() {
    let mut room = ran();
    room.must("ann", rollback());
    assert!(room.state.running().is_some(), "the way back runs");
}

#[test]
fn a_restart_begins_the_time_of_an_effect_anew_and_forgets_what_was_read_before_a_command() {
    let resumed = || Fact::SessionResumed {
        program: "warroom".to_owned(),
        host: "bastion".to_owned(),
    };
    let mut room = ran();
    room.now = room.now.plus(WITHIN * 10);
    room.record(&crate::domain::fact::Actor::Engine, resumed());
    room.settle();
    assert!(matches!(status(&room, "backup"), StepStatus::Active { .. }));
    let view = room.state.find(&id("backup")).expect("a step");
    let effect = view.now.effect.as_deref().expect("kept");
    assert_eq!(effect.since, Some(room.now));
    assert_eq!(effect.before.len(), 2, "what was before it stays");
}

/// The drain has passed its check and gate, after a backup that had its effects.
fn at_proposal() -> Room {
    let mut room = ran();
    see(&mut room, "backup", true, [PASS, PASS]);
    room.exit(0);
    room.must("ann", start("drain"));
    room.exit(0);
    room.open_gate();
    room
}

#[test]
fn a_destructive_step_is_looked_at_when_it_is_proposed_and_again_at_go() {
    let mut room = at_proposal();
    for verdicts in [[FAIL, PASS], [NEVER, PASS]] {
        see(&mut room, "drain", false, verdicts);
        assert!(room.propose("ann", "drain").is_err());
        assert!(matches!(
            room.records.last().map(|r| &r.fact),
            Some(Fact::Refused { .. })
        ));
    }
    see(&mut room, "drain", false, [PASS, PASS]);
    room.propose("ann", "drain").expect("proposed");
    room.confirm("bob").expect("confirmed");
    for verdicts in [[FAIL, PASS], [PASS, NEVER]] {
        see(&mut room, "drain", false, verdicts);
        let refused = refused(&mut room, "ann", go("drain"));
        assert!(
            refused.contains("traffic") || refused.contains("peers"),
            "{refused}"
        );
        assert!(room.state.running().is_none());
    }
    see(&mut room, "drain", false, [PASS, PASS]);
    room.must("ann", go("drain"));
    assert!(room.state.running().is_some());
}

/// Whoever makes up a journal in which a command ran on nothing is found out.
#[test]
fn the_fold_knows_no_command_that_ran_on_values_nobody_read() {
    use crate::domain::apply::check_apply;
    let room = at_backup();
    let view = room.state.find(&id("backup")).expect("a step");
    let intent = Fact::ExecIntent {
        key: view.next_key(),
        role: crate::domain::runbook::plan::ExecRole::Run,
        nonce: None,
    };
    let engine = crate::domain::fact::Actor::Engine;
    let seq = room.state.head.0.next();
    let mut state = room.state.clone();
    let record = stamp(seq, room.now, engine.clone(), intent.clone());
    assert!(check_apply(&mut state, &record).is_err());
    let mut state = room.state.clone();
    let bad = vec![
        read(&room, "traffic", FAIL, 1.0),
        read(&room, "peers", PASS, 1.0),
    ];
    let told = fact(view, EffectEvent::Before { reads: bad });
    let record = stamp(seq, room.now, engine.clone(), told);
    assert_eq!(check_apply(&mut state, &record), Ok(()));
    let record = stamp(seq.next(), room.now, engine, intent);
    assert!(check_apply(&mut state, &record).is_err());
}

#[test]
fn the_line_that_says_what_now_names_expected_seen_and_until_when() {
    use crate::domain::board::Board;
    use crate::domain::what_now::what_now;
    let mut room = ran();
    see(&mut room, "backup", true, [FAIL, PASS]);
    let board = Board {
        effects: room.world.effects.clone(),
        ..Board::default()
    };
    let line = what_now(&room.state, &board, room.now, &actor("ann"));
    assert!(line.what.contains("waits for its effect"), "{line:?}");
    assert_eq!(
        line.why,
        "`traffic` expected < 0.2x before: seen 11.8 (before 12) on {i=\"db-1\"}"
    );
    assert_eq!(line.until, Some(room.now.wall.plus(WITHIN * 2)));
}

#[test]
fn the_name_of_a_metric_is_not_repeated() {
    for (series, told) in [
        ("", ""),
        (r#"{__name__="up"}"#, ""),
        (r#"{__name__="up",i="a"}"#, r#"{i="a"}"#),
        (r#"{i="a"}"#, r#"{i="a"}"#),
    ] {
        assert_eq!(without_name(series), told);
    }
}

#[test]
fn values_are_told_shortly() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "0"),
        (12.0, "12"),
        (0.1 + 0.2, "0.3"),
        (1234.56, "1234.6"),
        (f64::INFINITY, "inf"),
        (f64::NAN, "NaN"),
    ] {
        assert_eq!(short(value), text);
    }
}
