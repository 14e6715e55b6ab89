//! What clients say, and what they are told.

use super::connection::{Joining, describe};
use super::input::Incoming;
use super::render::{self, Purpose};
use super::session::{Session, Turn};
use crate::domain::command::{Command, Refusal};
use crate::domain::confirm::plan_doc::{self, PlanInputs};
use crate::domain::decide::Prepared;
use crate::domain::fact::{Actor, Fact, Mode, Stamped};
use crate::domain::id::{PersonId, Seq, StepId, TerminalId};
use crate::domain::world::Look;
use crate::engine::Input;
use crate::wire::message::{Snapshot, ToClient, ToServer, Welcome};
use crate::wire::{CONTRACT, SNAPSHOT_PART_MAX, codec};

/// Connections at a time, and from one account (`TWO_PERSON` 8.1).
const CLIENTS_MAX: usize = 64;
/// As above, for one account.
const CLIENTS_PER_UID_MAX: usize = 8;
/// Simulated people of a demo, in the order in which terminals become them.
const DEMO_PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
/// Records in one answer: they fit one frame many times over.
const RECORDS_MAX: u32 = 500;

impl Session {
    /// Takes one input.
    pub(crate) async fn on_incoming(&mut self, incoming: Incoming, turn: &mut Turn) {
        match incoming {
            Incoming::Joining(joining) => self.on_joining(*joining, turn),
            Incoming::Said { terminal, message } => self.on_said(terminal, *message, turn).await,
            Incoming::Drained { terminal } => {
                if self.registry.caught_up(terminal) {
                    let mut messages = vec![ToClient::Lagged];
                    messages.extend(self.snapshot());
                    self.registry.send(terminal, &messages);
                }
            }
            Incoming::Left { terminal } => {
                if let Some(client) = self.registry.remove(terminal)
                    && client.is_terminal
                {
                    self.take(&Input::Detached { terminal }, turn, None);
                }
            }
            Incoming::Rendered(rendered) => self.on_rendered(*rendered, turn),
        }
    }

    fn on_joining(&mut self, joining: Joining, turn: &mut Turn) {
        let Joining {
            peer,
            hello,
            queue,
            answer,
        } = joining;
        let genesis = &self.engine.state().genesis;
        let simulated = hello
            .demo_person
            .clone()
            .or_else(|| self.next_demo_person(hello.is_terminal));
        let actor = self
            .policy
            .actor(peer.uid, simulated.as_ref(), genesis.mode);
        let reason = if !self.policy.may_attach(peer.uid, genesis.server_uid) {
            Some(format!(
                "uid {} is not on this session's list of people",
                peer.uid
            ))
        } else if self.registry.len() >= CLIENTS_MAX {
            Some(format!("{CLIENTS_MAX} clients are attached already"))
        } else if self.registry.of_uid(peer.uid) >= CLIENTS_PER_UID_MAX {
            Some(format!(
                "{CLIENTS_PER_UID_MAX} clients of uid {} are attached already",
                peer.uid
            ))
        } else {
            None
        };
        if let Some(reason) = reason {
            let hint = "detach one, or ask the owner of the people file".to_owned();
            answer
                .send(Err(ToClient::TurnedAway {
                    contract: CONTRACT,
                    reason,
                    hint,
                }))
                .ok();
            return;
        }
        let read_only = hello.read_only || !self.may_act(&actor);
        let terminal = self
            .registry
            .add(actor.clone(), read_only, hello.is_terminal, queue);
        let mut messages = vec![ToClient::Welcome(Welcome {
            contract: CONTRACT,
            program: crate::PROGRAM.to_owned(),
            name: genesis.name.clone(),
            mode: genesis.mode,
            terminal,
            you: actor.clone(),
            read_only,
        })];
        messages.extend(self.snapshot());
        self.registry.send(terminal, &messages);
        tracing::info!(
            terminal = terminal.0,
            who = describe(&actor),
            read_only,
            "attached"
        );
        if answer.send(Ok(terminal)).is_err() {
            self.registry.remove(terminal);
            return;
        }
        if hello.is_terminal {
            self.take(
                &Input::Attached {
                    terminal,
                    actor,
                    read_only,
                },
                turn,
                None,
            );
        }
    }

    /// In a demo each further terminal is another person, so that a newcomer can be two with two terminals.
    fn next_demo_person(&self, is_terminal: bool) -> Option<PersonId> {
        let is_demo = self.engine.state().genesis.mode == Mode::Demo;
        DEMO_PEOPLE
            .iter()
            .filter(|_| is_demo && is_terminal)
            .filter_map(|name| PersonId::new(name).ok())
            .find(|person| !self.registry.has(person))
    }

    /// An observer's connection has no verbs at all; accounts that are nobody may do what needs no person.
    fn may_act(&self, actor: &Actor) -> bool {
        actor
            .person()
            .is_none_or(|person| self.world.roster.roles(person).may_act())
    }

