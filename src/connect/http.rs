//! The one user of the HTTP client: time limits, size limits, TLS, redaction.
//!
//! Redirects are never followed: a redirected request would carry its credentials to a host nobody configured.
//! Messages name the host and the cause; never a secret, a path or a query string.

mod call;
mod certificate;
mod error;
mod reach;
mod redact;

pub use call::{Body, Call, Method, path_part};
pub use error::{HttpError, HttpSetupError, RetryAfter, parse_http_date};
pub use reach::Reached;

use crate::domain::time::Timestamp;
use bytes::Bytes;
use futures_util::StreamExt as _;
use redact::Secrets;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed};
use std::error::Error as StdError;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for a connection when the configuration names none: a firewall that drops packets shows within it.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest wait for a whole answer when the configuration names none.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest body read when the configuration names none: an answer of 10,000 series takes a tenth of it.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Connections kept open to one host: twice as many as queries run side by side. A query right behind an answer finds
/// that answer's connection still busy and opens one beside it; without room for both, some would be closed and opened
/// anew, with TLS and all, in every second.
const IDLE_CONNECTIONS_MAX: usize = 16;
/// Longer than the slowest usual poll interval, so that polls find their connection open.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Of an error's body this much is read: it holds every vendor's error text.
const ERROR_BODY_BYTES_MAX: usize = 4 * 1024;
/// Of an unexpected body this many characters are shown: one or two lines.
const SNIPPET_CHARS: usize = 200;
/// Largest CA file read: the whole public web's roots take a fifth of it.
const CA_BYTES_MAX: u64 = 1024 * 1024;
/// Says how many entries a list has in all its pages. Source: ServiceNow Table API, "Response headers".
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// Say when a rate limit's window ends; the second is Datadog's.
const WINDOW_RESETS: [HeaderName; 2] = [
    HeaderName::from_static("ratelimit-reset"),
    HeaderName::from_static("x-ratelimit-reset"),
];
/// A larger number is a time, not a wait: 30 years.
const RESET_SECONDS_MAX: u64 = 1_000_000_000;
/// What this program calls itself.
pub const USER_AGENT: &str = concat!("warroom/", env!("CARGO_PKG_VERSION"));

/// Installs the TLS provider for the process. Idempotent; building a client without it panics, so the factory calls it too.
pub fn install_tls() {
    // An `Err` means that one is installed already, which is what is wanted.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// How requests show who they are from.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// `Authorization: Bearer TOKEN`.
    Bearer(SecretString),
    /// `Authorization: Basic ...`.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: SecretString,
    },
    /// Headers of the vendor's own, name and value: `Authorization` and `Token token=...`.
    Headers(Vec<(String, SecretString)>),
}

/// Everything that one connection to a system needs to know.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Base URL: `https://prom.example:9090/prefix`. No user, password, query or fragment.
    pub url: String,
    /// Credentials.
    pub auth: Auth,
    /// Secrets that go into bodies, such as a routing key: struck out of answers like [`Self::auth`].
    pub body_secrets: Vec<SecretString>,
    /// Headers that are no secret, such as a tenant.
    pub headers: Vec<(String, String)>,
    /// PEM file with certificates of a private authority.
    pub ca_file: Option<PathBuf>,
    /// Trust only [`Self::ca_file`]; otherwise the platform's authorities too.
    pub ca_only: bool,
    /// Longest wait for a whole answer.
    pub timeout: Duration,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Largest body, after decompression.
    pub body_bytes_max: usize,
    /// Value of `User-Agent`.
    pub user_agent: String,
}

impl HttpConfig {
    /// Defaults for a base URL.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            auth: Auth::None,
            body_secrets: Vec::new(),
            headers: Vec::new(),
            ca_file: None,
            ca_only: false,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            body_bytes_max: BODY_BYTES_MAX,
            user_agent: USER_AGENT.to_owned(),
        }
    }
}

