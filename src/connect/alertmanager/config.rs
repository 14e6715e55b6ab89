//! Settings of `[connect.alertmanager.NAME]`.

use super::Alertmanager;
use super::member::{Member, PREFIX};
use super::probe::AlertmanagerProbe;
use super::write::SilenceWriter;
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

/// `[connect.alertmanager.NAME]`
pub const KIND: Kind = Kind {
    word: "alertmanager",
    read,
};

/// Interval of the polls when the configuration names none: an alert is on the screen before a page has rung.
pub const EVERY: Duration = Duration::from_secs(10);

/// Members of one cluster: more than anybody runs, and each is asked at every poll.
const MEMBERS_MAX: usize = 16;

/// One cluster of Alertmanagers.
#[derive(Debug, Clone)]
pub struct AlertmanagerConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// One for each member; at least one.
    pub members: Vec<HttpConfig>,
    /// Interval of the polls.
    pub every: Duration,
    /// Matchers as Alertmanager writes them; alerts that fit all of them are read.
    pub filter: Vec<String>,
    /// Silences may be made and ended.
    pub writes: bool,
}

impl AlertmanagerConfig {
    /// Defaults for one member.
    pub fn new(name: ConnectorName, url: &str) -> Self {
        Self {
            name,
            members: vec![HttpConfig::new(url)],
            every: EVERY,
            filter: Vec::new(),
            writes: false,
        }
    }

    fn clients(&self) -> Result<Vec<Member>, HttpSetupError> {
        let members = self.members.iter();
        members.map(|member| Member::new(member, PREFIX)).collect()
    }
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    const HINT: &str =
        "write all members of one cluster: `urls = [\"http://am-1:9093\", \"http://am-2:9093\"]`";
    let is_there = keys.has("urls");
    let urls = keys.urls("urls");
    if !is_there {
        keys.fault("urls", "is missing".to_owned(), HINT);
    } else if urls.len() > MEMBERS_MAX {
        keys.fault("urls", format!("has more than {MEMBERS_MAX} members"), HINT);
    }
    let every = keys.span("every", keys::EVERY);
    let filter = keys.texts("filter");
    let writes = keys.flag("writes");
    let (auth, headers) = (keys.auth(), keys.headers());
    let base = HttpConfig {
        auth,
        headers,
        ..keys.limits()
    };
    let member = |url: String| HttpConfig {
        url,
        ..base.clone()
    };
    let members: Vec<HttpConfig> = urls.into_iter().map(member).collect();
    if members.is_empty() {
        return None;
    }
    Some(Arc::new(AlertmanagerConfig {
        name,
        members,
        every: every.unwrap_or(EVERY),
        filter,
        writes: writes.unwrap_or(false),
    }))
}

impl Connector for AlertmanagerConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "alertmanager"
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        self.members.iter().collect()
    }

    fn abilities(&self) -> Vec<Ability> {
        let all = [
            (Ability::Mute, true),
            (Ability::Extend, true),
            (Ability::MuteUnseen, !self.filter.is_empty()),
        ];
        let can = all.into_iter().filter(|(_, can)| *can && self.writes);
        can.map(|(ability, _)| ability).collect()
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(Alertmanager::new(
            self.clone(),
            self.clients()?,
        ))))
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if !self.writes {
            return Ok(None);
        }
        Ok(Some(Box::new(SilenceWriter::new(self.clients()?))))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(AlertmanagerProbe::new(self)?))
    }
}
