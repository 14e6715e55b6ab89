//! Against a real Nautobot: objects made in it are read as components, what is written is there, and is written once.

use crate::harness::{Place, checkout, is_skipped, run};
use crate::services::Services;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;
use warroom::clock::{Clock, SystemClock};
use warroom::connect::connector::{Connector, Health, Order};
use warroom::connect::http::{Call, Http, HttpConfig};
use warroom::connect::netbox::{Dialect, EVERY, Filter, NetBoxConfig, auth};
use warroom::domain::id::ConnectorName;
use warroom::domain::reading::{Component, Reading};
use warroom::domain::time::Moment;
use warroom::domain::write::{Deed, Outcome};

fn config(url: &str, token: &str) -> NetBoxConfig {
    NetBoxConfig {
        name: ConnectorName::new("cmdb").expect("valid"),
        dialect: Dialect::Nautobot,
        http: HttpConfig {
            auth: auth(&SecretString::from(token)),
            // It answers its first requests slowly.
            timeout: std::time::Duration::from_secs(60),
            ..HttpConfig::new(url)
        },
        every: EVERY,
        filter: Filter::default(),
        contacts: true,
        writes: true,
    }
}

/// Makes one object.
async fn make(http: &Http, path: &str, body: Value) -> Value {
    let answer = http.call(&Call::post(path, body.clone())).await;
    let answer = answer.unwrap_or_else(|error| panic!("{path} {body}: {error:?}"));
    answer.json().expect("JSON")
}

async fn get(http: &Http, path: &str) -> Value {
    let answer = http.call(&Call::get(path)).await;
    let answer = answer.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    answer.json().expect("JSON")
}

/// What devices and virtual machines stand on.
fn ground() -> Vec<(&'static str, Value)> {
    let both = json!(["dcim.device", "virtualization.virtualmachine"]);
    let of_sites = json!(["dcim.device", "virtualization.cluster"]);
    let field =
        json!({"label": "Depends on", "key": "depends_on", "type": "text", "content_types": both});
    let cluster =
        json!({"name": "c1", "cluster_type": {"name": "kvm"}, "location": {"name": "fra2"}});
    let site =
        json!({"name": "fra2", "location_type": {"name": "Site"}, "status": {"name": "Active"}});
    let named = |name: &str, types: &Value| json!({"name": name, "content_types": types});
    let primary = named("Primary", &json!(["extras.contactassociation"]));
    vec![
        ("/api/dcim/location-types/", named("Site", &of_sites)),
        ("/api/dcim/locations/", site),
        ("/api/dcim/manufacturers/", json!({"name": "Acme"})),
        (
            "/api/dcim/device-types/",
            json!({"model": "X1", "manufacturer": {"name": "Acme"}}),
        ),
        ("/api/extras/roles/", named("orders-db", &both)),
        ("/api/extras/statuses/", named("Draining", &both)),
        ("/api/extras/tags/", named("tier-1", &both)),
        ("/api/tenancy/tenants/", json!({"name": "payments"})),
        ("/api/extras/custom-fields/", field),
        ("/api/virtualization/cluster-types/", json!({"name": "kvm"})),
        ("/api/virtualization/clusters/", cluster),
        ("/api/extras/contacts/", json!({"name": "Mira"})),
        ("/api/extras/roles/", primary),
    ]
}

/// A location with a device in it, a virtual machine on a cluster there, and a service on that. Gives the device.
async fn furnish(http: &Http) -> Value {
    for (path, body) in ground() {
        make(http, path, body).await;
    }
    let device = make(
        http,
        "/api/dcim/devices/",
        json!({"name": "hv-1", "device_type": {"model": "X1"}, "role": {"name": "orders-db"},
               "location": {"name": "fra2"}, "status": {"name": "Active"}, "tenant": {"name": "payments"},
               "tags": [{"name": "tier-1"}], "custom_fields": {"depends_on": "san-1, dns"}}),
    )
    .await;
    let machine = make(
        http,
        "/api/virtualization/virtual-machines/",
        json!({"name": "db-1", "cluster": {"name": "c1"}, "status": {"name": "Active"}, "role": {"name": "orders-db"}}),
    )
    .await;
    make(
        http,
        "/api/ipam/services/",
        json!({"name": "postgresql", "protocol": "tcp", "ports": [5432], "virtual_machine": {"id": machine["id"]}}),
    )
    .await;
    make(
        http,
        "/api/extras/contact-associations/",
        json!({"contact": {"name": "Mira"}, "associated_object_type": "dcim.device",
               "associated_object_id": device["id"], "role": {"name": "Primary"}, "status": {"name": "Active"}}),
    )
    .await;
    device
}

async fn components(config: &NetBoxConfig, clock: &Arc<dyn Clock>) -> Vec<Component> {
    let source = config.source(&[], clock).expect("valid").expect("polls");
    let mut source = source;
    let readings = source.poll(clock.now()).await.expect("an answer");
    match readings.as_slice() {
        [Reading::Components { components, .. }] => components.clone(),
        other => panic!("{other:?}"),
    }
}

