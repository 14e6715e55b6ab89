//! Against the published description of NetBox, own bodies, and a server that answers in pages.

use super::request::PAGE;
use super::response::{ContactAssignment, Id, Machine, Page, Service, page};
use super::*;
use crate::connect::contracts;
use crate::connect::contracts::openapi::Contract;
use crate::connect::http::{Auth, HttpConfig};
use crate::domain::reading::{Component, Link};
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

mod write;

const LISTS: [List; 5] = [
    List::Devices,
    List::VirtualMachines,
    List::Services,
    List::DeviceContacts,
    List::VirtualMachineContacts,
];

fn filter() -> Filter {
    Filter {
        sites: vec!["fra2".to_owned()],
        tags: vec!["a".to_owned(), "b".to_owned()],
        roles: vec!["db".to_owned()],
    }
}

/// Without the two parameters that the description leaves out, since its generator knows nothing of them; their source is
/// named where they are made.
fn described(mut call: Call) -> Call {
    call.query
        .retain(|(name, _)| !matches!(*name, "fields" | "exclude"));
    call
}

fn id(number: u64) -> Id {
    serde_json::from_value(json!(number)).expect("an id")
}

#[test]
fn every_request_is_in_the_published_description() {
    let Some(contract) = Contract::open("netbox/openapi.json") else {
        return;
    };
    let dialect = Dialect::NetBox;
    let mut calls: Vec<Call> = LISTS
        .into_iter()
        .map(|list| request::page(dialect, list, &filter(), 500))
        .collect();
    for list in [List::Devices, List::VirtualMachines] {
        calls.push(request::named(dialect, list, &filter(), "db-1"));
        calls.push(request::object(dialect, list, &id(7)));
        let path = request::object_path(dialect, list, &id(7));
        calls.push(Call::patch(path, dialect.new_status("offline")));
    }
    calls.push(request::entries(dialect, "dcim.device", &id(7), "db/1"));
    calls.push(Call::get(request::object_path(
        dialect,
        List::Entries,
        &id(7),
    )));
    let entry = dialect.new_entry("dcim.device", &id(7), "moved");
    calls.push(Call::post(dialect.path(List::Entries), entry));
    calls.push(Call::get("/api/status/"));
    for call in calls {
        let call = described(call);
        assert_eq!(contract.check_call("", &call), Ok(()), "{call:?}");
    }
}

/// A value of the published schema with every optional field there, or with none.
fn sample(openapi: &Value, schema: &Value, full: bool, depth: u8) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().expect("a name");
        return sample(
            openapi,
            &openapi["components"]["schemas"][name],
            full,
            depth,
        );
    }
    if let Some(parts) = schema["allOf"].as_array() {
        if schema["nullable"] == true && !full {
            return Value::Null;
        }
        return sample(openapi, &parts[0], full, depth);
    }
    if schema["nullable"] == true && !full {
        return Value::Null;
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array();
            let is_required = |key: &str| required.is_some_and(|r| r.iter().any(|r| r == key));
            let properties = schema["properties"].as_object();
            let properties = properties.into_iter().flatten();
            let wanted = properties.filter(|(key, _)| (full && depth < 4) || is_required(key));
            let fields = wanted.map(|(k, s)| (k.clone(), sample(openapi, s, full, depth + 1)));
            Value::Object(fields.collect())
        }
        Some("array") => json!([sample(openapi, &schema["items"], full, depth + 1)]),
        Some("integer") => json!(7),
        Some("number") => json!(1.5),
        Some("boolean") => json!(true),
        Some("string") => json!("text"),
        _ => Value::Null,
    }
}

#[test]
fn every_answer_of_the_published_description_decodes() {
    let Some(bytes) = contracts::read("netbox/openapi.json") else {
        return;
    };
    let openapi: Value = serde_json::from_slice(&bytes).expect("JSON");
    for list in LISTS {
        for full in [true, false] {
            let content =
                &openapi["paths"][Dialect::NetBox.path(list)]["get"]["responses"]["200"]["content"];
            let schema = &content["application/json"]["schema"];
            let mut body = sample(&openapi, schema, full, 0);
            let results = body["results"].as_array().map_or(0, Vec::len);
            assert_eq!(results, 1, "{}", Dialect::NetBox.path(list));
            body["results"][0]["id"] = json!(7);
            let body = body.to_string();
            let body = body.as_bytes();
            let decoded = match list {
                List::Devices | List::VirtualMachines => page::<Machine>(body).map(drop),
                List::Services => page::<Service>(body).map(drop),
                _ => page::<ContactAssignment>(body).map(drop),
            };
            assert_eq!(
                decoded,
                Ok(()),
                "{} full={full}",
                Dialect::NetBox.path(list)
            );
        }
    }
}

