//! Settings of `[connect.icinga2.NAME]`.

use super::Icinga2;
use super::client::Client;
use super::probe::IcingaProbe;
use super::write::IcingaWriter;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::{HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.icinga2.NAME]`
pub const KIND: Kind = Kind {
    word: "icinga2",
    read,
};

/// Interval of the polls when the configuration names none: as soon as a person looks again.
pub const EVERY: Duration = Duration::from_secs(15);

/// One Icinga 2.
#[derive(Debug, Clone)]
pub struct Icinga2Config {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL of the API, without `/v1`, and credentials of an `ApiUser`.
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// Downtimes may be made and ended.
    pub writes: bool,
}

impl Icinga2Config {
    /// Defaults for a base URL.
    pub fn new(name: ConnectorName, url: &str) -> Self {
        Self {
            name,
            http: HttpConfig::new(url),
            every: EVERY,
            writes: false,
        }
    }
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let every = keys.span("every", keys::EVERY);
    let writes = keys.flag("writes");
    let (auth, headers) = (keys.auth(), keys.headers());
    let http = keys.http(None)?;
    Some(Arc::new(Icinga2Config {
        name,
        http: HttpConfig {
            auth,
            headers,
            ..http
        },
        every: every.unwrap_or(EVERY),
        writes: writes.unwrap_or(false),
    }))
}

impl Connector for Icinga2Config {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "icinga2"
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn abilities(&self) -> Vec<Ability> {
        if self.writes {
            vec![Ability::Mute]
        } else {
            Vec::new()
        }
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(Icinga2::new(self.clone())?)))
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if !self.writes {
            return Ok(None);
        }
        Ok(Some(Box::new(IcingaWriter::new(&self.http)?)))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        let client = Client::new(&self.http)?;
        Ok(Box::new(IcingaProbe::new(client, self.writes)))
    }
}
