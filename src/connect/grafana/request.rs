//! Which operations of Grafana's own API are asked for.

use crate::connect::http::Call;
use crate::domain::time::Timestamp;
use serde_json::json;

/// Characters of an annotation: a paragraph, and short enough for the tooltip of a dashboard.
const TEXT_CHARS_MAX: usize = 1_000;

/// Tags that are asked for beside our own two: more are no help in finding it.
const TAGS_MAX: usize = 20;

/// Characters of a tag. Source: Grafana, database column `tag.key`.
const TAG_CHARS_MAX: usize = 100;

/// Marks every annotation that comes from here.
const OWN_TAG: &str = "warroom";

/// The tag of one write, by which a second try finds the first.
pub(super) fn tag(marker: &str) -> String {
    format!("warroom:{marker}")
}

/// Annotations of one write.
pub(super) fn annotations(marker: &str) -> Call {
    Call::get("/api/annotations")
        .query("tags", tag(marker))
        .query("type", "annotation")
        .query("limit", "10")
}

/// Makes an annotation of the whole organisation.
pub(super) fn annotate(text: &str, tags: &[String], marker: &str, now: Timestamp) -> Call {
    let clean = |text: &str, max: usize| -> String {
        let text = text
            .chars()
            .map(|c| if c.is_control() && c != '\n' { ' ' } else { c });
        text.take(max).collect()
    };
    let mut all = vec![tag(marker), OWN_TAG.to_owned()];
    for tag in tags.iter().take(TAGS_MAX) {
        let tag = clean(tag, TAG_CHARS_MAX).trim().to_owned();
        if !tag.is_empty() && !all.contains(&tag) {
            all.push(tag);
        }
    }
    let body = json!({
        "text": clean(text, TEXT_CHARS_MAX),
        "tags": all,
        "time": now.as_millis(),
    });
    Call::post("/api/annotations", body)
}

/// Version; asked without a permission.
pub(super) fn health() -> Call {
    Call::get("/api/health")
}

/// What the token may do.
pub(super) fn permissions() -> Call {
    Call::get("/api/access-control/user/permissions")
}
