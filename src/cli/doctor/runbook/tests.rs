use super::*;
use crate::domain::reading::{ReadFailure, Sample};
use crate::domain::runbook::{parse, resolve};

const RUNBOOK: &str = r#"# T

```promql guard id=g warn="> 1" crit="> 2"
x
```

## Work

- [ ] a
  ```promql gate id=open timeout=5m
  y < 5
  ```
"#;

fn plan(options: &str) -> Plan {
    let text = RUNBOOK.replace("warn=\"> 1\" crit=\"> 2\"", options);
    let (runbook, problems) = parse(&text, "t.md");
    assert!(problems.is_empty(), "{problems:?}");
    let (plan, problems) = resolve(&runbook);
    assert!(problems.is_empty(), "{problems:?}");
    plan
}

fn now() -> Moment {
    Moment {
        wall: crate::domain::time::Timestamp::from_millis(1_700_000_000_000),
        mono_ms: 9_000,
    }
}

fn answer(plan: &Plan, result: Result<&[f64], &str>) -> QueryAnswer {
    let series = |values: &[f64]| {
        let one = |(n, value): (usize, &f64)| Series {
            labels: vec![("n".to_owned(), n.to_string())],
            sample: Sample {
                at: now().wall,
                value: *value,
            },
        };
        values.iter().enumerate().map(one).collect()
    };
    QueryAnswer {
        rule: plan.rules[0].id.clone(),
        result: result.map(series).map_err(|what| ReadFailure {
            what: what.to_owned(),
            partial: false,
        }),
        dropped: 0,
        warnings: Vec::new(),
        received: now(),
    }
}

fn guard(options: &str, result: Result<&[f64], &str>) -> (Health, String, String) {
    let plan = plan(options);
    let check = of_rule(&plan.rules[0], Ok(answer(&plan, result)), now());
    assert_eq!(check.what, "guard g");
    (check.health, check.said, check.hint)
}

#[test]
fn each_guard_says_its_series_its_value_and_its_verdict() {
    let usual = "warn=\"> 1\" crit=\"> 2\"";
    let said = |options, result| {
        let (health, said, _) = guard(options, result);
        (health, said)
    };
    let text = |text: &str| text.to_owned();
    assert_eq!(
        said(usual, Ok(&[0.5])),
        (Health::Good, text("1 series, 0.5 on {n=\"0\"}: pass (> 2)"))
    );
    assert_eq!(
        said(usual, Ok(&[0.5, 1.5])),
        (
            Health::Warn,
            text("2 series, worst 1.5 on {n=\"1\"}: warn (> 2)")
        )
    );
    assert_eq!(said(usual, Ok(&[3.0])).0, Health::Bad);
    assert_eq!(
        said(usual, Err("HTTP 503")),
        (Health::Unknown, text("HTTP 503: unknown, error (> 2)"))
    );
    assert_eq!(
        said("crit=\"> 2\" for=1m", Ok(&[3.0])).1,
        "1 series, 3 on {n=\"0\"}: pass for now, beyond its limit (> 2)"
    );
    let relative = said("crit=\"> 2x baseline\"", Ok(&[3.0]));
    assert_eq!(
        relative.1,
        "1 series, 3 on {n=\"0\"}, which would be the baseline: pass (> 2x baseline)"
    );
}

#[test]
fn what_cannot_be_known_has_a_hint() {
    let (health, said, hint) = guard("crit=\"> 2\"", Ok(&[]));
    assert_eq!(
        (health, said.as_str()),
        (Health::Unknown, "0 series: unknown, no series (> 2)")
    );
    assert!(hint.contains("no_data=ok"), "{hint}");
    assert_eq!(guard("crit=\"> 2\" no_data=ok", Ok(&[])).0, Health::Good);
    let (_, said, hint) = guard("crit=\"> 2x baseline\"", Ok(&[0.0]));
    assert!(
        said.contains("unknown, the baseline is not above 0"),
        "{said}"
    );
    assert!(hint.contains("baseline + N"), "{hint}");
    let plan = plan("crit=\"> 2\"");
    let check = of_rule(
        &plan.rules[0],
        Err("no metrics connector".to_owned()),
        now(),
    );
    assert_eq!(check.health, Health::Bad);
}

