//! Confirm the open proposal with the exact statement the person saw.

use super::ask::Ask;
use super::{Decision, Refused};
use crate::domain::command::Evidence;
use crate::domain::confirm::{rule, statement};
use crate::domain::fact::{Actor, Confirmed, Fact, Via};
use crate::domain::id::{PersonId, StepId};
use crate::domain::state::Proposal;

pub(super) fn decide(ask: &Ask<'_>, text: &str, evidence: &Evidence) -> Decision {
    let open = ask.state.proposal.as_ref();
    let open = open
        .filter(|p| p.proposed.is_some())
        .ok_or_else(|| ask.no("no proposal is open", "look at the step: it may have ended"))?;
    let step = &open.terms.step;
    let signer = ask.person(step)?;
    distinct(ask, open, signer)?;
    ask.approver()
        .map_err(|refused| ask.on_record(step, refused))?;
    if open.armed.is_some() || open.confirms.iter().any(|c| &c.person == signer) {
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
    let signature = proven(ask, evidence).map_err(|refused| ask.on_record(step, refused))?;
    Ok(vec![Fact::StepConfirmed(Confirmed {
        step: step.clone(),
        signer: signer.clone(),
        statement: text.to_owned(),
        signature,
    })])
}

/// The signature to keep with the confirm. Evidence belongs to the confirm, never to the connection: a signature given
/// at the greeting confirms nothing (`TWO_PERSON` 3.2).
fn proven(ask: &Ask<'_>, evidence: &Evidence) -> Result<String, Refused> {
    let Actor::Person { via, .. } = ask.actor else {
        return Err(ask.no("nobody is known to have said it", ""));
    };
    match (evidence, via) {
        (Evidence::Signature { armour, .. }, Via::Sshsig { .. }) => Ok(armour.clone()),
        (Evidence::Code { .. }, Via::Totp { .. })
        | (Evidence::Account, Via::Uid(_) | Via::Demo) => Ok(String::new()),
        _ => Err(ask.no(
            "nothing that came with this confirm proves who gave it",
            "confirm again and sign it, or type a code",
        )),
    }
}

/// The heart of the two-person rule, said to who tries and kept for all to see.
fn distinct(ask: &Ask<'_>, open: &Proposal, signer: &PersonId) -> Result<(), Refused> {
    let terms = &open.terms;
    if signer != &terms.proposer && signer != &terms.executor {
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
    if ask.world.policy != Some(terms.policy) {
        return Err(ask.no(
            "the policy files changed since the proposal",
            "propose it again",
        ));
    }
    if ask.world.runbook != Some(terms.runbook) {
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
