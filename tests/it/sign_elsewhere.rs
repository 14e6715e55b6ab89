//! `warroom sign` as a person on another machine uses it: a copied request in, an armour out, by a real `ssh-agent`.

use crate::harness::{run, said, stdout_of, wait_until};
use crate::session_alone::{self, BEHIND};
use crate::session_host::{self, Person, person, step};
use crate::session_signed::Keyed;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use warroom::clock::{Clock as _, ManualClock, SystemClock};
use warroom::domain::command::{self, Signed};
use warroom::domain::confirm::statement::{Kind, resolve_statement, review_statement};
use warroom::domain::doc::Doc;
use warroom::domain::fact::{Actor, Fact, Finding, Via};
use warroom::domain::state::StepStatus;
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

impl Agent {
    /// An agent with a new key below this directory, which is that of another machine; nothing where there is none.
    fn start(dir: &Path) -> Option<Self> {
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
            return None;
        };
        let agent = Self(child);
        // The file is there before anybody listens behind it.
        wait_until("the agent", || UnixStream::connect(&socket).is_ok());
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
        Some(agent)
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
    let Some(_agent) = Agent::start(dir) else {
        return;
    };
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

/// A person's own machine, with a key of theirs that the host lists.
struct Laptop {
    dir: PathBuf,
    _agent: Agent,
}

impl Laptop {
    fn new(dir: &Path, keyed: &Keyed, name: &str) -> Option<Self> {
        let dir = dir.join(name);
        std::fs::create_dir(&dir).expect("mkdir");
        let agent = Agent::start(&dir)?;
        let public = std::fs::read_to_string(dir.join("key.pub")).expect("there");
        let listed = std::fs::read_to_string(keyed.host.path("allowed_signers")).expect("there");
        let spaces: Vec<&str> = Kind::ALL.iter().map(|kind| kind.namespace()).collect();
        let words: Vec<&str> = public.split_whitespace().take(2).collect();
        let line = format!(
            "{name} namespaces=\"{}\" {}\n",
            spaces.join(","),
            words.join(" ")
        );
        keyed.write("allowed_signers", &format!("{listed}{line}"));
        Some(Self { dir, _agent: agent })
    }

    /// What comes back for a statement that was copied over.
    fn signs(&self, statement: String) -> Signed {
        let request = Request::new(&statement, None).expect("a statement");
        let output = sign(&self.dir, &request.print(), &request.words().join(" "));
        assert!(output.status.success(), "{}", said(&output));
        let armour = parse_answer(&String::from_utf8_lossy(&output.stdout)).expect("an armour");
        Signed {
            statement,
            signature: armour,
            detached: true,
        }
    }
}

/// Says with a signature from elsewhere how it ended.
async fn resolves(who: &mut Person, laptop: &Laptop, name: &str) {
    let (finding, reason) = (Finding::Ran, "looked at the table");
    let wipe = step("wipe");
    let text = resolve_statement(&who.state, &wipe, &person(name), finding, reason);
    let signed = laptop.signs(text.expect("unknown").expect("short"));
    who.does(command::Command::Resolve {
        step: wipe,
        finding,
        reason: reason.to_owned(),
        signed: Some(signed),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolve_and_a_review_are_signed_elsewhere() {
    let dir = tempfile::Builder::new().prefix("wr-").tempdir_in("/tmp");
    let dir = dir.expect("a directory below /tmp");
    let mut keyed = session_alone::people();
    // Another machine has the time of the world.
    let mut now = SystemClock.now();
    now.wall = now.wall.minus(BEHIND);
    keyed.host.clock = Arc::new(ManualClock::at(now));
    let laptop = |name| Laptop::new(dir.path(), &keyed, name);
    let (Some(bobs), Some(carols)) = (laptop("bob"), laptop("carol")) else {
        return;
    };
    std::fs::write(keyed.host.path("wait"), "").expect("written");
    let running = keyed.host.start_apart();
    let (mut alice, mut bob) = Box::pin(session_alone::proposed(&keyed)).await;
    session_alone::breaks(&mut alice, &mut bob).await;
    session_alone::goes(&keyed, &mut alice).await;
    session_host::wait_until("it runs", || keyed.host.path("wiped").exists()).await;
    running.kill();
    let resumed = keyed.host.resume().await;
    std::fs::remove_file(keyed.host.path("wait")).expect("there");
    let mut bob = keyed.attach("bob").await;
    let mut carol = keyed.attach("carol").await;
    assert_eq!(bob.status("wipe"), StepStatus::Unknown);
    resolves(&mut bob, &bobs, "bob").await;
    resolves(&mut carol, &carols, "carol").await;
    let is_known = |p: &Person| p.status("wipe") != StepStatus::Unknown;
    bob.until("it is known", is_known).await;
    let owed = bob.state.review_owed().expect("owed").clone();
    let note = "looked at both";
    let text = review_statement(&bob.state, &owed, &person("bob"), note);
    let statement = text.expect("ran").expect("short");
    let review = |signed| command::Command::Review {
        step: step("wipe"),
        attempt: owed.ran.terms.attempt,
        note: note.to_owned(),
        signed: Some(signed),
    };
    // What carol's machine signed says nothing of bob.
    let why = bob
        .is_refused(review(carols.signs(statement.clone())))
        .await;
    assert!(why.contains("not about what is on the table"), "{why}");
    bob.does(review(bobs.signs(statement))).await;
    bob.until("reviewed", |p| p.state.review_owed().is_none())
        .await;
    resumed.end().await;
    let (records, _) = keyed.host.fold();
    let detached = records.iter().filter(|record| {
        let is_signed = matches!(record.fact, Fact::StatementSigned(_));
        let via = match &record.actor {
            Actor::Person { via, .. } => Some(via),
            Actor::Account { .. } | Actor::Engine => None,
        };
        is_signed && matches!(via, Some(Via::Sshsig { detached: true, .. }))
    });
    assert_eq!(detached.count(), 3, "two words of a resolve and a review");
}
