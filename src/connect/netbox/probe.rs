//! Whether the settings work: the token, what it may read and write, the version, what is found.

use super::dialect::List;
use super::response::{self, Metadata};
use super::{Client, request};
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{Call, HttpError, Method};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::time::Instant;

/// Asks one NetBox or Nautobot; changes nothing.
#[derive(Debug)]
pub(super) struct NetBoxProbe {
    client: Client,
}

impl NetBoxProbe {
    /// Takes what it asks with.
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The token and the version; `Err` when asking further makes no sense.
    async fn server(&self) -> Result<Check, Check> {
        let call = Call::get("/api/status/");
        let status: Result<Map<String, Value>, HttpError> = self.client.json(&call).await;
        let dialect = self.client.config.dialect;
        match status {
            Ok(status) => {
                let version = status.get(dialect.version_key()).and_then(Value::as_str);
                Ok(match version {
                    Some(version) => Check::new("version", Health::Good, version),
                    None => Check::new(
                        "version",
                        Health::Warn,
                        format!("the server does not say that it is {}", dialect.title()),
                    )
                    .hint("NetBox and Nautobot are two kinds of connector: is `url` that of the other one?"),
                })
            }
            Err(error) => Err(failed("credentials", &error)),
        }
    }

    async fn may_read(&self, list: List) -> Check {
        let what = format!("permission to view {}", list.what());
        let config = &self.client.config;
        let mut call = request::page(config.dialect, list, &config.filter, 0);
        for (name, value) in &mut call.query {
            if *name == "limit" {
                "1".clone_into(value);
            }
        }
        let answer = self.client.http.call(&call).await;
        let page = answer.and_then(|answer| response::page::<Value>(&answer.body));
        match page {
            Ok(page) => {
                let least = u64::try_from(page.results.len()).unwrap_or(u64::MAX);
                let count = page.count.unwrap_or(least);
                let filtered = matches!(list, List::Devices | List::VirtualMachines);
                let is_filtered = filtered && config.filter != super::Filter::default();
                let said = format!("{count} {}", list.what());
                if count == 0 && is_filtered {
                    return Check::new(what, Health::Warn, said).hint(
                        "`filter` leaves out everything: are its words those of the server?",
                    );
                }
                Check::new(what, Health::Good, said)
            }
            Err(error) => failed(&what, &error),
        }
    }

    /// What `OPTIONS` says about a list.
    async fn may_write(&self, list: List, action: &str, what: &str) -> Check {
        let what = format!("permission to {what}");
        let call = Call::new(Method::Options, self.client.config.dialect.path(list));
        match self.client.json::<Metadata>(&call).await {
            Ok(metadata) if metadata.actions.contains_key(action) => {
                Check::new(what, Health::Good, "granted")
            }
            Ok(_) => Check::new(what, Health::Bad, "not granted").hint(
                "give the token's user this permission and the token write access, or set `writes = false`",
            ),
            Err(error) => Check::new(what, Health::Unknown, error.with_hint()),
        }
    }
}

fn failed(what: &str, error: &HttpError) -> Check {
    let check = Check::new(what, Health::Bad, error.to_string());
    match error.hint() {
        Some(hint) => check.hint(hint),
        None => check,
    }
}

async fn timed(check: impl Future<Output = Check>) -> Check {
    let started = Instant::now();
    let mut check = check.await;
    check.took = started.elapsed();
    check
}

impl Probe for NetBoxProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async move {
            let config = &self.client.config;
            let started = Instant::now();
            let server = self.server().await;
            let is_bad = server.is_err();
            let mut first = server.unwrap_or_else(|check| check);
            first.took = started.elapsed();
            let mut checks = vec![first];
            if is_bad {
                return checks;
            }
            let mut lists = vec![List::Devices, List::VirtualMachines, List::Services];
            if config.contacts {
                lists.push(List::DeviceContacts);
            }
            if config.dialect == super::Dialect::Nautobot {
                lists.push(List::Locations);
            }
            if config.writes {
                lists.push(List::Entries);
            }
            for list in lists {
                checks.push(timed(self.may_read(list)).await);
            }
            if config.writes {
                let writes = [
                    (List::Entries, "POST", "write journal entries"),
                    (List::Devices, "PUT", "change devices"),
                    (List::VirtualMachines, "PUT", "change virtual machines"),
                ];
                for (list, action, what) in writes {
                    checks.push(timed(self.may_write(list, action, what)).await);
                }
            }
            checks
        })
    }
}
