//! Rendering of a destructive command for the people who look at it: everything that needs the disk.

use super::exec::Workplace;
use super::scope::Took;
use crate::domain::command::Signed;
use crate::domain::confirm::plan_doc::PlanInputs;
use crate::domain::confirm::undo_doc::{self, UndoInputs};
use crate::domain::digest::Digest;
use crate::domain::id::{AttemptNo, StepId, TerminalId};
use crate::domain::runbook::plan::{ExecBlock, MetricRule, PlanStep};
use crate::domain::state::State;
use crate::domain::threshold::{OnBreach, RuleLimit, Verdict};
use crate::domain::time::{Moment, short_span};
use crate::runner::{self, JobKey};
use std::time::Duration;

/// Longest read of an executable: its size is bounded, and a disk is not waited for longer by a person.
pub(crate) const RENDER_MAX: Duration = Duration::from_secs(20);

/// What a rendering is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A person proposes it.
    Propose,
    /// The executor said go for this attempt, and signed it where that is needed: is it still what was reviewed?
    Go(AttemptNo, Option<Signed>),
}

/// A rendered command, or why there is none.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// For what.
    pub(crate) purpose: Purpose,
    /// Who asked.
    pub(crate) terminal: TerminalId,
    /// Their number for the reply.
    pub(crate) number: u64,
    /// The step.
    pub(crate) step: StepId,
    /// What people will look at.
    pub(crate) result: Result<PlanInputs, String>,
    /// For a go, what the other sessions of the lock scope said in the moment this one said that it runs.
    pub(crate) scope: Option<Result<Took, String>>,
}

/// What is known before the disk is looked at; sent to a thread that may block.
#[derive(Debug)]
pub(crate) struct Draft {
    inputs: PlanInputs,
    /// The program and the search path to find it in.
    program: Option<(String, String)>,
    /// The way back that a runner will hold against the plan.
    bound_undo: Option<ExecBlock>,
}

/// Gathers the destructive part of a step from the state. `now` dates the guards.
///
/// # Errors
/// One line that says why it cannot be rendered.
pub(crate) fn draft(
    workplace: &Workplace,
    state: &State,
    step: &StepId,
    purpose: &Purpose,
    now: Moment,
) -> Result<Draft, String> {
    same_host(&state.genesis.host, &super::pin::host_name())?;
    let view = state.find(step).ok_or("there is no such step")?;
    let plan_step = view.plan;
    let mut key = view.next_key();
    if *purpose == Purpose::Propose {
        key.attempt = view.now.next_proposal();
        key.try_no = 1;
    }
    let mut inputs = PlanInputs {
        step: step.clone(),
        attempt: key.attempt,
        risk: plan_step.risk,
        title: plan_step.title.clone(),
        target: plan_step.component.clone().unwrap_or_default(),
        blast: blast(state, plan_step),
        runas: workplace.account_of_reviewed().to_owned(),
        host: state.genesis.host.clone(),
        cwd: workplace.cwd.display().to_string(),
        exe: None,
        argv: Vec::new(),
        env: Vec::new(),
        stdin: "empty".to_owned(),
        timeout_s: 0,
        on_executor_lost: plan_step.on_executor_lost,
        guards: guards(state, now),
        undo: undo(plan_step),
    };
    if state.exec_block(&key).is_none() {
        return Ok(Draft {
            inputs,
            program: None,
            bound_undo: None,
        });
    }
    let job = workplace.prepare(state, &key, JobKey(0))?;
    inputs.env = job
        .environment()
        .into_iter()
        .map(|(name, value)| value.into_string().map(|value| (name, value)))
        .collect::<Result<_, _>>()
        .map_err(|_| "a variable of the environment is not UTF-8")?;
    let search = job.env.get("PATH").cloned().unwrap_or_default();
    let program = job.argv.first().ok_or("the command is empty")?.clone();
    inputs.argv = job.argv;
    inputs.timeout_s = job.timeout.as_secs();
    Ok(Draft {
        inputs,
        program: Some((program, search)),
        bound_undo: workplace.guard.as_ref().and(plan_step.undo.clone()),
    })
}

/// Finds and reads the executable. Blocks.
///
/// # Errors
/// One line that says why it cannot be read.
pub(crate) fn finish(draft: Draft) -> Result<PlanInputs, String> {
    let Draft {
        mut inputs,
        program,
        bound_undo,
    } = draft;
    if let Some((program, search)) = program {
        if let Some(block) = bound_undo {
            let document = undo_document(&block, &search)
                .map_err(|why| format!("the way back cannot be shown: {why}"))?;
            inputs.undo = undo_doc::line(&inputs.undo, &document);
        }
        let exe = runner::resolve_exe(&program, &search).map_err(|error| error.to_string())?;
        let digest: Digest = runner::digest_file(&exe).map_err(|error| error.to_string())?;
        inputs.exe = Some((exe.display().to_string(), digest));
    }
    Ok(inputs)
}

/// The way back with the program it starts now, as a plan binds it. Blocks.
///
/// # Errors
/// One line that says why it cannot be read or written down.
pub(crate) fn undo_document(block: &ExecBlock, search: &str) -> Result<Vec<u8>, String> {
    let program = block.argv.first().ok_or("the command is empty")?;
    let exe = runner::resolve_exe(program, search).map_err(|error| error.to_string())?;
    let undo = UndoInputs {
        exe_digest: runner::digest_file(&exe).map_err(|error| error.to_string())?,
        exe: exe.display().to_string(),
        argv: block.argv.clone(),
        timeout_s: block.timeout.as_secs(),
    };
    undo_doc::render(&undo).map_err(|error| error.to_string())
}

