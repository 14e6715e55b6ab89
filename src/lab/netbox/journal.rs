//! What is written into the lab's NetBox: journal entries, and the states of machines.

use super::super::catalog::Kind;
use crate::domain::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Entries remembered: more than a demo writes.
const ENTRIES_MAX: usize = 100;

/// States of a machine with their labels. Source: NetBox 4.2, `DeviceStatusChoices`, those that virtual machines have too.
pub(super) const STATES: [(&str, &str); 6] = [
    ("offline", "Offline"),
    ("active", "Active"),
    ("planned", "Planned"),
    ("staged", "Staged"),
    ("failed", "Failed"),
    ("decommissioning", "Decommissioning"),
];

/// One journal entry.
#[derive(Debug, Clone)]
struct Entry {
    id: u64,
    kind: Kind,
    object: u64,
    text: String,
    at_ms: i64,
}

/// All that was written.
#[derive(Debug, Default)]
pub(in crate::lab) struct Journal {
    entries: Vec<Entry>,
    made: u64,
    /// States that were set, by kind and id.
    states: BTreeMap<(bool, u64), &'static str>,
}

/// `dcim.device`, `virtualization.virtualmachine`.
pub(super) const fn object_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Device => "dcim.device",
        Kind::VirtualMachine => "virtualization.virtualmachine",
    }
}

const fn key(kind: Kind, object: u64) -> (bool, u64) {
    (matches!(kind, Kind::VirtualMachine), object)
}

impl Journal {
    /// Writes an entry; gives it as the API shows it.
    pub(super) fn write(
        &mut self,
        (kind, object): (Kind, u64),
        text: &str,
        (now_ms, base): (i64, &str),
    ) -> Value {
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.remove(0);
        }
        self.made = self.made.saturating_add(1);
        let entry = Entry {
            id: self.made,
            kind,
            object,
            text: text.to_owned(),
            at_ms: now_ms,
        };
        let shown = show(&entry, base);
        self.entries.push(entry);
        shown
    }

    /// One entry.
    pub(super) fn one(&self, id: u64, base: &str) -> Option<Value> {
        let found = self.entries.iter().find(|entry| entry.id == id);
        found.map(|entry| show(entry, base))
    }

    /// Entries under an object, or all, that have a text in them; the newest first.
    pub(super) fn find(&self, under: Option<(&str, &str)>, text: &str, base: &str) -> Vec<Value> {
        let is_under = |entry: &&Entry| {
            under.is_none_or(|(kind, id)| {
                object_type(entry.kind) == kind && entry.object.to_string() == id
            })
        };
        let has_text = |entry: &&Entry| entry.text.to_lowercase().contains(&text.to_lowercase());
        let newest_first = self.entries.iter().rev();
        let found = newest_first.filter(is_under).filter(has_text);
        found.map(|entry| show(entry, base)).collect()
    }

    /// Sets the state of a machine; false for a word that is none.
    pub(super) fn set(&mut self, kind: Kind, object: u64, state: &str) -> bool {
        let Some((word, _)) = STATES.iter().find(|(word, _)| *word == state) else {
            return false;
        };
        self.states.insert(key(kind, object), word);
        true
    }

    /// The state that somebody set, with its label.
    pub(super) fn state(&self, kind: Kind, object: u64) -> Option<(&'static str, &'static str)> {
        let set = self.states.get(&key(kind, object))?;
        STATES.iter().copied().find(|(word, _)| word == set)
    }
}

fn show(entry: &Entry, base: &str) -> Value {
    let at = Timestamp::from_millis(entry.at_ms).to_string();
    json!({
        "id": entry.id, "url": format!("{base}/api/extras/journal-entries/{}/", entry.id),
        "display_url": format!("{base}/extras/journal-entries/{}/", entry.id), "display": format!("{at} (Info)"),
        "assigned_object_type": object_type(entry.kind), "assigned_object_id": entry.object, "assigned_object": null,
        "created": at, "last_updated": at, "created_by": 1, "kind": {"value": "info", "label": "Info"},
        "comments": entry.text, "tags": [], "custom_fields": {},
    })
}
