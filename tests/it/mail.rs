//! A page by mail, to a real relay.

use crate::harness::{Place, is_skipped};
use crate::services::Services;
use std::fs;
use std::path::Path;
use std::time::Duration;
use warroom::connect::connector::{Order, Writer as _};
use warroom::connect::email::{EmailConfig, EmailWriter, Tls};
use warroom::domain::id::ConnectorName;
use warroom::domain::time::{Moment, Timestamp};
use warroom::domain::write::{Deed, Outcome, Urgency};

/// Mails that lie in a Maildir.
fn mails(maildir: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(Path::new(maildir).join("new")) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| fs::read_to_string(path).expect("a mail"))
        .collect()
}

#[tokio::test]
async fn a_page_arrives_as_a_mail_that_is_the_same_when_sent_twice() {
    if is_skipped("a_page_arrives_as_a_mail_that_is_the_same_when_sent_twice") {
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["smtp"]);
    let address = |text: &str| text.parse().expect("an address");
    let config = EmailConfig {
        name: ConnectorName::new("mail").expect("valid"),
        server: "127.0.0.1".to_owned(),
        port: services.get("SMTP_PORT").parse().expect("a port"),
        tls: Tls::None,
        login: None,
        from: address("warroom@example.com"),
        to: vec![address("oncall@example.com")],
        timeout: Duration::from_secs(10),
        ca_file: None,
        ca_only: false,
    };
    let mut writer = EmailWriter::new(config).expect("valid");
    let page = Deed::Page {
        summary: "db-1 kommt nicht zurück\r\nBcc: else@example.com".to_owned(),
        details: ".\r\nstep 4 failed twice".to_owned(),
        component: "db-1".to_owned(),
        urgency: Urgency::Low,
    };
    let order = Order {
        marker: "db-upgrade/7",
        deed: &page,
        by: "Mira",
    };
    let now = Moment {
        wall: Timestamp::parse("2026-11-22T03:00:00Z").expect("a time"),
        mono_ms: 1,
    };
    for _ in 0..2 {
        let outcome = writer.write(&order, now).await;
        assert!(
            matches!(outcome, Ok(Outcome::Accepted { .. })),
            "{outcome:?}"
        );
    }
    // The relay has laid a mail down before it answers.
    let mails = mails(services.get("SMTP_MAILDIR"));
    assert_eq!(mails.len(), 2);
    for mail in mails {
        let (headers, text) = mail.split_once("\n\n").expect("headers and a text");
        let has = |header: &str| headers.lines().any(|line| line == header);
        assert!(
            has("Message-ID: <db-upgrade/7@warroom.example.com>"),
            "{mail}"
        );
        assert!(has("X-RcptTo: oncall@example.com"), "{mail}");
        assert!(!headers.contains("\nBcc:"), "{mail}");
        assert!(text.contains("step 4 failed twice"), "{mail}");
    }
}
