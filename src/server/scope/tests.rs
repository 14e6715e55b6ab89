use super::*;
use crate::domain::fixture::person;
use crate::domain::id::{SessionId, SessionName};
use crate::domain::scope::{Deed, Doing, Words};
use crate::domain::time::Timestamp;
use desk::{OVER, file_of};
use rustix::fs::{CWD, FileType, FlockOperation, Mode};
use std::fs::{File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

mod across;

fn scope(names: &[&str], unknown: Option<&str>) -> Scope {
    Scope {
        names: names.iter().map(|name| Words::new(name)).collect(),
        unknown: unknown.map(Words::new),
    }
}

fn claim(name: &str, doing: Option<Doing>) -> Claim {
    let deed = |doing| Deed {
        doing,
        step: Words::new("step 1.1 `drain`"),
        person: Some(person("ann")),
        since: Timestamp::from_millis(5),
    };
    Claim {
        session: SessionName::new(name).expect("valid"),
        id: SessionId::from_parts(1, if name == "one" { 1 } else { 2 }),
        scope: scope(&["component db-1"], None),
        now: doing.map(deed),
        last: None,
        begun: None,
    }
}

fn word(order: u64, claim: Claim) -> Word {
    let at = Timestamp::from_millis(5);
    Word { order, at, claim }
}

fn desks(dir: &Path) -> [Desk; 2] {
    [1, 2].map(|n| Desk::new(dir.join("scope"), SessionId::from_parts(1, n)))
}

#[test]
fn sessions_see_what_others_say_and_not_themselves() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, two] = desks(dir.path());
    assert_eq!(one.others(), Ok(Vec::new()), "nobody has said anything");
    let armed = claim("one", Some(Doing::Armed));
    one.put(&word(1, armed.clone())).expect("written");
    assert_eq!(one.others(), Ok(Vec::new()));
    assert_eq!(two.others(), Ok(vec![armed]));
    one.put(&word(2, claim("one", None))).expect("written");
    assert_eq!(two.others(), Ok(vec![claim("one", None)]));
}

#[test]
fn of_two_that_go_at_once_one_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let desks = desks(dir.path());
    for (desk, name) in desks.iter().zip(["one", "two"]) {
        desk.put(&word(1, claim(name, Some(Doing::Armed))))
            .expect("written");
    }
    std::thread::scope(|scope| {
        for (desk, name) in desks.iter().zip(["one", "two"]) {
            scope.spawn(move || desk.take(&word(2, claim(name, Some(Doing::Running)))));
        }
    });
    let runs = desks.iter().map(Desk::others).filter(|others| {
        let others = others.as_ref().expect("read");
        others[0].now.as_ref().map(|deed| deed.doing) == Some(Doing::Running)
    });
    assert_eq!(runs.count(), 1);
}

#[test]
fn a_server_that_comes_back_says_what_runs_in_the_scope_in_which_it_began() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, two] = desks(dir.path());
    one.take(&word(1, claim("one", Some(Doing::Running))))
        .expect("free");
    // The next server of the session: no CMDB has answered it yet.
    let [again, _] = desks(dir.path());
    let silent = |doing| Claim {
        scope: scope(&["host"], Some("`role=db` fits no known component")),
        ..claim("one", doing)
    };
    again
        .put(&word(1, silent(Some(Doing::Unknown))))
        .expect("written");
    assert_eq!(two.others(), Ok(vec![claim("one", Some(Doing::Unknown))]));
    let refused = two.take(&word(1, claim("two", Some(Doing::Running))));
    assert!(refused.is_ok_and(|took| took.said.is_none() && took.others[0].holds()));
    again.put(&word(2, silent(None))).expect("written");
    assert_eq!(two.others(), Ok(vec![silent(None)]));
    // Without a word of before, it may be anywhere.
    std::fs::remove_file(dir.path().join("scope").join(file_of(&one.session))).expect("there");
    again
        .put(&word(3, silent(Some(Doing::Running))))
        .expect("written");
    let elsewhere = Claim {
        scope: scope(&["component db-9"], None),
        ..claim("two", Some(Doing::Running))
    };
    two.take(&word(2, elsewhere)).expect("read");
    assert_eq!(one.others(), Ok(Vec::new()), "it did not go");
}

