use super::*;
use crate::domain::id::RuleId;
use crate::domain::reading::ReadFailure;
use crate::domain::runbook::plan::{Gate, MetricRule};
use crate::domain::threshold::{OnBreach, OnNoData, Verdict};
use crate::domain::time::Timestamp;
use proptest::prelude::*;

const START: i64 = 1_000_000_000;
const STALE_MS: u64 = 10_000;

fn at(ms: u64) -> Moment {
    Moment {
        wall: Timestamp::from_millis(START).plus(Duration::from_millis(ms)),
        mono_ms: 50_000 + ms,
    }
}

fn limit(text: &str) -> Limit {
    let (op, value) = text.split_once(' ').expect("op and value");
    let op = serde_json::from_value(op.into()).expect("op");
    Limit {
        op,
        value: value.parse().expect("value"),
    }
}

fn rule(warn: &str, crit: &str, clear: &str, for_ms: u64) -> MetricRule {
    let some = |text: &str| (!text.is_empty()).then(|| limit(text).into());
    MetricRule {
        id: RuleId::new("r").unwrap(),
        title: String::new(),
        expr: "x".to_owned(),
        unit: String::new(),
        warn: some(warn),
        crit: some(crit),
        clear: some(clear),
        hold_for: Duration::from_millis(for_ms),
        samples: None,
        on_breach: OnBreach::Hold,
        dry_run: false,
        no_data: OnNoData::Unknown,
        stale_after: Duration::from_millis(STALE_MS),
        source: None,
        phase: None,
        line: 0,
    }
}

fn gate(text: &str, for_ms: u64, timeout_ms: Option<u64>) -> GateWatch {
    let gate = Gate {
        id: RuleId::new("g").unwrap(),
        expr: "x".to_owned(),
        limit: limit(text),
        hold_for: Duration::from_millis(for_ms),
        timeout: timeout_ms.map(Duration::from_millis),
        source: None,
        line: 1,
    };
    GateWatch::new(&gate, Duration::from_millis(STALE_MS), at(0))
}

fn answer(values: &[f64], now: Moment) -> QueryAnswer {
    let series = values.iter().enumerate().map(|(n, value)| Series {
        labels: vec![("n".to_owned(), n.to_string())],
        sample: Sample {
            at: now.wall,
            value: *value,
        },
    });
    QueryAnswer {
        rule: RuleId::new("r").unwrap(),
        result: Ok(series.collect()),
        dropped: 0,
        warnings: Vec::new(),
        received: now,
    }
}

fn failure(partial: bool, now: Moment) -> QueryAnswer {
    QueryAnswer {
        result: Err(ReadFailure {
            what: "HTTP 503".to_owned(),
            partial,
        }),
        ..answer(&[], now)
    }
}

fn unknown(why: Unknown) -> Verdict {
    Verdict::Unknown(why)
}

/// Feeds values at one second each and gives the verdicts.
fn run(rule: &MetricRule, values: &[&[f64]]) -> Vec<Verdict> {
    let mut watch = RuleWatch::new(rule);
    (0..)
        .zip(values)
        .map(|(n, values)| {
            watch
                .feed(&answer(values, at(n * 1000)), at(n * 1000))
                .verdict
        })
        .collect()
}

