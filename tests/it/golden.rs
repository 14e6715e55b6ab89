//! The golden journals of format WJ1: what an earlier program has written is read, folded and written back for ever.
//!
//! `WARROOM_WRITE_GOLDEN=wj1-later` makes that journal and its folded state from a scripted session. Each is made once and
//! never again: a test that fails here has found a change of the serialized form. What is added to the format gets a
//! journal of its own: `wj1-first` has the first form, `wj1-later` the causes of closing and holding that came after it,
//! `wj1-people` what came with taking over, with reasons that follow a no, and with sessions beside each other.

use crate::session_host::{fold_of, person, step};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use warroom::domain::apply::check_apply;
use warroom::domain::command::{Command, Refusal};
use warroom::domain::confirm::plan_doc::{PlanInputs, render};
use warroom::domain::confirm::policy::{ClassLines, Grade, Rules};
use warroom::domain::confirm::statement::unsigned_statement;
use warroom::domain::decide::Prepared;
use warroom::domain::digest::Digest;
use warroom::domain::fact::{
    Actor, Fact, Finding, Genesis, Mode, Outcome, OutputRef, RunbookRef, Stamped, Via,
};
use warroom::domain::id::{
    ConnectorName, Nonce, RuleId, Seq, SessionId, SessionName, StepId, TerminalId,
};
use warroom::domain::readiness::Next;
use warroom::domain::reading::{QueryAnswer, Reading, Sample, Series};
use warroom::domain::runbook::{Severity, parse, resolve};
use warroom::domain::state::{Phase, State};
use warroom::domain::time::{Moment, Timestamp};
use warroom::domain::world::{Look, Roster, World};
use warroom::engine::{Engine, ExecUpdate, Input};
use warroom::journal::facts::{content, fact_of, kind_of};
use warroom::journal::{
    JOURNAL_FILE, Reader, Record, SessionDir, Space, Stamp, Writer, open, seal, verify_file,
};

const RUNBOOK: &str = include_str!("../data/journals/wj1-first.md");
const BOOTS: [&str; 2] = [
    "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90",
    "0d9b1a44-7c1e-4f6b-8a55-91c2f0e3b7d6",
];
/// A journal has one end: these kinds belong to others.
const OTHER_ENDS: [&str; 2] = ["maintenance.aborted", "maintenance.completed"];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/journals")
        .join(name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one switch of a test that nobody calls as a program"
)]
pub(crate) fn is_writing(name: &str) -> bool {
    std::env::var_os("WARROOM_WRITE_GOLDEN").is_some_and(|wanted| wanted == name)
}

pub(crate) fn actor(name: &str) -> Actor {
    let uid = match name {
        "alice" => 1001,
        "bob" => 1002,
        _ => 1003,
    };
    Actor::Person {
        id: person(name),
        via: Via::Uid(uid),
    }
}

