//! Which components a rollout is for, in which order and batch, and what is known of each.

use super::super::codes;
use super::super::diagnostic::{Diagnostic, Problems, quoted};
use super::super::limits::UNITS_MAX;
use super::super::model::{Block, Step};
use super::super::plan::{Side, Unit};
use super::super::settings::selector_fault;
use super::super::source::{Located, Mapped};
use super::super::template::{Names, unfit};
use super::Cmdb;
use super::settings::{Portion, RolloutSettings};
use crate::domain::catalog;
use crate::domain::reading::Component;
use crate::domain::selector::{Selector, is_selector};
use std::collections::{BTreeMap, BTreeSet};

/// What may be known of a unit, by the words that selectors use. `host` is the address without the length of its network:
/// what a connection is made to.
pub(in crate::domain::runbook) const ATTRIBUTES: [&str; 9] = [
    "host",
    "address",
    "environment",
    "kind",
    "owner",
    "role",
    "site",
    "status",
    "tier",
];

/// Stands for a unit while nobody has asked the CMDB.
const STAND_IN: &str = "component";

/// One unit with what its template may say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::domain::runbook) struct UnitNames {
    pub(in crate::domain::runbook) component: String,
    /// Nobody has asked: any attribute stands for itself.
    is_stand_in: bool,
    attributes: BTreeMap<&'static str, String>,
}

impl UnitNames {
    fn new(component: &str, cmdb: Cmdb<'_>) -> Self {
        let known = match cmdb {
            Cmdb::NotAsked => None,
            Cmdb::Known(components) => components.get(component),
        };
        Self {
            component: component.to_owned(),
            is_stand_in: matches!(cmdb, Cmdb::NotAsked),
            attributes: known.map(attributes).unwrap_or_default(),
        }
    }

    /// What is known under a name.
    ///
    /// # Errors
    /// Words for who reads the runbook.
    pub(in crate::domain::runbook) fn attribute(&self, name: &str) -> Result<&str, String> {
        let Some(name) = ATTRIBUTES.iter().find(|known| **known == name) else {
            return Err(format!("nothing is known of a unit as {}", quoted(name)));
        };
        match self.attributes.get(name) {
            Some(value) => match unfit(value) {
                None => Ok(value),
                Some(why) => Err(format!("`{name}` of {} {why}", quoted(&self.component))),
            },
            None if self.is_stand_in => Ok(name),
            None => Err(format!(
                "the CMDB says no `{name}` of {}",
                quoted(&self.component)
            )),
        }
    }
}

fn attributes(component: &Component) -> BTreeMap<&'static str, String> {
    let texts = catalog::texts(component).into_iter();
    let mut known: BTreeMap<&'static str, String> = texts
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| (name, value.trim().to_owned()))
        .collect();
    if let Some(address) = known.get("address") {
        let host = address
            .split_once('/')
            .map_or(address.as_str(), |(host, _)| host);
        known.insert("host", host.to_owned());
    }
    known
}

