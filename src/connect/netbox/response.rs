//! Bytes of NetBox into typed objects: tolerant of fields we do not use, strict on those we do.
//!
//! Source: OpenAPI description of NetBox 4.2.2, checked by the tests. Services of NetBox 4.3 and later name their host
//! in `parent`, older ones in `device` or `virtual_machine`; both are read.

use crate::connect::http::{HttpError, decode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One page of a list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Page<T> {
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
pub(super) fn page<T: DeserializeOwned>(body: &[u8]) -> Result<Page<T>, HttpError> {
    decode(body)
}

/// A related object: NetBox calls it a brief representation.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Brief {
    /// Its id among objects of its type.
    pub(super) id: u64,
    /// Its name; null for unnamed devices.
    #[serde(default)]
    name: Option<String>,
    /// What NetBox shows for it.
    #[serde(default)]
    display: Option<String>,
}

impl Brief {
    /// Its name, or what NetBox shows.
    pub(super) fn name(&self) -> String {
        shown(self.name.as_deref(), self.display.as_deref(), self.id)
    }
}

fn shown(name: Option<&str>, display: Option<&str>, id: u64) -> String {
    let texts = [name, display];
    let text = texts.into_iter().flatten().find(|text| !text.is_empty());
    text.map_or_else(|| format!("#{id}"), str::to_owned)
}

/// A value of a closed list, with its label.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Choice {
    /// `active`, `planned`.
    #[serde(default)]
    pub(super) value: String,
}

/// A tag of an object.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tag {
    /// `tier-1`.
    pub(super) slug: String,
}

/// A device or a virtual machine: the fields both have, and the host of a virtual machine.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Machine {
    /// Its id among objects of its type.
    pub(super) id: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    display: Option<String>,
    /// Device role.
    #[serde(default)]
    pub(super) role: Option<Brief>,
    /// Tenant.
    #[serde(default)]
    pub(super) tenant: Option<Brief>,
    /// Site.
    #[serde(default)]
    pub(super) site: Option<Brief>,
    /// Operational status.
    #[serde(default)]
    pub(super) status: Option<Choice>,
    /// The device a virtual machine is pinned to.
    #[serde(default)]
    pub(super) device: Option<Brief>,
    /// Tags.
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    /// Fields the organisation has added.
    #[serde(default)]
    pub(super) custom_fields: Map<String, Value>,
}

impl Machine {
    /// Its name, or what NetBox shows for an unnamed one.
    pub(super) fn name(&self) -> String {
        shown(self.name.as_deref(), self.display.as_deref(), self.id)
    }
}

/// A network service.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Service {
    /// `postgresql`.
    pub(super) name: String,
    /// Host, before NetBox 4.3.
    #[serde(default)]
    pub(super) device: Option<Brief>,
    /// Host, before NetBox 4.3.
    #[serde(default)]
    pub(super) virtual_machine: Option<Brief>,
    /// `dcim.device` or `virtualization.virtualmachine`, from NetBox 4.3.
    #[serde(default)]
    pub(super) parent_object_type: Option<String>,
    /// Id of the host, from NetBox 4.3.
    #[serde(default)]
    pub(super) parent_object_id: Option<u64>,
    /// Tags.
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    /// Fields the organisation has added.
    #[serde(default)]
    pub(super) custom_fields: Map<String, Value>,
}

/// Who is to be asked about an object.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ContactAssignment {
    /// Id of the object; its type is what was asked for.
    pub(super) object_id: u64,
    /// The contact.
    pub(super) contact: Brief,
    /// `primary`, `secondary`, `tertiary`, `inactive`.
    #[serde(default)]
    pub(super) priority: Option<Choice>,
}
