//! What templates become, by tables and for any shape.

use super::{Cmdb, pending};
use crate::domain::reading::Component;
use crate::domain::runbook::plan::Plan;
use crate::domain::runbook::{Diagnostic, Severity, parse, resolve, resolve_with};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn cmdb() -> BTreeMap<String, Component> {
    let one = |name: &str, role: &str, site: &str| Component {
        name: name.to_owned(),
        role: role.to_owned(),
        site: site.to_owned(),
        address: "10.0.0.1/24".to_owned(),
        ..Component::default()
    };
    let all = [
        one("db-1", "db", "fra1"),
        one("db-2", "db", "fra2"),
        one("db-10", "db", ""),
        one("evil\"} or vector(1", "odd", "x"),
        one("DB North (fra2)", "north", "x"),
    ];
    all.into_iter().map(|c| (c.name.clone(), c)).collect()
}

fn runbook(phase: &str, steps: &str) -> String {
    format!(
        "# T\n\n## Look\n\n- [ ] look\n\n## Roll\n\n```toml phase\n{phase}\n```\n\n{steps}\n\n## End\n\n- [ ] end\n  - [ ] inner\n"
    )
}

fn plan(text: &str) -> (Plan, Vec<Diagnostic>) {
    let known = cmdb();
    let (runbook, mut problems) = parse(text, "case.md");
    let (plan, more) = resolve_with(&runbook, Cmdb::Known(&known));
    problems.extend(more);
    (plan, problems)
}

fn good(text: &str) -> Plan {
    let (plan, problems) = plan(text);
    assert_eq!(problems, [], "{text}");
    plan
}

