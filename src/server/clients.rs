//! Attached clients and what is sent to them: bounded queues, so that a slow one is told and never waited for.

use crate::domain::fact::Actor;
use crate::domain::id::{PersonId, TerminalId};
use crate::wire::codec;
use crate::wire::message::ToClient;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Messages a client may be behind: some seconds of a busy session.
pub(crate) const QUEUE_MESSAGES: usize = 1024;
/// Bytes a client may be behind; a full snapshot of the largest runbook fits.
pub(crate) const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// Sending end of one client's queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    frames: mpsc::Sender<Bytes>,
    waiting: Arc<AtomicUsize>,
}

/// Receiving end, kept by the task that writes to the socket.
#[derive(Debug)]
pub(crate) struct Backlog {
    frames: mpsc::Receiver<Bytes>,
    waiting: Arc<AtomicUsize>,
}

/// Makes a queue.
pub(crate) fn queue() -> (Queue, Backlog) {
    let (send, receive) = mpsc::channel(QUEUE_MESSAGES);
    let waiting = Arc::new(AtomicUsize::new(0));
    (
        Queue {
            frames: send,
            waiting: Arc::clone(&waiting),
        },
        Backlog {
            frames: receive,
            waiting,
        },
    )
}

impl Queue {
    /// Puts a frame in; false when it is full or its reader has gone.
    fn put(&self, frame: Bytes) -> bool {
        let size = frame.len();
        if self.waiting.load(Ordering::Relaxed).saturating_add(size) > QUEUE_BYTES {
            return false;
        }
        self.waiting.fetch_add(size, Ordering::Relaxed);
        let is_in = self.frames.try_send(frame).is_ok();
        if !is_in {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
        }
        is_in
    }
}

impl Backlog {
    /// Next frame; `None` once the server has let the client go.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let frame = self.frames.recv().await?;
        self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
        Some(frame)
    }

    /// A frame that is there already.
    pub(crate) fn ready(&mut self) -> Option<Bytes> {
        let frame = self.frames.try_recv().ok()?;
        self.waiting.fetch_sub(frame.len(), Ordering::Relaxed);
        Some(frame)
    }
}

/// One attached client.
#[derive(Debug)]
pub(crate) struct Client {
    /// Whom the kernel says it is.
    pub(crate) actor: Actor,
    /// It may only look.
    pub(crate) read_only: bool,
    /// It is a person's terminal, not a script that asks for the state.
    pub(crate) is_terminal: bool,
    queue: Queue,
    lagged: bool,
}

/// All attached clients.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    clients: BTreeMap<TerminalId, Client>,
    last: u64,
}

impl Registry {
    /// Takes a client in and names its terminal.
    pub(crate) fn add(
        &mut self,
        actor: Actor,
        read_only: bool,
        is_terminal: bool,
        queue: Queue,
    ) -> TerminalId {
        self.last += 1;
        let id = TerminalId(self.last);
        self.clients.insert(
            id,
            Client {
                actor,
                read_only,
                is_terminal,
                queue,
                lagged: false,
            },
        );
        id
    }

    /// Terminal numbers go on after the highest one of an earlier server.
    pub(crate) fn continue_after(&mut self, highest: TerminalId) {
        self.last = self.last.max(highest.0);
    }

    /// Lets a client go.
    pub(crate) fn remove(&mut self, id: TerminalId) -> Option<Client> {
        self.clients.remove(&id)
    }

    /// A client.
    pub(crate) fn get(&self, id: TerminalId) -> Option<&Client> {
        self.clients.get(&id)
    }

    /// True when a person has a terminal here.
    pub(crate) fn has(&self, person: &PersonId) -> bool {
        self.clients
            .values()
            .any(|client| client.is_terminal && client.actor.person() == Some(person))
    }

    /// How many are attached.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// How many are attached from one account.
    pub(crate) fn of_uid(&self, uid: u32) -> usize {
        let via = format!("uid:{uid}");
        self.clients
            .values()
            .filter(|c| c.actor.to_via_text() == via)
            .count()
    }

    /// Sends a message to all. One that cannot take it misses everything until it has caught up.
    pub(crate) fn broadcast(&mut self, message: &ToClient) {
        if self.clients.is_empty() {
            return;
        }
        match codec::encode(message) {
            Ok(frame) => {
                for client in self.clients.values_mut().filter(|c| !c.lagged) {
                    client.lagged = !client.queue.put(frame.clone());
                }
            }
            Err(error) => tracing::error!(%error, "a message for all clients was not sent"),
        }
    }

    /// Sends messages to one, in order. False when it could not take all of them.
    pub(crate) fn send(&mut self, id: TerminalId, messages: &[ToClient]) -> bool {
        let Some(client) = self.clients.get_mut(&id) else {
            return false;
        };
        for message in messages {
            match codec::encode(message) {
                Ok(frame) if !client.lagged => client.lagged = !client.queue.put(frame),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a message for one client was not sent"),
            }
        }
        !client.lagged
    }

    /// Waits until every queue is empty.
    pub(crate) async fn drained(&self) {
        for client in self.clients.values() {
            while client.queue.waiting.load(Ordering::Relaxed) > 0
                && !client.queue.frames.is_closed()
            {
                tokio::task::yield_now().await;
            }
        }
    }

    /// A client that had been too slow has an empty queue again; true when it needs a new snapshot.
    pub(crate) fn caught_up(&mut self, id: TerminalId) -> bool {
        self.clients
            .get_mut(&id)
            .is_some_and(|client| std::mem::take(&mut client.lagged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lagged() -> ToClient {
        ToClient::Lagged
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_costs_the_others_nothing() {
        let mut registry = Registry::default();
        let (slow, _unread) = queue();
        let (quick, mut read) = queue();
        let slow = registry.add(Actor::Engine, false, true, slow);
        registry.add(Actor::Engine, false, true, quick);
        for _ in 0..QUEUE_MESSAGES + 10 {
            registry.broadcast(&lagged());
            assert!(read.ready().is_some());
        }
        assert!(registry.caught_up(slow), "the slow one was marked");
        assert!(
            !registry.caught_up(slow),
            "and is whole again after its snapshot"
        );
    }

    #[tokio::test]
    async fn a_queue_is_bounded_in_bytes() {
        let (queue, mut backlog) = queue();
        let big = Bytes::from(vec![0; QUEUE_BYTES]);
        assert!(queue.put(big));
        assert!(!queue.put(Bytes::from_static(b"x")));
        assert!(backlog.next().await.is_some());
        assert!(queue.put(Bytes::from_static(b"x")));
    }
}
