//! The shape of a plan: what stays the same when the same runbook is carried out somewhere else.
//!
//! Left out are the values of the environment, the window, the change number, the components the work touches, and the
//! lines things stand in. What is left is digested part by part, so that two shapes can be told apart in words.

use super::diagnostic::Severity;
use super::model::Runbook;
use super::plan::{Plan, PlanBlock, PlanPhase, PlanStep};
use super::resolve::resolve;
use crate::domain::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Begins what is digested, so that no shape is ever taken for something else.
const MARK: &str = "warroom-shape@v1";
/// The part with the order of steps and everything that is no step, phase or rule.
const WHOLE: &str = "order, briefing or settings of the runbook";

/// What a plan is, wherever it is carried out. THE SERIALIZED FORM IS FROZEN: it is part of the genesis record of a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Digest of all parts.
    pub digest: Digest,
    /// Digest of each part by its name: `step drain-a`, `rule errors`, `phase 2`.
    pub parts: BTreeMap<String, Digest>,
}

impl Shape {
    /// The shape of a runbook. The runbook has no errors; of one that has, a shape says nothing.
    ///
    /// A value that the runbook cannot be read without stays in: a span in a query, or half of a bracket.
    pub fn of(runbook: &Runbook) -> Self {
        let mut bare = runbook.clone();
        bare.maintenance.change = None;
        bare.maintenance.window = None;
        bare.maintenance.components.clear();
        let names: Vec<String> = bare.maintenance.environment.keys().cloned().collect();
        let mut blank = bare.clone();
        for name in &names {
            leave_out(&mut blank, name);
        }
        let mut kept: Vec<&String> = Vec::new();
        if has_errors(&blank) {
            let is_needed = |name: &&String| {
                let mut without = bare.clone();
                leave_out(&mut without, name);
                has_errors(&without)
            };
            kept = names.iter().filter(is_needed).collect();
            blank = bare.clone();
            for name in names.iter().filter(|name| !kept.contains(name)) {
                leave_out(&mut blank, name);
            }
            if has_errors(&blank) {
                (blank, kept) = (bare, names.iter().collect());
            }
        }
        let (mut plan, _) = resolve(&blank);
        plan.environment = names.iter().map(|n| (n.clone(), String::new())).collect();
        let mut parts = parts(plan);
        for name in kept {
            let value = blank.maintenance.environment.get(name);
            let value = value.map_or("", |value| value.value.as_str());
            parts.insert(format!("value of {name}"), Digest::of(value.as_bytes()));
        }
        Self::from_parts(parts)
    }

    fn from_parts(parts: BTreeMap<String, Digest>) -> Self {
        let mut text = format!("{MARK}\n");
        for (name, digest) in &parts {
            text.push_str(&digest.to_hex());
            text.push(' ');
            text.push_str(name);
            text.push('\n');
        }
        Self {
            digest: Digest::of(text.as_bytes()),
            parts,
        }
    }

    /// How this one differs from `other`, one line each: `step drain-a is another`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, digest) in &self.parts {
            match other.parts.get(name) {
                Some(same) if same == digest => {}
                Some(_) => found.push(format!("{name}: another")),
                None => found.push(format!("{name}: new")),
            }
        }
        let gone = other.parts.keys();
        let gone = gone.filter(|name| !self.parts.contains_key(*name));
        found.extend(gone.map(|name| format!("{name}: gone")));
        found
    }
}

/// Puts the name in the place of its value: as good a value as any other for most of what can be written.
fn leave_out(runbook: &mut Runbook, name: &str) {
    if let Some(value) = runbook.maintenance.environment.get_mut(name) {
        name.clone_into(&mut value.value);
    }
}

fn has_errors(runbook: &Runbook) -> bool {
    let (_, problems) = resolve(runbook);
    problems.iter().any(|p| p.severity == Severity::Error)
}

/// Digest of each part of a plan; numbers, places and lines follow from the order, which is a part of its own.
fn parts(mut plan: Plan) -> BTreeMap<String, Digest> {
    let mut parts = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for step in std::mem::take(&mut plan.steps) {
        order.push(format!("{} {} {:?}", step.id, step.phase, step.parent));
        let name = format!("step {}", step.id);
        parts.insert(name, of_json(&without_place(step)));
    }
    for phase in std::mem::take(&mut plan.phases) {
        let name = format!("phase {}", phase.number);
        parts.insert(name, of_json(&PlanPhase { line: 0, ..phase }));
    }
    for mut rule in std::mem::take(&mut plan.rules) {
        rule.line = 0;
        parts.insert(format!("rule {}", rule.id), of_json(&rule));
    }
    parts.insert(WHOLE.to_owned(), of_json(&(order, plan)));
    parts
}

