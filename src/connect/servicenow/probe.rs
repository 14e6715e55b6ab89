//! Whether the settings work: the account, what it may read, what is found.

use super::{Client, request, response};
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{Call, HttpError};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Why the right to write stays unknown. The Table API tells what an account may write only by refusing it. Its roles
/// (`sys_user_has_role`) are for administrators to read, and do not decide: access rules (`sys_security_acl`) have
/// conditions and scripts beside them. The Access Analyzer, which evaluates them, has no API.
///
/// Source: ServiceNow, "Access control list rules", "Access Analyzer", "Table API".
const NOT_TOLD: &str = "not told before a write: rules with conditions and scripts decide, and only the instance can evaluate them";

/// Asks one instance; changes nothing.
#[derive(Debug)]
pub(super) struct ServiceNowProbe {
    client: Client,
}

impl ServiceNowProbe {
    /// Takes what it asks with.
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// One record of a table, and how many there are.
    async fn look(&self, what: &str, call: Call) -> Check {
        let started = Instant::now();
        let call = call.query("sysparm_limit", "1");
        let answer = self.client.http.call(&call).await;
        let read =
            answer.and_then(|answer| Ok((answer.total, response::rows(&answer.body)?.len())));
        let mut check = match read {
            Ok((total, seen)) => {
                let count = total
                    .unwrap_or(0)
                    .max(u64::try_from(seen).unwrap_or(u64::MAX));
                let check = Check::new(what, Health::Good, format!("{count} records"));
                match (seen, count) {
                    (0, 0) => Check {
                        health: Health::Warn,
                        ..check
                    }
                    .hint("is there nothing, or may the account not see it? `query` may leave out everything too"),
                    (0, _) => Check {
                        health: Health::Bad,
                        ..check
                    }
                    .hint("there are records, but the account may not see them"),
                    _ => check,
                }
            }
            Err(error) => failed(what, &error),
        };
        check.took = started.elapsed();
        check
    }
}

fn failed(what: &str, error: &HttpError) -> Check {
    let check = Check::new(what, Health::Bad, error.to_string());
    match error {
        HttpError::Status { code: 403, .. } => {
            check.hint("give the account the right to read this table")
        }
        error => match error.hint() {
            Some(hint) => check.hint(hint),
            None => check,
        },
    }
}

impl Probe for ServiceNowProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move {
            let config = &self.client.config;
            let items = format!("permission to read `{}`", config.class);
            let first = self.look(&items, request::items(config)).await;
            let is_bad = first.health == Health::Bad;
            let mut checks = vec![first];
            if is_bad {
                return checks;
            }
            if !config.relations.is_empty() {
                let types: Vec<&str> = config.relations.iter().map(String::as_str).collect();
                let query = format!("type.nameIN{}", types.join(","));
                let call = Call::get(request::table("cmdb_rel_ci"))
                    .query("sysparm_query", query)
                    .query("sysparm_fields", "sys_id");
                checks.push(self.look("permission to read `cmdb_rel_ci`", call).await);
            }
            if config.writes {
                let choices = request::choices(config);
                let mut call = choices;
                call.query.retain(|(name, _)| *name != "sysparm_limit");
                checks.push(self.look("permission to read `sys_choice`", call).await);
                let what = format!(
                    "permission to write `{}` and `{}`",
                    config.record_field, config.status_field
                );
                checks.push(
                    Check::new(what, Health::Unknown, NOT_TOLD).hint(format!(
                        "an administrator sees it in the Access Analyzer: account, operation `write`, table `{}`; \
                         or set the status of a test item once",
                        config.class
                    )),
                );
            }
            checks
        })
    }
}
