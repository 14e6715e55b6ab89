//! A confirm checked without `warroom`: `sh`, `ssh-keygen` and `sha256sum` alone, over what a real session left behind.

use super::stage::{HOST, Stage};
use crate::harness::{checkout, run, said};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use warroom::domain::digest::Digest;

fn verify(dir: &Path, person: &str) -> Output {
    let file = |name: &str| dir.join(name);
    run(Command::new("sh")
        .arg(checkout().join("assets/verify-confirm.sh"))
        .args([
            file("event"),
            file("body"),
            file("plan"),
            file("allowed_signers"),
        ])
        .arg(person)
        .env_clear()
        .env("PATH", "/usr/bin:/bin"))
}

/// Edits a file and sees that the check finds it; `event` follows a changed body, as a forger would have it.
fn finds(dir: &Path, what: &str, file: &str, edit: impl Fn(&str) -> String) {
    let path = dir.join(file);
    let (text, event) = (
        fs::read_to_string(&path).expect("readable"),
        fs::read_to_string(dir.join("event")).expect("readable"),
    );
    let changed = edit(&text);
    assert_ne!(changed, text, "{what} changes something");
    fs::write(&path, &changed).expect("writable");
    if file == "body" {
        let fits = event.replace(
            &Digest::of(text.as_bytes()).to_string(),
            &Digest::of(changed.as_bytes()).to_string(),
        );
        fs::write(dir.join("event"), fits).expect("writable");
    }
    let output = verify(dir, "bob");
    assert!(!output.status.success(), "{what}: {}", said(&output));
    fs::write(&path, &text).expect("writable");
    fs::write(dir.join("event"), &event).expect("writable");
}

/// Exports bob's confirm of a session and checks it; then every way of changing it.
pub(super) fn check(stage: &Stage, session: &str) {
    let confirmed = &stage.records_of(session, "step.confirmed")[0];
    let seq = confirmed["seq"].to_string();
    let dir = stage.place.join(&format!("raw-{session}"));
    let raw = dir.to_str().expect("a plain path");
    let exported = stage.warroom(&["journal", "export", session, "--seq", &seq, "--raw", raw]);
    assert!(exported.status.success(), "{}", said(&exported));
    let good = verify(&dir, "bob");
    assert!(good.status.success(), "{}", said(&good));
    let hash = confirmed["hash"].as_str().expect("a hash");
    let last = String::from_utf8_lossy(&good.stdout)
        .lines()
        .last()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(last, hash, "the hash of the record");
    let next = fs::read_to_string(dir.join("next-event")).expect("the record behind it");
    assert!(next.contains(&format!("prev: {hash}\n")), "{next}");
    check_session(stage, session, &dir);
    check_bodies(&dir);
    check_lists(&dir);
    check_another_key(stage, &dir);
    assert!(
        verify(&dir, "bob").status.success(),
        "as it was, it is good again"
    );
}

/// A way of changing a file.
type Edit = fn(&str) -> String;

