//! What happens to the units of a rollout, as it is recorded. Frozen with the facts.

use super::{Halt, Quote};
use crate::domain::id::StepId;
use serde::{Deserialize, Serialize};

/// One thing that happened to a rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutNews {
    /// Place of its phase in the plan.
    pub phase: usize,
    /// What happened.
    pub event: RolloutEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum RolloutEvent {
    /// The first step of a unit is about to begin.
    UnitBegun {
        /// Which.
        component: String,
        /// What was in service then, where the phase has a floor: the sample that the floor was judged by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor: Option<Quote>,
    },
    /// A person left a unit out: every step of it that was not done.
    UnitSkipped {
        /// Which.
        component: String,
        /// Why; never empty.
        reason: String,
    },
    /// The wait behind a batch is over.
    WaitEnded {
        /// Which batch, from 1.
        batch: u32,
        /// Why a person ended it early; empty when its time was over.
        reason: String,
        /// What the canary was judged by, where it was held against the rest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quote: Option<Quote>,
    },
    /// A person wants to go on though more units failed than the plan allows.
    WentOn {
        /// How many had failed or were left out.
        failed: u32,
        /// Why; never empty.
        reason: String,
    },
    /// A person wants every next step of the phase begun by itself from now on.
    RunsOn,
    /// Nothing begins by itself any more.
    RunsOnEnded {
        /// Why.
        halt: Halt,
    },
    /// A person wants the switch taken back at once.
    SwitchBack {
        /// The switch.
        step: StepId,
        /// Why; may be empty, as one key asks for it.
        reason: String,
    },
}
