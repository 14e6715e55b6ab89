//! Against the payloads that ServiceNow documents, and a server that pages, hides and refuses as an instance does.

use super::config::KIND;
use super::response::{Cell, row, rows};
use super::*;
use crate::clock::{Clock, ManualClock};
use crate::connect::connector::{Connector as _, Health, Order, WriteError};
use crate::connect::contracts;
use crate::connect::http::{Auth, HttpConfig};
use crate::domain::reading::Component;
use crate::domain::write::{Deed, Outcome};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use wiremock::matchers::{
    body_json, header_exists, method, path, query_param, query_param_contains,
};
use wiremock::{Mock, MockServer, ResponseTemplate};

const DB: &str = "3a290cc60a0a0bb400000bdb386af1cf";
const ORA: &str = "3a307c930a0a0bb400353965d0b8861f";

fn config(url: &str) -> ServiceNowConfig {
    let http = HttpConfig {
        auth: Auth::Basic {
            user: "warroom".to_owned(),
            password: SecretString::from("s3cret-word"),
        },
        body_bytes_max: 256 * 1024,
        ..HttpConfig::new(url)
    };
    ServiceNowConfig {
        role_field: Some("u_role".to_owned()),
        fields: vec!["u_rack".to_owned()],
        writes: true,
        ..ServiceNowConfig::new(ConnectorName::new("cmdb").expect("valid"), http)
    }
}

fn both(value: &str, shown: &str) -> Value {
    json!({"display_value": shown, "value": value})
}

fn item(id: &str, name: &str) -> Value {
    json!({
        "sys_id": both(id, id), "name": both(name, name), "sys_class_name": both("cmdb_ci_linux_server", "Linux Server"),
        "short_description": both("", ""), "support_group": both("8a5055c9c61122780043563ef53438e3", "Payments"),
        "owned_by": both("", ""), "environment": both("production", "Production"), "used_for": both("x", "Other"),
        "busines_criticality": both("1 - most critical", "1 - most critical"), "location": both("25ab", "Frankfurt"),
        "operational_status": both("1", "Operational"), "install_status": both("1", "Installed"),
        "ip_address": both("10.0.0.7", "10.0.0.7"), "fqdn": both("db-1.example", "db-1.example"),
        "sys_tags": both("", "pci, env-prod"), "u_role": both("orders-db", "orders-db"), "u_rack": both("r7", "r7"),
        "assigned_to": {"display_value": null, "value": null}, "unknown_to_us": both("x", "y"),
    })
}

async fn list(server: &MockServer, table: &str, offset: usize, total: usize, result: Value) {
    Mock::given(method("GET"))
        .and(path(format!("/api/now/table/{table}")))
        .and(header_exists("Authorization"))
        .and(query_param("sysparm_offset", offset.to_string()))
        .respond_with(
            ResponseTemplate::new(200)
                .insert_header("X-Total-Count", total.to_string().as_str())
                .set_body_json(json!({ "result": result })),
        )
        .mount(server)
        .await;
}

#[test]
fn every_documented_answer_decodes() {
    let file = |name: &str| {
        contracts::read(&format!(
            "servicenow/examples/docs/c-tableapi.table-{name}.1.json"
        ))
    };
    let Some(list) = file("get-now-table-tablename") else {
        return;
    };
    let list = rows(&list).expect("decodes");
    assert_eq!(list[0]["number"].text(), "PRB0000050");
    assert_eq!(list[0]["cmdb_ci"].value, "55b35562c0a8010e01cff22378e0aea9");
    for name in [
        "get-now-table-tablename-sys-id",
        "patch-now-table-tablename-sys-id",
        "post-now-table-tablename",
    ] {
        let one = row(&file(name).expect("there")).expect(name);
        assert!(!one["sys_id"].value.is_empty(), "{name}");
    }
    // The other API shows the attributes that a configuration item has.
    for verb in ["get", "patch", "put"] {
        let name = format!(
            "servicenow/examples/docs/cmdb-instance-api.cmdb-instance-{verb}-now-cmdb-instance-classname-sys-id.1.json"
        );
        let body: Value =
            serde_json::from_slice(&contracts::read(&name).expect("there")).expect("JSON");
        let item = &body["result"]["attributes"];
        for column in [
            "comments",
            "operational_status",
            "install_status",
            "support_group",
            "ip_address",
            "used_for",
        ] {
            assert!(item.get(column).is_some(), "{name}: {column}");
        }
        let relation = &body["result"]["outbound_relations"][0]["type"]["display_value"];
        assert_eq!(relation, RELATIONS[0]);
    }
}

