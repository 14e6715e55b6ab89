//! Go forward alone in an emergency: asked, signed, vetoed by anybody, and reviewed by a second person afterwards.

use super::ask::{Ask, too_weak};
use super::confirm::unchanged;
use super::propose::in_time;
use super::{Decision, REASON_BYTES_MAX, Refused};
use crate::domain::command::{Command, Signed};
use crate::domain::confirm::breakglass::{
    PAGES_MAX, bad_guards, is_strong, paged_out_until, wait_after,
};
use crate::domain::confirm::people::Role;
use crate::domain::confirm::policy::{BREAKGLASS_REASON_MIN, Grade, PageDown};
use crate::domain::confirm::statement::{breakglass_statement, is_current, review_statement};
use crate::domain::digest::Digest;
use crate::domain::fact::{Actor, Breakglass, CloseCause, Fact, GlassEvent, Mode};
use crate::domain::id::{AttemptNo, PersonId, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::readiness::StepView;
use crate::domain::state::{Glass, Proposal, State, StepStatus};
use crate::domain::time::short_span;

fn fact(step: &StepId, attempt: AttemptNo, event: GlassEvent) -> Fact {
    Fact::Breakglass(Breakglass {
        step: step.clone(),
        attempt,
        event,
    })
}

/// Decides a command on the way of one person alone.
pub(super) fn decide(ask: &Ask<'_>, command: &Command) -> Decision {
    match command {
        Command::Breakglass {
            step,
            attempt,
            reason,
        } => open(ask, step, *attempt, reason),
        Command::BreakglassSigned {
            step,
            attempt,
            signed,
            code_step,
            ..
        } => begin(ask, step, *attempt, (signed, *code_step)),
        Command::Veto { step, attempt } => veto(ask.state, ask.actor, step, *attempt),
        Command::Review {
            step,
            attempt,
            note,
            signed,
        } => review(ask, step, *attempt, (note, signed.as_ref())),
        _ => Ok(Vec::new()),
    }
}

/// The executor asks to go without a second person. Somebody is paged before anything else.
fn open(ask: &Ask<'_>, step: &StepId, attempt: AttemptNo, reason: &str) -> Decision {
    let view = ask.step(step)?;
    let open = table(ask, view, attempt)?;
    let person = alone(ask, view, open)?;
    if open.armed.is_some() {
        return Err(ask.no_step(view, "it is armed already", "nobody has to go alone: go"));
    }
    if let Some(glass) = &open.glass {
        let why = format!("`{}` has asked for it already", glass.person);
        return Err(ask.no_step(view, why, "anybody attached can veto it"));
    }
    paged_out(ask, view, person)?;
    let reason = ask.reason(reason)?;
    if reason.chars().count() < BREAKGLASS_REASON_MIN {
        let why = format!("the reason has fewer than {BREAKGLASS_REASON_MIN} characters");
        let hint = "say what burns, and why nobody else can be waited for";
        return Err(ask.on_record(step, ask.no_step(view, why, hint)));
    }
    let rules = &ask.world.rules;
    if rules.page_hook.is_none() && rules.page_down == PageDown::Refuse {
        let why = "the policy names no program that pages somebody";
        let hint =
            "whoever keeps `rules.toml` sets `page_hook`; until then a second person confirms";
        return Err(ask.on_record(step, ask.no_step(view, why, hint)));
    }
    unchanged(ask, open)?;
    in_time(ask, view)?;
    let guards = bad_guards(ask.state);
    Ok(vec![fact(
        step,
        attempt,
        GlassEvent::Asked { reason, guards },
    )])
}

/// Whoever is paged again and again looks no more: one person has that done a few times an hour.
fn paged_out(ask: &Ask<'_>, view: StepView<'_>, person: &PersonId) -> Result<(), Refused> {
    let until = paged_out_until(ask.state, person, ask.now.wall);
    let Some(until) = until.filter(|_| !is_off(Guard::GlassPages)) else {
        return Ok(());
    };
    let why = format!("`{person}` has had somebody paged {PAGES_MAX} times within an hour");
    let others = ask.world.roster.people().into_iter().flatten();
    let others = others.filter(|(id, roles)| {
        *id != person && roles.contains(&Role::Breakglass) && roles.contains(&Role::Operator)
    });
    let others: Vec<String> = others.map(|(id, _)| format!("`{id}`")).collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("{} can propose it and go alone; ", others.join(", ")),
    };
    let until = until.to_seconds_text();
    let hint =
        format!("a second person can confirm it; {others}`{person}` can again from {until} on");
    Err(ask.on_record(&view.plan.id, ask.no_step(view, why, hint)))
}

