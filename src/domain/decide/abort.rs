//! Give up where it stands.

use super::Decision;
use super::ask::Ask;
use super::rollback::with_stop;
use crate::domain::fact::Fact;

pub(super) fn decide(ask: &Ask<'_>, reason: &str) -> Decision {
    ask.operator()?;
    if ask.state.phase.is_final() {
        return Err(ask.no("the maintenance is over", ""));
    }
    let reason = ask.reason(reason)?;
    Ok(with_stop(ask.state, Fact::Aborted { reason }))
}
