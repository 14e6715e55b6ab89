//! The CGIs of one Nagios.

use super::form::{Form, Verdict, verdict};
use super::request::{self, Command};
use super::response::{self, Downtime, Fresh, NagiosError, Program};
use crate::connect::connector::WriteError;
use crate::connect::http::{Answer, Call, Http, HttpConfig, HttpError, HttpSetupError};
use crate::domain::reading::Alert;
use crate::domain::time::Timestamp;
use std::time::Duration;

/// Age of the status beyond which Nagios counts as stopped: twelve of the intervals at which it writes when nobody says
/// otherwise. The CGIs answer from the last file all the same, and nothing in it would ever change.
pub(super) const STATUS_AGE_MAX: Duration = Duration::from_secs(120);

/// One Nagios, asked through its CGIs.
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

    async fn ask(&self, call: &Call) -> Result<Answer, HttpError> {
        self.http.call(call).await
    }

    /// Hosts and services that are not well, with what keeps them quiet, and all downtimes.
    pub(super) async fn troubles(
        &self,
        host_group: Option<&str>,
    ) -> Result<(Vec<Alert>, Vec<Downtime>), NagiosError> {
        let hosts = self.ask(&request::bad_hosts(host_group)).await?;
        let hosts = fresh(response::bad_hosts(&hosts.body)?)?;
        let services = self.ask(&request::bad_services(host_group)).await?;
        let services = fresh(response::bad_services(&services.body)?)?;
        let downtimes = self.downtimes().await?;
        let downtimes = fresh(downtimes)?;
        let mut alerts = hosts;
        alerts.extend(services);
        Ok((alerts, downtimes))
    }

    /// All downtimes, and how fresh that is.
    pub(super) async fn downtimes(&self) -> Result<Fresh<Vec<Downtime>>, NagiosError> {
        let answer = self.ask(&request::downtimes()).await?;
        response::downtimes(&answer.body)
    }

    /// Names of all hosts that the user may see.
    pub(super) async fn host_names(&self) -> Result<Vec<String>, NagiosError> {
        let answer = self.ask(&request::host_names()).await?;
        response::host_names(&answer.body)
    }

    /// Names of the services of a host.
    pub(super) async fn service_names(&self, host: &str) -> Result<Vec<String>, NagiosError> {
        let answer = self.ask(&request::service_names(host)).await?;
        response::service_names(&answer.body, host)
    }

    /// What Nagios says of itself.
    pub(super) async fn program(&self) -> Result<Fresh<Program>, NagiosError> {
        let answer = self.ask(&request::program()).await?;
        response::program(&answer.body)
    }

    /// Sends a command through `cmd.cgi`.
    ///
    /// # Errors
    /// Refused when nothing was done; unclear when the answer does not tell.
    pub(super) async fn command(
        &self,
        command: &Command,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let form = self.form(command, now).await?;
        let answer = self.ask(&command.commit(&form)?).await?;
        match verdict(&String::from_utf8_lossy(&answer.body)) {
            Verdict::Submitted => Ok(()),
            Verdict::Forbidden => Err(WriteError::refused(FORBIDDEN)),
            // It says so too while its command file is not there for a moment.
            Verdict::Refused(what) => Err(WriteError::not_yet(format!("Nagios says: {what}"))),
            Verdict::Odd => Err(WriteError::unclear(
                "`cmd.cgi` answered, but not whether it took the command",
            )),
        }
    }

    /// Tries a command without what it needs: what the CGI says to that, and nothing is done.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) async fn rehearse(
        &self,
        command: &Command,
        now: Timestamp,
    ) -> Result<Verdict, WriteError> {
        let form = self.form(command, now).await?;
        let answer = self.ask(&command.rehearse(&form)?).await?;
        Ok(verdict(&String::from_utf8_lossy(&answer.body)))
    }

    async fn form(&self, command: &Command, now: Timestamp) -> Result<Form, WriteError> {
        let page = self.ask(&command.form()?).await;
        // Only looked at so far: whatever went wrong, nothing was done.
        let page = page.map_err(WriteError::of_look)?;
        Ok(Form::read(&String::from_utf8_lossy(&page.body), now))
    }
}

/// What a user lacks, in Nagios's own words for it.
pub(super) const FORBIDDEN: &str = "the user may not: it needs `authorized_for_all_host_commands` and \
     `authorized_for_all_service_commands` in `cgi.cfg`, or must be a contact of the host";

/// What Nagios wrote lately; an error when that is too long ago to be true still.
fn fresh<T>(answer: Fresh<T>) -> Result<T, NagiosError> {
    let age = answer.asked.since(answer.written);
    if age > STATUS_AGE_MAX {
        return Err(NagiosError::Old(age.as_secs()));
    }
    Ok(answer.data)
}
