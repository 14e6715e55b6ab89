//! Alice proposes and bob confirms, by each kind of evidence there is; it runs once.

use super::agent::Agent;
use super::offline;
use super::seat::{Seat, clipboard};
use super::stage::{BOB_SECRET, Layout, Stage, cannot};
use crate::harness::{checkout, run, said, stdout_of};
use crate::services::{ALICE, BOB};
use ring::hmac;
use std::fs;
use std::process::Command;

/// Alice has proposed in a new session, and bob is attached, at terminals of their own accounts.
fn proposed(stage: &Stage, session: &str, bob: Seat) -> (Seat, Seat) {
    stage.start(session);
    let alice = stage.seat(&format!("{session}-alice"), ALICE, None);
    alice.attach(session);
    bob.attach(session);
    alice.begin(stage, session);
    alice.propose(stage, session);
    (alice, bob)
}

/// Alice says go, it runs once, and what is recorded holds.
fn runs_once(stage: &Stage, session: &str, alice: &Seat, via: &str) {
    stage.wait_step(session, "armed");
    assert_eq!(stage.runs(session), 0, "armed is not go");
    alice.go();
    stage.wait_step(session, "done");
    assert_eq!(stage.runs(session), 1);
    let confirmed = stage.records_of(session, "step.confirmed");
    assert_eq!(confirmed.len(), 1, "{confirmed:?}");
    assert_eq!(confirmed[0]["actor"], "bob");
    let found = confirmed[0]["via"].as_str().unwrap_or_default();
    assert!(found.starts_with(via), "{found}");
    let verified = stage.verifies(session);
    let expected = usize::from(via.starts_with("sshsig"));
    assert_eq!(
        verified["signatures"]["bob"].as_u64().unwrap_or(0),
        expected as u64,
        "{verified}"
    );
}

#[test]
fn a_key_of_bobs_agent_confirms_on_this_host_and_forwarded_over_ssh() {
    let test = "two_person::confirms::a_key_of_bobs_agent";
    if cannot(test) {
        return;
    }
    let stage = Stage::new(Layout::default());
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    // Forwarded: the socket is sshd's, the key stays where it was.
    let bob = stage.seat("bob", BOB, Some(&laptop.socket()));
    let (alice, bob) = proposed(&stage, "forwarded", bob);
    bob.confirm();
    runs_once(&stage, "forwarded", &alice, "sshsig:SHA256:");
    offline::check(&stage, "forwarded");
    // On this host: an agent of bob's account, named by `--agent`.
    let own = stage.services.get("SSH_AGENT_SOCK_2").to_owned();
    stdout_of(
        Command::new("ssh-add")
            .env("SSH_AUTH_SOCK", &own)
            .arg("-q")
            .arg(stage.key_file("bob")),
    );
    stage.start("own");
    let (alice_2, bob_2) = (
        stage.seat("alice-2", ALICE, None),
        stage.seat("bob-2", BOB, None),
    );
    alice_2.attach("own");
    bob_2.attach_with("own", &format!("--agent {own}"));
    alice_2.begin(&stage, "own");
    alice_2.propose(&stage, "own");
    bob_2.confirm();
    runs_once(&stage, "own", &alice_2, "sshsig:SHA256:");
}

#[test]
fn a_security_key_that_was_touched_confirms() {
    let test = "two_person::confirms::a_security_key_that_was_touched_confirms";
    if cannot(test) {
        return;
    }
    let mut stage = Stage::new(Layout {
        rules: "[class.destructive]\nconfirmer = \"sshsig+up\"\nindependent_check = false\ndwell = \"1s\"\n",
        ..Layout::default()
    });
    let Some(library) = touch_key(&mut stage, test, "bob-touch", "bob") else {
        return;
    };
    // The plain key would not be enough, and the agent holds it too.
    let laptop = Agent::with_key(&stage, "laptop", "bob");
    laptop.add(&["-S", &library], &stage.key_file("bob-touch"));
    let bob = stage.seat("bob", BOB, Some(&laptop.socket()));
    let (alice, bob) = proposed(&stage, "touch", bob);
    let choose = |bob: &Seat| {
        bob.confirm();
        let screen = bob.wait_said("several of your keys can sign this; which one?");
        assert!(screen.contains("> sk-ssh-ed25519"), "preselected: {screen}");
        assert!(
            screen.contains("bob-touch") && screen.contains("wants a touch"),
            "{screen}"
        );
        bob.press(&["Enter"]);
    };
    choose(&bob);
    runs_once(&stage, "touch", &alice, "sshsig+up:SHA256:");
    offline::check(&stage, "touch");
    // The dummy key always says the same number: another session of this host sees that it did not rise.
    let bob = stage.seat("bob-2", BOB, Some(&laptop.socket()));
    let (alice, bob) = proposed(&stage, "again", bob);
    choose(&bob);
    runs_once(&stage, "again", &alice, "sshsig+up:SHA256:");
    stage.wait_record(
        "again",
        "note.added",
        "COUNTER OF A SECURITY KEY DID NOT RISE",
    );
    bob.wait_said("COUNTER OF A SECURITY KEY DID NOT RISE");
}

