//! Signatures and agents against OpenSSH's own programs: `ssh-keygen`, `ssh-agent`, `ssh-add`, and a security key that
//! a library plays.

use crate::harness::{checkout, run, said, stdout_of, wait_for, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use warroom::domain::fact::Touch;
use warroom::domain::id::PersonId;
use warroom::domain::time::Timestamp;
use warroom::evidence::agent::{Agent, AgentFault, NoKey, Pick, pick};
use warroom::evidence::key::{Key, KeyFault, Listed};
use warroom::evidence::sshsig::{Proof, SigFault, Signature};

const NAMESPACE: &str = "warroom-confirm@v1";
const MESSAGE: &str = "warroom-confirm@v1\nsession: 01JD3V3Q8Z6K9T0W4M5N7P2R1S\n";

/// True when a program these tests need is not there; says so in a line that `tests/run` counts.
fn is_missing(test: &str, programs: &[&str]) -> bool {
    for program in programs {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$0\"", program])
            .output();
        if !found.is_ok_and(|output| output.status.success()) {
            eprintln!("\nSKIP {test}: `{program}` is not installed");
            return true;
        }
    }
    false
}

const OPENSSH: &[&str] = &["ssh-keygen", "ssh-agent", "ssh-add"];

/// A directory of keys, and an agent in it that ends with it.
struct Bench {
    dir: tempfile::TempDir,
    agent: Option<Child>,
}

impl Bench {
    /// With an agent that asks its owner through `askpass`.
    fn with_agent(askpass: &str) -> Self {
        // Short, for the socket's path.
        let dir = tempfile::Builder::new().prefix("wr-").tempdir_in("/tmp");
        let mut bench = Self {
            dir: dir.expect("a directory below /tmp"),
            agent: None,
        };
        let script = bench.write("askpass", &format!("#!/bin/sh\n{askpass}\n"));
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("set");
        let socket = bench.path("agent");
        let child = bench
            .command("ssh-agent")
            .args(["-D", "-P", "/tmp/wr-*", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        bench.agent = Some(child.expect("started"));
        // The file is there before anybody listens behind it.
        wait_until("the agent", || UnixStream::connect(&socket).is_ok());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).expect("written");
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("readable")
    }

    /// A command in the directory, with the agent and the askpass program of it and no other.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env("SSH_AUTH_SOCK", self.path("agent"))
            .env("SSH_ASKPASS", self.path("askpass"))
            .env("DISPLAY", ":0")
            .env_remove("SSH_ASKPASS_REQUIRE")
            .stdin(Stdio::null());
        command
    }

    fn ssh_keygen(&self, args: &[&str]) -> String {
        stdout_of(self.command("ssh-keygen").args(args))
    }

    fn ssh_add(&self, args: &[&str]) {
        // Asked without a terminal, it takes what the askpass program says.
        stdout_of(
            self.command("ssh-add")
                .env("SSH_ASKPASS_REQUIRE", "force")
                .args(args),
        );
    }

    /// Makes a key pair, by the words behind `-t`.
    fn make(&self, name: &str, kind: &[&str]) -> Key {
        let mut args = vec!["-q", "-N", "", "-C", "test", "-f", name, "-t"];
        args.extend(kind);
        self.ssh_keygen(&args);
        let line = self.read(&format!("{name}.pub"));
        let mut words = line.split_whitespace();
        let (kind, base64) = (words.next().expect("a type"), words.next().expect("a key"));
        let key = Key::parse(kind, base64).expect("an accepted key");
        assert!(
            self.ssh_keygen(&["-l", "-f", name])
                .contains(&key.fingerprint())
        );
        key
    }

    fn signs(&self, key: &Key) -> Result<String, AgentFault> {
        block_on(self.client().sign(key, NAMESPACE, MESSAGE.as_bytes()))
    }

    fn client(&self) -> Agent {
        Agent::at(&self.path("agent"))
    }

    /// What `ssh-keygen -Y verify` says to a signature.
    fn is_verified(&self, key: &Key, namespace: &str, armour: &str) -> bool {
        self.write(
            "signers",
            &format!("bob namespaces=\"{namespace}\" {key}\n"),
        );
        self.write("armour", armour);
        let message = self.write("message", MESSAGE);
        let mut command = self.command("ssh-keygen");
        command
            .args([
                "-Y", "verify", "-f", "signers", "-I", "bob", "-s", "armour", "-n",
            ])
            .arg(namespace)
            .stdin(fs::File::open(message).expect("there"));
        run(&mut command).status.success()
    }

