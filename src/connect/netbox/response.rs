//! Bytes of NetBox and Nautobot into typed objects: tolerant of fields we do not use, strict on those we do.
//!
//! Source: OpenAPI description of NetBox 4.2.2, checked by the tests, and answers of Nautobot 3.2.7. Services of NetBox 4.3
//! and later name their host in `parent`, older ones in `device` or `virtual_machine`; both are read.

use crate::connect::http::{HttpError, decode};
use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// Bytes of a UUID as text.
const UUID_BYTES: usize = 36;

/// Bytes of an id that are shown where two objects have one name: enough of a UUID to tell them apart.
const SHORT_BYTES: usize = 8;

/// Id of an object: a number in NetBox, a UUID in Nautobot. Nothing else, since it is put into addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::connect) struct Id {
    text: String,
    is_number: bool,
}

impl Id {
    /// As it stands in addresses.
    pub(in crate::connect) fn as_str(&self) -> &str {
        &self.text
    }

    /// As a person needs it to tell two objects apart.
    pub(super) fn short(&self) -> &str {
        self.text.get(..SHORT_BYTES).unwrap_or(&self.text)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text.parse::<u64>() {
            Ok(number) if self.is_number => serializer.serialize_u64(number),
            _ => serializer.serialize_str(&self.text),
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids;
        impl Visitor<'_> for Ids {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a UUID")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id {
                    text: number.to_string(),
                    is_number: true,
                })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
                let is_uuid = text.len() == UUID_BYTES
                    && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
                if !is_uuid {
                    return Err(E::invalid_value(serde::de::Unexpected::Str(text), &self));
                }
                Ok(Id {
                    text: text.to_owned(),
                    is_number: false,
                })
            }
        }
        deserializer.deserialize_any(Ids)
    }
}

/// One page of a list.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::connect) struct Page<T> {
    /// Objects in all pages.
    #[serde(default)]
    pub(super) count: Option<u64>,
    /// Address of the next page; absent on the last. Only its presence is used: an address that an answer names could
    /// lead the token to another host.
    pub(super) next: Option<String>,
    /// The objects.
    pub(super) results: Vec<T>,
}

/// Decodes one page.
///
/// # Errors
/// [`HttpError::Decode`] with the place in the document.
pub(in crate::connect) fn page<T: DeserializeOwned>(body: &[u8]) -> Result<Page<T>, HttpError> {
    decode(body)
}

/// A related object: NetBox calls it a brief representation.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Brief {
    /// Its id among objects of its type.
    pub(super) id: Id,
    /// Its name; null for unnamed devices.
    #[serde(default)]
    name: Option<String>,
    /// What the server shows for it.
    #[serde(default)]
    display: Option<String>,
    /// Its name as it stands in addresses; NetBox alone.
    #[serde(default)]
    slug: Option<String>,
    /// Where a cluster is; Nautobot alone.
    #[serde(default)]
    pub(super) location: Option<Reference>,
}

/// A related object of which nothing but its id is wanted.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    /// Its id among objects of its type.
    pub(super) id: Id,
}

impl Brief {
    /// Its name, or what the server shows.
    pub(super) fn name(&self) -> String {
        shown(self.name.as_deref(), self.display.as_deref(), &self.id)
    }

    /// Its slug, or its name where there are none.
    pub(super) fn slug(&self) -> String {
        let slug = self.slug.clone().filter(|slug| !slug.is_empty());
        slug.unwrap_or_else(|| self.name())
    }
}

fn shown(name: Option<&str>, display: Option<&str>, id: &Id) -> String {
    let texts = [name, display];
    let text = texts.into_iter().flatten().find(|text| !text.is_empty());
    text.map_or_else(|| format!("#{}", id.as_str()), str::to_owned)
}

/// A status or a priority: a value of a closed list in NetBox, an object with a name in Nautobot.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

impl Choice {
    /// `active`, `planned`: in lower case, since Nautobot names the same states in capitals.
    pub(super) fn word(&self) -> String {
        let word = self.value.as_ref().or(self.name.as_ref());
        word.map(|word| word.to_lowercase()).unwrap_or_default()
    }
}

/// A tag of an object.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tag {
    #[serde(default)]
    slug: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

impl Tag {
    /// `tier-1`: the slug, or the name where there are none.
    pub(super) fn word(&self) -> &str {
        let words = [self.slug.as_deref(), self.name.as_deref()];
        words
            .into_iter()
            .flatten()
            .find(|word| !word.is_empty())
            .unwrap_or_default()
    }
}

/// An address of the network with its mask: `10.0.0.1/24`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Address {
    #[serde(default)]
    address: String,
}

impl Address {
    /// Without the mask.
    pub(super) fn host(&self) -> String {
        let host = self.address.split('/').next();
        host.unwrap_or_default().to_owned()
    }
}

