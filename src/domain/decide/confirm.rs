//! Confirm the open proposal with the exact statement the person saw.

use super::ask::Ask;
use super::{Decision, Refused};
use crate::domain::confirm::{rule, statement};
use crate::domain::fact::{Confirmed, Fact};
use crate::domain::id::{PersonId, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::Proposal;

pub(super) fn decide(ask: &Ask<'_>, text: &str) -> Decision {
    let open = ask.state.proposal.as_ref();
    let open = open
        .filter(|p| p.proposed.is_some())
        .ok_or_else(|| ask.no("no proposal is open", "look at the step: it may have ended"))?;
    let step = &open.terms.step;
    let signer = ask.person(step)?;
    distinct(ask, open, signer)?;
    ask.approver()
        .map_err(|refused| ask.on_record(step, refused))?;
    let is_counted = open.confirms.iter().any(|c| &c.person == signer) && !is_off(Guard::People);
    if open.armed.is_some() || is_counted {
        let why = "the step is armed, or you have confirmed already";
        return Err(ask.no(why, format!("`{}` can go", open.terms.executor)));
    }
    unchanged(ask, open)?;
    if !statement::is_expected(ask.state, open, signer, text) {
        let refused = ask.no(
            "the statement is not about what is on the table now",
            "open the review again and read it anew",
        );
        return Err(ask.on_record(step, refused));
    }
    Ok(vec![Fact::StepConfirmed(Confirmed {
        step: step.clone(),
        signer: signer.clone(),
        statement: text.to_owned(),
        signature: String::new(),
    })])
}

/// The heart of the two-person rule, said to who tries and kept for all to see.
fn distinct(ask: &Ask<'_>, open: &Proposal, signer: &PersonId) -> Result<(), Refused> {
    let terms = &open.terms;
    let is_third = signer != &terms.proposer && signer != &terms.executor;
    if is_third || is_off(Guard::Distinct) {
        return Ok(());
    }
    let did = if signer == &terms.proposer {
        "proposed it"
    } else {
        "will execute it"
    };
    let label = label(ask, &terms.step);
    let why = format!("{label} needs a second person; `{signer}` {did} and cannot confirm it too");
    let left = terms.expires.since(ask.now.wall);
    let hint = format!(
        "any other approver attached to `{}` can review it; the proposal expires in {}",
        ask.state.genesis.name,
        crate::domain::time::short_span(left)
    );
    Err(ask.on_record(&terms.step, Refused::new(why, hint)))
}

fn label(ask: &Ask<'_>, step: &StepId) -> String {
    ask.state
        .find(step)
        .map_or_else(|| step.to_string(), |v| v.plan.to_label())
}

/// Neither its time nor what was reviewed has run out.
pub(super) fn unchanged(ask: &Ask<'_>, open: &Proposal) -> Result<(), Refused> {
    let terms = &open.terms;
    if rule::is_expired(open, ask.now) {
        return Err(ask.no("the proposal has expired", "propose it again"));
    }
    if ask.world.policy.is_none() {
        let why = format!("the people file cannot be read: {}", ask.world.unread);
        return Err(ask.no(why, "nothing can be confirmed until it can be read again"));
    }
    if ask.world.policy != Some(terms.policy) && !is_off(Guard::Policy) {
        return Err(ask.no(
            "the policy files changed since the proposal",
            "propose it again",
        ));
    }
    if ask.world.runbook != Some(terms.runbook) && !is_off(Guard::Plan) {
        return Err(ask.no(
            "the runbook file changed since the proposal",
            "propose it again",
        ));
    }
    if ask.state.is_held() {
        return Err(ask.no("the session is held", "any operator can release it"));
    }
    Ok(())
}
