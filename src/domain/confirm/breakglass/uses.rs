//! Who has gone alone when, as a text that a host keeps. FROZEN: test `the_form_of_the_file_is_frozen`.
//!
//! ```text
//! warroom-breakglass-uses@v1
//! alice 2026-11-22T04:10:31.000Z 2026-11-22T04:50:07.000Z
//! ```
//!
//! A line per person, sorted by id, with the newest two times. Whatever is read prints as the same text, and anything
//! else is refused: who could damage this file could lift a lock.

use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// First line of the file.
const TITLE: &str = "warroom-breakglass-uses@v1";
/// Longest file: a thousand people at the longest line.
pub const LEDGER_MAX: usize = 128 * 1024;
/// Two uses within this time lock: an emergency is one, the second is a habit (`TWO_PERSON` 4.8).
pub const USES_SPAN: Duration = Duration::from_secs(3600);
/// How long the lock holds after the second one: until others are awake and have looked at both.
pub const LOCK_SPAN: Duration = Duration::from_secs(24 * 3600);
/// Times kept of a person: two are enough to tell.
const KEPT: usize = 2;

/// When each person went alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    people: BTreeMap<PersonId, Vec<Timestamp>>,
}

/// A line that is not as this program writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct UsesFault {
    /// Line, from 1.
    pub line: usize,
    /// What was expected.
    pub what: &'static str,
}

impl Uses {
    /// Until when this person is locked; absent when they are not.
    pub fn locked_until(&self, person: &PersonId, now: Timestamp) -> Option<Timestamp> {
        let [first, second] = self.people.get(person)?.as_slice() else {
            return None;
        };
        // A clock that was set back leaves both in the future: that lifts nothing.
        let until = second.plus(LOCK_SPAN);
        (second.since(*first) < USES_SPAN && now < until).then_some(until)
    }

    /// Takes down one more.
    ///
    /// # Errors
    /// The end of the lock, when the person is locked; nothing is taken down then.
    pub fn spend(&mut self, person: &PersonId, now: Timestamp) -> Result<(), Timestamp> {
        if let Some(until) = self.locked_until(person, now) {
            return Err(until);
        }
        let times = self.people.entry(person.clone()).or_default();
        // After a clock was set back the order would not be one of time.
        let now = times.last().map_or(now, |last| now.max(*last));
        times.push(now);
        if times.len() > KEPT {
            times.remove(0);
        }
        Ok(())
    }

    /// Reads what [`Uses::print`] writes, and no other text.
    ///
    /// # Errors
    /// [`UsesFault`] with the first line that is not as it should be.
    pub fn parse(text: &str) -> Result<Self, UsesFault> {
        let fault = |line, what| UsesFault { line, what };
        let body = text.strip_prefix(TITLE).and_then(|t| t.strip_prefix('\n'));
        let body = body.ok_or(fault(1, "expected `warroom-breakglass-uses@v1`"))?;
        let mut people = BTreeMap::new();
        for (index, row) in body.split_inclusive('\n').enumerate() {
            let line = index.saturating_add(2);
            let (id, times) = row
                .strip_suffix('\n')
                .and_then(read_row)
                .ok_or(fault(line, "expected a person and one or two times"))?;
            people.insert(id, times);
        }
        let uses = Self { people };
        if uses.print() == text {
            Ok(uses)
        } else {
            Err(fault(2, "expected people in order, each once"))
        }
    }

    /// The text of the file.
    pub fn print(&self) -> String {
        let mut out = format!("{TITLE}\n");
        for (person, times) in &self.people {
            out.push_str(person.as_str());
            for time in times {
                // Writing to a text does not fail.
                write!(out, " {time}").ok();
            }
            out.push('\n');
        }
        out
    }
}

fn read_row(row: &str) -> Option<(PersonId, Vec<Timestamp>)> {
    let mut words = row.split(' ');
    let id = PersonId::new(words.next()?).ok()?;
    let times: Vec<Timestamp> = words.map(Timestamp::parse).collect::<Result<_, _>>().ok()?;
    let is_sorted = times.is_sorted();
    ((1..=KEPT).contains(&times.len()) && is_sorted).then_some((id, times))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::person;

    fn at(minute: u64) -> Timestamp {
        let start = Timestamp::parse("2026-11-22T04:10:31Z").expect("valid");
        start.plus(Duration::from_secs(60 * minute))
    }

    #[test]
    fn two_in_an_hour_lock_one_person_for_a_day() {
        let (ann, bob) = (person("ann"), person("bob"));
        let mut uses = Uses::default();
        assert_eq!(uses.spend(&ann, at(0)), Ok(()));
        assert_eq!(uses.locked_until(&ann, at(59)), None);
        assert_eq!(uses.spend(&ann, at(59)), Ok(()));
        let until = at(59).plus(LOCK_SPAN);
        assert_eq!(uses.spend(&ann, at(59)), Err(until));
        assert_eq!(
            uses.spend(&ann, at(200)),
            Err(until),
            "not an hour later either"
        );
        // Nor does a clock that is set back help.
        assert_eq!(uses.locked_until(&ann, at(0)), Some(until));
        assert_eq!(uses.spend(&bob, at(60)), Ok(()));
        assert_eq!(uses.spend(&ann, until), Ok(()));
        assert_eq!(uses.locked_until(&ann, until), None, "a day apart");
    }

    #[test]
    fn an_hour_apart_locks_nobody() {
        let ann = person("ann");
        let mut uses = Uses::default();
        for hour in 0..10 {
            assert_eq!(uses.spend(&ann, at(60 * hour)), Ok(()));
        }
    }

    #[test]
    fn the_form_of_the_file_is_frozen() {
        let text = "warroom-breakglass-uses@v1\nann 2026-11-22T04:10:31.000Z 2026-11-22T05:09:31.000Z\nbob 2026-11-22T04:10:31.000Z\n";
        let mut uses = Uses::default();
        assert_eq!(uses.print(), "warroom-breakglass-uses@v1\n");
        uses.spend(&person("ann"), at(0)).expect("first");
        uses.spend(&person("ann"), at(59)).expect("second");
        uses.spend(&person("bob"), at(0)).expect("first");
        assert_eq!(uses.print(), text);
        assert_eq!(Uses::parse(text), Ok(uses));
    }

    #[test]
    fn what_it_does_not_write_it_does_not_read() {
        let row = "ann 2026-11-22T04:10:31.000Z\n";
        for text in [
            String::new(),
            row.to_owned(),
            format!("{TITLE}\nann\n"),
            format!("{TITLE}\n{row}{row}"),
            format!("{TITLE}\n{}", row.trim_end()),
            format!("{TITLE}\nann 2026-11-22T05:10:31.000Z 2026-11-22T04:10:31.000Z\n"),
            format!("{TITLE}\nbob 2026-11-22T04:10:31.000Z\n{row}"),
        ] {
            assert!(Uses::parse(&text).is_err(), "{text:?}");
        }
    }
}
