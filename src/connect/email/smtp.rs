//! One delivery to the relay, in two parts: what fails before the mail is handed over did nothing, what is lost after
//! it may have happened.

use super::config::{EmailConfig, Tls};
use crate::connect::connector::WriteError;
use crate::connect::http::{HttpSetupError, install_tls, snippet};
use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use secrecy::{ExposeSecret as _, SecretString};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// Largest CA file read: the whole public web's roots take a fifth of it.
const CA_BYTES_MAX: u64 = 1024 * 1024;

/// Stands where a secret stood.
const REDACTED: &str = "…";

/// The relay.
#[derive(Clone)]
pub(super) struct Smtp {
    server: String,
    port: u16,
    tls: Option<TlsParameters>,
    kind: Tls,
    login: Option<(String, SecretString)>,
    timeout: Duration,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp")
            .field("host", &self.host())
            .field("tls", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    /// Reads the CA file; opens no connection.
    pub(super) fn new(config: &EmailConfig) -> Result<Self, HttpSetupError> {
        install_tls();
        let tls = match config.tls {
            Tls::None => None,
            Tls::StartTls | Tls::Implicit => Some(parameters(config)?),
        };
        Ok(Self {
            server: config.server.clone(),
            port: config.port,
            tls,
            kind: config.tls,
            login: config.login.clone(),
            timeout: config.timeout,
        })
    }

    /// Host and port, for messages.
    pub(super) fn host(&self) -> String {
        format!("{}:{}", self.server, self.port)
    }

    /// A line that is greeted, encrypted and logged in.
    pub(super) async fn open(&self) -> Result<AsyncSmtpConnection, WriteError> {
        match timeout(self.timeout, self.greet()).await {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(self.refusal(&error)),
            Err(_) => Err(WriteError::not_yet(self.late())),
        }
    }

    async fn greet(&self) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let implicit = match self.kind {
            Tls::Implicit => self.tls.clone(),
            Tls::StartTls | Tls::None => None,
        };
        let server = (self.server.as_str(), self.port);
        let limit = Some(self.timeout);
        let mut line =
            AsyncSmtpConnection::connect_tokio1(server, limit, &hello, implicit, None).await?;
        if let (Tls::StartTls, Some(tls)) = (self.kind, &self.tls) {
            // A relay that offers none, or somebody in between who took the offer out, ends it here.
            line.starttls(tls.clone(), &hello).await?;
        }
        if let Some((user, password)) = &self.login {
            let login = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let known = [Mechanism::Plain, Mechanism::Login];
            line.auth(&known, &login).await?;
        }
        Ok(line)
    }

    /// Hands a mail over; gives what the relay says to it.
    pub(super) async fn send(&self, mail: &Message) -> Result<String, WriteError> {
        let mut line = self.open().await?;
        let bytes = mail.formatted();
        let sent = timeout(self.timeout, line.send(mail.envelope(), &bytes)).await;
        match sent {
            Ok(Ok(said)) => {
                let first = said.first_line().unwrap_or_default();
                let first = self.redacted(first);
                // Good manners; nothing depends on it.
                drop(timeout(self.timeout, line.quit()).await);
                Ok(first)
            }
            // An answer that says no is an answer.
            Ok(Err(error)) if error.status().is_some() || error.is_client() => {
                Err(self.refusal(&error))
            }
            Ok(Err(error)) => Err(WriteError::unclear(self.said(&error))),
            Err(_) => Err(WriteError::unclear(self.late())),
        }
    }

    /// A relay that says 5xx, or offers no TLS where it must, says it again; 4xx, and no line at all, is of a moment.
    ///
    /// Source: RFC 5321, 4.2.1.
    fn refusal(&self, error: &Error) -> WriteError {
        let said = self.said(error);
        if error.is_permanent() || error.is_client() {
            WriteError::refused(said)
        } else {
            WriteError::not_yet(said)
        }
    }

    fn late(&self) -> String {
        let limit = self.timeout.as_millis();
        format!("no answer from `{}` within {limit} ms", self.host())
    }

    /// The relay's words as one short line, without the password should it repeat it.
    fn said(&self, error: &Error) -> String {
        let mut said = error.to_string();
        let mut cause = std::error::Error::source(error).and_then(std::error::Error::source);
        while let Some(inner) = cause {
            said = format!("{said}: {inner}");
            cause = inner.source();
        }
        format!("mail by `{}`: {}", self.host(), self.redacted(&said))
    }

    fn redacted(&self, text: &str) -> String {
        let text = match &self.login {
            Some((_, password)) if !password.expose_secret().is_empty() => {
                text.replace(password.expose_secret(), REDACTED)
            }
            _ => text.to_owned(),
        };
        snippet(text.as_bytes())
    }
}

fn parameters(config: &EmailConfig) -> Result<TlsParameters, HttpSetupError> {
    let mut builder = TlsParameters::builder(config.server.clone());
    match (&config.ca_file, config.ca_only) {
        (Some(path), only) => {
            if only {
                builder = builder.certificate_store(CertificateStore::None);
            }
            builder = builder.add_root_certificate(certificate(path)?);
        }
        (None, true) => return Err(HttpSetupError::CaMissing),
        (None, false) => {}
    }
    builder
        .build_rustls()
        .map_err(|error| HttpSetupError::Build {
            what: snippet(error.to_string().as_bytes()),
        })
}

fn certificate(path: &Path) -> Result<Certificate, HttpSetupError> {
    let shown = path.display().to_string();
    let read = || {
        use std::io::Error;
        // Opening a pipe nobody writes to would wait for ever.
        if !std::fs::metadata(path)?.is_file() {
            return Err(Error::other("it is not a plain file"));
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        let size = file.take(CA_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        // A bundle that is cut would trust fewer authorities than its owner thinks.
        if u64::try_from(size).unwrap_or(u64::MAX) > CA_BYTES_MAX {
            return Err(Error::other(format!(
                "it is larger than {CA_BYTES_MAX} bytes"
            )));
        }
        Ok(bytes)
    };
    let bytes = read().map_err(|source| HttpSetupError::CaRead {
        path: shown.clone(),
        source,
    })?;
    // A file without a certificate is read as an empty list.
    let begins = b"-----BEGIN CERTIFICATE-----";
    let holds_any = bytes.windows(begins.len()).any(|part| part == begins);
    let found = Certificate::from_pem(&bytes).ok().filter(|_| holds_any);
    found.ok_or(HttpSetupError::CaParse { path: shown })
}
