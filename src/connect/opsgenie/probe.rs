//! What `warroom doctor` asks an account of either dialect. Reads only.

use super::config::OpsConfig;
use super::dialect::{self, Dialect};
use super::schedules;
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{Call, Http, HttpError, HttpSetupError};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Asks one account.
#[derive(Debug)]
pub(super) struct OpsProbe {
    config: OpsConfig,
    http: Http,
    site: Option<Http>,
}

impl OpsProbe {
    /// Builds the clients; opens no connection.
    pub(super) fn new(config: OpsConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: Http::new(&config.http)?,
            site: config.site.as_ref().map(Http::new).transpose()?,
            config,
        })
    }

    async fn ask(&self) -> Vec<Check> {
        let dialect = self.config.dialect;
        let started = Instant::now();
        let found = schedules(&self.http, dialect).await;
        let mut first = match &found {
            Ok(_) => Check::new("permission to read schedules", Health::Good, "granted"),
            Err(error) => bad("permission to read schedules", &error.cause),
        };
        first.took = started.elapsed();
        let mut checks = vec![first];
        let Ok(found) = found else {
            return checks;
        };
        let own = self.config.schedules.first();
        if let Some(id) = own.or(found.first().map(|schedule| &schedule.id)) {
            let call = dialect.on_calls(id);
            checks.push(permission(&self.http, "permission to read on-calls", &call).await);
        }
        let alerts = dialect.alerts(0);
        checks.push(permission(&self.http, "permission to read alerts", &alerts).await);
        if dialect == Dialect::Opsgenie {
            let call = dialect::maintenances("non-expired");
            checks.push(permission(&self.http, "permission to read maintenance", &call).await);
        }
        checks.extend(self.names().await);
        if self.config.writes {
            let said = "the vendor does not say it before a write";
            let hint = match dialect {
                Dialect::Opsgenie => {
                    "the key's integration needs `Create and Update Access`, and must not be `Read-Only`"
                }
                Dialect::Jsm => "the token needs `write:ops-alert:jira-service-management`",
            };
            checks.push(Check::new("permission to write", Health::Unknown, said).hint(hint));
        }
        let missing = self.config.schedules.iter();
        let mut missing = missing.filter(|id| !found.iter().any(|s| s.id == **id));
        checks.push(match missing.next() {
            Some(id) => Check::new("found", Health::Warn, format!("schedule not found: `{id}`")),
            None => Check::new("found", Health::Good, format!("schedules: {}", found.len())),
        });
        checks
    }

    /// Whether account ids become names.
    async fn names(&self) -> Option<Check> {
        if self.config.dialect == Dialect::Opsgenie {
            return None;
        }
        Some(match &self.site {
            Some(site) => {
                let call = Call::get("/rest/api/3/myself");
                permission(site, "permission to read users of the site", &call).await
            }
            None => Check::new(
                "site",
                Health::Warn,
                "people are shown by their account ids",
            )
            .hint("set `site = \"https://NAME.atlassian.net\"`"),
        })
    }
}

fn bad(what: &str, error: &HttpError) -> Check {
    Check::new(what, Health::Bad, error.to_string()).hint(error.hint().unwrap_or_default())
}

async fn permission(http: &Http, what: &str, call: &Call) -> Check {
    let started = Instant::now();
    let mut check = match http.call(call).await {
        Ok(_) => Check::new(what, Health::Good, "granted"),
        Err(error) => bad(what, &error),
    };
    check.took = started.elapsed();
    check
}

impl Probe for OpsProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.ask())
    }
}
