//! What stops or goes back: each is done the moment its key is pressed. Why is asked behind a reject, a cancel and a way
//! back; a stop asks nothing.

use super::Work;
use crate::domain::command::Command;
use crate::domain::id::StepId;
use crate::ui::layers::Purpose;

/// Says no at once. Why is asked behind it, and signed then where a key is at hand.
pub(in crate::ui) fn reject(work: &mut Work<'_>, step: StepId) {
    let open = work.room.and_then(|room| room.state.proposal.as_ref());
    let Some(attempt) = open.map(|open| open.terms.attempt) else {
        return work.say("no proposal is open");
    };
    let title = format!("you reject `{step}`. why? the proposer reads it");
    let command = Command::reject(step.clone(), String::new());
    work.ask_then(command, Purpose::Explain(step, attempt), title);
}

/// Takes the open proposal back.
pub(super) fn cancel(work: &mut Work<'_>, step: StepId) {
    let title = format!("the proposal of `{step}` is taken back. why? it is noted");
    let purpose = Purpose::Note(Some(step.clone()));
    let reason = String::new();
    work.ask_then(Command::Cancel { step, reason }, purpose, title);
}

/// Goes back.
pub(super) fn rollback(work: &mut Work<'_>) {
    let title = "rolling back: what was done is undone, last first. why? it is noted";
    let reason = String::new();
    let command = Command::Rollback { reason };
    work.ask_then(command, Purpose::Note(None), title.to_owned());
}

/// Stops what runs, or what waits by itself.
pub(super) fn stop(work: &mut Work<'_>) {
    let step = work.room.and_then(|room| room.state.stoppable().cloned());
    match step {
        Some(step) => work.ask(Command::Stop { step }),
        None => work.say("nothing runs"),
    }
}

/// Watches over what runs in place of who dropped out.
pub(super) fn take_over(work: &mut Work<'_>) {
    let running = work
        .room
        .and_then(|r| Some(r.state.running()?.key.step.clone()));
    match running {
        Some(step) => work.ask(Command::TakeOver { step }),
        None => work.say("nothing runs"),
    }
}