#[test]
fn a_gate_that_would_wait_is_no_fault() {
    let plan = plan("crit=\"> 2\"");
    let PlanBlock::Gate(gate) = &plan.steps[0].blocks[0] else {
        panic!("a gate");
    };
    let health = |result| of_gate(gate, Ok(answer(&plan, result)), now()).health;
    assert_eq!(health(Ok(&[1.0])), Health::Good);
    assert_eq!(health(Ok(&[9.0])), Health::Warn);
    assert_eq!(health(Ok(&[])), Health::Unknown);
    assert_eq!(health(Err("HTTP 503")), Health::Unknown);
}

const ROLLOUT: &str = "# T\n\n## Roll\n\n```toml phase\nfor_each = [\"a\", \"b\", \"c\"]\nstrategy = \"canary\"\ncanary = 1\nsoak = \"1m\"\ncompare = \"errors\"\ncompare_by = \"n\"\nmax_ratio = 2\nfloor = \"sum(up) >= 2\"\n```\n\n- [ ] Restart\n  ```sh run id=restart\n  true\n  ```\n";

#[test]
fn floors_and_comparisons_of_rollouts_say_whether_a_unit_could_begin() {
    let (runbook, _) = parse(ROLLOUT, "t.md");
    let (plan, problems) = resolve(&runbook);
    assert!(problems.is_empty(), "{problems:?}");
    let (phase, rollout) = plan.rollouts().next().expect("one");
    let units = plan.units_of(phase);
    let limit = rollout.floor.as_ref().expect("a floor");
    let soak = rollout.soak.as_ref().expect("a soak");
    let rule = soak.compare.as_ref().expect("a comparison");
    let reply = |result: Result<&[(&str, f64)], &str>| {
        let series = |(name, value): &(&str, f64)| Series {
            labels: vec![("n".to_owned(), (*name).to_owned())],
            sample: Sample {
                at: now().wall,
                value: *value,
            },
        };
        let failure = |what: &str| ReadFailure {
            what: what.to_owned(),
            partial: false,
        };
        QueryAnswer {
            rule: limit.id.clone(),
            result: result
                .map(|all| all.iter().map(series).collect())
                .map_err(failure),
            dropped: 0,
            warnings: Vec::new(),
            received: now(),
        }
    };
    let floor = |result| {
        let check = of_floor(limit, Ok(reply(result)), now());
        assert_eq!(check.what, "floor-roll");
        (check.health, check.said)
    };
    let (health, said) = floor(Ok(&[("x", 3.0)]));
    assert_eq!(health, Health::Good);
    assert!(
        said.ends_with("3 on {n=\"x\"}: 2 without one unit meets >= 2 now"),
        "{said}"
    );
    assert_eq!(floor(Ok(&[("x", 2.0)])).0, Health::Warn);
    assert_eq!(floor(Ok(&[])).0, Health::Unknown);
    let (health, said) = floor(Err("HTTP 503"));
    assert_eq!(health, Health::Unknown);
    assert!(said.starts_with("HTTP 503: unknown"), "{said}");
    let compare = |result| of_compare(rule, &units, Ok(reply(result)), now());
    let rest = [("b", 1.0), ("c", 1.0)];
    let with = |canary| [&[("a", canary)][..], &rest[..]].concat();
    let (good, bad) = (with(1.5), with(2.5));
    assert_eq!(compare(Ok(&good)).health, Health::Good);
    assert_eq!(compare(Ok(&bad)).health, Health::Warn);
    let check = compare(Ok(&rest));
    assert_eq!(check.health, Health::Unknown);
    assert!(check.hint.contains("`compare_by`"), "{}", check.hint);
    let gone = || Err("no metrics connector".to_owned());
    assert_eq!(of_floor(limit, gone(), now()).health, Health::Bad);
    assert_eq!(of_compare(rule, &units, gone(), now()).health, Health::Bad);
}
