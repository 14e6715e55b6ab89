//! The one shape of what is sent; made without I/O. THE SHAPE IS FROZEN: receivers rely on it, and the test
//! `the_shape_is_what_the_documents_say` guards it.

use crate::connect::connector::Order;
use crate::connect::http::Call;
use crate::domain::time::Timestamp;
use crate::domain::write::{Deed, Urgency};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// Number of the shape: grows when a field changes its meaning or goes. New fields do not change it.
const VERSION: u32 = 1;

/// What is sent for an order; nothing for deeds that a webhook does not carry out.
pub(super) fn body(order: &Order<'_>, now: Timestamp) -> Option<Value> {
    let (kind, summary, details, component, urgency, reference) = match order.deed {
        Deed::Page {
            summary,
            details,
            component,
            urgency,
        } => {
            let urgency = match urgency {
                Urgency::High => "high",
                Urgency::Low => "low",
            };
            (
                "page",
                summary.as_str(),
                details.as_str(),
                component.as_str(),
                urgency,
                "",
            )
        }
        Deed::Note { reference, text } => ("note", text.as_str(), "", "", "", reference.as_str()),
        _ => return None,
    };
    let about = if component.is_empty() {
        String::new()
    } else {
        format!("{component}: ")
    };
    // A marker is a session and a number.
    let session = order
        .marker
        .rsplit_once('/')
        .map_or("", |(session, _)| session);
    Some(json!({
        "version": VERSION,
        "kind": kind,
        "text": format!("{about}{summary} ({})", order.by),
        "summary": summary,
        "details": details,
        "component": component,
        "urgency": urgency,
        "reference": reference,
        "by": order.by,
        "session": session,
        "marker": order.marker,
        "at": now.to_string(),
    }))
}

/// The request, signed where there is a secret: HMAC-SHA-256 over time, a dot and the body's bytes.
pub(super) fn call(
    body: Value,
    marker: &str,
    now: Timestamp,
    secret: Option<&SecretString>,
) -> Call {
    let time = now.as_millis().div_euclid(1000).to_string();
    let signature = secret.map(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
        let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
        format!("sha256={}", data_encoding::HEXLOWER.encode(tag.as_ref()))
    });
    let call = Call::post("", body)
        .header("Idempotency-Key", marker)
        .header("X-Warroom-Timestamp", time);
    match signature {
        Some(signature) => call.header("X-Warroom-Signature", signature),
        None => call,
    }
}
