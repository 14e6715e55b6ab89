//! Blast radius: what stands and falls with the touched components, how it does now, what is one failure from dark, who
//! else on this host touches the same, and whether the people's own way in lies inside.
//!
//! Everything is taken from what the CMDBs, metrics, alerting systems and pagers have said. What nobody says is
//! *unknown*, and stays so: a component without an alert is quiet, not well.

mod group;
mod live;
mod moved;
mod others;
mod post;
mod words;

pub use group::{Group, Left, Standing};
pub use live::{Live, Wellness};
pub use moved::is_moved_by;
pub use others::Overlap;
pub use post::{Place, Post, Posted, known_by};
pub use words::{Line, Tone, Word};

use crate::domain::board::Board;
use crate::domain::catalog::DEPENDANTS_MAX;
use crate::domain::id::RuleId;
use crate::domain::on_call;
use crate::domain::reading::{Component, Liveness, OnCall};
use crate::domain::runbook::plan::Plan;
use crate::domain::scope::Claim;
use crate::domain::state::RuleState;
use crate::domain::touched;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Depth where nobody names one: what needs the touched component, and what needs that.
pub const DEPTH_DEFAULT: u8 = 2;

/// Greatest depth: beyond it nearly everything hangs on everything, and no list of it is read.
pub const DEPTH_MAX: u8 = 8;

/// People named for one component: those of the first escalation levels.
const ON_CALL_MAX: usize = 3;

/// Other sessions that are told of: more than people can call.
const CLAIMS_MAX: usize = 32;

/// Names of another session's scope that are told of as they are.
const NAMES_MAX: usize = 200;

/// What a radius is worked out from.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What the work touches.
    pub plan: &'a Plan,
    /// What is known now.
    pub board: &'a Board,
    /// What the rules say now; empty before there is a session.
    pub rules: &'a BTreeMap<RuleId, RuleState>,
    /// How many steps of dependency are followed where the runbook names no number, up to [`DEPTH_MAX`].
    pub depth: u8,
    /// What people need to keep watching and acting.
    pub posts: &'a [Post],
    /// What other sessions of this host say, or why nobody knows.
    pub others: &'a Result<Vec<Claim>, String>,
}

/// A component in the radius.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// 0 is touched itself, 1 needs that, and so on.
    pub distance: u8,
    /// What in the radius it needs, one step nearer; empty for what is touched.
    pub needs: Vec<String>,
    /// False when no CMDB knows it.
    pub is_known: bool,
    /// Service tier, or empty.
    pub tier: String,
    /// Team or person, or empty.
    pub owner: String,
    /// Who is on call for it now, by level; empty means nobody is known.
    pub on_call: Vec<String>,
    /// How it does.
    pub live: Live,
}

/// The blast radius of a maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Radius {
    /// Steps of dependency that were followed.
    pub depth: u8,
    /// Touched components first, then what needs them, nearest first and then by name.
    pub members: Vec<Member>,
    /// Some were left out: more than [`DEPENDANTS_MAX`] need one of the touched.
    pub is_cut: bool,
    /// How many were left out: all within the depth, and none nearer than those that are not.
    pub left_out: usize,
    /// Components that need something in it, one step beyond the depth.
    pub beyond: usize,
    /// Groups with a member in it, the most endangered first.
    pub groups: Vec<Group>,
    /// Touched components without a role: nobody knows what could stand in for them.
    pub alone: Vec<String>,
    /// What people need, and where it lies.
    pub posts: Vec<Posted>,
    /// Other sessions of this host that touch the same, or something in reach.
    pub overlaps: Vec<Overlap>,
    /// Why all of this may be less than there is, one sentence each.
    pub doubts: Vec<String>,
}

/// Who needs a component, by its name.
pub(super) type NeededBy<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Works the radius out.
pub fn of(given: &Given<'_>) -> Radius {
    let components: &BTreeMap<String, Component> = &given.board.components;
    let depth = given.plan.radius_depth.unwrap_or(given.depth);
    let depth = depth.clamp(1, DEPTH_MAX);
    let touched = touched::names(given.plan, components);
    let needed_by = needed_by(components);
    let reach = reach(&needed_by, &touched, depth);
    let names: Vec<String> = reach
        .found
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let lives = live::all(given, &names);
    let on_calls: Vec<&OnCall> = given.board.on_calls.values().flatten().collect();
    // Also of those that are left out: another session at one of them is told of.
    let distances = reach.distances();
    let members = reach
        .found
        .iter()
        .zip(lives)
        .map(|((name, distance), live)| {
            let component = components.get(*name);
            let text =
                |of: fn(&Component) -> &String| component.map(of).cloned().unwrap_or_default();
            let nearer = |needed: &&String| {
                let place = distances.get(needed.as_str());
                *distance > 0 && place.is_some_and(|place| place.saturating_add(1) == *distance)
            };
            let needs = component.map(|c| c.depends_on.iter().filter(nearer).cloned().collect());
            Member {
                name: (*name).to_owned(),
                distance: *distance,
                needs: needs.unwrap_or_default(),
                is_known: component.is_some(),
                tier: text(|c| &c.tier),
                owner: text(|c| &c.owner),
                on_call: component.map_or_else(Vec::new, |c| answering(c, &on_calls)),
                live,
            }
        })
        .collect::<Vec<_>>();
    let (groups, alone) = group::all(given, &members, &touched);
    let left_out = reach.rest.len();
    Radius {
        posts: post::all(given, &touched, &needed_by),
        overlaps: others::all(given.others, &touched, &distances, &needed_by, depth),
        doubts: doubts(given, &touched),
        depth,
        is_cut: left_out > 0,
        left_out,
        beyond: reach.beyond,
        members,
        groups,
        alone,
    }
}

