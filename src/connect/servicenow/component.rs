//! Configuration items as components.

use super::config::ServiceNowConfig;
use super::response::{Item, Relation};
use crate::connect::catalog::{Names, tidy};
use crate::domain::reading::{Component, Link};
use std::collections::BTreeMap;

/// Bytes of an id that are shown where two items have one name.
const SHORT_BYTES: usize = 8;

/// A component, and the record it was made from.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its `sys_id`.
    pub(super) id: String,
    /// The component.
    pub(super) component: Component,
}

/// One component for each configuration item, names unique.
///
/// - kind: the class without `cmdb_ci_`.
/// - role: the column `role_field`.
/// - owner: support group, else owned by, managed by, assigned to.
/// - tier: business criticality. Environment: `environment`, else `used_for`. Site: location.
/// - status: the column `status_field` as people see it, in lower case as that of other systems.
/// - depends on: children of the relations that were read, those left out by `query` too.
pub(super) fn components(
    config: &ServiceNowConfig,
    items: &[Item<'_>],
    relations: &[Relation],
) -> Vec<Found> {
    let mut names = Names::default();
    let mut found: Vec<Found> = items
        .iter()
        .map(|item| {
            let mut component = component(config, item);
            let short = item.id.get(..SHORT_BYTES).unwrap_or(&item.id);
            component.name = names.unique(&component.name, &component.kind, short);
            Found {
                id: item.id.clone(),
                component,
            }
        })
        .collect();
    let by_id: BTreeMap<String, String> = found
        .iter()
        .map(|found| (found.id.clone(), found.component.name.clone()))
        .collect();
    let mut needs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for relation in relations {
        // An item that is not among those read is known by its own name only.
        let name = by_id.get(&relation.child).unwrap_or(&relation.child_name);
        needs
            .entry(&relation.parent)
            .or_default()
            .push(name.clone());
    }
    for found in &mut found {
        found.component.depends_on = tidy(needs.remove(found.id.as_str()).unwrap_or_default());
    }
    found
}

fn component(config: &ServiceNowConfig, item: &Item<'_>) -> Component {
    let text = |column: &str| item.row.get(column).map_or("", |cell| cell.text().trim());
    let first = |columns: &[&str]| {
        let mut texts = columns.iter().map(|column| text(column));
        texts
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let class = item
        .row
        .get("sys_class_name")
        .map_or("", |cell| cell.value.as_str());
    let name = first(&["name"]);
    let mut tags: Vec<String> = text("sys_tags")
        .split(',')
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect();
    tags.sort();
    tags.dedup();
    let further = config
        .fields
        .iter()
        .map(|field| (field.as_str(), text(field)));
    let fields: BTreeMap<&str, &str> = further
        .chain([
            ("description", text("short_description")),
            ("fqdn", text("fqdn")),
        ])
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let base = config.http.url.trim_end_matches('/');
    Component {
        name: if name.is_empty() {
            format!("#{}", item.id)
        } else {
            name
        },
        kind: class.strip_prefix("cmdb_ci_").unwrap_or(class).to_owned(),
        role: config
            .role_field
            .as_deref()
            .map(text)
            .unwrap_or_default()
            .to_owned(),
        owner: first(&["support_group", "owned_by", "managed_by", "assigned_to"]),
        tier: first(&["busines_criticality"]),
        environment: first(&["environment", "used_for"]),
        site: first(&["location"]),
        status: text(config.status_field).to_lowercase(),
        address: first(&["ip_address", "fqdn"]),
        tags,
        links: vec![Link {
            title: String::new(),
            url: format!("{base}/cmdb_ci.do?sys_id={}", item.id),
        }],
        fields: fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        depends_on: Vec::new(),
    }
}
