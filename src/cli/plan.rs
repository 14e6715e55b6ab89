//! `warroom plan FILE`: every concrete step with its command, and the digest a session pins.

use super::check::{CheckOutcome, plural};
use super::runbook_file::load;
use crate::display::one_line;
use crate::domain::catalog::Catalog;
use crate::domain::id::ConnectorName;
use crate::domain::runbook::Severity;
use crate::domain::runbook::plan::{
    Against, AlertRules, ExecBlock, Expect, Gate, MetricRule, OnAlert, Plan, PlanBlock, PlanPhase,
    PlanStep, Rollout,
};
use crate::domain::runbook::silence::{OnWithheld, SilencePlan};
use crate::domain::time::short_span;
use crate::exit::Failure;
use std::fmt::{self, Write as _};
use std::io::Write;
use std::path::Path;

/// Writes the plan of `file` to `out`: readable text that ends with `plan sha256:...`, or with `json` exactly the bytes
/// that are digested, without a line end. Problems go to `problems`; with an error among them nothing goes to `out`.
/// `ask` reads the CMDB, and is called only where the runbook needs it.
///
/// # Errors
/// When one of the writers fails, or what `ask` says.
pub fn plan(
    file: &Path,
    json: bool,
    ask: impl FnOnce() -> Result<Catalog, Failure>,
    (out, problems): (&mut dyn Write, &mut dyn Write),
    colour: bool,
) -> Result<CheckOutcome, Failure> {
    let mut loaded = load(file);
    if loaded.count(Severity::Error) == 0 && !loaded.pending.is_empty() {
        loaded.with(&ask()?);
    }
    let mut outcome = CheckOutcome::default();
    outcome.add(&loaded);
    let written = problems.write_all(loaded.render(colour).as_bytes());
    written.map_err(Failure::new)?;
    let Some(plan) = loaded.plan.filter(|_| outcome.has_passed()) else {
        return Ok(outcome);
    };
    let text = if json {
        plan.canonical_json()
    } else {
        describe(&plan).map_err(Failure::new)?.into_bytes()
    };
    out.write_all(&text).map_err(Failure::new)?;
    Ok(outcome)
}

/// The plan as text for people; text from outside is clean, whoever reads it.
fn describe(plan: &Plan) -> Result<String, fmt::Error> {
    let mut text = String::new();
    writeln!(text, "{}", one_line(&plan.title))?;
    if let Some(change) = &plan.change {
        writeln!(text, "change      {}", one_line(change))?;
    }
    if let Some(window) = &plan.window {
        writeln!(
            text,
            "window      {} to {}, buffer {}",
            window.start.to_seconds_text(),
            window.end.to_seconds_text(),
            short_span(window.buffer)
        )?;
    }
    if let Some(recurs) = &plan.recurs {
        writeln!(text, "recurs      {}", one_line(&recurs.to_string()))?;
    }
    if !plan.components.is_empty() {
        writeln!(
            text,
            "components  {}",
            one_line(&plan.components.join(", "))
        )?;
    }
    if !plan.expect_alerts.is_empty() {
        let names = plan.expect_alerts.join(", ");
        writeln!(text, "alerts      {} expected", one_line(&names))?;
    }
    describe_alerts(&mut text, &plan.alerts)?;
    if let Some(silence) = &plan.silence {
        writeln!(text, "silence     {}", describe_silence(silence))?;
    }
    for (name, value) in &plan.environment {
        writeln!(text, "env         {name}={}", one_line(value))?;
    }
    for rule in plan.rules.iter().filter(|rule| rule.phase.is_none()) {
        describe_rule(&mut text, "", rule)?;
    }
    for (index, phase) in plan.phases.iter().enumerate() {
        describe_phase(&mut text, plan, index, phase)?;
    }
    let needing = plan
        .steps
        .iter()
        .filter(|step| step.risk.needs_second_person());
    writeln!(
        text,
        "\n{}, {} of them with a second person",
        plural(plan.steps.len(), "step"),
        needing.count()
    )?;
    writeln!(text, "plan {}", plan.digest())?;
    Ok(text)
}

fn describe_alerts(text: &mut String, alerts: &AlertRules) -> fmt::Result {
    if !alerts.must_fire.is_empty() {
        let names = alerts.must_fire.join(", ");
        writeln!(text, "            {} must come", one_line(&names))?;
    }
    if alerts.on_unexpected == Some(OnAlert::Mark) {
        writeln!(text, "            unexpected ones are marked")?;
    } else if alerts.on_unexpected.is_some() || !alerts.severities.is_empty() {
        let which = match alerts.severities.as_slice() {
            [] => "unexpected ones".to_owned(),
            some => format!("unexpected {} ones", some.join(", ")),
        };
        writeln!(text, "            {} hold", one_line(&which))?;
    }
    Ok(())
}

