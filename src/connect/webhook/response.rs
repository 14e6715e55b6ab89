//! What the receiver says: a 2xx status takes the page, and JSON may say whether it got through.

use crate::connect::http::{Answer, snippet};
use crate::domain::write::Outcome;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    /// True when somebody was reached; false when it is known that nobody was yet.
    delivered: Option<bool>,
    /// The receiver's id.
    reference: Option<String>,
    /// One line for people.
    message: Option<String>,
}

/// What came of an order. Anything that is not JSON of the shape counts as having said nothing.
pub(super) fn outcome(answer: &Answer, host: &str, marker: &str) -> Outcome {
    let said: Said = answer.json().unwrap_or_default();
    let reference = said.reference.filter(|text| !text.is_empty());
    let reference = snippet(reference.as_deref().unwrap_or(marker).as_bytes());
    let message = said
        .message
        .map(|text| format!(": {}", snippet(text.as_bytes())));
    let message = message.unwrap_or_default();
    match said.delivered {
        Some(true) => Outcome::Done {
            reference,
            proof: format!("{host} says that it was delivered{message}"),
        },
        Some(false) => Outcome::Accepted {
            reference,
            what: format!("{host} says that it is not delivered yet{message}"),
        },
        None => Outcome::Accepted {
            reference,
            what: format!(
                "taken by {host} with HTTP {}; delivery is not known{message}",
                answer.status
            ),
        },
    }
}
