//! What silences are judged by: what the connectors tell now.

use crate::domain::board::Board;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Liveness, Reading};
use crate::domain::time::Timestamp;
use crate::domain::write::Ability;
use std::collections::BTreeMap;
use std::time::Duration;

/// Time connectors have to answer for the first time after the start: two polls of the slowest alerting system.
const FIRST_ANSWER_MAX: Duration = Duration::from_secs(30);

/// What the connectors tell of alerts, of what is monitored, and of components.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outlook {
    /// Their readings; nothing else than silences are judged by is in it.
    pub board: Board,
    /// Since when readings are taken.
    pub since: Timestamp,
    /// The server is about to end: nothing is wanted any more.
    pub closing: bool,
}

impl Outlook {
    /// Nothing is known yet.
    pub fn at(since: Timestamp) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }

    /// Takes a reading in, where silences are judged by it.
    pub fn absorb(&mut self, reading: &Reading) {
        if matches!(
            reading,
            Reading::Alerts { .. }
                | Reading::Targets { .. }
                | Reading::AlertRules { .. }
                | Reading::Components { .. }
                | Reading::Health(_)
        ) {
            self.board.absorb(reading.clone());
        }
    }

    /// Everything that can mute has said how it does.
    pub fn has_heard(&self, writers: &BTreeMap<ConnectorName, Vec<Ability>>) -> bool {
        let mut able = writers.iter();
        able.all(|(name, can)| {
            let health = self.board.health.get(name);
            !can.contains(&Ability::Mute) || health.is_some_and(|h| h.liveness != Liveness::Never)
        })
    }

    /// True while connectors may simply not have answered yet.
    pub fn is_young(&self, now: Timestamp) -> bool {
        now >= self.since && now.since(self.since) < FIRST_ANSWER_MAX
    }
}
