//! Bytes of Grafana's own API: tolerant of fields we do not use, strict on those we do.

use crate::connect::http::{HttpError, decode};
use crate::domain::time::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One annotation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Annotation {
    /// Its number.
    pub(super) id: i64,
    /// Milliseconds since 1970.
    #[serde(default)]
    time: i64,
    /// Tags to find it by; null where there are none.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Annotation {
    /// Where it stands.
    pub(super) const fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.time)
    }

    /// True when it has the tag.
    pub(super) fn has(&self, tag: &str) -> bool {
        let tags = self.tags.as_deref().unwrap_or_default();
        tags.iter().any(|known| known == tag)
    }
}

/// Reads a list of annotations.
///
/// # Errors
/// [`HttpError::Decode`] with the place in the document.
pub(super) fn annotations(body: &[u8]) -> Result<Vec<Annotation>, HttpError> {
    decode(body)
}

/// Reads the answer to a new annotation: its number.
///
/// # Errors
/// As [`annotations`].
pub(super) fn created(body: &[u8]) -> Result<i64, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        id: i64,
    }
    decode::<Body>(body).map(|body| body.id)
}

/// Reads the version; empty where it is hidden from those who have not logged in.
///
/// # Errors
/// As [`annotations`].
pub(super) fn health(body: &[u8]) -> Result<String, HttpError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        version: String,
    }
    decode::<Body>(body).map(|body| body.version)
}

/// Reads the actions that a token may take.
///
/// # Errors
/// As [`annotations`].
pub(super) fn permissions(body: &[u8]) -> Result<Vec<String>, HttpError> {
    let actions: BTreeMap<String, serde_json::Value> = decode(body)?;
    Ok(actions.into_keys().collect())
}
