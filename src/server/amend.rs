//! Amendments: the runbook of a running session read again as `run` reads it, for somebody who wants it taken over; and
//! what the server does when two people have done so.
//!
//! Nothing of it comes from a client: the file is the session's own, and who seconds sees what is in the journal.

use super::reads::{self, Reads, Wish};
use super::session::{Session, Turn};
use super::world::Waiting;
use crate::connect::query::specs_for;
use crate::domain::amend::{self, Amendment, asked_anew};
use crate::domain::command::{Command, Refusal};
use crate::domain::digest::Digest;
use crate::domain::freeze;
use crate::domain::id::TerminalId;
use crate::domain::reading::Reading;
use crate::domain::runbook::plan::Plan;
use crate::domain::state::State;
use crate::domain::touched;
use crate::server::input::Incoming;
use crate::server::polls::{self, Word};
use crate::wire::amendment::Preview;
use crate::wire::message::ToClient;
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Longest wait for a runbook: a CMDB is asked for its units, and Git about the file.
const READ_MAX: Duration = Duration::from_secs(45);

/// Reads the runbook of a session as `warroom run` does: checked, with the CMDB where its units are known there alone, and
/// with what Git says of the file.
pub trait ReadRunbook: Send + Sync {
    /// Reads `file`. `signers` names those whose signatures count for it, where the policy does.
    ///
    /// # Errors
    /// What is wrong with it, in words for the person who asked; bounded.
    fn read(
        &self,
        file: PathBuf,
        signers: Option<PathBuf>,
    ) -> BoxFuture<'static, Result<Amendment, Refusal>>;
}

/// What the runbook is read for.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// Somebody wants to see what has changed.
    Preview,
    /// Somebody moves to take it over.
    Motion(Command),
}

/// A runbook that was read, or why not.
#[derive(Debug)]
pub(crate) struct RunbookRead {
    wish: Wish,
    /// The policy whose signers counted for it.
    policy: Digest,
    /// It was not in time, and still goes on.
    is_late: bool,
    found: Result<Amendment, Refusal>,
    /// What it comes to; for a preview alone.
    preview: Option<Box<Preview>>,
}

/// A motion whose runbook was read, and which is decided now.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) terminal: TerminalId,
    pub(crate) number: u64,
    command: Command,
    amendment: Arc<Amendment>,
    /// The policy whose signers counted for it.
    policy: Digest,
}

/// The plan in force, as far as the server has something to do with it.
pub(crate) struct Amending {
    /// Reads the runbook as `run` does.
    reader: Option<Arc<dyn ReadRunbook>>,
    /// Who waits for that.
    pub(crate) reads: Reads,
    /// The plan whose questions the poll loops ask.
    polled: Digest,
    /// Tells them to stop and to start.
    words: mpsc::Sender<Word>,
    /// They were told to stop, and have not yet.
    is_stopping: bool,
    /// They have stopped; their last answers wait in the queue.
    pub(crate) is_stopped: bool,
}

impl Amending {
    /// The poll loops ask what this plan asks.
    pub(crate) fn new(
        polled: Digest,
        words: mpsc::Sender<Word>,
        reader: Option<Arc<dyn ReadRunbook>>,
    ) -> Self {
        Self {
            reader,
            reads: Reads::default(),
            polled,
            words,
            is_stopping: false,
            is_stopped: false,
        }
    }
}

impl Session {
    /// Has the runbook read as soon as it is this one's turn.
    pub(crate) fn read_runbook(&mut self, wish: Wish, turn: &mut Turn) {
        let (terminal, number) = (wish.terminal, wish.number);
        if self.amending.reader.is_none() {
            let refusal = no("this server cannot read runbooks", "");
            return turn.refuse(terminal, number, refusal);
        }
        match self.amending.reads.ask(wish, Instant::now()) {
            Ok(older) => {
                if let Some(older) = older {
                    turn.refuse(older.terminal, older.number, replaced());
                }
                self.begin_reads();
            }
            Err(refusal) => turn.refuse(terminal, number, refusal),
        }
    }

