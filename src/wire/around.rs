//! What lies around a session: where the systems are that it watches with, and what other sessions of its host do.

use crate::domain::radius::{DEPTH_DEFAULT, Post};
use crate::domain::scope::Claim;
use serde::{Deserialize, Serialize};

/// What a client is told of it, at attach and whenever it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around {
    /// Steps of dependency that the blast radius follows, where the runbook names no number.
    pub depth: u8,
    /// The session's host, its connectors, the runbook's Git host.
    pub posts: Vec<Post>,
    /// What the other sessions of the host say of themselves; or why nobody knows.
    pub others: Result<Vec<Claim>, String>,
    /// At the newest look the runbook on the disk was not the one the session is pinned to.
    #[serde(default)]
    pub is_runbook_changed: bool,
}

impl Default for Around {
    fn default() -> Self {
        Self {
            depth: DEPTH_DEFAULT,
            posts: Vec::new(),
            others: Err("nobody has looked yet".to_owned()),
            is_runbook_changed: false,
        }
    }
}
