//! The whole lab over a real socket, with a client that knows nothing but bytes.

mod writes;

use super::*;
use crate::clock::ManualClock;
use crate::domain::time::{Moment, Timestamp};
use serde_json::Value;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const START: i64 = 1_795_321_924_000;

/// A lab at a standing clock, on a runtime of its own thread so that the blocking client can be used beside it.
async fn lab(speed: f64) -> (Lab, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Moment {
        wall: Timestamp::from_millis(START),
        mono_ms: 1,
    }));
    let options = LabOptions {
        speed,
        ..LabOptions::default()
    };
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let lab = Lab::start(shared, options).await.expect("starts");
    (lab, clock)
}

async fn exchange(lab: &Lab, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(lab.addr()).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok();
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or(0), body.to_owned())
}

async fn get(lab: &Lab, path: &str, authorization: &str) -> (u16, String) {
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: lab\r\nAuthorization: {authorization}\r\n\r\n");
    exchange(lab, &request).await
}

async fn json(lab: &Lab, path: &str) -> Value {
    let authorization = match path {
        path if path.starts_with("/netbox") => format!("Token {}", lab.token()),
        path if path.starts_with("/pagerduty") => format!("Token token={}", lab.token()),
        _ => String::new(),
    };
    let (status, body) = get(lab, path, &authorization).await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

/// The newest value of an expression that gives one series.
async fn value(lab: &Lab, expr: &str) -> f64 {
    let expr: String = form_urlencoded::byte_serialize(expr.as_bytes()).collect();
    let answer = json(lab, &format!("/prometheus/api/v1/query?query={expr}")).await;
    let result = &answer["data"]["result"];
    assert_eq!(result.as_array().map(Vec::len), Some(1), "{answer}");
    let text = result[0]["value"][1].as_str().expect("a sample");
    text.parse().expect("a number")
}

/// Runs the blocking client beside the server.
async fn ask(lab: &Lab, action: Action, node: &str) -> (Result<String, LabError>, String) {
    let (addr, token, node) = (
        lab.addr().to_string(),
        lab.token().to_owned(),
        node.to_owned(),
    );
    let done = tokio::task::spawn_blocking(move || {
        let mut lines = Vec::new();
        let node = (!node.is_empty()).then_some(node.as_str());
        let done = ctl(&addr, &token, action, node, &mut lines);
        (done, String::from_utf8(lines).expect("text"))
    });
    done.await.expect("ends")
}

/// As [`ask`], with a clock that goes on meanwhile as fast as the lab answers.
async fn act(lab: &Lab, clock: &Arc<ManualClock>, action: Action, node: &str) -> (String, String) {
    let mover = {
        let clock = Arc::clone(clock);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(10));
            loop {
                ticks.tick().await;
                clock.advance(Duration::from_millis(10));
            }
        })
    };
    let (done, lines) = ask(lab, action, node).await;
    mover.abort();
    (
        done.unwrap_or_else(|error| panic!("{action} {node}: {error}")),
        lines,
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where the recordings are"
)]
fn recorded(path: &str) -> Option<Value> {
    let folder = std::env::var_os("WARROOM_CONTRACTS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/contracts"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        eprintln!(
            "SKIP: no recorded answers at {}; set WARROOM_CONTRACTS",
            folder.display()
        );
        return None;
    }
    let bytes = std::fs::read(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Some(serde_json::from_slice(&bytes).expect("JSON"))
}

/// Everything that the recorded answer has, ours has in the same place with the same type. Names of labels are free.
fn assert_shape(recorded: &Value, ours: &Value, place: &str) {
    const FREE: [&str; 5] = [
        "metric",
        "labels",
        "discoveredLabels",
        "annotations",
        "droppedTargetCounts",
    ];
    match (recorded, ours) {
        (Value::Object(wanted), Value::Object(have)) => {
            if FREE.iter().any(|free| place.ends_with(free)) {
                assert!(have.values().all(Value::is_string), "{place}: {ours}");
                return;
            }
            for (key, wanted) in wanted {
                let inner = format!("{place}.{key}");
                let have = have
                    .get(key)
                    .unwrap_or_else(|| panic!("{inner} is missing"));
                assert_shape(wanted, have, &inner);
            }
        }
        (Value::Array(wanted), Value::Array(have)) => {
            if let (Some(wanted), Some(have)) = (wanted.first(), have.first()) {
                assert_shape(wanted, have, &format!("{place}[0]"));
            }
        }
        _ => assert_eq!(
            std::mem::discriminant(recorded),
            std::mem::discriminant(ours),
            "{place}: {ours}"
        ),
    }
}

#[tokio::test]
async fn prometheus_answers_have_the_recorded_shape() {
    let (lab, clock) = lab(1.0).await;
    ask(&lab, Action::Drain, "orders-db-9")
        .await
        .0
        .expect_err("no such node");
    clock.advance(Duration::from_secs(1));
    let folder = "prometheus/examples/recorded-2.42";
    for (path, file) in [
        ("query?query=up", "query-vector"),
        ("query?query=2", "query-scalar"),
        ("query?query=nothing", "query-empty"),
        (
            "query_range?query=up&start=1795321914&end=1795321924&step=2",
            "query_range-matrix",
        ),
        ("status/buildinfo", "status-buildinfo"),
        ("targets", "targets-active"),
    ] {
        let ours = json(&lab, &format!("/prometheus/api/v1/{path}")).await;
        let Some(recorded) = recorded(&format!("{folder}/{file}.json")) else {
            return;
        };
        assert_shape(&recorded, &ours, file);
    }
    let (status, body) = get(
        &lab,
        "/prometheus/api/v1/query_range?query=up&start=0&end=1&step=0",
        "",
    )
    .await;
    let ours: Value = serde_json::from_str(&body).expect("JSON");
    let wanted = recorded(&format!("{folder}/query_range-bad-step.json")).expect("there");
    assert_eq!((status, ours), (400, wanted));
    let rules = json(&lab, "/prometheus/api/v1/rules").await;
    let wanted = recorded("prometheus/examples/openapi/rules.200.ruleGroups.json").expect("there");
    assert_shape(&wanted, &rules, "rules");
    lab.stop().await;
}

#[tokio::test]
async fn queries_come_as_get_and_as_form_and_bad_ones_are_refused() {
    let (lab, _) = lab(1.0).await;
    let body = "query=max(pg_replication_lag_seconds)&timeout=5000ms";
    let request = format!(
        "POST /prometheus/api/v1/query HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, answer) = exchange(&lab, &request).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("\"resultType\":\"vector\""), "{answer}");
    let (status, answer) = get(&lab, "/prometheus/api/v1/query?query=rate(up[5m])", "").await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(status, 400);
    assert_eq!(answer["status"], "error");
    assert_eq!(answer["errorType"], "bad_data");
    assert_eq!(
        answer["error"],
        "invalid parameter \"query\": 1:1: parse error: unknown function with name \"rate\""
    );
    let huge = format!("/prometheus/api/v1/query_range?query=up&start=0&end={START}&step=1");
    assert_eq!(get(&lab, &huge, "").await.0, 400);
    assert_eq!(get(&lab, "/prometheus/api/v1/nothing", "").await.0, 404);
    assert_eq!(get(&lab, "/prometheus/-/ready", "").await.0, 200);
    assert_eq!(get(&lab, "/somewhere", "").await.0, 404);
}

