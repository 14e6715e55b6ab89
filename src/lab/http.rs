//! The one HTTP server of the lab: limits, and which system answers which path.

use super::control::{self, Started};
use super::world::World;
use super::{alertmanager, netbox, pagerduty, prometheus};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, FROM};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections at once: a session with all connectors and several commands takes a dozen.
const CONNECTIONS_MAX: usize = 64;
/// Longest head of a request, and longest wait for the next one on an open connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a head: four of the longest URLs that anybody sends.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a body: a query, or a write, whose texts are limited to half of it.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Longest wait for a body; it comes from this very machine.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Methods that any of the systems knows.
const METHODS: [Method; 6] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];
/// Pause after a connection could not be accepted, so that an exhausted system is not asked in a tight loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A request, as far as the systems need it.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// One of [`METHODS`].
    pub(super) method: Method,
    /// Path from the root.
    pub(super) path: String,
    /// Query parameters, then those of a form.
    pub(super) params: Vec<(String, String)>,
    /// Value of the `Authorization` header.
    pub(super) authorization: String,
    /// Value of the `From` header: in whose name something is written.
    pub(super) from: String,
    /// The body as JSON; null where it is a form, or none.
    pub(super) body: Value,
}

impl Ask {
    /// The text at a place of the body, such as `/note/content`; empty where there is none.
    pub(super) fn text(&self, place: &str) -> &str {
        let found = self.body.pointer(place).and_then(Value::as_str);
        found.unwrap_or_default()
    }

    /// The first parameter of that name.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All parameters of that name.
    pub(super) fn params<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.params.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The credential behind `scheme` in the `Authorization` header.
    pub(super) fn credential(&self, scheme: &str) -> Option<&str> {
        self.authorization.strip_prefix(scheme).map(str::trim)
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply {
    /// Status code.
    pub(super) status: StatusCode,
    /// Content type.
    pub(super) kind: &'static str,
    /// Body.
    pub(super) body: String,
}

impl Reply {
    /// A JSON document.
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            status,
            kind: "application/json",
            body: body.to_string(),
        }
    }

    /// Done, and nothing to say.
    pub(super) const fn empty() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            kind: "application/json",
            body: String::new(),
        }
    }

    /// Plain text.
    pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self {
            status,
            kind: "text/plain; version=0.0.4; charset=utf-8",
            body: body.into(),
        }
    }

    fn into_response(self) -> Response<Body> {
        let body = Full::new(Bytes::from(self.body)).boxed_unsync();
        respond(self.status, self.kind, body)
    }
}

fn respond(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Accepts connections until it is told to stop; then ends all of them.
pub(super) async fn serve(listener: TcpListener, world: Arc<World>, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Without a free slot nobody is accepted: the kernel's queue holds them.
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            slot = Arc::clone(&slots).acquire_owned() => tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted.map(|(stream, _)| (stream, slot)),
            },
        };
        match accepted {
            Ok((stream, slot)) => {
                let world = Arc::clone(&world);
                connections.spawn(async move {
                    converse(stream, world).await;
                    drop(slot);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, world: Arc<World>) {
    let service = service_fn(move |request| {
        let world = Arc::clone(&world);
        async move { Ok::<_, Infallible>(answer(world, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX);
    // Whoever goes away in the middle of an exchange has no use for the error.
    builder
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

async fn answer(world: Arc<World>, request: Request<Incoming>) -> Response<Body> {
    let ask = match read(request).await {
        Ok(ask) => ask,
        Err(refusal) => return refusal.into_response(),
    };
    if ask.path.starts_with(control::PREFIX) {
        return match control::start(&world, &ask) {
            Ok(started) => stream(world, started),
            Err(refusal) => refusal.into_response(),
        };
    }
    route(&world, &ask).into_response()
}

fn stream(world: Arc<World>, started: Started) -> Response<Body> {
    let body = control::progress(world, started);
    respond(StatusCode::OK, "application/x-ndjson", body)
}

async fn read(request: Request<Incoming>) -> Result<Ask, Reply> {
    let (head, body) = request.into_parts();
    if !METHODS.contains(&head.method) {
        return Err(no_such_method());
    }
    let body = Limited::new(body, BODY_BYTES_MAX).collect();
    let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            let text = format!("a body has at most {BODY_BYTES_MAX} bytes\n");
            return Err(Reply::text(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Err(_) => {
            return Err(Reply::text(
                StatusCode::REQUEST_TIMEOUT,
                "the body came too slowly\n",
            ));
        }
    };
    let query = head.uri.query().unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    let header = |name| {
        let value = head.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let is_json = header(CONTENT_TYPE).starts_with("application/json");
    let form: &[u8] = if is_json { b"" } else { &body };
    let pairs = pairs.chain(form_urlencoded::parse(form).into_owned());
    let document = if is_json && !body.is_empty() {
        serde_json::from_slice(&body).map_err(|error| {
            let text = format!("the body is not JSON: {error}\n");
            Reply::text(StatusCode::BAD_REQUEST, text)
        })?
    } else {
        Value::Null
    };
    Ok(Ask {
        path: head.uri.path().to_owned(),
        params: pairs.collect(),
        authorization: header(AUTHORIZATION).to_owned(),
        from: header(FROM).to_owned(),
        body: document,
        method: head.method.clone(),
    })
}

fn no_such_method() -> Reply {
    let text = "this method is not answered\n";
    Reply::text(StatusCode::METHOD_NOT_ALLOWED, text)
}

/// The system that answers a path.
fn route(world: &World, ask: &Ask) -> Reply {
    type System = fn(&World, &Ask, &str) -> Reply;
    const SYSTEMS: [(&str, System); 4] = [
        ("/prometheus", prometheus::answer),
        ("/alertmanager", alertmanager::answer),
        ("/netbox", netbox::answer),
        ("/pagerduty", pagerduty::answer),
    ];
    let is_read = matches!(ask.method, Method::GET | Method::POST);
    if !is_read && (ask.path == "/metrics" || ask.path.starts_with("/prometheus")) {
        return no_such_method();
    }
    if ask.path == "/metrics" {
        return Reply::text(
            StatusCode::OK,
            world.with(|cluster, _| cluster.history.exposition()),
        );
    }
    let mut systems = SYSTEMS.iter();
    let found = systems.find_map(|(prefix, system)| Some((system, ask.path.strip_prefix(prefix)?)));
    match found {
        Some((system, path)) => system(world, ask, path),
        None => Reply::text(
            StatusCode::NOT_FOUND,
            "there are /prometheus, /alertmanager, /netbox, /pagerduty, /metrics and /lab/v1\n",
        ),
    }
}
