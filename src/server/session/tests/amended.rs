//! What the session does around an amendment: whose look at the runbook comes first, by whom it is decided, and what
//! follows from the other plan.

use super::*;
use crate::connect::query::QuerySpec;
use crate::domain::amend::{Amendment, adopted_digest};
use crate::domain::command::Command;
use crate::domain::digest::Digest;
use crate::domain::fact::{RunbookRef, Via};
use crate::domain::id::RuleId;
use crate::domain::motion::Motion;
use crate::domain::reading::{ConnectorHealth, Liveness, QueryAnswer, Sample, Series};
use crate::domain::runbook::plan::Plan;
use crate::domain::runbook::silence::SilencePlan;
use crate::domain::threshold::OnBreach;
use crate::domain::write::Ability;
use crate::server::amend::ReadRunbook;
use crate::server::clients::{self, Backlog, Client};
use crate::server::input::Incoming;
use crate::server::polls::Word;
use crate::wire::message::ToServer;
use futures_util::future::BoxFuture;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Longest wait for a task: far beyond what a busy machine needs, so that only a defect reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the same runbook each time; the first looks come to an end when they are let go.
struct Reader {
    found: Amendment,
    /// Looks that wait.
    held: usize,
    begun: AtomicUsize,
    gate: Arc<Semaphore>,
}

impl ReadRunbook for Reader {
    fn read(
        &self,
        _file: PathBuf,
        _signers: Option<PathBuf>,
    ) -> BoxFuture<'static, Result<Amendment, Refusal>> {
        let is_held = self.begun.fetch_add(1, Ordering::SeqCst) < self.held;
        let (found, gate) = (self.found.clone(), Arc::clone(&self.gate));
        Box::pin(async move {
            if is_held {
                gate.acquire().await.expect("open").forget();
            }
            Ok(found)
        })
    }
}

/// The plan of the session as somebody has edited it.
fn edited(edit: impl FnOnce(&mut Plan)) -> Amendment {
    let mut plan = plan();
    edit(&mut plan);
    let runbook = RunbookRef {
        digest: Digest::of(&plan.canonical_json()),
        ..genesis(plan.clone()).runbook
    };
    Amendment { plan, runbook }
}

fn reader(found: &Amendment, held: usize) -> Arc<Reader> {
    Arc::new(Reader {
        found: found.clone(),
        held,
        begun: AtomicUsize::new(0),
        gate: Arc::new(Semaphore::new(0)),
    })
}

/// A session with what comes to it, and somebody at each terminal.
struct Hall {
    place: tempfile::TempDir,
    session: Session,
    sources: Sources,
    words: mpsc::Receiver<Word>,
    clock: Arc<ManualClock>,
    backlogs: Vec<Backlog>,
    answers: Vec<(TerminalId, u64, Option<String>)>,
}

/// What a person of this name is known by.
fn known(name: &str) -> Actor {
    Actor::Person {
        id: crate::domain::fixture::person(name),
        via: Via::Uid(1000),
    }
}