/// People confirm a command on the host that the session is pinned to, and on no other.
fn same_host(pinned: &str, here: &str) -> Result<(), String> {
    if pinned == here {
        return Ok(());
    }
    Err(format!(
        "the session is pinned to host `{pinned}`, and its server runs on `{here}` now"
    ))
}

/// How far the step reaches, from what the runbook names; the CMDB's word comes with a later form.
fn blast(state: &State, step: &PlanStep) -> String {
    let all = state.plan().components.len();
    match &step.component {
        Some(component) if all > 0 => {
            format!("{component}, 1 of {all} components of this maintenance")
        }
        Some(component) => component.clone(),
        None if all > 0 => format!("not named; the maintenance touches {all} components"),
        None => "not named in the runbook".to_owned(),
    }
}

/// `error-ratio crit > 0.05 for 10s (pass, value 0.002, age 1s)`, one for each guard.
fn guards(state: &State, now: Moment) -> Vec<String> {
    state
        .guards()
        .map(|(rule, verdict)| {
            let limit = rule
                .worst_limit()
                .map(|l| l.to_string())
                .unwrap_or_default();
            let word = match verdict {
                Verdict::Pass => "pass".to_owned(),
                Verdict::Warn => "warn".to_owned(),
                Verdict::Fail => "fail".to_owned(),
                Verdict::Unknown(why) => why.to_string(),
            };
            let said = state.rules.get(&rule.id);
            let value = said.and_then(|said| said.quote.as_ref().map(|quote| (said, quote)));
            let value = value.map_or_else(String::new, |(said, quote)| {
                let age = Duration::from_millis(quote.age_ms)
                    .saturating_add(now.wall.since(said.since.wall));
                format!(
                    ", value {} when it last changed, {} ago",
                    number(quote.sample.value),
                    short_span(age)
                )
            });
            let samples = rule.samples.map(|n| format!(", {n} samples"));
            let what = match (rule.dry_run, rule.on_breach) {
                (true, _) => ", dry run",
                (false, OnBreach::Rollback) => ", rolls back by itself",
                (false, OnBreach::Hold | OnBreach::Warn) => "",
            };
            format!(
                "{} {limit}{} for {}{}{what} ({word}{value})",
                rule.id,
                baseline(state, rule),
                short_span(rule.hold_for),
                samples.unwrap_or_default()
            )
        })
        .collect()
}

/// ` of 0.25`: what a relative limit is counted from, where one series says it.
fn baseline(state: &State, rule: &MetricRule) -> String {
    if !rule.worst_limit().is_some_and(RuleLimit::is_relative) {
        return String::new();
    }
    let medians = state.baselines.get(&rule.id).map(|taken| &taken.medians);
    match medians.map(Vec::as_slice) {
        None => " that is not taken yet".to_owned(),
        Some([only]) => format!(" of {}", number(only.sample.value)),
        Some(many) => format!(" of each of {} series", many.len()),
    }
}

/// A value short enough to be read and compared: six significant digits.
fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor();
    let scale = 10_f64.powf(5.0 - magnitude);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() {
        rounded.to_string()
    } else {
        value.to_string()
    }
}

/// The way back as people read it: the script, its lines joined.
fn undo(step: &PlanStep) -> String {
    let script = step.undo.as_ref().and_then(|undo| undo.argv.last());
    let text = script
        .map(|s| s.trim().lines().collect::<Vec<_>>().join("; "))
        .unwrap_or_default();
    let more = text.chars().count().saturating_sub(UNDO_CHARS_MAX);
    if more == 0 {
        return text;
    }
    let shown: String = text.chars().take(UNDO_CHARS_MAX).collect();
    format!("{shown} [... {more} more characters in the runbook]")
}

/// Characters of an undo that fit one value even if every one is encoded as four bytes of three characters.
const UNDO_CHARS_MAX: usize = 150;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{exec, step};
    use crate::domain::runbook::plan::ExecRole;

    #[test]
    fn a_plan_never_names_another_host_than_the_one_it_runs_on() {
        assert_eq!(same_host("bastion-1", "bastion-1"), Ok(()));
        let why = same_host("bastion-1", "bastion-2").expect_err("another host");
        assert!(
            why.contains("`bastion-1`") && why.contains("`bastion-2`"),
            "{why}"
        );
    }

    #[test]
    fn a_way_back_that_is_cut_says_so() {
        let mut plan_step = step("drain", 0, Vec::new());
        plan_step.undo = Some(exec(ExecRole::Undo, &"x".repeat(UNDO_CHARS_MAX)));
        assert_eq!(undo(&plan_step), "x".repeat(UNDO_CHARS_MAX));
        plan_step.undo = Some(exec(ExecRole::Undo, &"x".repeat(UNDO_CHARS_MAX + 7)));
        assert!(undo(&plan_step).ends_with("x [... 7 more characters in the runbook]"));
    }

    #[test]
    fn values_in_a_plan_have_six_digits_at_most() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(28.350_377_337_974_546), "28.3504");
        assert_eq!(number(0.610_374_019_998_03), "0.610374");
        assert_eq!(number(-214_748_364.7), "-214748000");
        assert_eq!(number(f64::INFINITY), "inf");
    }
}
