//! Say why a proposal was rejected, behind the no that has ended it: a no is one key, and nobody waits for its words.

use super::Decision;
use super::ask::Ask;
use crate::domain::command::Signed;
use crate::domain::confirm::statement::{is_current, reject_statement};
use crate::domain::fact::Fact;
use crate::domain::id::{AttemptNo, StepId};

pub(super) fn decide(
    ask: &Ask<'_>,
    (step, attempt): (&StepId, AttemptNo),
    reason: &str,
    signed: Option<&Signed>,
) -> Decision {
    let view = ask.step(step)?;
    let person = ask.person(step)?;
    let reason = ask.reason(reason)?;
    let rejected = ask.state.rejected.as_ref().filter(|r| {
        let terms = &r.proposal.terms;
        r.by == *person && terms.step == *step && terms.attempt == attempt
    });
    let Some(rejected) = rejected else {
        let why = "you have rejected no such proposal, or have said why already";
        return Err(ask.no_step(view, why, "write a note instead"));
    };
    let open = &rejected.proposal;
    let stated = ask.signed(step, signed, |text| {
        is_current(open, text, |head| {
            reject_statement(ask.state, open, person, head, &reason)
        })
    })?;
    let explained = Fact::RejectExplained {
        step: step.clone(),
        attempt,
        reason,
    };
    Ok(stated.into_iter().chain([explained]).collect())
}
