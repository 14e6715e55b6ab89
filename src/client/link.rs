//! The way to a session: a local socket or `ssh`, with greeting and snapshot, and reconnecting hidden behind one
//! stream of [`LinkEvent`]s.

use super::ssh::Ssh;
use crate::domain::command::Refusal;
use crate::domain::fact::Mode;
use crate::domain::id::{PersonId, SessionName};
use crate::wire::codec::{self, Receiver, Sender, WireError};
use crate::wire::message::{Hello, Snapshot, ToClient, ToServer, Welcome};
use crate::wire::place::{self, PlaceError};
use crate::wire::{CONTRACT, SNAPSHOT_BYTES_MAX};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Time a server has for greeting and snapshot: a first login over a slow line included.
const GREETING_MAX: Duration = Duration::from_secs(30);
/// First wait before another try after the connection broke.
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between tries: a person looks at the screen meanwhile.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Asks without an answer that are remembered: more than a screen can have.
const UNANSWERED_MAX: usize = 256;

/// Where the session is.
#[derive(Debug, Clone)]
pub enum Target {
    /// On this host.
    Local {
        /// Which session.
        name: SessionName,
        /// Where sockets may be.
        runtime_dirs: Vec<PathBuf>,
    },
    /// On another host, through `ssh HOST warroom attach --stdio`.
    Ssh {
        /// As `ssh` takes it; never begins with `-`.
        host: String,
        /// Which session.
        name: SessionName,
        /// Program on the other host.
        program: String,
        /// Options for `ssh`, such as `-F FILE`.
        options: Vec<String>,
    },
}

/// What a client says of itself when it attaches.
#[derive(Debug, Clone, Default)]
pub struct Introduction {
    /// It will only look.
    pub read_only: bool,
    /// A simulated person of a demo session.
    pub demo_person: Option<PersonId>,
    /// It is a person's terminal.
    pub is_terminal: bool,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The session's place is missing or not to be trusted.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The socket is there and nobody listens.
    #[error("session `{name}` does not answer on `{}`", .socket.display())]
    Dead {
        /// The session.
        name: SessionName,
        /// Its socket.
        socket: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// Another account than the owner of the directory listens on the socket.
    #[error("`{}` belongs to uid {owner} but uid {found} answers on it", .socket.display())]
    Impostor {
        /// The socket.
        socket: PathBuf,
        /// Whose it should be.
        owner: u32,
        /// Whose it is.
        found: u32,
    },
    /// `ssh` could not be started.
    #[error("cannot start `ssh`")]
    Ssh(#[source] std::io::Error),
    /// `ssh` ended before the session had greeted.
    #[error("no session through `ssh {host}`: {said}")]
    SshEnded {
        /// The host as it was given.
        host: String,
        /// The last that `ssh`, or the program on the other host, had to say.
        said: String,
    },
    /// The server turned the client away.
    #[error("{reason}")]
    TurnedAway {
        /// Why.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// The connection broke or spoke nonsense.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// No greeting in time.
    #[error("no greeting from the session within {} s", GREETING_MAX.as_secs())]
    Silent,
    /// The other end closed before its greeting was complete.
    #[error("the connection ended before the session had greeted")]
    Closed,
}

impl LinkError {
    /// What a person can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Place(error) => error.hint(),
            Self::Dead { name, .. } => Some(format!(
                "its server has died: `warroom run -t {name}` takes it up where it stands"
            )),
            Self::Impostor { .. } => {
                Some("do not type anything into it; tell the owner of the host".to_owned())
            }
            Self::Ssh(_) => {
                Some("install an OpenSSH client, or attach on the session's own host".to_owned())
            }
            Self::TurnedAway { hint, .. } if !hint.is_empty() => Some(hint.clone()),
            Self::SshEnded { host, .. } => Some(format!(
                "`ssh {host} warroom ls` must work without a question"
            )),
            Self::Closed => {
                Some("it may be ending or full: `warroom ls` shows what there is".to_owned())
            }
            Self::TurnedAway { .. } | Self::Wire(_) | Self::Silent => None,
        }
    }

    /// True when trying again by itself cannot help.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::TurnedAway { .. }
                | Self::Impostor { .. }
                | Self::Ssh(_)
                | Self::Place(PlaceError::Unsafe { .. })
        )
    }
}

