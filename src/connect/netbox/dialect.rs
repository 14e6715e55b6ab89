//! The two members of the family: NetBox, and Nautobot, which came from it. What differs is named here and nowhere else.

use super::response::Id;
use serde_json::{Value, json};

/// Which of the two a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// NetBox 4. Source: OpenAPI description of 4.2.2.
    NetBox,
    /// Nautobot 2.4 and 3. Source: its user guide, "REST API"; seen on 3.2.7.
    Nautobot,
}

/// A list of the REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connect) enum List {
    /// Physical devices.
    Devices,
    /// Virtual machines.
    VirtualMachines,
    /// Network services on devices and virtual machines.
    Services,
    /// Contacts of devices.
    DeviceContacts,
    /// Contacts of virtual machines.
    VirtualMachineContacts,
    /// Places, by which Nautobot tells where a cluster is.
    Locations,
    /// Entries that people write under an object.
    Entries,
    /// States an object may have.
    Statuses,
}

impl List {
    /// What a person calls it, for errors.
    pub(in crate::connect) const fn what(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::VirtualMachines => "virtual machines",
            Self::Services => "services",
            Self::DeviceContacts | Self::VirtualMachineContacts => "contact assignments",
            Self::Locations => "locations",
            Self::Entries => "journal entries",
            Self::Statuses => "statuses",
        }
    }

    /// Type of its objects, or of those that contacts belong to.
    pub(in crate::connect) const fn object_type(self) -> &'static str {
        match self {
            Self::VirtualMachines | Self::VirtualMachineContacts => "virtualization.virtualmachine",
            Self::Services => "ipam.service",
            _ => "dcim.device",
        }
    }
}

impl Dialect {
    /// `netbox` or `nautobot`.
    pub const fn system(self) -> &'static str {
        match self {
            Self::NetBox => "netbox",
            Self::Nautobot => "nautobot",
        }
    }

    /// As its makers spell it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NetBox => "NetBox",
            Self::Nautobot => "Nautobot",
        }
    }

    /// Path below the base URL.
    pub(in crate::connect) const fn path(self, list: List) -> &'static str {
        match (list, self) {
            (List::Devices, _) => "/api/dcim/devices/",
            (List::VirtualMachines, _) => "/api/virtualization/virtual-machines/",
            (List::Services, _) => "/api/ipam/services/",
            (List::DeviceContacts | List::VirtualMachineContacts, Self::NetBox) => {
                "/api/tenancy/contact-assignments/"
            }
            (List::DeviceContacts | List::VirtualMachineContacts, Self::Nautobot) => {
                "/api/extras/contact-associations/"
            }
            (List::Locations, _) => "/api/dcim/locations/",
            (List::Entries, Self::NetBox) => "/api/extras/journal-entries/",
            (List::Entries, Self::Nautobot) => "/api/extras/notes/",
            (List::Statuses, _) => "/api/extras/statuses/",
        }
    }

    /// Parameter that narrows contacts to those of one type of object.
    pub(super) const fn contact_type_key(self) -> &'static str {
        match self {
            Self::NetBox => "object_type",
            Self::Nautobot => "associated_object_type",
        }
    }

    /// Parameters for sites, tags and roles.
    pub(super) const fn filter_keys(self) -> [&'static str; 3] {
        match self {
            Self::NetBox => ["site", "tag", "role"],
            Self::Nautobot => ["location", "tags", "role"],
        }
    }

    /// Key that sorts a list by id: without an order a page may repeat or miss what the page before had.
    pub(super) const fn sort_key(self) -> &'static str {
        match self {
            Self::NetBox => "ordering",
            Self::Nautobot => "sort",
        }
    }

    /// What makes a list cheap for the server, and whole enough for us.
    ///
    /// NetBox renders the configuration context of each machine unless told not to, and sends only what `fields` names;
    /// Nautobot names related objects only from `depth=1` on, and knows no choice of fields.
    /// Source: NetBox 4, "REST API", "Specifying Fields" and "Excluding Config Contexts"; Nautobot 3, "REST API".
    pub(super) const fn shape(self, list: List) -> &'static [(&'static str, &'static str)] {
        match (self, list) {
            (Self::NetBox, List::Devices) => &[
                ("exclude", "config_context"),
                (
                    "fields",
                    "id,url,display_url,display,name,role,tenant,site,status,primary_ip,cluster,platform,location,rack,\
                     description,tags,custom_fields",
                ),
            ],
            (Self::NetBox, List::VirtualMachines) => &[
                ("exclude", "config_context"),
                (
                    "fields",
                    "id,url,display_url,display,name,role,tenant,site,status,device,primary_ip,cluster,platform,\
                     description,tags,custom_fields",
                ),
            ],
            (Self::NetBox, List::Services) => &[(
                "fields",
                "id,url,display_url,name,device,virtual_machine,parent_object_type,parent_object_id,protocol,ports,\
                 description,tags,custom_fields",
            )],
            (Self::NetBox, _) | (Self::Nautobot, List::Locations | List::Statuses) => &[],
            (Self::Nautobot, _) => &[("depth", "1")],
        }
    }

    /// Key of the text in an entry.
    pub(super) const fn text_key(self) -> &'static str {
        match self {
            Self::NetBox => "comments",
            Self::Nautobot => "note",
        }
    }

    /// Body of a new entry under an object.
    pub(super) fn new_entry(self, object_type: &str, id: &Id, text: &str) -> Value {
        let mut body = json!({"assigned_object_type": object_type, "assigned_object_id": id});
        if let Some(body) = body.as_object_mut() {
            body.insert(self.text_key().to_owned(), json!(text));
            if self == Self::NetBox {
                body.insert("kind".to_owned(), json!("info"));
            }
        }
        body
    }

    /// Body that sets a status.
    pub(super) fn new_status(self, status: &str) -> Value {
        match self {
            Self::NetBox => json!({"status": status}),
            Self::Nautobot => json!({"status": {"name": status}}),
        }
    }

    /// Key of the version in `/api/status/`.
    pub(super) const fn version_key(self) -> &'static str {
        match self {
            Self::NetBox => "netbox-version",
            Self::Nautobot => "nautobot-version",
        }
    }
}
