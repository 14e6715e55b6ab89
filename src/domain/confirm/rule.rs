//! The distinctness rule (`TWO_PERSON` 3.4): people are counted, never terminals, keys or confirms.

use crate::domain::fact::{Actor, Mode, Terms, Via};
use crate::domain::id::PersonId;
use crate::domain::mutant::{Guard, is_off};
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
    let count = if is_off(Guard::People) {
        proposal.confirms.len()
    } else {
        confirmers.len()
    };
    let may_run = proposal.proposed.is_some()
        && count >= quorum
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
        .filter(|id| (**id != terms.proposer && **id != terms.executor) || is_off(Guard::Distinct))
        .filter(|id| roster.roles(id).approver)
        .cloned()
        .collect()
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

/// The first of the people an armed proposal needs who has been away too long.
pub fn absent(state: &State, proposal: &Proposal, now: Moment) -> Option<PersonId> {
    let terms = &proposal.terms;
    [&terms.proposer, &terms.executor]
        .into_iter()
        .chain(proposal.confirms.iter().map(|c| &c.person))
        .find(|person| state.is_away(person, now) && !is_off(Guard::Presence))
        .cloned()
}

impl State {
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
    use crate::domain::world::Roles;
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
            let roster = roster(&roles);
            let open = proposal(&people, executor, quorum);
            let verdict = armed(&open, &roster);
            let mut backwards: Vec<usize> = people.clone();
            backwards.reverse();
            backwards.extend(&people);
            prop_assert_eq!(&armed(&proposal(&backwards, executor, quorum), &roster), &verdict);
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
