//! Nothing new may start. Anyone with a role may ask for that.

use super::Decision;
use super::ask::Ask;
use crate::domain::fact::{Fact, HoldCause};
use crate::domain::state::Hold;

/// Holds of people in force at once: one per person of a large room; more say nothing new.
const HOLDS_MAX: usize = 64;

pub(super) fn decide(ask: &Ask<'_>, reason: &str) -> Decision {
    ask.is_on()?;
    let reason = ask.words(reason)?;
    let is_person = |hold: &&Hold| matches!(hold.cause, HoldCause::Person { .. });
    if ask.state.holds.iter().filter(is_person).count() >= HOLDS_MAX {
        return Err(ask.no(format!("{HOLDS_MAX} holds of people are in force"), ""));
    }
    Ok(vec![Fact::Held(HoldCause::Person { reason })])
}
