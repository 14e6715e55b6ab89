//! A page as a mail; made without I/O.

use super::config::EmailConfig;
use crate::connect::connector::Order;
use crate::domain::time::Timestamp;
use crate::domain::write::{Deed, Urgency};
use lettre::Message;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, header};
use std::time::{Duration, SystemTime};

/// Longest subject, in characters: what a phone shows, and far below the 998 that a line may have.
const SUBJECT_CHARS_MAX: usize = 200;

/// Longest text, in characters: a page of output; relays take megabytes.
const TEXT_CHARS_MAX: usize = 20_000;

/// The id of an order's mail, with its brackets. Markers hold nothing that has to be quoted there.
pub(super) fn message_id(config: &EmailConfig, marker: &str) -> String {
    format!("<{marker}@warroom.{}>", config.from.domain())
}

/// The mail of a page; nothing for other deeds.
///
/// # Errors
/// What the mail could not be made of, in words.
pub(super) fn message(
    config: &EmailConfig,
    order: &Order<'_>,
    now: Timestamp,
) -> Option<Result<Message, String>> {
    let Deed::Page {
        summary,
        details,
        component,
        urgency,
    } = order.deed
    else {
        return None;
    };
    let about = if component.is_empty() {
        String::new()
    } else {
        format!("{component}: ")
    };
    let word = match urgency {
        Urgency::High => "PAGE",
        Urgency::Low => "page, not urgent",
    };
    let subject = one_line(&format!("[{word}] {about}{summary}"), SUBJECT_CHARS_MAX);
    let text = format!(
        "{summary}\n\n{details}\n\nComponent: {component}\nPaged by: {}\nAt: {now}\nMarker: {}\n",
        order.by, order.marker
    );
    let since_epoch = u64::try_from(now.as_millis()).unwrap_or(0);
    let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since_epoch));
    let mut mail = Message::builder()
        .from(Mailbox::new(None, config.from.clone()))
        .subject(subject)
        .message_id(Some(message_id(config, order.marker)))
        .header(header::MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN);
    if let Some(date) = date {
        mail = mail.date(date);
    }
    for to in &config.to {
        mail = mail.to(Mailbox::new(None, to.clone()));
    }
    Some(mail.body(lines(&text)).map_err(|error| error.to_string()))
}

/// One line without control characters: a line break in a header would begin another header.
fn one_line(text: &str, max: usize) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(max).collect()
}

/// Lines without other control characters. Line ends and dots at their begin are written out by the transport.
fn lines(text: &str) -> String {
    let plain = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    plain.take(TEXT_CHARS_MAX).collect()
}
