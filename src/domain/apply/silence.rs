//! Facts of silences that live as long as the work.

use super::{Mark, Why};
use crate::domain::fact::{Actor, HoldCause, Silence, SilenceEvent};
use crate::domain::silences::plan_of;
use crate::domain::state::{SilenceState, State, place_of};
use crate::domain::write::{Cause, Deed, Write};

/// A silence of the program's own is asked for by nobody else, and says what it is for.
pub(super) fn asked(state: &State, write: &Write, mark: Mark<'_>) -> Result<(), Why> {
    let Some(cause) = &write.cause else {
        return Ok(());
    };
    if mark.actor != &Actor::Engine {
        return Err("only the program itself keeps silences for the work");
    }
    let of = match (cause, &write.deed) {
        (Cause::Begins { lifetime, .. }, Deed::Mute { .. }) => {
            let has_one = plan_of(state.plan(), lifetime).is_some();
            return if has_one {
                Ok(())
            } else {
                Err("the plan has no such silence")
            };
        }
        (Cause::Extends { of }, Deed::Extend { .. })
        | (Cause::Ends { of }, Deed::Unmute { .. }) => *of,
        _ => return Err("it is not what it is for"),
    };
    let first = place_of(of).and_then(|place| state.writes.get(place));
    let is_one = first.is_some_and(|first| {
        matches!(first.write.cause, Some(Cause::Begins { .. }))
            && first.write.connector == write.connector
    });
    if is_one {
        Ok(())
    } else {
        Err("no silence was begun under that number")
    }
}

pub(super) fn said(state: &mut State, said: &Silence, mark: Mark<'_>) -> Result<(), Why> {
    let Silence { lifetime, event } = said;
    if plan_of(state.plan(), lifetime).is_none() {
        return Err("the plan has no such silence");
    }
    let after = u32::try_from(state.writes.len()).unwrap_or(u32::MAX);
    let place = state.silences.iter().position(|s| s.lifetime == *lifetime);
    let known = place.and_then(|place| state.silences.get(place)).cloned();
    let known = known.unwrap_or_else(|| SilenceState::new(lifetime.clone()));
    let is_engine = mark.actor == &Actor::Engine;
    let next = match event {
        SilenceEvent::Withheld { .. } if !is_engine => {
            return Err("only the program itself withholds a silence");
        }
        SilenceEvent::Withheld { .. } if known.withheld.is_some() => {
            return Err("it is withheld already");
        }
        SilenceEvent::Withheld { because } => SilenceState {
            withheld: Some(because.clone()),
            ..known
        },
        _ if is_engine => return Err("people alone say how it goes on"),
        _ if known.withheld.is_none() => return Err("it is not withheld"),
        SilenceEvent::Again { alerts, .. } => SilenceState {
            withheld: None,
            without: None,
            alerts: alerts.clone(),
            after,
            ..known
        },
        SilenceEvent::Without { reason } => SilenceState {
            without: Some(reason.clone()),
            ..known
        },
    };
    if !matches!(event, SilenceEvent::Withheld { .. }) {
        let is_its = |cause: &HoldCause| matches!(cause, HoldCause::Silence { lifetime: l } if l == lifetime);
        state.holds.retain(|hold| !is_its(&hold.cause));
    }
    match place.and_then(|place| state.silences.get_mut(place)) {
        Some(place) => *place = next,
        None => state.silences.push(next),
    }
    Ok(())
}
