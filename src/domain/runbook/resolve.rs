//! [`Runbook`] to [`Plan`]: numbers, ids, risks, commands.

use super::codes;
use super::diagnostic::{Diagnostic, Problems};
use super::expect;
use super::ids::{Taken, step_words};
use super::limits::SIGNED_VALUE_BYTES_MAX;
use super::model::{Block, ExecFence, Runbook, Step};
use super::plan::{AlertRules, ExecBlock, ExecRole, Plan, PlanBlock, PlanPhase, PlanStep, Risk};
use super::rollout::Cmdb;
use super::rollout::expand::{self, Group, Marks};
use super::rules;
use super::settings::signed_len;
use super::silence;
use super::source::{Located, Mapped};
use super::template::Names;
use crate::domain::id::StepId;
use std::time::Duration;

/// Longer than any single command of a maintenance should take without saying so.
const EXEC_TIMEOUT_DEFAULT: Duration = Duration::from_secs(600);

/// Makes the plan without any CMDB: templates of a rollout whose units it names are checked with a stand-in, and what
/// [`rollout::pending`](super::rollout::pending) says of such a runbook must be looked at before the plan is used.
pub fn resolve(runbook: &Runbook) -> (Plan, Vec<Diagnostic>) {
    resolve_with(runbook, Cmdb::NotAsked)
}

/// Makes the plan. With errors in the list it is incomplete and must not be used.
pub fn resolve_with(runbook: &Runbook, cmdb: Cmdb<'_>) -> (Plan, Vec<Diagnostic>) {
    let mut problems = Problems::default();
    let names = Names {
        environment: &runbook.maintenance.environment,
        is_plain: runbook.is_plain,
        unit: None,
    };
    let numbers = number(runbook);
    let (ids, mut step_ids) = step_ids(runbook, &mut problems);
    let marks = Marks {
        phases: numbers.phases,
        around: numbers.around,
        steps: numbers.steps,
        ids,
    };
    let mut taken = rules::reserve_ids(runbook, &mut problems);
    let groups = expand::groups(runbook, &marks, &names, cmdb, &mut taken, &mut problems);
    let phases = phases(runbook, &marks, &groups, &names, &mut problems);
    unmarked_sub_steps(runbook, &marks.steps, &mut problems);
    silence::of_hand_work(runbook, &mut problems);
    let ids = (&mut step_ids, &mut taken);
    let steps = expand::steps(runbook, &marks, &groups, &names, ids, &mut problems);
    let has_way_back = steps.iter().any(|step| {
        step.undo.is_some() || phases.get(step.phase).is_some_and(|phase| phase.rollback)
    });
    let rules = runbook
        .rules
        .iter()
        .filter_map(|rule| rules::rule(rule, &names, has_way_back, &mut taken, &mut problems))
        .collect();
    let plan = Plan {
        title: names.fill(&runbook.title, &mut problems).trim().to_owned(),
        change: runbook.maintenance.change.clone(),
        lock: runbook.maintenance.lock.clone(),
        silence: runbook.maintenance.silence.clone(),
        radius_depth: runbook.maintenance.radius_depth,
        window: runbook.maintenance.window,
        recurs: runbook.maintenance.recurs.clone(),
        components: runbook.maintenance.components.clone(),
        expect_alerts: filled(&runbook.maintenance.expect_alerts, &names, &mut problems),
        alerts: AlertRules {
            on_unexpected: runbook.maintenance.on_unexpected_alert,
            severities: runbook.maintenance.alert_severities.clone(),
            must_fire: filled(&runbook.maintenance.must_fire, &names, &mut problems),
        },
        environment: runbook
            .maintenance
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.value.clone()))
            .collect(),
        briefing: names.fill_markdown(&runbook.briefing, &mut problems),
        phases,
        steps,
        rules,
    };
    (plan, problems.into_sorted())
}

struct Numbers {
    phases: Vec<String>,
    /// Place of the phase around each phase.
    around: Vec<Option<usize>>,
    steps: Vec<String>,
}