    /// Begins what has its turn.
    fn begin_reads(&mut self) {
        let Some(reader) = self.amending.reader.clone() else {
            return;
        };
        while let Some(wish) = self.amending.reads.next() {
            self.begin_read(Arc::clone(&reader), wish);
        }
    }

    /// Reads the runbook off this task; the answer comes back as [`Incoming::RunbookRead`].
    fn begin_read(&self, reader: Arc<dyn ReadRunbook>, wish: Wish) {
        let policy = self.policy.digest;
        let signers = self.policy.rules.runbook_signers.clone();
        let (file, inputs) = (self.runbook_file.clone(), self.own_inputs.clone());
        let state = self.engine.state().clone();
        tokio::spawn(async move {
            // In a task of its own: should that break off, the next one is not in its way.
            let mut reading = tokio::spawn(async move { reader.read(file, signers).await });
            let in_time = tokio::time::timeout(READ_MAX, &mut reading).await;
            let late = in_time
                .is_err()
                .then(|| (wish.terminal, wish.wanted.clone()));
            let found = match in_time {
                Ok(Ok(found)) => found,
                Ok(Err(_)) => Err(no("reading the runbook broke off", "")),
                Err(_) => {
                    let seconds = READ_MAX.as_secs();
                    let reason =
                        format!("the runbook could not be read and checked in {seconds} s");
                    Err(no(&reason, "look at the disk and the CMDB, then ask again"))
                }
            };
            let is_preview = matches!(wish.wanted, Wanted::Preview);
            let number = wish.number;
            let made = tokio::task::spawn_blocking(move || {
                let preview = match &found {
                    Ok(read) if is_preview => Some(Box::new(preview(&state, read, number))),
                    _ => None,
                };
                (found, preview)
            });
            let (found, preview) = made
                .await
                .unwrap_or_else(|_| (Err(no("reading the runbook broke off", "")), None));
            let read = RunbookRead {
                wish,
                policy,
                is_late: late.is_some(),
                found,
                preview,
            };
            let read = Incoming::RunbookRead(Box::new(read));
            inputs.send(read).await.ok();
            if let Some((terminal, wanted)) = late {
                reading.await.ok();
                let back = Incoming::RunbookBack(terminal, Box::new(wanted));
                inputs.send(back).await.ok();
            }
        });
    }

    /// A look at the runbook has returned that went beyond its time.
    pub(crate) fn on_runbook_back(&mut self, terminal: TerminalId, wanted: &Wanted) {
        self.amending.reads.ended(terminal, wanted, false);
        self.begin_reads();
    }

    /// Takes a runbook that was read.
    pub(crate) fn on_runbook_read(&mut self, read: RunbookRead, turn: &mut Turn) {
        let RunbookRead {
            wish,
            policy,
            is_late,
            found,
            preview,
        } = read;
        let Wish {
            terminal,
            number,
            wanted,
        } = wish;
        let has_newer = self.amending.reads.ended(terminal, &wanted, is_late);
        for wish in self.amending.reads.stranded() {
            turn.refuse(wish.terminal, wish.number, reads::stuck());
        }
        self.begin_reads();
        let amendment = match found {
            _ if has_newer => return turn.refuse(terminal, number, replaced()),
            Ok(amendment) => amendment,
            Err(refusal) => return turn.refuse(terminal, number, refusal),
        };
        match wanted {
            Wanted::Preview => {
                if let Some(preview) = preview {
                    let message = ToClient::Amendment(preview);
                    self.registry.send(terminal, &message);
                }
                turn.replies.push((terminal, number, None));
            }
            Wanted::Motion(command) => {
                let ready = Ready {
                    terminal,
                    number,
                    command,
                    amendment: Arc::new(amendment),
                    policy,
                };
                // Reading may have taken a while: who is who is looked up anew for the decision.
                self.after_a_look(Waiting::Amend(Box::new(ready)), turn);
            }
        }
    }

