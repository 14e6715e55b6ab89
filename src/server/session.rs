//! The session task: owns the engine and the journal, takes one input at a time, and lets nothing be seen before it
//! is durable. It waits for nothing but the journal: whatever else may block has a task of its own.

use super::amend::Amending;
use super::around::Nearby;
use super::checkpoints::Checkpoints;
use super::clients::Registry;
use super::exec::{ExecNews, Executor};
use super::input::Incoming;
use super::ledger::{Ledger, SealError};
use super::policy::{PeopleSource, Policy};
use super::render::Purpose;
use super::scope::Said;
use super::world::Looks;
use crate::clock::{Clock, Seconds};
use crate::connect::deliver::{Desk, Ended};
use crate::domain::board::{Board, CLOCK, GateProgress, JOURNAL, PEOPLE};
use crate::domain::command::Refusal;
use crate::domain::fact::{Actor, Fact, Stamped};
use crate::domain::id::{PersonId, TerminalId};
use crate::domain::reading::Reading;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::world::{Look, World};
use crate::engine::{Effect, Engine, Input};
use crate::journal::AppendError;
use crate::runner::Update;
use crate::wire::message::{RECENT_MAX, ToClient};
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Inputs of each kind taken before facts are written: one sync then serves them all, and keys wait for one at most.
const BATCH_MAX: usize = 128;
/// Rounds of automatic progress after one batch: a plan of 2,000 steps settles in less; more is a loop.
const SETTLE_MAX: usize = 10_000;
/// Commands that cannot be started, each followed by the next one, in one turn; the rest waits for the next turn.
const FAILED_STARTS_MAX: usize = 16;
/// Longest wait for running commands when the server is told to end: their grace and drain and a little more.
const STOP_MAX: Duration = Duration::from_secs(8);

/// Channels into the session task.
#[derive(Debug)]
pub(crate) struct Sources {
    /// From sockets, and from tasks that look at the disk.
    pub(crate) inputs: mpsc::Receiver<Incoming>,
    /// From connectors.
    pub(crate) readings: mpsc::Receiver<Reading>,
    /// From running commands.
    pub(crate) updates: mpsc::Receiver<Update>,
    /// From writes.
    pub(crate) ended: mpsc::Receiver<Ended>,
}

/// What waits until the facts of this turn are durable.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Refusals.
    pub(crate) replies: Vec<(TerminalId, u64, Option<Refusal>)>,
    /// Answers that hang on the journal: accepted once it is written.
    pub(crate) accepted: Vec<(TerminalId, u64)>,
    /// Readings for everybody.
    pub(crate) readings: Vec<Reading>,
    /// A terminal has been let in; what it waits for is in its queue.
    pub(crate) has_joined: bool,
}

impl Turn {
    /// Notes a refusal.
    pub(crate) fn refuse(&mut self, terminal: TerminalId, number: u64, refusal: Refusal) {
        self.replies.push((terminal, number, Some(refusal)));
    }
}

