//! Reading single records of a journal that is being written.

use super::codec;
use super::error::{Damage, Flaw, ReadError};
use super::record::{Chain, Record};
use super::writer::Reserve;
use crate::domain::id::Seq;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is durable. The writer moves it on after each sync; everybody else only looks.
#[derive(Debug)]
pub(super) struct Durable {
    pub(super) chain: Chain,
    /// First byte of each record, by number: 8 bytes for a record of several hundred.
    pub(super) offsets: Vec<u64>,
    pub(super) len: u64,
    pub(super) reserve: Reserve,
}

/// [`Durable`] as writer and readers share it. Nobody holds it over a read, a write or a sync.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<Durable>>);

impl Shared {
    pub(super) fn new(durable: Durable) -> Self {
        Self(Arc::new(Mutex::new(durable)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Durable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what is durable of a journal, beside its writer and without a scan. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Log {
    file: Arc<File>,
    shared: Shared,
}

impl Log {
    pub(super) fn new(file: File, shared: Shared) -> Self {
        Self {
            file: Arc::new(file),
            shared,
        }
    }

    /// The end of what is durable.
    pub fn chain(&self) -> Chain {
        self.shared.lock().chain.clone()
    }

    /// Length in bytes of what is durable.
    pub fn bytes(&self) -> u64 {
        self.shared.lock().len
    }

    /// Reads one durable record and checks it again. Blocks for a read of the disk.
    ///
    /// # Errors
    /// [`ReadError::NoSuchRecord`] behind the end; [`ReadError::Damage`] and [`ReadError::Io`] as for a scan.
    pub fn read(&self, seq: Seq) -> Result<Record, ReadError> {
        let record = seq.0;
        let (session, offset, end) = {
            let durable = self.shared.lock();
            let place = usize::try_from(record).unwrap_or(usize::MAX);
            let Some(offset) = durable.offsets.get(place).copied() else {
                return Err(ReadError::NoSuchRecord { record });
            };
            let next = durable.offsets.get(place.saturating_add(1)).copied();
            (
                durable.chain.session().cloned(),
                offset,
                next.unwrap_or(durable.len),
            )
        };
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(offset)).unwrap_or(0)];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|source| ReadError::Io {
                offset,
                record,
                source,
            })?;
        let damage = |(at, flaw): (usize, Flaw)| Damage {
            offset: offset.saturating_add(u64::try_from(at).unwrap_or(u64::MAX)),
            record,
            flaw,
        };
        let frame = codec::read_frame(&bytes)
            .and_then(|frame| {
                frame
                    .filter(|f| f.record_len() == bytes.len())
                    .ok_or(Flaw::Frame)
            })
            .map_err(|flaw| damage((0, flaw)))?;
        let parts = codec::read_record(&bytes, frame, session.as_ref()).map_err(damage)?;
        if parts.header.seq != seq {
            return Err(damage((0, Flaw::Disagree)).into());
        }
        Ok(parts.into_record())
    }
}
