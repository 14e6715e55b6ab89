//! Destructive commands of an enforced session: a ticket to the runner, and back what it says.
//!
//! This side decides nothing: the ticket is put together from the journal's own bytes, and the runner judges it by
//! itself. The command belongs to the runner; when this server dies, a later one asks what became of it.

mod guard;

pub use guard::Guard;
pub(crate) use guard::ask;

use super::render;
use crate::config::runner::RunnerLink;
use crate::domain::confirm::statement::{Confirm, Kind};
use crate::domain::confirm::undo_doc;
use crate::domain::digest::Digest;
use crate::domain::doc::split_armour;
use crate::domain::fact::{ExecKey, Fact, Via};
use crate::domain::id::{Seq, SessionId};
use crate::domain::runbook::plan::{ExecBlock, ExecRole};
use crate::domain::state::{Ran, State};
use crate::enforce::back::BackTicket;
use crate::enforce::client::{self, AskError, Asked};
use crate::enforce::frame::{Answer, Request};
use crate::enforce::name::RunName;
use crate::enforce::plan;
use crate::enforce::result::Attempted;
use crate::enforce::ticket::{Spoken, Ticket};
use crate::journal::{Log, Record, facts};
use crate::runner::{End, Handle, JobKey, Outcome, Update};
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long a runner that does not answer is asked again before the outcome is given up: longer than a restart of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(500);

/// What a ticket is made of, taken from the state when the intent is durable.
#[derive(Debug, Clone)]
pub(crate) struct Errand {
    session: SessionId,
    genesis: Digest,
    /// What people had agreed on.
    ran: Ran,
    /// What it is called at the runner.
    name: RunName,
    /// The way back and its try, when this is one.
    back: Option<(ExecBlock, u32)>,
    /// Newest record: nothing after it is looked at.
    last: Seq,
}

impl Errand {
    /// The errand of an execution that was agreed on, or of the way back that was reviewed with it.
    ///
    /// # Errors
    /// One line, when the state does not know what was agreed on.
    pub(crate) fn of(state: &State, key: &ExecKey) -> Result<Self, String> {
        let running = state.running().filter(|running| running.key == *key);
        let running = running.ok_or("nothing is to run")?;
        let ran = state.agreed(running);
        let ran = ran.ok_or("nothing was agreed on for this command")?.clone();
        let name = name_of(&ran, running.role, key)?;
        let back = match running.role {
            ExecRole::Undo => {
                let block = state.exec_block(key).ok_or("the plan has no way back")?;
                Some((block.clone(), key.try_no))
            }
            _ => None,
        };
        Ok(Self {
            session: state.genesis.session.clone(),
            genesis: state.genesis_hash,
            ran,
            name,
            back,
            last: state.head.0,
        })
    }

    /// Puts the ticket together from the journal. Blocks.
    ///
    /// # Errors
    /// One line, when a record is missing or cannot be read, or when the way back is no longer the reviewed one.
    pub(crate) fn ticket(&self, log: &Log) -> Result<Vec<u8>, String> {
        let forward = self.forward(log)?;
        let Some((block, try_no)) = &self.back else {
            return Ok(forward.print());
        };
        let plan = plan::read(&forward.plan).map_err(|fault| fault.to_string())?;
        let search = plan.inputs.env.iter().find(|(name, _)| name == "PATH");
        let search = search.map_or("", |(_, value)| value);
        let undo = render::undo_document(block, search)?;
        if undo_doc::bound(&plan.inputs.undo) != Some(Digest::of(&undo)) {
            let why = "the way back, or the program it starts, is no longer what was reviewed";
            return Err(why.to_owned());
        }
        let ticket = BackTicket {
            forward: forward.print(),
            undo,
            try_no: *try_no,
            began: self.began(log)?,
        };
        Ok(ticket.print())
    }

