//! What a backtest is asked for: stretch, bad intervals, and which question goes where.

use crate::cli::args::BacktestArgs;
use crate::connect::connector::Connector;
use crate::connect::past::PastSource;
use crate::domain::backtest::{Bad, Condition, NotReplayed, Stretch};
use crate::domain::id::{ConnectorName, RuleId};
use crate::domain::runbook::plan::{Gate, MetricRule, Plan, PlanBlock};
use crate::domain::time::{Timestamp, parse_span, short_span};
use crate::domain::verdict::GATE_STALE_AFTER;
use crate::exit::{Code, Failure};
use std::sync::Arc;
use std::time::Duration;

/// Distance of two samples when none is asked for: the usual scrape interval, and what a guard is polled at.
const STEP: Duration = Duration::from_secs(15);
/// Longest past: what a Prometheus keeps by default is 15 days, what people remember is a year.
const DAYS_MAX: u32 = 366;
/// Samples of all questions together: a year of one rule at 15 s is 2 million, a month of a hundred is 17 million.
const POINTS_MAX: u64 = 20_000_000;
/// Named bad intervals: each is looked at with every sample in alarm.
const BAD_MAX: usize = 100;
/// Shortest maintenance that `--window` stands for: a shorter one would be over before a `for` is.
const WINDOW_LEAST: Duration = Duration::from_secs(60);
/// Characters of a name of a bad interval: a column.
const NAME_CHARS_MAX: usize = 40;

/// Something of the plan that wants answers.
pub(super) enum Subject {
    /// Its place among the rules.
    Rule(usize, MetricRule),
    /// Its place among the gates, and the number of its step.
    Gate(usize, Gate, String),
    /// Its place among the conditions of rollouts.
    Condition(usize, Condition),
}

impl Subject {
    pub(super) const fn place(&self) -> usize {
        match self {
            Self::Rule(place, _) | Self::Gate(place, ..) | Self::Condition(place, _) => *place,
        }
    }

    fn id(&self) -> &RuleId {
        match self {
            Self::Rule(_, rule) => &rule.id,
            Self::Gate(_, gate, _) => &gate.id,
            Self::Condition(_, condition) => condition.id(),
        }
    }

    fn expr(&self) -> &str {
        match self {
            Self::Rule(_, rule) => &rule.expr,
            Self::Gate(_, gate, _) => &gate.expr,
            Self::Condition(_, condition) => condition.expr(),
        }
    }

    fn source(&self) -> Option<&ConnectorName> {
        match self {
            Self::Rule(_, rule) => rule.source.as_ref(),
            Self::Gate(_, gate, _) => gate.source.as_ref(),
            Self::Condition(_, condition) => condition.source(),
        }
    }

    fn stale_after(&self) -> Duration {
        match self {
            Self::Rule(_, rule) => rule.stale_after,
            Self::Gate(..) | Self::Condition(..) => GATE_STALE_AFTER,
        }
    }
}

/// One expression of one server, and everything that wants its answers.
pub(super) struct Question {
    pub(super) source: ConnectorName,
    pub(super) past: Arc<dyn PastSource>,
    pub(super) expr: String,
    /// One at least.
    pub(super) subjects: Vec<Subject>,
    id: RuleId,
}

impl Question {
    /// The id it is called by.
    pub(super) const fn first_id(&self) -> &RuleId {
        &self.id
    }
}

fn usage(what: impl Into<String>, hint: impl Into<String>) -> Failure {
    let failure = Failure::new(what.into()).code(Code::Usage);
    let hint = hint.into();
    failure.hint((!hint.is_empty()).then_some(hint))
}

