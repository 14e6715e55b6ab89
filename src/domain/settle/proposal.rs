//! What ends an open proposal, and what arms it (`TWO_PERSON` 4.4).

use super::breakglass;
use crate::domain::alert_match;
use crate::domain::confirm::rule;
use crate::domain::countdown::{barred, unsure};
use crate::domain::fact::{CloseCause, Fact};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::scope;
use crate::domain::state::{Proposal, Stage, State};
use crate::domain::time::Moment;
use crate::domain::world::{Look, World};

pub(super) fn close(state: &State, now: Moment, world: &World) -> Option<Vec<Fact>> {
    let open = state.proposal.as_ref()?;
    let why = session_cause(state, open)
        .or_else(|| changed(open, now, world))
        .or_else(|| match open.glass.as_deref() {
            Some(glass) => breakglass::lost(state, (open, glass), now, world),
            None => open.armed.and_then(|_| lost(state, open, now, world)),
        })?;
    Some(vec![Fact::ProposalClosed {
        step: open.terms.step.clone(),
        attempt: open.terms.attempt,
        why,
    }])
}

fn session_cause(state: &State, open: &Proposal) -> Option<CloseCause> {
    let what = match state.find(&open.terms.step) {
        Some(view) if !state.is_in_play(view.plan) => "the maintenance went another way",
        Some(_) if state.is_held() => "the session was held",
        Some(_) if state.switching_back().is_some() => "the switch is taken back",
        Some(view)
            if matches!(
                view.now.stage(),
                Some(Stage::NeedsProposal | Stage::AwaitingSecond | Stage::Armed)
            ) =>
        {
            return None;
        }
        _ => "the step has ended",
    };
    let what = what.to_owned();
    Some(CloseCause::Session { what })
}

/// Causes that end it whether it is armed or not.
fn changed(open: &Proposal, now: Moment, world: &World) -> Option<CloseCause> {
    let terms = &open.terms;
    if rule::is_expired(open, now) {
        return Some(CloseCause::Expired);
    }
    match world.policy {
        Some(policy) if policy == terms.policy => {}
        Some(_) if is_off(Guard::Policy) => {}
        Some(_) => return Some(CloseCause::Policy),
        None => {
            let why = world.unread.clone();
            return Some(CloseCause::PolicyUnread { why });
        }
    }
    if world.runbook != Some(terms.runbook) && !is_off(Guard::Plan) {
        let what = "the runbook file".to_owned();
        return Some(CloseCause::Changed { what });
    }
    if let Some(what) = scope::changed_since(world, open.opened.wall) {
        return Some(CloseCause::Scope { what });
    }
    match &world.look {
        Look::Changed { .. } if is_off(Guard::Plan) => None,
        Look::Changed { what } => Some(CloseCause::Changed { what: what.clone() }),
        Look::Same | Look::NotLooked => None,
    }
}

/// Causes that end only an armed one.
fn lost(state: &State, open: &Proposal, now: Moment, world: &World) -> Option<CloseCause> {
    if rule::clock_stepped(open, now) {
        return Some(CloseCause::ClockStep);
    }
    if let Some(person) = rule::disproved(state, open, world) {
        return Some(CloseCause::Revoked { person });
    }
    if rule::armed(state, open, world).is_none() {
        return Some(CloseCause::Policy);
    }
    if let Some(person) = rule::absent(state, open, world, now) {
        return Some(CloseCause::Absent { person });
    }
    let (guard, _) = state.bad_guard()?;
    let rule = guard.id.clone();
    Some(CloseCause::Guard { rule })
}

/// Nobody knows where now lies in the window and in freezes.
pub(super) fn is_unsure(state: &State, now: Moment, world: &World) -> bool {
    let doubt = world.clock.doubt(now);
    let doubt = doubt.as_ref().map(|doubt| (doubt.by, doubt.why.as_str()));
    unsure(state, &world.freezes, now.wall, doubt).is_some()
}

pub(super) fn arm(state: &State, now: Moment, world: &World) -> Option<Vec<Fact>> {
    let open = state.proposal.as_ref()?;
    rule::armed(state, open, world)?;
    let waits = open.armed.is_some()
        || rule::absent(state, open, world, now).is_some()
        || state.bad_guard().is_some()
        || barred(state, &world.freezes, now.wall).is_some()
        || is_unsure(state, now, world)
        || alert_match::doubt(state.plan(), &world.alerts).is_some();
    let step = open.terms.step.clone();
    (!waits).then(|| vec![Fact::StepArmed { step }])
}
