//! `warroom doctor --runbook FILE`: every guard, panel, gate, floor and comparison asked once of the server it would be asked of.

use crate::cli::cmdb;
use crate::cli::runbook_file::load;
use crate::clock::Clock;
use crate::config::Config;
use crate::connect::connector::{Check, Health};
use crate::connect::doctor::ask;
use crate::connect::query::specs_for;
use crate::domain::reading::{QueryAnswer, Series};
use crate::domain::rollout::{compare, floor};
use crate::domain::runbook::Severity;
use crate::domain::runbook::plan::{Compare, Floor, Gate, MetricRule, Plan, PlanBlock, Unit};
use crate::domain::threshold::{OnBreach, OnNoData, RuleLimit, Unknown, Verdict};
use crate::domain::time::Moment;
use crate::domain::verdict::{
    Collector, GATE_STALE_AFTER, GateWatch, Quote, RuleWatch, series_name,
};
use crate::exit::{Code, Failure};
use std::path::Path;
use std::sync::Arc;

/// Asks everything; one check for each question, in the order of the runbook.
///
/// # Errors
/// [`Failure`] for a runbook that `warroom check` refuses.
pub(super) fn examine(
    config: &Config,
    file: &Path,
    clock: &Arc<dyn Clock>,
    runtime: &tokio::runtime::Runtime,
) -> Result<Vec<Check>, Failure> {
    let plan = read(config, file, clock, runtime)?;
    let specs = specs_for(&plan, &config.panels);
    let answers = runtime.block_on(ask::ask(&config.connectors, &specs, clock));
    let now = clock.now();
    let none = || Err("it was not asked".to_owned());
    let rules = plan.rules.iter().map(|rule| {
        let answer = answers.get(&rule.id).cloned().unwrap_or_else(none);
        of_rule(rule, answer, now)
    });
    let blocks = plan.steps.iter().flat_map(|step| &step.blocks);
    let gates = blocks.filter_map(|block| match block {
        PlanBlock::Gate(gate) => {
            let answer = answers.get(&gate.id).cloned().unwrap_or_else(none);
            Some(of_gate(gate, answer, now))
        }
        PlanBlock::Exec(_) => None,
    });
    let rollouts = plan.rollouts().flat_map(|(phase, rollout)| {
        let ask = |rule| answers.get(rule).cloned().unwrap_or_else(none);
        let floor = rollout.floor.as_ref();
        let floor = floor.map(|floor| of_floor(floor, ask(&floor.id), now));
        let soak = rollout.soak.as_ref();
        let compare = soak.and_then(|soak| soak.compare.as_ref());
        let units = plan.units_of(phase);
        let compare = compare.map(|rule| of_compare(rule, &units, ask(&rule.id), now));
        floor.into_iter().chain(compare)
    });
    let checks: Vec<Check> = rules.chain(gates).chain(rollouts).collect();
    if checks.is_empty() {
        let said = "it has no guards, gates, panels, floors or comparisons";
        return Ok(vec![Check::new("queries", Health::Good, said)]);
    }
    Ok(checks)
}

fn read(
    config: &Config,
    file: &Path,
    clock: &Arc<dyn Clock>,
    runtime: &tokio::runtime::Runtime,
) -> Result<Plan, Failure> {
    let mut loaded = load(file);
    if loaded.count(Severity::Error) == 0 && !loaded.pending.is_empty() {
        // Gates of units are asked about the units there are.
        loaded.with(&runtime.block_on(cmdb::read(config, clock))?);
    }
    let mut problems = loaded.diagnostics.iter();
    let first = problems.find(|problem| problem.severity == Severity::Error);
    let first = first.map(|problem| problem.message.clone());
    loaded.plan.filter(|_| first.is_none()).ok_or_else(|| {
        let shown = file.display();
        let why = first.unwrap_or_else(|| "it has no plan".to_owned());
        Failure::new(format!("`{shown}` cannot be run: {why}"))
            .hint(format!(
                "`warroom check {shown}` shows everything that is wrong with it"
            ))
            .code(Code::Usage)
    })
}

fn of_rule(rule: &MetricRule, answer: Result<QueryAnswer, String>, now: Moment) -> Check {
    let kind = if rule.is_guard() { "guard" } else { "panel" };
    let what = format!("{kind} {}", rule.id);
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Check::new(what, Health::Bad, why),
    };
    let mut watch = RuleWatch::new(rule);
    let mut collector = Collector::new(rule);
    collector.feed(&answer, now);
    let baseline = collector.take(now);
    if let Some(baseline) = &baseline {
        // As if the maintenance began now.
        watch.set_baseline(baseline);
    }
    let report = watch.feed(&answer, now).clone();
    let is_pending = report.pending_since.is_some();
    let mut said = values(&answer, report.quote.as_ref());
    if !report.failure.is_empty() {
        said.clone_from(&report.failure);
    }
    let is_relative = rule.worst_limit().is_some_and(RuleLimit::is_relative);
    if is_relative && baseline.is_some() {
        said.push_str(", which would be the baseline");
    }
    let (health, verdict, hint) = judge(rule, report.verdict);
    let pending = if is_pending {
        " for now, beyond its limit"
    } else {
        ""
    };
    let limit = rule.worst_limit().map(|limit| format!(" ({limit})"));
    let said = format!("{said}: {verdict}{pending}{}", limit.unwrap_or_default());
    Check::new(what, health, said).hint(hint)
}

