//! Attached clients and what is sent to them: bounded queues, so that a slow one is told and never waited for.

use crate::domain::board::SERIES_MAX;
use crate::domain::command::Refusal;
use crate::domain::confirm::statement::Hello;
use crate::domain::fact::{Actor, Stamped, Terms};
use crate::domain::id::{PersonId, TerminalId};
use crate::domain::reading::Reading;
use crate::wire::codec::{self, WireError};
use crate::wire::message::ToClient;
use crate::wire::policy::PolicyView;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Messages a client may be behind: some seconds of a busy session.
pub(crate) const QUEUE_MESSAGES: usize = 1024;
/// Bytes a client may be behind; the longest snapshot fits twice.
pub(crate) const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// Answers kept for a client that is behind: more than a person asks for while the screen stands still.
const OWED_MAX: usize = 64;

/// What both ends of a queue know. Sequentially consistent throughout: the session marks a client and then looks
/// whether its queue is empty, the writing task empties it and then looks for the mark, and one of them must see it.
#[derive(Debug, Default)]
struct Shared {
    /// Bytes in the queue.
    waiting: AtomicUsize,
    /// The client has missed something since it was last sent everything.
    missed: AtomicBool,
}

/// Sending end of one client's queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    frames: mpsc::Sender<Bytes>,
    shared: Arc<Shared>,
}

/// Receiving end, kept by the task that writes to the socket.
#[derive(Debug)]
pub(crate) struct Backlog {
    frames: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
}

/// Makes a queue.
pub(crate) fn queue() -> (Queue, Backlog) {
    let (send, receive) = mpsc::channel(QUEUE_MESSAGES);
    let shared = Arc::new(Shared::default());
    (
        Queue {
            frames: send,
            shared: Arc::clone(&shared),
        },
        Backlog {
            frames: receive,
            shared,
        },
    )
}

impl Queue {
    /// Puts a frame in; false when it is full or its reader has gone.
    fn put(&self, frame: Bytes) -> bool {
        let size = frame.len();
        let waiting = &self.shared.waiting;
        if waiting.load(Ordering::SeqCst).saturating_add(size) > QUEUE_BYTES {
            return false;
        }
        waiting.fetch_add(size, Ordering::SeqCst);
        let is_in = self.frames.try_send(frame).is_ok();
        if !is_in {
            waiting.fetch_sub(size, Ordering::SeqCst);
        }
        is_in
    }

    /// Everything that was put in has been taken out.
    fn is_empty(&self) -> bool {
        self.shared.waiting.load(Ordering::SeqCst) == 0
    }

    /// Marks the client as one that has missed something, or has not.
    fn mark(&self, missed: bool) {
        self.shared.missed.store(missed, Ordering::SeqCst);
    }

    fn has_missed(&self) -> bool {
        self.shared.missed.load(Ordering::SeqCst)
    }
}

impl Backlog {
    /// Next frame; `None` once the server has let the client go.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let frame = self.frames.recv().await?;
        self.shared.waiting.fetch_sub(frame.len(), Ordering::SeqCst);
        Some(frame)
    }

    /// A frame that is there already.
    pub(crate) fn ready(&mut self) -> Option<Bytes> {
        let frame = self.frames.try_recv().ok()?;
        self.shared.waiting.fetch_sub(frame.len(), Ordering::SeqCst);
        Some(frame)
    }

    /// The client has missed something: with its queue empty, the session has to be told.
    pub(crate) fn has_missed(&self) -> bool {
        self.shared.missed.load(Ordering::SeqCst)
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
    /// Answers it could not take; they follow its next snapshot.
    owed: VecDeque<(u64, Option<Refusal>)>,
    /// What it was told of the policy last.
    told: Option<PolicyView>,
    /// What it was asked to sign last, to say who is there.
    pub(crate) hello: Option<Hello>,
    /// The account of its connection, by the kernel's word.
    pub(crate) peer_uid: u32,
    /// What its person is asked to sign before it is proposed.
    pub(crate) draft: Option<Drafted>,
}

