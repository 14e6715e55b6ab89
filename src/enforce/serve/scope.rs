//! One destructive command at a time in a lock scope, also across a death of the runner.

use super::refused;
use crate::enforce::frame::Answer;
use crate::enforce::run;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::File;
use std::path::Path;

/// The scope, taken. Given back when dropped.
#[derive(Debug)]
pub(super) struct Taken {
    _file: File,
}

/// Takes the scope, unless a command of this or another runner has it, or one of an earlier runner still lives.
///
/// # Errors
/// The answer that says who has it.
pub(super) fn take(path: &Path, attempts: &Path) -> Result<Taken, Answer> {
    let unusable = |why: String| {
        let why = format!("the lock scope `{}` cannot be taken: {why}", path.display());
        refused("scope", &why, "")
    };
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)
        .map_err(|errno| unusable(errno.to_string()))?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let why = "another destructive command runs in this lock scope";
        return Err(refused("busy", why, "wait until its outcome is known"));
    }
    let entries = std::fs::read_dir(attempts).map_err(|error| unusable(error.to_string()))?;
    for entry in entries {
        let entry = entry.map_err(|error| unusable(error.to_string()))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let alive = run::still_alive(&entry.path());
        let why = match alive {
            Ok(0) => continue,
            Ok(count) => format!("{count} processes of an earlier attempt, {name}, still run"),
            Err(error) => format!("it is not known whether attempt {name} still runs: {error}"),
        };
        let hint = "look at what they do, end them, and remove the file `group` of the attempt";
        return Err(refused("busy", &why, hint));
    }
    Ok(Taken {
        _file: File::from(file),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(answer: Answer) -> String {
        match answer {
            Answer::Refused { word, .. } => word,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_scope_has_one_command_at_a_time() {
        let place = tempfile::tempdir().expect("a directory");
        let (scope, attempts) = (place.path().join("scope"), place.path().join("attempts"));
        std::fs::create_dir(&attempts).expect("made");
        let taken = take(&scope, &attempts).expect("free");
        assert_eq!(word(take(&scope, &attempts).expect_err("taken")), "busy");
        drop(taken);
        drop(take(&scope, &attempts).expect("free again"));
    }

    #[test]
    fn what_an_earlier_runner_left_running_keeps_the_scope() {
        let place = tempfile::tempdir().expect("a directory");
        let (scope, attempts) = (place.path().join("scope"), place.path().join("attempts"));
        let attempt = attempts.join("00112233445566778899aabbccddeeff");
        std::fs::create_dir_all(&attempt).expect("made");
        let group = attempt.join("group");
        let own = rustix::process::getpgrp().as_raw_nonzero();
        std::fs::write(&group, format!("{}\n{own}\nnone\n", run::boot())).expect("write");
        assert_eq!(word(take(&scope, &attempts).expect_err("alive")), "busy");
        std::fs::write(&group, format!("{}\n", run::boot())).expect("write");
        assert_eq!(word(take(&scope, &attempts).expect_err("unknown")), "busy");
        std::fs::write(&group, format!("another boot\n{own}\nnone\n")).expect("write");
        drop(take(&scope, &attempts).expect("gone with that boot"));
    }
}