/// Messages from a server.
pub type Reader = Receiver<Box<dyn AsyncRead + Send + Unpin>>;
type Writer = Sender<Box<dyn AsyncWrite + Send + Unpin>>;

/// A connection that has been greeted.
pub struct Connection {
    /// Messages from the server.
    pub reader: Reader,
    /// Messages to the server.
    pub writer: Writer,
    /// Who the server takes us for.
    pub welcome: Welcome,
    /// Keeps the `ssh` process alive; killed when dropped.
    _ssh: Option<Ssh>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("welcome", &self.welcome)
            .finish_non_exhaustive()
    }
}

/// Opens the stream to a local session, after the checks of `wire::place` and of the listener's account.
///
/// # Errors
/// [`LinkError::Place`], [`LinkError::Dead`], [`LinkError::Impostor`].
pub async fn open_local(
    name: &SessionName,
    runtime_dirs: &[PathBuf],
) -> Result<UnixStream, LinkError> {
    let me = rustix::process::geteuid().as_raw();
    let place = place::find(name, runtime_dirs, me)?;
    let stream = UnixStream::connect(&place.socket)
        .await
        .map_err(|source| LinkError::Dead {
            name: name.clone(),
            socket: place.socket.clone(),
            source,
        })?;
    let found = stream.peer_cred().map_err(WireError::Io)?.uid();
    if found != place.owner_uid {
        return Err(LinkError::Impostor {
            socket: place.socket,
            owner: place.owner_uid,
            found,
        });
    }
    Ok(stream)
}

/// Connects and greets.
///
/// # Errors
/// [`LinkError`].
pub async fn connect(
    target: &Target,
    introduction: &Introduction,
) -> Result<Connection, LinkError> {
    tokio::time::timeout(GREETING_MAX, greet(target, introduction))
        .await
        .unwrap_or(Err(LinkError::Silent))
}

async fn greet(target: &Target, introduction: &Introduction) -> Result<Connection, LinkError> {
    let (reader, writer, ssh) = open(target).await?;
    let (mut reader, mut writer) = (Receiver::new(reader), Sender::new(writer));
    let hello = Hello {
        contract: CONTRACT,
        program: crate::PROGRAM.to_owned(),
        read_only: introduction.read_only,
        demo_person: introduction.demo_person.clone(),
        is_terminal: introduction.is_terminal,
    };
    // A server that is full says so and hangs up without listening: what it said comes before what failed here.
    let sent = writer.send(&ToServer::Hello(hello)).await;
    match (reader.next::<ToClient>().await, ssh) {
        (Ok(Some(ToClient::Welcome(welcome))), ssh) => Ok(Connection {
            reader,
            writer,
            welcome,
            _ssh: ssh,
        }),
        (Ok(Some(ToClient::TurnedAway { reason, hint, .. })), _) => {
            Err(LinkError::TurnedAway { reason, hint })
        }
        (_, Some(ssh)) => Err(ssh.ended().await),
        (Err(error), None) => Err(error.into()),
        (Ok(_), None) => Err(sent.err().map_or(LinkError::Closed, LinkError::Wire)),
    }
}

type Halves = (
    Box<dyn AsyncRead + Send + Unpin>,
    Box<dyn AsyncWrite + Send + Unpin>,
    Option<Ssh>,
);

async fn open(target: &Target) -> Result<Halves, LinkError> {
    match target {
        Target::Local { name, runtime_dirs } => {
            let (read, write) = open_local(name, runtime_dirs).await?.into_split();
            Ok((Box::new(read), Box::new(write), None))
        }
        Target::Ssh {
            host,
            name,
            program,
            options,
        } => {
            let remote = [program, "attach", "--stdio", "-t", name.as_str()];
            let (read, write, ssh) = Ssh::start(host, options, &remote)?;
            Ok((Box::new(read), Box::new(write), Some(ssh)))
        }
    }
}

/// Reads the parts of a snapshot.
///
/// # Errors
/// [`LinkError::Wire`] when a part is missing or the whole cannot be read; [`LinkError::Silent`] when it does not
/// come in time.
pub async fn read_snapshot(reader: &mut Reader) -> Result<Snapshot, LinkError> {
    tokio::time::timeout(GREETING_MAX, parts(reader))
        .await
        .unwrap_or(Err(LinkError::Silent))
}

