//! The second person of a demo: a client without a terminal that reviews and confirms after a moment.
//!
//! It speaks the same messages as a person's client and has no other powers; only a demo session takes its name.

use super::link::{self, Introduction, LinkEvent, Target};
use crate::domain::apply::apply;
use crate::domain::board::Board;
use crate::domain::command::Command;
use crate::domain::confirm::statement::confirm_statement;
use crate::domain::fact::Actor;
use crate::domain::id::{PersonId, SessionName};
use crate::domain::state::State;
use crate::domain::touched;
use crate::wire::message::{ToClient, ToServer};
use crate::wire::policy::PolicyView;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Name of the simulated second person.
pub const PARTNER: &str = "bob";
/// Time to look at a plan: long enough for the newcomer to see the proposal waiting.
const REVIEW: Duration = Duration::from_secs(6);
/// Messages that may wait.
const QUEUE_MAX: usize = 256;

/// Plays the second person until the session ends.
pub async fn play(name: SessionName, runtime_dirs: Vec<PathBuf>) {
    let Ok(person) = PersonId::new(PARTNER) else {
        return;
    };
    let introduction = Introduction {
        read_only: false,
        demo_person: Some(person),
        is_terminal: true,
    };
    let (requests, to_link) = mpsc::channel(QUEUE_MAX);
    let (to_us, mut events) = mpsc::channel(QUEUE_MAX);
    let target = Target::Local { name, runtime_dirs };
    let link = tokio::spawn(link::run(target, introduction, to_link, to_us));
    let mut partner = Partner {
        state: None,
        you: Actor::Engine,
        policy: PolicyView::default(),
        board: Board::default(),
        review_until: None,
        last_number: 0,
    };
    loop {
        let due = partner.review_until;
        let command = tokio::select! {
            event = events.recv() => match event {
                Some(LinkEvent::Ended { .. }) | None => break,
                Some(event) => {
                    partner.hear(event);
                    None
                }
            },
            () = wait_until(due) => partner.confirm(),
        };
        if let Some(command) = command {
            partner.last_number += 1;
            let number = partner.last_number;
            requests.send(ToServer::Ask { number, command }).await.ok();
        }
    }
    link.abort();
}

struct Partner {
    state: Option<State>,
    you: Actor,
    policy: PolicyView,
    board: Board,
    review_until: Option<Instant>,
    last_number: u64,
}

impl Partner {
    fn hear(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up(welcome, snapshot) => {
                self.you = welcome.you;
                self.policy = welcome.policy;
                self.board = snapshot.board;
                self.state = Some(snapshot.state);
            }
            LinkEvent::Message(message) => match (*message, &mut self.state) {
                (ToClient::Facts(facts), Some(state)) => {
                    for fact in facts {
                        if fact.seq > state.head.0 {
                            apply(state, &fact);
                        }
                    }
                }
                (ToClient::Readings(readings), _) => {
                    for reading in readings {
                        self.board.absorb(reading);
                    }
                }
                (ToClient::Policy { policy, .. }, _) => self.policy = policy,
                _ => {}
            },
            LinkEvent::Lost { .. } | LinkEvent::Ended { .. } => {}
        }
        if !self.has_something_to_confirm() {
            self.review_until = None;
        } else if self.review_until.is_none() {
            self.review_until = Some(Instant::now() + REVIEW);
        }
    }

    fn has_something_to_confirm(&self) -> bool {
        let proposal = self
            .state
            .as_ref()
            .and_then(|state| state.proposal.as_ref());
        let me = self.you.person();
        proposal.is_some_and(|proposal| {
            let is_mine =
                me == Some(&proposal.terms.proposer) || me == Some(&proposal.terms.executor);
            let is_done = proposal
                .confirms
                .iter()
                .any(|confirm| Some(&confirm.person) == me);
            proposal.proposed.is_some() && proposal.armed.is_none() && !is_mine && !is_done
        })
    }

    fn confirm(&mut self) -> Option<Command> {
        self.review_until = None;
        let state = self.state.as_ref()?;
        let proposal = state.proposal.as_ref()?;
        let step = state.find(&proposal.terms.step)?.plan;
        let me = self.you.person()?;
        if let Some(component) = &step.component
            && self
                .policy
                .rule(step.risk)
                .is_some_and(|r| r.independent_check)
            && !proposal.checked.contains(me)
        {
            // Confirmed after the server's answer, with the next look.
            return Some(Command::Check {
                step: step.id.clone(),
                attempt: proposal.terms.attempt,
                component: component.clone(),
                remaining: touched::groups(&self.board.components)
                    .get(component)
                    .copied(),
                dwell_ms: u64::try_from(REVIEW.as_millis()).unwrap_or(u64::MAX),
                claimed: None,
            });
        }
        let statement = confirm_statement(state, proposal, self.you.person()?, state.head)?.ok()?;
        Some(Command::confirm(statement))
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
