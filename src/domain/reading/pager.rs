//! Readings of pagers: who is on call, and open incidents.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Who answers the pager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnCall {
    /// Schedule, rota or escalation policy.
    pub rota: String,
    /// Escalation level, 1 first.
    pub level: u8,
    /// Display name of the person.
    pub person: String,
    /// How to reach them, or empty.
    pub contact: String,
    /// Start of this shift.
    pub from: Option<Timestamp>,
    /// Hand-over.
    pub until: Option<Timestamp>,
    /// Who follows, or empty.
    pub next: String,
    /// Whom or what they answer for, as the source knows it: names of components, services or owning teams. Empty when
    /// the source does not say.
    pub covers: Vec<String>,
}

/// An open incident of a pager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Vendor's id.
    pub id: String,
    /// One line.
    pub title: String,
    /// `triggered`, `acknowledged`, or the vendor's word.
    pub status: String,
    /// Service it is on.
    pub service: String,
    /// `high`, `low`, or empty.
    pub urgency: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Page about it, or empty.
    pub url: String,
}
