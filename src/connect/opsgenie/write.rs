//! Writes: pages, what is done to alerts, notes, and maintenance where the dialect has it.
//!
//! Both take a page and work it off later: the answer is a request id, and what became of the request is asked for
//! afterwards. That shows the alert, not that anybody was woken; a page is done when somebody has seen or acknowledged
//! its alert, and accepted with what is missing before.

use super::config::OpsConfig;
use super::dialect::{self, Action, Dialect, Entity, PageText};
use super::response::{self, Alert, Maintenance, Note, RequestStatus, Taken};
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{Answer, Call, Http, HttpError, HttpSetupError, snippet};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Deed, Outcome};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Pause between looks: fast enough for a person who waits, far from the rate limit.
const PROOF_EVERY: Duration = Duration::from_secs(1);

/// Looks within a wait, however short it is set.
const PROOF_LOOKS_MIN: u32 = 4;

/// Length of the UUID that an alert's id begins with.
const UUID_CHARS: usize = 36;

/// Writes to one account, of either dialect.
#[derive(Debug)]
pub struct OpsWriter {
    dialect: Dialect,
    http: Http,
    responders: Vec<Entity>,
    mute: Vec<Entity>,
    proof_wait: Duration,
}

impl OpsWriter {
    /// Builds the client; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: &OpsConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            dialect: config.dialect,
            http: Http::new(&config.http)?,
            responders: config.responders.clone(),
            mute: config.mute.clone(),
            proof_wait: config.proof_wait,
        })
    }

    /// Something that is only read; nothing when it is not there. An error means that nothing was written.
    async fn look_for<T: DeserializeOwned>(&self, call: &Call) -> Result<Option<T>, WriteError> {
        match self.http.call(call).await {
            Ok(answer) => response::one(self.dialect, &answer.body)
                .map(Some)
                .map_err(unread),
            Err(HttpError::Status { code: 404, .. }) => Ok(None),
            Err(error) => Err(unread(error)),
        }
    }

    async fn send(&self, call: &Call) -> Result<Answer, WriteError> {
        self.http.call(call).await.map_err(refusal)
    }

    /// Sends what is worked off later, and waits for what becomes of it. Nothing when that is not known in time.
    async fn request(&self, call: &Call) -> Result<(String, Option<RequestStatus>), WriteError> {
        let answer = self.send(call).await?;
        // Of both dialects this answer has no wrapper.
        let taken = answer.json::<Taken>();
        let taken = taken.map_err(|error| WriteError::unclear(error.to_string()))?;
        let started = Instant::now();
        let part = self.proof_wait.checked_div(PROOF_LOOKS_MIN);
        let pause = PROOF_EVERY.min(part.unwrap_or_default());
        loop {
            // Until it is worked off the vendor knows no such request.
            let call = self.dialect.request(&taken.request_id);
            let status = self.look_for::<RequestStatus>(&call).await;
            if let Ok(Some(status)) = status
                && status.is_success.is_some()
            {
                return Ok((taken.request_id, Some(status)));
            }
            if started.elapsed().saturating_add(pause) >= self.proof_wait {
                return Ok((taken.request_id, None));
            }
            sleep(pause).await;
        }
    }

    async fn alert_of(&self, reference: &str) -> Result<Option<Alert>, WriteError> {
        let call = if is_alert(reference) {
            self.dialect.alert(reference)
        } else {
            self.dialect.alert_of(reference)
        };
        self.look_for(&call).await
    }

    /// An alert's id as it is, or of a page by its alias.
    async fn alert_id(&self, reference: &str) -> Result<String, WriteError> {
        if is_alert(reference) {
            return Ok(reference.to_owned());
        }
        // The vendor works pages off one after the other: an alert may come to be a moment later.
        let none = || WriteError::not_yet(format!("there is no alert `{reference}`"));
        Ok(self.alert_of(reference).await?.ok_or_else(none)?.id)
    }

    async fn carry_out(&self, order: &Order<'_>, now: Timestamp) -> Result<Outcome, WriteError> {
        match order.deed {
            Deed::Page { .. } => self.page(order).await,
            Deed::Acknowledge { reference } => {
                self.act(reference, Action::Acknowledge, order.by).await
            }
            Deed::Resolve { reference } => self.act(reference, Action::Close, order.by).await,
            Deed::Note { reference, text } => self.note(order, reference, text).await,
            Deed::Mute { until, comment, .. } if !self.mute.is_empty() => {
                self.mute(order, comment, (now, *until)).await
            }
            Deed::Unmute { reference } if !self.mute.is_empty() => self.unmute(reference).await,
            deed => {
                let what = format!("{} cannot {} here", self.dialect.system(), deed.verb());
                Err(WriteError::refused(what))
            }
        }
    }

    async fn page(&self, order: &Order<'_>) -> Result<Outcome, WriteError> {
        let Deed::Page {
            summary,
            details,
            component,
            urgency,
        } = order.deed
        else {
            return Err(WriteError::refused("that is no page"));
        };
        // A look that fails stops no page: the alias keeps an open alert from being there twice.
        if let Ok(Some(alert)) = self.alert_of(order.marker).await {
            return Ok(paged(&alert));
        }
        let text = PageText {
            marker: order.marker,
            summary,
            details,
            component,
            urgency: *urgency,
            by: order.by,
        };
        let call = self.dialect.create(text, &self.responders);
        let (request, status) = self.request(&call).await?;
        if let Some(failed) = failure(status.as_ref()) {
            return Ok(failed);
        }
        match self.alert_of(order.marker).await {
            Ok(Some(alert)) => Ok(paged(&alert)),
            Ok(None) | Err(_) => Ok(Outcome::Accepted {
                reference: order.marker.to_owned(),
                what: format!("request {request} was taken; its alert is not seen yet"),
            }),
        }
    }

    async fn act(&self, reference: &str, action: Action, by: &str) -> Result<Outcome, WriteError> {
        let id = self.alert_id(reference).await?;
        let (request, status) = self.request(&self.dialect.act(&id, action, by)).await?;
        if let Some(failed) = failure(status.as_ref()) {
            return Ok(failed);
        }
        let alert = self.alert_of(&id).await;
        Ok(match alert {
            Ok(Some(alert)) if is_so(&alert, action) => shown(&alert, status.as_ref()),
            _ => Outcome::Accepted {
                reference: id,
                what: format!("request {request} was taken; the alert does not show it yet"),
            },
        })
    }

    async fn note(
        &self,
        order: &Order<'_>,
        reference: &str,
        text: &str,
    ) -> Result<Outcome, WriteError> {
        let id = self.alert_id(reference).await?;
        if self.has_note(&id, order.marker).await? {
            return Ok(noted(id));
        }
        let text = format!("{text}\n({}, {})", order.by, order.marker);
        let call = self.dialect.add_note(&id, &text, order.by);
        if self.dialect == Dialect::Opsgenie {
            let (_, status) = self.request(&call).await?;
            if let Some(failed) = failure(status.as_ref()) {
                return Ok(failed);
            }
        } else {
            self.send(&call).await?;
        }
        match self.has_note(&id, order.marker).await {
            Ok(true) => Ok(noted(id)),
            Ok(false) | Err(_) => Ok(Outcome::Accepted {
                reference: id,
                what: "the note was taken, and is not in the list yet".to_owned(),
            }),
        }
    }

    async fn has_note(&self, id: &str, marker: &str) -> Result<bool, WriteError> {
        let answer = self
            .http
            .call(&self.dialect.notes(id))
            .await
            .map_err(unread)?;
        let notes = response::list::<Note>(self.dialect, &answer.body).map_err(unread)?;
        Ok(notes.iter().any(|note| has_marker(&note.note, marker)))
    }

    async fn maintenances(&self, which: &str) -> Result<Vec<Maintenance>, WriteError> {
        let call = dialect::maintenances(which);
        let answer = self.http.call(&call).await.map_err(unread)?;
        response::list(self.dialect, &answer.body).map_err(unread)
    }

    async fn find_maintenance(&self, marker: &str) -> Result<Option<Outcome>, WriteError> {
        let all = self.maintenances("non-expired").await?;
        let mut ours = all
            .into_iter()
            .filter(|m| m.is_open() && has_marker(&m.description, marker));
        Ok(ours.next().map(|maintenance| Outcome::Done {
            proof: format!(
                "read back as maintenance {}, {}; it switches {}",
                maintenance.id,
                maintenance.status,
                self.switched()
            ),
            reference: maintenance.id,
        }))
    }

    fn switched(&self) -> String {
        let all = self.mute.iter();
        let all: Vec<String> = all.map(|e| format!("{} {}", e.kind, e.id)).collect();
        all.join(", ")
    }

    async fn mute(
        &self,
        order: &Order<'_>,
        comment: &str,
        span: (Timestamp, Timestamp),
    ) -> Result<Outcome, WriteError> {
        if span.1 <= span.0 {
            return Err(WriteError::refused("it would end before it begins"));
        }
        if let Some(found) = self.find_maintenance(order.marker).await? {
            return Ok(found);
        }
        let description = format!("{comment} ({}, {})", order.by, order.marker);
        let call = dialect::open_maintenance(&self.mute, &description, span);
        self.send(&call).await?;
        match self.find_maintenance(order.marker).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(WriteError::unclear(
                "the maintenance was taken, and is not in the list",
            )),
        }
    }

    async fn unmute(&self, id: &str) -> Result<Outcome, WriteError> {
        if let Some(over) = self.is_over(id).await? {
            return Ok(over);
        }
        self.send(&dialect::cancel_maintenance(id)).await?;
        match self.is_over(id).await {
            Ok(Some(over)) => Ok(over),
            Ok(None) | Err(_) => Ok(Outcome::Accepted {
                reference: id.to_owned(),
                what: "the vendor took it, and does not show the end yet".to_owned(),
            }),
        }
    }

    async fn is_over(&self, id: &str) -> Result<Option<Outcome>, WriteError> {
        let all = self.maintenances("all").await?;
        let mut over = all.into_iter().filter(|m| m.id == id && !m.is_open());
        Ok(over.next().map(|maintenance| Outcome::Done {
            proof: format!("read back: it is {}", maintenance.status),
            reference: maintenance.id,
        }))
    }

    async fn look(&self, order: &Order<'_>) -> Result<Option<Outcome>, WriteError> {
        let state = |alert: Option<Alert>, action: Action| {
            let alert = alert.filter(|alert| is_so(alert, action));
            alert.map(|alert| shown(&alert, None))
        };
        match order.deed {
            Deed::Page { .. } => Ok(self.alert_of(order.marker).await?.as_ref().map(paged)),
            Deed::Acknowledge { reference } => {
                Ok(state(self.alert_of(reference).await?, Action::Acknowledge))
            }
            Deed::Resolve { reference } => {
                Ok(state(self.alert_of(reference).await?, Action::Close))
            }
            Deed::Note { reference, .. } => {
                let id = self.alert_id(reference).await?;
                let is_there = self.has_note(&id, order.marker).await?;
                Ok(is_there.then(|| noted(id)))
            }
            Deed::Mute { .. } => self.find_maintenance(order.marker).await,
            Deed::Unmute { reference } => self.is_over(reference).await,
            Deed::Extend { .. }
            | Deed::Annotate { .. }
            | Deed::Record { .. }
            | Deed::SetStatus { .. } => Ok(None),
        }
    }
}

