//! Which lists are asked for, and their pages.

use super::config::Filter;

/// Objects of one page. NetBox answers with at most 1,000 (`MAX_PAGE_SIZE`) unless told otherwise; half of it keeps an
/// answer with custom fields within a second and a few megabytes.
pub(super) const PAGE: usize = 500;

/// A list of the REST API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
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
}

impl List {
    /// Path below the base URL. Source: NetBox 4.2 OpenAPI description.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Devices => "/api/dcim/devices/",
            Self::VirtualMachines => "/api/virtualization/virtual-machines/",
            Self::Services => "/api/ipam/services/",
            Self::DeviceContacts | Self::VirtualMachineContacts => {
                "/api/tenancy/contact-assignments/"
            }
        }
    }

    /// What a person calls it, for errors.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::VirtualMachines => "virtual machines",
            Self::Services => "services",
            Self::DeviceContacts | Self::VirtualMachineContacts => "contact assignments",
        }
    }

    /// Parameters of the page that starts at `offset`.
    ///
    /// Services and contact assignments have no site and no role; those of other objects are dropped after reading.
    /// Sorted by id: without an order a page may repeat or miss what the page before had.
    pub(super) fn query(self, filter: &Filter, offset: usize) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("limit", PAGE.to_string()),
            ("offset", offset.to_string()),
            ("ordering", "id".to_owned()),
        ];
        match self {
            Self::Devices | Self::VirtualMachines => {
                let lists = [
                    ("site", &filter.sites),
                    ("tag", &filter.tags),
                    ("role", &filter.roles),
                ];
                for (name, values) in lists {
                    query.extend(values.iter().map(|value| (name, value.clone())));
                }
            }
            Self::Services => {}
            Self::DeviceContacts => query.push(("object_type", "dcim.device".to_owned())),
            Self::VirtualMachineContacts => {
                query.push(("object_type", "virtualization.virtualmachine".to_owned()));
            }
        }
        query
    }
}
