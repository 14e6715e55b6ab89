//! This terminal as a witness: it follows the chain of the journal header by header, keeps the newest checkpoint, and
//! says so when a session's journal is shorter than, or another one than, what was seen before (`TWO_PERSON` 5.5).
//!
//! On first sight a session is believed from its newest record on; from then on nothing is.

mod store;

pub use store::Store;

use crate::domain::confirm::checkpoint::{Checkpoint, NAMESPACE};
use crate::domain::digest::Digest;
use crate::domain::doc::{Doc, parse_number};
use crate::domain::id::{Seq, SessionId};
use crate::evidence::session_key;
use crate::ui::room::{Room, Seen};
use crate::wire::message::{SignedCheckpoint, ToServer};
use store::Kept;

/// Headers asked for at a time; the server gives as many as fit one message.
const HEADERS_MAX: u32 = 500;

/// What one terminal has verified of one session.
#[derive(Debug, Default)]
pub(super) struct Witness {
    store: Option<Store>,
    session: Option<SessionId>,
    /// Public half of the session's key, as it was on first sight.
    key: Option<String>,
    /// Newest record of the verified chain.
    verified: Option<(Seq, Digest)>,
    /// A checkpoint whose record has not been reached yet.
    waiting: Option<(Checkpoint, SignedCheckpoint)>,
    /// Headers are on their way.
    is_asking: bool,
    /// Newest record a checkpoint was kept of, until the server was told.
    kept: Option<Seq>,
}

impl Witness {
    pub(super) const fn new(store: Option<Store>) -> Self {
        Self {
            store,
            session: None,
            key: None,
            verified: None,
            waiting: None,
            is_asking: false,
            kept: None,
        }
    }

    /// A session, seen for the first time, again, or anew after a lost connection.
    pub(super) fn on_up(&mut self, room: &mut Room) -> Option<ToServer> {
        let genesis = &room.state.genesis;
        self.is_asking = false;
        self.waiting = None;
        if self.session.as_ref() != Some(&genesis.session) {
            self.session = Some(genesis.session.clone());
            self.key.clone_from(&genesis.session_key);
            self.verified = None;
            let kept = self
                .store
                .as_ref()
                .map(|store| store.load(&genesis.session));
            match kept {
                Some(Ok(Some(kept))) => {
                    if Some(&kept.key) != genesis.session_key.as_ref() {
                        room.seen = Seen::Fault(
                            "its key is another one than when you saw it before".to_owned(),
                        );
                        return None;
                    }
                    self.verified = Some(kept.head);
                }
                Some(Err(error)) => tracing::warn!(%error, "what was seen before cannot be read"),
                Some(Ok(None)) | None => {}
            }
        }
        let Some((seq, hash)) = self.verified else {
            self.verified = Some(room.state.head);
            room.seen = Seen::Since(room.state.head.0);
            return None;
        };
        self.is_asking = true;
        Some(ToServer::Seen { seq, hash })
    }

    /// Headers that were asked for.
    pub(super) fn on_headers(
        &mut self,
        from: Seq,
        headers: &[String],
        room: &mut Room,
    ) -> Option<ToServer> {
        let (seq, hash) = self.verified?;
        if !std::mem::take(&mut self.is_asking) {
            return None;
        }
        if from != seq.next() {
            let head = room.state.head.0;
            return fault(
                room,
                format!(
                    "you have seen record {seq} of it, and it is not in this journal, which ends with {head}"
                ),
            );
        }
        let mut newest = (seq, hash);
        for header in headers {
            match follow(newest, header, self.session.as_ref()) {
                Some(next) => newest = next,
                None => {
                    return fault(
                        room,
                        format!(
                            "record {} does not follow what you have seen",
                            newest.0.next()
                        ),
                    );
                }
            }
            if let Some(told) = told_hash(room, newest.0)
                && told != newest.1
            {
                return fault(
                    room,
                    format!("record {} is another one than you were shown", newest.0),
                );
            }
        }
        self.verified = Some(newest);
        if headers.is_empty() && newest.0 < room.state.head.0 {
            return fault(
                room,
                format!("the records after {} are kept from you", newest.0),
            );
        }
        room.seen = Seen::Since(newest.0);
        self.settle_waiting(room);
        self.ask_on(room)
    }