/// Rules with a limit, gates, and what rollouts are watched by, in the order of the plan.
fn subjects(plan: &Plan) -> Vec<Subject> {
    let limited = |rule: &&MetricRule| rule.warn.is_some() || rule.crit.is_some();
    let rules = plan.rules.iter().filter(limited).cloned().enumerate();
    let rules = rules.map(|(place, rule)| Subject::Rule(place, rule));
    let gates = plan.steps.iter().flat_map(|step| {
        step.blocks.iter().filter_map(|block| match block {
            PlanBlock::Gate(gate) => Some((gate.clone(), step.number.clone())),
            PlanBlock::Exec(_) => None,
        })
    });
    let gates = gates.enumerate();
    let gates = gates.map(|(place, (gate, step))| Subject::Gate(place, gate, step));
    let conditions = Condition::all_of(plan).into_iter().enumerate();
    let conditions = conditions.map(|(place, one)| Subject::Condition(place, one));
    rules.chain(gates).chain(conditions).collect()
}

/// The named bad intervals.
///
/// # Errors
/// The first that cannot be read.
pub(super) fn bad(typed: &[String]) -> Result<Vec<Bad>, Failure> {
    if typed.len() > BAD_MAX {
        return Err(usage(format!("more than {BAD_MAX} `--bad` intervals"), ""));
    }
    let mut found: Vec<Bad> = Vec::new();
    for (number, text) in (1..).zip(typed) {
        let bad = one_bad(text, number)?;
        if found.iter().any(|known| known.name == bad.name) {
            let what = format!("two `--bad` intervals are called `{}`", bad.name);
            return Err(usage(what, "give each a name of its own: `T..T=NAME`"));
        }
        found.push(bad);
    }
    Ok(found)
}

fn one_bad(text: &str, number: usize) -> Result<Bad, Failure> {
    let hint = "write it as `2026-11-20T02:10:00Z..2026-11-20T02:40:00Z=NAME`, in UTC";
    let (times, name) = match text.split_once('=') {
        Some((times, name)) => (times, name.trim().to_owned()),
        None => (text, format!("bad-{number}")),
    };
    let (from, to) = times
        .split_once("..")
        .ok_or_else(|| usage(format!("`--bad {text}` has no `..` in it"), hint))?;
    let read = |part: &str| {
        let what = |error| usage(format!("`--bad {text}`: `{part}` is {error}"), hint);
        Timestamp::parse(part.trim()).map_err(what)
    };
    let (from, to) = (read(from)?, read(to)?);
    if from >= to {
        return Err(usage(format!("`--bad {text}` ends before it begins"), hint));
    }
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let what = format!("`--bad {text}`: a name has 1 to {NAME_CHARS_MAX} characters");
        return Err(usage(what, hint));
    }
    Ok(Bad { name, from, to })
}

/// Which moments are looked at.
///
/// # Errors
/// What cannot be read, or cannot be done.
pub(super) fn stretch(
    args: &BacktestArgs,
    plan: &Plan,
    bad: &[Bad],
    now: Timestamp,
) -> Result<Stretch, Failure> {
    let read = |name: &str, text: &Option<String>| {
        let read = |text: &String| {
            Timestamp::parse(text)
                .map_err(|error| usage(format!("`--{name} {text}` is {error}"), ""))
        };
        text.as_ref().map(read).transpose()
    };
    if !(1..=DAYS_MAX).contains(&args.days) {
        return Err(usage(format!("`--days` is 1 to {DAYS_MAX}"), ""));
    }
    let days = Duration::from_secs(u64::from(args.days) * 24 * 3600);
    let to = read("to", &args.to)?.unwrap_or(now);
    let from = read("from", &args.from)?.unwrap_or_else(|| to.minus(days));
    if to > now {
        return Err(usage("`--to` is in the future", "leave it out for now"));
    }
    if to.since(from) > Duration::from_secs(u64::from(DAYS_MAX) * 24 * 3600) {
        return Err(usage(format!("that is more than {DAYS_MAX} days"), ""));
    }
    let step = step(args.step, plan)?;
    if args.window.is_some_and(|window| window < WINDOW_LEAST) {
        let what = format!("`--window` is {} at least", short_span(WINDOW_LEAST));
        return Err(usage(what, "the time a maintenance takes, such as `4h`"));
    }
    let stretch = Stretch::aligned(from, to, step);
    let stretch = stretch.ok_or_else(|| {
        usage(
            "there is no sample between the two times",
            "`--from` has to be before `--to`, by one `--step` at least",
        )
    })?;
    for bad in bad {
        if bad.from < from || bad.to > to {
            let what = format!(
                "the bad interval `{}` is not within what is looked at",
                bad.name
            );
            let (from, to) = (from.to_seconds_text(), to.to_seconds_text());
            let hint = format!("that is {from} to {to}; `--days`, `--from` and `--to` change it");
            return Err(usage(what, hint));
        }
        let first = Stretch::aligned(bad.from, bad.to, step);
        if first.is_none() {
            let what = format!("no sample is within the bad interval `{}`", bad.name);
            return Err(usage(what, "it is shorter than a `--step`"));
        }
    }
    Ok(stretch)
}

