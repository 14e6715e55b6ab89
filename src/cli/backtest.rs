//! `warroom backtest FILE`: the runbook's rules and gates over the recorded past of the real metrics server.

mod asked;
mod progress;

use super::Outcome;
use super::args::BacktestArgs;
use super::environment::{Environment, client_runtime};
use super::runbook_file::load;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Secrets;
use crate::connect::past::{PastError, Reader};
use crate::domain::backtest::{
    Backtest, Bad, BadOutcome, ConditionOutcome, ConditionReplay, GateOutcome, GateReplay,
    RuleOutcome, RuleReplay, Stretch, answers,
};
use crate::domain::id::RuleId;
use crate::domain::runbook::Severity;
use crate::domain::runbook::plan::Plan;
use crate::domain::time::{Timestamp, short_span};
use crate::exit::{Code, Failure};
pub(in crate::cli) use asked::span;
use asked::{Question, Subject};
use progress::Progress;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;
use tokio::time::Instant;

/// Longest time a backtest may take: what a server has not answered in an hour, it has better things to do than answer.
const TIME_MAX: Duration = Duration::from_secs(3600);
/// Gaps that are listed; more are counted. They are all of one kind usually.
const FAILURES_KEPT: usize = 20;

/// `warroom backtest`.
pub(super) fn backtest(environment: &Environment, args: &BacktestArgs) -> Outcome {
    let mut loaded = load(&args.file);
    if loaded.count(Severity::Error) == 0 && !loaded.pending.is_empty() {
        // Gates of a rollout name their units.
        loaded.with(&super::cmdb::read_alone(environment)?);
    }
    let colour = std::io::stderr().is_terminal();
    let problems = loaded.render(colour);
    anstream::stderr()
        .write_all(problems.as_bytes())
        .map_err(Failure::new)?;
    let has_errors = loaded.count(Severity::Error) > 0;
    let Some(plan) = loaded.plan.filter(|_| !has_errors) else {
        return Ok(Code::Usage);
    };
    let bad = asked::bad(&args.bad)?;
    let stretch = asked::stretch(args, &plan, &bad, SystemClock.now().wall)?;
    let config = environment.config(Secrets::Fetch)?;
    let questions = asked::questions(&plan, &config.connectors, stretch)?;
    let runtime = client_runtime()?;
    let (found, gone) = runtime.block_on(async {
        tokio::select! {
            found = look(&plan, &questions, stretch, &bad, args.window) => (Some(found), false),
            _ = tokio::signal::ctrl_c() => (None, true),
        }
    });
    // A decoder that still works is not waited for.
    runtime.shutdown_background();
    let Some(found) = found.filter(|_| !gone) else {
        return Err(Failure::new("interrupted; nothing was written"));
    };
    let found = found?;
    if args.json {
        let json = serde_json::to_string(&found).map_err(Failure::new)?;
        super::say(&format!("{json}\n"))?;
    } else {
        super::say(&crate::report::backtest::render(&found))?;
    }
    let code = if found.missed().next().is_some() {
        Code::Failure
    } else {
        Code::Done
    };
    Ok(code)
}

/// Everything that is fed with the answers to one question.
enum Replay {
    Rule(Box<RuleReplay>),
    Gate(Box<GateReplay>),
    Condition(Box<ConditionReplay>),
}

/// What became of all of them, by their place in the plan.
#[derive(Default)]
struct Found {
    rules: Vec<(usize, RuleOutcome, Vec<Option<Timestamp>>)>,
    gates: Vec<(usize, GateOutcome)>,
    conditions: Vec<(usize, ConditionOutcome)>,
    questions: u64,
    failures: Vec<String>,
    failures_left: usize,
}

async fn look(
    plan: &Plan,
    questions: &[Question],
    stretch: Stretch,
    bad: &[Bad],
    window: Option<Duration>,
) -> Result<Backtest, Failure> {
    let deadline = Instant::now() + TIME_MAX;
    let mut progress = Progress::new(questions, stretch);
    let mut found = Found::default();
    for question in questions {
        let read = one(question, stretch, bad, window, (&mut found, &mut progress));
        let read = tokio::time::timeout_at(deadline, read).await;
        let read = read.map_err(|_| {
            let what = format!("the past was not read within {}", short_span(TIME_MAX));
            Failure::new(what).hint("ask for fewer days, or for a longer `--step`".to_owned())
        })?;
        read.map_err(|error| {
            let source = &question.source;
            Failure::new(format!("`{source}` does not answer: {error}"))
                .hint("`warroom doctor` looks at every connection".to_owned())
        })?;
    }
    progress.end();
    Ok(outcome(plan, stretch, bad, window, found))
}

