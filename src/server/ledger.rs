//! The session's journal as the session task uses it: seal facts into records, write them together, read old ones.

use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Fact, RolloutEvent, RolloutNews, Stamped};
use crate::domain::id::{ConnectorName, NameError, Seq, SessionId};
use crate::domain::reading::{ConnectorHealth, Liveness};
use crate::domain::runbook::plan::ExecRole;
use crate::domain::state::State;
use crate::domain::time::Moment;
use crate::domain::write::Cause;
use crate::journal::facts::{self, FactError};
use crate::journal::{
    AppendError, Log, ReadError, Record, RecordError, Space, Stamp, Writer, seal,
};

/// Bytes of records in one answer: they stay below a frame of the wire.
const READ_BYTES_MAX: usize = 512 * 1024;

/// Why a fact got no record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The fact cannot be written.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// The record breaks a limit.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerReadError {
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record is no fact.
    #[error(transparent)]
    Fact(#[from] FactError),
}

/// The journal, with what is sealed and not yet written.
pub(crate) struct Ledger {
    writer: Writer,
    log: Log,
    session: SessionId,
    boot: String,
    /// Newest durable record.
    durable: Option<(Seq, Digest)>,
    /// Newest sealed record.
    sealed: Option<(Seq, Digest)>,
    records: Vec<Record>,
    stamped: Vec<Stamped>,
}

impl Ledger {
    /// Takes an open journal. `durable`: its newest record.
    pub(crate) fn new(writer: Writer, session: SessionId, durable: Option<(Seq, Digest)>) -> Self {
        let log = writer.log();
        Self {
            writer,
            log,
            session,
            boot: boot_id(),
            durable,
            sealed: durable,
            records: Vec::new(),
            stamped: Vec::new(),
        }
    }

    /// Gives a fact its place in the chain. `state`: the fold up to here; absent for the genesis record.
    pub(crate) fn seal(
        &mut self,
        actor: Actor,
        fact: Fact,
        at: Moment,
        state: Option<&State>,
    ) -> Result<Stamped, SealError> {
        let content = facts::content(&actor, &fact, state)?;
        let seq = self.sealed.map_or(Seq(0), |(seq, _)| seq.next());
        let prev = self.sealed.map(|(_, hash)| hash);
        let stamp = Stamp {
            time: at.wall,
            boot: &self.boot,
            mono_ms: at.mono_ms,
        };
        let record = seal(&self.session, seq, prev, stamp, content)?;
        let stamped = Stamped {
            seq,
            hash: record.hash(),
            at,
            actor,
            fact,
        };
        self.sealed = Some((seq, record.hash()));
        self.records.push(record);
        self.stamped.push(stamped.clone());
        Ok(stamped)
    }

    /// What is durable of it, for reading old records.
    pub(crate) const fn log(&self) -> &Log {
        &self.log
    }

    /// What waits to be written, oldest first.
    pub(crate) fn staged(&self) -> &[Stamped] {
        &self.stamped
    }

    /// True when something waits to be written.
    pub(crate) fn has_staged(&self) -> bool {
        !self.records.is_empty()
    }

    /// Forgets what was sealed after the first `kept` of what waits.
    pub(crate) fn unseal_after(&mut self, kept: usize) {
        self.records.truncate(kept);
        self.stamped.truncate(kept);
        let newest = self.stamped.last().map(|s| (s.seq, s.hash));
        self.sealed = newest.or(self.durable);
    }

    /// Writes everything that was sealed, with one sync. On an error none of it has happened.
    pub(crate) async fn write(&mut self) -> Result<Vec<Stamped>, AppendError> {
        let records = std::mem::take(&mut self.records);
        let stamped = std::mem::take(&mut self.stamped);
        // What must be recorded once something has begun may use the reserve of the disk.
        let is_vital = stamped.iter().any(|s| is_vital(&s.fact));
        let space = if is_vital {
            Space::Reserve
        } else {
            Space::Ordinary
        };
        match self.writer.submit(records, space).done().await {
            Ok(appended) => {
                self.durable = Some((appended.last, appended.hash));
                Ok(stamped)
            }
            Err(error) => {
                self.sealed = self.durable;
                Err(error)
            }
        }
    }

