//! Settings of `[connect.pagerduty.NAME]`.

use super::PagerDuty;
use super::probe::PagerDutyProbe;
use super::write::PagerDutyWriter;
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::{Auth, HttpConfig, HttpSetupError};
use crate::connect::keys::{self, Keys};
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
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

/// How long one may wait for the proof of a page: longer, and whoever paged believes that nothing happens.
const PROOF_WAIT_RANGE: Range<Duration> = Duration::ZERO..Duration::from_secs(31);

/// Base URL of the service in the United States; accounts in the European Union set `https://api.eu.pagerduty.com`.
pub const URL: &str = "https://api.pagerduty.com";

/// Base URL of the Events API in the United States. It is not the same host as [`URL`].
pub const EVENTS_URL: &str = "https://events.pagerduty.com";

/// Host of the European Union's REST API, and its Events API, which is the default then.
const EU: (&str, &str) = ("api.eu.pagerduty.com", "https://events.eu.pagerduty.com");

/// Interval of the polls when the configuration names none: a page should be seen within a minute, and five requests
/// in half a minute stay far from the vendor's rate limit.
pub const EVERY: Duration = Duration::from_secs(30);

/// How far ahead hand-overs are looked for when the configuration names none: longer than a maintenance.
pub const LOOK_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// How long the proof of a page is waited for when the configuration says nothing: the first notification usually goes
/// out within seconds; later it is found by looking again.
pub const PROOF_WAIT: Duration = Duration::from_secs(15);

/// One PagerDuty account.
#[derive(Debug, Clone)]
pub struct PagerDutyConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Base URL of the REST API, and credentials from [`auth`]. Nothing without a key: then there is only paging.
    pub http: Option<HttpConfig>,
    /// Interval of the polls.
    pub every: Duration,
    /// Ids of schedules whose on-calls are read.
    pub schedules: Vec<String>,
    /// Ids of escalation policies whose on-calls are read. With no schedule and no policy: all the token may see.
    pub escalation_policies: Vec<String>,
    /// Ids of services whose open incidents and maintenance windows are read; all the token may see when empty.
    pub services: Vec<String>,
    /// How far ahead hand-overs are looked for.
    pub look_ahead: Duration,
    /// What may be written.
    pub writes: Writes,
}

/// What may be written, and as whom.
#[derive(Debug, Clone)]
pub struct Writes {
    /// `writes = true`.
    pub is_on: bool,
    /// Mail address of the user in whose name the REST API is written to.
    pub from: Option<String>,
    /// The Events API, for pages.
    pub events: Option<EventsConfig>,
    /// How long the proof of a page is waited for.
    pub proof_wait: Duration,
}

/// The Events API of one service.
#[derive(Debug, Clone)]
pub struct EventsConfig {
    /// Base URL and limits; no credentials, since the key stands in the body.
    pub http: HttpConfig,
    /// Integration key of the service that is paged.
    pub routing_key: SecretString,
}

/// Credentials of a REST API key. Source: PagerDuty REST API v2, "Authentication".
pub fn auth(key: &SecretString) -> Auth {
    let value = SecretString::from(format!("Token token={}", key.expose_secret()));
    Auth::Headers(vec![("Authorization".to_owned(), value)])
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let can_page = keys.has("routing_key");
    let token = if can_page {
        keys.secret("token")
    } else {
        Some(keys.required_secret("token")?)
    };
    let every = keys.span("every", keys::EVERY);
    let schedules = keys.ids("schedules");
    let escalation_policies = keys.ids("escalation_policies");
    let services = keys.ids("services");
    let look_ahead = keys.span("look_ahead", LOOK_AHEAD_RANGE);
    let routing_key = keys.secret("routing_key");
    let events_url = keys.url("events_url");
    let from = keys.text("from");
    let is_on = keys.flag("writes").unwrap_or(false);
    let proof_wait = keys.span("proof_wait", PROOF_WAIT_RANGE);
    let http = keys.http(Some(URL))?;
    check(keys, from.as_deref(), is_on, can_page);
    let events_url = events_url.unwrap_or_else(|| events_url_of(&http.url).to_owned());
    let events = routing_key.map(|routing_key| EventsConfig {
        http: HttpConfig {
            url: events_url,
            ..http.clone()
        },
        routing_key,
    });
    Some(Arc::new(PagerDutyConfig {
        name,
        http: token.map(|token| HttpConfig {
            auth: auth(&token),
            ..http
        }),
        every: every.unwrap_or(EVERY),
        schedules,
        escalation_policies,
        services,
        look_ahead: look_ahead.unwrap_or(LOOK_AHEAD),
        writes: Writes {
            is_on,
            from,
            events,
            proof_wait: proof_wait.unwrap_or(PROOF_WAIT),
        },
    }))
}

fn events_url_of(rest: &str) -> &'static str {
    let (host, events) = EU;
    if rest.contains(host) {
        events
    } else {
        EVENTS_URL
    }
}

fn check(keys: &mut dyn Keys, from: Option<&str>, is_on: bool, can_page: bool) {
    if from.is_some_and(|from| !is_mail(from)) {
        let hint = "the address of a user of the account, such as `mira@example.com`";
        keys.fault("from", "is not a mail address".to_owned(), hint);
    }
    if is_on && from.is_none() && !can_page {
        let what = "there is nothing to write with".to_owned();
        let hint = "`routing_key` is for pages; `from` for maintenance windows, notes and the state of incidents";
        keys.fault("writes", what, hint);
    }
}

/// Fit for a header: one `@` with something around it, no spaces, ASCII.
fn is_mail(text: &str) -> bool {
    let parts = text.split_once('@');
    let is_plain = text.chars().all(|c| c.is_ascii_graphic());
    is_plain
        && parts
            .is_some_and(|(who, host)| !who.is_empty() && !host.is_empty() && !host.contains('@'))
}

impl PagerDutyConfig {
    /// The REST API may be written to.
    pub(super) const fn writes_rest(&self) -> bool {
        self.writes.is_on && self.http.is_some() && self.writes.from.is_some()
    }

    /// The Events API may be written to.
    pub(super) const fn writes_events(&self) -> bool {
        self.writes.is_on && self.writes.events.is_some()
    }
}

impl Connector for PagerDutyConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        super::SYSTEM
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        let events = self.writes.events.as_ref().filter(|_| self.writes.is_on);
        let events = events.map(|events| &events.http);
        self.http.iter().chain(events).collect()
    }

    fn abilities(&self) -> Vec<Ability> {
        let (rest, events) = (self.writes_rest(), self.writes_events());
        let all = [
            (Ability::Mute, rest),
            (Ability::Page, events),
            (Ability::Acknowledge, rest || events),
            (Ability::Resolve, rest || events),
            (Ability::Note, rest),
        ];
        let can = all.into_iter().filter(|(_, can)| *can);
        can.map(|(ability, _)| ability).collect()
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        match PagerDuty::new(self.clone())? {
            Some(source) => Ok(Some(Box::new(source))),
            None => Ok(None),
        }
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        if self.abilities().is_empty() {
            return Ok(None);
        }
        Ok(Some(Box::new(PagerDutyWriter::new(self)?)))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(PagerDutyProbe::new(self.clone())?))
    }
}