/// Everything one session has.
pub(crate) struct Session {
    pub(crate) engine: Engine,
    pub(crate) ledger: Ledger,
    pub(crate) registry: Registry,
    pub(crate) board: Board,
    pub(crate) executor: Executor,
    pub(crate) policy: Policy,
    pub(crate) people: PeopleSource,
    /// The person whose account this server runs in, as far as the host knows; nobody in a demo.
    pub(crate) owner: Option<PersonId>,
    pub(crate) runbook_file: PathBuf,
    /// What two people may put in the place of the plan, and what follows when they have.
    pub(crate) amending: Amending,
    pub(crate) world: World,
    pub(crate) looks: Looks,
    /// What the other sessions of the host were told.
    pub(crate) said: Said,
    /// What lies around.
    pub(crate) nearby: Nearby,
    /// Places for tasks that read an executable.
    pub(crate) renders: Arc<Semaphore>,
    pub(crate) recent: VecDeque<Stamped>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) clock: Arc<dyn Clock>,
    /// To this task itself, for answers of tasks that look at the disk.
    pub(crate) own_inputs: mpsc::Sender<Incoming>,
    /// Takes writes.
    pub(crate) desk: Desk,
    /// News of commands and writes that are not durable yet: nothing else remembers them, so they are kept until they
    /// are. At most two for each command, and there is one command at a time; and a few for each write.
    pub(crate) news: Vec<Input>,
    /// Outcomes of commands that could not be started, and of writes that nobody could take.
    pub(crate) failed_starts: Vec<Input>,
    /// What connectors have to say at the start.
    pub(crate) notices: Vec<String>,
    /// When hand-overs of the pager were last looked at.
    pub(crate) handovers_at: Option<Timestamp>,
    /// The last write failed; everybody has been told.
    pub(crate) is_unwritable: bool,
    /// Something that follows by itself could not be recorded or did not come to an end; it is tried again.
    pub(crate) is_unsettled: bool,
    /// Why facts could not be recorded, as it was said.
    pub(crate) troubles: BTreeSet<String>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) shutdown_reason: String,
    pub(crate) last_gate: Option<GateProgress>,
}

