//! The distinctness rule (`TWO_PERSON` 3.4): people are counted, never terminals, keys or confirms.

use crate::domain::fact::{Actor, Mode, Terms, Via};
use crate::domain::id::PersonId;
use crate::domain::state::{Proposal, State};
use crate::domain::time::Moment;
use crate::domain::world::Roster;
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

/// Evaluates the rule on the roster read now.
pub fn armed(proposal: &Proposal, roster: &Roster) -> Option<Armed> {
    let people = proposal.confirms.iter().map(|c| &c.person);
    let confirmers = counted(&proposal.terms, people, roster);
    let quorum = usize::from(proposal.terms.quorum.max(1));
    let may_run = proposal.proposed.is_some()
        && confirmers.len() >= quorum
        && roster.roles(&proposal.terms.proposer).operator
        && roster.roles(&proposal.terms.executor).operator;
    may_run.then_some(Armed { confirmers })
}

/// The set of people that count of those who confirmed.
pub fn counted<'a>(
    terms: &Terms,
    people: impl IntoIterator<Item = &'a PersonId>,
    roster: &Roster,
) -> BTreeSet<PersonId> {
    people
        .into_iter()
        .filter(|id| **id != terms.proposer && **id != terms.executor)
        .filter(|id| roster.roles(id).approver)
        .cloned()
        .collect()
}

/// The person behind an actor, when the evidence proves one in this session.
pub fn person_in(mode: Mode, actor: &Actor) -> Option<&PersonId> {
    match actor {
        Actor::Person {
            id,
            via: Via::Uid(uid),
        } if *uid != 0 => Some(id),
        Actor::Person { id, via: Via::Demo } if mode == Mode::Demo => Some(id),
        Actor::Person { .. } | Actor::Account { .. } | Actor::Engine => None,
    }
}

/// True when its time has run out on either clock.
pub fn is_expired(proposal: &Proposal, now: Moment) -> bool {
    now.wall >= proposal.terms.expires
        || now.has_passed(proposal.opened, PROPOSAL_LIFE)
        || proposal
            .armed
            .is_some_and(|a| now.has_passed(a, ARMED_LIFE))
}

/// True when the wall clock has stepped since it was armed.
pub fn clock_stepped(proposal: &Proposal, now: Moment) -> bool {
    proposal.armed.is_some_and(|armed| {
        let wall = now.wall.as_millis().saturating_sub(armed.wall.as_millis());
        let boot = i64::try_from(now.mono_ms)
            .unwrap_or(i64::MAX)
            .saturating_sub(i64::try_from(armed.mono_ms).unwrap_or(i64::MAX));
        wall.abs_diff(boot) > CLOCK_STEP_MAX_MS.unsigned_abs()
    })
}

/// The first of the people an armed proposal needs who has been away too long.
pub fn absent(state: &State, proposal: &Proposal, now: Moment) -> Option<PersonId> {
    let terms = &proposal.terms;
    [&terms.proposer, &terms.executor]
        .into_iter()
        .chain(proposal.confirms.iter().map(|c| &c.person))
        .find(|person| state.is_away(person, now))
        .cloned()
}

impl State {
    /// How long a person has had no terminal here; zero while there is one.
    pub fn absence(&self, person: &PersonId, now: Moment) -> Duration {
        if self
            .terminals
            .values()
            .any(|t| t.actor.person() == Some(person))
        {
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
