//! A CMDB in a file: `[[component]]` tables.

use super::text::{FileFault, Placed, Source};
use crate::domain::reading::Component;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Components of one file; `Reading::Components` promises no more.
const COMPONENTS_MAX: usize = 5000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<S> {
    #[serde(default = "Vec::new")]
    component: Vec<RawComponent<S>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent<S> {
    name: S,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    tier: String,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    site: String,
    #[serde(default = "active")]
    status: String,
    #[serde(default = "Vec::new")]
    depends_on: Vec<S>,
}

fn active() -> String {
    "active".to_owned()
}

/// Components in the order of the file.
///
/// # Errors
/// [`FileFault`] for the first thing that is wrong: syntax, an unknown key, a name that is empty or there twice, a
/// dependency on something the file does not have.
pub(super) fn parse(source: Source<'_>) -> Result<Vec<Component>, FileFault> {
    if source.is_json() {
        checked(source, source.json::<Raw<String>>()?)
    } else {
        checked(source, source.toml::<Raw<toml::Spanned<String>>>()?)
    }
}

fn checked<S: Placed>(source: Source<'_>, raw: Raw<S>) -> Result<Vec<Component>, FileFault> {
    let mut names = BTreeSet::new();
    for (index, component) in raw.component.iter().enumerate() {
        let name = component.name.text();
        let path = format!("component[{index}].name");
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
    for (index, component) in raw.component.iter().enumerate() {
        for (place, needed) in component.depends_on.iter().enumerate() {
            if !names.contains(needed.text()) {
                let path = format!("component[{index}].depends_on[{place}]");
                let what = format!("no component is called `{}`", needed.text());
                return Err(source.fault(needed, &path, &what));
            }
        }
    }
    Ok(raw.component.into_iter().map(component).collect())
}

fn component<S: Placed>(raw: RawComponent<S>) -> Component {
    Component {
        name: raw.name.text().to_owned(),
        kind: raw.kind,
        owner: raw.owner,
        tier: raw.tier,
        environment: raw.environment,
        site: raw.site,
        status: raw.status,
        depends_on: raw.depends_on.iter().map(|n| n.text().to_owned()).collect(),
        ..Component::default()
    }
}