#[tokio::test]
async fn there_is_half_an_hour_of_past_at_the_start() {
    let (lab, _) = lab(1.0).await;
    let range = "start=1795320120.000&end=1795321920.000&step=8&limit=20&timeout=5000ms";
    let path =
        format!("/prometheus/api/v1/query_range?query=sum(orders_requests_per_second)&{range}");
    let answer = json(&lab, &path).await;
    let values = answer["data"]["result"][0]["values"]
        .as_array()
        .expect("values");
    assert_eq!(values.len(), 226);
    let numbers: Vec<f64> = values
        .iter()
        .map(|pair| {
            pair[1]
                .as_str()
                .and_then(|text| text.parse().ok())
                .expect("a number")
        })
        .collect();
    let (low, high) = numbers
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    assert!(
        low > 300.0 && high < 550.0 && high - low > 20.0,
        "{low} {high}"
    );
    let limited = json(
        &lab,
        &format!("/prometheus/api/v1/query_range?query=up&{range}").replace("limit=20", "limit=2"),
    )
    .await;
    assert_eq!(limited["data"]["result"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn the_steps_of_an_upgrade_go_through_the_client() {
    let (lab, clock) = lab(50.0).await;
    let (done, lines) = act(&lab, &clock, Action::Drain, "orders-db-2").await;
    assert_eq!(done, "orders-db-2 is drained: 0 connections");
    assert!(lines.starts_with("draining orders-db-2: "), "{lines}");
    let connections = value(&lab, "pg_stat_activity_count{instance='orders-db-2'}").await;
    assert!(connections.abs() < f64::EPSILON);
    assert!((value(&lab, "haproxy_backend_active_servers").await - 2.0).abs() < f64::EPSILON);
    let (done, lines) = act(&lab, &clock, Action::Upgrade, "orders-db-2").await;
    assert!(
        done.starts_with("orders-db-2 runs version 16, lags "),
        "{done}"
    );
    assert!(lines.contains("converting the catalogue"), "{lines}");
    let (done, _) = act(&lab, &clock, Action::Undrain, "orders-db-2").await;
    assert!(done.starts_with("orders-db-2 takes traffic: "), "{done}");
    let (done, _) = act(&lab, &clock, Action::Switchover, "orders-db-2").await;
    assert_eq!(done, "orders-db-2 is the primary");
    let (status, _) = act(&lab, &clock, Action::Status, "orders-db-2").await;
    assert!(
        status.starts_with("orders-db-2 role=primary version=16 state=serving"),
        "{status}"
    );
    lab.stop().await;
}

#[tokio::test]
async fn the_lab_says_no_with_a_reason_and_a_hint() {
    let (lab, clock) = lab(20.0).await;
    let refused = |result: Result<String, LabError>| match result {
        Err(error @ LabError::Refused { .. }) => {
            (error.to_string(), error.hint().unwrap_or_default())
        }
        other => panic!("{other:?}"),
    };
    let (what, hint) = refused(ask(&lab, Action::Upgrade, "orders-db-3").await.0);
    assert!(
        what.starts_with("cannot upgrade `orders-db-3`: it still has "),
        "{what}"
    );
    assert_eq!(hint, "drain `orders-db-3` first");
    act(&lab, &clock, Action::Drain, "orders-db-3").await;
    act(&lab, &clock, Action::Upgrade, "orders-db-3").await;
    // The clock stands still: put it back with all its lag, and ask at once.
    let addr = lab.addr();
    let request = format!(
        "POST /lab/v1/undrain?node=orders-db-3 HTTP/1.0\r\nHost: {addr}\r\nAuthorization: Bearer {}\r\n\r\n",
        lab.token()
    );
    let mut stream = TcpStream::connect(addr).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut some = [0; 1];
    stream.read_exact(&mut some).await.expect("has begun");
    drop(stream);
    let (what, hint) = refused(ask(&lab, Action::Switchover, "orders-db-3").await.0);
    assert!(
        what.starts_with("cannot switch over to `orders-db-3`: replica lags "),
        "{what}"
    );
    assert_eq!(hint, "wait until it lags less than 16 MB");
}

#[tokio::test]
async fn the_client_says_what_is_wrong_with_the_connection() {
    let (lab, _) = lab(1.0).await;
    let addr = lab.addr().to_string();
    let try_it = |addr: String, token: String| async {
        let done = tokio::task::spawn_blocking(move || {
            ctl(&addr, &token, Action::Status, None, &mut std::io::sink())
        });
        done.await.expect("ends").map_err(|error| error.to_string())
    };
    assert!(try_it(addr.clone(), lab.token().to_owned()).await.is_ok());
    let wrong = try_it(addr.clone(), "wrong".to_owned()).await;
    assert_eq!(wrong, Err("the token is missing or wrong".to_owned()));
    let split = try_it(addr.clone(), "a\r\nb".to_owned()).await;
    assert!(split.is_err_and(|error| error.contains("characters")));
    let remote = try_it("192.0.2.1:80".to_owned(), String::new()).await;
    assert_eq!(
        remote,
        Err("`192.0.2.1:80` is not on this machine".to_owned())
    );
    let word = try_it("lab".to_owned(), String::new()).await;
    assert_eq!(word, Err("not an address of a lab: `lab`".to_owned()));
    lab.stop().await;
    let gone = try_it(addr, "x".to_owned()).await;
    assert!(gone.is_err_and(|error| error.starts_with("cannot reach the lab at ")));
}

#[tokio::test]
async fn the_control_api_takes_post_and_known_actions_alone() {
    let (lab, _) = lab(1.0).await;
    let bearer = format!("Bearer {}", lab.token());
    assert_eq!(get(&lab, "/lab/v1/status", "").await.0, 401);
    assert_eq!(get(&lab, "/lab/v1/status", &bearer).await.0, 405);
    let request = format!("POST /lab/v1/explode HTTP/1.0\r\nAuthorization: {bearer}\r\n\r\n");
    let (status, body) = exchange(&lab, &request).await;
    assert_eq!(status, 404);
    assert!(body.contains("actions are drain, undrain"), "{body}");
}

#[tokio::test]
async fn requests_are_bounded() {
    let (lab, _) = lab(1.0).await;
    let body = "x".repeat(20_000);
    let head = "POST /prometheus/api/v1/query HTTP/1.0\r\nContent-Length: 20000\r\n\r\n";
    assert_eq!(exchange(&lab, &format!("{head}{body}")).await.0, 413);
    assert_eq!(exchange(&lab, "PUT /metrics HTTP/1.0\r\n\r\n").await.0, 405);
    let long = format!("GET /{} HTTP/1.0\r\n\r\n", "y".repeat(70_000));
    let status = exchange(&lab, &long).await.0;
    assert!(matches!(status, 0 | 400..=499), "{status}");
    assert_eq!(get(&lab, "/metrics", "").await.0, 200);
}

#[tokio::test]
async fn a_bad_change_fires_alerts_and_pages_and_healing_ends_both() {
    let (lab, clock) = lab(1.0).await;
    let open =
        "/pagerduty/incidents?statuses%5B%5D=triggered&statuses%5B%5D=acknowledged&date_range=all";
    assert_eq!(json(&lab, open).await["incidents"], serde_json::json!([]));
    act_at_once(&lab, "break?node=orders-api").await;
    clock.advance(Duration::from_secs(12));
    let ratio = "sum(orders_requests_per_second{code=\"5xx\"}) / sum(orders_requests_per_second)";
    assert!(value(&lab, ratio).await > 0.05);
    assert!(value(&lab, "orders_request_duration_p99_seconds").await > 0.6);
    assert_eq!(json(&lab, open).await["incidents"], serde_json::json!([]));
    clock.advance(Duration::from_secs(15));
    let incidents = json(&lab, open).await;
    assert_eq!(incidents["incidents"][0]["status"], "triggered");
    assert_eq!(
        incidents["incidents"][0]["service"]["summary"],
        "orders-api"
    );
    let alerts = json(&lab, "/prometheus/api/v1/alerts").await;
    if let Some(recorded) = recorded("prometheus/examples/recorded-2.42/alerts.json") {
        assert_shape(&recorded, &alerts, "alerts");
    }
    let firing = json(&lab, "/alertmanager/api/v2/alerts").await;
    if let Some(recorded) = recorded("alertmanager/examples/recorded-0.25/am-alerts.json") {
        assert_shape(&recorded, &firing, "am-alerts");
    }
    let critical = "/alertmanager/api/v2/alerts?filter=severity%3D%22critical%22";
    let critical = json(&lab, critical).await;
    assert_eq!(critical.as_array().map(Vec::len), Some(1));
    assert_eq!(
        critical[0]["labels"]["alertname"],
        "OrdersErrorRatioCritical"
    );
    assert_eq!(
        get(&lab, "/alertmanager/api/v2/alerts?filter=%7B%7B", "")
            .await
            .0,
        400
    );
    act_at_once(&lab, "heal?node=orders-api").await;
    clock.advance(Duration::from_secs(20));
    assert_eq!(json(&lab, open).await["incidents"], serde_json::json!([]));
    let resolved = json(&lab, "/pagerduty/incidents").await;
    assert_eq!(resolved["incidents"][0]["status"], "resolved");
    assert_eq!(
        json(&lab, "/alertmanager/api/v2/alerts").await,
        serde_json::json!([])
    );
    for path in ["silences", "receivers", "status"] {
        json(&lab, &format!("/alertmanager/api/v2/{path}")).await;
    }
}

/// Starts an action and does not wait for its end.
async fn act_at_once(lab: &Lab, action: &str) {
    let token = lab.token();
    let request =
        format!("POST /lab/v1/{action} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut stream = TcpStream::connect(lab.addr()).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("sends");
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).await.expect("an answer");
    assert_eq!(&begun, b"HTTP/1.0 200");
}

#[tokio::test]
async fn netbox_lists_six_components_to_those_with_the_token() {
    let (lab, _) = lab(1.0).await;
    let devices = "/netbox/api/dcim/devices/";
    assert_eq!(get(&lab, devices, "").await.0, 403);
    assert_eq!(get(&lab, devices, "Token wrong").await.0, 403);
    let page = json(&lab, &format!("{devices}?limit=3&offset=0&ordering=id")).await;
    assert_eq!(page["count"], 4);
    assert!(
        page["next"]
            .as_str()
            .is_some_and(|next| next.ends_with("limit=3&offset=3"))
    );
    let last = json(&lab, &format!("{devices}?limit=3&offset=3")).await;
    assert_eq!(last["results"][0]["name"], "orders-lb");
    assert_eq!(
        last["results"][0]["custom_fields"]["depends_on"],
        "orders-db-1, orders-db-2, orders-db-3"
    );
    assert_eq!(last["next"], Value::Null);
    let machines = json(&lab, "/netbox/api/virtualization/virtual-machines/").await;
    assert_eq!(machines["count"], 2);
    let site = json(
        &lab,
        &format!("{devices}?site=fra2&tag=tier-1&role=database"),
    )
    .await;
    assert_eq!(site["results"][0]["name"], "orders-db-2");
    assert_eq!(
        json(&lab, &format!("{devices}?tag=tier-2")).await["count"],
        0
    );
    assert_eq!(json(&lab, "/netbox/api/ipam/services/").await["count"], 0);
    json(&lab, "/netbox/api/status/").await;
    act_at_once(&lab, "break?node=orders-db-3").await;
    let broken = json(&lab, &format!("{devices}?name=orders-db-3")).await;
    assert_eq!(broken["results"][0]["status"]["value"], "failed");
    let Some(openapi) = recorded("netbox/openapi.json") else {
        return;
    };
    let schemas = &openapi["components"]["schemas"];
    for (schema, object) in [
        ("DeviceWithConfigContext", &page["results"][0]),
        ("VirtualMachineWithConfigContext", &machines["results"][0]),
        ("BriefDeviceType", &page["results"][0]["device_type"]),
        ("BriefSite", &page["results"][0]["site"]),
        ("NestedTag", &page["results"][0]["tags"][0]),
    ] {
        let required = schemas[schema]["required"].as_array().expect("a list");
        for key in required {
            let key = key.as_str().expect("a name");
            assert!(object.get(key).is_some(), "{schema} has no `{key}`");
        }
        let known = schemas[schema]["properties"]
            .as_object()
            .expect("properties");
        for key in object.as_object().expect("an object").keys() {
            assert!(known.contains_key(key), "{schema} knows no `{key}`");
        }
    }
}

#[tokio::test]
async fn pagerduty_says_who_is_on_call_and_who_follows() {
    let (lab, _) = lab(1.0).await;
    assert_eq!(
        get(&lab, "/pagerduty/oncalls", "Token token=wrong").await.0,
        401
    );
    let path = "/pagerduty/oncalls?since=2026-11-22T04:32:04Z&until=2026-11-23T04:32:04Z&limit=100&offset=0";
    let shifts = json(&lab, path).await;
    let shifts = shifts["oncalls"].as_array().expect("a list");
    assert_eq!(shifts.len(), 8);
    assert_eq!(shifts[0]["end"], shifts[1]["start"]);
    assert_eq!(shifts[0]["end"], "2026-11-22T07:02:04Z");
    assert_ne!(shifts[0]["user"]["id"], shifts[1]["user"]["id"]);
    let second = json(&lab, "/pagerduty/oncalls?schedule_ids%5B%5D=PLABSC2").await;
    assert_eq!(second["oncalls"][0]["escalation_level"], 2);
    let paged = json(&lab, "/pagerduty/schedules?limit=1").await;
    assert_eq!(paged["more"], true);
    assert_eq!(
        get(
            &lab,
            "/pagerduty/schedules?limit=x",
            &format!("Token token={}", lab.token())
        )
        .await
        .0,
        400
    );
    assert!(json(&lab, "/pagerduty/users/me").await["user"]["email"].is_string());
}

#[tokio::test]
async fn the_configuration_is_one_the_program_takes() {
    let (lab, _) = lab(1.0).await;
    let table: toml::Table = toml::from_str(&lab.demo_config()).expect("TOML");
    assert_eq!(table["panel"].as_array().map(Vec::len), Some(5));
    let url = table["connect"]["prometheus"]["lab"]["url"].as_str();
    assert_eq!(url, Some(lab.url("prometheus").as_str()));
    for panel in table["panel"].as_array().expect("panels") {
        let expr = panel["expr"].as_str().expect("an expression");
        promql::parse(expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
    }
}

#[tokio::test]
async fn a_speed_that_makes_no_sense_and_a_port_in_use_are_refused() {
    let (first, clock) = lab(1.0).await;
    let start = |port, speed| {
        let clock: Arc<dyn Clock> = Arc::clone(&clock) as _;
        Lab::start(
            clock,
            LabOptions {
                port,
                seed: 1,
                speed,
            },
        )
    };
    assert!(matches!(start(0, f64::NAN).await, Err(LabError::Speed(_))));
    let taken = start(first.addr().port(), 1.0).await;
    assert!(matches!(taken, Err(LabError::Listen { .. })));
}
