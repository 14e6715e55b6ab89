//! What this terminal's person has to put their key to before something is sent, and what is sent then.

use crate::domain::amend::adopted_digest;
use crate::domain::command::{Command, Evidence, Signed};
use crate::domain::confirm::policy::{Grade, Purpose};
use crate::domain::confirm::statement::{
    Hello, Kind, breakglass_statement, go_statement, hello_statement, motion_statement,
    propose_statement, reject_statement, resolve_statement, review_statement, second_statement,
};
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Finding, Via};
use crate::domain::id::{AttemptNo, Nonce, PersonId, StepId};
use crate::domain::motion::Motion;
use crate::domain::runbook::plan::Risk;
use crate::domain::state::Tabled;
use crate::domain::time::Timestamp;
use crate::ui::ritual::me;
use crate::ui::room::Room;
use crate::wire::message::Draft;

/// A statement that waits for a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What is signed, whole.
    pub statement: String,
    /// What is sent with the signature.
    pub then: Then,
}

/// A key that an agent holds and that can sign for this terminal's person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its type, as `ssh-keygen` names it.
    pub kind: &'static str,
    /// Its fingerprint, `SHA256:...`.
    pub key: String,
    /// What its owner calls it; from outside, cleaned where it is drawn.
    pub comment: String,
    /// It is a security key.
    pub is_security_key: bool,
}

/// What a signature is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// A command.
    Ask(Command),
    /// Saying who is at this terminal.
    SignIn,
}

impl Wish {
    /// What is sent without a signature when there is none in time: only what counts as much without.
    pub fn unsigned(&self) -> Option<&Command> {
        match &self.then {
            Then::Ask(command @ Command::Explain { .. }) => Some(command),
            Then::Ask(_) | Then::SignIn => None,
        }
    }

    /// What kind of statement it is; its first line says so.
    pub fn kind(&self) -> Option<Kind> {
        Kind::of(&self.statement)
    }

    /// The value of a line of the statement.
    pub(crate) fn line(&self, key: &str) -> Option<&str> {
        let mut lines = self.statement.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
    }

    /// True where it is an answer to a proposal, and that is not the open one.
    pub(crate) fn is_over(&self, open: Option<&Nonce>) -> bool {
        let answers = matches!(
            self.kind(),
            Some(Kind::Confirm | Kind::Go | Kind::Breakglass)
        );
        answers && self.line("nonce") != open.map(Nonce::as_str)
    }

    /// The same with a one-time code beside the signature, for somebody who goes alone.
    #[must_use]
    pub fn with_code(mut self, typed: String) -> Self {
        if let Then::Ask(Command::BreakglassSigned { beside, .. }) = &mut self.then {
            *beside = Evidence::Code { code: typed };
        }
        self
    }

    /// The signed statement, for what is no command.
    pub fn signed(&self, armour: String, detached: bool) -> Signed {
        Signed {
            statement: self.statement.clone(),
            signature: armour,
            detached,
        }
    }
}

/// True when the class of step wants somebody to have touched a security key for this.
pub(crate) fn wants_touch(room: &Room, wish: &Wish) -> bool {
    let purpose = match wish.kind() {
        Some(Kind::Propose) => Purpose::Propose,
        Some(Kind::Confirm) => Purpose::Confirm,
        Some(Kind::Motion) => {
            return room.welcome.policy.needed(Risk::Destructive, Purpose::Go) >= Grade::Touch;
        }
        Some(Kind::Go | Kind::Resolve) => Purpose::Go,
        _ => return false,
    };
    let open = room.state.proposal.as_ref().map(|open| &open.terms.step);
    let step = match &wish.then {
        Then::Ask(Command::Propose { step, .. } | Command::Resolve { step, .. }) => Some(step),
        _ => open,
    };
    step.is_some_and(|step| needed(room, step, purpose) >= Grade::Touch)
}

fn risk_of(room: &Room, step: &StepId) -> Option<Risk> {
    Some(room.state.find(step)?.plan.risk)
}

