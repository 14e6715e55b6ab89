//! Every piece of a ticket made wrong, one at a time (`TWO_PERSON` 10.1, U6 at the runner).

#[path = "desk.rs"]
pub(in crate::enforce) mod desk;

use crate as warroom;

use super::*;
use crate::config::people;
use crate::domain::confirm::policy::PageDown;
use crate::domain::id::Nonce;
use crate::domain::runbook::plan::Risk;
use crate::domain::time::Timestamp;
use crate::evidence::revoked::Revoked;
use crate::evidence::signers::Signers;
use desk::{Desk, allowed_signers, people_toml, public_key, signed, unsigned};

const BOOT: &str = "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90";

fn law() -> Law {
    let people = people::parse(Path::new("people.toml"), &people_toml()).expect("people");
    let names = people.iter().map(|p| p.id.clone()).collect();
    Law {
        signers: Signers::parse(&allowed_signers(), &names).expect("signers"),
        people,
        revoked: Revoked::default(),
        rules: crate::domain::confirm::policy::Rules::default(),
        digest: Digest::of(b"policy"),
    }
}

fn opened() -> Moment {
    Moment {
        wall: Timestamp::parse("2026-11-22T04:10:31Z").expect("a time"),
        mono_ms: 81_234_567,
    }
}

fn desk() -> Desk {
    Desk::new(law().digest, Nonce::from_bytes([9; 16]), BOOT, opened())
}

/// Judged a minute later, by default.
struct Bench {
    law: Law,
    now: Moment,
    boot: &'static str,
    host: &'static str,
    account: &'static str,
    allow_env: BTreeSet<String>,
    believe_detached: bool,
}

impl Bench {
    fn new() -> Self {
        Self {
            law: law(),
            now: opened().plus(Duration::from_secs(60)),
            boot: BOOT,
            host: "bastion-1",
            account: "warroom-exec",
            allow_env: BTreeSet::new(),
            believe_detached: false,
        }
    }

    fn judge(&self, ticket: &Ticket) -> Result<Passed, Refusal> {
        let here = Here {
            now: self.now,
            boot: self.boot,
            host: self.host,
            account: self.account,
            values: Path::new("/var/lib/warroom-runner/values"),
            allow_env: &self.allow_env,
            believe_detached: self.believe_detached,
        };
        judge(ticket, &self.law, &here)
    }

    fn word(&self, ticket: &Ticket) -> &'static str {
        match self.judge(ticket) {
            Ok(_) => "passed",
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                refusal.word()
            }
        }
    }
}

fn word(ticket: &Ticket) -> &'static str {
    Bench::new().word(ticket)
}

#[test]
fn two_people_and_one_plan_pass() {
    let ticket = desk().ticket();
    let passed = Bench::new().judge(&ticket).expect("right");
    assert_eq!(passed.confirmers().len(), 1);
    assert_eq!(passed.plan().exe, "/bin/true");
    assert_eq!(passed.stdin(), None);
    let again = Ticket::parse(&ticket.print()).expect("printed");
    assert_eq!(word(&again), "passed");
}

/// Another valid value for each line of a statement.
fn another(key: &str) -> Option<String> {
    let value = match key {
        "session" => "01JD3V3Q8Z6K9T0W4M5N7P2R1S".to_owned(),
        "genesis" | "policy" | "runbook" | "plan" | "confirms" => Digest::of(b"other").to_string(),
        "proposal" | "head" => format!("41 {}", Digest::of(b"other")),
        "commit" => "sha1:9fceb02d0ae598e95dc970b74767f19372d61af8".to_owned(),
        "step" => "fill".to_owned(),
        "attempt" | "quorum" => "2".to_owned(),
        "proposer" | "executor" | "signer" => "cho".to_owned(),
        "nonce" => "00112233445566778899aabbccddeeff".to_owned(),
        "issued" => "2026-11-22T04:10:30Z".to_owned(),
        "expires" => "2026-11-22T04:25:30Z".to_owned(),
        _ => return None,
    };
    Some(value)
}