async fn parts(reader: &mut Reader) -> Result<Snapshot, LinkError> {
    let mut assembly = Assembly::default();
    loop {
        let message = reader.next::<ToClient>().await?.ok_or(LinkError::Closed)?;
        match message {
            ToClient::SnapshotPart {
                index,
                total,
                bytes,
            } => {
                if let Some(snapshot) = assembly.add(index, total, &bytes)? {
                    return Ok(snapshot);
                }
            }
            ToClient::TurnedAway { reason, hint, .. } => {
                return Err(LinkError::TurnedAway { reason, hint });
            }
            ToClient::Bye { reason } => {
                return Err(LinkError::TurnedAway {
                    reason,
                    hint: String::new(),
                });
            }
            _ => {}
        }
    }
}

/// Parts of a snapshot that have come so far.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    bytes: Vec<u8>,
    next: u32,
}

impl Assembly {
    /// Adds a part; the snapshot once the last one is there. A part out of order starts over.
    pub(crate) fn add(
        &mut self,
        index: u32,
        total: u32,
        bytes: &[u8],
    ) -> Result<Option<Snapshot>, WireError> {
        if index == 0 {
            self.bytes.clear();
            self.next = 0;
        }
        let is_over = self.bytes.len().saturating_add(bytes.len()) > SNAPSHOT_BYTES_MAX;
        if index != self.next || is_over {
            return Err(WireError::Io(std::io::Error::other(
                "the parts of a snapshot came out of order, or are too many",
            )));
        }
        self.bytes.extend_from_slice(bytes);
        self.next += 1;
        if self.next < total {
            return Ok(None);
        }
        let snapshot = codec::decode(&self.bytes)?;
        self.bytes = Vec::new();
        Ok(Some(snapshot))
    }
}

/// What the screen hears of the link.
#[derive(Debug)]
pub enum LinkEvent {
    /// Attached, or attached again.
    Up(Box<Welcome>, Box<Snapshot>),
    /// A message, in order.
    Message(Box<ToClient>),
    /// The connection is lost; another try follows by itself.
    Lost {
        /// Why.
        why: String,
    },
    /// There will be no further try.
    Ended {
        /// Why.
        why: String,
        /// What to do.
        hint: Option<String>,
    },
}

/// Keeps a connection up until `requests` closes: connects, forwards, reconnects.
///
/// What is asked while there is no connection is refused here and never sent later: who pressed a key then has
/// looked at an old screen.
pub async fn run(
    target: Target,
    mut introduction: Introduction,
    requests: mpsc::Receiver<ToServer>,
    events: mpsc::Sender<LinkEvent>,
) {
    let mut line = Line {
        requests,
        events,
        unanswered: BTreeSet::new(),
        was_up: false,
    };
    let mut wait = RETRY_FIRST;
    loop {
        let held = match connect(&target, &introduction).await {
            Ok(connection) => {
                wait = RETRY_FIRST;
                remember_simulated(&mut introduction, &connection.welcome);
                line.hold(connection).await
            }
            Err(error) => Err(Held::Broke(error)),
        };
        let error = match held {
            Ok(()) | Err(Held::Closed) => return,
            Err(Held::Said { reason }) => return line.end(reason, None).await,
            Err(Held::Broke(error)) => error,
        };
        // Before the first success an error is for the person; after it the server may only be restarting.
        if !line.was_up || error.is_final() {
            return line.end(error.to_string(), error.hint()).await;
        }
        if line.lost(error.to_string()).await.is_err() || line.pause(wait).await.is_err() {
            return;
        }
        wait = wait.saturating_mul(2).min(RETRY_MAX);
    }
}

/// A terminal of a demo stays the simulated person it was, also when another one would be free by now.
fn remember_simulated(introduction: &mut Introduction, welcome: &Welcome) {
    if welcome.mode == Mode::Demo && introduction.is_terminal && introduction.demo_person.is_none()
    {
        introduction.demo_person = welcome.you.person().cloned();
    }
}

/// Why a connection is no longer held.
enum Held {
    /// The screen went away.
    Closed,
    /// The server said goodbye.
    Said { reason: String },
    /// It broke.
    Broke(LinkError),
}

impl From<LinkError> for Held {
    fn from(error: LinkError) -> Self {
        Self::Broke(error)
    }
}