#[test]
fn values_cannot_leave_their_place_in_a_query() {
    assert_eq!(
        request::value("db-1^ORactive=true").as_deref(),
        Some("db-1^^ORactive=true")
    );
    assert_eq!(request::value("x JavaScript:gs.exit()"), None);
    assert_eq!(request::value("a\nb"), None);
    assert_eq!(
        request::record("cmdb_ci", "../x"),
        "/api/now/table/cmdb_ci/..%2Fx"
    );
}

/// What the first item becomes on an instance at `url`.
fn db_1(url: &str) -> Component {
    let text = |text: &str| text.to_owned();
    Component {
        name: text("db-1"),
        kind: text("linux_server"),
        role: text("orders-db"),
        owner: text("Payments"),
        tier: text("1 - most critical"),
        environment: text("Production"),
        site: text("Frankfurt"),
        status: text("operational"),
        address: text("10.0.0.7"),
        tags: vec![text("env-prod"), text("pci")],
        links: vec![crate::domain::reading::Link {
            title: String::new(),
            url: format!("{url}/cmdb_ci.do?sys_id={DB}"),
        }],
        fields: vec![
            (text("fqdn"), text("db-1.example")),
            (text("u_rack"), text("r7")),
        ],
        depends_on: vec![text("PS ORA01"), text("san-1")],
    }
}

#[tokio::test]
async fn items_and_relations_become_components() {
    let server = MockServer::start().await;
    // Three items in two pages; one of the second page is hidden from the account.
    list(
        &server,
        "cmdb_ci",
        0,
        503,
        json!([item(DB, "db-1"), item(ORA, "PS ORA01")]),
    )
    .await;
    list(
        &server,
        "cmdb_ci",
        500,
        503,
        json!([item("aaaa0000bbbb", "db-1")]),
    )
    .await;
    let relation = |child: &str, name: &str| json!({"sys_id": both("r1", "r1"), "parent": both(DB, "db-1"), "child": both(child, name)});
    let relations = json!([
        relation(ORA, "another label"),
        relation("ffff", "san-1"),
        relation("ffff", "san-1")
    ]);
    list(&server, "cmdb_rel_ci", 0, 3, relations).await;
    let mut source = ServiceNow::new(config(&server.uri())).expect("valid");
    let readings = source.poll(Moment::default()).await.expect("an answer");
    let [Reading::Components { components, .. }] = readings.as_slice() else {
        panic!("{readings:?}");
    };
    let names: Vec<&str> = components.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["PS ORA01", "db-1", "db-1 (linux_server)"]);
    assert_eq!(components[1], db_1(&server.uri()));
    assert_eq!(
        source.trouble().as_deref(),
        Some("500 configuration items are hidden from the account")
    );
    let requests = server.received_requests().await.expect("recorded");
    let queries: Vec<String> = requests
        .iter()
        .flat_map(|request| request.url.query_pairs().into_owned().collect::<Vec<_>>())
        .filter(|(name, _)| name == "sysparm_query")
        .map(|(_, value)| value)
        .collect();
    assert_eq!(queries[0], "ORDERBYsys_id");
    assert_eq!(
        queries[2],
        format!(
            "type.nameINDepends on::Used by,Runs on::Runs,Hosted on::Hosts,Virtualized by::Virtualizes\
             ^parentIN{DB},{ORA},aaaa0000bbbb^ORDERBYsys_id"
        )
    );
}

/// An answer, what is said about it, and whether it names a time.
fn replies() -> Vec<(ResponseTemplate, &'static str, bool)> {
    let broken_off = json!({"result": [], "status": "failure",
                            "error": {"message": "Transaction cancelled: maximum execution time exceeded"}});
    vec![
        (
            ResponseTemplate::new(401).set_body_json(json!({"error": {"message": "s3cret-word"}})),
            "HTTP 401",
            false,
        ),
        (
            ResponseTemplate::new(429).insert_header("Retry-After", "7"),
            "HTTP 429",
            true,
        ),
        (
            ResponseTemplate::new(302).insert_header("Location", "http://192.0.2.1/"),
            "redirects are not followed",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(broken_off),
            "the list is not whole: Transaction cancelled",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_string("<html>hibernating</html>"),
            "unexpected answer",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"result": {}})),
            "at `result`",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"result": [{"name": ["x"]}]})),
            "at `result[0].name`",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"result": [{"name": "x"}]})),
            "at `result[0].sys_id`: there is no id",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"result": [{"sys_id": "../x"}]})),
            "there is no id",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b' '; 300_000]),
            "larger than",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_string("{\"result\": [{"),
            "EOF",
            false,
        ),
    ]
}

