//! A plan as lines that people compare: everything it says, and nothing that only says where it stands in its file.
//!
//! Made from the serialized form, so that a field nobody thought of here is in it all the same.

use crate::domain::runbook::plan::Plan;
use serde::Serialize;
use serde_json::{Map, Value};

/// What only says where something stands; the order of steps is a section of its own.
const PLACES: [&str; 5] = ["line", "number", "phase", "parent", "depth"];
/// What has sections of its own.
const PARTS: [&str; 3] = ["phases", "steps", "rules"];

/// A part of a plan, under the name by which it is found in another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) lines: Vec<String>,
}

/// The whole plan in sections; no two have one name.
pub(super) fn sections(plan: &Plan) -> Vec<Section> {
    let mut sections = vec![Section {
        name: "the maintenance".to_owned(),
        lines: lines(plan, &PARTS),
    }];
    let mut headings = Vec::new();
    for phase in &plan.phases {
        let again = headings.iter().filter(|title| **title == &phase.title);
        let again = match again.count() {
            0 => String::new(),
            more => format!(" ({} of that name)", more.saturating_add(1)),
        };
        headings.push(&phase.title);
        sections.push(Section {
            name: format!("phase `{}`{again}", phase.title),
            lines: lines(phase, &PLACES),
        });
    }
    sections.push(order(plan));
    for step in &plan.steps {
        sections.push(Section {
            name: format!("step `{}`", step.id),
            lines: lines(step, &PLACES),
        });
    }
    for rule in &plan.rules {
        let mut of_rule = lines(rule, &PLACES);
        let phase = rule.phase.and_then(|phase| plan.phases.get(phase));
        of_rule.extend(phase.map(|phase| format!("phase: {}", phase.title)));
        sections.push(Section {
            name: format!("rule `{}`", rule.id),
            lines: of_rule,
        });
    }
    sections
}

/// Headings and steps in their order, sub-steps indented.
fn order(plan: &Plan) -> Section {
    let mut lines = Vec::new();
    for (place, phase) in plan.phases.iter().enumerate() {
        let back = if phase.rollback { " (way back)" } else { "" };
        let marks = "#".repeat(usize::from(phase.level));
        lines.push(format!("{marks} {}{back}", phase.title));
        for step in plan.steps.iter().filter(|step| step.phase == place) {
            let indent = "  ".repeat(usize::from(step.depth));
            lines.push(format!("{indent}- {}: {}", step.id, step.title));
        }
    }
    Section {
        name: "the order of steps".to_owned(),
        lines,
    }
}

fn lines(part: &impl Serialize, without: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    match serde_json::to_value(part) {
        Ok(Value::Object(mut fields)) => {
            for name in without {
                fields.remove(*name);
            }
            // The same field means a line of the file wherever a block has it.
            for list in ["blocks", "expects"] {
                if let Some(Value::Array(items)) = fields.get_mut(list) {
                    items.iter_mut().for_each(without_line);
                }
            }
            if let Some(undo) = fields.get_mut("undo") {
                without_line(undo);
            }
            table(&fields, 0, &mut lines);
        }
        Ok(other) => value("it", &other, 0, &mut lines),
        // Plain data always is one; if it ever is not, it must not look as if there were nothing.
        Err(error) => lines.push(format!("it cannot be shown: {error}")),
    }
    lines
}

fn without_line(block: &mut Value) {
    if let Value::Object(fields) = block {
        fields.remove("line");
    }
}

fn table(fields: &Map<String, Value>, depth: usize, lines: &mut Vec<String>) {
    for (name, field) in fields {
        value(name, field, depth, lines);
    }
}

fn value(name: &str, value: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let deeper = depth.saturating_add(1);
    match value {
        Value::Null => {}
        Value::String(text) if text.contains('\n') => {
            lines.push(format!("{indent}{name}:"));
            text_lines(text, deeper, lines);
        }
        Value::String(text) => lines.push(format!("{indent}{name}: {text}")),
        Value::Bool(_) | Value::Number(_) => lines.push(format!("{indent}{name}: {value}")),
        Value::Array(items) => {
            if !items.is_empty() {
                lines.push(format!("{indent}{name}:"));
            }
            for item in items {
                listed(item, deeper, lines);
            }
        }
        Value::Object(fields) => {
            lines.push(format!("{indent}{name}:"));
            table(fields, deeper, lines);
        }
    }
}

fn listed(item: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match item {
        Value::String(text) if text.contains('\n') => {
            lines.push(format!("{indent}-"));
            text_lines(text, depth.saturating_add(1), lines);
        }
        Value::String(text) => lines.push(format!("{indent}- {text}")),
        Value::Object(fields) => {
            lines.push(format!("{indent}-"));
            table(fields, depth.saturating_add(1), lines);
        }
        Value::Array(_) => value("-", item, depth, lines),
        Value::Null | Value::Bool(_) | Value::Number(_) => lines.push(format!("{indent}- {item}")),
    }
}

/// Each line behind a bar, so that spaces and empty lines at its ends are seen as what they are.
fn text_lines(text: &str, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    lines.extend(text.split('\n').map(|line| format!("{indent}| {line}")));
}