#[test]
fn documented_pages_decode() {
    for file in [
        "rest-api.retrieving-multiple-objects.1",
        "rest-api.cursor-based-pagination.1",
    ] {
        let Some(body) = contracts::read(&format!("netbox/examples/docs/{file}.json")) else {
            return;
        };
        let page: Page<Machine> = page(&body).expect(file);
        assert!(page.next.is_some() && !page.results.is_empty(), "{file}");
    }
}

fn machines(body: &Value) -> Vec<Machine> {
    let body = json!({"count": 1, "next": null, "previous": null, "results": body});
    page(body.to_string().as_bytes()).expect("valid").results
}

fn inventory() -> Inventory {
    let devices = machines(&json!([
        {"id": 1, "name": "hv-1", "role": {"id": 1, "name": "Hypervisor", "slug": "hypervisor"},
         "site": {"id": 2, "name": "Frankfurt"},
         "tenant": {"id": 3, "name": "Platform"}, "status": {"value": "active", "label": "Active"},
         "tags": [{"id": 1, "slug": "tier-2"}, {"id": 2, "slug": "env-prod"}],
         "primary_ip": {"id": 4, "address": "10.0.0.7/24", "display": "10.0.0.7/24"}, "rack": {"id": 9, "name": "r7"},
         "location": {"id": 8, "name": "Cage 4"}, "display_url": "https://netbox.example/dcim/devices/1/",
         "url": "https://netbox.example/api/dcim/devices/1/", "description": "spare",
         "custom_fields": {"depends_on": "net-1, net-2\nnet-1", "owner": null, "warranty": true, "teams": ["a", "b"]},
         "new_field": [1, 2]},
        {"id": 2, "name": null, "display": "Unnamed (7)", "role": {"id": 1, "name": "Hypervisor"},
         "site": {"id": 9, "name": "Berlin"}}
    ]));
    let vms = machines(&json!([
        {"id": 1, "name": "db-1", "site": null, "device": {"id": 1, "name": "hv-1"},
         "tenant": {"id": 3, "name": "Platform"}, "status": {"value": "planned"},
         "custom_fields": {"owner": "payments", "tier": {"value": "1", "label": "gold"}, "kind": "database",
                           "environment": "prod", "depends_on": [{"id": 5, "name": "san-1"}, "dns"]}},
        {"id": 2, "name": "hv-1", "site": {"id": 2, "name": "Frankfurt"}},
        {"id": 3, "name": "hv-1", "site": {"id": 2, "name": "Frankfurt"}}
    ]));
    let services = json!({"next": null, "results": [
        {"id": 1, "name": "postgresql", "virtual_machine": {"id": 1, "name": "db-1"}, "ports": [5432],
         "protocol": {"value": "tcp", "label": "TCP"}},
        {"id": 2, "name": "ssh", "parent_object_type": "dcim.device", "parent_object_id": 1,
         "tags": [{"slug": "tier-9"}]},
        {"id": 3, "name": "left-out", "device": {"id": 99, "name": "other"}}
    ]});
    let contacts = json!({"next": null, "results": [
        {"object_id": 1, "contact": {"id": 1, "name": "Second"}, "priority": {"value": "secondary"}},
        {"object_id": 1, "contact": {"id": 2, "name": "Mira"}, "priority": {"value": "primary"}},
        {"object_id": 2, "contact": {"id": 3, "name": "Gone"}, "priority": {"value": "inactive"}}
    ]});
    Inventory {
        devices,
        machines: vms,
        services: page(services.to_string().as_bytes())
            .expect("valid")
            .results,
        device_contacts: page(contacts.to_string().as_bytes())
            .expect("valid")
            .results,
        ..Inventory::default()
    }
}

fn components() -> Vec<Component> {
    let found = inventory().components().into_iter();
    found.map(|found| found.component).collect()
}