/// The chain up to the host: confirm, checkpoint by the session's key, and the host key that stands for that one.
fn check_session(stage: &Stage, session: &str, dir: &Path) {
    let first = stage.place.join(&format!("raw-{session}-0"));
    let raw = first.to_str().expect("a plain path");
    let exported = stage.warroom(&["journal", "export", session, "--seq", "0", "--raw", raw]);
    assert!(exported.status.success(), "{}", said(&exported));
    let script = |name: &str, files: &[&Path]| {
        run(Command::new("sh")
            .arg(checkout().join("assets").join(name))
            .args(files)
            .env_clear()
            .env("PATH", "/usr/bin:/bin"))
    };
    let file = |name: &str| first.join(name);
    let all = [
        "certificate",
        "host_signers",
        "server_signers",
        "event",
        "body",
    ]
    .map(file);
    let files: Vec<&Path> = all.iter().map(PathBuf::as_path).collect();
    let good = script("verify-session.sh", &files);
    assert!(good.status.success(), "{}", said(&good));
    assert_eq!(String::from_utf8_lossy(&good.stdout), format!("{HOST}\n"));
    // The hash of that record is the `genesis` of the confirm, and the newest checkpoint is by the key it names.
    let hash = Digest::of(&fs::read(file("event")).expect("readable"));
    let body = fs::read_to_string(dir.join("body")).expect("readable");
    assert!(body.contains(&format!("\ngenesis: {hash}\n")), "{body}");
    let all_checkpoints = fs::read_to_string(file("checkpoints")).expect("there are some");
    let end = "-----END SSH SIGNATURE-----\n";
    let checkpoint = all_checkpoints.split_inclusive(end).last().expect("one");
    fs::write(file("checkpoint"), checkpoint).expect("writable");
    let checked = script(
        "verify-checkpoint.sh",
        &[&file("checkpoint"), &file("server_signers")],
    );
    assert!(checked.status.success(), "{}", said(&checked));
    let verified = stage.verifies(session);
    assert_eq!(verified["certified_by"], HOST, "{verified}");
    // Everything that could be exchanged is found.
    let edits: [(&str, Edit); 6] = [
        ("certificate", |text| text.replace("host: ", "host: x")),
        ("certificate", |text| {
            text.replace("key: ssh-ed25519 AAAA", "key: ssh-ed25519 BBBB")
        }),
        ("host_signers", |text| {
            text.replace("warroom-session@v1", "warroom-checkpoint@v1")
        }),
        ("host_signers", |_| String::new()),
        ("server_signers", |text| text.replace("AAAA", "BBBB")),
        ("body", |text| {
            text.replace("\"session_key\":\"ssh", "\"session_key\":\"xsh")
        }),
    ];
    for (name, edit) in edits {
        let text = fs::read_to_string(file(name)).expect("readable");
        assert_ne!(edit(&text), text, "{name} changes");
        fs::write(file(name), edit(&text)).expect("writable");
        let found = script("verify-session.sh", &files);
        assert!(!found.status.success(), "{name}: {}", said(&found));
        fs::write(file(name), text).expect("writable");
    }
}

/// Another plan, another record, another statement, another signature.
fn check_bodies(dir: &Path) {
    finds(dir, "another plan", "plan", |text| {
        text.replace("step: touch", "step: wipe")
    });
    finds(dir, "a statement about more", "body", |text| {
        text.replace("quorum: 1", "quorum: 2")
    });
    finds(dir, "a statement about another plan", "body", |text| {
        let plan = text
            .split_once("plan: ")
            .map(|(_, rest)| rest.lines().next().unwrap_or_default());
        text.replace(
            plan.expect("a plan"),
            &Digest::of(b"another plan").to_string(),
        )
    });
    finds(dir, "a signature with another byte", "body", |text| {
        // Within the signature itself: the last line of the armour but one.
        let at = text.rfind("\n-----END").expect("an end") - 12;
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    });
    finds(dir, "another kind of record", "event", |text| {
        text.replace("kind: step.confirmed", "kind: step.rejected")
    });
    finds(dir, "a body the record does not name", "event", |text| {
        text.replace("body: sha256:", "body: sha256:0")
    });
    finds(dir, "a proposal of the signer's own", "body", |text| {
        text.replace("proposer: alice", "proposer: bob")
    });
}

/// Another list of keys, and other people.
fn check_lists(dir: &Path) {
    finds(dir, "a key of somebody else", "allowed_signers", |text| {
        text.replace("bob namespaces", "eve namespaces")
    });
    finds(dir, "a key for something else", "allowed_signers", |text| {
        text.replace("warroom-confirm@v1", "git")
    });
    finds(
        dir,
        "a key that is two people's",
        "allowed_signers",
        |text| {
            let of_bob = text
                .lines()
                .filter(|line| line.starts_with("bob "))
                .collect::<Vec<_>>()
                .join("\n");
            format!("{text}{}\n", of_bob.replace("bob ", "eve "))
        },
    );
    for person in ["alice", "eve"] {
        assert!(
            !verify(dir, person).status.success(),
            "{person} did not sign it"
        );
    }
}

/// By alice's key in bob's place: a good signature of the wrong person.
fn check_another_key(stage: &Stage, dir: &Path) {
    let body = fs::read_to_string(dir.join("body")).expect("readable");
    let statement = body.split("-----BEGIN").next().expect("a statement");
    let (of_alice, signature) = (dir.join("statement"), dir.join("statement.sig"));
    fs::write(&of_alice, statement).expect("writable");
    let signed = run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "warroom-confirm@v1", "-f"])
        .arg(stage.key_file("alice"))
        .arg(&of_alice));
    assert!(signed.status.success(), "{}", said(&signed));
    let forged = format!(
        "{statement}{}",
        fs::read_to_string(signature).expect("a signature")
    );
    finds(dir, "a signature of alice's", "body", |_| forged.clone());
}
