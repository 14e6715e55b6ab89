//! A generic webhook as the pager, for everything that has no connector: pages, and notes where that is set.
//!
//! `POST` of JSON in one fixed shape (`docs/connect/webhook.md`), with the marker as `Idempotency-Key`, and with a
//! signature where there is a secret. A webhook cannot be read: what it says at once is all that is ever known.
//!
//! Source: RFC 2104 (HMAC); the draft "The Idempotency-Key HTTP Header Field", version 06, for the header's name.

mod config;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod write;

pub use config::{KIND, WebhookConfig};
pub use write::WebhookWriter;
