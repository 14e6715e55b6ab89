//! Templates to concrete steps: for each unit, in the order of the batches, every step of the phase.

use super::super::codes;
use super::super::diagnostic::{Diagnostic, Problems};
use super::super::ids::{Taken, UNIT_STEP_MAX, rule_words, unit_words};
use super::super::limits::{RULES_MAX, STEPS_MAX};
use super::super::model::{Block, Phase, Runbook, Step};
use super::super::plan::{
    Against, Compare, ExecRole, Floor, PlanBlock, PlanStep, Rollout, Sides, Soak, Strategy, Unit,
};
use super::super::promql;
use super::super::resolve::plan_step;
use super::super::rules::{is_evaluated, unreadable};
use super::super::source::Mapped;
use super::super::template::Names;
use super::Cmdb;
use super::settings::RolloutSettings;
use super::units::{self, Chosen, UnitNames};
use crate::domain::id::{RuleId, StepId};
use crate::domain::threshold::{Limit, Op};
use std::collections::BTreeSet;

/// Label that names a scraped machine, unless the runbook says another.
const BY_DEFAULT: &str = "instance";

/// Number and id of each template step, as they would be without units.
pub(in crate::domain::runbook) struct Marks {
    pub(in crate::domain::runbook) phases: Vec<String>,
    /// Place of the phase around each phase.
    pub(in crate::domain::runbook) around: Vec<Option<usize>>,
    pub(in crate::domain::runbook) steps: Vec<String>,
    pub(in crate::domain::runbook) ids: Vec<Option<StepId>>,
}

/// A phase with its units.
pub(in crate::domain::runbook) struct Group {
    pub(in crate::domain::runbook) rollout: Rollout,
    units: Vec<(Unit, UnitNames)>,
}

/// Finds units and rules of every phase that is a rollout; nothing for the others.
pub(in crate::domain::runbook) fn groups(
    runbook: &Runbook,
    marks: &Marks,
    names: &Names<'_>,
    cmdb: Cmdb<'_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Vec<Option<Group>> {
    let phases = runbook.phases.iter().enumerate();
    phases
        .map(|(index, phase)| {
            let settings = phase.rollout.as_deref();
            let steps = steps_of(runbook, index);
            check_switch(phase, settings, &steps, problems);
            let settings = settings?;
            check_shape(runbook, index, marks, settings, &steps, problems);
            let chosen = units::choose(settings, names, cmdb, problems)?;
            let rollout = rules(settings, phase, &chosen, names, taken, problems);
            let mut units = chosen.units;
            for (unit, words) in &mut units {
                unit.env = units::variables(&steps, words, problems);
            }
            Some(Group { rollout, units })
        })
        .collect()
}

fn steps_of(runbook: &Runbook, phase: usize) -> Vec<&Step> {
    let first = runbook.steps.partition_point(|step| step.phase < phase);
    let steps = runbook.steps.iter().skip(first);
    steps.take_while(|step| step.phase == phase).collect()
}

/// What would make it unclear which steps belong to a unit, or in which order.
fn check_shape(
    runbook: &Runbook,
    index: usize,
    marks: &Marks,
    settings: &RolloutSettings,
    steps: &[&Step],
    problems: &mut Problems,
) {
    if steps.is_empty() {
        let what = "this phase has no steps to do for each unit";
        problems.push(
            Diagnostic::error(codes::ROLLOUT, &settings.span, what)
                .hint("write them below its heading, before any other heading"),
        );
    }
    let is_inside = |phase: usize| {
        let mut at = phase;
        // A phase stands behind the one around it, so this ends.
        while let Some(up) = marks.around.get(at).copied().flatten() {
            if up == index {
                return true;
            }
            at = up;
        }
        false
    };
    if let Some(inner) = runbook.steps.iter().find(|step| is_inside(step.phase)) {
        let what = "steps below a heading inside of a phase with units";
        problems.push(
            Diagnostic::error(codes::ROLLOUT, &inner.span, what)
                .hint("move the heading out of the phase, or its steps above it: units are done one after the other, with all their steps"),
        );
    }
    if runbook
        .maintenance
        .environment
        .contains_key(super::super::plan::COMPONENT)
    {
        let what = "`component` is in `[environment]`, and is the unit in this phase";
        problems.push(
            Diagnostic::error(codes::ROLLOUT, &settings.span, what)
                .hint("give the entry of the environment table another name"),
        );
    }
}