#[tokio::test]
async fn answers_that_cannot_be_used_are_failures_that_name_no_secret() {
    for (reply, part, has_retry) in replies() {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(reply)
            .mount(&server)
            .await;
        let mut source = ServiceNow::new(config(&server.uri())).expect("valid");
        let error = source.poll(Moment::default()).await.expect_err(part);
        assert!(
            error.what.starts_with("cannot read configuration items: "),
            "{error}"
        );
        assert!(error.what.contains(part), "{error}");
        assert_eq!(error.retry_after.is_some(), has_retry, "{part}");
        assert!(!format!("{error:?} {source:?}").contains("s3cret-word"));
    }
    let empty = MockServer::start().await;
    list(&empty, "cmdb_ci", 0, 0, json!([])).await;
    let mut source = ServiceNow::new(config(&empty.uri())).expect("valid");
    let readings = source
        .poll(Moment::default())
        .await
        .expect("empty is no error");
    assert!(
        matches!(&readings[..], [Reading::Components { components, .. }] if components.is_empty())
    );
}

async fn write(server: &MockServer, marker: &str, deed: &Deed) -> Result<Outcome, WriteError> {
    let mut writer = config(&server.uri())
        .writer()
        .expect("valid")
        .expect("writes are on");
    let order = Order {
        marker,
        deed,
        by: "Mira",
    };
    writer.write(&order, Moment::default()).await
}

fn record() -> Deed {
    Deed::Record {
        component: "db-1".to_owned(),
        text: "moved".to_owned(),
    }
}

fn set(status: &str) -> Deed {
    Deed::SetStatus {
        component: "db-1".to_owned(),
        status: status.to_owned(),
    }
}

/// What a column of the item holds, for the next `times` looks.
async fn holds(server: &MockServer, column: &str, cell: Value, times: u64) {
    Mock::given(method("GET"))
        .and(path(format!("/api/now/table/cmdb_ci/{DB}")))
        .and(query_param("sysparm_fields", column))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"result": {column: cell}})))
        .up_to_n_times(times)
        .mount(server)
        .await;
}

async fn takes(server: &MockServer, body: Value, status: u16) {
    Mock::given(method("PATCH"))
        .and(path(format!("/api/now/table/cmdb_ci/{DB}")))
        .and(body_json(body))
        .respond_with(
            ResponseTemplate::new(status).set_body_json(json!({"result": {"sys_id": DB}})),
        )
        .mount(server)
        .await;
}

async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .and(path("/api/now/table/cmdb_ci"))
        .and(query_param_contains("sysparm_query", "name=db-1^ORDERBY"))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"result": [item(DB, "db-1")]})),
        )
        .mount(&server)
        .await;
    server
}

fn proof(outcome: Result<Outcome, WriteError>) -> String {
    match outcome {
        Ok(Outcome::Done { proof, .. }) => proof,
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("unclear={}: {error}", error.unclear),
    }
}

#[tokio::test]
async fn a_record_goes_behind_what_is_there_once() {
    let server = server().await;
    let text = "old\n\nmoved\n\nMira, [warroom s/1]";
    holds(&server, "comments", both("old", "old"), 1).await;
    takes(&server, json!({ "comments": text }), 200).await;
    holds(&server, "comments", both(text, text), 9).await;
    assert_eq!(
        proof(write(&server, "s/1", &record()).await),
        "`comments` reads back with its mark"
    );
    assert_eq!(
        proof(write(&server, "s/1", &record()).await),
        "`comments` has its mark already"
    );
    let full = self::server().await;
    let long = "x".repeat(3990);
    holds(&full, "comments", both(&long, &long), 9).await;
    let refused = proof(write(&full, "s/1", &record()).await);
    assert!(
        refused.starts_with("unclear=false: `comments` of `db-1` has no room"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_state_is_one_that_the_instance_knows() {
    let server = server().await;
    let choice = |value: &str, label: &str| json!({"value": both(value, value), "label": both(label, label)});
    Mock::given(method("GET"))
        .and(path("/api/now/table/sys_choice"))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({"result": [choice("1", "Operational"), choice("2", "Non-Operational")]}),
        ))
        .mount(&server)
        .await;
    holds(&server, "operational_status", both("1", "Operational"), 1).await;
    takes(&server, json!({"operational_status": "2"}), 200).await;
    holds(
        &server,
        "operational_status",
        both("2", "Non-Operational"),
        9,
    )
    .await;
    let set_now = |status: &'static str| {
        let server = &server;
        async move { proof(write(server, "s/1", &set(status)).await) }
    };
    assert_eq!(
        set_now("non-operational").await,
        "`operational_status` reads back as `Non-Operational`"
    );
    assert_eq!(
        set_now("2").await,
        "`operational_status` is already `Non-Operational`"
    );
    assert_eq!(
        set_now("asleep").await,
        "unclear=false: `asleep` is no value of `operational_status`: Operational, Non-Operational"
    );
    // Without a look at the choices only a number can be meant.
    let blind = self::server().await;
    holds(&blind, "operational_status", both("1", "Operational"), 1).await;
    takes(&blind, json!({"operational_status": "6"}), 200).await;
    holds(&blind, "operational_status", both("1", "Operational"), 9).await;
    let outcome = write(&blind, "s/1", &set("6")).await;
    assert!(
        matches!(outcome, Ok(Outcome::Unknown { .. })),
        "a rule of the instance set it back: {outcome:?}"
    );
    let refused = proof(write(&blind, "s/1", &set("asleep")).await);
    assert!(refused.contains("cannot read the states"), "{refused}");
}

