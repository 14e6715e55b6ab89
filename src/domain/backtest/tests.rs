use super::*;
use crate::domain::id::RuleId;
use crate::domain::reading::{History, QueryAnswer, ReadFailure, Sample};
use crate::domain::runbook::plan::{Gate, MetricRule, Plan};
use crate::domain::time::Moment;
use proptest::prelude::*;
use std::time::Duration;

const STEP: Duration = Duration::from_secs(15);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_010_000 + seconds * 1000)
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn stretch(points: u64) -> Stretch {
    Stretch {
        from: at(0),
        to: at(0).plus(seconds((points - 1) * 15)),
        step: STEP,
    }
}

/// The plan of a runbook's text.
fn plan(text: &str) -> Plan {
    let (runbook, problems) = crate::domain::runbook::parse(text, "t.md");
    let (plan, further) = crate::domain::runbook::resolve(&runbook);
    let errors = problems.iter().chain(&further);
    let errors: Vec<_> = errors
        .filter(|p| p.severity == crate::domain::runbook::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    plan
}

fn rule(limits: &str) -> MetricRule {
    let text = format!("# T\n\n```promql guard id=r {limits}\nx\n```\n\n## W\n\n- [ ] y\n");
    plan(&text).rules.remove(0)
}

fn gate(words: &str) -> Gate {
    let text = format!("# T\n\n## W\n\n- [ ] y\n  ```promql gate id=g {words}\n  x < 10\n  ```\n");
    match plan(&text).steps.remove(0).blocks.remove(0) {
        crate::domain::runbook::plan::PlanBlock::Gate(gate) => gate,
        crate::domain::runbook::plan::PlanBlock::Exec(_) => panic!("no gate"),
    }
}

/// Values of one series, one a step; `None` is no value.
fn history(name: &str, values: &[Option<f64>]) -> History {
    let samples = (0..).zip(values).filter_map(|(n, value)| {
        Some(Sample {
            at: at(n * 15),
            value: (*value)?,
        })
    });
    History {
        labels: vec![("i".to_owned(), name.to_owned())],
        samples: samples.collect(),
    }
}

/// What the server answers.
type Past = Result<Recorded, ReadFailure>;

fn recorded(series: Vec<History>) -> Recorded {
    Recorded { series, dropped: 0 }
}

fn values(values: &[f64]) -> (Stretch, Past) {
    let some: Vec<_> = values.iter().copied().map(Some).collect();
    let points = u64::try_from(values.len()).expect("few");
    (stretch(points), Ok(recorded(vec![history("a", &some)])))
}

fn bad(name: &str, from: i64, to: i64) -> Bad {
    Bad {
        name: name.to_owned(),
        from: at(from),
        to: at(to),
    }
}

fn replay(rule: &MetricRule, (stretch, recorded): &(Stretch, Past), bad: &[Bad]) -> RuleOutcome {
    let mut replay = RuleReplay::new(rule, STEP, None, bad);
    answers(&rule.id, *stretch, recorded, |answer, now| {
        replay.feed(answer, now);
    });
    replay.finish().0
}

#[test]
fn a_stretch_lies_on_multiples_of_its_step_and_falls_apart_without_a_hole() {
    let ms = Timestamp::from_millis;
    let aligned = Stretch::aligned(ms(1), ms(61_000), STEP).expect("some");
    assert_eq!((aligned.from, aligned.to), (ms(15_000), ms(60_000)));
    assert_eq!(aligned.points(), 4);
    assert_eq!(Stretch::aligned(ms(1), ms(14_999), STEP), None);
    assert_eq!(Stretch::aligned(ms(2), ms(1), STEP), None);
    let parts: Vec<_> = stretch(7).parts(3).map(|part| part.points()).collect();
    assert_eq!(parts, [3, 3, 1]);
    assert_eq!(stretch(1).halves(), None);
    let [first, second] = stretch(3).halves().expect("two");
    assert_eq!((first.points(), second.points()), (2, 1));
    assert_eq!(second.to, stretch(3).to);
}

#[test]
fn each_moment_has_the_values_of_exactly_that_moment() {
    let mut odd = history("b", &[None, Some(2.0), None]);
    odd.samples.push(Sample {
        at: at(31),
        value: 9.0,
    });
    let recorded = Ok(recorded(vec![
        history("a", &[Some(1.0), Some(f64::NAN)]),
        odd,
    ]));
    let mut seen = Vec::new();
    let id = RuleId::new("r").expect("an id");
    answers(
        &id,
        stretch(4),
        &recorded,
        |answer: &QueryAnswer, now: Moment| {
            assert_eq!(answer.received, now);
            let series = answer.result.as_ref().expect("an answer");
            let names = series
                .iter()
                .map(|s| (s.labels[0].1.clone(), s.sample.at == now.wall));
            seen.push(names.collect::<Vec<_>>());
        },
    );
    let here = |name: &str| (name.to_owned(), true);
    assert_eq!(
        seen,
        [vec![here("a")], vec![here("a"), here("b")], vec![], vec![]]
    );
}

#[test]
fn an_alarm_lasts_until_the_rule_is_known_good_again_and_quotes_the_worst() {
    let rule = rule("crit=\"> 5\" clear=3");
    let past = values(&[1.0, 6.0, 9.0, 4.0, 3.0, 1.0, 7.0]);
    let outcome = replay(&rule, &past, &[]);
    assert_eq!((outcome.alarms, outcome.outside), (2, 2));
    let first = &outcome.intervals[0];
    assert_eq!(
        (first.from, first.to, first.is_open),
        (at(15), at(60), false)
    );
    let worst = first.worst.as_ref().expect("a sample");
    assert_eq!((worst.value.as_str(), worst.at), ("9", at(30)));
    assert_eq!(worst.series, "{i=\"a\"}");
    let second = &outcome.intervals[1];
    assert_eq!((second.from, second.is_open), (at(90), true));
    assert_eq!(outcome.alarm_seconds, 4 * 15);
    assert_eq!(outcome.limits, "crit > 5, clear > 3");
}

#[test]
fn missing_data_is_unknown_is_counted_and_ends_no_alarm() {
    let rule = rule("crit=\"> 5\"");
    let gap = [Some(9.0), None, Some(f64::NAN), Some(9.0), Some(1.0), None];
    let outcome = replay(
        &rule,
        &(stretch(6), Ok(recorded(vec![history("a", &gap)]))),
        &[],
    );
    assert_eq!(outcome.alarms, 1);
    assert_eq!(outcome.intervals[0].to, at(60));
    assert_eq!(outcome.unknown_seconds, 45);
    assert_eq!(outcome.unknown_by, [("no series", 30), ("NaN", 15)].into());
    let failed = Err(ReadFailure {
        what: "HTTP 503".to_owned(),
        partial: false,
    });
    let outcome = replay(&rule, &(stretch(6), failed), &[bad("b", 0, 15)]);
    assert_eq!(outcome.unknown_by, [("error", 90)].into());
    assert_eq!(outcome.bad[0].unknown_seconds, 30);
    assert_eq!(outcome.bad[0].after_seconds, None);
    let cut = Ok(Recorded {
        series: vec![history("a", &[Some(1.0)])],
        dropped: 1,
    });
    let outcome = replay(&rule, &(stretch(1), cut), &[]);
    assert_eq!(outcome.unknown_by, [("partial", 15)].into());
}

#[test]
fn a_bad_interval_is_caught_by_a_sample_in_alarm_in_it_and_by_nothing_else() {
    let rule = rule("crit=\"> 5\" for=30s");
    let past = values(&[1.0, 9.0, 9.0, 9.0, 9.0, 1.0, 1.0, 1.0]);
    // Crossed from 15 s on, in alarm from 45 s to 75 s.
    let outcome = replay(
        &rule,
        &past,
        &[
            bad("whole", 15, 60),
            bad("short", 15, 30),
            bad("late", 50, 100),
            bad("after", 80, 100),
        ],
    );
    let caught: Vec<_> = outcome
        .bad
        .iter()
        .map(|bad| (bad.after_seconds, bad.was_on))
        .collect();
    assert_eq!(
        caught,
        [
            (Some(30), false),
            (None, false),
            (Some(10), true),
            (None, false)
        ]
    );
    assert_eq!(outcome.intervals[0].bad, ["whole", "late"]);
    assert_eq!((outcome.alarms, outcome.outside), (1, 0));
    assert_eq!(replay(&rule, &past, &[bad("after", 80, 100)]).outside, 1);
}

#[test]
fn a_rule_with_warn_alone_is_in_alarm_at_warn_and_one_with_both_is_not() {
    let past = values(&[1.0, 3.0, 1.0]);
    let warn = replay(&rule("warn=\"> 2\""), &past, &[]);
    assert_eq!((warn.alarms, warn.warn_seconds), (1, 0));
    let both = replay(&rule("warn=\"> 2\" crit=\"> 5\""), &past, &[]);
    assert_eq!((both.alarms, both.warn_seconds), (0, 15));
}

#[test]
fn more_alarms_than_are_kept_are_counted() {
    let swings: Vec<f64> = (0..300).map(|n| f64::from(n % 2) * 9.0).collect();
    let outcome = replay(&rule("crit=\"> 5\""), &values(&swings), &[]);
    assert_eq!(outcome.alarms, 150);
    assert_eq!(outcome.intervals.len(), ALARMS_KEPT);
}

#[test]
fn a_watch_that_begins_anew_starts_its_wait_anew() {
    let rule = rule("crit=\"> 5\" for=30s");
    let (stretch, recorded) = values(&[9.0; 12]);
    let mut replay = RuleReplay::new(&rule, STEP, Some(seconds(90)), &[]);
    answers(&rule.id, stretch, &recorded, |answer, now| {
        replay.feed(answer, now);
    });
    let (outcome, _) = replay.finish();
    // In alarm from 30 s; anew at 90 s, where the rule is known not to count before 120 s.
    assert_eq!(outcome.alarms, 2);
    assert_eq!(outcome.alarm_seconds, 8 * 15);
}

fn replay_gate(gate: &Gate, values: &[Option<f64>]) -> GateOutcome {
    let points = u64::try_from(values.len()).expect("few");
    let recorded = Ok(recorded(vec![history("a", values)]));
    let mut replay = GateReplay::new(gate, "1.1", STEP);
    answers(&gate.id, stretch(points), &recorded, |answer, now| {
        replay.feed(answer, now);
    });
    replay.finish()
}

#[test]
fn a_gate_is_begun_every_hour_and_opens_in_time_or_not() {
    let gate = gate("for=30s timeout=10m");
    let hour = 240;
    // Good; bad for eleven minutes from the hour on; unknown for eleven; good at the very end.
    let mut values = vec![Some(1.0); 3 * hour + 20];
    values[hour..hour + 44].fill(Some(99.0));
    values[2 * hour..2 * hour + 44].fill(None);
    let outcome = replay_gate(&gate, &values);
    assert_eq!(
        (outcome.begun, outcome.opened, outcome.not_opened),
        (4, 2, 2)
    );
    assert_eq!(outcome.not_opened_unknown, 1);
    assert_eq!(outcome.closed_at, [at(3600), at(7200)]);
    assert_eq!(outcome.wait_median_seconds, Some(30));
    assert_eq!(outcome.unmet_seconds, 44 * 15);
    assert_eq!(outcome.unknown_by, [("no series", 44 * 15)].into());
    assert_eq!(outcome.condition, "< 10 for 30s");
}

#[test]
fn a_gate_that_still_waits_at_the_end_is_neither() {
    let outcome = replay_gate(&gate("for=30s timeout=10m"), &[Some(99.0); 8]);
    assert_eq!(
        (
            outcome.begun,
            outcome.opened,
            outcome.not_opened,
            outcome.cut_off
        ),
        (1, 0, 0, 1)
    );
    let patient = replay_gate(&gate("for=30s"), &[Some(99.0); 8]);
    assert_eq!(patient.patience_seconds, 24 * 3600);
}

proptest! {
    /// Asked for in parts or at once, the past says the same, and every sample is exactly one thing.
    #[test]
    fn parts_change_nothing_and_every_sample_counts_once(
        values in prop::collection::vec(prop_oneof![Just(None), Just(Some(f64::NAN)), Just(Some(1.0)), Just(Some(9.0))], 1..80),
        size in 1..30_u64,
    ) {
        let rule = rule("crit=\"> 5\" for=30s");
        let points = u64::try_from(values.len()).expect("few");
        let recorded = Ok(recorded(vec![history("a", &values)]));
        let bad = [bad("b", 100, 400)];
        let whole = replay(&rule, &(stretch(points), recorded.clone()), &bad);
        let mut parted = RuleReplay::new(&rule, STEP, None, &bad);
        let mut good = 0;
        for part in stretch(points).parts(size) {
            answers(&rule.id, part, &recorded, |answer, now| parted.feed(answer, now));
        }
        prop_assert_eq!(&parted.finish().0, &whole);
        let mut watch = crate::domain::verdict::RuleWatch::new(&rule);
        answers(&rule.id, stretch(points), &recorded, |answer, now| {
            good += u64::from(watch.feed(answer, now).verdict.is_known_good());
        });
        prop_assert_eq!(good * 15 + whole.alarm_seconds + whole.unknown_seconds, points * 15);
        // Unknown never passes: without a value nothing is good.
        let unknown = values.iter().filter(|v| v.is_none_or(f64::is_nan)).count();
        prop_assert_eq!(whole.unknown_seconds, u64::try_from(unknown).expect("few") * 15);
    }
}

/// The floor and the comparison of a rollout of four, whose first is the canary.
fn conditions() -> Vec<Condition> {
    let plan = plan(
        "# T\n\n## Restart\n\n```toml phase\nfor_each = [\"web-1\", \"web-2\", \"web-3\", \"web-4\"]\nstrategy = \"canary\"\ncanary = 1\nsoak = \"30s\"\ncompare = 'errors'\ncompare_by = \"i\"\nmax_ratio = 2.0\nfloor = 'in_service >= 3'\n```\n\n- [ ] Restart {{component}}\n  ```sh run\n  true\n  ```\n",
    );
    Condition::all_of(&plan)
}

fn watch(condition: &Condition, series: Vec<History>, points: u64) -> ConditionOutcome {
    let mut replay = ConditionReplay::new(condition, STEP);
    let recorded = Ok(recorded(series));
    answers(condition.id(), stretch(points), &recorded, |answer, now| {
        replay.feed(answer, now);
    });
    replay.finish()
}

#[test]
fn a_floor_is_held_with_one_unit_taken_off() {
    let all = conditions();
    let [floor, _] = &all[..] else {
        panic!("{all:?}")
    };
    let values = [Some(4.0), Some(4.0), Some(3.0), Some(3.0), None, Some(4.0)];
    let found = watch(floor, vec![history("a", &values)], 6);
    assert_eq!(
        (found.kind, found.expr.as_str(), found.condition.as_str()),
        ("floor", "in_service", ">= 3 without one unit")
    );
    assert_eq!(
        (
            found.met_seconds,
            found.unmet_seconds,
            found.unknown_seconds
        ),
        (45, 30, 15)
    );
    assert_eq!((found.refused, found.refused_at), (1, vec![at(30)]));
    assert_eq!((found.needed_seconds, found.longest_seconds), (0, 15));
}

#[test]
fn a_comparison_says_how_long_the_units_agree_by_themselves() {
    let all = conditions();
    let [_, compare] = &all[..] else {
        panic!("{all:?}")
    };
    let of = |name: &str, first: f64, gap: Option<f64>| {
        let rest = [Some(first), Some(1.0), gap, Some(1.0), Some(1.0), Some(1.0)];
        history(name, &rest)
    };
    let series = vec![
        of("web-1:80", 5.0, Some(1.0)),
        of("web-2:80", 1.0, Some(1.0)),
        of("web-3:80", 1.0, None),
        of("web-4:80", 1.0, Some(1.0)),
    ];
    let found = watch(compare, series.clone(), 6);
    assert_eq!(found.condition, "web-1 at most 2 times the rest for 30s");
    assert_eq!(
        (
            found.met_seconds,
            found.unmet_seconds,
            found.unknown_seconds
        ),
        (60, 15, 15),
        "a unit without a value is unknown, and a break"
    );
    assert_eq!((found.needed_seconds, found.longest_seconds), (30, 30));
    // A unit that was not there then is not taken for good.
    let found = watch(compare, series[..3].to_vec(), 6);
    assert_eq!((found.met_seconds, found.unknown_seconds), (0, 90));
}
