//! Answers in the shape that Nautobot 3.2.7 gives; `tests/it/nautobot.rs` speaks to a real one.

use crate::clock::{Clock, ManualClock};
use crate::connect::connector::{Connector as _, Order};
use crate::connect::http::HttpConfig;
use crate::connect::netbox::{Dialect, EVERY, Filter, NetBoxConfig, auth};
use crate::domain::id::ConnectorName;
use crate::domain::reading::{Component, Link, Reading};
use crate::domain::time::Moment;
use crate::domain::write::{Deed, Outcome};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

const DEVICE: &str = "c322ef26-331e-4e25-abf0-50a66cac9bbf";
const MACHINE: &str = "5ba1ba12-78bb-4cc0-bd4e-fc1351d156bc";
const PLACE: &str = "70c81363-604a-4667-be05-ea2f5dc0c741";
const NOTE: &str = "ebb5de83-f1de-4267-afc0-5fba50ff0036";
const OTHER: &str = "1a4fd197-1d73-40d9-b7d2-9979f38b8e5d";

fn config(url: &str) -> NetBoxConfig {
    NetBoxConfig {
        name: ConnectorName::new("cmdb").expect("valid"),
        dialect: Dialect::Nautobot,
        http: HttpConfig {
            auth: auth(&SecretString::from("0123abcd")),
            ..HttpConfig::new(url)
        },
        every: EVERY,
        filter: Filter {
            sites: vec!["Frankfurt 2".to_owned()],
            tags: vec!["payments".to_owned()],
            roles: Vec::new(),
        },
        contacts: true,
        writes: true,
    }
}

fn object(id: &str, name: &str) -> Value {
    json!({"id": id, "object_type": "x.y", "display": name, "name": name, "natural_slug": "x_1"})
}

fn list(results: &Value) -> Value {
    json!({"count": results.as_array().map_or(0, Vec::len), "next": null, "previous": null, "results": results})
}

fn device(status: &str) -> Value {
    json!({
        "id": DEVICE, "object_type": "dcim.device", "display": "hv-1", "name": "hv-1",
        "url": format!("http://nautobot.example/api/dcim/devices/{DEVICE}/"),
        "status": object(OTHER, status), "role": object(OTHER, "Hypervisor"), "tenant": object(OTHER, "Platform"),
        "location": object(PLACE, "Frankfurt 2"), "rack": null, "platform": null, "primary_ip6": null,
        "primary_ip4": {"id": OTHER, "address": "10.0.0.7/24", "host": "10.0.0.7"},
        "tags": [object(OTHER, "tier-2")], "custom_fields": {"depends_on": "net-1"}, "config_context": {},
    })
}

async fn server() -> MockServer {
    let server = MockServer::start().await;
    let machine = json!({
        "id": MACHINE, "name": "db-1", "display": "db-1", "status": object(OTHER, "Active"),
        "cluster": {"id": OTHER, "name": "c1", "location": {"id": PLACE, "object_type": "dcim.location"}},
        "role": null, "tags": [], "custom_fields": {},
    });
    let service = json!({"id": OTHER, "name": "sql", "device": null, "virtual_machine": object(MACHINE, "db-1"),
                         "ports": [5432], "protocol": {"value": "tcp", "label": "TCP"}});
    let contact = json!({"associated_object_id": DEVICE, "contact": null, "team": object(OTHER, "Storage"),
                         "role": object(OTHER, "Primary"), "status": object(OTHER, "Active")});
    let lists = [
        ("/api/dcim/devices/", json!([device("Active")])),
        ("/api/virtualization/virtual-machines/", json!([machine])),
        ("/api/ipam/services/", json!([service])),
        ("/api/extras/contact-associations/", json!([contact])),
        (
            "/api/dcim/locations/",
            json!([object(PLACE, "Frankfurt 2")]),
        ),
        ("/api/extras/notes/", json!([])),
        (
            "/api/extras/statuses/",
            json!([object(OTHER, "Active"), object(OTHER, "Maintenance")]),
        ),
    ];
    for (at, results) in lists {
        Mock::given(method("GET"))
            .and(path(at))
            .and(header("Authorization", "Token 0123abcd"))
            .respond_with(ResponseTemplate::new(200).set_body_json(list(&results)))
            .mount(&server)
            .await;
    }
    server
}

