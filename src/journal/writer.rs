//! The one writer: a thread of its own that turns whatever waits into one write and one sync.

mod appender;
#[cfg(test)]
mod tests;

pub use appender::{APPEND_BYTES_MAX, RESERVE_BYTES};

use super::error::{AppendError, JournalError};
use super::index::{Durable, Log, Shared};
use super::lock::{JOURNAL_FILE, SessionDir};
use super::record::{Chain, Record};
use super::recover::Opened;
use super::storage::{FileStorage, Storage};
use crate::domain::digest::Digest;
use crate::domain::id::Seq;
use appender::Appender;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Most appends that wait. A disk that syncs ten times a second is then behind by minutes, and saying "busy" helps more.
pub const QUEUE_MAX: usize = 1024;

/// Which space an append may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Space beyond the reserve; refused as soon as the reserve is not whole.
    Ordinary,
    /// The reserve as well: for intents and outcomes, which must be recorded once a step has begun.
    Reserve,
}

/// State of the blocks that are set aside for intents and outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// All of it is there.
    Held,
    /// The disk is too full; ordinary appends are refused.
    Short,
    /// The file system cannot set blocks aside; appends go on without.
    Unsupported,
}

/// An append that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Number of its last record.
    pub last: Seq,
    /// Hash of its last record.
    pub hash: Digest,
    /// Length of the journal in bytes up to this record.
    pub bytes: u64,
}

type Answer = Result<Appended, AppendError>;

/// Records on their way, and where to tell.
struct Job {
    records: Vec<Record>,
    space: Space,
    reply: oneshot::Sender<Answer>,
}

/// An append on its way to the disk.
#[derive(Debug)]
#[must_use = "records are durable only when this says so"]
pub struct Pending(oneshot::Receiver<Answer>);

impl Pending {
    /// Waits until the records are durable or refused. May be awaited on any runtime.
    ///
    /// # Errors
    /// [`AppendError`]; none of the records is in the journal then.
    pub async fn done(self) -> Answer {
        self.0.await.unwrap_or(Err(AppendError::Closed))
    }

    /// As [`Pending::done`], for threads outside a runtime.
    ///
    /// # Errors
    /// As [`Pending::done`].
    pub fn wait(self) -> Answer {
        self.0.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }
}

/// Appends to a journal. Holds the session's lock until it is dropped, which waits for what is queued.
#[derive(Debug)]
pub struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    shared: Shared,
    log: Log,
}

impl Writer {
    /// Starts the writer of an opened journal and sets the reserve aside; see [`Writer::reserve`].
    ///
    /// # Errors
    /// [`JournalError::Io`] when the thread or a second handle for reading cannot be made.
    pub fn start(opened: Opened) -> Result<Self, JournalError> {
        let path = opened.dir.path().join(JOURNAL_FILE);
        let failed = |doing, source| JournalError::Io {
            doing,
            path: path.clone(),
            source,
        };
        let reading = opened.file.try_clone().map_err(|e| failed("open", e))?;
        let shared = Shared::new(Durable {
            chain: opened.chain,
            offsets: opened.offsets,
            len: opened.len,
            reserve: Reserve::Short,
        });
        let storage = FileStorage::new(opened.file);
        let appender = Appender::new(storage, shared.clone());
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let thread = spawn(appender, jobs, opened.dir).map_err(|e| failed("start writer of", e))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            log: Log::new(reading, shared.clone()),
            shared,
        })
    }

    /// Queues records that belong together: all of them are told durable, or none. Never waits.
    ///
    /// A crash before the answer may still leave the first of them in the journal: nobody was told, but what is
    /// read at the next start counts. So the order of the records must make sense at every cut.
    ///
    /// Appends are written in the order of these calls. Records may be sealed upon records that still wait; if
    /// those fail, these are refused as not following the journal.
    pub fn submit(&self, records: Vec<Record>, space: Space) -> Pending {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            records,
            space,
            reply,
        };
        let sent = match &self.queue {
            Some(queue) => queue.try_send(job),
            None => Err(TrySendError::Disconnected(job)),
        };
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(job)) => tell(job.reply, Err(AppendError::Busy)),
            Err(TrySendError::Disconnected(job)) => tell(job.reply, Err(AppendError::Closed)),
        }
        Pending(answer)
    }

    /// The end of what is durable.
    pub fn chain(&self) -> Chain {
        self.log.chain()
    }

    /// A handle for reading what is durable.
    pub fn log(&self) -> Log {
        self.log.clone()
    }

    /// Whether the reserve for intents and outcomes is there.
    pub fn reserve(&self) -> Reserve {
        self.shared.lock().reserve
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panicked writer has told nobody that anything is durable, so there is nothing left to undo.
            drop(thread.join());
        }
    }
}

/// Runs the appender until all senders are gone; the directory's lock is let go after the last write.
fn spawn<S: Storage + 'static>(
    mut appender: Appender<S>,
    jobs: Receiver<Job>,
    dir: SessionDir,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || {
            appender.serve(&jobs);
            appender.finish();
            drop(dir);
        })
}

/// Answers; who no longer waits does not want to know.
fn tell(reply: oneshot::Sender<Answer>, answer: Answer) {
    drop(reply.send(answer));
}
