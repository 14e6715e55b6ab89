//! Settings of `[connect.email.NAME]`.

use super::smtp::Smtp;
use super::write::{EmailProbe, EmailWriter};
use crate::clock::Clock;
use crate::connect::connector::{Connector, Kind, Probe, Writer};
use crate::connect::http::HttpSetupError;
use crate::connect::keys::Keys;
use crate::connect::poll::Source;
use crate::connect::query::QuerySpec;
use crate::domain::id::ConnectorName;
use crate::domain::write::Ability;
use lettre::Address;
use secrecy::SecretString;
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// `[connect.email.NAME]`
pub const KIND: Kind = Kind {
    word: "email",
    read,
};

/// Longest wait for a whole delivery to the relay when the configuration names none: relays greet slowly on purpose.
pub const TIMEOUT: Duration = Duration::from_secs(15);

const TIMEOUT_RANGE: Range<Duration> = Duration::from_millis(50)..Duration::from_secs(300);

/// Recipients of one mail; RFC 5321, 4.5.3.1.8, has every server take a hundred.
const RECIPIENTS_MAX: usize = 100;

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Begins in plain text, and goes no further without TLS. Port 587.
    StartTls,
    /// TLS from the first byte. Port 465.
    Implicit,
    /// Not at all; only to this machine. Port 25.
    None,
}

impl Tls {
    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// One relay, and who gets mail. That it is configured is the permission to write: it can do nothing else.
#[derive(Debug, Clone)]
pub struct EmailConfig {
    /// Name in the configuration.
    pub name: ConnectorName,
    /// Host of the relay.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// User and password, where the relay asks for them.
    pub login: Option<(String, SecretString)>,
    /// Who the mail is from.
    pub from: Address,
    /// Who gets it.
    pub to: Vec<Address>,
    /// Longest wait for a whole delivery to the relay.
    pub timeout: Duration,
    /// PEM file with certificates of a private authority.
    pub ca_file: Option<PathBuf>,
    /// Trust only [`Self::ca_file`].
    pub ca_only: bool,
}

fn read(name: ConnectorName, keys: &mut dyn Keys) -> Option<Arc<dyn Connector>> {
    let server = keys.required("server", "the host of the relay, such as `mail.example`");
    let tls = match keys.word("tls", &["starttls", "implicit", "none"]) {
        Some("implicit") => Tls::Implicit,
        Some("none") => Tls::None,
        _ => Tls::StartTls,
    };
    let port = keys.whole("port", 1..u64::from(u16::MAX) + 1);
    let user = keys.text("user");
    let password = keys.secret("password");
    let from = keys.required("from", "the address mail comes from");
    let timeout = keys.span("timeout", TIMEOUT_RANGE);
    let ca_file = keys.path("ca_file");
    let ca_only = keys.flag("ca_only").unwrap_or(false);
    let to = recipients(keys);
    let from = address(keys, "from", &from?);
    let server = server?;
    if !is_host(&server) {
        keys.fault("server", "is not a host name or an address".to_owned(), "");
    } else if tls == Tls::None && !is_loopback(&server) {
        let hint = "use \"starttls\" or \"implicit\": mail would cross the network in plain text";
        let what = "is only for a relay on this machine".to_owned();
        keys.fault("tls", what, hint);
    }
    let has_one = user.is_some() != password.is_some();
    let login = user.zip(password);
    if has_one {
        let what = "`user` and `password` belong together".to_owned();
        keys.fault("password", what, "");
    }
    Some(Arc::new(EmailConfig {
        name,
        server,
        port: port
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or_else(|| tls.port()),
        tls,
        login,
        from: from?,
        to,
        timeout: timeout.unwrap_or(TIMEOUT),
        ca_file,
        ca_only,
    }))
}

fn recipients(keys: &mut dyn Keys) -> Vec<Address> {
    let texts = keys.texts("to");
    if texts.is_empty() || texts.len() > RECIPIENTS_MAX {
        let what = format!("needs 1 to {RECIPIENTS_MAX} addresses");
        keys.fault("to", what, "such as `to = [\"oncall@example.com\"]`");
    }
    let all = texts.iter().take(RECIPIENTS_MAX);
    all.filter_map(|text| address(keys, "to", text)).collect()
}

fn address(keys: &mut dyn Keys, key: &'static str, text: &str) -> Option<Address> {
    // Addresses beyond ASCII need an extension that few relays have, and would be refused when it matters.
    let parsed = text.parse::<Address>().ok().filter(|_| text.is_ascii());
    if parsed.is_none() {
        let what = format!("`{}` is not a mail address", text.escape_debug());
        keys.fault(key, what, "a plain address in ASCII, without a name");
    }
    parsed
}

fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    !text.is_empty() && text.chars().all(fits)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Connector for EmailConfig {
    fn name(&self) -> &ConnectorName {
        &self.name
    }

    fn system(&self) -> &'static str {
        "email"
    }

    fn abilities(&self) -> Vec<Ability> {
        vec![Ability::Page]
    }

    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(None)
    }

    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        Ok(Some(Box::new(EmailWriter::new(self.clone())?)))
    }

    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Ok(Box::new(EmailProbe::new(Smtp::new(self)?)))
    }
}
