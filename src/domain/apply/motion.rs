//! Facts of motions. That two people agree holds in the fold too, not only where it is decided.

use super::{Mark, Why, amend};
use crate::domain::amend::Amendment;
use crate::domain::confirm::rule::person_in;
use crate::domain::fact::{Actor, MotionEvent, Moved};
use crate::domain::motion::{EXTENSION_MAX, MOTION_LIFE, MOTIONS_MAX, Motion, MotionNo};
use crate::domain::state::{Carried, State, Tabled};
use crate::domain::time::Timestamp;
use std::sync::Arc;

pub(super) fn transition(state: &mut State, fact: &Moved, mark: Mark<'_>) -> Result<(), Why> {
    match &fact.event {
        MotionEvent::Made {
            what,
            reason,
            issued,
            expires,
            amendment,
        } => {
            let said = (what, reason.as_str(), amendment.as_ref());
            make(state, fact.no, said, (*issued, *expires), mark)
        }
        MotionEvent::Carried => carry(state, fact.no, mark),
        MotionEvent::Ended { why } => {
            let open = state.motions.open.take_if(|open| open.no == fact.no);
            open.ok_or("no such motion is open")?;
            state.motions.last_ended = Some((fact.no, why.told(mark.actor)));
            Ok(())
        }
        MotionEvent::Refused { .. } => Ok(()),
    }
}

fn make(
    state: &mut State,
    no: MotionNo,
    (what, reason, amendment): (&Motion, &str, Option<&Arc<Amendment>>),
    (issued, expires): (Timestamp, Timestamp),
    mark: Mark<'_>,
) -> Result<(), Why> {
    let by = person_in(state.genesis.mode, mark.actor).cloned();
    let by = by.ok_or("nobody made it")?;
    let Actor::Person { via, .. } = mark.actor else {
        return Err("nobody made it");
    };
    if state.motions.open.is_some() {
        return Err("another motion is open");
    }
    if no != state.motions.newest.next() || no.0 > MOTIONS_MAX {
        return Err("it is not the next motion");
    }
    if state.phase.is_final() || reason.is_empty() {
        return Err("nothing can be moved, or nobody said why");
    }
    if expires <= issued || expires.since(issued) > MOTION_LIFE {
        return Err("it is open for too long");
    }
    possible(state, what, amendment.map(|amendment| &**amendment))?;
    state.motions.newest = no;
    state.motions.open = Some(Box::new(Tabled {
        no,
        what: what.clone(),
        reason: reason.to_owned(),
        by,
        via: via.clone(),
        made: mark.at,
        issued,
        expires,
        record: (mark.seq, mark.hash),
        amendment: amendment.cloned(),
    }));
    Ok(())
}

/// What is moved can be.
fn possible(state: &State, what: &Motion, amendment: Option<&Amendment>) -> Result<(), Why> {
    amend::possible(state, what, amendment)?;
    match what {
        Motion::Amend { .. } => Ok(()),
        Motion::ExtendWindow { until } => {
            let end = state.window().ok_or("there is no window")?.end;
            if *until <= end || until.since(end) > EXTENSION_MAX {
                return Err("the window does not end later by it, or ends far too late");
            }
            Ok(())
        }
        Motion::OverrideFreeze { freeze } => {
            let is_known = state.genesis.freezes.iter().any(|f| f.id == *freeze);
            is_known.then_some(()).ok_or("there is no such freeze")
        }
    }
}

/// Two people agree: from this record on it is in force. What else a kind of motion changes is changed here, so that no
/// crash comes between.
fn carry(state: &mut State, no: MotionNo, mark: Mark<'_>) -> Result<(), Why> {
    let second = person_in(state.genesis.mode, mark.actor).cloned();
    let second = second.ok_or("nobody seconded it")?;
    let open = state.motions.open.as_deref();
    let open = open.filter(|open| open.no == no);
    let open = open.ok_or("no such motion is open")?;
    if open.by == second {
        return Err("who made it does not second it");
    }
    if open.is_expired(mark.at) {
        return Err("its time was over");
    }
    if state.phase.is_final() {
        return Err("the maintenance is over");
    }
    possible(state, &open.what, open.amendment.as_deref())?;
    let open = open.clone();
    let amended = match &open.amendment {
        Some(amendment) => Some(amend::carry(state, amendment)?),
        None => None,
    };
    let carried = Carried {
        no,
        what: open.what,
        reason: open.reason,
        by: open.by,
        second,
        at: mark.at.wall,
        amended,
    };
    state.motions.open = None;
    state.motions.last_ended = None;
    state.motions.carried.push(carried);
    Ok(())
}
