//! Other sessions of this host: what they touch that is touched here, or that hangs together with it.

use super::{NeededBy, reach};
use crate::domain::scope::{Claim, Doing, who};
use crate::domain::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// How claims name components.
const COMPONENT: &str = "component ";

/// Another session that touches the same, or something in reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overlap {
    /// The session as typed.
    pub session: String,
    /// Components and locks that both touch.
    pub same: Vec<String>,
    /// What it touches that needs something touched here.
    pub they_need: Vec<String>,
    /// What is touched here that needs something it touches.
    pub we_need: Vec<String>,
    /// Why nobody knows all that it touches.
    pub unknown: Option<String>,
    /// `runs 2.1 drain db-1 (ann)`, or what else is known of it; empty where it has only begun.
    pub doing: String,
    /// When it began, or last did something.
    pub since: Option<Timestamp>,
}

pub(super) fn all(
    others: &Result<Vec<Claim>, String>,
    touched: &[String],
    distances: &BTreeMap<&str, u8>,
    needed_by: &NeededBy<'_>,
    depth: u8,
) -> Vec<Overlap> {
    let others = others.iter().flatten();
    let overlaps = others.filter_map(|claim| overlap(claim, touched, distances, needed_by, depth));
    let mut overlaps: Vec<Overlap> = overlaps.collect();
    overlaps.sort_by_key(|o| (o.same.is_empty(), o.session.clone()));
    overlaps
}

/// The component that a name of a scope is; nothing for a lock.
pub(super) fn component_of(name: &str) -> Option<&str> {
    name.strip_prefix(COMPONENT)
}

pub(super) fn overlap(
    claim: &Claim,
    touched: &[String],
    distances: &BTreeMap<&str, u8>,
    needed_by: &NeededBy<'_>,
    depth: u8,
) -> Option<Overlap> {
    let theirs: Vec<String> = claim
        .scope
        .names
        .iter()
        .filter_map(|name| component_of(name.as_str()))
        .map(str::to_owned)
        .collect();
    let (same, rest): (Vec<String>, Vec<String>) = theirs
        .iter()
        .cloned()
        .partition(|name| touched.contains(name));
    let needs = |name: &String| distances.get(name.as_str()).is_some_and(|d| *d > 0);
    let they_need: Vec<String> = rest.into_iter().filter(needs).collect();
    let beyond = reach(needed_by, &theirs, depth);
    let hit = |(name, distance): &&(&str, u8)| *distance > 0 && touched.iter().any(|t| t == name);
    let we_need: Vec<String> = beyond
        .found
        .iter()
        .chain(&beyond.rest)
        .filter(hit)
        .map(|(n, _)| (*n).to_owned())
        .collect();
    let unknown = claim.scope.unknown.clone().map(String::from);
    if same.is_empty() && they_need.is_empty() && we_need.is_empty() && unknown.is_none() {
        return None;
    }
    let deed = claim.now.as_ref();
    let doing = match deed {
        None => String::new(),
        Some(deed) => {
            let word = match deed.doing {
                Doing::Armed => "has armed",
                Doing::Running => "runs",
                Doing::Unknown => "does not know how it ended:",
            };
            format!("{word} {} ({})", deed.step, who(deed))
        }
    };
    let since = deed.map(|deed| deed.since).or(claim.begun);
    Some(Overlap {
        session: claim.session.to_string(),
        same,
        they_need,
        we_need,
        unknown,
        doing,
        since: since.or_else(|| claim.last.as_ref().map(|deed| deed.since)),
    })
}
