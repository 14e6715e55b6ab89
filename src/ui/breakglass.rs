//! Keys of somebody who goes alone, of whoever stops them, and of who looks at it afterwards.

use crate::domain::command::Command;
use crate::domain::confirm::breakglass::{PAGES_MAX, bad_guards, paged_out_until, wait_after};
use crate::domain::confirm::policy::{BREAKGLASS_REASON_MIN, PAGE_DOWN_DELAY, Rules};
use crate::domain::digest::Digest;
use crate::domain::fact::{Mode, Page};
use crate::domain::id::{AttemptNo, PersonId, StepId};
use crate::domain::time::{Timestamp, short_span};
use crate::ui::Request;
use crate::ui::action::Action;
use crate::ui::layers::{Alone, Layer, Menu, MenuItem, Outcome, Purpose, SignAct};
use crate::ui::proof;
use crate::ui::ritual::me;
use crate::ui::room::{Link, Room};
use crate::ui::signing;
use crate::ui::update::Work;

/// Does one of the three.
pub(super) fn act(work: &mut Work<'_>, action: Action) {
    match action {
        Action::Veto => veto(work),
        Action::ReviewAlone => review(work),
        _ => break_glass(work),
    }
}

/// Goes out at once, whoever this is: a terminal that may only look can do it too.
fn veto(work: &mut Work<'_>) {
    let open = work.room.and_then(|room| room.state.proposal.as_ref());
    let Some(open) = open.filter(|open| open.glass.is_some()) else {
        return work.say("nobody goes alone: there is nothing to veto");
    };
    if work.room.is_some_and(|room| room.link != Link::Up) {
        return work.say("not sent: the server is not reached; what you see is old");
    }
    let command = Command::Veto {
        step: open.terms.step.clone(),
        attempt: open.terms.attempt,
    };
    work.requests.push(Request::Ask(command));
}

fn break_glass(work: &mut Work<'_>) {
    let Some(room) = work.room else { return };
    let Some(open) = room.state.proposal.as_ref() else {
        return work.say("propose the step first: who goes alone goes with what is proposed");
    };
    let (step, attempt) = (open.terms.step.clone(), open.terms.attempt);
    if open.glass.is_none()
        && let Some(why) = no_role(room).or_else(|| paged_out(room, work.now.wall))
    {
        return work.say(&why);
    }
    let Some(glass) = &open.glass else {
        let title = format!(
            "BREAK-GLASS: run `{step}` without a second person. Somebody is paged, and everybody sees why. What burns, and why can nobody else be waited for? (at least {BREAKGLASS_REASON_MIN} characters)"
        );
        return work.prompt(Purpose::Alone(Alone::Reason(step, attempt)), title);
    };
    if me(room) != Some(&glass.person) {
        let text = format!("`{}` goes alone; ctrl-x vetoes it", glass.person);
        return work.say(&text);
    }
    match (proof::breakglass(room), &glass.page) {
        (Some(wish), Some(page)) => {
            let question = question(room, &glass.reason, page);
            let item = |key, shown, what, act| MenuItem {
                key,
                shown,
                what,
                outcome: Outcome::Sign(Box::new(act)),
            };
            let mut items = vec![item(
                'y',
                "y",
                "sign: touch a security key, or sign on another machine",
                SignAct::Begin(wish.clone()),
            )];
            // The runner of an enforced session cannot check a code.
            if room.welcome.policy.codes && room.welcome.mode != Mode::Enforced {
                let what = "sign with any key of yours, and give a one-time code beside it";
                items.push(item('c', "c", what, SignAct::WithCode(wish)));
            }
            work.layers.open(Layer::Menu(Menu::new(question, items)));
        }
        (None, None) => work.say("somebody is being paged: wait until that has ended"),
        _ => work.say("it is signed: ctrl-g runs it when the wait is over, ctrl-x ends it"),
    }
}

/// Why somebody without the role need not say why: it would be refused after that.
fn no_role(room: &Room) -> Option<String> {
    let policy = &room.welcome.policy;
    if policy.breakglass {
        return None;
    }
    let who: Vec<&str> = policy.alone.iter().map(PersonId::as_str).collect();
    let who = match who.as_slice() {
        [] => "nobody has it".to_owned(),
        who => format!("who has it: {}", who.join(", ")),
    };
    Some(format!(
        "going alone needs the role `breakglass`, which you do not have; {who}"
    ))
}

/// Why somebody who has had others paged again and again need not say why either.
fn paged_out(room: &Room, now: Timestamp) -> Option<String> {
    let until = paged_out_until(&room.state, me(room)?, now)?;
    Some(format!(
        "you have had somebody paged {PAGES_MAX} times within an hour: a second person can confirm it, or you can again from {} on",
        until.to_seconds_text()
    ))
}

/// What is signed, before it is.
fn question(room: &Room, reason: &str, page: &Page) -> String {
    // Whether the rules go on without a page is the server's to say: with one that is down they wait this long.
    let wait = wait_after(page, &Rules::default()).unwrap_or(PAGE_DOWN_DELAY);
    let guards = match bad_guards(&room.state).as_slice() {
        [] => "all guards are good".to_owned(),
        bad => format!("NOT GOOD: {}", bad.join(", ")),
    };
    format!(
        "sign the break-glass? reason: {reason} ({}); {page}; then everybody can veto it for {}; {guards}",
        Digest::of(reason.as_bytes()),
        short_span(wait)
    )
}

fn review(work: &mut Work<'_>) {
    let owed = work.room.and_then(|room| room.state.review_owed());
    let Some(owed) = owed else {
        return work.say("no review is owed");
    };
    let (step, attempt) = (owed.ran.terms.step.clone(), owed.ran.terms.attempt);
    let title = format!(
        "`{}` ran `{step}` alone: {}. You sign what you write here. What did you look at, and what did you find?",
        owed.person, owed.reason
    );
    work.prompt(Purpose::Alone(Alone::Review(step, attempt)), title);
}

/// Takes a line that was typed on this way.
pub(super) fn typed(work: &mut Work<'_>, purpose: Alone, text: String) {
    match purpose {
        Alone::Reason(step, attempt) => work.ask(Command::Breakglass {
            step,
            attempt,
            reason: text,
        }),
        Alone::Code(wish) => signing::begin(work, wish.with_code(text)),
        Alone::Review(step, attempt) => sign_review(work, &step, attempt, &text),
    }
}

/// Has a review signed.
fn sign_review(work: &mut Work<'_>, step: &StepId, attempt: AttemptNo, note: &str) {
    let wish = work
        .room
        .and_then(|room| proof::review(room, step, attempt, note));
    match wish {
        Some(wish) => signing::begin(work, wish),
        None => work.say("nobody is known to be at this terminal: sign in first, with K"),
    }
}
