//! The catalog: what every CMDB says of the components, side by side and merged into one view.
//!
//! Sources are taken in the order of their names in the configuration: the first that says something of a field is
//! what the merged view shows. Nothing is hidden by that: [`facts`] names every source, its age, and where two differ.

use crate::domain::board::Board;
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Component, Link};
use crate::domain::time::Moment;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Deref;

/// Dependants found at most: a screen shows a tenth of it, and whoever breaks more need not count them.
pub const DEPENDANTS_MAX: usize = 500;

/// Components of every source, and the merged view of them.
///
/// Reads like a map of the merged components by name. Only what the sources said travels; the view is made anew.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    told: BTreeMap<ConnectorName, BTreeMap<String, Component>>,
    merged: BTreeMap<String, Component>,
}

impl Deref for Catalog {
    type Target = BTreeMap<String, Component>;

    fn deref(&self) -> &Self::Target {
        &self.merged
    }
}

impl Serialize for Catalog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let lists: BTreeMap<_, Vec<&Component>> = self
            .told
            .iter()
            .map(|(source, components)| (source, components.values().collect()))
            .collect();
        lists.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Catalog {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lists = BTreeMap::<ConnectorName, Vec<Component>>::deserialize(deserializer)?;
        let mut catalog = Self::default();
        for (source, components) in lists {
            catalog.take(source, components);
        }
        Ok(catalog)
    }
}

impl Catalog {
    /// Takes all that a source says now. What no source tells any more is gone.
    pub fn take(&mut self, source: ConnectorName, components: Vec<Component>) {
        let components: BTreeMap<String, Component> = components
            .into_iter()
            .map(|component| (component.name.clone(), component))
            .collect();
        let mut changed: BTreeSet<String> = components.keys().cloned().collect();
        if let Some(before) = self.told.insert(source, components) {
            changed.extend(before.into_keys());
        }
        for name in changed {
            match merged(self.said_of(&name).map(|(_, component)| component)) {
                Some(component) => self.merged.insert(name, component),
                None => self.merged.remove(&name),
            };
        }
    }

    /// What each source says of one component, sources in their order.
    pub fn said_of<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a ConnectorName, &'a Component)> {
        self.told
            .iter()
            .filter_map(move |(source, components)| Some((source, components.get(name)?)))
    }

    /// Everything that one source says, by name; absent when it has said nothing yet.
    pub fn told_by(&self, source: &ConnectorName) -> Option<&BTreeMap<String, Component>> {
        self.told.get(source)
    }

    /// Sources that have told of components, even of none.
    pub fn sources(&self) -> impl Iterator<Item = &ConnectorName> {
        self.told.keys()
    }
}

/// Texts that a component has one of each.
const TEXTS: usize = 8;

/// The single texts of a component, by the words that selectors use for them.
pub(super) const fn texts(component: &Component) -> [(&'static str, &String); TEXTS] {
    [
        ("kind", &component.kind),
        ("role", &component.role),
        ("owner", &component.owner),
        ("tier", &component.tier),
        ("environment", &component.environment),
        ("site", &component.site),
        ("status", &component.status),
        ("address", &component.address),
    ]
}

fn merged<'a>(said: impl Iterator<Item = &'a Component>) -> Option<Component> {
    let mut said = said.cloned();
    let mut whole = said.next()?;
    for further in said {
        unite(&mut whole, further);
    }
    Some(whole)
}

/// Fills in what is empty, and adds what is not there yet to the lists.
fn unite(whole: &mut Component, further: Component) {
    let Component {
        name: _,
        kind,
        role,
        owner,
        tier,
        environment,
        site,
        status,
        address,
        tags,
        links,
        fields,
        depends_on,
    } = further;
    let pairs = [
        (&mut whole.kind, kind),
        (&mut whole.role, role),
        (&mut whole.owner, owner),
        (&mut whole.tier, tier),
        (&mut whole.environment, environment),
        (&mut whole.site, site),
        (&mut whole.status, status),
        (&mut whole.address, address),
    ];
    for (known, new) in pairs {
        if known.is_empty() {
            *known = new;
        }
    }
    add(&mut whole.tags, tags, |known, tag| known == tag);
    whole.tags.sort();
    add(&mut whole.links, links, |known: &Link, link| {
        known.url == link.url
    });
    add(&mut whole.fields, fields, |known, field| known.0 == field.0);
    whole.fields.sort();
    add(&mut whole.depends_on, depends_on, |known, name| {
        known == name
    });
}

fn add<T>(known: &mut Vec<T>, further: Vec<T>, is_same: impl Fn(&T, &T) -> bool) {
    for item in further {
        if !known.iter().any(|other| is_same(other, &item)) {
            known.push(item);
        }
    }
}

/// One thing that one source says of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentFact {
    /// `owner`, `tag`, `link`, `depends_on`, or `field.NAME`.
    pub field: String,
    /// What it says there.
    pub value: String,
    /// Who says so.
    pub source: ConnectorName,
    /// When that source last answered well: what the age is counted from. Absent when it has not since the session began.
    pub told: Option<Moment>,
    /// Another source says something else in the same field. Lists are united, so nothing in them differs.
    pub differs: bool,
}