#[test]
fn limits_are_crossed_as_written_and_the_worst_series_is_quoted() {
    use Verdict::{Fail, Pass, Warn};
    let above = rule("> 1", "> 2", "", 0);
    assert_eq!(
        run(
            &above,
            &[
                &[1.0],
                &[1.1],
                &[2.0],
                &[2.1, 0.0],
                &[f64::INFINITY],
                &[1.0]
            ]
        ),
        [Pass, Warn, Warn, Fail, Fail, Pass]
    );
    let below = rule("< 0.5", "<= 0.25", "", 0);
    assert_eq!(
        run(&below, &[&[0.5], &[0.4], &[0.25], &[f64::NEG_INFINITY]]),
        [Pass, Warn, Fail, Fail]
    );
    let equal = rule("", "== 0", "", 0);
    assert_eq!(run(&equal, &[&[1.0], &[1.0, 0.0]]), [Pass, Fail]);
    let panel = rule("", "", "", 0);
    assert_eq!(run(&panel, &[&[1.0]]), [Pass]);

    let quoted = |rule: &MetricRule, values: &[f64]| {
        let mut watch = RuleWatch::new(rule);
        watch
            .feed(&answer(values, at(0)), at(0))
            .quote
            .clone()
            .map(|quote| quote.labels[0].1.clone())
    };
    assert_eq!(quoted(&above, &[0.0, 9.0, 3.0]).as_deref(), Some("1"));
    assert_eq!(quoted(&below, &[0.0, 9.0, -3.0]).as_deref(), Some("2"));
    assert_eq!(quoted(&equal, &[1.0, 0.0, 0.0]).as_deref(), Some("1"));
    assert_eq!(quoted(&above, &[f64::NAN, 0.5]).as_deref(), Some("1"));
    assert_eq!(quoted(&above, &[]), None);
}

#[test]
fn a_limit_counts_when_it_was_crossed_long_enough_to_the_millisecond() {
    let mut watch = RuleWatch::new(&rule("", "> 1", "", 3000));
    assert_eq!(
        watch.feed(&answer(&[2.0], at(0)), at(0)).verdict,
        Verdict::Pass
    );
    assert_eq!(watch.report().pending_since, Some(at(0)));
    assert_eq!(watch.tick(at(2999)).verdict, Verdict::Pass);
    let report = watch.tick(at(3000));
    assert_eq!(
        (report.verdict, report.crossed_since, report.pending_since),
        (Verdict::Fail, Some(at(0)), None)
    );
}

#[test]
fn coming_back_before_it_counts_starts_anew() {
    let mut watch = RuleWatch::new(&rule("", "> 1", "", 3000));
    watch.feed(&answer(&[2.0], at(0)), at(0));
    watch.feed(&answer(&[1.0], at(1000)), at(1000));
    assert_eq!(watch.report().pending_since, None);
    watch.feed(&answer(&[2.0], at(2000)), at(2000));
    assert_eq!(watch.tick(at(4999)).verdict, Verdict::Pass);
    assert_eq!(watch.tick(at(5000)).verdict, Verdict::Fail);
}

/// A wall clock that is set forward must not make a limit count early.
#[test]
fn waiting_runs_on_the_boot_clock() {
    let mut watch = RuleWatch::new(&rule("", "> 1", "", 8000));
    watch.feed(&answer(&[2.0], at(0)), at(0));
    let jumped = Moment {
        wall: at(9000).wall,
        mono_ms: at(10).mono_ms,
    };
    assert_eq!(watch.tick(jumped).verdict, Verdict::Pass);
}

#[test]
fn a_gap_is_unknown_and_resets_nothing() {
    let mut watch = RuleWatch::new(&rule("", "> 1", "", 3000));
    watch.feed(&answer(&[2.0], at(0)), at(0));
    let report = watch.feed(&failure(false, at(1000)), at(1000));
    assert_eq!(
        (report.verdict, report.failure.as_str()),
        (unknown(Unknown::Error), "HTTP 503")
    );
    assert_eq!(report.pending_since, Some(at(0)));
    assert_eq!(
        report.quote.as_ref().map(|quote| quote.age(at(1000))),
        Some(Duration::from_secs(1))
    );
    let report = watch.feed(&answer(&[2.0], at(3000)), at(3000));
    assert_eq!(
        (report.verdict, report.failure.as_str()),
        (Verdict::Fail, "")
    );
    // A breach that nobody can see any more is unknown, and is there again with the data.
    assert_eq!(
        watch.feed(&answer(&[], at(4000)), at(4000)).verdict,
        unknown(Unknown::Empty)
    );
    assert_eq!(watch.report().crossed_since, Some(at(0)));
    assert_eq!(
        watch.feed(&answer(&[2.0], at(5000)), at(5000)).verdict,
        Verdict::Fail
    );
}

