//! Settings of `[connect.pagerduty.NAME]`.

use crate::connect::http::{Auth, HttpConfig};
use crate::domain::id::ConnectorName;
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

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
