//! Facts of one person alone. What a break-glass needs holds in the fold too, not only where it is decided.

use super::{Mark, Why};
use crate::domain::confirm::breakglass::{COUNTDOWN, paged_out_until, recent_pages};
use crate::domain::confirm::policy::{PAGE_DOWN_DELAY, breaks_glass};
use crate::domain::confirm::rule::person_in;
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Breakglass, GlassEvent, Mode, Page, Via};
use crate::domain::id::StepId;
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::{
    Broken, Countdown, Glass, Proposal, Ran, Review, Stage, State, StepStatus,
};
use std::time::Duration;

pub(super) fn transition(state: &mut State, fact: &Breakglass, mark: Mark<'_>) -> Result<(), Why> {
    if let GlassEvent::Reviewed { note } = &fact.event {
        return review(state, fact, note, mark);
    }
    let mode = state.genesis.mode;
    let who = person_in(mode, mark.actor).cloned();
    let is_paged_out = who
        .as_ref()
        .is_some_and(|who| paged_out_until(state, who, mark.at.wall).is_some());
    let open = state.proposal.as_mut().ok_or("no proposal is open")?;
    let terms = &open.terms;
    if terms.step != fact.step || terms.attempt != fact.attempt || open.proposed.is_none() {
        return Err("it is about another proposal");
    }
    if let GlassEvent::Asked { reason, guards } = &fact.event {
        if open.glass.is_some() || open.armed.is_some() {
            return Err("somebody goes alone already, or nobody has to");
        }
        if is_paged_out && !is_off(Guard::GlassPages) {
            return Err("they had somebody paged too often");
        }
        let person = who
            .filter(|who| *who == open.terms.executor)
            .ok_or("its executor did not ask")?;
        open.glass = Some(Box::new(Glass {
            person: person.clone(),
            reason: reason.clone(),
            asked: mark.at,
            page: None,
            guards: guards.clone(),
            countdown: None,
            witnessed: None,
            vetoed: false,
        }));
        let pages = state.pages.entry(person).or_default();
        *pages = recent_pages(pages, mark.at.wall);
        pages.push(mark.at.wall);
        return Ok(());
    }
    let is_armed = open.armed.is_some();
    let glass = open.glass.as_deref_mut().ok_or("nobody goes alone")?;
    match &fact.event {
        GlassEvent::Paged { page } if glass.page.is_none() => glass.page = Some(page.clone()),
        GlassEvent::Begun { guards, .. } => {
            if who.as_ref() != Some(&glass.person) {
                return Err("somebody else signed it");
            }
            glass.countdown = Some(countdown(glass, &fact.event, mode, mark)?);
            glass.guards.clone_from(guards);
        }
        GlassEvent::Witnessed { seq, by } if glass.countdown.is_some() => {
            glass.witnessed = Some((*seq, by.clone()));
        }
        GlassEvent::Vetoed => glass.vetoed = true,
        GlassEvent::Ended { .. } if glass.countdown.is_none() => open.glass = None,
        GlassEvent::Armed if !is_armed => return arm(state, &fact.step, mark),
        _ => return Err("it does not follow from what was before"),
    }
    Ok(())
}

fn countdown(
    glass: &Glass,
    event: &GlassEvent,
    mode: Mode,
    mark: Mark<'_>,
) -> Result<Countdown, Why> {
    let GlassEvent::Begun {
        wait_s,
        code,
        statement,
        ..
    } = event
    else {
        return Err("it is not the beginning of a wait");
    };
    let Actor::Person { via, .. } = mark.actor else {
        return Err("nobody signed it");
    };
    let page = glass.page.as_ref().filter(|_| glass.countdown.is_none());
    let needed = match page.ok_or("nobody was paged, or it was signed before")? {
        Page::Sent => COUNTDOWN,
        Page::Down { .. } => PAGE_DOWN_DELAY,
    };
    if Duration::from_secs(*wait_s) < needed && !is_off(Guard::GlassPage) {
        return Err("the wait is too short");
    }
    let beside = code.filter(|_| mode != Mode::Enforced);
    let beside = beside.map(|step| Via::Totp { step });
    if !breaks_glass([via].into_iter().chain(&beside)) && !is_off(Guard::GlassEvidence) {
        return Err("its evidence is too weak");
    }
    Ok(Countdown {
        since: mark.at,
        seq: mark.seq,
        wait_s: *wait_s,
        via: via.clone(),
        code: *code,
        statement: *statement,
    })
}

fn arm(state: &mut State, step: &StepId, mark: Mark<'_>) -> Result<(), Why> {
    let open = state.proposal.as_mut().ok_or("no proposal is open")?;
    let glass = open.glass.as_deref().ok_or("nobody goes alone")?;
    let countdown = glass.countdown.as_ref().ok_or("it was not signed")?;
    if !countdown.left(mark.at).is_zero() && !is_off(Guard::GlassWait) {
        return Err("the wait is not over");
    }
    if glass.vetoed && !is_off(Guard::GlassVeto) {
        return Err("somebody said no");
    }
    if !glass.is_witnessed() && !is_off(Guard::GlassWitness) {
        return Err("nobody outside this host knows of it");
    }
    open.armed = Some(mark.at);
    state.step_mut(step)?.status = StepStatus::Active {
        stage: Stage::Armed,
    };
    Ok(())
}

/// Digest of what somebody signed to go alone, where that is what armed the proposal.
pub(super) fn statement_of(open: &Proposal) -> Option<Digest> {
    let glass = open.glass.as_ref().filter(|_| open.armed.is_some())?;
    glass
        .countdown
        .as_ref()
        .map(|countdown| countdown.statement)
}

/// One person runs it: a review is owed from here on.
pub(super) fn owe(open: &Proposal, ran: &Ran, mark: Mark<'_>) -> Option<Broken> {
    let glass = open.glass.as_deref()?;
    Some(Broken {
        person: glass.person.clone(),
        reason: glass.reason.clone(),
        page: glass.page.clone()?,
        at: mark.at,
        ran: Ran {
            open: Some((mark.seq, mark.hash)),
            ..ran.clone()
        },
        review: None,
    })
}

fn review(state: &mut State, fact: &Breakglass, note: &str, mark: Mark<'_>) -> Result<(), Why> {
    let who = person_in(state.genesis.mode, mark.actor).cloned();
    let who = who.ok_or("nobody reviewed it")?;
    let mut owed = state.broken.iter_mut();
    let owed = owed
        .find(|broken| broken.is_of(&fact.step, fact.attempt) && broken.review.is_none())
        .ok_or("no review is owed")?;
    if owed.person == who && !is_off(Guard::Distinct) {
        return Err("who went alone does not review it");
    }
    owed.review = Some(Review {
        person: who,
        note: note.to_owned(),
        at: mark.at,
    });
    Ok(())
}