/// Makes and installs a security key of a person, and gives the library that stands for its hardware; nothing where that
/// cannot be built, which it says.
pub(crate) fn touch_key(stage: &mut Stage, test: &str, name: &str, person: &str) -> Option<String> {
    let library = stage.place.join("sk.so");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library);
    compiler
        .arg(checkout().join("tests/data/sk-provider.c"))
        .arg("-lcrypto");
    if !compiler
        .output()
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("\nSKIP {test}: no C compiler, or no headers of libcrypto");
        return None;
    }
    let library = library.to_str().expect("a plain path").to_owned();
    let kind = ["-t", "ed25519-sk", "-w", &library, "-O", "application=ssh:"];
    stage.make_key(name, person, &kind);
    stage.install();
    Some(library)
}

#[test]
fn of_several_keys_the_person_says_which_and_is_asked_once() {
    if cannot("two_person::confirms::of_several_keys_the_person_says_which") {
        return;
    }
    let mut stage = Stage::new(Layout {
        rules: "[class.destructive]\nconfirmer = \"sshsig\"\ngo = \"sshsig\"\nproposer = \"sshsig\"\nindependent_check = false\ndwell = \"1s\"\n",
        ..Layout::default()
    });
    for (key, person) in [("bob-2", "bob"), ("mallory", "nobody")] {
        stage.make_key(key, person, &["-t", "ed25519"]);
    }
    stage.forget_key("mallory");
    stage.install();
    let hers = Agent::with_key(&stage, "hers", "alice");
    hers.add(&[], &stage.key_file("alice-2"));
    let his = Agent::with_key(&stage, "his", "bob");
    for key in ["bob-2", "mallory"] {
        his.add(&[], &stage.key_file(key));
    }
    stage.start("which");
    let alice = stage.seat("alice", ALICE, Some(&hers.socket()));
    let bob = stage.seat("bob", BOB, Some(&his.socket()));
    alice.attach("which");
    bob.attach("which");
    alice.begin(&stage, "which");
    alice.press(&["P"]);
    alice.wait("propose");
    alice.press(&["y"]);
    alice.wait_said("several of your keys can sign this; which one?");
    alice.press(&["j", "Enter"]);
    stage.wait_step("which", "awaiting-second");
    bob.confirm();
    let screen = bob.wait_said("which one?");
    assert!(
        screen.contains("bob-2") && !screen.contains("mallory"),
        "{screen}"
    );
    bob.press(&["Escape"]);
    bob.wait_said("left unsigned: nothing was sent");
    let words = bob.read();
    bob.type_words(&words);
    bob.wait_said("which one?");
    bob.press(&["Down", "Enter"]);
    stage.wait_step("which", "armed");
    // The proposer was asked once: the go is signed by the same key.
    alice.go();
    stage.wait_step("which", "done");
    let via = |kind: &str| stage.records_of("which", kind)[0]["via"].to_string();
    assert_eq!(
        via("proposal.opened"),
        via("statement.signed"),
        "the key that was chosen"
    );
    assert!(via("proposal.opened").contains(&stage.fingerprint("alice-2")));
    assert!(via("step.confirmed").contains(&stage.fingerprint("bob-2")));
    stage.verifies("which");
}

