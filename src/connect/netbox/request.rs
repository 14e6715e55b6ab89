//! Which lists are asked for, and their pages.

use super::config::Filter;
use super::dialect::{Dialect, List};
use super::response::Id;
use crate::connect::http::{Call, path_part};

/// Objects of one page. NetBox answers with at most 1,000 (`MAX_PAGE_SIZE`) unless told otherwise; half of it keeps an
/// answer with custom fields within a second and a few megabytes.
pub(in crate::connect) const PAGE: usize = 500;

/// Entries looked through for a mark: there is one, unless somebody quotes it.
const FOUND_MAX: usize = 50;

/// The page of a list that starts at `offset`.
///
/// Services and contact assignments have no site and no role; those of other objects are dropped after reading.
pub(in crate::connect) fn page(
    dialect: Dialect,
    list: List,
    filter: &Filter,
    offset: usize,
) -> Call {
    let mut call = Call::get(dialect.path(list))
        .query("limit", PAGE.to_string())
        .query("offset", offset.to_string())
        .query(dialect.sort_key(), "id");
    for (name, value) in dialect.shape(list) {
        call = call.query(name, *value);
    }
    match list {
        List::Devices | List::VirtualMachines => {
            let values = [&filter.sites, &filter.tags, &filter.roles];
            for (name, values) in dialect.filter_keys().into_iter().zip(values) {
                for value in values {
                    call = call.query(name, value.clone());
                }
            }
        }
        List::DeviceContacts | List::VirtualMachineContacts => {
            call = call.query(dialect.contact_type_key(), list.object_type());
        }
        List::Services | List::Locations | List::Entries | List::Statuses => {}
    }
    call
}

/// Devices or virtual machines of one name.
pub(in crate::connect) fn named(dialect: Dialect, list: List, filter: &Filter, name: &str) -> Call {
    page(dialect, list, filter, 0).query("name", name)
}

/// Entries under an object that have a text in them.
pub(in crate::connect) fn entries(
    dialect: Dialect,
    object_type: &str,
    id: &Id,
    text: &str,
) -> Call {
    Call::get(dialect.path(List::Entries))
        .query("limit", FOUND_MAX.to_string())
        .query("assigned_object_type", object_type)
        .query("assigned_object_id", id.as_str())
        .query("q", text)
}

/// One object of a list.
pub(in crate::connect) fn object_path(dialect: Dialect, list: List, id: &Id) -> String {
    format!("{}{}/", dialect.path(list), path_part(id.as_str()))
}

/// One device or virtual machine, with the names of what it refers to.
pub(in crate::connect) fn object(dialect: Dialect, list: List, id: &Id) -> Call {
    let call = Call::get(object_path(dialect, list, id));
    match dialect {
        Dialect::NetBox => call,
        Dialect::Nautobot => call.query("depth", "1"),
    }
}

/// Nautobot's states for a type of object. Source: Nautobot 3, "Statuses".
pub(in crate::connect) fn statuses(list: List) -> Call {
    Call::get(Dialect::Nautobot.path(List::Statuses))
        .query("content_types", list.object_type())
        .query("limit", PAGE.to_string())
}
