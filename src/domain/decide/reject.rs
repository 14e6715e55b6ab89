//! Say no to the open proposal: always allowed to one person alone.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::{CloseCause, Fact};
use crate::domain::id::StepId;

pub(super) fn decide(ask: &Ask<'_>, step: &StepId, reason: &str) -> Decision {
    let open = ask.proposal(step)?;
    ask.person(step)?;
    ask.approver()?;
    let reason = ask.reason(reason)?;
    Ok(vec![Fact::ProposalClosed {
        step: step.clone(),
        attempt: open.terms.attempt,
        why: CloseCause::Rejected { reason },
    }])
}
