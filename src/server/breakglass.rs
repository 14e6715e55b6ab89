//! Break-glass on this host: the page hook, the ledger of who went alone when, and who has a checkpoint of it
//! (`TWO_PERSON` 4.8). Everything that may block is off the session task.

mod hook;

use super::codes;
use super::input::Incoming;
use super::policy::PeopleSource;
use super::session::{Session, Turn};
use crate::domain::command::{Command, Evidence, Refusal};
use crate::domain::confirm::breakglass::Uses;
use crate::domain::decide::decide;
use crate::domain::fact::{Actor, Page};
use crate::domain::id::{AttemptNo, PersonId, Seq, StepId, TerminalId};
use crate::domain::time::Timestamp;
use crate::engine::{Input, Witness};
use crate::evidence::store::Store;
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Name of the ledger in the directory of all sessions: somebody is locked on the host, not in a session.
const LEDGER: &str = "breakglass-uses";
/// How often a checkpoint is made anew while nobody outside has one that covers a break-glass.
const WITNESS_EVERY: Duration = Duration::from_secs(5);

/// What the ledger said.
#[derive(Debug)]
pub(crate) struct Tried {
    /// Where it was asked.
    terminal: TerminalId,
    /// The client's number for the reply.
    number: u64,
    /// Who asked.
    actor: Actor,
    /// What.
    command: Command,
    /// The time step of a code that was spent, or why it may not be.
    result: Result<Option<u64>, Refusal>,
}

/// What the ledgers are asked.
struct Question {
    dir: PathBuf,
    person: PersonId,
    at: Timestamp,
    /// It is being signed: that counts as one use.
    is_signed: bool,
    /// Secret and code that came beside the signature.
    code: Option<(PathBuf, SecretString)>,
}

impl Session {
    /// Goes on with a break-glass when neither the session nor the host's ledger stands against it.
    pub(crate) fn break_glass(
        &mut self,
        (terminal, number): (TerminalId, u64),
        connection: &Actor,
        command: Command,
        turn: &mut Turn,
    ) {
        let ready = self
            .speaker(connection, &command)
            .and_then(|actor| Ok((self.question(&actor, &command)?, actor)));
        let (question, actor) = match ready {
            Ok(ready) => ready,
            Err(refused) => {
                let record = self.record_of(&command, &refused).map(Box::new);
                let input = Input::Rejected {
                    actor: connection.clone(),
                    refused,
                    record,
                };
                return self.take(&input, turn, Some((terminal, number)));
            }
        };
        let (state, now) = (self.engine.tentative(), self.clock.now());
        let is_refused =
            question.code.is_none() && decide(state, &actor, &command, now, &self.world).is_err();
        if is_refused {
            // Said and recorded as any refusal; it is no use.
            let input = Input::Ask {
                actor,
                terminal,
                number,
                command,
            };
            return self.take(&input, turn, Some((terminal, number)));
        }
        let inputs = self.own_inputs.clone();
        tokio::spawn(async move {
            let asked = tokio::task::spawn_blocking(move || question.answer()).await;
            let result = asked.unwrap_or_else(|_| Err(broken("the look at it broke off")));
            let tried = Tried {
                terminal,
                number,
                actor,
                command,
                result,
            };
            inputs
                .send(Incoming::GlassTried(Box::new(tried)))
                .await
                .ok();
        });
    }

    fn question(&self, actor: &Actor, command: &Command) -> Result<Question, Refusal> {
        let person = actor.person().ok_or_else(|| Refusal {
            reason: format!("`{actor}` proves nobody's identity"),
            hint: "attach from an account that belongs to one person alone".to_owned(),
        })?;
        let dir = self.executor.workplace().session_dir.parent();
        let (is_signed, code) = match command {
            Command::BreakglassSigned {
                beside: Evidence::Code { code },
                ..
            } => (
                true,
                Some((self.secret_of(person)?, SecretString::from(code.clone()))),
            ),
            Command::BreakglassSigned { .. } => (true, None),
            _ => (false, None),
        };
        Ok(Question {
            dir: dir.map_or_else(PathBuf::new, Path::to_path_buf),
            person: person.clone(),
            at: self.clock.now().wall,
            is_signed,
            code,
        })
    }

