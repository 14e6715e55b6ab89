//! Say no to the open proposal: always allowed to one person alone, with one key. The reason may follow.

use super::Decision;
use super::ask::Ask;
use crate::domain::command::Signed;
use crate::domain::confirm::statement::{is_current, reject_statement};
use crate::domain::fact::{CloseCause, Fact};
use crate::domain::id::StepId;

pub(super) fn decide(
    ask: &Ask<'_>,
    step: &StepId,
    reason: &str,
    signed: Option<&Signed>,
) -> Decision {
    let open = ask.proposal(step)?;
    let person = ask.person(step)?;
    let reason = ask.words(reason)?;
    let stated = ask.signed(step, signed, |text| {
        is_current(open, text, |head| {
            reject_statement(ask.state, open, person, head, &reason)
        })
    })?;
    let closed = Fact::ProposalClosed {
        step: step.clone(),
        attempt: open.terms.attempt,
        why: CloseCause::Rejected { reason },
    };
    Ok(stated.into_iter().chain([closed]).collect())
}