fn describe_phase(text: &mut String, plan: &Plan, index: usize, phase: &PlanPhase) -> fmt::Result {
    let mark = if phase.rollback { "  [rollback]" } else { "" };
    writeln!(text, "\n{} {}{mark}", phase.number, one_line(&phase.title))?;
    if let Some(silence) = &phase.silence {
        writeln!(text, "  silence   {}", describe_silence(silence))?;
    }
    for rule in plan.rules.iter().filter(|rule| rule.phase == Some(index)) {
        describe_rule(text, "  ", rule)?;
    }
    if let Some(rollout) = &phase.rollout {
        describe_rollout(text, plan, index, rollout)?;
    }
    let mut unit = None;
    for (_, step) in plan.steps_of(index) {
        let next = step.unit.as_ref();
        if let Some(next) = next.filter(|next| unit != Some(&next.component)) {
            let canary = if next.canary { ", canary" } else { "" };
            let name = one_line(&next.component);
            writeln!(text, "  -- {name}  (batch {}{canary})", next.batch)?;
        }
        unit = next.map(|unit| &unit.component);
        describe_step(text, step)?;
    }
    Ok(())
}

fn describe_rollout(
    text: &mut String,
    plan: &Plan,
    phase: usize,
    rollout: &Rollout,
) -> fmt::Result {
    let units = plan.units_of(phase);
    let batches = units.last().map_or(0, |unit| unit.batch);
    writeln!(
        text,
        "  units       {} of {}, one after the other, in {}, {}",
        units.len(),
        one_line(&rollout.for_each.join(", ")),
        if batches == 1 {
            "1 batch".to_owned()
        } else {
            format!("{batches} batches")
        },
        rollout.strategy.as_str()
    )?;
    if let Some(pause) = rollout.pause {
        writeln!(text, "  pause       {} between batches", short_span(pause))?;
    }
    writeln!(text, "  max failed  {}", rollout.max_failed)?;
    if let Some(floor) = &rollout.floor {
        let expr = one_line(&floor.expr);
        writeln!(
            text,
            "  floor       {expr} {} without the unit that comes next  ({})",
            floor.limit, floor.id
        )?;
    }
    if let Some(soak) = &rollout.soak {
        write!(text, "  soak        {}", short_span(soak.time))?;
        if let Some(compare) = &soak.compare {
            let expr = one_line(&compare.expr);
            let by = one_line(&compare.by);
            match compare.against {
                Against::Ratio(ratio) => {
                    write!(text, ", {expr} by {by} at most {ratio} times the rest")?;
                }
                Against::Difference(more) => {
                    write!(text, ", {expr} by {by} at most {more} above the rest")?;
                }
                Against::Limit(limit) => write!(text, ", {expr} by {by} {limit}")?,
            }
            write!(text, "  ({})", compare.id)?;
        }
        writeln!(text)?;
    }
    if let Some(sides) = &rollout.sides {
        let live = one_line(&sides.live.join(", "));
        writeln!(
            text,
            "  sides       {} is idle; live: {live}",
            sides.idle.as_str()
        )?;
    }
    Ok(())
}

fn describe_step(text: &mut String, step: &PlanStep) -> fmt::Result {
    let tick = if step.ticked { "x" } else { " " };
    write!(
        text,
        "  [{tick}] {} {}  ({}, {}",
        step.number,
        one_line(&step.title),
        step.id,
        step.risk.as_str()
    )?;
    if step.quorum > 0 {
        write!(text, ", {}", plural(usize::from(step.quorum), "confirmer"))?;
    }
    if let Some(component) = &step.component {
        write!(text, ", on {}", one_line(component))?;
    }
    if step.switch {
        write!(text, ", switch")?;
    }
    if let Some(expected) = step.expected {
        write!(text, ", about {}", short_span(expected))?;
    }
    writeln!(text, ")")?;
    if step.risk.needs_second_person() {
        let word = step.on_executor_lost.as_str();
        writeln!(text, "        executor lost: {word}")?;
    }
    if !step.expect_alerts.is_empty() {
        let names = step.expect_alerts.join(", ");
        writeln!(text, "        alerts expected: {}", one_line(&names))?;
    }
    for (name, value) in step.unit.iter().flat_map(|unit| &unit.env) {
        writeln!(text, "        env     {name}={}", one_line(value))?;
    }
    if !step.must_fire.is_empty() {
        let names = step.must_fire.join(", ");
        writeln!(text, "        alerts that must come: {}", one_line(&names))?;
    }
    if let Some(silence) = &step.silence {
        writeln!(text, "        silence: {}", describe_silence(silence))?;
    }
    for block in &step.blocks {
        match block {
            PlanBlock::Exec(exec) => describe_exec(text, exec)?,
            PlanBlock::Gate(gate) => describe_gate(text, gate)?,
        }
    }
    for expect in &step.expects {
        describe_expect(text, expect)?;
    }
    step.undo
        .as_ref()
        .map_or(Ok(()), |undo| describe_exec(text, undo))
}

