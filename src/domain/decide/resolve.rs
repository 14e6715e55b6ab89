//! Say what happened to a step whose outcome nobody knows.

use super::Decision;
use super::ask::Ask;
use crate::domain::command::Signed;
use crate::domain::confirm::policy::Purpose;
use crate::domain::confirm::statement::resolve_statement;
use crate::domain::fact::{Fact, Finding};
use crate::domain::id::StepId;
use crate::domain::mutant::{Guard, is_off};
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::state::StepStatus;

/// People who must agree on what is found: two at least where the command could destroy something.
pub fn votes_needed(view: StepView<'_>) -> usize {
    let role = view.now.finished.last().map(|f| f.role);
    let destroys = view.plan.risk.needs_second_person()
        && matches!(role, Some(ExecRole::Run | ExecRole::Undo) | None);
    if destroys && !is_off(Guard::Resolve) {
        usize::from(view.plan.quorum).max(2)
    } else {
        1
    }
}

pub(super) fn decide(
    ask: &Ask<'_>,
    step: &StepId,
    (finding, reason): (Finding, &str),
    signed: Option<&Signed>,
) -> Decision {
    let view = ask.step(step)?;
    if view.now.status != StepStatus::Unknown {
        return Err(ask.no_step(view, "its outcome is known", ""));
    }
    let reason = ask.reason(reason)?;
    let needed = votes_needed(view);
    let agreed = if needed == 1 {
        1
    } else {
        let person = ask.person(step)?;
        if view.now.votes.get(person) == Some(&finding) {
            let hint = "another person must look and find the same";
            return Err(ask.no_step(view, "you have said so already", hint));
        }
        let others = view.now.votes.iter();
        let others = others.filter(|(id, found)| *id != person && **found == finding);
        let roster = &ask.world.roster;
        let others = others.filter(|(id, _)| roster.roles(id).may_act());
        others.count().saturating_add(1)
    };
    // Who could have made up what an account says could resolve alone, as two. What nobody had agreed on has no
    // statement to sign.
    if view.now.ran.is_some() && needed > 1 {
        ask.proven(view, Purpose::Go, signed.is_some())
            .map_err(|refused| ask.on_record(step, refused))?;
    }
    let stated = ask.signed(step, signed, |text| {
        let person = ask.actor.person();
        let expected =
            person.and_then(|id| resolve_statement(ask.state, step, id, finding, &reason));
        matches!(expected, Some(Ok(expected)) if expected == text)
    })?;
    let voted = Fact::ResolveVoted {
        step: step.clone(),
        finding,
        reason,
    };
    let resolved = Fact::StepResolved {
        step: step.clone(),
        finding,
    };
    let resolved = (agreed >= needed).then_some(resolved);
    Ok(stated.into_iter().chain([voted]).chain(resolved).collect())
}