/// The switch is one step, with a way back, at the end of a blue-green phase, and nowhere else.
fn check_switch(
    phase: &Phase,
    settings: Option<&RolloutSettings>,
    steps: &[&Step],
    problems: &mut Problems,
) {
    let mut refuse = |span: &std::ops::Range<usize>, what: &str, hint: &str| {
        problems.push(Diagnostic::error(codes::ROLLOUT, span, what).hint(hint));
    };
    let is_two_sided = settings.is_some_and(|s| s.strategy == Strategy::BlueGreen);
    let last = steps.iter().rposition(|step| step.depth == 0);
    let mut count = 0_usize;
    for (place, step) in steps.iter().enumerate() {
        let Some(span) = &step.settings.switch else {
            continue;
        };
        count = count.saturating_add(1);
        let has = |role| {
            let is = |block: &Block| matches!(block, Block::Exec(exec) if exec.role == role);
            step.blocks.iter().any(is)
        };
        if !is_two_sided {
            refuse(
                span,
                "`switch` is for a phase with the strategy `blue-green`",
                "write `strategy = \"blue-green\"` in its ```toml phase block",
            );
        } else if last != Some(place) || place.saturating_add(1) != steps.len() {
            refuse(
                span,
                "the switch is not the last step of its phase",
                "what follows it belongs into a phase of its own: until that begins one key takes the switch back",
            );
        } else if !has(ExecRole::Run) || !has(ExecRole::Undo) {
            refuse(
                span,
                "a switch without a `run` and an `undo` block",
                "the `undo` block is what one key runs to switch back",
            );
        }
    }
    if let Some(settings) = settings.filter(|_| is_two_sided && count != 1) {
        let title = phase.title.as_str().trim();
        let what = format!("the blue-green phase `{title}` has {count} steps with `switch`");
        refuse(
            &settings.span,
            &what,
            "mark the one that moves the traffic: `switch = true` in its ```toml step block",
        );
    }
}

fn rules(
    settings: &RolloutSettings,
    phase: &Phase,
    chosen: &Chosen,
    names: &Names<'_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Rollout {
    let title = phase.title.as_str().trim();
    let mut id = |kind: &str| RuleId::new(&taken.make(rule_words(&format!("{kind}-{title}")))).ok();
    let floor_id = settings.floor.as_ref().and_then(|_| id("floor"));
    let compare_id = settings.compare.as_ref().and_then(|_| id("compare"));
    let floor = settings.floor.as_ref().zip(floor_id);
    let floor = floor.and_then(|(expr, id)| {
        let (expr, limit) = floor_of(settings, expr, names, problems)?;
        let source = settings.source.clone();
        Some(Floor {
            id,
            expr,
            limit,
            source,
        })
    });
    let compare = settings.compare.as_ref().zip(compare_id);
    let compare = compare.and_then(|(expr, id)| compare_of(settings, expr, id, names, problems));
    let sides = settings.idle.map(|idle| Sides {
        idle,
        live: chosen.live.clone(),
    });
    Rollout {
        for_each: settings
            .targets()
            .map(|target| target.value.clone())
            .collect(),
        strategy: settings.strategy,
        pause: settings.pause,
        max_failed: settings.max_failed,
        floor,
        soak: settings.soak.map(|time| Soak { time, compare }),
        sides,
    }
}