#[test]
fn what_was_not_armed_when_go_was_pressed_is_told_to_nobody_and_does_not_go() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, two] = desks(dir.path());
    let now = Timestamp::from_millis(9);
    for (order, doing, is_said) in [(1, None, false), (2, Some(Doing::Armed), true)] {
        let took = one.take(&word(order, claim("one", doing).going(now)));
        assert_eq!(took.expect("free").said.is_some(), is_said, "{doing:?}");
        let others = two.others().expect("read");
        assert_eq!(others.iter().any(Claim::holds), is_said, "{doing:?}");
    }
}

#[test]
fn what_comes_late_is_not_written_over_what_is_newer() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, two] = desks(dir.path());
    one.take(&word(2, claim("one", Some(Doing::Running))))
        .expect("free");
    one.put(&word(1, claim("one", Some(Doing::Armed))))
        .expect("nothing to do");
    assert_eq!(two.others(), Ok(vec![claim("one", Some(Doing::Running))]));
    // Nor does a go that comes late go, and it tells what the others say all the same.
    let late = one.take(&word(1, claim("one", Some(Doing::Running))));
    assert!(late.is_ok_and(|took| took.said.is_none() && took.others.is_empty()));
}

#[test]
fn what_is_long_over_is_forgotten_and_what_is_unknown_never() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, two] = desks(dir.path());
    one.put(&word(1, claim("one", Some(Doing::Unknown))))
        .expect("written");
    let mut later = word(1, claim("two", None));
    later.at = later.at.plus(OVER).plus(OVER);
    two.put(&later).expect("written");
    assert_eq!(two.others().map(|others| others.len()), Ok(1));
    one.put(&word(2, claim("one", None))).expect("written");
    later.order = 2;
    two.put(&later).expect("written");
    assert_eq!(two.others(), Ok(Vec::new()));
}

#[test]
fn what_cannot_be_read_is_no_silence() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, _] = desks(dir.path());
    one.put(&word(1, claim("one", None))).expect("written");
    let torn = dir.path().join("scope/01ARYZ6S410000000000000000.claim");
    std::fs::write(&torn, "{\"session\":").expect("writable");
    let why = one.others().expect_err("torn");
    assert!(why.contains("01ARYZ6S41"), "{why}");
    assert!(
        one.take(&word(2, claim("one", Some(Doing::Running))))
            .is_err()
    );
    std::fs::remove_file(&torn).expect("removed");
    assert_eq!(one.others(), Ok(Vec::new()));
    let lock = File::open(dir.path().join("scope/lock")).expect("there");
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).expect("free");
    let why = one.others().expect_err("somebody has it");
    assert!(why.contains("keeps it locked"), "{why}");
    let away = Desk::new(dir.path().join("no/such/dir"), SessionId::from_parts(1, 1));
    assert!(away.others().is_err());
}

/// The directory, made and open to a group as `warroom doctor` says.
fn shared(dir: &Path) -> PathBuf {
    let scope = dir.join("scope");
    std::fs::create_dir(&scope).expect("made");
    mode(&scope, 0o3770);
    scope
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
}

const OTHER: &str = "01ARYZ6S410000000000000000.claim";

/// A claim of another account, as a text that can be spoiled.
fn foreign() -> String {
    let claim = Claim {
        id: SessionId::try_from("01ARYZ6S410000000000000000".to_owned()).expect("valid"),
        ..claim("two", Some(Doing::Armed))
    };
    serde_json::to_string(&claim).expect("plain")
}

