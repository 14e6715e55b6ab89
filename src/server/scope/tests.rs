use super::*;
use crate::domain::id::SessionName;
use crate::domain::scope::{Deed, Doing};
use crate::domain::time::Timestamp;

fn scope(names: &[&str], unknown: Option<&str>) -> Scope {
    Scope {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        unknown: unknown.map(str::to_owned),
    }
}

fn claim(name: &str, doing: Option<Doing>) -> Claim {
    let deed = |doing| Deed {
        doing,
        step: "step 1.1 `drain`".to_owned(),
        person: "ann".to_owned(),
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
    assert!(one.take(&word(1, claim("one", None))).is_err());
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
