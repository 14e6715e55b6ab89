//! Begin the maintenance.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::Fact;
use crate::domain::runbook::plan::Risk;
use crate::domain::state::Phase;
use std::collections::BTreeSet;

pub(super) fn decide(ask: &Ask<'_>) -> Decision {
    ask.operator()?;
    if ask.state.phase != Phase::Briefing {
        return Err(ask.no("the maintenance has begun already", ""));
    }
    let risks: BTreeSet<Risk> = ask
        .state
        .plan()
        .steps
        .iter()
        .map(|step| step.risk)
        .collect();
    ask.runbook_for(risks)?;
    Ok(vec![Fact::Begun])
}
