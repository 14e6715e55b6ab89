//! Opsgenie as the pager, and the API that Jira Service Management took over from it: who is on call now and next, open
//! alerts, maintenance; pages, notes.
//!
//! Operations of Opsgenie used, all with `Authorization: GenieKey ...`: `GET /v2/schedules` (`listSchedules`),
//! `GET /v2/schedules/{id}/on-calls` and `.../next-on-calls` with `flat=true` (`getOnCalls`, `getNextOnCalls`),
//! `GET /v2/schedules/{id}/timeline`, `GET /v2/alerts` (`listAlerts`), `GET /v2/alerts/{id}` (`getAlert`),
//! `GET /v2/alerts/requests/{id}` (`getRequestStatus`), `GET /v2/alerts/{id}/notes` (`listNotes`), `GET /v1/maintenance`
//! (`listMaintenance`). Written: `POST /v2/alerts` (`createAlert`), `.../acknowledge` (`acknowledgeAlert`), `.../close`
//! (`closeAlert`), `.../notes` (`addNote`), `POST /v1/maintenance` (`createMaintenance`),
//! `POST /v1/maintenance/{id}/cancel`.
//!
//! Source: Opsgenie OpenAPI description 2.0.0; "Schedule API" (timeline) and "Maintenance API" (cancel), which the
//! description at hand leaves out. The dialect of the successor is described at [`crate::connect::jsm`].

mod config;
mod dialect;
mod probe;
mod response;
#[cfg(test)]
pub(in crate::connect) mod tests;
mod write;

pub(in crate::connect) use config::Shared;
pub use config::{END_OF_SERVICE, EVERY, KIND, LOOK_AHEAD, OpsConfig, PROOF_WAIT, URL, auth};
pub use dialect::{Dialect, Entity};
pub use write::OpsWriter;

use crate::connect::http::{Call, Http, HttpError, HttpSetupError};
use crate::connect::poll::{Pace, PollError, Source};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Incident, OnCall, Reading, Silence};
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use response::{Alert, Maintenance, OnCalls, Schedule, Team, Timeline};
use std::collections::BTreeMap;
use std::time::Duration;

/// Pages read of one list; the vendor gives 20,000 alerts at most.
const PAGES_MAX: usize = 5;

/// Entries told; the readings promise no more.
const ENTRIES_MAX: usize = 500;

/// Schedules whose on-calls are read when none are named: each is a request in each poll.
const SCHEDULES_MAX: usize = 20;

/// Names of people remembered: more than any rota has.
const NAMES_MAX: usize = 1000;

/// Requests that a usual poll makes: sets how long a poll may take in all.
const REQUESTS_USUAL: u32 = 12;

/// Schedules, teams and shifts are read again after this long; shifts earlier when somebody else is on call.
const PLANS_EVERY: Duration = Duration::from_secs(600);

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}: {cause}")]
struct ReadError {
    what: &'static str,
    cause: HttpError,
}

impl From<ReadError> for PollError {
    fn from(error: ReadError) -> Self {
        let mut poll = Self::new(error.to_string());
        poll.retry_after = error.cause.retry_after();
        if let Some(hint) = error.cause.hint() {
            poll.what = format!("{error}; {hint}");
        }
        poll
    }
}

/// What is known of the shifts of one schedule.
#[derive(Debug)]
struct Plan {
    at: Moment,
    /// Who was on call when it was read.
    people: Vec<String>,
    next: Vec<String>,
    timeline: Option<Timeline>,
}

/// One account that is asked again and again.
#[derive(Debug)]
pub struct Ops {
    config: OpsConfig,
    http: Http,
    site: Option<Http>,
    schedules: Option<(Moment, Vec<Schedule>, Vec<Team>)>,
    plans: BTreeMap<String, Plan>,
    names: BTreeMap<String, String>,
    trouble: Option<String>,
}

/// Asks once and reads the answer.
async fn ask<T>(
    http: &Http,
    call: &Call,
    what: &'static str,
    read: impl FnOnce(&[u8]) -> Result<T, HttpError>,
) -> Result<T, ReadError> {
    let answer = http.call(call).await;
    answer
        .and_then(|answer| read(&answer.body))
        .map_err(|cause| ReadError { what, cause })
}

