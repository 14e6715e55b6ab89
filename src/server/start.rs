//! Starting a session server: lock, journal, state, socket, connectors, and the task that joins them.

use super::accounts;
use super::clients::Registry;
use super::exec::{Executor, Workplace};
use super::input::INPUTS_MAX;
use super::ledger::{Ledger, SealError};
use super::listen;
use super::policy::{PeopleSource, Policy};
use super::session::{Session, Sources};
use super::socket::{SessionSocket, SocketError};
use crate::clock::Clock;
use crate::connect::READINGS_QUEUE_MAX;
use crate::connect::poll::Source;
use crate::connect::query;
use crate::connect::registry::{self, AnyConfig, SetupError};
use crate::connect::supervise::Connectors;
use crate::domain::apply::{FoldError, check_apply};
use crate::domain::board::Board;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Fact, Genesis, Stamped};
use crate::domain::id::SessionName;
use crate::domain::state::State;
use crate::domain::world::{Look, World};
use crate::engine::{Engine, Input};
use crate::journal::facts::{self, FactError};
use crate::journal::{self, AppendError, JournalError, Opened, SessionDir, Writer};
use crate::wire::message::RECENT_MAX;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Updates of running commands that may wait; the runner drops live output beyond it, never the outcome.
const UPDATES_MAX: usize = 1024;

/// What a session server needs.
pub struct Options {
    /// Name of the session.
    pub name: SessionName,
    /// Directory of the journal and outputs.
    pub session_dir: PathBuf,
    /// Directory of sockets.
    pub runtime_dir: PathBuf,
    /// Unix group whose members may attach.
    pub group: Option<String>,
    /// First record of a new session; absent: take up the one in `session_dir`.
    pub genesis: Option<Box<Genesis>>,
    /// Where people come from.
    pub people: PeopleSource,
    /// Connectors of the configuration.
    pub connectors: Vec<AnyConfig>,
    /// Variables every command gets, such as `PATH`.
    pub base_env: std::collections::BTreeMap<String, String>,
    /// Bytes of output kept per command.
    pub output_bytes_max: u64,
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
    /// The first record could not be written.
    #[error("the first record of the session cannot be written")]
    Append(#[from] AppendError),
    /// The people file.
    #[error("{0}")]
    People(String),
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
            Self::Journal(error) => error.hint().map(Into::into),
            Self::Fact { .. } => {
                Some("a newer warroom may have written it; nothing was changed".to_owned())
            }
            Self::NothingThere(_) => {
                Some("name the runbook to start it: `warroom run RUNBOOK.md`".to_owned())
            }
            Self::Exists(name) => Some(format!("take it up with `warroom run -t {name}`")),
            Self::Socket(error) => error.hint(),
            Self::Group(_) => {
                Some("make it, or leave out `server.group` in `config.toml`".to_owned())
            }
            Self::Fold { .. }
            | Self::Seal(_)
            | Self::Append(_)
            | Self::People(_)
            | Self::Connectors(_) => None,
            Self::Dirs { .. } => Some(
                "`server.state_dir` in `config.toml` names the directory of sessions".to_owned(),
            ),
        }
    }
}

/// A session server that clients can attach to.
pub struct Server {
    session: Session,
    sources: Sources,
    shutdown: CancellationToken,
    socket: SessionSocket,
    connectors: Vec<Box<dyn Source>>,
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

/// A journal that has been opened and folded.
struct Unfolded {
    writer: Writer,
    ledger_head: (crate::domain::id::Seq, Digest),
    state: State,
    recent: VecDeque<Stamped>,
    torn: Option<journal::TornTail>,
    is_new: bool,
}

impl Server {
    /// Opens or makes the session and listens. Nothing is polled or executed before [`Server::run`].
    ///
    /// # Errors
    /// [`StartError`]; nothing is left behind but the session's directory.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options {
            name,
            session_dir,
            runtime_dir,
            group,
            genesis,
            people,
            connectors,
            ..
        } = &options;
        let policy = Policy::read(people).map_err(StartError::People)?;
        let gid = group.as_deref().map(group_id).transpose()?;
        let unfolded = open(name, session_dir, genesis.as_deref(), &*options.clock).await?;
        let workplace = Workplace {
            session_dir: session_dir.clone(),
            cwd: directory_of(&unfolded.state.genesis.runbook.path),
            base_env: options.base_env.clone(),
            output_bytes_max: options.output_bytes_max,
        };
        workplace.make_dirs().map_err(|source| StartError::Dirs {
            path: session_dir.clone(),
            source,
        })?;
        let specs = query::specs_for(unfolded.state.plan(), &unfolded.state.genesis.panels);
        let connectors =
            registry::build(connectors, &specs, &options.clock).map_err(StartError::Connectors)?;
        let socket = SessionSocket::bind(runtime_dir, name, gid)?;
        Ok(Self::join(
            options, policy, unfolded, workplace, connectors, socket,
        ))
    }

    fn join(
        options: Options,
        policy: Policy,
        unfolded: Unfolded,
        workplace: Workplace,
        connectors: Vec<Box<dyn Source>>,
        socket: SessionSocket,
    ) -> Self {
        let Unfolded {
            writer,
            ledger_head,
            state,
            recent,
            torn,
            is_new,
        } = unfolded;
        let (own_inputs, inputs) = mpsc::channel(INPUTS_MAX);
        let (readings_in, readings) = mpsc::channel(READINGS_QUEUE_MAX);
        let (updates_in, updates) = mpsc::channel(UPDATES_MAX);
        let shutdown = CancellationToken::new();
        let mut registry = Registry::default();
        if let Some(highest) = state.terminals.keys().next_back() {
            registry.continue_after(*highest);
        }
        let ledger = Ledger::new(writer, state.genesis.session.clone(), Some(ledger_head));
        let world = World {
            policy: Some(policy.digest),
            runbook: Some(state.genesis.runbook.digest),
            look: Look::NotLooked,
            roster: policy.roster(),
        };
        let mut session = Session {
            runbook_file: PathBuf::from(&state.genesis.runbook.path),
            engine: Engine::new(state),
            ledger,
            registry,
            board: Board::default(),
            executor: Executor::new(workplace, updates_in),
            policy,
            people: options.people,
            world,
            world_read: None,
            recent,
            clock: Arc::clone(&options.clock),
            own_inputs,
            unwritten: Vec::new(),
            shutdown: shutdown.clone(),
            shutdown_reason: "told to end".to_owned(),
            last_gate: None,
        };
        if !is_new {
            session.on_restart(torn);
        }
        let sources = Sources {
            inputs,
            readings,
            updates,
        };
        Self {
            session,
            sources,
            shutdown,
            socket,
            connectors,
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
            session,
            sources,
            shutdown,
            socket,
            connectors,
            readings,
            clock,
        } = self;
        let (listener, kept) = socket.into_parts();
        let listening = tokio::spawn(listen::accept_all(
            listener,
            session.own_inputs.clone(),
            shutdown.clone(),
        ));
        let connectors = Connectors::start(connectors, &readings, &clock, &shutdown);
        drop(readings);
        let reason = session.run(sources).await;
        shutdown.cancel();
        listening.await.ok();
        connectors.stopped().await;
        drop(kept);
        reason
    }
}