impl Hall {
    /// People of a file, who prove who they are by their accounts.
    async fn new(reader: Option<Arc<Reader>>) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        write(&place, "rules.toml", "allow_uid = true\n");
        write(&place, "people.toml", &people("operator"));
        let (mut options, clock) = options(&place);
        options.people = PeopleSource::File(place.path().join("people.toml"));
        options.reader = reader.map(|reader| reader as Arc<dyn ReadRunbook>);
        let server = Server::start(options).await.expect("starts");
        let (session, sources, words) = server.into_parts();
        let mut hall = Self {
            place,
            session,
            sources,
            words,
            clock,
            backlogs: Vec::new(),
            answers: Vec::new(),
        };
        hall.finish(Turn::default()).await;
        hall
    }

    fn attach(&mut self, name: &str) -> TerminalId {
        let (queue, backlog) = clients::queue();
        self.backlogs.push(backlog);
        let client = Client::new(known(name), 1000, (false, true), queue);
        self.session.registry.add(client)
    }

    async fn finish(&mut self, turn: Turn) {
        let mut refused = turn.replies.clone();
        refused.extend(
            turn.accepted
                .iter()
                .map(|(at, number)| (*at, *number, None)),
        );
        let reasons = refused.into_iter().map(|(at, number, refused)| {
            let reason = refused.map(|refusal| refusal.reason);
            (at, number, reason)
        });
        self.answers.extend(reasons);
        self.session.finish(turn).await;
    }

    async fn take(&mut self, incoming: Incoming) {
        let mut turn = Turn::default();
        self.session.on_incoming(incoming, &mut turn);
        self.finish(turn).await;
    }

    async fn says(&mut self, terminal: TerminalId, message: ToServer) {
        let message = Box::new(message);
        self.take(Incoming::Said { terminal, message }).await;
    }

    async fn asks(&mut self, terminal: TerminalId, number: u64, command: Command) {
        self.says(terminal, ToServer::Ask { number, command }).await;
    }

    /// Takes the next thing that a task of the session tells it.
    async fn hears(&mut self) {
        let incoming = tokio::time::timeout(PATIENCE, self.sources.inputs.recv());
        let incoming = incoming.await.expect("in time").expect("it is kept");
        self.take(incoming).await;
    }

    /// The answer to a question, with what has to happen first.
    async fn answer(&mut self, terminal: TerminalId, number: u64) -> Option<String> {
        let is_it = |answer: &&(TerminalId, u64, _)| (answer.0, answer.1) == (terminal, number);
        loop {
            if let Some((_, _, refused)) = self.answers.iter().find(is_it) {
                return refused.clone();
            }
            self.hears().await;
        }
    }

    /// Two people take over what the reader reads.
    async fn amend(&mut self, amendment: &Amendment) {
        let (ann, bob) = (self.attach("ann"), self.attach("bob"));
        let from = self.session.engine.state().genesis.plan_digest;
        self.asks(ann, 1, motion(from, amendment)).await;
        assert_eq!(self.answer(ann, 1).await, None);
        let state = self.session.engine.state();
        let second = Command::Second {
            no: state.motions.newest,
            adopted: adopted_digest(state, amendment),
            signed: None,
        };
        self.asks(bob, 1, second).await;
        assert_eq!(self.answer(bob, 1).await, None);
        assert_eq!(self.session.engine.state().amendments().count(), 1);
    }

    async fn reads(&mut self, reading: Reading) {
        let mut turn = Turn::default();
        self.session.on_reading(reading, &mut turn);
        self.finish(turn).await;
    }
}

fn write(place: &tempfile::TempDir, name: &str, text: &str) {
    let path = place.path().join(name);
    std::fs::write(&path, text).expect("write");
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&path, mode).expect("chmod");
}

/// The people file, with Ann in a role.
fn people(ann: &str) -> String {
    format!(
        "[[person]]\nid = \"ann\"\nuids = [4000001]\nroles = [\"{ann}\"]\n\n\
         [[person]]\nid = \"bob\"\nuids = [4000002]\nroles = [\"operator\", \"approver\"]\n"
    )
}

fn motion(from: Digest, amendment: &Amendment) -> Command {
    Command::Move {
        what: Motion::Amend {
            from,
            to: amendment.plan.digest(),
        },
        reason: "the command was wrong".to_owned(),
        signed: None,
    }
}

fn better(plan: &mut Plan) {
    plan.steps[0].title = "look twice".to_owned();
}

fn name(text: &str) -> ConnectorName {
    ConnectorName::new(text).expect("a name")
}

#[tokio::test]
async fn who_moves_does_not_wait_for_those_who_ask_what_has_changed() {
    let amendment = edited(better);
    let reader = reader(&amendment, 4);
    let mut hall = Hall::new(Some(Arc::clone(&reader))).await;
    let all: Vec<TerminalId> = (0..5).map(|_| hall.attach("bob")).collect();
    for terminal in &all {
        hall.says(*terminal, ToServer::ReadRunbook { number: 1 })
            .await;
    }
    // A held-down key.
    let loud = all[0];
    hall.says(loud, ToServer::ReadRunbook { number: 2 }).await;
    let why = hall.answer(loud, 2).await.expect("refused");
    assert!(why.contains("a moment ago"), "{why}");
    let begun = async {
        while reader.begun.load(Ordering::SeqCst) < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, begun)
        .await
        .expect("in time");
    let ann = hall.attach("ann");
    let from = hall.session.engine.state().genesis.plan_digest;
    hall.asks(ann, 1, motion(from, &amendment)).await;
    assert_eq!(
        hall.answer(ann, 1).await,
        None,
        "four looks are still on their way"
    );
    assert!(hall.session.engine.state().motions.open.is_some());
    let is_answered = |(at, number, _): &(TerminalId, u64, _)| all.contains(at) && *number == 1;
    assert!(!hall.answers.iter().any(is_answered));
    reader.gate.add_permits(4);
    for terminal in &all {
        assert_eq!(hall.answer(*terminal, 1).await, None);
    }
    assert_eq!(reader.begun.load(Ordering::SeqCst), 6);
}