    /// Durable records from `from` on, at most `count` and at most what fits a frame.
    pub(crate) fn read(&self, from: Seq, count: u32) -> Result<Vec<Stamped>, LedgerReadError> {
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        let end = self.durable.map_or(0, |(seq, _)| seq.0.saturating_add(1));
        for seq in (from.0..end).take(usize::try_from(count).unwrap_or(0)) {
            let record = self.log.read(Seq(seq))?;
            // The plan of the genesis record is cut off before it is sent.
            bytes = bytes.saturating_add(if seq == 0 { 0 } else { record.body().len() });
            if bytes > READ_BYTES_MAX && !found.is_empty() {
                break;
            }
            found.push(facts::fact_of(&record)?);
        }
        Ok(found)
    }

    /// Header documents from `from` on, at most `count` and at most what fits a frame.
    pub(crate) fn headers(&self, from: Seq, count: u32) -> Result<Vec<String>, ReadError> {
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        let end = self.durable.map_or(0, |(seq, _)| seq.0.saturating_add(1));
        for seq in (from.0..end).take(usize::try_from(count).unwrap_or(0)) {
            let record = self.log.read(Seq(seq))?;
            bytes = bytes.saturating_add(record.header_bytes().len());
            if bytes > READ_BYTES_MAX && !found.is_empty() {
                break;
            }
            // The grammar is ASCII, so nothing is lost here.
            found.push(String::from_utf8_lossy(record.header_bytes()).into_owned());
        }
        Ok(found)
    }

    /// True when the journal has this record.
    pub(crate) fn has(&self, seq: Seq, hash: Digest) -> bool {
        self.durable.is_some_and(|(newest, _)| seq <= newest)
            && self.log.read(seq).is_ok_and(|record| record.hash() == hash)
    }

    /// Length in bytes of what is durable.
    pub(crate) fn bytes(&self) -> u64 {
        self.log.bytes()
    }

    /// Trouble of the journal or of what is made from it, or with an empty `error` its end, in the form every screen
    /// shows already.
    pub(crate) fn health(
        name: &str,
        error: &str,
        now: Moment,
    ) -> Result<ConnectorHealth, NameError> {
        let is_good = error.is_empty();
        Ok(ConnectorHealth {
            connector: ConnectorName::new(name)?,
            system: name.to_owned(),
            liveness: if is_good {
                Liveness::Live
            } else {
                Liveness::Stale
            },
            last_good: is_good.then_some(now),
            last_error: error.to_owned(),
            failures: u32::from(!is_good),
            next_try: (!is_good).then_some(now),
            latency: std::time::Duration::ZERO,
            can: Vec::new(),
        })
    }
}

/// Facts that find room on a full disk: what became of a command or a write, and whatever stops or goes back. An intent to go
/// forward is refused there, before anything has begun.
const fn is_vital(fact: &Fact) -> bool {
    // What still mutes after the work hides what is broken.
    if let Fact::WriteAsked { write } = fact {
        return matches!(write.cause, Some(Cause::Ends { .. }));
    }
    matches!(
        fact,
        Fact::ExecSpawned { .. }
            | Fact::ExecOutcome { .. }
            | Fact::ExecUnknown { .. }
            | Fact::StopAsked { .. }
            | Fact::TakenOver { .. }
            | Fact::WriteEnded { .. }
            | Fact::Held(_)
            | Fact::GuardActed(_)
            | Fact::ProposalClosed { .. }
            | Fact::RollbackStarted { .. }
            | Fact::Rollout(RolloutNews {
                event: RolloutEvent::SwitchBack { .. } | RolloutEvent::RunsOnEnded { .. },
                ..
            })
            | Fact::Aborted { .. }
            | Fact::SessionResumed { .. }
            | Fact::SessionClosed { .. }
            | Fact::ExecIntent {
                role: ExecRole::Undo,
                ..
            }
    )
}

/// Identifies this boot of the host, so that monotonic times of different boots are never compared.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}