/// A proposal that waits for its proposer's signature.
#[derive(Debug, Clone)]
pub(crate) struct Drafted {
    /// What was sent to be signed.
    pub(crate) terms: Terms,
    /// The plan behind it.
    pub(crate) plan: String,
}

impl Client {
    /// A client that has missed nothing yet.
    pub(crate) fn new(
        actor: Actor,
        peer_uid: u32,
        (read_only, is_terminal): (bool, bool),
        queue: Queue,
    ) -> Self {
        Self {
            actor,
            read_only,
            is_terminal,
            queue,
            owed: VecDeque::new(),
            told: None,
            hello: None,
            peer_uid,
            draft: None,
        }
    }

    /// Puts a frame in its queue, unless it has missed something and must start over first.
    fn put(&mut self, frame: Bytes) {
        if !self.queue.has_missed() && !self.queue.put(frame) {
            self.queue.mark(true);
        }
    }
}

/// All attached clients.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    clients: BTreeMap<TerminalId, Client>,
    last: u64,
}

impl Registry {
    /// Takes a client in and names its terminal.
    pub(crate) fn add(&mut self, client: Client) -> TerminalId {
        self.last += 1;
        let id = TerminalId(self.last);
        self.clients.insert(id, client);
        id
    }

    /// Terminal numbers go on after the highest one of an earlier server.
    pub(crate) fn continue_after(&mut self, highest: TerminalId) {
        self.last = self.last.max(highest.0);
    }

    /// Lets a client go.
    pub(crate) fn remove(&mut self, id: TerminalId) {
        self.clients.remove(&id);
    }

    /// A client.
    pub(crate) fn get(&self, id: TerminalId) -> Option<&Client> {
        self.clients.get(&id)
    }

    /// A client, to note what it was asked to sign.
    pub(crate) fn get_mut(&mut self, id: TerminalId) -> Option<&mut Client> {
        self.clients.get_mut(&id)
    }

