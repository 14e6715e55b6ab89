//! Windows that come again: `Sun 02:00` in a zone, with its daylight rule, made into one concrete time.
//!
//! The zones are those that this program was built with, so that every host means the same. A time that the clocks skip
//! in spring is the same time after the start of the day by the old offset: `02:30` becomes `03:30`. One that comes twice
//! in autumn is the first of the two. Source: RFC 5545, 3.3.5. A duration is time that passes, whatever clocks say.

use super::{Timestamp, millis};
use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Longest window that comes again: one that is longer than its week is no window.
pub const RECURRING_MAX: Duration = Duration::from_secs(6 * 24 * 3600);

/// Days looked at for the next occurrence: every rule comes at least once in two months.
const DAYS_MAX: u32 = 70;

/// Days of a window that comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Days {
    /// Those of the week, Monday first, as bits.
    Week(u8),
    /// The first to fourth of one day in a month, Monday 0; -1 is the last one.
    Month(i8, u8),
}

/// When a window comes again. Frozen with the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// As it was written, for people: `Sun 02:00`.
    text: String,
    days: Days,
    /// Minutes after midnight by the clocks of the zone.
    minute: u16,
    /// IANA name, such as `Europe/Berlin`.
    zone: String,
    /// How long each is.
    #[serde(rename = "duration_ms", with = "millis")]
    pub duration: Duration,
    /// Time at the end of each that is kept for going back.
    #[serde(rename = "buffer_ms", with = "millis")]
    pub buffer: Duration,
}

/// Why a text is no such rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecurError {
    /// Days or time of day.
    #[error(
        "not a time that comes again, such as `Sun 02:00`, `Mon,Thu 22:30`, `daily 03:00` or `2nd Tue 21:00`"
    )]
    Rule,
    /// The zone.
    #[error("not a time zone, such as `Europe/Berlin` or `UTC`")]
    Zone,
}

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];
const ORDINALS: [(&str, i8); 5] = [("1st", 1), ("2nd", 2), ("3rd", 3), ("4th", 4), ("last", -1)];

/// Place of a day in the week, Monday 0: its name, or at least three letters of it.
fn day(text: &str) -> Option<u8> {
    let text = text.to_ascii_lowercase();
    let is_it = |(name, _): &(&str, Weekday)| text.len() >= 3 && name.starts_with(&text);
    let found = DAYS.iter().position(is_it)?;
    u8::try_from(found).ok()
}

