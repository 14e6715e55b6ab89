//! A maintenance for benches, told by the real rules: commands are decided, what follows by itself is settled, and
//! every fact is sealed into a record as a session server does.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot run has nobody to tell but its caller"
)]
#![allow(
    dead_code,
    reason = "each bench is a program of its own and uses another part"
)]

mod keys;

pub(crate) use keys::Keys;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use warroom::domain::apply::check_apply;
use warroom::domain::board::Board;
use warroom::domain::command::Command;
use warroom::domain::confirm::checkpoint::is_due_after;
use warroom::domain::confirm::plan_doc::{self, PlanInputs};
use warroom::domain::confirm::policy::Rules;
use warroom::domain::confirm::statement::{
    Kind, confirm_statement, propose_statement, unsigned_statement,
};
use warroom::domain::decide::{Prepared, decide, draft_terms, open_proposal};
use warroom::domain::digest::Digest;
use warroom::domain::fact::{
    Actor, Fact, Genesis, Mode, Outcome, OutputRef, Quote, RunbookRef, Stamped, Via,
};
use warroom::domain::id::{
    ConnectorName, Nonce, PersonId, RuleId, Seq, SessionId, SessionName, StepId, TerminalId,
};
use warroom::domain::readiness::Next;
use warroom::domain::reading::{QueryAnswer, Reading, Sample, Series};
use warroom::domain::runbook::plan::Plan;
use warroom::domain::runbook::{Severity, parse, resolve};
use warroom::domain::settle::{GateView, settle};
use warroom::domain::state::State;
use warroom::domain::threshold::Verdict;
use warroom::domain::time::{Moment, Timestamp};
use warroom::domain::world::{Look, Roster, World};
use warroom::journal::facts;
use warroom::journal::{Record, SessionDir, Space, Stamp, Writer, open, seal};

/// Boot id of the imagined host.
const BOOT: &str = "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90";
/// Steps before the destructive one, and behind it: a runbook of a night.
const STEPS_AROUND: usize = 20;
/// Attempts of a night at steps that need two people.
const ATTEMPTS_A_NIGHT: usize = 25;
/// Three nights a week.
const BETWEEN_NIGHTS: Duration = Duration::from_hours(56);
/// Guards of the runbook.
const GUARDS: usize = 12;

/// The runbook: forty ordinary steps around one that needs two people, and twelve guards.
pub(crate) fn runbook() -> String {
    let mut text = String::from("# Move the orders database\n\nWrites stop for a minute.\n\n");
    text.extend((0..GUARDS).map(|n| {
        format!(
            "```promql guard id=guard-{n} title=\"Guard {n}\" unit=ratio warn=0.5 crit=0.9 on_breach=warn\nerrors{{part=\"{n}\"}}\n```\n\n"
        )
    }));
    let ordinary = |n: usize| {
        format!(
            "- [ ] Look at part {n}\n\n  Some *prose* on part {n} and what to do when it is not well.\n\n  ```toml step\n  id = \"part-{n}\"\n  expected = \"5m\"\n  ```\n"
        )
    };
    text.push_str("## Prepare\n\n");
    text.extend((0..STEPS_AROUND).map(ordinary));
    text.push_str("## Switch\n\n- [ ] Switch over\n\n  ```sh check\n  pg_isready -h db-2\n  ```\n\n  ```sh run destructive id=switch timeout=2m\n  pg_ctl promote -D /data/db-2\n  ```\n\n  ```sh undo\n  pg_ctl demote -D /data/db-2\n  ```\n\n## Afterwards\n\n");
    text.extend((STEPS_AROUND..2 * STEPS_AROUND).map(ordinary));
    text
}

fn plan() -> Plan {
    let text = runbook();
    let (runbook, problems) = parse(&text, "switch.md");
    let (plan, more) = resolve(&runbook);
    for problem in problems.iter().chain(&more) {
        assert!(problem.severity != Severity::Error, "{problem:?}");
    }
    plan
}

fn genesis(plan: Plan) -> Genesis {
    Genesis {
        session: SessionId::from_parts(1_795_320_631_250, 7),
        name: SessionName::new("orders-db").expect("valid"),
        program: warroom::PROGRAM.to_owned(),
        host: "bastion".to_owned(),
        server_uid: 900,
        mode: Mode::Advisory,
        policy: Digest::of(b"policy"),
        runbook: RunbookRef {
            path: "/runbooks/switch.md".to_owned(),
            digest: Digest::of(b"runbook"),
            commit: "none".to_owned(),
            git: None,
        },
        plan_digest: plan.digest(),
        panels: Vec::new(),
        plan,
        session_key: None,
        certificate: None,
        allow_uid: false,
        rehearsal: None,
        rehearsed: Vec::new(),
        freezes: Vec::new(),
        learned: warroom::domain::history::Learned::default(),
        first_plan: None,
    }
}