/// Evidence this terminal's person has to give for a purpose.
pub(crate) fn needed(room: &Room, step: &StepId, purpose: Purpose) -> Grade {
    risk_of(room, step).map_or(Grade::Uid, |risk| room.welcome.policy.needed(risk, purpose))
}

/// The confirm of the open proposal, to be signed; absent where the account is enough.
pub(crate) fn confirm(room: &Room, statement: &str) -> Option<Wish> {
    let open = room.state.proposal.as_ref()?;
    let is_needed = needed(room, &open.terms.step, Purpose::Confirm) > Grade::Uid;
    // Who is known by a key here, or not at all, has no account that could speak for them.
    let by_account = matches!(
        &room.welcome.you,
        Actor::Person {
            via: Via::Uid(_) | Via::Demo,
            ..
        }
    );
    (is_needed || !by_account).then(|| Wish {
        statement: statement.to_owned(),
        then: Then::Ask(Command::confirm(statement.to_owned())),
    })
}

/// The go of the armed proposal, to be signed; absent where the connection is enough.
pub(crate) fn go(room: &Room) -> Option<Wish> {
    let open = room.state.proposal.as_ref()?;
    if needed(room, &open.terms.step, Purpose::Go) < Grade::Sshsig {
        return None;
    }
    let statement = go_statement(&room.state, open, me(room)?, open.proposed?)?.ok()?;
    let command = Command::go(open.terms.step.clone(), open.terms.attempt);
    Some(Wish {
        statement,
        then: Then::Ask(command),
    })
}

/// Why this terminal's person has rejected a proposal, to be signed; absent where no key of theirs is listed for that,
/// or the no has not come back yet.
pub(crate) fn explain(
    room: &Room,
    step: &StepId,
    attempt: AttemptNo,
    reason: &str,
) -> Option<Wish> {
    let me = me(room)?;
    let is_listed = room.welcome.policy.keys.iter().any(|key| {
        let is_for_it = |name: &String| name == Kind::Reject.namespace();
        key.person == *me && key.namespaces.iter().any(is_for_it)
    });
    let rejected = room.state.rejected.as_ref().filter(|r| {
        let terms = &r.proposal.terms;
        is_listed && terms.step == *step && terms.attempt == attempt
    })?;
    let (closed, reason) = (&rejected.proposal, reason.trim());
    let statement = reject_statement(&room.state, closed, me, closed.proposed?, reason)?.ok()?;
    let command = Command::explain(step.clone(), attempt, reason.to_owned());
    Some(Wish {
        statement,
        then: Then::Ask(command),
    })
}

/// What was found of an unknown outcome, to be signed; absent where it needs no signature.
pub(crate) fn resolve(room: &Room, step: &StepId, finding: Finding, reason: &str) -> Option<Wish> {
    if needed(room, step, Purpose::Go) < Grade::Sshsig {
        return None;
    }
    let reason = reason.trim();
    let statement = resolve_statement(&room.state, step, me(room)?, finding, reason)?.ok()?;
    let command = Command::resolve(step.clone(), finding, reason.to_owned());
    Some(Wish {
        statement,
        then: Then::Ask(command),
    })
}

/// The word of somebody who goes alone; absent while nobody was paged, or when it is not for this person to sign.
pub(crate) fn breakglass(room: &Room) -> Option<Wish> {
    let open = room.state.proposal.as_ref()?;
    let glass = open.glass.as_deref()?;
    let page = glass.page.as_ref().filter(|_| glass.countdown.is_none())?;
    let me = me(room).filter(|me| **me == glass.person)?;
    let (head, reason) = (open.proposed?, &glass.reason);
    let made = breakglass_statement(&room.state, open, me, head, reason, page.as_str())?;
    let statement = made.ok()?;
    let signed = Signed {
        statement: statement.clone(),
        signature: String::new(),
        detached: false,
    };
    let command = Command::BreakglassSigned {
        step: open.terms.step.clone(),
        attempt: open.terms.attempt,
        signed,
        beside: Evidence::Account,
        code_step: None,
    };
    Some(Wish {
        statement,
        then: Then::Ask(command),
    })
}