/// Steps of a phase and the phases inside it are counted together, so that no two things have one number.
fn number(runbook: &Runbook) -> Numbers {
    let mut out = Numbers {
        phases: Vec::new(),
        around: Vec::new(),
        steps: Vec::new(),
    };
    let mut roots: u32 = 0;
    let mut in_phase: Vec<u32> = Vec::new();
    let mut in_step: Vec<u32> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut steps = runbook.steps.iter().peekable();
    for (index, phase) in runbook.phases.iter().enumerate() {
        while open
            .pop_if(|last| {
                runbook
                    .phases
                    .get(*last)
                    .is_some_and(|p| p.level >= phase.level)
            })
            .is_some()
        {}
        let around = open.last().copied();
        let number = if let Some(around) = around {
            below(&out.phases, &mut in_phase, around)
        } else {
            roots = roots.saturating_add(1);
            roots.to_string()
        };
        out.phases.push(number);
        out.around.push(around);
        in_phase.push(0);
        open.push(index);
        while let Some(step) = steps.next_if(|step| step.phase == index) {
            let number = match step.parent {
                Some(parent) => below(&out.steps, &mut in_step, parent),
                None => below(&out.phases, &mut in_phase, index),
            };
            out.steps.push(number);
            in_step.push(0);
        }
    }
    out
}

/// The next number below `place`.
fn below(numbers: &[String], counts: &mut [u32], place: usize) -> String {
    let count = counts.get_mut(place).map_or(1, |count| {
        *count = count.saturating_add(1);
        *count
    });
    let around = numbers.get(place).map_or("", String::as_str);
    format!("{around}.{count}")
}

fn phases(
    runbook: &Runbook,
    numbers: &Marks,
    groups: &[Option<Group>],
    names: &Names<'_>,
    problems: &mut Problems,
) -> Vec<PlanPhase> {
    let mut out: Vec<PlanPhase> = Vec::with_capacity(runbook.phases.len());
    for (index, phase) in runbook.phases.iter().enumerate() {
        let number = numbers.phases.get(index).cloned().unwrap_or_default();
        let group = groups.get(index).and_then(Option::as_ref);
        let around = numbers.around.get(index).copied().flatten();
        let inherited = around.and_then(|p| out.get(p)).is_some_and(|p| p.rollback);
        let rollback = phase
            .rollback
            .unwrap_or_else(|| inherited || begins_as_rollback(phase.title.as_str()));
        let has_steps = runbook
            .steps
            .binary_search_by_key(&index, |step| step.phase)
            .is_ok();
        if !rollback
            && has_steps
            && phase.rollback.is_none()
            && mentions_rollback(phase.title.as_str())
        {
            problems.push(
                Diagnostic::warning(
                    codes::MAYBE_ROLLBACK,
                    &phase.title.span(),
                    "this phase is part of going forward",
                )
                .label("only a title that begins so marks the back-out plan")
                .hint("say `rollback = true` or `rollback = false` in a ```toml phase block"),
            );
        }
        let title = names.fill(&phase.title, problems);
        let title = title.trim();
        out.push(PlanPhase {
            title: if title.is_empty() {
                format!("Phase {number}")
            } else {
                title.to_owned()
            },
            number,
            level: phase.level,
            prose: names.fill_markdown(&phase.prose, problems),
            rollback,
            rollout: group.map(|group| Box::new(group.rollout.clone())),
            silence: phase.silence.clone(),
            line: phase.line,
        });
    }
    out
}

