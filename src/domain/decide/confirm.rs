//! Confirm the open proposal with the exact statement the person saw.

use super::ask::{Ask, how_to_prove, too_weak};
use super::check::question;
use super::{Decision, Refused};
use crate::domain::command::Evidence;
use crate::domain::confirm::policy::Purpose;
use crate::domain::confirm::quorum::{Piece, Uncounted};
use crate::domain::confirm::{rule, statement};
use crate::domain::fact::{Actor, Confirmed, Fact, Via};
use crate::domain::id::{PersonId, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::state::Proposal;

pub(super) fn decide(ask: &Ask<'_>, text: &str, evidence: &Evidence) -> Decision {
    let open = ask.state.proposal.as_ref();
    let open = open
        .filter(|p| p.proposed.is_some())
        .ok_or_else(|| ask.no("no proposal is open", "look at the step: it may have ended"))?;
    let step = &open.terms.step;
    let signer = ask.person(step)?;
    distinct(ask, open, signer)?;
    let has_counted = has_counted(ask, open, signer) && !is_off(Guard::People);
    if open.armed.is_some() || has_counted {
        let why = "the step is armed, or you have confirmed already";
        return Err(ask.no(why, format!("`{}` can go", open.terms.executor)));
    }
    unchanged(ask, open)?;
    // Who signs on another machine has the plan in front of them there; nobody asks them here.
    let is_away = matches!(evidence, Evidence::Signature { detached: true, .. });
    let is_asked = question(ask.state, open, ask.world).is_some() && !is_off(Guard::Check);
    // An account's answer is its person's own; a code or a signature may come from an account that has none.
    let is_account = matches!(evidence, Evidence::Account);
    let has_said = open.checked.contains(signer) || (!is_account && open.claimed.contains(signer));
    if !is_away && is_asked && !has_said {
        let refused = ask.no(
            "it asks first what you expect to be touched",
            "open the review: it asks before it shows the target",
        );
        return Err(ask.on_record(step, refused));
    }
    let signature = proven(ask, evidence).map_err(|refused| ask.on_record(step, refused))?;
    let is_expected = match ask.actor {
        Actor::Person { via, .. } => statement::is_expected_by(ask.state, open, signer, via, text),
        Actor::Account { .. } | Actor::Engine => false,
    };
    if !is_expected {
        let refused = ask.no(
            "the statement is not about what is on the table now",
            "open the review again and read it anew",
        );
        return Err(ask.on_record(step, refused));
    }
    counts(ask, open, signer).map_err(|refused| ask.on_record(step, refused))?;
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

/// A confirm whose key was revoked since may be given anew.
fn has_counted(ask: &Ask<'_>, open: &Proposal, signer: &PersonId) -> bool {
    open.confirms
        .iter()
        .any(|c| &c.person == signer && ask.world.is_good(signer, &c.via))
}

/// The person would count with this evidence, by the policy as it is read now.
fn counts(ask: &Ask<'_>, open: &Proposal, signer: &PersonId) -> Result<(), Refused> {
    let Actor::Person { via, .. } = ask.actor else {
        return Err(ask.no("nobody is known to have said it", ""));
    };
    let rule = rule::rule_for(ask.state, open, ask.world)
        .ok_or_else(|| ask.no("the plan has no such step", ""))?;
    let piece = Piece {
        person: signer,
        via,
    };
    let count = rule::counted(&rule, open, Some(piece), ask.world);
    if count.people.contains(signer) {
        return Ok(());
    }
    let grade = rule.needed(Purpose::Confirm, ask.world.is_owner(signer));
    Err(match count.uncounted.get(signer) {
        None => ask.no(
            format!("what came with it no longer speaks for `{signer}`"),
            "use a key that is listed for you now, or ask who keeps the policy files",
        ),
        Some(Uncounted::Weak | Uncounted::Own) => ask.no(too_weak(via, grade), how_to_prove(grade)),
        Some(Uncounted::Role) => {
            let words: Vec<&str> = rule.roles.iter().map(|role| role.as_str()).collect();
            let words = words.join(" or ");
            ask.no(
                format!("it needs the role {words}"),
                format!("somebody with the role {words} can do it"),
            )
        }
        Some(Uncounted::Detached) => ask.no(
            "enough others have signed on another machine in place of a touch",
            "use a security key listed for you and touch it",
        ),
        Some(Uncounted::RoleTaken) => ask.no(
            "each of the confirmers must have another role, and yours are taken",
            "somebody with another role can confirm it",
        ),
    })
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