    /// Takes a terminal for somebody else from now on.
    pub(crate) fn rename(&mut self, id: TerminalId, actor: Actor, read_only: bool) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.actor = actor;
            client.read_only = read_only;
        }
    }

    /// Notes what a client is told of the policy; true when it was told the same before.
    pub(crate) fn is_told(&mut self, id: TerminalId, policy: &PolicyView) -> bool {
        let Some(client) = self.clients.get_mut(&id) else {
            return true;
        };
        let is_same = client.told.as_ref() == Some(policy) && !client.queue.has_missed();
        client.told = Some(policy.clone());
        is_same
    }

    /// Clients that are people's terminals.
    pub(crate) fn terminals(&self) -> impl Iterator<Item = (TerminalId, &Client)> {
        self.clients
            .iter()
            .filter(|(_, client)| client.is_terminal)
            .map(|(id, client)| (*id, client))
    }

    /// True for an attached terminal.
    pub(crate) fn is_terminal(&self, id: TerminalId) -> bool {
        self.get(id).is_some_and(|client| client.is_terminal)
    }

    /// True when a person has a terminal here.
    pub(crate) fn has(&self, person: &PersonId) -> bool {
        self.terminals()
            .any(|(_, client)| client.actor.person() == Some(person))
    }

    /// Sends a message to all. One that cannot take it misses everything until it has caught up.
    pub(crate) fn broadcast(&mut self, message: &ToClient) {
        if self.clients.is_empty() {
            return;
        }
        match codec::encode(message) {
            Ok(frame) => {
                for client in self.clients.values_mut() {
                    client.put(frame.clone());
                }
            }
            Err(error) => self.all_missed(&error),
        }
    }

    /// Sends facts to all, in as many messages as they need.
    pub(crate) fn broadcast_facts(&mut self, facts: &[Stamped]) {
        self.broadcast_parts(facts, ToClient::Facts);
    }

    /// Sends readings to all, in as many messages as they need, without what no screen keeps.
    pub(crate) fn broadcast_readings(&mut self, mut readings: Vec<Reading>) {
        if self.clients.is_empty() {
            return;
        }
        readings.iter_mut().for_each(trim);
        self.broadcast_parts(&readings, ToClient::Readings);
    }

    fn broadcast_parts<T: Clone>(&mut self, parts: &[T], wrap: fn(Vec<T>) -> ToClient) {
        if parts.is_empty() || self.clients.is_empty() {
            return;
        }
        match codec::encode(&wrap(parts.to_vec())) {
            Ok(frame) => {
                for client in self.clients.values_mut() {
                    client.put(frame.clone());
                }
            }
            Err(WireError::TooLong(_)) if parts.len() > 1 => {
                let (first, second) = parts.split_at(parts.len() / 2);
                self.broadcast_parts(first, wrap);
                self.broadcast_parts(second, wrap);
            }
            Err(error) => self.all_missed(&error),
        }
    }

    /// A message that fits no frame is in the next snapshot all the same.
    fn all_missed(&mut self, error: &WireError) {
        tracing::warn!(%error, "a message for all clients is sent as a snapshot");
        for client in self.clients.values_mut() {
            client.queue.mark(true);
        }
    }

    /// Sends a message to one.
    pub(crate) fn send(&mut self, id: TerminalId, message: &ToClient) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        match codec::encode(message) {
            Ok(frame) => client.put(frame),
            Err(error) => tracing::error!(%error, "a message for one client was not sent"),
        }
    }

    /// Answers an ask; a client that is behind gets its answer when it has caught up.
    pub(crate) fn reply(&mut self, id: TerminalId, number: u64, refused: Option<Refusal>) {
        let message = ToClient::Reply {
            number,
            refused: refused.clone(),
        };
        self.send(id, &message);
        if let Some(client) = self.clients.get_mut(&id).filter(|c| c.queue.has_missed()) {
            if client.owed.len() >= OWED_MAX {
                client.owed.pop_front();
            }
            client.owed.push_back((number, refused));
        }
    }

    /// Clients that have missed something and whose queue is empty, so that nothing else will wake them.
    pub(crate) fn stranded(&self) -> Vec<TerminalId> {
        self.clients
            .iter()
            .filter(|(_, client)| client.queue.has_missed() && client.queue.is_empty())
            .map(|(id, _)| *id)
            .collect()
    }

    /// True when a client has missed something.
    pub(crate) fn has_missed(&self, id: TerminalId) -> bool {
        self.get(id).is_some_and(|client| client.queue.has_missed())
    }

    /// Sends a client everything anew: `frames`, then the answers it is owed. A client whose queue cannot take them
    /// although it is empty never will; it is told and let go.
    pub(crate) fn start_over(&mut self, id: TerminalId, frames: Vec<Bytes>) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        client.queue.mark(false);
        for frame in frames {
            client.put(frame);
        }
        if client.queue.has_missed() {
            self.dismiss(
                id,
                "the state of this session does not fit what a terminal is sent",
            );
            return;
        }
        for (number, refused) in std::mem::take(&mut client.owed) {
            self.reply(id, number, refused);
        }
    }

    /// Says goodbye to one client and lets it go.
    pub(crate) fn dismiss(&mut self, id: TerminalId, reason: &str) {
        tracing::error!(terminal = id.0, reason, "a client is let go");
        let bye = ToClient::Bye {
            reason: reason.to_owned(),
        };
        if let (Some(client), Ok(frame)) = (self.clients.remove(&id), codec::encode(&bye)) {
            client.queue.put(frame);
        }
    }
}