/// What is done to the policy while the runbook is read, and how the motion ends then.
type Meanwhile = (fn(&tempfile::TempDir), Option<&'static str>);

#[tokio::test]
async fn a_motion_is_decided_by_people_who_were_read_after_the_runbook() {
    let table: [Meanwhile; 4] = [
        (|_| {}, None),
        (
            |place| write(place, "revoked", "person ann\n"),
            Some("you may only look here"),
        ),
        (
            |place| write(place, "people.toml", &people("approver")),
            Some("the policy files changed while the runbook was read"),
        ),
        (
            |place| std::fs::remove_file(place.path().join("people.toml")).expect("there"),
            Some("needs the people file"),
        ),
    ];
    for (change, expected) in table {
        let amendment = edited(better);
        let reader = reader(&amendment, 1);
        let mut hall = Hall::new(Some(Arc::clone(&reader))).await;
        let ann = hall.attach("ann");
        let from = hall.session.engine.state().genesis.plan_digest;
        hall.asks(ann, 1, motion(from, &amendment)).await;
        // The look before it: people are as they should be.
        hall.hears().await;
        change(&hall.place);
        reader.gate.add_permits(1);
        let refused = hall.answer(ann, 1).await;
        assert_eq!(refused.is_some(), expected.is_some(), "{refused:?}");
        let why = refused.unwrap_or_default();
        assert!(why.contains(expected.unwrap_or_default()), "{why}");
        let state = hall.session.engine.state();
        assert_eq!(state.motions.open.is_some(), expected.is_none());
        assert!(hall.session.world.amendment.is_none());
    }
}

#[tokio::test]
async fn everybody_is_told_while_nobody_can_read_who_people_are() {
    let mut hall = Hall::new(None).await;
    let ann = hall.attach("ann");
    assert_eq!(hall.session.board.people_doubt(), None);
    std::fs::remove_file(hall.place.path().join("people.toml")).expect("there");
    hall.asks(ann, 1, Command::Begin).await;
    assert!(hall.answer(ann, 1).await.is_some(), "it needs the file");
    let doubt = hall.session.board.people_doubt().expect("told").to_owned();
    assert_eq!(doubt, hall.session.world.unread);
    assert!(doubt.contains("people.toml"), "{doubt}");
    write(&hall.place, "people.toml", &people("operator"));
    hall.asks(ann, 2, Command::Begin).await;
    assert_eq!(hall.answer(ann, 2).await, None);
    assert_eq!(hall.session.board.people_doubt(), None);
}

fn health(connector: &str, system: &str) -> Reading {
    Reading::Health(ConnectorHealth {
        connector: name(connector),
        system: system.to_owned(),
        liveness: Liveness::Live,
        last_good: None,
        last_error: String::new(),
        failures: 0,
        next_try: None,
        latency: Duration::ZERO,
        can: vec![Ability::Mute],
    })
}

#[tokio::test]
async fn the_first_silence_that_an_amendment_brings_begins_with_it() {
    let amendment = edited(|plan| {
        plan.phases[0].silence = Some(SilencePlan {
            components: vec!["db-1".to_owned()],
            ..SilencePlan::default()
        });
    });
    let mut hall = Hall::new(Some(reader(&amendment, 0))).await;
    let writers = &mut hall.session.world.writers;
    writers.insert(name("am"), vec![Ability::Mute]);
    hall.reads(health("am", "alertmanager")).await;
    let alerts = Reading::Alerts {
        source: name("am"),
        alerts: Vec::new(),
    };
    hall.reads(alerts).await;
    // Connectors have had all the time there is to answer for the first time.
    hall.clock.advance(Duration::from_secs(3600));
    let ann = hall.attach("ann");
    hall.asks(ann, 1, Command::Begin).await;
    assert_eq!(hall.answer(ann, 1).await, None);
    hall.asks(ann, 2, crate::domain::fixture::mark_done("look"))
        .await;
    assert_eq!(hall.answer(ann, 2).await, None);
    hall.amend(&amendment).await;
    let facts = hall.session.recent.iter().map(|record| &record.fact);
    let said: Vec<String> = facts
        .filter_map(|fact| match fact {
            Fact::Silence(silence) => Some(format!("{silence:?}")),
            Fact::WriteAsked { write } => Some(format!("{:?}", write.cause)),
            _ => None,
        })
        .collect();
    let first = said.first().map(String::as_str).unwrap_or_default();
    // Nobody can send it here; but it was asked for, and not withheld.
    assert!(first.starts_with("Some(Begins"), "{said:?}");
}

fn answers(rules: &[&str], at: Moment) -> Reading {
    let answers = rules.iter().map(|rule| QueryAnswer {
        rule: RuleId::new(rule).expect("an id"),
        result: Ok(vec![Series {
            labels: Vec::new(),
            sample: Sample {
                at: at.wall,
                value: 0.25,
            },
        }]),
        dropped: 0,
        warnings: Vec::new(),
        received: at,
    });
    Reading::Queries {
        source: name("main"),
        answers: answers.collect(),
    }
}

fn on_board(hall: &Hall) -> Vec<String> {
    let metrics = hall.session.board.metrics.iter();
    metrics
        .map(|(rule, metric)| {
            let samples = metric.tracks.iter().map(|track| track.samples.len());
            format!("{rule} {}", samples.sum::<usize>())
        })
        .collect()
}

fn names(specs: &[QuerySpec]) -> Vec<String> {
    specs.iter().map(|spec| spec.rule.to_string()).collect()
}

#[tokio::test]
async fn what_is_new_is_asked_what_is_gone_is_not_and_what_stays_keeps_its_past() {
    let amendment = edited(|plan| {
        let mut extra = crate::domain::fixture::guard(OnBreach::Hold);
        extra.id = RuleId::new("extra").expect("an id");
        plan.rules.push(extra);
        // The gate `lag`.
        plan.steps[2].blocks.remove(1);
    });
    let mut hall = Hall::new(Some(reader(&amendment, 0))).await;
    for _ in 0..2 {
        hall.clock.advance(Duration::from_secs(10));
        let now = hall.clock.now();
        hall.reads(answers(&["errors", "lag"], now)).await;
    }
    assert_eq!(on_board(&hall), ["errors 2", "lag 2"]);
    hall.amend(&amendment).await;
    assert!(matches!(hall.words.try_recv(), Ok(Word::Stop)));
    assert_eq!(on_board(&hall), ["errors 2"]);
    // An answer to what the plan before asked is none to what this one asks.
    let now = hall.clock.now();
    hall.reads(answers(&["errors", "lag"], now)).await;
    assert_eq!(on_board(&hall), ["errors 2"]);
    assert!(
        hall.words.try_recv().is_err(),
        "the old loops have not ended"
    );
    hall.take(Incoming::PollsStopped).await;
    let mut turn = Turn::default();
    hall.session.flush(&mut hall.sources, &mut turn);
    hall.finish(turn).await;
    let Ok(Word::Start(specs)) = hall.words.try_recv() else {
        panic!("nothing is asked");
    };
    assert_eq!(names(&specs), ["errors", "extra"]);
    hall.clock.advance(Duration::from_secs(10));
    let now = hall.clock.now();
    hall.reads(answers(&["errors", "extra"], now)).await;
    assert_eq!(on_board(&hall), ["errors 3", "extra 1"]);
}

#[tokio::test]
async fn where_nothing_else_is_asked_the_poll_loops_go_on() {
    let amendment = edited(better);
    let mut hall = Hall::new(Some(reader(&amendment, 0))).await;
    hall.amend(&amendment).await;
    assert!(hall.words.try_recv().is_err());
    let now = hall.clock.now();
    hall.reads(answers(&["errors"], now)).await;
    assert_eq!(on_board(&hall), ["errors 1"]);
}
