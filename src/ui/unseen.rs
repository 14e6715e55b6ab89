//! What somebody must not be shown before they have said what they expect to be touched (`TWO_PERSON` 6.1).
//!
//! A function of the room alone, asked by every view. It keeps an answer from being copied off the screen beside the
//! question; it is no secret: whoever has read the runbook knows it.

use crate::domain::fact::{Fact, Stamped};
use crate::domain::id::PersonId;
use crate::domain::readiness::StepView;
use crate::domain::state::Proposal;
use crate::ui::ritual::{is_nobody, me, rule};
use crate::ui::room::Room;
use crate::ui::words::{self, Naming};

/// What stands where it is hidden.
pub(crate) const LATER: &str = "shown once you have answered what you expect: c";

/// True when this person is asked what they expect to be touched, before they see it.
pub(crate) fn asks(room: &Room, proposal: &Proposal, signer: &PersonId) -> bool {
    // Who is only said to be somebody is asked here, whatever another terminal has said for that person.
    is_asked(room, proposal) && (is_nobody(room) || !proposal.checked.contains(signer))
}

fn is_asked(room: &Room, proposal: &Proposal) -> bool {
    let step = room.state.find(&proposal.terms.step);
    let is_named = step.is_some_and(|step| step.plan.component.is_some());
    is_named && rule(room, proposal).is_some_and(|rule| rule.independent_check)
}

/// The proposed step, while its target is hidden from whoever is at this terminal: somebody who may confirm it, is
/// asked first and has not answered. A lost link shows nothing more. Who may veto sees what they would veto.
pub(crate) fn step(room: &Room) -> Option<StepView<'_>> {
    let open = room.state.proposal.as_ref()?;
    let is_waiting = open.armed.is_none() && open.glass.is_none();
    let can_answer = !room.welcome.read_only && !room.welcome.policy.observes;
    let is_theirs = match me(room) {
        Some(me) => {
            let is_other = *me != open.terms.proposer && *me != open.terms.executor;
            let has_confirmed = open.confirms.iter().any(|c| c.person == *me);
            is_other && !has_confirmed && asks(room, open, me)
        }
        // Anybody may say there who they are.
        None => is_nobody(room) && is_asked(room, open),
    };
    let step = room.state.find(&open.terms.step);
    step.filter(|_| is_waiting && can_answer && is_theirs)
}

/// True when the step at this place is hidden.
pub(crate) fn is_hidden(room: &Room, index: usize) -> bool {
    step(room).is_some_and(|step| step.index == index)
}

/// A fact in words; what somebody else expects of a hidden step is hidden with it.
pub(crate) fn fact(room: &Room, record: &Stamped, naming: Naming) -> String {
    if let Fact::StepChecked(checked) = &record.fact
        && let (Some(step), Some(open)) = (step(room), &room.state.proposal)
        && step.plan.id == checked.step
        && open.terms.attempt == checked.attempt
    {
        return format!("said what they expect to be touched; {LATER}");
    }
    words::fact(&room.state, record, naming)
}
