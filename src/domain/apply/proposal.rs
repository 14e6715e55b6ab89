//! Facts of the one open proposal. The two-person rule holds in the fold too, not only where commands are decided.

use super::step::enter_next;
use super::{Mark, Why};
use crate::domain::confirm::rule::person_in;
use crate::domain::confirm::statement::{is_expected, is_expected_by};
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Checked, CloseCause, Confirmed, Fact, Signed, Terms, Via};
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::{CountedConfirm, Proposal, Rejected, Stage, State, StepStatus};
use std::collections::{BTreeMap, BTreeSet};

/// Times that one person says of one proposal what is about to be touched: a name that nobody knows may be a slip twice.
pub const CHECKS_MAX: u8 = 3;

pub(super) fn transition(state: &mut State, fact: &Fact, mark: Mark<'_>) -> Result<(), Why> {
    match fact {
        Fact::ProposalOpened { terms, signature } => open(state, terms, signature, mark),
        Fact::StatementSigned(signed) => stated(signed, mark),
        Fact::StepProposed { plan } => propose(state, plan, mark),
        Fact::StepConfirmed(confirmed) => confirm(state, confirmed, mark),
        Fact::StepArmed { step } => arm(state, step, mark),
        Fact::StepChecked(checked) => check(state, checked, mark),
        Fact::ProposalClosed { step, attempt, why } => close(state, step, *attempt, why, mark),
        Fact::RejectExplained {
            step,
            attempt,
            reason,
        } => explain(state, step, *attempt, reason, mark),
        _ => Err("it is not a fact of a proposal"),
    }
}

/// Evidence and record fit: what a signature says is known by one, and what is known by one has it.
fn fits(via: &Via, signature: &str) -> Result<(), Why> {
    if matches!(via, Via::Sshsig { .. }) == signature.is_empty() {
        return Err("its evidence and its signature do not fit");
    }
    Ok(())
}

/// A signed statement stands in the record for whoever checks it; what it is about follows as a fact of its own.
fn stated(signed: &Signed, mark: Mark<'_>) -> Result<(), Why> {
    let Actor::Person { via, .. } = mark.actor else {
        return Err("nobody signed it");
    };
    fits(via, &signed.signature)
}

fn open(state: &mut State, terms: &Terms, signature: &str, mark: Mark<'_>) -> Result<(), Why> {
    let is_busy = state.running().is_some() || state.unknown().is_some();
    if state.proposal.is_some() || (is_busy && !is_off(Guard::Exclusive)) {
        return Err("another attempt is open");
    }
    if state.spent.contains(&terms.nonce) {
        return Err("its nonce was spent");
    }
    if person_in(state.genesis.mode, mark.actor) != Some(&terms.proposer) {
        return Err("its proposer did not open it");
    }
    let Actor::Person { via, .. } = mark.actor else {
        return Err("nobody opened it");
    };
    // Who is known by a signature at the greeting may propose without another.
    if !signature.is_empty() {
        fits(via, signature)?;
    }
    let view = state.find(&terms.step).ok_or("the plan has no such step")?;
    if !state.is_in_play(view.plan) || state.is_held() {
        return Err("nothing goes forward");
    }
    if terms.quorum < view.plan.quorum.max(1) {
        return Err("the step needs more people");
    }
    let now = state.step_mut(&terms.step)?;
    if now.stage() != Some(Stage::NeedsProposal) || terms.attempt != now.next_proposal() {
        return Err("the step does not wait for this proposal");
    }
    now.attempt = terms.attempt;
    now.proposed = terms.attempt;
    state.proposal = Some(Proposal {
        terms: terms.clone(),
        via: via.clone(),
        plan: String::new(),
        proposed: None,
        opened: mark.at,
        confirms: Vec::new(),
        checked: BTreeSet::new(),
        claimed: BTreeSet::new(),
        missed: BTreeMap::new(),
        armed: None,
        glass: None,
        heads: Vec::new(),
    });
    Ok(())
}

fn propose(state: &mut State, plan: &str, mark: Mark<'_>) -> Result<(), Why> {
    let open = state.proposal.as_mut().ok_or("no proposal is open")?;
    if open.proposed.is_some() || Digest::of(plan.as_bytes()) != open.terms.plan {
        return Err("it is not the plan of the open proposal");
    }
    plan.clone_into(&mut open.plan);
    open.proposed = Some((mark.seq, mark.hash));
    let step = open.terms.step.clone();
    enter(state, &step, Stage::AwaitingSecond)
}

