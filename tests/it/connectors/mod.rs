//! The contract of connectors, held against every kind there is: whatever a server does, a connector says so in words,
//! in time, without its credentials, and never takes it for data.
//!
//! A new kind is in here by its line in the registry and its section in `config.example.toml`.

mod server;

use server::{Behaviour, Server};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use warroom::clock::{Clock, SystemClock};
use warroom::config::{self, Env, Secrets};
use warroom::connect::connector::{Connector, Health, Order};
use warroom::connect::http::RetryAfter;
use warroom::connect::poll::{self, PollError, Source};
use warroom::connect::query::QuerySpec;
use warroom::connect::registry::KINDS;
use warroom::domain::id::RuleId;
use warroom::domain::reading::Reading;
use warroom::domain::time::Timestamp;
use warroom::domain::write::{Ability, Deed, Matcher, Outcome, Urgency};

/// In every credential; must never be seen again.
const CANARY: &str = "s3cret-canary-8842";

/// Settings that these tests choose.
const OWN: [&str; 5] = [
    "ca_file",
    "ca_only",
    "timeout",
    "connect_timeout",
    "body_bytes_max",
];

/// Time limit of every request in these tests.
const TIMEOUT: Duration = Duration::from_millis(400);

/// Settings of one kind from the example: all that are there, with every address on `base`, and writing allowed. Limits and
/// certificates are those of these tests.
fn settings(word: &str, base: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    let example = std::fs::read_to_string(path).expect("the example is there");
    let head = format!("#[connect.{word}.");
    let section = example
        .lines()
        .skip_while(|line| !line.starts_with(&head))
        .enumerate()
        .take_while(|(at, line)| *at == 0 || !line.starts_with("#["));
    let mut text = String::new();
    for (_, line) in section {
        let Some(setting) = line.strip_prefix('#').filter(|line| !line.starts_with(' ')) else {
            continue;
        };
        let setting = setting.split("  #").next().unwrap_or_default().trim_end();
        let setting = setting.split(" # ").next().unwrap_or_default().trim_end();
        let key = setting.split(['=', ' ']).next().unwrap_or_default();
        if key == "writes" {
            writeln!(text, "writes = true").expect("a text");
        } else if !OWN.contains(&key) {
            writeln!(text, "{}", with_base(setting, base)).expect("a text");
        }
    }
    assert!(!text.is_empty(), "config.example.toml has no {head}");
    let limits = format!(
        "timeout = \"{}ms\"\nbody_bytes_max = 65536\n",
        TIMEOUT.as_millis()
    );
    let takes_limits = text.contains(base);
    format!("{text}{}", if takes_limits { limits.as_str() } else { "" })
}

/// A setting with every address in it replaced.
fn with_base(setting: &str, base: &str) -> String {
    let mut parts = setting.split('"');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        let part = if at % 2 == 0 && part.starts_with("http") {
            base
        } else {
            part
        };
        out = format!("{out}\"{part}");
    }
    out
}

/// Every variable that the example refers to holds the canary.
fn env(text: &str) -> Env {
    let names = text.split("env:").skip(1);
    let names = names.map(|rest| {
        let name = rest
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .next();
        (name.unwrap_or_default().to_owned(), CANARY.to_owned())
    });
    Env::new(names.chain([("HOME".to_owned(), "/tmp".to_owned())]))
}

