//! The directory where the sessions of a host tell each other what they do. A session that cannot use it refuses every
//! destructive step; that is better known on the day before.

use crate::config::Server;
use crate::connect::connector::{Check, Health};
use rustix::fs::{Access, AtFlags, CWD, Mode, Stat};
use rustix::io::Errno;
use std::path::Path;

/// How a team makes one that several accounts share.
const MAKE: &str = "`install -d -m 3770 -g GROUP DIR`: the group of those whose servers write there, files keep the group, and \
                    nobody removes those of others";
const ALL: Access = Access::READ_OK
    .union(Access::WRITE_OK)
    .union(Access::EXEC_OK);

/// Looks at the directory as a session would, and makes nothing.
pub(super) fn check(server: &Server) -> Check {
    let dir = server.scope_dir.as_path();
    // A link would be refused by the session: whoever can change it chooses who hears of what.
    match rustix::fs::statat(CWD, dir, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => existing(dir, &stat, rustix::process::geteuid().as_raw()),
        Err(Errno::NOENT) => missing(dir, &server.state_dir),
        Err(error) => bad(dir, &format!("cannot be looked at: {error}"), MAKE),
    }
}

fn check_of(health: Health, dir: &Path, said: &str) -> Check {
    let dir = dir.display();
    Check::new("lock scope", health, format!("{dir}: {said}"))
}

fn bad(dir: &Path, why: &str, hint: &str) -> Check {
    let said = format!("{why}; every destructive step would be refused");
    check_of(Health::Bad, dir, &said).hint(hint)
}

/// A session makes the directory itself, and nothing above it but its own state directory.
fn missing(dir: &Path, state_dir: &Path) -> Check {
    let parent = dir.parent().unwrap_or(dir);
    let is_in_state = parent == state_dir;
    let mut above = dir.ancestors().skip(1);
    let place = if is_in_state {
        above.find(|above| above.exists())
    } else {
        above.next().filter(|parent| parent.is_dir())
    };
    let Some(place) = place else {
        let why = format!("there is no `{}` to make it in", parent.display());
        return bad(dir, &why, MAKE);
    };
    let needed = Access::WRITE_OK | Access::EXEC_OK;
    if let Err(error) = may(place, needed) {
        let why = format!("it cannot be made in `{}`: {error}", place.display());
        return bad(dir, &why, MAKE);
    }
    check_of(
        Health::Good,
        dir,
        "the first session makes it, for its own account alone",
    )
}

/// As this very account: `access` would ask for the real one.
fn may(place: &Path, access: Access) -> Result<(), Errno> {
    rustix::fs::accessat(CWD, place, access, AtFlags::EACCESS)
}

fn existing(dir: &Path, stat: &Stat, own: u32) -> Check {
    if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
        return bad(dir, "it is no directory, and links are not followed", MAKE);
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    let shown = format!("mode {:04o}, owner {}", mode.bits(), stat.st_uid);
    if mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX) {
        return bad(dir, &format!("{shown}: anybody may write there"), MAKE);
    }
    if let Err(error) = may(dir, ALL) {
        let why = format!("{shown}: this account cannot read and write there: {error}");
        let hint = "the account that runs sessions must be in its group, or `server.scope_dir` must name another one";
        return bad(dir, &why, hint);
    }
    let is_shared = mode.intersects(Mode::WGRP | Mode::WOTH);
    let warn = |what: &str| check_of(Health::Warn, dir, &format!("{shown}: {what}")).hint(MAKE);
    if is_shared && !mode.contains(Mode::SVTX) {
        return warn("its sticky bit is not set, so each account can remove what others say there");
    }
    if mode.contains(Mode::WGRP) && !mode.contains(Mode::SGID) {
        return warn(
            "new files do not keep its group, so other accounts may not be able to read them",
        );
    }
    if stat.st_uid != own && stat.st_uid != 0 {
        return warn(
            "it belongs to another account than this one or root, which can remove what others say there",
        );
    }
    let whose = if is_shared {
        "shared"
    } else {
        "this account alone"
    };
    check_of(Health::Good, dir, &format!("{shown}, {whose}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn judged(scope_dir: &Path, state_dir: &Path) -> (Health, String, String) {
        let server = Server {
            runtime_dir: state_dir.to_owned(),
            state_dir: state_dir.to_owned(),
            scope_dir: scope_dir.to_owned(),
            group: None,
            radius_depth: 2,
            output_bytes_max: 65_536,
            checkpoint_file: None,
            checkpoint_command: None,
        };
        let check = check(&server);
        (check.health, check.said, check.hint)
    }

    #[test]
    fn what_is_not_there_can_be_made_or_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = dir.path().join("not/yet");
        let (health, said, _) = judged(&state.join(".scope"), &state);
        assert_eq!(health, Health::Good, "{said}");
        assert!(said.contains("the first session makes it"), "{said}");
        let (health, said, hint) = judged(&dir.path().join("gone/scope"), &state);
        assert_eq!(health, Health::Bad, "{said}");
        assert!(said.contains("to make it in"), "{said}");
        assert!(hint.contains("install -d -m 3770"), "{hint}");
        assert!(!state.exists(), "it makes nothing");
    }

    #[test]
    fn a_file_a_link_and_a_place_of_everybody_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("file");
        std::fs::write(&file, "").expect("written");
        let link = dir.path().join("link");
        symlink(dir.path(), &link).expect("linked");
        for place in [&file, &link] {
            let (health, said, _) = judged(place, dir.path());
            assert_eq!(health, Health::Bad, "{said}");
            assert!(said.contains("no directory"), "{said}");
        }
        let open = dir.path().join("open");
        std::fs::create_dir(&open).expect("made");
        for (mode, expected, word) in [
            (0o777, Health::Bad, "anybody may write there"),
            (0o770, Health::Warn, "sticky"),
            (0o1770, Health::Warn, "keep its group"),
            (0o3770, Health::Good, "mode 3770, owner "),
            (0o700, Health::Good, "this account alone"),
        ] {
            std::fs::set_permissions(&open, Permissions::from_mode(mode)).expect("set");
            let (health, said, _) = judged(&open, dir.path());
            assert_eq!(health, expected, "{mode:o}: {said}");
            assert!(said.contains(word), "{mode:o}: {said}");
        }
    }

    #[test]
    fn a_directory_of_somebody_else_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o3770)).expect("set");
        let mut stat = rustix::fs::stat(dir.path()).expect("there");
        stat.st_uid = 4711;
        let check = existing(dir.path(), &stat, 990);
        assert_eq!(check.health, Health::Warn);
        assert!(check.said.contains("owner 4711"), "{}", check.said);
    }
}
