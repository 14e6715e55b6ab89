//! What `warroom doctor` asks PagerDuty. Reads only.

use super::config::{EventsConfig, PagerDutyConfig};
use super::request::{self, Request};
use super::response::{self, Reference};
use super::rest::{ListError, Rest};
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{Call, HttpError, HttpSetupError};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

/// Characters of a routing key. Source: "Send an Alert Event", `routing_key`.
const ROUTING_KEY_CHARS: usize = 32;

/// Asks one PagerDuty account.
#[derive(Debug)]
pub(super) struct PagerDutyProbe {
    config: PagerDutyConfig,
    rest: Option<Rest>,
}

impl PagerDutyProbe {
    /// Builds the client; opens no connection.
    pub(super) fn new(config: PagerDutyConfig) -> Result<Self, HttpSetupError> {
        let rest = config.http.as_ref().map(Rest::new).transpose()?;
        Ok(Self { config, rest })
    }

    async fn ask(&self, now: Moment) -> Vec<Check> {
        let mut checks = Vec::new();
        if let Some(rest) = &self.rest {
            checks.extend(self.reads(rest, now).await);
            if self.config.writes_rest() {
                checks.push(self.user(rest).await);
                checks.push(
                    Check::new(
                        "permission to write",
                        Health::Unknown,
                        "the vendor does not say it before a write",
                    )
                    .hint("a key that is marked `Read-only` when it is made cannot write"),
                );
            }
        }
        if let Some(events) = &self.config.writes.events {
            checks.push(routing_key(events, self.config.writes.is_on));
        }
        checks
    }

    async fn reads(&self, rest: &Rest, now: Moment) -> Vec<Check> {
        let on_calls = request::on_calls(&self.config, now.wall);
        let lists = [
            ("schedules", Some(request::schedules())),
            ("services", Some(request::services())),
            ("on-calls", on_calls.into_iter().next()),
            ("incidents", Some(request::incidents(&self.config))),
            ("maintenance windows", Some(request::windows(&self.config))),
        ];
        let mut checks = Vec::new();
        for (what, request) in lists {
            let Some(request) = request else { continue };
            let check = permission(rest, what, &request).await;
            let is_bad = check.health == Health::Bad;
            checks.push(check);
            // A key that is wrong is wrong five times; once is enough.
            if is_bad && checks.len() == 1 {
                return checks;
            }
        }
        checks.push(found(rest).await);
        checks
    }

    /// Whether `from` is a user of the account: the vendor refuses writes in the name of anybody else.
    async fn user(&self, rest: &Rest) -> Check {
        let from = self.config.writes.from.as_deref().unwrap_or_default();
        let started = Instant::now();
        let users = rest.list(&request::users(from), response::users).await;
        let is_from = |user: &Reference| user.mail().eq_ignore_ascii_case(from);
        let mut check = match users {
            Ok((users, _)) => match users.iter().find(|user| is_from(user)) {
                Some(user) => Check::new("from", Health::Good, user.label()),
                None => Check::new("from", Health::Bad, format!("no user has `{from}`"))
                    .hint("set `from` to the address of a user of the account"),
            },
            Err(error) => Check::new("from", Health::Unknown, error.to_string()),
        };
        check.took = started.elapsed();
        check
    }
}

async fn permission(rest: &Rest, what: &str, request: &Request) -> Check {
    let started = Instant::now();
    let call: Call = request.once(Some(1));
    let what = format!("permission to read {what}");
    let mut check = match rest.call(&call).await {
        Ok(_) => Check::new(what, Health::Good, "granted"),
        Err(error) => {
            let hint = match &error {
                HttpError::Status { code: 401, .. } => {
                    "the key is not valid: `token` is a REST API key, and `url` its region"
                }
                other => other.hint().unwrap_or_default(),
            };
            Check::new(what, Health::Bad, error.to_string()).hint(hint)
        }
    };
    check.took = started.elapsed();
    check
}

async fn found(rest: &Rest) -> Check {
    let counted = async {
        let (schedules, _) = rest
            .list(&request::schedules(), response::schedules)
            .await?;
        let (services, _) = rest.list(&request::services(), response::services).await?;
        Ok::<_, ListError>((schedules.len(), services.len()))
    };
    let started = Instant::now();
    let mut check = match counted.await {
        Ok((schedules, services)) => Check::new(
            "found",
            Health::Good,
            format!("schedules: {schedules}, services: {services}"),
        ),
        Err(error) => Check::new("found", Health::Bad, error.to_string()),
    };
    check.took = started.elapsed();
    check
}

/// What can be said of a routing key without an event.
fn routing_key(events: &EventsConfig, is_on: bool) -> Check {
    let what = "routing key";
    let fits = |key: &SecretString| {
        let key = key.expose_secret();
        key.len() == ROUTING_KEY_CHARS && key.chars().all(|c| c.is_ascii_alphanumeric())
    };
    if !fits(&events.routing_key) {
        return Check::new(
            what,
            Health::Bad,
            format!("has not {ROUTING_KEY_CHARS} letters and digits"),
        )
        .hint("it is the `Integration Key` of an Events API v2 integration of the service");
    }
    if !is_on {
        return Check::new(what, Health::Warn, "is not used")
            .hint("set `writes = true` to page with it");
    }
    Check::new(
        what,
        Health::Unknown,
        "has the right form; only an event proves it",
    )
    .hint("`warroom doctor --page` sends one")
}

impl Probe for PagerDutyProbe {
    fn check(&mut self, now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.ask(now))
    }
}
