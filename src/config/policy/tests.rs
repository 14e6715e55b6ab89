//! Folders of `tests/data/people` are the cases: files of a policy, and beside them what is said about them.
//!
//! A folder may hold `facts`, lines `KIND OWNER MODE PATH`, which stand for what the kernel would say.

use super::*;
use crate::config::access::{Fact, Kind};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

const ALICE: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAbfrTXw9fBkRVs0ChpdmMoifHjF+dlRF3S4mRRuZBzw";

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/people");
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .expect("the cases are there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    cases.sort();
    cases
}

/// Secrets are no part of a repository as 0600 files; `secrets` says what would be in `totp.d`.
fn copied(case: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    for entry in fs::read_dir(case).expect("readable") {
        let from = entry.expect("readable").path();
        let to = dir.path().join(from.file_name().expect("a name"));
        fs::copy(&from, to).expect("copied");
    }
    if let Ok(secrets) = fs::read_to_string(case.join("secrets")) {
        let totp = dir.path().join("totp.d");
        fs::create_dir(&totp).expect("mkdir");
        for line in secrets.lines() {
            let [mode, name, secret] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}: a mode, a name and a secret")
            };
            fs::write(totp.join(name), secret).expect("write");
            set_mode(
                &totp.join(name),
                u32::from_str_radix(mode, 8).expect("octal"),
            );
        }
    }
    dir
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

fn facts(case: &Path) -> Vec<Fact> {
    let text = fs::read_to_string(case.join("facts")).unwrap_or_default();
    let of_line = |line: &str| {
        let [kind, owner, mode, path] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}: a kind, an owner, a mode and a path")
        };
        Fact {
            path: PathBuf::from(path),
            kind: match kind {
                "file" => Kind::File,
                "holder" => Kind::Holder,
                _ => Kind::Above,
            },
            owner: owner.parse().expect("a uid"),
            mode: u32::from_str_radix(mode, 8).expect("octal"),
        }
    };
    text.lines().map(of_line).collect()
}

/// What is said about a folder: problems, or `good` and notes.
fn said(case: &Path) -> String {
    let dir = copied(case);
    let text = match load(&dir.path().join(PEOPLE), Guard::Draft) {
        Err(problems) => format!("{problems}\n"),
        Ok(files) => {
            let mut text = String::new();
            for problem in access::faults(&facts(case), &files.people) {
                writeln!(text, "{problem}").expect("a text");
            }
            if text.is_empty() {
                text.push_str("good\n");
            }
            for note in files.notes {
                writeln!(text, "note: {note}").expect("a text");
            }
            text
        }
    };
    text.replace(&format!("{}/", dir.path().display()), "")
}

#[test]
fn each_forbidden_form_gives_exactly_its_expected_message() {
    let mut wrong = String::new();
    let cases = cases();
    for case in &cases {
        let said = said(case);
        let expected = case.join("expected");
        if fs::read_to_string(&expected).unwrap_or_default() != said {
            write!(wrong, "--- {}\n{said}", expected.display()).expect("a text");
        }
        let is_good = case
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("good"));
        assert_eq!(said.starts_with("good"), is_good, "{}", case.display());
    }
    assert!(cases.len() > 25);
    assert!(wrong.is_empty(), "these say something else now:\n{wrong}");
}

/// An installed policy in a directory of its own: alice's uid is one that nobody here has.
fn installed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("temporary directory");
    fs::write(
        dir.path().join(PEOPLE),
        "[[person]]\nid = \"alice\"\nuids = [4000001]\nroles = [\"operator\"]\n",
    )
    .expect("write");
    let signers = format!("alice namespaces=\"warroom-confirm@v1\" {ALICE}\n");
    fs::write(dir.path().join(SIGNERS), signers).expect("write");
    for name in [PEOPLE, SIGNERS] {
        set_mode(&dir.path().join(name), 0o644);
    }
    dir
}

fn refused(path: &Path) -> String {
    load(path, Guard::Installed)
        .expect_err("refused")
        .to_string()
}

#[test]
fn digests_are_those_of_the_files_and_of_none_that_is_not_there() {
    let dir = installed();
    let files = load(&dir.path().join(PEOPLE), Guard::Installed).expect("good");
    let text = fs::read(dir.path().join(SIGNERS)).expect("there");
    assert_eq!(files.digests.signers, Some(Digest::of(&text)));
    assert_eq!(
        (files.digests.rules, files.digests.server_signers),
        (None, None)
    );
    assert_eq!(files.signers.iter().count(), 1);
    // What is revoked counts at once and is not in the digest.
    fs::write(dir.path().join(REVOKED), "person alice\n").expect("write");
    set_mode(&dir.path().join(REVOKED), 0o644);
    let now = load(&dir.path().join(PEOPLE), Guard::Installed).expect("good");
    assert_eq!(now.digests, files.digests);
    let alice = files.people.iter().next().expect("alice");
    assert!(now.revoked.has_person(&alice.id) && !files.revoked.has_person(&alice.id));
}

#[test]
fn every_file_and_the_directory_must_be_closed_to_others() {
    let dir = installed();
    let people = dir.path().join(PEOPLE);
    for (path, mode, usual) in [
        (people.clone(), 0o664, 0o644),
        (dir.path().join(SIGNERS), 0o646, 0o644),
        (dir.path().to_owned(), 0o770, 0o700),
        (dir.path().to_owned(), 0o1777, 0o700),
    ] {
        set_mode(&path, mode);
        let said = refused(&people);
        assert!(
            said.starts_with(&format!("{}: has mode {mode:04o}", path.display())),
            "{said}"
        );
        set_mode(&path, usual);
    }
    assert!(load(&people, Guard::Installed).is_ok(), "`/tmp` is sticky");
}

#[test]
fn a_link_anywhere_in_the_path_is_refused() {
    let dir = installed();
    let around = tempfile::tempdir().expect("temporary directory");
    let link = around.path().join("etc");
    symlink(dir.path(), &link).expect("symlink");
    let said = refused(&link.join(PEOPLE));
    assert!(
        said.starts_with(&format!("{}: is a symbolic link", link.display())),
        "{said}"
    );
    assert!(load(&link.join(PEOPLE), Guard::Draft).is_ok());
    let signers = dir.path().join(SIGNERS);
    fs::rename(&signers, dir.path().join("real")).expect("rename");
    symlink("real", &signers).expect("symlink");
    let said = refused(&dir.path().join(PEOPLE));
    assert!(
        said.starts_with(&format!("{}: is a symbolic link", signers.display())),
        "{said}"
    );
}

#[test]
fn a_directory_or_a_pipe_in_place_of_a_file_is_told_and_waits_for_nobody() {
    let dir = installed();
    fs::create_dir(dir.path().join(RULES)).expect("mkdir");
    let said = refused(&dir.path().join(PEOPLE));
    assert!(said.contains("rules.toml: is not a plain file"), "{said}");
    let said = refused(&dir.path().join("other.toml"));
    assert!(said.contains("other.toml: cannot read the file"), "{said}");
    let said = refused(Path::new("/no/such/people.toml"));
    assert!(said.starts_with("/no/such: cannot be opened: "), "{said}");
}
