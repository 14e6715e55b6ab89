//! One connection: handshake, then one task that reads and one that writes.

use super::clients::{Backlog, Queue, queue};
use super::input::Incoming;
use crate::domain::fact::Actor;
use crate::domain::id::TerminalId;
use crate::wire::CONTRACT;
use crate::wire::codec::{Receiver, Sender, WireError};
use crate::wire::message::{Hello, ToClient, ToServer};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

/// Time a peer has for its first message (`TWO_PERSON` 8.1).
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// Time a frame may take to leave: a peer that takes none for so long is gone, whatever its socket says.
const WRITE_MAX: Duration = Duration::from_secs(60);

/// What the server knows of a peer before it has said anything: the kernel's word.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Effective uid at connect.
    pub(crate) uid: u32,
}

/// A client that has passed the handshake, handed to the session task.
#[derive(Debug)]
pub(crate) struct Joining {
    /// The kernel's word on who it is.
    pub(crate) peer: Peer,
    /// What it said.
    pub(crate) hello: Hello,
    /// Where its messages go.
    pub(crate) queue: Queue,
    /// The terminal's number, or why it is turned away.
    pub(crate) answer: oneshot::Sender<Result<TerminalId, ToClient>>,
}

/// Serves one connection to its end.
pub(crate) async fn serve<S>(stream: S, peer: Peer, inputs: mpsc::Sender<Incoming>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (read, write) = tokio::io::split(stream);
    let mut receiver = Receiver::new(read);
    let mut sender = Sender::new(write);
    let hello = match tokio::time::timeout(HANDSHAKE_MAX, receiver.next::<ToServer>()).await {
        Ok(Ok(Some(ToServer::Hello(hello)))) => hello,
        Ok(Ok(Some(_)) | Err(_)) => {
            turn_away(
                &mut sender,
                "the first message is not a greeting this program understands",
            )
            .await;
            return;
        }
        Ok(Ok(None)) | Err(_) => return,
    };
    if hello.contract != CONTRACT {
        let reason = format!(
            "this session speaks contract {CONTRACT}, your program speaks {}",
            hello.contract
        );
        turn_away(&mut sender, &reason).await;
        return;
    }
    let (frames, backlog) = queue();
    let (answer, answered) = oneshot::channel();
    let joining = Joining {
        peer,
        hello,
        queue: frames,
        answer,
    };
    if inputs
        .send(Incoming::Joining(Box::new(joining)))
        .await
        .is_err()
    {
        return;
    }
    match answered.await {
        Ok(Ok(terminal)) => {
            let writing = tokio::spawn(write_all(sender, backlog, terminal, inputs.clone()));
            read_all(receiver, terminal, &inputs, writing).await;
        }
        Ok(Err(message)) => {
            tokio::time::timeout(HANDSHAKE_MAX, sender.send(&message))
                .await
                .ok();
        }
        Err(_) => {}
    }
}

async fn turn_away<W: AsyncWrite + Unpin>(sender: &mut Sender<W>, reason: &str) {
    let message = ToClient::TurnedAway {
        contract: CONTRACT,
        reason: reason.to_owned(),
        hint: format!(
            "attach with the program that started the session ({})",
            crate::PROGRAM
        ),
    };
    tokio::time::timeout(HANDSHAKE_MAX, sender.send(&message))
        .await
        .ok();
}

async fn read_all<R: AsyncRead + Unpin>(
    mut receiver: Receiver<R>,
    terminal: TerminalId,
    inputs: &mpsc::Sender<Incoming>,
    mut writing: tokio::task::JoinHandle<()>,
) {
    loop {
        let next = tokio::select! {
            next = receiver.next::<ToServer>() => next,
            _ = &mut writing => break,
        };
        match next {
            Ok(Some(message)) => {
                if inputs
                    .send(Incoming::Said {
                        terminal,
                        message: Box::new(message),
                    })
                    .await
                    .is_err()
                {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(terminal = terminal.0, %error, "a client said something that could not be read");
                break;
            }
        }
    }
    writing.abort();
    inputs.send(Incoming::Left { terminal }).await.ok();
}

async fn write_all<W: AsyncWrite + Unpin>(
    mut sender: Sender<W>,
    mut backlog: Backlog,
    terminal: TerminalId,
    inputs: mpsc::Sender<Incoming>,
) {
    while let Some(first) = backlog.next().await {
        match tokio::time::timeout(WRITE_MAX, write_ready(&mut sender, &mut backlog, first)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => break,
        }
        // The queue is empty: whoever had missed something can be told now.
        if inputs.send(Incoming::Drained { terminal }).await.is_err() {
            break;
        }
    }
}

/// Writes all that is waiting with one flush.
async fn write_ready<W: AsyncWrite + Unpin>(
    sender: &mut Sender<W>,
    backlog: &mut Backlog,
    first: bytes::Bytes,
) -> Result<(), WireError> {
    sender.feed(first).await?;
    while let Some(frame) = backlog.ready() {
        sender.feed(frame).await?;
    }
    sender.flush().await
}

/// Words for the status line: how a person was recognised.
pub(crate) fn describe(actor: &Actor) -> String {
    match actor {
        Actor::Person { .. } | Actor::Engine => actor.to_actor_text(),
        Actor::Account { uid } => format!("uid {uid} (nobody on the list of people)"),
    }
}
