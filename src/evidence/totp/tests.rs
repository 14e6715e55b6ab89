use super::ledger::Ledger;
use super::*;
use crate::domain::fixture::person;
use crate::evidence::store::{Kept as _, Store, StoreFault};
use proptest::prelude::*;
use std::os::unix::fs::{PermissionsExt as _, symlink};

/// The secret of both RFCs: `12345678901234567890`.
const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n";

fn secret() -> Secret {
    Secret::parse(&RFC.to_owned().into()).expect("good")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn code(step: u64) -> SecretString {
    let code = code_at(&secret().key(), step);
    String::from_utf8(code.to_vec()).expect("digits").into()
}

fn typed(text: &str) -> SecretString {
    text.to_owned().into()
}

/// A code that is wrong at step 100 and around it.
fn wrong() -> SecretString {
    let near: Vec<_> = (98..103)
        .map(|step| code_at(&secret().key(), step))
        .collect();
    let text = (0..10).map(|n| format!("00000{n}"));
    text.into_iter()
        .find(|text| near.iter().all(|code| code.as_slice() != text.as_bytes()))
        .expect("five codes cannot be ten")
        .into()
}

#[test]
fn vectors_of_rfc_6238() {
    // Appendix B, SHA-1, the last six of eight digits.
    for (seconds, expected) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ] {
        let step = u64::try_from(seconds / 30).expect("positive");
        assert_eq!(code(step).expose_secret(), expected);
        let mut standing = Standing::default();
        let accepted = standing.try_code(&secret(), &typed(expected), at(seconds));
        assert_eq!(accepted, Ok(step));
    }
}

#[test]
fn vectors_of_rfc_4226() {
    // Appendix D: the same with a counter, from 0.
    let expected = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
        "520489",
    ];
    for (step, expected) in (0..).zip(expected) {
        assert_eq!(code(step).expose_secret(), expected);
    }
}

#[test]
fn a_code_is_good_one_step_before_and_after() {
    for step in 0..200 {
        let found = Standing::default().try_code(&secret(), &code(step), at(100 * 30));
        if (99..=101).contains(&step) {
            assert_eq!(found, Ok(step));
        } else {
            assert_eq!(found, Err(TotpFault::Wrong { left: 4 }), "{step}");
        }
    }
    // The edges of a step, in milliseconds.
    for (ms, is_good) in [
        (2_969_999, false),
        (2_970_000, true),
        (3_059_999, true),
        (3_060_000, false),
    ] {
        let found = Standing::default().try_code(&secret(), &code(100), Timestamp::from_millis(ms));
        assert_eq!(found.is_ok(), is_good, "{ms}");
    }
    assert_eq!(
        Standing::default().try_code(&secret(), &code(0), at(-31)),
        Err(TotpFault::Clock)
    );
    assert!(
        Standing::default()
            .try_code(&secret(), &code(0), at(0))
            .is_ok()
    );
}

#[test]
fn a_step_is_good_once_and_no_older_one_after_it() {
    let mut standing = Standing::default();
    assert_eq!(standing.try_code(&secret(), &code(100), at(3000)), Ok(100));
    assert_eq!(
        standing.try_code(&secret(), &code(100), at(3000)),
        Err(TotpFault::Used)
    );
    assert_eq!(
        standing.try_code(&secret(), &code(99), at(3000)),
        Err(TotpFault::Used)
    );
    assert_eq!(standing.lock.failures(), 2);
    assert_eq!(standing.try_code(&secret(), &code(101), at(3000)), Ok(101));
    assert_eq!(standing.lock.failures(), 0);
    // Also when the clock goes back.
    assert_eq!(
        standing.try_code(&secret(), &code(101), at(2990)),
        Err(TotpFault::Wrong { left: 4 })
    );
}

#[test]
fn five_failures_lock_for_a_quarter_of_an_hour() {
    let mut standing = Standing::default();
    for left in [4, 3, 2, 1] {
        assert_eq!(
            standing.try_code(&secret(), &wrong(), at(3000)),
            Err(TotpFault::Wrong { left })
        );
    }
    let until = at(3000 + 15 * 60);
    let locked = Err(TotpFault::Locked { until });
    assert_eq!(standing.try_code(&secret(), &wrong(), at(3000)), locked);
    // The right code does not open it, and is not spent by trying.
    let before = standing.clone();
    assert_eq!(standing.try_code(&secret(), &code(100), at(3001)), locked);
    assert_eq!(standing, before);
    let just_before = until.minus(Duration::from_millis(1));
    assert_eq!(standing.lock.until(just_before), Some(until));
    assert_eq!(standing.lock.until(until), None);
    let step = 100 + 30;
    assert_eq!(standing.try_code(&secret(), &code(step), until), Ok(step));
    assert_eq!(standing.lock, Lock::default());
}

