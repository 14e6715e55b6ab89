//! Requests of the Datadog API, made without I/O.
//!
//! Source: Datadog API reference, "Query timeseries points" (v1), "Get all monitors" (v1), "Validate API key" (v1),
//! "Downtimes" (v2).

use crate::connect::http::{Call, Method, path_part};
use crate::domain::time::Timestamp;
use serde_json::json;
use std::time::Duration;

/// Monitors of one page: a few hundred kilobytes.
pub(super) const MONITORS_PAGE: usize = 200;
/// Downtimes of one page.
pub(super) const DOWNTIMES_PAGE: usize = 100;

/// The values of a query in the last `window`.
pub(super) fn query(expr: &str, now: Timestamp, window: Duration) -> Call {
    let seconds = |at: Timestamp| at.as_millis().div_euclid(1000).to_string();
    Call::get("/api/v1/query")
        .query("from", seconds(now.minus(window)))
        .query("to", seconds(now))
        .query("query", expr)
}

/// A page of monitors, with the states of their groups and the downtimes that hold.
pub(super) fn monitors(tags: &[String], page: usize, size: usize) -> Call {
    let call = Call::get("/api/v1/monitor")
        .query("group_states", "alert,warn,no data")
        .query("with_downtimes", "true")
        .query("page", page.to_string())
        .query("page_size", size.to_string());
    if tags.is_empty() {
        call
    } else {
        call.query("monitor_tags", tags.join(","))
    }
}

/// Whether the key of the organisation is good.
pub(super) fn validate() -> Call {
    Call::get("/api/v1/validate")
}

/// A page of downtimes; `current` leaves out those that are over.
pub(super) fn downtimes(current: bool, offset: usize, size: usize) -> Call {
    Call::get("/api/v2/downtime")
        .query("current_only", current.to_string())
        .query("page[offset]", offset.to_string())
        .query("page[limit]", size.to_string())
}

/// One downtime.
pub(super) fn downtime(id: &str) -> Call {
    Call::get(format!("/api/v2/downtime/{}", path_part(id)))
}

/// Ends a downtime.
pub(super) fn cancel(id: &str) -> Call {
    Call::new(
        Method::Delete,
        format!("/api/v2/downtime/{}", path_part(id)),
    )
}

/// A downtime from now on, of all monitors within `scope`.
pub(super) fn mute(scope: &str, until: Timestamp, message: &str) -> Call {
    let body = json!({"data": {"type": "downtime", "attributes": {
        "message": message,
        "monitor_identifier": {"monitor_tags": ["*"]},
        "scope": scope,
        "schedule": {"start": null, "end": until.to_seconds_text()},
        "display_timezone": "UTC",
    }}});
    Call::post("/api/v2/downtime", body)
}
