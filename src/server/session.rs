//! The session task: owns the engine and the journal, takes one input at a time, and lets nothing be seen before it
//! is durable.

use super::clients::Registry;
use super::exec::{ExecNews, Executor};
use super::input::Incoming;
use super::ledger::Ledger;
use super::policy::{PeopleSource, Policy};
use super::render::Purpose;
use crate::clock::Clock;
use crate::domain::board::Board;
use crate::domain::command::Refusal;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Stamped};
use crate::domain::id::TerminalId;
use crate::domain::reading::Reading;
use crate::domain::world::{Look, World};
use crate::engine::{Effect, Engine, ExecUpdate, Input};
use crate::runner::Update;
use crate::wire::message::{RECENT_MAX, ToClient};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Inputs of one kind taken before facts are written: one sync then serves them all, and keys wait for one at most.
const BATCH_MAX: usize = 256;
/// Rounds of automatic progress after one batch: a plan of 2,000 steps settles in less; more is a loop.
const SETTLE_MAX: usize = 10_000;
/// How often the files of policy and runbook are read again while a proposal is open (`TWO_PERSON` 4.4).
const WORLD_EVERY: Duration = Duration::from_secs(5);
/// Longest wait for running commands when the server is told to end: their grace and a little more.
const STOP_MAX: Duration = Duration::from_secs(8);

/// Channels into the session task.
#[derive(Debug)]
pub(crate) struct Sources {
    /// From sockets.
    pub(crate) inputs: mpsc::Receiver<Incoming>,
    /// From connectors.
    pub(crate) readings: mpsc::Receiver<Reading>,
    /// From running commands.
    pub(crate) updates: mpsc::Receiver<Update>,
}

/// What waits until the facts of this turn are durable.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Answers to people.
    pub(crate) replies: Vec<(TerminalId, u64, Option<Refusal>)>,
    /// Answers that hang on the journal: accepted once it is written.
    pub(crate) accepted: Vec<(TerminalId, u64)>,
    /// Readings for everybody.
    pub(crate) readings: Vec<Reading>,
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
    pub(crate) runbook_file: PathBuf,
    pub(crate) world: World,
    pub(crate) world_read: Option<Instant>,
    pub(crate) recent: VecDeque<Stamped>,
    pub(crate) clock: Arc<dyn Clock>,
    /// To this task itself, for answers of tasks that look at the disk.
    pub(crate) own_inputs: mpsc::Sender<Incoming>,
    /// News of commands that the journal would not take yet.
    pub(crate) unwritten: Vec<ExecUpdate>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) shutdown_reason: String,
    pub(crate) last_gate: Option<crate::domain::board::GateProgress>,
}