#[test]
fn a_code_confirms_once_and_a_wrong_or_used_one_does_not() {
    if cannot("two_person::confirms::a_code_confirms_once") {
        return;
    }
    let stage = Stage::new(Layout {
        codes: true,
        ..Layout::default()
    });
    // Bob has no key with him; his agent is not even there.
    let bob = stage.seat("bob", BOB, None);
    let (alice, bob) = proposed(&stage, "code", bob);
    bob.confirm();
    bob.wait_said("c type a code");
    bob.press(&["c"]);
    bob.wait("the code your authenticator shows now");
    bob.type_line("000000");
    bob.wait_said("the code is wrong");
    stage.wait_record("code", "step.refused", "the code is wrong");
    stage.wait_step("code", "awaiting-second");
    let words = bob.read();
    bob.type_words(&words);
    bob.wait_said("c type a code");
    bob.press(&["c"]);
    bob.wait("the code your authenticator shows now");
    bob.type_line(&code_now());
    runs_once(&stage, "code", &alice, "totp:");
    let journal = fs::read(stage.journal("code")).expect("readable");
    assert!(
        !String::from_utf8_lossy(&journal).contains("000000\""),
        "no code is kept"
    );
}

/// What bob's authenticator shows.
pub(super) fn code_now() -> String {
    code_of(BOB_SECRET)
}

/// RFC 6238 over a secret, done once more without the product.
pub(super) fn code_of(secret: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "an authenticator has a clock of its own"
    )]
    let now = std::time::SystemTime::now();
    let seconds = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let secret = data_encoding::BASE32
        .decode(secret.as_bytes())
        .expect("base 32");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret);
    let tag = hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let four: [u8; 4] = tag.as_ref()[at..at + 4].try_into().expect("four");
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

#[test]
fn a_signature_from_another_machine_confirms() {
    if cannot("two_person::confirms::a_signature_from_another_machine_confirms") {
        return;
    }
    let stage = Stage::new(Layout::default());
    let bob = stage.seat("bob", BOB, None);
    let (alice, bob) = proposed(&stage, "away", bob);
    let words = bob.confirm();
    bob.wait_said("d sign on another machine");
    bob.press(&["d"]);
    let request = clipboard(&bob);
    assert!(
        request.starts_with("-----BEGIN WARROOM REQUEST-----\n"),
        "{request}"
    );
    // The other machine: another home, no configuration, the key.
    let laptop = Agent::with_key(&stage, "laptop", "alice-2");
    // The request names the key that counts, so nobody is asked about the other.
    laptop.add(&[], &stage.key_file("bob"));
    let home = stage.place.join("home/elsewhere");
    fs::create_dir(&home).expect("mkdir");
    let file = home.join("request");
    fs::write(&file, &request).expect("written");
    let sign = |file: &std::path::Path, words: &str| {
        let mut command = Command::new(stage.place.program());
        command
            .args(["sign", "--words", words])
            .arg(file)
            .env_clear()
            .env("HOME", &home);
        run(command.env("SSH_AUTH_SOCK", laptop.socket()))
    };
    // A request that was changed on its way, and words of something else, sign nothing.
    let changed = home.join("changed");
    fs::write(&changed, request.replace("signer: bob", "signer: eve")).expect("written");
    let refused = sign(&changed, &words);
    assert!(
        !refused.status.success() && said(&refused).contains("changed on its way"),
        "{}",
        said(&refused)
    );
    let refused = sign(&file, "one two three");
    assert!(
        !refused.status.success() && refused.stdout.is_empty(),
        "{}",
        said(&refused)
    );
    let signed = sign(&file, &words);
    assert!(signed.status.success(), "{}", said(&signed));
    let shown = String::from_utf8_lossy(&signed.stderr).into_owned();
    assert!(
        shown.contains("step: touch") && shown.contains("signer: bob"),
        "{shown}"
    );
    bob.terminal.paste(&String::from_utf8_lossy(&signed.stdout));
    runs_once(&stage, "away", &alice, "sshsig");
    let confirmed = stage.records_of("away", "step.confirmed");
    assert!(
        confirmed[0]["via"]
            .as_str()
            .is_some_and(|via| via.contains("detached")),
        "{confirmed:?}"
    );
    offline::check(&stage, "away");
}
