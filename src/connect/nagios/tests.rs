//! Own answers of the shapes that Nagios 4.4.6 gives, and servers that behave well and badly.

mod overlap;

use super::request::{Command, Scope, field};
use super::*;
use crate::connect::connector::{Connector as _, Health, Order, Writer as _};
use crate::connect::http::{Auth, HttpConfig, RetryAfter};
use crate::domain::reading::{AlertState, SilenceState};
use crate::domain::time::Timestamp;
use crate::domain::write::{Deed, Outcome};
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use wiremock::matchers::{any, body_string_contains, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};
use write::NagiosWriter;

const SECRET: &str = "hunter2hunter2";
const MARKER: &str = "s7f3/2";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

fn now() -> Moment {
    Moment {
        wall: at("2026-11-22T03:00:00Z"),
        mono_ms: 1,
    }
}

fn config(url: &str) -> NagiosConfig {
    NagiosConfig {
        http: HttpConfig {
            auth: Auth::Basic {
                user: "warroom".to_owned(),
                password: SecretString::from(SECRET),
            },
            body_bytes_max: 256 * 1024,
            timeout: Duration::from_secs(2),
            ..HttpConfig::new(url)
        },
        writes: true,
        ..NagiosConfig::new(ConnectorName::new("infra").expect("valid"), "")
    }
}

fn answer(name: &str, list: &Value) -> Value {
    let now = now().wall.as_millis();
    json!({
        "format_version": 0,
        "result": {"query_time": now, "cgi": "statusjson.cgi", "query": name, "last_data_update": now - 4000,
                   "type_code": 0, "type_text": "Success", "message": ""},
        "data": {"selectors": {}, name: list}
    })
}

fn service(host: &str, name: &str, status: &str, depth: u8) -> Value {
    json!({
        "host_name": host, "description": name, "plugin_output": "no answer", "status": status, "state_type": "hard",
        "last_state_change": 1_795_000_000_000_i64, "problem_has_been_acknowledged": false,
        "scheduled_downtime_depth": depth, "notifications_enabled": true, "percent_state_change": 0.00
    })
}

fn host(name: &str, status: &str) -> Value {
    json!({
        "name": name, "plugin_output": "PING 100%", "status": status, "state_type": "soft", "last_state_change": 0,
        "problem_has_been_acknowledged": true, "scheduled_downtime_depth": 0, "notifications_enabled": false
    })
}

fn downtime(id: u64, host: &str, service: Option<&str>, comment: &str) -> Value {
    let mut downtime = json!({
        "downtime_id": id, "type": if service.is_some() { "service" } else { "host" }, "host_name": host,
        "entry_time": now().wall.as_millis(), "start_time": now().wall.as_millis(),
        "end_time": at("2026-11-22T05:00:00Z").as_millis(), "fixed": true, "triggered_by": 0, "duration": 7200,
        "is_in_effect": true, "author": "Mira", "comment": comment
    });
    if let Some(service) = service {
        downtime["service_description"] = json!(service);
    }
    downtime
}

async fn query(server: &MockServer, name: &str, body: Value) {
    Mock::given(method("GET"))
        .and(path("/statusjson.cgi"))
        .and(query_param("query", name))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

/// Hosts and services that are known, whatever is asked of them.
async fn known(server: &MockServer, downtimes: Value) {
    query(
        server,
        "hostlist",
        answer("hostlist", &json!({"web1": 2, "web2.example.com": 2})),
    )
    .await;
    let services = json!({"web1": {"http": 2, "ssh": 2}});
    query(server, "servicelist", answer("servicelist", &services)).await;
    query(server, "downtimelist", answer("downtimelist", &downtimes)).await;
}

fn writer(server: &MockServer) -> NagiosWriter {
    let writer = NagiosWriter::new(&config(&server.uri())).expect("valid");
    writer.patience(Duration::ZERO)
}

fn mute(component: &str) -> Deed {
    Deed::Mute {
        components: vec![component.to_owned()],
        matchers: Vec::new(),
        until: at("2026-11-22T05:00:00Z"),
        comment: "failover".to_owned(),
    }
}

fn order(deed: &Deed) -> Order<'_> {
    Order {
        marker: MARKER,
        deed,
        by: "Mira",
    }
}

