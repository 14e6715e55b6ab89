//! Mails as a relay gets them, and relays that say no, say nothing, or go away.

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::connect::connector::{Connector as _, Health, Order, WriteError, Writer as _};
use crate::connect::http::HttpSetupError;
use crate::domain::id::ConnectorName;
use crate::domain::time::{Moment, Timestamp};
use crate::domain::write::{Ability, Deed, Outcome, Urgency};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const PASSWORD: &str = "p4ss-of-the-relay";

fn now() -> Moment {
    Moment {
        wall: Timestamp::parse("2026-11-22T03:00:00Z").expect("a time"),
        mono_ms: 1,
    }
}

fn config(port: u16) -> EmailConfig {
    EmailConfig {
        name: ConnectorName::new("mail").expect("valid"),
        server: "127.0.0.1".to_owned(),
        port,
        tls: Tls::None,
        login: Some(("warroom".to_owned(), SecretString::from(PASSWORD))),
        from: "warroom@example.com".parse().expect("an address"),
        to: ["a@example.com", "b@example.com"]
            .map(|to| to.parse().expect("an address"))
            .to_vec(),
        timeout: Duration::from_secs(5),
        ca_file: None,
        ca_only: false,
    }
}

fn page(summary: &str) -> Deed {
    Deed::Page {
        summary: summary.to_owned(),
        details: "line one\r\n.\r\nRCPT TO:<c@example.com>".to_owned(),
        component: "db-1".to_owned(),
        urgency: Urgency::High,
    }
}

/// What a relay does with the commands it gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Takes,
    RefusesRecipients,
    GoesAwayAtData,
    SaysNothing,
    RefusesLogin,
}

/// A relay for one connection; gives every line it was sent.
async fn relay(manner: Manner) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut seen = Vec::new();
        if manner == Manner::SaysNothing {
            // Until the other side gives up.
            while let Ok(Some(line)) = lines.next_line().await {
                seen.push(line);
            }
            return seen;
        }
        write.write_all(b"220 relay\r\n").await.expect("written");
        let mut is_data = false;
        while let Ok(Some(line)) = lines.next_line().await {
            let verb = line.split(' ').next().unwrap_or_default().to_owned();
            seen.push(line.clone());
            let reply = match verb.as_str() {
                "." if is_data => {
                    is_data = false;
                    "250 2.0.0 queued as 4F2A"
                }
                _ if is_data => continue,
                "EHLO" => "250-relay\r\n250-8BITMIME\r\n250 AUTH PLAIN",
                "AUTH" if manner == Manner::RefusesLogin => "535 5.7.8 no: p4ss-of-the-relay",
                "AUTH" => "235 ok",
                "RCPT" if manner == Manner::RefusesRecipients => "550 5.1.1 nobody here",
                "DATA" if manner == Manner::GoesAwayAtData => return seen,
                "DATA" => {
                    is_data = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            let reply = format!("{reply}\r\n");
            if write.write_all(reply.as_bytes()).await.is_err() || verb == "QUIT" {
                break;
            }
        }
        seen
    });
    (port, task)
}

async fn send(manner: Manner, deed: &Deed) -> (Result<Outcome, WriteError>, Vec<String>) {
    let (port, task) = relay(manner).await;
    let mut config = config(port);
    if manner == Manner::SaysNothing {
        config.timeout = Duration::from_millis(50);
    }
    let mut writer = EmailWriter::new(config).expect("valid");
    let order = Order {
        marker: "db-upgrade/7",
        deed,
        by: "Mira",
    };
    let outcome = writer.write(&order, now()).await;
    let said = format!("{outcome:?} {writer:?}");
    assert!(!said.contains(PASSWORD), "{said}");
    (outcome, task.await.expect("the relay ended"))
}

