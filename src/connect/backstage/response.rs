//! Bytes of the catalog into entities: tolerant of fields we do not use, strict on those we do.

use serde::Deserialize;
use std::collections::BTreeMap;

/// One page of entities.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Page {
    /// The entities.
    pub(super) items: Vec<Entity>,
    /// Whether there is another page.
    #[serde(rename = "pageInfo")]
    pub(super) page_info: PageInfo,
}

/// Where to go on.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    /// Points to the next page; absent on the last.
    #[serde(default)]
    pub(super) next_cursor: Option<String>,
}

/// One entity.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entity {
    /// `Component`.
    pub(super) kind: String,
    /// What all kinds have.
    pub(super) metadata: Metadata,
    /// What its kind has.
    #[serde(default)]
    pub(super) spec: Spec,
    /// What it has to do with others.
    #[serde(default)]
    pub(super) relations: Vec<Relation>,
}

/// What all kinds of entities have.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    /// Unique among entities of its kind and namespace.
    pub(super) name: String,
    /// `default` when absent.
    #[serde(default)]
    pub(super) namespace: Option<String>,
    /// As people call it.
    #[serde(default)]
    pub(super) title: Option<String>,
    /// A line about it.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// What it is classified by.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// What other systems call it, and where they have it.
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
    /// Tags.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// Pages about it.
    #[serde(default)]
    pub(super) links: Vec<EntityLink>,
}

/// A page about an entity.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct EntityLink {
    /// Where.
    pub(super) url: String,
    /// What is there.
    #[serde(default)]
    pub(super) title: Option<String>,
}

/// What the kinds that are read have.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Spec {
    /// `service`, `database`, `openapi`.
    #[serde(default, rename = "type")]
    pub(super) of_type: Option<String>,
    /// `production`, `experimental`, `deprecated`.
    #[serde(default)]
    pub(super) lifecycle: Option<String>,
    /// Reference of who owns it, as it was written.
    #[serde(default)]
    pub(super) owner: Option<String>,
    /// Reference of the system it belongs to, as it was written.
    #[serde(default)]
    pub(super) system: Option<String>,
}

/// A relation to another entity.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relation {
    /// `dependsOn`.
    #[serde(rename = "type")]
    pub(super) of_type: String,
    /// `resource:default/orders-db`.
    pub(super) target_ref: String,
}

/// How many entities there are.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Facets {
    /// By facet.
    pub(super) facets: BTreeMap<String, Vec<Facet>>,
}

/// How many entities have a value.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Facet {
    /// The value.
    pub(super) value: String,
    /// How many.
    pub(super) count: f64,
}
