//! Writes: maintenance windows, pages, the state of incidents, notes.
//!
//! A page goes through the Events API, which only says that it took the event. Whether anybody was woken is looked up in
//! the incident's log afterwards; until that shows a notification, a page is accepted and not done.

use super::config::PagerDutyConfig;
use super::request::{self, PageText};
use super::response::{self, Notified, RawIncident, Window};
use super::rest::{Rest, refusal};
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{Http, HttpError, HttpSetupError};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Deed, Outcome};
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Pause between looks for the proof of a page: fast enough for a person who waits, far from the rate limit.
const PROOF_EVERY: Duration = Duration::from_secs(1);

/// Looks within a wait, however short it is set.
const PROOF_LOOKS_MIN: u32 = 4;

/// Notified people that a proof names.
const NOTIFIED_MAX: usize = 3;

/// Writes to one PagerDuty account.
#[derive(Debug)]
pub struct PagerDutyWriter {
    /// REST API for looking; also for writing where there is a `from`.
    rest: Option<Rest>,
    from: Option<String>,
    events: Option<Events>,
    proof_wait: Duration,
}

/// The Events API of one service.
#[derive(Debug)]
struct Events {
    http: Http,
    routing_key: SecretString,
}

impl Events {
    /// Sends one event. The Events API deduplicates by key while the alert is open.
    async fn send(&self, mut event: Value) -> Result<String, WriteError> {
        let key = self.routing_key.expose_secret();
        if let Some(object) = event.as_object_mut() {
            object.insert("routing_key".to_owned(), key.into());
        }
        let answer = self.http.call(&request::enqueue(event)).await;
        let answer = answer.map_err(|error| {
            let mut refused = refusal(error);
            // A gateway in between may repeat what it was sent.
            refused.what = refused.what.replace(key, "…");
            refused
        })?;
        response::taken(&answer.body).map_err(|error| WriteError::unclear(error.to_string()))
    }
}

/// An incident of a page, with who was notified.
struct Traced {
    incident: RawIncident,
    notified: Vec<Notified>,
}

impl Traced {
    /// Done when somebody was notified; accepted with what is missing otherwise.
    fn outcome(self) -> Outcome {
        let id = self.incident.id;
        let state = self.incident.status;
        let (through, open): (Vec<_>, Vec<_>) =
            self.notified.into_iter().partition(|n| n.is_through);
        let said = |all: Vec<Notified>| {
            let all: Vec<String> = all.into_iter().take(NOTIFIED_MAX).map(|n| n.said).collect();
            all.join(", ")
        };
        if !through.is_empty() {
            let proof = format!("incident {id} {state}, {}", said(through));
            return Outcome::Done {
                reference: id,
                proof,
            };
        }
        let missing = if open.is_empty() {
            "nobody has been notified yet".to_owned()
        } else {
            format!("nobody was reached yet: {}", said(open))
        };
        Outcome::Accepted {
            what: format!("incident {id} {state}; {missing}"),
            reference: id,
        }
    }
}

