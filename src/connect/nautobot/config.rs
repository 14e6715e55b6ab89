//! Settings of `[connect.nautobot.NAME]`.

use crate::connect::connector::{Connector, Kind};
use crate::connect::keys::Keys;
use crate::connect::netbox::{Dialect, Filter, read_settings};
use crate::domain::id::ConnectorName;
use std::sync::Arc;

/// `[connect.nautobot.NAME]`
pub const KIND: Kind = Kind {
    word: "nautobot",
    read,
};

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let mut filter = Filter::default();
    keys.inside("filter", &mut |keys| {
        filter.sites = keys.texts("locations");
        filter.tags = keys.texts("tags");
        filter.roles = keys.texts("roles");
    });
    read_settings(name, Dialect::Nautobot, filter, keys)
}