/// Whether a script reads the variable of an attribute, as a whole word.
pub(in crate::domain::runbook) fn reads(script: &str, attribute: &str) -> bool {
    let name = variable(attribute);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    script.match_indices(&name).any(|(at, _)| {
        let before = script.get(..at).and_then(|text| text.chars().next_back());
        let after = script.get(at.saturating_add(name.len())..);
        let after = after.and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// `unit_site`.
fn variable(attribute: &str) -> String {
    format!("unit_{attribute}")
}

/// The variables that the commands of a template read of one unit.
pub(super) fn variables(
    steps: &[&Step],
    unit: &UnitNames,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for exec in steps.iter().flat_map(|step| &step.blocks) {
        let Block::Exec(exec) = exec else { continue };
        for name in ATTRIBUTES {
            if !reads(exec.script.as_str(), name) {
                continue;
            }
            match unit.attribute(name) {
                Ok(value) => {
                    found.insert(variable(name), value.to_owned());
                }
                Err(why) => problems.push(
                    Diagnostic::error(codes::UNIT_VALUE, &exec.span, why).hint(format!(
                        "the script reads `{}`: add it to the CMDB, or leave the component out",
                        variable(name)
                    )),
                ),
            }
        }
    }
    found
}

/// Units in their order, and the components of the other side where there is one.
pub(super) struct Chosen {
    pub(super) units: Vec<(Unit, UnitNames)>,
    pub(super) live: Vec<String>,
}

/// Finds the units of a phase. Nothing where a problem has been reported.
pub(super) fn choose(
    settings: &RolloutSettings,
    names: &Names<'_>,
    cmdb: Cmdb<'_>,
    problems: &mut Problems,
) -> Option<Chosen> {
    let (worked, other) = match settings.idle {
        Some(Side::Blue) => (&settings.blue, &settings.green),
        Some(Side::Green) => (&settings.green, &settings.blue),
        None => (&settings.for_each, &Vec::new()),
    };
    let found = components(worked, names, cmdb, problems)?;
    let live = components(other, names, cmdb, problems);
    let live = if other.is_empty() { Vec::new() } else { live? };
    let is_asked = !matches!(cmdb, Cmdb::NotAsked);
    if let Some(both) = found.iter().find(|name| is_asked && live.contains(name)) {
        let what = format!("{} is on both sides", quoted(both));
        problems.push(
            Diagnostic::error(codes::SELECTION, &settings.span, what).hint(
                "a component takes traffic or it does not; make the selectors tell them apart",
            ),
        );
        return None;
    }
    let all = found.len();
    let canary = settings
        .canary
        .as_ref()
        .map_or(0, |portion| portion.value.of(all));
    let is_whole = found.iter().all(|name| name != STAND_IN);
    if canary >= all && is_whole {
        let span = settings.canary.as_ref().map_or(&settings.span, |p| &p.span);
        let what = format!("a canary of {canary} of {all} leaves no rest to be held against");
        problems.push(
            Diagnostic::error(codes::SELECTION, span, what)
                .hint("take fewer for the canary, or use the strategy `rolling`"),
        );
    }
    let batch = settings
        .batch
        .as_ref()
        .map_or(Portion::Count(1), |b| b.value);
    let units = found
        .iter()
        .zip(batches(all, canary, batch.of(all)))
        .map(|(component, (batch, canary))| {
            let unit = Unit {
                component: component.clone(),
                batch,
                canary,
                env: BTreeMap::new(),
            };
            (unit, UnitNames::new(component, cmdb))
        })
        .collect();
    Some(Chosen { units, live })
}

/// Batch of each unit, from 1, and whether it is of the canary, which is a batch of its own.
pub(super) fn batches(all: usize, canary: usize, size: usize) -> impl Iterator<Item = (u32, bool)> {
    let first = usize::from(canary > 0);
    (0..all).map(move |place| {
        let is_canary = place < canary;
        let batch = if is_canary {
            1
        } else {
            let place = place.saturating_sub(canary);
            let batch = place.checked_div(size).unwrap_or(place);
            batch.saturating_add(first).saturating_add(1)
        };
        (u32::try_from(batch).unwrap_or(u32::MAX), is_canary)
    })
}

/// Components that names and selectors stand for, each once, in the order of the list; those of a selector by name.
fn components(
    targets: &[Located<String>],
    names: &Names<'_>,
    cmdb: Cmdb<'_>,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut is_good = !targets.is_empty();
    for target in targets {
        let text = names.fill(&Mapped::at(&target.value, target.span.clone()), problems);
        let filled = Located::new(text, target.span.clone());
        let components = match one(&filled, cmdb) {
            Ok(components) => components,
            Err(problem) => {
                problems.push(problem);
                is_good = false;
                continue;
            }
        };
        let is_list = !is_selector(&filled.value);
        for name in components {
            if seen.insert(name.clone()) {
                found.push(name);
            } else if is_list {
                let what = format!("{} is in the list twice", quoted(&name));
                problems.push(
                    Diagnostic::error(codes::SELECTION, &filled.span, what)
                        .hint("its steps would be done twice; keep one of them"),
                );
                is_good = false;
            }
        }
    }
    if found.len() > UNITS_MAX {
        let span = targets.first().map_or(0..0, |target| target.span.clone());
        let what = format!(
            "{} components, and a rollout has at most {UNITS_MAX} units",
            found.len()
        );
        problems.push(
            Diagnostic::error(codes::TOO_MANY_UNITS, &span, what)
                .hint("make the selector narrower, or several phases of it"),
        );
        is_good = false;
    }
    is_good.then_some(found)
}

fn one(target: &Located<String>, cmdb: Cmdb<'_>) -> Result<Vec<String>, Diagnostic> {
    let text = &target.value;
    if !is_selector(text) {
        return match unfit(text) {
            None => Ok(vec![text.clone()]),
            Some(why) => Err(Diagnostic::error(
                codes::SELECTION,
                &target.span,
                format!("the name of a component {why}"),
            )
            .hint("write it as the CMDB has it")),
        };
    }
    let selector = Selector::parse(text).map_err(|error| selector_fault(target, &error))?;
    let Cmdb::Known(components) = cmdb else {
        return Ok(vec![STAND_IN.to_owned()]);
    };
    let found: Vec<String> = components
        .values()
        .filter(|component| selector.matches(component))
        .map(|component| component.name.clone())
        .collect();
    let bad = found.iter().find_map(|name| Some((name, unfit(name)?)));
    let (what, hint) = if found.is_empty() {
        let what = format!(
            "{} fits none of the {} components the CMDB knows",
            quoted(text),
            components.len()
        );
        (
            what,
            "these steps would be done to nothing; look at the selector, or name the components in a list",
        )
    } else if let Some((name, why)) = bad {
        let what = format!("the name {} of a component {why}", quoted(name));
        (what, "rename it in the CMDB, or leave it out by `name!=`")
    } else {
        return Ok(found);
    };
    Err(Diagnostic::error(codes::SELECTION, &target.span, what).hint(hint))
}
