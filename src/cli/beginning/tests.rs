//! What is said before a session begins.

use super::*;
use crate::domain::fixture::{guard, plan, rule};
use crate::domain::runbook::plan::MetricRule;
use crate::domain::threshold::OnBreach;
use std::time::Duration;

fn name(text: &str) -> ConnectorName {
    ConnectorName::new(text).expect("a name")
}

#[test]
fn what_nobody_can_answer_is_named_with_what_it_comes_to() {
    let plan = plan();
    let said = unanswered(&plan, &[]).expect("nobody answers");
    assert_eq!(
        said,
        "no metrics server is configured, so these stay unknown: guard `errors`, gate `lag`: nothing destructive arms under such a guard, such a gate never opens\nhint: name one in `config.toml` (`[connect.prometheus.NAME]` with its `url`); `warroom doctor --runbook FILE` asks each of them once"
    );
    assert_eq!(unanswered(&plan, &[&name("main")]), None);
}

#[test]
fn a_source_that_is_not_there_is_named_too_and_a_guard_that_only_reports_is_not() {
    let mut plan = plan();
    plan.rules[0].source = Some(name("other"));
    let main = name("main");
    let said = unanswered(&plan, &[&main]).expect("nobody is called so");
    assert!(
        said.contains("of that name") && said.contains("guard `errors` (asks `other`): nothing"),
        "{said}"
    );
    assert!(!said.contains("gate"), "{said}");
    plan.rules[0].dry_run = true;
    assert_eq!(unanswered(&plan, &[&main]), None);
}

#[test]
fn a_long_list_has_an_end() {
    let mut plan = plan();
    plan.rules = (0..12)
        .map(|n| MetricRule {
            id: rule(&format!("g{n}")),
            ..guard(OnBreach::Hold)
        })
        .collect();
    let said = unanswered(&plan, &[]).expect("nobody answers");
    assert!(said.contains("guard `g7` and 5 more: "), "{said}");
}

#[test]
fn a_window_without_time_says_what_is_not_possible_and_how_to_get_on() {
    let minutes = |n: u64| Duration::from_secs(n * 60);
    let start = Timestamp::parse("2026-11-22T02:00:00Z").expect("a time");
    let window = Window {
        start,
        end: start.plus(minutes(120)),
        buffer: minutes(20),
    };
    let limit = start.plus(minutes(100));
    let said = |at: u64| late(window, limit, start.plus(minutes(at)));
    assert_eq!(said(99), None);
    let past = said(105).expect("past the point of no return");
    assert!(
        past.contains("the window is until 2026-11-22T04:00:00Z, and its point of no return was 2026-11-22T03:40:00Z, 5m00s ago"),
        "{past}"
    );
    let over = said(150).expect("over");
    assert!(
        over.contains("the window was until 2026-11-22T04:00:00Z and is over by 30m00s: nothing destructive can be proposed, armed or run"),
        "{over}"
    );
    assert!(over.contains("hint: extend it: `X` moves that"), "{over}");
    // A motion extends by a day at most, from the end of the window on.
    let old = said(120 + 25 * 60).expect("over");
    assert!(!old.contains("`X`"), "{old}");
    assert!(old.contains("give the runbook another `window`"), "{old}");
}
