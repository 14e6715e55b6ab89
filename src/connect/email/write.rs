//! Sends pages, and proves the way to the relay.

use super::config::EmailConfig;
use super::request;
use super::smtp::Smtp;
use crate::connect::connector::{Check, Health, Order, Probe, WriteError, Writer};
use crate::connect::doctor::certificate;
use crate::connect::http::HttpSetupError;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::Outcome;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Sends mail by one relay.
#[derive(Debug)]
pub struct EmailWriter {
    config: EmailConfig,
    smtp: Smtp,
}

impl EmailWriter {
    /// Reads the CA file; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`] when the CA file cannot be used.
    pub fn new(config: EmailConfig) -> Result<Self, HttpSetupError> {
        let smtp = Smtp::new(&config)?;
        Ok(Self { config, smtp })
    }

    async fn send(&self, order: &Order<'_>, now: Timestamp) -> Result<Outcome, WriteError> {
        let Some(mail) = request::message(&self.config, order, now) else {
            let what = format!("mail cannot {}", order.deed.verb());
            return Err(WriteError::refused(what));
        };
        let mail = mail.map_err(WriteError::refused)?;
        let said = self.smtp.send(&mail).await?;
        Ok(Outcome::Accepted {
            reference: request::message_id(&self.config, order.marker),
            what: format!(
                "accepted by {} ({said}); delivery is not known",
                self.smtp.host()
            ),
        })
    }
}

impl Writer for EmailWriter {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        Box::pin(self.send(order, now.wall))
    }

    /// A relay cannot be asked, so that what was sent and not answered stays unknown. Whoever asks for it again sends a
    /// second mail.
    fn find<'a>(
        &'a mut self,
        _order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        let error = WriteError::refused("a relay cannot be asked what became of a mail");
        Box::pin(std::future::ready(Err(error)))
    }
}

/// Greets the relay and logs in; sends nothing.
pub(super) struct EmailProbe {
    smtp: Smtp,
}

impl EmailProbe {
    /// Takes the relay.
    pub(super) const fn new(smtp: Smtp) -> Self {
        Self { smtp }
    }

    async fn ask(&self, now: Timestamp) -> Vec<Check> {
        let started = Instant::now();
        let opened = self.smtp.open().await;
        let took = started.elapsed();
        let mut certificate = None;
        let mut first = match opened {
            Ok(mut line) => {
                let said = if line.is_encrypted() {
                    let shown = line.peer_certificate();
                    certificate = shown.ok().map(|der| certificate::judge(&der, now));
                    "greeted, encrypted"
                } else {
                    "greeted, in plain text on this machine"
                };
                line.abort().await;
                Check::new("relay and credentials", Health::Good, said)
            }
            Err(error) => Check::new("relay and credentials", Health::Bad, error.what)
                .hint("check `server`, `port`, `tls`, `user` and `password`"),
        };
        first.took = took;
        let page = Check::new("page", Health::Unknown, "only a mail proves it")
            .hint("`warroom doctor --page` sends one");
        [Some(first), certificate, Some(page)]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Probe for EmailProbe {
    fn check(&mut self, now: Moment) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(self.ask(now.wall))
    }
}
