//! What can go wrong with HTTP, in words for an operator and without secrets.

use crate::domain::time::Timestamp;
use std::time::Duration;

/// A configuration that no client can be made from.
#[derive(Debug, thiserror::Error)]
pub enum HttpSetupError {
    /// The base URL is not one.
    #[error("`url` is not an HTTP base URL: {what}")]
    Url {
        /// What is wrong with it.
        what: String,
    },
    /// A header name or value has characters that HTTP does not allow.
    #[error("header `{name}` is not allowed in HTTP")]
    Header {
        /// Name as configured.
        name: String,
    },
    /// The CA file cannot be read.
    #[error("cannot read the CA file `{path}`")]
    CaRead {
        /// Path as configured.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The CA file holds no certificates.
    #[error("the CA file `{path}` holds no usable PEM certificate")]
    CaParse {
        /// Path as configured.
        path: String,
    },
    /// Only private authorities are to be trusted, but none are named.
    #[error("`ca_only` needs a `ca_file`")]
    CaMissing,
    /// The client cannot be built; most often the platform has no certificates.
    #[error("cannot set up TLS: {what}")]
    Build {
        /// Cause.
        what: String,
    },
}

impl HttpSetupError {
    /// Next action for a person.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Url { .. } => {
                Some("write it as `https://host:port/prefix`; credentials have keys of their own")
            }
            Self::Header { .. } => Some("a secret read from a file may end in a line break"),
            Self::CaRead { .. } | Self::CaParse { .. } => {
                Some("`ca_file` is a PEM file with `BEGIN CERTIFICATE`")
            }
            Self::CaMissing => None,
            Self::Build { .. } => {
                Some("install the system's CA certificates, or set `ca_file` and `ca_only`")
            }
        }
    }
}

/// When a server wants to be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this span.
    In(Duration),
    /// At this time, by the server's clock.
    At(Timestamp),
}

impl RetryAfter {
    /// Span from `now`.
    pub fn delay(self, now: Timestamp) -> Duration {
        match self {
            Self::In(span) => span,
            Self::At(time) => time.since(now),
        }
    }

    /// Reads the header's two forms. With the answer's own `Date`, a time becomes a span and clock skew falls out.
    ///
    /// Source: RFC 9110, 10.2.3 (obsolete date forms are not read).
    pub(super) fn parse(value: &str, date: Option<Timestamp>) -> Option<Self> {
        let value = value.trim();
        if let Ok(seconds) = value.parse::<u64>() {
            return Some(Self::In(Duration::from_secs(seconds)));
        }
        let at = parse_http_date(value)?;
        Some(date.map_or(Self::At(at), |date| Self::In(at.since(date))))
    }
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Source: RFC 9110, 5.6.7, IMF-fixdate.
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    Some(Timestamp::from_millis(time.as_millisecond()))
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection.
    #[error("cannot connect to `{host}`: {reason}")]
    Connect {
        /// Host and port.
        host: String,
        /// `connection refused`, `dns error`, ...
        reason: String,
    },
    /// The time limit ran out.
    #[error("no answer from `{host}` within {}", span_text(*.after))]
    Timeout {
        /// Host and port.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// The TLS handshake failed.
    #[error("TLS with `{host}` failed: {reason}")]
    Tls {
        /// Host and port.
        host: String,
        /// What the handshake stumbled over.
        reason: String,
    },
    /// Any status but 2xx.
    #[error("HTTP {code}")]
    Status {
        /// The status.
        code: u16,
        /// When to ask again.
        retry_after: Option<RetryAfter>,
        /// First bytes of the body as text, for the vendor's own error; not sanitised.
        body: String,
    },
    /// The body is larger than allowed; the rest was not read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The connection broke off in the middle.
    #[error("the connection to `{host}` broke off: {reason}")]
    Broken {
        /// Host and port.
        host: String,
        /// Cause.
        reason: String,
    },
    /// The body does not have the documented shape.
    #[error("unexpected answer{}: {what}", at_path(.path))]
    Decode {
        /// Place in the document: `data.result[3].value`, or empty.
        path: String,
        /// What was expected there.
        what: String,
        /// Start of the body, sanitised, for the log.
        snippet: String,
    },
}

fn at_path(path: &str) -> String {
    if path.is_empty() || path == "." {
        String::new()
    } else {
        format!(" at `{path}`")
    }
}

fn span_text(span: Duration) -> String {
    if span.subsec_millis() == 0 {
        format!("{} s", span.as_secs())
    } else {
        format!("{} ms", span.as_millis())
    }
}

impl HttpError {
    /// When the server wants to be asked again, if it said so.
    pub const fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// True where the same request is refused again, however often it is sent: a missing right, a wrong address, a
    /// request that is not understood.
    ///
    /// Not so where the server asks to be asked later, and for the statuses that speak of a moment: 408, 409 (somebody
    /// else changes the same), 423, 425 and 429.
    ///
    /// Source: RFC 9110, 15.4 and 15.5; RFC 4918, 11.3; RFC 8470, 5.2; RFC 6585, 4.
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Status {
                code, retry_after, ..
            } => {
                let is_refusal = matches!(*code, 300..=499);
                let is_of_a_moment = matches!(*code, 408 | 409 | 423 | 425 | 429);
                is_refusal && !is_of_a_moment && retry_after.is_none()
            }
            _ => false,
        }
    }

    /// The error and its hint on one line, as a health line shows it.
    pub fn with_hint(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{self}; {hint}"),
            None => self.to_string(),
        }
    }

    /// Next action for a person, where there is one.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Connect { .. } => Some("check whether it runs, and host and port in `url`"),
            Self::Tls { .. } => Some("for a private authority `ca_file` must hold its certificate"),
            Self::Status {
                code: 401 | 403, ..
            } => Some("check the token or password, and what it may read"),
            Self::Status {
                code: 300..=399, ..
            } => Some("redirects are not followed: set `url` to where it points"),
            Self::Status { code: 404, .. } => Some("check the path in `url`"),
            Self::TooLarge { .. } => Some("ask for less, or raise `body_bytes_max`"),
            _ => None,
        }
    }
}
