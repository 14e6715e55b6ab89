//! The second person of a demo: a client without a terminal that reviews and confirms after a moment.
//!
//! It speaks the same messages as a person's client and has no other powers; only a demo session takes its name.

use super::link::{self, Introduction, LinkEvent, Target};
use crate::domain::apply::apply;
use crate::domain::command::Command;
use crate::domain::confirm::statement::confirm_statement;
use crate::domain::fact::Actor;
use crate::domain::id::{PersonId, SessionName};
use crate::domain::state::State;
use crate::wire::message::{ToClient, ToServer};
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
    review_until: Option<Instant>,
    last_number: u64,
}

impl Partner {
    fn hear(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up(welcome, snapshot) => {
                self.you = welcome.you;
                self.state = Some(snapshot.state);
            }
            LinkEvent::Message(message) => {
                if let (ToClient::Facts(facts), Some(state)) = (*message, &mut self.state) {
                    for fact in facts {
                        if fact.seq > state.head.0 {
                            apply(state, &fact);
                        }
                    }
                }
            }
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