#[test]
fn objects_become_components() {
    let all = components();
    let names: Vec<&str> = all.iter().map(|c| c.name.as_str()).collect();
    let expected = [
        "Unnamed (7)",
        "db-1",
        "db-1/postgresql",
        "hv-1",
        "hv-1 #3",
        "hv-1 (Frankfurt)",
        "hv-1/ssh",
    ];
    assert_eq!(names, expected);
    let text = |text: &str| text.to_owned();
    assert_eq!(
        all[3],
        Component {
            name: text("hv-1"),
            kind: text("Hypervisor"),
            owner: text("Mira"),
            tier: text("2"),
            environment: text("prod"),
            site: text("Frankfurt"),
            status: text("active"),
            role: text("hypervisor"),
            address: text("10.0.0.7"),
            tags: vec![text("env-prod"), text("tier-2")],
            links: vec![Link {
                title: String::new(),
                url: text("https://netbox.example/dcim/devices/1/"),
            }],
            fields: [
                ("description", "spare"),
                ("location", "Cage 4"),
                ("rack", "r7"),
                ("teams", "a, b"),
                ("tenant", "Platform"),
                ("warranty", "true"),
            ]
            .map(|(name, value)| (text(name), text(value)))
            .to_vec(),
            depends_on: vec![text("net-1"), text("net-2")],
        }
    );
}

#[test]
fn machines_and_services_take_over_what_they_do_not_say() {
    let all = components();
    let text = |text: &str| text.to_owned();
    assert_eq!(
        all[1],
        Component {
            name: text("db-1"),
            kind: text("database"),
            owner: text("payments"),
            tier: text("gold"),
            environment: text("prod"),
            site: String::new(),
            status: text("planned"),
            fields: vec![(text("tenant"), text("Platform"))],
            depends_on: vec![text("san-1"), text("dns"), text("hv-1")],
            ..Component::default()
        }
    );
    assert_eq!(all[0].owner, "", "an inactive contact counts for nothing");
    assert_eq!(
        all[2].owner, "payments",
        "a service inherits from its machine"
    );
    assert_eq!(all[2].depends_on, ["db-1"]);
    assert_eq!(all[2].fields, [(text("ports"), text("5432/tcp"))]);
    assert_eq!(all[6].address, "10.0.0.7", "and the address");
    assert_eq!(
        (all[6].tier.as_str(), all[6].environment.as_str()),
        ("9", "prod")
    );
}