impl PagerDutyWriter {
    /// Builds the clients; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: &PagerDutyConfig) -> Result<Self, HttpSetupError> {
        let events = match &config.writes.events {
            Some(events) => Some(Events {
                http: Http::new(&events.http)?,
                routing_key: events.routing_key.clone(),
            }),
            None => None,
        };
        Ok(Self {
            rest: config.http.as_ref().map(Rest::new).transpose()?,
            from: config.writes.from.clone(),
            events,
            proof_wait: config.writes.proof_wait,
        })
    }

    fn rest(&self) -> Result<&Rest, WriteError> {
        let missing = "that needs a REST API key: set `token`";
        self.rest
            .as_ref()
            .ok_or_else(|| WriteError::refused(missing))
    }

    /// Client and user for what the REST API writes in somebody's name.
    fn writer(&self) -> Result<(&Rest, &str), WriteError> {
        let missing = "that is written in the name of a user: set `from`";
        let from = self.from.as_deref();
        Ok((
            self.rest()?,
            from.ok_or_else(|| WriteError::refused(missing))?,
        ))
    }

    async fn carry_out(&self, order: &Order<'_>, now: Timestamp) -> Result<Outcome, WriteError> {
        match order.deed {
            Deed::Mute {
                components,
                until,
                comment,
                ..
            } => {
                let comment = format!("{comment} ({}, {})", order.by, order.marker);
                self.mute(order.marker, components, &comment, (now, *until))
                    .await
            }
            Deed::Unmute { reference } => self.unmute(reference, now).await,
            Deed::Page { .. } => self.page(order, now).await,
            Deed::Acknowledge { reference } => self.set(reference, "acknowledged").await,
            Deed::Resolve { reference } => self.set(reference, "resolved").await,
            Deed::Note { reference, text } => self.note(order, reference, text).await,
            Deed::Extend { .. }
            | Deed::Annotate { .. }
            | Deed::Record { .. }
            | Deed::SetStatus { .. } => {
                let verb = order.deed.verb();
                Err(WriteError::refused(format!("PagerDuty cannot {verb}")))
            }
        }
    }

    async fn mute(
        &self,
        marker: &str,
        components: &[String],
        comment: &str,
        span: (Timestamp, Timestamp),
    ) -> Result<Outcome, WriteError> {
        let (rest, from) = self.writer()?;
        if span.1 <= span.0 {
            return Err(WriteError::refused("the window would end before it begins"));
        }
        if let Some(window) = find_window(rest, marker, "open").await? {
            return Ok(shown(&window));
        }
        let ids = service_ids(rest, components).await?;
        let call = request::open_window(from, &ids, comment, span);
        let answer = rest.call(&call).await.map_err(refusal)?;
        let made = response::window(&answer.body);
        let made = made.map_err(|error| WriteError::unclear(error.to_string()))?;
        let read = rest
            .read(
                &request::window(&made.id),
                "the new window",
                response::window,
            )
            .await;
        Ok(match read {
            Ok(window) if has_marker(&window.description, marker) && window.end_time > span.0 => {
                shown(&window)
            }
            Ok(window) => Outcome::Accepted {
                what: format!(
                    "window {} is there, and differs from what was asked",
                    window.id
                ),
                reference: window.id,
            },
            Err(error) => Outcome::Accepted {
                what: format!("made as {}, not read back: {}", made.id, error.with_hint()),
                reference: made.id,
            },
        })
    }

    async fn unmute(&self, id: &str, now: Timestamp) -> Result<Outcome, WriteError> {
        let rest = self.rest()?;
        let done = |proof: &str| Outcome::Done {
            reference: id.to_owned(),
            proof: proof.to_owned(),
        };
        match rest.call(&request::end_window(id)).await {
            Ok(_) => {}
            Err(HttpError::Status { code: 405, .. }) => return Ok(done("it had ended already")),
            Err(error) => return Err(refusal(error)),
        }
        Ok(match window_is_over(rest, id, now).await {
            Ok(Some(proof)) => done(proof),
            Ok(None) => Outcome::Accepted {
                reference: id.to_owned(),
                what: "PagerDuty took it, and still shows the window as open".to_owned(),
            },
            Err(error) => Outcome::Accepted {
                reference: id.to_owned(),
                what: format!("PagerDuty took it; not read back: {}", error.what),
            },
        })
    }

    async fn page(&self, order: &Order<'_>, now: Timestamp) -> Result<Outcome, WriteError> {
        let Deed::Page {
            summary,
            details,
            component,
            urgency,
        } = order.deed
        else {
            return Err(WriteError::refused("that is no page"));
        };
        let Some(events) = &self.events else {
            return Err(WriteError::refused("a page needs `routing_key`"));
        };
        // A look that fails stops no page: the same key while the alert is open makes no second one.
        if let Ok(Some(traced)) = self.trace(order.marker).await {
            return Ok(traced.outcome());
        }
        let text = PageText {
            summary,
            details,
            component,
            urgency: *urgency,
            by: order.by,
        };
        let key = events
            .send(request::trigger(order.marker, text, now))
            .await?;
        Ok(self.prove(&key).await)
    }

    /// Time between two looks: a short wait has some too.
    fn pause(&self) -> Duration {
        let part = self.proof_wait.checked_div(PROOF_LOOKS_MIN);
        PROOF_EVERY.min(part.unwrap_or_default())
    }

    /// Looks until somebody was notified or the wait is over.
    async fn prove(&self, key: &str) -> Outcome {
        if self.rest.is_none() {
            return accepted(key, "whether anybody is notified is not known: set `token`");
        }
        let started = Instant::now();
        let pause = self.pause();
        loop {
            let traced = self.trace(key).await;
            let is_over = started.elapsed().saturating_add(pause) >= self.proof_wait;
            match traced.map(|traced| traced.map(Traced::outcome)) {
                Ok(Some(done @ Outcome::Done { .. })) => return done,
                Ok(Some(other)) if is_over => return other,
                Ok(None) if is_over => {
                    let what = "no incident is seen yet: the service may be in maintenance, or a rule hold events back";
                    return accepted(key, what);
                }
                Err(error) if is_over => return accepted(key, &error.what),
                Ok(_) | Err(_) => sleep(pause).await,
            }
        }
    }

    /// The incident that a page became, with who was notified.
    async fn trace(&self, key: &str) -> Result<Option<Traced>, WriteError> {
        let rest = self.rest()?;
        let Some(incident) = incident_of_key(rest, key).await? else {
            return Ok(None);
        };
        let log = request::log_entries(&incident.id);
        let (log, _) = rest.list(&log, response::log_entries).await?;
        let notified = log.iter().filter_map(response::LogEntry::notified);
        Ok(Some(Traced {
            notified: notified.collect(),
            incident,
        }))
    }

    async fn set(&self, reference: &str, status: &'static str) -> Result<Outcome, WriteError> {
        if let (false, Some(events)) = (is_incident(reference), &self.events) {
            let action = if status == "resolved" {
                "resolve"
            } else {
                "acknowledge"
            };
            let key = events.send(request::event(action, reference)).await?;
            return Ok(self.prove_state(&key, status).await);
        }
        let (rest, from) = self.writer()?;
        let id = self.incident_id(rest, reference).await?;
        let call = request::set_status(from, &id, status);
        let answer = rest.call(&call).await.map_err(refusal)?;
        let page = response::incidents(&answer.body);
        let page = page.map_err(|error| WriteError::unclear(error.to_string()))?;
        let incident = page.entries.into_iter().find(|incident| incident.id == id);
        match incident {
            Some(incident) if incident.status == status => Ok(in_state(incident)),
            Some(incident) => Err(WriteError::not_yet(format!(
                "incident {id} is still {}",
                incident.status
            ))),
            None => Err(WriteError::unclear(format!(
                "the answer does not say what became of incident {id}"
            ))),
        }
    }

    /// Looks until the incident of a key has a state or the wait is over.
    async fn prove_state(&self, key: &str, status: &str) -> Outcome {
        let Some(rest) = &self.rest else {
            return accepted(key, "what became of the incident is not known: set `token`");
        };
        let started = Instant::now();
        let pause = self.pause();
        loop {
            let incident = incident_of_key(rest, key).await;
            if let Ok(Some(incident)) = incident
                && incident.status == status
            {
                return in_state(incident);
            }
            if started.elapsed().saturating_add(pause) >= self.proof_wait {
                return accepted(key, &format!("no incident of it is shown as {status} yet"));
            }
            sleep(pause).await;
        }
    }

    async fn note(
        &self,
        order: &Order<'_>,
        reference: &str,
        text: &str,
    ) -> Result<Outcome, WriteError> {
        let (rest, from) = self.writer()?;
        let id = self.incident_id(rest, reference).await?;
        if let Some(found) = find_note(rest, &id, order.marker).await? {
            return Ok(found);
        }
        let text = format!("{text}\n({}, {})", order.by, order.marker);
        let answer = rest.call(&request::add_note(from, &id, &text)).await;
        let answer = answer.map_err(refusal)?;
        let note = response::note(&answer.body);
        let note = note.map_err(|error| WriteError::unclear(error.to_string()))?;
        Ok(match find_note(rest, &id, order.marker).await {
            Ok(Some(found)) => found,
            Ok(None) => Outcome::Accepted {
                what: format!("note {} is not in the list yet", note.id),
                reference: note.id,
            },
            Err(error) => Outcome::Accepted {
                what: format!("note {}, not read back: {}", note.id, error.what),
                reference: note.id,
            },
        })
    }

    /// An incident's id as it is, or of a page by its key.
    async fn incident_id(&self, rest: &Rest, reference: &str) -> Result<String, WriteError> {
        if is_incident(reference) {
            return Ok(reference.to_owned());
        }
        let incident = incident_of_key(rest, reference).await?;
        // An event becomes an incident a moment after it was taken.
        let none = || WriteError::not_yet(format!("no incident has the key `{reference}`"));
        Ok(incident.ok_or_else(none)?.id)
    }

    async fn look(&self, order: &Order<'_>, now: Timestamp) -> Result<Option<Outcome>, WriteError> {
        let rest = self.rest()?;
        match order.deed {
            Deed::Mute { .. } => {
                let window = find_window(rest, order.marker, "all").await?;
                Ok(window.as_ref().map(shown))
            }
            Deed::Unmute { reference } => {
                let over = window_is_over(rest, reference, now).await?;
                Ok(over.map(|proof| Outcome::Done {
                    reference: reference.clone(),
                    proof: proof.to_owned(),
                }))
            }
            Deed::Page { .. } => {
                let traced = self.trace(order.marker).await?;
                Ok(traced.map(Traced::outcome))
            }
            Deed::Acknowledge { reference } => state_of(rest, reference, "acknowledged").await,
            Deed::Resolve { reference } => state_of(rest, reference, "resolved").await,
            Deed::Note { reference, .. } => {
                let id = self.incident_id(rest, reference).await?;
                find_note(rest, &id, order.marker).await
            }
            Deed::Extend { .. }
            | Deed::Annotate { .. }
            | Deed::Record { .. }
            | Deed::SetStatus { .. } => Ok(None),
        }
    }
}

