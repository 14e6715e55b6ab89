//! Verdicts as an operator reads them: `tests/data/verdicts/*.toml`, samples with times in, verdicts out.
//!
//! How to read a file is written on top of each.

use super::*;
use crate::domain::reading::ReadFailure;
use crate::domain::runbook::plan::MetricRule;
use crate::domain::runbook::{parse, resolve};
use crate::domain::threshold::Verdict;
use crate::domain::time::{Timestamp, parse_span};
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    guard: String,
    begin: Option<String>,
    rows: Vec<String>,
}

const START: i64 = 1_700_000_000_000;

/// The rule as a runbook that says so has it.
fn rule(options: &str) -> MetricRule {
    let text = format!("# T\n\n```promql guard id=g {options}\nx\n```\n\n## Work\n\n- [ ] a\n");
    let (runbook, problems) = parse(&text, "t.md");
    assert!(problems.is_empty(), "{options}: {problems:?}");
    let (plan, problems) = resolve(&runbook);
    assert!(problems.is_empty(), "{options}: {problems:?}");
    plan.rules.into_iter().next().expect("one guard")
}

/// The clocks of a row: both go on together, and the wall clock may have been set meanwhile.
#[derive(Default)]
struct Clocks {
    /// How far the wall clock was set, milliseconds.
    set: i64,
}

impl Clocks {
    /// `10s`, `10s wall +1h`.
    fn at(&mut self, text: &str) -> Moment {
        let (time, set) = text.split_once(" wall ").unwrap_or((text, ""));
        let span = |text: &str| parse_span(text.trim()).expect(text);
        if let Some((sign, by)) = set.split_at_checked(1) {
            let by = i64::try_from(span(by).as_millis()).expect("short");
            self.set += if sign == "-" { -by } else { by };
        }
        let since = u64::try_from(span(time).as_millis()).expect("short");
        let wall = START + self.set + i64::try_from(since).expect("short");
        Moment {
            wall: Timestamp::from_millis(wall),
            mono_ms: 50_000 + since,
        }
    }
}

/// `1 2`, `db-1=1 db-2=2`, `none`, `error`, `partial`, `1 2 and 3 more`, `1 from 40s ago`; nothing for `-`.
fn answer(rule: &MetricRule, text: &str, now: Moment) -> Option<QueryAnswer> {
    let whole = |result, dropped| {
        Some(QueryAnswer {
            rule: rule.id.clone(),
            result,
            dropped,
            warnings: Vec::new(),
            received: now,
        })
    };
    let failure = |partial| {
        let what = "HTTP 503".to_owned();
        Err(ReadFailure { what, partial })
    };
    match text {
        "-" => return None,
        "none" => return whole(Ok(Vec::new()), 0),
        "error" => return whole(failure(false), 0),
        "partial" => return whole(failure(true), 0),
        _ => {}
    }
    let (text, more) = text.split_once(" and ").unwrap_or((text, "0 more"));
    let dropped = more.strip_suffix(" more").and_then(|n| n.parse().ok());
    let (values, at) = match text.split_once(" from ") {
        None => (text, now.wall),
        Some((values, age)) => {
            let (age, sign) = match age.strip_suffix(" ahead") {
                Some(age) => (age, 1),
                None => (age.strip_suffix(" ago").expect("ago or ahead"), -1),
            };
            let age = parse_span(age).expect("a span").as_millis();
            let age = i64::try_from(age).expect("short");
            let at = now.wall.as_millis() + sign * age;
            (values, Timestamp::from_millis(at))
        }
    };
    let series = values.split_whitespace().enumerate().map(|(n, one)| {
        let place = format!("db-{}", n + 1);
        let (name, value) = one.split_once('=').unwrap_or((&place, one));
        let value = value.parse().expect(one);
        Series {
            labels: vec![("instance".to_owned(), name.to_owned())],
            sample: Sample { at, value },
        }
    });
    whole(Ok(series.collect()), dropped.expect("a number"))
}

fn words(verdict: Verdict) -> String {
    match verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Warn => "warn".to_owned(),
        Verdict::Fail => "fail".to_owned(),
        Verdict::Unknown(why) => format!("unknown: {why}"),
    }
}

/// Runs a case as the engine does; gives what it said at each row, and every verdict.
fn run(case: &Case, seen: &mut BTreeSet<String>) -> Vec<String> {
    let rule = rule(&case.guard);
    let mut watch = RuleWatch::new(&rule);
    let mut collector = Collector::new(&rule);
    let mut clocks = Clocks::default();
    let begin = case.begin.as_ref().map(|text| Clocks::default().at(text));
    let mut said = Vec::new();
    for row in &case.rows {
        let parts: Vec<&str> = row.split('|').map(str::trim).collect();
        let [time, text, _] = parts[..] else {
            panic!("{}: `{row}` is not `TIME | ANSWER | VERDICT`", case.name);
        };
        let now = clocks.at(time);
        let given = answer(&rule, text, now);
        if let Some(given) = &given {
            collector.feed(given, now);
            watch.feed(given, now);
        }
        let has_begun = begin.is_some_and(|begin| now.mono_ms >= begin.mono_ms);
        if has_begun
            && !watch.has_baseline()
            && let Some(baseline) = collector.take(now)
        {
            watch.set_baseline(&baseline);
        }
        let verdict = watch.tick(now).verdict;
        if let Verdict::Unknown(why) = verdict {
            seen.insert(why.as_str().to_owned());
        }
        said.push(format!("{time} | {text} | {}", words(verdict)));
    }
    said
}

#[test]
fn every_table_of_verdicts_says_what_it_says() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/verdicts");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .expect("the folder of tables")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let (mut count, mut seen, mut wrong) = (0, BTreeSet::new(), Vec::new());
    let mut names = BTreeSet::new();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("readable");
        let file: File = toml::from_str(&text).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        for case in file.case {
            count += 1;
            assert!(names.insert(case.name.clone()), "twice: {}", case.name);
            for (row, said) in case.rows.iter().zip(run(&case, &mut seen)) {
                let row: Vec<&str> = row.split('|').map(str::trim).collect();
                if row.join(" | ") != said {
                    wrong.push(format!("{}: {} gave {said}", case.name, row.join(" | ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 25, "{count} cases");
    // Every way of not knowing is shown.
    let of = Unknown::Fewer { found: 0, of: 0 };
    let all = [
        Unknown::Never,
        Unknown::Stale,
        Unknown::Empty,
        Unknown::NotANumber,
        Unknown::Error,
        Unknown::Partial,
        of,
        Unknown::NoBaseline,
        Unknown::ZeroBaseline,
    ];
    let all: BTreeSet<String> = all.iter().map(|why| why.as_str().to_owned()).collect();
    assert_eq!(seen, all);
}