/// An answer with a 2xx status, read in full.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, decompressed.
    pub body: Bytes,
    /// Value of `Content-Type`, or empty.
    pub content_type: String,
    /// Value of `X-Total-Count`: entries of a list in all its pages, where the server says so.
    pub total: Option<u64>,
    /// Value of `Date`: the server's clock, whole seconds.
    pub date: Option<Timestamp>,
}

impl Answer {
    /// Decodes a JSON body; see [`decode`].
    ///
    /// # Errors
    /// [`HttpError::Decode`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        decode(&self.body)
    }
}

/// Decodes JSON; on an error the document is read again slowly to learn the place.
///
/// # Errors
/// [`HttpError::Decode`] with the place, what was expected, and the start of the body.
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, HttpError> {
    decode_seed(body, PhantomData)
}

/// As [`decode`], with something to know while decoding, such as a limit.
///
/// # Errors
/// As [`decode`].
pub fn decode_seed<'a, S: DeserializeSeed<'a> + Copy>(
    body: &'a [u8],
    seed: S,
) -> Result<S::Value, HttpError> {
    let mut fast = serde_json::Deserializer::from_slice(body);
    let first = match seed
        .deserialize(&mut fast)
        .and_then(|value| fast.end().map(|()| value))
    {
        Ok(value) => return Ok(value),
        Err(error) => error.to_string(),
    };
    let mut track = serde_path_to_error::Track::new();
    let mut slow = serde_json::Deserializer::from_slice(body);
    let again = seed.deserialize(serde_path_to_error::Deserializer::new(
        &mut slow, &mut track,
    ));
    Err(match again {
        Err(error) => decode_error(body, &track.path().to_string(), &error.to_string()),
        // Only what follows the document is wrong.
        Ok(_) => decode_error(body, "", &first),
    })
}

fn decode_error(body: &[u8], path: &str, what: &str) -> HttpError {
    HttpError::Decode {
        path: path.to_owned(),
        what: snippet(what.as_bytes()),
        snippet: snippet(body),
    }
}

/// Start of some bytes as one line without control characters.
pub fn snippet(bytes: &[u8]) -> String {
    let head = bytes.get(..SNIPPET_CHARS * 4).unwrap_or(bytes);
    String::from_utf8_lossy(head)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SNIPPET_CHARS)
        .collect()
}

/// A client for one base URL. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    base: Url,
    host: String,
    timeout: Duration,
    body_bytes_max: usize,
    secrets: Secrets,
}

