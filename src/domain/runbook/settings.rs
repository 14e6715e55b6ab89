//! The settings blocks: `toml maintenance`, `toml phase`, `toml step`.

use super::alerts::{ON_ALERT, severities};
use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::limits::{
    COMPONENTS_MAX, ENVIRONMENT_MAX, EXPECT_ALERTS_MAX, LOCK_CHARS_MAX, QUORUM_MAX,
    SIGNED_VALUE_BYTES_MAX,
};
use super::model::{Maintenance, Rule, RuleKind, StepSettings};
use super::plan::{OnExecutorLost, Risk};
use super::role::{RULE_KEYS, STEP_KEYS};
use super::rollout;
use super::rollout::settings::RolloutSettings;
use super::silence::{self, SilencePlan};
use super::source::{Lines, Located, Mapped};
use super::tree::{self, Entry, Value, unknown_key};
use super::value::{boolean, choice, name, positive_span, rule_field, whole};
use super::window::{Announced, window};
use crate::domain::id::StepId;
use crate::domain::radius::DEPTH_MAX;
use crate::domain::selector::{Selector, SelectorError, is_selector};
use std::ops::Range;

const MAINTENANCE_KEYS: [&str; 16] = [
    "change",
    "components",
    "expect_alerts",
    "must_fire",
    "on_unexpected_alert",
    "alert_severities",
    "window",
    "lock",
    "silence",
    "radius_depth",
    "environment",
    "threshold",
    "panel",
    "people",
    "notices",
    "roles",
];
/// Reads the `toml maintenance` block and the rules in it.
pub(super) fn maintenance(
    block: &Mapped,
    lines: &Lines,
    problems: &mut Problems,
) -> (Maintenance, Vec<Rule>) {
    let mut out = Maintenance::default();
    let mut rules = Vec::new();
    for Entry { key, value } in tree::read(block, problems) {
        match key.value.as_str() {
            "change" => out.change = value.scalar(problems).map(|text| text.value.clone()),
            "components" => out.components = components(&value, problems),
            "expect_alerts" => out.expect_alerts = expect_alerts(&value, problems),
            "must_fire" => out.must_fire = expect_alerts(&value, problems),
            "on_unexpected_alert" => {
                let text = value.scalar(problems);
                out.on_unexpected_alert = text.and_then(|t| choice(t, &ON_ALERT, problems));
            }
            "alert_severities" => out.alert_severities = severities(&value, problems),
            "window" => match window(&value, problems) {
                Some(Announced::Once(once)) => out.window = Some(once),
                Some(Announced::Again(recurs)) => out.recurs = Some(recurs),
                None => {}
            },
            "lock" => out.lock = value.scalar(problems).and_then(|text| lock(text, problems)),
            "silence" => out.silence = silence::read(&value, problems),
            "radius_depth" => {
                out.radius_depth = value.scalar(problems).and_then(|v| depth(v, problems));
            }
            "environment" => environment(&mut out, &value, problems),
            "threshold" => read_rules(RuleKind::Threshold, &value, lines, problems, &mut rules),
            "panel" => read_rules(RuleKind::Panel, &value, lines, problems, &mut rules),
            "people" | "notices" | "roles" => not_yet(&key, problems),
            _ => unknown_key(&key, "`toml maintenance`", &MAINTENANCE_KEYS, problems),
        }
    }
    rules.sort_by_key(|rule| rule.line);
    (out, rules)
}

/// A name that two people write alike: no blanks, nothing that looks like something else.
fn lock(text: &Located<String>, problems: &mut Problems) -> Option<String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let name = &text.value;
    if !name.is_empty() && name.len() <= LOCK_CHARS_MAX && name.chars().all(fits) {
        return Some(name.clone());
    }
    let what = format!("{} is no name of a lock", quoted(name));
    problems.push(
        Diagnostic::error(codes::BAD_VALUE, &text.span, what).hint(
            "lower-case letters, digits, `-` and `.`, at most 64: sessions with the same name never run destructive steps across each other",
        ),
    );
    None
}

