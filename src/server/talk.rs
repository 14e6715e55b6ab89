//! What attached clients say, and what they are told.

use super::amend::Wanted;
use super::clients::Drafted;
use super::input::Incoming;
use super::reads::Wish;
use super::render::{self, Purpose};
use super::session::{Session, Turn};
use super::snapshot;
use super::world::Waiting;
use crate::domain::board::OutputTail;
use crate::domain::command::{Command, Refusal, Signed};
use crate::domain::confirm::plan_doc::{self, PlanInputs};
use crate::domain::decide::Prepared;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, ExecKey, Stamped};
use crate::domain::id::{Seq, StepId, TerminalId};
use crate::domain::world::Look;
use crate::engine::Input;
use crate::wire::codec;
use crate::wire::message::{Draft, Snapshot, ToClient, ToServer};
use std::sync::Arc;

/// Records in one answer: they fit one frame many times over.
const RECORDS_MAX: u32 = 500;
/// Executables read at a time: a disk that does not answer keeps a thread for each.
pub(crate) const RENDERS_MAX: usize = 4;

impl Session {
    /// Takes one input.
    pub(crate) fn on_incoming(&mut self, incoming: Incoming, turn: &mut Turn) {
        match incoming {
            Incoming::Joining(joining) => self.on_joining(joining, turn),
            Incoming::Said { terminal, message } => self.on_said(terminal, *message, turn),
            Incoming::Drained { terminal } => {
                if self.registry.has_missed(terminal) {
                    self.bring_up_to_date(terminal);
                }
            }
            Incoming::Left { terminal } => {
                self.registry.remove(terminal);
                self.amending.reads.left(terminal);
            }
            Incoming::Rendered(rendered) => self.on_rendered(*rendered, turn),
            Incoming::Looked(looked) => self.on_looked(*looked, turn),
            Incoming::GlassTried(tried) => self.on_glass_tried(*tried, turn),
            Incoming::Paged(step, attempt, page) => {
                let paged = Input::Paged {
                    step,
                    attempt,
                    page,
                };
                self.take_news(paged, turn);
            }
            // Not kept for later: where the journal cannot be written now, the next checkpoint is witnessed too.
            Incoming::Witnessed(seq, by) => {
                self.take(&Input::Witnessed { seq, by }, turn, None);
            }
            Incoming::RunbookRead(read) => self.on_runbook_read(*read, turn),
            Incoming::RunbookBack(terminal, wanted) => self.on_runbook_back(terminal, &wanted),
            Incoming::PollsStopped => self.amending.is_stopped = true,
            Incoming::CodeTried(tried) => self.on_code_tried(*tried, turn),
            Incoming::Noticed { text } => self.take(&Input::Notice { text }, turn, None),
            Incoming::DiskBack => self.on_disk_back(),
        }
    }

