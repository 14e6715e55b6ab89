//! Settings of `[connect.backstage.NAME]`.

use super::Backstage;
use super::probe::BackstageProbe;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe};
use crate::connect::http::{Http, HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.backstage.NAME]`
pub const KIND: Kind = Kind {
    word: "backstage",
    read,
};

/// Interval of the polls when the configuration names none: the catalog itself is made anew every few minutes.
pub const EVERY: Duration = Duration::from_secs(300);

/// Kinds of entities that are read when the configuration names none: those that something can happen to.
pub const KINDS: [&str; 4] = ["Component", "Resource", "System", "API"];

/// One Backstage.
#[derive(Debug, Clone)]
pub struct BackstageConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL of the backend, and credentials.
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// Kinds of entities that are read.
    pub kinds: Vec<String>,
    /// Conditions as the catalog has them (`spec.type=service,metadata.tags=payments`), any of them; none when empty.
    pub filter: Vec<String>,
}

impl BackstageConfig {
    /// Defaults for a server.
    pub fn new(name: ConnectorName, http: HttpConfig) -> Self {
        Self {
            name,
            http,
            every: EVERY,
            kinds: KINDS.map(str::to_owned).to_vec(),
            filter: Vec::new(),
        }
    }
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let auth = keys.auth();
    let every = keys.span("every", keys::EVERY);
    let kinds = keys.ids("kinds");
    let filter = keys.texts("filter");
    if let Some(empty) = filter.iter().find(|filter| filter.trim().is_empty()) {
        let hint = "such as `metadata.tags=payments`";
        keys.fault("filter", format!("`{empty}` is no condition"), hint);
    }
    let http = keys.http(None)?;
    let defaults = BackstageConfig::new(name, HttpConfig { auth, ..http });
    Some(Arc::new(BackstageConfig {
        every: every.unwrap_or(defaults.every),
        kinds: if kinds.is_empty() {
            defaults.kinds
        } else {
            kinds
        },
        filter,
        name: defaults.name,
        http: defaults.http,
    }))
}

impl Connector for BackstageConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "backstage"
    }

    fn is_catalog(&self) -> bool {
        true
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(Backstage::new(self.clone())?)))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        let http = Http::new(&self.http)?;
        Ok(Box::new(BackstageProbe::new(self.clone(), http)))
    }
}
