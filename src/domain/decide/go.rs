//! Run the armed step. Everything is judged again, with what was read just now (`TWO_PERSON` 4.2).

use super::ask::Ask;
use super::breakglass;
use super::confirm::unchanged;
use super::propose::in_time;
use super::{Decision, Refused, unit};
use crate::domain::alert_match;
use crate::domain::command::Signed;
use crate::domain::confirm::policy::Purpose;
use crate::domain::confirm::rule;
use crate::domain::confirm::statement::{go_statement, is_current};
use crate::domain::countdown::unsure;
use crate::domain::effect::{self, Before};
use crate::domain::fact::{CloseCause, EffectEvent, Fact};
use crate::domain::id::{AttemptNo, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::ExecRole;
use crate::domain::scope;
use crate::domain::silences;
use crate::domain::state::{Glass, Proposal};
use crate::domain::time::{Moment, short_span};
use crate::domain::world::Look;

pub(super) fn decide(
    ask: &Ask<'_>,
    step: &StepId,
    attempt: AttemptNo,
    signed: Option<&Signed>,
) -> Decision {
    let view = ask.step(step)?;
    if ask
        .state
        .running()
        .is_some_and(|running| &running.key.step == step)
    {
        return Err(ask.no_step(view, "it runs already", "a go is not needed twice"));
    }
    let open = ask.proposal(step)?;
    let person = ask.person(step)?;
    if person != &open.terms.executor && !is_off(Guard::Executor) {
        let executor = &open.terms.executor;
        let refused = ask.no_step(
            view,
            format!("the proposal names `{executor}` as its executor, not `{person}`"),
            format!("`{executor}` can go"),
        );
        return Err(ask.on_record(step, refused));
    }
    if attempt != open.terms.attempt {
        let why = format!(
            "it was pressed for attempt {attempt}, and attempt {} is on the table now",
            open.terms.attempt
        );
        let refused = ask.no_step(view, why, "look at the review again, then go");
        return Err(ask.on_record(step, refused));
    }
    if open.armed.is_none() {
        if let Some(glass) = &open.glass {
            return Err(ask.no_step(view, waits(glass, ask.now), "then go"));
        }
        let why = format!(
            "{} of {} people have confirmed",
            open.confirms.len(),
            open.terms.quorum
        );
        return Err(ask.no_step(
            view,
            why,
            "it arms when enough have and all guards are good",
        ));
    }
    allowed(ask, view, open).map_err(|refused| ask.on_record(step, refused))?;
    reviewed(ask, view, open)?;
    ask.proven(view, Purpose::Go, signed.is_some())
        .map_err(|refused| ask.on_record(step, refused))?;
    let stated = ask.signed(step, signed, |text| {
        is_current(open, text, |head| {
            go_statement(ask.state, open, person, head)
        })
    })?;
    let reads = declared(ask, view, open).map_err(|refused| ask.on_record(step, refused))?;
    let intent = Fact::ExecIntent {
        key: view.next_key(),
        role: ExecRole::Run,
        nonce: Some(open.terms.nonce.clone()),
    };
    // What was signed is what the record right behind it is about.
    Ok(reads.into_iter().chain(stated).chain([intent]).collect())
}

/// The values right before the command, where it declares what it changes. Who goes alone in an emergency has been shown
/// what is not as declared.
fn declared(ask: &Ask<'_>, view: StepView<'_>, open: &Proposal) -> Result<Option<Fact>, Refused> {
    let effects = &ask.world.effects;
    let reads = match effect::before(view, effects) {
        Before::Undeclared => return Ok(None),
        Before::Good(reads) => reads,
        Before::Bad(_) | Before::Unknown(_) if open.glass.is_some() => {
            effect::reads_before(view, effects)
        }
        Before::Bad(why) | Before::Unknown(why) => {
            return Err(ask.no_step(view, why, "look at the target and the metrics, then go"));
        }
    };
    Ok(Some(effect::fact(view, EffectEvent::Before { reads })))
}

fn allowed(ask: &Ask<'_>, view: StepView<'_>, open: &Proposal) -> Result<(), Refused> {
    ask.in_play(view)?;
    unchanged(ask, open)?;
    // Time has passed since the proposal.
    in_time(ask, view)?;
    if rule::clock_stepped(open, ask.now) {
        return Err(ask.no_step(view, "the wall clock stepped", "propose it again"));
    }
    if open.glass.is_some() {
        breakglass::may_go(ask, view, open)?;
    } else if rule::armed(ask.state, open, ask.world).is_none() {
        let why = "not enough of the people who confirmed still count";
        return Err(ask.no_step(view, why, "propose it again"));
    }
    if let Some(person) = rule::absent(ask.state, open, ask.world, ask.now) {
        let why = format!("`{person}` is away");
        return Err(ask.no_step(
            view,
            why,
            "everybody in the proposal stays attached until go",
        ));
    }
    // One person alone in an emergency is shown what is bad, and decides.
    if open.glass.is_none() {
        believed(ask, view)?;
        unit::above_floor(ask, view)?;
    }
    if let Some((guard, _)) = ask.state.bad_guard().filter(|_| open.glass.is_none()) {
        let why = format!("guard `{}` is not known to be good", guard.title);
        return Err(ask.no_step(view, why, "look at the metrics"));
    }
    if let Some(why) =
        alert_match::doubt(ask.state.plan(), &ask.world.alerts).filter(|_| open.glass.is_none())
    {
        let why = format!("nobody knows which alerts fire: {why}");
        return Err(ask.no_step(view, why, "wait until the alerting system answers again"));
    }
    if let Some(why) = scope::changed_since(ask.world, open.opened.wall) {
        return Err(ask.no_step(
            view,
            why,
            "look at the world as it is now, then propose it again",
        ));
    }
    if silences::waits(ask.state, view, ask.now.wall) && open.glass.is_none() {
        return Err(ask.no_step(
            view,
            "its silence is not in place yet",
            "go again in a moment; where it is withheld, it is said",
        ));
    }
    let is_busy = ask.state.running().is_some() && !is_off(Guard::Exclusive);
    if is_busy || ask.state.spent.contains(&open.terms.nonce) {
        return Err(ask.no_step(view, "another command runs", ""));
    }
    Ok(())
}

/// Where now lies in the window and in freezes is known.
fn believed(ask: &Ask<'_>, view: StepView<'_>) -> Result<(), Refused> {
    let doubt = ask.world.clock.doubt(ask.now);
    let doubt = doubt.as_ref().map(|doubt| (doubt.by, doubt.why.as_str()));
    let now = ask.now.wall;
    match unsure(ask.state, &ask.world.freezes, now, doubt) {
        None => Ok(()),
        Some(barred) => Err(ask.no_step(view, barred.why(now), barred.hint())),
    }
}

/// What would run now is what people have seen. Where it is not, the proposal ends with this refusal.
fn reviewed(ask: &Ask<'_>, view: StepView<'_>, open: &Proposal) -> Result<(), Refused> {
    match &ask.world.look {
        Look::Same => Ok(()),
        Look::Changed { .. } if is_off(Guard::Plan) => Ok(()),
        Look::NotLooked => {
            let why = "what would run could not be compared with what was reviewed";
            let refused = ask.no_step(view, why, "go again, or propose it again");
            Err(ask.on_record(&open.terms.step, refused))
        }
        Look::Changed { what } => {
            let why = format!("changed since review: {what}");
            let mut refused = ask.no_step(view, why, "propose it again");
            refused.record = Some(Box::new(Fact::ProposalClosed {
                step: open.terms.step.clone(),
                attempt: open.terms.attempt,
                why: CloseCause::Changed { what: what.clone() },
            }));
            Err(refused)
        }
    }
}

/// What a break-glass still waits for.
fn waits(glass: &Glass, now: Moment) -> String {
    match (&glass.page, &glass.countdown) {
        (None, _) => "somebody is being paged".to_owned(),
        (Some(_), None) => "the break-glass is not signed yet".to_owned(),
        (Some(_), Some(countdown)) => {
            let left = countdown.left(now);
            if left.is_zero() && !glass.is_witnessed() {
                "no checkpoint of it has left this host yet".to_owned()
            } else {
                format!("everybody can veto it for another {}", short_span(left))
            }
        }
    }
}