/// A person with an account.
pub(crate) fn person(name: &str) -> Actor {
    Actor::Person {
        id: PersonId::new(name).expect("valid"),
        via: Via::Uid(1001),
    }
}

/// The step that needs two people.
pub(crate) fn switch() -> StepId {
    StepId::new("switch").expect("valid")
}

/// A session in memory.
#[derive(Clone)]
pub(crate) struct Session {
    /// The fold so far.
    pub(crate) state: State,
    /// Newest readings.
    pub(crate) board: Board,
    /// Facts with their place.
    pub(crate) stamped: Vec<Stamped>,
    /// The same as records.
    pub(crate) records: Vec<Record>,
    /// The moment of the next fact.
    pub(crate) now: Moment,
    /// What the server has read of the world.
    pub(crate) world: World,
    nonces: u128,
    /// With keys proposals and confirms are signed, and so is the journal.
    keys: Option<Arc<Keys>>,
    /// Checkpoints of the journal, as its server keeps them beside it; empty without keys.
    pub(crate) checkpoints: String,
}

impl Session {
    /// Two people are attached, all guards are good, nothing has begun.
    pub(crate) fn open() -> Self {
        Self::open_with(None)
    }

    fn open_with(keys: Option<Arc<Keys>>) -> Self {
        let now = Moment {
            wall: Timestamp::from_millis(1_795_320_631_250),
            mono_ms: 81_234_567,
        };
        let mut genesis = genesis(plan());
        genesis.session_key = keys.as_ref().map(|keys| keys.session.to_public_text());
        let state = State::new(genesis.clone(), Digest::of(b""), now);
        let world = World {
            policy: Some(genesis.policy),
            unread: String::new(),
            runbook: Some(genesis.runbook.digest),
            look: Look::Same,
            roster: Roster::Everybody,
            rules: std::sync::Arc::new(Rules {
                allow_uid: true,
                ..Rules::default()
            }),
            owner: None,
            keys: std::collections::BTreeMap::new(),
            touched: Vec::new(),
            unmatched: Vec::new(),
            scope: Ok(Vec::new()),
            known: std::collections::BTreeSet::new(),
            freezes: std::collections::BTreeMap::new(),
            clock: warroom::domain::time::trust::ClockSeen::since(now),
            groups: std::collections::BTreeMap::new(),
            floors: std::collections::BTreeMap::new(),
            effects: Vec::new(),
            alerts: warroom::domain::alert_match::AlertView::default(),
            writers: std::collections::BTreeMap::new(),
            amendment: None,
            outlook: Box::default(),
        };
        let mut session = Self {
            state,
            board: Board::default(),
            stamped: Vec::new(),
            records: Vec::new(),
            now,
            world,
            nonces: 0,
            keys,
            checkpoints: String::new(),
        };
        session.world.keys = session.keys.iter().flat_map(|keys| keys.listed()).collect();
        let first = session.stamp(
            Actor::Engine,
            Fact::SessionOpened(Box::new(genesis.clone())),
        );
        session.state = State::new(genesis, first.hash, now);
        session.stamped.push(first);
        for (n, name) in (1..).zip(["alice", "bob"]) {
            session.fact(person(name), attached(n));
        }
        session.guards(0);
        session
    }

    /// Begun, with the first part of the plan done and the destructive step started.
    pub(crate) fn at_switch() -> Self {
        Self::at_switch_with(None)
    }

    fn at_switch_with(keys: Option<Arc<Keys>>) -> Self {
        let mut session = Self::open_with(keys);
        session.ask("alice", &Command::Begin);
        for n in 0..STEPS_AROUND {
            let step = StepId::new(&format!("part-{n}")).expect("valid");
            let note = String::new();
            session.ask("alice", &Command::MarkDone { step, note });
        }
        session.ask("alice", &Command::Start { step: switch() });
        session
    }

    fn stamp(&mut self, actor: Actor, fact: Fact) -> Stamped {
        self.now = self.now.plus(Duration::from_millis(40));
        let is_first = self.records.is_empty();
        let content =
            facts::content(&actor, &fact, (!is_first).then_some(&self.state)).expect("writable");
        let stamp = Stamp {
            time: self.now.wall,
            boot: BOOT,
            mono_ms: self.now.mono_ms,
        };
        let (seq, prev) = if is_first {
            (Seq(0), None)
        } else {
            (self.state.head.0.next(), Some(self.state.head.1))
        };
        let session = &self.state.genesis.session;
        let record = seal(session, seq, prev, stamp, content).expect("valid");
        let hash = record.hash();
        self.records.push(record);
        Stamped {
            seq,
            hash,
            at: self.now,
            actor,
            fact,
        }
    }