/// `Rollback`, `4. Roll back`, `Step 4: Back-out plan` as lower-case letters: `rollback`, `rollback`, `backoutplan`.
fn letters(title: &str) -> String {
    let title: String = title
        .chars()
        .filter(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect();
    ["step", "phase", "part"]
        .iter()
        .find_map(|word| title.strip_prefix(word))
        .map(str::to_owned)
        .unwrap_or(title)
}

fn begins_as_rollback(title: &str) -> bool {
    let letters = letters(title);
    ["rollback", "rollingback", "backout", "backingout"]
        .iter()
        .any(|word| letters.starts_with(word))
}

fn mentions_rollback(title: &str) -> bool {
    let letters = letters(title);
    letters.contains("rollback") || letters.contains("backout")
}

/// One id for each step, none where it cannot be made; and all ids in use.
fn step_ids(runbook: &Runbook, problems: &mut Problems) -> (Vec<Option<StepId>>, Taken) {
    let mut taken = Taken::default();
    for id in runbook
        .steps
        .iter()
        .filter_map(|step| step.settings.id.as_ref())
    {
        if !taken.reserve(id.value.as_str()) {
            problems.push(
                Diagnostic::error(
                    codes::SAME_STEP_ID,
                    &id.span,
                    format!("two steps have the id `{}`", id.value),
                )
                .hint("ids are unique in a runbook; choose another"),
            );
        }
    }
    let mut made = |step: &Step| {
        let phase = runbook.phases.get(step.phase);
        let phase = phase.map_or("", |phase| phase.title.as_str());
        let words = step_words(phase.trim(), step.title.as_str().trim());
        StepId::new(&taken.make(words)).ok()
    };
    let ids = runbook
        .steps
        .iter()
        .map(|step| match &step.settings.id {
            Some(id) => Some(id.value.clone()),
            None => made(step),
        })
        .collect();
    (ids, taken)
}

pub(super) fn plan_step(
    step: &Step,
    number: String,
    id: Option<StepId>,
    names: &Names<'_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<PlanStep> {
    let id = id?;
    let risk = risk(step, problems);
    let mut blocks = Vec::new();
    let mut undo = None;
    for block in &step.blocks {
        match block {
            Block::Exec(fence) => {
                let exec = exec_block(fence, risk, names, problems);
                if fence.role == ExecRole::Undo {
                    undo = Some(exec);
                } else {
                    blocks.push(PlanBlock::Exec(exec));
                }
            }
            Block::Gate(fence) => {
                let gate = rules::gate(fence, id.as_str(), names, taken, problems);
                blocks.extend(gate.map(PlanBlock::Gate));
            }
        }
    }
    let expects = expect::expects(step, id.as_str(), risk, names, taken, problems);
    let component = step.settings.component.as_ref();
    let component = component.map(|component| fill(component, names, problems));
    Some(PlanStep {
        title: step_title(step, &number, risk, names, problems),
        prose: names.fill_markdown(&step.prose, problems),
        id,
        number,
        phase: step.phase,
        parent: step.parent,
        depth: step.depth,
        ticked: step.ticked,
        blocks,
        expects,
        undo,
        risk,
        component,
        quorum: quorum(step.settings.quorum.as_ref(), risk, problems),
        expected: step.settings.expected,
        on_executor_lost: step.settings.on_executor_lost,
        expect_alerts: filled(&step.settings.expect_alerts, names, problems),
        unit: None,
        switch: false,
        must_fire: filled(&step.settings.must_fire, names, problems),
        silence: step.settings.silence.clone(),
        line: step.line,
    })
}

/// A value of the settings with the environment in it.
fn fill(value: &Located<String>, names: &Names<'_>, problems: &mut Problems) -> String {
    names.fill(&Mapped::at(&value.value, value.span.clone()), problems)
}

fn filled(values: &[Located<String>], names: &Names<'_>, problems: &mut Problems) -> Vec<String> {
    let values = values.iter();
    values.map(|value| fill(value, names, problems)).collect()
}

fn step_title(
    step: &Step,
    number: &str,
    risk: Risk,
    names: &Names<'_>,
    problems: &mut Problems,
) -> String {
    let title = names.fill(&step.title, problems);
    let title = title.trim();
    if title.is_empty() {
        problems.push(
            Diagnostic::warning(codes::NO_TITLE, &step.span, "a step without words")
                .hint("say what is to be done behind the box"),
        );
        return format!("Step {number}");
    }
    if risk.needs_second_person() && signed_len(title) > SIGNED_VALUE_BYTES_MAX {
        problems.push(
            Diagnostic::error(
                codes::TOO_LONG_TO_SIGN,
                &step.title.span(),
                format!("the title of a destructive step is at most {SIGNED_VALUE_BYTES_MAX} bytes as it is signed"),
            )
            .hint("every byte that is not printable ASCII counts three times; shorten it"),
        );
    }
    title.to_owned()
}

/// The worse of what the blocks say and what is declared; declaring less is refused.
fn risk(step: &Step, problems: &mut Problems) -> Risk {
    let runs = |block: &Block| matches!(block, Block::Exec(e) if e.role == ExecRole::Run);
    let has_undo = |block: &Block| matches!(block, Block::Exec(e) if e.role == ExecRole::Undo);
    let seen = if step.blocks.iter().any(runs) {
        Risk::Change
    } else {
        Risk::Read
    };
    let Some(declared) = &step.settings.risk else {
        return seen;
    };
    if declared.value < seen {
        problems.push(
            Diagnostic::error(
                codes::CONTRADICTION,
                &declared.span,
                format!(
                    "this step has a `run` block, so its risk is not `{}`",
                    declared.value.as_str()
                ),
            )
            .hint("a command that only looks is a `check` or a `verify`"),
        );
    }
    if declared.value == Risk::Irreversible && step.blocks.iter().any(has_undo) {
        problems.push(
            Diagnostic::warning(
                codes::CONTRADICTION,
                &declared.span,
                "an irreversible step with an `undo` block",
            )
            .hint("mark it `destructive` if it can be taken back, or remove the `undo` block"),
        );
    }
    declared.value.max(seen)
}

/// What a step is marked as says nothing of its sub-steps: a command below a destructive one runs without a second
/// person unless it is marked too. Who says its risk means it.
fn unmarked_sub_steps(runbook: &Runbook, numbers: &[String], problems: &mut Problems) {
    let is_marked = |step: &Step| {
        let risk = step.settings.risk.as_ref();
        risk.is_some_and(|risk| risk.value.needs_second_person())
    };
    // Nearest destructive step around each step; parents stand before their sub-steps.
    let mut around: Vec<Option<usize>> = Vec::with_capacity(runbook.steps.len());
    for step in &runbook.steps {
        let parent = step.parent.and_then(|place| {
            let parent = runbook.steps.get(place)?;
            is_marked(parent)
                .then_some(place)
                .or_else(|| around.get(place).copied().flatten())
        });
        around.push(parent);
        let run = step.blocks.iter().find_map(|block| match block {
            Block::Exec(exec) if exec.role == ExecRole::Run => Some(exec),
            _ => None,
        });
        let (Some(outer), Some(run), None) = (parent, run, &step.settings.risk) else {
            continue;
        };
        let number = numbers.get(outer).map_or("", String::as_str);
        let line = runbook.steps.get(outer).map_or(0, |step| step.line);
        problems.push(
            Diagnostic::warning(
                codes::SUB_STEP_UNMARKED,
                &run.span,
                format!(
                    "the command in line {} runs without a second person: only step {number} above it (line {line}) is destructive",
                    run.line
                ),
            )
            .hint("mark it `destructive` too, or say `risk = \"change\"` in a ```toml step block of its own"),
        );
    }
}

/// Confirmers of a step: its class asks for some (`TWO_PERSON` 3.5), a runbook may ask for more, never for fewer.
fn quorum(declared: Option<&Located<u8>>, risk: Risk, problems: &mut Problems) -> u8 {
    let least = match risk {
        Risk::Read | Risk::Change => 0,
        Risk::Destructive => 1,
        Risk::Irreversible => 2,
    };
    let Some(declared) = declared else {
        return least;
    };
    if least == 0 {
        problems.push(
            Diagnostic::error(
                codes::QUORUM,
                &declared.span,
                "`quorum` has no effect on a step that needs no second person",
            )
            .hint("mark the step `destructive`, or remove `quorum`"),
        );
        return 0;
    }
    if declared.value < least {
        problems.push(
            Diagnostic::error(
                codes::QUORUM,
                &declared.span,
                format!(
                    "a step that is {} needs {least} or more confirmers",
                    risk.as_str()
                ),
            )
            .hint("a runbook may ask for more people, never for fewer"),
        );
    }
    declared.value.max(least)
}

fn exec_block(
    fence: &ExecFence,
    risk: Risk,
    names: &Names<'_>,
    problems: &mut Problems,
) -> ExecBlock {
    let script = fence.script.as_str();
    names.refuse(&fence.script, fence.lang, problems);
    let len = signed_len(script);
    if risk.needs_second_person() && len > SIGNED_VALUE_BYTES_MAX {
        problems.push(
            Diagnostic::error(
                codes::TOO_LONG_TO_SIGN,
                &fence.span,
                format!(
                    "a script of a destructive step is at most {SIGNED_VALUE_BYTES_MAX} bytes as it is signed; this one has {len}"
                ),
            )
            .hint("put it in a script file and call that: two people cannot check more than a screen"),
        );
    }
    ExecBlock {
        role: fence.role,
        lang: fence.lang.as_str().to_owned(),
        argv: fence.lang.argv(script),
        timeout: fence.timeout.unwrap_or(EXEC_TIMEOUT_DEFAULT),
        retry: fence.retry,
        line: fence.line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::runbook::parse;

    fn plan(text: &str) -> (Plan, Vec<Diagnostic>) {
        let (runbook, mut problems) = parse(text, "case.md");
        let (plan, more) = resolve(&runbook);
        problems.extend(more);
        (plan, problems)
    }

    #[test]
    fn expected_alerts_are_planned_with_the_environment_in_them() {
        let (plan, problems) = plan(
            "# T\n\n```toml maintenance\nexpect_alerts = [\"Lag\"]\n[environment]\ndb = \"orders\"\n```\n\n## P\n\n- [ ] one\n  ```toml step\n  expect_alerts = [\"Down-{{db}}\", \"Full\"]\n  ```\n",
        );
        assert_eq!(problems, []);
        assert_eq!(plan.expect_alerts, ["Lag"]);
        assert_eq!(plan.steps[0].expect_alerts, ["Down-orders", "Full"]);
    }

    /// Digests of plans are signed and pinned: a new setting must not change those of runbooks that do not use it.
    #[test]
    fn a_plan_that_expects_no_alerts_has_the_bytes_it_had_before() {
        let (plan, _) = plan("# T\n\n## P\n\n- [ ] one\n");
        let text = String::from_utf8(plan.canonical_json()).unwrap();
        assert!(!text.contains("expect_alerts"), "{text}");
        let back: Plan = serde_json::from_str(&text).unwrap();
        assert_eq!(back, plan);
    }

    #[test]
    fn expected_alerts_are_names_in_a_list() {
        for (value, wanted) in [
            ("\"Lag\"", "a list is wanted here"),
            ("[[\"Lag\"]]", "a single value is wanted here"),
            ("[\" \"]", "an alert without a name"),
        ] {
            let text = format!("- [ ] one\n  ```toml step\n  expect_alerts = {value}\n  ```\n");
            let (_, problems) = plan(&text);
            assert!(
                problems.iter().any(|p| p.message.contains(wanted)),
                "{value}: {problems:?}"
            );
        }
        let many = vec!["\"A\""; 101].join(", ");
        let text = format!("- [ ] one\n  ```toml step\n  expect_alerts = [{many}]\n  ```\n");
        let (_, problems) = plan(&text);
        assert!(
            problems.iter().any(|p| p.code == codes::TOO_MANY_ENTRIES),
            "{problems:?}"
        );
    }
}
