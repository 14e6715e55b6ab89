use super::Health::{Bad, Good, Unknown, Warn};
use super::*;
use crate::clock::SystemClock;
use crate::connect::connector::{Probe, Writer};
use crate::connect::http::{Auth, HttpSetupError};
use crate::connect::poll::Source;
use crate::connect::prometheus::PrometheusConfig;
use crate::connect::query::QuerySpec;
use crate::domain::time::Moment;
use futures_util::future::BoxFuture;
use serde_json::json;
use std::sync::Mutex;
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn name(text: &str) -> ConnectorName {
    ConnectorName::new(text).expect("valid")
}

fn prometheus(url: &str) -> Arc<dyn Connector> {
    let mut config = PrometheusConfig::new(name("main"), url);
    config.http.timeout = Duration::from_secs(2);
    Arc::new(config)
}

async fn one(connector: Arc<dyn Connector>) -> Finding {
    let mut all = examine(&[connector], &clock()).await;
    all.pop().expect("one for each")
}

fn lines(finding: &Finding) -> Vec<(String, Health)> {
    let checks = finding.checks.iter();
    checks
        .map(|check| (check.what.clone(), check.health))
        .collect()
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_said_once_and_nothing_is_guessed_after_it() {
    let finding = one(prometheus("http://no-such-host.invalid:9090")).await;
    let expected = [
        ("name".to_owned(), Health::Bad),
        ("credentials".to_owned(), Health::Unknown),
    ];
    assert_eq!(lines(&finding), expected, "{finding:?}");
    assert_eq!(finding.worst(), Health::Bad);
    assert!(finding.checks[0].hint.contains("url"));
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_no_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let finding = one(prometheus(&format!("http://127.0.0.1:{port}"))).await;
    assert_eq!(finding.checks[0].health, Health::Good);
    assert_eq!(finding.checks[1].what, "connection");
    assert_eq!(finding.checks[1].health, Health::Bad);
    assert!(finding.checks[1].said.contains("refused"), "{finding:?}");
}

#[tokio::test]
async fn a_server_that_answers_is_looked_at_in_full() {
    let server = MockServer::start().await;
    let date = jiff::fmt::rfc2822::DateTimePrinter::new();
    let late = clock().now().wall.as_millis() - 10_000;
    let late = jiff::Timestamp::from_millisecond(late).expect("a time");
    let date = date.timestamp_to_rfc9110_string(&late).expect("a date");
    let answer = ResponseTemplate::new(200)
        .set_body_json(json!({}))
        .insert_header("Date", date.as_str());
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let finding = one(prometheus(&server.uri())).await;
    let find = |what: &str| {
        let found = finding.checks.iter().find(|check| check.what == what);
        found.unwrap_or_else(|| panic!("no `{what}` in {finding:?}"))
    };
    assert_eq!(find("connection").health, Health::Good);
    assert_eq!(find("latency").health, Health::Good);
    assert_eq!(find("clock").health, Health::Warn);
    assert!(find("clock").said.ends_with("s behind ours"));
}

#[tokio::test]
async fn a_clock_that_is_far_off_does_not_keep_the_rest_from_being_asked() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(401).insert_header("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let finding = one(prometheus(&server.uri())).await;
    let find = |what: &str| finding.checks.iter().find(|check| check.what == what);
    assert_eq!(find("clock").map(|check| check.health), Some(Health::Bad));
    let text = format!("{finding:?}");
    assert!(
        text.contains("401") && !text.contains("no connection"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_refuses_the_credentials_is_reached_and_bad() {
    let server = MockServer::start().await;
    Mock::given(path("/"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&server)
        .await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(401).set_body_string("s3cret must not be echoed"))
        .mount(&server)
        .await;
    let finding = one(prometheus(&server.uri())).await;
    assert_eq!(finding.worst(), Health::Bad, "{finding:?}");
    let bad = finding
        .checks
        .iter()
        .find(|check| check.health == Health::Bad);
    assert!(
        bad.is_some_and(|check| check.said.contains("401")),
        "{finding:?}"
    );
}

/// Answers every HTTPS request on a port with a certificate of this key.
fn https(certificate: &'static [u8]) -> u16 {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::{Read as _, Write as _};
    crate::connect::http::install_tls();
    let certificate = CertificateDer::from_pem_slice(certificate).expect("certificate");
    let key = include_bytes!("../http/testdata/server.key");
    let key = PrivateKeyDer::from_pem_slice(key).expect("key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    let config = Arc::new(config.expect("configuration"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config));
            let connection = connection.expect("connection");
            let mut stream = rustls::StreamOwned::new(connection, socket.expect("a socket"));
            let mut head = Vec::new();
            let mut bytes = [0; 4096];
            while let Ok(count) = stream.read(&mut bytes)
                && count > 0
            {
                head.extend_from_slice(&bytes[..count]);
                if head.ends_with(b"\r\n\r\n") {
                    break;
                }
            }
            let text = String::from_utf8_lossy(&head).to_lowercase();
            let is_strange = text.starts_with("head ") && text.contains("authorization");
            assert!(!is_strange, "credentials for anybody: {text}");
            let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    port
}

/// A Prometheus with TLS, with credentials, that trusts the test authority.
async fn secure(certificate: &'static [u8]) -> Finding {
    let authority = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/connect/http/testdata/ca.pem"
    );
    let url = format!("https://127.0.0.1:{}", https(certificate));
    let mut config = PrometheusConfig::new(name("main"), &url);
    config.http.timeout = Duration::from_secs(5);
    config.http.ca_file = Some(authority.into());
    config.http.auth = Auth::Bearer("s3cret".to_owned().into());
    one(Arc::new(config)).await
}

#[tokio::test]
async fn a_certificate_is_told_with_its_days_and_names() {
    let finding = secure(include_bytes!("../http/testdata/server.pem")).await;
    let check = finding.checks.iter().find(|c| c.what == "certificate");
    let check = check.expect("looked at");
    assert_eq!(check.health, Good, "{finding:?}");
    assert!(check.said.contains("days left, until 2120-01-01T00:00:00Z"));
    let names = "`CN=warroom test server` by `CN=warroom test authority`";
    assert!(check.said.ends_with(names), "{check:?}");
}

#[tokio::test]
async fn an_expired_certificate_is_named_beside_the_failed_handshake() {
    let finding = secure(include_bytes!("../http/testdata/expired.pem")).await;
    let find = |what: &str| finding.checks.iter().find(|check| check.what == what);
    assert_eq!(find("TLS").map(|check| check.health), Some(Bad));
    let check = find("certificate").expect("looked at");
    assert_eq!(check.health, Bad, "{finding:?}");
    assert!(check.said.starts_with("expired "), "{check:?}");
    let names = "`CN=warroom expired server` by `CN=throw-away authority,O=Example`";
    assert!(check.said.ends_with(names), "{check:?}");
}

#[test]
fn unknown_is_worse_than_a_warning_and_better_than_bad() {
    let finding = |all: &[Health]| Finding {
        connector: name("x"),
        system: "x",
        checks: all
            .iter()
            .map(|health| Check::new("x", *health, ""))
            .collect(),
    };
    assert_eq!(finding(&[]).worst(), Unknown);
    assert_eq!(finding(&[Good, Warn]).worst(), Warn);
    assert_eq!(finding(&[Warn, Unknown, Good]).worst(), Unknown);
    assert_eq!(finding(&[Bad, Unknown]).worst(), Bad);
}

/// A pager that notes what it is told.
#[derive(Debug)]
struct Pager {
    name: ConnectorName,
    told: Arc<Mutex<Vec<Deed>>>,
    page: Result<Outcome, WriteError>,
}

impl Connector for Pager {
    fn name(&self) -> &ConnectorName {
        &self.name
    }
    fn system(&self) -> &'static str {
        "pager"
    }
    fn abilities(&self) -> Vec<Ability> {
        vec![Ability::Page, Ability::Resolve]
    }
    fn source(
        &self,
        _specs: &[QuerySpec],
        _clock: &Arc<dyn Clock>,
    ) -> Result<Option<Box<dyn Source>>, HttpSetupError> {
        Ok(None)
    }
    fn writer(&self) -> Result<Option<Box<dyn Writer>>, HttpSetupError> {
        Ok(Some(Box::new(Phone {
            told: Arc::clone(&self.told),
            page: self.page.clone(),
        })))
    }
    fn probe(&self, _clock: &Arc<dyn Clock>) -> Result<Box<dyn Probe>, HttpSetupError> {
        Err(HttpSetupError::CaMissing)
    }
}

struct Phone {
    told: Arc<Mutex<Vec<Deed>>>,
    page: Result<Outcome, WriteError>,
}

impl Writer for Phone {
    fn write<'a>(
        &'a mut self,
        order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Outcome, WriteError>> {
        self.told.lock().expect("lock").push(order.deed.clone());
        let outcome = match order.deed {
            Deed::Page { .. } => self.page.clone(),
            _ => Err(WriteError::refused("HTTP 403")),
        };
        Box::pin(std::future::ready(outcome))
    }
    fn find<'a>(
        &'a mut self,
        _order: &'a Order<'a>,
        _now: Moment,
    ) -> BoxFuture<'a, Result<Option<Outcome>, WriteError>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

async fn paged_with(page_outcome: Result<Outcome, WriteError>) -> (Finding, Vec<Deed>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let pager: Arc<dyn Connector> = Arc::new(Pager {
        name: name("pager"),
        told: Arc::clone(&told),
        page: page_outcome,
    });
    let mut findings = page(&[pager, prometheus("http://127.0.0.1:9")], &clock(), "mira").await;
    assert_eq!(findings.len(), 1, "only those that can page are asked to");
    let told = told.lock().expect("lock").clone();
    (findings.pop().expect("one"), told)
}

#[tokio::test]
async fn a_test_page_is_proven_or_shown_as_not_and_closed_again() {
    let done = Outcome::Done {
        reference: "Q1".to_owned(),
        proof: "mira notified".to_owned(),
    };
    let (finding, told) = paged_with(Ok(done)).await;
    assert_eq!(finding.checks[0].said, "mira notified");
    assert_eq!(finding.checks[0].health, Health::Good);
    assert_eq!(
        told[1],
        Deed::Resolve {
            reference: "Q1".to_owned()
        }
    );
    // It could not be closed: that is said, with what to do.
    assert_eq!(finding.checks[1].health, Health::Warn);
    assert_eq!(finding.checks[1].hint, "close it by hand");

    let accepted = Outcome::Accepted {
        reference: String::new(),
        what: "at the relay".to_owned(),
    };
    let (finding, told) = paged_with(Ok(accepted)).await;
    assert_eq!((finding.worst(), told.len()), (Health::Warn, 1));
    let (finding, _) = paged_with(Err(WriteError::unclear("no answer"))).await;
    assert_eq!(finding.worst(), Health::Unknown);
    let (finding, _) = paged_with(Err(WriteError::refused("HTTP 401"))).await;
    assert_eq!(finding.worst(), Health::Bad);
}
