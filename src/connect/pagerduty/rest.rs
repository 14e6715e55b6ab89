//! The REST API: lists in pages, single calls, and the vendor's own words when it refuses.

use super::request::{self, Request};
use super::response::Page;
use crate::connect::connector::WriteError;
use crate::connect::http::{Answer, Call, Http, HttpConfig, HttpError, HttpSetupError, snippet};
use crate::connect::poll::PollError;
use serde::Deserialize;

/// Pages read of one list: ten times the entries that are shown, and a tenth of what the vendor lets us page through.
pub(super) const PAGES_MAX: usize = 10;

/// Faults of a request that are repeated; the vendor lists every wrong field.
const FAULTS_MAX: usize = 5;

/// Why a list could not be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot read {what}: {cause}")]
pub(super) struct ListError {
    pub(super) what: &'static str,
    pub(super) cause: HttpError,
}

impl ListError {
    /// The error with the next action on one line.
    pub(super) fn with_hint(&self) -> String {
        match self.cause.hint() {
            Some(hint) => format!("{self}; {hint}"),
            None => self.to_string(),
        }
    }
}

impl From<ListError> for PollError {
    fn from(error: ListError) -> Self {
        let mut poll = Self::new(error.with_hint());
        poll.retry_after = error.cause.retry_after();
        poll
    }
}

impl From<ListError> for WriteError {
    /// A list that is looked at before a write: nothing was written.
    fn from(error: ListError) -> Self {
        Self {
            what: error.with_hint(),
            ..Self::of_look(error.cause)
        }
    }
}

/// A client of the REST API.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    http: Http,
}

impl Rest {
    /// Builds the client; opens no connection.
    pub(super) fn new(config: &HttpConfig) -> Result<Self, HttpSetupError> {
        let mut config = config.clone();
        let accept = ("Accept".to_owned(), request::ACCEPT.to_owned());
        config.headers.push(accept);
        Ok(Self {
            http: Http::new(&config)?,
        })
    }

    /// One call.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, HttpError> {
        self.http.call(call).await
    }

    /// All pages of a list, and whether there were more than are read.
    pub(super) async fn list<T>(
        &self,
        request: &Request,
        read: fn(&[u8]) -> Result<Page<T>, HttpError>,
    ) -> Result<(Vec<T>, bool), ListError> {
        let mut entries = Vec::new();
        let mut more = true;
        for number in 0..PAGES_MAX {
            let call = request.page(number.saturating_mul(request::PAGE));
            let page = self.read(&call, request.what, read).await?;
            entries.extend(page.entries);
            more = page.more;
            if !more {
                break;
            }
        }
        Ok((entries, more))
    }

    /// One answer, read.
    pub(super) async fn read<T>(
        &self,
        call: &Call,
        what: &'static str,
        read: fn(&[u8]) -> Result<T, HttpError>,
    ) -> Result<T, ListError> {
        let answer = self.call(call).await;
        answer
            .and_then(|answer| read(&answer.body))
            .map_err(|cause| ListError { what, cause })
    }
}

/// A write that was not carried out, with what the vendor says about it.
pub(super) fn refusal(error: HttpError) -> WriteError {
    let words = match &error {
        HttpError::Status { body, .. } => words(body),
        _ => None,
    };
    let mut refused = WriteError::from(error);
    if let Some(words) = words {
        refused.what = format!("{}: {words}", refused.what);
    }
    refused
}

/// Message and faults of an error body; of the REST API below `error`, of the Events API at the top.
fn words(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Said {
        message: String,
        #[serde(default)]
        errors: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Wrapped {
        error: Said,
    }
    let wrapped = serde_json::from_str::<Wrapped>(body).map(|wrapped| wrapped.error);
    let said = wrapped
        .or_else(|_| serde_json::from_str::<Said>(body))
        .ok()?;
    let mut all = vec![said.message];
    all.extend(said.errors.into_iter().take(FAULTS_MAX));
    Some(snippet(all.join(", ").as_bytes()))
}
