//! A CMDB in a file: `[[component]]` tables, or rows of a table.

use super::table;
use super::text::{FileFault, Placed, Source};
use crate::domain::reading::{Component, Link};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Components of one file; `Reading::Components` promises no more.
pub(super) const COMPONENTS_MAX: usize = 5000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<S> {
    #[serde(default = "Vec::new")]
    component: Vec<RawComponent<S>>,
}

/// A component as a file says it, whatever the form of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawComponent<S> {
    pub(super) name: S,
    #[serde(default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) role: String,
    #[serde(default)]
    pub(super) owner: String,
    #[serde(default)]
    pub(super) tier: String,
    #[serde(default)]
    pub(super) environment: String,
    #[serde(default)]
    pub(super) site: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) address: String,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) links: Vec<RawLink>,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, String>,
    #[serde(default = "Vec::new")]
    pub(super) depends_on: Vec<S>,
}

/// A page about a component.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLink {
    #[serde(default)]
    pub(super) title: String,
    pub(super) url: String,
}

/// Components in the order of the file.
///
/// # Errors
/// [`FileFault`] for the first thing that is wrong: syntax, an unknown key, a name that is empty or there twice, a
/// dependency on something the file does not have.
pub(super) fn parse(source: Source<'_>) -> Result<Vec<Component>, FileFault> {
    if source.is("csv") {
        let text = table::without_mark(source.text);
        let source = Source { text, ..source };
        checked(source, "row", table::components(source)?)
    } else if source.is("json") {
        checked(source, "component", source.json::<Raw<String>>()?.component)
    } else {
        let raw = source.toml::<Raw<toml::Spanned<String>>>()?;
        checked(source, "component", raw.component)
    }
}

fn checked<S: Placed>(
    source: Source<'_>,
    list: &str,
    raw: Vec<RawComponent<S>>,
) -> Result<Vec<Component>, FileFault> {
    let mut names = BTreeSet::new();
    for (index, component) in raw.iter().enumerate() {
        let name = component.name.text();
        let path = format!("{list}[{index}].name");
        let what = if name.trim().is_empty() {
            "must not be empty".to_owned()
        } else if index >= COMPONENTS_MAX {
            format!("more than {COMPONENTS_MAX} components")
        } else if names.insert(name.to_owned()) {
            continue;
        } else {
            format!("component `{name}` is there twice")
        };
        return Err(source.fault(&component.name, &path, &what));
    }
    for (index, component) in raw.iter().enumerate() {
        for (place, needed) in component.depends_on.iter().enumerate() {
            if !names.contains(needed.text()) {
                let path = format!("{list}[{index}].depends_on[{place}]");
                let what = format!("no component is called `{}`", needed.text());
                return Err(source.fault(needed, &path, &what));
            }
        }
    }
    Ok(raw.into_iter().map(component).collect())
}

fn component<S: Placed>(raw: RawComponent<S>) -> Component {
    let mut tags = raw.tags;
    tags.sort();
    tags.dedup();
    Component {
        name: raw.name.text().to_owned(),
        kind: raw.kind,
        role: raw.role,
        owner: raw.owner,
        tier: raw.tier,
        environment: raw.environment,
        site: raw.site,
        status: raw.status,
        address: raw.address,
        tags,
        links: raw
            .links
            .into_iter()
            .map(|RawLink { title, url }| Link { title, url })
            .collect(),
        fields: raw.fields.into_iter().collect(),
        depends_on: raw.depends_on.iter().map(|n| n.text().to_owned()).collect(),
    }
}