impl Session {
    /// Runs until told to end.
    pub(crate) async fn run(mut self, mut sources: Sources) -> String {
        let stop = self.shutdown.clone();
        loop {
            let mut turn = Turn::default();
            let tick = self.next_tick();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(incoming) = sources.inputs.recv() => self.on_incoming(incoming, &mut turn).await,
                Some(update) = sources.updates.recv() => self.on_update(update, &mut turn),
                Some(reading) = sources.readings.recv() => self.on_reading(reading, &mut turn),
                () = tokio::time::sleep(tick) => self.on_tick(&mut turn).await,
            }
            self.drain(&mut sources, &mut turn).await;
            self.finish(turn).await;
        }
        self.close(&mut sources).await
    }

    /// Takes what else is waiting, so that one sync serves all of it.
    async fn drain(&mut self, sources: &mut Sources, turn: &mut Turn) {
        for _ in 0..BATCH_MAX {
            if let Ok(incoming) = sources.inputs.try_recv() {
                self.on_incoming(incoming, turn).await;
            } else if let Ok(update) = sources.updates.try_recv() {
                self.on_update(update, turn);
            } else if let Ok(reading) = sources.readings.try_recv() {
                self.on_reading(reading, turn);
            } else {
                return;
            }
        }
    }

    /// Time to the next full second: everything timed is looked at then, in one wakeup.
    fn next_tick(&self) -> Duration {
        let into = u64::try_from(self.clock.now().wall.as_millis().rem_euclid(1000)).unwrap_or(0);
        Duration::from_millis(1000 - into)
    }

    async fn on_tick(&mut self, turn: &mut Turn) {
        for update in std::mem::take(&mut self.unwritten) {
            self.take(&Input::Exec(update), turn, None);
        }
        if self.engine.state().proposal.is_some()
            && self
                .world_read
                .is_none_or(|read| read.elapsed() >= WORLD_EVERY)
        {
            self.read_world().await;
        }
        self.take(&Input::Tick, turn, None);
    }

    pub(crate) fn on_reading(&mut self, reading: Reading, turn: &mut Turn) {
        self.take(&Input::Reading(reading.clone()), turn, None);
        self.board.absorb(reading.clone());
        turn.readings.push(reading);
    }

    fn on_update(&mut self, update: Update, turn: &mut Turn) {
        let Some(news) = self.executor.news(update) else {
            return;
        };
        match news {
            ExecNews::Output(chunk) => self.registry.broadcast(&ToClient::Output(chunk)),
            news => {
                if let Some(update) = exec_update(news) {
                    self.take(&Input::Exec(update), turn, None);
                }
            }
        }
    }

    /// Gives an input to the engine and stages what it proposes. `asked`: who waits for the answer.
    pub(crate) fn take(
        &mut self,
        input: &Input,
        turn: &mut Turn,
        asked: Option<(TerminalId, u64)>,
    ) {
        let now = self.clock.now();
        let proposal = self.engine.propose(input, now, &self.world);
        self.stage(proposal.facts, now);
        if let (Some(step), Some((terminal, number))) = (&proposal.prepare, asked) {
            // Not answered yet: the command has to be rendered first.
            self.render(terminal, number, step, Purpose::Propose, turn);
            return;
        }
        if let Some((terminal, number)) = asked {
            match proposal.refusal {
                Some(refusal) => turn.replies.push((terminal, number, Some(refusal))),
                None => turn.accepted.push((terminal, number)),
            }
        }
    }

    fn stage(
        &mut self,
        facts: Vec<(Actor, crate::domain::fact::Fact)>,
        now: crate::domain::time::Moment,
    ) {
        for (actor, fact) in facts {
            match self
                .ledger
                .seal(actor, fact, now, Some(self.engine.tentative()))
            {
                Ok(stamped) => self.engine.stage(std::slice::from_ref(&stamped)),
                Err(error) => tracing::error!(%error, "a fact could not be written as a record"),
            }
        }
    }

    /// Settles, writes, and only then shows and does.
    async fn finish(&mut self, turn: Turn) {
        let Turn {
            replies,
            accepted,
            readings,
        } = turn;
        self.settle();
        let refused = self.write().await;
        if !readings.is_empty() {
            self.registry.broadcast(&ToClient::Readings(readings));
        }
        for (terminal, number, refused) in replies {
            self.registry
                .send(terminal, &[ToClient::Reply { number, refused }]);
        }
        for (terminal, number) in accepted {
            self.registry.send(
                terminal,
                &[ToClient::Reply {
                    number,
                    refused: refused.clone(),
                }],
            );
        }
        let gate = self.engine.gate_progress();
        if gate != self.last_gate {
            self.board.gate.clone_from(&gate);
            self.registry.broadcast(&ToClient::Gate(gate.clone()));
            self.last_gate = gate;
        }
    }

    fn settle(&mut self) {
        for _ in 0..SETTLE_MAX {
            let now = self.clock.now();
            let facts = self.engine.settle(now, &self.world);
            if facts.is_empty() {
                return;
            }
            self.stage(facts, now);
        }
        tracing::error!("automatic progress did not come to rest; it goes on with the next input");
    }

    /// Writes what is staged. The refusal is for everybody who waits when the journal cannot be written.
    async fn write(&mut self) -> Option<Refusal> {
        if !self.ledger.has_staged() {
            return None;
        }
        match self.ledger.write().await {
            Ok(stamped) => {
                let effects = self.engine.commit(&stamped);
                self.show(stamped);
                self.do_all(effects);
                None
            }
            Err(error) => {
                tracing::error!(%error, "the journal could not be written");
                self.engine.unstage();
                if let Ok(health) = self.ledger.health(&error.to_string(), self.clock.now()) {
                    let reading = Reading::Health(health);
                    self.board.absorb(reading.clone());
                    self.registry.broadcast(&ToClient::Readings(vec![reading]));
                }
                Some(Refusal {
                    reason: format!("nothing was done, because the journal cannot be written: {error}"),
                    hint: "make room on the session's disk, then ask again; nothing already recorded is lost".to_owned(),
                })
            }
        }
    }

    fn show(&mut self, stamped: Vec<Stamped>) {
        for fact in &stamped {
            if self.recent.len() >= RECENT_MAX {
                self.recent.pop_front();
            }
            self.recent.push_back(fact.clone());
        }
        self.registry.broadcast(&ToClient::Facts(stamped));
    }

    fn do_all(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Spawn { key, .. } => {
                    let failed = self.executor.spawn(self.engine.state(), &key);
                    // Its outcome is a fact like any other and goes the same way, with the next tick at the latest.
                    self.unwritten.extend(failed.and_then(exec_update));
                }
                Effect::StopProcess { key } => self.executor.stop(&key),
            }
        }
    }

    /// Reads policy and runbook anew, off this task.
    pub(crate) async fn read_world(&mut self) {
        let (people, runbook) = (self.people.clone(), self.runbook_file.clone());
        let read = tokio::task::spawn_blocking(move || {
            let policy = Policy::read(&people);
            let runbook = std::fs::read(&runbook).ok().map(|bytes| Digest::of(&bytes));
            (policy, runbook)
        })
        .await;
        self.world_read = Some(Instant::now());
        match read {
            Ok((Ok(policy), runbook)) => {
                let (digest, roster) = (Some(policy.digest), policy.roster());
                self.world = World {
                    policy: digest,
                    runbook,
                    look: Look::NotLooked,
                    roster,
                };
                self.policy = policy;
            }
            Ok((Err(error), runbook)) => {
                tracing::error!(%error, "the people file cannot be read; nothing can be confirmed");
                let roster = self.policy.roster();
                self.world = World {
                    policy: None,
                    runbook,
                    look: Look::NotLooked,
                    roster,
                };
            }
            Err(error) => {
                tracing::error!(%error, "the policy could not be read");
                self.world.policy = None;
            }
        }
    }

    /// Stops commands, records the end, and says goodbye.
    async fn close(mut self, sources: &mut Sources) -> String {
        let deadline = Instant::now() + STOP_MAX;
        self.executor.stop_all();
        while self.executor.is_busy() {
            let Ok(Some(update)) = tokio::time::timeout_at(deadline, sources.updates.recv()).await
            else {
                break;
            };
            let mut turn = Turn::default();
            self.on_update(update, &mut turn);
            self.write().await;
        }
        let reason = std::mem::take(&mut self.shutdown_reason);
        self.take(
            &Input::Close {
                reason: reason.clone(),
            },
            &mut Turn::default(),
            None,
        );
        self.write().await;
        self.registry.broadcast(&ToClient::Bye {
            reason: format!("the session server ended: {reason}"),
        });
        // The writers get a moment for the goodbye; a stalled one is not waited for.
        tokio::time::timeout(Duration::from_millis(300), self.registry.drained())
            .await
            .ok();
        reason
    }
}

/// What the engine hears of a command; output is not its business.
fn exec_update(news: ExecNews) -> Option<ExecUpdate> {
    Some(match news {
        ExecNews::Spawned { key, pid } => ExecUpdate::Spawned { key, pid },
        ExecNews::Ended {
            key,
            outcome,
            output,
        } => ExecUpdate::Ended {
            key,
            outcome,
            output,
        },
        ExecNews::Lost { key, why } => {
            tracing::error!(%key, %why, "nobody knows how a command ended");
            ExecUpdate::Lost { key }
        }
        ExecNews::Output(_) => return None,
    })
}