#[test]
fn what_others_write_is_read_within_bounds_and_told_on_one_short_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let scope = shared(dir.path());
    let [one, _] = desks(dir.path());
    let good = foreign();
    std::fs::write(scope.join(OTHER), &good).expect("written");
    assert_eq!(one.others().map(|others| others.len()), Ok(1));
    let long = |bytes: usize| "x".repeat(bytes);
    let names: Vec<String> = (0..5000)
        .map(|n| format!("\"component {n:090}\""))
        .collect();
    for (what, bad) in [
        ("a megabyte", format!("{good}{}", " ".repeat(1024 * 1024))),
        ("a long step", good.replace("drain", &long(400))),
        ("a step on two lines", good.replace("drain", "dr\\nain")),
        (
            "a step that clears the screen",
            good.replace("drain", "\\u001b[2J"),
        ),
        (
            "a person who is none",
            good.replace("\"ann\"", "\"Ann\\nroot\""),
        ),
        (
            "a long person",
            good.replace("\"ann\"", &format!("\"{}\"", long(99))),
        ),
        (
            "a long word",
            good.replace("\"armed\"", &format!("\"{}\"", long(9000))),
        ),
        (
            "a long session",
            good.replace("\"two\"", &format!("\"{}\"", long(9000))),
        ),
        (
            "many names",
            good.replace("\"component db-1\"", &names.join(",")),
        ),
        ("a name on two lines", good.replace("db-1", "db-1\\n")),
        ("nothing", String::new()),
    ] {
        assert_ne!(bad, good, "{what}");
        std::fs::write(scope.join(OTHER), &bad).expect("written");
        let why = one.others().expect_err(what);
        assert!(
            why.len() <= 300 && !why.contains(char::is_control),
            "{what}: {why}"
        );
        let refused = one.take(&word(1, claim("one", Some(Doing::Running))));
        assert!(refused.is_err(), "{what}");
    }
    // Neither does the name of a file break the line.
    std::fs::remove_file(scope.join(OTHER)).expect("there");
    let torn = scope.join(format!("{}\n\u{1b}[2J.claim", long(200)));
    std::fs::write(&torn, "").expect("written");
    let why = one.others().expect_err("no claim");
    assert!(why.len() <= 300 && !why.contains(char::is_control), "{why}");
    std::fs::remove_file(torn).expect("there");
    assert_eq!(one.others(), Ok(Vec::new()));
}

#[test]
fn a_directory_full_of_claims_is_refused_and_as_many_as_there_can_be_are_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let scope = shared(dir.path());
    let [one, _] = desks(dir.path());
    let place = |n: u64, padding: usize| {
        let id = SessionId::from_parts(n, 7);
        let text = foreign().replace("01ARYZ6S410000000000000000", id.as_str());
        let text = format!("{text}{}", " ".repeat(padding));
        std::fs::write(scope.join(file_of(&id)), text).expect("written");
    };
    (0..1024).for_each(|n| place(n, 0));
    assert_eq!(one.others().map(|others| others.len()), Ok(1024));
    place(1024, 0);
    let why = one.others().expect_err("one more");
    assert!(why.contains("more than 1024 claims"), "{why}");
    // Fewer, and each of them as long as it may be.
    std::fs::remove_dir_all(&scope).expect("removed");
    shared(dir.path());
    (0..100).for_each(|n| place(n, 150_000));
    let why = one.others().expect_err("too much");
    assert!(why.contains("bytes of claims"), "{why}");
    std::fs::remove_dir_all(&scope).expect("removed");
    shared(dir.path());
    (0..3000).for_each(|n| {
        std::fs::write(scope.join(format!("{n}.new")), "").expect("written");
    });
    let why = one.others().expect_err("too many files");
    assert!(why.contains("files"), "{why}");
}