    /// A signature of `ssh-keygen -Y sign`.
    fn keygen_signs(&self, key_file: &str, namespace: &str) -> String {
        self.write("message", MESSAGE);
        drop(fs::remove_file(self.path("message.sig")));
        self.ssh_keygen(&[
            "-q", "-Y", "sign", "-f", key_file, "-n", namespace, "message",
        ]);
        self.read("message.sig")
    }

    fn end_agent(&mut self) {
        if let Some(mut child) = self.agent.take() {
            drop(child.kill());
            drop(child.wait());
        }
        // An askpass program that was left waiting; it has the agent's connections too.
        let asking = fs::read_to_string(self.path("asking")).unwrap_or_default();
        if !asking.is_empty() {
            let mut kill = self.command("kill");
            drop(run(kill.args(["-9", asking.trim()])));
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.end_agent();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

fn bob(key: &Key) -> Listed {
    Listed {
        person: PersonId::new("bob").expect("valid"),
        namespaces: [NAMESPACE.to_owned()].into(),
        valid_after: None,
        valid_before: None,
        key: key.clone(),
        line: 1,
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T04:11:07Z").expect("valid")
}

fn checks(key: &Key, armour: &str) -> Result<Proof, SigFault> {
    Signature::parse(armour)?.check(MESSAGE.as_bytes(), NAMESPACE, &bob(key), false, now())
}

#[test]
fn ssh_keygen_accepts_what_an_agent_signed_here_and_the_other_way_round() {
    if is_missing("evidence: both ways", OPENSSH) {
        return;
    }
    let bench = Bench::with_agent("exit 1");
    for (name, kind) in [
        ("ed25519", &["ed25519"][..]),
        ("p256", &["ecdsa", "-b", "256"]),
        ("rsa", &["rsa", "-b", "3072"]),
    ] {
        let key = bench.make(name, kind);
        bench.ssh_add(&["-q", name]);
        let armour = bench.signs(&key).expect("signed");
        assert!(bench.is_verified(&key, NAMESPACE, &armour), "{name}");
        assert!(!bench.is_verified(&key, "warroom-reject@v1", &armour));
        let theirs = bench.keygen_signs(name, NAMESPACE);
        let proof = checks(&key, &theirs).expect("good");
        assert_eq!((proof.touch, proof.counter), (Touch::None, None));
        // Of P-256 each signature is another one.
        assert!(name == "p256" || theirs == armour, "{name}");
        assert_eq!(
            Signature::parse(&theirs).expect("read").check(
                b"else",
                NAMESPACE,
                &bob(&key),
                false,
                now()
            ),
            Err(SigFault::Wrong)
        );
    }
    let held = block_on(bench.client().held()).expect("listed");
    assert_eq!((held.keys.len(), held.certificates, held.others), (3, 0, 0));
    assert!(held.keys.iter().all(|held| held.comment == "test"));
}

#[test]
fn lines_are_cut_as_ssh_keygen_cuts_them_at_every_length() {
    if is_missing("evidence: lines of an armour", OPENSSH) {
        return;
    }
    let bench = Bench::with_agent("exit 1");
    let key = bench.make("key", &["ed25519"]);
    bench.ssh_add(&["-q", "key"]);
    // With 38 to 40 letters the last line is just full.
    for length in [1, 37, 38, 40, 41, 42] {
        let namespace = "n".repeat(length);
        let ours = block_on(bench.client().sign(&key, &namespace, MESSAGE.as_bytes()));
        let ours = ours.expect("signed");
        assert_eq!(bench.keygen_signs("key", &namespace), ours);
        assert!(bench.is_verified(&key, &namespace, &ours), "{length}");
        assert_eq!(Signature::parse(&ours).expect("read").blob(), key.blob());
    }
}

#[test]
fn keys_that_are_not_accepted_are_passed_over() {
    if is_missing("evidence: other keys", OPENSSH) {
        return;
    }
    let bench = Bench::with_agent("exit 1");
    bench.ssh_keygen(&["-q", "-N", "", "-f", "authority", "-t", "ed25519"]);
    let key = bench.make("key", &["ed25519"]);
    bench.ssh_keygen(&["-q", "-s", "authority", "-I", "bob", "-n", "bob", "key.pub"]);
    // The certificate beside the key is added with it.
    bench.ssh_add(&["-q", "key"]);
    for (name, bits) in [("short", "2048"), ("large", "384")] {
        let kind = if bits == "384" { "ecdsa" } else { "rsa" };
        bench.ssh_keygen(&["-q", "-N", "", "-f", name, "-t", kind, "-b", bits]);
        bench.ssh_add(&["-q", name]);
    }
    let held = block_on(bench.client().held()).expect("listed");
    assert_eq!((held.keys.len(), held.certificates, held.others), (1, 1, 2));
    let listed = bob(&key);
    let picked = pick(&held, [&listed], &listed.person, NAMESPACE, now());
    assert_eq!(picked, Ok(Pick::One(&listed)));
    // With the certificate `ssh-keygen` makes what only it can read.
    let theirs = bench.keygen_signs("key-cert.pub", NAMESPACE);
    assert!(matches!(
        Signature::parse(&theirs),
        Err(SigFault::Key(KeyFault::Certificate { .. }))
    ));
}

#[test]
fn a_locked_agent_shows_nothing_and_signs_nothing() {
    if is_missing("evidence: a locked agent", OPENSSH) {
        return;
    }
    let bench = Bench::with_agent("echo a word");
    let key = bench.make("key", &["ed25519"]);
    bench.ssh_add(&["-q", "key"]);
    bench.ssh_add(&["-x"]);
    let held = block_on(bench.client().held()).expect("an answer");
    let listed = bob(&key);
    let none = pick(&held, [&listed], &listed.person, NAMESPACE, now());
    assert_eq!(none, Err(NoKey::Empty));
    assert!(NoKey::Empty.hint().contains("ssh-add -X"));
    let fault = bench.signs(&key).expect_err("locked");
    assert!(matches!(fault, AgentFault::SignRefused { .. }), "{fault}");
    assert!(fault.hint().contains("ssh-add -X"));
    bench.ssh_add(&["-X"]);
    assert!(bench.signs(&key).is_ok());
}

#[test]
fn an_agent_asks_its_owner_who_may_say_no() {
    if is_missing("evidence: ssh-add -c", OPENSSH) {
        return;
    }
    // The agent asks with a title, `ssh-add` is not asked at all.
    for (askpass, is_signed) in [("exit 0", true), ("exit 1", false)] {
        let bench = Bench::with_agent(askpass);
        let key = bench.make("key", &["ed25519"]);
        bench.ssh_add(&["-q", "-c", "key"]);
        match bench.signs(&key) {
            Ok(armour) => assert!(is_signed && checks(&key, &armour).is_ok()),
            Err(fault) => {
                assert!(
                    !is_signed && matches!(fault, AgentFault::SignRefused { .. }),
                    "{fault}"
                );
                assert!(fault.hint().contains("ssh-add -c") && fault.hint().contains("askpass"));
            }
        }
    }
    // No askpass program on the agent's machine: the same word.
    let bench = Bench::with_agent("exit 0");
    let key = bench.make("key", &["ed25519"]);
    bench.ssh_add(&["-q", "-c", "key"]);
    fs::remove_file(bench.path("askpass")).expect("removed");
    let fault = bench.signs(&key).expect_err("nobody to ask");
    assert!(matches!(fault, AgentFault::SignRefused { .. }), "{fault}");
}

#[test]
fn a_key_for_logins_only_never_signs_here() {
    if is_missing("evidence: ssh-add -h", OPENSSH) {
        return;
    }
    let bench = Bench::with_agent("exit 1");
    let host = bench.make("host", &["ed25519"]);
    let key = bench.make("key", &["ed25519"]);
    bench.write("hosts", &format!("db1.example.net {host}\n"));
    bench.ssh_add(&["-q", "-H", "hosts", "-h", "db1.example.net", "key"]);
    let fault = bench.signs(&key).expect_err("constrained");
    assert!(matches!(fault, AgentFault::SignRefused { .. }), "{fault}");
    assert!(fault.hint().contains("ssh-add -h"));
}

/// Says that it was asked, then never answers.
const NEVER: &str = "echo $$ >asking.new; mv asking.new asking; exec sleep 1000";

#[test]
fn a_wait_for_somebody_who_does_not_answer_can_be_left() {
    if is_missing("evidence: an agent that hangs", OPENSSH) {
        return;
    }
    let bench = Bench::with_agent(NEVER);
    let key = bench.make("key", &["ed25519"]);
    bench.ssh_add(&["-q", "-c", "key"]);
    let asking = bench.path("asking");
    let agent = bench.client();
    block_on(async {
        tokio::select! {
            answer = agent.sign(&key, NAMESPACE, MESSAGE.as_bytes()) => panic!("{answer:?}"),
            () = exists(&asking) => {}
        }
    });
}

#[test]
fn an_agent_that_dies_while_it_asks_is_told_apart_from_a_stale_socket() {
    if is_missing("evidence: an agent that dies", OPENSSH) {
        return;
    }
    let mut bench = Bench::with_agent(NEVER);
    let key = bench.make("key", &["ed25519"]);
    bench.ssh_add(&["-q", "-c", "key"]);
    let (asking, agent) = (bench.path("asking"), bench.client());
    let answer = block_on(async {
        let signed = agent.sign(&key, NAMESPACE, MESSAGE.as_bytes());
        let death = async {
            exists(&asking).await;
            bench.end_agent();
        };
        tokio::join!(signed, death).0
    });
    assert!(matches!(answer, Err(AgentFault::Died { .. })), "{answer:?}");
    let fault = bench.signs(&key).expect_err("nobody");
    assert!(matches!(fault, AgentFault::Gone { .. }), "{fault:?}");
    assert!(fault.hint().contains("--agent PATH"));
}

async fn exists(path: &Path) {
    let path = path.to_owned();
    let seen = tokio::task::spawn_blocking(move || {
        wait_for("the askpass program", || path.exists().then_some(()));
    });
    seen.await.expect("seen");
}

/// Builds the library that plays a security key; `None`, said aloud, where that cannot be.
fn security_key(test: &str, bench: &Bench) -> Option<String> {
    if is_missing(test, &["cc"]) {
        return None;
    }
    let library = bench.path("sk.so");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(checkout().join("tests/data/sk-provider.c"))
        .arg("-lcrypto");
    let built = run(&mut compiler);
    if !built.status.success() {
        let said = said(&built);
        assert!(said.contains("openssl/"), "{said}");
        eprintln!("\nSKIP {test}: the headers of libcrypto are not installed");
        return None;
    }
    Some(library.to_str().expect("a plain path").to_owned())
}

#[test]
fn a_security_key_counts_by_what_it_saw() {
    let test = "evidence: a security key";
    if is_missing(test, OPENSSH) {
        return;
    }
    let bench = Bench::with_agent("exit 1");
    let Some(library) = security_key(test, &bench) else {
        return;
    };
    for (name, expected) in [
        ("ssh:", Ok(Touch::Present)),
        ("ssh:pin", Ok(Touch::Verified)),
        ("ssh:untouched", Err(SigFault::NoTouch)),
    ] {
        let file = name.replace(':', "-");
        let application = format!("application={name}");
        let key = bench.make(&file, &["ed25519-sk", "-w", &library, "-O", &application]);
        assert!(key.kind().is_security_key());
        bench.ssh_add(&["-q", "-S", &library, &file]);
        // `ssh-keygen` signs by the agent, and accepts all three: it does not look at the touch.
        let theirs = bench.keygen_signs(&format!("{file}.pub"), NAMESPACE);
        assert!(bench.is_verified(&key, NAMESPACE, &theirs), "{name}");
        match expected {
            Ok(touch) => {
                for armour in [theirs, bench.signs(&key).expect("signed")] {
                    let proof = checks(&key, &armour).expect("good");
                    assert_eq!((proof.touch, proof.counter), (touch, Some(7)));
                }
            }
            Err(expected) => {
                assert_eq!(checks(&key, &theirs), Err(expected.clone()));
                let fault = bench.signs(&key).expect_err("no touch");
                let AgentFault::Signature(found) = fault else {
                    panic!("{fault}");
                };
                assert_eq!(found, expected);
            }
        }
    }
}
