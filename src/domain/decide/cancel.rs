//! Take the open proposal back.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::{CloseCause, Fact};
use crate::domain::id::StepId;

pub(super) fn decide(ask: &Ask<'_>, step: &StepId, reason: &str) -> Decision {
    let open = ask.proposal(step)?;
    ask.operator()?;
    let reason = ask.words(reason)?;
    Ok(vec![Fact::ProposalClosed {
        step: step.clone(),
        attempt: open.terms.attempt,
        why: CloseCause::Cancelled { reason },
    }])
}
