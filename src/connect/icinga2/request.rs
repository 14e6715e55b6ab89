//! Which objects are asked for, and which actions are taken.
//!
//! Filters are fixed texts. Names and markers go into `filter_vars`, where they are values and never code.

use crate::connect::http::Call;
use crate::domain::time::Timestamp;
use serde_json::{Value, json};

/// A query as a `POST`, so that filters and names stand in a body and not in an address that proxies log.
fn objects(kind: &str, body: Value) -> Call {
    Call::post(format!("/v1/objects/{kind}"), body)
        .header("X-HTTP-Method-Override", "GET")
        .header("Accept", "application/json")
}

fn action(name: &str, body: Value) -> Call {
    Call::post(format!("/v1/actions/{name}"), body).header("Accept", "application/json")
}

/// What an alert is made of, of hosts and services alike.
const CHECK_ATTRS: [&str; 8] = [
    "name",
    "state",
    "state_type",
    "last_state_change",
    "acknowledgement",
    "downtime_depth",
    "enable_notifications",
    "last_check_result",
];

/// Hosts that are not up.
pub(super) fn bad_hosts() -> Call {
    objects(
        "hosts",
        json!({"attrs": CHECK_ATTRS, "filter": "host.state != 0"}),
    )
}

/// Services that are not well.
pub(super) fn bad_services() -> Call {
    let mut attrs = CHECK_ATTRS.to_vec();
    attrs.push("host_name");
    objects(
        "services",
        json!({"attrs": attrs, "filter": "service.state != 0"}),
    )
}

const DOWNTIME_ATTRS: [&str; 7] = [
    "__name",
    "host_name",
    "service_name",
    "author",
    "comment",
    "start_time",
    "end_time",
];

/// All downtimes.
pub(super) fn downtimes() -> Call {
    objects("downtimes", json!({"attrs": DOWNTIME_ATTRS}))
}

/// Which downtimes are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    /// The one of this name: `web1!http!UUID`.
    Name(String),
    /// Those whose comment holds this marker in brackets.
    Marker(String),
}

impl Which {
    fn filter(&self) -> (&'static str, Value) {
        match self {
            Self::Name(name) => ("downtime.__name == wanted", json!(name)),
            Self::Marker(marker) => (
                "downtime.comment.contains(wanted)",
                json!(format!("[{marker}]")),
            ),
        }
    }

    /// Reads them.
    pub(super) fn query(&self) -> Call {
        let (filter, wanted) = self.filter();
        let body =
            json!({"attrs": DOWNTIME_ATTRS, "filter": filter, "filter_vars": {"wanted": wanted}});
        objects("downtimes", body)
    }

    /// Ends them, and what they have brought with them: downtimes of all services of a host.
    pub(super) fn remove(&self, author: &str) -> Call {
        let (filter, wanted) = self.filter();
        let body = json!({
            "type": "Downtime", "filter": filter, "filter_vars": {"wanted": wanted}, "author": author,
        });
        action("remove-downtime", body)
    }
}

/// Names and addresses of all hosts.
pub(super) fn hosts() -> Call {
    objects("hosts", json!({"attrs": ["name", "address"]}))
}

/// Services of some hosts with one name.
pub(super) fn services(hosts: &[String], service: &str) -> Call {
    let body = json!({
        "attrs": ["name", "host_name"],
        "filter": "host.name in wanted && service.name == wanted_service",
        "filter_vars": {"wanted": hosts, "wanted_service": service},
    });
    objects("services", body)
}

/// A fixed downtime that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Hosts, exactly as Icinga writes them.
    pub(super) hosts: Vec<String>,
    /// Only this service of them; the hosts with all their services when absent.
    pub(super) service: Option<String>,
    /// First moment.
    pub(super) from: Timestamp,
    /// Last moment.
    pub(super) until: Timestamp,
    /// Who.
    pub(super) author: String,
    /// Why, and the marker.
    pub(super) comment: String,
}

impl Wanted {
    /// Makes it.
    pub(super) fn schedule(&self) -> Call {
        let mut body = json!({
            "author": self.author,
            "comment": self.comment,
            "start_time": seconds(self.from),
            "end_time": seconds(self.until),
            "fixed": true,
        });
        let further = match &self.service {
            None => json!({
                "type": "Host",
                "filter": "host.name in wanted",
                "filter_vars": {"wanted": self.hosts},
                "all_services": true,
            }),
            Some(service) => json!({
                "type": "Service",
                "filter": "host.name in wanted && service.name == wanted_service",
                "filter_vars": {"wanted": self.hosts, "wanted_service": service},
            }),
        };
        if let (Value::Object(body), Value::Object(further)) = (&mut body, further) {
            body.extend(further);
        }
        action("schedule-downtime", body)
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(1000)
}

/// Who we are, what we may, and the version.
pub(super) fn who() -> Call {
    Call::get("/v1").header("Accept", "application/json")
}
