//! Proves keys and permissions, without writing.

use super::config::DatadogConfig;
use super::{Failure, client, request, response};
use crate::clock::Clock;
use crate::connect::connector::{Check, Health, Probe};
use crate::connect::http::{Answer, Call, Http, HttpError, HttpSetupError};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// A query that every organisation can be asked, whatever it sends.
const QUERY: &str = "avg:datadog.agent.running{*}";

/// Asks one thing after another.
pub(super) struct DatadogProbe {
    config: DatadogConfig,
    http: Http,
    clock: Arc<dyn Clock>,
}

/// What an answer says.
type Said = Result<(Health, String), Failure>;

impl DatadogProbe {
    pub(super) fn new(
        config: DatadogConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: client(&config)?,
            config,
            clock,
        })
    }

    async fn look(
        &self,
        what: &str,
        call: Call,
        hint: &str,
        read: impl FnOnce(&Answer) -> Said,
    ) -> Check {
        let from = self.clock.now();
        let answered = self.http.call(&call).await.map_err(Failure::from);
        let took = self.clock.now().mono_since(from);
        let mut check = match answered.and_then(|answer| read(&answer)) {
            Ok((health, said)) => Check::new(what, health, said),
            Err(failure) => {
                let is_refused = matches!(
                    failure,
                    Failure::Http(HttpError::Status {
                        code: 401 | 403,
                        ..
                    })
                );
                let check = Check::new(what, Health::Bad, failure.to_string());
                if is_refused { check.hint(hint) } else { check }
            }
        };
        check.took = Duration::from_millis(took);
        check
    }

    async fn check_all(&self, now: Moment) -> Vec<Check> {
        let mut checks = Vec::new();
        let key = "set `api_key` to a key of this organisation, and `site` to where it is";
        let valid = |answer: &Answer| {
            let is_valid = response::is_valid(&answer.body)?;
            Ok(if is_valid {
                (Health::Good, "`api_key` is valid".to_owned())
            } else {
                (Health::Bad, "`api_key` is not valid".to_owned())
            })
        };
        checks.push(
            self.look("credentials", request::validate(), key, valid)
                .await,
        );
        let query = request::query(QUERY, now.wall, self.config.window);
        let hint = "the application key needs the scope `timeseries_query`";
        let read = |answer: &Answer| {
            let values = response::values(&answer.body, 1)?;
            let count = values.series.len().saturating_add(values.dropped);
            Ok((Health::Good, format!("answered, {count} series")))
        };
        checks.push(self.look("permission to query", query, hint, read).await);
        if self.config.monitors {
            let call = request::monitors(&self.config.monitor_tags, 0, request::MONITORS_PAGE);
            let hint = "the application key needs the scope `monitors_read`";
            let read = |answer: &Answer| {
                let (alerts, count) = response::alerts(&answer.body, now.wall)?;
                let more = if count < request::MONITORS_PAGE {
                    ""
                } else {
                    " or more"
                };
                let said = format!("{count}{more} monitors, {} not well", alerts.len());
                Ok((Health::Good, said))
            };
            checks.push(
                self.look("permission to read monitors", call, hint, read)
                    .await,
            );
        }
        if self.config.writes {
            let call = request::downtimes(true, 0, request::DOWNTIMES_PAGE);
            let hint = "the application key needs the scope `monitors_downtime`";
            // One and the same permission reads and makes downtimes.
            let read = |answer: &Answer| {
                let (found, total) = response::downtimes(&answer.body)?;
                let count = total.unwrap_or(found.len());
                Ok((Health::Good, format!("{count} downtimes")))
            };
            checks.push(
                self.look("permission to make downtimes", call, hint, read)
                    .await,
            );
        }
        checks
    }
}

impl Probe for DatadogProbe {
    fn check(&mut self, now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.check_all(now))
    }
}
