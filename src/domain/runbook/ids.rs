//! Names of steps and rules: explicit, or made from their words so that they stay when others come and go.

use crate::domain::digest::Digest;
use std::collections::{HashMap, HashSet};

/// Bytes of the phase in a made step id.
const PHASE_MAX: usize = 20;
/// Bytes of the title in a made step id: with the phase and a suffix such as `-2000` it fits the 64 of a step id.
const TITLE_MAX: usize = 38;
/// Bytes of a made rule id: leaves room for a suffix within 96.
const RULE_MAX: usize = 80;
/// Hexadecimal digits that tell words apart whose plain forms are the same.
const MARK_LEN: usize = 6;

/// Lower-case words joined by `-`, at most `max` bytes. Where that loses letters, a piece of the text's digest tells
/// it apart; numbering them instead would make an id depend on its neighbours.
fn slug(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut has_lost = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else {
            has_lost |= c.is_alphanumeric();
            if !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    if !has_lost && !out.is_empty() && out.len() <= max {
        return out;
    }
    let mark = mark(text);
    // ASCII only from here, so that any length is a boundary.
    out.truncate(max.saturating_sub(MARK_LEN.saturating_add(1)));
    out.truncate(out.trim_end_matches('-').len());
    if out.is_empty() {
        return mark;
    }
    out.push('-');
    out.push_str(&mark);
    out
}

/// Words of a step id.
pub(super) fn step_words(phase: &str, title: &str) -> String {
    format!("{}-{}", slug(phase, PHASE_MAX), slug(title, TITLE_MAX))
}

/// Words of a rule id.
pub(super) fn rule_words(text: &str) -> String {
    slug(text, RULE_MAX)
}

/// Bytes of a step id made for a unit: a suffix such as `-2000` still fits the 64 of a step id.
pub(super) const UNIT_STEP_MAX: usize = 58;
/// Bytes of a rule id made for a unit, as above.
pub(super) const UNIT_RULE_MAX: usize = 90;
/// Bytes of the unit's name in either: what tells machines of one kind apart is at the end of longer ones, and they get
/// a mark.
const UNIT_MAX: usize = 28;

/// `ID.component` in at most `max` bytes: the same for the same id and component, whatever else the rollout has.
pub(super) fn unit_words(id: &str, component: &str, max: usize) -> String {
    let unit = unit_slug(component);
    let room = max.saturating_sub(unit.len()).saturating_sub(1);
    if id.len() <= room {
        return format!("{id}.{unit}");
    }
    let kept = id
        .get(..room.saturating_sub(MARK_LEN.saturating_add(1)))
        .unwrap_or_default();
    format!("{kept}-{}.{unit}", mark(id))
}

/// A component's name as the end of an id: what an id may hold stays as it is.
fn unit_slug(component: &str) -> String {
    let fits =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    if component.len() <= UNIT_MAX && component.chars().all(fits) {
        return component.to_owned();
    }
    let words: String = component
        .chars()
        .map(|c| {
            let c = c.to_ascii_lowercase();
            if fits(c) { c } else { '-' }
        })
        .take(UNIT_MAX.saturating_sub(MARK_LEN.saturating_add(1)))
        .collect();
    format!("{}-{}", words.trim_matches('-'), mark(component))
}

fn mark(text: &str) -> String {
    let hex = Digest::of(text.as_bytes()).to_hex();
    hex.chars().take(MARK_LEN).collect()
}

/// Names in use.
#[derive(Debug, Default)]
pub(super) struct Taken {
    names: HashSet<String>,
    next: HashMap<String, u32>,
}

impl Taken {
    /// Reserves an explicit name. False when it is taken.
    pub(super) fn reserve(&mut self, name: &str) -> bool {
        self.names.insert(name.to_owned())
    }

    /// The words themselves, or with the first free number from 2.
    pub(super) fn make(&mut self, words: String) -> String {
        if self.names.insert(words.clone()) {
            return words;
        }
        let next = self.next.entry(words.clone()).or_insert(1);
        loop {
            *next = next.saturating_add(1);
            let name = format!("{words}-{next}");
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::StepId;

    #[test]
    fn words_become_names() {
        assert_eq!(step_words("Drain", "Stop `api-1`!"), "drain-stop-api-1");
        assert_eq!(slug("  a  --  B ", 10), "a-b");
        assert_ne!(slug("größe", 20), slug("grösse", 20));
        assert_eq!(slug("日本", 20).len(), MARK_LEN);
        assert_ne!(slug("日本", 20), slug("本日", 20));
        let long = "word ".repeat(40);
        for text in ["", "日本語", "!!!", long.as_str(), "ÄÖÜ äöü"] {
            let mut taken = Taken::default();
            for _ in 0..2000 {
                let id = taken.make(step_words(text, text));
                assert!(StepId::new(&id).is_ok(), "{id}");
            }
        }
    }

    #[test]
    fn a_number_that_is_a_name_already_is_passed_over() {
        let mut taken = Taken::default();
        assert!(taken.reserve("a-2"));
        assert_eq!(taken.make("a".to_owned()), "a");
        assert_eq!(taken.make("a".to_owned()), "a-3");
        assert_eq!(taken.make("a".to_owned()), "a-4");
    }
}
