//! The REST API of NetBox: devices and virtual machines, whose status can be set, services, journal entries, status.
//!
//! Source: OpenAPI description of NetBox 4.2.2; the tests check the fields that it requires.

mod journal;

pub(super) use journal::Journal;

use super::catalog::{COMPONENTS, Entry, Kind};
use super::http::{Ask, Reply};
use super::sim::action::{db_state, service_state};
use super::world::{Cluster, World};
use hyper::{Method, StatusCode};
use journal::{STATES, object_type};
use serde_json::{Value, json};

/// Objects of one page when nobody says how many.
const PAGE: usize = 50;
/// Objects of one page at most.
const PAGE_MAX: usize = 1000;

const DEVICES: &str = "/api/dcim/devices/";
const VIRTUAL_MACHINES: &str = "/api/virtualization/virtual-machines/";
const ENTRIES: &str = "/api/extras/journal-entries/";

/// Answers one request below `/netbox`.
pub(super) fn answer(world: &World, ask: &Ask, path: &str) -> Reply {
    match ask.credential("Token ") {
        None => {
            let what = "Authentication credentials were not provided.";
            return Reply::json(StatusCode::FORBIDDEN, &json!({"detail": what}));
        }
        Some(token) if !world.is_token(token) => {
            return Reply::json(StatusCode::FORBIDDEN, &json!({"detail": "Invalid token"}));
        }
        Some(_) => {}
    }
    if ask.method == Method::OPTIONS {
        return Reply::json(StatusCode::OK, &metadata(path));
    }
    let lists = [
        (DEVICES, Kind::Device),
        (VIRTUAL_MACHINES, Kind::VirtualMachine),
    ];
    for (prefix, kind) in lists {
        match path.strip_prefix(prefix) {
            Some("") => return list(world, ask, path, kind),
            Some(id) => return machine(world, ask, id, kind),
            None => {}
        }
    }
    if let Some(id) = path.strip_prefix(ENTRIES) {
        return entries(world, ask, path, id);
    }
    match path {
        // The lab's components are machines; nothing is listed a second time as a service on one.
        "/api/ipam/services/" | "/api/tenancy/contact-assignments/" => {
            page(world, ask, path, Vec::new())
        }
        "/api/status/" => Reply::json(StatusCode::OK, &status()),
        _ => not_found(),
    }
}

fn not_found() -> Reply {
    Reply::json(StatusCode::NOT_FOUND, &json!({"detail": "Not found."}))
}

/// What may be sent to a list: the token may do everything.
fn metadata(path: &str) -> Value {
    let choices: Vec<Value> = STATES
        .iter()
        .map(|(value, label)| json!({"value": value, "display": label}))
        .collect();
    let fields = if path == ENTRIES {
        json!({})
    } else {
        json!({"status": {"type": "choice", "choices": choices}})
    };
    json!({"name": "", "description": "", "actions": {"POST": fields, "PUT": fields}})
}

/// One machine: shown, or given another status.
fn machine(world: &World, ask: &Ask, id: &str, kind: Kind) -> Reply {
    let id = id.trim_end_matches('/').parse::<u64>().ok();
    let mut entries = COMPONENTS.iter();
    let Some(entry) = entries.find(|entry| entry.kind == kind && Some(entry.id) == id) else {
        return not_found();
    };
    let base = format!("{}/netbox", world.base());
    let state = ask.text("/status");
    world.with(|cluster, _| {
        if ask.method == Method::PATCH && !cluster.journal.set(kind, entry.id, state) {
            let what = format!("\"{state}\" is not a valid choice.");
            return Reply::json(StatusCode::BAD_REQUEST, &json!({"status": [what]}));
        }
        Reply::json(StatusCode::OK, &object(entry, cluster, &base))
    })
}