impl Session {
    /// Runs until told to end.
    pub(crate) async fn run(mut self, mut sources: Sources) -> String {
        let stop = self.shutdown.clone();
        let seconds = Seconds::start();
        self.say_notices().await;
        if self.checkpoints.newest().is_none() {
            self.checkpoint();
        }
        loop {
            let mut turn = Turn::default();
            self.repeat_news(&mut turn);
            let now = self.clock.now();
            let is_timed = self.waits_for_time(now);
            let uncovered = self.checkpoints.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(update) = sources.updates.recv() => self.on_update(update, &mut turn),
                Some(ended) = sources.ended.recv() => self.on_written(ended, &mut turn),
                Some(incoming) = sources.inputs.recv() => self.on_incoming(incoming, &mut turn),
                Some(reading) = sources.readings.recv() => self.on_reading(reading, &mut turn),
                // Everything timed is looked at on the full second, in one wakeup; without anything timed there is none.
                () = seconds.next(now), if is_timed => {}
                () = until(uncovered), if uncovered.is_some() => {}
            }
            if self.checkpoints.is_due(&[]) || self.wants_witness() {
                self.checkpoint();
            }
            self.drain(&mut sources, &mut turn);
            if self.amending.is_stopped {
                self.flush(&mut sources, &mut turn);
            }
            if turn.has_joined {
                // Its first screen leaves before the record of its coming is written.
                tokio::task::yield_now().await;
            }
            self.look_now_and_then();
            self.follow_terminals(&mut turn);
            self.finish(turn).await;
        }
        self.close(sources).await
    }

    /// Whether something may follow, or has to be tried again, without a further input.
    fn waits_for_time(&mut self, now: Moment) -> bool {
        let must_try_again = std::mem::take(&mut self.is_unsettled)
            || self.is_unwritable
            || !self.news.is_empty()
            || !self.failed_starts.is_empty()
            || self.said.waits();
        must_try_again || self.engine.waits_for_time(now.wall)
    }

    /// Takes what else is waiting, one of each kind in turn, so that one sync serves all of it and a flood of one
    /// kind starves no other.
    fn drain(&mut self, sources: &mut Sources, turn: &mut Turn) {
        for _ in 0..BATCH_MAX {
            let update = sources.updates.try_recv().ok();
            let ended = sources.ended.try_recv().ok();
            let incoming = sources.inputs.try_recv().ok();
            let reading = sources.readings.try_recv().ok();
            if update.is_none() && ended.is_none() && incoming.is_none() && reading.is_none() {
                return;
            }
            if let Some(update) = update {
                self.on_update(update, turn);
            }
            if let Some(ended) = ended {
                self.on_written(ended, turn);
            }
            if let Some(incoming) = incoming {
                self.on_incoming(incoming, turn);
            }
            if let Some(reading) = reading {
                self.on_reading(reading, turn);
            }
        }
    }

    /// Takes what the poll loops left that have ended, and lets others begin.
    fn flush(&mut self, sources: &mut Sources, turn: &mut Turn) {
        while let Ok(reading) = sources.readings.try_recv() {
            self.on_reading(reading, turn);
        }
        self.poll_anew();
    }

    fn on_reading(&mut self, reading: Reading, turn: &mut Turn) {
        if self.is_outdated(&reading) {
            return;
        }
        self.take(&Input::Reading(reading.clone()), turn, None);
        // A long list that hardly ever changes: a slow line is not asked to carry it twice a minute.
        let is_known = matches!(&reading, Reading::AlertRules { source, known }
            if self.board.alert_rules.get(source) == Some(known));
        self.board.absorb(reading.clone());
        self.look_out(&reading);
        self.after_reading(&reading, turn);
        if !is_known {
            turn.readings.push(reading);
        }
    }

    fn on_update(&mut self, update: Update, turn: &mut Turn) {
        match self.executor.news(update) {
            Some(ExecNews::Output(chunk)) => self.registry.broadcast(&ToClient::Output(chunk)),
            Some(ExecNews::Update(update)) => self.take_news(Input::Exec(update), turn),
            None => {}
        }
    }

    /// Stages news, and keeps it until it is durable.
    pub(crate) fn take_news(&mut self, input: Input, turn: &mut Turn) {
        self.take(&input, turn, None);
        self.news.push(input);
    }

    /// Stages again what the journal did not take.
    fn repeat_news(&mut self, turn: &mut Turn) {
        for input in std::mem::take(&mut self.news) {
            self.take_news(input, turn);
        }
    }

    /// Records who came and who went. Compared anew each time, so that a journal that could not be written for a
    /// while leaves nobody present who has gone.
    fn follow_terminals(&mut self, turn: &mut Turn) {
        let known = &self.engine.tentative().terminals;
        let gone = known.keys().filter(|id| !self.registry.is_terminal(**id));
        let mut inputs: Vec<Input> = gone
            .map(|terminal| Input::Detached {
                terminal: *terminal,
            })
            .collect();
        let new = self.registry.terminals();
        inputs.extend(
            new.filter(|(id, _)| !known.contains_key(id))
                .map(|(terminal, client)| Input::Attached {
                    terminal,
                    actor: client.actor.clone(),
                    read_only: client.read_only,
                }),
        );
        for input in inputs {
            self.take(&input, turn, None);
        }
    }

    /// Gives an input to the engine and stages what it proposes. `asked`: who waits for the answer.
    pub(crate) fn take(
        &mut self,
        input: &Input,
        turn: &mut Turn,
        asked: Option<(TerminalId, u64)>,
    ) {
        if matches!(input, Input::Ask { .. } | Input::Proposal { .. }) {
            self.catch_up();
        }
        let now = self.clock.now();
        let proposal = self.engine.propose(input, now, &self.world);
        let staged = self.stage(proposal.facts, now);
        let Some((terminal, number)) = asked else {
            return;
        };
        match (staged, proposal.refusal, proposal.prepare) {
            (Err(error), _, _) => turn.refuse(terminal, number, not_recorded(&error)),
            (Ok(()), Some(refusal), _) => turn.refuse(terminal, number, refusal),
            // Not answered yet: the command has to be rendered first.
            (Ok(()), None, Some(step)) => {
                self.render(terminal, number, &step, Purpose::Propose, turn);
            }
            (Ok(()), None, None) => turn.accepted.push((terminal, number)),
        }
    }

    /// Settles, writes, and only then shows and does.
    pub(crate) async fn finish(&mut self, turn: Turn) {
        let Turn {
            replies,
            accepted,
            readings,
            has_joined: _,
        } = turn;
        let refused = self.settle_and_write().await;
        // One look serves one go, and the end of the proposal if something had changed.
        self.world.look = Look::NotLooked;
        for _ in 0..FAILED_STARTS_MAX {
            if self.failed_starts.is_empty() {
                break;
            }
            for input in std::mem::take(&mut self.failed_starts) {
                self.take_news(input, &mut Turn::default());
            }
            self.settle_and_write().await;
        }
        self.registry.broadcast_readings(readings);
        for (terminal, number, refused) in replies {
            self.registry.reply(terminal, number, refused);
        }
        for (terminal, number) in accepted {
            self.registry.reply(terminal, number, refused.clone());
        }
        self.tell_scope();
        self.tell_clock();
        self.tell_people();
        let gate = self.engine.gate_progress();
        if gate != self.last_gate {
            self.board.gate.clone_from(&gate);
            self.registry.broadcast(&ToClient::Gate(gate.clone()));
            self.last_gate = gate;
        }
        let effects = self.engine.effects_now();
        if effects != self.board.effects {
            self.registry.broadcast(&ToClient::Effects(effects.clone()));
            self.board.effects = effects;
        }
        for terminal in self.registry.stranded() {
            self.bring_up_to_date(terminal);
        }
    }

    async fn settle_and_write(&mut self) -> Option<Refusal> {
        self.settle();
        self.write().await.err().map(|error| Refusal {
            reason: format!("nothing was done, because the journal cannot be written: {error}"),
            hint: error
                .hint()
                .unwrap_or("ask again; nothing already recorded is lost")
                .to_owned(),
        })
    }

    /// Settles before a person's word is judged: a reading, an outcome or a second that came just before it counts.
    pub(crate) fn catch_up(&mut self) {
        // The look belongs to the decision that follows.
        let look = std::mem::replace(&mut self.world.look, Look::NotLooked);
        self.settle();
        self.world.look = look;
    }

    pub(crate) fn settle(&mut self) {
        self.look_out_anew();
        self.settle_by(|session, now| session.engine.settle(now, &session.world));
    }

    /// Takes what `next` says until that is nothing.
    fn settle_by(&mut self, mut next: impl FnMut(&mut Self, Moment) -> Vec<(Actor, Fact)>) {
        let mut before = Vec::new();
        for _ in 0..SETTLE_MAX {
            let now = self.clock.now();
            let facts = next(self, now);
            if facts.is_empty() {
                return;
            }
            if facts == before {
                // What changed nothing follows again for ever: one such record is enough.
                break;
            }
            before.clone_from(&facts);
            if self.stage(facts, now).is_err() {
                return;
            }
        }
        self.is_unsettled = true;
        tracing::error!("automatic progress did not come to rest; it goes on with the next second");
    }

    /// Writes what is staged.
    ///
    /// # Errors
    /// [`AppendError`]: nothing of it has happened, and everybody has been told that the journal cannot be written.
    pub(crate) async fn write(&mut self) -> Result<(), AppendError> {
        if !self.ledger.has_staged() {
            // News that led to no fact came late or twice.
            self.news.clear();
            return Ok(());
        }
        match self.ledger.write().await {
            Ok(stamped) => {
                self.news.clear();
                let before = Arc::clone(&self.engine.state().genesis);
                let effects = self.engine.commit(&stamped);
                if before.plan_digest != self.engine.state().genesis.plan_digest {
                    self.follow_plan(&before.plan);
                }
                let is_due = self.checkpoints.is_due(&stamped);
                self.show(stamped);
                if is_due {
                    self.checkpoint();
                }
                self.do_all(effects);
                if std::mem::take(&mut self.is_unwritable) {
                    tracing::info!("the journal can be written again");
                    self.tell_health(JOURNAL, "");
                }
                Ok(())
            }
            Err(error) => {
                self.engine.unstage();
                // Told once, not at every try: a full log disk helps nobody.
                if !std::mem::replace(&mut self.is_unwritable, true) {
                    tracing::error!(%error, "the journal could not be written");
                    self.tell_health(JOURNAL, &error.to_string());
                }
                Err(error)
            }
        }
    }

    /// Shows whether the clock of this host is believed, where that has changed.
    fn tell_clock(&mut self) {
        let doubt = self.world.clock.doubt(self.clock.now());
        let why = doubt.map(|doubt| doubt.why).unwrap_or_default();
        if self.board.clock_doubt().unwrap_or_default() != why {
            tracing::warn!(
                why,
                "whether the clock of this host is believed has changed"
            );
            self.tell_health(CLOCK, &why);
        }
    }

    /// Shows whether it is known who people are, where that has changed.
    fn tell_people(&mut self) {
        if self.board.people_doubt().unwrap_or_default() != self.world.unread {
            let why = self.world.unread.clone();
            self.tell_health(PEOPLE, &why);
        }
    }

    /// Shows the state of something of this server to everybody, as that of a connector.
    fn tell_health(&mut self, name: &str, error: &str) {
        if let Ok(health) = Ledger::health(name, error, self.clock.now()) {
            let reading = Reading::Health(health);
            self.board.absorb(reading.clone());
            self.registry.broadcast_readings(vec![reading]);
        }
    }

    fn show(&mut self, stamped: Vec<Stamped>) {
        self.registry.broadcast_facts(&stamped);
        for mut fact in stamped {
            fact.forget_plan();
            if self.recent.len() >= RECENT_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back(fact);
        }
    }

    /// Signs what is durable, and shows it.
    fn checkpoint(&mut self) {
        let state = self.engine.state();
        let made = self.checkpoints.make(
            (&state.genesis, state.genesis_hash),
            state.head,
            self.ledger.bytes(),
            self.clock.now().wall,
        );
        if let Some(signed) = made {
            self.registry.broadcast(&ToClient::Checkpoint(signed));
        }
    }

    fn do_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Spawn { key, reviewed, .. } => {
                    let (state, log) = (self.engine.state(), self.ledger.log());
                    let failed = self.executor.spawn(state, &key, reviewed, log);
                    self.failed_starts.extend(failed.map(Input::Exec));
                }
                Effect::Page { step, attempt } => self.page(step, attempt),
                Effect::Write(no) => self.send_write(no),
                Effect::FindWrite(no) => self.find_write(no),
                Effect::StopProcess { key } => self.executor.stop(&key),
            }
        }
    }

    /// Stops commands, records the end, and says goodbye.
    async fn close(mut self, mut sources: Sources) -> String {
        let deadline = Instant::now() + STOP_MAX;
        self.executor.stop_all();
        let mut turn = Turn::default();
        self.repeat_news(&mut turn);
        while self.executor.is_busy() {
            let Ok(Some(update)) = tokio::time::timeout_at(deadline, sources.updates.recv()).await
            else {
                break;
            };
            self.on_update(update, &mut turn);
        }
        self.write().await.ok();
        self.end_silences(&mut sources).await;
        let reason = std::mem::take(&mut self.shutdown_reason);
        let closing = Input::Close {
            reason: reason.clone(),
        };
        self.take(&closing, &mut turn, None);
        self.write().await.ok();
        self.tell_scope_last().await;
        let state = self.engine.state();
        // A review may still be owed: it will be recorded, and covered, by a later server.
        if state.phase.is_final() && state.review_owed().is_none() {
            self.checkpoints.destroy();
        }
        self.registry.broadcast(&ToClient::Bye {
            reason: format!("the session server ended: {reason}"),
        });
        reason
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn not_recorded(error: &SealError) -> Refusal {
    let hint = match error {
        SealError::Impossible { .. } => "it is a fault of this program: the log has more of it",
        SealError::Fact(_) | SealError::Record(_) => "make it shorter, then ask again",
    };
    Refusal {
        reason: format!("nothing was done, because it cannot be recorded: {error}"),
        hint: hint.to_owned(),
    }
}

mod stage;
#[cfg(test)]
mod tests;
