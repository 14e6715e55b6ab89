//! Settings of `[connect.webhook.NAME]`.

use super::write::WebhookWriter;
use crate::clock::Clock;
use crate::connect::connector::{Check, Connector, Health, Kind, Probe, Writer};
use crate::connect::http::{HttpConfig, HttpSetupError};
use crate::connect::keys::Keys;
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::time::Moment;
use crate::domain::write::Ability;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use std::sync::Arc;

/// `[connect.webhook.NAME]`
pub const KIND: Kind = Kind {
    word: "webhook",
    read,
};

/// One address that takes pages. That it is configured is the permission to write: it can do nothing else.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// The address itself, its credentials and limits.
    pub http: HttpConfig,
    /// What bodies are signed with.
    pub secret: Option<SecretString>,
    /// Notes are sent too.
    pub notes: bool,
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let secret = keys.secret("secret");
    let notes = keys.flag("notes").unwrap_or(false);
    let auth = keys.auth();
    let headers = keys.headers();
    let http = keys.http(None)?;
    Some(Arc::new(WebhookConfig {
        name,
        http: HttpConfig {
            auth,
            headers,
            ..http
        },
        secret,
        notes,
    }))
}

impl Connector for WebhookConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "webhook"
    }

    fn servers(&self) -> Vec<&HttpConfig> {
        vec![&self.http]
    }

    fn abilities(&self) -> Vec<Ability> {
        let mut can = vec![Ability::Page];
        if self.notes {
            can.push(Ability::Note);
        }
        can
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(None)
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        Ok(Some(Box::new(WebhookWriter::new(self)?)))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(WebhookProbe {
            is_signed: self.secret.is_some(),
        }))
    }
}

/// A webhook can only be proven by a page; what is said here is what is not known.
struct WebhookProbe {
    is_signed: bool,
}

impl Probe for WebhookProbe {
    fn check(&mut self, _now: Moment) -> BoxFuture<'_, Vec<Check>> {
        let page = Check::new("page", Health::Unknown, "only a page proves it")
            .hint("`warroom doctor --page` sends one");
        let signature = if self.is_signed {
            Check::new("signature", Health::Good, "bodies are signed")
        } else {
            Check::new("signature", Health::Warn, "bodies are not signed")
                .hint("set `secret`, so that the receiver can tell who sent them")
        };
        Box::pin(std::future::ready(vec![page, signature]))
    }
}
