//! `warroom sign` as a person on another machine uses it: a copied request in, an armour out, by a real `ssh-agent`.

use crate::harness::{run, said, stdout_of, wait_until};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use warroom::clock::{Clock as _, SystemClock};
use warroom::domain::doc::Doc;
use warroom::domain::time::Timestamp;
use warroom::evidence::detached::{Request, parse_answer};
use warroom::evidence::key::Key;
use warroom::evidence::sshsig::Signature;

/// An agent that ends with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A request for a statement of this kind that was issued then, mangled as copying from a quotation does.
fn request(title: &str, issued: Timestamp) -> (Request, String) {
    let doc = Doc::new(title, 1)
        .with("step", "wipe")
        .with("signer", "bob")
        .with("issued", issued.to_seconds_text())
        .with(
            "expires",
            issued.plus(Duration::from_secs(900)).to_seconds_text(),
        );
    let statement = doc.print_statement().expect("short");
    let statement = String::from_utf8(statement).expect("ASCII");
    let request = Request::new(&statement, None).expect("a statement");
    let copied = request
        .print()
        .lines()
        .map(|l| format!("> {l}\r\n"))
        .collect::<Vec<_>>();
    (request, copied.concat())
}

fn sign(dir: &Path, text: &str, words: &str) -> Output {
    std::fs::write(dir.join("request"), text).expect("written");
    run(Command::new(env!("CARGO_BIN_EXE_warroom"))
        .arg("sign")
        .arg(dir.join("request"))
        .args(["--words", words, "--agent"])
        .arg(dir.join("agent"))
        .env("HOME", dir))
}

#[test]
fn a_copied_request_is_signed_when_words_and_clock_agree_and_not_otherwise() {
    let dir = tempfile::Builder::new().prefix("wr-").tempdir_in("/tmp");
    let dir = dir.expect("a directory below /tmp");
    let dir = dir.path();
    let socket = dir.join("agent");
    let started = Command::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(child) = started else {
        eprintln!("\nSKIP sign_elsewhere: `ssh-agent` is not installed");
        return;
    };
    let _agent = Agent(child);
    wait_until("the agent's socket", || socket.exists());
    let key = dir.join("key");
    stdout_of(
        Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key),
    );
    stdout_of(
        Command::new("ssh-add")
            .arg(&key)
            .env("SSH_AUTH_SOCK", &socket),
    );

    let now = SystemClock.now().wall;
    let (asked, text) = request("warroom-confirm", now);
    let words = asked.words().join(" ");
    let output = sign(dir, &text, &words);
    assert!(output.status.success(), "{}", said(&output));
    let armour = parse_answer(&String::from_utf8_lossy(&output.stdout)).expect("an armour");
    let public = std::fs::read_to_string(dir.join("key.pub")).expect("there");
    let mut parts = public.split_whitespace();
    let (kind, base64) = (parts.next().expect("a kind"), parts.next().expect("a key"));
    let signature = Signature::parse(&armour).expect("read");
    assert_eq!(signature.key(), &Key::parse(kind, base64).expect("good"));

    let output = sign(dir, &text, "not these words");
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(said(&output).contains("different words mean a different plan"));

    for (issued, why) in [
        (
            now.plus(Duration::from_secs(120)),
            "one of the two clocks is wrong",
        ),
        (now.minus(Duration::from_secs(1200)), "it was good until"),
    ] {
        let (asked, text) = request("warroom-confirm", issued);
        let output = sign(dir, &text, &asked.words().join(" "));
        assert!(!output.status.success() && output.stdout.is_empty());
        assert!(said(&output).contains(why), "{}", said(&output));
    }
    // What became of it may be found out a week later, and is signed then.
    let week = Duration::from_secs(7 * 24 * 3600);
    let (asked, text) = request("warroom-resolve", now.minus(week));
    let output = sign(dir, &text, &asked.words().join(" "));
    assert!(output.status.success(), "{}", said(&output));
}
