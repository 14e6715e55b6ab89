//! Against the published description of the catalog, its example entities, and a server that answers in pages.

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::connect::connector::{Connector as _, Health};
use crate::connect::contracts;
use crate::connect::contracts::openapi::Contract;
use crate::connect::http::{Auth, HttpConfig};
use crate::domain::reading::{Component, Link};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use wiremock::matchers::{header, method, path, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, ResponseTemplate};

const BY_QUERY: &str = "/api/catalog/entities/by-query";

fn config(url: &str) -> BackstageConfig {
    let http = HttpConfig {
        auth: Auth::Bearer(SecretString::from("s3cret-word")),
        body_bytes_max: 64 * 1024,
        ..HttpConfig::new(url)
    };
    BackstageConfig::new(ConnectorName::new("catalog").expect("valid"), http)
}

#[test]
fn every_request_is_in_the_published_description() {
    let Some(contract) = Contract::open("backstage/openapi.json") else {
        return;
    };
    let filtered = BackstageConfig {
        kinds: vec!["Component".to_owned(), "API".to_owned()],
        filter: vec![
            "spec.type=service".to_owned(),
            " metadata.tags=a,spec.lifecycle=production".to_owned(),
        ],
        ..config("http://127.0.0.1:1")
    };
    let calls = [
        request::page(&filtered, None),
        request::page(&filtered, Some("eyJ0b3RhbEl0ZW1zIjox")),
        request::facets(&filtered),
    ];
    for call in &calls {
        assert_eq!(
            contract.check_call("/api/catalog", call),
            Ok(()),
            "{call:?}"
        );
    }
    let of = |call: &crate::connect::http::Call| {
        let filters = call.query.iter().filter(|(name, _)| *name == "filter");
        filters.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        of(&calls[0]),
        [
            "kind=Component,spec.type=service",
            "kind=Component,metadata.tags=a,spec.lifecycle=production",
            "kind=API,spec.type=service",
            "kind=API,metadata.tags=a,spec.lifecycle=production",
        ]
    );
    assert!(of(&calls[1]).is_empty(), "a cursor holds them itself");
}

#[test]
fn every_example_entity_becomes_a_component() {
    let kinds = [
        "Component",
        "API",
        "System",
        "Domain",
        "Group",
        "Location",
        "User",
    ];
    let mut entities = Vec::new();
    for kind in kinds {
        let file = format!("backstage/examples/entities/{kind}.v1alpha1.1.json");
        let Some(body) = contracts::read(&file) else {
            return;
        };
        entities.push(serde_json::from_slice::<Entity>(&body).expect(kind));
    }
    let all = components(&entities);
    assert_eq!(all.len(), kinds.len());
    let one = &all[0];
    assert_eq!(
        [
            &one.name,
            &one.kind,
            &one.owner,
            &one.environment,
            &one.status
        ]
        .map(String::as_str),
        [
            "LoremService",
            "service",
            "tools",
            "production",
            "production"
        ]
    );
    let field = |name: &str| {
        one.fields
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    };
    assert_eq!(field("entity"), Some("component:default/loremservice"));
    assert_eq!(
        field("docs"),
        Some("https://github.com/..../tree/develop/doc")
    );
}

