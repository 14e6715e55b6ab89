//! Starting a session server: lock, journal, state, socket, connectors, and the task that joins them.

use super::accounts;
use super::amend::{Amending, ReadRunbook};
use super::around::Nearby;
use super::checkpoints::{self, Away, Checkpoints};
use super::clients::Registry;
use super::enforced::Guard;
use super::exec::{Executor, Workplace};
use super::first;
use super::fold::{self, FoldFault, Folded};
use super::host_key;
use super::input::INPUTS_MAX;
use super::ledger::{Ledger, SealError};
use super::listen::Reception;
use super::policy::{PeopleSource, Policy};
use super::polls::{self, Keeper};
use super::scope::{Desk, Said};
use super::session::{Session, Sources};
use super::socket::{SessionSocket, SocketError};
use super::talk::RENDERS_MAX;
use super::world::Looks;
use super::writes::Counter;
use crate::clock::Clock;
use crate::config::runner::RunnerLink;
use crate::connect::READINGS_QUEUE_MAX;
use crate::connect::connector::Connector;
use crate::connect::deliver::{self, Courier, Ended};
use crate::connect::query;
use crate::connect::registry::{self, Built, SetupError};
use crate::domain::apply::FoldError;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Fact, Genesis, Mode, Stamped};
use crate::domain::id::{PersonId, SessionName, TerminalId};
use crate::domain::state::State;
use crate::engine::Engine;
use crate::journal::facts::FactError;
use crate::journal::{AppendError, JOURNAL_FILE, JournalError, Opened, SessionDir, Writer};
use crate::runner;
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Updates of running commands that may wait; the runner drops live output beyond it, never the outcome.
const UPDATES_MAX: usize = 1024;

/// Time clients have to take what is left for them when the server ends: enough for a terminal on a busy host or a slow line,
/// since one that misses its goodbye tries to come back for ever.
const GOODBYE_MAX: Duration = Duration::from_secs(3);

/// What a session server needs.
pub struct Options {
    /// Name of the session.
    pub name: SessionName,
    /// Directory of the journal and outputs.
    pub session_dir: PathBuf,
    /// Directory of sockets.
    pub runtime_dir: PathBuf,
    /// Directory where the sessions of this host tell each other what they do.
    pub scope_dir: PathBuf,
    /// Unix group whose members may attach.
    pub group: Option<String>,
    /// First record of a new session; absent: take up the one in `session_dir`.
    pub genesis: Option<Box<Genesis>>,
    /// Where people come from.
    pub people: PeopleSource,
    /// Connectors of the configuration.
    pub connectors: Vec<Arc<dyn Connector>>,
    /// Reads the runbook again; without it there are no amendments.
    pub reader: Option<Arc<dyn ReadRunbook>>,
    /// Variables every command gets, such as `PATH`.
    pub base_env: std::collections::BTreeMap<String, String>,
    /// Steps of dependency that the blast radius follows, where the runbook names no number.
    pub radius_depth: u8,
    /// Bytes of output kept per command.
    pub output_bytes_max: u64,
    /// The enforcing runner; needed by sessions in that mode.
    pub runner: Option<RunnerLink>,
    /// Private key of this host, which certifies the keys of new sessions.
    pub host_key: Option<PathBuf>,
    /// Where checkpoints go besides attached terminals and the session's own directory.
    pub away: Away,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
}

