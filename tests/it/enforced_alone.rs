//! One person alone at a real `warroom-runner` process (`TWO_PERSON` 4.8): what a server says of it is not believed, and
//! two in an hour are locked by the runner's own book.

use crate::enforced::desk::{Desk, allowed_signers, pair, signed, statement};
use crate::enforced::{Rig, SCRIPT, ended, run, word};
use ring::signature::KeyPair as _;
use std::fs;
use std::path::Path;
use std::time::Duration;
use warroom::domain::digest::Digest;
use warroom::domain::doc::{ARMOUR_BEGIN, ARMOUR_END};
use warroom::domain::fact::{Touch, Via};
use warroom::enforce::said::Kind;
use warroom::enforce::ticket::{Spoken, Ticket};
use warroom::evidence::detached::parse_answer;
use warroom::evidence::sshsig;
use warroom::runner::Outcome;

const SK: &str = "sk-ssh-ed25519@openssh.com";
const APPLICATION: &str = "ssh:";
/// Somebody touched it.
pub(crate) const TOUCHED: u8 = 0x01;
/// Nobody did.
const UNTOUCHED: u8 = 0x00;

/// A security key, in memory.
pub(crate) struct SecurityKey(pub(crate) &'static str);

fn strings(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend(u32::try_from(part.len()).expect("short").to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

impl SecurityKey {
    fn blob(&self) -> Vec<u8> {
        let pair = pair(self.0);
        strings(&[
            SK.as_bytes(),
            pair.public_key().as_ref(),
            APPLICATION.as_bytes(),
        ])
    }

    /// `sk-ssh-ed25519@openssh.com AAAA...`
    pub(crate) fn public(&self) -> String {
        format!("{SK} {}", data_encoding::BASE64.encode(&self.blob()))
    }

    /// Armour around its signature, with these flags.
    pub(crate) fn armour(&self, namespace: &str, message: &[u8], flags: u8) -> String {
        let sha256 = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes);
        let tail = [flags, 0, 0, 0, 1];
        let text = [
            sha256(APPLICATION.as_bytes()).as_ref(),
            &tail,
            sha256(&sshsig::to_sign(namespace, message)).as_ref(),
        ]
        .concat();
        let mut answer = strings(&[SK.as_bytes(), pair(self.0).sign(&text).as_ref()]);
        answer.extend(tail);
        let inside = [&self.blob(), namespace.as_bytes(), b"", b"sha512", &answer];
        let blob = [b"SSHSIG\0\0\0\x01".to_vec(), strings(&inside)].concat();
        let base64 = data_encoding::BASE64.encode(&blob);
        // No agent of ours would give it without a touch; a server may send it all the same.
        parse_answer(&format!("{ARMOUR_BEGIN}\n{base64}\n{ARMOUR_END}\n")).expect("a signature")
    }
}

const HERS: SecurityKey = SecurityKey("ann's security key");

/// A runner whose people have one more key: ann's, which wants a touch.
fn night() -> Rig {
    let mut rig = Rig::start();
    let hers = HERS.public();
    let keys = format!(
        "{}ann namespaces=\"warroom-breakglass@v1\" {hers}\n",
        allowed_signers()
    );
    rig.place.write("etc/allowed_signers", &keys);
    rig.kill();
    rig.restart();
    rig
}

/// A proposal of this many seconds ago.
fn desk(rig: &Rig, script: &Path, seconds: u64) -> Desk {
    let mut desk = rig.desk(script);
    desk.now.wall = desk.now.wall.minus(Duration::from_secs(seconds));
    desk.now.mono_ms = desk.now.mono_ms.saturating_sub(seconds * 1000);
    desk
}

/// The ticket of that proposal, resting on this word alone.
fn resting_on(desk: &Desk, word: Spoken) -> Ticket {
    let mut ticket = desk.ticket();
    ticket.confirms = vec![word];
    let mut go = desk.lines(Kind::Go, "ann");
    let line = go.iter_mut().find(|(key, _)| *key == "confirms");
    line.expect("a line").1 = ticket.confirms_digest().to_string();
    ticket.go = signed(Kind::Go, &go, "ann");
    ticket
}

/// Ann's word, signed by her security key.
fn word_of(desk: &Desk, flags: u8) -> Spoken {
    let lines = desk.lines(Kind::Breakglass, "ann");
    let statement = statement(Kind::Breakglass, &lines);
    let armour = HERS.armour(Kind::Breakglass.namespace(), &statement, flags);
    Spoken {
        // Whatever a server says of a touch, the signature itself is asked.
        via: Via::Sshsig {
            key: "SHA256:x".to_owned(),
            touch: Touch::Present,
            detached: true,
        },
        statement,
        armour,
    }
}

/// Ann alone, 61 seconds after her proposal.
fn alone(rig: &Rig, script: &Path) -> Ticket {
    let desk = desk(rig, script, 61);
    resting_on(&desk, word_of(&desk, TOUCHED))
}

#[test]
fn too_weak_too_early_and_changed_words_do_not_run_and_are_no_use_of_it() {
    let rig = night();
    let script = rig.script("tool", SCRIPT);
    let expect = |what: &str, expected: &str, ticket: &Ticket| {
        let told = run(&rig, ticket);
        assert_eq!(word(&told), expected, "{what}: {told:?}");
        assert_eq!(rig.runs(), 0, "{what}");
    };
    let proposal = desk(&rig, &script, 61);
    let untouched = resting_on(&proposal, word_of(&proposal, UNTOUCHED));
    expect("nobody touched it", "signature", &untouched);
    let lines = proposal.lines(Kind::Breakglass, "ann");
    let mut plain = signed(Kind::Breakglass, &lines, "ann");
    plain.via = word_of(&proposal, TOUCHED).via;
    expect("a plain key", "weak", &resting_on(&proposal, plain.clone()));
    plain.armour.clear();
    plain.via = Via::Totp { step: 7 };
    expect("a code", "weak", &resting_on(&proposal, plain));

    let early = desk(&rig, &script, 50);
    let early = resting_on(&early, word_of(&early, TOUCHED));
    expect("after 50 seconds", "alone", &early);

    let mut changed = word_of(&proposal, TOUCHED);
    let text = String::from_utf8(changed.statement).expect("ASCII");
    let said = Digest::of(b"nobody answers the phone").to_string();
    let other = Digest::of(b"somebody does").to_string();
    assert!(text.contains(&said));
    changed.statement = text.replace(&said, &other).into_bytes();
    expect(
        "another reason",
        "signature",
        &resting_on(&proposal, changed),
    );
    let mut older = alone(&rig, &script);
    older.confirms = vec![word_of(&proposal, TOUCHED)];
    expect("the word of another proposal", "line", &older);
    // None of it was a use: two in an hour are left.
    for runs in 1..=2 {
        let (result, _) = ended(run(&rig, &alone(&rig, &script)));
        assert_eq!((result.outcome, rig.runs()), (Outcome::Exited(0), runs));
    }
}

#[test]
fn the_third_within_an_hour_is_locked_by_the_runners_own_book_and_a_replay_is_no_use() {
    let mut rig = night();
    let script = rig.script("tool", SCRIPT);
    let first = alone(&rig, &script);
    let (result, _) = ended(run(&rig, &first));
    assert_eq!((result.outcome, rig.runs()), (Outcome::Exited(0), 1));
    for _ in 0..3 {
        assert_eq!(word(&run(&rig, &first)), "spent", "a replay");
    }
    ended(run(&rig, &alone(&rig, &script)));
    assert_eq!(rig.runs(), 2);
    let third = alone(&rig, &script);
    assert_eq!(word(&run(&rig, &third)), "locked");
    // Starting it anew forgets nothing.
    rig.kill();
    rig.restart();
    assert_eq!(word(&run(&rig, &third)), "locked");
    assert_eq!(word(&run(&rig, &first)), "spent");
    assert_eq!(rig.runs(), 2);
    let book = rig.place.join("state/breakglass-uses");
    assert!(fs::read_to_string(book).expect("kept").contains("ann"));
    // With a second person it runs as ever.
    let (result, _) = ended(run(&rig, &rig.desk(&script).ticket()));
    assert_eq!((result.outcome, rig.runs()), (Outcome::Exited(0), 3));
}
