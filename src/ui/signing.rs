//! From a wish for a signature to what is sent: what keys and the agent's answers come to.

use crate::domain::command::{Command, Refusal};
use crate::domain::confirm::policy;
use crate::ui::Request;
use crate::ui::layers::{Alone, Layer, Notice, Prompt, Purpose, Sign, SignAct};
use crate::ui::proof::{self, Then, Wish, needed};
use crate::ui::ritual::Heard;
use crate::ui::room::Link;
use crate::ui::update::{self, Work};

/// Does what the ritual heard.
pub(super) fn on_heard(work: &mut Work<'_>, heard: Heard) {
    match heard {
        Heard::Nothing => {}
        Heard::Leave => work.model.show(work.model.back_to),
        Heard::Reject(step) => update::reject(work, step),
        Heard::Check(command) => work.ask(command),
        Heard::Confirm(statement) => {
            match work.room.and_then(|room| proof::confirm(room, &statement)) {
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
    work.requests.push(Request::Sign(Box::new(wish)));
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
        SignAct::Again(wish) => work.requests.push(Request::Sign(Box::new(wish))),
        SignAct::Copy(statement) => {
            work.requests.push(Request::StopSigning);
            let open = work.room.and_then(|room| room.state.proposal.as_ref());
            let plan = open.map(|open| open.plan.clone());
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
    work.layers.notice = Some(Notice::refusal(&refusal, work.now));
}