/// Why a session server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Directory or journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal is whole but says something this program does not know.
    #[error("the journal of `{name}` cannot be understood")]
    Fact {
        /// The session.
        name: SessionName,
        /// What and where.
        source: FactError,
    },
    /// The journal is whole but its facts do not fit each other.
    #[error("the journal of `{name}` does not make sense")]
    Fold {
        /// The session.
        name: SessionName,
        /// What and where.
        source: FoldError,
    },
    /// There is nothing to take up.
    #[error("session `{0}` has no journal to take up")]
    NothingThere(SessionName),
    /// There is a journal already.
    #[error("session `{0}` has a journal already")]
    Exists(SessionName),
    /// The first record could not be made.
    #[error("the first record of the session cannot be made: {0}")]
    Seal(String),
    /// The start could not be recorded.
    #[error("the start of the session cannot be recorded")]
    Append(#[from] AppendError),
    /// The people file.
    #[error("{0}")]
    People(String),
    /// The enforcing runner.
    #[error("the session is enforced: {0}")]
    Runner(String),
    /// The key of the session.
    #[error("{0}")]
    Key(String),
    /// The key of the host.
    #[error("{0}")]
    HostKey(String),
    /// The socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// No such group.
    #[error("there is no Unix group `{0}` on this host")]
    Group(String),
    /// A connector.
    #[error("{}", .0.iter().map(|e| format!("{e}: {}", e.source)).collect::<Vec<_>>().join("; "))]
    Connectors(Vec<SetupError>),
    /// A directory.
    #[error("cannot make the directories of the session in `{}`", .path.display())]
    Dirs {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl StartError {
    /// What a person can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Journal(error) => error.hint(),
            Self::Fact { .. } => {
                Some("a newer warroom may have written it; nothing was changed".to_owned())
            }
            Self::NothingThere(_) => {
                Some("name the runbook to start it: `warroom run RUNBOOK.md`".to_owned())
            }
            Self::Exists(name) => Some(format!("take it up with `warroom run -t {name}`")),
            Self::HostKey(_) => Some(
                "make it as the server's account with `ssh-keygen -t ed25519 -N '' -f FILE`, or leave out `host_key`"
                    .to_owned(),
            ),
            Self::Socket(error) => error.hint(),
            Self::Group(_) => {
                Some("make it, or leave out `server.group` in `config.toml`".to_owned())
            }
            Self::Append(error) => error.hint().map(Into::into),
            Self::Runner(_) => {
                Some("`warroom doctor` says what is wrong with the runner".to_owned())
            }
            Self::Fold { .. }
            | Self::Seal(_)
            | Self::People(_)
            | Self::Key(_)
            | Self::Connectors(_) => None,
            Self::Dirs { .. } => Some(
                "`server.state_dir` in `config.toml` names the directory of sessions".to_owned(),
            ),
        }
    }
}

/// Time the last checkpoints have to leave when the server ends.
const OUTBOX_MAX: Duration = Duration::from_secs(2);