impl Http {
    /// Builds the client. Reads the CA file; opens no connection.
    ///
    /// # Errors
    /// [`HttpSetupError`].
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the factory that everything else uses"
    )]
    pub fn new(config: &HttpConfig) -> Result<Self, HttpSetupError> {
        install_tls();
        let base = parse_base(&config.url)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .default_headers(headers(config, is_loopback(&base))?)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT);
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        match (&config.ca_file, config.ca_only) {
            (Some(path), true) => builder = builder.tls_certs_only(read_ca(path)?),
            (Some(path), false) => builder = builder.tls_certs_merge(read_ca(path)?),
            (None, true) => return Err(HttpSetupError::CaMissing),
            (None, false) => {}
        }
        let client = builder.build().map_err(|error| HttpSetupError::Build {
            what: deepest(&error),
        })?;
        Ok(Self {
            client,
            host: host_text(&base),
            base,
            timeout: config.timeout,
            body_bytes_max: config.body_bytes_max,
            secrets: Secrets::of(&config.auth, &config.body_secrets),
        })
    }

    /// Host and port, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Longest wait for a whole answer.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Asks for `path` below the base URL. An empty path asks for the base URL itself.
    ///
    /// # Errors
    /// [`HttpError`] for everything but a complete answer with a 2xx status.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let request = self.client.get(self.url(path)).query(query);
        self.send(request).await
    }

    /// Sends a form to `path` below the base URL.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let request = self.client.post(self.url(path)).form(form);
        self.send(request).await
    }

    /// Sends any request below the base URL. A path may hold percent-encoded parts; see [`path_part`].
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn call(&self, call: &Call) -> Result<Answer, HttpError> {
        let url = self.url(&call.path);
        let mut request = match call.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url),
            Method::Put => self.client.put(url),
            Method::Patch => self.client.patch(url),
            Method::Delete => self.client.delete(url),
            Method::Options => self.client.request(reqwest::Method::OPTIONS, url),
        };
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        request = match &call.body {
            Body::None => request,
            Body::Json(value) => request.json(value),
            Body::Form(pairs) => request.form(pairs),
        };
        self.send(request).await
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if !path.is_empty() {
            let joined = format!(
                "{}/{}",
                self.base.path().trim_end_matches('/'),
                path.trim_start_matches('/')
            );
            url.set_path(&joined);
        }
        url
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, HttpError> {
        let response = request.send().await.map_err(|error| self.error(error))?;
        let status = response.status();
        let date = header_text(response.headers(), &header::DATE).and_then(parse_http_date);
        if !status.is_success() {
            let retry_after = header_text(response.headers(), &header::RETRY_AFTER)
                .and_then(|value| RetryAfter::parse(value, date))
                .or_else(|| window_reset(status, response.headers()));
            // The status is the news; a body that cannot be read changes nothing about it.
            let body = self
                .read(response, ERROR_BODY_BYTES_MAX, true)
                .await
                .unwrap_or_default();
            return Err(HttpError::Status {
                code: status.as_u16(),
                retry_after,
                body: String::from_utf8_lossy(&body).into_owned(),
            });
        }
        let content_type = header_text(response.headers(), &header::CONTENT_TYPE)
            .unwrap_or_default()
            .to_owned();
        let total = header_text(response.headers(), &TOTAL_COUNT)
            .and_then(|total| total.trim().parse().ok());
        let body = self.read(response, self.body_bytes_max, false).await?;
        Ok(Answer {
            status: status.as_u16(),
            body,
            content_type,
            total,
            date,
        })
    }

    /// Reads a body up to `limit` bytes; beyond it, cuts or refuses.
    async fn read(
        &self,
        response: reqwest::Response,
        limit: usize,
        cut: bool,
    ) -> Result<Bytes, HttpError> {
        let announced = response
            .content_length()
            .and_then(|length| usize::try_from(length).ok());
        if !cut && announced.is_some_and(|length| length > limit) {
            return Err(HttpError::TooLarge { limit });
        }
        let mut body = Vec::with_capacity(announced.unwrap_or(0).min(limit));
        let mut stream = response.bytes_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| self.error(error))?;
            let room = limit.saturating_sub(body.len());
            if chunk.len() > room {
                if !cut {
                    return Err(HttpError::TooLarge { limit });
                }
                body.extend_from_slice(chunk.get(..room).unwrap_or_default());
                break;
            }
            body.extend_from_slice(&chunk);
        }
        self.secrets.strike(&mut body);
        Ok(body.into())
    }

    /// Sorts the client's errors. Its own text is not used, since it holds the URL with its query.
    fn error(&self, error: reqwest::Error) -> HttpError {
        let error = error.without_url();
        let host = self.host.clone();
        if error.is_timeout() {
            return HttpError::Timeout {
                host,
                after: self.timeout,
            };
        }
        if let Some(reason) = tls_reason(&error) {
            return HttpError::Tls { host, reason };
        }
        let reason = deepest(&error);
        if error.is_connect() && self.is_tls() && ends_early(&error) {
            return HttpError::Tls { host, reason };
        }
        if error.is_connect() {
            HttpError::Connect { host, reason }
        } else {
            HttpError::Broken { host, reason }
        }
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Seconds until a rate limit starts anew, of vendors that send no `Retry-After`.
///
/// Source: PagerDuty REST API, "REST API rate limits"; Datadog API reference, "Rate limits";
/// draft-ietf-httpapi-ratelimit-headers-06, `RateLimit-Reset`. Some vendors say a Unix time instead of a wait.
fn window_reset(status: StatusCode, headers: &HeaderMap) -> Option<RetryAfter> {
    if status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let mut names = WINDOW_RESETS.into_iter();
    let text = names.find_map(|name| header_text(headers, &name))?;
    let seconds: u64 = text.trim().parse().ok()?;
    if seconds <= RESET_SECONDS_MAX {
        return Some(RetryAfter::In(Duration::from_secs(seconds)));
    }
    let ms = i64::try_from(seconds.saturating_mul(1000)).ok()?;
    Some(RetryAfter::At(Timestamp::from_millis(ms)))
}

fn parse_base(text: &str) -> Result<Url, HttpSetupError> {
    let refuse = |what: &str| HttpSetupError::Url {
        what: what.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("it must begin with `http://` or `https://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it must not hold a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must not hold `?` or `#`"));
    }
    Ok(url)
}