fn days(words: &[&str]) -> Option<Days> {
    match words {
        [all] if all.eq_ignore_ascii_case("daily") => Some(Days::Week(0b111_1111)),
        [list] => {
            let mut bits = 0_u8;
            for name in list.split(',') {
                bits |= 1_u8.checked_shl(u32::from(day(name)?))?;
            }
            Some(Days::Week(bits))
        }
        [ordinal, name] => {
            let ordinal = ordinal.to_ascii_lowercase();
            let (_, nth) = ORDINALS.iter().find(|(word, _)| *word == ordinal)?;
            Some(Days::Month(*nth, day(name)?))
        }
        _ => None,
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let part = |text: &str, below: u16| {
        let is_plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse::<u16>().ok().filter(|n| *n < below);
        number.filter(|_| is_plain)
    };
    part(hour, 24)?
        .checked_mul(60)?
        .checked_add(part(minute, 60)?)
}

/// A zone of those the program was built with.
fn zone_of(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

impl Recurrence {
    /// Reads a rule and its zone.
    ///
    /// # Errors
    /// [`RecurError`].
    pub fn new(
        text: &str,
        zone: &str,
        (duration, buffer): (Duration, Duration),
    ) -> Result<Self, RecurError> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (time, on) = words.split_last().ok_or(RecurError::Rule)?;
        let recurrence = Self {
            days: days(on).ok_or(RecurError::Rule)?,
            minute: minute(time).ok_or(RecurError::Rule)?,
            text: words.join(" "),
            zone: zone.to_owned(),
            duration,
            buffer,
        };
        zone_of(zone).ok_or(RecurError::Zone)?;
        Ok(recurrence)
    }

    /// Start and end of the occurrence that is on at `now`, or else of the next one. Absent when the calendar ends before.
    pub fn at(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let zone = zone_of(&self.zone)?;
        let first = now.minus(self.duration).to_jiff();
        // A day earlier than the earliest that can still be on: a skipped time moves a start.
        let mut date = first.to_zoned(zone.clone()).date().yesterday().ok()?;
        for _ in 0..DAYS_MAX {
            if self.is_on(date) {
                let start = self.start_on(date, &zone)?;
                let end = start.plus(self.duration);
                if end > now {
                    return Some((start, end));
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn is_on(&self, date: Date) -> bool {
        let of_week = u8::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(u8::MAX);
        match self.days {
            Days::Week(bits) => bits.checked_shr(u32::from(of_week)).unwrap_or(0) & 1 == 1,
            Days::Month(nth, day) => {
                let named = DAYS.get(usize::from(day)).map(|(_, weekday)| *weekday);
                let found = named.and_then(|day| date.nth_weekday_of_month(nth, day).ok());
                found == Some(date)
            }
        }
    }

    fn start_on(&self, date: Date, zone: &TimeZone) -> Option<Timestamp> {
        let hour = i8::try_from(self.minute / 60).ok()?;
        let minute = i8::try_from(self.minute % 60).ok()?;
        let start = zone.to_timestamp(date.at(hour, minute, 0, 0)).ok()?;
        Some(Timestamp::from_millis(start.as_millisecond()))
    }
}

impl fmt::Display for Recurrence {
    /// `Sun 02:00 Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.text, self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &str, zone: &str, hours: u64, now: &str, expected: Option<&str>) {
        let span = Duration::from_secs(hours * 3600);
        let rule = Recurrence::new(rule, zone, (span, Duration::ZERO)).expect("a rule");
        let found = rule.at(Timestamp::parse(now).expect("a time"));
        let start = found.map(|(start, _)| start.to_seconds_text());
        assert_eq!(start.as_deref(), expected, "{rule} at {now}");
        if let Some((start, end)) = found {
            assert_eq!(
                end.since(start),
                span,
                "time that passes, whatever clocks say"
            );
        }
    }

    #[test]
    fn the_one_that_is_on_or_else_the_next_one() {
        let berlin = "Europe/Berlin";
        let on = |now, start| check("Sun 02:00", berlin, 2, now, Some(start));
        // Sunday 2026-11-22, winter: UTC+1.
        on("2026-11-21T12:00:00Z", "2026-11-22T01:00:00Z");
        on("2026-11-22T01:00:00Z", "2026-11-22T01:00:00Z");
        on("2026-11-22T02:59:59Z", "2026-11-22T01:00:00Z");
        on("2026-11-22T03:00:00Z", "2026-11-29T01:00:00Z");
        // Summer: UTC+2.
        on("2026-07-01T00:00:00Z", "2026-07-05T00:00:00Z");
    }

    #[test]
    fn a_skipped_time_keeps_the_old_offset_and_one_that_comes_twice_is_the_first() {
        let berlin = "Europe/Berlin";
        // 2026-03-29: 02:00 becomes 03:00, so 02:30 is 03:30 by the clocks, 01:30 in UTC.
        check(
            "Sun 02:30",
            berlin,
            1,
            "2026-03-28T00:00:00Z",
            Some("2026-03-29T01:30:00Z"),
        );
        check(
            "Sun 01:59",
            berlin,
            1,
            "2026-03-28T00:00:00Z",
            Some("2026-03-29T00:59:00Z"),
        );
        check(
            "Sun 03:00",
            berlin,
            1,
            "2026-03-28T00:00:00Z",
            Some("2026-03-29T01:00:00Z"),
        );
        // 2026-10-25: 03:00 becomes 02:00, so 02:30 comes twice, at 00:30 and at 01:30 in UTC.
        check(
            "Sun 02:30",
            berlin,
            1,
            "2026-10-24T00:00:00Z",
            Some("2026-10-25T00:30:00Z"),
        );
        // The second 02:30 is none: that one is over at 01:30.
        check(
            "Sun 02:30",
            berlin,
            1,
            "2026-10-25T01:30:00Z",
            Some("2026-11-01T01:30:00Z"),
        );
        // A zone whose clocks jump at midnight.
        check(
            "Sun 00:15",
            "America/Havana",
            1,
            "2026-03-07T12:00:00Z",
            Some("2026-03-08T05:15:00Z"),
        );
        // One that is on across a change is as long as any other.
        check(
            "Sun 01:00",
            berlin,
            4,
            "2026-03-29T03:30:00Z",
            Some("2026-03-29T00:00:00Z"),
        );
    }

    #[test]
    fn lists_days_and_days_of_a_month() {
        let cases = [
            (
                "Mon,Thu 22:30",
                "2026-11-24T00:00:00Z",
                "2026-11-26T22:30:00Z",
            ),
            (
                "daily 03:00",
                "2026-11-24T05:00:00Z",
                "2026-11-25T03:00:00Z",
            ),
            (
                "2nd Tue 21:00",
                "2026-11-11T00:00:00Z",
                "2026-12-08T21:00:00Z",
            ),
            (
                "last saturday 21:00",
                "2026-11-11T00:00:00Z",
                "2026-11-28T21:00:00Z",
            ),
            (
                "1st Sun 00:00",
                "2026-12-31T23:59:00Z",
                "2027-01-03T00:00:00Z",
            ),
        ];
        for (rule, now, start) in cases {
            check(rule, "UTC", 1, now, Some(start));
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let new = |rule, zone| Recurrence::new(rule, zone, (Duration::ZERO, Duration::ZERO));
        for rule in [
            "",
            "02:00",
            "Sun",
            "Sun 2:00",
            "Sun 24:00",
            "S 02:00",
            "5th Sun 02:00",
            "Sun,,Mon 02:00",
            "every Sun 02:00 x",
        ] {
            assert_eq!(new(rule, "UTC"), Err(RecurError::Rule), "{rule}");
        }
        assert_eq!(new("Sun 02:00", "Europe/Bielefeld"), Err(RecurError::Zone));
        assert_eq!(new("Sun 02:00", ""), Err(RecurError::Zone));
    }
}