    fn on_said(&mut self, terminal: TerminalId, message: ToServer, turn: &mut Turn) {
        let Some(client) = self.registry.get(terminal) else {
            return;
        };
        let (actor, read_only) = (client.actor.clone(), client.read_only);
        match message {
            ToServer::Ask { number, command } if read_only && !command.is_veto() => {
                turn.refuse(terminal, number, only_looking(&command));
            }
            ToServer::Ask { number, command } if command.needs_fresh_policy() => {
                let waiting = Waiting::Ask {
                    terminal,
                    number,
                    command,
                };
                self.after_a_look(waiting, turn);
            }
            ToServer::Ask { number, command } => {
                let input = Input::Ask {
                    actor,
                    terminal,
                    number,
                    command,
                };
                self.take(&input, turn, Some((terminal, number)));
            }
            ToServer::Records { from, count } => {
                self.send_records(terminal, from, count.min(RECORDS_MAX));
            }
            ToServer::Headers { from, count } => {
                self.send_headers(terminal, from, count.min(RECORDS_MAX));
            }
            ToServer::Kept { seq } => self.on_kept(terminal, seq, turn),
            ToServer::Seen { seq, hash } => self.on_seen(terminal, seq, hash),
            ToServer::Output { key, offset } => self.send_output(terminal, &key, offset),
            ToServer::SignIn {
                number,
                signed: None,
            } => self.send_challenge(terminal, number, turn),
            ToServer::SignIn {
                number,
                signed: Some(signed),
            } => {
                let waiting = Waiting::SignIn {
                    terminal,
                    number,
                    signed,
                };
                self.after_a_look(waiting, turn);
            }
            ToServer::ReadRunbook { number } if read_only => {
                let refusal = Refusal {
                    reason: "`amend` is refused: this terminal may only look".to_owned(),
                    hint: "what is moved is shown to everybody".to_owned(),
                };
                turn.refuse(terminal, number, refusal);
            }
            ToServer::ReadRunbook { number } => {
                let wish = Wish {
                    terminal,
                    number,
                    wanted: Wanted::Preview,
                };
                self.read_runbook(wish, turn);
            }
            ToServer::Shutdown { reason } if !read_only => {
                self.shutdown_reason = format!("{reason} (by {actor})");
                self.shutdown.cancel();
            }
            // A second greeting says nothing new, and an observer ends nothing.
            ToServer::Shutdown { .. } | ToServer::Hello(_) => {}
        }
    }

    /// Renders a command off this task; the answer comes back as [`Incoming::Rendered`].
    pub(crate) fn render(
        &mut self,
        terminal: TerminalId,
        number: u64,
        step: &StepId,
        purpose: Purpose,
        turn: &mut Turn,
    ) {
        let drafted = render::draft(
            self.executor.workplace(),
            self.engine.tentative(),
            step,
            &purpose,
            self.clock.now(),
        );
        let place = Arc::clone(&self.renders)
            .try_acquire_owned()
            .map_err(|_| "the disk has not answered earlier looks at a command".to_owned());
        let (draft, place) = match drafted.and_then(|draft| Ok((draft, place?))) {
            Ok(ready) => ready,
            Err(reason) => return turn.refuse(terminal, number, not_rendered(&reason)),
        };
        let (inputs, step) = (self.own_inputs.clone(), step.clone());
        let going = matches!(purpose, Purpose::Go(..)).then(|| self.going());
        tokio::spawn(async move {
            let reading = tokio::task::spawn_blocking(move || {
                let _place = place;
                let result = render::finish(draft);
                // Said last, so that it is said for as short a time as may be where nothing comes of it.
                let scope = going.filter(|_| result.is_ok()).map(|going| going.take());
                (result, scope)
            });
            let (result, scope) = match tokio::time::timeout(render::RENDER_MAX, reading).await {
                Ok(Ok(found)) => found,
                Ok(Err(_)) => (Err("the look at the executable broke off".to_owned()), None),
                Err(_) => (
                    Err("the executable could not be read in time".to_owned()),
                    None,
                ),
            };
            let rendered = render::Rendered {
                purpose,
                terminal,
                number,
                step,
                result,
                scope,
            };
            inputs
                .send(Incoming::Rendered(Box::new(rendered)))
                .await
                .ok();
        });
    }

    fn on_rendered(&mut self, mut rendered: render::Rendered, turn: &mut Turn) {
        let terminal = rendered.terminal;
        let number = rendered.number;
        let is_go = matches!(rendered.purpose, Purpose::Go(..));
        let is_told = is_go && self.gone(rendered.scope.take());
        let Some(client) = self.registry.get(terminal) else {
            return;
        };
        let actor = client.actor.clone();
        match rendered.purpose.clone() {
            Purpose::Propose => self.on_rendered_proposal(rendered, actor, turn),
            Purpose::Go(attempt, signed) => {
                // Nothing goes that was not armed when go was pressed: the others have not been told that it runs.
                self.world.look = if is_told || rendered.result.is_err() {
                    self.look(&rendered.result)
                } else {
                    Look::NotLooked
                };
                let command = Command::Go {
                    step: rendered.step,
                    attempt,
                    signed,
                };
                self.ask_as_speaker((terminal, number), &actor, command, turn);
            }
        }
    }