/// A device or a virtual machine: the fields both have, and the host of a virtual machine.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::connect) struct Machine {
    /// Its id among objects of its type.
    pub(super) id: Id,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    display: Option<String>,
    /// Page for people; NetBox alone.
    #[serde(default)]
    pub(super) display_url: Option<String>,
    /// Address in the API.
    #[serde(default)]
    pub(super) url: Option<String>,
    /// Device role.
    #[serde(default)]
    pub(super) role: Option<Brief>,
    /// Tenant.
    #[serde(default)]
    pub(super) tenant: Option<Brief>,
    /// Site; NetBox alone.
    #[serde(default)]
    pub(super) site: Option<Brief>,
    /// Part of a site in NetBox; in Nautobot what is a site in NetBox.
    #[serde(default)]
    pub(super) location: Option<Brief>,
    /// Rack.
    #[serde(default)]
    pub(super) rack: Option<Brief>,
    /// Operating system.
    #[serde(default)]
    pub(super) platform: Option<Brief>,
    /// Cluster.
    #[serde(default)]
    pub(super) cluster: Option<Brief>,
    /// Operational status.
    #[serde(default)]
    pub(super) status: Option<Choice>,
    /// The device a virtual machine is pinned to.
    #[serde(default)]
    pub(super) device: Option<Brief>,
    /// Its main address; NetBox alone.
    #[serde(default)]
    pub(super) primary_ip: Option<Address>,
    /// Its main address of version 4.
    #[serde(default)]
    pub(super) primary_ip4: Option<Address>,
    /// Its main address of version 6.
    #[serde(default)]
    pub(super) primary_ip6: Option<Address>,
    /// A line about it.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Tags.
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    /// Fields the organisation has added.
    #[serde(default)]
    pub(super) custom_fields: Map<String, Value>,
}

impl Machine {
    /// Its name, or what the server shows for an unnamed one.
    pub(super) fn name(&self) -> String {
        shown(self.name.as_deref(), self.display.as_deref(), &self.id)
    }

    /// Its status in lower case, or empty.
    pub(super) fn status(&self) -> String {
        self.status.as_ref().map(Choice::word).unwrap_or_default()
    }
}

/// A network service.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::connect) struct Service {
    /// Its id among services.
    pub(super) id: Id,
    /// `postgresql`.
    pub(super) name: String,
    /// Page for people; NetBox alone.
    #[serde(default)]
    pub(super) display_url: Option<String>,
    /// Address in the API.
    #[serde(default)]
    pub(super) url: Option<String>,
    /// Host, before NetBox 4.3 and in Nautobot.
    #[serde(default)]
    pub(super) device: Option<Brief>,
    /// Host, before NetBox 4.3 and in Nautobot.
    #[serde(default)]
    pub(super) virtual_machine: Option<Brief>,
    /// `dcim.device` or `virtualization.virtualmachine`, from NetBox 4.3.
    #[serde(default)]
    pub(super) parent_object_type: Option<String>,
    /// Id of the host, from NetBox 4.3.
    #[serde(default)]
    pub(super) parent_object_id: Option<Id>,
    /// Ports.
    #[serde(default)]
    pub(super) ports: Vec<u32>,
    /// `tcp`.
    #[serde(default)]
    pub(super) protocol: Option<Choice>,
    /// A line about it.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Tags.
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    /// Fields the organisation has added.
    #[serde(default)]
    pub(super) custom_fields: Map<String, Value>,
}

/// Who is to be asked about an object.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::connect) struct ContactAssignment {
    /// Id of the object; its type is what was asked for.
    #[serde(alias = "associated_object_id")]
    pub(super) object_id: Id,
    /// The person.
    #[serde(default)]
    pub(super) contact: Option<Brief>,
    /// The team; Nautobot alone.
    #[serde(default)]
    pub(super) team: Option<Brief>,
    /// What for; says in Nautobot what the priority says in NetBox.
    #[serde(default)]
    pub(super) role: Option<Brief>,
    /// `primary`, `secondary`, `tertiary`, `inactive`; NetBox alone.
    #[serde(default)]
    pub(super) priority: Option<Choice>,
    /// Status; Nautobot alone.
    #[serde(default)]
    pub(super) status: Option<Choice>,
}

/// A place.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::connect) struct Location {
    /// Its id among places.
    pub(super) id: Id,
    /// `fra2`.
    pub(super) name: String,
}

/// What people have written under an object.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::connect) struct Entry {
    /// Its id among entries.
    pub(super) id: Id,
    /// The text.
    #[serde(alias = "note")]
    pub(super) comments: String,
}

/// A state an object may have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(in crate::connect) struct Status {
    /// As it is sent.
    #[serde(alias = "name")]
    pub(super) value: String,
    /// As people see it.
    #[serde(default, alias = "display")]
    pub(super) display_name: String,
}

/// What a token may do with a list, as far as `OPTIONS` tells.
///
/// Source: Django REST framework, "Metadata": `actions` has `POST` and `PUT` for who may create and change.
#[derive(Debug, Clone, Default, Deserialize)]
pub(in crate::connect) struct Metadata {
    /// By method, then by field.
    #[serde(default)]
    pub(super) actions: Map<String, Value>,
}

impl Metadata {
    /// The states that may be set, where they are told.
    pub(super) fn statuses(&self) -> Option<Vec<Status>> {
        let actions = [self.actions.get("PUT"), self.actions.get("POST")];
        let choices = actions
            .into_iter()
            .flatten()
            .find_map(|action| action.get("status")?.get("choices"))?;
        let statuses: Vec<Status> = serde_json::from_value(choices.clone()).ok()?;
        (!statuses.is_empty()).then_some(statuses)
    }
}
