//! The API v2 of Alertmanager: alerts, silences, which can be made and ended, receivers, status.
//!
//! Source: Alertmanager `api/v2/openapi.yaml`; the tests compare with recorded answers.

use super::alerts::Active;
use super::http::{Ask, Reply};
use super::promql::{self, Matcher};
use super::world::World;
use crate::domain::time::Timestamp;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

/// How long an alert lives after it was last sent: Prometheus sends four evaluations ahead.
const RESOLVE_AFTER_MS: i64 = 4 * 60 * 1000;

/// What the path of one silence begins with.
const SILENCE: &str = "/api/v2/silence/";

/// Answers one request below `/alertmanager`.
pub(super) fn answer(world: &World, ask: &Ask, path: &str) -> Reply {
    let body = match path {
        "/-/ready" | "/-/healthy" => return Reply::text(StatusCode::OK, "OK"),
        "/api/v2/alerts" => match filters(ask) {
            Ok(filters) => alerts(world, &filters),
            Err(what) => return Reply::json(StatusCode::BAD_REQUEST, &json!(what)),
        },
        "/api/v2/silences" => return silences(world, ask),
        "/api/v2/receivers" => json!([{"name": "orders-oncall"}]),
        "/api/v2/status" => status(world),
        _ if path.starts_with(SILENCE) => return silence(world, ask, path),
        _ => {
            let what = format!("path {path} was not found");
            return Reply::json(
                StatusCode::NOT_FOUND,
                &json!({"code": 404, "message": what}),
            );
        }
    };
    Reply::json(StatusCode::OK, &body)
}

/// The list, or a new one.
fn silences(world: &World, ask: &Ask) -> Reply {
    if ask.method == Method::GET {
        let all = world.with(|cluster, now_ms| cluster.silences.list(now_ms));
        return Reply::json(StatusCode::OK, &all);
    }
    match world.with(|cluster, now_ms| cluster.silences.make(ask, now_ms)) {
        Ok(id) => Reply::json(StatusCode::OK, &json!({"silenceID": id})),
        Err(what) => Reply::json(StatusCode::BAD_REQUEST, &json!(what)),
    }
}

/// One silence: shown, or ended.
fn silence(world: &World, ask: &Ask, path: &str) -> Reply {
    let id = path.strip_prefix(SILENCE).unwrap_or_default();
    let answer = world.with(|cluster, now_ms| {
        if ask.method == Method::DELETE {
            let is_ended = cluster.silences.end(id, now_ms);
            return is_ended.then(|| json!({}));
        }
        cluster.silences.one(id, now_ms)
    });
    match answer {
        Some(answer) => Reply::json(StatusCode::OK, &answer),
        None => Reply::json(
            StatusCode::NOT_FOUND,
            &json!(format!("silence {id} not found")),
        ),
    }
}

fn filters(ask: &Ask) -> Result<Vec<Matcher>, String> {
    let filters = ask.params("filter");
    let parsed = filters
        .map(|text| promql::parse_matcher(text).map_err(|_| format!("bad matcher format: {text}")));
    parsed.collect()
}

fn alerts(world: &World, filters: &[Matcher]) -> Value {
    let base = world.base();
    world.with(|cluster, now_ms| {
        let firing = cluster
            .alarms
            .active
            .iter()
            .filter(|active| active.is_firing);
        let alerts = firing.filter_map(|active| {
            let labels = active.all_labels();
            let value_of = |name: &str| {
                let found = labels.iter().find(|(known, _)| known == name);
                found.map_or("", |(_, value)| value.as_str())
            };
            let fits = filters
                .iter()
                .all(|filter| filter.fits(value_of(&filter.label)));
            let quiet = cluster.silences.of(&labels, now_ms);
            fits.then(|| alert(active, &labels, &quiet, (now_ms, &base)))
        });
        alerts.collect::<Vec<_>>().into()
    })
}

fn alert(
    active: &Active,
    labels: &[(String, String)],
    quiet: &[&str],
    (now_ms, base): (i64, &str),
) -> Value {
    let state = if quiet.is_empty() {
        "active"
    } else {
        "suppressed"
    };
    let time = |ms: i64| Timestamp::from_millis(ms).to_string();
    let named = labels.iter();
    let named: Map<String, Value> = named
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    let expr: String = form_urlencoded::byte_serialize(active.rule.query.as_bytes()).collect();
    json!({
        "annotations": {"summary": active.rule.summary},
        "endsAt": time(now_ms.saturating_add(RESOLVE_AFTER_MS)),
        "fingerprint": fingerprint(labels),
        "receivers": [{"name": "orders-oncall"}],
        "startsAt": time(active.since_ms.saturating_add(active.rule.for_ms)),
        "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": quiet, "state": state},
        "updatedAt": time(now_ms),
        "generatorURL": format!("{base}/prometheus/graph?g0.expr={expr}&g0.tab=1"),
        "labels": named,
    })
}

/// FNV-1a over the labels, as Alertmanager has it.
fn fingerprint(labels: &[(String, String)]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for (name, value) in labels {
        let bytes = name
            .bytes()
            .chain([0xFF])
            .chain(value.bytes())
            .chain([0xFF]);
        for byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

fn status(world: &World) -> Value {
    let since = world.with(|cluster, _| cluster.pager.started());
    json!({
        "cluster": {"name": "", "peers": [], "status": "disabled"},
        "config": {"original": "route:\n  receiver: orders-oncall\nreceivers:\n- name: orders-oncall\n"},
        "uptime": since.to_string(),
        "versionInfo": {
            "branch": "lab", "buildDate": "", "buildUser": "warroom", "goVersion": "", "revision": "lab",
            "version": concat!(env!("CARGO_PKG_VERSION"), "-warroom-lab"),
        },
    })
}
