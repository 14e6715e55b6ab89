//! One server of a cluster, or whatever else speaks the API v2, such as the Alertmanager inside Grafana.

use super::request::{self, Wanted};
use super::response::{self, FoundAlert, FoundSilence, Status};
use crate::connect::http::{Answer, Call, Http, HttpConfig, HttpError, HttpSetupError};

/// Where an Alertmanager of its own serves the API.
pub(super) const PREFIX: &str = "/api/v2";

/// One server.
#[derive(Debug, Clone)]
pub(in crate::connect) struct Member {
    http: Http,
    prefix: &'static str,
}

impl Member {
    /// `prefix` is what the paths of the API begin with. Opens no connection.
    pub(in crate::connect) fn new(
        config: &HttpConfig,
        prefix: &'static str,
    ) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: Http::new(config)?,
            prefix,
        })
    }

    /// Host and port, for messages.
    pub(in crate::connect) fn host(&self) -> &str {
        self.http.host()
    }

    async fn ask(&self, call: &Call) -> Result<Answer, HttpError> {
        self.http.call(call).await
    }

    /// Alerts that fit the filter.
    pub(in crate::connect) async fn alerts(
        &self,
        filter: &[String],
    ) -> Result<Vec<FoundAlert>, HttpError> {
        let answer = self.ask(&request::alerts(self.prefix, filter)).await?;
        response::alerts(&answer.body)
    }

    /// All silences, expired ones too.
    pub(in crate::connect) async fn silences(&self) -> Result<Vec<FoundSilence>, HttpError> {
        let answer = self.ask(&request::silences(self.prefix)).await?;
        response::silences(&answer.body)
    }

    /// One silence; `None` when it is not known.
    pub(super) async fn silence(&self, id: &str) -> Result<Option<FoundSilence>, HttpError> {
        match self.ask(&request::silence(self.prefix, id)).await {
            Ok(answer) => response::silence(&answer.body).map(Some),
            Err(HttpError::Status { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a silence; gives its id.
    pub(super) async fn create(&self, wanted: &Wanted) -> Result<String, HttpError> {
        let answer = self.ask(&wanted.call(self.prefix)).await?;
        response::created(&answer.body)
    }

    /// Ends a silence.
    pub(super) async fn expire(&self, id: &str) -> Result<(), HttpError> {
        self.ask(&request::expire(self.prefix, id)).await.map(drop)
    }

    /// Version and cluster.
    pub(super) async fn status(&self) -> Result<Status, HttpError> {
        let answer = self.ask(&request::status(self.prefix)).await?;
        response::status(&answer.body)
    }

    /// How many receivers there are.
    pub(super) async fn receivers(&self) -> Result<usize, HttpError> {
        let answer = self.ask(&request::receivers(self.prefix)).await?;
        response::receivers(&answer.body)
    }
}
