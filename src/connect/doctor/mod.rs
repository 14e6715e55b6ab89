//! Proves every configured connector end to end: name, connection, TLS, certificate, clock, and what its own probe asks.
//!
//! Reads only; a test page is sent when asked for, by [`page`]. Connectors are looked at side by side, each within a
//! time limit of its own, so that one that hangs hides nothing about the others.

pub mod ask;
pub(super) mod certificate;
mod server;

use crate::clock::Clock;
use crate::connect::connector::{Check, Connector, Health, Order, WriteError};
use crate::domain::id::ConnectorName;
use crate::domain::write::{Ability, Deed, Outcome, Urgency};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Longest time one connector is looked at: several requests of the longest usual limit.
pub const LOOK_MAX: Duration = Duration::from_secs(60);

/// Longest time a test page may take, its proof included.
pub const PAGE_MAX: Duration = Duration::from_secs(90);

/// What was found out about one connector.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Name in the configuration.
    pub connector: ConnectorName,
    /// Kind of system.
    pub system: &'static str,
    /// What was looked at, in order.
    pub checks: Vec<Check>,
}

impl Finding {
    /// The worst of its checks; unknown counts as worse than a warning, since it opens nothing.
    pub fn worst(&self) -> Health {
        let all = self.checks.iter().map(|check| check.health);
        all.max_by_key(|health| rank(*health))
            .unwrap_or(Health::Unknown)
    }
}

/// Order of what matters more.
pub const fn rank(health: Health) -> u8 {
    match health {
        Health::Good => 0,
        Health::Warn => 1,
        Health::Unknown => 2,
        Health::Bad => 3,
    }
}

/// Looks at all of them, side by side; findings come in the order of the settings.
pub async fn examine(connectors: &[Arc<dyn Connector>], clock: &Arc<dyn Clock>) -> Vec<Finding> {
    join_all(connectors.iter().map(|one| examine_one(one, clock))).await
}

async fn examine_one(connector: &Arc<dyn Connector>, clock: &Arc<dyn Clock>) -> Finding {
    let mut checks = Vec::new();
    let look = async {
        for http in connector.servers() {
            checks.extend(server::examine(http, clock.as_ref()).await);
        }
        // A server that is not there has no credentials to prove; all that follows would say the same again.
        if !checks.iter().all(server::is_reached) && connector.servers().len() == 1 {
            let what = "not asked, since there is no connection";
            checks.push(Check::new("credentials", Health::Unknown, what));
            return;
        }
        match connector.probe(clock) {
            Ok(mut probe) => checks.extend(probe.check(clock.now()).await),
            Err(error) => checks.push(
                Check::new("settings", Health::Bad, error.to_string())
                    .hint(error.hint().unwrap_or_default()),
            ),
        }
        if let Some(notice) = connector.notice(clock.now().wall) {
            checks.push(Check::new("notice", Health::Warn, notice));
        }
    };
    if timeout(LOOK_MAX, look).await.is_err() {
        let what = format!("not finished within {} s", LOOK_MAX.as_secs());
        checks.push(Check::new("time", Health::Bad, what).hint("one of its answers does not come"));
    }
    Finding {
        connector: connector.name().clone(),
        system: connector.system(),
        checks,
    }
}

/// Sends one test page through every connector that can page, and closes it again where that can be done.
pub async fn page(
    connectors: &[Arc<dyn Connector>],
    clock: &Arc<dyn Clock>,
    by: &str,
) -> Vec<Finding> {
    let able = connectors
        .iter()
        .filter(|connector| connector.abilities().contains(&Ability::Page));
    join_all(able.map(|connector| page_one(connector, clock, by))).await
}

async fn page_one(connector: &Arc<dyn Connector>, clock: &Arc<dyn Clock>, by: &str) -> Finding {
    let started = Instant::now();
    let mut checks = match timeout(PAGE_MAX, send(connector, clock, by)).await {
        Ok(checks) => checks,
        Err(_) => vec![Check::new(
            "test page",
            Health::Unknown,
            format!(
                "no answer within {} s; it may have been sent",
                PAGE_MAX.as_secs()
            ),
        )],
    };
    if let Some(first) = checks.first_mut() {
        first.took = started.elapsed();
    }
    Finding {
        connector: connector.name().clone(),
        system: connector.system(),
        checks,
    }
}

async fn send(connector: &Arc<dyn Connector>, clock: &Arc<dyn Clock>, by: &str) -> Vec<Check> {
    let mut writer = match connector.writer() {
        Ok(Some(writer)) => writer,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Check::new("test page", Health::Bad, error.to_string())],
    };
    let now = clock.now();
    let marker = format!("warroom/doctor/{}", now.wall.as_millis());
    let deed = Deed::Page {
        summary: "Test page of warroom: nothing is wrong".to_owned(),
        details: format!("{by} asked `warroom doctor --page` to prove that pages get through."),
        component: String::new(),
        urgency: Urgency::Low,
    };
    let order = Order {
        marker: &marker,
        deed: &deed,
        by,
    };
    let outcome = writer.write(&order, now).await;
    let mut checks = vec![paged(&outcome)];
    let Ok(Outcome::Done { reference, .. } | Outcome::Accepted { reference, .. }) = outcome else {
        return checks;
    };
    if connector.abilities().contains(&Ability::Resolve) && !reference.is_empty() {
        let deed = Deed::Resolve { reference };
        let order = Order {
            marker: &marker,
            deed: &deed,
            by,
        };
        checks.push(match writer.write(&order, clock.now()).await {
            Ok(Outcome::Done { .. } | Outcome::Accepted { .. }) => {
                Check::new("test page closed", Health::Good, "closed")
            }
            Ok(Outcome::Failed { what } | Outcome::Unknown { what }) => left_open(what),
            Err(error) => left_open(error.what),
        });
    }
    checks
}

fn left_open(what: String) -> Check {
    Check::new("test page closed", Health::Warn, what).hint("close it by hand")
}

fn paged(outcome: &Result<Outcome, WriteError>) -> Check {
    let (health, said) = match outcome {
        Ok(Outcome::Done { proof, .. }) => (Health::Good, proof.clone()),
        Ok(Outcome::Accepted { what, .. }) => (Health::Warn, what.clone()),
        Ok(Outcome::Failed { what }) => (Health::Bad, what.clone()),
        Ok(Outcome::Unknown { what }) => (Health::Unknown, what.clone()),
        Err(error) if error.unclear => (Health::Unknown, error.what.clone()),
        Err(error) => (Health::Bad, error.what.clone()),
    };
    Check::new("test page", health, said)
}

#[cfg(test)]
mod tests;
