//! What a plan says of steps that are carried out over many components, one unit after the other.

use super::{Plan, PlanStep};
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::threshold::Limit;
use crate::domain::time::{millis, millis_opt};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How the units of a phase follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One batch after the other.
    #[default]
    Rolling,
    /// A few first, watched against the rest; then the rest in batches.
    Canary,
    /// The idle side of two, then one switch to it that can be taken back at once.
    BlueGreen,
}

impl Strategy {
    /// The word of the runbook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Canary => "canary",
            Self::BlueGreen => "blue-green",
        }
    }
}

/// The rules of a phase whose steps are there once for each unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// Names and selectors as they were written; what they meant is in the steps.
    pub for_each: Vec<String>,
    /// How the units follow each other.
    pub strategy: Strategy,
    /// Wait between two batches.
    #[serde(
        rename = "pause_ms",
        with = "millis_opt",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub pause: Option<Duration>,
    /// Units that may fail or be left out before no further one begins.
    pub max_failed: u32,
    /// What must stay in service whichever unit is taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
    /// What is waited for behind the canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<Soak>,
    /// The two sides of a blue-green phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sides: Option<Sides>,
}

/// A metric that may not fall below a limit, counted without the unit that comes next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Name of its query, unique in the session.
    pub id: RuleId,
    /// `PromQL` of what is in service, one series.
    pub expr: String,
    /// What must hold of what is left: `>= 2`.
    pub limit: Limit,
    /// Which metrics connector is asked; the first configured one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ConnectorName>,
}

/// The wait behind the canary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Soak {
    /// How long, and how long the comparison must hold without a break.
    #[serde(rename = "time_ms", with = "millis")]
    pub time: Duration,
    /// What the canary is held against; only time is waited for when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Compare>,
}

/// One query over all units, the canary's series held against those of the rest. More is worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compare {
    /// Name of its query, unique in the session.
    pub id: RuleId,
    /// `PromQL` with one series or more for each unit.
    pub expr: String,
    /// Label that names the unit: `instance`.
    pub by: String,
    /// How far the canary may be off.
    pub against: Against,
    /// Which metrics connector is asked; the first configured one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ConnectorName>,
}

/// What the worst series of the canary is held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "against", content = "value", rename_all = "kebab-case")]
pub enum Against {
    /// At most so many times the mean of the rest.
    Ratio(f64),
    /// At most so much above the mean of the rest.
    Difference(f64),
    /// A limit that each series of the canary meets, whatever the rest does.
    Limit(Limit),
}

/// The two sides of a blue-green phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// `blue` or `green`: the one the steps run on.
    pub idle: Side,
    /// Components of the other one, in order: what a switch back goes to.
    pub live: Vec<String>,
}

/// One of two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// `blue`
    Blue,
    /// `green`
    Green,
}

impl Side {
    /// The word of the runbook.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }
}

/// The component that one concrete step of a rollout is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its name.
    pub component: String,
    /// Which batch it belongs to, from 1.
    pub batch: u32,
    /// It belongs to the canary.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// What the CMDB said of it and its commands read: `unit_site` and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

impl Unit {
    /// Every variable that its commands get.
    pub fn variables(&self) -> impl Iterator<Item = (String, String)> {
        let name = (COMPONENT.to_owned(), self.component.clone());
        let more = self.env.iter();
        std::iter::once(name).chain(more.map(|(name, value)| (name.clone(), value.clone())))
    }
}

/// Variable with the name of the unit.
pub const COMPONENT: &str = "component";

impl Plan {
    /// Steps of one phase, in order, with their places.
    pub fn steps_of(&self, phase: usize) -> impl Iterator<Item = (usize, &PlanStep)> {
        // Steps are in document order, so those of a phase stand together.
        let first = self.steps.partition_point(|step| step.phase < phase);
        let steps = self.steps.iter().enumerate().skip(first);
        steps.take_while(move |(_, step)| step.phase == phase)
    }

    /// Units of one phase in their order, each once. Nothing for a phase that is no rollout.
    pub fn units_of(&self, phase: usize) -> Vec<&Unit> {
        let mut units: Vec<&Unit> = Vec::new();
        for unit in self
            .steps_of(phase)
            .filter_map(|(_, step)| step.unit.as_ref())
        {
            // Steps of a unit stand together.
            if units.last().map(|last| &last.component) != Some(&unit.component) {
                units.push(unit);
            }
        }
        units
    }

    /// The rules of a phase that is a rollout.
    pub fn rollout_of(&self, phase: usize) -> Option<&Rollout> {
        self.phases.get(phase)?.rollout.as_deref()
    }

    /// Every rollout with the place of its phase.
    pub fn rollouts(&self) -> impl Iterator<Item = (usize, &Rollout)> {
        let phases = self.phases.iter().enumerate();
        phases.filter_map(|(index, phase)| Some((index, phase.rollout.as_deref()?)))
    }
}

/// A query that a rollout is watched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// Its name, unique in the session.
    pub id: &'a RuleId,
    /// `floor` or `compare`.
    pub kind: &'static str,
    /// `PromQL` of the value.
    pub expr: &'a str,
    /// Which metrics connector is asked; the first configured one when absent.
    pub source: Option<&'a ConnectorName>,
}

impl Rollout {
    /// Every query it is watched by.
    pub fn queries(&self) -> Vec<Query<'_>> {
        let floor = self.floor.iter().map(|floor| Query {
            id: &floor.id,
            kind: "floor",
            expr: &floor.expr,
            source: floor.source.as_ref(),
        });
        let soak = self.soak.iter().filter_map(|soak| soak.compare.as_ref());
        let compare = soak.map(|compare| Query {
            id: &compare.id,
            kind: "compare",
            expr: &compare.expr,
            source: compare.source.as_ref(),
        });
        floor.chain(compare).collect()
    }
}
