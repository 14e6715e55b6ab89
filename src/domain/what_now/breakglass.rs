//! What now while somebody goes alone, and while a review is owed for it.

use super::{Severity, WhatNow, proposal_end};
use crate::domain::confirm::rule::person_in;
use crate::domain::fact::Actor;
use crate::domain::id::PersonId;
use crate::domain::state::{Glass, Proposal, State};

/// Somebody goes alone: what they wait for, and that everybody can stop it.
pub(super) fn alone(
    state: &State,
    (open, glass): (&Proposal, &Glass),
    label: &str,
    me: Option<&PersonId>,
) -> WhatNow {
    let person = &glass.person;
    let is_me = me == Some(person);
    let bad = |what: String| WhatNow::new(Severity::Bad, what);
    let veto = "anybody attached can veto it";
    let line = if open.armed.is_some() {
        let line = bad(format!("BREAK-GLASS armed: go for {label}"));
        let line = line.by(format!("`{person}`; {veto}"), true);
        line.until(Some(proposal_end(open)))
    } else if let Some(countdown) = &glass.countdown {
        let line = bad(format!("BREAK-GLASS: `{person}` runs {label} alone"));
        let line = line.by(veto, true);
        // By the wall clock alone, as all ends that are shown.
        line.until(Some(countdown.until()))
    } else if glass.page.is_some() {
        let line = bad(format!("BREAK-GLASS: sign it for {label}"));
        line.by(format!("`{person}`; {veto}"), true)
    } else {
        let line = bad(format!("BREAK-GLASS for {label}: somebody is being paged"));
        line.by(veto, !is_me)
    };
    let page = match &glass.page {
        Some(page @ crate::domain::fact::Page::Down { .. }) => format!("{page}; "),
        _ => String::new(),
    };
    let unknown = glass.countdown.is_some() && !glass.is_witnessed();
    let unknown = if unknown {
        "no checkpoint of it has left this host yet; "
    } else {
        ""
    };
    let guards = match super::super::confirm::breakglass::bad_guards(state).as_slice() {
        [] => String::new(),
        bad => format!("; not good: {}", bad.join(", ")),
    };
    line.because(format!("{page}{unknown}reason: {}{guards}", glass.reason))
}

/// A review is owed, when the maintenance is over and nothing else is to be done.
pub(super) fn owed(state: &State, you: &Actor) -> Option<WhatNow> {
    let owed = state.review_owed()?;
    let me = person_in(state.genesis.mode, you);
    let step = &owed.ran.terms.step;
    let label = state
        .find(step)
        .map_or_else(|| step.to_string(), |view| view.plan.to_label());
    let person = &owed.person;
    let line = WhatNow::new(
        Severity::Bad,
        format!("REVIEW OWED: look at {label}, and sign that"),
    );
    let line = line.by(
        format!("anybody else than `{person}`, with a key"),
        me.is_some_and(|me| me != person),
    );
    Some(line.because(format!("`{person}` ran it alone: {}", owed.reason)))
}
