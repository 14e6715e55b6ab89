//! Checkpoints through a real server, and the checks that need no `warroom`: `sh`, `ssh-keygen`, `sha256sum` alone.

use crate::golden::{self, sealed};
use crate::session_host::{Host, fold_of, step};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};
use warroom::domain::command::Command;
use warroom::domain::confirm::checkpoint::Checkpoint;
use warroom::domain::digest::Digest;
use warroom::domain::fact::{Actor, Fact};
use warroom::domain::id::Seq;
use warroom::domain::time::{Moment, Timestamp};
use warroom::journal::{SessionDir, Space, Writer, open};
use warroom::wire::message::ToServer;

const RUNBOOK: &str = "# Small\n\n## One\n\n- [ ] Look\n";

fn sh(script: &str, arguments: &[&Path]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets")
        .join(script);
    Process::new("sh")
        .arg(script)
        .args(arguments)
        .output()
        .expect("sh")
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

fn verify(journal: &Path, more: &[&str]) -> Output {
    Process::new(env!("CARGO_BIN_EXE_warroom"))
        .arg("verify")
        .arg(journal)
        .args(more)
        .output()
        .expect("warroom")
}

/// Splits a file of checkpoints into its documents with signatures.
fn parts(text: &str) -> Vec<String> {
    let end = "-----END SSH SIGNATURE-----\n";
    text.split_inclusive(end).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_signs_its_journal_and_a_cut_one_is_found() {
    let host = Host::new(RUNBOOK);
    let server = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    alice
        .until("a checkpoint", |p| !p.checkpoints.is_empty())
        .await;
    server.end().await;
    let journal = host.journal();
    let kept = std::fs::read_to_string(journal.with_file_name("checkpoints")).expect("kept");
    let newest = parts(&kept).pop().expect("one at least");
    let (records, _) = host.fold();
    let last = records.last().expect("records");
    let document = newest.split("-----BEGIN").next().expect("a document");
    let checkpoint = Checkpoint::parse(document).expect("a checkpoint");
    assert!(
        matches!(last.fact, Fact::SessionClosed { .. }),
        "the last one covers the end"
    );
    assert_eq!(checkpoint.head, (last.seq, last.hash));
    let length = std::fs::metadata(&journal).expect("a journal").len();
    assert_eq!(checkpoint.bytes, length);

    let good = verify(&journal, &["--json"]);
    assert!(good.status.success(), "{}", said(&good));
    let value: serde_json::Value = serde_json::from_slice(&good.stdout).expect("JSON");
    assert_eq!(value["covered"], last.seq.0);

    // Whole records cut off the end leave a perfect chain; only what was signed tells.
    let bytes = std::fs::read(&journal).expect("readable");
    let cut = bytes
        .windows(4)
        .rposition(|w| w == b"WJ1 ")
        .expect("a record");
    std::fs::write(&journal, &bytes[..cut]).expect("writable");
    let bad = verify(&journal, &[]);
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    assert!(
        said(&bad).contains("the journal ends before it"),
        "{}",
        said(&bad)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_comes_back_is_told_what_follows_what_it_saw_or_that_it_is_gone() {
    let host = Host::new(RUNBOOK);
    let server = host.start().await;
    let mut alice = host.attach("alice").await;
    let (seq, hash) = alice.state.head;
    alice.does(Command::Begin).await;
    alice.send(ToServer::Seen { seq, hash }).await;
    alice.until("headers", |p| p.headers.is_some()).await;
    let (from, headers) = alice.headers.take().expect("headers");
    assert_eq!(from, seq.next());
    assert!(headers[0].contains(&format!("prev: {hash}\n")));
    let other = Digest::of(b"another history");
    alice.send(ToServer::Seen { seq, hash: other }).await;
    alice.until("an answer", |p| p.headers.is_some()).await;
    assert_eq!(alice.headers.take(), Some((seq, Vec::new())));
    let far = Seq(seq.0 + 1_000);
    alice.send(ToServer::Seen { seq: far, hash }).await;
    alice.until("an answer", |p| p.headers.is_some()).await;
    assert_eq!(alice.headers.take(), Some((far, Vec::new())));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_good_for_ssh_keygen_too() {
    if Process::new("ssh-keygen").arg("-?").output().is_err() {
        eprintln!("\nSKIP checkpoints against ssh-keygen: it is not installed");
        return;
    }
    let host = Host::new(RUNBOOK);
    let server = host.start().await;
    let mut alice = host.attach("alice").await;
    alice.does(Command::Begin).await;
    server.end().await;
    let journal = host.journal();
    let dir = tempfile::tempdir().expect("a directory");
    let raw: PathBuf = dir.path().join("raw");
    let exported = Process::new(env!("CARGO_BIN_EXE_warroom"))
        .args(["journal", "export", "--seq", "0", "--raw"])
        .arg(&raw)
        .arg(&journal)
        .output()
        .expect("warroom");
    assert!(exported.status.success(), "{}", said(&exported));
    let kept = std::fs::read_to_string(raw.join("checkpoints")).expect("exported");
    let one = dir.path().join("one");
    std::fs::write(&one, parts(&kept).pop().expect("one")).expect("writable");
    let good = sh("verify-checkpoint.sh", &[&one, &raw.join("server_signers")]);
    assert!(good.status.success(), "{}", said(&good));
    let (records, _) = host.fold();
    let last = records.last().expect("records");
    let line = String::from_utf8_lossy(&good.stdout).trim().to_owned();
    assert_eq!(line, format!("{} {}", last.seq, last.hash));
    let edited = std::fs::read_to_string(&one)
        .expect("readable")
        .replace("bytes: ", "bytes: 1");
    std::fs::write(&one, edited).expect("writable");
    assert!(
        !sh("verify-checkpoint.sh", &[&one, &raw.join("server_signers")])
            .status
            .success()
    );
}

/// Puts a fact behind the last record of a journal, by the chain's own rules: whoever may write the file can.
fn forge(journal: &Path, who: &Actor, fact: &Fact) -> Seq {
    let (_, state) = fold_of(journal);
    let now = Moment {
        wall: Timestamp::from_millis(state.head_at.wall.as_millis() + 1_000),
        mono_ms: state.head_at.mono_ms + 1_000,
    };
    let boot = "5f0c6f2e-3a0b-4d1e-9b7a-2f6d8c1e4a90";
    let session = &state.genesis.session;
    let record = sealed(Some(&state), session, now, boot, who, fact);
    let seq = record.header().seq;
    let dir = SessionDir::open(journal.parent().expect("a directory")).expect("a session");
    let writer = Writer::start(open(dir, |_| {}).expect("intact")).expect("a writer");
    writer
        .submit(vec![record], Space::Ordinary)
        .wait()
        .expect("written");
    seq
}

#[test]
fn a_fact_that_cannot_have_happened_is_a_fault_though_its_chain_is_right() {
    let dir = tempfile::tempdir().expect("a directory");
    let journal = dir.path().join("journal");
    std::fs::copy(golden::journal("wj1-people"), &journal).expect("copied");
    let step = step("drain");
    let seq = forge(&journal, &Actor::Engine, &Fact::StepArmed { step });
    let chain = sh("verify-journal.sh", &[&journal]);
    assert!(chain.status.success(), "{}", said(&chain));
    let bad = verify(&journal, &[]);
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    let line =
        format!("FAULT    record {seq}: `step.armed` cannot have happened: no proposal is open");
    assert!(said(&bad).contains(&line), "{}", said(&bad));
    let bad = verify(&journal, &["--json"]);
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    let value: serde_json::Value = serde_json::from_slice(&bad.stdout).expect("JSON");
    let why = "no proposal is open";
    let named = serde_json::json!([{"seq": seq, "kind": "step.armed", "why": why}]);
    assert_eq!(value["impossible"], named);
    assert_eq!(value["faults"].as_array().map(Vec::len), Some(1));
}

#[test]
fn the_golden_journals_say_nothing_that_cannot_have_happened() {
    for name in ["wj1-first", "wj1-later", "wj1-people", "wj1-writes"] {
        let good = verify(&golden::journal(name), &["--json"]);
        let value: serde_json::Value = serde_json::from_slice(&good.stdout).expect("JSON");
        let none = serde_json::json!([]);
        assert_eq!(value["impossible"], none, "{name}: {}", said(&good));
        assert!(good.status.success(), "{name}: {}", said(&good));
    }
}
