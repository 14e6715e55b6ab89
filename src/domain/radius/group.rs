//! Redundancy: how many of a group are left while the touched ones are out.
//!
//! A group is what one role does in one environment, as the CMDB says. How many of it serve is a range: surely those
//! whose metrics say that they are up, and at most all that nothing says are out.

use super::live::{self, Wellness};
use super::{Given, Member};
use crate::domain::reading::Component;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many are left: surely, and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Those whose metrics say that they are up.
    pub surely: usize,
    /// Those that nothing says are out.
    pub at_most: usize,
}

/// How near a group is to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// None is left.
    Dark,
    /// One is: the next failure ends it.
    OneLeft,
    /// One or none may be left; nobody knows that there are more.
    NotKnown,
    /// At least two are left.
    Enough,
}

/// Those that do the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// `orders-db`.
    pub role: String,
    /// `prod`, or empty.
    pub environment: String,
    /// How many the CMDB knows.
    pub total: usize,
    /// Those of it that are touched, by name.
    pub touched: Vec<String>,
    /// Every one is touched: they are counted as taken out one at a time.
    pub is_one_at_a_time: bool,
    /// Now.
    pub now: Left,
    /// While the touched ones are out.
    pub left: Left,
    /// How near that is to nothing.
    pub standing: Standing,
}

impl Left {
    fn standing(self) -> Standing {
        match (self.surely, self.at_most) {
            (_, 0) => Standing::Dark,
            (_, 1) => Standing::OneLeft,
            (0 | 1, _) => Standing::NotKnown,
            _ => Standing::Enough,
        }
    }
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.surely == self.at_most {
            write!(f, "{}", self.surely)
        } else {
            write!(f, "{} to {}", self.surely, self.at_most)
        }
    }
}

impl Group {
    /// `orders-db (prod)`.
    pub fn name(&self) -> String {
        if self.environment.is_empty() {
            self.role.clone()
        } else {
            format!("{} ({})", self.role, self.environment)
        }
    }
}

/// Groups with a member in the radius, and touched components that belong to none.
pub(super) fn all(
    given: &Given<'_>,
    members: &[Member],
    touched: &[String],
) -> (Vec<Group>, Vec<String>) {
    let components: &BTreeMap<String, Component> = &given.board.components;
    let key = |c: &Component| (c.role.clone(), c.environment.clone());
    let of = |name: &String| components.get(name).filter(|c| !c.role.is_empty());
    let wanted: BTreeSet<_> = members
        .iter()
        .filter_map(|m| of(&m.name))
        .map(key)
        .collect();
    let mut grouped: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for component in components.values().filter(|c| !c.role.is_empty()) {
        let key = key(component);
        if wanted.contains(&key) {
            grouped.entry(key).or_default().push(component.name.clone());
        }
    }
    let names: Vec<String> = grouped.values().flatten().cloned().collect();
    let lives = live::all(given, &names);
    let wellness: BTreeMap<&str, Wellness> = names
        .iter()
        .zip(&lives)
        .map(|(name, live)| (name.as_str(), live.wellness))
        .collect();
    let touched_set: BTreeSet<&str> = touched.iter().map(String::as_str).collect();
    let mut groups: Vec<Group> = grouped
        .into_iter()
        .map(|((role, environment), names)| {
            group((role, environment), &names, &touched_set, &wellness)
        })
        .collect();
    groups.sort_by(|a, b| {
        let key = |g: &Group| (g.standing, g.touched.is_empty(), g.role.clone());
        key(a).cmp(&key(b))
    });
    let alone = touched
        .iter()
        .filter(|name| components.contains_key(*name) && of(name).is_none());
    (groups, alone.cloned().collect())
}

fn group(
    (role, environment): (String, String),
    names: &[String],
    all_touched: &BTreeSet<&str>,
    wellness: &BTreeMap<&str, Wellness>,
) -> Group {
    let count = |of: &dyn Fn(&String) -> bool| {
        let wellness = |name: &&String| wellness.get(name.as_str()).copied();
        let those = || names.iter().filter(|name| of(name));
        Left {
            surely: those()
                .filter(|n| wellness(n) == Some(Wellness::Serving))
                .count(),
            at_most: those()
                .filter(|n| wellness(n) != Some(Wellness::Out))
                .count(),
        }
    };
    let touched: Vec<String> = names
        .iter()
        .filter(|n| all_touched.contains(n.as_str()))
        .cloned()
        .collect();
    let now = count(&|_| true);
    let rest = count(&|name| !all_touched.contains(name.as_str()));
    let is_one_at_a_time = !touched.is_empty() && rest.at_most == 0;
    let left = if is_one_at_a_time {
        Left {
            surely: now.surely.saturating_sub(1),
            at_most: now.at_most.saturating_sub(1),
        }
    } else {
        rest
    };
    Group {
        role,
        environment,
        total: names.len(),
        touched,
        is_one_at_a_time,
        now,
        left,
        standing: left.standing(),
    }
}
