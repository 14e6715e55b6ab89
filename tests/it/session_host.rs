//! A real session server on a real socket in a directory of its own, and people attached to it without a terminal.
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use warroom::client::link::{self, Introduction, LinkEvent, Target};
use warroom::clock::{Clock, ManualClock};
use warroom::config::runner::RunnerLink;
use warroom::connect::connector::Connector;
use warroom::domain::amend::Amendment;
use warroom::domain::apply::apply;
use warroom::domain::board::OutputTail;
use warroom::domain::command::{Command, Refusal, Signed};
use warroom::domain::confirm::statement::{Hello, unsigned_statement};
use warroom::domain::digest::Digest;
use warroom::domain::fact::{Actor, Mode, RunbookRef, Stamped};
use warroom::domain::freeze::Freeze;
use warroom::domain::history::Learned;
use warroom::domain::id::{PersonId, Seq, SessionName, StepId};
use warroom::domain::runbook::plan::Plan;
use warroom::domain::runbook::{Severity, parse, resolve};
use warroom::domain::state::{State, StepStatus};
use warroom::domain::time::{Moment, Timestamp};
use warroom::server::amend::ReadRunbook;
use warroom::server::checkpoints::Away;
use warroom::server::git::Surroundings;
use warroom::server::pin::{self, Seed};
use warroom::server::policy::{PeopleSource, Policy};
use warroom::server::start::{Options, Server, StartError};
use warroom::wire::amendment::Preview;
use warroom::wire::message::{Draft, SignedCheckpoint, Snapshot, ToClient, ToServer, Welcome};

/// Longest wait for anything: far beyond what a busy machine needs, so that only a defect reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A directory with a runbook, its journal and its socket; servers come and go on it.
pub(crate) struct Host {
    dir: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) people: PeopleSource,
    pub(crate) mode: Mode,
    pub(crate) connectors: Vec<Arc<dyn Connector>>,
    pub(crate) runner: Option<RunnerLink>,
    pub(crate) freezes: Vec<Freeze>,
}

/// The plan of a runbook; or the first thing that is wrong with it.
fn plan_of(text: &str) -> Result<Plan, String> {
    let (parsed, mut problems) = parse(text, "runbook.md");
    let (plan, more) = resolve(&parsed);
    problems.extend(more);
    problems.retain(|p| p.severity == Severity::Error);
    match problems.first() {
        None => Ok(plan),
        Some(problem) => Err(problem.message.clone()),
    }
}

/// Reads runbooks again, without a CMDB and without Git.
struct Reader;

impl ReadRunbook for Reader {
    fn read(
        &self,
        file: PathBuf,
        _signers: Option<PathBuf>,
    ) -> BoxFuture<'static, Result<Amendment, Refusal>> {
        let read = std::fs::read_to_string(&file).expect("the runbook");
        let no = |problem: String| Refusal {
            reason: format!("`{}` cannot be run: {problem}", file.display()),
            hint: String::new(),
        };
        let found = plan_of(&read).map_err(no).map(|plan| Amendment {
            plan,
            runbook: RunbookRef {
                path: file.display().to_string(),
                digest: Digest::of(read.as_bytes()),
                commit: "none".to_owned(),
                git: None,
            },
        });
        Box::pin(std::future::ready(found))
    }
}

/// A server that runs.
pub(crate) struct Running {
    task: JoinHandle<String>,
    shutdown: CancellationToken,
    runtime: Option<tokio::runtime::Runtime>,
}

pub(crate) fn step(id: &str) -> StepId {
    StepId::new(id).expect("a step id")
}

pub(crate) fn person(name: &str) -> PersonId {
    PersonId::new(name).expect("a person id")
}

/// Waits for something that no message tells.
pub(crate) async fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("waited for: {what}"));
}

