//! What people need to keep watching and acting: their terminal, its bastion, metrics, pager, CMDB, the runbook's Git host.
//! Whether any of it stands and falls with what is touched.
//!
//! Hosts are compared as they are written: with names, addresses and fields of components. Nothing is asked of a name
//! server, so a host that no CMDB names is *not known*, never outside.

use super::{Given, NeededBy};
use crate::domain::alert_match::forms;
use crate::domain::reading::Component;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
// An address as a value; `core` knows no sockets.
use core::net::IpAddr;

/// Hosts one post may have: a pair of servers under several names.
const HOSTS_MAX: usize = 16;

/// Longest text of a field that is taken for a host.
const HOST_CHARS_MAX: usize = 253;

/// Words in the names of fields that hold a host.
const HOST_WORDS: [&str; 12] = [
    "host", "hostname", "fqdn", "dns", "address", "addr", "ip", "ip4", "ip6", "ipv4", "ipv6", "oob",
];

/// Something people need, and the hosts it is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// `this terminal`, `prometheus main`.
    pub what: String,
    /// Names and addresses, any of them; empty where none is known.
    pub hosts: Vec<String>,
}

/// Where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Place {
    /// It is a touched component.
    Touched {
        /// Which.
        component: String,
    },
    /// It needs a touched component.
    Inside {
        /// Which component it is.
        component: String,
        /// What of that is touched.
        because: String,
        /// In how many steps.
        distance: usize,
    },
    /// It is a component that needs nothing touched, as far as the CMDB says.
    Outside {
        /// Which component it is.
        component: String,
    },
    /// Nobody knows.
    NotKnown {
        /// Why.
        why: String,
    },
}

impl Place {
    /// True for what stands and falls with something touched.
    pub const fn is_inside(&self) -> bool {
        matches!(self, Self::Touched { .. } | Self::Inside { .. })
    }
}

/// A post and where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Posted {
    /// What.
    pub what: String,
    /// The first host it is known by, or empty.
    pub host: String,
    /// Where.
    pub place: Place,
}

/// Every name and address of these hosts that a file of hosts knows, the typed ones first. A loopback address is the host
/// itself.
pub fn known_by(hosts_file: &str, own: &str, typed: &[String]) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    let mut add = |host: &str| {
        let host = host.trim().to_lowercase();
        if !host.is_empty() && !known.contains(&host) && known.len() < HOSTS_MAX {
            known.push(host);
        }
    };
    for host in typed {
        let host = host.trim().to_lowercase();
        if is_loopback(&host) {
            add(own);
        }
        add(&host);
        for line in hosts_file.lines() {
            let words = || {
                line.split('#')
                    .next()
                    .unwrap_or_default()
                    .split_whitespace()
            };
            let is_it = words().any(|word| word.to_lowercase() == host);
            // What a host calls itself on its loopback says nothing about others.
            if is_it && !words().next().is_some_and(is_loopback) {
                words().for_each(&mut add);
            }
        }
    }
    known
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

pub(super) fn all<'a>(
    given: &Given<'a>,
    touched: &'a [String],
    needed_by: &NeededBy<'a>,
) -> Vec<Posted> {
    let components: &BTreeMap<String, Component> = &given.board.components;
    let from = origins(needed_by, touched);
    let index = index(components, touched);
    given
        .posts
        .iter()
        .map(|post| Posted {
            what: post.what.clone(),
            host: post.hosts.first().cloned().unwrap_or_default(),
            place: place(post, &index, &from),
        })
        .collect()
}

/// For each component that falls with a touched one, at any distance: which one, and in how many steps.
fn origins<'a>(
    needed_by: &NeededBy<'a>,
    touched: &'a [String],
) -> BTreeMap<&'a str, (&'a str, usize)> {
    let mut from: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut queue: VecDeque<(&str, &str, usize)> = VecDeque::new();
    for name in touched {
        if from.insert(name, (name, 0)).is_none() {
            queue.push_back((name, name, 0));
        }
    }
    while let Some((at, origin, distance)) = queue.pop_front() {
        for further in needed_by.get(at).into_iter().flatten() {
            let distance = distance.saturating_add(1);
            if !from.contains_key(further) {
                from.insert(further, (origin, distance));
                queue.push_back((further, origin, distance));
            }
        }
    }
    from
}

/// Whose each name, address and host field is, in lower case. A name that is touched is its own, also where no CMDB
/// knows it.
fn index<'a>(
    components: &'a BTreeMap<String, Component>,
    touched: &'a [String],
) -> BTreeMap<String, BTreeSet<&'a str>> {
    let mut index: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut add = |text: &str, name: &'a str| {
        let key = bare(text);
        if !key.is_empty() && key.len() <= HOST_CHARS_MAX {
            index.entry(key).or_default().insert(name);
        }
    };
    for name in touched {
        add(name, name);
    }
    for component in components.values() {
        let name = component.name.as_str();
        add(name, name);
        add(&component.address, name);
        for (key, value) in &component.fields {
            if names_host(key) {
                add(value, name);
            }
        }
    }
    index
}

/// True for the name of a field that holds a host: `fqdn`, `mgmt_ip`, `Host Name`.
fn names_host(field: &str) -> bool {
    let field = field.to_lowercase();
    let mut words = field.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| HOST_WORDS.contains(&word))
}

/// Without the length of a network behind an address, in lower case.
fn bare(text: &str) -> String {
    let text = text.trim().split('/').next().unwrap_or_default();
    text.to_lowercase()
}

fn place(
    post: &Post,
    index: &BTreeMap<String, BTreeSet<&str>>,
    from: &BTreeMap<&str, (&str, usize)>,
) -> Place {
    if post.hosts.is_empty() {
        return Place::NotKnown {
            why: "its host is not known".to_owned(),
        };
    }
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for host in post.hosts.iter().take(HOSTS_MAX) {
        let host = bare(host);
        if host.len() <= HOST_CHARS_MAX {
            let forms = forms(&host).into_iter();
            found.extend(forms.filter_map(|form| index.get(form)).flatten());
        }
    }
    // The nearest of several: a warning that is one too many costs a look.
    let inside = found
        .iter()
        .filter_map(|name| Some((*from.get(name)?, *name)));
    if let Some(((origin, distance), name)) = inside.min_by_key(|((_, distance), _)| *distance) {
        let component = name.to_owned();
        return match distance {
            0 => Place::Touched { component },
            _ => Place::Inside {
                component,
                because: origin.to_owned(),
                distance,
            },
        };
    }
    match found.first() {
        Some(name) => Place::Outside {
            component: (*name).to_owned(),
        },
        None => Place::NotKnown {
            why: "no CMDB names its host".to_owned(),
        },
    }
}