/// How far a blast radius is followed: at least to what needs the touched itself.
fn depth(value: &Located<String>, problems: &mut Problems) -> Option<u8> {
    let fits = |depth: &u8| (1..=DEPTH_MAX).contains(depth);
    let found = value.value.parse().ok().filter(fits);
    if found.is_none() {
        let what = format!("{} is no depth of a blast radius", quoted(&value.value));
        let hint = format!(
            "a whole number from 1 to {DEPTH_MAX}: how many steps of dependency are followed"
        );
        problems.push(Diagnostic::error(codes::BAD_VALUE, &value.span, what).hint(hint));
    }
    found
}

/// Says plainly that a setting has no effect yet.
pub(super) fn not_yet(key: &Located<String>, problems: &mut Problems) {
    problems.push(
        Diagnostic::warning(
            codes::NOT_YET,
            &key.span,
            format!("`{}` is not evaluated yet", key.value),
        )
        .label("read, and without any effect"),
    );
}

pub(super) fn components(value: &Value, problems: &mut Problems) -> Vec<String> {
    let list = value.list(problems);
    if list.len() > COMPONENTS_MAX {
        problems.push(Diagnostic::error(
            codes::TOO_MANY_ENTRIES,
            value.span(),
            format!("more than {COMPONENTS_MAX} components"),
        ));
        return Vec::new();
    }
    let mut out = Vec::new();
    for item in list {
        let Some(text) = item.scalar(problems) else {
            continue;
        };
        if is_selector(&text.value)
            && let Err(error) = Selector::parse(&text.value)
        {
            problems.push(selector_fault(text, &error));
        }
        out.push(text.value.clone());
    }
    out
}

/// Points at the place inside the text where it stands in the file as it is: quotes around it, and no escapes.
pub(super) fn selector_fault(text: &Located<String>, error: &SelectorError) -> Diagnostic {
    let mut place = text.span.clone();
    if place.len() == text.value.len().saturating_add(2) {
        let end = place.end.saturating_sub(1);
        let start = place.start.saturating_add(1).saturating_add(error.offset);
        place = start.min(end)..end;
    }
    Diagnostic::error(
        codes::BAD_VALUE,
        &place,
        format!("selector {}: {}", quoted(&text.value), error.what),
    )
    .hint(error.hint.clone())
}

/// Names of alerts; a blank one would expect nothing, whatever its writer thought.
pub(super) fn expect_alerts(value: &Value, problems: &mut Problems) -> Vec<Located<String>> {
    let list = value.list(problems);
    if list.len() > EXPECT_ALERTS_MAX {
        problems.push(Diagnostic::error(
            codes::TOO_MANY_ENTRIES,
            value.span(),
            format!("more than {EXPECT_ALERTS_MAX} expected alerts"),
        ));
        return Vec::new();
    }
    let mut names = Vec::new();
    for item in list {
        let Some(name) = item.scalar(problems) else {
            continue;
        };
        if name.value.trim().is_empty() {
            problems.push(
                Diagnostic::error(codes::BAD_VALUE, &name.span, "an alert without a name")
                    .hint("write the name as the alerting system shows it: `InstanceDown`"),
            );
        } else {
            names.push(name.clone());
        }
    }
    names
}

fn environment(out: &mut Maintenance, value: &Value, problems: &mut Problems) {
    let entries = value.table(problems);
    if entries.len() > ENVIRONMENT_MAX {
        problems.push(Diagnostic::error(
            codes::TOO_MANY_ENTRIES,
            value.span(),
            format!("more than {ENVIRONMENT_MAX} entries in `[environment]`"),
        ));
        return;
    }
    for Entry { key, value } in entries {
        let Some(text) = value.scalar(problems) else {
            continue;
        };
        match refused_variable(&key.value, &text.value) {
            None => {
                out.environment.insert(key.value.clone(), text.clone());
            }
            Some((why, hint)) => problems.push(
                Diagnostic::error(
                    codes::ENVIRONMENT,
                    &key.span,
                    format!("environment {} {why}", quoted(&key.value)),
                )
                .hint(hint),
            ),
        }
    }
}

