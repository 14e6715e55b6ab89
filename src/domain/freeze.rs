//! Freezes: times in which nothing is to be changed, and which work they are about.
//!
//! They come from the configuration and are pinned at the start of a session. Whether one is about the work depends on
//! what a CMDB says of the components; what nobody knows counts as yes.

use crate::domain::board::Board;
use crate::domain::fact::Genesis;
use crate::domain::id::FreezeId;
use crate::domain::reading::Component;
use crate::domain::runbook::plan::Plan;
use crate::domain::selector::{Selector, is_selector};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::touched;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Freezes of one configuration: a year of closings, sales and holidays, ten times over. A later one is left out by nobody
/// in silence: the configuration is refused.
pub const FREEZES_MAX: usize = 200;
/// Entries of one list of a freeze.
pub const FREEZE_SCOPE_MAX: usize = 100;

/// A time in which nothing is to be changed. Frozen with the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// What people and motions call it.
    pub id: FreezeId,
    /// First moment.
    pub start: Timestamp,
    /// First moment after it.
    pub end: Timestamp,
    /// Why; shown wherever it stops something.
    pub reason: String,
    /// Components it is about, by name or selector; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// Components it is not about, by name or selector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

impl Freeze {
    /// True while it is on.
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.start <= now && now < self.end
    }
}

/// Whether a freeze is about the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nobody knows, which counts as yes.
    Unknown {
        /// What is not known: a component, or a selector of the plan.
        what: String,
    },
}

/// Whether a component is meant by a list; absent when nobody knows.
fn is_meant(entries: &[String], name: &str, known: Option<&Component>) -> Option<bool> {
    let mut unknown = false;
    for entry in entries {
        if !is_selector(entry) {
            if entry == name {
                return Some(true);
            }
            continue;
        }
        match (Selector::parse(entry), known) {
            (Ok(selector), Some(component)) if selector.matches(component) => return Some(true),
            (Ok(_), Some(_)) => {}
            (Ok(_), None) | (Err(_), _) => unknown = true,
        }
    }
    (!unknown).then_some(false)
}

/// Whether a freeze is about what a plan touches, by what a CMDB says now.
pub fn applies(freeze: &Freeze, plan: &Plan, components: &BTreeMap<String, Component>) -> Applies {
    if freeze.components.is_empty() && freeze.except.is_empty() {
        return Applies::Yes;
    }
    let names = touched::names(plan, components);
    let mut unknown = touched::unmatched(plan, components).into_iter().next();
    if names.is_empty() && unknown.is_none() {
        unknown = Some("the runbook names no component".to_owned());
    }
    for name in names {
        let known = components.get(&name);
        let is_in = if freeze.components.is_empty() {
            Some(true)
        } else {
            is_meant(&freeze.components, &name, known)
        };
        match (is_in, is_meant(&freeze.except, &name, known)) {
            (Some(true), Some(false)) => return Applies::Yes,
            (Some(false), _) | (_, Some(true)) => {}
            (None, _) | (_, None) => unknown = unknown.or(Some(name)),
        }
    }
    unknown.map_or(Applies::No, |what| Applies::Unknown { what })
}

/// Whether a CMDB is asked at all: names alone say the same whatever one tells.
fn asks(freeze: &Freeze, plan: &Plan) -> bool {
    let lists = [&freeze.components, &freeze.except, &plan.components];
    let mut entries = lists.into_iter().flatten();
    entries.any(|entry| is_selector(entry))
}

/// Whether each freeze of a session is about its work.
pub fn standing(genesis: &Genesis, board: &Board) -> BTreeMap<FreezeId, Applies> {
    let plan = &genesis.plan;
    let of = |freeze: &Freeze| {
        let applies = match (
            applies(freeze, plan, &board.components),
            board.silent_catalog(),
        ) {
            // What it has not told could be what the freeze is about.
            (Applies::No, Some(source)) if asks(freeze, plan) => Applies::Unknown {
                what: format!("`{source}` has not told of its components yet"),
            },
            (applies, _) => applies,
        };
        (freeze.id.clone(), applies)
    };
    genesis.freezes.iter().map(of).collect()
}