/// Asks one question in all its parts and feeds what wants the answers.
async fn one(
    question: &Question,
    stretch: Stretch,
    bad: &[Bad],
    window: Option<Duration>,
    (found, progress): (&mut Found, &mut Progress),
) -> Result<(), PastError> {
    let replay = |subject: &Subject| match subject {
        Subject::Rule(_, rule) => {
            Replay::Rule(Box::new(RuleReplay::new(rule, stretch.step, window, bad)))
        }
        Subject::Gate(_, gate, step) => {
            Replay::Gate(Box::new(GateReplay::new(gate, step, stretch.step)))
        }
        Subject::Condition(_, condition) => {
            Replay::Condition(Box::new(ConditionReplay::new(condition, stretch.step)))
        }
    };
    let mut replays: Vec<Replay> = question.subjects.iter().map(replay).collect();
    let mut reader = Reader::new(question.past.as_ref(), &question.expr, stretch);
    let id = question.first_id();
    while let Some(part) = reader.next().await? {
        if let Err(failure) = &part.recorded {
            found.fail(id, part.stretch, &failure.what);
        }
        answers(id, part.stretch, &part.recorded, |answer, now| {
            for replay in &mut replays {
                match replay {
                    Replay::Rule(rule) => rule.feed(answer, now),
                    Replay::Gate(gate) => gate.feed(answer, now),
                    Replay::Condition(condition) => condition.feed(answer, now),
                }
            }
        });
        progress.part(id, part.stretch.points());
        // Where a server answers at once nothing else would get its turn, and nobody could interrupt.
        tokio::task::yield_now().await;
    }
    found.questions = found.questions.saturating_add(reader.questions());
    for (subject, replay) in question.subjects.iter().zip(replays) {
        match replay {
            Replay::Rule(rule) => {
                let (rule, first_in) = rule.finish();
                found.rules.push((subject.place(), rule, first_in));
            }
            Replay::Gate(gate) => found.gates.push((subject.place(), gate.finish())),
            Replay::Condition(condition) => {
                let outcome = condition.finish();
                found.conditions.push((subject.place(), outcome));
            }
        }
    }
    Ok(())
}

impl Found {
    fn fail(&mut self, id: &RuleId, part: Stretch, why: &str) {
        if self.failures.len() >= FAILURES_KEPT {
            self.failures_left = self.failures_left.saturating_add(1);
            return;
        }
        let (from, to) = (part.from.to_seconds_text(), part.to.to_seconds_text());
        self.failures.push(format!("{id}: {from} to {to}: {why}"));
    }
}

fn outcome(
    plan: &Plan,
    stretch: Stretch,
    bad: &[Bad],
    window: Option<Duration>,
    mut found: Found,
) -> Backtest {
    found.rules.sort_by_key(|(place, ..)| *place);
    found.gates.sort_by_key(|(place, _)| *place);
    found.conditions.sort_by_key(|(place, _)| *place);
    let caught = |index: usize| {
        let first = |(_, rule, first_in): &(usize, RuleOutcome, Vec<Option<Timestamp>>)| {
            let at = first_in.get(index).copied().flatten()?;
            Some((at, rule.id.clone()))
        };
        let mut by: Vec<_> = found.rules.iter().filter_map(first).collect();
        by.sort_by_key(|(at, _)| *at);
        by.into_iter().map(|(_, id)| id).collect()
    };
    let bad = bad.iter().enumerate().map(|(index, bad)| BadOutcome {
        bad: bad.clone(),
        caught_by: caught(index),
    });
    let bad = bad.collect();
    if found.failures_left > 0 {
        let left = format!("and {} more", found.failures_left);
        found.failures.push(left);
    }
    Backtest {
        title: plan.title.clone(),
        plan: plan.digest(),
        from: stretch.from,
        to: stretch.to,
        step_seconds: stretch.step.as_secs(),
        samples: stretch.points(),
        bad,
        rules: found.rules.into_iter().map(|(_, rule, _)| rule).collect(),
        gates: found.gates.into_iter().map(|(_, gate)| gate).collect(),
        rollouts: found.conditions.into_iter().map(|(_, one)| one).collect(),
        questions: found.questions,
        failures: found.failures,
        notes: asked::notes(plan, stretch, window),
        not_replayed: asked::not_replayed(plan),
    }
}