pub(crate) fn genesis() -> Genesis {
    let (parsed, mut problems) = parse(RUNBOOK, "wj1-first.md");
    let (plan, more) = resolve(&parsed);
    problems.extend(more);
    problems.retain(|p| p.severity == Severity::Error);
    assert!(problems.is_empty(), "{problems:?}");
    Genesis {
        session: SessionId::from_parts(1_795_312_800_000, 7),
        name: SessionName::new("move-orders").expect("a name"),
        program: "warroom 0.1.0".to_owned(),
        host: "bastion-1".to_owned(),
        server_uid: 990,
        mode: Mode::Advisory,
        policy: Digest::of(b"policy"),
        runbook: RunbookRef {
            path: "/srv/runbooks/move-orders.md".to_owned(),
            digest: Digest::of(RUNBOOK.as_bytes()),
            commit: "sha1:9fceb02d0ae598e95dc970b74767f19372d61af8".to_owned(),
            git: None,
        },
        plan_digest: plan.digest(),
        plan,
        panels: Vec::new(),
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

/// Accounts are people, also for what cannot be taken back: the journals are from before there were rules.
fn rules() -> Rules {
    let by_account = || ClassLines {
        confirmer: Some(Grade::Uid),
        proposer: Some(Grade::Uid),
        go: Some(Grade::Uid),
        independent_check: Some(false),
        ..ClassLines::default()
    };
    Rules {
        allow_uid: true,
        destructive: by_account(),
        irreversible: by_account(),
        ..Rules::default()
    }
}

/// A session without processes: an engine, a clock that is set by hand, and the records it leaves.
struct Script {
    engine: Engine,
    records: Vec<Record>,
    now: Moment,
    boot: &'static str,
    world: World,
    nonces: u8,
}

impl Script {
    fn new() -> Self {
        let now = Moment {
            wall: Timestamp::from_millis(1_795_312_800_000),
            mono_ms: 81_000_000,
        };
        let genesis = genesis();
        let fact = Fact::SessionOpened(Box::new(genesis.clone()));
        let record = sealed(None, &genesis.session, now, BOOTS[0], &Actor::Engine, &fact);
        let state = State::new(genesis, record.hash(), now);
        Self {
            engine: Engine::new(state),
            records: vec![record],
            now,
            boot: BOOTS[0],
            world: World {
                policy: Some(Digest::of(b"policy")),
                unread: String::new(),
                runbook: Some(Digest::of(RUNBOOK.as_bytes())),
                look: Look::Same,
                roster: Roster::Everybody,
                rules: std::sync::Arc::new(rules()),
                owner: None,
                keys: std::collections::BTreeMap::new(),
                touched: Vec::new(),
                unmatched: Vec::new(),
                freezes: std::collections::BTreeMap::new(),
                clock: warroom::domain::time::trust::ClockSeen::since(now),
                scope: Ok(Vec::new()),
                known: std::collections::BTreeSet::new(),
                groups: std::collections::BTreeMap::new(),
                floors: std::collections::BTreeMap::new(),
                effects: Vec::new(),
                alerts: warroom::domain::alert_match::AlertView::default(),
                writers: std::collections::BTreeMap::new(),
                amendment: None,
                outlook: Box::default(),
            },
            nonces: 0,
        }
    }

    fn state(&self) -> &State {
        self.engine.state()
    }

    fn record(&mut self, facts: Vec<(Actor, Fact)>) {
        for (who, fact) in facts {
            let state = self.engine.state();
            let session = state.genesis.session.clone();
            let record = sealed(Some(state), &session, self.now, self.boot, &who, &fact);
            let stamped = fact_of(&record).expect("a fact");
            self.engine.commit(&[stamped]);
            self.records.push(record);
        }
    }

    fn settle(&mut self) {
        loop {
            let facts = self.engine.settle(self.now, &self.world);
            if facts.is_empty() {
                return;
            }
            self.record(facts);
        }
    }

    fn input(&mut self, input: &Input) -> Result<Option<StepId>, Refusal> {
        self.settle();
        let proposal = self.engine.propose(input, self.now, &self.world);
        self.record(proposal.facts);
        self.settle();
        proposal.refusal.map_or(Ok(proposal.prepare), Err)
    }

    fn tell(&mut self, input: &Input) {
        self.input(input).expect("taken");
    }

    fn asks(&mut self, who: &str, command: Command) -> Result<(), Refusal> {
        let input = Input::Ask {
            actor: actor(who),
            terminal: TerminalId(99),
            number: 1,
            command,
        };
        let Some(step) = self.input(&input)? else {
            return Ok(());
        };
        self.nonces += 1;
        let prepared = Prepared {
            plan: self.rendered(&step),
            nonce: Nonce::from_bytes([self.nonces; 16]),
            executor: person(who),
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

    fn does(&mut self, who: &str, command: Command) {
        let shown = format!("{command:?}");
        let asked = self.asks(who, command);
        assert_eq!(asked, Ok(()), "{shown}");
        self.waits(1);
    }

    fn rendered(&self, step: &StepId) -> String {
        let view = self.state().find(step).expect("a step");
        let Next::Confirmed(exec) = view.next() else {
            panic!("nothing to confirm");
        };
        render(&PlanInputs {
            step: step.clone(),
            attempt: view.now.next_proposal(),
            risk: view.plan.risk,
            title: view.plan.title.clone(),
            target: "rack-07".to_owned(),
            blast: "1 of 2 components of this maintenance".to_owned(),
            runas: "warroom".to_owned(),
            host: "bastion-1".to_owned(),
            cwd: "/srv/runbooks".to_owned(),
            exe: Some(("/bin/sh".to_owned(), Digest::of(b"sh"))),
            argv: exec.argv.clone(),
            env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
            stdin: "empty".to_owned(),
            timeout_s: exec.timeout.as_secs(),
            on_executor_lost: view.plan.on_executor_lost,
            guards: vec!["errors > 0.5 for 0s (pass)".to_owned()],
            undo: "caf\u{e9} \u{202e}".to_owned(),
        })
        .expect("a plan")
    }

    fn statement(&self, who: &str) -> String {
        let state = self.state();
        let open = state.proposal.as_ref().expect("a proposal");
        let Actor::Person { id, via } = actor(who) else {
            unreachable!("a person");
        };
        let text = unsigned_statement(state, open, &id, &via, state.head);
        text.expect("proposed").expect("printable")
    }

    fn confirms(&mut self, who: &str) -> Result<(), Refusal> {
        let statement = self.statement(who);
        self.asks(who, Command::confirm(statement))
    }

    fn waits(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.tell(&Input::Tick);
    }

    fn reads(&mut self, rule: &str, value: f64) {
        let at = self.now.wall;
        let labels = vec![("instance".to_owned(), "db-1".to_owned())];
        let sample = Sample { at, value };
        let answer = QueryAnswer {
            rule: RuleId::new(rule).expect("a rule"),
            result: Ok(vec![Series { labels, sample }]),
            dropped: 0,
            warnings: Vec::new(),
            received: self.now,
        };
        self.tell(&Input::Reading(Reading::Queries {
            source: ConnectorName::new("main").expect("a name"),
            answers: vec![answer],
        }));
        self.waits(1);
    }

    fn attaches(&mut self, terminal: u64, who: &str, read_only: bool) {
        self.tell(&Input::Attached {
            actor: actor(who),
            terminal: TerminalId(terminal),
            read_only,
        });
    }

    fn ends(&mut self, outcome: Outcome) {
        let key = self.state().running().expect("a command runs").key.clone();
        let pid = 4711;
        let spawned = ExecUpdate::Spawned {
            key: key.clone(),
            pid,
        };
        self.tell(&Input::Exec(spawned));
        self.waits(2);
        let output = OutputRef {
            bytes: 6,
            dropped: 0,
            digest: Digest::of(b"moved\n"),
            values: vec![("LEADER".to_owned(), "db-2".to_owned())],
            values_error: "line 2: no `=`".to_owned(),
            left_behind: 1,
        };
        self.tell(&Input::Exec(ExecUpdate::Ended {
            key,
            outcome,
            output,
        }));
    }

    fn exits(&mut self, code: i32) {
        self.ends(Outcome::Exited { code });
    }

    fn starts(&mut self, name: &str) {
        self.does("alice", Command::Start { step: step(name) });
    }

    fn marks_done(&mut self, name: &str, note: &str) {
        let (step, note) = (step(name), note.to_owned());
        self.does("alice", Command::MarkDone { step, note });
    }

    fn retries(&mut self, name: &str) {
        self.does("alice", Command::Retry { step: step(name) });
    }

    fn skips(&mut self, name: &str) {
        let (step, reason) = (step(name), "no spare is racked".to_owned());
        self.does("bob", Command::Skip { step, reason });
    }
}

pub(crate) fn sealed(
    state: Option<&State>,
    session: &SessionId,
    now: Moment,
    boot: &str,
    who: &Actor,
    fact: &Fact,
) -> Record {
    let content = content(who, fact, state).expect("writable");
    let stamp = Stamp {
        time: now.wall,
        boot,
        mono_ms: now.mono_ms,
    };
    let seq = state.map_or(Seq(0), |state| state.head.0.next());
    let prev = state.map(|state| state.head.1);
    seal(session, seq, prev, stamp, content).expect("a record")
}

/// Up to the destructive step: everything that needs one person.
fn prepare(script: &mut Script) {
    for (terminal, who, read_only) in [(1, "alice", false), (2, "bob", false), (3, "carol", true)] {
        script.attaches(terminal, who, read_only);
    }
    let digest = Digest::of(b"torn");
    script.tell(&Input::Recovered { bytes: 4, digest });
    script.reads("errors", 0.1);
    script.does("alice", Command::Begin);
    script.marks_done("look", "quiet");
    let (step, text) = (None, "caf\u{e9}: two\nlines".to_owned());
    script.does("bob", Command::Note { step, text });
    script.starts("backup");
    script.exits(0);
    script.exits(1);
    script.waits(3);
    script.exits(0);
    script.starts("outer");
    script.exits(0);
    script.marks_done("inner", "");
    script.skips("spare");
    script.retries("spare");
    script.skips("spare");
    let reason = "wait for the night shift".to_owned();
    script.does("bob", Command::Hold { reason });
    let reason = String::new();
    script.does("bob", Command::release(reason));
    script.reads("errors", 0.9);
    script.reads("errors", 0.1);
    let reason = "a single late request".to_owned();
    script.does("bob", Command::release(reason));
}

/// The destructive step: a gate that times out, a rejected proposal, a confirmed one, and a crash while it runs.
fn drain(script: &mut Script) {
    script.starts("drain");
    script.exits(0);
    script.waits(61);
    script.reads("errors", 0.1);
    script.retries("drain");
    script.starts("drain");
    script.exits(0);
    script.reads("lag", 0.25);
    script.waits(2);
    script.reads("lag", 0.25);
    script.reads("errors", 0.1);
    script.tell(&Input::Detached {
        terminal: TerminalId(3),
    });
    script.does("alice", Command::propose(step("drain")));
    script.confirms("alice").expect_err("the proposer");
    let (id, reason) = (step("drain"), "wrong rack".to_owned());
    script.does("bob", Command::reject(id, reason));
    script.does("alice", Command::propose(step("drain")));
    script.confirms("bob").expect("confirmed");
    let open = script.state().proposal.as_ref();
    let attempt = open.expect("a proposal").terms.attempt;
    script.does("alice", Command::go(step("drain"), attempt));
    let state = script.state().clone();
    script.engine = Engine::new(state);
    script.boot = BOOTS[1];
    script.now = Moment {
        wall: script.now.wall.plus(Duration::from_secs(90)),
        mono_ms: 20_000,
    };
    script.tell(&Input::Restarted {
        program: "warroom 0.1.0".to_owned(),
        host: "bastion-1".to_owned(),
    });
    script.attaches(4, "alice", false);
    script.attaches(5, "bob", false);
    script.reads("errors", 0.1);
    for who in ["alice", "bob"] {
        let command = Command::resolve(step("drain"), Finding::Ran, "the rack is empty".to_owned());
        script.does(who, command);
    }
    let reason = String::new();
    script.does("bob", Command::release(reason));
}

/// A stopped command, and the way back with one undo that fails first.
fn go_back(script: &mut Script) {
    script.starts("tail");
    script.does("bob", Command::Stop { step: step("tail") });
    script.ends(Outcome::Stopped);
    let reason = "orders are late".to_owned();
    script.does("bob", Command::Rollback { reason });
    script.exits(1);
    script.retries("drain");
    script.exits(0);
    script.exits(0);
    script.starts("restore");
    script.exits(0);
    assert_eq!(script.state().phase, Phase::RolledBack);
    let reason = "done".to_owned();
    script.tell(&Input::Close { reason });
}

/// A people file that cannot be read while a proposal is open, and a server on another host.
fn move_away(script: &mut Script) {
    for (terminal, who) in [(1, "alice"), (2, "bob")] {
        script.attaches(terminal, who, false);
    }
    script.reads("errors", 0.1);
    script.does("alice", Command::Begin);
    for name in ["look", "backup", "outer", "spare"] {
        script.skips(name);
    }
    script.starts("drain");
    script.exits(0);
    for _ in 0..2 {
        script.reads("lag", 0.25);
        script.waits(2);
    }
    script.reads("errors", 0.1);
    script.does("alice", Command::propose(step("drain")));
    script.world.policy = None;
    script.world.unread = "/etc/warroom/people.toml:3:1: names `alice` twice".to_owned();
    script.waits(1);
    assert_eq!(script.state().proposal, None);
    let state = script.state().clone();
    script.engine = Engine::new(state);
    script.boot = BOOTS[1];
    script.tell(&Input::Restarted {
        program: "warroom 0.1.0".to_owned(),
        host: "bastion-2".to_owned(),
    });
    assert!(script.state().moved().is_some());
    let reason = "bastion-1 is broken, bastion-2 is its twin".to_owned();
    script.does("bob", Command::release(reason));
    let reason = "another night".to_owned();
    script.does("bob", Command::Abort { reason });
}

/// A no whose reason follows, another session in the way, and somebody who takes over what runs.
fn take_over(script: &mut Script) {
    for (terminal, who) in [(1, "alice"), (2, "bob")] {
        script.attaches(terminal, who, false);
    }
    script.reads("errors", 0.1);
    script.does("alice", Command::Begin);
    for name in ["look", "backup", "outer", "spare"] {
        script.skips(name);
    }
    script.starts("drain");
    script.exits(0);
    for _ in 0..2 {
        script.reads("lag", 0.25);
        script.waits(2);
    }
    script.reads("errors", 0.1);
    let attempt = |script: &Script| {
        let open = script.state().proposal.as_ref();
        open.expect("a proposal").terms.attempt
    };
    script.does("alice", Command::propose(step("drain")));
    let rejected = attempt(script);
    script.does("bob", Command::reject(step("drain"), String::new()));
    let reason = "the other rack first".to_owned();
    script.does("bob", Command::explain(step("drain"), rejected, reason));
    script.does("alice", Command::propose(step("drain")));
    script.world.scope = Err("/var/lib/warroom/.scope: it is gone".to_owned());
    script.waits(1);
    assert_eq!(script.state().proposal, None);
    script.world.scope = Ok(Vec::new());
    script.does("alice", Command::propose(step("drain")));
    script.confirms("bob").expect("confirmed");
    let attempt = attempt(script);
    script.does("alice", Command::go(step("drain"), attempt));
    script.tell(&Input::Detached {
        terminal: TerminalId(1),
    });
    script.does(
        "bob",
        Command::TakeOver {
            step: step("drain"),
        },
    );
    script.exits(0);
    let reason = "another night".to_owned();
    script.does("bob", Command::Abort { reason });
}

pub(crate) fn write(name: &str, records: Vec<Record>) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("session");
    std::fs::create_dir(&path).expect("a directory");
    let opened = open(SessionDir::open(&path).expect("a session"), |_| {}).expect("empty");
    let writer = Writer::start(opened).expect("a writer");
    writer
        .submit(records, Space::Ordinary)
        .wait()
        .expect("written");
    drop(writer);
    std::fs::copy(path.join(JOURNAL_FILE), journal(name)).expect("kept");
    let (_, state) = fold_of(&journal(name));
    std::fs::write(file(&format!("{name}.json")), as_json(&state)).expect("kept");
}

fn as_json(state: &State) -> String {
    serde_json::to_string_pretty(state).expect("a state is plain data") + "\n"
}

pub(crate) fn journal(name: &str) -> PathBuf {
    file(&format!("{name}.journal"))
}

/// The files are there and are not made by the tests that read them.
fn golden(name: &str, parts: &[fn(&mut Script)]) -> PathBuf {
    if is_writing(name) {
        let mut script = Script::new();
        for part in parts {
            part(&mut script);
        }
        write(name, script.records);
    }
    journal(name)
}

#[test]
fn the_first_journal_is_read_folded_and_written_back_byte_for_byte() {
    let path = golden("wj1-first", &[prepare, drain, go_back]);
    let kinds = check(&path);
    assert!(OTHER_ENDS.iter().all(|kind| !kinds.contains(kind)));
    assert_eq!(kinds.len() + OTHER_ENDS.len(), 38, "{kinds:?}");
}

#[test]
fn what_was_added_later_is_read_folded_and_written_back_byte_for_byte() {
    let path = golden("wj1-later", &[move_away]);
    check(&path);
    let text = std::fs::read(path).expect("the journal");
    let text = String::from_utf8_lossy(&text);
    for added in [r#""cause":"policy-unread""#, r#""cause":"moved""#] {
        assert!(text.contains(added), "{added}");
    }
}

#[test]
fn what_people_gained_is_read_folded_and_written_back_byte_for_byte() {
    let path = golden("wj1-people", &[take_over]);
    let kinds = check(&path);
    for kind in ["step.taken-over", "step.reject-explained"] {
        assert!(kinds.contains(kind), "{kind}");
    }
    let text = std::fs::read(path).expect("the journal");
    let text = String::from_utf8_lossy(&text);
    for added in [r#""cause":"scope""#, r#""cause":"rejected","reason":"""#] {
        assert!(text.contains(added), "{added}");
    }
}

/// The kinds in a journal that is read, folded as it was, and written back the same.
pub(crate) fn check(path: &Path) -> BTreeSet<&'static str> {
    let report = verify_file(path).expect("intact");
    assert_eq!(report.torn_bytes, 0);
    let mut reader = Reader::new(std::fs::File::open(path).expect("the journal"));
    let mut state: Option<State> = None;
    let mut kinds = BTreeSet::new();
    while let Some(entry) = reader.next_record().expect("intact") {
        let record = entry.to_record();
        let stamped: Stamped = fact_of(&record).expect("a fact");
        let header = record.header();
        let session = header.session.clone().into_owned();
        let again = sealed(
            state.as_ref(),
            &session,
            stamped.at,
            &header.boot,
            &stamped.actor,
            &stamped.fact,
        );
        assert_eq!(again, record, "record {}", header.seq);
        kinds.insert(kind_of(&stamped.fact));
        match (&mut state, &stamped.fact) {
            (None, Fact::SessionOpened(genesis)) => {
                state = Some(State::new((**genesis).clone(), stamped.hash, stamped.at));
            }
            (Some(state), _) => check_apply(state, &stamped).expect("it makes sense"),
            (None, _) => panic!("no genesis"),
        }
    }
    let kept = std::fs::read_to_string(path.with_extension("json")).expect("the folded state");
    assert_eq!(as_json(&state.expect("a session")), kept);
    kinds
}