/// The freeze that stands in the way now, if any; one that two people have agreed to work in spite of does not. A freeze
/// nobody has looked at applies.
pub fn in_force<'a>(
    state: &'a State,
    standing: &BTreeMap<FreezeId, Applies>,
    now: Timestamp,
) -> Option<&'a Freeze> {
    state.genesis.freezes.iter().find(|freeze| {
        freeze.is_on(now)
            && standing.get(&freeze.id) != Some(&Applies::No)
            && !state.is_overridden(&freeze.id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::plan;

    fn freeze(components: &[&str], except: &[&str]) -> Freeze {
        let list = |entries: &[&str]| entries.iter().map(|e| (*e).to_owned()).collect();
        Freeze {
            id: FreezeId::new("sale").expect("an id"),
            start: Timestamp::from_millis(0),
            end: Timestamp::from_millis(1),
            reason: "the sale".to_owned(),
            components: list(components),
            except: list(except),
        }
    }

    #[test]
    fn while_a_cmdb_is_silent_a_freeze_it_could_place_may_be_about_the_work() {
        use crate::domain::fixture::genesis;
        use crate::domain::id::ConnectorName;
        let name = |text: &str| ConnectorName::new(text).expect("a name");
        let web = Component {
            name: "web-1".to_owned(),
            role: "web".to_owned(),
            ..Component::default()
        };
        let mut board = Board {
            catalogs: [name("netbox"), name("parts")].into(),
            ..Board::default()
        };
        board.components.take(name("parts"), vec![web]);
        let unknown = Applies::Unknown {
            what: "`netbox` has not told of its components yet".to_owned(),
        };
        // Touched, components of the freeze, while `netbox` is silent, and after it has told.
        for (touched, scope, silent, told) in [
            ("role=web", "db-1", unknown.clone(), Applies::Yes),
            ("web-1", "tier=1", unknown, Applies::No),
            ("web-1", "db-1", Applies::No, Applies::No),
            ("web-1", "role=web", Applies::Yes, Applies::Yes),
        ] {
            let mut plan = plan();
            plan.components = vec![touched.to_owned()];
            let mut genesis = genesis(plan);
            genesis.freezes = vec![freeze(&[scope], &[])];
            let applies = |board: &Board| standing(&genesis, board).into_values().next();
            assert_eq!(applies(&board), Some(silent), "{touched} {scope}");
            let mut board = board.clone();
            let db = Component {
                name: "db-1".to_owned(),
                role: "web".to_owned(),
                ..Component::default()
            };
            board.components.take(name("netbox"), vec![db]);
            assert_eq!(applies(&board), Some(told), "{touched} {scope}");
        }
    }

    #[test]
    fn a_freeze_is_about_what_it_names_and_about_what_nobody_knows() {
        let known = [("db-1", "1"), ("lab-1", "3")].map(|(name, tier)| {
            let component = Component {
                name: name.to_owned(),
                tier: tier.to_owned(),
                ..Component::default()
            };
            (name.to_owned(), component)
        });
        let known: BTreeMap<String, Component> = known.into();
        let unknown = |what: &str| Applies::Unknown {
            what: what.to_owned(),
        };
        let cases = [
            // Everything, whatever the work is about.
            (vec![], vec![], vec![], Applies::Yes),
            (vec!["db-1"], vec![], vec!["lab-1"], Applies::Yes),
            (vec!["lab-1"], vec![], vec!["lab-1"], Applies::No),
            (vec!["lab-1", "db-1"], vec![], vec!["lab-1"], Applies::Yes),
            (vec!["db-1"], vec!["tier=1"], vec![], Applies::Yes),
            (vec!["lab-1"], vec!["tier=1"], vec![], Applies::No),
            (vec!["db-1"], vec!["tier=1"], vec!["db-1"], Applies::No),
            (vec!["web-9"], vec!["tier=1"], vec![], unknown("web-9")),
            (vec!["web-9"], vec!["web-8"], vec![], Applies::No),
            (
                vec!["role=web"],
                vec!["tier=1"],
                vec![],
                unknown("role=web"),
            ),
            (
                vec![],
                vec!["tier=1"],
                vec![],
                unknown("the runbook names no component"),
            ),
        ];
        for (touched, components, except, expected) in cases {
            let mut plan = plan();
            plan.components = touched.iter().map(|name| (*name).to_owned()).collect();
            let freeze = freeze(&components, &except);
            assert_eq!(
                applies(&freeze, &plan, &known),
                expected,
                "{touched:?} {freeze:?}"
            );
        }
    }
}