/// Of what other sessions say, what concerns this one, at most [`CLAIMS_MAX`]: the part that travels to terminals. Long
/// scopes are cut to what lies in the radius.
pub fn concerning(
    plan: &Plan,
    components: &BTreeMap<String, Component>,
    depth: u8,
    claims: &[Claim],
) -> Vec<Claim> {
    let depth = plan.radius_depth.unwrap_or(depth).clamp(1, DEPTH_MAX);
    let touched = touched::names(plan, components);
    let needed_by = needed_by(components);
    let distances = reach(&needed_by, &touched, depth).distances();
    let concerns =
        |claim: &&Claim| others::overlap(claim, &touched, &distances, &needed_by, depth).is_some();
    let mut found: Vec<Claim> = claims
        .iter()
        .filter(concerns)
        .take(CLAIMS_MAX)
        .cloned()
        .collect();
    for claim in &mut found {
        if claim.scope.names.len() > NAMES_MAX {
            claim.scope.names.retain(|name| {
                others::component_of(name.as_str()).is_some_and(|name| distances.contains_key(name))
            });
        }
    }
    found
}

fn needed_by(components: &BTreeMap<String, Component>) -> NeededBy<'_> {
    let mut needed_by = NeededBy::new();
    for component in components.values() {
        for needed in &component.depends_on {
            let by = needed_by.entry(needed.as_str()).or_default();
            by.insert(component.name.as_str());
        }
    }
    needed_by
}

/// How far something reaches.
struct Reach<'a> {
    /// Each once with its distance, nearest first and then by name: what is touched, and at most [`DEPENDANTS_MAX`] more.
    found: Vec<(&'a str, u8)>,
    /// Those within the depth for which there was no room.
    rest: Vec<(&'a str, u8)>,
    /// How many need something in it, one step beyond the depth.
    beyond: usize,
}

impl<'a> Reach<'a> {
    /// How far away each is, those without room too.
    fn distances(&self) -> BTreeMap<&'a str, u8> {
        self.found.iter().chain(&self.rest).copied().collect()
    }
}

/// Everything up to `depth` steps from any of these. Circles end where they close.
fn reach<'a>(needed_by: &NeededBy<'a>, from: &'a [String], depth: u8) -> Reach<'a> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut queue: VecDeque<(&str, u8)> = VecDeque::new();
    let mut found: Vec<(&'a str, u8)> = Vec::new();
    for name in from {
        if seen.insert(name) {
            queue.push_back((name, 0));
            found.push((name, 0));
        }
    }
    let room = DEPENDANTS_MAX.saturating_add(found.len());
    let mut beyond = BTreeSet::new();
    while let Some((at, distance)) = queue.pop_front() {
        for further in needed_by.get(at).into_iter().flatten() {
            if seen.contains(further) {
                continue;
            }
            if distance >= depth {
                beyond.insert(*further);
            } else {
                seen.insert(further);
                let distance = distance.saturating_add(1);
                found.push((further, distance));
                queue.push_back((further, distance));
            }
        }
    }
    // What is touched keeps the order of the runbook.
    found.sort_by(|(a, near), (b, far)| {
        let by_name = if *near == 0 {
            std::cmp::Ordering::Equal
        } else {
            a.cmp(b)
        };
        near.cmp(far).then(by_name)
    });
    let rest = found.split_off(room.min(found.len()));
    Reach {
        found,
        rest,
        beyond: beyond.len(),
    }
}

/// Who is on call for a component: `mira (database)`.
fn answering(component: &Component, on_calls: &[&OnCall]) -> Vec<String> {
    let mut names = Vec::new();
    for found in on_call::for_component(component, on_calls) {
        let name = format!("{} ({})", found.on_call.person, found.on_call.rota);
        if names.len() < ON_CALL_MAX && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn doubts(given: &Given<'_>, touched: &[String]) -> Vec<String> {
    let mut doubts = Vec::new();
    let board = given.board;
    if touched.is_empty() {
        doubts.push(
            "the runbook names no component that is known: what it touches is not known".to_owned(),
        );
    }
    for selector in touched::unmatched(given.plan, &board.components) {
        doubts.push(format!(
            "`{selector}` fits no known component: what it means is not known"
        ));
    }
    if board.components.sources().next().is_none() {
        doubts.push(
            "no CMDB has said anything: what needs the touched components is not known".to_owned(),
        );
    }
    for name in touched {
        if !board.components.contains_key(name) {
            doubts.push(format!("no CMDB knows `{name}`"));
        }
    }
    let tells = |connector: &_| {
        let catalog = board.components.told_by(connector).is_some();
        catalog || board.alerts.contains_key(connector) || board.on_calls.contains_key(connector)
    };
    for health in board.health.values() {
        let word = match health.liveness {
            Liveness::Never => "has never answered",
            Liveness::Stale if tells(&health.connector) => {
                "has not answered lately: what it says is old"
            }
            Liveness::Stale | Liveness::Live => continue,
        };
        doubts.push(format!("{} `{}` {word}", health.system, health.connector));
    }
    if let Err(why) = given.others {
        doubts.push(format!("other sessions of this host are not known: {why}"));
    }
    doubts.truncate(DOUBTS_MAX);
    doubts
}

/// Doubts that are told: more than fit a screen would hide the first ones.
const DOUBTS_MAX: usize = 20;

impl Radius {
    /// Components that only need what is touched.
    pub fn dependants(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.distance > 0)
    }

    /// What people need that lies inside.
    pub fn inside(&self) -> impl Iterator<Item = &Posted> {
        self.posts.iter().filter(|post| post.place.is_inside())
    }
}

#[cfg(test)]
mod tests;