#[test]
fn bodies_of_the_wrong_shape_are_errors_with_their_place() {
    let cases = [
        ("", "unexpected answer: EOF"),
        ("<html>login</html>", "unexpected answer"),
        (r#"{"results": "none"}"#, "at `results`"),
        (r#"{"next": null}"#, "missing field `results`"),
        (
            r#"{"next": null, "results": [{"id": 1}, {"id": "x"}]}"#,
            "at `results[1].id`",
        ),
        (
            r#"{"next": null, "results": [{"id": 1, "tags": {}}]}"#,
            "at `results[0].tags`",
        ),
        (r#"{"next": null, "results": [{"id": 1"#, "EOF"),
    ];
    for (body, part) in cases {
        let error = page::<Machine>(body.as_bytes())
            .expect_err(body)
            .to_string();
        assert!(error.contains(part), "{body}: {error}");
    }
    let empty = page::<Machine>(br#"{"count":0,"next":null,"results":[]}"#).expect("valid");
    assert!(empty.results.is_empty());
}

fn config(url: &str, contacts: bool) -> NetBoxConfig {
    let http = HttpConfig {
        auth: auth(&SecretString::from("0123456789abcdef")),
        body_bytes_max: 64 * 1024,
        ..HttpConfig::new(url)
    };
    NetBoxConfig {
        name: ConnectorName::new("cmdb").expect("valid"),
        dialect: Dialect::NetBox,
        http,
        every: EVERY,
        filter: filter(),
        contacts,
        writes: true,
    }
}

fn source(url: &str, contacts: bool) -> NetBox {
    NetBox::new(config(url, contacts)).expect("valid")
}

async fn answer(server: &MockServer, list: List, offset: usize, body: Value) {
    Mock::given(method("GET"))
        .and(path(Dialect::NetBox.path(list)))
        .and(query_param("offset", offset.to_string()))
        .and(query_param("limit", PAGE.to_string()))
        .and(header("Authorization", "Token 0123456789abcdef"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .expect(1)
        .mount(server)
        .await;
}

fn of(from: u64, to: u64, next: Option<&str>) -> Value {
    let results: Vec<Value> = (from..to)
        .map(|id| json!({"id": id, "name": format!("n{id}")}))
        .collect();
    json!({"count": 5, "next": next, "previous": null, "results": results})
}

#[tokio::test]
async fn all_pages_are_read_from_the_configured_host_only() {
    let server = MockServer::start().await;
    let elsewhere = Some("http://192.0.2.1/api/dcim/devices/?offset=3&limit=500");
    answer(&server, List::Devices, 0, of(0, 3, elsewhere)).await;
    answer(&server, List::Devices, 3, of(3, 5, None)).await;
    answer(&server, List::VirtualMachines, 0, of(10, 11, None)).await;
    answer(&server, List::Services, 0, of(0, 0, None)).await;
    let mut netbox = source(&server.uri(), false);
    let readings = netbox.poll(Moment::default()).await.expect("an answer");
    let [Reading::Components { source, components }] = readings.as_slice() else {
        panic!("{readings:?}");
    };
    assert_eq!((source.as_str(), components.len()), ("cmdb", 6));
    assert_eq!(netbox.trouble(), None);
    let requests = server.received_requests().await.expect("recorded");
    let tags = requests[0]
        .url
        .query_pairs()
        .filter(|(k, _)| k == "tag")
        .count();
    assert_eq!(tags, 2, "each value of a list is a parameter of its own");
}

#[tokio::test]
async fn half_a_list_is_a_failure() {
    let server = MockServer::start().await;
    answer(&server, List::Devices, 0, of(0, 2, Some("more"))).await;
    answer(&server, List::Devices, 2, of(0, 0, Some("more"))).await;
    let error = source(&server.uri(), false)
        .poll(Moment::default())
        .await
        .expect_err("stuck");
    assert_eq!(
        error.what,
        "cannot read devices: page at 2 is empty though there are more"
    );
    assert!(error.readings.is_empty());
}

#[tokio::test]
async fn contacts_are_read_when_wanted() {
    let server = MockServer::start().await;
    answer(&server, List::Devices, 0, of(1, 2, None)).await;
    answer(&server, List::VirtualMachines, 0, of(0, 0, None)).await;
    answer(&server, List::Services, 0, of(0, 0, None)).await;
    for (kind, id) in [("dcim.device", 1), ("virtualization.virtualmachine", 9)] {
        let body = json!({"next": null, "results": [{"object_id": id, "contact": {"id": 1, "name": kind}}]});
        Mock::given(path(Dialect::NetBox.path(List::DeviceContacts)))
            .and(query_param("object_type", kind))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .expect(1)
            .mount(&server)
            .await;
    }
    let readings = source(&server.uri(), true)
        .poll(Moment::default())
        .await
        .expect("an answer");
    let [Reading::Components { components, .. }] = readings.as_slice() else {
        panic!("{readings:?}");
    };
    assert_eq!(components[0].owner, "dcim.device");
}

#[tokio::test]
async fn errors_name_the_list_and_never_the_token() {
    let replies = [
        (
            ResponseTemplate::new(403)
                .set_body_json(json!({"detail": "Invalid token 0123456789abcdef"})),
            "HTTP 403",
            false,
        ),
        (
            ResponseTemplate::new(429).insert_header("Retry-After", "7"),
            "HTTP 429",
            true,
        ),
        (
            ResponseTemplate::new(200).set_body_string("{\"results\": [{\"id\": \"x\"}]}"),
            "unexpected answer",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b' '; 70_000]),
            "larger than 65536",
            false,
        ),
    ];
    for (reply, part, has_retry) in replies {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(reply)
            .mount(&server)
            .await;
        let error = source(&server.uri(), false)
            .poll(Moment::default())
            .await
            .expect_err(part);
        assert!(error.what.starts_with("cannot read devices: "), "{error}");
        assert!(error.what.contains(part), "{error}");
        assert_eq!(error.retry_after.is_some(), has_retry, "{part}");
        let debug = format!("{:?}", source(&server.uri(), false));
        assert!(!error.what.contains("0123456789abcdef"), "{error}");
        assert!(!debug.contains("0123456789abcdef"));
    }
}

#[test]
fn tokens_of_both_versions_are_sent_as_netbox_wants_them() {
    use secrecy::ExposeSecret as _;
    for token in ["nbt_key.token", "Bearer nbt_key.token"] {
        let Auth::Bearer(sent) = auth(&SecretString::from(token)) else {
            panic!("{token} is a bearer token");
        };
        assert_eq!(sent.expose_secret(), "nbt_key.token");
    }
    for token in ["0123abcd", "Token 0123abcd"] {
        let Auth::Headers(headers) = auth(&SecretString::from(token)) else {
            panic!("{token} has a header of its own");
        };
        assert_eq!(headers[0].1.expose_secret(), "Token 0123abcd");
    }
}
