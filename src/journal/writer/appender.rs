//! What the writer's thread does: staging, group commit, space, and undoing what failed.

use super::super::codec;
use super::super::error::AppendError;
use super::super::index::Shared;
use super::super::reader::JOURNAL_BYTES_MAX;
use super::super::record::{Chain, Record};
use super::super::storage::Storage;
use super::{Answer, Appended, Job, Reserve, Space, tell};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// Longest append, 8 MiB: one record of the longest body and some more, and half of the reserve.
pub const APPEND_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Blocks set aside for intents and outcomes, 16 MiB. Source: `TWO_PERSON` 8.2.
pub const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// Blocks are set aside in steps of 1 MiB, so that few appends have to wait for the file system's own journal.
/// Source: `PERFORMANCE`, "What the figures force", 6.
const STEP_BYTES: u64 = 1024 * 1024;
/// Appends join a group until it holds this much; more would let the first ones wait for no gain.
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// Owns the file's end.
pub(super) struct Appender<S> {
    storage: S,
    /// What is durable, for others to see. Only this thread changes it.
    shared: Shared,
    chain: Chain,
    len: u64,
    /// The file can grow to this length without asking for blocks. Nothing: the file system cannot set any aside.
    allocated: Option<u64>,
    /// The file may hold more than `len` bytes, and could not be cut.
    broken: bool,
    /// Encoded records of one group, kept to save its allocation.
    buffer: Vec<u8>,
}

/// Appends of one group that passed all checks and are encoded in the buffer.
#[derive(Default)]
struct Group {
    answers: Vec<(oneshot::Sender<Answer>, Appended)>,
    offsets: Vec<u64>,
}

impl<S: Storage> Appender<S> {
    pub(super) fn new(storage: S, shared: Shared) -> Self {
        let (chain, len) = {
            let durable = shared.lock();
            (durable.chain.clone(), durable.len)
        };
        let mut appender = Self {
            storage,
            shared,
            chain,
            len,
            allocated: Some(len),
            broken: false,
            buffer: Vec::new(),
        };
        // A failure shows in the state of the reserve, and again at the first ordinary append.
        drop(appender.set_space_aside(len));
        appender
    }

    /// Serves until every sender is gone.
    pub(super) fn serve(&mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut chain = self.chain.clone();
            let mut group = Group::default();
            self.buffer.clear();
            self.stage(first, &mut chain, &mut group);
            while self.buffer.len() < GROUP_BYTES_MAX {
                match jobs.try_recv() {
                    Ok(job) => self.stage(job, &mut chain, &mut group),
                    Err(_) => break,
                }
            }
            self.commit(chain, group);
        }
    }

    /// Gives back what was set aside, at the end.
    pub(super) fn finish(mut self) {
        if !self.broken {
            // Best effort: blocks that stay set aside cost space, not records.
            drop(self.storage.set_len(self.len));
        }
    }

    /// Checks one append and encodes it, or tells why not. A refused one leaves no trace in the group.
    fn stage(&mut self, job: Job, chain: &mut Chain, group: &mut Group) {
        let mark = (self.buffer.len(), group.offsets.len(), chain.clone());
        match self.stage_records(&job.records, job.space, chain, group) {
            Ok(appended) => group.answers.push((job.reply, appended)),
            Err(error) => {
                self.buffer.truncate(mark.0);
                group.offsets.truncate(mark.1);
                *chain = mark.2;
                tell(job.reply, Err(error));
            }
        }
    }

    fn stage_records(
        &mut self,
        records: &[Record],
        space: Space,
        chain: &mut Chain,
        group: &mut Group,
    ) -> Answer {
        if self.broken {
            return Err(AppendError::Broken);
        }
        let start = self.buffer.len();
        for record in records {
            chain.accept(record)?;
            group.offsets.push(self.staged_len());
            codec::encode_into(record, &mut self.buffer);
            let bytes = self.buffer.len().saturating_sub(start);
            if bytes > APPEND_BYTES_MAX {
                return Err(AppendError::TooLong { bytes });
            }
        }
        let bytes = self.staged_len();
        if bytes > JOURNAL_BYTES_MAX {
            return Err(AppendError::JournalFull);
        }
        let Some(newest) = records.last() else {
            return Err(AppendError::Empty);
        };
        match (self.set_space_aside(bytes), space) {
            (Err(source), Space::Ordinary) => Err(AppendError::DiskFull {
                source: Arc::new(source),
            }),
            (Ok(()), _) | (Err(_), Space::Reserve) => Ok(Appended {
                last: newest.header().seq,
                hash: newest.hash(),
                bytes,
            }),
        }
    }

    /// Length of the file once the buffer is written.
    fn staged_len(&self) -> u64 {
        self.len.saturating_add(self.buffer.len() as u64)
    }

    /// Makes a group durable and tells, or undoes it and tells that.
    fn commit(&mut self, chain: Chain, group: Group) {
        if group.answers.is_empty() {
            return;
        }
        match self.write_and_sync() {
            Ok(()) => {
                self.len = self.staged_len();
                {
                    let mut durable = self.shared.lock();
                    durable.len = self.len;
                    durable.chain.clone_from(&chain);
                    durable.offsets.extend(group.offsets);
                }
                self.chain = chain;
                for (reply, appended) in group.answers {
                    tell(reply, Ok(appended));
                }
            }
            Err(error) => {
                for (reply, _) in group.answers {
                    tell(reply, Err(error.clone()));
                }
            }
        }
    }

    fn write_and_sync(&mut self) -> Result<(), AppendError> {
        let (doing, error) = match self.storage.write_all(&self.buffer) {
            Err(error) => ("write", error),
            Ok(()) => match self.storage.sync() {
                Ok(()) => return Ok(()),
                Err(error) => ("sync", error),
            },
        };
        self.undo();
        let source = Arc::new(error);
        Err(if is_full(&source) {
            AppendError::DiskFull { source }
        } else {
            AppendError::Io { doing, source }
        })
    }

    /// Cuts the file back to what is durable. The cut must be durable too: after a failed sync the system may still
    /// hold the failed bytes, and they must not come back behind what is appended next.
    fn undo(&mut self) {
        let cut = self.storage.set_len(self.len);
        self.broken = cut.and_then(|()| self.storage.sync()).is_err();
        // The cut has given the blocks behind the end back; try to hold them again at once.
        self.allocated = self.allocated.map(|_| self.len);
        if !self.broken {
            // As in `new`.
            drop(self.set_space_aside(self.len));
        }
    }

    /// Sets blocks aside so that the file can grow to `len` and the reserve is still there behind it.
    fn set_space_aside(&mut self, len: u64) -> io::Result<()> {
        let Some(allocated) = self.allocated else {
            return Ok(());
        };
        let wanted = len.saturating_add(RESERVE_BYTES);
        if allocated >= wanted {
            return Ok(());
        }
        let target = wanted.div_ceil(STEP_BYTES).saturating_mul(STEP_BYTES);
        let (reserve, outcome) = match self.storage.allocate(self.len, target) {
            Ok(()) => {
                self.allocated = Some(target);
                (Reserve::Held, Ok(()))
            }
            Err(error) if is_full(&error) => (Reserve::Short, Err(error)),
            // Anything else is a file system that has no such operation; the write itself will tell the truth.
            Err(_) => {
                self.allocated = None;
                (Reserve::Unsupported, Ok(()))
            }
        };
        self.shared.lock().reserve = reserve;
        outcome
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
