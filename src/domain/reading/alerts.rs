//! Readings of alerting systems: alerts, and what keeps them quiet.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// State of an alert, as Prometheus names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Expression true, not yet long enough.
    Pending,
    /// Firing.
    Firing,
}

/// One alert of an alerting system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Value of `alertname`.
    pub name: String,
    /// Pending or firing.
    pub state: AlertState,
    /// Value of the `severity` label, or empty.
    pub severity: String,
    /// `summary` annotation, else `description`, else empty.
    pub summary: String,
    /// All labels, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What keeps it quiet: ids of silences or downtimes, or the vendor's word; empty when it is heard.
    pub silenced_by: Vec<String>,
}

/// Whether a silence holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SilenceState {
    /// Begins later.
    Pending,
    /// Holds.
    Active,
    /// Has ended.
    Expired,
}

/// A silence, downtime or maintenance window of an alerting system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Vendor's id.
    pub id: String,
    /// What it mutes, one text for each condition: `instance="db-1"`, or names of hosts and services.
    pub mutes: Vec<String>,
    /// Who made it.
    pub by: String,
    /// Why. The marker of a write is part of it.
    pub comment: String,
    /// When it begins.
    pub from: Option<Timestamp>,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Whether it holds.
    pub state: SilenceState,
}
