//! What NetBox or Nautobot holds, as components.

use super::dialect::List;
use super::response::{
    Address, Brief, Choice, ContactAssignment, Id, Location, Machine, Service, Tag,
};
use crate::connect::catalog::{Names, tidy};
use crate::domain::reading::{Component, Link};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Custom fields that have a place of their own in a component.
const OWN_FIELDS: [&str; 6] = ["kind", "role", "owner", "tier", "environment", "depends_on"];

/// Everything that was read.
#[derive(Debug, Default)]
pub(in crate::connect) struct Inventory {
    /// Physical devices.
    pub(in crate::connect) devices: Vec<Machine>,
    /// Virtual machines.
    pub(in crate::connect) machines: Vec<Machine>,
    /// Services.
    pub(in crate::connect) services: Vec<Service>,
    /// Contacts of devices.
    pub(in crate::connect) device_contacts: Vec<ContactAssignment>,
    /// Contacts of virtual machines.
    pub(in crate::connect) machine_contacts: Vec<ContactAssignment>,
    /// Places, where clusters name theirs by id only.
    pub(in crate::connect) locations: Vec<Location>,
}

/// A component, and the object it was made from.
#[derive(Debug, Clone)]
pub(in crate::connect) struct Found {
    /// Among which objects.
    pub(super) list: List,
    /// Its id among them.
    pub(super) id: Id,
    /// The component.
    pub(in crate::connect) component: Component,
}

impl Inventory {
    /// One component for each device, virtual machine and service, sorted by name, names unique.
    ///
    /// - kind: the custom field `kind`, else the device role, else `device`, `vm` or `service`.
    /// - role: the custom field `role`, else the slug of the device role.
    /// - owner: the custom field `owner`, else the contact with the highest priority, else the tenant.
    /// - tier and environment: the custom field of that name, else the tag `tier-…` or `env-…` without its prefix.
    /// - depends on: the custom field `depends_on` (text with commas, list, or related objects); for a virtual machine
    ///   its host too; for a service its machine.
    /// - a service is named `machine/service` and inherits what it does not say from its machine. Services of machines
    ///   that the filter left out are left out; with tags in the filter, a service needs none of its own.
    pub(in crate::connect) fn components(&self) -> Vec<Found> {
        let mut names = Names::default();
        let mut out = Vec::new();
        let groups = [
            (&self.devices, List::Devices, &self.device_contacts),
            (
                &self.machines,
                List::VirtualMachines,
                &self.machine_contacts,
            ),
        ];
        let places: BTreeMap<&Id, &str> = self
            .locations
            .iter()
            .map(|location| (&location.id, location.name.as_str()))
            .collect();
        let mut hosts: BTreeMap<(&str, &Id), Component> = BTreeMap::new();
        for (group, list, assignments) in groups {
            let contacts = contacts(assignments);
            for machine in group {
                let mut component = machine_component(machine, list, &contacts, &places);
                let id = machine.id.short();
                component.name = names.unique(&component.name, &component.site, id);
                hosts.insert((list.object_type(), &machine.id), component.clone());
                out.push(Found {
                    list,
                    id: machine.id.clone(),
                    component,
                });
            }
        }
        for service in &self.services {
            let host = host_of(service).and_then(|host| hosts.get(&host));
            if let Some(host) = host {
                let mut component = service_component(service, host);
                component.name = names.unique(&component.name, "", service.id.short());
                out.push(Found {
                    list: List::Services,
                    id: service.id.clone(),
                    component,
                });
            }
        }
        out.sort_by(|a, b| a.component.name.cmp(&b.component.name));
        out
    }
}

/// Best contact of each object; inactive ones count for nothing.
fn contacts(assignments: &[ContactAssignment]) -> BTreeMap<&Id, String> {
    let mut ranked: Vec<(&Id, usize, String)> = assignments
        .iter()
        .filter_map(|assignment| {
            let is_active = assignment
                .status
                .as_ref()
                .is_none_or(|status| status.word() == "active");
            let priority = assignment.priority.as_ref().map(Choice::word);
            let role = assignment
                .role
                .as_ref()
                .map(|role| role.name().to_lowercase());
            let rank = match priority.or(role).as_deref() {
                Some("primary") => 0,
                Some("secondary") => 1,
                Some("tertiary") => 2,
                Some("inactive") => return None,
                _ => 3,
            };
            let who = assignment.contact.as_ref().or(assignment.team.as_ref())?;
            is_active.then(|| (&assignment.object_id, rank, who.name()))
        })
        .collect();
    ranked.sort();
    let mut best = BTreeMap::new();
    for (object, _, name) in ranked {
        best.entry(object).or_insert(name);
    }
    best
}

