//! Facts of what is written to other systems.

use super::{Mark, Why, silence};
use crate::domain::state::{State, place_of};
use crate::domain::write::{OWN_WRITES_MAX, Outcome, WRITES_MAX, Write, WriteNo, WriteState};

/// Writes are numbered without a gap, so that a number says its place.
pub(super) fn asked(state: &mut State, write: &Write, mark: Mark<'_>) -> Result<(), Why> {
    if place_of(write.no) != Some(state.writes.len()) {
        return Err("its number is not the next one");
    }
    // Writes of people and of the program itself have room of their own, so that neither takes the other's.
    let is_own = write.cause.is_some();
    let most = if is_own { OWN_WRITES_MAX } else { WRITES_MAX };
    let same = |w: &&WriteState| w.write.cause.is_some() == is_own;
    if state.writes.iter().filter(same).count() >= most {
        return Err("there are too many writes");
    }
    silence::asked(state, write, mark)?;
    state.writes.push(WriteState {
        write: write.clone(),
        by: mark.actor.to_string(),
        asked: mark.at,
        outcome: None,
        ended: None,
    });
    Ok(())
}

pub(super) fn ended(
    state: &mut State,
    no: WriteNo,
    outcome: &Outcome,
    mark: Mark<'_>,
) -> Result<(), Why> {
    let write = place_of(no).and_then(|place| state.writes.get_mut(place));
    let write = write.ok_or("nothing was asked under this number")?;
    if !write.takes(outcome) {
        return Err("what came of it is known already");
    }
    write.outcome = Some(outcome.clone());
    write.ended = Some(mark.at);
    Ok(())
}