#[tokio::test]
async fn its_objects_become_the_same_components_as_those_of_netbox() {
    let server = server().await;
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let source = config(&server.uri()).source(&[], &clock).expect("valid");
    let mut source = source.expect("polls");
    assert_eq!(source.system(), "nautobot");
    let readings = source.poll(Moment::default()).await.expect("an answer");
    let [Reading::Components { components, .. }] = readings.as_slice() else {
        panic!("{readings:?}");
    };
    let text = |text: &str| text.to_owned();
    assert_eq!(
        components[2],
        Component {
            name: text("hv-1"),
            kind: text("Hypervisor"),
            role: text("Hypervisor"),
            owner: text("Storage"),
            tier: text("2"),
            environment: String::new(),
            site: text("Frankfurt 2"),
            status: text("active"),
            address: text("10.0.0.7"),
            tags: vec![text("tier-2")],
            links: vec![Link {
                title: String::new(),
                url: format!("http://nautobot.example/dcim/devices/{DEVICE}/"),
            }],
            fields: vec![(text("tenant"), text("Platform"))],
            depends_on: vec![text("net-1")],
        }
    );
    let site = |at: usize| (components[at].name.as_str(), components[at].site.as_str());
    assert_eq!(
        site(0),
        ("db-1", "Frankfurt 2"),
        "by the place of its cluster"
    );
    assert_eq!(site(1), ("db-1/sql", "Frankfurt 2"));
    for request in server.received_requests().await.expect("recorded") {
        let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let has = |name: &str, value: &str| pairs.iter().any(|(n, v)| n == name && v == value);
        assert!(has("sort", "id") && has("limit", "500"), "{pairs:?}");
        let unknown = ["ordering", "fields", "exclude", "tag", "site"];
        assert!(
            !pairs
                .iter()
                .any(|(name, _)| unknown.contains(&name.as_str()))
        );
        let of_machines = request.url.path() == "/api/dcim/devices/";
        assert_eq!(
            has("location", "Frankfurt 2") && has("tags", "payments"),
            of_machines || request.url.path().contains("virtual")
        );
    }
}

#[tokio::test]
async fn notes_and_states_are_written_in_its_own_words() {
    let server = server().await;
    let note = json!({"id": NOTE, "note": "moved\n\nMira, [warroom s/1]"});
    for (verb, at, status) in [
        ("POST", "/api/extras/notes/".to_owned(), 201),
        ("GET", format!("/api/extras/notes/{NOTE}/"), 200),
    ] {
        Mock::given(method(verb))
            .and(path(at))
            .respond_with(ResponseTemplate::new(status).set_body_json(&note))
            .mount(&server)
            .await;
    }
    let at = format!("/api/dcim/devices/{DEVICE}/");
    Mock::given(method("PATCH"))
        .and(path(&at))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&server)
        .await;
    for (status, times) in [("Active", 1), ("Maintenance", 9)] {
        Mock::given(method("GET"))
            .and(path(&at))
            .and(query_param("depth", "1"))
            .respond_with(ResponseTemplate::new(200).set_body_json(device(status)))
            .up_to_n_times(times)
            .mount(&server)
            .await;
    }
    let mut writer = config(&server.uri()).writer().expect("valid").expect("on");
    let deeds = [
        Deed::Record {
            component: "hv-1".to_owned(),
            text: "moved".to_owned(),
        },
        Deed::SetStatus {
            component: "hv-1".to_owned(),
            status: "maintenance".to_owned(),
        },
    ];
    for deed in &deeds {
        let order = Order {
            marker: "s/1",
            deed,
            by: "Mira",
        };
        let outcome = writer.write(&order, Moment::default()).await;
        assert!(matches!(outcome, Ok(Outcome::Done { .. })), "{outcome:?}");
    }
    let requests = server.received_requests().await.expect("recorded");
    let sent: Vec<Value> = requests
        .iter()
        .filter(|request| request.method.as_str() != "GET")
        .map(|request| request.body_json().expect("JSON"))
        .collect();
    assert_eq!(
        sent,
        [
            json!({"assigned_object_type": "dcim.device", "assigned_object_id": DEVICE,
                   "note": "moved\n\nMira, [warroom s/1]"}),
            json!({"status": {"name": "Maintenance"}}),
        ]
    );
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_refused() {
    let server = MockServer::start().await;
    let body = list(&json!([{"id": "../../users/tokens/00000000000000000", "name": "x"}]));
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let source = config(&server.uri()).source(&[], &clock).expect("valid");
    let error = source
        .expect("polls")
        .poll(Moment::default())
        .await
        .expect_err("no id");
    assert!(
        error.what.contains("expected a number or a UUID"),
        "{error}"
    );
    assert!(error.what.contains("results[0].id"), "{error}");
}