    /// Something happens, and what follows from it.
    pub(crate) fn fact(&mut self, actor: Actor, fact: Fact) {
        self.record(actor, fact);
        loop {
            let facts = settle(&self.state, self.now, &self.world, &GateView::default());
            if facts.is_empty() {
                return;
            }
            for (actor, fact) in facts {
                self.record(actor, fact);
            }
        }
    }

    fn record(&mut self, actor: Actor, fact: Fact) {
        let stamped = self.stamp(actor, fact);
        check_apply(&mut self.state, &stamped).expect("it can be");
        if let Some(keys) = &self.keys
            && is_due_after(&stamped.fact)
        {
            self.checkpoints.push_str(&keys.checkpoint(&self.state));
        }
        self.stamped.push(stamped);
    }

    fn facts(&mut self, actor: &Actor, facts: Vec<Fact>) {
        for fact in facts {
            self.fact(actor.clone(), fact);
        }
    }

    /// A person asks for something that must be granted.
    pub(crate) fn ask(&mut self, who: &str, command: &Command) {
        self.ask_as(&person(who), command);
    }

    fn ask_as(&mut self, who: &Actor, command: &Command) {
        match decide(&self.state, who, command, self.now, &self.world) {
            Ok(facts) => self.facts(who, facts),
            Err(refused) => panic!("{command:?}: {}", refused.refusal),
        }
    }

    /// The running command ends.
    pub(crate) fn exit(&mut self, code: i32) {
        let key = self.state.running().expect("a command runs").key.clone();
        let spawned = Fact::ExecSpawned {
            key: key.clone(),
            pid: 4711,
        };
        self.fact(Actor::Engine, spawned);
        let output = OutputRef {
            bytes: 4096,
            dropped: 0,
            digest: Digest::of(b"output"),
            values: Vec::new(),
            values_error: String::new(),
            left_behind: 0,
        };
        let outcome = Outcome::Exited { code };
        self.fact(
            Actor::Engine,
            Fact::ExecOutcome {
                key,
                outcome,
                output,
            },
        );
    }

    /// Alice proposes the destructive step.
    pub(crate) fn propose(&mut self) {
        self.nonces += 1;
        let mut prepared = Prepared {
            plan: self.plan_document(),
            nonce: Nonce::from_bytes(self.nonces.to_be_bytes()),
            executor: PersonId::new("alice").expect("valid"),
            signed: None,
        };
        let step = switch();
        let who = match &self.keys {
            None => person("alice"),
            Some(keys) => {
                let who = keys.actor("alice");
                let terms = draft_terms(&self.state, &who, &step, &prepared, self.now, &self.world);
                let terms = terms.expect("may be proposed");
                let text = propose_statement(&self.state, &terms).expect("printable");
                let armour = keys.sign("alice", Kind::Propose, &text);
                prepared.signed = Some(Box::new((terms, armour)));
                who
            }
        };
        let facts = open_proposal(&self.state, &who, &step, &prepared, self.now, &self.world);
        // Settled only when both are there: the plan is the second of the two.
        for fact in facts.expect("may be proposed") {
            self.record(who.clone(), fact);
        }
    }

    fn plan_document(&self) -> String {
        let view = self.state.find(&switch()).expect("a step");
        let Next::Confirmed(block) = view.next() else {
            panic!("it does not wait for a proposal");
        };
        let inputs = PlanInputs {
            step: switch(),
            attempt: view.now.next_proposal(),
            risk: view.plan.risk,
            title: view.plan.title.clone(),
            target: String::new(),
            blast: String::new(),
            runas: "warroom".to_owned(),
            host: self.state.genesis.host.clone(),
            cwd: "/runbooks".to_owned(),
            exe: Some(("/bin/sh".to_owned(), Digest::of(b"sh"))),
            argv: block.argv.clone(),
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            stdin: "empty".to_owned(),
            timeout_s: 120,
            on_executor_lost: view.plan.on_executor_lost,
            guards: (0..GUARDS)
                .map(|n| format!("guard-{n} 0.1 < 0.9, 1 s old"))
                .collect(),
            undo: "pg_ctl demote".to_owned(),
        };
        plan_doc::render(&inputs).expect("printable")
    }

    /// What Bob would state on the open proposal.
    pub(crate) fn statement(&self) -> Command {
        let open = self.state.proposal.as_ref().expect("a proposal is open");
        let bob = PersonId::new("bob").expect("valid");
        let head = self.state.head;
        match &self.keys {
            None => {
                let via = Via::Uid(1001);
                let statement = unsigned_statement(&self.state, open, &bob, &via, head)
                    .expect("it is on the table")
                    .expect("printable");
                Command::confirm(statement)
            }
            Some(keys) => {
                let statement = confirm_statement(&self.state, open, &bob, head)
                    .expect("it is on the table")
                    .expect("printable");
                let armour = keys.sign("bob", Kind::Confirm, &statement);
                Command::confirm(statement.clone()).with_signature(&statement, armour, false)
            }
        }
    }

