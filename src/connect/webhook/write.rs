//! Sends pages and notes.

use super::config::WebhookConfig;
use super::{request, response};
use crate::connect::connector::{Connector as _, Order, WriteError, Writer};
use crate::connect::http::{Http, HttpSetupError};
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Ability, Outcome};
use futures_util::future::BoxFuture;
use secrecy::SecretString;

/// Writes to one webhook.
#[derive(Debug)]
pub struct WebhookWriter {
    http: Http,
    secret: Option<SecretString>,
    can: Vec<Ability>,
}

impl WebhookWriter {
    /// Builds the client; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when no client can be made from the configuration.
    pub fn new(config: &WebhookConfig) -> Result<Self, HttpSetupError> {
        Ok(Self {
            http: Http::new(&config.http)?,
            secret: config.secret.clone(),
            can: config.abilities(),
        })
    }

    async fn send(&self, order: &Order<'_>, now: Timestamp) -> Result<Outcome, WriteError> {
        let body = request::body(order, now).filter(|_| self.can.contains(&order.deed.ability()));
        let Some(body) = body else {
            let what = format!("this webhook cannot {}", order.deed.verb());
            return Err(WriteError::refused(what));
        };
        let call = request::call(body, order.marker, now, self.secret.as_ref());
        let answer = self.http.call(&call).await?;
        Ok(response::outcome(&answer, self.http.host(), order.marker))
    }
}

impl Writer for WebhookWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(self.send(order, now.wall))
    }

    /// A webhook cannot be asked, so that what was sent and not answered stays unknown. Whoever asks for it again sends a
    /// second page with a marker of its own.
    fn find<'a>(
        &'a mut self,
        _order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        let error = WriteError::refused("a webhook cannot be asked what became of a page");
        Box::pin(std::future::ready(Err(error)))
    }
}
