//! Who says something: the connection's person, or whoever put their key to it (`TWO_PERSON` 3.2 and 4.3).
//!
//! Bytes first: a statement that is not exactly what its signer would state now is refused before its signature is
//! looked at, and nothing in it is believed.

use super::session::{Session, Turn};
use crate::domain::command::{Command, Evidence, Refusal, Signed};
use crate::domain::confirm::policy::{Grade, Purpose};
use crate::domain::confirm::rule;
use crate::domain::confirm::statement::{self, Hello, Kind};
use crate::domain::fact::{self, Actor, Fact, MotionEvent, Moved, Via};
use crate::domain::id::{AttemptNo, PersonId, StepId, TerminalId};
use crate::domain::state::{Proposal, State};
use crate::engine::Input;
use crate::evidence::sshsig::{self, SigFault};
use crate::wire::message::ToClient;
use std::time::Duration;

/// Time to sign in: to find a key and touch it.
const HELLO_LIFE: Duration = Duration::from_secs(30);

/// A signature and what it is over.
struct Word<'a> {
    kind: Kind,
    statement: &'a str,
    armour: &'a str,
    detached: bool,
}

impl<'a> Word<'a> {
    fn of(kind: Kind, signed: &'a Signed) -> Self {
        Self {
            kind,
            statement: &signed.statement,
            armour: &signed.signature,
            detached: signed.detached,
        }
    }
}

fn refusal(reason: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal {
        reason: reason.into(),
        hint: hint.into(),
    }
}

fn stale() -> Refusal {
    refusal(
        "the statement is not about what is on the table now",
        "open the review again and read it anew",
    )
}

/// The statement is what this person would sign now to go alone.
fn is_breakglass(state: &State, open: &Proposal, signer: &PersonId, text: &str) -> bool {
    let Some(glass) = &open.glass else {
        return false;
    };
    let Some(page) = &glass.page else {
        return false;
    };
    statement::is_current(open, text, |head| {
        statement::breakglass_statement(state, open, signer, head, &glass.reason, page.as_str())
    })
}

/// The statement is what this person would sign to say no to this proposal for this reason.
fn is_no(state: &State, of: &Proposal, reason: &str, signer: &PersonId, text: &str) -> bool {
    statement::is_current(of, text, |head| {
        statement::reject_statement(state, of, signer, head, reason.trim())
    })
}

/// The record of a motion, or of a second, whose signature did not count.
fn refused_motion(state: &State, command: &Command, refused: &Refusal) -> Fact {
    let no = match command {
        Command::Second { no, .. } => *no,
        _ => state.motions.newest.next(),
    };
    let event = MotionEvent::Refused {
        asked: command.verb().to_owned(),
        reason: refused.reason.clone(),
    };
    Fact::Motion(Moved { no, event })
}

/// The statement is what this person would sign to make this motion, from when on they say, or to second the open one.
/// Whether that is now is judged with the motion.
fn is_motion(state: &State, command: &Command, signer: &PersonId, text: &str) -> bool {
    let made = if let Command::Move { what, reason, .. } = command {
        statement::motion_issued(text)
            .map(|issued| statement::motion_statement(state, what, reason.trim(), signer, issued))
    } else {
        let open = state.motions.open.as_deref();
        open.map(|open| statement::second_statement(state, open, signer))
    };
    matches!(made, Some(Ok(made)) if made == text)
}

/// The statement is what this person would sign to have reviewed what somebody ran alone.
fn is_review(
    state: &State,
    (step, attempt): (&StepId, AttemptNo),
    note: &str,
    signer: &PersonId,
    text: &str,
) -> bool {
    let owed = state.broken.iter().find(|b| b.is_of(step, attempt));
    let made = owed.and_then(|o| statement::review_statement(state, o, signer, note.trim()));
    matches!(made, Some(Ok(made)) if made == text)
}