/// The step asked for, or the longest that nothing of the plan takes for a gap.
fn step(asked: Option<Duration>, plan: &Plan) -> Result<Duration, Failure> {
    let subjects = subjects(plan);
    let shortest = subjects.iter().min_by_key(|subject| subject.stale_after());
    let (limit, id) = shortest.map_or((STEP, ""), |subject| {
        (subject.stale_after(), subject.id().as_str())
    });
    let step = asked.unwrap_or_else(|| {
        let whole = Duration::from_secs(limit.as_secs().max(1));
        STEP.min(whole)
    });
    if step.is_zero() || step.subsec_nanos() != 0 {
        return Err(usage("`--step` is whole seconds, one at least", ""));
    }
    if step > limit.max(Duration::from_secs(1)) && !id.is_empty() {
        let what = format!(
            "`--step {}` is longer than `{id}` believes a value ({})",
            short_span(step),
            short_span(limit)
        );
        return Err(usage(
            what,
            "in a session every sample would be a gap to it",
        ));
    }
    Ok(step)
}

/// `15s`, for clap.
///
/// # Errors
/// When it is no span.
pub(in crate::cli) fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).map_err(|error| error.to_string())
}

/// Each expression of each server once.
///
/// # Errors
/// A source that is not configured or keeps no past, nothing to ask, or too much of it.
pub(super) fn questions(
    plan: &Plan,
    connectors: &[Arc<dyn Connector>],
    stretch: Stretch,
) -> Result<Vec<Question>, Failure> {
    let mut questions: Vec<Question> = Vec::new();
    for subject in subjects(plan) {
        let connector = connector_of(&subject, connectors)?;
        let same = |q: &&mut Question| q.source == *connector.name() && q.expr == subject.expr();
        if let Some(known) = questions.iter_mut().find(same) {
            known.subjects.push(subject);
            continue;
        }
        let known = questions.iter().find(|q| q.source == *connector.name());
        let past = match known {
            Some(known) => Arc::clone(&known.past),
            None => past_of(connector.as_ref())?,
        };
        questions.push(Question {
            source: connector.name().clone(),
            past,
            expr: subject.expr().to_owned(),
            id: subject.id().clone(),
            subjects: vec![subject],
        });
    }
    if questions.is_empty() {
        let what = "the runbook has neither a gate nor a rule with a limit, and no rollout with a floor or a comparison";
        return Err(usage(what, "there is nothing to look at"));
    }
    let count = u64::try_from(questions.len()).unwrap_or(u64::MAX);
    let points = stretch.points().saturating_mul(count);
    if points > POINTS_MAX {
        let what = format!("that is {points} samples; {POINTS_MAX} are the most");
        return Err(usage(what, "ask for fewer days, or for a longer `--step`"));
    }
    Ok(questions)
}

fn connector_of<'a>(
    subject: &Subject,
    connectors: &'a [Arc<dyn Connector>],
) -> Result<&'a Arc<dyn Connector>, Failure> {
    let metrics = || connectors.iter().filter(|c| c.is_metrics());
    let found = match subject.source() {
        Some(name) => metrics().find(|c| c.name() == name),
        None => metrics().next(),
    };
    found.ok_or_else(|| {
        let what = match subject.source() {
            Some(name) => format!(
                "no metrics connector is called `{name}`, which `{}` asks",
                subject.id()
            ),
            None => "no metrics connector is configured".to_owned(),
        };
        usage(
            what,
            "`[connect.prometheus.NAME]` in `config.toml` names one",
        )
    })
}