#[tokio::test]
async fn a_mail_is_taken_and_its_delivery_is_not_known() {
    let (outcome, seen) = send(Manner::Takes, &page("db-1 does not come back")).await;
    let Ok(Outcome::Accepted { reference, what }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(reference, "<db-upgrade/7@warroom.example.com>");
    assert!(
        what.ends_with(" (2.0.0 queued as 4F2A); delivery is not known"),
        "{what}"
    );
    let has = |line: &str| seen.iter().any(|seen| seen == line);
    for line in [
        "MAIL FROM:<warroom@example.com>",
        "RCPT TO:<a@example.com>",
        "RCPT TO:<b@example.com>",
        "Subject: [PAGE] db-1: db-1 does not come back",
        "Message-ID: <db-upgrade/7@warroom.example.com>",
        "Date: Sun, 22 Nov 2026 03:00:00 +0000",
        "Paged by: Mira",
    ] {
        assert!(has(line), "{line} is not in {seen:#?}");
    }
}

#[tokio::test]
async fn no_text_becomes_a_header_a_recipient_or_an_end() {
    let summary = "x\r\nBcc: c@example.com\r\n\r\nbody ü \u{85}\u{2028}Bcc: d@example.com";
    let (outcome, seen) = send(Manner::Takes, &page(summary)).await;
    assert!(
        matches!(outcome, Ok(Outcome::Accepted { .. })),
        "{outcome:?}"
    );
    let begin = seen.iter().position(|line| line == "DATA").expect("sent");
    let commands = seen[..begin].iter();
    let recipients = commands.filter(|line| line.starts_with("RCPT")).count();
    assert_eq!(recipients, 2, "{seen:#?}");
    let headers: Vec<&String> = seen[begin + 1..]
        .iter()
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(
        !headers.iter().any(|line| line.starts_with("Bcc")),
        "{headers:#?}"
    );
    assert_eq!(
        seen.iter().filter(|line| *line == ".").count(),
        1,
        "{seen:#?}"
    );
}

#[tokio::test]
async fn what_a_relay_refuses_did_not_happen_and_what_is_lost_is_unclear() {
    for (manner, is_unclear, expected) in [
        (Manner::RefusesRecipients, false, "5.1.1 nobody here"),
        (Manner::RefusesLogin, false, "535"),
        (Manner::SaysNothing, false, "no answer from"),
        (Manner::GoesAwayAtData, true, "mail by"),
    ] {
        let (outcome, _) = send(manner, &page("x")).await;
        let error = outcome.expect_err(expected);
        assert!(error.what.contains(expected), "{error}");
        assert_eq!(error.unclear, is_unclear, "{error}");
    }
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = unused.local_addr().expect("bound").port();
    drop(unused);
    let mut writer = EmailWriter::new(config(port)).expect("valid");
    let note = Deed::Note {
        reference: String::new(),
        text: String::new(),
    };
    for deed in [page("x"), note] {
        let order = Order {
            marker: "m/1",
            deed: &deed,
            by: "Mira",
        };
        let error = writer.write(&order, now()).await.expect_err("nobody there");
        assert!(!error.unclear, "{error}");
        assert!(writer.find(&order, now()).await.is_err());
    }
}

#[tokio::test]
async fn without_the_offer_of_tls_nothing_is_sent() {
    let (port, task) = relay(Manner::Takes).await;
    let mut config = config(port);
    config.tls = Tls::StartTls;
    assert_eq!(config.abilities(), [Ability::Page]);
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let checks = config.probe(&clock).expect("valid").check(now()).await;
    assert_eq!(checks[0].health, Health::Bad, "{checks:?}");
    assert!(
        checks[0].said.contains("STARTTLS is not supported"),
        "{checks:?}"
    );
    let seen = task.await.expect("the relay ended");
    assert!(
        !seen.iter().any(|line| line.starts_with("AUTH")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn the_probe_logs_in_and_sends_nothing() {
    let (port, task) = relay(Manner::Takes).await;
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let checks = config(port)
        .probe(&clock)
        .expect("valid")
        .check(now())
        .await;
    let said: Vec<_> = checks.iter().map(|c| (c.what.as_str(), c.health)).collect();
    assert_eq!(
        said,
        [
            ("relay and credentials", Health::Good),
            ("page", Health::Unknown)
        ]
    );
    let seen = task.await.expect("the relay ended");
    assert!(seen.iter().any(|line| line.starts_with("AUTH")), "{seen:?}");
    assert!(
        !seen.iter().any(|line| line.starts_with("MAIL")),
        "{seen:?}"
    );
}

#[test]
fn certificates_that_cannot_be_used_are_faults_at_the_start() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").expect("written");
    let with = |ca_file: Option<&std::path::Path>, ca_only| {
        let mut config = config(25);
        config.tls = Tls::Implicit;
        (config.ca_file, config.ca_only) = (ca_file.map(std::path::Path::to_owned), ca_only);
        EmailWriter::new(config).map(drop)
    };
    assert!(matches!(with(None, true), Err(HttpSetupError::CaMissing)));
    assert!(matches!(
        with(Some(&empty), false),
        Err(HttpSetupError::CaParse { .. })
    ));
    assert!(matches!(
        with(Some(dir.path()), true),
        Err(HttpSetupError::CaRead { .. })
    ));
    assert!(with(None, false).is_ok());
}