impl Writer for PagerDutyWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(self.carry_out(order, now.wall))
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(self.look(order, now.wall))
    }
}

/// Ids of the vendor are capital letters and digits; markers are neither.
fn is_incident(reference: &str) -> bool {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    reference.starts_with(|c: char| c.is_ascii_uppercase()) && reference.chars().all(fits)
}

fn accepted(key: &str, missing: &str) -> Outcome {
    Outcome::Accepted {
        reference: key.to_owned(),
        what: format!("PagerDuty took the event; {missing}"),
    }
}

fn in_state(incident: RawIncident) -> Outcome {
    Outcome::Done {
        proof: format!("incident {} is {}", incident.id, incident.status),
        reference: incident.id,
    }
}

fn shown(window: &Window) -> Outcome {
    Outcome::Done {
        reference: window.id.clone(),
        proof: format!(
            "read back as maintenance window {} of {} until {}",
            window.id,
            window.services().join(", "),
            window.end_time.to_seconds_text()
        ),
    }
}

/// The newest open incident of a key, else the newest.
async fn incident_of_key(rest: &Rest, key: &str) -> Result<Option<RawIncident>, WriteError> {
    let request = request::incidents_of_key(key);
    let (incidents, _) = rest.list(&request, response::incidents).await?;
    Ok(incidents.into_iter().max_by_key(RawIncident::order))
}

