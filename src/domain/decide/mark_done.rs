//! A person says that work by hand is done.

use super::ask::Ask;
use super::{Decision, NOTE_BYTES_MAX, unit};
use crate::domain::digest::Digest;
use crate::domain::fact::{Fact, Outcome, OutputRef};
use crate::domain::id::StepId;
use crate::domain::readiness::{Readiness, StepView, status_words};

pub(super) fn decide(ask: &Ask<'_>, step: &StepId, note: &str) -> Decision {
    ask.operator()?;
    let view = ask.step(step)?;
    let note = note.trim();
    if note.len() > NOTE_BYTES_MAX {
        let why = format!("the note is longer than {NOTE_BYTES_MAX} bytes");
        return Err(ask.no_step(view, why, ""));
    }
    if let Some(running) = view.now.running.as_ref().filter(|r| !r.key.has_process()) {
        return hand_work(ask, view, running, note);
    }
    ask.in_play(view)?;
    ask.not_held(view)?;
    match ask.state.readiness(view.index) {
        Readiness::ByHand => {
            let begun = unit::begin(ask, view)?;
            let done = Fact::StepDone {
                step: step.clone(),
                warning: String::new(),
                note: note.to_owned(),
            };
            Ok(begun.into_iter().chain([done]).collect())
        }
        Readiness::Ready if view.plan.has_hand_work() => Err(ask.no_step(
            view,
            "it is destructive work by hand, which a second person confirms first",
            "start it, then propose it",
        )),
        Readiness::Ready => Err(ask.no_step(view, "it has blocks to run", "start it")),
        Readiness::Group => Err(ask.no_step(view, "it is done when its sub-steps are", "")),
        Readiness::Blocked(why) => Err(ask.no_step(view, why, "that comes first")),
        Readiness::Started => {
            Err(ask.no_step(view, format!("it {}", status_words(&view.now.status)), ""))
        }
    }
}

/// Confirmed hand work: its executor alone knows that it is done.
fn hand_work(
    ask: &Ask<'_>,
    view: StepView<'_>,
    running: &crate::domain::state::Running,
    note: &str,
) -> Decision {
    let executor = &view.now.by;
    if ask.person(&view.plan.id)?.as_str() != executor {
        let why = format!("`{executor}` does it");
        let hint = format!("`{executor}` can mark it done; anyone can stop it");
        return Err(ask.no_step(view, why, hint));
    }
    let mut facts = vec![Fact::ExecOutcome {
        key: running.key.clone(),
        outcome: Outcome::Exited { code: 0 },
        output: no_output(),
    }];
    if !note.is_empty() {
        facts.push(Fact::NoteAdded {
            step: Some(view.plan.id.clone()),
            text: note.to_owned(),
        });
    }
    Ok(facts)
}

/// Work by hand leaves no output.
pub(in crate::domain) fn no_output() -> OutputRef {
    OutputRef {
        bytes: 0,
        dropped: 0,
        digest: Digest::of(b""),
        values: Vec::new(),
        values_error: String::new(),
        left_behind: 0,
    }
}