/// Why a variable cannot be passed to a command, and what to do.
pub(super) fn refused_variable(name: &str, value: &str) -> Option<(&'static str, &'static str)> {
    if !is_variable(name) {
        return Some((
            "is not a shell name",
            "letters, digits and `_`, not beginning with a digit",
        ));
    }
    if name.starts_with("WARROOM_") {
        return Some((
            "is reserved",
            "names beginning with `WARROOM_` are set by the program; choose another",
        ));
    }
    if value.contains('\0') {
        return Some(("holds a NUL byte", "no command can receive it; remove it"));
    }
    // The plan that people sign writes `NAME=value`.
    let signed = signed_len(name)
        .saturating_add(1)
        .saturating_add(signed_len(value));
    (signed > SIGNED_VALUE_BYTES_MAX).then_some((
        "is too long to be signed",
        "put the value into a file and name the file",
    ))
}

/// Bytes of a text in the encoding of what people sign (`TWO_PERSON` 5.1): printable ASCII stands for itself, every
/// other byte, `%`, and a space at an edge are three.
pub(super) fn signed_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let wide = bytes
        .iter()
        .filter(|b| !matches!(b, 0x20..=0x24 | 0x26..=0x7E))
        .count();
    let edges = match bytes {
        [] => 0,
        [one] => usize::from(*one == b' '),
        [first, .., last] => usize::from(*first == b' ').saturating_add(usize::from(*last == b' ')),
    };
    bytes
        .len()
        .saturating_add(wide.saturating_add(edges).saturating_mul(2))
}

/// Whether a shell can use the name.
pub(super) fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn read_rules(
    kind: RuleKind,
    value: &Value,
    lines: &Lines,
    problems: &mut Problems,
    rules: &mut Vec<Rule>,
) {
    for item in value.list(problems) {
        let span = item.span().clone();
        let mut rule = Rule::new(kind, span.clone(), lines.line(span.start));
        for Entry { key, value } in item.table(problems) {
            if !RULE_KEYS.contains(&key.value.as_str()) {
                let place = format!("`[[{}]]`", kind.as_str());
                unknown_key(key, &place, &RULE_KEYS, problems);
            } else if let Some(text) = value.scalar(problems) {
                rule_field(&mut rule, &key.value, text, problems);
            }
        }
        if matches!(item, Value::Table(..)) {
            rules.push(rule);
        }
    }
}

/// What a `toml phase` block says.
#[derive(Debug, Default)]
pub(super) struct PhaseSettings {
    /// The phase is the back-out plan, or is said not to be.
    pub(super) rollback: Option<bool>,
    /// What its steps are done to.
    pub(super) rollout: Option<RolloutSettings>,
    /// What is kept quiet meanwhile.
    pub(super) silence: Option<SilencePlan>,
}

/// Reads a `toml phase` block.
pub(super) fn phase(block: &Mapped, head: &Range<usize>, problems: &mut Problems) -> PhaseSettings {
    let mut rollback = None;
    let mut rollout: Option<RolloutSettings> = None;
    let mut quiet = None;
    for Entry { key, value } in tree::read(block, problems) {
        match key.value.as_str() {
            "rollback" => rollback = value.scalar(problems).and_then(|v| boolean(v, problems)),
            "silence" => quiet = silence::read(&value, problems),
            known if rollout::settings::KEYS.contains(&known) => {
                let settings = rollout.get_or_insert_with(|| RolloutSettings::new(head.clone()));
                settings.take(&key, &value, problems);
            }
            _ => {
                let keys: Vec<&str> = ["rollback", "silence"]
                    .into_iter()
                    .chain(rollout::settings::KEYS)
                    .collect();
                unknown_key(&key, "`toml phase`", &keys, problems);
            }
        }
    }
    if let Some(settings) = &rollout {
        settings.check(rollback == Some(true), problems);
    }
    PhaseSettings {
        rollback,
        rollout,
        silence: quiet,
    }
}