fn entity(kind: &str, name: &str, relations: &[(&str, &str)]) -> Value {
    let relations: Vec<Value> = relations
        .iter()
        .map(|(of_type, target)| json!({"type": of_type, "targetRef": target}))
        .collect();
    json!({"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "relations": relations})
}

fn page(items: &Value, next: Option<&str>) -> Value {
    let info = next.map_or_else(|| json!({}), |next| json!({ "nextCursor": next }));
    json!({"items": items, "totalItems": 9, "pageInfo": info})
}

fn orders_api() -> Value {
    let mut api = entity(
        "Component",
        "Orders-API",
        &[
            ("dependsOn", "resource:default/orders-db"),
            ("dependsOn", "component:default/elsewhere"),
            ("ownedBy", "group:default/team-orders"),
            ("partOf", "system:default/shop"),
            ("providesApi", "api:default/orders-api"),
        ],
    );
    api["spec"] =
        json!({"type": "service", "lifecycle": "experimental", "owner": "written", "extra": [1]});
    api["metadata"] = json!({
        "name": "Orders-API", "title": "Orders", "description": "takes orders", "tags": ["tier-1", "env-prod"],
        "labels": {"role": "orders", "site": "fra2"},
        "annotations": {"backstage.io/view-url": "https://git.example/orders", "pagerduty.com/service-id": "P1",
                        "backstage.io/managed-by-location": "url:https://git.example"},
        "links": [{"url": "https://wiki.example/orders", "title": "Runbook", "icon": "docs"}, {"url": "javascript:x"}],
    });
    api
}

fn orders_component() -> Component {
    let text = |text: &str| text.to_owned();
    let link = |title: &str, url: &str| Link {
        title: text(title),
        url: text(url),
    };
    let fields = [
        ("description", "takes orders"),
        ("entity", "component:default/orders-api"),
        ("pagerduty.com/service-id", "P1"),
        ("role", "orders"),
        ("site", "fra2"),
        ("system", "shop"),
        ("title", "Orders"),
    ];
    Component {
        name: text("Orders-API"),
        kind: text("service"),
        role: text("orders"),
        owner: text("team-orders"),
        tier: text("1"),
        environment: text("prod"),
        site: text("fra2"),
        status: text("experimental"),
        address: String::new(),
        tags: vec![text("env-prod"), text("tier-1")],
        links: vec![
            link("Runbook", "https://wiki.example/orders"),
            link("source", "https://git.example/orders"),
        ],
        fields: fields
            .map(|(name, value)| (text(name), text(value)))
            .to_vec(),
        depends_on: vec![text("orders-db"), text("elsewhere")],
    }
}

#[tokio::test]
async fn entities_of_all_pages_and_their_relations_become_components() {
    let server = MockServer::start().await;
    let api = orders_api();
    let first = page(&json!([api]), Some("next-1"));
    let database = entity(
        "Resource",
        "orders-db",
        &[
            ("dependencyOf", "component:default/orders-api"),
            ("dependencyOf", "component:default/worker"),
        ],
    );
    let worker = entity("Component", "worker", &[]);
    let other = entity("API", "worker", &[]);
    let second = page(&json!([database, worker, other]), None);
    Mock::given(method("GET"))
        .and(path(BY_QUERY))
        .and(header("Authorization", "Bearer s3cret-word"))
        .and(query_param("filter", "kind=Resource"))
        .and(query_param_is_missing("cursor"))
        .respond_with(ResponseTemplate::new(200).set_body_json(first))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(BY_QUERY))
        .and(query_param("cursor", "next-1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(second))
        .mount(&server)
        .await;
    let mut source = Backstage::new(config(&server.uri())).expect("valid");
    let readings = source.poll(Moment::default()).await.expect("an answer");
    let [Reading::Components { components, .. }] = readings.as_slice() else {
        panic!("{readings:?}");
    };
    assert_eq!(components[0], orders_component());
    let needs = |at: usize| {
        (
            components[at].name.as_str(),
            components[at].depends_on.join(" "),
        )
    };
    assert_eq!(
        needs(2),
        ("worker", "orders-db".to_owned()),
        "told by the other side alone"
    );
    assert_eq!(needs(3), ("worker (api)", String::new()));
}

/// An answer, what is said about it, and whether it names a time.
fn replies() -> Vec<(ResponseTemplate, &'static str, bool)> {
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
            ResponseTemplate::new(200).set_body_string("<html>sign in</html>"),
            "unexpected answer",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({"items": []})),
            "missing field `pageInfo`",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(page(&json!([{"kind": "API"}]), None)),
            "at `items[0]`",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(page(
                &json!([{"kind": "API", "metadata": {"name": 1}}]),
                None,
            )),
            "at `items[0].metadata.name`",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_bytes(vec![b' '; 70_000]),
            "larger than",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_string("{\"items\": [{"),
            "EOF",
            false,
        ),
        (
            ResponseTemplate::new(200).set_body_json(page(&json!([]), Some("same"))),
            "the same as the one before",
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
        let mut source = Backstage::new(config(&server.uri())).expect("valid");
        let error = source.poll(Moment::default()).await.expect_err(part);
        assert!(
            error.what.starts_with("cannot read the catalog: "),
            "{error}"
        );
        assert!(error.what.contains(part), "{error}");
        assert_eq!(error.retry_after.is_some(), has_retry, "{part}");
        assert!(!format!("{error:?} {source:?}").contains("s3cret-word"));
    }
    let empty = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(page(&json!([]), None)))
        .mount(&empty)
        .await;
    let mut source = Backstage::new(config(&empty.uri())).expect("valid");
    let readings = source
        .poll(Moment::default())
        .await
        .expect("empty is no error");
    assert!(
        matches!(&readings[..], [Reading::Components { components, .. }] if components.is_empty())
    );
}

#[tokio::test]
async fn the_probe_says_what_there_is() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let server = MockServer::start().await;
    let facets = json!({"facets": {"kind": [{"value": "Component", "count": 12}, {"value": "API", "count": 3}]}});
    for (at, body) in [
        (BY_QUERY, page(&json!([]), None)),
        ("/api/catalog/entity-facets", facets),
    ] {
        Mock::given(path(at))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&server)
            .await;
    }
    let connector = config(&server.uri());
    assert!(connector.abilities().is_empty(), "it reads only");
    let checks = connector
        .probe(&clock)
        .expect("valid")
        .check(Moment::default())
        .await;
    let lines: Vec<String> = checks
        .iter()
        .map(|c| format!("{}: {:?} {}", c.what, c.health, c.said))
        .collect();
    assert_eq!(
        lines,
        [
            "permission to read the catalog: Good granted",
            "found: Good 12 Component, 3 API"
        ]
    );
    let checks = config("http://127.0.0.1:1")
        .probe(&clock)
        .expect("valid")
        .check(Moment::default())
        .await;
    assert_eq!((checks.len(), checks[0].health), (1, Health::Bad));
}
