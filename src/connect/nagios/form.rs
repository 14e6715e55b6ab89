//! What the form of a command in `cmd.cgi` tells: the secret against forged requests, and how this server writes times.
//!
//! The CGI reads times in the format of its `date_format` and in the time zone of its host, and says neither. But the
//! form is filled in with the time of now, which tells both.

use crate::connect::connector::WriteError;
use crate::connect::http::{Body, Call, snippet};
use crate::domain::time::Timestamp;
use jiff::civil::DateTime;
use jiff::{SignedDuration, tz::TimeZone};

/// Time zones are whole quarters of an hour.
const QUARTER_MS: i64 = 15 * 60 * 1000;

/// Furthest time zone from UTC, and a clock that is some minutes off. Source: the tz database, +14 and -12.
const OFFSET_MS_MAX: i64 = 15 * 60 * 60 * 1000;

/// Forms of `date_format`: `iso8601`, `strict-iso8601`, `us`, `euro`. Source: Nagios Core 4, "Main Configuration File
/// Options", `date_format`.
const FORMATS: [&str; 4] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%m-%d-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
];

/// What was read of a form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Form {
    /// Must come back with the command, as a field and as a cookie; older versions have none.
    id: Option<String>,
    /// How to write times; absent in forms without any.
    times: Option<Times>,
}

/// How a server writes times.
#[derive(Debug, Clone, PartialEq)]
struct Times {
    format: &'static str,
    /// Its time of now.
    now: DateTime,
    /// Its time zone: what is added to UTC.
    offset_ms: i64,
}

impl Form {
    /// Reads the page; `now` is the time it was asked for.
    pub(super) fn read(page: &str, now: Timestamp) -> Self {
        let id = value_of(page, "nagFormId");
        let id = id.filter(|id| id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric()));
        Self {
            id: id.map(str::to_owned),
            times: value_of(page, "start_time").and_then(|text| Times::read(text, now)),
        }
    }

    /// The server's time of now, and `until`, both as it writes them.
    ///
    /// # Errors
    /// Refused when the form did not show how.
    pub(super) fn span(&self, until: Timestamp) -> Result<(String, String), WriteError> {
        let times = self.times.as_ref().ok_or_else(|| {
            WriteError::refused(
                "cannot tell how this Nagios writes times: set `command_file`, or check its clock and `date_format`",
            )
        })?;
        Ok((times.write(times.now), times.write(times.local(until))))
    }

    /// Puts the secret in.
    pub(super) fn sign(&self, mut call: Call) -> Call {
        let Some(id) = &self.id else { return call };
        if let Body::Form(pairs) = &mut call.body {
            pairs.push(("nagFormId", id.clone()));
        }
        call.header("Cookie", format!("NagFormId={id}"))
    }
}

impl Times {
    fn read(text: &str, now: Timestamp) -> Option<Self> {
        let utc = |time: DateTime| {
            Some(
                time.to_zoned(TimeZone::UTC)
                    .ok()?
                    .timestamp()
                    .as_millisecond(),
            )
        };
        FORMATS.into_iter().find_map(|format| {
            let time = DateTime::strptime(format, text).ok()?;
            let off = utc(time)?.saturating_sub(now.as_millis());
            // A date read in the wrong order is days away, unless it is the same.
            (off.saturating_abs() <= OFFSET_MS_MAX).then(|| Self {
                format,
                now: time,
                offset_ms: off
                    .saturating_add(QUARTER_MS / 2)
                    .div_euclid(QUARTER_MS)
                    .saturating_mul(QUARTER_MS),
            })
        })
    }

    fn local(&self, time: Timestamp) -> DateTime {
        let offset = SignedDuration::from_millis(self.offset_ms);
        let utc = time.to_jiff().to_zoned(TimeZone::UTC).datetime();
        utc.checked_add(offset).unwrap_or(utc)
    }

    fn write(&self, time: DateTime) -> String {
        time.strftime(self.format).to_string()
    }
}

/// Value of an input by its name. The page is not proper HTML, so that no parser of it would do better.
fn value_of<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("NAME='{name}'"))?;
    let (before, rest) = rest.split_once("VALUE='")?;
    if before.contains(['<', '>']) {
        return None;
    }
    rest.split_once('\'').map(|(value, _)| value)
}

/// What `cmd.cgi` answered to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Handed over to Nagios.
    Submitted,
    /// The user may not do that.
    Forbidden,
    /// Something is wrong with it; the page's own words.
    Refused(String),
    /// The page says nothing that we know.
    Odd,
}