impl Host {
    pub(crate) fn new(runbook: &str) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755))
            .expect("chmod");
        std::fs::create_dir(dir.path().join("bin")).expect("mkdir");
        std::fs::write(dir.path().join("runbook.md"), runbook).expect("write");
        let start = Moment {
            wall: Timestamp::from_millis(1_800_000_000_000),
            mono_ms: 1_000_000,
        };
        Self {
            dir,
            clock: Arc::new(ManualClock::at(start)),
            people: PeopleSource::Demo,
            mode: Mode::Demo,
            connectors: Vec::new(),
            runner: None,
            freezes: Vec::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn session_dir(&self) -> PathBuf {
        self.path("db")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.session_dir().join("journal")
    }

    pub(crate) fn runtime_dir(&self) -> PathBuf {
        self.path("run")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.runtime_dir().join("db/sock")
    }

    pub(crate) fn name() -> SessionName {
        SessionName::new("db").expect("a name")
    }

    pub(crate) fn target(&self) -> Target {
        Target::Local {
            name: Self::name(),
            runtime_dirs: vec![self.runtime_dir()],
        }
    }

    fn options(&self, is_new: bool) -> Options {
        let runbook = self.path("runbook.md");
        let genesis = is_new.then(|| {
            let text = std::fs::read_to_string(&runbook).expect("the runbook");
            let plan = plan_of(&text).unwrap_or_else(|problem| panic!("{problem}"));
            let policy = Policy::read(&self.people).expect("a policy");
            let seed = Seed {
                name: Self::name(),
                mode: self.mode,
                plan,
                panels: Vec::new(),
                runbook: runbook.clone(),
                runbook_digest: Digest::of(text.as_bytes()),
                policy: policy.digest,
                allow_uid: policy.rules.allow_uid,
                git: Surroundings {
                    env: vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())],
                    signers: None,
                },
                rehearsal: None,
                rehearsed: Vec::new(),
                freezes: self.freezes.clone(),
                learned: Learned::default(),
            };
            Box::new(pin::genesis(seed, &*self.clock).expect("random numbers"))
        });
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        Options {
            name: Self::name(),
            session_dir: self.session_dir(),
            runtime_dir: self.runtime_dir(),
            scope_dir: self.path("scope"),
            radius_depth: 2,
            group: None,
            genesis,
            people: self.people.clone(),
            connectors: self.connectors.clone(),
            reader: Some(Arc::new(Reader)),
            base_env: BTreeMap::from([("PATH".to_owned(), path)]),
            host_key: None,
            away: Away::default(),
            output_bytes_max: 1024 * 1024,
            runner: self.runner.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
        }
    }

    /// Starts a new session.
    pub(crate) async fn start(&self) -> Running {
        self.try_start().await.expect("starts")
    }

    pub(crate) async fn try_start(&self) -> Result<Running, StartError> {
        let server = Server::start(self.options(true)).await?;
        Ok(Running {
            shutdown: server.shutdown(),
            task: tokio::spawn(server.run()),
            runtime: None,
        })
    }

    /// Starts a new session with a runtime of its own, so that it can be cut off at any moment.
    pub(crate) fn start_apart(&self) -> Running {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let options = self.options(true);
        // Blocking on one runtime from a thread of another is not allowed; a thread of its own may.
        let server = std::thread::scope(|scope| {
            let starting = || runtime.block_on(Server::start(options)).expect("starts");
            scope.spawn(starting).join().expect("joins")
        });
        Running {
            shutdown: server.shutdown(),
            task: runtime.spawn(server.run()),
            runtime: Some(runtime),
        }
    }

    /// Takes the session up; waits until the one before has let go of it.
    pub(crate) async fn resume(&self) -> Running {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.try_resume().await {
                Ok(running) => return running,
                Err(error) if tokio::time::Instant::now() > deadline => panic!("{error}"),
                Err(
                    StartError::Journal(warroom::journal::JournalError::Locked { .. })
                    | StartError::Socket(warroom::server::socket::SocketError::InUse(_)),
                ) => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    pub(crate) async fn try_resume(&self) -> Result<Running, StartError> {
        let server = Server::start(self.options(false)).await?;
        Ok(Running {
            shutdown: server.shutdown(),
            task: tokio::spawn(server.run()),
            runtime: None,
        })
    }

    /// All records of the journal, and their fold.
    pub(crate) fn fold(&self) -> (Vec<Stamped>, State) {
        fold_of(&self.journal())
    }

    /// Attaches a simulated person.
    pub(crate) async fn attach(&self, name: &str) -> Person {
        self.attach_as(Introduction {
            read_only: false,
            demo_person: Some(person(name)),
            is_terminal: true,
        })
        .await
    }

    pub(crate) async fn attach_as(&self, introduction: Introduction) -> Person {
        let (requests, to_link) = mpsc::channel(256);
        let (to_person, mut events) = mpsc::channel(256);
        let link = tokio::spawn(link::run(self.target(), introduction, to_link, to_person));
        let event = tokio::time::timeout(PATIENCE, events.recv())
            .await
            .expect("an answer in time");
        let Some(LinkEvent::Up(welcome, snapshot)) = event else {
            panic!("not attached: {event:?}");
        };
        Person {
            welcome: *welcome,
            state: snapshot.state.clone(),
            snapshot: *snapshot,
            output: BTreeMap::new(),
            replies: BTreeMap::new(),
            records: None,
            draft: None,
            preview: None,
            challenge: None,
            lost: 0,
            ups: 1,
            lagged: 0,
            checkpoints: Vec::new(),
            headers: None,
            ended: None,
            number: 0,
            requests,
            events,
            link,
        }
    }
}

/// Folds a journal file.
pub(crate) fn fold_of(journal: &Path) -> (Vec<Stamped>, State) {
    use warroom::domain::fact::Fact;
    let file = std::fs::File::open(journal).expect("a journal");
    let mut reader = warroom::journal::Reader::new(file);
    let mut records = Vec::new();
    let mut state: Option<State> = None;
    while let Some(entry) = reader.next_record().expect("an intact record") {
        let stamped = warroom::journal::facts::fact_of(&entry.to_record()).expect("a fact");
        match (&mut state, &stamped.fact) {
            (None, Fact::SessionOpened(genesis)) => {
                state = Some(State::new((**genesis).clone(), stamped.hash, stamped.at));
            }
            (Some(state), _) => apply(state, &stamped),
            (None, _) => panic!("no genesis"),
        }
        records.push(stamped);
    }
    (records, state.expect("a session"))
}

impl Running {
    /// Ends it in an orderly way.
    pub(crate) async fn end(self) -> String {
        self.shutdown.cancel();
        self.task.await.expect("joins")
    }

    /// Cuts it off: nothing more is written, nobody is told.
    pub(crate) fn kill(self) {
        self.runtime.expect("started apart").shutdown_background();
    }
}

/// A person with a client but without a terminal.
pub(crate) struct Person {
    pub(crate) welcome: Welcome,
    pub(crate) snapshot: Snapshot,
    pub(crate) state: State,
    /// Output so far, by execution.
    pub(crate) output: BTreeMap<String, Vec<u8>>,
    pub(crate) replies: BTreeMap<u64, Option<Refusal>>,
    pub(crate) records: Option<Vec<Stamped>>,
    /// What the server asked to be signed before it is proposed.
    pub(crate) draft: Option<Draft>,
    /// What has changed in the runbook.
    pub(crate) preview: Option<Preview>,
    /// What the server asked to be signed to say who is here.
    pub(crate) challenge: Option<Hello>,
    pub(crate) lost: u32,
    pub(crate) ups: u32,
    pub(crate) lagged: u32,
    pub(crate) checkpoints: Vec<SignedCheckpoint>,
    pub(crate) headers: Option<(Seq, Vec<String>)>,
    pub(crate) ended: Option<String>,
    number: u64,
    requests: mpsc::Sender<ToServer>,
    events: mpsc::Receiver<LinkEvent>,
    link: JoinHandle<()>,
}

impl Person {
    fn hear(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up(welcome, snapshot) => {
                self.ups += 1;
                self.welcome = *welcome;
                self.state = snapshot.state.clone();
                self.snapshot = *snapshot;
            }
            LinkEvent::Lost { .. } => self.lost += 1,
            LinkEvent::Ended { why, .. } => self.ended = Some(why),
            LinkEvent::Message(message) => self.hear_message(*message),
        }
    }

    fn hear_message(&mut self, message: ToClient) {
        match message {
            ToClient::Facts(facts) => {
                for fact in facts {
                    if fact.seq > self.state.head.0 {
                        assert_eq!(fact.seq, self.state.head.0.next(), "a gap in the facts");
                        apply(&mut self.state, &fact);
                    }
                }
            }
            ToClient::Output(OutputTail { key, offset, bytes }) => {
                let output = self.output.entry(key.to_string()).or_default();
                output.truncate(usize::try_from(offset).expect("small"));
                output.extend_from_slice(&bytes);
            }
            ToClient::Reply { number, refused } => drop(self.replies.insert(number, refused)),
            ToClient::Records(records) => self.records = Some(records),
            ToClient::Lagged => self.lagged += 1,
            ToClient::Checkpoint(signed) => self.checkpoints.push(signed),
            ToClient::Headers { from, headers } => self.headers = Some((from, headers)),
            ToClient::Draft(draft) => self.draft = Some(*draft),
            ToClient::Amendment(preview) => self.preview = Some(*preview),
            ToClient::Challenge(hello) => self.challenge = Some(hello),
            ToClient::Policy {
                you,
                read_only,
                policy,
            } => {
                self.welcome.you = you;
                self.welcome.read_only = read_only;
                self.welcome.policy = policy;
            }
            ToClient::Readings(_)
            | ToClient::Gate(_)
            | ToClient::Effects(_)
            | ToClient::Around(_)
            | ToClient::Welcome(_)
            | ToClient::TurnedAway { .. }
            | ToClient::SnapshotPart { .. }
            | ToClient::Bye { .. } => {}
        }
    }

    /// Listens until something is so.
    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !is_so(self) {
            match tokio::time::timeout_at(deadline, self.events.recv()).await {
                Ok(Some(event)) => self.hear(event),
                Ok(None) => panic!("the link ended, waiting for: {what}"),
                Err(late) => panic!("{late}: waited for: {what}; {:?}", self.state.steps),
            }
        }
    }

    pub(crate) async fn send(&mut self, request: ToServer) {
        self.requests.send(request).await.expect("a link");
    }

    /// Says with a key who is here, or asks what to sign for that; the reason when it is refused.
    pub(crate) async fn sign_in(&mut self, signed: Option<Signed>) -> Option<Refusal> {
        self.number += 1;
        let number = self.number;
        self.send(ToServer::SignIn { number, signed }).await;
        self.until("a reply", |p| p.replies.contains_key(&number))
            .await;
        self.replies.remove(&number).expect("just there")
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask(&mut self, command: Command) -> Option<Refusal> {
        self.number += 1;
        let number = self.number;
        self.send(ToServer::Ask { number, command }).await;
        self.until("a reply", |p| p.replies.contains_key(&number))
            .await;
        self.replies.remove(&number).expect("just there")
    }

    pub(crate) async fn does(&mut self, command: Command) {
        let shown = format!("{command:?}");
        let refused = self.ask(command).await;
        assert_eq!(refused, None, "{shown}");
    }

    /// Asks and gives the reason of the refusal.
    pub(crate) async fn is_refused(&mut self, command: Command) -> String {
        let shown = format!("{command:?}");
        let refused = self.ask(command).await;
        refused
            .unwrap_or_else(|| panic!("accepted: {shown}"))
            .reason
    }

    pub(crate) async fn notes(&mut self, text: &str) {
        let text = text.to_owned();
        self.does(Command::Note { step: None, text }).await;
    }

    pub(crate) async fn starts(&mut self, id: &str) {
        self.does(Command::Start { step: step(id) }).await;
    }

    pub(crate) fn status(&self, id: &str) -> StepStatus {
        self.state
            .find(&step(id))
            .expect("a step")
            .now
            .status
            .clone()
    }

    /// Waits until a step is done.
    pub(crate) async fn sees_done(&mut self, id: &str) {
        self.until(&format!("`{id}` done"), |p| p.status(id).is_passed())
            .await;
    }

    /// The statement this person would make on the open proposal.
    pub(crate) fn statement(&self) -> String {
        let proposal = self.state.proposal.as_ref().expect("a proposal");
        let Actor::Person { id, via } = &self.welcome.you else {
            panic!("a person");
        };
        unsigned_statement(&self.state, proposal, id, via, self.state.head)
            .expect("on the table")
            .expect("a statement")
    }

    pub(crate) async fn confirms(&mut self) {
        let statement = self.statement();
        self.does(Command::confirm(statement)).await;
    }

    /// Everything of an output that was heard.
    pub(crate) fn output(&self) -> String {
        let all: Vec<u8> = self.output.values().flatten().copied().collect();
        String::from_utf8_lossy(&all).replace('\r', "")
    }

    /// Goes away without a word.
    pub(crate) async fn leaves(self) {
        self.link.abort();
        self.link.await.ok();
    }
}