impl Session {
    /// Whom a command is by. A refusal may have a fact for the journal.
    pub(crate) fn speaker(&self, connection: &Actor, command: &Command) -> Result<Actor, Refusal> {
        let state = self.engine.tentative();
        let open = state.proposal.as_ref();
        match command {
            Command::Confirm {
                statement,
                evidence: Evidence::Signature { armour, detached },
            } => self.confirmer(connection, (statement, armour), *detached),
            Command::Reject {
                reason,
                signed: Some(signed),
                ..
            } => self.signer(connection, &Word::of(Kind::Reject, signed), |signer| {
                open.is_some_and(|open| is_no(state, open, reason, signer, &signed.statement))
            }),
            Command::Explain {
                reason,
                signed: Some(signed),
                ..
            } => self.signer(connection, &Word::of(Kind::Reject, signed), |signer| {
                let rejected = state.rejected.as_ref();
                rejected
                    .is_some_and(|of| is_no(state, &of.proposal, reason, signer, &signed.statement))
            }),
            Command::Go {
                signed: Some(signed),
                ..
            } => self.signer(connection, &Word::of(Kind::Go, signed), |signer| {
                open.is_some_and(|open| {
                    let go = |head| statement::go_statement(state, open, signer, head);
                    statement::is_current(open, &signed.statement, go)
                })
            }),
            Command::Resolve {
                step,
                finding,
                reason,
                signed: Some(signed),
            } => self.signer(connection, &Word::of(Kind::Resolve, signed), |signer| {
                let expected =
                    statement::resolve_statement(state, step, signer, *finding, reason.trim());
                matches!(expected, Some(Ok(expected)) if expected == signed.statement)
            }),
            Command::BreakglassSigned { signed, .. } => {
                let word = Word::of(Kind::Breakglass, signed);
                self.signer(connection, &word, |signer| {
                    open.is_some_and(|open| is_breakglass(state, open, signer, word.statement))
                })
            }
            Command::Move {
                signed: Some(signed),
                ..
            }
            | Command::Second {
                signed: Some(signed),
                ..
            } => self.signer(connection, &Word::of(Kind::Motion, signed), |signer| {
                is_motion(state, command, signer, &signed.statement)
            }),
            Command::Review {
                step,
                attempt,
                note,
                signed: Some(signed),
            } => self.signer(connection, &Word::of(Kind::Resolve, signed), |signer| {
                is_review(state, (step, *attempt), note, signer, &signed.statement)
            }),
            _ => Ok(connection.clone()),
        }
    }

    fn confirmer(
        &self,
        connection: &Actor,
        (statement, armour): (&str, &str),
        detached: bool,
    ) -> Result<Actor, Refusal> {
        let state = self.engine.tentative();
        let word = Word {
            kind: Kind::Confirm,
            statement,
            armour,
            detached,
        };
        self.signer(connection, &word, |signer| {
            let open = state.proposal.as_ref();
            open.is_some_and(|open| statement::is_expected(state, open, signer, word.statement))
        })
    }

    /// Whom a proposal is by that was drafted with these terms.
    pub(crate) fn proposer(
        &self,
        connection: &Actor,
        terms: &fact::Terms,
        signed: &Signed,
    ) -> Result<Actor, Refusal> {
        let state = self.engine.tentative();
        self.signer(connection, &Word::of(Kind::Propose, signed), |signer| {
            let expected = statement::propose_statement(state, terms);
            *signer == terms.proposer && expected.is_ok_and(|text| text == signed.statement)
        })
    }

    /// Judges a signature by the lists read just now.
    fn signer(
        &self,
        connection: &Actor,
        word: &Word<'_>,
        is_expected: impl FnOnce(&PersonId) -> bool,
    ) -> Result<Actor, Refusal> {
        let said = |error: SigFault| {
            refusal(
                format!("the signature does not count: {error}"),
                error.hint(),
            )
        };
        let claim = sshsig::claim(word.armour, &self.policy.signers).map_err(said)?;
        if !is_expected(claim.person()) {
            return Err(stale());
        }
        let (message, namespace) = (word.statement.as_bytes(), word.kind.namespace());
        let proof = claim
            .prove(
                message,
                namespace,
                &self.policy.revoked,
                self.clock.now().wall,
            )
            .map_err(said)?;
        self.watch_counter(&proof, message);
        // A signature from another machine is brought in by whoever has it; one by an agent is its owner's.
        if let Some(other) = connection.person().filter(|id| **id != proof.person)
            && !word.detached
        {
            return Err(refusal(
                format!("`{other}` is attached here and `{}` signed", proof.person),
                format!("`{}` has to attach and sign there", proof.person),
            ));
        }
        Ok(Actor::Person {
            id: proof.person,
            via: Via::Sshsig {
                key: proof.key,
                touch: proof.touch,
                detached: word.detached,
            },
        })
    }

