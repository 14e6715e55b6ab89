//! Settings of `[connect.netbox.NAME]`.

use crate::connect::http::HttpConfig;
use crate::domain::id::ConnectorName;
use std::time::Duration;

/// Interval of the polls when the configuration names none: a CMDB changes by hand, and a full read is not cheap for it.
pub const EVERY: Duration = Duration::from_secs(300);

/// One NetBox.
#[derive(Debug, Clone)]
pub struct NetBoxConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL and `Authorization: Token ...`.
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// Which objects are read.
    pub filter: Filter,
    /// Reads contact assignments too (two more lists); the primary contact then is the owner, before the tenant.
    pub contacts: bool,
}

/// Which objects are read; an empty list does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Slugs of sites; any of them.
    pub sites: Vec<String>,
    /// Slugs of tags; **all** of them, as NetBox has it.
    pub tags: Vec<String>,
    /// Slugs of device roles; any of them.
    pub roles: Vec<String>,
}
