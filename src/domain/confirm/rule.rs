//! The distinctness rule (`TWO_PERSON` 3.4): people are counted, never terminals, keys or confirms.

use super::policy::{ClassRule, Met, Presence, Purpose, Raise};
use super::quorum::{Between, Count, Piece, count};
use crate::domain::fact::{Actor, Mode, Via};
use crate::domain::id::PersonId;
use crate::domain::mutant::{Guard, is_off};
use crate::domain::readiness::StepView;
use crate::domain::runbook::plan::{ExecRole, PlanStep};
use crate::domain::state::{Proposal, State};
use crate::domain::time::Moment;
use crate::domain::world::World;
use std::collections::BTreeSet;
use std::time::Duration;

use super::{ABSENCE_MAX, ARMED_LIFE, CLOCK_STEP_MAX_MS, PROPOSAL_LIFE};

/// Enough people other than proposer and executor have confirmed. Made by [`armed`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    confirmers: BTreeSet<PersonId>,
}

impl Armed {
    /// The people who count.
    pub const fn confirmers(&self) -> &BTreeSet<PersonId> {
        &self.confirmers
    }
}

/// What holds for a step now: its class by the policy, raised by what the runbook asks.
pub fn rule_of(state: &State, step: &PlanStep, world: &World) -> ClassRule {
    let raise = Raise {
        confirmers: Some(step.quorum),
        ..Raise::default()
    };
    let is_owned = world.owner.is_some();
    let rule = world
        .rules
        .rule_for(step.risk, state.genesis.mode, is_owned);
    rule.raised(&raise)
}

/// What holds for an open proposal now; never fewer people than its terms say.
pub fn rule_for(state: &State, proposal: &Proposal, world: &World) -> Option<ClassRule> {
    let step = state.find(&proposal.terms.step)?.plan;
    let rule = rule_of(state, step, world);
    Some(ClassRule {
        confirmers: rule.confirmers.max(proposal.terms.quorum).max(1),
        ..rule
    })
}

/// Counts the confirms of a proposal by what is read now, with one more that is being given.
pub fn counted<'a>(
    rule: &ClassRule,
    proposal: &'a Proposal,
    more: Option<Piece<'a>>,
    world: &World,
) -> Count {
    let terms = &proposal.terms;
    let between = Between {
        proposer: &terms.proposer,
        executor: &terms.executor,
        owner: world.owner.as_ref(),
    };
    let given = proposal.confirms.iter().map(|confirm| Piece {
        person: &confirm.person,
        via: &confirm.via,
    });
    let good = given
        .chain(more)
        .filter(|piece| world.is_good(piece.person, piece.via));
    count(rule, between, good, |id| world.roster.roles(id).to_set())
}

/// Evaluates the rule on what is read now: people, roles, keys, evidence of everybody in it.
pub fn armed(state: &State, proposal: &Proposal, world: &World) -> Option<Armed> {
    let terms = &proposal.terms;
    let rule = rule_for(state, proposal, world)?;
    let count = counted(&rule, proposal, None, world);
    let may_run = proposal.proposed.is_some()
        && count.is_enough()
        && proves(
            &rule,
            Purpose::Propose,
            &terms.proposer,
            &proposal.via,
            world,
        )
        && world.roster.roles(&terms.proposer).operator
        && world.roster.roles(&terms.executor).operator;
    may_run.then_some(Armed {
        confirmers: count.people,
    })
}

/// True when evidence is good now and enough for what it is for.
pub fn proves(
    rule: &ClassRule,
    purpose: Purpose,
    person: &PersonId,
    via: &Via,
    world: &World,
) -> bool {
    let grade = rule.needed(purpose, world.is_owner(person));
    world.is_good(person, via) && grade.met_by(via) != Met::No
}

/// The first person of a proposal whose evidence, once accepted, counts no more.
pub fn disproved(state: &State, proposal: &Proposal, world: &World) -> Option<PersonId> {
    let rule = rule_for(state, proposal, world)?;
    let proposer = &proposal.terms.proposer;
    if !proves(&rule, Purpose::Propose, proposer, &proposal.via, world) {
        return Some(proposer.clone());
    }
    let gone = proposal
        .confirms
        .iter()
        .find(|confirm| !world.is_good(&confirm.person, &confirm.via));
    gone.map(|confirm| confirm.person.clone())
}

/// The person behind an actor, when the evidence proves one in this session.
pub fn person_in(mode: Mode, actor: &Actor) -> Option<&PersonId> {
    let Actor::Person { id, via } = actor else {
        return None;
    };
    let counts = match via {
        Via::Demo => mode == Mode::Demo,
        Via::Uid(_) | Via::Totp { .. } | Via::Sshsig { .. } => via.strength() > 0,
    };
    counts.then_some(id)
}

/// True when its time has run out on either clock.
pub fn is_expired(proposal: &Proposal, now: Moment) -> bool {
    let is_over = now.wall >= proposal.terms.expires
        || now.has_passed(proposal.opened, PROPOSAL_LIFE)
        || proposal
            .armed
            .is_some_and(|a| now.has_passed(a, ARMED_LIFE));
    is_over && !is_off(Guard::Expiry)
}

