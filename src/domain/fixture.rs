//! A small maintenance for tests: a plan with every kind of step, people, clocks, and a journal in memory.

mod asks;
mod cases;
mod start;

pub(crate) use asks::*;
pub(crate) use cases::cases;
use start::START;

use crate::domain::alert_match::AlertView;
use crate::domain::apply::{check_apply, fold};
use crate::domain::command::{Command, Refusal};
use crate::domain::confirm::plan_doc::{PlanInputs, render};
use crate::domain::confirm::policy::{ClassLines, Grade, Rules};
use crate::domain::confirm::statement::unsigned_statement;
use crate::domain::decide::{Decision, Prepared, decide, open_proposal};
use crate::domain::digest::Digest;
use crate::domain::fact::{
    Actor, ExecKey, Fact, Genesis, Mode, Outcome, OutputRef, RunbookRef, Stamped, Via,
};
use crate::domain::id::{
    ConnectorName, Nonce, PersonId, RuleId, Seq, SessionId, SessionName, StepId, TerminalId,
};
use crate::domain::readiness::Next;
use crate::domain::runbook::plan::{
    AlertRules, ExecBlock, ExecRole, Gate, MetricRule, OnExecutorLost, Plan, PlanBlock, PlanPhase,
    PlanStep, Risk,
};
use crate::domain::settle::{GateNow, GateView, settle};
use crate::domain::state::{State, StepStatus};
use crate::domain::threshold::{Limit, OnBreach, OnNoData, Op, Verdict};
use crate::domain::time::Moment;
use crate::domain::time::trust::ClockSeen;
use crate::domain::world::{Look, Roster, World};
use crate::domain::write::Ability;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn id(text: &str) -> StepId {
    StepId::new(text).expect("a step id")
}

pub(crate) fn rule(text: &str) -> RuleId {
    RuleId::new(text).expect("a rule id")
}

pub(crate) fn person(name: &str) -> PersonId {
    PersonId::new(name).expect("a person id")
}

/// `root` and `shared` are accounts without a person.
pub(crate) fn actor(name: &str) -> Actor {
    match name {
        "root" => Actor::Account { uid: 0 },
        "shared" => Actor::Account { uid: 1500 },
        _ => Actor::Person {
            id: person(name),
            via: Via::Uid(1000),
        },
    }
}

pub(crate) fn exec(role: ExecRole, text: &str) -> ExecBlock {
    ExecBlock {
        role,
        lang: "sh".to_owned(),
        argv: vec!["sh".to_owned(), "-euc".to_owned(), text.to_owned()],
        timeout: Duration::from_secs(60),
        retry: u32::from(role == ExecRole::Verify),
        line: 1,
    }
}

pub(crate) fn step(name: &str, phase: usize, blocks: Vec<PlanBlock>) -> PlanStep {
    PlanStep {
        id: id(name),
        number: format!("{}.1", phase + 1),
        title: name.to_owned(),
        prose: String::new(),
        phase,
        parent: None,
        depth: 0,
        ticked: false,
        blocks,
        expects: Vec::new(),
        undo: None,
        risk: Risk::Change,
        component: None,
        quorum: 0,
        expected: None,
        on_executor_lost: OnExecutorLost::Continue,
        expect_alerts: Vec::new(),
        unit: None,
        switch: false,
        must_fire: Vec::new(),
        silence: None,
        line: 1,
    }
}

fn phase(title: &str, rollback: bool) -> PlanPhase {
    PlanPhase {
        number: "1".to_owned(),
        title: title.to_owned(),
        level: 2,
        prose: String::new(),
        rollback,
        rollout: None,
        silence: None,
        line: 1,
    }
}

pub(crate) fn guard(on_breach: OnBreach) -> MetricRule {
    let limit = |value| Limit { op: Op::Gt, value };
    MetricRule {
        id: rule("errors"),
        title: "error ratio".to_owned(),
        expr: "errors".to_owned(),
        unit: "ratio".to_owned(),
        warn: None,
        crit: Some(limit(0.5).into()),
        clear: None,
        hold_for: Duration::ZERO,
        samples: None,
        on_breach,
        dry_run: false,
        no_data: OnNoData::Unknown,
        stale_after: Duration::from_secs(30),
        source: None,
        phase: None,
        line: 1,
    }
}

