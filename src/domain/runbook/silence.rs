//! `silence`: what is kept quiet by itself while work goes on, as a runbook says it.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::model::Runbook;
use super::settings::{components, expect_alerts};
use super::source::Located;
use super::tree::{Entry, Value, unknown_key};
use super::value::{boolean, choice, name, span};
use crate::domain::id::ConnectorName;
use crate::domain::time::{millis, short_span};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Label by which alerts name a component, where a runbook names none.
pub const LABEL: &str = "instance";
/// Time a silence goes on without its session: as long as anybody takes to resume one, and shorter than what must not
/// go unseen.
pub const LEASE: Duration = Duration::from_secs(15 * 60);
/// Shortest lease: it is extended at half of it, and an extension takes some seconds.
pub const LEASE_MIN: Duration = Duration::from_secs(10);
/// Longest lease: what nobody ends hides what is broken for as long.
pub const LEASE_MAX: Duration = Duration::from_secs(4 * 3600);
/// Connectors that one silence may name: more than any team is paged by.
const BY_MAX: usize = 16;
/// Characters of the name of a label: the longest in use have a third of that.
const LABEL_CHARS_MAX: usize = 64;

const KEYS: [&str; 6] = ["components", "alerts", "by", "label", "lease", "withheld"];

/// What happens when a silence is not made: it would mute more than its targets, or nobody knows what it would mute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnWithheld {
    /// The work is held until a person has said how it goes on.
    #[default]
    Hold,
    /// It is said, and the work goes on unmuted.
    Warn,
}

/// What is kept quiet, and for how long at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilencePlan {
    /// Components and selectors; those that the work of its lifetime touches where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Names of alerts: only these of the components; all of them where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<String>,
    /// Connectors that mute; all that can and tell of alerts where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<ConnectorName>,
    /// Label by which alerts name a component.
    pub label: String,
    /// How far ahead its end is set; extended at half of it.
    #[serde(rename = "lease_ms", with = "millis")]
    pub lease: Duration,
    /// What happens when it is not made.
    pub withheld: OnWithheld,
}

impl Default for SilencePlan {
    fn default() -> Self {
        Self {
            components: Vec::new(),
            alerts: Vec::new(),
            by: Vec::new(),
            label: LABEL.to_owned(),
            lease: LEASE,
            withheld: OnWithheld::default(),
        }
    }
}

/// `true`, `false`, or a table.
pub(super) fn read(value: &Value, problems: &mut Problems) -> Option<SilencePlan> {
    if let Value::Scalar(text) = value {
        return boolean(text, problems)
            .filter(|on| *on)
            .map(|_| SilencePlan::default());
    }
    let mut out = SilencePlan::default();
    for Entry { key, value } in value.table(problems) {
        match key.value.as_str() {
            "components" => out.components = components(value, problems),
            "alerts" => {
                let names = expect_alerts(value, problems);
                out.alerts = names.into_iter().map(|name| name.value).collect();
            }
            "by" => out.by = by(value, problems),
            "label" => {
                let text = value.scalar(problems).and_then(|t| label(t, problems));
                out.label = text.unwrap_or(out.label);
            }
            "lease" => {
                let lease = value.scalar(problems).and_then(|t| lease(t, problems));
                out.lease = lease.unwrap_or(out.lease);
            }
            "withheld" => {
                let words = [("hold", OnWithheld::Hold), ("warn", OnWithheld::Warn)];
                let text = value.scalar(problems);
                let word = text.and_then(|text| choice(text, &words, problems));
                out.withheld = word.unwrap_or_default();
            }
            _ => unknown_key(key, "`[silence]`", &KEYS, problems),
        }
    }
    Some(out)
}

fn by(value: &Value, problems: &mut Problems) -> Vec<ConnectorName> {
    let list = value.list(problems);
    if list.len() > BY_MAX {
        let what = format!("more than {BY_MAX} connectors");
        problems.push(Diagnostic::error(
            codes::TOO_MANY_ENTRIES,
            value.span(),
            what,
        ));
        return Vec::new();
    }
    let mut names: Vec<ConnectorName> = Vec::new();
    for item in list {
        let text = item.scalar(problems);
        let found = text.and_then(|text| name(text, ConnectorName::new, problems));
        if let Some(found) = found.filter(|found| !names.contains(&found.value)) {
            names.push(found.value);
        }
    }
    names
}

fn label(text: &Located<String>, problems: &mut Problems) -> Option<String> {
    let name = &text.value;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_label = !name.is_empty()
        && name.len() <= LABEL_CHARS_MAX
        && name.chars().all(fits)
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_label {
        return Some(name.clone());
    }
    let what = format!("{} is no name of a label", quoted(name));
    problems.push(
        Diagnostic::error(codes::BAD_VALUE, &text.span, what)
            .hint("write the label by which alerts name a host, such as `instance` or `node`"),
    );
    None
}