    /// Opens a proposal, or asks its proposer to sign it first.
    fn on_rendered_proposal(&mut self, rendered: render::Rendered, actor: Actor, turn: &mut Turn) {
        let (terminal, number) = (rendered.terminal, rendered.number);
        let step = rendered.step.clone();
        let prepared = match prepared(rendered, &actor) {
            Ok(prepared) => prepared,
            Err(reason) => return turn.refuse(terminal, number, not_rendered(&reason)),
        };
        let wants = self.wants_signed_proposal(&step, &prepared.executor);
        if !wants {
            let input = Input::Proposal {
                actor,
                step,
                prepared,
            };
            return self.take(&input, turn, Some((terminal, number)));
        }
        let now = self.clock.now();
        let terms = self
            .engine
            .draft_terms(&actor, &step, &prepared, now, &self.world);
        match terms {
            Ok(terms) => {
                let plan = prepared.plan;
                if let Some(client) = self.registry.get_mut(terminal) {
                    client.draft = Some(Drafted {
                        terms: terms.clone(),
                        plan: plan.clone(),
                    });
                }
                let draft = Draft {
                    number,
                    terms,
                    plan,
                };
                self.registry
                    .send(terminal, &ToClient::Draft(Box::new(draft)));
                turn.replies.push((terminal, number, None));
            }
            Err(refused) => turn.refuse(terminal, number, refused.refusal),
        }
    }

    /// Opens the proposal whose draft this terminal was sent and has signed.
    pub(crate) fn propose_signed(
        &mut self,
        (terminal, number): (TerminalId, u64),
        step: &StepId,
        signed: &Signed,
        turn: &mut Turn,
    ) {
        let Some(client) = self.registry.get_mut(terminal) else {
            return;
        };
        let connection = client.actor.clone();
        let Some(draft) = client
            .draft
            .take()
            .filter(|draft| draft.terms.step == *step)
        else {
            let refusal = Refusal {
                reason: "there is no draft of this proposal to sign".to_owned(),
                hint: "propose it, then sign what comes".to_owned(),
            };
            return turn.refuse(terminal, number, refusal);
        };
        match self.proposer(&connection, &draft.terms, signed) {
            Ok(actor) => {
                let prepared = Prepared {
                    plan: draft.plan,
                    nonce: draft.terms.nonce.clone(),
                    executor: draft.terms.executor.clone(),
                    signed: Some(Box::new((draft.terms, signed.signature.clone()))),
                };
                let input = Input::Proposal {
                    actor,
                    step: step.clone(),
                    prepared,
                };
                self.take(&input, turn, Some((terminal, number)));
            }
            Err(refused) => turn.refuse(terminal, number, refused),
        }
    }

    /// Compares the open proposal's plan with what its command would be now.
    fn look(&self, rendered: &Result<PlanInputs, String>) -> Look {
        let changed = |what: String| Look::Changed { what };
        let Some(proposal) = &self.engine.tentative().proposal else {
            return Look::NotLooked;
        };
        match rendered {
            Err(reason) => changed(reason.clone()),
            Ok(inputs) => match plan_doc::difference(&proposal.plan, inputs) {
                Ok(None) => Look::Same,
                Ok(Some(line)) => changed(format!("line `{line}` of the plan")),
                Err(error) => changed(error.to_string()),
            },
        }
    }

    /// Tells a client that it has missed something, and sends it everything anew.
    pub(crate) fn bring_up_to_date(&mut self, terminal: TerminalId) {
        self.start_over(terminal, &ToClient::Lagged);
    }

