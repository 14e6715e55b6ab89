//! The successor's dialect: the same checks as of Opsgenie, against an account that speaks it.

use crate::clock::{Clock, ManualClock};
use crate::connect::connector::{Connector as _, Health};
use crate::connect::http::{Auth, HttpConfig};
use crate::connect::opsgenie::tests::mock::{BASE, OpsMock};
use crate::connect::opsgenie::tests::{config, it_pages, it_reads, it_says_what_failed, now};
use crate::connect::opsgenie::{Dialect, OpsConfig};
use secrecy::SecretString;
use std::sync::Arc;

fn jsm(mock: &OpsMock) -> OpsConfig {
    let auth = Auth::Basic {
        user: "mira@example.com".to_owned(),
        password: SecretString::from("k3y"),
    };
    let http = HttpConfig {
        auth,
        ..HttpConfig::new(&format!("{}{BASE}", mock.server.uri()))
    };
    config(Dialect::Jsm, http)
}

fn with_site(mock: &OpsMock) -> OpsConfig {
    let mut config = jsm(mock);
    config.site = Some(HttpConfig {
        url: mock.server.uri(),
        ..config.http.clone()
    });
    config
}

#[tokio::test]
async fn people_are_named_by_the_site_or_shown_by_their_ids() {
    let mock = OpsMock::start(Dialect::Jsm).await;
    it_reads(with_site(&mock), &mock, ["MIRA", "JON"]).await;
    let ids = ["mira@example.com", "jon@example.com"];
    it_reads(jsm(&mock), &mock, ids).await;
}

#[tokio::test]
async fn a_page_is_proven_by_who_has_it() {
    let mock = OpsMock::start(Dialect::Jsm).await;
    it_pages(&jsm(&mock), &mock).await;
}

#[tokio::test]
async fn what_is_worked_off_later_may_fail_later() {
    let mock = OpsMock::start(Dialect::Jsm).await;
    it_says_what_failed(&jsm(&mock), &mock).await;
}

#[tokio::test]
async fn the_probe_names_each_permission_and_that_names_are_missing() {
    let mock = OpsMock::start(Dialect::Jsm).await;
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    for (config, expected) in [
        (jsm(&mock), ("site", Health::Warn)),
        (
            with_site(&mock),
            ("permission to read users of the site", Health::Good),
        ),
    ] {
        let checks = config.probe(&clock).expect("valid").check(now()).await;
        let said: Vec<_> = checks.iter().map(|c| (c.what.as_str(), c.health)).collect();
        assert!(said.contains(&expected), "{said:?}");
        assert!(!said.iter().any(|(_, health)| *health == Health::Bad));
        assert_eq!(config.notice(now().wall), None);
    }
    assert!(mock.account().refused.is_empty());
}
