//! One connection: handshake, then one task that reads and one that writes.

use super::accounts;
use super::clients::{Backlog, Queue, queue};
use super::input::Incoming;
use super::listen::Place;
use crate::domain::fact::Actor;
use crate::domain::id::{PersonId, TerminalId};
use crate::wire::CONTRACT;
use crate::wire::codec::{Receiver, Sender, WireError};
use crate::wire::message::{Hello, ToClient, ToServer};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Time a peer has for its first message (`TWO_PERSON` 8.1).
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Time the host's directory of accounts has to name the peer; without an answer it is nobody.
const ACCOUNT_MAX: Duration = Duration::from_secs(5);
/// Time a frame may take to leave, beside its length: a peer that takes none for so long is gone.
const WRITE_MAX: Duration = Duration::from_secs(60);
/// Slowest line that is waited for, in bytes a second: half of 64 kbit/s.
const SLOWEST: u64 = 4 * 1024;

/// What the server knows of a peer before it has said anything.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Effective uid at connect: the kernel's word.
    pub uid: u32,
    /// The person that the account's name stands for; absent for root.
    pub account: Option<PersonId>,
}

/// A client that has passed the handshake, handed to the session task.
#[derive(Debug)]
pub(crate) struct Joining {
    /// Who it is.
    pub(crate) peer: Peer,
    /// What it said.
    pub(crate) hello: Hello,
    /// Where its messages go.
    pub(crate) queue: Queue,
    /// The terminal's number, or why it is turned away.
    pub(crate) answer: oneshot::Sender<Result<TerminalId, ToClient>>,
}

/// Serves one connection to its end. `place` is given back then; `ended` cuts it off.
pub(crate) async fn serve<S>(
    stream: S,
    uid: u32,
    place: Place,
    inputs: mpsc::Sender<Incoming>,
    ended: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let _place = place;
    let (read, write) = tokio::io::split(stream);
    let (receiver, sender) = (Receiver::new(read), Sender::new(write));
    tokio::select! {
        () = greet(receiver, sender, uid, inputs) => {}
        () = ended.cancelled() => {}
    }
}

async fn greet<R, W>(
    mut receiver: Receiver<R>,
    mut sender: Sender<W>,
    uid: u32,
    inputs: mpsc::Sender<Incoming>,
) where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    // Asked while the greeting is on its way. Root is nobody whatever its name is.
    let account = (uid != 0).then(|| tokio::spawn(account_of(uid)));
    let hello = match tokio::time::timeout(HANDSHAKE_MAX, receiver.next::<ToServer>()).await {
        Ok(Ok(Some(ToServer::Hello(hello)))) if hello.contract == CONTRACT => hello,
        Ok(Ok(Some(ToServer::Hello(hello)))) => {
            let theirs = hello.contract;
            let reason =
                format!("this session speaks contract {CONTRACT}, your program speaks {theirs}");
            return turn_away(&mut sender, &reason).await;
        }
        Ok(Ok(Some(_)) | Err(_)) => {
            let reason = "the first message is not a greeting this program understands";
            return turn_away(&mut sender, reason).await;
        }
        Ok(Ok(None)) => return,
        Err(_) => {
            let seconds = HANDSHAKE_MAX.as_secs();
            return turn_away(&mut sender, &format!("no greeting within {seconds} s")).await;
        }
    };
    let (frames, backlog) = queue();
    let (answer, answered) = oneshot::channel();
    let account = match account {
        Some(asking) => asking.await.ok().flatten(),
        None => None,
    };
    let joining = Joining {
        peer: Peer { uid, account },
        hello,
        queue: frames,
        answer,
    };
    let joining = Incoming::Joining(Box::new(joining));
    if inputs.send(joining).await.is_err() {
        return;
    }
    match answered.await {
        Ok(Ok(terminal)) => {
            let reading = read_all(receiver, terminal, &inputs);
            let writing = write_all(sender, backlog, terminal, &inputs);
            tokio::select! {
                () = reading => {}
                () = writing => {}
            }
            inputs.send(Incoming::Left { terminal }).await.ok();
        }
        Ok(Err(message)) => say(&mut sender, &message).await,
        Err(_) => {}
    }
}

