//! What NetBox holds, as components.

use super::response::{Brief, ContactAssignment, Machine, Service, Tag};
use crate::domain::reading::Component;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Components kept; `Reading::Components` promises no more.
pub(super) const COMPONENTS_MAX: usize = 5000;

/// Names one component may depend on: a longer list is a mistake in the field.
const DEPENDENCIES_MAX: usize = 200;

/// Everything that was read.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Physical devices.
    pub(super) devices: Vec<Machine>,
    /// Virtual machines.
    pub(super) machines: Vec<Machine>,
    /// Services.
    pub(super) services: Vec<Service>,
    /// Contacts of devices.
    pub(super) device_contacts: Vec<ContactAssignment>,
    /// Contacts of virtual machines.
    pub(super) machine_contacts: Vec<ContactAssignment>,
}

impl Inventory {
    /// One component for each device, virtual machine and service, sorted by name, names unique.
    ///
    /// - kind: the custom field `kind`, else the device role, else `device`, `vm` or `service`.
    /// - owner: the custom field `owner`, else the contact with the highest priority, else the tenant.
    /// - tier and environment: the custom field of that name, else the tag `tier-…` or `env-…` without its prefix.
    /// - depends on: the custom field `depends_on` (text with commas, list, or related objects); for a virtual machine
    ///   its host too; for a service its machine.
    /// - a service is named `machine/service` and inherits what it does not say from its machine. Services of machines
    ///   that the filter left out are left out; with tags in the filter, a service needs none of its own.
    pub(super) fn components(&self) -> Vec<Component> {
        let mut names = Names::default();
        let mut out = Vec::new();
        let groups = [
            (&self.devices, "device", &self.device_contacts),
            (&self.machines, "vm", &self.machine_contacts),
        ];
        let mut hosts: BTreeMap<(&str, u64), Component> = BTreeMap::new();
        for (group, kind, assignments) in groups {
            let contacts = contacts(assignments);
            for machine in group {
                let mut component = machine_component(machine, kind, &contacts);
                component.name = names.unique(&component.name, &component.site, machine.id);
                hosts.insert((kind, machine.id), component.clone());
                out.push(component);
            }
        }
        for service in &self.services {
            let host = host_of(service).and_then(|host| hosts.get(&host));
            if let Some(host) = host {
                let mut component = service_component(service, host);
                component.name = names.unique(&component.name, &component.site, 0);
                out.push(component);
            }
        }
        out.sort_by(|a, b| a.name.cmp(&b.name));
        out
    }
}

/// Names given so far. NetBox keeps names unique within a site and tenant only.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn unique(&mut self, name: &str, site: &str, id: u64) -> String {
        let mut unique = name.to_owned();
        if self.0.contains(&unique) {
            unique = format!("{name} ({site})");
        }
        let mut number = id;
        while self.0.contains(&unique) {
            unique = format!("{name} #{number}");
            number = number.saturating_add(1);
        }
        self.0.insert(unique.clone());
        unique
    }
}

/// Best contact of each object; inactive ones count for nothing.
fn contacts(assignments: &[ContactAssignment]) -> BTreeMap<u64, String> {
    let mut ranked: Vec<(u64, usize, String)> = assignments
        .iter()
        .filter_map(|assignment| {
            let priority = assignment
                .priority
                .as_ref()
                .map_or("", |p| p.value.as_str());
            let rank = match priority {
                "primary" => 0,
                "secondary" => 1,
                "tertiary" => 2,
                "inactive" => return None,
                _ => 3,
            };
            Some((assignment.object_id, rank, assignment.contact.name()))
        })
        .collect();
    ranked.sort();
    let mut best = BTreeMap::new();
    for (object, _, name) in ranked {
        best.entry(object).or_insert(name);
    }
    best
}

fn machine_component(machine: &Machine, kind: &str, contacts: &BTreeMap<u64, String>) -> Component {
    let fields = &machine.custom_fields;
    let named = |brief: &Option<Brief>| brief.as_ref().map(Brief::name);
    let mut depends_on = names_in(fields.get("depends_on"));
    depends_on.extend(named(&machine.device));
    Component {
        name: machine.name(),
        kind: text_in(fields, "kind")
            .or_else(|| named(&machine.role))
            .unwrap_or_else(|| kind.to_owned()),
        owner: text_in(fields, "owner")
            .or_else(|| contacts.get(&machine.id).cloned())
            .or_else(|| named(&machine.tenant))
            .unwrap_or_default(),
        tier: classed(fields, "tier", &machine.tags, "tier-").unwrap_or_default(),
        environment: classed(fields, "environment", &machine.tags, "env-").unwrap_or_default(),
        site: named(&machine.site).unwrap_or_default(),
        status: machine
            .status
            .as_ref()
            .map(|status| status.value.clone())
            .unwrap_or_default(),
        depends_on: tidy(depends_on),
        ..Component::default()
    }
}

/// Which machine a service is on, as kind and id.
fn host_of(service: &Service) -> Option<(&'static str, u64)> {
    if let Some(device) = &service.device {
        return Some(("device", device.id));
    }
    if let Some(machine) = &service.virtual_machine {
        return Some(("vm", machine.id));
    }
    let id = service.parent_object_id?;
    match service.parent_object_type.as_deref()? {
        "dcim.device" => Some(("device", id)),
        "virtualization.virtualmachine" => Some(("vm", id)),
        _ => None,
    }
}

fn service_component(service: &Service, host: &Component) -> Component {
    let fields = &service.custom_fields;
    let mut depends_on = names_in(fields.get("depends_on"));
    depends_on.push(host.name.clone());
    Component {
        name: format!("{}/{}", host.name, service.name),
        kind: text_in(fields, "kind").unwrap_or_else(|| "service".to_owned()),
        owner: text_in(fields, "owner").unwrap_or_else(|| host.owner.clone()),
        tier: classed(fields, "tier", &service.tags, "tier-").unwrap_or_else(|| host.tier.clone()),
        environment: classed(fields, "environment", &service.tags, "env-")
            .unwrap_or_else(|| host.environment.clone()),
        site: host.site.clone(),
        status: host.status.clone(),
        depends_on: tidy(depends_on),
        ..Component::default()
    }
}

/// A custom field, else a tag with the prefix.
fn classed(fields: &Map<String, Value>, field: &str, tags: &[Tag], prefix: &str) -> Option<String> {
    text_in(fields, field).or_else(|| {
        let mut slugs = tags.iter().map(|tag| tag.slug.as_str());
        slugs
            .find_map(|slug| slug.strip_prefix(prefix))
            .map(str::to_owned)
    })
}

/// A custom field as text: text, number, selection, or a related object's name. Null and empty are nothing.
fn text_in(fields: &Map<String, Value>, field: &str) -> Option<String> {
    fields.get(field).and_then(text_of)
}

fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Object(object) => {
            let keys = ["name", "display", "label", "value"];
            let found = keys.into_iter().find_map(|key| object.get(key)?.as_str());
            found?.to_owned()
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Names in a custom field: a text with commas or line breaks, a selection of several, or related objects.
fn names_in(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(text_of).collect(),
        Some(Value::String(text)) => text.split([',', '\n']).map(str::to_owned).collect(),
        Some(other) => text_of(other).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Trimmed, in order, without empty and repeated names.
fn tidy(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let trimmed = names.into_iter().map(|name| name.trim().to_owned());
    trimmed
        .filter(|name| !name.is_empty() && seen.insert(name.clone()))
        .take(DEPENDENCIES_MAX)
        .collect()
}