fn lease(text: &Located<String>, problems: &mut Problems) -> Option<Duration> {
    let found = span(text, problems)?;
    if (LEASE_MIN..=LEASE_MAX).contains(&found) {
        return Some(found);
    }
    let (least, most) = (short_span(LEASE_MIN), short_span(LEASE_MAX));
    let what = format!("a lease is {least} to {most}, not {}", quoted(&text.value));
    problems.push(Diagnostic::error(codes::BAD_VALUE, &text.span, what).hint(
        "it is extended while the work goes on; short is what ends soon when nobody is there",
    ));
    None
}

/// A step that is marked done by hand is never under way: its silence would never be made.
pub(super) fn of_hand_work(runbook: &Runbook, problems: &mut Problems) {
    for (place, step) in runbook.steps.iter().enumerate() {
        let risk = step.settings.risk.as_ref();
        let is_proposed = risk.is_some_and(|risk| risk.value.needs_second_person());
        let has_parts = || runbook.steps.iter().any(|s| s.parent == Some(place));
        if step.settings.silence.is_some() && step.blocks.is_empty() && !is_proposed && !has_parts()
        {
            let what = "a step that is done by hand is never under way, so its silence would never be made";
            problems.push(
                Diagnostic::error(codes::CONTRADICTION, &step.span, what)
                    .hint("say `silence` in a ```toml phase block, or in ```toml maintenance"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runbook::plan::Plan;
    use crate::domain::runbook::{Severity, parse, resolve};

    fn plan(text: &str) -> (Plan, Vec<Diagnostic>) {
        let (runbook, mut problems) = parse(text, "a.md");
        let (plan, more) = resolve(&runbook);
        problems.extend(more);
        (plan, problems)
    }

    #[test]
    fn a_session_a_phase_and_a_step_may_have_one() {
        let (plan, problems) = plan(
            "# A\n\n```toml maintenance\ncomponents = [\"db-1\"]\n[silence]\nalerts = [\"Down\"]\nby = [\"am\", \"am\"]\n\
             label = \"node\"\nlease = \"20m\"\nwithheld = \"warn\"\ncomponents = [\"role=db\"]\n```\n\n## One\n\n\
             ```toml phase\nsilence = { lease = \"5m\" }\n```\n\n- [ ] Do\n  ```toml step\n  silence = true\n  ```\n  \
             ```sh run\n  true\n  ```\n- [ ] Look\n  ```toml step\n  silence = false\n  ```\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        let expected = SilencePlan {
            components: vec!["role=db".to_owned()],
            alerts: vec!["Down".to_owned()],
            by: vec![ConnectorName::new("am").unwrap()],
            label: "node".to_owned(),
            lease: Duration::from_secs(1200),
            withheld: OnWithheld::Warn,
        };
        assert_eq!(plan.silence, Some(expected));
        let of_phase = plan.phases[0].silence.as_ref().expect("one");
        assert_eq!(of_phase.lease, Duration::from_secs(300));
        assert_eq!(plan.steps[0].silence, Some(SilencePlan::default()));
        assert_eq!(plan.steps[1].silence, None);
        let json = String::from_utf8(plan.canonical_json()).unwrap();
        let read: Plan = serde_json::from_str(&json).unwrap();
        assert_eq!(read, plan);
    }

    #[test]
    fn hand_work_has_no_time_of_its_own() {
        let step = |more: &str| {
            format!("# A\n\n## One\n\n- [ ] Do\n  ```toml step\n  silence = true\n  ```\n{more}")
        };
        let (_, problems) = plan(&step(""));
        assert_eq!(problems[0].code, codes::CONTRADICTION, "{problems:?}");
        let (_, problems) = plan(&step("  - [ ] Part\n"));
        assert_eq!(problems, []);
    }

    #[test]
    fn what_is_wrong_with_one_is_said_at_its_place() {
        for (line, code, part) in [
            ("silence = \"loud\"", codes::BAD_VALUE, "loud"),
            ("silence = { leese = 1 }", codes::UNKNOWN_KEY, "leese"),
            (
                "silence = { lease = \"1s\" }",
                codes::BAD_VALUE,
                "10s to 4h",
            ),
            (
                "silence = { lease = \"5h\" }",
                codes::BAD_VALUE,
                "10s to 4h",
            ),
            ("silence = { label = \"a b\" }", codes::BAD_VALUE, "label"),
            (
                "silence = { by = [\"A B\"] }",
                codes::BAD_VALUE,
                "not a valid",
            ),
            ("silence = { alerts = [\" \"] }", codes::BAD_VALUE, "name"),
            (
                "silence = { withheld = \"go\" }",
                codes::BAD_VALUE,
                "known words",
            ),
            (
                "silence = { components = [\"site==x\"] }",
                codes::BAD_VALUE,
                "==",
            ),
        ] {
            let text = format!("# A\n\n```toml maintenance\n{line}\n```\n\n## One\n\n- [ ] Do\n");
            let (_, problems) = plan(&text);
            let found = problems.iter().find(|p| p.severity == Severity::Error);
            let found = found.unwrap_or_else(|| panic!("{line}"));
            assert_eq!(found.code, code, "{line}");
            assert!(found.message.contains(part), "{line}: {found:?}");
        }
    }
}