/// True when the wall clock has stepped since it was armed.
pub fn clock_stepped(proposal: &Proposal, now: Moment) -> bool {
    proposal.armed.is_some_and(|armed| {
        let wall = now.wall.as_millis().saturating_sub(armed.wall.as_millis());
        let boot = i64::try_from(now.mono_ms)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(armed.mono_ms).unwrap_or(i64::MAX));
        wall.abs_diff(boot) > CLOCK_STEP_MAX_MS.unsigned_abs() && !is_off(Guard::ClockStep)
    })
}

/// The first of the people an armed proposal needs who has been away too long. Who goes alone needs nobody who confirmed.
pub fn absent(state: &State, proposal: &Proposal, world: &World, now: Moment) -> Option<PersonId> {
    let terms = &proposal.terms;
    let presence = rule_for(state, proposal, world).map_or(Presence::Yes, |rule| rule.presence);
    let confirmers = proposal
        .confirms
        .iter()
        .filter(|confirm| proposal.glass.is_none() && presence.is_needed_of(&confirm.via));
    [&terms.proposer, &terms.executor]
        .into_iter()
        .chain(confirmers.map(|c| &c.person))
        .find(|person| state.is_away(person, now) && !is_off(Guard::Presence))
        .cloned()
}

impl State {
    /// What runs forward, and the person who watches it: who said go or started it, or took it over since. Absent where
    /// nobody in particular did, and on the way back, which any operator starts and nobody's absence ends.
    pub fn watcher(&self) -> Option<(StepView<'_>, PersonId)> {
        let running = self.running().filter(|r| r.role != ExecRole::Undo)?;
        let view = self.find(&running.key.step)?;
        let person = PersonId::new(&view.now.by).ok()?;
        // An account that is nobody's never attached as a person, so nobody knows whether it is here.
        let is_known = self.is_present(&person) || self.absent_since.contains_key(&person);
        is_known.then_some((view, person))
    }

    /// As [`State::watcher`], when that person has no terminal here any more that can act; with the moment they went.
    pub fn lost_watcher(&self) -> Option<(StepView<'_>, PersonId, Moment)> {
        let (view, person) = self.watcher()?;
        let since = *self.absent_since.get(&person)?;
        (!self.is_present(&person)).then_some((view, person, since))
    }

    /// True while a person has a terminal here that can act: one that may only look could stop nothing.
    pub fn is_present(&self, person: &PersonId) -> bool {
        self.terminals
            .values()
            .any(|t| !t.read_only && t.actor.person() == Some(person))
    }

    /// How long a person has had no terminal here that can act; zero while there is one.
    pub fn absence(&self, person: &PersonId, now: Moment) -> Duration {
        if self.is_present(person) {
            return Duration::ZERO;
        }
        self.absent_since
            .get(person)
            .map_or(Duration::MAX, |since| {
                let boot = Duration::from_millis(now.mono_since(*since));
                boot.max(now.wall.since(since.wall))
            })
    }

    /// True when a person has been away for longer than [`ABSENCE_MAX`].
    pub fn is_away(&self, person: &PersonId, now: Moment) -> bool {
        self.absence(person, now) > ABSENCE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::{Room, person};
    use crate::domain::state::CountedConfirm;
    use crate::domain::world::{Roles, Roster};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const NAMES: [&str; 5] = ["ann", "bob", "cho", "dan", "eve"];

    fn proposal(people: &[usize], executor: usize, quorum: u8) -> Proposal {
        let room = Room::proposed();
        let mut open = room.state.proposal.expect("open");
        open.terms.executor = person(NAMES[executor]);
        open.terms.quorum = quorum;
        open.confirms = people
            .iter()
            .map(|place| CountedConfirm {
                person: person(NAMES[*place]),
                statement: open.terms.plan,
                via: Via::Uid(1000),
                at: room.now,
            })
            .collect();
        open
    }

    fn roster(roles: &[(bool, bool)]) -> Roster {
        let people = roles.iter().zip(NAMES).map(|((operator, approver), name)| {
            let (operator, approver) = (*operator, *approver);
            let roles = Roles {
                operator,
                approver,
                ..Roles::OBSERVER
            };
            (person(name), roles)
        });
        Roster::Named(people.collect::<BTreeMap<_, _>>())
    }

    proptest! {
        /// Order, repetition and split evidence of one person never raise the count.
        #[test]
        fn people_are_counted_and_nothing_else(
            people in proptest::collection::vec(0_usize..5, 0..12),
            roles in proptest::collection::vec((any::<bool>(), any::<bool>()), 5),
            executor in 0_usize..5,
            quorum in 0_u8..4,
        ) {
            let Room { state, mut world, .. } = Room::proposed();
            world.roster = roster(&roles);
            let open = proposal(&people, executor, quorum);
            let verdict = armed(&state, &open, &world);
            let mut backwards: Vec<usize> = people.clone();
            backwards.reverse();
            backwards.extend(&people);
            prop_assert_eq!(&armed(&state, &proposal(&backwards, executor, quorum), &world), &verdict);
            let distinct: BTreeSet<usize> = people
                .iter()
                .copied()
                .filter(|p| *p != 0 && *p != executor && roles[*p].1)
                .collect();
            let enough = distinct.len() >= usize::from(quorum.max(1));
            prop_assert_eq!(verdict.is_some(), enough && roles[0].0 && roles[executor].0);
            if let Some(verdict) = verdict {
                prop_assert!(!verdict.confirmers().contains(&open.terms.proposer));
                prop_assert!(!verdict.confirmers().contains(&open.terms.executor));
                prop_assert_eq!(verdict.confirmers().len(), distinct.len());
            }
        }
    }
}
