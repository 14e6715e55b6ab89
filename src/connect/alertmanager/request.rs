//! Which operations of the API v2 are asked for.

use super::breadth::is_narrow;
use super::response::FoundSilence;
use crate::connect::connector::WriteError;
use crate::connect::http::{Call, Method, path_part};
use crate::connect::mute::{check_until, marked};
use crate::domain::time::Timestamp;
use crate::domain::write::Matcher;
use serde_json::json;

/// Labels one silence may be narrowed by: more than anybody writes, and a request stays small.
const MATCHERS_MAX: usize = 50;

/// Alerts that are active, silenced or inhibited; with `filter` only those that fit all of its matchers.
pub(super) fn alerts(prefix: &str, filter: &[String]) -> Call {
    let call = Call::get(format!("{prefix}/alerts"));
    let filters = filter.iter();
    filters.fold(call, |call, matcher| call.query("filter", matcher))
}

/// All silences. Servers before 0.26 know no parameter that leaves out expired ones.
pub(super) fn silences(prefix: &str) -> Call {
    Call::get(format!("{prefix}/silences"))
}

/// One silence.
pub(super) fn silence(prefix: &str, id: &str) -> Call {
    Call::get(format!("{prefix}/silence/{}", path_part(id)))
}

/// Ends a silence.
pub(super) fn expire(prefix: &str, id: &str) -> Call {
    Call::new(
        Method::Delete,
        format!("{prefix}/silence/{}", path_part(id)),
    )
}

/// Version, cluster and configuration of one member.
pub(super) fn status(prefix: &str) -> Call {
    Call::get(format!("{prefix}/status"))
}

/// Names of the receivers.
pub(super) fn receivers(prefix: &str) -> Call {
    Call::get(format!("{prefix}/receivers"))
}

/// A silence that is wanted, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// Which one is changed; a new one is made when absent.
    pub(super) id: Option<String>,
    /// What it mutes, all of them together.
    pub(super) matchers: Vec<Matcher>,
    /// When it begins.
    pub(super) from: Timestamp,
    /// When it ends by itself.
    pub(super) until: Timestamp,
    /// Who wants it.
    pub(super) by: String,
    /// Why, and the marker.
    pub(super) comment: String,
}

impl Wanted {
    /// Checks that it is narrow, and that it ends soon.
    pub(super) fn new(
        matchers: &[Matcher],
        (from, until): (Timestamp, Timestamp),
        by: &str,
        (comment, marker): (&str, &str),
    ) -> Result<Self, WriteError> {
        check_until(until, from)?;
        if matchers.is_empty() {
            return Err(WriteError::refused(
                "a silence without matchers would silence everything",
            ));
        }
        if matchers.len() > MATCHERS_MAX {
            return Err(WriteError::refused(format!(
                "a silence has {MATCHERS_MAX} matchers at most, not {}",
                matchers.len()
            )));
        }
        if !matchers.iter().any(is_narrow) {
            let all: Vec<String> = matchers.iter().map(ToString::to_string).collect();
            return Err(WriteError::refused(format!(
                "{{{}}} would silence nearly everything: one label must name what it is about",
                all.join(", ")
            )));
        }
        Ok(Self {
            id: None,
            matchers: matchers.to_vec(),
            from,
            until,
            by: by.to_owned(),
            comment: marked(comment, marker),
        })
    }

    /// The request that makes it.
    pub(super) fn call(&self, prefix: &str) -> Call {
        let matchers = self.matchers.iter();
        let matchers: Vec<_> = matchers
            .map(|m| json!({"name": m.label, "value": m.value, "isRegex": m.is_regex, "isEqual": m.is_equal}))
            .collect();
        let mut body = json!({
            "matchers": matchers,
            "startsAt": self.from.to_string(),
            "endsAt": self.until.to_string(),
            "createdBy": self.by,
            "comment": self.comment,
        });
        // With an id, that silence is changed.
        if let (Some(id), Some(body)) = (&self.id, body.as_object_mut()) {
            body.insert("id".to_owned(), json!(id));
        }
        Call::post(format!("{prefix}/silences"), body)
    }

    /// The same silence with another end. Its begin stays what it is, else the server would make a new one of it.
    pub(super) fn moved(found: &FoundSilence, until: Timestamp) -> Option<Self> {
        Some(Self {
            id: Some(found.silence.id.clone()),
            matchers: found.matchers.clone(),
            from: found.silence.from?,
            until,
            by: found.silence.by.clone(),
            comment: found.silence.comment.clone(),
        })
    }
}
