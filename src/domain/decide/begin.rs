//! Begin the maintenance.

use super::Decision;
use super::ask::Ask;
use crate::domain::countdown::{Barred, closed};
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
    if let Some(closed) = closed(ask.state, &ask.world.freezes, ask.now.wall) {
        let hint = match closed {
            Barred::Early { start } => format!(
                "any operator can begin it from {} (UTC) on",
                start.to_seconds_text()
            ),
            Barred::Late { .. } | Barred::Frozen(_) | Barred::Clock { .. } => closed.hint(),
        };
        return Err(ask.no(closed.why(ask.now.wall), hint));
    }
    Ok(vec![Fact::Begun])
}