impl Writer for OpsWriter {
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
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(self.look(order))
    }
}

/// Ids of alerts begin with a UUID; markers do not.
fn is_alert(reference: &str) -> bool {
    let head = reference.get(..UUID_CHARS).unwrap_or_default();
    let fits = |(at, c): (usize, char)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    };
    !head.is_empty() && head.char_indices().all(fits)
}

/// True when the text holds the marker as it is, not as the beginning or end of a longer one.
fn has_marker(text: &str, marker: &str) -> bool {
    text.contains(&format!(" {marker})"))
}

fn is_so(alert: &Alert, action: Action) -> bool {
    match action {
        // What is closed needs no acknowledgement any more.
        Action::Acknowledge => alert.acknowledged || alert.status == "closed",
        Action::Close => alert.status == "closed",
    }
}

fn shown(alert: &Alert, status: Option<&RequestStatus>) -> Outcome {
    let state = if alert.status == "closed" {
        "closed".to_owned()
    } else {
        alert.taken().unwrap_or_else(|| alert.status.clone())
    };
    let at = status.and_then(|status| status.processed_at);
    let at = at.map(|at| format!(" since {}Z", at.to_clock_text()));
    Outcome::Done {
        reference: alert.id.clone(),
        proof: format!("alert {} is {state}{}", alert.id, at.unwrap_or_default()),
    }
}

