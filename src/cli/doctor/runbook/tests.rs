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
