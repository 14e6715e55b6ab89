//! What was said of silences of the program's own.

use crate::domain::fact::Withheld;
use crate::domain::write::Lifetime;
use serde::{Deserialize, Serialize};

/// What was said last of one silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceState {
    /// Which.
    pub lifetime: Lifetime,
    /// Why it is not made; absent while it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
    /// Why people go on without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<String>,
    /// Alerts that it is for, in place of those of the runbook.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<String>,
    /// Writes up to this number belong to earlier tries.
    #[serde(default)]
    pub after: u32,
}

impl SilenceState {
    /// Nothing was said yet.
    pub const fn new(lifetime: Lifetime) -> Self {
        Self {
            lifetime,
            withheld: None,
            without: None,
            alerts: Vec::new(),
            after: 0,
        }
    }
}
