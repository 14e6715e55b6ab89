//! The distinctness rule on evidence (`TWO_PERSON` 3.4): who counts of those who confirmed, and whether that is enough.
//!
//! People are counted, never signatures, keys, fingerprints or connections. A person counts when one single piece of
//! their evidence is strong enough: pieces of one person do not add up.

use super::people::Role;
use super::policy::{ClassRule, Met, Purpose};
use crate::domain::fact::Via;
use crate::domain::id::PersonId;
use crate::domain::mutant::{Guard, is_off};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Between whom a confirm stands.
#[derive(Debug, Clone, Copy)]
pub struct Between<'a> {
    /// Who proposed; never counts.
    pub proposer: &'a PersonId,
    /// Who will say go; never counts.
    pub executor: &'a PersonId,
    /// Whose own account the server runs in; nobody's when absent.
    pub owner: Option<&'a PersonId>,
}

/// One accepted confirm of this very proposal.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Who.
    pub person: &'a PersonId,
    /// How that is known.
    pub via: &'a Via,
}

/// Why somebody who confirmed does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uncounted {
    /// They proposed it, or will say go.
    Own,
    /// They have none of the roles that may confirm this.
    Role,
    /// Their evidence is too weak.
    Weak,
    /// Enough others stand for a touch by a signature made on another host.
    Detached,
    /// Every role they have is taken by another confirmer.
    RoleTaken,
}

/// What comes of all confirms of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The people who count.
    pub people: BTreeSet<PersonId>,
    /// Those who confirmed and do not count.
    pub uncounted: BTreeMap<PersonId, Uncounted>,
    /// People that are missing.
    pub missing: u8,
}

impl Count {
    /// True when enough people count.
    pub const fn is_enough(&self) -> bool {
        self.missing == 0
    }
}

/// Counts the people behind accepted confirms. `roles` are those of the policy read now; who is revoked or unknown has none.
pub fn count<'a>(
    rule: &ClassRule,
    between: Between<'_>,
    pieces: impl IntoIterator<Item = Piece<'a>>,
    roles: impl Fn(&PersonId) -> BTreeSet<Role>,
) -> Count {
    let mut firm = BTreeMap::new();
    let mut away = BTreeMap::new();
    let mut uncounted = BTreeMap::new();
    let mut good = 0_usize;
    for piece in pieces {
        let id = piece.person;
        let is_own = id == between.proposer || id == between.executor;
        if is_own && !is_off(Guard::Distinct) {
            uncounted.insert(id.clone(), Uncounted::Own);
            continue;
        }
        let allowed: BTreeSet<Role> = roles(id).intersection(&rule.roles).copied().collect();
        if allowed.is_empty() {
            uncounted.insert(id.clone(), Uncounted::Role);
            continue;
        }
        let grade = rule.needed(Purpose::Confirm, between.owner == Some(id));
        match grade.met_by(piece.via) {
            Met::Yes => drop(firm.insert(id.clone(), allowed)),
            Met::Detached => drop(away.insert(id.clone(), allowed)),
            Met::No => {
                uncounted.insert(id.clone(), Uncounted::Weak);
                continue;
            }
        }
        good = good.saturating_add(1);
    }
    away.retain(|id, _| !firm.contains_key(id));
    uncounted.retain(|id, _| !firm.contains_key(id) && !away.contains_key(id));
    let people = chosen(rule, &firm, &away, &mut uncounted);
    let there = if is_off(Guard::People) {
        good
    } else {
        people.len()
    };
    let there = u8::try_from(there).unwrap_or(u8::MAX);
    Count {
        people,
        uncounted,
        missing: rule.confirmers.saturating_sub(there),
    }
}

/// Of those whose evidence is good the people who count: all of them, or as many as get a role of their own.
fn chosen(
    rule: &ClassRule,
    firm: &BTreeMap<PersonId, BTreeSet<Role>>,
    away: &BTreeMap<PersonId, BTreeSet<Role>>,
    uncounted: &mut BTreeMap<PersonId, Uncounted>,
) -> BTreeSet<PersonId> {
    let mut roles = Assignment::default();
    let mut people = BTreeSet::new();
    let mut taken_away = 0_u8;
    // Who is firm comes first: a place for a detached signature is then left to who has nothing else. Nobody who has a
    // role loses it again to a later one, so this order gives the greatest number there is.
    let all = firm.iter().map(|one| (one, false));
    for ((id, allowed), is_away) in all.chain(away.iter().map(|one| (one, true))) {
        let why = if is_away && taken_away >= rule.detached {
            Some(Uncounted::Detached)
        } else if rule.distinct_roles && !roles.add(id, allowed) {
            Some(Uncounted::RoleTaken)
        } else {
            None
        };
        if let Some(why) = why {
            uncounted.insert(id.clone(), why);
        } else {
            people.insert(id.clone());
            taken_away = taken_away.saturating_add(u8::from(is_away));
        }
    }
    people
}

/// Roles given one-to-one: nobody has two, and none is given twice.
#[derive(Debug, Clone, Default)]
pub struct Assignment {
    given: BTreeMap<Role, PersonId>,
    may: BTreeMap<PersonId, BTreeSet<Role>>,
}

impl Assignment {
    /// Finds a role for one more person, moving others to another of their roles where that helps. Says whether it
    /// could; nobody who had a role loses it without another.
    pub fn add(&mut self, id: &PersonId, may: &BTreeSet<Role>) -> bool {
        if self.may.contains_key(id) {
            return true;
        }
        self.may.insert(id.clone(), may.clone());
        let is_placed = self.place(id, &mut BTreeSet::new());
        if !is_placed {
            self.may.remove(id);
        }
        is_placed
    }

    /// Gives a role that is free, or one whose owner can be placed elsewhere. As deep as there are roles.
    fn place(&mut self, id: &PersonId, tried: &mut BTreeSet<Role>) -> bool {
        for role in self.may.get(id).cloned().unwrap_or_default() {
            if !tried.insert(role) {
                continue;
            }
            let owner = self.given.get(&role).cloned();
            if owner.is_none_or(|owner| self.place(&owner, tried)) {
                self.given.insert(role, id.clone());
                return true;
            }
        }
        false
    }

    /// Who has which role.
    pub const fn roles(&self) -> &BTreeMap<Role, PersonId> {
        &self.given
    }
}

/// Whether enough people exist at all, by role alone; else what is missing, as a sentence.
///
/// A step that can never be confirmed is not proposed: nobody should wait at night for somebody who is on no list.
pub fn shortage<'a>(
    rule: &ClassRule,
    proposer: &PersonId,
    executor: &PersonId,
    people: impl IntoIterator<Item = (&'a PersonId, BTreeSet<Role>)>,
) -> Option<String> {
    let mut roles = Assignment::default();
    let mut found = 0_u8;
    for (id, has) in people {
        let allowed: BTreeSet<Role> = has.intersection(&rule.roles).copied().collect();
        let is_other = id != proposer && id != executor && !allowed.is_empty();
        if is_other && (!rule.distinct_roles || roles.add(id, &allowed)) {
            found = found.saturating_add(1);
        }
    }
    if found >= rule.confirmers {
        return None;
    }
    let words: Vec<&str> = rule.roles.iter().map(|role| role.as_str()).collect();
    let mut text = format!(
        "it needs {} other people with the role {} to confirm",
        rule.confirmers,
        words.join(" or ")
    );
    if rule.distinct_roles {
        text.push_str(", each in another role");
    }
    write!(text, ", and the people file has {found}").ok();
    Some(text)
}

#[cfg(test)]
mod tests;
