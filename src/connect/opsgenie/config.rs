//! Settings of `[connect.opsgenie.NAME]`, and what both dialects are told.

use super::Ops;
use super::dialect::{Dialect, Entity};
use super::probe::OpsProbe;
use super::write::OpsWriter;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::{Auth, HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::time::Timestamp;
use crate::domain::write::Ability;
use secrecy::{ExposeSecret as _, SecretString};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.opsgenie.NAME]`
pub const KIND: Kind = Kind {
    word: "opsgenie",
    read,
};

/// Base URL of the service; accounts in the European Union set `https://api.eu.opsgenie.com`.
pub const URL: &str = "https://api.opsgenie.com";

/// When the vendor switches the API off, midnight in UTC: 2027-04-05. Source: Atlassian, "Opsgenie end of support".
pub const END_OF_SERVICE: Timestamp = Timestamp::from_millis(1_806_883_200_000);

/// How far ahead one may look: the vendor computes the timeline anew each time.
const LOOK_AHEAD_RANGE: Range<Duration> =
    Duration::from_secs(1)..Duration::from_secs(14 * 24 * 3600);

/// How long one may wait for the proof of a write: longer, and whoever waits believes that nothing happens.
const PROOF_WAIT_RANGE: Range<Duration> = Duration::ZERO..Duration::from_secs(31);

/// Interval of the polls when the configuration names none: a page should be seen within a minute.
pub const EVERY: Duration = Duration::from_secs(30);

/// How far ahead hand-overs are looked for when the configuration names none: longer than a maintenance.
pub const LOOK_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// How long a request is waited for that the vendor works off later, when the configuration says nothing.
pub const PROOF_WAIT: Duration = Duration::from_secs(15);

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// One account, of either dialect.
#[derive(Debug, Clone)]
pub struct OpsConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Which of the two.
    pub dialect: Dialect,
    /// Base URL and credentials.
    pub http: HttpConfig,
    /// The Jira site, where ids become names. Only of Jira Service Management.
    pub site: Option<HttpConfig>,
    /// Interval of the polls.
    pub every: Duration,
    /// Ids of schedules whose on-calls are read; all that are enabled when empty.
    pub schedules: Vec<String>,
    /// How far ahead hand-overs are looked for.
    pub look_ahead: Duration,
    /// `writes = true`.
    pub writes: bool,
    /// Who is paged beside whom the routing rules name.
    pub responders: Vec<Entity>,
    /// What a maintenance switches: integrations off, policies on. Only of Opsgenie.
    pub mute: Vec<Entity>,
    /// How long a request is waited for that the vendor works off later.
    pub proof_wait: Duration,
}

/// Credentials of an Opsgenie API key. Source: Opsgenie, "API overview", and the description's `GenieKey`.
pub fn auth(key: &SecretString) -> Auth {
    let value = SecretString::from(format!("GenieKey {}", key.expose_secret()));
    Auth::Headers(vec![("Authorization".to_owned(), value)])
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let token = keys.required_secret("token");
    let integrations = keys.ids("mute_integrations").into_iter();
    let policies = keys.ids("mute_policies").into_iter();
    let mute = integrations
        .map(|id| Entity::new("integration", id))
        .chain(policies.map(|id| Entity::new("policy", id)));
    let mute = mute.collect();
    let shared = Shared::read(keys);
    let http = keys.http(Some(URL))?;
    let http = HttpConfig {
        auth: auth(&token?),
        ..http
    };
    let config = shared.config(name, Dialect::Opsgenie, http);
    Some(Arc::new(OpsConfig { mute, ..config }))
}

/// Keys that both dialects have.
pub(in crate::connect) struct Shared {
    every: Option<Duration>,
    schedules: Vec<String>,
    look_ahead: Option<Duration>,
    writes: bool,
    responders: Vec<Entity>,
    proof_wait: Option<Duration>,
}

impl Shared {
    /// Takes them out of the table.
    pub(in crate::connect) fn read(keys: &mut dyn Keys) -> Self {
        let every = keys.span("every", keys::EVERY);
        let schedules = keys.ids("schedules");
        let look_ahead = keys.span("look_ahead", LOOK_AHEAD_RANGE);
        let writes = keys.flag("writes").unwrap_or(false);
        let proof_wait = keys.span("proof_wait", PROOF_WAIT_RANGE);
        let texts = keys.texts("responders");
        let mut responders = Vec::new();
        for text in texts {
            if let Some(entity) = Entity::responder(&text) {
                responders.push(entity);
            } else {
                let what = format!("`{}` is no responder", text.escape_debug());
                let hint = "write `team:ID`, `user:ID`, `escalation:ID` or `schedule:ID`";
                keys.fault("responders", what, hint);
            }
        }
        Self {
            every,
            schedules,
            look_ahead,
            writes,
            responders,
            proof_wait,
        }
    }

    /// The settings, with what a dialect has of its own left empty.
    pub(in crate::connect) fn config(
        self,
        name: ConnectorName,
        dialect: Dialect,
        http: HttpConfig,
    ) -> OpsConfig {
        OpsConfig {
            name,
            dialect,
            http,
            site: None,
            every: self.every.unwrap_or(EVERY),
            schedules: self.schedules,
            look_ahead: self.look_ahead.unwrap_or(LOOK_AHEAD),
            writes: self.writes,
            responders: self.responders,
            mute: Vec::new(),
            proof_wait: self.proof_wait.unwrap_or(PROOF_WAIT),
        }
    }
}

impl Connector for OpsConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        self.dialect.system()
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        std::iter::once(&self.http).chain(&self.site).collect()
    }

    fn abilities(&self) -> Vec<Ability> {
        if !self.writes {
            return Vec::new();
        }
        let mut can = vec![
            Ability::Page,
            Ability::Acknowledge,
            Ability::Resolve,
            Ability::Note,
        ];
        if !self.mute.is_empty() {
            can.insert(0, Ability::Mute);
        }
        can
    }

    fn notice(&self, now: Timestamp) -> Option<String> {
        if self.dialect != Dialect::Opsgenie {
            return None;
        }
        let left = END_OF_SERVICE.as_millis().saturating_sub(now.as_millis());
        let when = match left.div_euclid(DAY_MS) {
            ..0 => "has ended".to_owned(),
            0 => "ends today".to_owned(),
            1 => "ends in 1 day".to_owned(),
            days => format!("ends in {days} days"),
        };
        Some(format!(
            "`{}`: the vendor's Opsgenie API {when} (2027-04-05); its successor is `[connect.jsm.NAME]`",
            self.name
        ))
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(Ops::new(self.clone())?)))
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if !self.writes {
            return Ok(None);
        }
        Ok(Some(Box::new(OpsWriter::new(self)?)))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(OpsProbe::new(self.clone())?))
    }
}
