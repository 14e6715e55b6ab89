use super::*;
use crate::domain::backtest::{Bad, Worst};
use crate::domain::digest::Digest;
use crate::domain::id::RuleId;
use crate::domain::threshold::OnBreach;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn id(text: &str) -> RuleId {
    RuleId::new(text).expect("an id")
}

fn gate() -> GateOutcome {
    GateOutcome {
        id: id("gate-drain-the-first-rack-and-wait-for-it"),
        step: "2.1".to_owned(),
        expr: "pg_lag_bytes".to_owned(),
        condition: "< 1024 for 30s".to_owned(),
        patience_seconds: 600,
        begun: 168,
        opened: 160,
        not_opened: 6,
        cut_off: 2,
        not_opened_unknown: 1,
        wait_median_seconds: Some(30),
        wait_longest_seconds: Some(480),
        met_seconds: 600_000,
        unmet_seconds: 4000,
        unknown_seconds: 60,
        unknown_by: [("NaN", 60)].into(),
        closed_at: vec![at("2026-11-20T02:00:00Z"); 3],
    }
}

fn compared() -> ConditionOutcome {
    ConditionOutcome {
        id: id("phase-2-compare"),
        kind: "compare",
        phase: "2".to_owned(),
        expr: "rate(http_errors_total[1m])".to_owned(),
        condition: "web-1 at most 1.5 times the rest for 10m".to_owned(),
        met_seconds: 500_000,
        unmet_seconds: 104_790,
        unknown_seconds: 30,
        unknown_by: [("no series", 30)].into(),
        needed_seconds: 600,
        longest_seconds: 480,
        refused: 12,
        refused_at: vec![at("2026-11-20T02:00:00Z"); 12],
    }
}

fn outcome() -> Backtest {
    let bad = Bad {
        name: "deploy-412".to_owned(),
        from: at("2026-11-20T02:10:00Z"),
        to: at("2026-11-20T02:40:00Z"),
    };
    let alarm = Alarm {
        from: at("2026-11-20T02:10:45Z"),
        to: at("2026-11-20T02:38:00Z"),
        is_open: false,
        worst: Some(Worst {
            series: "{instance=\"db-1.example.org:9100\",job=\"node\"}".to_owned(),
            value: "0.31".to_owned(),
            at: at("2026-11-20T02:20:00Z"),
        }),
        bad: vec!["deploy-412".to_owned()],
    };
    let stray = Alarm {
        from: at("2026-11-18T23:59:00Z"),
        to: at("2026-11-19T00:00:30Z"),
        is_open: true,
        worst: None,
        bad: Vec::new(),
    };
    Backtest {
        title: "Upgrade \u{202e}orders-db".to_owned(),
        plan: Digest::of(b""),
        from: at("2026-11-15T18:00:00Z"),
        to: at("2026-11-22T18:00:00Z"),
        step_seconds: 15,
        samples: 40_321,
        bad: vec![BadOutcome {
            bad,
            caught_by: vec![id("errors")],
        }],
        rules: vec![RuleOutcome {
            id: id("errors"),
            title: "Error ratio".to_owned(),
            expr: "sum(rate(http_requests_total{code=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))".to_owned(),
            limits: "crit > 0.05, for 30s".to_owned(),
            on_breach: OnBreach::Hold,
            alarms: 13,
            outside: 1,
            alarm_seconds: 1725,
            warn_seconds: 0,
            unknown_seconds: 3720,
            unknown_by: [("no series", 3720)].into(),
            intervals: vec![alarm, stray],
            bad: vec![Caught {
                name: "deploy-412".to_owned(),
                after_seconds: Some(45),
                was_on: false,
                unknown_seconds: 30,
            }],
        }],
        gates: vec![gate()],
        rollouts: vec![compared()],
        questions: 9,
        failures: vec!["errors: 2026-11-16 00:00 to 06:00: query timed out".to_owned()],
        notes: vec!["Times are right to 15s.".to_owned()],
        not_replayed: vec![NotReplayed {
            what: "2 `expect`s of steps".to_owned(),
            why: "they compare what was before a command with what is after it".to_owned(),
        }],
    }
}

#[test]
fn it_reads_at_eighty_columns_and_says_everything_that_matters() {
    let text = render(&outcome());
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_miss_is_said_and_without_bad_intervals_nothing_is_outside() {
    let mut missed = outcome();
    missed.bad[0].caught_by.clear();
    assert_eq!(missed.missed().count(), 1);
    assert!(render(&missed).contains("MISSED"));
    let mut plain = outcome();
    plain.bad.clear();
    plain.rules[0].bad.clear();
    assert!(!render(&plain).contains("OUTSIDE"));
}
