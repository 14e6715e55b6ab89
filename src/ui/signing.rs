//! From a wish for a signature to what is sent: what keys and the agent's answers come to.

use crate::domain::command::{Command, Refusal};
use crate::domain::confirm::policy;
use crate::domain::id::{AttemptNo, PersonId, StepId};
use crate::domain::state::Proposal;
use crate::domain::time::Moment;
use crate::ui::Request;
use crate::ui::layers::{Alone, Layer, Layers, Notice, Prompt, Purpose, Sign, SignAct};
use crate::ui::proof::{self, Offer, Then, Wish, needed};
use crate::ui::ritual::{self, Claim, Heard};
use crate::ui::room::{Link, Room};
use crate::ui::update::{self, Work};

/// Does what the ritual heard.
pub(super) fn on_heard(work: &mut Work<'_>, heard: Heard) {
    match heard {
        Heard::Nothing => {}
        Heard::Leave => {
            work.model.claim = None;
            work.model.show(work.model.back_to);
        }
        Heard::Reject(step) => update::back::reject(work, step),
        Heard::Check(command) => work.ask(command),
        Heard::Confirm(statement) => {
            match work.room.and_then(|room| proof::confirm(room, &statement)) {
                Some(wish) if work.room.is_some_and(ritual::is_nobody) => begin_claimed(work, wish),
                Some(wish) => begin_confirm(work, wish),
                None => work.ask(Command::confirm(statement)),
            }
        }
    }
}

/// Asks the agent, and shows that it is asked.
pub(super) fn begin(work: &mut Work<'_>, wish: Wish) {
    let Some(room) = work.room else { return };
    if room.link != Link::Up {
        return work.say("not signed: the server is not reached; what you see is old");
    }
    let is_confirm = matches!(wish.then, Then::Ask(Command::Confirm { .. }));
    let takes_code = is_confirm && room.welcome.policy.codes;
    let sign = Sign::new(wish.clone(), takes_code);
    work.layers.open(Layer::Sign(sign));
    ask_agent(work, wish);
}

/// Asks the agent, by the key that was chosen before unless the class wants one that is touched and it is none.
fn ask_agent(work: &mut Work<'_>, wish: Wish) {
    let wants_touch = work
        .room
        .is_some_and(|room| proof::wants_touch(room, &wish));
    let chosen = work.model.signing_key.as_ref();
    let chosen = chosen.filter(|offer| offer.is_security_key || !wants_touch);
    let key = chosen.map(|offer| offer.key.clone());
    let wish = Box::new(wish);
    work.requests.push(Request::Sign { wish, key });
}

/// Shows the keys that can sign, in the popup that waits for a signature.
pub(super) fn ask_which(work: &mut Work<'_>, offers: Vec<Offer>) {
    let room = work.room;
    if let Some(sign) = work.layers.sign() {
        let wants_touch = room.is_some_and(|room| proof::wants_touch(room, sign.wish()));
        sign.ask_which(offers, wants_touch);
    }
}

/// Says why a proposal was rejected. A key that is at hand signs it meanwhile; without one it goes as it is. Nothing
/// waits for it: the no itself is done.
pub(super) fn explain(work: &mut Work<'_>, (step, attempt): (StepId, AttemptNo), reason: String) {
    let room = work.room.filter(|room| room.link == Link::Up);
    match room.and_then(|room| proof::explain(room, &step, attempt, &reason)) {
        Some(wish) => {
            ask_agent(work, wish);
            work.say("your agent is asked to sign the no; touch the key if it wants to be");
        }
        None => work.ask(Command::explain(step, attempt, reason)),
    }
}

/// As [`begin`]; who has codes and no key is asked for a code at once, where one is enough.
pub(super) fn begin_confirm(work: &mut Work<'_>, wish: Wish) {
    let takes_code = work.room.is_some_and(|room| {
        let policy = &room.welcome.policy;
        let step = room.state.proposal.as_ref().map(|open| &open.terms.step);
        let grade = step.map(|step| needed(room, step, policy::Purpose::Confirm));
        policy.codes && policy.keys.is_empty() && grade == Some(policy::Grade::Totp)
    });
    if takes_code {
        ask_code(work, wish.statement);
    } else {
        begin(work, wish);
    }
}

/// Who is only said to be somebody proves it with the confirm: by a code where one is enough and can be checked, else by
/// a signature.
fn begin_claimed(work: &mut Work<'_>, wish: Wish) {
    let takes_code = work.room.is_some_and(|room| {
        let step = room.state.proposal.as_ref().map(|open| &open.terms.step);
        let grade = step.map(|step| needed(room, step, policy::Purpose::Confirm));
        room.welcome.policy.codes && grade.is_some_and(|grade| grade <= policy::Grade::Totp)
    });
    if takes_code {
        ask_code(work, wish.statement);
    } else {
        begin(work, wish);
    }
}