fn machine_component(
    machine: &Machine,
    list: List,
    contacts: &BTreeMap<&Id, String>,
    places: &BTreeMap<&Id, &str>,
) -> Component {
    let fields = &machine.custom_fields;
    let named = |brief: &Option<Brief>| brief.as_ref().map(Brief::name);
    let kind = if list == List::Devices {
        "device"
    } else {
        "vm"
    };
    let mut depends_on = names_in(fields.get("depends_on"));
    depends_on.extend(named(&machine.device));
    let of_cluster = || {
        let location = machine.cluster.as_ref()?.location.as_ref()?;
        places.get(&location.id).map(|name| (*name).to_owned())
    };
    // The part of a site is told apart from the site only where there is one.
    let site = named(&machine.site);
    let part = site.as_ref().and(named(&machine.location));
    let site = site
        .or_else(|| named(&machine.location))
        .or_else(of_cluster);
    let addresses = [
        &machine.primary_ip,
        &machine.primary_ip4,
        &machine.primary_ip6,
    ];
    let address = addresses.into_iter().flatten().next();
    let further = [
        ("cluster", named(&machine.cluster)),
        ("description", machine.description.clone()),
        ("location", part),
        ("platform", named(&machine.platform)),
        ("rack", named(&machine.rack)),
        ("tenant", named(&machine.tenant)),
    ];
    Component {
        name: machine.name(),
        kind: text_in(fields, "kind")
            .or_else(|| named(&machine.role))
            .unwrap_or_else(|| kind.to_owned()),
        role: text_in(fields, "role")
            .or_else(|| machine.role.as_ref().map(Brief::slug))
            .unwrap_or_default(),
        owner: text_in(fields, "owner")
            .or_else(|| contacts.get(&machine.id).cloned())
            .or_else(|| named(&machine.tenant))
            .unwrap_or_default(),
        tier: classed(fields, "tier", &machine.tags, "tier-").unwrap_or_default(),
        environment: classed(fields, "environment", &machine.tags, "env-").unwrap_or_default(),
        site: site.unwrap_or_default(),
        status: machine.status(),
        address: address.map(Address::host).unwrap_or_default(),
        tags: tags(&machine.tags),
        links: link(machine.display_url.as_deref(), machine.url.as_deref()),
        fields: fields_of(fields, further),
        depends_on: tidy(depends_on),
    }
}

/// Which machine a service is on: type and id.
fn host_of(service: &Service) -> Option<(&'static str, &Id)> {
    if let Some(device) = &service.device {
        return Some((List::Devices.object_type(), &device.id));
    }
    if let Some(machine) = &service.virtual_machine {
        return Some((List::VirtualMachines.object_type(), &machine.id));
    }
    let id = service.parent_object_id.as_ref()?;
    let kind = service.parent_object_type.as_deref()?;
    [List::Devices, List::VirtualMachines]
        .into_iter()
        .map(List::object_type)
        .find(|object_type| *object_type == kind)
        .map(|object_type| (object_type, id))
}

fn service_component(service: &Service, host: &Component) -> Component {
    let fields = &service.custom_fields;
    let mut depends_on = names_in(fields.get("depends_on"));
    depends_on.push(host.name.clone());
    let protocol = service.protocol.as_ref().map(Choice::word);
    let protocol = protocol.filter(|protocol| !protocol.is_empty());
    let ports: Vec<String> = service
        .ports
        .iter()
        .map(|port| match &protocol {
            Some(protocol) => format!("{port}/{protocol}"),
            None => port.to_string(),
        })
        .collect();
    let further = [
        ("description", service.description.clone()),
        ("ports", Some(ports.join(" "))),
    ];
    Component {
        name: format!("{}/{}", host.name, service.name),
        kind: text_in(fields, "kind").unwrap_or_else(|| "service".to_owned()),
        role: text_in(fields, "role").unwrap_or_else(|| host.role.clone()),
        owner: text_in(fields, "owner").unwrap_or_else(|| host.owner.clone()),
        tier: classed(fields, "tier", &service.tags, "tier-").unwrap_or_else(|| host.tier.clone()),
        environment: classed(fields, "environment", &service.tags, "env-")
            .unwrap_or_else(|| host.environment.clone()),
        site: host.site.clone(),
        status: host.status.clone(),
        address: host.address.clone(),
        tags: tags(&service.tags),
        links: link(service.display_url.as_deref(), service.url.as_deref()),
        fields: fields_of(fields, further),
        depends_on: tidy(depends_on),
    }
}

fn tags(tags: &[Tag]) -> Vec<String> {
    let mut tags: Vec<String> = tags.iter().map(|tag| tag.word().to_owned()).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// The page for people: what the server names, else the address in the API without its `/api`.
fn link(display_url: Option<&str>, url: Option<&str>) -> Vec<Link> {
    let made = url.and_then(|url| {
        let (host, path) = url.split_once("/api/")?;
        Some(format!("{host}/{path}"))
    });
    let url = display_url.map(str::to_owned).or(made);
    url.filter(|url| url.starts_with("http://") || url.starts_with("https://"))
        .map(|url| Link {
            title: String::new(),
            url,
        })
        .into_iter()
        .collect()
}

/// Custom fields without a place of their own, and what else the server knows; sorted, without empty ones.
fn fields_of<const N: usize>(
    custom: &Map<String, Value>,
    further: [(&str, Option<String>); N],
) -> Vec<(String, String)> {
    let mut fields: BTreeMap<String, String> = further
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    for (name, value) in custom {
        if OWN_FIELDS.contains(&name.as_str()) {
            continue;
        }
        let text = match value {
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Array(_) => Some(names_in(Some(value)).join(", ")),
            other => text_of(other),
        };
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            fields.insert(name.clone(), text);
        }
    }
    fields.into_iter().collect()
}

/// A custom field, else a tag with the prefix.
fn classed(fields: &Map<String, Value>, field: &str, tags: &[Tag], prefix: &str) -> Option<String> {
    text_in(fields, field).or_else(|| {
        let mut words = tags.iter().map(Tag::word);
        words
            .find_map(|word| word.strip_prefix(prefix))
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