/// The person of an account's name; asked of the host, which may ask a directory service that does not answer.
async fn account_of(uid: u32) -> Option<PersonId> {
    let asking = tokio::task::spawn_blocking(move || accounts::person_of_account(uid));
    if let Ok(account) = tokio::time::timeout(ACCOUNT_MAX, asking).await {
        return account.ok().flatten();
    }
    tracing::warn!(uid, "the host's directory of accounts does not answer");
    None
}

async fn turn_away<W: AsyncWrite + Unpin>(sender: &mut Sender<W>, reason: &str) {
    let program = crate::PROGRAM;
    let pid = std::process::id();
    // The program may have been replaced on disk under the running server: then its end is the way on, and loses nothing.
    let message = ToClient::TurnedAway {
        contract: CONTRACT,
        reason: reason.to_owned(),
        hint: format!(
            "attach with the program that started the session ({program}); where that is gone, end its server, `kill {pid}`, and take the session up with `warroom run -t NAME`: what it has done is in its journal, and what runs then is stopped"
        ),
    };
    say(sender, &message).await;
}

async fn say<W: AsyncWrite + Unpin>(sender: &mut Sender<W>, message: &ToClient) {
    tokio::time::timeout(HANDSHAKE_MAX, sender.send(message))
        .await
        .ok();
}

async fn read_all<R: AsyncRead + Unpin>(
    mut receiver: Receiver<R>,
    terminal: TerminalId,
    inputs: &mpsc::Sender<Incoming>,
) {
    loop {
        match receiver.next::<ToServer>().await {
            Ok(Some(message)) => {
                let message = Box::new(message);
                let said = Incoming::Said { terminal, message };
                if inputs.send(said).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(terminal = terminal.0, %error, "a client said something that could not be read");
                return;
            }
        }
    }
}

async fn write_all<W: AsyncWrite + Unpin>(
    mut sender: Sender<W>,
    mut backlog: Backlog,
    terminal: TerminalId,
    inputs: &mpsc::Sender<Incoming>,
) {
    while let Some(first) = backlog.next().await {
        if write_ready(&mut sender, &mut backlog, first).await.is_err() {
            return;
        }
        // The queue is empty: whoever had missed something can be told now. A session that has ended does not hear
        // it, but its goodbye may still be in the queue.
        if backlog.has_missed() {
            inputs.send(Incoming::Drained { terminal }).await.ok();
        }
    }
}

/// Writes all that is waiting with one flush. Each frame has its own time, so that a slow line is not a dead one.
async fn write_ready<W: AsyncWrite + Unpin>(
    sender: &mut Sender<W>,
    backlog: &mut Backlog,
    first: bytes::Bytes,
) -> Result<(), WireError> {
    let mut next = Some(first);
    let mut longest = WRITE_MAX;
    while let Some(frame) = next {
        longest = time_for(frame.len());
        in_time(longest, sender.feed(frame)).await?;
        next = backlog.ready();
    }
    in_time(longest, sender.flush()).await
}

fn time_for(bytes: usize) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    WRITE_MAX.saturating_add(Duration::from_secs(bytes / SLOWEST))
}

async fn in_time(
    limit: Duration,
    writing: impl Future<Output = Result<(), WireError>>,
) -> Result<(), WireError> {
    tokio::time::timeout(limit, writing)
        .await
        .unwrap_or_else(|_| Err(WireError::Io(std::io::ErrorKind::TimedOut.into())))
}

/// Words for the log: how a person was recognised.
pub(crate) fn describe(actor: &Actor) -> String {
    match actor {
        Actor::Person { .. } | Actor::Engine => actor.to_actor_text(),
        Actor::Account { uid } => format!("uid {uid} (nobody on the list of people)"),
    }
}