/// What this person found of what somebody else ran alone, to be signed.
pub(crate) fn review(room: &Room, step: &StepId, attempt: AttemptNo, note: &str) -> Option<Wish> {
    let broken = room.state.broken.iter().find(|b| b.is_of(step, attempt))?;
    let note = note.trim();
    let statement = review_statement(&room.state, broken, me(room)?, note)?.ok()?;
    let command = Command::Review {
        step: step.clone(),
        attempt,
        note: note.to_owned(),
        signed: None,
    };
    Some(Wish {
        statement,
        then: Then::Ask(command),
    })
}

/// True where this terminal's person has to sign what they say of motions.
fn signs_motions(room: &Room) -> bool {
    room.welcome.policy.needed(Risk::Destructive, Purpose::Go) >= Grade::Sshsig
}

/// A motion of this terminal's person, to be signed; absent where it needs no signature.
pub(crate) fn motion(room: &Room, what: &Motion, reason: &str, now: Timestamp) -> Option<Wish> {
    if !signs_motions(room) {
        return None;
    }
    let issued = Timestamp::from_millis(now.as_millis().div_euclid(1000).saturating_mul(1000));
    let reason = reason.trim();
    let statement = motion_statement(&room.state, what, reason, me(room)?, issued).ok()?;
    let command = Command::Move {
        what: what.clone(),
        reason: reason.to_owned(),
        signed: None,
    };
    Some(Wish {
        statement,
        then: Then::Ask(command),
    })
}

/// The second to the open motion as it is read here.
pub(crate) fn seconded(room: &Room, open: &Tabled) -> Command {
    let amendment = open.amendment.as_deref();
    Command::Second {
        no: open.no,
        adopted: amendment.and_then(|amendment| adopted_digest(&room.state, amendment)),
        signed: None,
    }
}

/// The second to the open motion, to be signed; absent where it needs no signature.
pub(crate) fn second(room: &Room) -> Option<Wish> {
    let open = room.state.motions.open.as_deref()?;
    if !signs_motions(room) {
        return None;
    }
    let statement = second_statement(&room.state, open, me(room)?).ok()?;
    Some(Wish {
        statement,
        then: Then::Ask(seconded(room, open)),
    })
}

/// The proposal that was drafted for this terminal. Absent when the plan is not the one its terms name.
pub(crate) fn propose(room: &Room, draft: &Draft) -> Option<Wish> {
    if Digest::of(draft.plan.as_bytes()) != draft.terms.plan {
        return None;
    }
    Some(Wish {
        statement: propose_statement(&room.state, &draft.terms).ok()?,
        then: Then::Ask(Command::propose(draft.terms.step.clone())),
    })
}

/// Who is at this terminal: the person of the first of the listed keys that an agent holds.
pub(crate) fn sign_in(room: &Room, hello: &Hello, signer: &PersonId) -> Option<Wish> {
    Some(Wish {
        statement: hello_statement(&room.state, hello, signer).ok()?,
        then: Then::SignIn,
    })
}

/// The three words of a statement, to compare on two screens.
pub fn words(statement: &str) -> String {
    crate::domain::confirm::words::confirm_words(Digest::of(statement.as_bytes())).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::confirm::policy::Rules;
    use crate::domain::fact::Mode;
    use crate::ui::fixtures::Story;

    fn with_keys(mut room: Room) -> Room {
        let rule = Rules::default().rule_for(Risk::Destructive, Mode::Enforced, false);
        room.welcome.policy.classes = vec![(Risk::Destructive, rule)];
        room
    }

    #[test]
    fn what_the_class_asks_is_signed_and_nothing_else() {
        let room = Story::proposed("bob").room;
        assert_eq!(confirm(&room, "x"), None, "the account is enough");
        let room = with_keys(room);
        let wish = confirm(&room, "warroom-confirm@v1\n").expect("a signature is needed");
        assert_eq!(wish.kind(), Some(Kind::Confirm));
        let room = with_keys(Story::armed("alice").room);
        assert_eq!(go(&room), None, "the executor's connection is enough");
    }
}