#[test]
fn a_breach_ends_at_its_clear_level_however_that_is_written() {
    use Verdict::{Fail, Pass, Warn};
    for clear in ["<= 0.3", "> 0.3"] {
        let rule = rule("", "> 0.5", clear, 0);
        let values: [&[f64]; 6] = [&[0.4], &[0.6], &[0.4], &[0.31, 0.0], &[0.3], &[0.4]];
        assert_eq!(
            run(&rule, &values),
            [Pass, Fail, Fail, Fail, Pass, Pass],
            "{clear}"
        );
    }
    let low = rule("< 5", "< 2", ">= 4", 0);
    assert_eq!(
        run(&low, &[&[1.0], &[3.0], &[4.0], &[5.0]]),
        [Fail, Fail, Warn, Pass]
    );
    let only_warn = rule("> 5", "", "< 3", 0);
    assert_eq!(
        run(&only_warn, &[&[6.0], &[4.0], &[2.0]]),
        [Warn, Warn, Pass]
    );
}

#[test]
fn a_breach_does_not_end_while_a_series_is_unknown() {
    let mut watch = RuleWatch::new(&rule("", "> 1", "", 0));
    watch.feed(&answer(&[2.0], at(0)), at(0));
    assert_eq!(
        watch.feed(&answer(&[0.0, f64::NAN], at(1)), at(1)).verdict,
        unknown(Unknown::NotANumber)
    );
    assert_eq!(watch.report().crossed_since, Some(at(0)));
    assert_eq!(
        watch.feed(&answer(&[0.0], at(2)), at(2)).verdict,
        Verdict::Pass
    );
}

#[test]
fn every_kind_of_missing_data_is_unknown_by_its_name() {
    let mut watch = RuleWatch::new(&rule("> 1", "> 2", "", 0));
    assert_eq!(watch.tick(at(0)).verdict, unknown(Unknown::Never));
    let mut check =
        |answer: &QueryAnswer, why| assert_eq!(watch.feed(answer, at(0)).verdict, unknown(why));
    check(&failure(false, at(0)), Unknown::Error);
    check(&failure(true, at(0)), Unknown::Partial);
    check(&answer(&[], at(0)), Unknown::Empty);
    check(&answer(&[0.0, f64::NAN], at(0)), Unknown::NotANumber);
    check(
        &QueryAnswer {
            dropped: 1,
            ..answer(&[0.0], at(0))
        },
        Unknown::Partial,
    );
    // A warning is a known good value, so doubt outweighs it; a breach outweighs doubt.
    check(&answer(&[1.5, f64::NAN], at(0)), Unknown::NotANumber);
    assert_eq!(
        watch.feed(&answer(&[2.5, f64::NAN], at(0)), at(0)).verdict,
        Verdict::Fail
    );
}

#[test]
fn values_grow_stale_by_arrival_and_by_the_sources_clock() {
    let rule = rule("", "> 1", "", 0);
    let mut watch = RuleWatch::new(&rule);
    watch.feed(&answer(&[0.0], at(0)), at(0));
    assert_eq!(watch.tick(at(STALE_MS)).verdict, Verdict::Pass);
    assert_eq!(
        watch.tick(at(STALE_MS + 1)).verdict,
        unknown(Unknown::Stale)
    );

    let check = |offset_ms: i64, expected| {
        let mut old = answer(&[0.0], at(0));
        let at_source = Timestamp::from_millis(at(0).wall.as_millis() + offset_ms);
        old.result.as_mut().unwrap()[0].sample.at = at_source;
        assert_eq!(
            RuleWatch::new(&rule).feed(&old, at(0)).verdict,
            expected,
            "{offset_ms}"
        );
    };
    check(-10_000, Verdict::Pass);
    check(-10_001, unknown(Unknown::Stale));
    check(10_000, Verdict::Pass);
    check(10_001, unknown(Unknown::Stale));
}

