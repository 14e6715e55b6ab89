//! What `warroom doctor` asks an Icinga 2.

use super::client::{Client, IcingaError};
use super::response::{May, Who};
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::HttpError;
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Permissions that reading needs.
const READS: [&str; 3] = [
    "objects/query/Host",
    "objects/query/Service",
    "objects/query/Downtime",
];

/// Permissions that downtimes need besides.
const WRITES: [&str; 2] = ["actions/schedule-downtime", "actions/remove-downtime"];

/// Asks who we are, and for what there is.
#[derive(Debug)]
pub(super) struct IcingaProbe {
    client: Client,
    writes: bool,
}

impl IcingaProbe {
    pub(super) const fn new(client: Client, writes: bool) -> Self {
        Self { client, writes }
    }

    async fn ask(&self) -> Vec<Check> {
        let started = Instant::now();
        let who = self.client.who().await;
        let took = started.elapsed();
        let mut checks = Vec::new();
        match who {
            Ok(Some(who)) => {
                let said = format!("{}, as {}", who.version, who.user);
                let mut check = Check::new("version", Health::Good, said);
                check.took = took;
                checks.push(check);
                let needed = READS.iter().copied();
                let writes = WRITES.iter().copied().filter(|_| self.writes);
                checks.extend(needed.chain(writes).map(|wanted| permission(&who, wanted)));
            }
            Ok(None) => checks.push(Check::new(
                "credentials",
                Health::Unknown,
                "Icinga does not say who we are",
            )),
            Err(error) => {
                checks.push(failed("credentials", &error));
                return checks;
            }
        }
        checks.push(self.found().await);
        checks
    }

    async fn found(&self) -> Check {
        let started = Instant::now();
        let counted = async {
            let hosts = self.client.hosts().await?.len();
            let alerts = self.client.alerts().await?.len();
            let downtimes = self.client.downtimes(None).await?.len();
            Ok::<_, IcingaError>((hosts, alerts, downtimes))
        };
        let mut check = match counted.await {
            Ok((0, _, _)) => Check::new("found", Health::Warn, "no host")
                .hint("a filter of the ApiUser's permissions may hide all of them"),
            Ok((hosts, alerts, downtimes)) => Check::new(
                "found",
                Health::Good,
                format!("{hosts} hosts, {alerts} alerts, {downtimes} downtimes"),
            ),
            Err(error) => failed("found", &error),
        };
        check.took = started.elapsed();
        check
    }
}

fn permission(who: &Who, wanted: &str) -> Check {
    let what = format!("permission {wanted}");
    match who.may(wanted) {
        May::All => Check::new(what, Health::Good, "granted"),
        May::Some => Check::new(what, Health::Warn, "granted for some objects")
            .hint("a filter of the ApiUser hides the others"),
        May::Not => Check::new(what, Health::Bad, "not granted")
            .hint(format!("add \"{wanted}\" to `permissions` of the ApiUser")),
    }
}

fn failed(what: &str, error: &IcingaError) -> Check {
    let hint = match &error.cause {
        HttpError::Status { code: 401, .. } => "check user and password of the ApiUser",
        _ => "",
    };
    Check::new(what, Health::Bad, error.to_string()).hint(hint)
}

impl Probe for IcingaProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.ask())
    }
}
