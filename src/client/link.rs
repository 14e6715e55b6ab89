//! The way to a session: a local socket or `ssh`, with greeting and snapshot, and reconnecting hidden behind one
//! stream of [`LinkEvent`]s.

use crate::domain::id::{PersonId, SessionName};
use crate::wire::CONTRACT;
use crate::wire::codec::{self, Receiver, Sender, WireError};
use crate::wire::message::{Hello, Snapshot, ToClient, ToServer, Welcome};
use crate::wire::place::{self, PlaceError};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::sync::mpsc;

/// Time a server has for greeting and snapshot: a first login over a slow line included.
const GREETING_MAX: Duration = Duration::from_secs(30);
/// First wait before another try after the connection broke.
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest wait between tries: a person looks at the screen meanwhile.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Parts a snapshot may have: 64 MiB, far above the largest runbook.
const PARTS_MAX: u32 = 128;

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
            Self::Closed => Some(
                "over ssh: `warroom` must be installed there and the session be running".to_owned(),
            ),
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

type Reader = Receiver<Box<dyn AsyncRead + Send + Unpin>>;
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
    _ssh: Option<tokio::process::Child>,
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
    writer.send(&ToServer::Hello(hello)).await?;
    match reader.next::<ToClient>().await? {
        Some(ToClient::Welcome(welcome)) => Ok(Connection {
            reader,
            writer,
            welcome,
            _ssh: ssh,
        }),
        Some(ToClient::TurnedAway { reason, hint, .. }) => {
            Err(LinkError::TurnedAway { reason, hint })
        }
        _ => Err(LinkError::Closed),
    }
}

type Halves = (
    Box<dyn AsyncRead + Send + Unpin>,
    Box<dyn AsyncWrite + Send + Unpin>,
    Option<tokio::process::Child>,
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
            let mut child = Command::new("ssh")
                .args(options)
                .args([
                    "-T",
                    "--",
                    host,
                    program,
                    "attach",
                    "--stdio",
                    "-t",
                    name.as_str(),
                ])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                // What ssh has to say would land in the middle of the screen.
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .map_err(LinkError::Ssh)?;
            match (child.stdout.take(), child.stdin.take()) {
                (Some(read), Some(write)) => Ok((Box::new(read), Box::new(write), Some(child))),
                _ => Err(LinkError::Closed),
            }
        }
    }
}

/// Reads the parts of a snapshot, beginning with `first`.
///
/// # Errors
/// [`LinkError::Wire`] when a part is missing or the whole cannot be read.
pub async fn read_snapshot(
    reader: &mut Reader,
    first: Option<ToClient>,
) -> Result<Snapshot, LinkError> {
    let mut assembly = Assembly::default();
    let mut next = first;
    loop {
        let message = match next.take() {
            Some(message) => message,
            None => reader.next::<ToClient>().await?.ok_or(LinkError::Closed)?,
        };
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
        if index != self.next || total > PARTS_MAX {
            return Err(WireError::Io(std::io::Error::other(
                "the parts of a snapshot came out of order",
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
pub async fn run(
    target: Target,
    introduction: Introduction,
    mut requests: mpsc::Receiver<ToServer>,
    events: mpsc::Sender<LinkEvent>,
) {
    let mut wait = RETRY_FIRST;
    let mut was_up = false;
    loop {
        let error = match connect(&target, &introduction).await {
            Ok(connection) => {
                wait = RETRY_FIRST;
                match hold(connection, &mut requests, &events, &mut was_up).await {
                    Held::Closed => return,
                    Held::Said { reason } => {
                        events
                            .send(LinkEvent::Ended {
                                why: reason,
                                hint: None,
                            })
                            .await
                            .ok();
                        return;
                    }
                    Held::Broke(error) => error,
                }
            }
            Err(error) => error,
        };
        // Before the first success an error is for the person; after it the server may only be restarting.
        if !was_up || error.is_final() {
            let hint = error.hint();
            events
                .send(LinkEvent::Ended {
                    why: error.to_string(),
                    hint,
                })
                .await
                .ok();
            return;
        }
        if events
            .send(LinkEvent::Lost {
                why: error.to_string(),
            })
            .await
            .is_err()
        {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(RETRY_MAX);
        while requests.try_recv().is_ok() {}
    }
}

/// How a connection ended.
enum Held {
    /// The screen went away.
    Closed,
    /// The server said goodbye.
    Said { reason: String },
    /// It broke.
    Broke(LinkError),
}

async fn hold(
    connection: Connection,
    requests: &mut mpsc::Receiver<ToServer>,
    events: &mpsc::Sender<LinkEvent>,
    was_up: &mut bool,
) -> Held {
    let Connection {
        mut reader,
        mut writer,
        welcome,
        _ssh,
    } = connection;
    let snapshot = match read_snapshot(&mut reader, None).await {
        Ok(snapshot) => snapshot,
        Err(error) => return Held::Broke(error),
    };
    let mut assembly = Assembly::default();
    let again = welcome.clone();
    if events
        .send(LinkEvent::Up(Box::new(welcome), Box::new(snapshot)))
        .await
        .is_err()
    {
        return Held::Closed;
    }
    *was_up = true;
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => if let Err(error) = writer.send(&request).await {
                    return Held::Broke(error.into());
                },
                None => return Held::Closed,
            },
            message = reader.next::<ToClient>() => match message {
                Ok(Some(ToClient::Bye { reason })) => return Held::Said { reason },
                Ok(Some(ToClient::SnapshotPart { index, total, bytes })) => match assembly.add(index, total, &bytes) {
                    Ok(Some(snapshot)) => {
                        let up = LinkEvent::Up(Box::new(again.clone()), Box::new(snapshot));
                        if events.send(up).await.is_err() {
                            return Held::Closed;
                        }
                    }
                    Ok(None) => {}
                    Err(error) => return Held::Broke(error.into()),
                },
                Ok(Some(message)) => if events.send(LinkEvent::Message(Box::new(message))).await.is_err() {
                    return Held::Closed;
                },
                Ok(None) => return Held::Broke(LinkError::Closed),
                Err(error) => return Held::Broke(error.into()),
            },
        }
    }
}