/// A session server that clients can attach to.
pub struct Server {
    session: Session,
    sources: Sources,
    shutdown: CancellationToken,
    socket: SessionSocket,
    connectors: Vec<Built>,
    /// What those are made from, and what tells them to be made anew.
    polls: (Vec<Arc<dyn Connector>>, mpsc::Receiver<polls::Word>),
    couriers: Vec<Courier>,
    ended: mpsc::Sender<Ended>,
    readings: mpsc::Sender<crate::domain::reading::Reading>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Server {
    /// The session, without anybody who could attach.
    pub(crate) fn into_session(self) -> Session {
        self.session
    }

    /// The same with what comes to it, and what it tells its poll loops.
    pub(crate) fn into_parts(self) -> (Session, Sources, mpsc::Receiver<polls::Word>) {
        (self.session, self.sources, self.polls.1)
    }
}

/// What is there before anything is written: everything that can fail for another reason than the disk.
struct Ground {
    policy: Policy,
    /// The person of the account this runs in, where accounts are people.
    owner: Option<PersonId>,
    workplace: Workplace,
    connectors: Vec<Built>,
    socket: SessionSocket,
}

/// A session whose journal is open for writing.
struct Begun {
    ledger: Ledger,
    state: State,
    recent: VecDeque<Stamped>,
    highest: TerminalId,
}

impl Server {
    /// Opens or makes the session and listens. Nothing is polled or executed before [`Server::run`], and a new
    /// session is recorded only when everything else is ready: a failed start leaves no session behind.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind but the session's directory.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let name = &options.name;
        let read = Policy::read(&options.people);
        if options.genesis.is_none() && !options.session_dir.join(JOURNAL_FILE).exists() {
            return Err(StartError::NothingThere(name.clone()));
        }
        let (opened, mut folded) = fold::open(SessionDir::open(&options.session_dir)?)
            .map_err(|fault| StartError::of_fold(fault, name))?;
        let torn = opened.torn();
        match (folded.state.take(), &options.genesis) {
            (Some(_), Some(_)) => Err(StartError::Exists(name.clone())),
            (None, None) => Err(StartError::NothingThere(name.clone())),
            (Some(state), None) => {
                let (policy, unread) = match read {
                    Ok(policy) => (policy, None),
                    Err(why) => (Policy::nobody(), Some(why)),
                };
                let known = unread.is_none().then_some(policy.digest);
                let guard = guard_again(&options, &state.genesis, known).await;
                let ground = prepare(&options, policy, &state.genesis, guard)?;
                let begun = take_up(opened, folded, state)?;
                let mut server = Self::join(options, ground, begun);
                server.session.without(unread);
                server.session.on_restart(torn).await?;
                Ok(server)
            }
            (None, Some(genesis)) => {
                let policy = read.map_err(StartError::People)?;
                let host = host_key::open(options.host_key.as_deref(), &policy);
                let host = host.map_err(StartError::HostKey)?;
                let guard = guard(&options, genesis, &policy).await?;
                let ground = prepare(&options, policy, genesis, guard)?;
                let key = checkpoints::make_key(&options.session_dir).map_err(StartError::Key)?;
                let mut genesis = genesis.clone();
                genesis.session_key = Some(key);
                host_key::certify(host.as_ref(), &mut genesis, options.clock.now().wall)
                    .map_err(StartError::Key)?;
                let begun = begin(opened, &genesis, &*options.clock).await?;
                Ok(Self::join(options, ground, begun))
            }
        }
    }

    fn join(options: Options, ground: Ground, begun: Begun) -> Self {
        let Ground {
            policy,
            owner,
            workplace,
            mut connectors,
            socket,
        } = ground;
        let counter = Counter::open(&mut connectors);
        let (ended_in, ended) = mpsc::channel(deliver::ENDED_MAX);
        let (own_inputs, inputs) = mpsc::channel(INPUTS_MAX);
        let (readings_in, readings) = mpsc::channel(READINGS_QUEUE_MAX);
        let (updates_in, updates) = mpsc::channel(UPDATES_MAX);
        let (words_in, words) = mpsc::channel(polls::WORDS_MAX);
        let shutdown = CancellationToken::new();
        let registry = registry_after(begun.highest);
        let genesis = &begun.state.genesis;
        let (checkpoints, trouble) =
            Checkpoints::open(&options.session_dir, genesis, &away_of(&options, &policy));
        let now = options.clock.now();
        let world = first::world(genesis, &policy, (owner.as_ref(), now), counter.abilities);
        let session = Session {
            world,
            said: said_of(options.scope_dir, genesis, options.genesis.is_none()),
            runbook_file: PathBuf::from(&genesis.runbook.path),
            amending: Amending::new(genesis.plan_digest, words_in, options.reader),
            nearby: Nearby::first(options.radius_depth, genesis, &options.connectors),
            ledger: begun.ledger,
            registry,
            board: first::board(&options.connectors),
            executor: executor_of(workplace, updates_in, &begun.state),
            engine: Engine::new(begun.state),
            policy,
            people: options.people,
            owner,
            looks: Looks::default(),
            renders: Arc::new(Semaphore::new(RENDERS_MAX)),
            recent: begun.recent,
            checkpoints,
            clock: Arc::clone(&options.clock),
            own_inputs,
            news: Vec::new(),
            failed_starts: Vec::new(),
            desk: counter.desk,
            notices: counter.notices.into_iter().chain(trouble).collect(),
            handovers_at: None,
            is_unwritable: false,
            // What follows from where the journal ends follows with the first second.
            is_unsettled: true,
            troubles: BTreeSet::new(),
            shutdown: shutdown.clone(),
            shutdown_reason: "told to end".to_owned(),
            last_gate: None,
        };
        Self {
            session,
            sources: Sources {
                inputs,
                readings,
                updates,
                ended,
            },
            shutdown,
            socket,
            connectors,
            polls: (options.connectors, words),
            couriers: counter.couriers,
            ended: ended_in,
            readings: readings_in,
            clock: options.clock,
        }
    }