#[test]
fn every_line_of_every_statement_changed_alone_is_refused() {
    let desk = desk();
    let mut tried = 0;
    for (kind, signer) in [
        (Kind::Propose, "ann"),
        (Kind::Confirm, "bob"),
        (Kind::Go, "ann"),
    ] {
        let lines = desk.lines(kind, signer);
        for (index, (key, value)) in lines.iter().enumerate() {
            let other = another(key).expect("a line without a case");
            assert_ne!(&other, value, "{key}");
            let mut changed = lines.clone();
            changed[index].1 = other;
            // Once with a signature over the changed words, and once with the one over the right ones.
            let anew = signed(kind, &changed, signer);
            let mut stale = anew.clone();
            stale.armour = desk.said(kind, signer).armour;
            for spoken in [anew, stale] {
                let mut ticket = desk.ticket();
                match kind {
                    Kind::Propose => ticket.propose = spoken,
                    Kind::Confirm => ticket.confirms = vec![spoken],
                    Kind::Go => ticket.go = spoken,
                    Kind::Breakglass => unreachable!("not in the list"),
                }
                assert_ne!(word(&ticket), "passed", "{kind:?} {key}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 2 * (15 + 17 + 18));
}

#[test]
fn every_byte_of_plan_and_records_is_bound() {
    let right = desk().ticket();
    for part in 0..3 {
        let length = [&right.plan, &right.proposed, &right.genesis][part].len();
        for at in 0..length {
            let mut ticket = right.clone();
            let bytes = match part {
                0 => &mut ticket.plan,
                1 => &mut ticket.proposed,
                _ => &mut ticket.genesis,
            };
            bytes[at] ^= 1;
            assert_ne!(word(&ticket), "passed", "part {part}, byte {at}");
        }
    }
}

#[test]
fn another_plan_under_the_same_words_is_refused() {
    let mut other = desk();
    other.plan.argv = vec!["true".to_owned(), "--all".to_owned()];
    let mut ticket = desk().ticket();
    ticket.plan = other.plan_bytes();
    assert_eq!(word(&ticket), "chain");
    ticket.proposed = other.proposed();
    assert_eq!(word(&ticket), "line");
    ticket.propose = other.said(Kind::Propose, "ann");
    assert_eq!(word(&ticket), "line", "bob confirmed the first plan");
}

#[test]
fn nobody_confirms_their_own() {
    let mut desk = desk();
    desk.confirmers = vec!["ann".to_owned()];
    assert_eq!(word(&desk.ticket()), "own");
    desk.confirmers = vec!["bob".to_owned(), "ann".to_owned()];
    assert_eq!(word(&desk.ticket()), "own");
    desk.confirmers = vec!["cho".to_owned()];
    desk.executor = "cho".to_owned();
    assert_eq!(word(&desk.ticket()), "own", "who runs it");
    desk.confirmers.clear();
    assert_eq!(word(&desk.ticket()), "quorum");
}

#[test]
fn people_are_counted_and_not_statements() {
    let mut desk = desk();
    desk.quorum = 2;
    desk.confirmers = vec!["bob".to_owned(), "bob".to_owned()];
    assert_eq!(word(&desk.ticket()), "quorum");
    desk.confirmers = vec!["bob".to_owned(), "cho".to_owned()];
    assert_eq!(word(&desk.ticket()), "passed");
    desk.confirmers = vec!["bob".to_owned(), "dan".to_owned()];
    assert_eq!(word(&desk.ticket()), "quorum", "dan may not confirm");
}

#[test]
fn a_statement_signed_by_somebody_else_is_refused() {
    let desk = desk();
    let lines = desk.lines(Kind::Confirm, "bob");
    let mut ticket = desk.ticket();
    ticket.confirms = vec![signed(Kind::Confirm, &lines, "ann")];
    assert_eq!(word(&ticket), "signer");
    ticket.confirms = vec![signed(Kind::Confirm, &lines, "mallory")];
    assert_eq!(word(&ticket), "signature");
    // A signature for another purpose.
    let mut propose = signed(Kind::Propose, &desk.lines(Kind::Propose, "bob"), "bob");
    propose.statement = desk.said(Kind::Confirm, "bob").statement;
    ticket.confirms = vec![propose];
    assert_eq!(word(&ticket), "signature");
}

#[test]
fn what_the_runner_cannot_check_is_good_for_a_change_at_most() {
    let uid = Via::Uid(61_002);
    let code = Via::Totp { step: 59_023_114 };
    for risk in [Risk::Change, Risk::Destructive, Risk::Irreversible] {
        let mut desk = desk();
        desk.plan.risk = risk;
        for via in [&uid, &code] {
            let mut ticket = desk.ticket();
            ticket.confirms = vec![unsigned(desk.said(Kind::Confirm, "bob"), via.clone())];
            let expected = if risk == Risk::Change {
                "passed"
            } else {
                "quorum"
            };
            assert_eq!(word(&ticket), expected, "{risk:?} {via:?}");
        }
    }
    let mut ticket = desk().ticket();
    ticket.propose = unsigned(ticket.propose, Via::Uid(61_001));
    assert_eq!(word(&ticket), "weak", "who proposes signs");
    let mut change = desk();
    change.plan.risk = Risk::Change;
    let mut ticket = change.ticket();
    for via in [Via::Uid(61_003), Via::Uid(0), Via::Demo] {
        ticket.confirms = vec![unsigned(change.said(Kind::Confirm, "bob"), via.clone())];
        assert_eq!(word(&ticket), "unsigned", "{via:?}");
    }
}

#[test]
fn go_may_be_the_connection_alone_where_the_class_says_so() {
    let mut ticket = desk().ticket();
    ticket.go = unsigned(ticket.go, Via::Uid(61_001));
    assert_eq!(word(&ticket), "passed");
    ticket.go = unsigned(ticket.go, Via::Uid(61_002));
    assert_eq!(word(&ticket), "unsigned", "another account");
    let signed_in = desk().ticket().go.via;
    ticket.go.via = signed_in.clone();
    assert_eq!(word(&ticket), "passed", "signed in at the connection");
    let mut irreversible = desk();
    irreversible.plan.risk = Risk::Irreversible;
    assert_eq!(word(&irreversible.ticket()), "quorum", "no touch");
    let mut bench = Bench::new();
    let lines = bench.law.rules.lines_mut(Risk::Destructive);
    lines.go = Some(crate::domain::confirm::policy::Grade::Sshsig);
    ticket.go = unsigned(ticket.go, signed_in);
    assert_eq!(bench.word(&ticket), "unsigned", "where a go is signed");
}

#[test]
fn that_a_signature_was_made_elsewhere_is_the_servers_word() {
    let mut desk = desk();
    desk.plan.risk = Risk::Irreversible;
    let mut ticket = desk.ticket();
    ticket.confirms[0].via = Via::Sshsig {
        key: "SHA256:x".to_owned(),
        touch: crate::domain::fact::Touch::Verified,
        detached: true,
    };
    let mut bench = Bench::new();
    let found = |bench: &Bench| match bench.judge(&ticket) {
        Err(Refusal::Quorum { found, .. }) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(found(&bench), 0);
    bench.believe_detached = true;
    assert_eq!(found(&bench), 1, "one of the two");
}

#[test]
fn the_policy_read_now_decides() {
    let ticket = desk().ticket();
    let mut bench = Bench::new();
    bench.law.digest = Digest::of(b"changed");
    assert_eq!(bench.word(&ticket), "policy");

    let mut bench = Bench::new();
    bench.law.revoked = Revoked::parse("person bob\n").expect("a line");
    assert_eq!(bench.word(&ticket), "revoked");

    let mut bench = Bench::new();
    let fingerprint = crate::evidence::make::public_key(&desk::pair("bob")).expect("a key");
    let line = format!("key {}\n", fingerprint.fingerprint());
    bench.law.revoked = Revoked::parse(&line).expect("a line");
    assert_eq!(bench.word(&ticket), "signature");

    let mut bench = Bench::new();
    let names = bench.law.people.iter().map(|p| p.id.clone()).collect();
    let without = allowed_signers().replace(&public_key("bob"), &public_key("bob's new key"));
    bench.law.signers = Signers::parse(&without, &names).expect("signers");
    assert_eq!(bench.word(&ticket), "signature");

    let mut bench = Bench::new();
    let fewer = people_toml().replace("\"operator\", \"approver\"", "\"observer\"");
    bench.law.people = people::parse(Path::new("people.toml"), &fewer).expect("people");
    assert_eq!(bench.word(&ticket), "role");
}

#[test]
fn either_clock_ends_a_proposal() {
    let ticket = desk().ticket();
    let mut bench = Bench::new();
    bench.now = opened().plus(Duration::from_secs(899));
    assert_eq!(bench.word(&ticket), "passed");
    bench.now.wall = opened().wall.plus(Duration::from_secs(900));
    assert_eq!(bench.word(&ticket), "expired");
    bench.now = opened().plus(Duration::from_secs(1));
    bench.now.mono_ms += 900_000;
    assert_eq!(
        bench.word(&ticket),
        "expired",
        "the wall clock was set back"
    );
    bench.now = opened();
    bench.now.wall = opened().wall.minus(Duration::from_secs(30));
    assert_eq!(bench.word(&ticket), "early");
    let mut bench = Bench::new();
    bench.boot = "another boot";
    assert_eq!(bench.word(&ticket), "boot");
}

#[test]
fn a_plan_is_for_one_host_one_account_and_clean_surroundings() {
    let mut bench = Bench::new();
    bench.host = "bastion-2";
    assert_eq!(bench.word(&desk().ticket()), "host");
    let mut bench = Bench::new();
    bench.account = "root";
    assert_eq!(bench.word(&desk().ticket()), "account");
    let with = |name: &str, value: &str| {
        let mut desk = desk();
        desk.plan.env.push((name.to_owned(), value.to_owned()));
        desk.ticket()
    };
    for name in [
        "LD_PRELOAD",
        "BASH_ENV",
        "ENV",
        "PYTHONPATH",
        "PERL5LIB",
        "IFS",
        "SHELLOPTS",
    ] {
        assert_eq!(word(&with(name, "x")), "steering", "{name}");
    }
    let mut bench = Bench::new();
    bench.allow_env.insert("PYTHONUNBUFFERED".to_owned());
    assert_eq!(bench.word(&with("PYTHONUNBUFFERED", "1")), "passed");
    assert_eq!(word(&with("BASH_FUNC_ls%%", "x")), "command");
    assert_eq!(word(&with("DB_PASS", "<secret:vault/../x>")), "command");
    let values = |path: &str| with(OUTPUT_VARIABLE, path);
    assert_eq!(
        word(&values("/var/lib/warroom-runner/values/x.1")),
        "passed"
    );
    for path in [
        "/var/lib/warroom-runner/spent/x",
        "/var/lib/warroom-runner/values/../spent/x",
        "/var/lib/warroom-runner/values/a/b",
        "x",
    ] {
        assert_eq!(word(&values(path)), "command", "{path}");
    }
    let mut desk = desk();
    desk.plan.cwd = "/srv/../etc".to_owned();
    assert_eq!(word(&desk.ticket()), "command");
    desk.plan.cwd = "/".to_owned();
    desk.plan.timeout_s = 0;
    assert_eq!(word(&desk.ticket()), "command");
}

#[test]
fn standard_input_is_the_blob_that_the_plan_names() {
    let mut desk = desk();
    desk.plan.stdin = Digest::of(b"select 1;").to_string();
    let mut ticket = desk.ticket();
    assert_eq!(word(&ticket), "stdin");
    ticket.stdin = b"select 1;".to_vec();
    let passed = Bench::new().judge(&ticket).expect("right");
    assert_eq!(passed.stdin(), Some(&b"select 1;"[..]));
    ticket.stdin = b"select 2;".to_vec();
    assert_eq!(word(&ticket), "stdin");
    let mut ticket = super::tests::desk().ticket();
    ticket.stdin = b"x".to_vec();
    assert_eq!(word(&ticket), "stdin");
}

/// Ann alone, with these lines of her break-glass changed.
fn alone(changes: &[(&str, &str)], by: &str) -> Ticket {
    alone_at(&desk(), changes, by)
}

fn alone_at(desk: &Desk, changes: &[(&str, &str)], by: &str) -> Ticket {
    let mut lines = desk.lines(Kind::Breakglass, "ann");
    for (key, value) in changes {
        let line = lines.iter_mut().find(|(name, _)| name == key);
        (*value).clone_into(&mut line.expect("a line").1);
    }
    let mut spoken = signed(Kind::Breakglass, &lines, by);
    // The library of the tests has no key to touch: signed on another machine is as strong.
    if let Via::Sshsig { detached, .. } = &mut spoken.via {
        *detached = true;
    }
    let mut ticket = desk.ticket();
    ticket.confirms = vec![spoken];
    let mut go = desk.lines(Kind::Go, "ann");
    let confirms = ticket.confirms_digest().to_string();
    go.iter_mut()
        .find(|(key, _)| *key == "confirms")
        .expect("a line")
        .1 = confirms;
    ticket.go = signed(Kind::Go, &go, "ann");
    ticket
}

/// Ann alone with this nonce, found right, and the bytes that were.
pub(in crate::enforce) fn passed_alone(nonce: Nonce) -> (Passed, Vec<u8>) {
    let mut desk = desk();
    desk.nonce = nonce;
    let ticket = alone_at(&desk, &[], "ann");
    let passed = later(60).judge(&ticket).expect("right");
    (passed, ticket.print())
}

/// A runner that believes signatures from other machines, at this many seconds after the proposal.
fn later(seconds: u64) -> Bench {
    let mut bench = Bench::new();
    bench.believe_detached = true;
    bench.now = opened().plus(Duration::from_secs(seconds));
    bench
}

#[test]
fn one_person_alone_passes_after_a_minute_and_with_a_strong_signature() {
    let passed = later(60).judge(&alone(&[], "ann")).expect("right");
    assert_eq!(passed.alone().map(PersonId::as_str), Some("ann"));
    assert_eq!(later(59).word(&alone(&[], "ann")), "alone", "too early");
    let mut unbelieved = later(60);
    unbelieved.believe_detached = false;
    assert_eq!(unbelieved.word(&alone(&[], "ann")), "weak");
    // Both clocks have to say so.
    let mut set = later(60);
    set.now.mono_ms = opened().mono_ms + 59_000;
    assert_eq!(set.word(&alone(&[], "ann")), "alone");
    // A confirmed ticket is nobody's alone.
    let usual = later(60).judge(&desk().ticket()).expect("right");
    assert_eq!(usual.alone(), None);
}

#[test]
fn a_page_that_is_down_waits_ten_minutes_where_the_rules_say_so() {
    let down = alone(&[("page", "down")], "ann");
    assert_eq!(later(800).word(&down), "alone", "the rules refuse it");
    let mut bench = later(599);
    bench.law.rules.page_down = PageDown::Delay;
    assert_eq!(bench.word(&down), "alone");
    bench.now = opened().plus(Duration::from_secs(600));
    assert_eq!(bench.word(&down), "passed");
    assert_eq!(bench.word(&alone(&[("page", "later")], "ann")), "alone");
}

#[test]
fn nobody_else_goes_alone_and_nothing_of_the_statement_is_loose() {
    let bench = later(60);
    assert_eq!(bench.word(&alone(&[], "bob")), "signer");
    assert_eq!(bench.word(&alone(&[("signer", "cho")], "cho")), "line");
    assert_eq!(
        bench.word(&alone(&[("plan", &Digest::of(b"x").to_string())], "ann")),
        "line"
    );
    let empty = Digest::of(b"").to_string();
    assert_eq!(bench.word(&alone(&[("reason", &empty)], "ann")), "alone");
    assert_eq!(
        bench.word(&alone(&[("reason", "fire")], "ann")),
        "statement"
    );
    let mut twice = alone(&[], "ann");
    twice.confirms.push(twice.confirms[0].clone());
    assert_eq!(bench.word(&twice), "alone");
    let mut other_go = alone(&[], "ann");
    other_go.go = desk().said(Kind::Go, "ann");
    assert_eq!(bench.word(&other_go), "line", "it went by other words");
    let mut no_role = later(60);
    let people = people_toml().replace(", \"breakglass\"", "");
    no_role.law.people = people::parse(Path::new("people.toml"), &people).expect("people");
    assert_eq!(no_role.word(&alone(&[], "ann")), "role");
    let mut unsigned_word = alone(&[], "ann");
    unsigned_word.confirms[0].armour.clear();
    unsigned_word.confirms[0].via = Via::Totp { step: 7 };
    assert_eq!(
        bench.word(&unsigned_word),
        "weak",
        "a code is the server's word"
    );
}