/// Closes what waits for a signature on a proposal that has ended, and says what ended it. True where something was closed.
pub(super) fn close_ended(layers: &mut Layers, room: &Room, now: Moment) -> bool {
    let open = room.state.proposal.as_ref().map(|open| &open.terms.nonce);
    let Some(step) = layers.close_signing(open, now) else {
        return false;
    };
    let why = match &room.state.last_closed {
        Some((of, why)) if of.as_str() == step => format!("ended: {why}"),
        _ => "is no longer open".to_owned(),
    };
    let text = format!("the proposal of `{step}` {why}; your signature is not waited for any more");
    layers.tell(&text, now);
    true
}

/// Asks who reviews, where the account does not say.
pub(super) fn ask_who(work: &mut Work<'_>) {
    let Some(room) = work.room else { return };
    if !ritual::is_nobody(room) {
        return;
    }
    if room.state.proposal.is_none() || room.welcome.read_only {
        return work.say("nothing can be confirmed here now");
    }
    let title = "who reviews? your id on the list of people; you prove it at the end".to_owned();
    let prompt = Prompt::new(Purpose::ReviewAs, title);
    work.layers.open(Layer::Prompt(prompt));
}

/// Opens the review for who somebody here says they are: for this proposal alone.
pub(super) fn review_as(work: &mut Work<'_>, name: &str) {
    let open = work.room.and_then(|room| room.state.proposal.as_ref());
    let (Some(room), Some(open)) = (work.room, open) else {
        return work.say("no proposal is open");
    };
    let Ok(person) = PersonId::new(name) else {
        return work.say("an id on the list of people looks like `bob`: a-z, then a-z 0-9 . _ -");
    };
    let terms = &open.terms;
    if person == terms.proposer || person == terms.executor {
        let why = format!("`{person}` proposed it, so somebody else has to confirm");
        return work.say(&why);
    }
    if ritual::open_for(room, &person).is_none() {
        return work.say("it waits for no confirm by that person");
    }
    let nonce = terms.nonce.clone();
    work.model.claim = Some(Claim { nonce, person });
}

fn ask_code(work: &mut Work<'_>, statement: String) {
    let title = "the code your authenticator shows now".to_owned();
    let prompt = Prompt::new(Purpose::Code(statement), title);
    work.layers.open(Layer::Prompt(prompt));
}

/// Does what a key on the popup came to.
pub(super) fn on_act(work: &mut Work<'_>, act: SignAct) {
    match act {
        SignAct::Stop => {
            work.requests.push(Request::StopSigning);
            work.say("left unsigned: nothing was sent");
        }
        SignAct::Begin(wish) => begin(work, wish),
        SignAct::WithCode(wish) => {
            let title = "the code your authenticator shows now; then the key signs".to_owned();
            let prompt = Prompt::new(Purpose::Alone(Alone::Code(Box::new(wish))), title);
            work.layers.open(Layer::Prompt(prompt));
        }
        SignAct::Again(wish) => ask_agent(work, wish),
        SignAct::Chosen(wish, offer) => {
            let key = Some(offer.key.clone());
            work.model.signing_key = Some(offer);
            let wish = Box::new(wish);
            work.requests.push(Request::Sign { wish, key });
        }
        SignAct::Copy(statement) => {
            work.requests.push(Request::StopSigning);
            let open = work.room.and_then(|room| room.state.proposal.as_ref());
            // What looks back on a step names another plan than the one on the table.
            let named = |open: &&Proposal| {
                let line = format!("plan: {}", open.terms.plan);
                statement.lines().any(|said| said == line)
            };
            let plan = open.filter(named).map(|open| open.plan.clone());
            work.requests.push(Request::CopyRequest { statement, plan });
        }
        SignAct::Pasted(wish, armour) => {
            work.requests.push(Request::Signed {
                wish: Box::new(wish),
                armour,
                detached: true,
            });
        }
        SignAct::Code(wish) => {
            work.requests.push(Request::StopSigning);
            ask_code(work, wish.statement);
        }
    }
}

/// Tells why there is no signature, in the popup that waits for one, or at the bottom.
pub(super) fn failed(work: &mut Work<'_>, reason: &str, hint: &str) {
    if let Some(sign) = work.layers.sign() {
        return sign.fail(reason, hint);
    }
    let refusal = Refusal {
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    };
    work.layers.notice = Some(Notice::failure(&refusal, work.now));
}