#[test]
fn a_suspended_host_or_a_stepped_clock_makes_values_stale() {
    let mut watch = RuleWatch::new(&rule("", "> 1", "", 0));
    watch.feed(&answer(&[0.0], at(0)), at(0));
    let stepped_back = Moment {
        wall: at(0).wall,
        mono_ms: at(STALE_MS + 1).mono_ms,
    };
    assert_eq!(watch.tick(stepped_back).verdict, unknown(Unknown::Stale));
    let stepped_on = Moment {
        wall: at(STALE_MS + 1).wall,
        mono_ms: at(1).mono_ms,
    };
    assert_eq!(watch.tick(stepped_on).verdict, unknown(Unknown::Stale));
}

#[test]
fn a_gate_opens_when_all_series_meet_it_long_enough() {
    let mut watch = gate("< 1024", 2000, None);
    let report = watch.feed(&answer(&[5.0, 1024.0], at(0)), at(0));
    assert_eq!((report.verdict, report.is_open), (Verdict::Fail, false));
    assert_eq!(
        report
            .quote
            .as_ref()
            .map(|quote| quote.labels[0].1.as_str()),
        Some("1")
    );
    assert!(!watch.feed(&answer(&[5.0, 6.0], at(1000)), at(1000)).is_open);
    assert_eq!(watch.report().met_since, Some(at(1000)));
    assert!(!watch.feed(&answer(&[5.0], at(2999)), at(2999)).is_open);
    assert!(!watch.tick(at(9000)).is_open, "time alone shows nothing");
    assert!(watch.feed(&answer(&[5.0], at(9000)), at(9000)).is_open);
    assert!(
        !watch.feed(&answer(&[2000.0], at(9500)), at(9500)).is_open,
        "it closes again"
    );
}

#[test]
fn whatever_is_unknown_starts_a_gates_wait_anew() {
    let now = at(1000);
    let unknowns = [
        failure(false, now),
        failure(true, now),
        answer(&[], now),
        answer(&[0.0, f64::NAN], now),
        QueryAnswer {
            dropped: 1,
            ..answer(&[0.0], now)
        },
        answer(&[2.0], now),
    ];
    for unknown in unknowns {
        let mut watch = gate("< 1", 3000, None);
        watch.feed(&answer(&[0.0], at(0)), at(0));
        assert!(!watch.feed(&unknown, now).is_open);
        watch.feed(&answer(&[0.0], at(2000)), at(2000));
        assert!(
            !watch.feed(&answer(&[0.0], at(4999)), at(4999)).is_open,
            "{unknown:?}"
        );
        assert!(
            watch.feed(&answer(&[0.0], at(5000)), at(5000)).is_open,
            "{unknown:?}"
        );
    }
}

/// Two good answers an hour apart say nothing of the hour, even when nobody looked at the clock between them.
#[test]
fn a_long_silence_between_answers_starts_a_gates_wait_anew() {
    let mut watch = gate("< 1", 3000, None);
    watch.feed(&answer(&[0.0], at(0)), at(0));
    let later = STALE_MS + 1;
    assert!(!watch.feed(&answer(&[0.0], at(later)), at(later)).is_open);
    assert_eq!(watch.report().met_since, Some(at(later)));
}

#[test]
fn a_gate_without_for_opens_at_the_first_good_answer() {
    assert!(
        gate("< 1", 0, None)
            .feed(&answer(&[0.0], at(5)), at(5))
            .is_open
    );
}

#[test]
fn a_gate_reports_its_timeout_and_does_not_open_after_it() {
    let mut watch = gate("< 1", 0, Some(5000));
    watch.feed(&answer(&[2.0], at(0)), at(0));
    assert!(!watch.tick(at(5000)).is_timed_out);
    assert!(watch.tick(at(5001)).is_timed_out);
    let report = watch.feed(&answer(&[0.0], at(5002)), at(5002));
    assert_eq!(
        (report.verdict, report.is_open, report.is_timed_out),
        (Verdict::Pass, false, true)
    );
    let mut open = gate("< 1", 0, Some(5000));
    open.feed(&answer(&[0.0], at(0)), at(0));
    assert!(!open.tick(at(6000)).is_timed_out, "it was open in time");
}