impl From<WireError> for Held {
    fn from(error: WireError) -> Self {
        Self::Broke(error.into())
    }
}

/// Between the screen and whatever connection there is.
struct Line {
    requests: mpsc::Receiver<ToServer>,
    events: mpsc::Sender<LinkEvent>,
    /// Numbers of asks that were sent and not answered.
    unanswered: BTreeSet<u64>,
    was_up: bool,
}

impl Line {
    async fn tell(&self, event: LinkEvent) -> Result<(), Held> {
        self.events.send(event).await.map_err(|_| Held::Closed)
    }

    async fn end(&self, why: String, hint: Option<String>) {
        self.tell(LinkEvent::Ended { why, hint }).await.ok();
    }

    /// Tells that the connection is lost, and answers whoever waits for an answer that will not come.
    async fn lost(&mut self, why: String) -> Result<(), Held> {
        self.tell(LinkEvent::Lost { why }).await?;
        for number in std::mem::take(&mut self.unanswered) {
            let reason = "the connection broke before the answer came; it may have been done";
            let hint = "look at the session when the connection is back";
            self.refuse(number, reason, hint).await?;
        }
        Ok(())
    }

    async fn refuse(&self, number: u64, reason: &str, hint: &str) -> Result<(), Held> {
        let refused = Some(Refusal {
            reason: reason.to_owned(),
            hint: hint.to_owned(),
        });
        let reply = ToClient::Reply { number, refused };
        self.tell(LinkEvent::Message(Box::new(reply))).await
    }

    /// Waits before the next try. What is asked meanwhile is refused.
    async fn pause(&mut self, wait: Duration) -> Result<(), Held> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            match tokio::time::timeout_at(until, self.requests.recv()).await {
                Err(_) => return Ok(()),
                Ok(None) => return Err(Held::Closed),
                Ok(Some(request)) => self.refuse_unsent(&request).await?,
            }
        }
    }

    async fn refuse_unsent(&self, request: &ToServer) -> Result<(), Held> {
        let ToServer::Ask { number, .. } = request else {
            return Ok(());
        };
        let reason = "not sent: there is no connection to the session";
        self.refuse(*number, reason, "ask again when it is back")
            .await
    }

    /// Forwards both ways until one side is gone.
    async fn hold(&mut self, connection: Connection) -> Result<(), Held> {
        let Connection {
            mut reader,
            mut writer,
            welcome,
            _ssh,
        } = connection;
        let snapshot = read_snapshot(&mut reader).await?;
        while let Ok(request) = self.requests.try_recv() {
            self.refuse_unsent(&request).await?;
        }
        let up = LinkEvent::Up(Box::new(welcome.clone()), Box::new(snapshot));
        self.tell(up).await?;
        self.was_up = true;
        let mut assembly = Assembly::default();
        loop {
            tokio::select! {
                request = self.requests.recv() => {
                    let request = request.ok_or(Held::Closed)?;
                    if let ToServer::Ask { number, .. } = &request {
                        self.remember(*number);
                    }
                    writer.send(&request).await?;
                }
                message = reader.next::<ToClient>() => {
                    let message = message?.ok_or(LinkError::Closed)?;
                    self.hear(message, &welcome, &mut assembly).await?;
                }
            }
        }
    }

    fn remember(&mut self, number: u64) {
        if self.unanswered.len() >= UNANSWERED_MAX {
            self.unanswered.pop_first();
        }
        self.unanswered.insert(number);
    }

    async fn hear(
        &mut self,
        message: ToClient,
        welcome: &Welcome,
        assembly: &mut Assembly,
    ) -> Result<(), Held> {
        match message {
            ToClient::Bye { reason } => Err(Held::Said { reason }),
            ToClient::SnapshotPart {
                index,
                total,
                bytes,
            } => match assembly.add(index, total, &bytes)? {
                Some(snapshot) => {
                    let up = LinkEvent::Up(Box::new(welcome.clone()), Box::new(snapshot));
                    self.tell(up).await
                }
                None => Ok(()),
            },
            message => {
                if let ToClient::Reply { number, .. } = &message {
                    self.unanswered.remove(number);
                }
                self.tell(LinkEvent::Message(Box::new(message))).await
            }
        }
    }
}
