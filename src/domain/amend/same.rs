//! Whether two plans say the same of a step, a phase or a rule, wherever it stands in its document.

use crate::domain::runbook::plan::{ExecBlock, MetricRule, PlanBlock, PlanStep};
use std::collections::BTreeMap;

/// A step without what only says where it stands and how it is told: two of the same do the same.
pub(super) fn bare(step: &PlanStep) -> PlanStep {
    // What a person does by hand is what is written there.
    let is_by_hand = step.blocks.is_empty() || step.has_hand_work();
    let prose = step.prose.as_str();
    let mut bare = PlanStep {
        number: String::new(),
        prose: if is_by_hand { prose } else { "" }.to_owned(),
        phase: 0,
        parent: None,
        depth: 0,
        ticked: false,
        line: 0,
        ..step.clone()
    };
    for block in &mut bare.blocks {
        match block {
            PlanBlock::Exec(exec) => exec.line = 0,
            PlanBlock::Gate(gate) => gate.line = 0,
        }
    }
    if let Some(undo) = &mut bare.undo {
        undo.line = 0;
    }
    for expect in &mut bare.expects {
        expect.line = 0;
    }
    bare
}

/// The way back without its line.
pub(super) fn way_back(step: &PlanStep) -> Option<ExecBlock> {
    let undo = step.undo.clone()?;
    Some(ExecBlock { line: 0, ..undo })
}

/// A rule without its line, its phase by the place that has in the other plan.
pub(super) fn bare_rule(rule: &MetricRule, phases: Option<&BTreeMap<usize, usize>>) -> MetricRule {
    let moved = |phase: usize| match phases {
        // A phase that is gone is no other's.
        Some(phases) => phases.get(&phase).copied().unwrap_or(usize::MAX),
        None => phase,
    };
    MetricRule {
        line: 0,
        phase: rule.phase.map(moved),
        ..rule.clone()
    }
}
