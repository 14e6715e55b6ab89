use super::*;
use crate::domain::apply::fold;
use crate::domain::board::Board;
use crate::domain::command::{Command, Refusal};
use crate::domain::confirm::statement::unsigned_statement;
use crate::domain::decide::Prepared;
use crate::domain::digest::Digest;
use crate::domain::fact::{ExecKey, Finding, HoldCause, Outcome, Via};
use crate::domain::fixture::*;
use crate::domain::id::{ConnectorName, Nonce, Seq, StepId, TerminalId};
use crate::domain::progress::current;
use crate::domain::reading::{QueryAnswer, ReadFailure, Reading, Sample, Series};
use crate::domain::runbook::plan::{ExecRole, Plan};
use crate::domain::state::{Phase, Stage, StepStatus};
use crate::domain::threshold::{OnBreach, Verdict};
use crate::domain::time::Timestamp;
use crate::domain::what_now::what_now;
use crate::domain::write::WriteNo;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

mod breakglass;
mod expect;
mod late;
mod model;
mod night;
mod random;
mod restart;
mod time;
mod watching;
mod writes;

/// An engine with a journal in memory, as a server would drive it.
struct Desk {
    engine: Engine,
    records: Vec<Stamped>,
    staged: Vec<Stamped>,
    effects: Vec<Effect>,
    now: Moment,
    world: World,
    nonces: u8,
    /// How often time passed without being waited for.
    slept: usize,
}

impl Desk {
    fn with(plan: Plan) -> Self {
        let now = Moment {
            wall: Timestamp::from_millis(1_700_000_000_000),
            mono_ms: 1_000_000,
        };
        let opened = Fact::SessionOpened(Box::new(genesis(plan.clone())));
        let first = stamp(Seq(0), now, Actor::Engine, opened);
        let state = State::new(genesis(plan), first.hash, now);
        let mut desk = Self {
            engine: Engine::new(state),
            records: vec![first],
            staged: Vec::new(),
            effects: Vec::new(),
            now,
            world: world(),
            nonces: 0,
            slept: 0,
        };
        for (number, name) in ["ann", "bob", "cho"].into_iter().enumerate() {
            desk.attach(number as u64, name);
        }
        desk
    }

    fn new() -> Self {
        let mut desk = Self::with(plan());
        desk.read("errors", 0.1);
        desk
    }

    fn state(&self) -> &State {
        self.engine.state()
    }

    fn stage(&mut self, facts: Vec<(Actor, Fact)>) {
        for (who, fact) in facts {
            let seq = self.engine.tentative().head.0.next();
            let record = stamp(seq, self.now, who, fact);
            self.engine.stage(std::slice::from_ref(&record));
            self.staged.push(record);
        }
    }

    /// Everything staged is durable, at once.
    fn commit(&mut self) {
        let stamped = std::mem::take(&mut self.staged);
        let effects = self.engine.commit(&stamped);
        self.effects.extend(effects);
        self.records.extend(stamped);
    }