fn without_place(mut step: PlanStep) -> PlanStep {
    step.number.clear();
    step.phase = 0;
    step.parent = None;
    step.line = 0;
    for block in &mut step.blocks {
        match block {
            PlanBlock::Exec(exec) => exec.line = 0,
            PlanBlock::Gate(gate) => gate.line = 0,
        }
    }
    for expect in &mut step.expects {
        expect.line = 0;
    }
    if let Some(undo) = &mut step.undo {
        undo.line = 0;
    }
    step
}

#[expect(
    clippy::expect_used,
    reason = "text keys and numbers written to memory cannot fail, and a digest of anything else would be a lie"
)]
fn of_json<T: Serialize>(part: &T) -> Digest {
    Digest::of(&serde_json::to_vec(part).expect("parts of a plan are plain data"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runbook::parse;

    const TEXT: &str = "\
# Upgrade {{db}}

```toml maintenance
change = \"CHG1\"
components = [\"orders-db\"]
window = { start = 2026-11-22T02:00:00Z, end = 2026-11-22T04:00:00Z }
[environment]
db = \"orders\"
most = \"5\"
```

```promql guard id=lag crit=\"> 1\"
lag{db=\"{{db}}\"}
```

## Work on {{db}}

- [ ] Drain {{db}}
  ```sh run id=drain
  drain \"$db\"
  ```
- [ ] Wait
  ```promql gate id=few timeout=5m
  lag < {{most}}
  ```
";

    fn runbook(text: &str) -> Runbook {
        let (runbook, problems) = parse(text, "t.md");
        assert!(
            !problems.iter().any(|p| p.severity == Severity::Error),
            "{problems:?}"
        );
        assert!(!has_errors(&runbook), "{:?}", resolve(&runbook).1);
        runbook
    }

    fn changed(from: &str, to: &str) -> Vec<String> {
        assert!(TEXT.contains(from), "{from}");
        let other = Shape::of(&runbook(&TEXT.replace(from, to)));
        other.differences(&Shape::of(&runbook(TEXT)))
    }

    #[test]
    fn what_is_another_elsewhere_is_left_out() {
        for (from, to) in [
            ("db = \"orders\"", "db = \"orders-staging\""),
            ("CHG1", "CHG2"),
            ("[\"orders-db\"]", "[\"orders-db-staging\"]"),
            ("02:00:00Z, end", "03:00:00Z, end"),
            ("# Upgrade", "\n\n# Upgrade"),
        ] {
            assert_eq!(changed(from, to), Vec::<String>::new(), "{to}");
        }
    }

    #[test]
    fn what_is_done_and_watched_is_in_it_by_name() {
        assert_eq!(
            changed("drain \"$db\"", "drain --force"),
            ["step drain: another"]
        );
        assert_eq!(changed("> 1", "> 2"), ["rule lag: another"]);
        assert_eq!(
            changed("timeout=5m", "timeout=6m"),
            ["step work-on-db-wait: another"]
        );
        assert_eq!(
            changed(
                "## Work on {{db}}\n",
                "## Work on {{db}}\n\nMind the gap.\n"
            ),
            ["phase 1: another"]
        );
        let more = changed("- [ ] Wait", "- [ ] Look\n- [ ] Wait");
        assert!(
            more.iter().any(|line| line.ends_with("look: new")),
            "{more:?}"
        );
        assert!(more.iter().any(|line| line.starts_with(WHOLE)), "{more:?}");
        assert!(!more.iter().any(|line| line.contains("drain")), "{more:?}");
    }

    #[test]
    fn a_value_that_the_runbook_cannot_be_read_without_stays() {
        let text = |rest: &str| {
            let with = TEXT.replace("most = \"5\"", &format!("most = \"5\"\nrest = \"{rest}\""));
            Shape::of(&runbook(
                &with.replace("lag < {{most}}", "sum(lag {{rest}} < {{most}}"),
            ))
        };
        let (one, other) = (text("{})"), text("{a='b'})"));
        assert_eq!(
            other.differences(&one),
            ["step work-on-db-wait: another", "value of rest: another"]
        );
        assert_eq!(one.differences(&text("{})")), Vec::<String>::new());
        assert!(
            !one.parts
                .keys()
                .any(|part| part.ends_with(" db") || part.ends_with(" most"))
        );
    }
}
