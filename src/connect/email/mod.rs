//! Mail as the pager, over SMTP. It reads nothing.
//!
//! A relay takes a mail and says no more than that: a page by mail is accepted, never done. Its `Message-ID` is made from
//! the marker, so that a mail sent twice is one to whoever reads it.
//!
//! Source: RFC 5321 (SMTP; 4.2.1 for the meaning of reply codes), RFC 3207 (STARTTLS), RFC 8314 (implicit TLS), RFC 5322
//! (messages; 3.6.4 for `Message-ID`).

mod config;
mod request;
mod smtp;
#[cfg(test)]
mod tests;
mod write;

pub use config::{EmailConfig, KIND, TIMEOUT, Tls};
pub use write::EmailWriter;