/// Reads the page behind a command. Source: Nagios Core 4, `cgi/cmd.c`.
pub(super) fn verdict(page: &str) -> Verdict {
    if page.contains("successfully submitted") {
        return Verdict::Submitted;
    }
    if page.contains("not authorized") || page.contains("Not Authorized") {
        return Verdict::Forbidden;
    }
    let said = ["errorMessage'>", "errorDescription'>", "<p>Error:"]
        .into_iter()
        .filter_map(|mark| Some(page.split_once(mark)?.1))
        .map(|rest| rest.split('<').next().unwrap_or_default().trim())
        .filter(|text| !text.is_empty());
    let said: Vec<&str> = said.collect();
    if said.is_empty() {
        Verdict::Odd
    } else {
        Verdict::Refused(snippet(said.join(" ").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn form(start: &str, now: &str) -> Form {
        let page = format!(
            "<INPUT TYPE='hidden' NAME='nagFormId' VALUE='2eb141f241b71efb'\n<b><INPUT TYPE='TEXT' NAME='start_time' VALUE='{start}'></b>"
        );
        Form::read(&page, at(now))
    }

    #[test]
    fn times_are_written_as_the_form_shows_them() {
        let cases = [
            (
                "2026-11-22 09:15:31",
                "2026-11-22T09:15:30Z",
                "2026-11-22 11:00:00",
            ),
            (
                "2026-11-22T10:15:31",
                "2026-11-22T09:15:30Z",
                "2026-11-22T12:00:00",
            ),
            (
                "11-22-2026 04:15:31",
                "2026-11-22T09:15:30Z",
                "11-22-2026 06:00:00",
            ),
            (
                "22-11-2026 14:45:31",
                "2026-11-22T09:15:30Z",
                "22-11-2026 16:30:00",
            ),
            // Nobody can tell the order on the 11th of November, and nobody has to.
            (
                "11-11-2026 23:00:00",
                "2026-11-12T09:00:00Z",
                "11-22-2026 01:00:00",
            ),
        ];
        for (start, now, until) in cases {
            let span = form(start, now).span(at("2026-11-22T11:00:00Z"));
            assert_eq!(span, Ok((start.to_owned(), until.to_owned())), "{start}");
        }
    }

    #[test]
    fn without_a_sure_reading_no_time_is_written() {
        for start in [
            "",
            "now",
            "2026-11-22",
            "2026-13-22 00:00:00",
            "03-04-2026 10:00:00",
        ] {
            let span = form(start, "2026-11-22T09:15:30Z").span(at("2026-11-22T11:00:00Z"));
            assert!(span.is_err(), "{start}");
        }
        assert!(
            Form::read("", at("2026-11-22T09:15:30Z"))
                .span(Timestamp::default())
                .is_err()
        );
    }

    #[test]
    fn the_secret_goes_back_twice_and_only_when_it_is_one() {
        let signed = form("", "2026-11-22T09:15:30Z").sign(Call {
            body: Body::Form(Vec::new()),
            ..Call::get("/cmd.cgi")
        });
        assert_eq!(
            signed.headers,
            [("Cookie", "NagFormId=2eb141f241b71efb".to_owned())]
        );
        assert_eq!(
            signed.body,
            Body::Form(vec![("nagFormId", "2eb141f241b71efb".to_owned())])
        );
        let page = "<INPUT NAME='nagFormId' VALUE='x; Path=/\r\nEvil: 1'>";
        let form = Form::read(page, at("2026-11-22T09:15:30Z"));
        assert_eq!(form.sign(Call::get("/cmd.cgi")).headers, []);
    }

    #[test]
    fn pages_behind_a_command_are_told_apart() {
        let cases = [
            (
                "<DIV CLASS='infoMessage'>Your command request was successfully submitted to Nagios for processing.<BR>",
                Verdict::Submitted,
            ),
            (
                "<DIV CLASS='errorMessage'>Sorry, but you are not authorized to commit the specified command.</DIV>",
                Verdict::Forbidden,
            ),
            (
                "<p>Error: Invalid or missing CSRF cookie!</p>",
                Verdict::Refused("Invalid or missing CSRF cookie!".to_owned()),
            ),
            ("<html></html>", Verdict::Odd),
            ("", Verdict::Odd),
        ];
        for (page, wanted) in cases {
            assert_eq!(verdict(page), wanted, "{page}");
        }
    }
}