fn floor_of(
    settings: &RolloutSettings,
    written: &Mapped,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<(String, Limit)> {
    let text = names.fill_query(written, problems);
    let condition = promql::condition(&text)
        .map_err(|why| unreadable(written, why, problems))
        .ok()?;
    let is_lower = matches!(condition.limit.op, Op::Gt | Op::Ge);
    if condition.filters || !is_lower {
        let what = "a floor is a value that must stay above a number";
        problems.push(
            Diagnostic::error(codes::EXPRESSION, &written.span(), what)
                .hint("end it with `>= N`: `floor = 'sum(up{job=\"db\"}) >= 2'`"),
        );
        return None;
    }
    is_evaluated(written, &condition.expr, settings.source.as_ref(), problems)
        .then_some((condition.expr, condition.limit))
}

fn compare_of(
    settings: &RolloutSettings,
    written: &Mapped,
    id: RuleId,
    names: &Names<'_>,
    problems: &mut Problems,
) -> Option<Compare> {
    let text = names.fill_query(written, problems);
    let condition = promql::condition(&text)
        .map_err(|why| unreadable(written, why, problems))
        .ok()?;
    // Without a number at its end the condition is that of a gate: "not 0".
    let has_limit = condition.expr.trim() != text.trim() && condition.limit.op != Op::Ne;
    let against = match (settings.max_ratio, settings.max_difference, has_limit) {
        (Some(ratio), None, false) => Against::Ratio(ratio),
        (None, Some(difference), false) => Against::Difference(difference),
        (None, None, true) => Against::Limit(condition.limit),
        (None, None, false) => {
            let what = "nothing says how far the canary may be off";
            problems.push(
                Diagnostic::error(codes::NO_LIMIT, &written.span(), what)
                    .hint("add `max_ratio = 1.5` or `max_difference = 0.05`, or end the query with a limit: `< 0.01`"),
            );
            return None;
        }
        _ => {
            let what = "the canary has more than one limit";
            problems.push(
                Diagnostic::error(codes::ROLLOUT, &written.span(), what)
                    .hint("keep one of `max_ratio`, `max_difference` and the limit in the query"),
            );
            return None;
        }
    };
    if !is_evaluated(written, &condition.expr, settings.source.as_ref(), problems) {
        return None;
    }
    let by = settings.compare_by.as_deref().unwrap_or(BY_DEFAULT);
    Some(Compare {
        id,
        expr: condition.expr,
        by: by.to_owned(),
        against,
        source: settings.source.clone(),
    })
}

/// All steps of the plan: those of ordinary phases as they are, templates once for each unit.
pub(in crate::domain::runbook) fn steps(
    runbook: &Runbook,
    marks: &Marks,
    groups: &[Option<Group>],
    names: &Names<'_>,
    (step_ids, rule_ids): (&mut Taken, &mut Taken),
    problems: &mut Problems,
) -> Vec<PlanStep> {
    let mut build = Build {
        runbook,
        marks,
        environment: names,
        step_ids,
        rule_ids,
        out: Vec::with_capacity(runbook.steps.len()),
    };
    let mut at = 0;
    while let Some(first) = runbook.steps.get(at) {
        let phase = first.phase;
        let end = runbook.steps.partition_point(|step| step.phase <= phase);
        match groups.get(phase).and_then(Option::as_ref) {
            None => build.plain(at..end, problems),
            Some(group) => build.group(phase, group, at..end, problems),
        }
        at = end.max(at.saturating_add(1));
    }
    let gates = build.out.iter().flat_map(|step| &step.blocks);
    let gates = gates.filter(|b| matches!(b, PlanBlock::Gate(_))).count();
    let effects: usize = build.out.iter().map(|step| step.expects.len()).sum();
    let gates = gates.saturating_add(effects);
    if groups.iter().any(Option::is_some) && gates.saturating_add(runbook.rules.len()) > RULES_MAX {
        let what =
            format!("more than {RULES_MAX} gates, guards and effects with those of each unit");
        problems.push(
            Diagnostic::error(codes::TOO_MANY_RULES, &place(runbook), what).hint(
                "each is a query every few seconds: wait in a `verify` of the step, or take fewer units",
            ),
        );
    }
    build.out
}

/// Where the first rollout is written.
fn place(runbook: &Runbook) -> std::ops::Range<usize> {
    let settings = runbook
        .phases
        .iter()
        .find_map(|phase| phase.rollout.as_deref());
    settings.map_or(0..0, |settings| settings.span.clone())
}

struct Build<'a> {
    runbook: &'a Runbook,
    marks: &'a Marks,
    environment: &'a Names<'a>,
    step_ids: &'a mut Taken,
    rule_ids: &'a mut Taken,
    out: Vec<PlanStep>,
}