async fn find_window(
    rest: &Rest,
    marker: &str,
    state: &'static str,
) -> Result<Option<Window>, WriteError> {
    let request = request::windows_in(state);
    let (windows, _) = rest.list(&request, response::windows).await?;
    let is_ours = |window: &Window| has_marker(&window.description, marker);
    Ok(windows.into_iter().find(is_ours))
}

async fn find_note(rest: &Rest, id: &str, marker: &str) -> Result<Option<Outcome>, WriteError> {
    let request = request::notes(id);
    let page = rest
        .read(&request.once(None), request.what, response::notes)
        .await?;
    let mut notes = page.entries.into_iter();
    let found = notes.find(|note| has_marker(&note.content, marker));
    Ok(found.map(|note| Outcome::Done {
        proof: format!("read back as note {} of incident {id}", note.id),
        reference: note.id,
    }))
}

/// True when the text holds the marker as it is, not as the beginning of a longer one.
fn has_marker(text: &str, marker: &str) -> bool {
    text.contains(&format!(" {marker})"))
}

/// How it is known that a window no longer holds; nothing while it does.
async fn window_is_over(
    rest: &Rest,
    id: &str,
    now: Timestamp,
) -> Result<Option<&'static str>, WriteError> {
    let window = rest
        .read(&request::window(id), "the window", response::window)
        .await;
    match window {
        Ok(window) if window.end_time <= now => Ok(Some("read back: it has ended")),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.cause, HttpError::Status { code: 404, .. }) => {
            Ok(Some("read back: it is gone"))
        }
        Err(error) => Err(error.into()),
    }
}

async fn state_of(
    rest: &Rest,
    reference: &str,
    status: &str,
) -> Result<Option<Outcome>, WriteError> {
    let incident = if is_incident(reference) {
        let call = request::incident(reference);
        Some(rest.read(&call, "the incident", response::incident).await?)
    } else {
        incident_of_key(rest, reference).await?
    };
    // What is resolved needs no acknowledgement any more.
    let fits = |incident: &RawIncident| incident.status == status || incident.status == "resolved";
    Ok(incident.filter(fits).map(in_state))
}

/// Ids of the services that are called as the components, all or none.
async fn service_ids(rest: &Rest, components: &[String]) -> Result<Vec<String>, WriteError> {
    let request = request::services();
    let (services, _) = rest.list(&request, response::services).await?;
    let mut ids: Vec<String> = Vec::new();
    let mut missing: Vec<&str> = Vec::new();
    for component in components {
        let wanted = component.trim().to_lowercase();
        let found = services
            .iter()
            .find(|service| service.name().trim().to_lowercase() == wanted);
        match found {
            Some(service) if !ids.iter().any(|id| id == service.id()) => {
                ids.push(service.id().to_owned());
            }
            Some(_) => {}
            None => missing.push(component),
        }
    }
    if !missing.is_empty() {
        // A window over a part would leave the rest loud, and look as if it were quiet.
        return Err(WriteError::refused(format!(
            "no PagerDuty service is called `{}`; mute those that are services there",
            missing.join("`, `")
        )));
    }
    if ids.is_empty() {
        return Err(WriteError::refused(
            "a maintenance window needs a component",
        ));
    }
    Ok(ids)
}