/// Journal entries: the list, one of them, or a new one.
fn entries(world: &World, ask: &Ask, path: &str, id: &str) -> Reply {
    let base = format!("{}/netbox", world.base());
    if ask.method == Method::POST {
        return new_entry(world, ask, &base);
    }
    if id.is_empty() {
        let under = ask.param("assigned_object_type");
        let under = under.zip(ask.param("assigned_object_id"));
        let text = ask.param("q").unwrap_or_default();
        let found = world.with(|cluster, _| cluster.journal.find(under, text, &base));
        return page(world, ask, path, found);
    }
    let id = id.trim_end_matches('/').parse::<u64>().ok();
    let found = world.with(|cluster, _| cluster.journal.one(id?, &base));
    found.map_or_else(not_found, |entry| Reply::json(StatusCode::OK, &entry))
}

fn new_entry(world: &World, ask: &Ask, base: &str) -> Reply {
    let (kind, text) = (ask.text("/assigned_object_type"), ask.text("/comments"));
    // Ids are numbers; the API takes them as texts too.
    let id = match ask.body.get("assigned_object_id") {
        Some(Value::String(id)) => id.parse().ok(),
        other => other.and_then(Value::as_u64),
    };
    let mut entries = COMPONENTS.iter();
    let object = entries.find(|entry| object_type(entry.kind) == kind && Some(entry.id) == id);
    let Some(object) = object.filter(|_| !text.trim().is_empty()) else {
        let what = "assigned_object and comments must name an object and say something.";
        let faults = json!({"non_field_errors": [what]});
        return Reply::json(StatusCode::BAD_REQUEST, &faults);
    };
    let under = (object.kind, object.id);
    let made = world.with(|cluster, now_ms| cluster.journal.write(under, text, (now_ms, base)));
    Reply::json(StatusCode::CREATED, &made)
}

fn status() -> Value {
    json!({
        "django-version": "", "installed-apps": {}, "netbox-version": "4.2.2-warroom-lab",
        "netbox-full-version": "4.2.2-warroom-lab", "plugins": {}, "python-version": "", "rq-workers-running": 0,
    })
}

fn list(world: &World, ask: &Ask, path: &str, kind: Kind) -> Reply {
    let entries = COMPONENTS.iter().filter(|entry| entry.kind == kind);
    let entries = entries.filter(|entry| is_wanted(entry, ask));
    let base = format!("{}/netbox", world.base());
    let objects = world.with(|cluster, _| {
        let objects = entries.map(|entry| object(entry, cluster, &base));
        objects.collect()
    });
    page(world, ask, path, objects)
}

/// Any of the names, sites and roles that are asked for; all of the tags.
fn is_wanted(entry: &Entry, ask: &Ask) -> bool {
    let any = |name: &str, value: &str| {
        let mut wanted = ask.params(name).peekable();
        wanted.peek().is_none() || wanted.any(|wanted| wanted == value)
    };
    any("name", entry.name)
        && any("site", entry.site)
        && any("role", &slug(entry.role))
        && ask
            .params("tag")
            .all(|tag| tags(entry).iter().any(|own| own == tag))
}

fn tags(entry: &Entry) -> [String; 2] {
    [format!("tier-{}", entry.tier), "env-demo".to_owned()]
}

fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn page(world: &World, ask: &Ask, path: &str, objects: Vec<Value>) -> Reply {
    let number = |name: &str| ask.param(name).map_or(Ok(0), str::parse::<usize>);
    let (Ok(limit), Ok(offset)) = (number("limit"), number("offset")) else {
        let what = "limit and offset are whole numbers";
        return Reply::json(StatusCode::BAD_REQUEST, &json!({"detail": what}));
    };
    let limit = if limit == 0 {
        PAGE
    } else {
        limit.min(PAGE_MAX)
    };
    let count = objects.len();
    let link = |offset: usize| {
        let base = world.base();
        format!("{base}/netbox{path}?limit={limit}&offset={offset}")
    };
    let after = offset.saturating_add(limit);
    let next = (after < count).then(|| link(after));
    let previous = (offset > 0).then(|| link(offset.saturating_sub(limit)));
    let results: Vec<Value> = objects.into_iter().skip(offset).take(limit).collect();
    Reply::json(
        StatusCode::OK,
        &json!({"count": count, "next": next, "previous": previous, "results": results}),
    )
}

/// A related object.
fn brief(base: &str, path: &str, id: u64, name: &str) -> Value {
    let url = format!("{base}/api/{path}/{id}/");
    json!({"id": id, "url": url, "display": name, "name": name, "slug": slug(name), "description": ""})
}

