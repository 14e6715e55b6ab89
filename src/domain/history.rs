//! How long steps took before: what earlier journals of the same runbook say, pinned at the start of a session so that
//! server, terminals and replay count down to the same moment.
//!
//! A run counts when its runbook has the same title; a step of it when it has the same id and does the same kinds of
//! things. What is measured is what people wait for: from the start of an attempt to its being done, with the second
//! person's reading in it. Demo sessions and real ones say nothing of each other.

use crate::domain::fact::{Fact, Genesis, Mode, MotionEvent, Stamped};
use crate::domain::id::StepId;
use crate::domain::runbook::plan::{ExecRole, Plan, PlanBlock, PlanStep};
use crate::domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Runs that count, the newest ones: an old machine says nothing of a new one.
pub const RUNS_MAX: u32 = 50;
/// Samples of one step: every run has a few attempts at most.
const SAMPLES_MAX: usize = 200;

/// How long something took in earlier runs, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// How many times it was measured.
    pub n: u32,
    /// Half of them took no longer.
    pub p50_ms: u64,
    /// Three of four took no longer.
    pub p75_ms: u64,
    /// Nineteen of twenty took no longer; the longest of fewer.
    pub p95_ms: u64,
}

impl Spread {
    /// Of some samples; absent for none. Nearest rank, so each value was really measured.
    fn of(mut samples: Vec<u64>) -> Option<Self> {
        samples.sort_unstable();
        let at = |percent: usize| {
            let rank = samples.len().saturating_mul(percent).div_ceil(100);
            samples.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            n: u32::try_from(samples.len()).unwrap_or(u32::MAX),
            p50_ms: at(50)?,
            p75_ms: at(75)?,
            p95_ms: at(95)?,
        })
    }

    /// Half of them took no longer.
    pub const fn p50(self) -> Duration {
        Duration::from_millis(self.p50_ms)
    }

    /// Three of four took no longer.
    pub const fn p75(self) -> Duration {
        Duration::from_millis(self.p75_ms)
    }

    /// Nineteen of twenty took no longer.
    pub const fn p95(self) -> Duration {
        Duration::from_millis(self.p95_ms)
    }
}

/// What earlier runs say of one step. Frozen with the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpans {
    /// Which.
    pub step: StepId,
    /// From the start of an attempt to its being done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Spread>,
    /// Its way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Spread>,
}

/// What earlier runs say of a runbook. Frozen with the facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// Runs that counted.
    pub runs: u32,
    /// Journals that could not be read to their end, and say nothing here.
    #[serde(default)]
    pub unread: u32,
    /// Steps that were measured, in the order of the plan.
    pub steps: Vec<StepSpans>,
}

impl Learned {
    /// True where there is nothing to say.
    pub const fn is_none(&self) -> bool {
        self.runs == 0 && self.unread == 0
    }

    /// How long the attempts of a step took.
    pub fn run(&self, step: &StepId) -> Option<Spread> {
        self.of(step)?.run
    }

    /// How long its way back took.
    pub fn undo(&self, step: &StepId) -> Option<Spread> {
        self.of(step)?.undo
    }

    fn of(&self, step: &StepId) -> Option<&StepSpans> {
        self.steps.iter().find(|spans| &spans.step == step)
    }
}

/// What a step does, as far as it decides how long it takes: which kinds of blocks, in order, and whether it can be undone.
fn shape(step: &PlanStep) -> (Vec<Option<ExecRole>>, bool) {
    let kinds = step.blocks.iter().map(|block| match block {
        PlanBlock::Exec(exec) => Some(exec.role),
        PlanBlock::Gate(_) => None,
    });
    (kinds.collect(), step.undo.is_some())
}

/// Measures the facts of one run.
#[derive(Debug, Default)]
struct Run {
    started: BTreeMap<StepId, Moment>,
    undoing: BTreeMap<StepId, Moment>,
    runs: Vec<(StepId, u64)>,
    undos: Vec<(StepId, u64)>,
    has_begun: bool,
}