fn confirm(state: &mut State, confirmed: &Confirmed, mark: Mark<'_>) -> Result<(), Why> {
    let open = state.proposal.as_ref().ok_or("no proposal is open")?;
    let terms = &open.terms;
    let signer = &confirmed.signer;
    if open.proposed.is_none() || open.armed.is_some() || confirmed.step != terms.step {
        return Err("no such proposal waits for a confirm");
    }
    let is_signer = person_in(state.genesis.mode, mark.actor) == Some(signer);
    let is_first = signer == &terms.proposer || signer == &terms.executor;
    if !is_signer || (is_first && !is_off(Guard::Distinct)) {
        return Err("proposer and executor never confirm");
    }
    let Actor::Person { via, .. } = mark.actor else {
        return Err("nobody confirmed");
    };
    // Whose key was revoked may confirm again with another.
    let same = |c: &CountedConfirm| &c.person == signer && &c.via == via;
    if open.confirms.iter().any(same) && !is_off(Guard::People) {
        return Err("the person was counted already");
    }
    // A journal from before accounts said what they are has the other statement for them too.
    let text = &confirmed.statement;
    if !is_expected_by(state, open, signer, via, text) && !is_expected(state, open, signer, text) {
        return Err("its statement is not about this proposal");
    }
    fits(via, &confirmed.signature)?;
    let counted = CountedConfirm {
        person: signer.clone(),
        statement: Digest::of(confirmed.statement.as_bytes()),
        via: via.clone(),
        at: mark.at,
    };
    let open = state.proposal.as_mut().ok_or("no proposal is open")?;
    open.confirms
        .retain(|c| &c.person != signer || is_off(Guard::People));
    open.confirms.push(counted);
    Ok(())
}

fn check(state: &mut State, checked: &Checked, mark: Mark<'_>) -> Result<(), Why> {
    let person = match mark.actor {
        Actor::Account { .. } => checked.claimed.clone(),
        actor => person_in(state.genesis.mode, actor).cloned(),
    };
    let open = state.proposal.as_mut().ok_or("no proposal is open")?;
    let person = person.ok_or("nobody said it")?;
    let terms = &open.terms;
    if checked.step != terms.step || checked.attempt != terms.attempt {
        return Err("it is about another proposal");
    }
    if checked.matches && checked.claimed.is_some() {
        open.claimed.insert(person);
    } else if checked.matches {
        open.checked.insert(person);
    } else {
        let missed = open.missed.entry(person).or_default();
        if *missed >= CHECKS_MAX && !is_off(Guard::Mismatch) {
            return Err("they were asked often enough");
        }
        *missed = missed.saturating_add(1);
    }
    Ok(())
}

fn arm(state: &mut State, step: &StepId, mark: Mark<'_>) -> Result<(), Why> {
    let open = state.proposal.as_mut().ok_or("no proposal is open")?;
    let enough = open.confirms.len() >= usize::from(open.terms.quorum.max(1));
    if &open.terms.step != step || open.armed.is_some() || !enough {
        return Err("too few people have confirmed");
    }
    open.armed = Some(mark.at);
    // A second person came in time: nobody goes alone.
    open.glass = None;
    enter(state, step, Stage::Armed)
}

fn close(
    state: &mut State,
    step: &StepId,
    attempt: AttemptNo,
    why: &CloseCause,
    mark: Mark<'_>,
) -> Result<(), Why> {
    let is_ignored = (matches!(why, CloseCause::Rejected { .. }) && is_off(Guard::Reject))
        || (matches!(why, CloseCause::Vetoed { .. }) && is_off(Guard::GlassVeto));
    if is_ignored {
        return Ok(());
    }
    let matches = |o: &mut Proposal| &o.terms.step == step && o.terms.attempt == attempt;
    let closed = state
        .proposal
        .take_if(matches)
        .ok_or("no such proposal is open")?;
    state.last_closed = Some((step.clone(), why.told(mark.actor)));
    if matches!(why, CloseCause::Rejected { reason } if reason.is_empty()) {
        let by = person_in(state.genesis.mode, mark.actor).ok_or("nobody rejected it")?;
        state.rejected = Some(Box::new(Rejected {
            by: by.clone(),
            proposal: Proposal {
                heads: closed.proposed.into_iter().collect(),
                ..closed
            },
        }));
    }
    if state.step_mut(step)?.is_active() {
        enter_next(state, step, mark)?;
    }
    Ok(())
}

fn explain(
    state: &mut State,
    step: &StepId,
    attempt: AttemptNo,
    reason: &str,
    mark: Mark<'_>,
) -> Result<(), Why> {
    let person = person_in(state.genesis.mode, mark.actor);
    let is_theirs = |r: &mut Box<Rejected>| {
        let terms = &r.proposal.terms;
        Some(&r.by) == person && &terms.step == step && terms.attempt == attempt
    };
    state
        .rejected
        .take_if(is_theirs)
        .ok_or("they have rejected nothing without a reason")?;
    // A later proposal of the step may have ended otherwise since.
    let bare = CloseCause::Rejected {
        reason: String::new(),
    };
    let why = CloseCause::Rejected {
        reason: reason.to_owned(),
    };
    if state.last_closed == Some((step.clone(), bare.told(mark.actor))) {
        state.last_closed = Some((step.clone(), why.told(mark.actor)));
    }
    Ok(())
}

fn enter(state: &mut State, step: &StepId, part: Stage) -> Result<(), Why> {
    state.step_mut(step)?.status = StepStatus::Active { stage: part };
    Ok(())
}
