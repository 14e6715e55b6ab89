//! What a runbook says about alerts: which must come, and what one that nobody expected does.
//!
//! THE SERIALIZED FORM OF [`AlertRules`] IS FROZEN per journal format: it is part of the plan.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::limits::ALERT_SEVERITIES_MAX;
use super::tree::Value;
use serde::{Deserialize, Serialize};

/// Severities that hold nothing unless a runbook names them: what is sent for the record.
const QUIET: [&str; 6] = ["info", "informational", "none", "debug", "ok", "notice"];

/// What an alert does that nobody expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnAlert {
    /// Holds the session while it goes forward.
    Hold,
    /// Is recorded and marked.
    Mark,
}

/// What a runbook says about alerts on touched components.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRules {
    /// What one does that nobody expected; holds when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_unexpected: Option<OnAlert>,
    /// Severities that hold, in lower case; all but those for the record when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<String>,
    /// Names of alerts that must come at some time of the work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must_fire: Vec<String>,
}

impl AlertRules {
    /// True for a runbook that says nothing: its plan keeps the bytes it had before there was anything to say.
    pub fn is_silent(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an unexpected alert of this severity holds. One that says none holds: nobody knows how bad it is.
    pub fn holds(&self, severity: &str) -> bool {
        let severity = severity.trim().to_lowercase();
        let counts = if self.severities.is_empty() {
            !QUIET.contains(&severity.as_str())
        } else {
            self.severities.contains(&severity)
        };
        counts && self.on_unexpected != Some(OnAlert::Mark)
    }
}

/// Words of `on_unexpected_alert`.
pub(super) const ON_ALERT: [(&str, OnAlert); 2] =
    [("hold", OnAlert::Hold), ("mark", OnAlert::Mark)];

/// Reads `alert_severities`.
pub(super) fn severities(value: &Value, problems: &mut Problems) -> Vec<String> {
    let list = value.list(problems);
    if list.len() > ALERT_SEVERITIES_MAX {
        problems.push(Diagnostic::error(
            codes::TOO_MANY_ENTRIES,
            value.span(),
            format!("more than {ALERT_SEVERITIES_MAX} severities"),
        ));
        return Vec::new();
    }
    let mut out = Vec::new();
    for item in list {
        let Some(text) = item.scalar(problems) else {
            continue;
        };
        let word = text.value.trim().to_lowercase();
        if word.is_empty() || word.contains(char::is_whitespace) {
            let what = format!("{} is no severity", quoted(&text.value));
            problems.push(
                Diagnostic::error(codes::BAD_VALUE, &text.span, what)
                    .hint("write the value of the label `severity`: `\"critical\"`"),
            );
        } else if !out.contains(&word) {
            out.push(word);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runbook::plan::Plan;
    use crate::domain::runbook::{parse, resolve};

    fn plan(settings: &str) -> (Plan, Vec<Diagnostic>) {
        let text = format!("# T\n\n```toml maintenance\n{settings}\n```\n\n- [ ] one\n");
        let (runbook, mut problems) = parse(&text, "case.md");
        let (plan, more) = resolve(&runbook);
        problems.extend(more);
        (plan, problems)
    }

    #[test]
    fn an_unexpected_alert_holds_unless_it_is_for_the_record_or_the_runbook_says_otherwise() {
        let (usual, problems) = plan("change = \"C1\"");
        assert_eq!(problems, []);
        assert!(usual.alerts.is_silent());
        for (severity, holds) in [
            ("critical", true),
            ("", true),
            ("P1", true),
            ("Info", false),
        ] {
            assert_eq!(usual.alerts.holds(severity), holds, "{severity}");
        }
        let (few, problems) = plan("alert_severities = [\"Critical\", \"critical\"]");
        assert_eq!(problems, []);
        assert!(few.alerts.holds("critical") && !few.alerts.holds("warning"));
        assert!(!few.alerts.holds(""));
        let (marks, _) = plan("on_unexpected_alert = \"mark\"");
        assert!(!marks.alerts.holds("critical"));
    }

    #[test]
    fn nonsense_is_refused() {
        for settings in [
            "on_unexpected_alert = \"ignore\"",
            "alert_severities = [\"\"]",
            "alert_severities = [\"very bad\"]",
            "must_fire = [\" \"]",
        ] {
            let (_, problems) = plan(settings);
            assert_eq!(problems.len(), 1, "{settings}: {problems:?}");
            assert_eq!(problems[0].code, codes::BAD_VALUE, "{settings}");
        }
    }

    /// Digests of plans are signed and pinned: a new setting must not change those of runbooks that do not use it.
    #[test]
    fn a_plan_that_says_nothing_of_alerts_and_effects_has_the_bytes_it_had_before() {
        let (plan, _) = plan("change = \"C1\"");
        let text = String::from_utf8(plan.canonical_json()).expect("text");
        for word in ["alerts", "must_fire", "expects"] {
            assert!(!text.contains(word), "{text}");
        }
        let back: Plan = serde_json::from_str(&text).expect("a plan");
        assert_eq!(back, plan);
    }
}