fn past_of(connector: &dyn Connector) -> Result<Arc<dyn PastSource>, Failure> {
    let name = connector.name();
    let past = connector.past().map_err(|error| {
        let hint = error.hint().map(Into::into);
        Failure::new(format!("cannot set up connector `{name}`: {error}"))
            .hint(hint)
            .code(Code::Usage)
    })?;
    past.map(Arc::from).ok_or_else(|| {
        let what = format!(
            "`{name}` ({}) cannot be asked for the past",
            connector.system()
        );
        usage(
            what,
            "a backtest needs a Prometheus, or a server with its API",
        )
    })
}

/// What a reader has to know of how it was found.
pub(super) fn notes(plan: &Plan, stretch: Stretch, window: Option<Duration>) -> Vec<String> {
    let step = short_span(stretch.step);
    let mut notes = vec![
        format!("Times are right to {step}: a session asks more often and sees a breach sooner."),
        "What was not recorded is unknown, as it would have been; it neither begins nor ends an alarm.".to_owned(),
    ];
    if plan.rules.iter().any(|rule| rule.phase.is_some()) {
        notes.push(
            "Rules of one phase are watched all the time here; a session watches them in that phase only."
                .to_owned(),
        );
    }
    notes.push(match window {
        Some(span) => format!(
            "Each rule begins anew every {}, as a maintenance would; a baseline is taken then.",
            short_span(span)
        ),
        None => "Each rule begins once, with the first sample; a baseline is taken then. `--window` begins anew."
            .to_owned(),
    });
    if !Condition::all_of(plan).is_empty() {
        notes.push(
            "No unit was out of service and none was a canary then: a floor is held with one unit taken off, and a comparison says how well the units agree when nothing is done to them."
                .to_owned(),
        );
    }
    notes
}

/// What of a plan a recorded past says nothing of, and why.
pub(super) fn not_replayed(plan: &Plan) -> Vec<NotReplayed> {
    let steps = || plan.steps.iter();
    let rules = plan.rules.iter();
    let panels = rules.filter(|rule| rule.warn.is_none() && rule.crit.is_none());
    let alerts = |names: &[String]| usize::from(!names.is_empty());
    let rollouts = plan.rollouts().filter(|(_, one)| one.soak.is_some());
    let bare = rollouts.filter(|(_, one)| one.soak.as_ref().is_some_and(|s| s.compare.is_none()));
    let all = [
        (
            panels.count(),
            "panel without a limit",
            "panels without a limit",
            "it has nothing to say of a value",
        ),
        (
            steps().map(|step| step.expects.len()).sum(),
            "`expect` of a step",
            "`expect`s of steps",
            "it compares what was before a command with what is after it, and none ran then",
        ),
        (
            steps()
                .map(|step| alerts(&step.expect_alerts))
                .sum::<usize>()
                .saturating_add(alerts(&plan.expect_alerts)),
            "`expect_alerts`",
            "`expect_alerts`",
            "alerts that a command causes are looked for from its begin on, and none ran then",
        ),
        (
            steps().map(|step| alerts(&step.must_fire)).sum::<usize>(),
            "`must_fire`",
            "`must_fire`",
            "alerts that a command causes are looked for from its begin on, and none ran then",
        ),
        (
            bare.count(),
            "soak without a comparison",
            "soaks without a comparison",
            "only time is waited for",
        ),
    ];
    let some = all.into_iter().filter(|(count, ..)| *count > 0);
    some.map(|(count, one, many, why)| NotReplayed {
        what: format!("{count} {}", if count == 1 { one } else { many }),
        why: why.to_owned(),
    })
    .collect()
}

#[cfg(test)]
mod tests;
