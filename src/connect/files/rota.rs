//! Who is on call, in a file: `[[rota]]` tables with `[[rota.shift]]` below them.

use super::text::{FileFault, Placed, Source};
use crate::domain::reading::OnCall;
use crate::domain::time::Timestamp;
use serde::Deserialize;

/// Rotas of one file; `Reading::OnCalls` promises no more.
const ROTAS_MAX: usize = 500;

/// Shifts of one rota: ten years of weeks.
const SHIFTS_MAX: usize = 520;

/// Names that one rota answers for: as many as are shown of it.
const COVERS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<S> {
    #[serde(default = "Vec::new")]
    rota: Vec<RawRota<S>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRota<S> {
    name: S,
    #[serde(default = "first")]
    level: u8,
    #[serde(default = "Vec::new")]
    covers: Vec<S>,
    #[serde(default = "Vec::new")]
    shift: Vec<RawShift<S>>,
}

const fn first() -> u8 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShift<S> {
    person: S,
    #[serde(default)]
    contact: String,
    from: S,
    until: S,
}

/// One rota with its shifts in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rota {
    name: String,
    level: u8,
    covers: Vec<String>,
    shifts: Vec<Shift>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shift {
    person: String,
    contact: String,
    from: Timestamp,
    until: Timestamp,
}

/// Rotas in the order of the file, each with its shifts by time.
///
/// # Errors
/// [`FileFault`] for the first thing that is wrong: syntax, an unknown key, an empty name, a time that is none, a shift
/// that ends before it begins, shifts of one rota that overlap, a rota that is there twice on one level.
pub(super) fn parse(source: Source<'_>) -> Result<Vec<Rota>, FileFault> {
    if source.is("json") {
        checked(source, &source.json::<Raw<String>>()?)
    } else {
        checked(source, &source.toml::<Raw<toml::Spanned<String>>>()?)
    }
}

fn checked<S: Placed>(source: Source<'_>, raw: &Raw<S>) -> Result<Vec<Rota>, FileFault> {
    let mut rotas = Vec::new();
    for (index, rota) in raw.rota.iter().enumerate() {
        let path = format!("rota[{index}]");
        if rota.name.text().trim().is_empty() {
            return Err(source.fault(&rota.name, &format!("{path}.name"), "must not be empty"));
        }
        if index >= ROTAS_MAX || rota.shift.len() > SHIFTS_MAX {
            let what = format!("more than {ROTAS_MAX} rotas or {SHIFTS_MAX} shifts");
            return Err(source.fault(&rota.name, &path, &what));
        }
        if rota.level == 0 {
            return Err(source.fault(&rota.name, &path, "`level` begins with 1"));
        }
        let is_there = |other: &&RawRota<S>| {
            other.name.text() == rota.name.text() && other.level == rota.level
        };
        if raw.rota.iter().take(index).any(|other| is_there(&other)) {
            let what = format!(
                "rota `{}` is there twice on level {}",
                rota.name.text(),
                rota.level
            );
            return Err(source.fault(&rota.name, &path, &what));
        }
        rotas.push(Rota {
            name: rota.name.text().to_owned(),
            level: rota.level,
            covers: covers(source, &path, &rota.covers)?,
            shifts: shifts(source, &path, &rota.shift)?,
        });
    }
    Ok(rotas)
}

fn covers<S: Placed>(source: Source<'_>, path: &str, raw: &[S]) -> Result<Vec<String>, FileFault> {
    for (index, name) in raw.iter().enumerate() {
        let path = format!("{path}.covers[{index}]");
        if name.text().trim().is_empty() {
            return Err(source.fault(name, &path, "must not be empty"));
        }
        if index >= COVERS_MAX {
            let what = format!("more than {COVERS_MAX} names");
            return Err(source.fault(name, &path, &what));
        }
    }
    Ok(raw.iter().map(|name| name.text().to_owned()).collect())
}

fn shifts<S: Placed>(
    source: Source<'_>,
    path: &str,
    raw: &[RawShift<S>],
) -> Result<Vec<Shift>, FileFault> {
    let mut placed = Vec::new();
    for (index, shift) in raw.iter().enumerate() {
        let path = format!("{path}.shift[{index}]");
        let time = |at: &S, key: &str| {
            let time = Timestamp::parse(at.text());
            time.map_err(|e| source.fault(at, &format!("{path}.{key}"), &e.to_string()))
        };
        if shift.person.text().trim().is_empty() {
            return Err(source.fault(&shift.person, &path, "`person` must not be empty"));
        }
        let (from, until) = (time(&shift.from, "from")?, time(&shift.until, "until")?);
        if until <= from {
            return Err(source.fault(&shift.until, &path, "the shift ends before it begins"));
        }
        let taken = Shift {
            person: shift.person.text().to_owned(),
            contact: shift.contact.clone(),
            from,
            until,
        };
        placed.push((taken, shift, path));
    }
    placed.sort_by_key(|(shift, _, _)| shift.from);
    for ((before, _, _), (after, raw, path)) in placed.iter().zip(placed.iter().skip(1)) {
        if after.from < before.until {
            let what = format!("overlaps the shift of `{}`", before.person);
            return Err(source.fault(&raw.from, path, &what));
        }
    }
    Ok(placed.into_iter().map(|(shift, _, _)| shift).collect())
}

/// Who is on call at `now`, one entry for each rota that has somebody.
pub(super) fn on_calls(rotas: &[Rota], now: Timestamp) -> Vec<OnCall> {
    let current = rotas.iter().filter_map(|rota| {
        let turn = rota.at(now)?;
        Some(OnCall {
            rota: rota.name.clone(),
            level: rota.level,
            person: turn.shift.person.clone(),
            contact: turn.shift.contact.clone(),
            from: Some(turn.from),
            until: Some(turn.until),
            next: turn
                .next
                .map(|next| next.person.clone())
                .unwrap_or_default(),
            covers: rota.covers.clone(),
        })
    });
    current.collect()
}

/// Names of rotas that have nobody at `now`.
pub(super) fn unmanned(rotas: &[Rota], now: Timestamp) -> Vec<&str> {
    let without = rotas.iter().filter(|rota| rota.at(now).is_none());
    without.map(|rota| rota.name.as_str()).collect()
}

/// One person's turn: shifts of theirs without a gap.
struct Turn<'r> {
    /// The shift that holds now.
    shift: &'r Shift,
    from: Timestamp,
    until: Timestamp,
    /// Who begins at the hand-over; nobody when there is a gap.
    next: Option<&'r Shift>,
}

impl Rota {
    fn at(&self, now: Timestamp) -> Option<Turn<'_>> {
        let holds = |shift: &&Shift| shift.from <= now && now < shift.until;
        let shift = self.shifts.iter().find(holds)?;
        let (mut from, mut until) = (shift.from, shift.until);
        let own = |other: &&Shift| other.person == shift.person;
        for before in self.shifts.iter().rev().filter(own) {
            if before.until == from {
                from = before.from;
            }
        }
        for after in self.shifts.iter().filter(own) {
            if after.from == until {
                until = after.until;
            }
        }
        let next = self.shifts.iter().find(|other| other.from == until);
        Some(Turn {
            shift,
            from,
            until,
            next,
        })
    }
}
