//! Which records are asked for.

use super::config::ServiceNowConfig;
use crate::connect::http::{Call, path_part};

/// Records of one page: a tenth of what an instance gives when nobody says how many, so that no page takes it long.
pub(super) const PAGE: usize = 500;

/// Parents whose relations are asked for at once: their ids take 3,300 bytes of an address.
pub(super) const PARENTS: usize = 100;

/// Columns of a configuration item. Those a class does not have are left out by the instance; `busines_criticality` is
/// spelt so there.
const COLUMNS: [&str; 17] = [
    "sys_id",
    "name",
    "sys_class_name",
    "short_description",
    "support_group",
    "owned_by",
    "managed_by",
    "assigned_to",
    "busines_criticality",
    "environment",
    "used_for",
    "location",
    "operational_status",
    "install_status",
    "ip_address",
    "fqdn",
    "sys_tags",
];

/// Path of a table.
pub(super) fn table(table: &str) -> String {
    format!("/api/now/table/{}", path_part(table))
}

/// Path of a record.
pub(super) fn record(table: &str, id: &str) -> String {
    format!("{}/{}", self::table(table), path_part(id))
}

/// A value in an encoded query: `^` would begin the next condition, and is written twice.
///
/// None for a value that the instance would run as a script. Source: ServiceNow, "Encoded query strings".
pub(super) fn value(text: &str) -> Option<String> {
    let is_script = text.to_lowercase().contains("javascript:");
    (!is_script && !text.contains(char::is_control)).then(|| text.replace('^', "^^"))
}

fn all_values(call: Call, columns: &str) -> Call {
    call.query("sysparm_display_value", "all")
        .query("sysparm_exclude_reference_link", "true")
        .query("sysparm_fields", columns)
}

/// One page of a list.
pub(super) fn page(call: &Call, offset: usize) -> Call {
    call.clone()
        .query("sysparm_limit", PAGE.to_string())
        .query("sysparm_offset", offset.to_string())
}

fn columns(config: &ServiceNowConfig) -> String {
    let further = config.fields.iter().chain(&config.role_field);
    let all = COLUMNS.iter().copied().chain(further.map(String::as_str));
    all.collect::<Vec<&str>>().join(",")
}

/// Sorted by id: without an order a page may repeat or miss what the page before had.
fn sorted(query: &str) -> String {
    if query.is_empty() {
        "ORDERBYsys_id".to_owned()
    } else {
        format!("{query}^ORDERBYsys_id")
    }
}

/// All configuration items that are wanted.
pub(super) fn items(config: &ServiceNowConfig) -> Call {
    let call = Call::get(table(&config.class)).query("sysparm_query", sorted(&config.query));
    all_values(call, &columns(config))
}

/// Configuration items of one name; None when it cannot be asked for by name.
pub(super) fn named(config: &ServiceNowConfig, name: &str) -> Option<Call> {
    // Together with a query of several parts (`^NQ`) the name would narrow down the last part alone.
    if !config.query.is_empty() {
        return None;
    }
    let query = sorted(&format!("name={}", value(name)?));
    let call = Call::get(table(&config.class)).query("sysparm_query", query);
    Some(all_values(call, &columns(config)))
}

/// Relations of some parents.
pub(super) fn relations(types: &[String], parents: &[&str]) -> Call {
    let query = format!(
        "type.nameIN{}^parentIN{}",
        types.join(","),
        parents.join(",")
    );
    let call = Call::get(table("cmdb_rel_ci")).query("sysparm_query", sorted(&query));
    all_values(call, "sys_id,parent,child")
}

/// Some columns of one configuration item.
pub(super) fn item(config: &ServiceNowConfig, id: &str, columns: &str) -> Call {
    all_values(Call::get(record(&config.class, id)), columns)
}

/// States that may be set. Source: ServiceNow, "Choice lists": those of a table hold for the tables derived from it.
pub(super) fn choices(config: &ServiceNowConfig) -> Call {
    let query = format!(
        "nameINcmdb,cmdb_ci,{}^element={}^inactive=false",
        config.class, config.status_field
    );
    let call = Call::get(table("sys_choice")).query("sysparm_query", query);
    all_values(call, "label,value").query("sysparm_limit", PAGE.to_string())
}
