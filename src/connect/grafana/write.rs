//! Annotations are made, and silences of the Alertmanager inside Grafana.

use super::config::GrafanaConfig;
use super::request;
use super::response::{self, Annotation};
use crate::connect::alertmanager::SilenceWriter;
use crate::connect::connector::{Order, WriteError, Writer};
use crate::connect::http::{Http, HttpError, HttpSetupError};
use crate::domain::time::Moment;
use crate::domain::write::{Deed, Outcome};
use futures_util::future::BoxFuture;

/// Makes annotations and silences.
#[derive(Debug)]
pub(super) struct GrafanaWriter {
    http: Http,
    silences: SilenceWriter,
}

impl GrafanaWriter {
    /// Opens no connection.
    pub(super) fn new(config: &GrafanaConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: Http::new(&config.http)?,
            silences: SilenceWriter::new(vec![config.member()?]),
        })
    }

    async fn carry_out(&self, order: &Order<'_>, now: Moment) -> Result<Outcome, WriteError> {
        match order.deed {
            Deed::Annotate { text, tags } => self.annotate(text, tags, order.marker, now).await,
            Deed::Mute { .. } | Deed::Unmute { .. } => self.silences.carry_out(order, now).await,
            other => Err(WriteError::refused(format!(
                "Grafana cannot {}",
                other.verb()
            ))),
        }
    }

    async fn annotate(
        &self,
        text: &str,
        tags: &[String],
        marker: &str,
        now: Moment,
    ) -> Result<Outcome, WriteError> {
        if text.trim().is_empty() {
            return Err(WriteError::refused("an annotation without a text"));
        }
        // Only looked at so far: whatever went wrong, nothing was done.
        let there = self.marked(marker).await.map_err(WriteError::of_look)?;
        if let Some(there) = there {
            return Ok(done(&there));
        }
        let call = request::annotate(text, tags, marker, now.wall);
        let answer = self.http.call(&call).await?;
        let id = response::created(&answer.body)?;
        Ok(match self.marked(marker).await {
            Ok(Some(there)) => done(&there),
            Ok(None) => accepted(id, "it is not found by its tag"),
            Err(error) => accepted(id, &format!("cannot be read back: {}", error.with_hint())),
        })
    }

    async fn marked(&self, marker: &str) -> Result<Option<Annotation>, HttpError> {
        let answer = self.http.call(&request::annotations(marker)).await?;
        let tag = request::tag(marker);
        let all = response::annotations(&answer.body)?.into_iter();
        Ok(all
            .filter(|annotation| annotation.has(&tag))
            .min_by_key(|a| a.id))
    }

    async fn look_for(&self, order: &Order<'_>) -> Result<Option<Outcome>, WriteError> {
        match order.deed {
            Deed::Annotate { .. } => {
                let there = self.marked(order.marker).await?;
                Ok(there.as_ref().map(done))
            }
            _ => self.silences.look_for(order).await,
        }
    }
}

fn done(annotation: &Annotation) -> Outcome {
    Outcome::Done {
        reference: annotation.id.to_string(),
        proof: format!(
            "read back as annotation {} at {}",
            annotation.id,
            annotation.at().to_seconds_text()
        ),
    }
}

fn accepted(id: i64, what: &str) -> Outcome {
    Outcome::Accepted {
        reference: id.to_string(),
        what: format!("made as annotation {id}; {what}"),
    }
}

impl Writer for GrafanaWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(self.carry_out(order, now))
    }

    fn find<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(self.look_for(order))
    }
}