/// One thing that can happen, and how long after the one before.
#[derive(Debug, Clone)]
enum Step {
    Tick,
    Failure(bool),
    Values {
        values: Vec<f64>,
        dropped: usize,
        age_ms: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let value = prop_oneof![
        Just(0.0),
        Just(1.5),
        Just(3.0),
        Just(f64::NAN),
        Just(f64::INFINITY)
    ];
    let values = (
        prop::collection::vec(value, 0..3),
        0..2_usize,
        prop_oneof![3 => Just(0), 1 => 0..20_000_u64],
    )
        .prop_map(|(values, dropped, age_ms)| Step::Values {
            values,
            dropped,
            age_ms,
        });
    let step =
        prop_oneof![2 => Just(Step::Tick), 1 => any::<bool>().prop_map(Step::Failure), 6 => values];
    prop::collection::vec(
        (prop_oneof![4 => 0..3000_u64, 1 => 9_000..12_000_u64], step),
        0..30,
    )
}

fn to_answer(step: &Step, now: Moment) -> Option<QueryAnswer> {
    match step {
        Step::Tick => None,
        Step::Failure(partial) => Some(failure(*partial, now)),
        Step::Values {
            values,
            dropped,
            age_ms,
        } => {
            let mut answer = QueryAnswer {
                dropped: *dropped,
                ..answer(values, now)
            };
            for series in answer.result.as_mut().unwrap() {
                series.sample.at = now.wall.minus(Duration::from_millis(*age_ms));
            }
            Some(answer)
        }
    }
}

/// Said independently of the code under test: every series of the newest answer is there, a number, and young.
fn is_all_known(newest: Option<&QueryAnswer>, now: Moment) -> bool {
    let Some(newest) = newest else { return false };
    let Ok(series) = &newest.result else {
        return false;
    };
    let young = |series: &Series| now.wall.as_millis() - series.sample.at.as_millis() <= 10_000;
    !series.is_empty()
        && newest.dropped == 0
        && now.mono_ms - newest.received.mono_ms <= STALE_MS
        && series
            .iter()
            .all(|series| young(series) && !series.sample.value.is_nan())
}

proptest! {
    #[test]
    fn unknown_never_passes_a_rule(steps in steps(), for_ms in 0..4000_u64) {
        let mut watch = RuleWatch::new(&rule("> 1", "> 2", "< 1", for_ms));
        let (mut ms, mut newest) = (0, None);
        for (gap, step) in steps {
            ms += gap;
            let answer = to_answer(&step, at(ms));
            let report = match &answer {
                Some(answer) => watch.feed(answer, at(ms)),
                None => watch.tick(at(ms)),
            };
            newest = answer.or(newest);
            if report.verdict.is_known_good() {
                prop_assert!(is_all_known(newest.as_ref(), at(ms)), "{:?}", report.verdict);
            } else if report.verdict != Verdict::Fail {
                prop_assert!(!is_all_known(newest.as_ref(), at(ms)), "{:?}", report.verdict);
            }
        }
    }

    #[test]
    fn unknown_never_opens_a_gate(steps in steps(), for_ms in 0..4000_u64) {
        let mut watch = gate("<= 1.5", for_ms, None);
        let (mut ms, mut newest, mut good_since) = (0, None, None);
        for (gap, step) in steps {
            // The longest silence before this step counts as unknown too.
            let silent = !is_all_known(newest.as_ref(), at(ms + gap));
            ms += gap;
            let answer = to_answer(&step, at(ms));
            let report = match &answer {
                Some(answer) => watch.feed(answer, at(ms)),
                None => watch.tick(at(ms)),
            };
            newest = answer.or(newest);
            let met = is_all_known(newest.as_ref(), at(ms))
                && newest.as_ref().unwrap().result.as_ref().unwrap().iter().all(|series| series.sample.value <= 1.5);
            if !met || silent {
                good_since = None;
            }
            if met {
                good_since.get_or_insert(ms);
            }
            if report.is_open {
                prop_assert!(good_since.is_some_and(|since| ms - since >= for_ms), "{:?} at {}", good_since, ms);
            }
        }
    }
}
