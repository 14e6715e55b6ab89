//! `warroom doctor --runbook FILE`: every guard, panel and gate asked once of the server it would be asked of.

use crate::cli::cmdb;
use crate::cli::runbook_file::load;
use crate::clock::Clock;
use crate::config::Config;
use crate::connect::connector::{Check, Health};
use crate::connect::doctor::ask;
use crate::connect::query::specs_for;
use crate::domain::reading::{QueryAnswer, Series};
use crate::domain::runbook::Severity;
use crate::domain::runbook::plan::{Gate, MetricRule, Plan, PlanBlock};
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
    let checks: Vec<Check> = rules.chain(gates).collect();
    if checks.is_empty() {
        let said = "it has no guards, gates or panels";
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
    let is_good = loaded.count(Severity::Error) == 0;
    loaded.plan.filter(|_| is_good).ok_or_else(|| {
        let what = format!("{} cannot be run", file.display());
        Failure::new(what)
            .hint("`warroom check` says what is wrong with it".to_owned())
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