#[tokio::test]
async fn what_is_not_well_is_an_alert_with_what_keeps_it_quiet() {
    let server = MockServer::start().await;
    let hosts = json!({"web2": host("web2", "down")});
    query(&server, "hostlist", answer("hostlist", &hosts)).await;
    let services = json!({
        "web1": {"http": service("web1", "http", "critical", 0)},
        "web3": {"ssh": service("web3", "ssh", "warning", 0), "disk": service("web3", "disk", "unknown", 1)}
    });
    query(&server, "servicelist", answer("servicelist", &services)).await;
    let downtimes = json!({"12": downtime(12, "web3", None, "moving"), "3": downtime(3, "web3", Some("disk"), "x")});
    query(&server, "downtimelist", answer("downtimelist", &downtimes)).await;
    let mut nagios = Nagios::new(config(&server.uri())).expect("valid");
    let readings = nagios.poll(now()).await.expect("an answer");
    let [
        Reading::Alerts { alerts, .. },
        Reading::Silences { silences, .. },
    ] = readings.as_slice()
    else {
        panic!("{readings:?}");
    };
    let seen: Vec<_> = alerts
        .iter()
        .map(|a| {
            (
                a.name.as_str(),
                a.severity.as_str(),
                a.state,
                a.silenced_by.join(", "),
            )
        })
        .collect();
    let text = |text: &str| text.to_owned();
    let wanted = [
        ("http", "critical", AlertState::Firing, String::new()),
        (
            "host down",
            "down",
            AlertState::Pending,
            text("acknowledged, notifications are off"),
        ),
        (
            "disk",
            "unknown",
            AlertState::Firing,
            text("downtime, downtime 12 of its host"),
        ),
        (
            "ssh",
            "warning",
            AlertState::Firing,
            text("downtime 12 of its host"),
        ),
    ];
    assert_eq!(seen, wanted);
    assert_eq!(
        alerts[0].labels,
        [
            ("host".into(), "web1".into()),
            ("service".into(), "http".into())
        ]
    );
    assert_eq!(alerts[1].since, None);
    let seen: Vec<_> = silences
        .iter()
        .map(|s| (s.id.as_str(), s.mutes[0].as_str()))
        .collect();
    assert_eq!(seen, [("3", "web3/disk"), ("12", "web3")]);
    assert_eq!(silences[0].state, SilenceState::Active);
    assert_eq!(nagios.trouble(), None);
}

#[tokio::test]
async fn a_nagios_that_writes_no_status_any_more_is_not_believed() {
    let server = MockServer::start().await;
    let mut old = answer("hostlist", &json!({}));
    old["result"]["last_data_update"] = json!(now().wall.as_millis() - 121_000);
    query(&server, "hostlist", old).await;
    let mut nagios = Nagios::new(config(&server.uri())).expect("valid");
    let error = nagios.poll(now()).await.expect_err("old");
    assert!(
        error.what.contains("has not written its status for 121 s"),
        "{error}"
    );
}

#[tokio::test]
async fn errors_say_what_happened_and_never_hold_the_secret() {
    let said = json!({"result": {"type_code": 6, "type_text": "Option Value Invalid", "message": "no"}, "data": {}});
    let mut odd = answer("hostlist", &json!({"web1": host("web1", "down")}));
    odd["data"]["hostlist"]["web1"]["status"] = json!(4);
    let replies = [
        (
            ResponseTemplate::new(401).set_body_string(SECRET),
            "HTTP 401",
            None,
        ),
        (
            ResponseTemplate::new(429).insert_header("Retry-After", "7"),
            "HTTP 429",
            Some(RetryAfter::In(Duration::from_secs(7))),
        ),
        (
            ResponseTemplate::new(302).insert_header("Location", "http://evil.example/"),
            "HTTP 302",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_string("<html>"),
            "unexpected answer",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_string("{\"result\": {"),
            "unexpected answer",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b'['; 300_000]),
            "larger",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_json(said),
            "Nagios says: Option Value Invalid: no",
            None,
        ),
        (
            ResponseTemplate::new(200).set_body_json(odd),
            "data.hostlist.web1",
            None,
        ),
    ];
    for (reply, part, retry) in replies {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(reply).mount(&server).await;
        let mut nagios = Nagios::new(config(&server.uri())).expect("valid");
        let error = nagios.poll(now()).await.expect_err(part);
        assert!(error.what.contains(part), "{error}");
        assert_eq!(error.retry_after, retry);
        assert!(!format!("{error:?} {nagios:?}").contains(SECRET));
    }
}

#[test]
fn plugins_may_print_what_is_no_text() {
    let mut body = answer(
        "servicelist",
        &json!({"web1": {"http": service("web1", "http", "critical", 0)}}),
    )
    .to_string()
    .into_bytes();
    let place = body
        .windows(9)
        .position(|w| w == b"no answer")
        .expect("there");
    body[place] = 0xff;
    let alerts = response::bad_services(&body)
        .expect("read all the same")
        .data;
    assert_eq!(alerts[0].summary, "\u{fffd}o answer");
}

fn schedule(host: &str, scope: Scope, comment: &str) -> Command {
    Command::Schedule {
        host: host.to_owned(),
        scope,
        from: at("2026-11-22T03:00:00Z"),
        until: at("2026-11-22T05:00:00Z"),
        author: "Mira".to_owned(),
        comment: comment.to_owned(),
    }
}

