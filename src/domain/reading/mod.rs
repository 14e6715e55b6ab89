//! What connectors bring in: typed, with the time it was true, and with its failures.
//!
//! Readings are telemetry, not facts: the journal quotes those that decided something.

mod alerts;
mod catalog;
mod metrics;
mod pager;

pub use alerts::{Alert, AlertState, Silence, SilenceState};
pub use catalog::{Component, Link};
pub use metrics::{
    AlertRule, AlertRules, History, QueryAnswer, RangeAnswer, ReadFailure, Sample, Series,
    TargetHealth, float_text,
};
pub use pager::{Incident, OnCall};

use crate::domain::id::ConnectorName;
use crate::domain::time::{Moment, millis};
use crate::domain::write::Ability;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a build of a metrics server says of itself, and how far its clock is from ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// `2.42.0`, or empty when it does not say.
    pub version: String,
    /// Server clock minus our clock, milliseconds; absent when it could not be read.
    pub clock_skew_ms: Option<i64>,
}

/// How a connector does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorHealth {
    /// Which one.
    pub connector: ConnectorName,
    /// `prometheus`, `netbox`, `pagerduty`, `scrape`, `files`.
    pub system: String,
    /// Live, stale or never.
    pub liveness: Liveness,
    /// Newest good answer.
    pub last_good: Option<Moment>,
    /// What went wrong last, or empty.
    pub last_error: String,
    /// Failures in a row.
    pub failures: u32,
    /// When it will be asked again.
    pub next_try: Option<Moment>,
    /// Time the newest answer took.
    #[serde(rename = "latency_ms", with = "millis")]
    pub latency: Duration,
    /// What it can write.
    pub can: Vec<Ability>,
}

impl ConnectorHealth {
    /// True for one that only writes and was asked nothing yet: that it has not answered is no fault.
    pub fn is_unused(&self) -> bool {
        self.liveness == Liveness::Never && self.next_try.is_none() && self.failures == 0
    }
}

/// Whether there is data to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// Answered within its limit.
    Live,
    /// Answered once, not lately.
    Stale,
    /// Has never answered.
    Never,
}

/// One thing a connector tells the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reading", rename_all = "kebab-case")]
pub enum Reading {
    /// Answers of one tick's instant queries.
    Queries {
        /// Who answered.
        source: ConnectorName,
        /// One for each query that was due.
        answers: Vec<QueryAnswer>,
    },
    /// Past values, after attach or start.
    Ranges {
        /// Who answered.
        source: ConnectorName,
        /// One for each rule.
        answers: Vec<RangeAnswer>,
    },
    /// All alerts there are now.
    Alerts {
        /// Who answered.
        source: ConnectorName,
        /// Pending and firing ones; at most 500.
        alerts: Vec<Alert>,
    },
    /// Build and clock of a server.
    Info {
        /// Who answered.
        source: ConnectorName,
        /// What it said.
        info: ServerInfo,
    },
    /// All silences that hold or will hold.
    Silences {
        /// Who answered.
        source: ConnectorName,
        /// At most 500.
        silences: Vec<Silence>,
    },
    /// What a metrics server watches, of the touched components.
    Targets {
        /// Who answered.
        source: ConnectorName,
        /// At most 500.
        targets: Vec<TargetHealth>,
    },
    /// The alerting rules of a metrics server.
    AlertRules {
        /// Who answered.
        source: ConnectorName,
        /// All of them, as far as they are known.
        known: AlertRules,
    },
    /// All components known to a CMDB (of those asked for).
    Components {
        /// Who answered.
        source: ConnectorName,
        /// At most 5,000.
        components: Vec<Component>,
    },
    /// Who is on call.
    OnCalls {
        /// Who answered.
        source: ConnectorName,
        /// At most 500.
        on_calls: Vec<OnCall>,
    },
    /// Open incidents.
    Incidents {
        /// Who answered.
        source: ConnectorName,
        /// At most 500.
        incidents: Vec<Incident>,
    },
    /// How a connector does; sent at each change and at each success.
    Health(ConnectorHealth),
}
