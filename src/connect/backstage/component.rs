//! Entities as components.

use super::response::{Entity, Relation};
use crate::connect::catalog::{Names, tidy};
use crate::domain::reading::{Component, Link};
use std::collections::BTreeMap;

/// Namespace of entities that name none. Source: Backstage, "Descriptor Format", `metadata.namespace`.
const NAMESPACE: &str = "default";

/// Lifecycles that say how mature something is, and not where it runs.
const MATURITIES: [&str; 2] = ["experimental", "deprecated"];

/// Annotations that say how the catalog came to know of an entity.
const OWN_ANNOTATIONS: [&str; 4] = [
    "backstage.io/edit-url",
    "backstage.io/managed-by-location",
    "backstage.io/managed-by-origin-location",
    "backstage.io/view-url",
];

/// One component for each entity, names unique.
///
/// - kind: `spec.type`, else the kind of the entity.
/// - role: the label `role`. Tier: the label `tier`, else the tag `tier-…`.
/// - owner: the relation `ownedBy`, else `spec.owner`.
/// - environment: the label `environment` or `env`, else the tag `env-…`, else the lifecycle unless it says how mature.
/// - status: the lifecycle.
/// - depends on: the relation `dependsOn`, and `dependencyOf` of others.
/// - fields: labels, annotations, description, title, `entity` (its reference), `system` (the relation `partOf`).
pub(super) fn components(entities: &[Entity]) -> Vec<Component> {
    let mut names = Names::default();
    let mut by_ref: BTreeMap<String, String> = BTreeMap::new();
    let mut components: Vec<Component> = entities
        .iter()
        .map(|entity| {
            let mut component = component(entity);
            let namespace = entity.metadata.namespace.as_deref().unwrap_or(NAMESPACE);
            let kind = entity.kind.to_lowercase();
            component.name = names.unique(&component.name, &kind, namespace);
            by_ref.insert(reference(entity), component.name.clone());
            component
        })
        .collect();
    let mut needs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entity in entities {
        let own = name_of(&reference(entity), &by_ref);
        for relation in &entity.relations {
            let target = name_of(&relation.target_ref, &by_ref);
            match relation.of_type.as_str() {
                "dependsOn" => needs.entry(own.clone()).or_default().push(target),
                "dependencyOf" => needs.entry(target).or_default().push(own.clone()),
                _ => {}
            }
        }
    }
    for component in &mut components {
        component.depends_on = tidy(needs.remove(&component.name).unwrap_or_default());
    }
    components
}

/// `component:default/orders-api`: in lower case, as relations refer to it.
fn reference(entity: &Entity) -> String {
    let namespace = entity.metadata.namespace.as_deref().unwrap_or(NAMESPACE);
    format!("{}:{namespace}/{}", entity.kind, entity.metadata.name).to_lowercase()
}

/// Name of the component of a reference; of one that was not read, the name in the reference.
fn name_of(reference: &str, by_ref: &BTreeMap<String, String>) -> String {
    let known = by_ref.get(&reference.to_lowercase());
    known.cloned().unwrap_or_else(|| last(reference).to_owned())
}

/// The name in `group:default/payments`, in `default/payments`, and in `payments`.
fn last(reference: &str) -> &str {
    reference.rsplit(['/', ':']).next().unwrap_or(reference)
}

fn component(entity: &Entity) -> Component {
    let (metadata, spec) = (&entity.metadata, &entity.spec);
    let related = |of_type: &str| {
        let is_it = |relation: &&Relation| relation.of_type == of_type;
        let relation = entity.relations.iter().find(is_it);
        relation.map(|relation| last(&relation.target_ref).to_owned())
    };
    let written = |text: &Option<String>| text.as_deref().map(|text| last(text).to_owned());
    let label = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| metadata.labels.get(*name).cloned())
    };
    let tagged = |prefix: &str| {
        let mut tags = metadata.tags.iter();
        tags.find_map(|tag| tag.strip_prefix(prefix))
            .map(str::to_owned)
    };
    let lifecycle = spec.lifecycle.clone().unwrap_or_default();
    let place = (!MATURITIES.contains(&lifecycle.as_str())).then(|| lifecycle.clone());
    let mut tags = metadata.tags.clone();
    tags.sort();
    tags.dedup();
    let further = [
        ("description", metadata.description.clone()),
        ("entity", Some(reference(entity))),
        (
            "system",
            related("partOf").or_else(|| written(&spec.system)),
        ),
        ("title", metadata.title.clone()),
    ];
    let annotations = metadata
        .annotations
        .iter()
        .filter(|(name, _)| !OWN_ANNOTATIONS.contains(&name.as_str()));
    let mut fields: BTreeMap<String, String> = annotations
        .chain(&metadata.labels)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (name, value) in further {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
    fields.retain(|_, value| !value.is_empty());
    Component {
        name: metadata.name.clone(),
        kind: spec
            .of_type
            .clone()
            .unwrap_or_else(|| entity.kind.to_lowercase()),
        role: label(&["role"]).unwrap_or_default(),
        owner: related("ownedBy")
            .or_else(|| written(&spec.owner))
            .unwrap_or_default(),
        tier: label(&["tier"])
            .or_else(|| tagged("tier-"))
            .unwrap_or_default(),
        environment: label(&["environment", "env"])
            .or_else(|| tagged("env-"))
            .or(place)
            .unwrap_or_default(),
        site: label(&["site"]).unwrap_or_default(),
        status: lifecycle,
        address: String::new(),
        tags,
        links: links(entity),
        fields: fields.into_iter().collect(),
        depends_on: Vec::new(),
    }
}

fn links(entity: &Entity) -> Vec<Link> {
    let own = entity.metadata.links.iter().map(|link| Link {
        title: link.title.clone().unwrap_or_default(),
        url: link.url.clone(),
    });
    let source = entity.metadata.annotations.get("backstage.io/view-url");
    let source = source.map(|url| Link {
        title: "source".to_owned(),
        url: url.clone(),
    });
    own.chain(source)
        .filter(|link| link.url.starts_with("https://") || link.url.starts_with("http://"))
        .collect()
}