/// Everything that is said of a component: fields in their usual order, sources in theirs. Empty for unknown ones.
pub fn facts(board: &Board, name: &str) -> Vec<ComponentFact> {
    let mut facts = Vec::new();
    for (source, component) in board.components.said_of(name) {
        let told = board.health.get(source).and_then(|health| health.last_good);
        let fact = |(place, field, value): (usize, String, String)| {
            let fact = ComponentFact {
                field,
                value,
                source: source.clone(),
                told,
                differs: false,
            };
            (place, fact)
        };
        facts.extend(said(component).into_iter().map(fact));
    }
    facts.sort_by(|(place, a), (other, b)| (place, &a.field).cmp(&(other, &b.field)));
    let mut facts: Vec<ComponentFact> = facts.into_iter().map(|(_, fact)| fact).collect();
    let values = facts.iter().fold(
        BTreeMap::<String, BTreeSet<String>>::new(),
        |mut values, fact| {
            let of_field = values.entry(fact.field.clone()).or_default();
            of_field.insert(fact.value.clone());
            values
        },
    );
    for fact in &mut facts {
        let is_list = matches!(fact.field.as_str(), "tag" | "link" | "depends_on");
        fact.differs = !is_list && values.get(&fact.field).is_some_and(|all| all.len() > 1);
    }
    facts
}

/// What a component says: place of the field, its word, its value.
fn said(component: &Component) -> Vec<(usize, String, String)> {
    let texts = texts(component).into_iter().enumerate();
    let mut said: Vec<_> = texts
        .filter(|(_, (_, value))| !value.is_empty())
        .map(|(place, (field, value))| (place, field.to_owned(), value.clone()))
        .collect();
    // After every text, whatever is empty of them.
    let last = TEXTS;
    let lists = [
        ("depends_on", &component.depends_on),
        ("tag", &component.tags),
    ];
    for (field, values) in lists {
        said.extend(
            values
                .iter()
                .map(|value| (last, field.to_owned(), value.clone())),
        );
    }
    said.extend(
        component
            .links
            .iter()
            .map(|link| (last, "link".to_owned(), link.url.clone())),
    );
    said.extend(component.fields.iter().map(|(field, value)| {
        let field = format!("field.{field}");
        (last.saturating_add(1), field, value.clone())
    }));
    said
}

/// Something that needs a component, directly or through others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependant {
    /// 1 needs it itself, 2 needs what needs it.
    pub distance: usize,
    /// Its name.
    pub name: String,
}

