//! ServiceNow as the CMDB: configuration items and their dependencies as components.
//!
//! Operations used, all of the Table API: `GET /api/now/table/CLASS` and `/api/now/table/cmdb_rel_ci`, and with
//! `writes = true` `GET` and `PATCH /api/now/table/CLASS/SYS_ID` and `GET /api/now/table/sys_choice`. Source: ServiceNow,
//! "Table API" (parameters, headers, and that an invalid part of a query is ignored); "CI relationships" (a relationship
//! reads from parent to child: parent `Depends on` child); "Encoded query strings".
//!
//! A poll either reads every page or fails: half a CMDB would look like a smaller cluster.

mod component;
mod config;
mod probe;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod write;

pub use config::{EVERY, KIND, RELATIONS, ServiceNowConfig};

use crate::connect::catalog;
use crate::connect::http::{Call, Http, HttpError, HttpSetupError};
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::Reading;
use crate::domain::time::Moment;
use component::{Found, components};
use futures_util::future::BoxFuture;
use response::{Relation, Row};
use std::time::Duration;

/// Records read of one list: twice the components that are shown.
const RECORDS_MAX: usize = 10_000;

/// Requests that a usual poll makes: sets how long a poll may take in all. A slower read shows in the health line.
const REQUESTS_USUAL: u32 = 24;

/// What a person can do about too many components.
const QUERY_HINT: &str = "set `class` or `query` to what the maintenance needs";

/// One instance, and how it is asked.
#[derive(Debug)]
struct Client {
    config: ServiceNowConfig,
    http: Http,
}

/// One instance that is asked again and again.
#[derive(Debug)]
pub struct ServiceNow {
    client: Client,
    trouble: Option<String>,
}

/// Everything there is to a list.
#[derive(Debug)]
struct Listed {
    rows: Vec<Row>,
    /// Records that are there, and that the account may not see.
    hidden: u64,
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
enum ListError {
    /// No answer that can be used.
    #[error("cannot read {what}: {cause}")]
    Http {
        /// Which list.
        what: &'static str,
        /// Why.
        cause: HttpError,
    },
    /// Ask for less.
    #[error("more than {RECORDS_MAX} {what}: {QUERY_HINT}")]
    TooMany {
        /// Which list.
        what: &'static str,
    },
}

impl ListError {
    fn with_hint(&self) -> String {
        match self {
            Self::Http { what, cause } => format!("cannot read {what}: {}", cause.with_hint()),
            Self::TooMany { .. } => self.to_string(),
        }
    }
}

impl From<ListError> for PollError {
    fn from(error: ListError) -> Self {
        let mut poll = Self::new(error.with_hint());
        if let ListError::Http { cause, .. } = &error {
            poll.retry_after = cause.retry_after();
        }
        poll
    }
}

impl Client {
    /// Builds the client; opens no connection.
    fn new(mut config: ServiceNowConfig) -> Result<Self, HttpSetupError> {
        let accept = ("Accept".to_owned(), "application/json".to_owned());
        config.http.headers.push(accept);
        let http = Http::new(&config.http)?;
        Ok(Self { config, http })
    }

    /// Longest time that reading everything may take.
    fn deadline(&self) -> Duration {
        self.http.timeout().saturating_mul(REQUESTS_USUAL)
    }

    /// All pages of a list.
    ///
    /// A page may have fewer records than were asked for, since those that the account may not see are taken out of it
    /// afterwards: only the total says where the end is.
    async fn list(&self, what: &'static str, call: &Call) -> Result<Listed, ListError> {
        let mut rows = Vec::new();
        let mut offset = 0_usize;
        while offset < RECORDS_MAX {
            let answer = self.http.call(&request::page(call, offset)).await;
            let read = answer.and_then(|answer| Ok((answer.total, response::rows(&answer.body)?)));
            let (total, page) = read.map_err(|cause| ListError::Http { what, cause })?;
            let is_short = page.len() < request::PAGE;
            rows.extend(page);
            offset = offset.saturating_add(request::PAGE);
            let seen = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            let is_last = match total {
                Some(total) => u64::try_from(offset).is_ok_and(|offset| offset >= total),
                None => is_short,
            };
            if is_last {
                let hidden = total.map_or(0, |total| total.saturating_sub(seen));
                return Ok(Listed { rows, hidden });
            }
        }
        Err(ListError::TooMany { what })
    }

    async fn inventory(&self) -> Result<(Vec<Found>, u64), ListError> {
        let what = "configuration items";
        let items = self.list(what, &request::items(&self.config)).await?;
        let parsed = items
            .rows
            .iter()
            .enumerate()
            .map(|(index, row)| response::item(row, index))
            .collect::<Result<Vec<_>, HttpError>>()
            .map_err(|cause| ListError::Http { what, cause })?;
        let ids: Vec<&str> = parsed.iter().map(|item| item.id.as_str()).collect();
        let mut relations = Vec::new();
        if !self.config.relations.is_empty() {
            let what = "relations";
            for ids in ids.chunks(request::PARENTS) {
                let call = request::relations(&self.config.relations, ids);
                let rows = self.list(what, &call).await?.rows;
                let rows = rows.iter().enumerate();
                let read: Result<Vec<Relation>, HttpError> = rows
                    .map(|(index, row)| response::relation(row, index))
                    .collect();
                relations.extend(read.map_err(|cause| ListError::Http { what, cause })?);
            }
        }
        Ok((components(&self.config, &parsed, &relations), items.hidden))
    }
}

impl ServiceNow {
    /// Builds the client; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: ServiceNowConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            client: Client::new(config)?,
            trouble: None,
        })
    }
}

impl Source for ServiceNow {
    fn name(&self) -> &ConnectorName {
        &self.client.config.name
    }

    fn system(&self) -> &'static str {
        "servicenow"
    }

    fn every(&self) -> Duration {
        self.client.config.every
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        self.client.deadline()
    }

    fn poll(&mut self, _now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(async move {
            let (found, hidden) = self.client.inventory().await?;
            let components = found.into_iter().map(|found| found.component).collect();
            let name = &self.client.config.name;
            let (reading, trouble) = catalog::reading(name, components, QUERY_HINT);
            let unseen = (hidden > 0)
                .then(|| format!("{hidden} configuration items are hidden from the account"));
            self.trouble = trouble.or(unseen);
            Ok(vec![reading])
        })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}