    fn input(&mut self, input: &Input) -> Result<Option<StepId>, Refusal> {
        let proposal = self.engine.propose(input, self.now, &self.world);
        self.stage(proposal.facts);
        self.settle();
        self.commit();
        match proposal.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(proposal.prepare),
        }
    }

    fn settle(&mut self) {
        for _ in 0..100 {
            let facts = self.engine.settle(self.now, &self.world);
            if facts.is_empty() {
                return;
            }
            self.stage(facts);
        }
        panic!("it never settles: {:?}", self.staged.last());
    }

    fn ask(&mut self, who: &str, command: Command) -> Result<(), Refusal> {
        let input = Input::Ask {
            actor: actor(who),
            terminal: TerminalId(99),
            number: 1,
            command,
        };
        let Some(step) = self.input(&input)? else {
            return Ok(());
        };
        self.nonces = self.nonces.wrapping_add(1);
        let executor = actor(who).person().cloned().expect("a person proposes");
        let prepared = Prepared {
            plan: render_plan(self.state(), &step),
            nonce: Nonce::from_bytes([self.nonces; 16]),
            executor,
            signed: None,
        };
        let actor = actor(who);
        let input = Input::Proposal {
            actor,
            step,
            prepared,
        };
        self.input(&input).map(|_| ())
    }

    fn must(&mut self, who: &str, command: Command) {
        let text = format!("{command:?}");
        self.ask(who, command)
            .unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
    }

    fn confirm(&mut self, who: &str) -> Result<(), Refusal> {
        let state = self.state();
        let open = state.proposal.as_ref();
        let (id, via) = match actor(who) {
            Actor::Person { id, via } => (id, via),
            Actor::Account { uid } => (person(who), Via::Uid(uid)),
            Actor::Engine => unreachable!("nobody is the engine"),
        };
        let statement = open.and_then(|p| unsigned_statement(state, p, &id, &via, state.head));
        let statement = statement.map_or_else(String::new, |s| s.expect("printable"));
        self.ask(who, Command::confirm(statement))
    }

    fn attach(&mut self, terminal: u64, who: &str) {
        let input = Input::Attached {
            actor: actor(who),
            terminal: TerminalId(terminal),
            read_only: false,
        };
        self.input(&input).expect("attached");
    }

    fn running(&self) -> Option<ExecKey> {
        self.state().running().map(|r| r.key.clone())
    }

    fn end(&mut self, outcome: Outcome) {
        let key = self.running().expect("a command runs");
        let output = no_output();
        let ended = ExecUpdate::Ended {
            key,
            outcome,
            output,
        };
        self.input(&Input::Exec(ended)).expect("ended");
    }

    fn exit(&mut self, code: i32) {
        self.end(Outcome::Exited { code });
    }

    fn answer(&mut self, name: &str, result: Result<Vec<Series>, ReadFailure>) {
        let answer = QueryAnswer {
            rule: rule(name),
            result,
            dropped: 0,
            warnings: Vec::new(),
            received: self.now,
        };
        let reading = Reading::Queries {
            source: ConnectorName::new("main").expect("valid"),
            answers: vec![answer],
        };
        self.input(&Input::Reading(reading)).expect("read");
    }

    fn read(&mut self, name: &str, value: f64) {
        let at = self.now.wall;
        let sample = Sample { at, value };
        let labels = vec![("i".to_owned(), "db-1".to_owned())];
        self.answer(name, Ok(vec![Series { labels, sample }]));
    }

    /// Time passes, and nothing else; an engine that does not wait for it has nothing to say to it.
    fn wait(&mut self, span: Duration) {
        let (waits, before) = (
            self.engine.waits_for_time(self.now.wall),
            self.records.len(),
        );
        self.now = self.now.plus(span);
        self.input(&Input::Tick).expect("ticked");
        if !waits {
            self.slept += 1;
            assert_eq!(self.records.len(), before, "{:?}", self.records.last());
        }
    }

    /// The drain runs, confirmed by Bob.
    fn draining() -> Self {
        let mut desk = Self::new();
        desk.must("ann", Command::Begin);
        desk.must("ann", mark_done("look"));
        desk.must("ann", start("backup"));
        desk.exit(0);
        desk.exit(0);
        desk.must("ann", start("drain"));
        desk.exit(0);
        for _ in 0..6 {
            desk.read("lag", 0.1);
            desk.wait(Duration::from_secs(1));
        }
        desk.must("ann", propose("drain"));
        desk.confirm("bob").expect("confirmed");
        desk.must("ann", go("drain"));
        desk
    }

    fn check_fold(&self) {
        assert_eq!(fold(self.records.clone()).as_ref(), Ok(self.state()));
    }
}

#[test]
fn a_command_is_spawned_once_its_intent_is_durable_and_not_before() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    desk.must("ann", mark_done("look"));
    let input = Input::Ask {
        actor: actor("ann"),
        terminal: TerminalId(0),
        number: 1,
        command: start("backup"),
    };
    let facts = desk.engine.propose(&input, desk.now, &desk.world).facts;
    let before = desk.state().clone();
    let (who, fact) = facts[0].clone();
    let record = stamp(before.head.0.next(), desk.now, who, fact);
    desk.engine.stage(std::slice::from_ref(&record));
    assert_eq!(desk.state(), &before);
    // The next decision stands on the staged record.
    let again = desk.engine.propose(&input, desk.now, &desk.world);
    assert!(again.refusal.is_some());
    // The journal did not take it.
    desk.engine.unstage();
    let again = desk.engine.propose(&input, desk.now, &desk.world);
    assert!(again.refusal.is_none());
    assert!(desk.effects.is_empty());
    desk.stage(again.facts);
    desk.settle();
    assert!(desk.effects.is_empty());
    desk.commit();
    let key = desk.running().expect("runs");
    let role = ExecRole::Run;
    let spawn = Effect::Spawn {
        key,
        role,
        reviewed: None,
    };
    assert_eq!(desk.effects, [spawn]);
    desk.check_fold();
}