/// They signed it: the wait begins.
fn begin(
    ask: &Ask<'_>,
    step: &StepId,
    attempt: AttemptNo,
    (signed, code): (&Signed, Option<u64>),
) -> Decision {
    let view = ask.step(step)?;
    let open = table(ask, view, attempt)?;
    let person = alone(ask, view, open)?;
    let glass = open
        .glass
        .as_deref()
        .filter(|glass| &glass.person == person);
    let glass = glass.ok_or_else(|| {
        ask.no_step(
            view,
            "nobody has asked for it",
            "say why first: that pages somebody",
        )
    })?;
    if glass.countdown.is_some() || open.armed.is_some() {
        return Err(ask.no_step(view, "it is signed already", "wait until the time is over"));
    }
    let page = glass
        .page
        .as_ref()
        .ok_or_else(|| ask.no_step(view, "somebody is being paged", "wait until that has ended"))?;
    let wait = wait_after(page, &ask.world.rules)
        .ok_or_else(|| ask.no_step(view, page.to_string(), "a second person can confirm it"))?;
    unchanged(ask, open)?;
    let left = open.terms.expires.since(ask.now.wall);
    if left <= wait {
        let why = format!(
            "it expires in {}, and the wait is {}",
            short_span(left),
            short_span(wait)
        );
        return Err(ask.no_step(
            view,
            why,
            "cancel it, propose it again, and break the glass then",
        ));
    }
    let stated = ask.signed(step, Some(signed), |text| {
        is_current(open, text, |head| {
            breakglass_statement(ask.state, open, person, head, &glass.reason, page.as_str())
        })
    })?;
    proven(ask, view, person, code).map_err(|refused| ask.on_record(step, refused))?;
    let begun = GlassEvent::Begun {
        wait_s: wait.as_secs(),
        code,
        guards: bad_guards(ask.state),
        statement: Digest::of(signed.statement.as_bytes()),
    };
    Ok(stated
        .into_iter()
        .chain([fact(step, attempt, begun)])
        .collect())
}

fn proven(
    ask: &Ask<'_>,
    view: StepView<'_>,
    person: &PersonId,
    code: Option<u64>,
) -> Result<(), Refused> {
    let Actor::Person { via, .. } = ask.actor else {
        return Err(ask.no_step(view, "nobody is known to have said it", ""));
    };
    let mode = ask.state.genesis.mode;
    if is_strong(mode, person, via, code, ask.world) {
        return Ok(());
    }
    let hint = if mode == Mode::Enforced || ask.world.owner.is_some() {
        "use a security key listed for you and touch it, or sign on another machine with `warroom sign`"
    } else {
        "use a security key and touch it, sign on another machine, or give a one-time code beside the signature"
    };
    Err(ask.no_step(view, too_weak(via, Grade::Touch), hint))
}

/// The proposal of that attempt, which is the one that was on the screen.
fn table<'a>(
    ask: &Ask<'a>,
    view: StepView<'a>,
    attempt: AttemptNo,
) -> Result<&'a Proposal, Refused> {
    let open = ask.proposal(&view.plan.id)?;
    if attempt == open.terms.attempt {
        return Ok(open);
    }
    let why = format!(
        "it was pressed for attempt {attempt}, and attempt {} is on the table now",
        open.terms.attempt
    );
    Err(ask.no_step(view, why, "look at the review again"))
}

/// The one person who may: the executor, with the role. Whether they did it too often is looked up for the whole host,
/// before this is asked.
fn alone<'a>(ask: &Ask<'a>, view: StepView<'_>, open: &Proposal) -> Result<&'a PersonId, Refused> {
    let step = &view.plan.id;
    let person = ask.person(step)?;
    let refuse = |why: String, hint: String| ask.on_record(step, ask.no_step(view, why, hint));
    let roles = ask.world.roster.roles(person);
    if !roles.breakglass || !roles.operator {
        return Err(refuse(
            "it needs the roles operator and breakglass".to_owned(),
            "somebody who has both can propose it and go alone; else a second person confirms"
                .to_owned(),
        ));
    }
    if person != &open.terms.executor {
        return Err(refuse(
            format!(
                "the proposal names `{}` as its executor, not `{person}`",
                open.terms.executor
            ),
            "you are a second person: review it, and confirm it if you may".to_owned(),
        ));
    }
    Ok(person)
}