    /// Header of the record that somebody began to go back.
    fn began(&self, log: &Log) -> Result<Vec<u8>, String> {
        for seq in (self.ran.proposed.0.0..=self.last.0).rev() {
            let record = read(log, Seq(seq))?;
            if &*record.header().kind == "rollback.started" {
                return Ok(record.header_bytes().to_vec());
            }
        }
        Err("nobody began to go back".to_owned())
    }

    /// The ticket of the way forward: the same bytes whenever it is made.
    fn forward(&self, log: &Log) -> Result<Ticket, String> {
        let at = self.ran.proposed.0;
        let before = at.0.checked_sub(1).map(Seq);
        let opened = read(log, before.ok_or("the proposal has no opening")?)?;
        let (genesis, proposed) = (read(log, Seq(0))?, read(log, at)?);
        let mut confirms = Newest::default();
        let (mut go, mut via) = (None, None);
        for seq in at.0..=self.last.0 {
            let record = read(log, Seq(seq))?;
            match &*record.header().kind {
                "step.confirmed" => confirms.take(&record)?,
                "statement.signed" if self.is_glass(&record) => confirms.take(&record)?,
                "statement.signed" => go = Some(spoken(&record)?).filter(is_go).or(go),
                "exec.intent" if self.is_its_intent(&record)? => {
                    via = Via::parse(&record.header().via);
                    break;
                }
                _ => {}
            }
        }
        let mut ticket = Ticket {
            genesis: genesis.header_bytes().to_vec(),
            plan: proposed.body().to_vec(),
            proposed: proposed.header_bytes().to_vec(),
            propose: spoken(&opened)?,
            confirms: confirms.finish(),
            go: Spoken {
                via: via.ok_or("nobody said go")?,
                statement: Vec::new(),
                armour: String::new(),
            },
            stdin: Vec::new(),
        };
        match go {
            Some(signed) => ticket.go = signed,
            None => ticket.go.statement = self.go(ticket.confirms_digest())?,
        }
        Ok(ticket)
    }

    fn is_its_intent(&self, record: &Record) -> Result<bool, String> {
        let stamped = facts::fact_of(record).map_err(|error| error.to_string())?;
        let own = &self.ran.terms.nonce;
        let is_own = |fact: &Fact| matches!(fact, Fact::ExecIntent { nonce: Some(nonce), .. } if nonce == own);
        Ok(is_own(&stamped.fact))
    }

    /// True for what one person signed to go alone, where that is what this was armed by.
    fn is_glass(&self, record: &Record) -> bool {
        let statement = spoken(record).map(|spoken| Digest::of(&spoken.statement));
        self.ran.glass.is_some() && statement.ok() == self.ran.glass
    }

    /// What the executor would have stated, where the connection alone says go.
    fn go(&self, confirms: Digest) -> Result<Vec<u8>, String> {
        let about = Confirm {
            session: &self.session,
            genesis: self.genesis,
            proposed: self.ran.proposed,
            head: self.ran.proposed,
            terms: &self.ran.terms,
            signer: &self.ran.terms.executor,
        };
        let said = about.print_as(Kind::Go, &[("confirms", &confirms.to_string())]);
        said.map(String::into_bytes)
            .map_err(|error| error.to_string())
    }
}

/// What people stated on the way to go, of each the newest: who confirms again, after their key was revoked, is counted
/// by that, and what they said before would be refused by the runner and belongs to no go.
#[derive(Debug, Default)]
struct Newest(Vec<(String, Spoken)>);

impl Newest {
    fn take(&mut self, record: &Record) -> Result<(), String> {
        let who = &record.header().actor;
        self.0.retain(|(other, _)| other != who);
        self.0.push((who.to_string(), spoken(record)?));
        Ok(())
    }

    /// In the order of the journal.
    fn finish(self) -> Vec<Spoken> {
        self.0.into_iter().map(|(_, spoken)| spoken).collect()
    }
}