#[test]
fn a_confirmed_step_runs_and_is_stopped() {
    let mut desk = Desk::draining();
    let key = desk.running().expect("runs");
    assert_eq!(key.to_string(), "drain.1.b2.t1");
    let role = ExecRole::Run;
    // The file that the confirmed plan names, and no other.
    let reviewed = PlanExe {
        path: "/bin/sh".to_owned(),
        digest: Digest::of(b"sh"),
    };
    let spawn = Effect::Spawn {
        key: key.clone(),
        role,
        reviewed: Some(reviewed),
    };
    assert_eq!(desk.effects.last(), Some(&spawn));
    let spawned = ExecUpdate::Spawned {
        key: key.clone(),
        pid: 4242,
    };
    desk.input(&Input::Exec(spawned)).expect("spawned");
    assert_eq!(desk.state().running().and_then(|r| r.pid), Some(4242));
    desk.must("cho", stop("drain"));
    assert_eq!(
        desk.effects.last(),
        Some(&Effect::StopProcess { key: key.clone() })
    );
    desk.end(Outcome::Stopped);
    let late = ExecUpdate::Spawned { key, pid: 1 };
    let records = desk.records.len();
    desk.input(&Input::Exec(late)).expect("ignored");
    assert_eq!(desk.records.len(), records);
    desk.check_fold();
}

#[test]
fn hand_work_spawns_nothing() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    for name in ["look", "backup", "drain"] {
        desk.must("ann", skip(name));
    }
    desk.must("ann", start("wipe"));
    desk.must("ann", propose("wipe"));
    desk.confirm("bob").expect("confirmed");
    desk.confirm("cho").expect("confirmed");
    desk.must("ann", go("wipe"));
    desk.must("bob", stop("wipe"));
    assert!(desk.effects.is_empty());
    let why = "run: stopped by bob".to_owned();
    let status = &desk.state().find(&id("wipe")).expect("there").now.status;
    assert_eq!(status, &StepStatus::Failed { why });
    desk.check_fold();
}

#[test]
fn a_gate_opens_after_it_has_held_long_enough_and_its_sample_is_quoted() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    desk.must("ann", skip("look"));
    desk.must("ann", skip("backup"));
    desk.must("ann", start("drain"));
    desk.exit(0);
    desk.read("lag", 0.5);
    assert!(
        desk.engine
            .gate_progress()
            .is_some_and(|g| g.holding_since.is_some())
    );
    desk.wait(Duration::from_secs(4));
    desk.read("lag", 0.5);
    assert_eq!(
        desk.state().under_way().and_then(|v| v.now.stage()),
        Some(Stage::Gated)
    );
    desk.wait(Duration::from_secs(2));
    desk.read("lag", 0.5);
    assert_eq!(
        desk.state().under_way().and_then(|v| v.now.stage()),
        Some(Stage::NeedsProposal)
    );
    assert_eq!(desk.engine.gate_progress(), None);
    let quoted = desk.records.iter().find_map(|r| match &r.fact {
        Fact::GateOpened { quote, .. } => quote.clone(),
        _ => None,
    });
    assert_eq!(quoted.expect("quoted").series, "{i=\"db-1\"}");
    desk.check_fold();
}

#[test]
fn a_breach_holds_once_and_a_release_stands_until_the_next_breach() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    desk.read("errors", 0.9);
    let cause = HoldCause::Guard {
        rule: rule("errors"),
    };
    assert_eq!(desk.state().holds[0].cause, cause);
    let reason = "known, and harmless".to_owned();
    desk.must("ann", Command::release(reason));
    desk.wait(Duration::from_secs(1));
    desk.read("errors", 0.95);
    assert!(!desk.state().is_held());
    desk.read("errors", 0.1);
    desk.wait(Duration::from_secs(1));
    desk.read("errors", 0.1);
    assert_eq!(desk.state().verdict(&rule("errors")), Verdict::Pass);
    desk.wait(Duration::from_secs(1));
    desk.read("errors", 0.9);
    assert!(desk.state().is_held());
    desk.check_fold();
}

#[test]
fn a_breach_whose_hold_was_not_written_holds_again() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    desk.wait(Duration::from_secs(1));
    for written in [false, true] {
        let at = desk.now.wall;
        let sample = Sample { at, value: 0.9 };
        let labels = Vec::new();
        let answer = QueryAnswer {
            rule: rule("errors"),
            result: Ok(vec![Series { labels, sample }]),
            dropped: 0,
            warnings: Vec::new(),
            received: desk.now,
        };
        let source = ConnectorName::new("main").expect("valid");
        let answers = vec![answer];
        let reading = Input::Reading(Reading::Queries { source, answers });
        desk.engine.propose(&reading, desk.now, &desk.world);
        desk.settle();
        assert!(desk.engine.tentative().is_held());
        if written {
            desk.commit();
        } else {
            desk.staged.clear();
            desk.engine.unstage();
        }
        assert_eq!(desk.state().is_held(), written);
    }
    desk.check_fold();
}

#[test]
fn a_breach_before_begin_holds_at_begin() {
    let mut desk = Desk::new();
    desk.wait(Duration::from_secs(1));
    desk.read("errors", 0.9);
    assert!(!desk.state().is_held());
    desk.must("ann", Command::Begin);
    assert!(desk.state().is_held());
}