const RISKS: [(&str, Risk); 4] = [
    ("read", Risk::Read),
    ("change", Risk::Change),
    ("destructive", Risk::Destructive),
    ("irreversible", Risk::Irreversible),
];
const EXECUTOR_LOST: [(&str, OnExecutorLost); 2] = [
    ("continue", OnExecutorLost::Continue),
    ("terminate", OnExecutorLost::Terminate),
];

/// Reads a `toml step` block into what the info strings of the step have set so far.
pub(super) fn step(block: &Mapped, step: &mut StepSettings, problems: &mut Problems) {
    for Entry { key, value } in tree::read(block, problems) {
        if !STEP_KEYS.contains(&key.value.as_str()) {
            unknown_key(&key, "`toml step`", &STEP_KEYS, problems);
            continue;
        }
        if key.value == "roles" {
            not_yet(&key, problems);
            continue;
        }
        if key.value == "expect_alerts" {
            step.expect_alerts = expect_alerts(&value, problems);
            continue;
        }
        if key.value == "must_fire" {
            step.must_fire = expect_alerts(&value, problems);
            continue;
        }
        if key.value == "silence" {
            step.silence = silence::read(&value, problems);
            continue;
        }
        let Some(text) = value.scalar(problems) else {
            continue;
        };
        match key.value.as_str() {
            "id" => {
                let id = name(text, StepId::new, problems);
                set_once(&mut step.id, id, "id", problems);
            }
            "component" => {
                set_once(
                    &mut step.component,
                    Some(text.clone()),
                    "component",
                    problems,
                );
            }
            "risk" => raise(&mut step.risk, choice(text, &RISKS, problems), &text.span),
            "destructive" => {
                let risk = boolean(text, problems).filter(|on| *on);
                raise(&mut step.risk, risk.map(|_| Risk::Destructive), &text.span);
            }
            "irreversible" => {
                let risk = boolean(text, problems).filter(|on| *on);
                raise(&mut step.risk, risk.map(|_| Risk::Irreversible), &text.span);
            }
            "quorum" => step.quorum = quorum(text, problems),
            "switch" => {
                let is_switch = boolean(text, problems) == Some(true);
                step.switch = is_switch.then(|| key.span.clone());
            }
            "expected" => step.expected = positive_span(text, problems),
            _ => {
                step.on_executor_lost = choice(text, &EXECUTOR_LOST, problems).unwrap_or_default();
            }
        }
    }
}

fn quorum(text: &Located<String>, problems: &mut Problems) -> Option<Located<u8>> {
    let number = whole(text, u32::from(QUORUM_MAX), problems)?;
    let number = u8::try_from(number).ok()?;
    Some(Located::new(number, text.span.clone()))
}

/// Keeps the worse of two risks.
pub(super) fn raise(risk: &mut Option<Located<Risk>>, further: Option<Risk>, place: &Range<usize>) {
    if let Some(further) = further
        && risk.as_ref().is_none_or(|known| known.value < further)
    {
        *risk = Some(Located::new(further, place.clone()));
    }
}

/// Sets what a step can have one of; a second, different one is a problem.
pub(super) fn set_once<T: PartialEq>(
    slot: &mut Option<Located<T>>,
    value: Option<Located<T>>,
    what: &str,
    problems: &mut Problems,
) {
    let Some(value) = value else { return };
    match slot {
        Some(known) if known.value != value.value => problems.push(
            Diagnostic::error(
                codes::CONTRADICTION,
                &value.span,
                format!("this step has another `{what}` already"),
            )
            .hint("a step has one; keep one of them"),
        ),
        Some(_) => {}
        None => *slot = Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_length_counts_what_the_encoding_writes() {
        for (text, len) in [
            ("", 0),
            (" ", 3),
            ("a b", 3),
            (" a ", 7),
            ("50%", 5),
            ("a\nb", 5),
            ("ü", 6),
        ] {
            assert_eq!(signed_len(text), len, "{text:?}");
        }
    }
}