    /// A checkpoint of the session.
    pub(super) fn on_checkpoint(
        &mut self,
        signed: SignedCheckpoint,
        room: &mut Room,
    ) -> Option<ToServer> {
        let key = self.key.as_deref()?;
        let checkpoint = Checkpoint::parse(&signed.document)
            .ok()
            .filter(|checkpoint| {
                let genesis = &room.state.genesis;
                checkpoint.session == genesis.session
                    && checkpoint.genesis == room.state.genesis_hash
                    && session_key::is_signed(key, NAMESPACE, &signed.document, &signed.signature)
            });
        let Some(checkpoint) = checkpoint else {
            return fault(
                room,
                "a checkpoint is not signed by the key of this session".to_owned(),
            );
        };
        self.waiting = Some((checkpoint, signed));
        self.settle_waiting(room);
        self.ask_on(room)
    }

    /// What the server is told once a checkpoint is kept here.
    pub(super) fn take_kept(&mut self) -> Option<ToServer> {
        self.kept.take().map(|seq| ToServer::Kept { seq })
    }

    /// Facts have come; what they are called is checked when their headers are.
    pub(super) fn on_facts(&mut self, room: &Room) -> Option<ToServer> {
        let proposed = room
            .state
            .proposal
            .as_ref()
            .and_then(|open| open.proposed)?;
        let (seq, _) = self.verified?;
        (proposed.0 > seq).then(|| self.ask(seq)).flatten()
    }

    /// Compares a waiting checkpoint with the chain once it is long enough, and keeps it.
    fn settle_waiting(&mut self, room: &mut Room) {
        let (Some((checkpoint, signed)), Some(verified)) = (&self.waiting, self.verified) else {
            return;
        };
        if checkpoint.head.0 > verified.0 {
            return;
        }
        if checkpoint.head.0 == verified.0 {
            if checkpoint.head.1 != verified.1 {
                room.seen =
                    Seen::Fault("a checkpoint names another record than the journal".to_owned());
                return;
            }
            let kept = Kept {
                head: verified,
                key: self.key.clone().unwrap_or_default(),
                signed: signed.clone(),
            };
            if let (Some(store), Some(session)) = (&self.store, &self.session) {
                match store.keep(session, &kept) {
                    Ok(()) => self.kept = Some(verified.0),
                    Err(error) => tracing::warn!(%error, "a checkpoint could not be kept"),
                }
            }
        }
        self.waiting = None;
    }

    /// Asks for what is missing up to the newest checkpoint and the open proposal.
    fn ask_on(&mut self, room: &Room) -> Option<ToServer> {
        if matches!(room.seen, Seen::Fault(_)) {
            return None;
        }
        let (seq, _) = self.verified?;
        let checkpoint = self
            .waiting
            .as_ref()
            .map(|(checkpoint, _)| checkpoint.head.0);
        let proposal = room.state.proposal.as_ref().and_then(|open| open.proposed);
        let wanted = checkpoint.max(proposal.map(|(seq, _)| seq))?;
        (wanted > seq).then(|| self.ask(seq)).flatten()
    }

    fn ask(&mut self, seq: Seq) -> Option<ToServer> {
        if std::mem::replace(&mut self.is_asking, true) {
            return None;
        }
        Some(ToServer::Headers {
            from: seq.next(),
            count: HEADERS_MAX,
        })
    }
}

fn fault(room: &mut Room, what: String) -> Option<ToServer> {
    room.seen = Seen::Fault(what);
    None
}

/// The place of a header behind a record, when it follows it.
fn follow(
    (seq, hash): (Seq, Digest),
    header: &str,
    session: Option<&SessionId>,
) -> Option<(Seq, Digest)> {
    let doc = Doc::parse(header.as_bytes()).ok()?;
    doc.expect_title("warroom-event", 1).ok()?;
    let text = |key: &str| {
        doc.get(key)
            .and_then(|value| std::str::from_utf8(value).ok())
    };
    let follows = text("prev") == Some(hash.to_string().as_str())
        && parse_number(doc.get("seq")?) == Some(seq.next().0)
        && text("session") == session.map(SessionId::as_str);
    follows.then(|| (seq.next(), Digest::of(header.as_bytes())))
}

/// What this terminal was told the hash of a record is.
fn told_hash(room: &Room, seq: Seq) -> Option<Digest> {
    if room.state.head.0 == seq {
        return Some(room.state.head.1);
    }
    let first = room.recent.front()?.seq;
    let place = usize::try_from(seq.0.checked_sub(first.0)?).ok()?;
    let record = room.recent.get(place)?;
    (record.seq == seq).then_some(record.hash)
}

#[cfg(test)]
mod tests;