#[test]
fn a_breach_that_says_so_rolls_back_by_itself() {
    let mut plan = plan();
    plan.rules = vec![guard(OnBreach::Rollback)];
    let mut desk = Desk::with(plan);
    desk.read("errors", 0.1);
    desk.must("ann", Command::Begin);
    desk.must("ann", mark_done("look"));
    desk.must("ann", start("backup"));
    desk.wait(Duration::from_secs(1));
    desk.read("errors", 0.9);
    assert_eq!(desk.state().phase, Phase::RollingBack);
    assert!(matches!(
        desk.effects.last(),
        Some(Effect::StopProcess { .. })
    ));
    desk.end(Outcome::Stopped);
    let undo = desk.running().expect("undo runs");
    assert_eq!(undo.block, ExecKey::UNDO);
    assert_eq!(
        desk.state().end_reason,
        "guard `error ratio` is beyond its limit"
    );
    desk.check_fold();
}

#[test]
fn data_that_stops_coming_ends_an_armed_proposal() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    for name in ["look", "backup", "drain"] {
        desk.must("ann", skip(name));
    }
    desk.must("ann", start("wipe"));
    desk.must("ann", propose("wipe"));
    desk.confirm("bob").expect("confirmed");
    desk.confirm("cho").expect("confirmed");
    let armed = |desk: &Desk| desk.state().proposal.as_ref().map(|p| p.armed.is_some());
    assert_eq!(armed(&desk), Some(true));
    desk.wait(Duration::from_secs(31));
    assert_eq!(armed(&desk), None);
    desk.check_fold();
}

#[test]
fn an_orderly_end_leaves_nothing_open() {
    let mut desk = Desk::draining();
    let reason = "host goes down".to_owned();
    desk.input(&Input::Close { reason }).expect("closed");
    assert!(!desk.state().open);
    assert_eq!(desk.running(), None);
    assert!(desk.ask("ann", hold()).is_err());
    desk.check_fold();
}

#[test]
fn a_terminal_that_may_only_look_is_refused() {
    let mut desk = Desk::new();
    let input = Input::Attached {
        actor: actor("ann"),
        terminal: TerminalId(99),
        read_only: true,
    };
    desk.input(&input).expect("attached");
    let refusal = desk.ask("ann", Command::Begin).expect_err("refused");
    assert_eq!(refusal.reason, "this terminal may only look");
}

#[test]
fn a_release_over_missing_data_does_not_cover_the_breach_that_follows() {
    for on_breach in [OnBreach::Hold, OnBreach::Rollback] {
        let mut plan = plan();
        let mut rule = guard(on_breach);
        rule.no_data = crate::domain::threshold::OnNoData::Hold;
        plan.rules = vec![rule];
        let mut desk = Desk::with(plan);
        desk.read("errors", 0.1);
        desk.must("ann", Command::Begin);
        desk.answer("errors", Ok(Vec::new()));
        assert!(desk.state().is_held());
        let reason = "the exporter is being replaced".to_owned();
        desk.must("ann", Command::release(reason));
        desk.wait(Duration::from_secs(1));
        assert!(!desk.state().is_held(), "released is released");
        desk.read("errors", 0.9);
        let stopped = desk.state().is_held() || desk.state().phase == Phase::RollingBack;
        assert!(stopped, "{on_breach:?}");
        desk.check_fold();
    }
}

#[test]
fn the_same_refusal_is_recorded_once_in_a_while() {
    let mut desk = Desk::new();
    desk.must("ann", Command::Begin);
    let recorded = |desk: &Desk| {
        let refused = |r: &&Stamped| matches!(r.fact, Fact::Refused { .. });
        desk.records.iter().filter(refused).count()
    };
    for _ in 0..100 {
        desk.ask("root", propose("drain")).expect_err("refused");
        desk.ask("root", propose("wipe")).expect_err("refused");
        desk.ask("root", propose("nowhere")).expect_err("refused");
    }
    assert_eq!(recorded(&desk), 1);
    desk.ask("shared", propose("drain")).expect_err("refused");
    assert_eq!(recorded(&desk), 2, "another account");
    desk.wait(Duration::from_secs(10));
    desk.ask("root", propose("drain")).expect_err("refused");
    assert_eq!(recorded(&desk), 3);
    desk.check_fold();
}

#[test]
fn a_refusal_that_was_not_written_is_recorded_the_next_time() {
    let mut desk = Desk::new();
    let input = Input::Ask {
        actor: actor("root"),
        terminal: TerminalId(99),
        number: 1,
        command: propose("drain"),
    };
    for _ in 0..2 {
        let facts = desk.engine.propose(&input, desk.now, &desk.world).facts;
        assert_eq!(facts.len(), 1);
        desk.engine.unstage();
    }
}
