//! PagerDuty as the pager: who is on call now and next, open incidents, maintenance windows; pages, notes.
//!
//! REST API, all with `Accept: application/vnd.pagerduty+json;version=2` and `Authorization: Token token=...`, lists with
//! `limit` and `offset`:
//!
//! - `GET /oncalls` (`listOnCalls`) with `since`, `until`, `schedule_ids[]`, `escalation_policy_ids[]`,
//!   `include[]=users`.
//! - `GET /services` (`listServices`): which escalation policy a service has, and ids for names.
//! - `GET /incidents` (`listIncidents`) with `statuses[]`, `date_range=all`, `service_ids[]`; with `incident_key` to find
//!   what a page became.
//! - `GET /incidents/{id}` (`getIncident`), `GET /incidents/{id}/log_entries` (`listIncidentLogEntries`),
//!   `GET /incidents/{id}/notes` (`listIncidentNotes`).
//! - `GET /maintenance_windows` (`listMaintenanceWindows`) with `filter`, `service_ids[]`, and
//!   `GET /maintenance_windows/{id}` (`getMaintenanceWindow`).
//! - `GET /schedules` (`listSchedules`), once, to find configured ids that do not exist.
//! - `GET /users` (`listUsers`) with `query`, when proving that `from` is a user.
//! - Written, with `From: MAIL`: `POST /maintenance_windows` (`createMaintenanceWindow`), `PUT /incidents`
//!   (`updateIncidents`), `POST /incidents/{id}/notes` (`createIncidentNote`); without it
//!   `DELETE /maintenance_windows/{id}` (`deleteMaintenanceWindow`).
//!
//! Events API v2, with the routing key in the body: `POST /v2/enqueue` (`createV2Event`), actions `trigger`,
//! `acknowledge`, `resolve`.
//!
//! Source: PagerDuty REST API v2 reference and its OpenAPI description (version 2.0.0); "Pagination" (a page has at most
//! 100 entries, `more` says whether there is another, and `offset` plus `limit` reach 10,000 at most); "REST API rate
//! limits" (429). PagerDuty Events API v2, "Send an Alert Event" and its OpenAPI description (version 2.0).

mod config;
mod probe;
mod request;
mod response;
mod rest;
#[cfg(test)]
mod tests;
mod write;

pub use config::{
    EVENTS_URL, EVERY, EventsConfig, KIND, LOOK_AHEAD, PROOF_WAIT, PagerDutyConfig, URL, Writes,
    auth,
};
pub use write::PagerDutyWriter;

use crate::connect::http::HttpSetupError;
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Incident, Reading};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use response::{Reference, Service};
use rest::{ListError, PAGES_MAX, Rest};
use std::time::Duration;

/// Kind of system, as it is shown.
const SYSTEM: &str = "pagerduty";

/// Entries told; `Reading::OnCalls` and the others promise no more.
const ENTRIES_MAX: usize = 500;

/// Requests that a usual poll makes: sets how long a poll may take in all.
const REQUESTS_USUAL: u32 = 8;

/// Services are read again after this long: they change when somebody reorganises, not during a maintenance.
const SERVICES_EVERY: Duration = Duration::from_secs(600);

/// One PagerDuty account that is asked again and again.
#[derive(Debug)]
pub struct PagerDuty {
    config: PagerDutyConfig,
    rest: Rest,
    timeout: Duration,
    /// Configured schedules have been looked up, with those that do not exist.
    missing_schedules: Option<Vec<String>>,
    /// Services, and when they were read.
    services: Option<(Moment, Vec<Service>)>,
    dropped: usize,
    is_cut: bool,
}

