//! PagerDuty as the pager: who is on call now and next, and open incidents. Reads only.
//!
//! Operations used, all `GET` with `limit` and `offset`, `Accept: application/vnd.pagerduty+json;version=2` and
//! `Authorization: Token token=...`:
//!
//! - `/oncalls` with `since`, `until`, `schedule_ids[]`, `escalation_policy_ids[]`, `include[]=users`.
//! - `/incidents` with `statuses[]=triggered`, `statuses[]=acknowledged`, `date_range=all`, `service_ids[]`.
//! - `/schedules`, once, to find configured ids that do not exist.
//!
//! Source: PagerDuty REST API v2 reference, operations `listOnCalls`, `listIncidents`, `listSchedules`; "Pagination"
//! (a page has at most 100 entries, `more` says whether there is another, and `offset` plus `limit` reach 10,000 at
//! most); "REST API rate limits" (429).

mod config;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use config::{EVERY, KIND, LOOK_AHEAD, PagerDutyConfig, URL, auth};

use crate::connect::http::{Http, HttpError, HttpSetupError};
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use request::Request;
use response::Page;
use std::time::Duration;

/// Pages read of one list: ten times the entries that are shown, and a tenth of what the vendor lets us page through.
const PAGES_MAX: usize = 10;

/// Entries told; `Reading::OnCalls` and `Reading::Incidents` promise no more.
const ENTRIES_MAX: usize = 500;

/// Requests that a usual poll makes: sets how long a poll may take in all.
const REQUESTS_USUAL: u32 = 6;

/// One PagerDuty account that is asked again and again.
#[derive(Debug)]
pub struct PagerDuty {
    config: PagerDutyConfig,
    http: Http,
    /// Configured schedules have been looked up, with those that do not exist.
    missing_schedules: Option<Vec<String>>,
    dropped: usize,
    is_cut: bool,
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}: {cause}")]
struct ListError {
    what: &'static str,
    cause: HttpError,
}

impl From<ListError> for PollError {
    fn from(error: ListError) -> Self {
        let mut poll = Self::new(error.to_string());
        poll.retry_after = error.cause.retry_after();
        if let Some(hint) = error.cause.hint() {
            poll.what = format!("{error}; {hint}");
        }
        poll
    }
}

impl PagerDuty {
    /// Builds the client; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(mut config: PagerDutyConfig) -> Result<Self, HttpSetupError> {
        let accept = ("Accept".to_owned(), request::ACCEPT.to_owned());
        config.http.headers.push(accept);
        let http = Http::new(&config.http)?;
        Ok(Self {
            config,
            http,
            missing_schedules: None,
            dropped: 0,
            is_cut: false,
        })
    }

    /// All pages of a list, and whether there were more than are read.
    async fn list<T>(
        &self,
        request: &Request,
        read: fn(&[u8]) -> Result<Page<T>, HttpError>,
    ) -> Result<(Vec<T>, bool), ListError> {
        let mut entries = Vec::new();
        let mut more = true;
        for number in 0..PAGES_MAX {
            let query = request.page(number.saturating_mul(request::PAGE));
            let query: Vec<(&str, &str)> = query.iter().map(|(k, v)| (*k, v.as_str())).collect();
            let answer = self.http.get(request.path, &query).await;
            let page = answer.and_then(|answer| read(&answer.body));
            let page = page.map_err(|cause| ListError {
                what: request.what,
                cause,
            })?;
            entries.extend(page.entries);
            more = page.more;
            if !more {
                break;
            }
        }
        Ok((entries, more))
    }

    async fn look_up_schedules(&mut self) -> Result<(), ListError> {
        if self.missing_schedules.is_some() || self.config.schedules.is_empty() {
            return Ok(());
        }
        let (known, more) = self
            .list(&request::schedules(), response::schedules)
            .await?;
        let wanted = self.config.schedules.iter();
        // In an account with more schedules than are read, an id that was not seen may still exist.
        let missing = wanted.filter(|id| !more && !known.contains(id));
        self.missing_schedules = Some(missing.cloned().collect());
        Ok(())
    }

    async fn ask(&mut self, now: Moment) -> Result<Vec<Reading>, ListError> {
        self.look_up_schedules().await?;
        let mut entries = Vec::new();
        let mut is_cut = false;
        for request in request::on_calls(&self.config, now.wall) {
            let (mut part, more) = self.list(&request, response::on_calls).await?;
            entries.append(&mut part);
            is_cut |= more;
        }
        let mut on_calls = response::current(&entries, now.wall);
        let incidents = request::incidents(&self.config);
        let (mut incidents, more) = self.list(&incidents, response::incidents).await?;
        self.is_cut = is_cut || more;
        self.dropped = on_calls.len().saturating_sub(ENTRIES_MAX);
        self.dropped += incidents.len().saturating_sub(ENTRIES_MAX);
        on_calls.truncate(ENTRIES_MAX);
        incidents.truncate(ENTRIES_MAX);
        let source = self.config.name.clone();
        Ok(vec![
            Reading::OnCalls {
                source: source.clone(),
                on_calls,
            },
            Reading::Incidents { source, incidents },
        ])
    }
}

impl Source for PagerDuty {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "pagerduty"
    }

    fn every(&self) -> Duration {
        self.config.every
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        self.config.http.timeout.saturating_mul(REQUESTS_USUAL)
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
