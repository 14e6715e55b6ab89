//! How each component does now, by what has been said of it: alerts, targets, rules, and the CMDB's status.

use super::Given;
use crate::domain::alert_match;
use crate::domain::reading::{AlertState, Liveness};
use crate::domain::threshold::Verdict;
use serde::Serialize;
use std::collections::BTreeMap;

/// Alerts and rules named for one component.
const NAMED_MAX: usize = 4;

/// Words of CMDBs for something that serves. Lower case.
const IN_SERVICE: [&str; 8] = [
    "",
    "active",
    "in use",
    "in_use",
    "installed",
    "operational",
    "production",
    "live",
];

/// Words of CMDBs for something that does not. Lower case; any other word says nothing either way.
const OUT_OF_SERVICE: [&str; 14] = [
    "planned",
    "staged",
    "inventory",
    "offline",
    "failed",
    "maintenance",
    "in maintenance",
    "repair",
    "decommissioning",
    "decommissioned",
    "retired",
    "absent",
    "stock",
    "disposed",
];

/// How a component does, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wellness {
    /// Its metrics say that it is up, and nothing says otherwise.
    Serving,
    /// No alert fires for it, and nothing says that it is up.
    Quiet,
    /// Nobody says anything.
    Unknown,
    /// An alert fires, a target is down, or a rule fails.
    Impaired,
    /// The CMDB says that it does not serve.
    Out,
}

impl Wellness {
    /// The word on screens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "up",
            Self::Quiet => "quiet",
            Self::Unknown => "unknown",
            Self::Impaired => "IMPAIRED",
            Self::Out => "OUT",
        }
    }
}

/// What is said of a component now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Live {
    /// All of it in one word.
    pub wellness: Wellness,
    /// The CMDB's status, or empty.
    pub status: String,
    /// Names of alerts that fire for it, at most [`NAMED_MAX`].
    pub firing: Vec<String>,
    /// Targets that are up, and all that are its own.
    pub targets: (usize, usize),
    /// Rules about it that do not pass: `lag FAIL`; at most [`NAMED_MAX`].
    pub rules: Vec<String>,
}

impl Live {
    /// True where the CMDB says that it serves, or says nothing.
    pub fn is_in_service(&self) -> bool {
        IN_SERVICE.contains(&self.status.trim().to_lowercase().as_str())
    }
}

/// What is said of each of these, in their order.
pub(super) fn all(given: &Given<'_>, names: &[String]) -> Vec<Live> {
    let board = given.board;
    let is_live = |source: &_| {
        let health = board.health.get(source);
        health.is_none_or(|health| health.liveness == Liveness::Live)
    };
    let mut lives: Vec<Seen> = names.iter().map(|_| Seen::default()).collect();
    // A group may be a whole CMDB, and so may what is watched: each is found at once.
    let places: BTreeMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
    let place = |name: &str| places.get(name).copied();
    let alerts = alert_match::touched(&board.alerts, &board.components, names, &[]);
    for found in alerts {
        let is_firing = found.alert.state == AlertState::Firing;
        if let Some(seen) = place(&found.component).and_then(|at| lives.get_mut(at))
            && is_firing
            && !seen.firing.contains(&found.alert.name)
        {
            seen.firing.push(found.alert.name.clone());
        }
    }
    let targets: Vec<_> = board
        .targets
        .iter()
        .filter(|(source, _)| is_live(source))
        .flat_map(|(_, targets)| targets)
        .collect();
    let labels = targets.iter().map(|target| target.labels.as_slice());
    let owners = alert_match::components_by_labels(labels, &board.components, names);
    for (target, owners) in targets.iter().zip(owners) {
        for owner in owners {
            if let Some(seen) = place(owner).and_then(|at| lives.get_mut(at)) {
                seen.targets.push(target.is_up);
            }
        }
    }
    rules(given, names, &mut lives);
    // An alerting system that is silent because it is gone says nothing.
    let has_alerting = board.alerts.keys().any(is_live);
    names
        .iter()
        .zip(lives)
        .map(|(name, seen)| {
            let status = board.components.get(name).map(|c| c.status.clone());
            seen.judged(status.unwrap_or_default(), has_alerting)
        })
        .collect()
}

/// A rule speaks for a component when its series are about that component alone, or when the sample that decided is.
fn rules(given: &Given<'_>, names: &[String], lives: &mut [Seen]) {
    for (rule, metric) in &given.board.metrics {
        let Some(said) = given.rules.get(rule) else {
            continue;
        };
        let labels = metric.tracks.iter().map(|track| track.labels.as_slice());
        let owners = alert_match::components_by_labels(labels, &given.board.components, names);
        let mut about: Vec<&str> = owners.into_iter().flatten().collect();
        about.sort_unstable();
        about.dedup();
        let is_one = about.len() == 1;
        let quoted = |name: &str| {
            let quote = said.quote.as_ref();
            quote.is_some_and(|quote| {
                quote
                    .series
                    .split('"')
                    .any(|value| alert_match::is_host_of(value, name))
            })
        };
        for name in about {
            let at = names.iter().position(|other| other == name);
            let Some(seen) = at.and_then(|at| lives.get_mut(at)) else {
                continue;
            };
            match said.verdict {
                Verdict::Pass => seen.passes = true,
                _ if !(is_one || quoted(name)) => {}
                Verdict::Warn => seen.rules.push(format!("{rule} warn")),
                Verdict::Unknown(_) => seen.rules.push(format!("{rule} unknown")),
                Verdict::Fail => {
                    seen.fails = true;
                    seen.rules.push(format!("{rule} FAIL"));
                }
            }
        }
    }
}

/// What was found of one component.
#[derive(Debug, Default)]
struct Seen {
    firing: Vec<String>,
    targets: Vec<Option<bool>>,
    rules: Vec<String>,
    passes: bool,
    fails: bool,
}

impl Seen {
    fn judged(mut self, status: String, has_alerting: bool) -> Live {
        let word = status.trim().to_lowercase();
        let is_up = self.targets.contains(&Some(true));
        let is_down = self.targets.contains(&Some(false));
        let wellness = if OUT_OF_SERVICE.contains(&word.as_str()) {
            Wellness::Out
        } else if !self.firing.is_empty() || is_down || self.fails {
            Wellness::Impaired
        } else if !IN_SERVICE.contains(&word.as_str()) {
            Wellness::Unknown
        } else if is_up || self.passes {
            Wellness::Serving
        } else if has_alerting {
            Wellness::Quiet
        } else {
            Wellness::Unknown
        };
        self.firing.truncate(NAMED_MAX);
        self.rules.truncate(NAMED_MAX);
        let up = self.targets.iter().filter(|up| **up == Some(true)).count();
        Live {
            wellness,
            status,
            firing: self.firing,
            targets: (up, self.targets.len()),
            rules: self.rules,
        }
    }
}
