//! Phases whose steps are templates: `for_each` in a `toml phase` block, from what is written to one concrete step for
//! each unit.
//!
//! Which components a selector means is said by the CMDB. Where nobody has asked it ([`Cmdb::NotAsked`]) a stand-in
//! takes the place of the units, so that a template can be checked; such a plan must not be run, and [`pending`] says
//! which ones those are.

pub(super) mod expand;
pub mod settings;
#[cfg(test)]
mod tests;
pub(super) mod units;

use super::model::{Block, Runbook, Step};
use super::template::names_an_attribute;
use crate::domain::reading::Component;
use crate::domain::selector::is_selector;
use std::collections::BTreeMap;

/// What is known of components while a plan is made.
#[derive(Debug, Clone, Copy)]
pub enum Cmdb<'a> {
    /// Nobody has asked.
    NotAsked,
    /// Everything every configured CMDB says, by name.
    Known(&'a BTreeMap<String, Component>),
}

/// A phase whose units nobody knows without the CMDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Heading of the phase.
    pub phase: String,
    /// Line of the heading, from 1.
    pub line: u32,
    /// What is asked for: the selectors, or `unit.*` where the units themselves are named.
    pub what: Vec<String>,
}

/// Phases that need the CMDB before their plan can be made, in document order.
pub fn pending(runbook: &Runbook) -> Vec<Pending> {
    let phases = runbook.phases.iter().enumerate();
    phases
        .filter_map(|(index, phase)| {
            let settings = phase.rollout.as_deref()?;
            let targets = settings.targets();
            let mut what: Vec<String> = targets
                .filter(|target| is_selector(&target.value))
                .map(|target| target.value.clone())
                .collect();
            let steps = || runbook.steps.iter().filter(|step| step.phase == index);
            if what.is_empty() && steps().any(uses_attributes) {
                what.push("unit.*".to_owned());
            }
            (!what.is_empty()).then(|| Pending {
                phase: phase.title.as_str().trim().to_owned(),
                line: phase.line,
                what,
            })
        })
        .collect()
}

/// Whether a template says something of its unit that only a CMDB knows.
fn uses_attributes(step: &Step) -> bool {
    let settings = &step.settings;
    let alerts = settings.expect_alerts.iter().chain(&settings.must_fire);
    let written = settings.component.iter().chain(alerts);
    let mut texts = [&step.title, &step.prose]
        .into_iter()
        .map(super::source::Mapped::as_str)
        .chain(written.map(|text| text.value.as_str()));
    let in_block = |block: &Block| match block {
        Block::Gate(gate) => names_an_attribute(gate.expr.as_str()),
        Block::Exec(exec) => units::ATTRIBUTES
            .iter()
            .any(|name| units::reads(exec.script.as_str(), name)),
    };
    let mut expects = step.expects.iter().map(|expect| expect.expr.as_str());
    texts.any(names_an_attribute)
        || expects.any(names_an_attribute)
        || step.blocks.iter().any(in_block)
}