#[tokio::test]
async fn what_was_not_answered_may_have_happened() {
    for (status, is_unclear) in [(500, true), (403, false)] {
        let server = server().await;
        holds(&server, "comments", both("", ""), 9).await;
        takes(
            &server,
            json!({"comments": "moved\n\nMira, [warroom s/1]"}),
            status,
        )
        .await;
        let error = write(&server, "s/1", &record()).await.expect_err("refused");
        assert_eq!(error.unclear, is_unclear, "{error}");
    }
    let nowhere = MockServer::start().await;
    let error = write(&nowhere, "s/1", &record()).await.expect_err("404");
    assert!(
        !error.unclear && error.what.ends_with("nothing was written"),
        "{error}"
    );
}

#[tokio::test]
async fn reconciliation_finds_what_is_there_and_nothing_else() {
    let server = server().await;
    // A journal shows its entries, and stores nothing in the record.
    holds(
        &server,
        "comments",
        both("", "2026-11-22 Mira\nmoved [warroom s/12]"),
        9,
    )
    .await;
    holds(&server, "operational_status", both("1", "Operational"), 9).await;
    let mut writer = config(&server.uri()).writer().expect("valid").expect("on");
    let mut find = async |marker: &str, deed: &Deed| {
        let order = Order {
            marker,
            deed,
            by: "",
        };
        writer
            .find(&order, Moment::default())
            .await
            .expect("answered")
            .is_some()
    };
    assert!(find("s/12", &record()).await);
    assert!(!find("s/1", &record()).await);
    assert!(find("s/1", &set("operational")).await);
    assert!(!find("s/1", &set("repair")).await);
}

#[tokio::test]
async fn the_probe_tells_hidden_from_empty() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let server = MockServer::start().await;
    let answers = [
        ("cmdb_ci", 12, json!([{"sys_id": DB}])),
        ("cmdb_rel_ci", 4, json!([])),
        ("sys_choice", 0, json!([])),
    ];
    for (table, total, result) in answers {
        Mock::given(path(format!("/api/now/table/{table}")))
            .and(query_param("sysparm_limit", "1"))
            .respond_with(
                ResponseTemplate::new(200)
                    .insert_header("X-Total-Count", total.to_string().as_str())
                    .set_body_json(json!({ "result": result })),
            )
            .mount(&server)
            .await;
    }
    let mut probe = config(&server.uri()).probe(&clock).expect("valid");
    let checks = probe.check(Moment::default()).await;
    let lines: Vec<String> = checks
        .iter()
        .map(|check| format!("{}: {:?} {}", check.what, check.health, check.said))
        .collect();
    assert_eq!(
        lines,
        [
            "permission to read `cmdb_ci`: Good 12 records",
            "permission to read `cmdb_rel_ci`: Bad 4 records",
            "permission to read `sys_choice`: Warn 0 records",
            "permission to write `comments` and `operational_status`: Unknown not told before a write: rules with conditions and scripts decide, and only the instance can evaluate them",
        ]
    );
    let checks = config("http://127.0.0.1:1")
        .probe(&clock)
        .expect("valid")
        .check(Moment::default())
        .await;
    assert_eq!((checks.len(), checks[0].health), (1, Health::Bad));
    assert_eq!(KIND.word, "servicenow");
}

#[test]
fn a_cell_is_read_in_each_of_its_forms() {
    let read = |text: &str| {
        serde_json::from_str::<Cell>(text)
            .map(|cell| (cell.value, cell.shown))
            .map_err(|e| e.to_string())
    };
    let pair = |value: &str, shown: &str| Ok((value.to_owned(), shown.to_owned()));
    assert_eq!(read("\"x\""), pair("x", "x"));
    assert_eq!(read("null"), pair("", ""));
    assert_eq!(
        read(r#"{"link": "https://x", "value": "1"}"#),
        pair("1", "")
    );
    assert_eq!(
        read(r#"{"display_value": null, "value": "1"}"#),
        pair("1", "")
    );
    assert!(read("[1]").is_err());
    assert!(read(r#"{"value": 1}"#).is_err());
}
