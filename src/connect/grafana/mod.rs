//! Grafana: alerts and silences of the Alertmanager inside it; silences are made and ended, annotations made.
//!
//! Alerts come from `/api/alertmanager/grafana/api/v2/alerts`, which is the API v2 of Alertmanager for what Grafana's own
//! rules raise, and not from the provisioned rules: those say what is watched, not what fires. Silences are below the
//! same prefix. Annotations: `GET` and `POST /api/annotations`. For `doctor`: `/api/health` and
//! `/api/access-control/user/permissions`.
//! Source: Grafana, "HTTP API": "Annotations", "Alerting"; Alertmanager `api/v2/openapi.yaml`.

mod config;
mod probe;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod write;

pub use config::{EVERY, GrafanaConfig, KIND};

use crate::connect::alertmanager::{Member, merge_alerts, merge_silences, readings};
use crate::connect::http::HttpSetupError;
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use std::time::Duration;

/// What the paths of the Alertmanager inside Grafana begin with.
const PREFIX: &str = "/api/alertmanager/grafana/api/v2";

/// Requests of a poll, one after the other: sets how long it may take.
const REQUESTS: u32 = 2;

/// One Grafana that is asked again and again.
#[derive(Debug)]
pub(super) struct Grafana {
    config: GrafanaConfig,
    member: Member,
    dropped: usize,
}

impl Grafana {
    fn new(config: GrafanaConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            member: config.member()?,
            config,
            dropped: 0,
        })
    }

    async fn ask(&mut self) -> Result<Vec<Reading>, PollError> {
        let alerts = self.member.alerts(&self.config.filter).await?;
        let silences = self.member.silences().await?;
        let alerts = merge_alerts(vec![alerts]);
        let silences = merge_silences(vec![silences]);
        let (readings, dropped) = readings(&self.config.name, alerts, silences);
        self.dropped = dropped;
        Ok(readings)
    }
}

impl Source for Grafana {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "grafana"
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
                "{} entries beyond 500 are left out: set `filter`",
                self.dropped
            )
        })
    }
}
