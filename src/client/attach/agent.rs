//! What an attached terminal asks of its person's agent, and what becomes of the answers.

use super::Attached;
use crate::client::signing::{self, Answered};
use crate::domain::command::{Command, Refusal};
use crate::domain::confirm::certificate::Certified;
use crate::domain::confirm::statement::Hello;
use crate::domain::id::PersonId;
use crate::evidence::agent::AgentFault;
use crate::evidence::detached;
use crate::ui::proof::{Then, Wish};
use crate::ui::{Request, Screen};
use crate::wire::message::ToServer;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Time for a signature that is welcome and not needed: to see the notice and touch a key.
const WELCOME_MAX: Duration = Duration::from_secs(20);

/// A question to the agent.
pub(super) struct Signing {
    task: JoinHandle<()>,
    /// What is sent without a signature if there is none.
    unsigned: Option<Command>,
}

/// What came of a question to the agent.
pub(super) enum Answer {
    /// A signature, or why there is none.
    Signed(Box<Wish>, Result<Answered, Refusal>),
    /// Whose keys it holds.
    Whose(Hello, Result<PersonId, Refusal>),
    /// Whether a host key stands for the session's key.
    Certified(Certified),
}

impl Attached {
    /// Asks the agent, off this loop: it may ask its owner first.
    pub(super) fn sign(&mut self, wish: Box<Wish>, chosen: Option<String>) {
        self.stop_signing();
        let Screen::Room(room) = &self.screen else {
            return;
        };
        let signer =
            signing::signer_of(&wish.statement).or_else(|| room.welcome.you.person().cloned());
        let Some(person) = signer else {
            let (reason, hint) = ("nobody is known to be at this terminal", "sign in first");
            let now = self.clock.now();
            self.ui.on_unsigned(&self.screen, reason, hint, now);
            return;
        };
        let keys = room.welcome.policy.keys.clone();
        let agent = self.agent.clone().ok_or(AgentFault::Unset);
        let (answers, now) = (self.answers.clone(), self.clock.now().wall);
        let unsigned = wish.unsigned().cloned();
        let span = unsigned.as_ref().map_or(Duration::MAX, |_| WELCOME_MAX);
        let task = tokio::spawn(async move {
            let chosen = chosen.as_deref();
            let signing = signing::sign(agent, &keys, &person, &wish.statement, chosen, now);
            let answer = tokio::time::timeout(span, signing).await;
            let answer = answer.unwrap_or_else(|_| Err(signing::too_late(span)));
            answers.send(Answer::Signed(wish, answer)).await.ok();
        });
        self.signing = Some(Signing { task, unsigned });
    }

    /// Asks the agent no longer. What counts without a signature goes without.
    pub(super) fn stop_signing(&mut self) {
        let Some(Signing { task, unsigned }) = self.signing.take() else {
            return;
        };
        task.abort();
        if let Some(command) = unsigned {
            self.ask(Request::Ask(command));
        }
    }

    pub(super) fn on_answer(&mut self, answer: Answer) {
        let now = self.clock.now();
        match answer {
            Answer::Certified(certified) => {
                if let Screen::Room(room) = &mut self.screen {
                    room.certified = certified;
                }
            }
            Answer::Whose(hello, person) => {
                self.signing = None;
                match person {
                    Ok(person) => {
                        for request in self.ui.on_challenge(&self.screen, &hello, &person, now) {
                            self.ask(request);
                        }
                    }
                    Err(refused) => self.say(&refused),
                }
            }
            Answer::Signed(wish, answer) => {
                let unsigned = self.signing.take().and_then(|signing| signing.unsigned);
                self.on_signature(&wish, answer, unsigned);
            }
        }
    }

    /// `unsigned`: what counts without a signature, and is sent without one now.
    fn on_signature(
        &mut self,
        wish: &Wish,
        answer: Result<Answered, Refusal>,
        unsigned: Option<Command>,
    ) {
        let now = self.clock.now();
        let why = match answer {
            Ok(Answered::Signature(armour)) => return self.send_signed(wish, armour, false),
            Ok(Answered::Which(offers)) if unsigned.is_none() => {
                return self.ui.on_which_key(&self.screen, offers, now);
            }
            Ok(Answered::Which(_)) => Refusal {
                reason: "your agent holds several keys that can sign it".to_owned(),
                hint: String::new(),
            },
            Err(refused) => refused,
        };
        let Some(command) = unsigned else {
            return self.say(&why);
        };
        self.say(&Refusal {
            reason: format!("your reason went unsigned: {}", why.reason),
            hint: why.hint,
        });
        self.ask(Request::Ask(command));
    }

    fn say(&mut self, why: &Refusal) {
        let now = self.clock.now();
        self.ui
            .on_unsigned(&self.screen, &why.reason, &why.hint, now);
    }

    fn send_signed(&mut self, wish: &Wish, armour: String, detached: bool) {
        self.ui.on_signed();
        self.last_number += 1;
        let number = self.last_number;
        let message = match wish.then.clone() {
            Then::Ask(command) => ToServer::Ask {
                number,
                command: command.with_signature(&wish.statement, armour, detached),
            },
            Then::SignIn => ToServer::SignIn {
                number,
                signed: Some(wish.signed(armour, detached)),
            },
        };
        self.send(message);
    }

    /// Takes a signature that was pasted, in whatever shape copying has left it.
    pub(super) fn on_pasted(&mut self, wish: &Wish, text: &str, detached: bool) {
        match detached::parse_answer(text) {
            Ok(armour) => self.send_signed(wish, armour, detached),
            Err(fault) => {
                let (reason, hint) = (fault.to_string(), fault.hint());
                let now = self.clock.now();
                self.ui.on_unsigned(&self.screen, &reason, hint, now);
            }
        }
    }

    /// Asks the agent whose keys it holds, to say who is here.
    pub(super) fn whose(&mut self, hello: Hello) {
        self.stop_signing();
        let Screen::Room(room) = &self.screen else {
            return;
        };
        let keys = room.welcome.policy.keys.clone();
        let agent = self.agent.clone().ok_or(AgentFault::Unset);
        let answers = self.answers.clone();
        let task = tokio::spawn(async move {
            let person = signing::whose(agent, &keys).await;
            answers.send(Answer::Whose(hello, person)).await.ok();
        });
        let unsigned = None;
        self.signing = Some(Signing { task, unsigned });
    }
}