    /// File of the secret that codes of this person are checked by.
    fn secret_of(&self, person: &PersonId) -> Result<PathBuf, Refusal> {
        match &self.people {
            PeopleSource::File(people) if self.takes_codes_of(person) => {
                let dir = people.parent().unwrap_or_else(|| Path::new("."));
                Ok(dir.join(codes::SECRETS).join(person.as_str()))
            }
            _ => Err(Refusal {
                reason: "codes of this person cannot be checked here".to_owned(),
                hint: "use a security key listed for you and touch it, or sign on another machine"
                    .to_owned(),
            }),
        }
    }

    /// Goes on with what the ledger was asked about.
    pub(crate) fn on_glass_tried(&mut self, tried: Tried, turn: &mut Turn) {
        let Tried {
            terminal,
            number,
            actor,
            mut command,
            result,
        } = tried;
        let input = match result {
            Ok(spent) => {
                if let Command::BreakglassSigned {
                    code_step, beside, ..
                } = &mut command
                {
                    // The code itself goes no further.
                    *beside = Evidence::Account;
                    *code_step = spent;
                }
                Input::Ask {
                    actor,
                    terminal,
                    number,
                    command,
                }
            }
            Err(refused) => Input::Rejected {
                actor,
                record: self.record_of(&command, &refused).map(Box::new),
                refused,
            },
        };
        self.take(&input, turn, Some((terminal, number)));
    }

    /// Runs the page hook, once; without one the page is down.
    pub(crate) fn page(&self, step: StepId, attempt: AttemptNo) {
        let state = self.engine.state();
        let text = hook::message(state, &step);
        let hook = self.world.rules.page_hook.clone();
        let inputs = self.own_inputs.clone();
        tokio::spawn(async move {
            let page = match hook {
                Some(argv) => hook::run(&argv, &text).await,
                None => Page::Down {
                    why: "the policy names no page hook".to_owned(),
                },
            };
            inputs.send(Incoming::Paged(step, attempt, page)).await.ok();
        });
    }

    /// A client keeps a checkpoint. One that may only look keeps it as well as any other.
    pub(crate) fn on_kept(&mut self, terminal: TerminalId, seq: Seq, turn: &mut Turn) {
        let client = self.registry.get(terminal);
        let person = client.and_then(|client| client.actor.person().cloned());
        let newest = self.checkpoints.newest_head();
        if let Some(person) = person
            && newest.is_some_and(|newest| seq <= newest)
        {
            let by = Witness::Person(person);
            self.take(&Input::Witnessed { seq, by }, turn, None);
        }
    }

    /// True while a break-glass waits for a checkpoint of it to leave this host, now and then.
    pub(crate) fn wants_witness(&mut self) -> bool {
        let glass = self.engine.state().glass();
        let waits = glass.is_some_and(|g| g.countdown.is_some() && !g.is_witnessed());
        let is_due = |last: Instant| last.elapsed() >= WITNESS_EVERY;
        waits && self.checkpoints.last_made().is_none_or(is_due)
    }
}

fn broken(why: impl std::fmt::Display) -> Refusal {
    Refusal {
        reason: format!("the ledger of break-glasses cannot be asked: {why}"),
        hint: "a second person can confirm it; the owner of the host can mend the file".to_owned(),
    }
}

impl Question {
    /// Blocks. What it spends is durable when it returns.
    fn answer(&self) -> Result<Option<u64>, Refusal> {
        let store = Store::new(&self.dir, LEDGER);
        let until = store
            .update_in_turn(|uses: &mut Uses| uses.locked_until(&self.person, self.at))
            .map_err(broken)?;
        if let Some(until) = until {
            return Err(self.locked(until));
        }
        if !self.is_signed {
            return Ok(None);
        }
        // A wrong code is no use; one that is right and then meets a lock is spent all the same.
        let code = self.code.as_ref();
        let spent =
            code.map(|(secret, code)| codes::spend(secret, &self.dir, &self.person, code, self.at));
        let spent = spent.transpose()?;
        store
            .update_in_turn(|uses: &mut Uses| uses.spend(&self.person, self.at))
            .map_err(broken)?
            .map_err(|until| self.locked(until))?;
        Ok(spent)
    }

    fn locked(&self, until: Timestamp) -> Refusal {
        let (person, until) = (&self.person, until.to_seconds_text());
        Refusal {
            reason: format!(
                "`{person}` has gone alone twice within an hour and is locked until {until}"
            ),
            hint: "a second person can confirm it".to_owned(),
        }
    }
}
