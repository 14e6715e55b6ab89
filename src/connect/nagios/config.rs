//! Settings of `[connect.nagios.NAME]`.

use super::Nagios;
use super::client::Client;
use super::probe::NagiosProbe;
use super::write::NagiosWriter;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::{HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.nagios.NAME]`
pub const KIND: Kind = Kind {
    word: "nagios",
    read,
};

/// Interval of the polls when the configuration names none: Nagios itself writes its status every ten seconds.
pub const EVERY: Duration = Duration::from_secs(15);

/// One Nagios.
#[derive(Debug, Clone)]
pub struct NagiosConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Address of the folder of the CGIs, and credentials.
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// Only hosts of this group and their services; all that the user may see when absent.
    pub host_group: Option<String>,
    /// Named pipe that Nagios reads commands from, on this host; `cmd.cgi` is used when absent.
    pub command_file: Option<PathBuf>,
    /// Downtimes may be made and ended.
    pub writes: bool,
}

impl NagiosConfig {
    /// Defaults for the address of the CGIs.
    pub fn new(name: ConnectorName, url: &str) -> Self {
        Self {
            name,
            http: HttpConfig::new(url),
            every: EVERY,
            host_group: None,
            command_file: None,
            writes: false,
        }
    }
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let every = keys.span("every", keys::EVERY);
    let host_group = keys.text("host_group");
    let command_file = keys.path("command_file");
    let writes = keys.flag("writes");
    let (auth, headers) = (keys.auth(), keys.headers());
    let http = keys.http(None)?;
    Some(Arc::new(NagiosConfig {
        name,
        http: HttpConfig {
            auth,
            headers,
            ..http
        },
        every: every.unwrap_or(EVERY),
        host_group,
        command_file,
        writes: writes.unwrap_or(false),
    }))
}

impl Connector for NagiosConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "nagios"
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
        Ok(Some(Box::new(Nagios::new(self.clone())?)))
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if !self.writes {
            return Ok(None);
        }
        Ok(Some(Box::new(NagiosWriter::new(self)?)))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        let client = Client::new(&self.http)?;
        Ok(Box::new(NagiosProbe::new(client, self)))
    }
}