#[test]
fn lines_are_the_external_commands_of_nagios() {
    let line = |command: Command| command.line(at("2026-11-22T03:00:01Z"));
    let span = "1795316400;1795323600;1;0;7200;Mira;why [a/1]\n";
    assert_eq!(
        line(schedule("web1", Scope::Host, "why [a/1]")),
        Ok(format!("[1795316401] SCHEDULE_HOST_DOWNTIME;web1;{span}"))
    );
    assert_eq!(
        line(schedule("web1", Scope::Services, "why [a/1]")),
        Ok(format!(
            "[1795316401] SCHEDULE_HOST_SVC_DOWNTIME;web1;{span}"
        ))
    );
    assert_eq!(
        line(schedule(
            "web1",
            Scope::Service("http".to_owned()),
            "why [a/1]"
        )),
        Ok(format!(
            "[1795316401] SCHEDULE_SVC_DOWNTIME;web1;http;{span}"
        ))
    );
    for (is_service, name) in [(false, "DEL_HOST_DOWNTIME"), (true, "DEL_SVC_DOWNTIME")] {
        let delete = Command::Delete { id: 7, is_service };
        assert_eq!(line(delete), Ok(format!("[1795316401] {name};7\n")));
    }
}

#[test]
fn names_that_would_become_commands_are_refused() {
    for name in [
        "",
        "web1;7",
        "web1\n[0] SHUTDOWN_PROGRAM",
        "web1\r",
        "web\u{0}1",
    ] {
        let host = schedule(name, Scope::Host, "");
        let service = schedule("web1", Scope::Service(name.to_owned()), "");
        for command in [host, service] {
            assert!(command.line(now().wall).is_err(), "{name:?}");
            assert!(command.form().is_err(), "{name:?}");
        }
    }
    let long = schedule("web1", Scope::Host, &"x".repeat(5000));
    assert!(long.line(now().wall).is_err());
}

proptest! {
    /// Whatever people write as a reason: it stays one field of one command.
    #[test]
    fn a_comment_is_one_field_of_one_line(comment in "(?s).{0,60}", by in "(?s).{0,30}") {
        let command = Command::Schedule {
            host: "web1".to_owned(),
            scope: Scope::Host,
            from: now().wall,
            until: now().wall,
            author: by,
            comment: comment.clone(),
        };
        let line = command.line(now().wall).expect("a line");
        prop_assert_eq!(line.matches(';').count(), 8);
        prop_assert_eq!(line.matches(|c: char| c.is_control()).count(), 1);
        prop_assert!(line.ends_with('\n'));
        prop_assert_eq!(field(&comment).chars().count(), comment.chars().count());
    }
}

const FORM: &str = "<INPUT TYPE='hidden' NAME='nagFormId' VALUE='2eb141f2'\n<INPUT TYPE='TEXT' NAME='start_time' VALUE='11-22-2026 04:00:01'>";
const SUBMITTED: &str = "<DIV CLASS='infoMessage'>Your command request was successfully submitted to Nagios for processing.";

async fn cgi(server: &MockServer, page: &str, times: u64) {
    let html = |text: &str| ResponseTemplate::new(200).set_body_raw(text.as_bytes(), "text/html");
    Mock::given(method("GET"))
        .and(path("/cmd.cgi"))
        .respond_with(html(FORM))
        .mount(server)
        .await;
    Mock::given(method("POST"))
        .and(path("/cmd.cgi"))
        .and(header("Cookie", "NagFormId=2eb141f2"))
        .and(body_string_contains("nagFormId=2eb141f2"))
        .respond_with(html(page))
        .expect(times)
        .mount(server)
        .await;
}

#[tokio::test]
async fn what_the_cgi_took_and_the_list_does_not_show_is_accepted_only() {
    let server = MockServer::start().await;
    known(&server, json!({})).await;
    cgi(&server, SUBMITTED, 2).await;
    let deed = mute("web1");
    let outcome = writer(&server).write(&order(&deed), now()).await;
    let Ok(Outcome::Accepted { reference, what }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        reference == "[s7f3/2]" && what.contains("given 2 commands"),
        "{what}"
    );
    let sent = server.received_requests().await.expect("recorded");
    let bodies: Vec<String> = sent
        .iter()
        .filter(|r| r.method.as_str() == "POST")
        .map(|r| String::from_utf8_lossy(&r.body).into_owned())
        .collect();
    assert!(
        bodies[0].starts_with("cmd_typ=55&cmd_mod=2&host=web1&com_author=Mira"),
        "{bodies:?}"
    );
    // The server is an hour ahead of UTC, and writes the month first.
    assert!(
        bodies[0].contains("end_time=11-22-2026+06%3A00%3A00"),
        "{bodies:?}"
    );
    assert!(
        bodies[1].starts_with("cmd_typ=86&"),
        "all services at once: {bodies:?}"
    );
}

