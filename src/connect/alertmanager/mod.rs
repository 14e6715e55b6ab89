//! Alertmanager: alerts and silences of one cluster; silences are made and ended.
//!
//! Operations used, of the API v2: `GET /alerts` with `filter`, `GET /silences`, `GET /silence/{id}`; for writes
//! `POST /silences` and `DELETE /silence/{id}`; for `doctor` `GET /status` and `GET /receivers`. Alert groups hold the
//! same alerts once more, and are not read.
//! Source: Alertmanager `api/v2/openapi.yaml` (read for 0.25 and 0.31); "High Availability" (members gossip silences, and
//! every member gets every alert).
//!
//! All members are asked at every poll. One that does not answer is a trouble; only when none does the poll fails.

mod breadth;
mod config;
mod member;
mod probe;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod write;

pub use config::{AlertmanagerConfig, EVERY, KIND};
pub(in crate::connect) use member::Member;
pub(in crate::connect) use response::{merge_alerts, merge_silences};
pub(in crate::connect) use write::SilenceWriter;

use crate::connect::http::HttpError;
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Alert, Reading, Silence};
use crate::domain::time::Moment;
use futures_util::future::{BoxFuture, join_all};
use response::{FoundAlert, FoundSilence};
use std::time::Duration;

/// Entries told; `Reading::Alerts` and `Reading::Silences` promise no more.
const ENTRIES_MAX: usize = 500;

/// Requests of one member that follow each other in a poll: sets how long it may take.
const REQUESTS: u32 = 2;

/// One cluster that is asked again and again.
#[derive(Debug)]
pub(super) struct Alertmanager {
    config: AlertmanagerConfig,
    members: Vec<Member>,
    trouble: Option<String>,
}

type Lists = (Vec<FoundAlert>, Vec<FoundSilence>);

impl Alertmanager {
    fn new(config: AlertmanagerConfig, members: Vec<Member>) -> Self {
        Self {
            config,
            members,
            trouble: None,
        }
    }

    async fn ask(&mut self) -> Result<Vec<Reading>, PollError> {
        let filter = &self.config.filter;
        let answers = join_all(self.members.iter().map(|m| member(m, filter))).await;
        let (mut alerts, mut silences) = (Vec::new(), Vec::new());
        let mut failed: Option<PollError> = None;
        let mut down = Vec::new();
        for (member, answer) in self.members.iter().zip(answers) {
            match answer {
                Ok((some, more)) => {
                    alerts.push(some);
                    silences.push(more);
                }
                Err(error) => {
                    down.push(format!("{}: {error}", member.host()));
                    failed.get_or_insert_with(|| PollError::from(error));
                }
            }
        }
        if alerts.is_empty() {
            return Err(failed.unwrap_or_else(|| PollError::new("no member is configured")));
        }
        let (readings, dropped) = readings(
            &self.config.name,
            merge_alerts(alerts),
            merge_silences(silences),
        );
        let dropped = (dropped > 0)
            .then(|| format!("{dropped} entries beyond {ENTRIES_MAX} are left out: set `filter`"));
        down.extend(dropped);
        self.trouble = (!down.is_empty()).then(|| down.join("; "));
        Ok(readings)
    }
}

/// Both lists as readings, and how many entries found no room.
pub(in crate::connect) fn readings(
    source: &ConnectorName,
    mut alerts: Vec<Alert>,
    mut silences: Vec<Silence>,
) -> (Vec<Reading>, usize) {
    let dropped =
        alerts.len().saturating_sub(ENTRIES_MAX) + silences.len().saturating_sub(ENTRIES_MAX);
    alerts.truncate(ENTRIES_MAX);
    silences.truncate(ENTRIES_MAX);
    let readings = vec![
        Reading::Alerts {
            source: source.clone(),
            alerts,
        },
        Reading::Silences {
            source: source.clone(),
            silences,
        },
    ];
    (readings, dropped)
}

async fn member(member: &Member, filter: &[String]) -> Result<Lists, HttpError> {
    Ok((member.alerts(filter).await?, member.silences().await?))
}

impl Source for Alertmanager {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        "alertmanager"
    }

    fn every(&self) -> Duration {
        self.config.every
    }

    fn pace(&self) -> Pace {
        Pace::Jittered
    }

    fn deadline(&self) -> Duration {
        let limits = self.config.members.iter().map(|member| member.timeout);
        limits.max().unwrap_or_default().saturating_mul(REQUESTS)
    }

    fn poll(&mut self, _now: Moment) -> BoxFuture<'_, Result<Vec<Reading>, PollError>> {
        Box::pin(self.ask())
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}
