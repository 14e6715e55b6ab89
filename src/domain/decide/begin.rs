//! Begin the maintenance.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::Fact;
use crate::domain::state::Phase;

pub(super) fn decide(ask: &Ask<'_>) -> Decision {
    ask.operator()?;
    if ask.state.phase != Phase::Briefing {
        return Err(ask.no("the maintenance has begun already", ""));
    }
    Ok(vec![Fact::Begun])
}