/// Done when somebody has it; accepted with what is missing otherwise.
fn paged(alert: &Alert) -> Outcome {
    match alert.taken() {
        Some(taken) => Outcome::Done {
            reference: alert.id.clone(),
            proof: format!("alert {}, {taken}", alert.id),
        },
        None => Outcome::Accepted {
            reference: alert.id.clone(),
            what: format!(
                "alert {} is {}; nobody has seen or acknowledged it yet",
                alert.id, alert.status
            ),
        },
    }
}

fn noted(id: String) -> Outcome {
    Outcome::Done {
        proof: format!("read back as a note of alert {id}"),
        reference: id,
    }
}

/// The request was worked off, and came to nothing.
fn failure(status: Option<&RequestStatus>) -> Option<Outcome> {
    let failed = status.filter(|status| status.is_success == Some(false))?;
    Some(Outcome::Failed {
        what: format!("the vendor says: {}", snippet(failed.status.as_bytes())),
    })
}

/// A look that failed: nothing was written.
fn unread(error: HttpError) -> WriteError {
    WriteError {
        unclear: false,
        ..refusal(error)
    }
}

/// A write that was not carried out, with what the vendor says about it.
fn refusal(error: HttpError) -> WriteError {
    #[derive(Deserialize)]
    struct Fault {
        title: String,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Said {
        message: Option<String>,
        errors: Option<Vec<Fault>>,
    }
    let said = match &error {
        HttpError::Status { body, .. } => serde_json::from_str::<Said>(body).ok(),
        _ => None,
    };
    let words = said.and_then(|said| {
        let first = said.errors.and_then(|all| all.into_iter().next());
        said.message.or(first.map(|fault| fault.title))
    });
    let mut refused = WriteError::from(error);
    if let Some(words) = words {
        refused.what = format!("{}: {}", refused.what, snippet(words.as_bytes()));
    }
    refused
}
