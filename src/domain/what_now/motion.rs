//! What now while a motion waits for a second person.

use super::{Severity, WhatNow};
use crate::domain::confirm::rule::person_in;
use crate::domain::fact::Actor;
use crate::domain::state::{Proposal, State};

/// True when the reader can second the open motion, and nothing on the table needs a person first.
pub fn waits_for_second(state: &State, you: &Actor) -> bool {
    let Some(open) = &state.motions.open else {
        return false;
    };
    // What is confirmed and does not arm may be waiting for just this.
    let stands =
        |p: &Proposal| p.armed.is_none() && p.confirms.len() >= usize::from(p.terms.quorum.max(1));
    let is_free = state.proposal.as_ref().is_none_or(stands) && state.unknown().is_none();
    is_free && person_in(state.genesis.mode, you).is_some_and(|me| *me != open.by)
}

pub(super) fn second(state: &State, you: &Actor) -> Option<WhatNow> {
    let open = state.motions.open.as_ref()?;
    waits_for_second(state, you).then(|| {
        WhatNow::new(Severity::Act, format!("second or reject: {}", open.what))
            .by(format!("anyone with a role other than `{}`", open.by), true)
            .because(&open.reason)
            .until(Some(open.expires))
    })
}
