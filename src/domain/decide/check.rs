//! Say from one's own view what is about to be touched: two people who look at one claim catch no more than one.

use super::ask::Ask;
use super::{Decision, Refused};
use crate::domain::apply::CHECKS_MAX;
use crate::domain::confirm::rule;
use crate::domain::fact::{Actor, Checked, CloseCause, Fact};
use crate::domain::id::{AttemptNo, PersonId, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::readiness::StepView;
use crate::domain::state::{Proposal, State};
use crate::domain::world::World;

/// Longest name of a component that is taken.
const NAME_BYTES_MAX: usize = 200;

/// What a confirmer has to know by themselves of an open proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The component.
    pub component: &'a str,
    /// How many others of its group stay in service; absent where the CMDB knows no group.
    pub remaining: Option<u32>,
}

/// What confirmers of this proposal are asked before its target is shown; nothing where the class does not ask, or the
/// runbook names no component.
pub fn question<'a>(state: &'a State, open: &Proposal, world: &World) -> Option<Question<'a>> {
    let step = state.find(&open.terms.step)?.plan;
    let component = step.component.as_deref()?;
    let rule = rule::rule_of(state, step, world);
    rule.independent_check.then(|| Question {
        component,
        remaining: world.groups.get(component).copied(),
    })
}

/// What somebody said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) component: &'a str,
    pub(super) remaining: Option<u32>,
    pub(super) dwell_ms: u64,
    /// Who says it, where the account is nobody's.
    pub(super) claimed: Option<&'a PersonId>,
}

pub(super) fn decide(ask: &Ask<'_>, step: &StepId, attempt: AttemptNo, said: Said<'_>) -> Decision {
    let view = ask.step(step)?;
    let open = ask.proposal(step)?;
    // A shared account says for whom. Whether that is so is proved with the confirm, and by nothing here.
    let claimed = said.claimed.filter(|id| {
        matches!(ask.actor, Actor::Account { .. }) && ask.world.roster.roles(id).may_act()
    });
    let person = match claimed {
        Some(person) => person,
        None => ask.person(step)?,
    };
    if open.terms.attempt != attempt || open.armed.is_some() {
        let why = "another proposal is on the table, or it is armed already";
        return Err(ask.no_step(view, why, "look at the review again"));
    }
    if *person == open.terms.proposer || *person == open.terms.executor {
        let why = "the proposer's own view is what is being checked";
        return Err(ask.no_step(view, why, "another approver says it"));
    }
    let Some(question) = question(ask.state, open, ask.world) else {
        return Err(ask.no_step(view, "it asks for no check", "review it"));
    };
    if said.component.len() > NAME_BYTES_MAX {
        return Err(ask.no_step(view, "the name is too long", "type it as the CMDB has it"));
    }
    let said = Said { claimed, ..said };
    slip(ask, (view, open), question.component, &said, person)?;
    Ok(facts(view, open, question, said, person))
}

/// A name that no component has is a slip of the hand, and no other opinion of what is touched: whoever typed it is asked
/// again, a few times, each of them on record. Where no CMDB knows the components, every other name is another opinion:
/// to say which are none would be to say which is right.
fn slip(
    ask: &Ask<'_>,
    (view, open): (StepView<'_>, &Proposal),
    expected: &str,
    said: &Said<'_>,
    person: &PersonId,
) -> Result<(), Refused> {
    let component = said.component.trim();
    let known = &ask.world.known;
    let is_known = component == expected
        || known.contains(component)
        || ask.world.touched.iter().any(|name| name == component);
    let missed = open.missed.get(person).copied().unwrap_or(0);
    let left = CHECKS_MAX.saturating_sub(missed).saturating_sub(1);
    if known.is_empty() || is_known || left == 0 {
        return Ok(());
    }
    let why = format!("the CMDB knows no component `{component}`");
    let hint = match left {
        1 => "type its name as the CMDB has it; the next answer counts, whatever it is".to_owned(),
        left => format!("type its name as the CMDB has it; {left} tries are left"),
    };
    let mut refused = ask.no_step(view, why, hint);
    refused.record = Some(Box::new(Fact::StepChecked(Checked {
        step: view.plan.id.clone(),
        attempt: open.terms.attempt,
        component: component.to_owned(),
        remaining: said.remaining,
        dwell_ms: said.dwell_ms,
        matches: false,
        claimed: said.claimed.cloned(),
    })));
    Err(refused)
}

fn facts(
    view: StepView<'_>,
    open: &Proposal,
    question: Question<'_>,
    said: Said<'_>,
    person: &PersonId,
) -> Vec<Fact> {
    let component = said.component.trim();
    let is_count_right = question.remaining.is_none() || question.remaining == said.remaining;
    let matches = component == question.component && is_count_right;
    let checked = Fact::StepChecked(Checked {
        step: view.plan.id.clone(),
        attempt: open.terms.attempt,
        component: component.to_owned(),
        remaining: said.remaining,
        dwell_ms: said.dwell_ms,
        matches,
        claimed: said.claimed.cloned(),
    });
    let closed = (!matches && !is_off(Guard::Mismatch)).then(|| Fact::ProposalClosed {
        step: view.plan.id.clone(),
        attempt: open.terms.attempt,
        why: CloseCause::Mismatch {
            person: person.clone(),
            said: words(component, said.remaining),
            proposed: words(question.component, question.remaining),
        },
    });
    [checked].into_iter().chain(closed).collect()
}

/// `db-1 with 2 others left`.
fn words(component: &str, remaining: Option<u32>) -> String {
    match remaining {
        Some(left) => format!("`{component}` with {left} others left"),
        None => format!("`{component}`"),
    }
}
