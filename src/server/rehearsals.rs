//! Looks for rehearsals of a runbook among the journals of this account, at the start of a session.
//!
//! A journal is believed as far as its chain is intact and its facts can have happened; who could write all of it anew
//! is the account it belongs to, here as everywhere. What was found becomes part of the new session's first record.

use super::peek;
use crate::clock::Clock;
use crate::domain::fact::{Fact, Genesis, Mode, Rehearsed};
use crate::domain::rehearsal;
use crate::domain::runbook::plan::Plan;
use crate::domain::runbook::shape::Shape;
use crate::journal::{JOURNAL_FILE, Reader, facts};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Session directories that are looked at, the newest first: years of maintenances, and a start that is not felt.
const DIRS_MAX: usize = 500;
/// Entries of the state directory that are listed at all.
const ENTRIES_MAX: usize = 10_000;
/// Rehearsals of this runbook whose whole journal is read.
const READ_MAX: usize = 10;
/// Rehearsals that are taken down: people compare with the newest ones.
const KEPT_MAX: usize = 3;
/// Longest journal that is read for it: a rehearsal of a day, and a second of reading.
const JOURNAL_MAX: u64 = 64 * 1024 * 1024;
/// Time for all of it: somebody waits for the session.
const READING_MAX: Duration = Duration::from_secs(3);

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Intact rehearsals of this runbook, those of this very shape first, then the newest first.
    pub rehearsed: Vec<Rehearsed>,
    /// Rehearsals of this runbook that do not count, since their journals cannot be believed; and why.
    pub problems: Vec<String>,
}

/// Looks through `state_dir`. Blocks. A directory that cannot be listed has no rehearsals.
pub fn find(
    state_dir: &Path,
    runbook: &Path,
    (plan, shape): (&Plan, &Shape),
    clock: &dyn Clock,
) -> Found {
    let begun = clock.now();
    let mut found = Found::default();
    let is_of_this = |genesis: &Genesis| {
        let rehearsal = genesis.rehearsal.as_deref();
        let same = |r: &crate::domain::fact::Rehearsal| {
            r.shape.digest == shape.digest || Path::new(&genesis.runbook.path) == runbook
        };
        genesis.mode != Mode::Demo && rehearsal.is_some_and(same)
    };
    let journals = journals(state_dir);
    let is_late = || clock.now().has_passed(begun, READING_MAX);
    let mine = journals.iter().take_while(|_| !is_late());
    let mine = mine.filter_map(|file| {
        let genesis = first(file)?;
        is_of_this(&genesis).then_some(file)
    });
    for file in mine.take(READ_MAX) {
        match whole(file, plan, shape) {
            Ok(one) => found.rehearsed.extend(one),
            Err(why) => found.problems.push(format!("{}: {why}", file.display())),
        }
    }
    if is_late() {
        let what = "there was no time to look at all earlier sessions";
        found.problems.push(what.to_owned());
    }
    // Stable: the newest stay in front of their kind.
    found.rehearsed.sort_by_key(|one| std::cmp::Reverse(one.at));
    found.rehearsed.sort_by_key(|one| !one.is_same);
    found.rehearsed.truncate(KEPT_MAX);
    found
}

/// The rehearsal that a session directory holds, when it holds one.
pub fn of_session(dir: &Path) -> Option<crate::domain::fact::Rehearsal> {
    let genesis = first(&dir.join(JOURNAL_FILE))?;
    genesis.rehearsal.map(|rehearsal| *rehearsal)
}

/// Journals below a state directory, the one that was written last first.
fn journals(state_dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(state_dir) else {
        return Vec::new();
    };
    let journal = |entry: fs::DirEntry| {
        // Directories of the program itself have a dot in front; links may lead anywhere.
        let is_session = !entry.file_name().to_string_lossy().starts_with('.');
        if !is_session || !entry.file_type().ok()?.is_dir() {
            return None;
        }
        let file = entry.path().join(JOURNAL_FILE);
        let meta = file.symlink_metadata().ok()?;
        let written = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        (meta.is_file() && meta.len() <= JOURNAL_MAX).then_some((written, file))
    };
    let entries = entries.take(ENTRIES_MAX).filter_map(Result::ok);
    let mut all: Vec<(SystemTime, PathBuf)> = entries.filter_map(journal).collect();
    all.sort_by(|a, b| b.cmp(a));
    all.truncate(DIRS_MAX);
    all.into_iter().map(|(_, file)| file).collect()
}

/// What the first record of a journal says; nothing when it has none that is understood.
fn first(file: &Path) -> Option<Genesis> {
    let mut reader = Reader::new(File::open(file).ok()?);
    let entry = reader.next_record().ok()??;
    match facts::fact_in(&entry).ok()?.fact {
        Fact::SessionOpened(genesis) => Some(*genesis),
        _ => None,
    }
}

/// All of a journal: chain, facts, and what they come to.
fn whole(file: &Path, plan: &Plan, shape: &Shape) -> Result<Option<Rehearsed>, String> {
    let (state, faults) = peek::state_file(file).map_err(|error| error.to_string())?;
    match faults.lines().first() {
        Some(fault) => Err(fault.clone()),
        None => Ok(state.and_then(|state| rehearsal::rehearsed(&state, plan, shape))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::digest::Digest;
    use crate::domain::fixture::plan;
    use crate::domain::time::{Moment, Timestamp};
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that goes on by so many milliseconds whenever it is read, as if reading took that long.
    struct Slow {
        step: u64,
        read: AtomicU64,
    }

    impl Clock for Slow {
        fn now(&self) -> Moment {
            let read = self.read.fetch_add(1, Ordering::Relaxed);
            Moment {
                wall: Timestamp::from_millis(0),
                mono_ms: read * self.step,
            }
        }
    }

    #[test]
    fn reading_ends_with_its_time_and_says_so() {
        let place = tempfile::tempdir().expect("a directory");
        for n in 0..20 {
            let dir = place.path().join(format!("s{n}"));
            fs::create_dir(&dir).expect("a directory");
            fs::write(dir.join(JOURNAL_FILE), b"no journal").expect("written");
        }
        let shape = Shape {
            digest: Digest::of(b"shape"),
            parts: [].into(),
        };
        let looked = |step| {
            let clock = Slow {
                step,
                read: AtomicU64::new(0),
            };
            let runbook = Path::new("/r.md");
            let found = find(place.path(), runbook, (&plan(), &shape), &clock);
            (found.problems, clock.read.into_inner())
        };
        // The clock is read at the start, before each journal, and at the end.
        assert_eq!(looked(10), (Vec::new(), 22));
        let late = "there was no time to look at all earlier sessions".to_owned();
        assert_eq!(looked(1000), (vec![late], 5), "two were looked at");
    }
}
