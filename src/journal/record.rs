//! A record in memory, how it is sealed, and how records follow each other.

use super::codec::{BODY_BYTES_MAX, HEADER_BYTES_MAX};
use super::error::{LinkError, RecordError};
use super::header;
use crate::domain::digest::Digest;
use crate::domain::id::{Seq, SessionId};
use crate::domain::time::Timestamp;
use std::borrow::Cow;

/// The header of a record: everything but the body, and the body's digest.
///
/// Shape: texts are decoded; they borrow from the file while reading, and are owned in a [`Record`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// The session this record belongs to.
    pub session: Cow<'a, SessionId>,
    /// Place in the journal, from 0.
    pub seq: Seq,
    /// Hash of the header before; nothing for record 0.
    pub prev: Option<Digest>,
    /// Wall clock of the server, UTC.
    pub time: Timestamp,
    /// Boot id of the server's host, so that `mono_ms` of different boots are never compared.
    pub boot: Cow<'a, str>,
    /// Milliseconds since boot.
    pub mono_ms: u64,
    /// Kind of fact, such as `step.proposed`: a letter, then a-z 0-9 `.` `_` `-`, at most 64.
    pub kind: Cow<'a, str>,
    /// The person, or the part of the server, that did it.
    pub actor: Cow<'a, str>,
    /// How the actor is known, such as `uid:1001`.
    pub via: Cow<'a, str>,
    /// Digest of the body.
    pub body: Digest,
    /// Length of the body in bytes.
    pub body_len: u64,
}

impl Header<'_> {
    /// The same header, free of what it was read from.
    pub fn into_owned(self) -> Header<'static> {
        Header {
            session: Cow::Owned(self.session.into_owned()),
            seq: self.seq,
            prev: self.prev,
            time: self.time,
            boot: Cow::Owned(self.boot.into_owned()),
            mono_ms: self.mono_ms,
            kind: Cow::Owned(self.kind.into_owned()),
            actor: Cow::Owned(self.actor.into_owned()),
            via: Cow::Owned(self.via.into_owned()),
            body: self.body,
            body_len: self.body_len,
        }
    }
}

/// When something happened, on all clocks.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// Wall clock, UTC.
    pub time: Timestamp,
    /// Boot id of this host.
    pub boot: &'a str,
    /// Milliseconds since boot.
    pub mono_ms: u64,
}

/// What a record says, before it has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Kind of fact.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// How the actor is known.
    pub via: String,
    /// The fact itself; at most [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

/// A sealed record: header, body, and the header's hash, which fit each other. Only [`seal`] and reading make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    header: Header<'static>,
    header_bytes: Vec<u8>,
    body: Vec<u8>,
    hash: Digest,
}

impl Record {
    pub(super) const fn from_parts(
        header: Header<'static>,
        header_bytes: Vec<u8>,
        body: Vec<u8>,
        hash: Digest,
    ) -> Self {
        Self {
            header,
            header_bytes,
            body,
            hash,
        }
    }

    /// The header.
    pub const fn header(&self) -> &Header<'static> {
        &self.header
    }

    /// The header as it is hashed and written.
    pub fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// SHA-256 of the header bytes: the name of this record in the next one.
    pub const fn hash(&self) -> Digest {
        self.hash
    }
}

/// Makes the record at place `seq` behind the record with hash `prev`. Pure: the same values give the same bytes.
///
/// # Errors
/// [`RecordError`] when header or body break a limit or the grammar, so that nothing is written that could not be
/// read back.
pub fn seal(
    session: &SessionId,
    seq: Seq,
    prev: Option<Digest>,
    stamp: Stamp<'_>,
    content: Content,
) -> Result<Record, RecordError> {
    let Content {
        kind,
        actor,
        via,
        body,
    } = content;
    let shown = || {
        kind.chars()
            .filter(char::is_ascii_graphic)
            .take(64)
            .collect::<String>()
    };
    if body.len() > BODY_BYTES_MAX {
        return Err(RecordError::BodyTooLong { kind: shown() });
    }
    let header = Header {
        session: Cow::Owned(session.clone()),
        seq,
        prev,
        time: stamp.time,
        boot: Cow::Owned(stamp.boot.to_owned()),
        mono_ms: stamp.mono_ms,
        kind: Cow::Borrowed(kind.as_str()),
        actor: Cow::Owned(actor),
        via: Cow::Owned(via),
        body: Digest::of(&body),
        body_len: u64::try_from(body.len()).unwrap_or(u64::MAX),
    };
    let refuse = |source| RecordError::Header {
        kind: shown(),
        source,
    };
    let bytes = header::print(&header).map_err(refuse)?;
    if bytes.len() > HEADER_BYTES_MAX {
        return Err(RecordError::HeaderTooLong { kind: shown() });
    }
    if header::parse(&bytes, Some(session)).map_err(refuse)? != header {
        return Err(RecordError::Changed { kind: shown() });
    }
    let hash = Digest::of(&bytes);
    Ok(Record::from_parts(header.into_owned(), bytes, body, hash))
}

/// The end of a journal: what the next record must follow. The default is the empty journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    pub(super) session: Option<SessionId>,
    pub(super) next: Seq,
    pub(super) prev: Option<Digest>,
}

impl Chain {
    /// The session, known from the first record on.
    pub const fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// The number of the next record, which is the count of records so far.
    pub const fn next(&self) -> Seq {
        self.next
    }

    /// The hash of the newest record; nothing in an empty journal.
    pub const fn prev(&self) -> Option<Digest> {
        self.prev
    }

    /// Moves on by a record.
    ///
    /// # Errors
    /// [`LinkError`] when the record is not the next one of this chain; the chain is as before then.
    pub fn accept(&mut self, record: &Record) -> Result<(), LinkError> {
        let header = record.header();
        self.check(header)?;
        self.session
            .get_or_insert_with(|| header.session.clone().into_owned());
        self.next = self.next.next();
        self.prev = Some(record.hash());
        Ok(())
    }

    /// Session, number and hash of the record before, against a header.
    pub(super) fn check(&self, header: &Header<'_>) -> Result<(), LinkError> {
        if self.session().is_some_and(|s| *s != *header.session) {
            return Err(LinkError::Session);
        }
        if header.seq != self.next {
            return Err(LinkError::Seq {
                expected: self.next,
                found: header.seq,
            });
        }
        if header.prev != self.prev {
            return Err(LinkError::Prev {
                expected: self.prev,
            });
        }
        Ok(())
    }
}