/// What an execution is called at the runner.
///
/// # Errors
/// One line, for a try of a way back beyond all bounds.
pub(crate) fn name_of(ran: &Ran, role: ExecRole, key: &ExecKey) -> Result<RunName, String> {
    let forward = RunName::forward(ran.terms.nonce.clone());
    if role != ExecRole::Undo {
        return Ok(forward);
    }
    let name = forward.undo(key.try_no);
    name.ok_or_else(|| format!("try {} of a way back is one too many", key.try_no))
}

fn is_go(spoken: &Spoken) -> bool {
    spoken.statement.starts_with(b"warroom-go@v1\n")
}

fn read(log: &Log, seq: Seq) -> Result<Record, String> {
    log.read(seq).map_err(|error| error.to_string())
}

/// Statement and signature of a record whose body is both, one behind the other.
fn spoken(record: &Record) -> Result<Spoken, String> {
    let text = std::str::from_utf8(record.body()).map_err(|error| error.to_string())?;
    let (statement, armour) = split_armour(text);
    let via = Via::parse(&record.header().via).ok_or("a statement without evidence")?;
    Ok(Spoken {
        via,
        statement: statement.as_bytes().to_vec(),
        armour: armour.to_owned(),
    })
}

/// What to ask the runner first.
#[derive(Debug)]
pub(crate) enum Begin {
    /// Run it: with the errand and the journal to make the ticket from.
    Run(Box<Errand>, Log),
    /// An earlier server had it run: what became of it?
    Adopt {
        /// What it is called at the runner.
        name: RunName,
        /// It is known to have been started.
        has_run: bool,
    },
}

/// Has the runner run a command, or takes up one that it runs; reports like the runner in this process does.
pub(crate) fn start(
    link: RunnerLink,
    begin: Begin,
    key: JobKey,
    output: PathBuf,
    updates: mpsc::Sender<Update>,
) -> Handle {
    let (handle, stop) = Handle::remote(key);
    tokio::spawn(async move {
        let (name, has_run) = match &begin {
            Begin::Run(errand, _) => (errand.name.clone(), false),
            Begin::Adopt { name, has_run } => (name.clone(), *has_run),
        };
        let mut follower = Follower {
            link,
            name,
            key,
            output,
            kept: None,
            offset: 0,
            updates,
            stop,
            is_stop_sent: false,
            has_run,
        };
        let end = follower.follow(begin).await;
        drop(follower.updates.send(Update::Ended { key, end }).await);
    });
    handle
}

struct Follower {
    link: RunnerLink,
    name: RunName,
    key: JobKey,
    output: PathBuf,
    /// The session's own copy of the output.
    kept: Option<File>,
    /// Bytes of output taken so far.
    offset: u64,
    updates: mpsc::Sender<Update>,
    stop: CancellationToken,
    is_stop_sent: bool,
    /// The runner has said that it took it, or somebody before did.
    has_run: bool,
}

/// What one connection came to.
enum Came {
    End(Box<End>),
    /// It broke; the runner may still run the command.
    Broke(String),
}

impl Follower {
    async fn follow(&mut self, begin: Begin) -> End {
        let mut request = match begin {
            Begin::Run(errand, log) => {
                let made = tokio::task::spawn_blocking(move || errand.ticket(&log)).await;
                match made.unwrap_or_else(|_| Err("making the ticket broke off".to_owned())) {
                    Ok(ticket) => Request::Run(ticket),
                    Err(why) => {
                        let why = format!("the ticket cannot be made: {why}");
                        return End::without_output(Outcome::NotStarted(why));
                    }
                }
            }
            Begin::Adopt { .. } => self.watch(),
        };
        let mut silent_since: Option<Instant> = None;
        loop {
            let before = self.offset;
            let why = match self.connection(&request).await {
                Came::End(end) => return *end,
                Came::Broke(why) => why,
            };
            // Whether the ticket arrived is not known: from here on it is only asked what became of it.
            request = self.watch();
            if self.offset != before {
                silent_since = None;
            }
            let since = *silent_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= PATIENCE {
                let why = format!("the runner does not answer: {why}");
                return End::without_output(Outcome::Unknown(why));
            }
            sleep(AGAIN).await;
        }
    }

