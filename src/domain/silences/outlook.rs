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
    /// Readings are kept: the plan has, or had, a silence.
    pub is_kept: bool,
}

impl Outlook {
    /// Nothing is known yet.
    pub fn at(since: Timestamp, is_kept: bool) -> Self {
        Self {
            since,
            is_kept,
            ..Self::default()
        }
    }

    /// Keeps readings from now on, behind those that are known already: an amendment has brought the first silence.
    pub fn keep_from(&mut self, known: &Board, now: Timestamp) {
        self.board.alerts.clone_from(&known.alerts);
        self.board.targets.clone_from(&known.targets);
        self.board.alert_rules.clone_from(&known.alert_rules);
        self.board.components.clone_from(&known.components);
        self.board.health.clone_from(&known.health);
        self.since = now;
        self.is_kept = true;
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
