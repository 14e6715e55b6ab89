//! What a host remembers of everybody's codes, as text. FROZEN: test `the_form_of_the_file_is_frozen`.
//!
//! ```text
//! warroom-totp@v1
//! alice 59023114 0 none
//! bob none 5 2026-11-22T04:26:07.000Z
//! ```
//!
//! A line per person, sorted by id: newest accepted time step, failures in a row, end of the lock. Whatever is read prints
//! as the same text, and anything else is refused: who could damage this file could bring a spent code back.

use super::{FAILURES_MAX, Lock, Standing};
use crate::domain::doc::parse_number;
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use crate::evidence::store::{Kept, LineFault};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// First line of the file.
const TITLE: &str = "warroom-totp@v1";
/// Everybody's [`Standing`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    people: BTreeMap<PersonId, Standing>,
}

impl Ledger {
    /// What is remembered of a person; nothing yet is a clean start.
    pub fn of(&mut self, person: &PersonId) -> &mut Standing {
        self.people.entry(person.clone()).or_default()
    }
}

impl Kept for Ledger {
    fn parse(text: &str) -> Result<Self, LineFault> {
        let mut rows = text.split_inclusive('\n').enumerate();
        if rows
            .next()
            .is_none_or(|(_, row)| row.strip_suffix('\n') != Some(TITLE))
        {
            let what = "expected `warroom-totp@v1`";
            return Err(LineFault { line: 1, what });
        }
        let mut people: BTreeMap<PersonId, Standing> = BTreeMap::new();
        for (index, row) in rows {
            let fail = |what| LineFault {
                line: index.saturating_add(1),
                what,
            };
            let row = row
                .strip_suffix('\n')
                .ok_or(fail("expected a line end: the file is cut"))?;
            let (person, standing) = parse_row(row).ok_or(fail(
                "expected a person, a time step or `none`, failures, and a time or `none`",
            ))?;
            if people
                .last_key_value()
                .is_some_and(|(last, _)| *last >= person)
            {
                return Err(fail("expected people in order, each once"));
            }
            people.insert(person, standing);
        }
        Ok(Self { people })
    }

    fn print(&self) -> String {
        let mut out = format!("{TITLE}\n");
        for (person, standing) in &self.people {
            out.push_str(&row(person, standing));
            out.push('\n');
        }
        out
    }
}

fn row(person: &PersonId, standing: &Standing) -> String {
    let mut out = format!("{person} ");
    let Lock { failures, until } = &standing.lock;
    // Writing to a text does not fail.
    let written = match standing.last_step {
        Some(step) => write!(out, "{step} {failures} "),
        None => write!(out, "none {failures} "),
    }
    .and_then(|()| match until {
        Some(until) => write!(out, "{until}"),
        None => write!(out, "none"),
    });
    debug_assert!(written.is_ok(), "a text takes everything");
    out
}

fn parse_row(text: &str) -> Option<(PersonId, Standing)> {
    let mut words = text.split(' ');
    let person = PersonId::new(words.next()?).ok()?;
    let last_step = match words.next()? {
        "none" => None,
        step => Some(parse_number(step.as_bytes())?),
    };
    let failures = u32::try_from(parse_number(words.next()?.as_bytes())?).ok()?;
    let until = match words.next()? {
        "none" => None,
        until => Some(Timestamp::parse(until).ok()?),
    };
    // Whoever has failed that often is locked, and nobody else is.
    if (failures >= FAILURES_MAX) != until.is_some() {
        return None;
    }
    let standing = Standing {
        last_step,
        lock: Lock { failures, until },
    };
    // One text for each value.
    (row(&person, &standing) == text).then_some((person, standing))
}