    /// One attempt: check, proposal, second person, go, and a command that fails; then it is tried again.
    pub(crate) fn failed_attempt(&mut self, round: usize) {
        self.exit(0);
        self.guards(round);
        self.propose();
        let statement = self.statement();
        let bob = self.keys.as_ref().map(|keys| keys.actor("bob"));
        self.ask_as(&bob.unwrap_or_else(|| person("bob")), &statement);
        let open = self.state.proposal.as_ref();
        let attempt = open.expect("a proposal").terms.attempt;
        let step = switch();
        self.ask("alice", &Command::go(step, attempt));
        self.exit(1);
        let text = format!("attempt {round} failed: replication slot is busy, asked the data team");
        let step = Some(switch());
        self.ask("alice", &Command::Note { step, text });
        let terminal = TerminalId(10 + u64::try_from(round).expect("small"));
        self.fact(person("carol"), attached(terminal.0));
        self.fact(person("carol"), Fact::Detached { terminal });
        self.ask("alice", &Command::Retry { step: switch() });
        self.ask("alice", &Command::Start { step: switch() });
    }

    /// Every guard says something.
    pub(crate) fn guards(&mut self, round: usize) {
        for n in 0..GUARDS {
            let quote = Quote {
                series: format!("{{instance=\"db-{n}\",job=\"postgres\"}}"),
                sample: Sample {
                    at: self.now.wall,
                    value: 0.1 + f64::from(u32::try_from(round % 97).expect("small")) / 1000.0,
                },
                age_ms: 900,
            };
            let fact = Fact::RuleChanged {
                rule: guard(n),
                verdict: Verdict::Pass,
                quote: Some(quote),
            };
            self.fact(Actor::Engine, fact);
        }
    }

    /// One poll of all guards, with two series each.
    pub(crate) fn poll(&self, second: u32) -> Reading {
        let series = |instance: &str, value| Series {
            labels: vec![("instance".to_owned(), instance.to_owned())],
            sample: Sample {
                at: self.now.wall.plus(Duration::from_secs(second.into())),
                value,
            },
        };
        let wave = f64::from(second % 17) / 40.0;
        let answers = (0..GUARDS)
            .map(|n| QueryAnswer {
                rule: guard(n),
                result: Ok(vec![series("db-1", wave), series("db-2", wave * 0.8)]),
                dropped: 0,
                warnings: Vec::new(),
                received: self.now.plus(Duration::from_secs(second.into())),
            })
            .collect();
        Reading::Queries {
            source: ConnectorName::new("main").expect("valid"),
            answers,
        }
    }

    /// Five minutes of polls at one a second.
    pub(crate) fn watched(mut self) -> Self {
        for second in 0..300 {
            let reading = self.poll(second);
            self.board.absorb(reading);
        }
        self.now = self.now.plus(Duration::from_secs(300));
        self
    }

    /// As many nights with signatures, in one journal. A night is twenty-five attempts at a step that needs two
    /// people, each with its proposal, confirm, go, outcome, note and visitor, and three hundred words of guards: more
    /// than a night of an operations team has of any of them.
    pub(crate) fn signed_nights(nights: usize, keys: Keys) -> Self {
        let mut session = Self::at_switch_with(Some(Arc::new(keys)));
        for night in 0..nights {
            for attempt in 0..ATTEMPTS_A_NIGHT {
                session.failed_attempt(night * ATTEMPTS_A_NIGHT + attempt);
            }
            session.now = session.now.plus(BETWEEN_NIGHTS);
        }
        session
    }

    /// Leaves the journal in a session's directory as its server would, and its checkpoints beside it.
    pub(crate) fn leave(&self, dir: &Path) {
        let dir_of = SessionDir::open(dir).expect("free");
        let writer = Writer::start(open(dir_of, |_| ()).expect("empty")).expect("started");
        for records in self.records.chunks(500) {
            let written = writer.submit(records.to_vec(), Space::Ordinary);
            written.wait().expect("durable");
        }
        if !self.checkpoints.is_empty() {
            fs::write(dir.join("checkpoints"), &self.checkpoints).expect("writable");
        }
    }

    /// At least this many records of all kinds a night has.
    pub(crate) fn long(records: usize) -> Self {
        let mut session = Self::at_switch();
        for round in 0.. {
            if session.records.len() >= records {
                break;
            }
            session.failed_attempt(round);
        }
        session.records.truncate(records);
        session.stamped.truncate(records);
        session
    }
}

fn attached(terminal: u64) -> Fact {
    Fact::Attached {
        terminal: TerminalId(terminal),
        read_only: false,
    }
}

fn guard(n: usize) -> RuleId {
    RuleId::new(&format!("guard-{n}")).expect("valid")
}
