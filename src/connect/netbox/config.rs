//! Settings of `[connect.netbox.NAME]`, and what those of `[connect.nautobot.NAME]` share with them.

use super::dialect::Dialect;
use super::probe::NetBoxProbe;
use super::write::NetBoxWriter;
use super::{Client, NetBox};
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::{Auth, HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
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

/// One NetBox or Nautobot.
#[derive(Debug, Clone)]
pub struct NetBoxConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Which of the two it is.
    pub dialect: Dialect,
    /// Base URL, and credentials from [`auth`].
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// Which objects are read.
    pub filter: Filter,
    /// Reads contact assignments too (two more lists); the primary contact then is the owner, before the tenant.
    pub contacts: bool,
    /// Journal entries may be written, and states changed.
    pub writes: bool,
}

/// Which objects are read; an empty list does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Slugs of sites, or in Nautobot names of locations; any of them.
    pub sites: Vec<String>,
    /// Slugs of tags, or in Nautobot their names; **all** of them, as both have it.
    pub tags: Vec<String>,
    /// Slugs of device roles, or in Nautobot their names; any of them.
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
    let mut filter = Filter::default();
    keys.inside("filter", &mut |keys| {
        filter.sites = keys.ids("sites");
        filter.tags = keys.ids("tags");
        filter.roles = keys.ids("roles");
    });
    read_settings(name, Dialect::NetBox, filter, keys)
}

/// Reads every setting but the filter, whose words differ.
pub fn read_settings(
    name: ConnectorName,
    dialect: Dialect,
    filter: Filter,
    keys: &mut dyn Keys,
) -> Option<Arc<dyn Connector>> {
    let token = keys.required_secret("token");
    let every = keys.span("every", keys::EVERY);
    let contacts = keys.flag("contacts");
    let writes = keys.flag("writes");
    let http = keys.http(None)?;
    Some(Arc::new(NetBoxConfig {
        name,
        dialect,
        http: HttpConfig {
            auth: auth(&token?),
            ..http
        },
        every: every.unwrap_or(EVERY),
        filter,
        contacts: contacts.unwrap_or(false),
        writes: writes.unwrap_or(false),
    }))
}

impl Connector for NetBoxConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        self.dialect.system()
    }

    fn is_catalog(&self) -> bool {
        true
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn abilities(&self) -> Vec<Ability> {
        if self.writes {
            vec![Ability::Record, Ability::SetStatus]
        } else {
            Vec::new()
        }
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(NetBox::new(self.clone())?)))
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if !self.writes {
            return Ok(None);
        }
        let client = Client::new(self.clone())?;
        Ok(Some(Box::new(NetBoxWriter::new(client))))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(NetBoxProbe::new(Client::new(self.clone())?)))
    }
}
