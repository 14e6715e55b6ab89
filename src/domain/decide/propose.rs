//! Propose the destructive part of a started step.

use super::ask::Ask;
use super::{Decision, Refused};
use crate::domain::command::Command;
use crate::domain::confirm::plan_doc::{PlanHead, read_head};
use crate::domain::confirm::policy::Purpose;
use crate::domain::confirm::{DRAFT_LIFE, PROPOSAL_LIFE};
use crate::domain::confirm::{quorum, rule};
use crate::domain::countdown::{Barred, barred};
use crate::domain::digest::Digest;
use crate::domain::effect::{self, Before};
use crate::domain::fact::{Actor, Fact, Terms};
use crate::domain::id::{Nonce, PersonId, StepId};
use crate::domain::mutant::{Guard, is_off};
use crate::domain::readiness::{Next, StepView};
use crate::domain::rehearsal;
use crate::domain::scope;
use crate::domain::state::{Phase, Stage, State};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::world::World;

/// A rendered plan, ready to be put before people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The `warroom-plan@v1` document.
    pub plan: String,
    /// A fresh nonce from the operating system.
    pub nonce: Nonce,
    /// Who will say go.
    pub executor: PersonId,
    /// The terms the proposer has signed, with the armoured signature; absent for a proposal by account.
    pub signed: Option<Box<(Terms, String)>>,
}

/// Whether a plan may be rendered and proposed; no facts yet.
pub(super) fn decide(ask: &Ask<'_>, step: &StepId) -> Decision {
    ask.step(step)?;
    let proposer = ask.person(step)?;
    may_propose(ask, step, proposer, proposer).map(|_| Vec::new())
}

fn may_propose<'a>(
    ask: &Ask<'a>,
    step: &StepId,
    proposer: &PersonId,
    executor: &PersonId,
) -> Result<StepView<'a>, Refused> {
    let view = ask.step(step)?;
    ask.operator()?;
    ask.in_play(view)?;
    ask.not_held(view)?;
    if let Some(open) = &ask.state.proposal {
        let why = format!(
            "`{}` has proposed `{}`",
            open.terms.proposer, open.terms.step
        );
        return Err(ask.no_step(view, why, "one proposal is open at a time"));
    }
    if let Some(unknown) = ask.state.unknown().filter(|_| !is_off(Guard::Exclusive)) {
        let why = format!("nobody knows how {} ended", unknown.plan.to_label());
        return Err(ask.no_step(view, why, "resolve that first"));
    }
    if let Some(why) = scope::in_the_way(ask.world, ask.now.wall) {
        let hint = "wait until that is over, or let its people resolve it; `warroom ls` names the sessions";
        return Err(ask.on_record(step, ask.no_step(view, why, hint)));
    }
    let is_busy = ask.state.running().is_some() && !is_off(Guard::Exclusive);
    if is_busy || view.now.stage() != Some(Stage::NeedsProposal) {
        return Err(ask.no_step(
            view,
            "it does not wait for a proposal",
            "start it: its checks and gates come first",
        ));
    }
    if !ask.world.roster.roles(executor).operator {
        let why = format!("`{executor}` is no operator and cannot execute it");
        return Err(ask.no_step(view, why, ""));
    }
    enough_people(ask, view, proposer, executor)?;
    if let Before::Bad(why) | Before::Unknown(why) = effect::before(view, &ask.world.effects) {
        let hint =
            "look at the target and the metrics; it can be proposed when this is as declared";
        return Err(ask.on_record(step, ask.no_step(view, why, hint)));
    }
    in_time(ask, view)?;
    if ask.state.phase == Phase::Running {
        ask.runbook_for([view.plan.risk])
            .map_err(|refused| ask.on_record(step, refused))?;
    }
    is_rehearsed(ask, view)?;
    Ok(view)
}

/// A class may ask that the step was carried out in a rehearsal of this very plan. A rehearsal asks for none, and
/// neither does a way back.
fn is_rehearsed(ask: &Ask<'_>, view: StepView<'_>) -> Result<(), Refused> {
    let genesis = &ask.state.genesis;
    let rule = rule::rule_of(ask.state, view.plan, ask.world);
    let wanted = rule
        .rehearsal
        .filter(|_| genesis.rehearsal.is_none() && ask.state.phase == Phase::Running);
    let Some(wanted) = wanted else {
        return Ok(());
    };
    match rehearsal::standing(genesis, &view.plan.id, wanted, ask.now.wall) {
        Ok(_) => Ok(()),
        Err(why) => {
            let class = view.plan.risk.as_str();
            let why = format!("the policy asks for a rehearsal of class `{class}`: {why}");
            let hint = "rehearse the runbook to its end (`warroom rehearse FILE --env-file ENV.toml`), abort this session, and open it anew";
            Err(ask.on_record(&view.plan.id, ask.no_step(view, why, hint)))
        }
    }
}

/// What makes somebody a second person where nobody is.
const NO_PEOPLE_HINT: &str = "list people and their keys (`warroom people enroll`, `[people] file`), or let accounts count \
                              (`allow_uid` in `[people] rules`)";

fn enough_people(
    ask: &Ask<'_>,
    view: StepView<'_>,
    proposer: &PersonId,
    executor: &PersonId,
) -> Result<(), Refused> {
    let rule = rule::rule_of(ask.state, view.plan, ask.world);
    let Some(people) = ask.world.roster.people() else {
        if rule.can_be_met(!ask.world.keys.is_empty()) {
            return Ok(());
        }
        let why = "nobody could confirm it: there is no people file, so no key speaks for anybody";
        return Err(ask.no_step(view, why, NO_PEOPLE_HINT));
    };
    match quorum::shortage(&rule, proposer, executor, people) {
        None => Ok(()),
        Some(why) => Err(ask.no_step(
            view,
            why,
            "another person can propose it, or the people file must name more",
        )),
    }
}

