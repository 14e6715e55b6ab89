//! Whole nights in milliseconds: a cluster that reacts, three people, a program that dies, and a clock that is moved by hand.
//!
//! Everything comes from one seed, so a night that breaks an invariant can be told by its number and played again. What is
//! judged is compared with the cluster itself, not with what the engine believes of it.

mod cluster;
mod people;

use super::*;
use crate::domain::runbook::{parse, resolve as plan_of};
use cluster::Cluster;
use people::act;

/// Longest night: what has not ended by then never does.
const NIGHT: Duration = Duration::from_secs(10 * 3600);
/// Between two polls of the metrics.
const POLL: Duration = Duration::from_secs(5);
/// A guard with `for=10s` holds this soon after the cluster went bad: two polls, the `for`, and the tick behind it.
const REACTION: Duration = Duration::from_secs(10 + 2 * 5 + 1);

/// Numbers from a seed: a linear congruential generator with the constants of Knuth's MMIX.
pub(super) struct Dice(u64);

impl Dice {
    /// The first numbers of near seeds are near: they are thrown away.
    fn new(seed: u64) -> Self {
        let mut dice = Self(seed);
        for _ in 0..8 {
            dice.roll(2);
        }
        dice
    }

    /// Below `sides`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.roll(times) == 0
    }
}

/// A command in the cluster, and when it ends.
struct Job {
    key: ExecKey,
    ends: Moment,
}

/// What a night came to.
#[derive(Debug, Default)]
struct Told {
    ends: BTreeSet<String>,
    destroyed: usize,
    rolled_back_by_itself: usize,
    restarts: usize,
    lost_records: usize,
    gates: usize,
    blind: usize,
    by_itself: usize,
}

struct Night {
    seed: u64,
    desk: Desk,
    cluster: Cluster,
    dice: Dice,
    job: Option<Job>,
    next_poll: Moment,
    next_act: Moment,
    /// How many records have been judged.
    judged: usize,
    /// What the judged records fold to.
    past: State,
}