/// Leaves out series that the board of a client would not keep either.
fn trim(reading: &mut Reading) {
    let Reading::Queries { answers, .. } = reading else {
        return;
    };
    for answer in answers {
        if let Ok(series) = &mut answer.result {
            let over = series.len().saturating_sub(SERIES_MAX);
            answer.dropped = answer.dropped.saturating_add(over);
            series.truncate(SERIES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> (Client, Backlog) {
        let (queue, backlog) = queue();
        (Client::new(Actor::Engine, 0, (false, true), queue), backlog)
    }

    fn messages(backlog: &mut Backlog) -> Vec<ToClient> {
        std::iter::from_fn(|| backlog.ready())
            .map(|frame| codec::decode(&frame).expect("ours"))
            .collect()
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_costs_the_others_nothing() {
        let mut registry = Registry::default();
        let (slow, mut unread) = client();
        let (quick, mut read) = client();
        let slow = registry.add(slow);
        registry.add(quick);
        for _ in 0..QUEUE_MESSAGES + 10 {
            registry.broadcast(&ToClient::Lagged);
            assert!(read.ready().is_some());
        }
        assert!(registry.has_missed(slow), "the slow one was marked");
        assert_eq!(registry.stranded(), [], "it has something to read yet");
        registry.reply(slow, 7, None);
        while unread.ready().is_some() {}
        registry.start_over(slow, vec![codec::encode(&ToClient::Lagged).expect("fits")]);
        assert!(!registry.has_missed(slow), "whole again");
        let answer = ToClient::Reply {
            number: 7,
            refused: None,
        };
        assert_eq!(
            messages(&mut unread),
            [ToClient::Lagged, answer],
            "with the answer it was owed"
        );
    }

    #[tokio::test]
    async fn who_writes_to_a_client_sees_that_it_has_missed_something_and_that_it_is_whole_again() {
        let mut registry = Registry::default();
        let (slow, mut unread) = client();
        let id = registry.add(slow);
        for _ in 0..QUEUE_MESSAGES {
            registry.broadcast(&ToClient::Lagged);
        }
        assert!(!unread.has_missed(), "it is only behind");
        registry.broadcast(&ToClient::Lagged);
        assert!(unread.has_missed());
        while unread.ready().is_some() {}
        registry.start_over(id, Vec::new());
        assert!(!unread.has_missed());
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

    #[tokio::test]
    async fn a_client_that_can_never_be_brought_up_to_date_is_told_and_let_go() {
        let mut registry = Registry::default();
        let (client, mut backlog) = client();
        let id = registry.add(client);
        registry.start_over(id, vec![Bytes::from(vec![b' '; QUEUE_BYTES + 1])]);
        assert!(registry.get(id).is_none());
        assert!(matches!(messages(&mut backlog)[..], [ToClient::Bye { .. }]));
    }

    #[tokio::test]
    async fn what_fits_no_frame_strands_everybody_until_a_snapshot() {
        let mut registry = Registry::default();
        let (client, _backlog) = client();
        let id = registry.add(client);
        registry.broadcast(&ToClient::Bye {
            reason: "x".repeat(crate::wire::FRAME_MAX),
        });
        assert_eq!(registry.stranded(), [id]);
    }

    #[tokio::test]
    async fn many_facts_go_in_several_messages_and_in_order() {
        let mut registry = Registry::default();
        let (client, mut backlog) = client();
        registry.add(client);
        let fact = |seq| Stamped {
            seq: crate::domain::id::Seq(seq),
            hash: crate::domain::digest::Digest::of(b""),
            at: crate::domain::time::Moment::default(),
            actor: Actor::Engine,
            fact: crate::domain::fact::Fact::SessionClosed {
                reason: "x".repeat(400 * 1024),
            },
        };
        registry.broadcast_facts(&(0..5).map(fact).collect::<Vec<_>>());
        let got = messages(&mut backlog);
        assert!(got.len() > 1);
        let seqs: Vec<u64> = got
            .into_iter()
            .flat_map(|message| match message {
                ToClient::Facts(facts) => facts,
                other => panic!("{other:?}"),
            })
            .map(|fact| fact.seq.0)
            .collect();
        assert_eq!(seqs, [0, 1, 2, 3, 4]);
    }
}