fn host_text(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Proxies are for the way out; a loopback address means another machine there.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn headers(config: &HttpConfig, is_loopback: bool) -> Result<HeaderMap, HttpSetupError> {
    let mut map = HeaderMap::new();
    if is_loopback {
        // No line to save there: packing and unpacking costs both programs more than the bytes.
        insert(&mut map, "accept-encoding", "identity", false)?;
    }
    for (name, value) in &config.headers {
        insert(&mut map, name, value, false)?;
    }
    match &config.auth {
        Auth::None => {}
        Auth::Bearer(token) => {
            let value = SecretString::from(format!("Bearer {}", token.expose_secret()));
            insert(&mut map, "authorization", value.expose_secret(), true)?;
        }
        Auth::Basic { user, password } => {
            let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
            let coded = data_encoding::BASE64.encode(pair.expose_secret().as_bytes());
            let value = SecretString::from(format!("Basic {coded}"));
            insert(&mut map, "authorization", value.expose_secret(), true)?;
        }
        Auth::Headers(pairs) => {
            for (name, value) in pairs {
                insert(&mut map, name, value.expose_secret(), true)?;
            }
        }
    }
    Ok(map)
}

fn insert(
    map: &mut HeaderMap,
    name: &str,
    value: &str,
    secret: bool,
) -> Result<(), HttpSetupError> {
    let refuse = || HttpSetupError::Header {
        name: snippet(name.as_bytes()),
    };
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
    let mut text = HeaderValue::from_str(value).map_err(|_| refuse())?;
    text.set_sensitive(secret);
    map.insert(key, text);
    Ok(())
}

fn read_ca(path: &Path) -> Result<Vec<reqwest::Certificate>, HttpSetupError> {
    let shown = || path.display().to_string();
    let read = |path: &Path| {
        use std::io::Error;
        use std::io::Read as _;
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
    let bytes = read(path).map_err(|source| HttpSetupError::CaRead {
        path: shown(),
        source,
    })?;
    match reqwest::Certificate::from_pem_bundle(&bytes) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(HttpSetupError::CaParse { path: shown() }),
    }
}

/// Causes of an error, outermost first. An I/O error's inner error is a cause too, though it is not its `source`.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        if let Some(inner) = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            return Some(inner as &(dyn StdError + 'static));
        }
        error.source()
    })
}

fn tls_reason(error: &reqwest::Error) -> Option<String> {
    causes(error).find_map(|cause| Some(cause.downcast_ref::<rustls::Error>()?.to_string()))
}

/// True when the other side hung up in the middle: a server that speaks no TLS does so on a handshake.
fn ends_early(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof)
    })
}

/// The cause that says most: the operating system's word, else the innermost text.
fn deepest(error: &reqwest::Error) -> String {
    let system = causes(error).find_map(|cause| {
        let io = cause.downcast_ref::<std::io::Error>()?;
        io.raw_os_error().map(|_| io.kind().to_string())
    });
    let text = system.unwrap_or_else(|| {
        causes(error)
            .last()
            .map(ToString::to_string)
            .unwrap_or_default()
    });
    snippet(text.as_bytes())
}

#[cfg(test)]
mod tests;