#[tokio::test]
async fn a_second_try_sends_what_is_missing_only() {
    let server = MockServer::start().await;
    let there = json!({
        "1": downtime(1, "web1", None, "failover [s7f3/2]"),
        "2": downtime(2, "web1", Some("http"), "failover [s7f3/2]"),
        "3": downtime(3, "web1", Some("ssh"), "failover [s7f3/22]")
    });
    known(&server, there).await;
    cgi(&server, SUBMITTED, 1).await;
    let deed = mute("web1");
    let mut writer = writer(&server);
    let outcome = writer.write(&order(&deed), now()).await;
    assert!(
        matches!(outcome, Ok(Outcome::Accepted { .. })),
        "{outcome:?}"
    );
    let sent = server.received_requests().await.expect("recorded");
    let body = sent
        .iter()
        .find(|r| r.method.as_str() == "POST")
        .expect("one");
    let body = String::from_utf8_lossy(&body.body);
    assert!(
        body.starts_with("cmd_typ=56&cmd_mod=2&host=web1&service=ssh"),
        "{body}"
    );
    let found = writer.find(&order(&deed), now()).await.expect("an answer");
    assert!(matches!(found, Some(Outcome::Done { .. })), "{found:?}");
}

#[tokio::test]
async fn a_downtime_with_another_end_is_not_called_done() {
    let server = MockServer::start().await;
    let there = json!({"1": downtime(1, "web2.example.com", None, "failover [s7f3/2]")});
    known(&server, there).await;
    let mut deed = mute("web2");
    let done = writer(&server).write(&order(&deed), now()).await;
    assert!(
        matches!(&done, Ok(Outcome::Done { reference, .. }) if reference == "1"),
        "{done:?}"
    );
    if let Deed::Mute { until, .. } = &mut deed {
        *until = at("2026-11-22T06:00:00Z");
    }
    let odd = writer(&server).write(&order(&deed), now()).await;
    let Ok(Outcome::Accepted { what, .. }) = odd else {
        panic!("{odd:?}");
    };
    assert_eq!(
        what,
        "downtime 1 ends at 2026-11-22T05:00:00Z, not at 2026-11-22T06:00:00Z"
    );
}

#[tokio::test]
async fn pages_of_refusal_are_plain_and_odd_ones_unclear() {
    for (page, part, unclear) in [
        (
            "<DIV CLASS='errorMessage'>Sorry, but you are not authorized to commit",
            "authorized_for_all_host_commands",
            false,
        ),
        (
            "<p>Error: Invalid or missing CSRF cookie!</p>",
            "CSRF",
            false,
        ),
        ("<html>", "not whether it took", true),
    ] {
        let server = MockServer::start().await;
        known(&server, json!({})).await;
        cgi(&server, page, 1).await;
        let deed = mute("web1");
        let error = writer(&server)
            .write(&order(&deed), now())
            .await
            .expect_err(part);
        assert!(
            error.what.contains(part) && error.unclear == unclear,
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn an_old_list_proves_nothing_about_what_is_not_in_it() {
    let server = MockServer::start().await;
    known(&server, json!({})).await;
    // Written four seconds before it was asked for.
    let deed = mute("web1");
    let error = writer(&server)
        .find(&order(&deed), now())
        .await
        .expect_err("too old");
    assert!(
        error.unclear && error.what.contains("has not written"),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_probe_tells_version_finds_and_permission() {
    for (page, health) in [
        (
            "<DIV CLASS='errorMessage'>Comment was not entered</DIV>",
            Health::Good,
        ),
        (
            "<DIV CLASS='errorMessage'>Sorry, but you are not authorized to commit",
            Health::Bad,
        ),
        ("<html>", Health::Unknown),
    ] {
        let server = MockServer::start().await;
        let program = json!({"version": "4.4.6", "enable_notifications": true});
        query(&server, "programstatus", answer("programstatus", &program)).await;
        known(&server, json!({})).await;
        cgi(&server, page, 1).await;
        let clock: Arc<dyn crate::clock::Clock> = Arc::new(crate::clock::ManualClock::default());
        let config = config(&server.uri());
        let checks = config.probe(&clock).expect("valid").check(now()).await;
        assert_eq!(
            (checks[0].health, checks[0].said.as_str()),
            (Health::Good, "4.4.6, status 4 s old")
        );
        assert_eq!(checks[2].health, health, "{checks:?}");
        assert!(!format!("{checks:?}").contains(SECRET));
    }
}

#[test]
fn without_leave_to_write_there_is_no_writer() {
    let mut config = config("http://127.0.0.1:1");
    assert!(config.writer().expect("valid").is_some() && !config.abilities().is_empty());
    config.writes = false;
    assert!(config.writer().expect("valid").is_none() && config.abilities().is_empty());
}