async fn write(config: &NetBoxConfig, marker: &str, deed: &Deed) -> Outcome {
    let mut writer = config.writer().expect("valid").expect("writes are on");
    let order = Order {
        marker,
        deed,
        by: "Mira",
    };
    let outcome = writer.write(&order, Moment::default()).await;
    let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
    let found = writer.find(&order, Moment::default()).await;
    assert!(found.expect("an answer").is_some(), "found again");
    outcome
}

fn is_installed() -> bool {
    let script = r#". "$1/tests/services/lib.sh"; [ -x "$SERVICES_HOME/venv-nautobot/bin/nautobot-server" ]"#;
    let mut bash = Command::new("bash");
    bash.args(["-c", script, "bash"]).arg(checkout());
    run(&mut bash).status.success()
}

#[test]
fn a_real_nautobot_is_read_and_written_to() {
    let test = "a_real_nautobot_is_read_and_written_to";
    if is_skipped(test) {
        return;
    }
    if !is_installed() {
        eprintln!("\nSKIP {test}: run tests/services/install.sh nautobot");
        return;
    }
    let place = Place::new();
    let services = Services::start(&place, &["nautobot"]);
    let config = config(services.get("NAUTOBOT_URL"), services.get("NAUTOBOT_TOKEN"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(read_and_write(&config));
}

async fn read_and_write(config: &NetBoxConfig) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    assert!(components(config, &clock).await.is_empty(), "it is empty");
    let http = Http::new(&config.http).expect("valid");
    let device = furnish(&http).await;
    let device = format!(
        "/api/dcim/devices/{}/",
        device["id"].as_str().expect("an id")
    );
    objects_are_components(config, &clock).await;
    entries_are_written_once(config).await;
    let notes = get(&http, &format!("{device}notes/")).await;
    assert_eq!(notes["count"], 1, "written once: {notes}");
    states_are_set(config, &clock).await;
    tokens_are_told_apart(config, &clock).await;
}

async fn objects_are_components(config: &NetBoxConfig, clock: &Arc<dyn Clock>) {
    let all = components(config, clock).await;
    let lines: Vec<String> = all
        .iter()
        .map(|c| {
            let needs = c.depends_on.join("+");
            [
                &c.name, &c.kind, &c.role, &c.owner, &c.tier, &c.site, &c.status, &needs,
            ]
            .map(String::as_str)
            .join("|")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "db-1|orders-db|orders-db|||fra2|active|",
            "db-1/postgresql|service|orders-db|||fra2|active|db-1",
            "hv-1|orders-db|orders-db|Mira|1|fra2|active|san-1+dns",
        ]
    );
    let page = format!("{}/dcim/devices/", config.http.url);
    assert!(all[2].links[0].url.starts_with(&page), "{:?}", all[2].links);

    let filtered = NetBoxConfig {
        filter: Filter {
            sites: vec!["fra2".to_owned()],
            tags: vec!["tier-1".to_owned()],
            roles: vec!["orders-db".to_owned()],
        },
        ..config.clone()
    };
    assert_eq!(components(&filtered, clock).await.len(), 1);
}

async fn entries_are_written_once(config: &NetBoxConfig) {
    for component in ["hv-1", "db-1/postgresql"] {
        let record = Deed::Record {
            component: component.to_owned(),
            text: "moved to the other rack".to_owned(),
        };
        let first = write(config, "db/1", &record).await;
        let Outcome::Done { reference, proof } = &first else {
            panic!("{first:?}");
        };
        assert_eq!(*proof, format!("read back as entry {reference}"));
        let again = write(config, "db/1", &record).await;
        assert!(
            matches!(&again, Outcome::Done { reference: same, .. } if same == reference),
            "{again:?}"
        );
    }
}

async fn states_are_set(config: &NetBoxConfig, clock: &Arc<dyn Clock>) {
    let drain = Deed::SetStatus {
        component: "hv-1".to_owned(),
        status: "draining".to_owned(),
    };
    let outcome = write(config, "db/2", &drain).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!(components(config, clock).await[2].status, "draining");
    let unknown = Deed::SetStatus {
        component: "db-1".to_owned(),
        status: "asleep".to_owned(),
    };
    let mut writer = config.writer().expect("valid").expect("writes are on");
    let order = Order {
        marker: "db/3",
        deed: &unknown,
        by: "Mira",
    };
    let refused = writer.write(&order, Moment::default()).await;
    let refused = refused.expect_err("no such state");
    assert!(
        !refused.unclear && refused.what.contains("Draining"),
        "{refused}"
    );
}

async fn tokens_are_told_apart(config: &NetBoxConfig, clock: &Arc<dyn Clock>) {
    let checks = config.probe(clock).expect("valid").check(clock.now()).await;
    assert!(
        checks.iter().all(|check| check.health == Health::Good),
        "{checks:#?}"
    );
    assert_eq!((checks.len(), checks[0].said.as_str()), (10, "3.2.7"));
    let stranger = NetBoxConfig {
        http: HttpConfig {
            auth: auth(&SecretString::from("0000")),
            ..config.http.clone()
        },
        ..config.clone()
    };
    let checks = stranger
        .probe(clock)
        .expect("valid")
        .check(clock.now())
        .await;
    assert_eq!((checks.len(), checks[0].health), (1, Health::Bad));
}
