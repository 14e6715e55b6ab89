//! Who is on call, in a file: `[[rota]]` tables with `[[rota.shift]]` below them.

use super::text::{FileFault, Placed, Source};
use crate::domain::reading::OnCall;
use crate::domain::time::Timestamp;
use serde::Deserialize;

/// Rotas of one file; `Reading::OnCalls` promises no more.
const ROTAS_MAX: usize = 500;

/// Shifts of one rota: ten years of weeks.
const SHIFTS_MAX: usize = 520;

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
/// that ends before it begins, shifts of one rota that overlap.
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
        rotas.push(Rota {
            name: rota.name.text().to_owned(),
            level: rota.level,
            shifts: shifts(source, &path, &rota.shift)?,
        });
    }
    Ok(rotas)
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
        let (shift, later) = rota.at(now)?;
        Some(OnCall {
            rota: rota.name.clone(),
            level: rota.level,
            person: shift.person.clone(),
            contact: shift.contact.clone(),
            from: Some(shift.from),
            until: Some(shift.until),
            next: later.map(|next| next.person.clone()).unwrap_or_default(),
            covers: Vec::new(),
        })
    });
    current.collect()
}

/// Names of rotas that have nobody at `now`.
pub(super) fn unmanned(rotas: &[Rota], now: Timestamp) -> Vec<&str> {
    let without = rotas.iter().filter(|rota| rota.at(now).is_none());
    without.map(|rota| rota.name.as_str()).collect()
}

impl Rota {
    fn at(&self, now: Timestamp) -> Option<(&Shift, Option<&Shift>)> {
        let index = self
            .shifts
            .iter()
            .position(|shift| shift.from <= now && now < shift.until)?;
        Some((
            self.shifts.get(index)?,
            self.shifts.get(index.saturating_add(1)),
        ))
    }
}
