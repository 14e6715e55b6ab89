//! Everything that could be wrong with a way back, one at a time.

use super::*;
use crate::domain::id::Nonce;
use crate::domain::time::Moment;
use crate::enforce::judge::tests::desk::Desk;
use std::path::Path;

const WITHIN: Duration = Duration::from_secs(72 * 3600);

fn opened() -> Moment {
    Moment {
        wall: Timestamp::parse("2026-11-22T04:10:31Z").expect("a time"),
        mono_ms: 81_234_567,
    }
}

fn undo() -> Vec<u8> {
    let undo = UndoInputs {
        exe: "/bin/false".to_owned(),
        exe_digest: Digest::of(b"false"),
        argv: vec!["false".to_owned(), "--undo".to_owned()],
        timeout_s: 30,
    };
    undo_doc::render(&undo).expect("short")
}

fn desk() -> Desk {
    let mut desk = Desk::new(
        Digest::of(b"policy"),
        Nonce::from_bytes([9; 16]),
        "boot",
        opened(),
    );
    desk.plan.undo = undo_doc::line("false --undo", &undo());
    desk.plan.env.push((
        OUTPUT_VARIABLE.to_owned(),
        "/var/lib/warroom-runner/values/x".to_owned(),
    ));
    desk
}

/// Header of a record that somebody began to go back.
fn began(desk: &Desk, seq: u64, kind: &str, actor: &str) -> Vec<u8> {
    let prev = Digest::of(b"before").to_string();
    desk.header(seq, &prev, kind, actor, b"")
}

fn result(outcome: Outcome) -> Attempted {
    let mut result = crate::enforce::result::tests::example();
    result.outcome = outcome;
    result
}

/// The expected word, and what makes a way back wrong.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Bench));

/// A way back that is right in everything.
struct Bench {
    desk: Desk,
    back: BackTicket,
    kept: Kept,
    now: Moment,
}

impl Bench {
    fn new() -> Self {
        Self::of(desk())
    }

    fn of(desk: Desk) -> Self {
        let forward = desk.ticket().print();
        Self {
            back: BackTicket {
                forward: forward.clone(),
                undo: undo(),
                try_no: 1,
                began: began(&desk, 60, "rollback.started", "dan"),
            },
            kept: Kept {
                ticket: forward,
                since: opened().wall,
                result: Some(result(Outcome::Exited(3))),
                is_undone: false,
            },
            // Long after every confirm has expired, in another boot.
            now: opened().plus(Duration::from_secs(24 * 3600)),
            desk,
        }
    }

    fn judge(&self) -> Result<Passed, BackRefusal> {
        let here = Here {
            now: self.now,
            boot: "another boot",
            host: "bastion-1",
            account: "warroom-exec",
            values: Path::new("/var/lib/warroom-runner/values"),
            allow_env: &BTreeSet::new(),
            believe_detached: false,
        };
        judge(&self.back, &self.kept, &here, WITHIN)
    }

    fn word(&self) -> &'static str {
        match self.judge() {
            Ok(_) => "passed",
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                refusal.word()
            }
        }
    }
}

#[test]
fn one_person_goes_back_long_after_the_confirm_expired() {
    let mut bench = Bench::new();
    let mut handed = result(Outcome::Exited(3));
    handed.values = [
        ("LEADER", "db-2"),
        ("PATH", "/tmp"),
        ("LD_PRELOAD", "/tmp/x.so"),
        ("WARROOM_STEP", "other"),
        ("STOLEN", "<secret:vault/root>"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    bench.kept.result = Some(handed);
    let passed = bench.judge().expect("right");
    assert_eq!(passed.began_by(), Some("dan"));
    assert_eq!(
        (passed.plan().exe.as_str(), passed.plan().inputs.timeout_s),
        ("/bin/false", 30)
    );
    assert_eq!(passed.plan().inputs.argv, ["false", "--undo"]);
    let values = format!("/var/lib/warroom-runner/values/{}", passed.name());
    let expected = [
        ("LEADER", "db-2"),
        ("PATH", "/usr/bin:/bin"),
        (OUTPUT_VARIABLE, values.as_str()),
    ];
    let env = &passed.plan().inputs.env;
    let env: Vec<(&str, &str)> = env.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(env, expected);
    assert_eq!(
        passed.name().to_string(),
        format!("{}.undo.1", bench.desk.nonce)
    );
}

#[test]
fn an_outcome_that_nobody_knows_can_be_taken_back() {
    let mut bench = Bench::new();
    bench.kept.result = None;
    assert_eq!(bench.word(), "passed");
    bench.kept.result = Some(result(Outcome::Unknown("lost".to_owned())));
    assert_eq!(bench.word(), "passed");
}

#[test]
fn nothing_but_what_ran_here_is_taken_back_and_only_as_reviewed() {
    let word = |change: &dyn Fn(&mut Bench)| {
        let mut bench = Bench::new();
        change(&mut bench);
        bench.word()
    };
    let cases: [Case<'_>; 11] = [
        ("other-ticket", &|b| b.kept.ticket.push(b'x')),
        ("other-ticket", &|b| b.back.forward = b.desk.ticket().plan),
        ("not-run", &|b| {
            b.kept.result = Some(result(Outcome::NotStarted("no".to_owned())));
        }),
        ("undone", &|b| b.kept.is_undone = true),
        ("late", &|b| b.now = opened().plus(WITHIN)),
        ("tries", &|b| b.back.try_no = 0),
        ("tries", &|b| b.back.try_no = UNDO_TRIES_MAX + 1),
        ("undo-changed", &|b| b.back.undo.push(b'x')),
        ("record", &|b| b.back.began.push(b'x')),
        ("began", &|b| {
            b.back.began = began(&b.desk, 60, "step.started", "dan");
        }),
        ("began", &|b| {
            b.back.began = began(&b.desk, 41, "rollback.started", "dan");
        }),
    ];
    for (expected, change) in cases {
        assert_eq!(word(change), expected);
    }
}

#[test]
fn back_is_never_held_up_by_who_began_it_and_they_are_taken_down() {
    let mut bench = Bench::new();
    let long = "x".repeat(300);
    let actors = [
        // Root, the server's own account, an account that several people share.
        "uid-0",
        "uid-1500",
        // A rule of the runbook.
        "warroom",
        // On no list, whether never, no longer or revoked by now: no list is looked at.
        "mallory",
        "Not A\nName!",
        &long,
    ];
    for actor in actors {
        bench.back.began = began(&bench.desk, 60, "rollback.started", actor);
        let passed = bench.judge().expect("right");
        assert_eq!(passed.began_by(), Some(actor));
    }
}

#[test]
fn a_plan_that_binds_no_way_back_has_none_here() {
    let mut desk = desk();
    desk.plan.undo = "false --undo".to_owned();
    assert_eq!(Bench::of(desk).word(), "unbound");
}

#[test]
fn a_way_back_is_for_this_host_and_account() {
    let mut elsewhere = desk();
    elsewhere.plan.host = "bastion-2".to_owned();
    assert_eq!(Bench::of(elsewhere).word(), "host");
    let mut other = desk();
    other.plan.runas = "root".to_owned();
    assert_eq!(Bench::of(other).word(), "account");
}