/// look (by hand), backup (run, verify, undo), drain (destructive: check, gate, run, verify, undo), wipe
/// (destructive hand work, two confirmers), parts (group of part-a and part-b); restore (back-out plan).
pub(crate) fn plan() -> Plan {
    let block = |role, text| PlanBlock::Exec(exec(role, text));
    let gate = PlanBlock::Gate(Gate {
        id: rule("lag"),
        expr: "lag".to_owned(),
        limit: Limit {
            op: Op::Lt,
            value: 1.0,
        },
        hold_for: Duration::from_secs(5),
        timeout: Some(Duration::from_secs(600)),
        source: None,
        line: 1,
    });
    let look = step("look", 0, Vec::new());
    let mut backup = step(
        "backup",
        0,
        vec![
            block(ExecRole::Run, "backup"),
            block(ExecRole::Verify, "verify"),
        ],
    );
    backup.undo = Some(exec(ExecRole::Undo, "drop-backup"));
    let mut drain = step(
        "drain",
        1,
        vec![
            block(ExecRole::Check, "check"),
            gate,
            block(ExecRole::Run, "drain"),
            block(ExecRole::Verify, "verify"),
        ],
    );
    drain.undo = Some(exec(ExecRole::Undo, "undrain"));
    drain.risk = Risk::Destructive;
    drain.quorum = 1;
    let mut wipe = step("wipe", 1, Vec::new());
    // Not irreversible: no policy lets accounts alone confirm that.
    wipe.risk = Risk::Destructive;
    wipe.quorum = 2;
    let parts = step("parts", 1, Vec::new());
    let mut part_a = step("part-a", 1, Vec::new());
    part_a.parent = Some(4);
    let mut part_b = step("part-b", 1, vec![block(ExecRole::Run, "part-b")]);
    part_b.parent = Some(4);
    let restore = step("restore", 2, vec![block(ExecRole::Run, "restore")]);
    Plan {
        title: "test".to_owned(),
        change: None,
        window: None,
        recurs: None,
        components: Vec::new(),
        expect_alerts: Vec::new(),
        alerts: AlertRules::default(),
        lock: None,
        silence: None,
        radius_depth: None,
        environment: BTreeMap::new(),
        briefing: String::new(),
        phases: vec![
            phase("Prepare", false),
            phase("Switch", false),
            phase("Rollback", true),
        ],
        steps: vec![look, backup, drain, wipe, parts, part_a, part_b, restore],
        rules: vec![guard(OnBreach::Hold)],
    }
}

pub(crate) fn genesis(plan: Plan) -> Genesis {
    Genesis {
        session: SessionId::from_parts(1_700_000_000_000, 7),
        name: SessionName::new("db").expect("valid"),
        program: "warroom test".to_owned(),
        host: "bastion".to_owned(),
        server_uid: 900,
        mode: Mode::Advisory,
        policy: Digest::of(b"policy"),
        runbook: RunbookRef {
            path: "/r.md".to_owned(),
            digest: Digest::of(b"runbook"),
            commit: "none".to_owned(),
            git: None,
        },
        plan_digest: Digest::of(b"plan"),
        panels: Vec::new(),
        plan,
        session_key: None,
        certificate: None,
        allow_uid: false,
        rehearsal: None,
        rehearsed: Vec::new(),
        freezes: Vec::new(),
        learned: crate::domain::history::Learned::default(),
        first_plan: None,
    }
}

pub(crate) fn world() -> World {
    World {
        policy: Some(Digest::of(b"policy")),
        unread: String::new(),
        runbook: Some(Digest::of(b"runbook")),
        look: Look::Same,
        roster: Roster::Everybody,
        rules: Arc::new(rules()),
        owner: None,
        keys: BTreeMap::new(),
        touched: Vec::new(),
        unmatched: Vec::new(),
        known: BTreeSet::new(),
        groups: BTreeMap::new(),
        scope: Ok(Vec::new()),
        floors: BTreeMap::new(),
        effects: Vec::new(),
        alerts: AlertView::quiet(),
        freezes: BTreeMap::new(),
        clock: ClockSeen::since(START),
        writers: writers(),
        amendment: None,
        outlook: Box::default(),
    }
}

/// Accounts are people; nothing is asked that a room without screens cannot give.
pub(crate) fn rules() -> Rules {
    let by_account = |confirmers| ClassLines {
        confirmers: Some(confirmers),
        confirmer: Some(Grade::Uid),
        proposer: Some(Grade::Uid),
        go: Some(Grade::Uid),
        independent_check: Some(false),
        ..ClassLines::default()
    };
    Rules {
        allow_uid: true,
        destructive: by_account(1),
        irreversible: by_account(2),
        ..Rules::default()
    }
}

/// `pager` pages, `am` mutes, `main` only reads.
fn writers() -> BTreeMap<ConnectorName, Vec<Ability>> {
    let pager = vec![Ability::Page, Ability::Acknowledge, Ability::Note];
    let all = [
        ("pager", pager),
        ("am", vec![Ability::Mute]),
        ("main", vec![]),
    ];
    let name = |text: &str| ConnectorName::new(text).expect("a name");
    all.map(|(text, can)| (name(text), can)).into()
}