#[test]
fn after_a_lock_the_count_begins_anew() {
    let mut lock = Lock::default();
    (0..5).for_each(|_| lock.fail(at(0)));
    let until = lock.until(at(0)).expect("locked");
    lock.fail(until);
    assert_eq!((lock.failures(), lock.until(until)), (1, None));
}

#[test]
fn what_is_no_code_is_no_failure() {
    let mut standing = Standing::default();
    for text in [
        "",
        "12345",
        "1234567",
        "12345a",
        "１２３４５６",
        "12345\n",
        "-12345",
    ] {
        assert_eq!(
            standing.try_code(&secret(), &typed(text), at(3000)),
            Err(TotpFault::NotSixDigits),
            "{text}"
        );
    }
    assert_eq!(standing, Standing::default());
    // As apps show it.
    let shown = code(100).expose_secret().to_owned();
    let shown = format!("{} {}", shown.split_at(3).0, shown.split_at(3).1);
    assert_eq!(
        standing.try_code(&secret(), &typed(&shown), at(3000)),
        Ok(100)
    );
}

#[test]
fn a_secret_is_read_in_one_form_and_long_enough() {
    assert_eq!(secret().to_file_text().expose_secret(), RFC);
    let parse = |text: &str| Secret::parse(&typed(text)).map(|_| ());
    assert_eq!(parse(RFC.trim_end()), Ok(()));
    for text in [
        &RFC.to_lowercase(),
        &format!("{RFC}\n"),
        &format!(" {RFC}"),
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGE======\n",
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1\n",
        &"A".repeat(1000),
    ] {
        assert_eq!(parse(text), Err(TotpFault::SecretForm), "{text}");
    }
    assert_eq!(
        parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOI"),
        Err(TotpFault::SecretLength { bytes: 19 })
    );
    assert_eq!(parse(""), Err(TotpFault::SecretLength { bytes: 0 }));
    let new = |count| Secret::new(vec![7; count]).map(|_| ());
    assert_eq!((new(20), new(64)), (Ok(()), Ok(())));
    assert!(new(65).is_err());
}

#[test]
fn one_secret_of_two_people_is_found() {
    assert!(secret().is_same(&secret()));
    let other = Secret::new(vec![7; 20]).expect("good");
    assert!(!secret().is_same(&other));
    // HMAC fills a short key with zero bytes: these two show the same codes.
    let padded = Secret::new([&[7; 20][..], &[0; 4]].concat()).expect("good");
    assert!(other.is_same(&padded));
}

#[test]
fn faults_never_hold_a_code_or_a_secret() {
    let text = format!(
        "{:?}",
        [
            Standing::default()
                .try_code(&secret(), &wrong(), at(3000))
                .expect_err("wrong"),
            Secret::parse(&typed("GEZDGNBVGY3TQOJ"))
                .map(|_| ())
                .expect_err("short"),
        ]
    );
    assert!(!text.contains("00000") && !text.contains("GEZ"), "{text}");
}

const FILE: &str = "\
warroom-totp@v1
alice 59023114 0 none
bob none 5 2026-11-22T04:26:07.000Z
carol_2 7 4 none
";

#[test]
fn the_form_of_the_file_is_frozen() {
    let mut ledger = Ledger::parse(FILE).expect("good");
    assert_eq!(ledger.print(), FILE);
    assert_eq!(ledger.of(&person("alice")).last_step, Some(59_023_114));
    let bob = ledger.of(&person("bob"));
    let until = Timestamp::parse("2026-11-22T04:26:07Z").expect("valid");
    assert_eq!(bob.lock, Lock::new(5, Some(until)));
    assert_eq!(*ledger.of(&person("new")), Standing::default());
}

#[test]
fn a_damaged_file_is_refused_with_its_line() {
    let title = "warroom-totp@v1\n";
    for (text, line) in [
        (String::new(), 1),
        ("warroom-totp@v2\n".to_owned(), 1),
        ("warroom-totp@v1".to_owned(), 1),
        (format!("{title}alice 1 0 none"), 2),
        (format!("{title}alice 1 0\n"), 2),
        (format!("{title}alice 1 0 none more\n"), 2),
        (format!("{title}alice 01 0 none\n"), 2),
        (format!("{title}alice -1 0 none\n"), 2),
        (format!("{title}Alice 1 0 none\n"), 2),
        (format!("{title}alice  1 0 none\n"), 2),
        (format!("{title}alice 1 5 none\n"), 2),
        (format!("{title}alice 1 4 2026-11-22T04:26:07.000Z\n"), 2),
        (format!("{title}alice 1 5 2026-11-22T04:26:07Z\n"), 2),
        (format!("{title}bob 1 0 none\nalice 1 0 none\n"), 3),
        (format!("{title}bob 1 0 none\nbob 2 0 none\n"), 3),
        (format!("{title}\n"), 2),
    ] {
        let fault = Ledger::parse(&text).expect_err(&text);
        assert_eq!(fault.line, line, "{text}");
    }
}