    fn watch(&self) -> Request {
        Request::Watch {
            run: self.name.clone(),
            offset: self.offset,
        }
    }

    async fn connection(&mut self, request: &Request) -> Came {
        let asked = match Asked::send(&self.link, request).await {
            Ok(asked) => asked,
            Err(error) => return Came::Broke(error.to_string()),
        };
        let mut next = Box::pin(next_of(asked));
        loop {
            let (again, answer) = tokio::select! {
                came = &mut next => came,
                () = self.stop.cancelled(), if !self.is_stop_sent => {
                    self.is_stop_sent = true;
                    self.send_stop().await;
                    continue;
                }
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => return Came::Broke(error.to_string()),
            };
            if let Some(end) = self.take(answer).await {
                return Came::End(Box::new(end));
            }
            next = Box::pin(next_of(again));
        }
    }

    /// Asks until the runner has taken it, a few times: a command that is only being started does not run yet.
    async fn send_stop(&self) {
        for _ in 0..10 {
            match client::stop(&self.link, self.name.clone()).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "the runner did not take the stop"),
            }
            sleep(AGAIN).await;
        }
    }

    async fn take(&mut self, answer: Answer) -> Option<End> {
        let key = self.key;
        match answer {
            Answer::Spawned { pid } => {
                self.has_run = true;
                drop(self.updates.send(Update::Spawned { key, pid }).await);
            }
            Answer::Output { offset, bytes } => {
                if let Err(error) = self.keep(offset, &bytes) {
                    tracing::error!(%error, "output of the runner cannot be kept");
                }
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.offset = offset.saturating_add(length);
                let bytes = Bytes::from(bytes);
                let update = Update::Output { key, offset, bytes };
                // Whoever watches may be slow; what is dropped is in the file.
                drop(self.updates.try_send(update));
            }
            Answer::Ended(attempted) => return Some(end_of(*attempted)),
            Answer::Refused { word, why, hint } => {
                tracing::warn!(word, why, "the runner refused a ticket");
                let hint = if hint.is_empty() {
                    String::new()
                } else {
                    format!(" ({hint})")
                };
                let why = format!("the runner refused it: {why}{hint}");
                // A runner that has forgotten what it once took proves nothing by not knowing it.
                let outcome = if self.has_run {
                    Outcome::Unknown(why)
                } else {
                    Outcome::NotStarted(why)
                };
                return Some(End::without_output(outcome));
            }
            Answer::Unknown => {
                let why = "the runner ended while it ran, and left no result";
                return Some(End::without_output(Outcome::Unknown(why.to_owned())));
            }
            Answer::Taken(_) => self.has_run = true,
            Answer::Facts(_) | Answer::Done => {}
        }
        None
    }

    /// Writes output to its place in the session's own file.
    fn keep(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = match self.kept.take() {
            Some(file) => file,
            None => File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o640)
                .open(&self.output)?,
        };
        std::io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        let written = file.write_all(bytes);
        self.kept = Some(file);
        written
    }
}

/// The next answer, with the connection it came on: what is half read must not be given up for a stop.
async fn next_of(mut asked: Asked) -> (Asked, Result<Answer, AskError>) {
    let answer = asked.next().await;
    (asked, answer)
}

/// The result of the runner in the words of the session.
fn end_of(attempted: Attempted) -> End {
    End {
        outcome: attempted.outcome,
        output_bytes: attempted.output_bytes,
        output_truncated: attempted.output_truncated,
        output_digest: attempted.output_digest,
        output_error: Some(attempted.output_error).filter(|error| !error.is_empty()),
        live_dropped: 0,
        values: attempted.values,
        values_error: Some(attempted.values_error).filter(|error| !error.is_empty()),
        left_behind: attempted.left_behind,
    }
}

#[cfg(test)]
mod tests;