fn said(text: &str) -> String {
    let (_, problems) = plan(text);
    let is_error = |p: &&Diagnostic| p.severity == Severity::Error;
    let errors = problems.iter().filter(is_error);
    errors
        .map(|p| p.message.clone())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn each_unit_has_each_step_in_the_order_of_the_cmdb() {
    let plan = good(&runbook(
        "for_each = \"role=db\"\nbatch = 2",
        "- [ ] Drain {{component}}\n  ```sh run\n  drain \"$component\" \"$unit_host\"\n  ```\n  - [ ] wait\n- [ ] Restart\n  ```toml step\n  id = \"restart\"\n  ```\n",
    ));
    let rows: Vec<(String, String, String, Option<usize>)> = plan
        .steps
        .iter()
        .map(|s| {
            (
                s.id.to_string(),
                s.number.clone(),
                s.title.clone(),
                s.parent,
            )
        })
        .collect();
    let row = |id: &str, number: &str, title: &str, parent| {
        (id.to_owned(), number.to_owned(), title.to_owned(), parent)
    };
    assert_eq!(
        rows,
        [
            row("look-look", "1.1", "look", None),
            row("roll-drain-component.db-1", "2.1.1", "Drain db-1", None),
            row("roll-wait.db-1", "2.1.1.1", "wait", Some(1)),
            row("restart.db-1", "2.1.2", "Restart", None),
            row("roll-drain-component.db-10", "2.2.1", "Drain db-10", None),
            row("roll-wait.db-10", "2.2.1.1", "wait", Some(4)),
            row("restart.db-10", "2.2.2", "Restart", None),
            row("roll-drain-component.db-2", "2.3.1", "Drain db-2", None),
            row("roll-wait.db-2", "2.3.1.1", "wait", Some(7)),
            row("restart.db-2", "2.3.2", "Restart", None),
            row("end-end", "3.1", "end", None),
            row("end-inner", "3.1.1", "inner", Some(10)),
        ]
    );
    let unit = plan.steps[1].unit.as_ref().expect("a unit");
    assert_eq!((unit.component.as_str(), unit.batch), ("db-1", 1));
    assert_eq!(plan.steps[7].unit.as_ref().map(|u| u.batch), Some(2));
    let env: Vec<_> = unit.variables().collect();
    assert_eq!(
        env,
        [
            ("component".to_owned(), "db-1".to_owned()),
            ("unit_host".to_owned(), "10.0.0.1".to_owned())
        ]
    );
    assert_eq!(plan.steps[1].component.as_deref(), Some("db-1"));
    assert_eq!(plan.steps[0].unit, None);
    let back: Plan = serde_json::from_slice(&plan.canonical_json()).expect("reads back");
    assert_eq!(back, plan);
}

#[test]
fn what_the_cmdb_does_not_say_is_an_error_and_never_empty() {
    let steps = "- [ ] {{component}}\n";
    for (phase, steps, wanted) in [
        (
            "for_each = \"role=web\"",
            steps,
            "`role=web` fits none of the 5 components",
        ),
        ("for_each = \"rolle=db\"", steps, "unknown key `rolle`"),
        (
            "for_each = [\"a\", \"a\"]",
            steps,
            "`a` is in the list twice",
        ),
        ("for_each = []", steps, "an empty list"),
        (
            "for_each = \"role=db\"",
            "- [ ] {{unit.site}}\n",
            "the CMDB says no `site` of `db-10`",
        ),
        (
            "for_each = \"role=db\"",
            "- [ ] {{unit.rack}}\n",
            "nothing is known of a unit as `rack`",
        ),
        (
            "for_each = \"role=db\"",
            "- [ ] x\n  ```sh run\n  echo \"$unit_site\"\n  ```\n",
            "the CMDB says no `site` of `db-10`",
        ),
        (
            "for_each = \"role=odd\"",
            "- [ ] x\n  ```promql gate\n  up{instance=\"{{component}}\"} > 0\n  ```\n",
            "cannot stand in a query",
        ),
        (
            "for_each = \"role=db\"",
            "- [ ] x\n  ```sh run\n  echo {{component}}\n  ```\n",
            "`{{component}}` in a script is never replaced",
        ),
        (
            "strategy = \"blue-green\"\nblue = \"role=db\"\ngreen = [\"db-1\"]\nidle = \"green\"",
            "- [ ] x\n- [ ] s\n  ```toml step\n  switch = true\n  ```\n  ```sh run\n  a\n  ```\n  ```sh undo\n  b\n  ```\n",
            "`db-1` is on both sides",
        ),
    ] {
        let said = said(&runbook(phase, steps));
        assert!(said.contains(wanted), "{phase}: {said}");
    }
}

#[test]
fn a_mistake_of_a_template_is_said_once() {
    let names: Vec<String> = (0..150).map(|n| format!("\"h-{n}\"")).collect();
    let phase = format!("for_each = [{}]", names.join(", "));
    let (_, problems) = plan(&runbook(&phase, "- [ ] {{nobody}}\n"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    let many: Vec<String> = (0..201).map(|n| format!("\"h-{n}\"")).collect();
    let phase = format!("for_each = [{}]", many.join(", "));
    assert!(said(&runbook(&phase, "- [ ] a\n")).contains("at most 200 units"));
    let phase = format!("for_each = [{}]", names.join(", "));
    let steps = "- [ ] a\n".repeat(14);
    assert!(said(&runbook(&phase, &steps)).contains("more than 2000 steps"));
    let gate = "- [ ] a\n  ```promql gate\n  up > 0\n  ```\n  ```promql gate\n  up > 1\n  ```\n";
    assert!(said(&runbook(&phase, gate)).contains("more than 200 gates"));
}

#[test]
fn without_a_cmdb_a_template_is_checked_and_what_is_missing_is_named() {
    let text = runbook(
        "for_each = \"role=db\"",
        "- [ ] {{unit.site}} {{component}}\n",
    );
    let (runbook, problems) = parse(&text, "case.md");
    assert_eq!(problems, []);
    let (_, problems) = resolve(&runbook);
    assert_eq!(problems, []);
    let wanted = pending(&runbook);
    assert_eq!(wanted.len(), 1);
    assert_eq!(
        (wanted[0].phase.as_str(), wanted[0].what.clone()),
        ("Roll", vec!["role=db".to_owned()])
    );
    let list = self::runbook("for_each = [\"a\"]", "- [ ] {{component}}\n");
    assert_eq!(pending(&parse(&list, "x.md").0), []);
    let list = self::runbook(
        "for_each = [\"a\"]",
        "- [ ] x\n  ```sh run\n  ssh $unit_host\n  ```\n",
    );
    assert_eq!(pending(&parse(&list, "x.md").0)[0].what, ["unit.*"]);
}

#[test]
fn the_idle_side_is_worked_on_and_the_switch_comes_once() {
    let plan = good(&runbook(
        "strategy = \"blue-green\"\nblue = [\"b-1\", \"b-2\"]\ngreen = [\"g-1\", \"g-2\"]\nidle = \"green\"",
        "- [ ] Deploy {{component}}\n- [ ] Move the traffic\n  ```toml step\n  switch = true\n  ```\n  ```sh run\n  lb green\n  ```\n  ```sh undo\n  lb blue\n  ```\n",
    ));
    let ids: Vec<_> = plan
        .steps_of(1)
        .map(|(_, s)| (s.number.clone(), s.title.clone(), s.switch))
        .collect();
    assert_eq!(
        ids,
        [
            ("2.1.1".to_owned(), "Deploy g-1".to_owned(), false),
            ("2.2.1".to_owned(), "Deploy g-2".to_owned(), false),
            ("2.3".to_owned(), "Move the traffic".to_owned(), true),
        ]
    );
    let sides = plan
        .rollout_of(1)
        .and_then(|r| r.sides.clone())
        .expect("two sides");
    assert_eq!(sides.live, ["b-1", "b-2"]);
    assert!(plan.steps[3].unit.is_none());
}

#[test]
fn names_that_no_id_can_hold_get_one_of_their_own() {
    let plan = good(&runbook("for_each = \"role=north\"", "- [ ] a\n"));
    let id = plan.steps[1].id.to_string();
    assert!(id.starts_with("roll-a.db-north--fra2-"), "{id}");
}

proptest! {
    /// Every unit exactly once, with all its steps together; batches never overlap and never exceed their size.
    #[test]
    fn any_rollout_has_every_unit_once_in_batches(
        units in 1_usize..40,
        batch in 1_usize..12,
        percent in prop::option::of(1_u32..=100),
        canary in prop::option::of(1_usize..6),
        templates in 1_usize..4,
    ) {
        let names: Vec<String> = (0..units).map(|n| format!("\"u-{n}\"")).collect();
        let size = percent.map_or(batch.to_string(), |p| format!("\"{p}%\""));
        let canary = canary.filter(|count| *count < units);
        let first = canary.map_or(String::new(), |n| format!("\nstrategy = \"canary\"\ncanary = {n}\nsoak = \"1m\""));
        let phase = format!("for_each = [{}]\nbatch = {size}{first}", names.join(", "));
        let plan = good(&runbook(&phase, &"- [ ] a {{component}}\n".repeat(templates)));
        let listed = plan.units_of(1);
        let seen: BTreeSet<&str> = listed.iter().map(|u| u.component.as_str()).collect();
        prop_assert_eq!(seen.len(), units);
        prop_assert_eq!(listed.len(), units);
        prop_assert_eq!(plan.steps_of(1).count(), units * templates);
        let wanted: Vec<String> = (0..units).map(|n| format!("u-{n}")).collect();
        prop_assert_eq!(listed.iter().map(|u| u.component.clone()).collect::<Vec<_>>(), wanted);
        let most = percent.map_or(batch, |p| (units * p as usize / 100).max(1));
        let mut batches: BTreeMap<u32, usize> = BTreeMap::new();
        let mut last = 1;
        for unit in &listed {
            prop_assert!(unit.batch == last || unit.batch == last + 1, "{:?}", listed);
            last = unit.batch;
            *batches.entry(unit.batch).or_default() += 1;
            prop_assert_eq!(unit.canary, canary.is_some() && unit.batch == 1);
        }
        for (number, count) in batches {
            match canary {
                Some(canary) if number == 1 => prop_assert_eq!(count, canary),
                _ => prop_assert!(count <= most),
            }
        }
        let ids: BTreeSet<_> = plan.steps.iter().map(|s| s.id.clone()).collect();
        prop_assert_eq!(ids.len(), plan.steps.len());
    }
}