impl PagerDuty {
    /// Builds the client; opens no connection. Nothing without a REST API key.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: PagerDutyConfig) -> Result<Option<Self>, HttpSetupError> {
        let Some(http) = &config.http else {
            return Ok(None);
        };
        Ok(Some(Self {
            rest: Rest::new(http)?,
            timeout: http.timeout,
            config,
            missing_schedules: None,
            services: None,
            dropped: 0,
            is_cut: false,
        }))
    }

    async fn look_up_schedules(&mut self) -> Result<(), ListError> {
        if self.missing_schedules.is_some() || self.config.schedules.is_empty() {
            return Ok(());
        }
        let (known, more) = self
            .rest
            .list(&request::schedules(), response::schedules)
            .await?;
        let is_known = |id: &String| known.iter().any(|schedule: &Reference| schedule.id() == id);
        let wanted = self.config.schedules.iter();
        // In an account with more schedules than are read, an id that was not seen may still exist.
        let missing = wanted.filter(|id| !more && !is_known(id));
        self.missing_schedules = Some(missing.cloned().collect());
        Ok(())
    }

    /// Reads the services when that is due. True when there were more than are read.
    async fn look_up_services(&mut self, now: Moment) -> Result<bool, ListError> {
        let known = self.services.as_ref();
        if known.is_some_and(|(at, _)| !now.has_passed(*at, SERVICES_EVERY)) {
            return Ok(false);
        }
        let (services, more) = self
            .rest
            .list(&request::services(), response::services)
            .await?;
        self.services = Some((now, services));
        Ok(more)
    }

    async fn ask(&mut self, now: Moment) -> Result<Vec<Reading>, ListError> {
        self.look_up_schedules().await?;
        let mut is_cut = self.look_up_services(now).await?;
        let mut entries = Vec::new();
        for request in request::on_calls(&self.config, now.wall) {
            let (mut part, more) = self.rest.list(&request, response::on_calls).await?;
            entries.append(&mut part);
            is_cut |= more;
        }
        let services = self
            .services
            .as_ref()
            .map(|(_, services)| services.as_slice());
        let mut on_calls = response::current(&entries, services.unwrap_or_default(), now.wall);
        let incidents = request::incidents(&self.config);
        let (incidents, more) = self.rest.list(&incidents, response::incidents).await?;
        is_cut |= more;
        let mut incidents: Vec<Incident> = incidents.into_iter().map(Incident::from).collect();
        let windows = request::windows(&self.config);
        let (windows, more) = self.rest.list(&windows, response::windows).await?;
        self.is_cut = is_cut || more;
        let mut silences: Vec<_> = windows.iter().map(|w| w.silence(now.wall)).collect();
        self.dropped = cut(&mut on_calls) + cut(&mut incidents) + cut(&mut silences);
        let source = self.config.name.clone();
        Ok(vec![
            Reading::OnCalls {
                source: source.clone(),
                on_calls,
            },
            Reading::Incidents {
                source: source.clone(),
                incidents,
            },
            Reading::Silences { source, silences },
        ])
    }
}

/// Leaves out what is beyond the limit; gives how many.
fn cut<T>(entries: &mut Vec<T>) -> usize {
    let beyond = entries.len().saturating_sub(ENTRIES_MAX);
    entries.truncate(ENTRIES_MAX);
    beyond
}

impl Source for PagerDuty {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        SYSTEM
    }

    fn every(&self) -> Duration {
        self.config.every
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        self.timeout.saturating_mul(REQUESTS_USUAL)
    }

    fn poll(&mut self, now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(async move { Ok(self.ask(now).await?) })
    }

    fn trouble(&self) -> Option<String> {
        let missing = self.missing_schedules.as_deref().unwrap_or_default();
        if !missing.is_empty() {
            let plural = if missing.len() == 1 {
                "schedule"
            } else {
                "schedules"
            };
            return Some(format!("{plural} not found: `{}`", missing.join("`, `")));
        }
        if self.is_cut {
            return Some(format!(
                "more than {} entries, the rest is not read: name `services` or `schedules`",
                PAGES_MAX * request::PAGE
            ));
        }
        (self.dropped > 0).then(|| {
            format!(
                "{} entries beyond {ENTRIES_MAX} are left out: name `services` or `schedules`",
                self.dropped
            )
        })
    }
}
