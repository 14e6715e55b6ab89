//! Settings of `[connect.pagerduty.NAME]`.

use super::PagerDuty;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind};
use crate::connect::http::{Auth, HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use secrecy::{ExposeSecret as _, SecretString};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.pagerduty.NAME]`
pub const KIND: Kind = Kind {
    word: "pagerduty",
    read,
};

/// How far ahead one may look: further, on-calls fill many pages.
const LOOK_AHEAD_RANGE: Range<Duration> =
    Duration::from_secs(1)..Duration::from_secs(14 * 24 * 3600);

/// Base URL of the service in the United States; accounts in the European Union set `https://api.eu.pagerduty.com`.
pub const URL: &str = "https://api.pagerduty.com";

/// Interval of the polls when the configuration names none: a page should be seen within a minute, and three requests
/// a minute stay far from the vendor's rate limit.
pub const EVERY: Duration = Duration::from_secs(30);

/// How far ahead hand-overs are looked for when the configuration names none: longer than a maintenance.
pub const LOOK_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// One PagerDuty account.
#[derive(Debug, Clone)]
pub struct PagerDutyConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL, and credentials from [`auth`].
    pub http: HttpConfig,
    /// Interval of the polls.
    pub every: Duration,
    /// Ids of schedules whose on-calls are read.
    pub schedules: Vec<String>,
    /// Ids of escalation policies whose on-calls are read. With no schedule and no policy: all the token may see.
    pub escalation_policies: Vec<String>,
    /// Ids of services whose open incidents are read; all the token may see when empty.
    pub services: Vec<String>,
    /// How far ahead hand-overs are looked for.
    pub look_ahead: Duration,
}

/// Credentials of a REST API key. Source: PagerDuty REST API v2, "Authentication".
pub fn auth(key: &SecretString) -> Auth {
    let value = SecretString::from(format!("Token token={}", key.expose_secret()));
    Auth::Headers(vec![("Authorization".to_owned(), value)])
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let token = keys.required_secret("token");
    let every = keys.span("every", keys::EVERY);
    let schedules = keys.ids("schedules");
    let escalation_policies = keys.ids("escalation_policies");
    let services = keys.ids("services");
    let look_ahead = keys.span("look_ahead", LOOK_AHEAD_RANGE);
    let http = keys.http(Some(URL))?;
    Some(Arc::new(PagerDutyConfig {
        name,
        http: HttpConfig {
            auth: auth(&token?),
            ..http
        },
        every: every.unwrap_or(EVERY),
        schedules,
        escalation_policies,
        services,
        look_ahead: look_ahead.unwrap_or(LOOK_AHEAD),
    }))
}

impl Connector for PagerDutyConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "pagerduty"
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(Some(Box::new(PagerDuty::new(self.clone())?)))
    }
}
