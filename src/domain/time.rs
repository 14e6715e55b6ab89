//! Points in time and how they are written. Nothing here reads a clock.

mod calendar;
pub mod recur;
pub mod trust;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A point in time: UTC, milliseconds since 1970. Written `2026-11-22T04:10:31.250Z`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is not a time of the one accepted form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a UTC time such as `2026-11-22T02:00:00Z`")]
pub struct TimeError;

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with any offset; the offset is applied and forgotten.
    ///
    /// # Errors
    /// [`TimeError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        if let Some(usual) = Self::parse_usual(text.as_bytes()) {
            return Ok(usual);
        }
        text.parse::<jiff::Timestamp>()
            .map(|t| Self(t.as_millisecond()))
            .map_err(|_| TimeError)
    }

    /// Reads the form that is written, `2026-11-22T04:10:31.250Z`, of the years 1970 to 9998; nothing for any other.
    pub fn parse_usual(text: &[u8]) -> Option<Self> {
        calendar::parse(text)
    }

    /// The same point for calendar arithmetic; far-away values are cut to what a calendar holds.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Later by `span`.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Earlier by `span`.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// `2026-11-22T04:10:31Z`: whole seconds, as statements use.
    pub fn to_seconds_text(self) -> String {
        self.to_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// `04:10:31`: time of day in UTC.
    pub fn to_clock_text(self) -> String {
        self.to_jiff().strftime("%H:%M:%S").to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            &self
                .to_jiff()
                .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
                .to_string(),
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(TimestampText)
    }
}

/// Reads the text where it stands: a snapshot has thousands of times, and a copy of each costs as much as the rest.
struct TimestampText;

impl serde::de::Visitor<'_> for TimestampText {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UTC time such as `2026-11-22T02:00:00Z`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        Timestamp::parse(text).map_err(E::custom)
    }
}

/// One reading of both clocks: limits hold on whichever runs out first (`TWO_PERSON` T9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Wall clock, UTC.
    pub wall: Timestamp,
    /// Milliseconds since boot, suspended time included; never steps.
    pub mono_ms: u64,
}

impl Moment {
    /// Milliseconds of boot clock since `earlier`; zero when `earlier` is later.
    pub fn mono_since(self, earlier: Self) -> u64 {
        self.mono_ms.saturating_sub(earlier.mono_ms)
    }

    /// True once `span` has passed since `earlier` on either clock.
    pub fn has_passed(self, earlier: Self, span: Duration) -> bool {
        let span_ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.mono_since(earlier) >= span_ms || self.wall.since(earlier.wall) >= span
    }

    /// Later by `span` on both clocks.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            wall: self.wall.plus(span),
            mono_ms: self.mono_ms.saturating_add(ms),
        }
    }
}

/// Serde form of a [`Duration`]: whole milliseconds as a number, for fields named `..._ms`.
pub mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// Writes whole milliseconds.
    pub fn serialize<S: Serializer>(span: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads whole milliseconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}

/// Serde form of an optional [`Duration`], as [`millis`].
pub mod millis_opt {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    /// Writes whole milliseconds or null.
    pub fn serialize<S: Serializer>(span: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => super::millis::serialize(span, s),
            None => s.serialize_none(),
        }
    }

    /// Reads whole milliseconds or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(d)?.map(Duration::from_millis))
    }
}

/// Reads `90s`, `5m`, `1h30m`, `250ms`, or a bare number of seconds.
///
/// # Errors
/// [`SpanError`] for any other text, a negative span, or one longer than 30 days.
pub fn parse_span(text: &str) -> Result<Duration, SpanError> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return bounded(Duration::from_secs(u64::from(seconds)));
    }
    let signed: jiff::SignedDuration = text.parse().map_err(|_| SpanError)?;
    bounded(Duration::try_from(signed).map_err(|_| SpanError)?)
}

/// Longer waits than a month are a typing mistake, and would overflow nothing but patience.
const SPAN_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

fn bounded(span: Duration) -> Result<Duration, SpanError> {
    if span <= SPAN_MAX {
        Ok(span)
    } else {
        Err(SpanError)
    }
}

/// A text that is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a span of time such as `90s`, `5m` or `1h30m` (at most 30 days)")]
pub struct SpanError;

/// `4 s`, `92 s`, `3m10s`, `2h05m`, `1d02h`: an age or a wait, short enough for a column.
pub fn short_span(span: Duration) -> String {
    let s = span.as_secs();
    match s {
        0..=119 => format!("{s}s"),
        120..=7199 => format!("{}m{:02}s", s / 60, s % 60),
        7200..=172_799 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{:02}h", s / 86_400, s / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_statements_want_it() {
        let t = Timestamp::parse("2026-11-22T04:10:31.250Z").expect("valid");
        assert_eq!(t.to_string(), "2026-11-22T04:10:31.250Z");
        assert_eq!(t.to_seconds_text(), "2026-11-22T04:10:31Z");
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn spans_are_read_in_the_forms_people_write() {
        assert_eq!(parse_span("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_span("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_span("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_span("-5s"), Err(SpanError));
        assert_eq!(parse_span("soon"), Err(SpanError));
        assert_eq!(parse_span("9999h"), Err(SpanError));
    }

    #[test]
    fn either_clock_ends_a_limit() {
        let start = Moment {
            wall: Timestamp::from_millis(1000),
            mono_ms: 1000,
        };
        let wall_stepped_back = Moment {
            wall: Timestamp::from_millis(0),
            mono_ms: 61_000,
        };
        assert!(wall_stepped_back.has_passed(start, Duration::from_secs(60)));
        let suspended = Moment {
            wall: Timestamp::from_millis(61_000),
            mono_ms: 2000,
        };
        assert!(suspended.has_passed(start, Duration::from_secs(60)));
    }
}