pub(crate) fn no_output() -> OutputRef {
    crate::domain::decide::no_output()
}

/// The plan of the destructive part a step comes to next, as a server would render it.
pub(crate) fn render_plan(state: &State, name: &StepId) -> String {
    let view = state.find(name).expect("a step");
    let (exe, argv) = match view.next() {
        Next::Confirmed(block) => (
            Some(("/bin/sh".to_owned(), Digest::of(b"sh"))),
            block.argv.clone(),
        ),
        _ => (None, Vec::new()),
    };
    render(&PlanInputs {
        step: name.clone(),
        attempt: view.now.next_proposal(),
        risk: view.plan.risk,
        title: view.plan.title.clone(),
        target: String::new(),
        blast: String::new(),
        runas: "warroom".to_owned(),
        host: state.genesis.host.clone(),
        cwd: "/".to_owned(),
        exe,
        argv,
        env: Vec::new(),
        stdin: "empty".to_owned(),
        timeout_s: 60,
        on_executor_lost: view.plan.on_executor_lost,
        guards: Vec::new(),
        undo: String::new(),
    })
    .expect("a plan")
}

/// A record as the journal would stamp it.
pub(crate) fn stamp(seq: Seq, at: Moment, actor: Actor, fact: Fact) -> Stamped {
    let text = serde_json::to_string(&(seq, &fact)).expect("serializes");
    Stamped {
        seq,
        hash: Digest::of(text.as_bytes()),
        at,
        actor,
        fact,
    }
}

/// A maintenance in memory, without engine, journal file or processes.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) state: State,
    pub(crate) records: Vec<Stamped>,
    pub(crate) now: Moment,
    pub(crate) world: World,
    pub(crate) gates: GateView,
    nonces: u8,
}

impl Room {
    /// Ann, Bob and Cho are attached; the guard is good; nothing has begun.
    pub(crate) fn new() -> Self {
        Self::with(plan())
    }

    pub(crate) fn with(plan: Plan) -> Self {
        let now = START;
        let opened = Fact::SessionOpened(Box::new(genesis(plan.clone())));
        let first = stamp(Seq(0), now, Actor::Engine, opened);
        let mut room = Self {
            state: State::new(genesis(plan), first.hash, now),
            records: vec![first],
            now,
            world: world(),
            gates: GateView::default(),
            nonces: 0,
        };
        for (number, name) in ["ann", "bob", "cho"].into_iter().enumerate() {
            let terminal = TerminalId(number as u64);
            let read_only = false;
            let fact = Fact::Attached {
                terminal,
                read_only,
            };
            room.record(&actor(name), fact);
        }
        room.verdict(Verdict::Pass);
        room
    }

    /// Begun, look marked done, backup done: the drain is next.
    pub(crate) fn at_drain() -> Self {
        Self::at_drain_of(plan())
    }

    /// As [`Room::at_drain`], of another plan with the same steps.
    pub(crate) fn at_drain_of(plan: Plan) -> Self {
        let mut room = Self::with(plan);
        room.must("ann", Command::Begin);
        room.must("ann", mark_done("look"));
        room.must("ann", start("backup"));
        room.exit(0);
        room.exit(0);
        room
    }

    /// The drain has passed its check and gate and waits for a proposal.
    pub(crate) fn at_proposal() -> Self {
        let mut room = Self::at_drain();
        room.must("ann", start("drain"));
        room.exit(0);
        room.open_gate();
        room
    }

    /// Ann has proposed the drain.
    pub(crate) fn proposed() -> Self {
        let mut room = Self::at_proposal();
        room.propose("ann", "drain").expect("proposed");
        room
    }

    /// Bob has confirmed the drain.
    pub(crate) fn armed() -> Self {
        let mut room = Self::proposed();
        room.confirm("bob").expect("confirmed");
        room
    }

    pub(crate) fn record(&mut self, who: &Actor, fact: Fact) {
        let record = stamp(self.state.head.0.next(), self.now, who.clone(), fact);
        let applied = check_apply(&mut self.state, &record);
        assert_eq!(applied, Ok(()), "{record:?}");
        self.records.push(record);
    }

    pub(crate) fn settle(&mut self) {
        for _ in 0..100 {
            let facts = settle(&self.state, self.now, &self.world, &self.gates);
            if facts.is_empty() {
                return;
            }
            for (who, fact) in facts {
                self.record(&who, fact);
            }
        }
        panic!("it never settles: {:?}", self.records.last());
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now.plus(span);
        self.settle();
    }