#[test]
fn what_is_laid_in_the_way_is_neither_followed_nor_waited_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let scope = shared(dir.path());
    let [one, two] = desks(dir.path());
    let beside = scope.join(format!("{}.new", one.session));
    let own = scope.join(file_of(&one.session));
    let other = scope.join(OTHER);
    let precious = dir.path().join("precious");
    let pipe = |path: &Path| {
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0).expect("made");
    };
    let link = |path: &Path| symlink(&precious, path).expect("linked");
    let same = |path: &Path| std::fs::hard_link(&precious, path).expect("linked");
    let lay: [&dyn Fn(&Path); 3] = [&pipe, &link, &same];
    for (order, lay) in (1..).zip(lay) {
        std::fs::write(&precious, "kept").expect("written");
        // What is written beside is a new file, whatever stood there.
        lay(&beside);
        one.put(&word(order, claim("one", Some(Doing::Armed))))
            .expect("written");
        assert!(std::fs::symlink_metadata(&own).expect("there").is_file());
        assert_eq!(two.others(), Ok(vec![claim("one", Some(Doing::Armed))]));
        // A claim, or the lock, that is no plain file is no claim and no lock.
        lay(&other);
        let why = one.others().expect_err("no claim");
        assert!(why.contains(OTHER), "{why}");
        std::fs::remove_file(&other).expect("there");
        std::fs::remove_file(scope.join("lock")).expect("there");
        lay(&scope.join("lock"));
        let why = one.others().expect_err("no lock");
        assert!(why.contains("scope/lock"), "{why}");
        std::fs::remove_file(scope.join("lock")).expect("there");
        assert_eq!(std::fs::read_to_string(&precious).expect("there"), "kept");
    }
    // What cannot be taken away is said.
    std::fs::create_dir(&beside).expect("made");
    let why = one
        .put(&word(9, claim("one", None)))
        .expect_err("in the way");
    assert!(why.contains("in the way"), "{why}");
}

#[test]
fn where_others_write_each_removes_its_own_alone_or_nothing_is_trusted() {
    let dir = tempfile::tempdir().expect("a directory");
    let scope = shared(dir.path());
    let [one, _] = desks(dir.path());
    for (bits, is_good) in [
        (0o700, true),
        (0o750, true),
        (0o770, false),
        (0o2770, false),
        (0o777, false),
        (0o1770, true),
        (0o3770, true),
        (0o1777, true),
    ] {
        mode(&scope, bits);
        let said = one.put(&word(1, claim("one", Some(Doing::Armed))));
        assert_eq!(said.is_ok(), is_good, "{bits:o}: {said:?}");
        assert_eq!(one.others().is_ok(), is_good, "{bits:o}");
        if let Err(why) = said {
            assert!(why.contains("chmod +t"), "{why}");
        }
    }
}

#[test]
fn what_could_not_be_said_is_known_until_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, two] = desks(dir.path());
    one.put(&word(1, claim("one", Some(Doing::Running))))
        .expect("written");
    let say = |order, doing| {
        assert!(one.next(word(order, claim("one", doing))));
        // A second one meanwhile needs no second thread, and the newest is what is said.
        assert!(!one.next(word(order + 1, claim("one", doing))));
        assert!(one.is_busy() && !one.is_unsaid());
        one.say_all();
        assert!(!one.is_busy());
    };
    let lock = File::open(dir.path().join("scope/lock")).expect("there");
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).expect("free");
    say(2, None);
    assert!(
        one.is_unsaid(),
        "the lock was kept for longer than it is waited for"
    );
    drop(lock);
    assert!(
        two.others().is_ok_and(|others| others[0].holds()),
        "in everybody's way"
    );
    say(4, None);
    assert!(!one.is_unsaid());
    assert_eq!(two.others(), Ok(vec![claim("one", None)]));
}

#[test]
fn a_look_that_hangs_keeps_one_thread() {
    let dir = tempfile::tempdir().expect("a directory");
    let [one, _] = desks(dir.path());
    assert_eq!(one.others(), Ok(Vec::new()));
    let lock = File::open(dir.path().join("scope/lock")).expect("there");
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).expect("free");
    let whys: Vec<String> = std::thread::scope(|scope| {
        let looks: Vec<_> = (0..3).map(|_| scope.spawn(|| one.others())).collect();
        let joined = looks.into_iter().map(|look| look.join().expect("no panic"));
        joined.map(|found| found.expect_err("it hangs")).collect()
    });
    let at_once = whys.iter().filter(|why| why.contains("an earlier look"));
    assert_eq!(at_once.count(), 2, "{whys:?}");
}
