//! Settings of `[connect.netbox.NAME]`.

use super::NetBox;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind};
use crate::connect::http::{Auth, HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// `[connect.netbox.NAME]`
pub const KIND: Kind = Kind {
    word: "netbox",
    read,
};

/// Interval of the polls when the configuration names none: a CMDB changes by hand, and a full read is not cheap for it.
pub const EVERY: Duration = Duration::from_secs(300);

/// One NetBox.
#[derive(Debug, Clone)]
pub struct NetBoxConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL, and credentials from [`auth`].
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

/// Credentials of a token of either version; the keyword that NetBox shows before a new token may be there or not.
///
/// Tokens of version 2 (`nbt_KEY.TOKEN`) are bearer tokens; those of version 1 have the keyword `Token`, and go with
/// NetBox 5. Source: NetBox 4.5, "REST API", "Authentication".
pub fn auth(token: &SecretString) -> Auth {
    let token = token.expose_secret().trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    let token = token.strip_prefix("Token ").unwrap_or(token).trim();
    if token.starts_with("nbt_") {
        return Auth::Bearer(SecretString::from(token));
    }
    let value = SecretString::from(format!("Token {token}"));
    Auth::Headers(vec![("Authorization".to_owned(), value)])
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let token = keys.required_secret("token");
    let every = keys.span("every", keys::EVERY);
    let contacts = keys.flag("contacts");
    let mut filter = Filter::default();
    keys.inside("filter", &mut |keys| {
        filter.sites = keys.ids("sites");
        filter.tags = keys.ids("tags");
        filter.roles = keys.ids("roles");
    });
    let http = keys.http(None)?;
    Some(Arc::new(NetBoxConfig {
        name,
        http: HttpConfig {
            auth: auth(&token?),
            ..http
        },
        every: every.unwrap_or(EVERY),
        filter,
        contacts: contacts.unwrap_or(false),
    }))
}

impl Connector for NetBoxConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "netbox"
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(NetBox::new(self.clone())?)))
    }
}