    /// Decides a motion to take over a runbook that was read, by people who were read since.
    pub(crate) fn move_amendment(&mut self, ready: Ready, turn: &mut Turn) {
        let Ready {
            terminal,
            number,
            command,
            amendment,
            policy,
        } = ready;
        let Some(client) = self.registry.get(terminal) else {
            return;
        };
        let actor = client.actor.clone();
        if let Some(refusal) = self.unread_for(&command) {
            return turn.refuse(terminal, number, refusal);
        }
        if policy != self.policy.digest {
            let reason = "the policy files changed while the runbook was read";
            return turn.refuse(terminal, number, no(reason, "move it again"));
        }
        // It is about this one decision.
        self.world.amendment = Some(amendment);
        self.ask_as_speaker((terminal, number), &actor, command, turn);
        self.world.amendment = None;
    }

    /// True for an answer to a question of a plan that is in force no more, or is about to be.
    pub(crate) fn is_outdated(&self, reading: &Reading) -> bool {
        let is_answer = matches!(reading, Reading::Queries { .. } | Reading::Ranges { .. });
        is_answer && self.engine.tentative().genesis.plan_digest != self.amending.polled
    }

    /// Lets everything follow that the server has made from the plan before `old`'s place was taken.
    pub(crate) fn follow_plan(&mut self, old: &Plan) {
        let state = self.engine.state();
        let plan = state.plan();
        self.world.touched = touched::names(plan, &self.board.components);
        self.world.unmatched = touched::unmatched(plan, &self.board.components);
        self.world.freezes = freeze::standing(&state.genesis, &self.board);
        let anew = asked_anew(old, plan);
        let panels = &state.genesis.panels;
        let is_same = specs_for(old, panels) == specs_for(plan, panels);
        let digest = state.genesis.plan_digest;
        self.board.metrics.retain(|rule, _| !anew.contains(rule));
        if is_same && !self.amending.is_stopping {
            self.amending.polled = digest;
        } else if !std::mem::replace(&mut self.amending.is_stopping, true) {
            polls::tell(&self.amending.words, Word::Stop);
        }
        self.said.look_again();
        self.look_at_alerts();
        self.tell_around();
    }

    /// Asks what the plan in force asks, once no answer to an earlier question is on its way.
    pub(crate) fn poll_anew(&mut self) {
        let genesis = &self.engine.state().genesis;
        let specs = specs_for(&genesis.plan, &genesis.panels);
        self.amending.polled = genesis.plan_digest;
        self.amending.is_stopping = false;
        self.amending.is_stopped = false;
        // The new loops may need a moment for their first answer, as after the start.
        self.world.outlook.since = self.clock.now().wall;
        polls::tell(&self.amending.words, Word::Start(specs));
    }
}

fn no(reason: &str, hint: &str) -> Refusal {
    Refusal {
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    }
}

/// The answer to a question that nobody needs an answer to any more.
fn replaced() -> Refusal {
    no(
        "you have asked again what has changed in the runbook",
        "the newest question is answered",
    )
}

/// What a changed runbook would come to. A plan that cannot be taken over is shown as it stands in the file.
fn preview(state: &State, read: &Amendment, number: u64) -> Preview {
    let adopted = amend::adopt(state, read);
    let (plan, changes, is_pinned, against) = match &adopted {
        Ok(adopted) => {
            let is_pinned = amend::is_pinned(state, adopted, read);
            (
                &adopted.plan,
                adopted.changes.clone(),
                is_pinned,
                Vec::new(),
            )
        }
        Err(against) => (&read.plan, Vec::new(), false, against.clone()),
    };
    let preview = Preview {
        number,
        from: state.genesis.plan_digest,
        to: read.plan.digest(),
        is_pinned,
        against,
        changes,
        lines: amend::diff(state.plan(), plan),
        more: 0,
    };
    preview.bounded()
}