/// All schedules, in pages where there are pages.
async fn schedules(http: &Http, dialect: Dialect) -> Result<Vec<Schedule>, ReadError> {
    let mut all: Vec<Schedule> = Vec::new();
    for _ in 0..PAGES_MAX {
        let call = dialect.schedules(all.len());
        let page = ask(http, &call, "schedules", |body| {
            response::list::<Schedule>(dialect, body)
        })
        .await?;
        let is_last = dialect == Dialect::Opsgenie || page.len() < dialect::SCHEDULES_PAGE;
        all.extend(page);
        if is_last {
            break;
        }
    }
    Ok(all)
}

/// Page of an alert on the web, where it can be told from the API's host.
fn pages(url: &str) -> Option<String> {
    let host = url.strip_prefix("https://api.")?;
    let host = host.split('/').next()?;
    host.ends_with("opsgenie.com")
        .then(|| format!("https://app.{host}"))
}

impl Ops {
    /// Builds the clients; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: OpsConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: Http::new(&config.http)?,
            site: config.site.as_ref().map(Http::new).transpose()?,
            config,
            schedules: None,
            plans: BTreeMap::new(),
            names: BTreeMap::new(),
            trouble: None,
        })
    }

    fn note(&mut self, trouble: String) {
        self.trouble.get_or_insert(trouble);
    }

    /// Reads schedules and teams when that is due.
    async fn look_up(&mut self, now: Moment) -> Result<(), ReadError> {
        let known = self.schedules.as_ref();
        if known.is_some_and(|(at, ..)| !now.has_passed(*at, PLANS_EVERY)) {
            return Ok(());
        }
        let dialect = self.config.dialect;
        let all = schedules(&self.http, dialect).await?;
        let teams = if dialect == Dialect::Jsm {
            let teams = ask(&self.http, &dialect::teams(), "teams", response::teams).await;
            teams.unwrap_or_default()
        } else {
            Vec::new()
        };
        self.schedules = Some((now, all, teams));
        Ok(())
    }

    /// The schedules to be read; notes what is amiss with them.
    fn wanted(&mut self) -> Vec<(Schedule, Option<String>)> {
        let Some((_, all, teams)) = &self.schedules else {
            return Vec::new();
        };
        let ids = &self.config.schedules;
        let is_wanted = |schedule: &&Schedule| {
            if ids.is_empty() {
                schedule.enabled
            } else {
                ids.contains(&schedule.id)
            }
        };
        let wanted: Vec<_> = all.iter().filter(is_wanted).collect();
        let missing = ids.iter().find(|id| !all.iter().any(|s| s.id == **id));
        let missing = missing.map(|id| format!("schedule not found: `{id}`"));
        let beyond = wanted.len().saturating_sub(SCHEDULES_MAX);
        let out = wanted
            .into_iter()
            .take(SCHEDULES_MAX)
            .map(|schedule| (schedule.clone(), schedule.team(teams)))
            .collect();
        if let Some(missing) = missing {
            self.note(missing);
        }
        if beyond > 0 {
            self.note(format!("{beyond} schedules are left out: name `schedules`"));
        }
        out
    }

    async fn on_calls(&mut self, now: Moment) -> Result<Vec<OnCall>, ReadError> {
        self.look_up(now).await?;
        let dialect = self.config.dialect;
        let mut out = Vec::new();
        for (schedule, team) in self.wanted() {
            let call = dialect.on_calls(&schedule.id);
            let read = |body: &[u8]| response::one::<OnCalls>(dialect, body);
            let people = ask(&self.http, &call, "on-calls", read).await?.people();
            self.plan(&schedule.id, &people, now).await;
            let covers: Vec<String> = team.into_iter().filter(|name| !name.is_empty()).collect();
            for person in people {
                out.push(self.on_call(&schedule, &covers, &person, now).await);
            }
        }
        Ok(out)
    }

    /// Reads shifts when that is due. Without them there is somebody on call all the same, so that a failure is noted
    /// and nothing more.
    async fn plan(&mut self, schedule: &str, people: &[String], now: Moment) {
        let known = self.plans.get(schedule);
        if known.is_some_and(|p| p.people == people && !now.has_passed(p.at, PLANS_EVERY)) {
            return;
        }
        let dialect = self.config.dialect;
        let next = ask(
            &self.http,
            &dialect.next_on_calls(schedule),
            "who is next on call",
            |body| response::one::<OnCalls>(dialect, body),
        )
        .await;
        let timeline = ask(
            &self.http,
            &dialect.timeline(schedule, now.wall, self.config.look_ahead),
            "hand-over times",
            |body| response::one::<Timeline>(dialect, body),
        )
        .await;
        let mut amiss = Vec::new();
        let next = next.map_err(|error| amiss.push(error.to_string()));
        let timeline = timeline.map_err(|error| amiss.push(error.to_string()));
        for one in amiss {
            self.note(one);
        }
        let plan = Plan {
            at: now,
            people: people.to_vec(),
            next: next.map(|next| next.people()).unwrap_or_default(),
            timeline: timeline.ok(),
        };
        self.plans.insert(schedule.to_owned(), plan);
    }

    async fn on_call(
        &mut self,
        schedule: &Schedule,
        covers: &[String],
        person: &str,
        now: Moment,
    ) -> OnCall {
        let plan = self.plans.get(&schedule.id);
        let timeline = plan.and_then(|plan| plan.timeline.as_ref());
        let shift = timeline.map(|timeline| timeline.shift(person, now.wall));
        let shift = shift.unwrap_or_default();
        let planned = plan.map(|plan| plan.next.clone()).unwrap_or_default();
        let next = shift.next.map_or(planned, |next| vec![next]);
        let mut names = Vec::new();
        for next in &next {
            names.push(self.name_of(next).await);
        }
        OnCall {
            rota: schedule.name.clone(),
            level: 1,
            person: self.name_of(person).await,
            contact: if person.contains('@') {
                person.to_owned()
            } else {
                String::new()
            },
            from: shift.from,
            until: shift.until,
            next: names.join(", "),
            covers: covers.to_vec(),
        }
    }

    /// Name of an account id; the id itself where there is no site to ask, or it does not know.
    async fn name_of(&mut self, person: &str) -> String {
        let Some(site) = &self.site else {
            return person.to_owned();
        };
        if let Some(name) = self.names.get(person) {
            return name.clone();
        }
        let call = dialect::user(person);
        match ask(site, &call, "names", response::display_name).await {
            Ok(name) => {
                let name = name.unwrap_or_else(|| person.to_owned());
                if self.names.len() < NAMES_MAX {
                    self.names.insert(person.to_owned(), name.clone());
                }
                name
            }
            Err(error) => {
                self.note(error.to_string());
                person.to_owned()
            }
        }
    }

    async fn incidents(&mut self) -> Result<Vec<Incident>, ReadError> {
        let dialect = self.config.dialect;
        let mut alerts: Vec<Alert> = Vec::new();
        for _ in 0..PAGES_MAX {
            let call = dialect.alerts(alerts.len());
            let read = |body: &[u8]| response::list::<Alert>(dialect, body);
            let page = ask(&self.http, &call, "alerts", read).await?;
            let is_last = page.len() < dialect::PAGE;
            alerts.extend(page);
            if is_last {
                break;
            }
        }
        if alerts.len() >= ENTRIES_MAX {
            self.note(format!("only the newest {ENTRIES_MAX} alerts are read"));
        }
        let pages = pages(&self.config.http.url);
        let incidents = alerts.into_iter().take(ENTRIES_MAX);
        Ok(incidents.map(|a| a.incident(pages.as_deref())).collect())
    }

    async fn silences(&self) -> Result<Vec<Silence>, ReadError> {
        let call = dialect::maintenances("non-expired");
        let read = |body: &[u8]| response::list::<Maintenance>(Dialect::Opsgenie, body);
        let all = ask(&self.http, &call, "maintenance", read).await?;
        let open = all.into_iter().filter(Maintenance::is_open);
        Ok(open.take(ENTRIES_MAX).map(Maintenance::silence).collect())
    }

    async fn readings(&mut self, now: Moment) -> Result<Vec<Reading>, ReadError> {
        self.trouble = None;
        let mut on_calls = self.on_calls(now).await?;
        on_calls.truncate(ENTRIES_MAX);
        let incidents = self.incidents().await?;
        let source = self.config.name.clone();
        let mut readings = vec![
            Reading::OnCalls {
                source: source.clone(),
                on_calls,
            },
            Reading::Incidents {
                source: source.clone(),
                incidents,
            },
        ];
        if self.config.dialect == Dialect::Opsgenie {
            let silences = self.silences().await?;
            readings.push(Reading::Silences { source, silences });
        }
        Ok(readings)
    }
}

impl Source for Ops {
    fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    fn system(&self) -> &'static str {
        self.config.dialect.system()
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
        Box::pin(async move { Ok(self.readings(now).await?) })
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }
}
