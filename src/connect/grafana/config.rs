//! Settings of `[connect.grafana.NAME]`.

use super::probe::GrafanaProbe;
use super::write::GrafanaWriter;
use super::{Grafana, PREFIX};
use crate::clock::Clock;
use crate::connect::alertmanager::Member;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::{Auth, HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.grafana.NAME]`
pub const KIND: Kind = Kind {
    word: "grafana",
    read,
};

/// Interval of the polls when the configuration names none.
pub const EVERY: Duration = Duration::from_secs(15);

/// One Grafana.
#[derive(Debug, Clone)]
pub struct GrafanaConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL, without `/api`, and the token of a service account.
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// Matchers as Alertmanager writes them; alerts that fit all of them are read.
    pub filter: Vec<String>,
    /// Silences may be made and ended, and annotations made.
    pub writes: bool,
}

impl GrafanaConfig {
    pub(super) fn member(&self) -> Result<Member, HttpSetupError> {
        Member::new(&self.http, PREFIX)
    }
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let token = keys.required_secret("token");
    let every = keys.span("every", keys::EVERY);
    let filter = keys.texts("filter");
    let writes = keys.flag("writes");
    let headers = keys.headers();
    let http = keys.http(None)?;
    Some(Arc::new(GrafanaConfig {
        name,
        http: HttpConfig {
            auth: Auth::Bearer(token?),
            headers,
            ..http
        },
        every: every.unwrap_or(EVERY),
        filter,
        writes: writes.unwrap_or(false),
    }))
}

impl Connector for GrafanaConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "grafana"
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn abilities(&self) -> Vec<Ability> {
        let filters = !self.filter.is_empty();
        let all = [
            (Ability::Mute, true),
            (Ability::Annotate, true),
            (Ability::MuteUnseen, filters),
        ];
        let can = all.into_iter().filter(|(_, can)| *can && self.writes);
        can.map(|(ability, _)| ability).collect()
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(Grafana::new(self.clone())?)))
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if !self.writes {
            return Ok(None);
        }
        Ok(Some(Box::new(GrafanaWriter::new(self)?)))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(GrafanaProbe::new(self)?))
    }
}