    fn take(&mut self, who: &Actor, decision: Decision) -> Result<(), Refusal> {
        match decision {
            Ok(facts) => {
                for fact in facts {
                    self.record(who, fact);
                }
                self.settle();
                Ok(())
            }
            Err(refused) => {
                if let Some(fact) = refused.record {
                    self.record(who, *fact);
                }
                Err(refused.refusal)
            }
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "tests read better without a reference at each call"
    )]
    pub(crate) fn ask(&mut self, who: &str, command: Command) -> Result<(), Refusal> {
        if let Command::Propose { step, .. } = &command {
            return self.propose(who, step.as_str());
        }
        let who = actor(who);
        let decision = decide(&self.state, &who, &command, self.now, &self.world);
        self.take(&who, decision)
    }

    pub(crate) fn must(&mut self, who: &str, command: Command) {
        let text = format!("{command:?}");
        self.ask(who, command)
            .unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
    }

    pub(crate) fn propose(&mut self, who: &str, name: &str) -> Result<(), Refusal> {
        let who = actor(who);
        let step = id(name);
        let executor = who.person().cloned().unwrap_or_else(|| person("ann"));
        self.nonces += 1;
        let prepared = Prepared {
            plan: render_plan(&self.state, &step),
            nonce: Nonce::from_bytes([self.nonces; 16]),
            executor,
            signed: None,
        };
        let decision = open_proposal(&self.state, &who, &step, &prepared, self.now, &self.world);
        self.take(&who, decision)
    }

    /// The statement this person would make now by their account; any text while nothing is proposed.
    pub(crate) fn statement(&self, who: &str) -> String {
        self.statement_by(&actor(who))
    }

    /// What this person would state who is known by just this.
    pub(crate) fn statement_by(&self, who: &Actor) -> String {
        let open = self.state.proposal.as_ref();
        let Actor::Person { id, via } = who else {
            return "nothing".to_owned();
        };
        let head = self.state.head;
        let text = open.and_then(|p| unsigned_statement(&self.state, p, id, via, head));
        text.map_or_else(|| "nothing".to_owned(), |t| t.expect("printable"))
    }

    pub(crate) fn confirm(&mut self, who: &str) -> Result<(), Refusal> {
        let statement = match who {
            "root" | "shared" => self.statement("bob"),
            _ => self.statement(who),
        };
        self.ask(who, Command::confirm(statement))
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict) {
        let fact = Fact::RuleChanged {
            rule: rule("errors"),
            verdict,
            quote: None,
        };
        self.record(&Actor::Engine, fact);
        self.settle();
    }

    pub(crate) fn open_gate(&mut self) {
        self.gates.gate = Some(GateNow {
            rule: rule("lag"),
            is_open: true,
            is_timed_out: false,
            quote: None,
        });
        self.settle();
    }

    pub(crate) fn running(&self) -> Option<ExecKey> {
        self.state.running().map(|r| r.key.clone())
    }

    /// The running command ends with this code.
    pub(crate) fn exit(&mut self, code: i32) {
        self.end(Outcome::Exited { code });
    }

    pub(crate) fn end(&mut self, outcome: Outcome) {
        let key = self.running().expect("a command runs");
        let output = no_output();
        let fact = Fact::ExecOutcome {
            key,
            outcome,
            output,
        };
        self.record(&Actor::Engine, fact);
        self.settle();
    }

    pub(crate) fn lose(&mut self) {
        let key = self.running().expect("a command runs");
        self.record(&Actor::Engine, Fact::ExecUnknown { key });
        self.settle();
    }

    pub(crate) fn attach(&mut self, terminal: u64, who: &str) {
        self.attach_as(terminal, who, false);
    }

    pub(crate) fn attach_as(&mut self, terminal: u64, who: &str, read_only: bool) {
        let fact = Fact::Attached {
            terminal: TerminalId(terminal),
            read_only,
        };
        self.record(&actor(who), fact);
        self.settle();
    }

    pub(crate) fn detach(&mut self, terminal: u64) {
        let terminal = TerminalId(terminal);
        let who = self.state.terminals[&terminal].actor.clone();
        self.record(&who, Fact::Detached { terminal });
        self.settle();
    }

    pub(crate) fn status(&self, name: &str) -> &StepStatus {
        &self.state.find(&id(name)).expect("a step").now.status
    }

    /// Live state and replayed state are the same.
    pub(crate) fn check_fold(&self) {
        assert_eq!(fold(self.records.clone()).as_ref(), Ok(&self.state));
    }
}