    /// Path of the socket.
    pub fn socket_path(&self) -> PathBuf {
        self.socket.path()
    }

    /// Ends [`Server::run`] when cancelled.
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Serves until told to end; returns why.
    pub async fn run(self) -> String {
        let Self {
            mut session,
            sources,
            shutdown,
            socket,
            connectors,
            polls: (configs, words),
            couriers,
            ended,
            readings,
            clock,
        } = self;
        let (listener, kept) = socket.into_parts();
        let reception = Reception::new(session.own_inputs.clone());
        let (clients, gone) = (reception.tasks.clone(), reception.ended.clone());
        let listening = tokio::spawn(reception.accept_all(listener, shutdown.clone()));
        let inputs = session.own_inputs.clone();
        let outbox = session.checkpoints.outbox();
        let carrying = tokio::spawn(outbox.carry(readings.clone(), inputs, Arc::clone(&clock)));
        let keeper = Keeper {
            configs,
            readings: readings.clone(),
            clock: Arc::clone(&clock),
            shutdown: shutdown.clone(),
            inputs: session.own_inputs.clone(),
        };
        let polling = tokio::spawn(keeper.keep(connectors, words));
        // The session itself asks for writes when it is told to end: couriers stay for that.
        let writing = CancellationToken::new();
        let context = deliver::Context {
            ended,
            readings,
            clock,
            shutdown: writing.clone(),
        };
        let couriers = deliver::start(couriers, &context);
        drop(context);
        // Large, and moved about no more.
        let reason = Box::pin(session.run(sources)).await;
        shutdown.cancel();
        writing.cancel();
        listening.await.ok();
        // The session has let its clients go; those that read get its goodbye, a stalled one is not waited for.
        clients.close();
        tokio::time::timeout(GOODBYE_MAX, clients.wait()).await.ok();
        gone.cancel();
        tokio::time::timeout(OUTBOX_MAX, carrying).await.ok();
        polling.await.ok();
        couriers.wait().await;
        drop(kept);
        reason
    }
}

/// Terminals are numbered on from the highest there ever was.
fn registry_after(highest: TerminalId) -> Registry {
    let mut registry = Registry::default();
    registry.continue_after(highest);
    registry
}

/// What runs the commands, with what the journal says of those before.
fn executor_of(
    workplace: Workplace,
    updates: mpsc::Sender<runner::Update>,
    state: &State,
) -> Executor {
    let mut executor = Executor::new(workplace, updates);
    executor.recall(state);
    executor
}

fn said_of(scope_dir: PathBuf, genesis: &Genesis, is_taken_up: bool) -> Said {
    Said::new(Desk::new(scope_dir, genesis.session.clone()), is_taken_up)
}

/// The runner of an enforced session; nothing in other modes.
async fn guard(
    options: &Options,
    genesis: &Genesis,
    policy: &Policy,
) -> Result<Option<Guard>, StartError> {
    if genesis.mode != Mode::Enforced {
        return Ok(None);
    }
    let found = Guard::of_policy(options.runner.as_ref(), policy.digest).await;
    found.map(Some).map_err(StartError::Runner)
}

/// As [`guard`], of a session that is taken up: it is served whatever its runner says, because the way back may wait in it.
async fn guard_again(
    options: &Options,
    genesis: &Genesis,
    policy: Option<Digest>,
) -> Option<Guard> {
    if genesis.mode != Mode::Enforced {
        return None;
    }
    Some(Guard::taken_up(options.runner.as_ref(), policy).await)
}