fn status_of(entry: &Entry, cluster: &Cluster) -> (&'static str, &'static str) {
    // What a person wrote counts until a person writes something else.
    if let Some(set) = cluster.journal.state(entry.kind, entry.id) {
        return set;
    }
    let sim = &cluster.sim;
    let state = match (sim.db(entry.name), sim.service(entry.name)) {
        (Some(db), _) => db_state(db),
        (None, service) => service.map_or("down", service_state),
    };
    match state {
        "down" => ("offline", "Offline"),
        "faulty" => ("failed", "Failed"),
        _ => ("active", "Active"),
    }
}

fn object(entry: &Entry, cluster: &Cluster, base: &str) -> Value {
    let (status, label) = status_of(entry, cluster);
    let site_id = entry
        .site
        .bytes()
        .last()
        .map_or(0, |digit| u64::from(digit.wrapping_sub(b'0')));
    let tags = tags(entry);
    let tags = tags.iter().zip(1_u64..).map(|(tag, id)| {
        let url = format!("{base}/api/extras/tags/{id}/");
        json!({"id": id, "url": url, "display": tag, "name": tag, "slug": tag, "color": "9e9e9e"})
    });
    let path = match entry.kind {
        Kind::Device => "dcim/devices",
        Kind::VirtualMachine => "virtualization/virtual-machines",
    };
    let mut object = json!({
        "id": entry.id, "url": format!("{base}/api/{path}/{}/", entry.id),
        "display_url": format!("{base}/{path}/{}/", entry.id), "display": entry.name, "name": entry.name,
        "role": brief(base, "dcim/device-roles", role_id(entry), entry.role),
        "tenant": brief(base, "tenancy/tenants", 1, "orders"),
        "site": brief(base, "dcim/sites", site_id, entry.site),
        "status": {"value": status, "label": label}, "serial": "", "platform": null, "primary_ip": null,
        "primary_ip4": null, "primary_ip6": null, "cluster": null, "description": "", "comments": "",
        "local_context_data": null, "config_context": {}, "config_template": null,
        "tags": tags.collect::<Vec<_>>(), "created": "2024-03-11T09:00:00Z", "last_updated": "2026-08-02T09:00:00Z",
        "custom_fields": {
            "owner": entry.owner, "tier": entry.tier, "environment": "demo", "kind": slug(entry.role),
            "depends_on": entry.depends_on.join(", "),
        },
    });
    if let (Some(object), Value::Object(further)) = (object.as_object_mut(), further(entry, base)) {
        object.extend(further);
    }
    object
}

fn role_id(entry: &Entry) -> u64 {
    let roles = ["Database", "Load balancer", "Service", "Worker"]
        .into_iter()
        .zip(1..);
    let mut roles = roles.filter(|(role, _)| *role == entry.role);
    roles.next().map_or(0, |(_, id)| id)
}

/// What only one of the two kinds has.
fn further(entry: &Entry, base: &str) -> Value {
    match entry.kind {
        Kind::Device => json!({
            "device_type": {
                "id": 1, "url": format!("{base}/api/dcim/device-types/1/"), "display": "Simulated", "model": "Simulated",
                "slug": "simulated", "description": "",
                "manufacturer": brief(base, "dcim/manufacturers", 1, "warroom"),
            },
            "asset_tag": null, "location": null, "rack": null, "position": null, "face": null, "latitude": null,
            "longitude": null, "parent_device": null, "airflow": null, "oob_ip": null, "virtual_chassis": null,
            "vc_position": null, "vc_priority": null, "console_port_count": 0, "console_server_port_count": 0,
            "power_port_count": 0, "power_outlet_count": 0, "interface_count": 0, "front_port_count": 0,
            "rear_port_count": 0, "device_bay_count": 0, "module_bay_count": 0, "inventory_item_count": 0,
        }),
        Kind::VirtualMachine => json!({
            "device": null, "vcpus": 4.0, "memory": 8192, "disk": 40_000, "interface_count": 0, "virtual_disk_count": 0,
        }),
    }
}