impl Run {
    fn take(&mut self, stamped: &Stamped) {
        let at = stamped.at;
        match &stamped.fact {
            Fact::Begun => self.has_begun = true,
            // Nobody knows how long the server was away, and boot clocks of two hosts are not compared.
            Fact::SessionResumed { .. } => {
                self.started.clear();
                self.undoing.clear();
            }
            Fact::StepStarted { step, .. } => {
                self.started.insert(step.clone(), at);
            }
            Fact::StepDone { step, .. } => {
                let since = self.started.remove(step);
                self.runs.extend(measured(step, since, at));
            }
            Fact::StepFailed { step, .. } | Fact::StepSkipped { step, .. } => {
                self.started.remove(step);
            }
            Fact::ExecIntent { key, role, .. } if *role == ExecRole::Undo => {
                self.undoing.insert(key.step.clone(), at);
            }
            Fact::StepUndone { step } => {
                let since = self.undoing.remove(step);
                self.undos.extend(measured(step, since, at));
            }
            Fact::UndoFailed { step, .. } => {
                self.undoing.remove(step);
            }
            _ => {}
        }
    }
}

fn measured(step: &StepId, since: Option<Moment>, at: Moment) -> Option<(StepId, u64)> {
    Some((step.clone(), at.mono_since(since?)))
}

/// Collects earlier runs of one plan.
#[derive(Debug)]
pub struct Collecting<'a> {
    plan: &'a Plan,
    is_demo: bool,
    /// Rehearsals learn of rehearsals, and the real thing of the real thing.
    is_rehearsal: bool,
    /// The run being read, and its steps that are the same as in the plan.
    run: Option<(Run, Vec<StepId>)>,
    spans: BTreeMap<StepId, (Vec<u64>, Vec<u64>)>,
    runs: u32,
    unread: u32,
}

impl<'a> Collecting<'a> {
    /// For a session of this plan in this mode, the real thing or a rehearsal.
    pub fn new(plan: &'a Plan, mode: Mode, is_rehearsal: bool) -> Self {
        Self {
            plan,
            is_demo: mode == Mode::Demo,
            is_rehearsal,
            run: None,
            spans: BTreeMap::new(),
            runs: 0,
            unread: 0,
        }
    }

    /// True while more runs can count.
    pub const fn has_room(&self) -> bool {
        self.runs < RUNS_MAX
    }

    /// Begins with a journal; false when it is about something else, and need not be read on.
    pub fn begin(&mut self, genesis: &Genesis) -> bool {
        let is_same = genesis.plan.title == self.plan.title
            && (genesis.mode == Mode::Demo) == self.is_demo
            && genesis.rehearsal.is_some() == self.is_rehearsal;
        let same = |step: &&PlanStep| {
            let mut others = self.plan.steps.iter();
            others.any(|other| other.id == step.id && shape(other) == shape(step))
        };
        let steps = genesis.plan.steps.iter().filter(same);
        let steps: Vec<StepId> = steps.map(|step| step.id.clone()).collect();
        self.run = (is_same && !steps.is_empty()).then(|| (Run::default(), steps));
        self.run.is_some()
    }

    /// Takes a further record of it.
    pub fn take(&mut self, stamped: &Stamped) {
        let Some((run, steps)) = &mut self.run else {
            return;
        };
        if let Fact::Motion(moved) = &stamped.fact
            && let MotionEvent::Made {
                amendment: Some(amendment),
                ..
            } = &moved.event
        {
            // What may have run as another step from here on says nothing of this one.
            let plan = &amendment.plan;
            steps.retain(|id| {
                let step = |plan: &Plan| plan.steps.iter().find(|s| s.id == *id).map(shape);
                step(plan) == step(self.plan)
            });
        }
        run.take(stamped);
    }

    /// The journal was read to its end: it counts. One that never began says nothing.
    pub fn end(&mut self) {
        let Some((run, steps)) = self.run.take() else {
            return;
        };
        if !run.has_begun {
            return;
        }
        self.runs = self.runs.saturating_add(1);
        let is_same = |(step, _): &(StepId, u64)| steps.contains(step);
        for (step, ms) in run.runs.into_iter().filter(is_same) {
            push(&mut self.spans.entry(step).or_default().0, ms);
        }
        for (step, ms) in run.undos.into_iter().filter(is_same) {
            push(&mut self.spans.entry(step).or_default().1, ms);
        }
    }

