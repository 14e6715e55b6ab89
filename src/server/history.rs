//! Earlier journals of the same runbook, read once before a session starts: how long its steps took.
//!
//! Read-only and bounded in number, size and time: a session starts in any case, and then says of how many runs it knows.

use crate::clock::Clock;
use crate::domain::apply::check_apply;
use crate::domain::fact::{Fact, Mode};
use crate::domain::history::{Collecting, Learned};
use crate::domain::runbook::plan::Plan;
use crate::domain::state::State;
use crate::journal::{JOURNAL_FILE, Reader, facts};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Sessions of one directory that are looked at, the newest ones: years of nights.
const SESSIONS_MAX: usize = 2000;
/// Longest journal that is read: ten times a long night. A longer one says nothing.
const JOURNAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Time for all of it: somebody waits for the session.
const READING_MAX: Duration = Duration::from_secs(3);

/// What the journals below `state_dir` say of a plan that is run in this mode, for real or as a rehearsal.
pub fn learn(
    state_dir: &Path,
    plan: &Plan,
    (mode, is_rehearsal): (Mode, bool),
    clock: &dyn Clock,
) -> Learned {
    let begun = clock.now();
    let mut collecting = Collecting::new(plan, mode, is_rehearsal);
    for journal in journals(state_dir) {
        if !collecting.has_room() {
            break;
        }
        if clock.now().has_passed(begun, READING_MAX) {
            tracing::warn!("there was no time to read all earlier journals");
            break;
        }
        if let Err(error) = read(&journal, &mut collecting) {
            let journal = journal.display();
            tracing::warn!(%journal, error, "an earlier journal is left out of the durations");
            collecting.give_up();
        }
    }
    collecting.finish()
}

/// Journals below a directory, those that were written last first.
fn journals(state_dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(state_dir) else {
        return Vec::new();
    };
    let mut found: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let journal = entry.path().join(JOURNAL_FILE);
            // A link or a pipe in its place is none.
            let meta = std::fs::symlink_metadata(&journal).ok()?;
            meta.is_file().then_some(())?;
            Some((meta.modified().ok()?, journal))
        })
        .collect();
    found.sort();
    found.reverse();
    found.truncate(SESSIONS_MAX);
    found.into_iter().map(|(_, journal)| journal).collect()
}

/// Takes one journal; the words say what is wrong with it.
fn read(journal: &Path, collecting: &mut Collecting<'_>) -> Result<(), String> {
    let file = File::open(journal).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length > JOURNAL_BYTES_MAX {
        return Err(format!("it is longer than {JOURNAL_BYTES_MAX} bytes"));
    }
    let mut reader = Reader::new(file);
    let mut state: Option<State> = None;
    while let Some(entry) = reader.next_record().map_err(|error| error.to_string())? {
        let stamped = facts::fact_in(&entry).map_err(|error| error.to_string())?;
        match (&mut state, &stamped.fact) {
            (None, Fact::SessionOpened(genesis)) => {
                if !collecting.begin(genesis) {
                    return Ok(());
                }
                state = Some(State::new((**genesis).clone(), stamped.hash, stamped.at));
            }
            (None, _) => return Err("it does not begin with the opening of a session".to_owned()),
            (Some(state), _) => {
                check_apply(state, &stamped).map_err(|error| error.to_string())?;
                collecting.take(&stamped);
            }
        }
    }
    collecting.end();
    Ok(())
}