impl Night {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let cluster = Cluster::new(&mut dice);
        let (runbook, problems) = parse(&cluster.runbook(), "night.md");
        assert!(problems.is_empty(), "{problems:?}");
        let (plan, problems) = plan_of(&runbook);
        assert!(problems.is_empty(), "{problems:?}");
        let desk = Desk::with(plan);
        let past = fold(desk.records.clone()).expect("folds");
        let now = desk.now;
        let judged = desk.records.len();
        Self {
            seed,
            desk,
            cluster,
            dice,
            job: None,
            next_poll: now,
            next_act: now.plus(Duration::from_secs(3)),
            judged,
            past,
        }
    }

    fn run(&mut self, told: &mut Told) {
        let dawn = self.desk.now.plus(NIGHT);
        while !self.desk.state().phase.is_final() {
            assert!(
                self.desk.now.mono_ms < dawn.mono_ms,
                "it never ends: {:#?}",
                self.desk.state()
            );
            self.step(told);
            self.judge(told);
        }
        told.ends.insert(format!("{:?}", self.desk.state().phase));
        self.desk.check_fold();
    }

    /// To the next moment at which anything happens, and what happens then.
    fn step(&mut self, told: &mut Told) {
        let tick = self.desk.now.plus(Duration::from_secs(1));
        let tick = self
            .desk
            .engine
            .waits_for_time(self.desk.now.wall)
            .then_some(tick);
        let ends = self.job.as_ref().map(|job| job.ends);
        let next = [Some(self.next_poll), Some(self.next_act), ends, tick];
        let next = next.into_iter().flatten().min_by_key(|at| at.mono_ms);
        let span = next.map_or(0, |next| next.mono_since(self.desk.now));
        self.desk.wait(Duration::from_millis(span));
        self.cluster.time_passes(self.desk.now);
        if self.is_due(self.job.as_ref().map(|job| job.ends)) {
            self.end_job();
        }
        if self.is_due(Some(self.next_poll)) {
            self.poll(told);
        }
        if self.is_due(Some(self.next_act)) {
            let pause = 3 + self.dice.roll(25);
            self.next_act = self.desk.now.plus(Duration::from_secs(pause));
            act(&mut self.desk, &self.cluster, &mut self.dice);
        }
        if self.dice.once_in(500) {
            self.crash(told);
        }
        self.carry_out();
    }

    fn is_due(&self, at: Option<Moment>) -> bool {
        at.is_some_and(|at| self.desk.now.mono_ms >= at.mono_ms)
    }

    fn poll(&mut self, told: &mut Told) {
        self.next_poll = self.desk.now.plus(POLL);
        match self.cluster.metrics(self.desk.now) {
            None => told.blind += 1,
            Some(values) => {
                for (name, value) in values {
                    self.desk.read(&name, value);
                }
            }
        }
    }

    fn end_job(&mut self) {
        let job = self.job.take().expect("one runs");
        let outcome = self.cluster.end(&job.key, &mut self.dice, self.desk.now);
        let update = ended(job.key, outcome);
        self.desk.input(&Input::Exec(update)).expect("ended");
    }

    /// Does what durable facts made necessary, each once, and what follows from that.
    fn carry_out(&mut self) {
        loop {
            let effects = std::mem::take(&mut self.desk.effects);
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                let update = match effect {
                    Effect::Spawn { key, .. } => self.spawn(key),
                    Effect::StopProcess { key } => {
                        let Some(job) = self.job.take_if(|job| job.key == key) else {
                            continue;
                        };
                        // It had done nothing yet.
                        ended(job.key, Outcome::Stopped)
                    }
                    Effect::Page { .. } | Effect::Write(_) | Effect::FindWrite(_) => continue,
                };
                self.desk.input(&Input::Exec(update)).expect("taken");
            }
        }
    }

    fn spawn(&mut self, key: ExecKey) -> ExecUpdate {
        assert!(self.job.is_none(), "two commands at once");
        let takes = Cluster::takes(&mut self.dice);
        self.job = Some(Job {
            key: key.clone(),
            ends: self.desk.now.plus(takes),
        });
        ExecUpdate::Spawned { key, pid: 4242 }
    }

    /// The server dies: what ran goes on or dies with it, and nobody knows which.
    fn crash(&mut self, told: &mut Told) {
        told.restarts += 1;
        if let Some(job) = self.job.take() {
            self.cluster.lose(&job.key, &mut self.dice, self.desk.now);
        }
        // Now and then the disk had refused what was about to be written: it never happened.
        if self.dice.once_in(2) {
            let input = Input::Ask {
                actor: actor("ann"),
                terminal: TerminalId(99),
                number: 1,
                command: hold(),
            };
            let facts = self
                .desk
                .engine
                .propose(&input, self.desk.now, &self.desk.world);
            told.lost_records += facts.facts.len();
            self.desk.stage(facts.facts);
            self.desk.staged.clear();
            self.desk.engine.unstage();
        }
        let state = fold(self.desk.records.clone()).expect("folds");
        assert_eq!(&state, self.desk.state(), "the journal is the state");
        self.desk.engine = Engine::new(state);
        let (program, host) = ("warroom".to_owned(), "bastion".to_owned());
        let restarted = Input::Restarted { program, host };
        self.desk.input(&restarted).expect("restarted");
        for (number, name) in ["ann", "bob", "cho"].into_iter().enumerate() {
            let number = number as u64 + told.restarts as u64 * 10;
            self.desk.attach(number, name);
        }
    }

    /// Each new record against the state before it and against the cluster.
    fn judge(&mut self, told: &mut Told) {
        let news = self.desk.records.get(self.judged..).unwrap_or_default();
        for record in news {
            self.cluster.judge(&self.past, record, told);
            apply(&mut self.past, record);
        }
        self.judged = self.desk.records.len();
        let (state, now) = (self.desk.state(), self.desk.now);
        if state.phase == Phase::Running
            && self.cluster.has_been_bad_for(REACTION, now)
            && !state.is_held()
        {
            panic!("bad for too long, and nothing held it: {state:#?}");
        }
        if !state.phase.is_final() {
            let line = what_now(state, &Board::default(), now, &actor("ann"));
            let has_end = !line.who.is_empty()
                || line.until.is_some()
                || state.running().is_some()
                || self.desk.engine.waits_for_time(self.desk.now.wall);
            assert!(has_end, "a wait that nobody and nothing ends: {line:?}");
        }
    }
}

impl Drop for Night {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it was night {}, until {:?}", self.seed, self.desk.now);
        }
    }
}

fn ended(key: ExecKey, outcome: Outcome) -> ExecUpdate {
    ExecUpdate::Ended {
        key,
        outcome,
        output: no_output(),
    }
}

#[test]
fn nights_end_as_they_must_whatever_happens() {
    let mut told = Told::default();
    for seed in 1..=60 {
        Night::new(seed).run(&mut told);
    }
    let all = [
        told.destroyed,
        told.rolled_back_by_itself,
        told.restarts,
        told.lost_records,
        told.gates,
        told.blind,
        told.by_itself,
    ];
    assert!(all.iter().all(|count| *count > 0), "{told:?}");
    let ends: Vec<&str> = told.ends.iter().map(String::as_str).collect();
    assert_eq!(ends, ["Completed", "RolledBack"], "{told:?}");
    println!("60 nights: {told:?}");
}

#[test]
fn a_night_is_the_same_whenever_it_is_played() {
    let play = |seed| {
        let mut night = Night::new(seed);
        night.run(&mut Told::default());
        std::mem::take(&mut night.desk.records)
    };
    let first = play(7);
    assert_eq!(first, play(7));
    assert_ne!(first, play(8));
}
