//! What ends a break-glass by itself, and what arms it (`TWO_PERSON` 4.8).

use crate::domain::confirm::breakglass::{is_disproved, is_through, wait_after};
use crate::domain::confirm::rule;
use crate::domain::fact::{Breakglass, CloseCause, Fact, GlassEvent};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::{Glass, Proposal, State};
use crate::domain::time::Moment;
use crate::domain::world::World;

/// Causes that end the whole proposal while somebody goes alone: from the signature on, as they end an armed one. Guards
/// are not among them.
pub(super) fn lost(
    state: &State,
    (open, glass): (&Proposal, &Glass),
    now: Moment,
    world: &World,
) -> Option<CloseCause> {
    if glass.vetoed && !is_off(Guard::GlassVeto) {
        let by = "somebody attached".to_owned();
        return Some(CloseCause::Vetoed { by });
    }
    glass.countdown.as_ref()?;
    if rule::clock_stepped(open, now) {
        return Some(CloseCause::ClockStep);
    }
    if is_disproved(state, glass, world) {
        let person = glass.person.clone();
        return Some(CloseCause::Revoked { person });
    }
    let person = rule::absent(state, open, world, now)?;
    Some(CloseCause::Absent { person })
}

/// The end of one that nobody could be paged about, and the end of the wait.
pub(super) fn go_on(state: &State, now: Moment, world: &World) -> Option<Vec<Fact>> {
    let open = state.proposal.as_ref()?;
    let glass = open.glass.as_deref()?;
    let fact = |event| {
        vec![Fact::Breakglass(Breakglass {
            step: open.terms.step.clone(),
            attempt: open.terms.attempt,
            event,
        })]
    };
    if open.armed.is_some() {
        return None;
    }
    if is_through(state, open, world, now) {
        return Some(fact(GlassEvent::Armed));
    }
    let page = glass.page.as_ref().filter(|_| glass.countdown.is_none())?;
    if wait_after(page, &world.rules).is_none() {
        let why = page.to_string();
        return Some(fact(GlassEvent::Ended { why }));
    }
    None
}
