use super::*;
use std::io::Write as _;
use wiremock::matchers::{body_string, header as with_header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn http(server: &MockServer, change: impl FnOnce(&mut HttpConfig)) -> Http {
    let mut config = HttpConfig::new(&server.uri());
    change(&mut config);
    Http::new(&config).expect("client")
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

#[test]
fn a_refusal_is_permanent_unless_it_speaks_of_a_moment() {
    let status = |code, retry_after| HttpError::Status {
        code,
        retry_after,
        body: String::new(),
    };
    for code in [301, 400, 401, 403, 404, 410, 422] {
        assert!(status(code, None).is_permanent(), "{code}");
    }
    for code in [408, 409, 423, 425, 429, 500, 503] {
        assert!(!status(code, None).is_permanent(), "{code}");
    }
    let later = RetryAfter::In(Duration::from_secs(9));
    assert!(!status(403, Some(later)).is_permanent());
    let host = "pager.example:443".to_owned();
    let reason = "connection refused".to_owned();
    assert!(!HttpError::Connect { host, reason }.is_permanent());
}

#[tokio::test]
async fn a_path_is_joined_below_the_prefix_of_the_base_url() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/prom/api/v1/query"))
        .and(query_param("query", "up{a=\"b c&d\"}"))
        .and(with_header("authorization", "Basic dTpwdw=="))
        .and(with_header("x-scope-orgid", "red"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
        .expect(1)
        .mount(&server)
        .await;
    let mut config = HttpConfig::new(&format!("{}/prom/", server.uri()));
    config.auth = Auth::Basic {
        user: "u".into(),
        password: "pw".into(),
    };
    config.headers = vec![("X-Scope-OrgID".into(), "red".into())];
    let answer = Http::new(&config)
        .unwrap()
        .get("/api/v1/query", &[("query", "up{a=\"b c&d\"}")])
        .await
        .unwrap();
    assert_eq!(&answer.body[..], b"{}");
    assert!(answer.date.is_none() || answer.date > Timestamp::parse("2020-01-01T00:00:00Z").ok());
}

#[tokio::test]
async fn a_form_is_posted() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(body_string("query=a%2Bb"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    http(&server, |_| {})
        .post_form("q", &[("query", "a+b")])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_status_carries_retry_after_and_the_start_of_the_body() {
    let response = ResponseTemplate::new(429)
        .insert_header("retry-after", "18")
        .set_body_string("x".repeat(9000));
    let server = answering(response).await;
    let error = http(&server, |_| {})
        .get("secret-path", &[("token", "hunter2")])
        .await
        .unwrap_err();
    assert_eq!(
        error.retry_after(),
        Some(RetryAfter::In(Duration::from_secs(18)))
    );
    assert_eq!(error.to_string(), "HTTP 429");
    let HttpError::Status { body, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(body.len(), ERROR_BODY_BYTES_MAX);
}

#[tokio::test]
async fn a_rate_limit_without_retry_after_ends_with_its_window() {
    let seven = Some(RetryAfter::In(Duration::from_secs(7)));
    let time = Some(RetryAfter::At(Timestamp::from_millis(1_795_321_924_000)));
    for (status, name, value, wanted) in [
        (429, "ratelimit-reset", "7", seven),
        (401, "ratelimit-reset", "7", None),
        (429, "x-ratelimit-reset", "7", seven),
        (429, "x-ratelimit-reset", "1795321924", time),
        (429, "x-ratelimit-reset", "soon", None),
    ] {
        let response = ResponseTemplate::new(status).insert_header(name, value);
        let server = answering(response).await;
        let error = http(&server, |_| {}).get("x", &[]).await.unwrap_err();
        assert_eq!(error.retry_after(), wanted, "{status} {name} {value}");
    }
}

#[test]
fn retry_after_as_a_date_is_measured_from_the_answers_own_date() {
    let date = parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(date, Timestamp::parse("1994-11-06T08:49:37Z").ok());
    let late = "Sun, 06 Nov 1994 08:50:07 GMT";
    assert_eq!(
        RetryAfter::parse(late, date),
        Some(RetryAfter::In(Duration::from_secs(30)))
    );
    let at = RetryAfter::parse(late, None).expect("a date");
    let now = Timestamp::parse("1994-11-06T08:49:57Z").unwrap();
    assert_eq!(at.delay(now), Duration::from_secs(10));
    assert_eq!(
        at.delay(Timestamp::parse("2001-01-01T00:00:00Z").unwrap()),
        Duration::ZERO
    );
    assert_eq!(RetryAfter::parse("soon", date), None);
    assert_eq!(RetryAfter::parse("-3", date), None);
}

#[tokio::test]
async fn a_redirect_is_an_error_and_is_not_followed() {
    let server = MockServer::start().await;
    Mock::given(path("/a"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/b"))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/b"))
        .respond_with(ResponseTemplate::new(200))
        .expect(0)
        .mount(&server)
        .await;
    let error = http(&server, |_| {}).get("a", &[]).await.unwrap_err();
    assert!(
        matches!(error, HttpError::Status { code: 302, .. }),
        "{error:?}"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("redirects")));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = answering(ResponseTemplate::new(200).set_body_string("x".repeat(1001))).await;
    let error = http(&server, |config| config.body_bytes_max = 1000)
        .get("", &[])
        .await
        .unwrap_err();
    assert_eq!(error, HttpError::TooLarge { limit: 1000 });
    assert!(
        http(&server, |config| config.body_bytes_max = 1001)
            .get("", &[])
            .await
            .is_ok()
    );
}

/// A small body that grows when it is unpacked must meet the same limit.
#[tokio::test]
async fn the_limit_counts_unpacked_bytes() {
    let packed = GZIP_OF_100_000_ZEROS;
    let unpacked = data_encoding::BASE64
        .decode(packed.as_bytes())
        .expect("base64");
    assert!(unpacked.len() < 200);
    let response = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_bytes(unpacked);
    let server = answering(response).await;
    let ok = http(&server, |_| {}).get("", &[]).await.expect("unpacks");
    assert_eq!(ok.body.len(), 100_000);
    let error = http(&server, |config| config.body_bytes_max = 10_000)
        .get("", &[])
        .await
        .unwrap_err();
    assert_eq!(error, HttpError::TooLarge { limit: 10_000 });
}

const GZIP_OF_100_000_ZEROS: &str = "H4sIAAAAAAAC/+3BMQEAAADCoErrn84aHkABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAArwaFwk3FoIYBAA==";

#[tokio::test]
async fn silence_is_a_timeout() {
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(60))).await;
    let error = http(&server, |config| config.timeout = Duration::from_millis(50))
        .get("", &[])
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Timeout { .. }), "{error:?}");
    assert!(error.to_string().ends_with("within 50 ms"), "{error}");
}

#[tokio::test]
async fn a_closed_port_is_named_without_the_query() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        listener.local_addr().expect("address").port()
    };
    let http = Http::new(&HttpConfig::new(&format!("http://127.0.0.1:{port}"))).expect("client");
    let error = http.get("api", &[("token", "hunter2")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot connect to `127.0.0.1:{port}`: connection refused")
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_a_tls_error() {
    let server = answering(ResponseTemplate::new(200)).await;
    let url = server.uri().replace("http://", "https://");
    let error = Http::new(&HttpConfig::new(&url))
        .expect("client")
        .get("", &[])
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
}

#[test]
fn a_url_with_credentials_or_a_query_is_refused() {
    for url in [
        "http://u:p@host",
        "http://host/?a=b",
        "ftp://host",
        "host:9090",
        "",
        "http://host/#x",
    ] {
        let error = Http::new(&HttpConfig::new(url)).map(|_| ()).unwrap_err();
        assert!(
            matches!(error, HttpSetupError::Url { .. }),
            "{url}: {error:?}"
        );
        assert!(!error.to_string().contains("u:p"));
    }
}

#[test]
fn a_secret_with_a_line_break_is_refused_without_being_shown() {
    let mut config = HttpConfig::new("http://host");
    config.auth = Auth::Bearer("hunter2\n".into());
    let error = Http::new(&config).map(|_| ()).unwrap_err();
    assert!(!format!("{error} {error:?} {config:?}").contains("hunter2"));
    assert!(error.hint().is_some());
}

#[test]
fn a_ca_file_must_hold_certificates() {
    let mut config = HttpConfig::new("https://host");
    config.ca_only = true;
    assert!(matches!(Http::new(&config), Err(HttpSetupError::CaMissing)));
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(b"not pem").expect("write");
    config.ca_file = Some(file.path().to_owned());
    assert!(matches!(
        Http::new(&config),
        Err(HttpSetupError::CaParse { .. })
    ));
    let mut bundle = tempfile::NamedTempFile::new().expect("temporary file");
    let size = usize::try_from(CA_BYTES_MAX).unwrap() + 1;
    bundle.write_all(&vec![b'\n'; size]).expect("written");
    for path in [bundle.path(), Path::new("/dev/zero")] {
        config.ca_file = Some(path.to_owned());
        let error = Http::new(&config).unwrap_err();
        assert!(matches!(error, HttpSetupError::CaRead { .. }), "{error}");
    }
    config.ca_file = Some("/nonexistent/ca.pem".into());
    assert!(matches!(
        Http::new(&config),
        Err(HttpSetupError::CaRead { .. })
    ));
}

#[test]
fn a_wrong_shape_is_named_by_its_place() {
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Alert {
        severity: String,
    }
    let error = decode::<Vec<Alert>>(br#"[{"severity":"page"},{"severity":5}]"#).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("unexpected answer at `[1].severity`: invalid type: integer `5`"),
        "{text}"
    );
    assert!(
        decode::<Vec<u8>>(b"[1] x")
            .unwrap_err()
            .to_string()
            .contains("trailing characters")
    );
    let html = decode::<Vec<u8>>(b"<html>\n\x1b[31m").unwrap_err();
    let HttpError::Decode { snippet, .. } = html else {
        panic!("{html:?}")
    };
    assert_eq!(snippet, "<html>  [31m");
}

/// Answers one HTTPS request with the certificate of the test authority; gives the port.
fn https_server() -> (u16, std::thread::JoinHandle<()>) {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::Read as _;
    install_tls();
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("testdata/server.pem")).expect("certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/server.key")).expect("key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    let config = std::sync::Arc::new(config.expect("configuration"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let task = std::thread::spawn(move || {
        let (socket, _) = listener.accept().expect("accept");
        let connection = rustls::ServerConnection::new(config).expect("connection");
        let mut stream = rustls::StreamOwned::new(connection, socket);
        // A client that does not trust the certificate goes away here.
        if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
                .expect("answer");
        }
    });
    (port, task)
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named_and_only_then() {
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(include_bytes!("testdata/ca.pem"))
        .expect("write");
    for (ca_file, ca_only) in [
        (Some(file.path()), true),
        (Some(file.path()), false),
        (None, false),
    ] {
        let (port, task) = https_server();
        let mut config = HttpConfig::new(&format!("https://127.0.0.1:{port}"));
        config.ca_file = ca_file.map(Path::to_owned);
        config.ca_only = ca_only;
        let answer = Http::new(&config).expect("client").get("", &[]).await;
        task.join().expect("server");
        match answer {
            Ok(answer) => assert_eq!((&answer.body[..], ca_file.is_some()), (&b"ok"[..], true)),
            Err(error) => {
                assert!(ca_file.is_none(), "{error}");
                assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
                assert!(error.hint().is_some_and(|hint| hint.contains("ca_file")));
            }
        }
    }
}
