//! `window` of a `toml maintenance` block: one announced time, or one that comes again.

use super::codes;
use super::diagnostic::{Diagnostic, Problems, quoted};
use super::plan::Window;
use super::source::Located;
use super::tree::{Entry, Value, unknown_key};
use super::value::{positive_span, span};
use crate::domain::time::Timestamp;
use crate::domain::time::recur::{RECURRING_MAX, RecurError, Recurrence};
use std::ops::Range;
use std::time::Duration;

const KEYS: [&str; 6] = ["start", "end", "buffer", "recurs", "zone", "duration"];

/// When the work may happen.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Announced {
    /// Once.
    Once(Window),
    /// Again and again: which one it is, a clock says when the plan is used.
    Again(Recurrence),
}

/// The keys as written.
#[derive(Default)]
struct Written {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    buffer: Option<Duration>,
    recurs: Option<Located<String>>,
    zone: Option<Located<String>>,
    duration: Option<Duration>,
    /// Keys that are there, readable or not.
    keys: Vec<&'static str>,
}

impl Written {
    fn has(&self, key: &str) -> bool {
        self.keys.contains(&key)
    }
}

/// Reads it; nothing where it makes no sense.
pub(super) fn window(value: &Value, problems: &mut Problems) -> Option<Announced> {
    let mut written = Written {
        buffer: Some(Duration::ZERO),
        ..Written::default()
    };
    for Entry { key, value } in value.table(problems) {
        let Some(known) = KEYS.into_iter().find(|known| *known == key.value) else {
            unknown_key(key, "`[window]`", &KEYS, problems);
            continue;
        };
        written.keys.push(known);
        let text = value.scalar(problems);
        match known {
            "start" => written.start = text.and_then(|v| time(v, problems)),
            "end" => written.end = text.and_then(|v| time(v, problems)),
            "buffer" => written.buffer = text.and_then(|v| span(v, problems)),
            "duration" => written.duration = text.and_then(|v| positive_span(v, problems)),
            "zone" => written.zone = text.cloned(),
            _ => written.recurs = text.cloned(),
        }
    }
    if !matches!(value, Value::Table(..)) {
        return None;
    }
    let recurs = ["recurs", "zone", "duration"];
    if recurs.iter().any(|key| written.has(key)) {
        again(&written, value.span(), problems)
    } else {
        once(&written, value.span(), problems)
    }
}

fn fault(place: &Range<usize>, what: &str, hint: &str, problems: &mut Problems) {
    problems.push(Diagnostic::error(codes::WINDOW, place, what).hint(hint));
}

fn once(written: &Written, place: &Range<usize>, problems: &mut Problems) -> Option<Announced> {
    if !(written.has("start") && written.has("end")) {
        let hint = "write both in UTC: `start = 2026-11-22T02:00:00Z`";
        fault(place, "a window needs `start` and `end`", hint, problems);
    }
    let window = Window {
        start: written.start?,
        end: written.end?,
        buffer: written.buffer?,
    };
    let length = window.end.since(window.start);
    let why = if length.is_zero() {
        "the window ends before it begins"
    } else if window.buffer >= length {
        "the buffer leaves no time for the work"
    } else {
        return Some(Announced::Once(window));
    };
    problems.push(Diagnostic::error(codes::WINDOW, place, why));
    None
}

fn again(written: &Written, place: &Range<usize>, problems: &mut Problems) -> Option<Announced> {
    if written.has("start") || written.has("end") {
        let what = "a window comes once, or again and again, and not both";
        let hint = "leave out `start` and `end`, or `recurs`, `zone` and `duration`";
        fault(place, what, hint, problems);
        return None;
    }
    let needed = ["recurs", "zone", "duration"];
    if needed.iter().any(|key| !written.has(key)) {
        let what = "a window that comes again needs `recurs`, `zone` and `duration`";
        let hint = "`recurs = \"Sun 02:00\"`, `zone = \"Europe/Berlin\"`, `duration = \"2h\"`";
        fault(place, what, hint, problems);
        return None;
    }
    let (duration, buffer) = (written.duration?, written.buffer?);
    if buffer >= duration {
        let what = "the buffer leaves no time for the work";
        problems.push(Diagnostic::error(codes::WINDOW, place, what));
        return None;
    }
    if duration > RECURRING_MAX {
        let hint = "a window that comes again is at most six days long";
        fault(place, "the window is too long", hint, problems);
        return None;
    }
    let (recurs, zone) = (written.recurs.as_ref()?, written.zone.as_ref()?);
    match Recurrence::new(&recurs.value, &zone.value, (duration, buffer)) {
        Ok(recurrence) => Some(Announced::Again(recurrence)),
        Err(error) => {
            let at = match error {
                RecurError::Rule => recurs,
                RecurError::Zone => zone,
            };
            let what = format!("{} is {error}", quoted(&at.value));
            problems.push(Diagnostic::error(codes::BAD_VALUE, &at.span, what));
            None
        }
    }
}

fn time(value: &Located<String>, problems: &mut Problems) -> Option<Timestamp> {
    Timestamp::parse(&value.value)
        .map_err(|error| {
            problems.push(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    &value.span,
                    format!("{} is {error}", quoted(&value.value)),
                )
                .hint("date, time and offset are all needed: `2026-11-22T02:00:00Z`"),
            );
        })
        .ok()
}