/// `the touched components, lease 15m, hold when withheld`
fn describe_silence(silence: &SilencePlan) -> String {
    let list = |names: &[String], none: &str| match names {
        [] => none.to_owned(),
        names => one_line(&names.join(", ")),
    };
    let what = list(&silence.components, "the touched components");
    let alerts = match silence.alerts.as_slice() {
        [] => String::new(),
        names => format!(", only {}", list(names, "")),
    };
    let by: Vec<&str> = silence.by.iter().map(ConnectorName::as_str).collect();
    let by = match by.as_slice() {
        [] => String::new(),
        names => format!(", by {}", names.join(", ")),
    };
    let withheld = match silence.withheld {
        OnWithheld::Hold => "hold",
        OnWithheld::Warn => "warn",
    };
    let lease = short_span(silence.lease);
    format!(
        "{what}{alerts}{by}, label {}, lease {lease}, {withheld} when withheld",
        silence.label
    )
}

fn describe_exec(text: &mut String, exec: &ExecBlock) -> fmt::Result {
    write!(
        text,
        "        {:<7} timeout {}",
        exec.role.as_str(),
        short_span(exec.timeout)
    )?;
    if exec.retry > 0 {
        write!(text, ", up to {} further tries", exec.retry)?;
    }
    writeln!(text)?;
    for argument in &exec.argv {
        let mut lines = argument.split('\n');
        let first = lines.next().unwrap_or_default();
        writeln!(text, "          | {}", one_line(first))?;
        for line in lines {
            writeln!(text, "          :   {}", one_line(line))?;
        }
    }
    Ok(())
}

fn describe_gate(text: &mut String, gate: &Gate) -> fmt::Result {
    write!(
        text,
        "        gate    {} {} for {}",
        one_line(&gate.expr),
        gate.limit,
        short_span(gate.hold_for)
    )?;
    if let Some(timeout) = gate.timeout {
        write!(text, ", timeout {}", short_span(timeout))?;
    }
    if let Some(source) = &gate.source {
        write!(text, ", from {source}")?;
    }
    writeln!(text, "  ({})", gate.id)
}

fn describe_expect(text: &mut String, expect: &Expect) -> fmt::Result {
    write!(
        text,
        "        expect  {}: {}",
        one_line(&expect.expr),
        expect.to_words()
    )?;
    if let Some(source) = &expect.source {
        write!(text, ", from {source}")?;
    }
    writeln!(text, "  ({})", expect.id)
}

fn describe_rule(text: &mut String, indent: &str, rule: &MetricRule) -> fmt::Result {
    write!(
        text,
        "{indent}guard       {}: {}",
        one_line(&rule.title),
        one_line(&rule.expr)
    )?;
    for (name, limit) in [
        ("warn", rule.warn),
        ("crit", rule.crit),
        ("clear", rule.clear),
    ] {
        if let Some(limit) = limit {
            write!(text, ", {name} {limit}")?;
        }
    }
    if let Some(samples) = rule.samples {
        write!(text, ", {samples} samples")?;
    }
    let dry = if rule.dry_run { " (dry run)" } else { "" };
    writeln!(
        text,
        ", for {}, on breach {}{dry}, no data {}, stale after {}  ({})",
        short_span(rule.hold_for),
        rule.on_breach.as_str(),
        rule.no_data.as_str(),
        short_span(rule.stale_after),
        rule.id
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::Digest;
    use std::path::PathBuf;

    fn run(file: &Path, json: bool) -> (CheckOutcome, Vec<u8>, String) {
        let (mut out, mut problems) = (Vec::new(), Vec::new());
        let nobody = || Err(Failure::new("no case asks a CMDB"));
        let outcome = plan(file, json, nobody, (&mut out, &mut problems), false)
            .expect("memory can be written");
        (
            outcome,
            out,
            String::from_utf8_lossy(&problems).into_owned(),
        )
    }

    fn example() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/runbooks/rolling-database.md")
    }

    #[test]
    fn json_output_has_the_digest_that_the_text_ends_with() {
        let (outcome, text, problems) = run(&example(), false);
        assert!(outcome.has_passed(), "{problems}");
        let (_, json, _) = run(&example(), true);
        let text = String::from_utf8(text).expect("UTF-8");
        assert_eq!(
            text.lines().next_back(),
            Some(format!("plan {}", Digest::of(&json)).as_str())
        );
        let read: Plan = serde_json::from_slice(&json).expect("a plan");
        assert_eq!(read.canonical_json(), json);
    }

    #[test]
    fn a_refused_runbook_gives_no_plan() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let file = dir.path().join("a.md");
        std::fs::write(&file, "- [ ] y\n  ```ruby run\n  1\n  ```\n").expect("written");
        let (outcome, out, problems) = run(&file, true);
        assert!(!outcome.has_passed());
        assert!(out.is_empty());
        assert!(problems.contains("WR012"), "{problems}");
    }
}