#[test]
fn what_is_remembered_survives_and_is_the_owners_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::new(dir.path(), "totp");
    let try_code = |step| {
        store
            .update(|ledger: &mut Ledger| {
                ledger
                    .of(&person("alice"))
                    .try_code(&secret(), &code(step), at(3000))
            })
            .expect("stored")
    };
    assert_eq!(try_code(100), Ok(100));
    // Another session of the host, or the same after a crash.
    assert_eq!(try_code(100), Err(TotpFault::Used));
    assert_eq!(try_code(98), Err(TotpFault::Wrong { left: 3 }));
    let path = dir.path().join("totp");
    let text = std::fs::read_to_string(&path).expect("there");
    assert_eq!(text, "warroom-totp@v1\nalice 100 2 none\n");
    let mode = std::fs::metadata(&path)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .expect("read")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["totp", "totp.lock"]);
}

#[test]
fn a_file_that_somebody_else_could_write_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::new(dir.path(), "totp");
    let look = || store.update(|ledger: &mut Ledger| drop(ledger.print()));
    let path = dir.path().join("totp");
    std::fs::write(&path, FILE).expect("written");
    let mode = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
    };
    mode(0o640);
    assert!(matches!(look(), Err(StoreFault::Exposed { .. })));
    mode(0o600);
    assert!(look().is_ok());
    std::fs::rename(&path, dir.path().join("elsewhere")).expect("moved");
    symlink("elsewhere", &path).expect("linked");
    assert!(matches!(look(), Err(StoreFault::Exposed { .. })));
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(&path, "warroom-totp@v1\nalice\n").expect("written");
    mode(0o600);
    let fault = look().expect_err("damaged");
    assert!(matches!(&fault, StoreFault::Damaged { source, .. } if source.line == 2));
    std::fs::write(&path, "x".repeat(200_000)).expect("written");
    assert!(matches!(look(), Err(StoreFault::TooLong { .. })));
    let open = std::fs::Permissions::from_mode(0o770);
    std::fs::set_permissions(dir.path(), open).expect("set");
    assert!(matches!(look(), Err(StoreFault::OpenToOthers { .. })));
    let nowhere = Store::new(&dir.path().join("nowhere"), "totp");
    assert!(matches!(
        nowhere.update(|_: &mut Ledger| ()),
        Err(StoreFault::Io { .. })
    ));
}

#[test]
fn two_sessions_never_change_it_at_once_and_a_crash_leaves_no_trace() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::new(dir.path(), "totp");
    std::fs::write(dir.path().join("totp.new"), "half a fi").expect("written");
    let inner = store.update(|ledger: &mut Ledger| {
        ledger.of(&person("alice")).last_step = Some(7);
        store.update(|_: &mut Ledger| ())
    });
    assert!(matches!(inner, Ok(Err(StoreFault::Busy { .. }))));
    let last = store.update(|ledger: &mut Ledger| ledger.of(&person("alice")).last_step);
    assert_eq!(last.expect("read"), Some(7));
}

#[test]
fn what_cannot_be_written_is_not_believed() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = Store::new(dir.path(), "totp");
    // A directory in the way, which is no file that can be cleared.
    std::fs::create_dir(dir.path().join("totp.new")).expect("made");
    let answer = store.update(|ledger: &mut Ledger| {
        ledger
            .of(&person("alice"))
            .try_code(&secret(), &code(100), at(3000))
    });
    assert!(matches!(answer, Err(StoreFault::Io { .. })), "{answer:?}");
    assert!(!dir.path().join("totp").exists());
}

proptest! {
    #[test]
    fn no_step_is_accepted_twice_whatever_is_typed_when(
        tries in proptest::collection::vec((90_u64..110, 2900_i64..3200), 1..60),
    ) {
        let mut standing = Standing::default();
        let mut newest = None;
        for (step, seconds) in tries {
            if let Ok(accepted) = standing.try_code(&secret(), &code(step), at(seconds)) {
                prop_assert!(newest.is_none_or(|newest| accepted > newest));
                prop_assert!(accepted.abs_diff(u64::try_from(seconds / 30).expect("positive")) <= 1);
                newest = Some(accepted);
            }
            let written = {
                let mut ledger = Ledger::default();
                *ledger.of(&person("alice")) = standing.clone();
                ledger.print()
            };
            let mut read = Ledger::parse(&written).expect("as written");
            prop_assert_eq!(read.of(&person("alice")), &standing);
        }
    }

    #[test]
    fn what_a_ledger_reads_prints_as_the_same_text(
        text in "(warroom-totp@v1\n)?([a-c]{1,2} (none|[0-9]{1,3}) [0-9] (none|2026-11-22T04:26:07.000Z)\n){0,4}.{0,10}",
    ) {
        if let Ok(ledger) = Ledger::parse(&text) {
            prop_assert_eq!(ledger.print(), text);
        }
    }
}