/// The connector of one kind that talks to `base`; nothing for kinds that speak no HTTP.
fn connector(word: &str, base: &str) -> Option<Arc<dyn Connector>> {
    let text = settings(word, base);
    if !text.contains(base) {
        return None;
    }
    let parsed = config::parse(
        Path::new("/tmp/config.toml"),
        &text,
        &env(&text),
        Secrets::Fetch,
    );
    let mut config = parsed.unwrap_or_else(|problems| panic!("{word}: {problems}\n{text}"));
    config.connectors.pop()
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn specs() -> Vec<QuerySpec> {
    vec![QuerySpec {
        rule: RuleId::new("load").expect("valid"),
        expr: "node_load1".to_owned(),
        source: None,
    }]
}

/// What is polled, for every kind that polls over HTTP.
fn sources(base: &str) -> Vec<(&'static str, Box<dyn Source>)> {
    let all = KINDS.iter().filter_map(|kind| {
        let connector = connector(kind.word, base)?;
        let source = connector.source(&specs(), &clock()).expect("settings hold");
        Some((kind.word, source?))
    });
    let all: Vec<_> = all.collect();
    assert!(all.len() >= 12, "only {} kinds were found", all.len());
    all
}

/// One poll as the loop does it: with its time limit.
async fn poll(source: &mut dyn Source) -> Result<Vec<Reading>, PollError> {
    let limit = source.deadline() + Duration::from_secs(1);
    let asked = tokio::time::timeout(limit, source.poll(clock().now()));
    asked
        .await
        .unwrap_or_else(|_| Err(PollError::new("no answer in time")))
}

/// True when a reading holds something that a screen would draw as known. An answer without series is no data.
fn is_data(reading: &Reading) -> bool {
    match reading {
        Reading::Queries { answers, .. } => {
            let mut answers = answers.iter();
            answers.any(|answer| answer.result.as_ref().is_ok_and(|all| !all.is_empty()))
        }
        Reading::Ranges { answers, .. } => {
            let mut answers = answers.iter();
            answers.any(|answer| answer.result.as_ref().is_ok_and(|all| !all.is_empty()))
        }
        Reading::Health(_) => false,
        _ => true,
    }
}

/// Everything that a poll's outcome would put on a screen, into the log or the journal.
fn told(outcome: &Result<Vec<Reading>, PollError>) -> String {
    let readings = match outcome {
        Ok(readings) => readings,
        Err(error) => &error.readings,
    };
    let error = outcome.as_ref().err().map(ToString::to_string);
    format!(
        "{error:?} {}",
        serde_json::to_string(readings).expect("readings are JSON")
    )
}

/// Each kind fails, in words, and tells nothing as data.
async fn each_fails(behaviour: Behaviour) -> Vec<(&'static str, PollError)> {
    let server = Server::start(behaviour.clone());
    let mut failures = Vec::new();
    for (word, mut source) in sources(&server.base()) {
        let outcome = poll(source.as_mut()).await;
        let text = told(&outcome);
        assert!(!text.contains(CANARY), "{word}: {text}");
        let error = match outcome {
            Ok(readings) => {
                let data: Vec<_> = readings.iter().filter(|r| is_data(r)).collect();
                assert!(
                    data.is_empty(),
                    "{word} took {behaviour:?} for data: {data:?}"
                );
                // An empty page of metrics is a page.
                let empty = (word == "scrape").then(|| "no series".to_owned());
                PollError::new(source.trouble().or(empty).unwrap_or_default())
            }
            Err(error) => error,
        };
        assert!(
            !error.readings.iter().any(is_data),
            "{word}: {:?}",
            error.readings
        );
        assert!(!error.what.trim().is_empty(), "{word} says nothing");
        failures.push((word, error));
    }
    failures
}

#[tokio::test]
async fn an_error_of_the_server_is_a_failure_with_its_status() {
    for (word, error) in each_fails(Behaviour::status(503)).await {
        assert!(error.what.contains("503"), "{word}: {}", error.what);
    }
}

#[tokio::test]
async fn refused_credentials_are_a_failure_with_its_status() {
    for (word, error) in each_fails(Behaviour::status(401)).await {
        assert!(error.what.contains("401"), "{word}: {}", error.what);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure() {
    each_fails(Behaviour::Truncated).await;
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_a_failure_and_is_not_read_to_its_end() {
    for (word, error) in each_fails(Behaviour::Huge).await {
        assert!(error.what.contains("65536"), "{word}: {}", error.what);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_failure_in_time() {
    each_fails(Behaviour::Silent).await;
}

#[tokio::test]
async fn answers_of_another_shape_are_failures() {
    for body in [
        "\"text\"",
        "{\"data\":7,\"results\":\"x\",\"items\":3}",
        "<html>login</html>",
        "",
    ] {
        each_fails(Behaviour::Ok(body)).await;
    }
}

#[tokio::test]
async fn a_rate_limit_is_passed_on_with_its_time() {
    for (word, error) in each_fails(Behaviour::RateLimited).await {
        let expected = RetryAfter::In(Duration::from_secs(7));
        assert_eq!(error.retry_after, Some(expected), "{word}: {}", error.what);
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_is_refused_and_gets_no_request() {
    let other = Server::start(Behaviour::Ok("{}"));
    each_fails(Behaviour::Redirect(other.base())).await;
    assert_eq!(
        other.requests(),
        0,
        "credentials went to a host that nobody configured"
    );
}

#[tokio::test]
async fn a_server_without_the_tls_that_was_asked_for_is_a_failure() {
    let server = Server::start(Behaviour::Ok("{}"));
    let base = server.base().replace("http://", "https://");
    for (word, mut source) in sources(&base) {
        let error = poll(source.as_mut()).await.expect_err(word);
        assert!(error.what.contains("TLS"), "{word}: {}", error.what);
    }
}

#[tokio::test]
async fn credentials_that_a_server_sends_back_are_told_to_nobody() {
    for status in [200, 400, 403] {
        each_fails(Behaviour::Echo(status)).await;
    }
    for kind in KINDS {
        let Some(connector) = connector(kind.word, "http://127.0.0.1:9") else {
            continue;
        };
        let shown = format!("{connector:?}");
        assert!(!shown.contains(CANARY), "{}: {shown}", kind.word);
    }
}

#[tokio::test]
async fn every_loop_stops_within_a_second_while_its_server_is_silent() {
    let server = Server::start(Behaviour::Silent);
    for (word, source) in sources(&server.base()) {
        let (readings, _kept) = mpsc::channel(8);
        let shutdown = CancellationToken::new();
        let context = poll::Context {
            readings,
            clock: clock(),
            shutdown: shutdown.clone(),
            poke: Arc::new(Notify::new()),
            can: Vec::new(),
        };
        let before = server.requests();
        let task = tokio::spawn(poll::run(source, context));
        while server.requests() == before {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
        let stopped = tokio::time::timeout(Duration::from_secs(1), task).await;
        assert!(stopped.is_ok(), "{word} goes on");
    }
}

#[tokio::test]
async fn a_probe_says_what_is_bad() {
    for behaviour in [
        Behaviour::status(401),
        Behaviour::Silent,
        Behaviour::Echo(403),
    ] {
        let server = Server::start(behaviour.clone());
        for kind in KINDS {
            let Some(connector) = connector(kind.word, &server.base()) else {
                continue;
            };
            let mut probe = connector.probe(&clock()).expect("settings hold");
            let checks = probe.check(clock().now()).await;
            let text = format!("{checks:?}");
            assert!(!text.contains(CANARY), "{}: {text}", kind.word);
            let all_good = checks
                .iter()
                .all(|c| matches!(c.health, Health::Good | Health::Warn));
            // What has no question to ask has no proof either.
            assert!(
                checks.is_empty() || !all_good,
                "{} {behaviour:?}: {text}",
                kind.word
            );
        }
    }
}

/// One deed for each ability.
fn deed(ability: Ability) -> Deed {
    let reference = "7b0c5f0e-6b1d-4c5e-9a53-0e2c6f1d2a3b".to_owned();
    let text = "why".to_owned();
    match ability {
        Ability::Mute | Ability::MuteUnseen => Deed::Mute {
            components: vec!["db-1".to_owned()],
            matchers: vec![Matcher {
                label: "instance".to_owned(),
                value: "db-1".to_owned(),
                is_regex: false,
                is_equal: true,
            }],
            until: Timestamp::from_millis(clock().now().wall.as_millis() + 3_600_000),
            comment: text,
        },
        Ability::Extend => Deed::Extend {
            reference,
            until: Timestamp::from_millis(clock().now().wall.as_millis() + 3_600_000),
        },
        Ability::Page => Deed::Page {
            summary: "db-1 is down".to_owned(),
            details: text,
            component: "db-1".to_owned(),
            urgency: Urgency::High,
        },
        Ability::Acknowledge => Deed::Acknowledge { reference },
        Ability::Resolve => Deed::Resolve { reference },
        Ability::Note => Deed::Note { reference, text },
        Ability::Annotate => Deed::Annotate {
            text,
            tags: vec!["db".to_owned()],
        },
        Ability::Record => Deed::Record {
            component: "db-1".to_owned(),
            text,
        },
        Ability::SetStatus => Deed::SetStatus {
            component: "db-1".to_owned(),
            status: "maintenance".to_owned(),
        },
    }
}

#[tokio::test]
async fn a_write_is_never_taken_for_done_and_is_unclear_when_it_may_have_happened() {
    let behaviours = [
        Behaviour::status(500),
        Behaviour::status(403),
        Behaviour::Silent,
        Behaviour::Truncated,
        Behaviour::Huge,
        Behaviour::Echo(400),
    ];
    let mut written = 0;
    for behaviour in behaviours {
        let server = Server::start(behaviour.clone());
        for kind in KINDS {
            let Some(connector) = connector(kind.word, &server.base()) else {
                continue;
            };
            for ability in connector.abilities() {
                let mut writer = connector
                    .writer()
                    .expect("settings hold")
                    .expect("it can write");
                let deed = deed(ability);
                let order = Order {
                    marker: "warroom/test/1",
                    deed: &deed,
                    by: "mira",
                };
                let limit = Duration::from_secs(20);
                let now = clock().now();
                let outcome = tokio::time::timeout(limit, writer.write(&order, now)).await;
                let outcome = outcome.unwrap_or_else(|_| panic!("{} hangs", kind.word));
                let text = format!("{outcome:?}");
                assert!(!text.contains(CANARY), "{}: {text}", kind.word);
                let is_done = matches!(outcome, Ok(Outcome::Done { .. }));
                assert!(!is_done, "{} {behaviour:?}: {text}", kind.word);
                written += 1;
            }
        }
    }
    assert!(written > 12, "only {written} writes were tried");
}
