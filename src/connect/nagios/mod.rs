//! Nagios Core 4: hosts and services that are not well as alerts, downtimes as silences; downtimes are made and ended.
//!
//! Reads `statusjson.cgi`: `hostlist` and `servicelist` with details of what is not well, `downtimelist`; for writes and
//! `doctor` also the names in `hostlist` and `servicelist`, and `programstatus`. Writes through the command file, or
//! through `cmd.cgi` with `SCHEDULE_HOST_DOWNTIME`, `SCHEDULE_HOST_SVC_DOWNTIME`, `SCHEDULE_SVC_DOWNTIME`,
//! `DEL_HOST_DOWNTIME` and `DEL_SVC_DOWNTIME`.
//! Source: Nagios Core 4, "Status JSON CGI", "External Commands"; `statusjson.cgi?query=help` and `cmd.cgi` of 4.4.6.

mod client;
mod config;
mod form;
mod pipe;
mod probe;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod write;

pub use config::{EVERY, KIND, NagiosConfig};

use crate::connect::alertmanager::readings;
use crate::connect::http::HttpSetupError;
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Alert, Reading};
use crate::domain::time::Moment;
use client::Client;
use futures_util::future::BoxFuture;
use response::{Downtime, NagiosError};
use std::time::Duration;

/// Requests of a poll, one after the other: sets how long it may take.
const REQUESTS: u32 = 3;

/// One Nagios that is asked again and again.
#[derive(Debug)]
pub(super) struct Nagios {
    config: NagiosConfig,
    client: Client,
    dropped: usize,
}

impl From<NagiosError> for PollError {
    fn from(error: NagiosError) -> Self {
        match error {
            NagiosError::Http(error) => Self::from(error),
            other => Self::new(other.to_string()),
        }
    }
}

impl Nagios {
    fn new(config: NagiosConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            client: Client::new(&config.http)?,
            config,
            dropped: 0,
        })
    }

    async fn ask(&mut self) -> Result<Vec<Reading>, PollError> {
        let group = self.config.host_group.as_deref();
        let (mut alerts, downtimes) = self.client.troubles(group).await?;
        for alert in &mut alerts {
            name_downtimes(alert, &downtimes);
        }
        // What is heard comes first, so that what is cut off in the end is what is kept quiet.
        alerts.sort_by(|a, b| {
            (!a.silenced_by.is_empty(), &a.labels).cmp(&(!b.silenced_by.is_empty(), &b.labels))
        });
        let silences = downtimes.iter().map(Downtime::silence).collect();
        let (readings, dropped) = readings(&self.config.name, alerts, silences);
        self.dropped = dropped;
        Ok(readings)
    }
}

/// A downtime of a host keeps its services quiet too, though they do not say so.
/// Source: Nagios Core 4, `base/notifications.c`, `check_service_notification_viability`.
fn name_downtimes(alert: &mut Alert, downtimes: &[Downtime]) {
    let label = |name: &str| alert.labels.iter().find(|(known, _)| known == name);
    let (Some((_, host)), Some(_)) = (label("host"), label("service")) else {
        return;
    };
    if let Some(downtime) = downtimes.iter().find(|d| d.covers_host(host)) {
        let text = format!("downtime {} of its host", downtime.id);
        alert.silenced_by.push(text);
    }
}

impl Source for Nagios {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "nagios"
    }

    fn every(&self) -> Duration {
        self.config.every
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        self.config.http.timeout.saturating_mul(REQUESTS)
    }

    fn poll(&mut self, _now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(self.ask())
    }

    fn trouble(&self) -> Option<String> {
        (self.dropped > 0).then(|| {
            format!(
                "{} entries beyond 500 are left out: set `host_group`",
                self.dropped
            )
        })
    }
}