/// What needs a component, nearest first and then by name, up to `depth` steps away and at most [`DEPENDANTS_MAX`].
///
/// Circles end where they close; the component itself is never among its dependants. Also those of components that no
/// CMDB knows are found, by the name that others need.
pub fn dependants(
    components: &BTreeMap<String, Component>,
    name: &str,
    depth: usize,
) -> Vec<Dependant> {
    let mut needed_by: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for component in components.values() {
        for needed in &component.depends_on {
            needed_by
                .entry(needed.as_str())
                .or_default()
                .insert(component.name.as_str());
        }
    }
    let mut seen = BTreeSet::from([name]);
    let mut queue = VecDeque::from([(name, 0_usize)]);
    let mut found = Vec::new();
    while let Some((at, distance)) = queue.pop_front() {
        if distance >= depth {
            break;
        }
        for further in needed_by.get(at).into_iter().flatten() {
            if found.len() >= DEPENDANTS_MAX {
                break;
            }
            if seen.insert(further) {
                let distance = distance.saturating_add(1);
                found.push(Dependant {
                    distance,
                    name: (*further).to_owned(),
                });
                queue.push_back((further, distance));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reading::{ConnectorHealth, Liveness, Reading};
    use crate::domain::time::Timestamp;
    use std::time::Duration;

    fn source(name: &str) -> ConnectorName {
        ConnectorName::new(name).expect("valid")
    }

    fn named(name: &str) -> Component {
        Component {
            name: name.to_owned(),
            ..Component::default()
        }
    }

    fn needing(name: &str, needs: &[&str]) -> Component {
        Component {
            depends_on: needs.iter().map(|n| (*n).to_owned()).collect(),
            ..named(name)
        }
    }

    fn board() -> Board {
        let mut board = Board::default();
        let backstage = Component {
            kind: "service".to_owned(),
            owner: "payments".to_owned(),
            tags: vec!["java".to_owned()],
            fields: vec![("system".to_owned(), "shop".to_owned())],
            links: vec![Link {
                title: "Runbook".to_owned(),
                url: "https://wiki.example/db-1".to_owned(),
            }],
            ..needing("db-1", &["san-1"])
        };
        let netbox = Component {
            owner: "platform".to_owned(),
            site: "fra2".to_owned(),
            status: "active".to_owned(),
            tags: vec!["env-prod".to_owned(), "java".to_owned()],
            fields: vec![
                ("rack".to_owned(), "r7".to_owned()),
                ("system".to_owned(), "shop".to_owned()),
            ],
            links: vec![Link {
                title: "the same".to_owned(),
                url: "https://wiki.example/db-1".to_owned(),
            }],
            ..needing("db-1", &["hv-1", "san-1"])
        };
        for (name, component) in [("netbox", netbox), ("backstage", backstage)] {
            board.absorb(Reading::Components {
                source: source(name),
                components: vec![component],
            });
        }
        board
    }

    #[test]
    fn the_first_source_that_says_something_wins_and_lists_are_united() {
        let board = board();
        let one = board.components.get("db-1").expect("known");
        let texts = [
            one.kind.as_str(),
            one.owner.as_str(),
            one.site.as_str(),
            one.status.as_str(),
        ];
        assert_eq!(texts, ["service", "payments", "fra2", "active"]);
        assert_eq!(one.tags, ["env-prod", "java"]);
        assert_eq!(one.depends_on, ["san-1", "hv-1"]);
        assert_eq!(one.links.len(), 1);
        let fields: Vec<&str> = one.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(fields, ["rack", "system"]);
    }

    #[test]
    fn what_one_source_takes_back_another_still_says() {
        let mut board = board();
        board.absorb(Reading::Components {
            source: source("backstage"),
            components: Vec::new(),
        });
        assert_eq!(
            board.components.get("db-1").map(|c| c.owner.as_str()),
            Some("platform")
        );
        board.absorb(Reading::Components {
            source: source("netbox"),
            components: Vec::new(),
        });
        assert!(board.components.is_empty());
        assert_eq!(board.components.sources().count(), 2);
    }

    #[test]
    fn the_view_is_the_same_on_the_other_side_of_a_wire() {
        let catalog = board().components;
        let text = serde_json::to_string(&catalog).expect("JSON");
        let back: Catalog = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back, catalog);
        assert_eq!(
            text.matches("https://wiki.example/db-1").count(),
            2,
            "once for each source, and not again for the view"
        );
    }

    #[test]
    fn every_fact_names_its_source_its_age_and_whether_sources_differ() {
        let mut board = board();
        let at = Moment {
            wall: Timestamp::from_millis(5000),
            mono_ms: 5000,
        };
        board.absorb(Reading::Health(ConnectorHealth {
            connector: source("netbox"),
            system: "netbox".to_owned(),
            liveness: Liveness::Live,
            last_good: Some(at),
            last_error: String::new(),
            failures: 0,
            next_try: None,
            latency: Duration::ZERO,
            can: Vec::new(),
        }));
        let facts = facts(&board, "db-1");
        let lines: Vec<String> = facts
            .iter()
            .map(|fact| {
                let age = if fact.told == Some(at) { "5s" } else { "?" };
                let sign = if fact.differs { " !" } else { "" };
                format!("{} {} {} {age}{sign}", fact.field, fact.value, fact.source)
            })
            .collect();
        assert_eq!(
            lines,
            [
                "kind service backstage ?",
                "owner payments backstage ? !",
                "owner platform netbox 5s !",
                "site fra2 netbox 5s",
                "status active netbox 5s",
                "depends_on san-1 backstage ?",
                "depends_on hv-1 netbox 5s",
                "depends_on san-1 netbox 5s",
                "link https://wiki.example/db-1 backstage ?",
                "link https://wiki.example/db-1 netbox 5s",
                "tag java backstage ?",
                "tag env-prod netbox 5s",
                "tag java netbox 5s",
                "field.rack r7 netbox 5s",
                "field.system shop backstage ?",
                "field.system shop netbox 5s",
            ]
        );
        assert!(super::facts(&board, "nobody").is_empty());
    }

    #[test]
    fn dependants_are_found_through_others_and_circles_end() {
        let all = [
            needing("api", &["db"]),
            needing("web", &["api"]),
            needing("shop", &["web", "db"]),
            needing("db", &["shop"]),
            needing("other", &[]),
        ];
        let components: BTreeMap<String, Component> =
            all.into_iter().map(|c| (c.name.clone(), c)).collect();
        let found = |name: &str, depth: usize| {
            dependants(&components, name, depth)
                .into_iter()
                .map(|d| format!("{}:{}", d.name, d.distance))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(found("db", 1), "api:1 shop:1");
        assert_eq!(found("db", 9), "api:1 shop:1 web:2");
        assert_eq!(found("web", 9), "shop:1 db:2 api:3");
        assert_eq!(found("db", 0), "");
        assert_eq!(found("unknown", 9), "");
    }

    #[test]
    fn dependants_are_bounded() {
        let components: BTreeMap<String, Component> = (0..DEPENDANTS_MAX * 2)
            .map(|n| needing(&format!("n{n}"), &["db"]))
            .map(|c| (c.name.clone(), c))
            .collect();
        assert_eq!(dependants(&components, "db", 3).len(), DEPENDANTS_MAX);
    }
}