    /// Asks a client to sign who is there.
    pub(crate) fn send_challenge(&mut self, terminal: TerminalId, number: u64, turn: &mut Turn) {
        let peer_uid = self.registry.get(terminal).map(|client| client.peer_uid);
        let Some(hello) = peer_uid.and_then(|uid| self.challenge(uid)) else {
            let refused = refusal("there is no random number for a challenge", "ask again");
            return turn.refuse(terminal, number, refused);
        };
        if let Some(client) = self.registry.get_mut(terminal) {
            client.hello = Some(hello.clone());
        }
        self.registry.send(terminal, &ToClient::Challenge(hello));
        turn.replies.push((terminal, number, None));
    }

    fn challenge(&self, peer_uid: u32) -> Option<Hello> {
        let now = self.clock.now().wall;
        let issued = crate::domain::time::Timestamp::from_millis(
            now.as_millis().div_euclid(1000).saturating_mul(1000),
        );
        Some(Hello {
            server_uid: self.engine.state().genesis.server_uid,
            peer_uid,
            nonce: crate::clock::nonce().ok()?,
            issued,
            expires: issued.plus(HELLO_LIFE),
        })
    }

    /// Somebody says who is at a terminal. Two people on one connection may look and not act.
    pub(crate) fn sign_in(
        &mut self,
        terminal: TerminalId,
        number: u64,
        hello_signed: &Signed,
        turn: &mut Turn,
    ) {
        let Some(client) = self.registry.get_mut(terminal) else {
            return;
        };
        // Used once, whatever comes of it.
        let (connection, hello) = (client.actor.clone(), client.hello.take());
        let state = self.engine.tentative();
        let now = self.clock.now().wall;
        let known = hello
            .filter(|hello| now <= hello.expires)
            .ok_or_else(|| refusal("the time to sign in is over", "sign in again, within 30 s"))
            .and_then(|hello| {
                self.signer(
                    &Actor::Account {
                        uid: hello.peer_uid,
                    },
                    &Word::of(Kind::Hello, hello_signed),
                    |signer| {
                        statement::hello_statement(state, &hello, signer)
                            .is_ok_and(|text| text == hello_signed.statement)
                    },
                )
            });
        let who = match known {
            Ok(who) => who,
            Err(refused) => return turn.refuse(terminal, number, refused),
        };
        let is_conflict = connection
            .person()
            .is_some_and(|id| Some(id) != who.person());
        let read_only = is_conflict || !self.may_act(&who);
        let actor = if is_conflict { connection } else { who.clone() };
        self.registry.rename(terminal, actor.clone(), read_only);
        let input = Input::SignedIn {
            terminal,
            actor,
            signer: who,
            read_only,
            signed: fact::Signed {
                statement: hello_signed.statement.clone(),
                signature: hello_signed.signature.clone(),
            },
        };
        self.take(&input, turn, Some((terminal, number)));
        self.tell_policy();
    }

    /// Whether a proposal has to be signed by its proposer before it is opened.
    pub(crate) fn wants_signed_proposal(&self, step: &StepId, who: &PersonId) -> bool {
        let state = self.engine.tentative();
        state.find(step).is_some_and(|view| {
            let rule = rule::rule_of(state, view.plan, &self.world);
            rule.needed(Purpose::Propose, self.world.is_owner(who)) >= Grade::Sshsig
        })
    }

    /// A fact for the journal about a signature that did not count.
    pub(crate) fn record_of(&self, command: &Command, refused: &Refusal) -> Option<Fact> {
        let step = match command {
            Command::Move { .. } | Command::Second { .. } => {
                return Some(refused_motion(self.engine.tentative(), command, refused));
            }
            Command::Propose { step, .. }
            | Command::Reject { step, .. }
            | Command::Explain { step, .. }
            | Command::Go { step, .. }
            | Command::Resolve { step, .. }
            | Command::Breakglass { step, .. }
            | Command::BreakglassSigned { step, .. }
            | Command::Review { step, .. } => step.clone(),
            Command::Confirm { .. } => {
                let open = self.engine.tentative().proposal.as_ref();
                open?.terms.step.clone()
            }
            _ => return None,
        };
        Some(Fact::Refused {
            asked: command.verb().to_owned(),
            step,
            reason: refused.reason.clone(),
        })
    }
}