fn judge(rule: &MetricRule, verdict: Verdict) -> (Health, String, &'static str) {
    match verdict {
        Verdict::Pass => (Health::Good, "pass".to_owned(), ""),
        Verdict::Warn => (Health::Warn, "warn".to_owned(), ""),
        Verdict::Fail => {
            let hint = match (rule.dry_run, rule.on_breach) {
                (true, _) => "it only reports",
                (false, OnBreach::Warn) => "destructive steps do not arm",
                (false, OnBreach::Hold) => "the maintenance would be held as it begins",
                (false, OnBreach::Rollback) => "the maintenance would roll back as it begins",
            };
            (Health::Bad, "fail".to_owned(), hint)
        }
        Verdict::Unknown(why) => {
            let hint = match (why, rule.no_data) {
                (Unknown::Empty, OnNoData::Unknown | OnNoData::Hold) => {
                    "nothing matches; where that is well, say `no_data=ok`"
                }
                (Unknown::ZeroBaseline, _) => {
                    "a multiple of nothing is nothing: write `baseline + N`"
                }
                (Unknown::Stale, _) => "look at the clocks of both hosts, and at `stale_after`",
                _ => "",
            };
            (Health::Unknown, format!("unknown, {why}"), hint)
        }
    }
}

fn of_gate(gate: &Gate, answer: Result<QueryAnswer, String>, now: Moment) -> Check {
    let what = format!("gate {}", gate.id);
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Check::new(what, Health::Bad, why),
    };
    let mut watch = GateWatch::new(gate, GATE_STALE_AFTER, now);
    let report = watch.feed(&answer, now);
    let told = match report.failure.as_str() {
        "" => values(&answer, report.quote.as_ref()),
        failure => failure.to_owned(),
    };
    let limit = gate.limit;
    let (health, verdict) = match report.verdict {
        Verdict::Pass | Verdict::Warn => (Health::Good, format!("meets {limit} now")),
        Verdict::Fail => (
            Health::Warn,
            format!("does not meet {limit} now, so it would wait"),
        ),
        Verdict::Unknown(why) => (Health::Unknown, format!("unknown, {why}")),
    };
    Check::new(what, health, format!("{told}: {verdict}"))
}

/// What is left is judged with one unit away, as before the first of each.
fn of_floor(floor: &Floor, answer: Result<QueryAnswer, String>, now: Moment) -> Check {
    let what = floor.id.to_string();
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Check::new(what, Health::Bad, why),
    };
    let limit = floor.limit;
    let quote = match floor::value(Some(&answer), now) {
        Ok(quote) => quote,
        Err(why) => return unknown(what, &answer, why, "no unit would begin"),
    };
    let told = values(&answer, Some(&quote));
    let left = floor::left(quote.sample.value, None);
    let (health, verdict) = if limit.holds(left) {
        (Health::Good, "meets")
    } else {
        (Health::Warn, "does not meet")
    };
    let said = format!("{told}: {left} without one unit {verdict} {limit} now");
    Check::new(what, health, said)
}

/// The canary is held against the rest as if it had been worked on already.
fn of_compare(
    rule: &Compare,
    units: &[&Unit],
    answer: Result<QueryAnswer, String>,
    now: Moment,
) -> Check {
    let what = rule.id.to_string();
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Check::new(what, Health::Bad, why),
    };
    let judged = compare::judge(rule, units, Some(&answer), now);
    let (health, verdict) = match judged.verdict {
        Verdict::Pass | Verdict::Warn => (Health::Good, "the canary is as good as it must be now"),
        Verdict::Fail => (
            Health::Warn,
            "the canary is not as good as it must be now, so its soak would not end",
        ),
        Verdict::Unknown(why) => {
            let check = unknown(what, &answer, why, "the soak of the canary would not end");
            let hint = "every unit needs a series whose label `compare_by` names it";
            return check.hint(if why == Unknown::Empty { hint } else { "" });
        }
    };
    let told = values(&answer, judged.quote.as_ref());
    Check::new(what, health, format!("{told}: {verdict}"))
}

/// Nobody knows, and what follows from that.
fn unknown(what: String, answer: &QueryAnswer, why: Unknown, so: &str) -> Check {
    let failure = answer.result.as_ref().err();
    let told = failure.map_or_else(|| values(answer, None), |failure| failure.what.clone());
    let said = format!("{told}: unknown, {why}, so {so}");
    Check::new(what, Health::Unknown, said)
}

/// `3 series, worst 0.02 on {instance="db-1"}`.
fn values(answer: &QueryAnswer, quote: Option<&Quote>) -> String {
    let count = answer.result.as_ref().map_or(0, Vec::<Series>::len);
    let worst = quote.map_or_else(String::new, |quote| {
        let name = series_name(&quote.labels);
        let on = if name.is_empty() { "" } else { " on " };
        let word = if count > 1 { "worst " } else { "" };
        format!(", {word}{}{on}{name}", quote.sample.value)
    });
    let dropped = match answer.dropped {
        0 => String::new(),
        more => format!(" and {more} more that were left out"),
    };
    format!("{count} series{dropped}{worst}")
}

#[cfg(test)]
mod tests;
