//! What every CMDB connector does the same way: unique names, bounds, and the mark under what is written.

use crate::domain::id::ConnectorName;
use crate::domain::reading::{Component, Reading};
use std::collections::BTreeSet;

/// Components kept of one source; [`Reading::Components`] promises no more.
pub(super) const COMPONENTS_MAX: usize = 5000;

/// Names one component may depend on: a longer list is a mistake in the CMDB.
const DEPENDENCIES_MAX: usize = 200;

/// Names given so far. In no CMDB are the names of all objects unique.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// The name itself, or with what tells it from the others: `hv-1 (fra2)`, else `hv-1 #31`.
    pub(super) fn unique(&mut self, name: &str, qualifier: &str, id: &str) -> String {
        let further = [
            (!qualifier.is_empty()).then(|| format!("{name} ({qualifier})")),
            Some(format!("{name} #{id}")),
        ];
        let mut unique = name.to_owned();
        for candidate in further.into_iter().flatten() {
            if !self.0.contains(&unique) {
                break;
            }
            unique = candidate;
        }
        let mut number = 2_u64;
        while self.0.contains(&unique) {
            unique = format!("{name} #{id}.{number}");
            number = number.saturating_add(1);
        }
        self.0.insert(unique.clone());
        unique
    }
}

/// Trimmed, in order, without empty and repeated names.
pub(super) fn tidy(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names
        .into_iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && seen.insert(name.clone()))
        .take(DEPENDENCIES_MAX)
        .collect()
}

/// Sorted by name and cut to [`COMPONENTS_MAX`], with what has to be said when some are left out; `hint` says how to ask
/// for fewer.
pub(super) fn reading(
    source: &ConnectorName,
    mut components: Vec<Component>,
    hint: &str,
) -> (Reading, Option<String>) {
    components.sort_by(|a, b| a.name.cmp(&b.name));
    let dropped = components.len().saturating_sub(COMPONENTS_MAX);
    let trouble = (dropped > 0)
        .then(|| format!("{dropped} components beyond {COMPONENTS_MAX} are left out: {hint}"));
    components.truncate(COMPONENTS_MAX);
    let reading = Reading::Components {
        source: source.clone(),
        components,
    };
    (reading, trouble)
}

/// What is written under a component: the text, who wrote it, and the mark it is found by.
pub(super) fn entry(text: &str, by: &str, marker: &str) -> String {
    format!("{text}\n\n{by}, {}", mark(marker))
}

/// The mark, closed at both ends: that of the first write would be found in that of the tenth otherwise.
pub(super) fn mark(marker: &str) -> String {
    format!("[warroom {marker}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_unique_by_what_tells_them_apart() {
        let mut names = Names::default();
        let given: Vec<String> = [
            ("a", "fra", "1"),
            ("a", "fra", "2"),
            ("a", "fra", "3"),
            ("a", "", "3"),
            ("b", "", "4"),
        ]
        .into_iter()
        .map(|(name, site, id)| names.unique(name, site, id))
        .collect();
        assert_eq!(given, ["a", "a (fra)", "a #3", "a #3.2", "b"]);
    }

    #[test]
    fn a_mark_is_not_found_in_a_longer_one() {
        let entry = entry("moved", "Mira", "db/12");
        assert_eq!(entry, "moved\n\nMira, [warroom db/12]");
        assert!(entry.contains(&mark("db/12")));
        assert!(!entry.contains(&mark("db/1")));
    }
}