/// Destructive work is what the window was announced for: none goes forward before it, past the point of no return, or in
/// a freeze. Who tries it all the same is kept for all to see.
pub(super) fn in_time(ask: &Ask<'_>, view: StepView<'_>) -> Result<(), Refused> {
    let Some(barred) = barred(ask.state, &ask.world.freezes, ask.now.wall) else {
        return Ok(());
    };
    let refused = ask.no_step(view, barred.why(ask.now.wall), barred.hint());
    // Who is early only waits, and is told how long in words that are others each second.
    let is_early = matches!(barred, Barred::Early { .. });
    Err(if is_early {
        refused
    } else {
        ask.on_record(&view.plan.id, refused)
    })
}

/// Opens a proposal with the rendered plan: the two facts that put it before everybody.
///
/// # Errors
/// [`Refused`] when it may not be proposed now, or when the plan is not about this step as the session knows it.
pub fn open_proposal(
    state: &State,
    actor: &Actor,
    step: &StepId,
    prepared: &Prepared,
    now: Moment,
    world: &World,
) -> Decision {
    let command = Command::propose(step.clone());
    let ask = Ask::new(state, actor, &command, now, world)?;
    let view = ask.step(step)?;
    let terms = terms(&ask, step, prepared)?;
    let (terms, signature) = signed_terms(&ask, view, terms, prepared)?;
    ask.proven(view, Purpose::Propose, !signature.is_empty())
        .map_err(|refused| ask.on_record(step, refused))?;
    let plan = prepared.plan.clone();
    Ok(vec![
        Fact::ProposalOpened { terms, signature },
        Fact::StepProposed { plan },
    ])
}

/// The terms a proposer is asked to sign: those of the proposal that would be opened now.
///
/// # Errors
/// As [`open_proposal`].
pub fn draft_terms(
    state: &State,
    actor: &Actor,
    step: &StepId,
    prepared: &Prepared,
    now: Moment,
    world: &World,
) -> Result<Terms, Refused> {
    let command = Command::propose(step.clone());
    let ask = Ask::new(state, actor, &command, now, world)?;
    terms(&ask, step, prepared)
}

fn terms(ask: &Ask<'_>, step: &StepId, prepared: &Prepared) -> Result<Terms, Refused> {
    let (state, world) = (ask.state, ask.world);
    let proposer = ask.person(step)?;
    let view = may_propose(ask, step, proposer, &prepared.executor)?;
    let unread = |what: &str| ask.no_step(view, format!("the {what} cannot be read"), "");
    let policy = world.policy.ok_or_else(|| {
        let why = format!("the people file cannot be read: {}", world.unread);
        ask.no_step(
            view,
            why,
            "nothing can be proposed until it can be read again",
        )
    })?;
    let runbook = world.runbook.ok_or_else(|| unread("runbook file"))?;
    if read_head(&prepared.plan) != Some(expected_head(state, view)) {
        let why = "the rendered plan is not about this step as the session knows it";
        return Err(ask.no_step(view, why, "propose it again"));
    }
    if state.spent.contains(&prepared.nonce) {
        return Err(ask.no_step(view, "its nonce was spent", "propose it again"));
    }
    // A file that is not what the plan was made from is not what the commit holds either.
    let pinned = &state.genesis.runbook;
    let commit = if runbook == pinned.digest {
        pinned.commit.clone()
    } else {
        "none".to_owned()
    };
    let issued = whole_seconds(ask.now.wall);
    Ok(Terms {
        step: step.clone(),
        attempt: view.now.next_proposal(),
        plan: Digest::of(prepared.plan.as_bytes()),
        policy,
        runbook,
        commit,
        quorum: rule::rule_of(state, view.plan, world).confirmers.max(1),
        proposer: proposer.clone(),
        executor: prepared.executor.clone(),
        nonce: prepared.nonce.clone(),
        issued,
        expires: issued.plus(PROPOSAL_LIFE),
    })
}

/// The terms as the proposer has signed them a moment ago: all but the times are still what they would be now.
fn signed_terms(
    ask: &Ask<'_>,
    view: StepView<'_>,
    now: Terms,
    prepared: &Prepared,
) -> Result<(Terms, String), Refused> {
    let Some((signed, signature)) = prepared.signed.as_deref() else {
        return Ok((now, String::new()));
    };
    let same = Terms {
        issued: signed.issued,
        expires: signed.expires,
        ..now
    };
    let age = ask.now.wall.since(signed.issued);
    if same != *signed || !ask.is_known_by_signature() || age > DRAFT_LIFE {
        let why = "what was signed is not what would be proposed now";
        return Err(ask.no_step(view, why, "propose it again"));
    }
    Ok((same, signature.clone()))
}

/// What the plan must say of the step, by the session's own pinned plan.
fn expected_head(state: &State, view: StepView<'_>) -> PlanHead {
    let argv = match view.next() {
        Next::Confirmed(exec) => exec.argv.clone(),
        _ => Vec::new(),
    };
    PlanHead {
        step: view.plan.id.to_string(),
        attempt: u64::from(view.now.next_proposal().0),
        risk: view.plan.risk.as_str().to_owned(),
        host: state.genesis.host.clone(),
        argv,
    }
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().div_euclid(1000).saturating_mul(1000))
}