impl Session {
    /// Takes a session up after its server had ended: what ran then is unknown now, and a torn tail is told.
    fn on_restart(&mut self, torn: Option<journal::TornTail>) {
        let mut turn = super::session::Turn::default();
        if let Some(torn) = torn {
            let input = Input::Recovered {
                bytes: torn.bytes,
                digest: torn.digest,
            };
            self.take(&input, &mut turn, None);
        }
        let input = Input::Restarted {
            program: crate::PROGRAM.to_owned(),
            host: super::pin::host_name(),
        };
        self.take(&input, &mut turn, None);
    }
}

async fn open(
    name: &SessionName,
    session_dir: &Path,
    genesis: Option<&Genesis>,
    clock: &dyn Clock,
) -> Result<Unfolded, StartError> {
    let dir = SessionDir::open(session_dir)?;
    let mut fold = Fold::default();
    let opened = journal::open(dir, |entry| fold.add(entry))?;
    if let Some(error) = fold.error {
        return Err(error.named(name));
    }
    match (fold.state, genesis) {
        (Some(_), Some(_)) => Err(StartError::Exists(name.clone())),
        (None, None) => Err(StartError::NothingThere(name.clone())),
        (Some(state), None) => {
            let torn = opened.torn();
            let writer = Writer::start(opened)?;
            Ok(Unfolded {
                writer,
                ledger_head: state.head,
                state,
                recent: fold.recent,
                torn,
                is_new: false,
            })
        }
        (None, Some(genesis)) => begin(opened, genesis, clock).await,
    }
}

/// Writes the first record.
async fn begin(
    opened: Opened,
    genesis: &Genesis,
    clock: &dyn Clock,
) -> Result<Unfolded, StartError> {
    let writer = Writer::start(opened)?;
    let mut ledger = Ledger::new(writer, genesis.session.clone(), None);
    let fact = Fact::SessionOpened(Box::new(genesis.clone()));
    let sealed = ledger.seal(Actor::Engine, fact, clock.now(), None);
    let stamped = sealed.map_err(|error: SealError| StartError::Seal(error.to_string()))?;
    ledger.write().await?;
    let state = State::new(genesis.clone(), stamped.hash, stamped.at);
    Ok(Unfolded {
        writer: ledger.into_writer(),
        ledger_head: (stamped.seq, stamped.hash),
        state,
        recent: VecDeque::from([stamped]),
        torn: None,
        is_new: true,
    })
}

/// The fold of a journal that is being read.
#[derive(Default)]
struct Fold {
    state: Option<State>,
    recent: VecDeque<Stamped>,
    error: Option<FoldFault>,
}

enum FoldFault {
    Fact(FactError),
    Fold(FoldError),
}

impl FoldFault {
    fn named(self, name: &SessionName) -> StartError {
        match self {
            Self::Fact(source) => StartError::Fact {
                name: name.clone(),
                source,
            },
            Self::Fold(source) => StartError::Fold {
                name: name.clone(),
                source,
            },
        }
    }
}

impl Fold {
    fn add(&mut self, entry: &journal::Entry<'_>) {
        if self.error.is_some() {
            return;
        }
        match facts::fact_of(&entry.to_record()) {
            Ok(stamped) => self.take(stamped),
            Err(error) => self.error = Some(FoldFault::Fact(error)),
        }
    }

    fn take(&mut self, stamped: Stamped) {
        match (&mut self.state, &stamped.fact) {
            (None, Fact::SessionOpened(genesis)) => {
                self.state = Some(State::new((**genesis).clone(), stamped.hash, stamped.at));
            }
            (None, _) => self.error = Some(FoldFault::Fold(FoldError::NotGenesis)),
            (Some(state), _) => {
                if let Err(error) = check_apply(state, &stamped) {
                    self.error = Some(FoldFault::Fold(error));
                    return;
                }
            }
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(stamped);
    }
}

fn group_id(group: &str) -> Result<u32, StartError> {
    accounts::gid_of(group).ok_or_else(|| StartError::Group(group.to_owned()))
}

fn directory_of(file: &str) -> PathBuf {
    Path::new(file)
        .parent()
        .map_or_else(|| PathBuf::from("/"), Path::to_owned)
}