/// Anybody attached says no, whoever they are: a terminal that may only look can do it too.
pub(super) fn veto(state: &State, actor: &Actor, step: &StepId, attempt: AttemptNo) -> Decision {
    let open = state.proposal.as_ref();
    let open = open.filter(|open| {
        open.glass.is_some() && &open.terms.step == step && open.terms.attempt == attempt
    });
    if open.is_none() || !state.open {
        let why = "cannot veto: nobody is going alone there";
        return Err(Refused::new(
            why,
            "it has ended, or runs: a command is stopped with `stop`",
        ));
    }
    let closed = Fact::ProposalClosed {
        step: step.clone(),
        attempt,
        why: CloseCause::Vetoed {
            by: actor.to_actor_text(),
        },
    };
    Ok(vec![fact(step, attempt, GlassEvent::Vetoed), closed])
}

/// Why an armed break-glass cannot go now, if it cannot. Metrics are named and stop nothing.
pub(super) fn may_go(ask: &Ask<'_>, view: StepView<'_>, open: &Proposal) -> Result<(), Refused> {
    use crate::domain::confirm::breakglass::is_through;
    alone_again(ask, view, open)?;
    if is_through(ask.state, open, ask.world, ask.now) {
        return Ok(());
    }
    Err(ask.no_step(
        view,
        "what it needs to go alone is no longer there",
        "propose it again",
    ))
}

fn alone_again(ask: &Ask<'_>, view: StepView<'_>, open: &Proposal) -> Result<(), Refused> {
    let person = ask.person(&view.plan.id)?;
    let is_theirs = |glass: &Glass| &glass.person == person;
    if open.glass.as_deref().is_some_and(is_theirs) {
        return Ok(());
    }
    Err(ask.no_step(view, "somebody else is going alone", ""))
}

/// A second person has looked at what one did alone.
fn review(
    ask: &Ask<'_>,
    step: &StepId,
    attempt: AttemptNo,
    (note, signed): (&str, Option<&Signed>),
) -> Decision {
    let view = ask.step(step)?;
    let person = ask.person(step)?;
    let owed = ask
        .state
        .broken
        .iter()
        .find(|broken| broken.is_of(step, attempt));
    let owed = owed.ok_or_else(|| ask.no_step(view, "nobody went alone there", ""))?;
    if let Some(review) = &owed.review {
        let why = format!("`{}` has reviewed it already", review.person);
        return Err(ask.no_step(view, why, ""));
    }
    if person == &owed.person {
        let why = format!("`{person}` ran it alone and cannot review it too");
        let refused = ask.no_step(view, why, "any other operator or approver with a key can");
        return Err(ask.on_record(step, refused));
    }
    let is_open = ask
        .state
        .running()
        .is_some_and(|running| &running.key.step == step);
    if is_open || view.now.status == StepStatus::Unknown {
        let why = "how it ended is not known yet";
        return Err(ask.no_step(view, why, "wait for its end, or resolve it"));
    }
    let note = note.trim();
    if note.is_empty() || note.len() > REASON_BYTES_MAX {
        let why = format!("it needs a note of 1 to {REASON_BYTES_MAX} bytes");
        return Err(ask.no_step(view, why, "say what was looked at and what was found"));
    }
    if signed.is_none() {
        let why = "a review is signed";
        return Err(ask.no_step(view, why, "load a key listed for you into `ssh-agent`"));
    }
    let stated = ask.signed(step, signed, |text| {
        let expected = review_statement(ask.state, owed, person, note);
        matches!(expected, Some(Ok(expected)) if expected == text)
    })?;
    let Actor::Person { via, .. } = ask.actor else {
        return Err(ask.no_step(view, "nobody is known to have said it", ""));
    };
    if !ask.world.is_good(person, via) {
        let why = format!("what came with it no longer speaks for `{person}`");
        return Err(ask.no_step(view, why, "use a key that is listed for you now"));
    }
    let note = note.to_owned();
    let reviewed = fact(step, attempt, GlassEvent::Reviewed { note });
    Ok(stated.into_iter().chain([reviewed]).collect())
}