impl Build<'_> {
    /// Steps as they are written. Their places in the plan lie behind those of units before them.
    fn plain(&mut self, range: std::ops::Range<usize>, problems: &mut Problems) {
        let shift = self.out.len();
        let start = range.start;
        for place in range {
            let id = self.marks.ids.get(place).cloned().flatten();
            let number = self.marks.steps.get(place).cloned().unwrap_or_default();
            let Some(step) = self.runbook.steps.get(place) else {
                continue;
            };
            let planned = plan_step(step, number, id, self.environment, self.rule_ids, problems);
            let moved = |parent: usize| parent.checked_sub(start)?.checked_add(shift);
            self.out.extend(planned.map(|planned| PlanStep {
                parent: step.parent.and_then(moved),
                ..planned
            }));
        }
    }

    fn group(
        &mut self,
        phase: usize,
        group: &Group,
        range: std::ops::Range<usize>,
        problems: &mut Problems,
    ) {
        let is_switch = |place: &usize| {
            let step = self.runbook.steps.get(*place);
            step.is_some_and(|step| step.settings.switch.is_some())
        };
        let (switches, templates): (Vec<usize>, Vec<usize>) = range.partition(is_switch);
        let count = templates.len().saturating_mul(group.units.len());
        if count.saturating_add(self.out.len()) > STEPS_MAX {
            let what = format!(
                "{} units with {} steps each make more than {STEPS_MAX} steps",
                group.units.len(),
                templates.len()
            );
            problems.push(
                Diagnostic::error(codes::TOO_MANY_UNITS, &place(self.runbook), what)
                    .hint("make the selector narrower, or several runbooks of it"),
            );
            return;
        }
        // The same mistake in a template is said once, not for each unit.
        let mut said = BTreeSet::new();
        for (number, (unit, words)) in group.units.iter().enumerate() {
            let mut found = Problems::default();
            self.unit(phase, (number, unit, words), &templates, &mut found);
            for problem in found.into_sorted() {
                let key = (problem.span.start, problem.code, problem.message.clone());
                if said.insert(key) {
                    problems.push(problem);
                }
            }
        }
        for place in switches {
            let start = self.out.len();
            self.plain(place..place.saturating_add(1), problems);
            let number = self.number(phase, group.units.len(), "");
            for step in self.out.iter_mut().skip(start) {
                step.number.clone_from(&number);
                step.switch = true;
            }
        }
    }

    /// `2.3.1`: phase, unit, and the place of the template in its phase.
    fn number(&self, phase: usize, unit: usize, rest: &str) -> String {
        let around = self.marks.phases.get(phase).map_or("", String::as_str);
        let unit = unit.saturating_add(1);
        if rest.is_empty() {
            format!("{around}.{unit}")
        } else {
            format!("{around}.{unit}.{rest}")
        }
    }

    fn unit(
        &mut self,
        phase: usize,
        (number, unit, words): (usize, &Unit, &UnitNames),
        templates: &[usize],
        problems: &mut Problems,
    ) {
        let shift = self.out.len();
        let names = Names {
            unit: Some(words),
            ..*self.environment
        };
        let around = self.marks.phases.get(phase).map_or(0, String::len);
        for place in templates {
            let Some(step) = self.runbook.steps.get(*place) else {
                continue;
            };
            let written = self.marks.steps.get(*place).map_or("", String::as_str);
            let rest = written.get(around.saturating_add(1)..).unwrap_or_default();
            let number = self.number(phase, number, rest);
            let base = self.marks.ids.get(*place).and_then(Option::as_ref);
            let id = base.and_then(|base| {
                let words = unit_words(base.as_str(), &unit.component, UNIT_STEP_MAX);
                StepId::new(&self.step_ids.make(words)).ok()
            });
            let planned = plan_step(step, number, id, &names, self.rule_ids, problems);
            let parent = step.parent.and_then(|parent| {
                let inside = templates.iter().position(|place| *place == parent)?;
                shift.checked_add(inside)
            });
            self.out.extend(planned.map(|planned| PlanStep {
                parent,
                component: planned.component.or_else(|| Some(unit.component.clone())),
                unit: Some(unit.clone()),
                ..planned
            }));
        }
    }
}
