//! One-time codes: asked while one proposal is on the screen, spent at once on the whole host, never journaled
//! (`TWO_PERSON` 3.2 and 8.4). Secrets and the ledger are read off the session task.

use super::input::Incoming;
use super::policy::PeopleSource;
use super::session::{Session, Turn};
use crate::domain::command::{Command, Evidence, Refusal};
use crate::domain::confirm::statement;
use crate::domain::fact::{Actor, Via};
use crate::domain::id::{PersonId, TerminalId};
use crate::domain::time::Timestamp;
use crate::engine::Input;
use crate::evidence::store::Store;
use crate::evidence::totp::Secret;
use crate::evidence::totp::ledger::Ledger;
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// Name of the ledger in the directory of all sessions: a code is spent for the host, not for a session.
const LEDGER: &str = "totp-spent";
/// Directory of secrets beside the people file.
pub(super) const SECRETS: &str = "totp.d";

/// What came of a code.
#[derive(Debug)]
pub(crate) struct Tried {
    /// Where it was typed.
    terminal: TerminalId,
    /// The client's number for the reply.
    number: u64,
    /// Whose code it was.
    person: PersonId,
    /// The statement it was typed for.
    statement: String,
    /// The time step of the code, or why it does not count.
    result: Result<u64, Refusal>,
}

impl Session {
    /// True when codes of this person can be checked here.
    pub(crate) fn takes_codes_of(&self, person: &PersonId) -> bool {
        let listed = self
            .policy
            .people()
            .and_then(|people| people.person(person));
        listed.is_some_and(|listed| listed.totp) && self.world.owner.is_none()
    }

    /// Checks a code for a confirm, off this task; it comes back as [`Incoming::CodeTried`].
    pub(crate) fn try_code(
        &mut self,
        (terminal, number): (TerminalId, u64),
        connection: &Actor,
        (statement, code): (String, String),
        turn: &mut Turn,
    ) {
        let ready = self.may_try(connection, &statement);
        let (person, secret) = match ready {
            Ok(ready) => ready,
            Err(refused) => return turn.refuse(terminal, number, refused),
        };
        let ledger_dir = self.executor.workplace().session_dir.parent();
        let ledger_dir = ledger_dir.map_or_else(PathBuf::new, Path::to_path_buf);
        let (inputs, at) = (self.own_inputs.clone(), self.clock.now().wall);
        tokio::spawn(async move {
            let whose = person.clone();
            let trying = tokio::task::spawn_blocking(move || {
                spend(&secret, &ledger_dir, &whose, &SecretString::from(code), at)
            });
            let result = trying.await.unwrap_or_else(|_| {
                Err(Refusal {
                    reason: "the look at the code broke off".to_owned(),
                    hint: "wait for the next code and type that".to_owned(),
                })
            });
            let tried = Tried {
                terminal,
                number,
                person,
                statement,
                result,
            };
            inputs.send(Incoming::CodeTried(Box::new(tried))).await.ok();
        });
    }

    /// The person and the file of their secret. Bytes first: no code is spent on a statement about something else.
    fn may_try(&self, connection: &Actor, statement: &str) -> Result<(PersonId, PathBuf), Refusal> {
        let no = |reason: &str, hint: &str| Refusal {
            reason: reason.to_owned(),
            hint: hint.to_owned(),
        };
        let state = self.engine.tentative();
        let signer = statement
            .lines()
            .find_map(|line| line.strip_prefix("signer: "))
            .and_then(|name| PersonId::new(name).ok());
        // On a shared account the code alone says who it is; on one's own both must agree.
        let signer = signer
            .filter(|signer| connection.person().is_none_or(|person| person == signer))
            .ok_or_else(|| {
                no(
                    "the code is for somebody else's confirm",
                    "attach as yourself",
                )
            })?;
        let is_expected = state
            .proposal
            .as_ref()
            .is_some_and(|open| statement::is_expected(state, open, &signer, statement));
        if !is_expected {
            return Err(no(
                "the statement is not about what is on the table now",
                "open the review again and read it anew",
            ));
        }
        let PeopleSource::File(people) = &self.people else {
            return Err(no(
                "there are no codes without a people file",
                "sign with a key",
            ));
        };
        if !self.takes_codes_of(&signer) {
            return Err(no(
                "codes of this person cannot be checked here",
                "sign with a key that is listed for you; codes need `totp = true` and a server account that is nobody's",
            ));
        }
        let dir = people.parent().unwrap_or_else(|| Path::new("."));
        let secret = dir.join(SECRETS).join(signer.as_str());
        Ok((signer, secret))
    }

    /// Goes on with a confirm whose code was checked.
    pub(crate) fn on_code_tried(&mut self, tried: Tried, turn: &mut Turn) {
        let Tried {
            terminal,
            number,
            person,
            statement,
            result,
        } = tried;
        let (actor, refused) = match result {
            Ok(step) => {
                let via = Via::Totp { step };
                (Actor::Person { id: person, via }, None)
            }
            Err(refused) => {
                let connection = self.registry.get(terminal).map(|c| c.actor.clone());
                (connection.unwrap_or(Actor::Engine), Some(refused))
            }
        };
        // The code itself goes no further.
        let command = Command::Confirm {
            statement,
            evidence: Evidence::Code {
                code: String::new(),
            },
        };
        let input = match refused {
            None => Input::Ask {
                actor,
                terminal,
                number,
                command,
            },
            Some(refused) => Input::Rejected {
                actor,
                record: self.record_of(&command, &refused).map(Box::new),
                refused,
            },
        };
        self.take(&input, turn, Some((terminal, number)));
    }
}

/// Judges and spends a code. Blocks.
pub(super) fn spend(
    secret: &Path,
    ledger_dir: &Path,
    person: &PersonId,
    code: &SecretString,
    at: Timestamp,
) -> Result<u64, Refusal> {
    let broken = |reason: String| Refusal {
        reason,
        hint: "sign with a key instead; the owner of the host can mend it".to_owned(),
    };
    let text = std::fs::read_to_string(secret)
        .map_err(|error| broken(format!("the secret cannot be read: {error}")))?;
    let secret =
        Secret::parse(&SecretString::from(text)).map_err(|fault| broken(fault.to_string()))?;
    let store = Store::new(ledger_dir, LEDGER);
    let judged = store
        .update(|ledger: &mut Ledger| ledger.of(person).try_code(&secret, code, at))
        .map_err(|fault| broken(format!("the code cannot be spent: {fault}")))?;
    judged.map_err(|fault| Refusal {
        reason: fault.to_string(),
        hint: fault.hint().to_owned(),
    })
}
