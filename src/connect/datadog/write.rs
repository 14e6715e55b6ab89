//! Downtimes: made, read back, ended.
//!
//! The vendor has no idempotency key, so the marker stands in the message, and is looked for first.

use super::config::DatadogConfig;
use super::response::{Downtime, downtime, downtimes};
use super::{DOWNTIME_PAGES_MAX, client, http_text, request, scope};
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{Answer, Call, Http, HttpError, HttpSetupError};
use crate::domain::reading::SilenceState;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Deed, Matcher, Outcome};
use futures_util::future::BoxFuture;
use std::time::Duration;

/// How far the end of a downtime may be from the one asked for: the vendor keeps whole seconds.
const END_SLACK: Duration = Duration::from_secs(2);

/// Makes and ends downtimes.
#[derive(Debug)]
pub(super) struct DatadogWriter {
    component_tag: String,
    http: Http,
}

impl DatadogWriter {
    pub(super) fn new(config: &DatadogConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: client(config)?,
            component_tag: config.component_tag.clone(),
        })
    }

    async fn send(&self, call: &Call) -> Result<Answer, WriteError> {
        self.http.call(call).await.map_err(write_error)
    }

    /// Asks for something; whatever goes wrong, nothing has been changed by it.
    async fn ask(&self, call: &Call) -> Result<Answer, WriteError> {
        self.send(call).await.map_err(|error| WriteError {
            unclear: false,
            ..error
        })
    }

    async fn mute(
        &self,
        order: &Order<'_>,
        deed: (&[String], &[Matcher], Timestamp, &str),
    ) -> Result<Outcome, WriteError> {
        let (components, matchers, until, comment) = deed;
        let scope = scope::of(&self.component_tag, components, matchers)?;
        if let Some(found) = self.with_marker(order.marker, true).await? {
            return Ok(done(&found, "was there already, as"));
        }
        let message = message(comment, order);
        let answer = self.send(&request::mute(&scope, until, &message)).await?;
        let made =
            downtime(&answer.body).map_err(|error| WriteError::unclear(error.to_string()))?;
        // From here on it exists, whatever the second look says.
        let unclear = |what: String| {
            WriteError::unclear(format!("downtime `{}` was made, but {what}", made.id))
        };
        let answer = self.ask(&request::downtime(&made.id)).await;
        let answer = answer.map_err(|error| unclear(format!("not read back: {error}")))?;
        let found = downtime(&answer.body).map_err(|error| unclear(error.to_string()))?;
        let is_held = found.state() != SilenceState::Expired;
        let is_marked = has_marker(&found.message, order.marker);
        let is_timed = found.until.is_some_and(|end| is_near(end, until));
        if is_held && is_marked && is_timed && found.scope == scope {
            Ok(done(&found, "read back as"))
        } else {
            Err(unclear(
                "it does not read back as it was asked for".to_owned(),
            ))
        }
    }

    async fn unmute(&self, id: &str) -> Result<Outcome, WriteError> {
        if let Some(outcome) = self.ended(id).await? {
            return Ok(outcome);
        }
        self.send(&request::cancel(id)).await?;
        let again = self.ended(id).await;
        let again = again.map_err(|error| {
            WriteError::unclear(format!("cancelled, but not read back: {error}"))
        })?;
        again.ok_or_else(|| WriteError::unclear("cancelled, but it still holds"))
    }

    /// The proof that a downtime is over; nothing while it holds.
    async fn ended(&self, id: &str) -> Result<Option<Outcome>, WriteError> {
        let answer = self.ask(&request::downtime(id)).await?;
        let found =
            downtime(&answer.body).map_err(|error| WriteError::not_yet(error.to_string()))?;
        let is_over = found.state() == SilenceState::Expired;
        Ok(is_over.then(|| Outcome::Done {
            proof: format!("read back as downtime {id}, {}", found.status),
            reference: found.id,
        }))
    }

    /// The newest downtime with this marker; `current` leaves out those that are over.
    async fn with_marker(
        &self,
        marker: &str,
        current: bool,
    ) -> Result<Option<Downtime>, WriteError> {
        for page in 0..DOWNTIME_PAGES_MAX {
            let offset = page * request::DOWNTIMES_PAGE;
            let call = request::downtimes(current, offset, request::DOWNTIMES_PAGE);
            let answer = self.ask(&call).await?;
            let (found, total) =
                downtimes(&answer.body).map_err(|error| WriteError::not_yet(error.to_string()))?;
            let count = found.len();
            let ours = found
                .into_iter()
                .find(|one| has_marker(&one.message, marker));
            if ours.is_some() {
                return Ok(ours);
            }
            let seen = offset.saturating_add(count);
            if count < request::DOWNTIMES_PAGE || total.is_some_and(|total| seen >= total) {
                return Ok(None);
            }
        }
        Err(WriteError::refused(format!(
            "more than {} downtimes: ours may be among those that were not read",
            DOWNTIME_PAGES_MAX * request::DOWNTIMES_PAGE
        )))
    }
}

/// What was refused did not happen; what was not answered may have.
fn write_error(error: HttpError) -> WriteError {
    WriteError {
        what: http_text(&error),
        ..WriteError::from(error)
    }
}

/// The comment, who asked for it, and the marker on a line of its own.
fn message(comment: &str, order: &Order<'_>) -> String {
    // An `@` would notify whoever is called so.
    let plain = |text: &str| text.replace('@', "(at)");
    format!(
        "{} ({})\n[{}]",
        plain(comment),
        plain(order.by),
        order.marker
    )
}

fn has_marker(message: &str, marker: &str) -> bool {
    message.contains(&format!("[{marker}]"))
}

fn is_near(a: Timestamp, b: Timestamp) -> bool {
    a.since(b).max(b.since(a)) <= END_SLACK
}

fn done(found: &Downtime, how: &str) -> Outcome {
    let until = found
        .until
        .map_or_else(|| "ended by hand".to_owned(), Timestamp::to_seconds_text);
    Outcome::Done {
        reference: found.id.clone(),
        proof: format!(
            "{how} downtime {}, {} until {until}",
            found.id, found.status
        ),
    }
}

impl Writer for DatadogWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(async move {
            match order.deed {
                Deed::Mute {
                    components,
                    matchers,
                    until,
                    comment,
                } => {
                    let deed = (&components[..], &matchers[..], *until, comment.as_str());
                    self.mute(order, deed).await
                }
                Deed::Unmute { reference } => self.unmute(reference).await,
                other => Err(WriteError::refused(format!(
                    "Datadog cannot {}",
                    other.verb()
                ))),
            }
        })
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(async move {
            match order.deed {
                Deed::Mute { .. } => {
                    let found = self.with_marker(order.marker, false).await?;
                    Ok(found.map(|found| done(&found, "found as")))
                }
                Deed::Unmute { reference } => self.ended(reference).await,
                _ => Ok(None),
            }
        })
    }
}