    async fn on_said(&mut self, terminal: TerminalId, message: ToServer, turn: &mut Turn) {
        let Some(client) = self.registry.get(terminal) else {
            return;
        };
        let (actor, read_only) = (client.actor.clone(), client.read_only);
        match message {
            ToServer::Ask { number, command } if read_only => {
                let refusal = Refusal {
                    reason: format!(
                        "`{}` is refused: this terminal may only look",
                        command.verb()
                    ),
                    hint: "attach without `-r`, as an operator or approver".to_owned(),
                };
                turn.replies.push((terminal, number, Some(refusal)));
            }
            ToServer::Ask {
                number,
                command: Command::Go { step },
            } => {
                self.read_world().await;
                self.render(terminal, number, &step, Purpose::Go, turn);
            }
            ToServer::Ask { number, command } => {
                if command.needs_fresh_policy() {
                    self.read_world().await;
                }
                let input = Input::Ask {
                    actor,
                    terminal,
                    number,
                    command,
                };
                self.take(&input, turn, Some((terminal, number)));
            }
            ToServer::Records { from, count } => {
                self.send_records(terminal, from, count.min(RECORDS_MAX))
            }
            ToServer::Output { key, offset } => match self.executor.read_output(&key, offset) {
                Ok(tail) => {
                    self.registry.send(terminal, &[ToClient::Output(tail)]);
                }
                Err(error) => {
                    tracing::warn!(%key, %error, "an output that was asked for cannot be read")
                }
            },
            ToServer::Shutdown { reason } if !read_only => {
                self.shutdown_reason = format!("{reason} (by {actor})");
                self.shutdown.cancel();
            }
            // A second greeting says nothing new, a snapshot was sent already, and an observer ends nothing.
            ToServer::Shutdown { .. } | ToServer::Hello(_) | ToServer::Snapshot => {}
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
        let now = self.clock.now();
        match render::draft(
            self.executor.workplace(),
            self.engine.state(),
            step,
            purpose,
            now,
        ) {
            Ok(draft) => {
                let (inputs, step) = (self.own_inputs.clone(), step.clone());
                tokio::spawn(async move {
                    let result = tokio::task::spawn_blocking(move || render::finish(draft))
                        .await
                        .unwrap_or_else(|_| Err("the executable could not be read".to_owned()));
                    let rendered = render::Rendered {
                        purpose,
                        terminal,
                        number,
                        step,
                        result,
                    };
                    inputs
                        .send(Incoming::Rendered(Box::new(rendered)))
                        .await
                        .ok();
                });
            }
            Err(reason) => turn
                .replies
                .push((terminal, number, Some(not_rendered(&reason)))),
        }
    }

    fn on_rendered(&mut self, rendered: render::Rendered, turn: &mut Turn) {
        let terminal = rendered.terminal;
        let number = rendered.number;
        let Some(client) = self.registry.get(terminal) else {
            return;
        };
        let actor = client.actor.clone();
        let input = match rendered.purpose {
            Purpose::Propose => proposal(rendered, actor),
            Purpose::Go => {
                self.world.look = self.look(&rendered.result);
                let command = Command::Go {
                    step: rendered.step,
                };
                Ok(Input::Ask {
                    actor,
                    terminal,
                    number,
                    command,
                })
            }
        };
        match input {
            Ok(input) => self.take(&input, turn, Some((terminal, number))),
            Err(reason) => turn
                .replies
                .push((terminal, number, Some(not_rendered(&reason)))),
        }
        // One look serves one go.
        self.world.look = Look::NotLooked;
    }

    /// Compares the open proposal's plan with what its command would be now.
    fn look(&self, rendered: &Result<PlanInputs, String>) -> Look {
        let changed = |what: String| Look::Changed { what };
        let Some(proposal) = &self.engine.state().proposal else {
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

    /// The state as frames. What does not fit one message is cut into parts.
    pub(crate) fn snapshot(&self) -> Vec<ToClient> {
        let snapshot = Snapshot {
            state: self.engine.state().clone(),
            board: self.board.clone(),
            outputs: self.executor.tails(),
            recent: self.recent.iter().map(without_plan).collect(),
        };
        let bytes = match codec::encode_any_length(&snapshot) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "a snapshot could not be written");
                return vec![ToClient::Bye {
                    reason: "the server cannot write its state; see its log".to_owned(),
                }];
            }
        };
        let total =
            u32::try_from(bytes.len().div_ceil(SNAPSHOT_PART_MAX).max(1)).unwrap_or(u32::MAX);
        (0..)
            .zip(bytes.chunks(SNAPSHOT_PART_MAX))
            .map(|(index, part)| ToClient::SnapshotPart {
                index,
                total,
                bytes: part.to_vec(),
            })
            .collect()
    }

    fn send_records(&mut self, terminal: TerminalId, from: Seq, count: u32) {
        match self.ledger.read(from, count) {
            Ok(records) => {
                let records = records.iter().map(without_plan).collect();
                self.registry.send(terminal, &[ToClient::Records(records)]);
            }
            Err(error) => tracing::error!(%error, "records that were asked for cannot be read"),
        }
    }
}

/// The genesis record carries the whole plan, which the state has already: the copy for a list goes without.
pub(crate) fn without_plan(stamped: &Stamped) -> Stamped {
    let mut copy = stamped.clone();
    if let Fact::SessionOpened(genesis) = &mut copy.fact {
        genesis.plan.steps.clear();
        genesis.plan.phases.clear();
        genesis.plan.rules.clear();
        genesis.plan.briefing.clear();
    }
    copy
}

/// The input that opens a proposal: the plan as people will see it, and a nonce.
fn proposal(rendered: render::Rendered, actor: Actor) -> Result<Input, String> {
    let inputs = rendered.result?;
    let executor = actor
        .person()
        .cloned()
        .ok_or("you are nobody on the list of people")?;
    let plan = plan_doc::render(&inputs).map_err(|error| error.to_string())?;
    let nonce = crate::clock::nonce().map_err(|error| error.to_string())?;
    let prepared = Prepared {
        plan,
        nonce,
        executor,
    };
    Ok(Input::Proposal {
        actor,
        step: rendered.step,
        prepared,
    })
}

fn not_rendered(reason: &str) -> Refusal {
    Refusal {
        reason: format!("the command cannot be proposed: {reason}"),
        hint: "mend the runbook or the host, then propose again".to_owned(),
    }
}
