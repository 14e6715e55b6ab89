//! Amendments: the runbook of a running session read again as `run` reads it, for somebody who wants it taken over; and
//! what the server does when two people have done so.
//!
//! Nothing of it comes from a client: the file is the session's own, and who seconds sees what is in the journal.

use super::session::{Session, Turn};
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
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Somebody wants to see what has changed.
    Preview,
    /// Somebody moves to take it over.
    Motion(Command),
}

/// A runbook that was read, or why not.
#[derive(Debug)]
pub(crate) struct RunbookRead {
    terminal: TerminalId,
    number: u64,
    wanted: Wanted,
    found: Result<Amendment, Refusal>,
    /// What it comes to; for a preview alone.
    preview: Option<Box<Preview>>,
}

/// The plan in force, as far as the server has something to do with it.
pub(crate) struct Amending {
    /// Reads the runbook as `run` does.
    reader: Option<Arc<dyn ReadRunbook>>,
    /// That is being done.
    is_reading: bool,
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
            is_reading: false,
            polled,
            words,
            is_stopping: false,
            is_stopped: false,
        }
    }
}

impl Session {
    /// Reads the runbook off this task, once at a time; the answer comes back as [`Incoming::RunbookRead`].
    pub(crate) fn read_runbook(
        &mut self,
        (terminal, number): (TerminalId, u64),
        wanted: Wanted,
        turn: &mut Turn,
    ) {
        let no = |reason: &str, hint: &str| Refusal {
            reason: reason.to_owned(),
            hint: hint.to_owned(),
        };
        let Some(reader) = self.amending.reader.clone() else {
            let refusal = no("this server cannot read runbooks", "");
            return turn.refuse(terminal, number, refusal);
        };
        if std::mem::replace(&mut self.amending.is_reading, true) {
            let refusal = no("the runbook is being read already", "ask again in a moment");
            return turn.refuse(terminal, number, refusal);
        }
        let signers = self.policy.rules.runbook_signers.clone();
        let (file, inputs) = (self.runbook_file.clone(), self.own_inputs.clone());
        let state = self.engine.state().clone();
        tokio::spawn(async move {
            // In a task of its own: should that break off, the next one is not in its way.
            let reading = tokio::spawn(reader.read(file, signers));
            let found = match tokio::time::timeout(READ_MAX, reading).await {
                Ok(Ok(found)) => found,
                Ok(Err(_)) => Err(no("reading the runbook broke off", "")),
                Err(_) => {
                    let seconds = READ_MAX.as_secs();
                    let reason =
                        format!("the runbook could not be read and checked in {seconds} s");
                    Err(no(&reason, "look at the disk and the CMDB, then ask again"))
                }
            };
            let is_preview = matches!(wanted, Wanted::Preview);
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
                terminal,
                number,
                wanted,
                found,
                preview,
            };
            inputs
                .send(Incoming::RunbookRead(Box::new(read)))
                .await
                .ok();
        });
    }

    /// Takes a runbook that was read.
    pub(crate) fn on_runbook_read(&mut self, read: RunbookRead, turn: &mut Turn) {
        let RunbookRead {
            terminal,
            number,
            wanted,
            found,
            preview,
        } = read;
        self.amending.is_reading = false;
        let amendment = match found {
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
                let Some(client) = self.registry.get(terminal) else {
                    return;
                };
                let actor = client.actor.clone();
                // It is about this one decision.
                self.world.amendment = Some(Arc::new(amendment));
                self.ask_as_speaker((terminal, number), &actor, command, turn);
                self.world.amendment = None;
            }
        }
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
        polls::tell(&self.amending.words, Word::Start(specs));
    }
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
