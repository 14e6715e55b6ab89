//! Where a rollout stands, apart from its steps.

use super::{Halted, RunOn};
use crate::domain::fact::Quote;
use crate::domain::id::StepId;
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one rollout beside what its steps say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RolloutState {
    /// Units that have begun, each with what was in service then where the phase has a floor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub begun: BTreeMap<String, Option<Quote>>,
    /// Units that a person left out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left_out: BTreeSet<String>,
    /// The last batch whose wait is over; 0 before the first.
    #[serde(default)]
    pub opened: u32,
    /// Since when the batches so far are done and the next one waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Moment>,
    /// Failed units that people have said they go on with.
    #[serde(default)]
    pub allowed: u32,
    /// The switch that is being taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch_back: Option<StepId>,
    /// Somebody has said that it goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_on: Option<Box<RunOn>>,
    /// Why it no longer does; absent where it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<Box<Halted>>,
}