    /// The journal could not be read: nothing of it counts.
    pub fn give_up(&mut self) {
        self.run = None;
        self.unread = self.unread.saturating_add(1);
    }

    /// What all of them say.
    pub fn finish(mut self) -> Learned {
        let steps = self.plan.steps.iter().filter_map(|step| {
            let (runs, undos) = self.spans.remove(&step.id)?;
            let (run, undo) = (Spread::of(runs), Spread::of(undos));
            let step = step.id.clone();
            Some(StepSpans { step, run, undo })
        });
        let steps = steps.collect();
        Learned {
            runs: self.runs,
            unread: self.unread,
            steps,
        }
    }
}

fn push(samples: &mut Vec<u64>, ms: u64) {
    if samples.len() < SAMPLES_MAX {
        samples.push(ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::command::Command;
    use crate::domain::fixture::*;

    /// A run in which the backup takes `backup` seconds, and its way back `undo`.
    fn run(backup: u64, undo: u64) -> Room {
        let mut room = Room::new();
        room.must("ann", Command::Begin);
        room.must("ann", mark_done("look"));
        room.must("ann", start("backup"));
        room.wait(Duration::from_secs(backup));
        room.exit(0);
        room.exit(0);
        room.must("ann", rollback());
        room.wait(Duration::from_secs(undo));
        room.exit(0);
        room
    }

    fn collect(collecting: &mut Collecting<'_>, room: &Room) {
        if collecting.begin(&room.state.genesis) {
            room.records.iter().for_each(|r| collecting.take(r));
            collecting.end();
        }
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let of = |samples: &[u64]| Spread::of(samples.to_vec());
        assert_eq!(of(&[]), None);
        let one = of(&[7]).expect("one");
        assert_eq!((one.n, one.p50_ms, one.p75_ms, one.p95_ms), (1, 7, 7, 7));
        let four = of(&[40, 10, 30, 20]).expect("four");
        assert_eq!((four.p50_ms, four.p75_ms, four.p95_ms), (20, 30, 40));
        let hundred: Vec<u64> = (1..=100).collect();
        let hundred = of(&hundred).expect("many");
        assert_eq!(
            (hundred.p50_ms, hundred.p75_ms, hundred.p95_ms),
            (50, 75, 95)
        );
    }

    #[test]
    fn runs_of_the_same_runbook_are_measured_step_by_step() {
        let plan = plan();
        let mut collecting = Collecting::new(&plan, Mode::Advisory, false);
        for (backup, undo) in [(10, 3), (20, 5), (40, 4)] {
            collect(&mut collecting, &run(backup, undo));
        }
        // Opened and never begun.
        collect(&mut collecting, &Room::new());
        collecting.begin(&Room::new().state.genesis);
        collecting.give_up();
        let learned = collecting.finish();
        assert_eq!((learned.runs, learned.unread), (3, 1));
        let backup = learned.run(&id("backup")).expect("measured");
        assert_eq!(
            (backup.n, backup.p50_ms, backup.p95_ms),
            (3, 20_000, 40_000)
        );
        let undo = learned.undo(&id("backup")).expect("measured");
        assert_eq!((undo.n, undo.p50_ms), (3, 4000));
        assert_eq!(
            learned.run(&id("look")),
            None,
            "nobody started it: it was marked done"
        );
    }

    #[test]
    fn another_runbook_another_step_and_a_demo_say_nothing() {
        let mut other = plan();
        other.title = "another".to_owned();
        let mut changed = plan();
        changed.steps[1].blocks.pop();
        let done = run(10, 3);
        for (plan, mode, runs) in [
            (other, Mode::Advisory, 0),
            (plan(), Mode::Demo, 0),
            (changed, Mode::Enforced, 1),
        ] {
            let mut collecting = Collecting::new(&plan, mode, false);
            collect(&mut collecting, &done);
            let learned = collecting.finish();
            assert_eq!(learned.runs, runs);
            assert_eq!(learned.run(&id("backup")), None);
        }
    }
}