/// Where checkpoints go: where the configuration says, and what the policy adds or, for a program, replaces.
fn away_of(options: &Options, policy: &Policy) -> Away {
    let rules = &policy.rules;
    let in_dir = |dir: &PathBuf| dir.join(format!("{}.checkpoints", options.name));
    let mut away = options.away.clone();
    away.ruled_file = rules.checkpoint_dir.as_ref().map(in_dir);
    if let Some(hook) = &rules.checkpoint_hook {
        away.command = None;
        away.ruled_command = Some(hook.clone());
    }
    away
}

/// Makes everything that a session needs besides its journal.
fn prepare(
    options: &Options,
    policy: Policy,
    genesis: &Genesis,
    guard: Option<Guard>,
) -> Result<Ground, StartError> {
    let gid = options.group.as_deref().map(group_id).transpose()?;
    let uid = rustix::process::geteuid().as_raw();
    let workplace = Workplace {
        session_dir: options.session_dir.clone(),
        cwd: directory_of(&genesis.runbook.path),
        account: accounts::name_of_uid(uid).unwrap_or_else(|| format!("uid {uid}")),
        base_env: options.base_env.clone(),
        output_bytes_max: options.output_bytes_max,
        guard,
    };
    workplace.make_dirs().map_err(|source| StartError::Dirs {
        path: options.session_dir.clone(),
        source,
    })?;
    let specs = query::specs_for(&genesis.plan, &genesis.panels);
    let connectors = registry::build(&options.connectors, &specs, &options.clock)
        .map_err(StartError::Connectors)?;
    let socket = SessionSocket::bind(&options.runtime_dir, &options.name, gid)?;
    let owner = match options.people {
        PeopleSource::Accounts { .. } => accounts::person_of_account(uid),
        PeopleSource::File(_) | PeopleSource::Demo => None,
    };
    Ok(Ground {
        policy,
        owner,
        workplace,
        connectors,
        socket,
    })
}

/// Writes the first record.
async fn begin(opened: Opened, genesis: &Genesis, clock: &dyn Clock) -> Result<Begun, StartError> {
    let writer = Writer::start(opened)?;
    let mut ledger = Ledger::new(writer, genesis.session.clone(), None);
    let fact = Fact::SessionOpened(Box::new(genesis.clone()));
    let sealed = ledger.seal(Actor::Engine, fact, clock.now(), None);
    let mut stamped = sealed.map_err(|error: SealError| StartError::Seal(error.to_string()))?;
    stamped.forget_plan();
    ledger.write().await?;
    Ok(Begun {
        ledger,
        state: State::new(genesis.clone(), stamped.hash, stamped.at),
        recent: VecDeque::from([stamped]),
        highest: TerminalId(0),
    })
}

impl StartError {
    fn of_fold(fault: FoldFault, name: &SessionName) -> Self {
        let name = name.clone();
        match fault {
            FoldFault::Journal(error) => Self::Journal(error),
            FoldFault::Fact(source) => Self::Fact { name, source },
            FoldFault::Fold(source) => Self::Fold { name, source },
        }
    }
}

/// Goes on where the journal ends.
fn take_up(opened: Opened, folded: Folded, state: State) -> Result<Begun, StartError> {
    let writer = Writer::start(opened)?;
    let session = state.genesis.session.clone();
    Ok(Begun {
        ledger: Ledger::new(writer, session, Some(state.head)),
        state,
        recent: folded.recent,
        highest: TerminalId(folded.highest),
    })
}

fn group_id(group: &str) -> Result<u32, StartError> {
    accounts::gid_of(group).ok_or_else(|| StartError::Group(group.to_owned()))
}

fn directory_of(file: &str) -> PathBuf {
    Path::new(file)
        .parent()
        .map_or_else(|| PathBuf::from("/"), Path::to_owned)
}