    /// Sends a client everything, behind `first`.
    pub(crate) fn start_over(&mut self, terminal: TerminalId, first: &ToClient) {
        let snapshot = Snapshot {
            state: self.engine.state().clone(),
            board: self.board.clone(),
            outputs: self.executor.tails(),
            recent: snapshot::newest(&self.recent),
            around: self.nearby.told.clone(),
        };
        match codec::encode(first).and_then(|first| snapshot::frames(first, snapshot)) {
            Ok(frames) => {
                self.registry.start_over(terminal, frames);
                if let Some(signed) = self.checkpoints.newest().cloned() {
                    self.registry.send(terminal, &ToClient::Checkpoint(signed));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a snapshot could not be written");
                let reason = "the server cannot write its state; see its log";
                self.registry.dismiss(terminal, reason);
            }
        }
    }

    /// Answers with as many records as fit one message; with none when there are none or they cannot be read.
    fn send_records(&mut self, terminal: TerminalId, from: Seq, count: u32) {
        let mut records = self.ledger.read(from, count).unwrap_or_else(|error| {
            tracing::error!(%error, "records that were asked for cannot be read");
            Vec::new()
        });
        records.iter_mut().for_each(Stamped::forget_plan);
        while !records.is_empty() && codec::encode(&ToClient::Records(records.clone())).is_err() {
            records.truncate(records.len() / 2);
        }
        self.registry.send(terminal, &ToClient::Records(records));
    }

    /// Answers with header documents; with none when there are none or they cannot be read.
    fn send_headers(&mut self, terminal: TerminalId, from: Seq, count: u32) {
        let headers = self.ledger.headers(from, count).unwrap_or_else(|error| {
            tracing::error!(%error, "headers that were asked for cannot be read");
            Vec::new()
        });
        self.registry
            .send(terminal, &ToClient::Headers { from, headers });
    }

    /// A client has seen a record of this session before. What follows it goes to the client, which checks it; a
    /// journal that does not have it was rolled back, and the log says so too.
    fn on_seen(&mut self, terminal: TerminalId, seq: Seq, hash: Digest) {
        if self.ledger.has(seq, hash) {
            return self.send_headers(terminal, seq.next(), RECORDS_MAX);
        }
        tracing::error!(
            terminal = terminal.0,
            record = seq.0,
            "a client has seen a record that this journal does not have: it was rolled back"
        );
        let none = ToClient::Headers {
            from: seq,
            headers: Vec::new(),
        };
        self.registry.send(terminal, &none);
    }

    fn send_output(&mut self, terminal: TerminalId, key: &ExecKey, offset: u64) {
        let tail = self
            .executor
            .read_output(key, offset)
            .unwrap_or_else(|error| {
                tracing::warn!(%key, %error, "an output that was asked for cannot be read");
                OutputTail {
                    key: key.clone(),
                    offset,
                    bytes: Vec::new(),
                }
            });
        self.registry.send(terminal, &ToClient::Output(tail));
    }
}

/// What a proposal is opened with: the plan as people will see it, and a nonce.
fn prepared(rendered: render::Rendered, actor: &Actor) -> Result<Prepared, String> {
    let inputs = rendered.result?;
    let executor = actor
        .person()
        .cloned()
        .ok_or("you are nobody on the list of people")?;
    let plan = plan_doc::render(&inputs).map_err(|error| error.to_string())?;
    let nonce = crate::clock::nonce().map_err(|error| error.to_string())?;
    Ok(Prepared {
        plan,
        nonce,
        executor,
        signed: None,
    })
}

fn only_looking(command: &Command) -> Refusal {
    Refusal {
        reason: format!(
            "`{}` is refused: this terminal may only look",
            command.verb()
        ),
        hint: "attach without `-r`, as an operator or approver".to_owned(),
    }
}

fn not_rendered(reason: &str) -> Refusal {
    Refusal {
        reason: format!("the command cannot be proposed: {reason}"),
        hint: "mend the runbook or the host, then propose again".to_owned(),
    }
}
