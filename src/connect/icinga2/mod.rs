//! Icinga 2: hosts and services that are not well as alerts, downtimes as silences; downtimes are made and ended.
//!
//! Operations used, of the API v1: `/objects/hosts`, `/objects/services` and `/objects/downtimes`, queried by `POST` with
//! `X-HTTP-Method-Override: GET`; `/actions/schedule-downtime` (with `all_services` for hosts) and
//! `/actions/remove-downtime`; `/v1` itself for `doctor`, which tells the user's permissions.
//! Source: Icinga 2, "Icinga 2 API" (read for 2.13 and 2.15): "Requests", "Permissions", "Querying Objects", "Actions".

mod client;
mod config;
mod probe;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod write;

pub use config::{EVERY, Icinga2Config, KIND};

use crate::connect::alertmanager::readings;
use crate::connect::http::HttpSetupError;
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Reading, SilenceState};
use crate::domain::time::{Moment, Timestamp};
use client::{Client, IcingaError};
use futures_util::future::BoxFuture;
use std::time::Duration;

/// Requests of a poll, one after the other: sets how long it may take.
const REQUESTS: u32 = 3;

/// One Icinga 2 that is asked again and again.
#[derive(Debug)]
pub(super) struct Icinga2 {
    config: Icinga2Config,
    client: Client,
    dropped: usize,
}

impl From<IcingaError> for PollError {
    fn from(error: IcingaError) -> Self {
        Self {
            retry_after: error.cause.retry_after(),
            ..Self::new(error.to_string())
        }
    }
}

impl Icinga2 {
    fn new(config: Icinga2Config) -> Result<Self, HttpSetupError> {
        Ok(Self {
            client: Client::new(&config.http)?,
            config,
            dropped: 0,
        })
    }

    async fn ask(&mut self, now: Timestamp) -> Result<Vec<Reading>, PollError> {
        let mut alerts = self.client.alerts().await?;
        // What is heard comes first, so that what is cut off in the end is what is kept quiet.
        alerts.sort_by(|a, b| {
            (!a.silenced_by.is_empty(), &a.labels).cmp(&(!b.silenced_by.is_empty(), &b.labels))
        });
        let downtimes = self.client.downtimes(None).await?;
        let silences = downtimes.iter().map(|downtime| downtime.silence(now));
        let mut silences: Vec<_> = silences
            .filter(|silence| silence.state != SilenceState::Expired)
            .collect();
        silences.sort_by(|a, b| (a.until, &a.id).cmp(&(b.until, &b.id)));
        let (readings, dropped) = readings(&self.config.name, alerts, silences);
        self.dropped = dropped;
        Ok(readings)
    }
}

impl Source for Icinga2 {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "icinga2"
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

    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(self.ask(now.wall))
    }

    fn trouble(&self) -> Option<String> {
        (self.dropped > 0).then(|| {
            format!(
                "{} entries beyond 500 are left out: give the ApiUser a filter",
                self.dropped
            )
        })
    }
}
