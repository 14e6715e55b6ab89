//! Alerts on touched components, as they are recorded while the work goes on. Frozen with the facts.

use crate::domain::id::ConnectorName;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which alert, on which component, by whose account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlertKey {
    /// Who tells of it.
    pub source: ConnectorName,
    /// Value of `alertname`.
    pub name: String,
    /// The touched component.
    pub component: String,
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` on {}", self.name, self.component)
    }
}

/// Something about an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum AlertEvent {
    /// It fires since the maintenance began.
    Fired {
        /// Which.
        key: AlertKey,
        /// Value of its label `severity`, or empty.
        severity: String,
        /// Since when, as far as its source knows.
        since: Option<Timestamp>,
        /// The runbook said that it would come.
        expected: bool,
    },
    /// It does not fire any more.
    Cleared {
        /// Which.
        key: AlertKey,
    },
    /// An alert that the runbook expects has not come.
    Absent {
        /// Its name.
        name: String,
        /// The runbook says that it must come.
        must_fire: bool,
        /// Why nobody can know whether it came; empty where it is known that it did not.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        unknown: String,
    },
}
