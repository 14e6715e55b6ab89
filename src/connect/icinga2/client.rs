//! The API of one Icinga 2.

use super::request::{self, Wanted, Which};
use super::response::{self, Acted, Downtime, KnownHost, Who};
use crate::connect::http::{Answer, Call, Http, HttpConfig, HttpError, HttpSetupError, snippet};
use crate::domain::reading::Alert;

/// An answer that cannot be used, with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {what}: {}", self.words())]
pub(super) struct IcingaError {
    what: &'static str,
    /// Why.
    pub(super) cause: HttpError,
}

impl IcingaError {
    /// The cause, with what Icinga says about it. It answers 404 also to who may not, so that nobody learns what there
    /// is. Source: Icinga 2, "API", "HTTP Statuses".
    fn words(&self) -> String {
        match &self.cause {
            HttpError::Status {
                code: code @ (400 | 404..=599),
                body,
                ..
            } => {
                let said = response::said(body).unwrap_or_default();
                let said = snippet(said.as_bytes());
                let may = if *code == 404 {
                    "; does the ApiUser have the permission?"
                } else {
                    ""
                };
                format!("HTTP {code}: {said}{may}")
            }
            other => other.with_hint(),
        }
    }
}

/// One Icinga 2.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: Http,
}

impl Client {
    /// Opens no connection.
    pub(super) fn new(config: &HttpConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: Http::new(config)?,
        })
    }

    async fn ask<T>(
        &self,
        what: &'static str,
        call: &Call,
        read: impl FnOnce(&Answer) -> Result<T, HttpError>,
    ) -> Result<T, IcingaError> {
        let answer = self.http.call(call).await;
        answer
            .and_then(|answer| read(&answer))
            .map_err(|cause| IcingaError { what, cause })
    }

    /// Hosts and services that are not well.
    pub(super) async fn alerts(&self) -> Result<Vec<Alert>, IcingaError> {
        let read = |answer: &Answer| response::bad_hosts(&answer.body);
        let mut alerts = self.ask("read hosts", &request::bad_hosts(), read).await?;
        let read = |answer: &Answer| response::bad_services(&answer.body);
        let services = request::bad_services();
        alerts.extend(self.ask("read services", &services, read).await?);
        Ok(alerts)
    }

    /// All downtimes, or some.
    pub(super) async fn downtimes(
        &self,
        which: Option<&Which>,
    ) -> Result<Vec<Downtime>, IcingaError> {
        let call = which.map_or_else(request::downtimes, Which::query);
        let read = |answer: &Answer| response::downtimes(&answer.body);
        self.ask("read downtimes", &call, read).await
    }

    /// Names and addresses of all hosts.
    pub(super) async fn hosts(&self) -> Result<Vec<KnownHost>, IcingaError> {
        let read = |answer: &Answer| response::hosts(&answer.body);
        self.ask("read hosts", &request::hosts(), read).await
    }

    /// Which of these hosts have such a service.
    pub(super) async fn with_service(
        &self,
        hosts: &[String],
        service: &str,
    ) -> Result<Vec<String>, IcingaError> {
        let call = request::services(hosts, service);
        let read = |answer: &Answer| response::service_hosts(&answer.body);
        self.ask("read services", &call, read).await
    }

    /// Makes downtimes.
    pub(super) async fn schedule(&self, wanted: &Wanted) -> Result<Vec<Acted>, IcingaError> {
        let read = |answer: &Answer| response::acted(&answer.body);
        self.ask("schedule a downtime", &wanted.schedule(), read)
            .await
    }

    /// Ends downtimes.
    pub(super) async fn remove(
        &self,
        which: &Which,
        author: &str,
    ) -> Result<Vec<Acted>, IcingaError> {
        let read = |answer: &Answer| response::acted(&answer.body);
        self.ask("remove a downtime", &which.remove(author), read)
            .await
    }

    /// Who we are, what we may, and the version.
    pub(super) async fn who(&self) -> Result<Option<Who>, IcingaError> {
        let read = |answer: &Answer| response::who(&answer.body);
        self.ask("log in", &request::who(), read).await
    }
}
