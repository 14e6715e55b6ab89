use super::*;
use crate::domain::fixture::person;
use crate::domain::time::Timestamp;
use crate::evidence::fixture::{SecurityKey, key_of, listed, pair, strings};
use crate::evidence::key::Listed;
use crate::evidence::sshsig::{SigFault, Signature};
use tokio::net::UnixListener;

const NAMESPACE: &str = "warroom-confirm@v1";
const RSA_PUB: &str = include_str!("../../../tests/data/evidence/rsa.pub");

/// What a fake agent does with a request.
enum Does {
    /// A whole message, its length added.
    Answer(Vec<u8>),
    /// These bytes as they are, then it hangs up.
    Raw(Vec<u8>),
    /// Nothing, for ever.
    Hang,
}

/// An agent that does as it is told, and what it was asked.
struct Fake {
    agent: Agent,
    asked: tokio::sync::mpsc::Receiver<Vec<u8>>,
    _dir: tempfile::TempDir,
}

impl Fake {
    fn new(mut does: impl FnMut(&[u8]) -> Does + Send + 'static) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("agent");
        let listener = UnixListener::bind(&path).expect("bound");
        let (tell, asked) = tokio::sync::mpsc::channel(8);
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Ok(length) = stream.read_u32().await else {
                    continue;
                };
                let mut request = vec![0; usize::try_from(length).expect("short")];
                stream.read_exact(&mut request).await.expect("a request");
                match does(&request) {
                    Does::Answer(answer) => {
                        stream
                            .write_all(&strings(&[&answer]))
                            .await
                            .expect("written");
                    }
                    Does::Raw(bytes) => {
                        stream.write_all(&bytes).await.expect("written");
                        stream.shutdown().await.expect("closed");
                    }
                    Does::Hang => kept.push(stream),
                }
                tell.send(request).await.expect("heard");
            }
        });
        Self {
            agent: Agent::at(&path),
            asked,
            _dir: dir,
        }
    }
}

fn bob() -> Key {
    make::public_key(&pair("bob")).expect("good")
}

fn answer_list(keys: &[(&[u8], &str)]) -> Vec<u8> {
    let mut out = vec![LISTED];
    out.extend_from_slice(&u32::try_from(keys.len()).expect("few").to_be_bytes());
    for (blob, comment) in keys {
        out.extend(strings(&[blob, comment.as_bytes()]));
    }
    out
}

fn answer_signature(signature: &[u8]) -> Vec<u8> {
    let mut out = vec![SIGNED];
    out.extend(strings(&[signature]));
    out
}

/// Signs what it is asked to sign, with bob's key.
fn signs_as_bob(request: &[u8]) -> Does {
    let mut packet = Packet::new(request);
    packet.byte();
    packet.string().expect("a key");
    let numbers = pair("bob").sign(packet.string().expect("a text"));
    Does::Answer(answer_signature(&strings(&[
        b"ssh-ed25519",
        numbers.as_ref(),
    ])))
}

#[tokio::test]
async fn an_agents_signature_is_wrapped_as_ssh_keygen_does() {
    let mut fake = Fake::new(signs_as_bob);
    let armour = fake.agent.sign(&bob(), NAMESPACE, b"text").await;
    let made = make::sign(&pair("bob"), NAMESPACE, b"text").expect("made");
    assert_eq!(armour.expect("signed"), made);
    let request = fake.asked.recv().await.expect("asked");
    assert_eq!(request.first(), Some(&SIGN));
    assert!(request.ends_with(&0_u32.to_be_bytes()));
}

#[tokio::test]
async fn certificates_and_other_kinds_are_passed_over_and_counted() {
    let cert = strings(&[b"ssh-ed25519-cert-v01@openssh.com", b"..."]);
    let dsa = strings(&[b"ssh-dss", b"..."]);
    let fake = Fake::new(move |_| {
        Does::Answer(answer_list(&[
            (&cert, "bob"),
            (bob().blob(), "bob\u{202e}"),
            (&dsa, "old"),
        ]))
    });
    let held = fake.agent.held().await.expect("listed");
    assert_eq!((held.keys.len(), held.certificates, held.others), (1, 1, 1));
    assert_eq!(held.keys[0].key, bob());
}

#[tokio::test]
async fn rsa_is_asked_with_sha2_and_an_agent_that_uses_sha1_is_found() {
    let mut fake =
        Fake::new(|_| Does::Answer(answer_signature(&strings(&[b"ssh-rsa", &[7; 384]]))));
    let fault = fake.agent.sign(&key_of(RSA_PUB), NAMESPACE, b"text").await;
    let fault = fault.expect_err("SHA-1");
    assert!(
        matches!(&fault, AgentFault::Signature(SigFault::Algorithm { found, .. }) if found == "ssh-rsa")
    );
    assert!(fault.hint().contains("too old"));
    let request = fake.asked.recv().await.expect("asked");
    assert!(request.ends_with(&RSA_SHA2_512.to_be_bytes()));
}

#[tokio::test]
async fn a_refusal_names_every_cause_and_is_not_asked_again() {
    let mut fake = Fake::new(|_| Does::Answer(vec![FAILURE]));
    let fault = fake.agent.sign(&bob(), NAMESPACE, b"text").await;
    let hint = fault.expect_err("refused").hint();
    for cause in [
        "ssh-add -X",
        "ssh-add -c",
        "askpass",
        "ssh-add -h",
        "ssh-add -t",
    ] {
        assert!(hint.contains(cause), "{cause}: {hint}");
    }
    assert!(fake.asked.recv().await.is_some());
    assert!(fake.asked.try_recv().is_err(), "asked twice");
    let key = SecurityKey::new().key();
    let fault = fake.agent.sign(&key, NAMESPACE, b"text").await;
    assert!(fault.expect_err("refused").hint().contains("touched"));
    let fault = fake.agent.held().await.expect_err("refused");
    assert!(matches!(fault, AgentFault::ListRefused { .. }));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_hangs_is_left_after_a_minute() {
    let fake = Fake::new(|_| Does::Hang);
    let start = tokio::time::Instant::now();
    let fault = fake.agent.sign(&bob(), NAMESPACE, b"text").await;
    let fault = fault.expect_err("silent");
    assert!(matches!(fault, AgentFault::Silent { seconds: 60, .. }));
    assert!(start.elapsed() >= PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_even_list_its_keys_is_left_after_seconds() {
    let fake = Fake::new(|_| Does::Hang);
    let start = tokio::time::Instant::now();
    let fault = fake.agent.held().await.expect_err("it hangs");
    assert!(matches!(fault, AgentFault::Hangs { seconds: 5, .. }));
    assert!(start.elapsed() >= LIST_PATIENCE && start.elapsed() < PATIENCE / 2);
    assert!(fault.hint().contains("--agent PATH") && fault.hint().contains("tmux"));
}

#[tokio::test]
async fn a_wait_can_be_cancelled_at_once() {
    let mut fake = Fake::new(|_| Does::Hang);
    let (agent, key) = (fake.agent.clone(), bob());
    tokio::select! {
        biased;
        _ = agent.sign(&key, NAMESPACE, b"text") => panic!("it hangs"),
        // Whatever the person pressed.
        _ = fake.asked.recv() => {}
    }
}

#[tokio::test]
async fn an_agent_that_dies_says_so() {
    for bytes in [vec![], vec![0, 0], vec![0, 0, 0, 9, SIGNED]] {
        let fake = Fake::new(move |_| Does::Raw(bytes.clone()));
        let fault = fake.agent.sign(&bob(), NAMESPACE, b"text").await;
        assert!(matches!(fault, Err(AgentFault::Died { .. })));
    }
}

#[tokio::test]
async fn nonsense_is_refused_and_its_length_is_bounded() {
    let endless = u32::try_from(MESSAGE_MAX + 1).expect("short").to_be_bytes();
    let fake = Fake::new(move |_| Does::Raw(endless.to_vec()));
    let fault = fake.agent.held().await.expect_err("too long");
    assert!(fault.to_string().contains("longer than 256 KiB"), "{fault}");

    let mut cut = answer_list(&[(bob().blob(), "bob")]);
    cut.pop();
    let mut more = answer_list(&[]);
    more.push(0);
    let mut count = answer_list(&[]);
    count[1] = 0xff;
    for answer in [cut, more, count, vec![], vec![99], b"HTTP/1.1 400".to_vec()] {
        let fake = Fake::new(move |_| Does::Answer(answer.clone()));
        let fault = fake.agent.held().await.expect_err("nonsense");
        assert!(matches!(fault, AgentFault::Garbled { .. }), "{fault}");
        assert!(!fault.hint().is_empty());
    }
    let mut behind = answer_signature(b"x");
    behind.push(0);
    for answer in [vec![SIGNED], behind, vec![LISTED, 0, 0, 0, 0]] {
        let fake = Fake::new(move |_| Does::Answer(answer.clone()));
        let fault = fake.agent.sign(&bob(), NAMESPACE, b"text").await;
        assert!(matches!(fault, Err(AgentFault::Garbled { .. })));
    }
}

#[tokio::test]
async fn a_signature_that_does_not_fit_never_leaves_the_client() {
    let fake = Fake::new(|_| {
        let numbers = pair("alice").sign(b"something else");
        Does::Answer(answer_signature(&strings(&[
            b"ssh-ed25519",
            numbers.as_ref(),
        ])))
    });
    let fault = fake.agent.sign(&bob(), NAMESPACE, b"text").await;
    assert!(matches!(fault, Err(AgentFault::Signature(SigFault::Wrong))));
}

#[tokio::test]
async fn a_security_key_without_a_touch_is_told_at_once() {
    let device = SecurityKey::new();
    for (flags, good) in [(0x00, false), (0x01, true)] {
        let answer = device.answer(NAMESPACE, b"text", flags, 3);
        let fake = Fake::new(move |_| Does::Answer(answer_signature(&answer)));
        let signed = fake.agent.sign(&device.key(), NAMESPACE, b"text").await;
        match signed {
            Ok(armour) => assert!(good && Signature::parse(&armour).is_ok()),
            Err(fault) => {
                assert!(!good && matches!(fault, AgentFault::Signature(SigFault::NoTouch)));
            }
        }
    }
}

#[tokio::test]
async fn a_path_that_nobody_listens_at_is_explained() {
    let dir = tempfile::tempdir().expect("a directory");
    let gone = dir.path().join("gone");
    let stale = dir.path().join("stale");
    drop(UnixListener::bind(&stale).expect("bound"));
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    for path in [gone, stale, file] {
        let fault = Agent::at(&path).held().await.expect_err("nobody");
        assert!(matches!(fault, AgentFault::Gone { .. }), "{fault:?}");
        assert!(fault.hint().contains("--agent PATH") && fault.hint().contains("tmux"));
    }
    let long = dir.path().join("x".repeat(200));
    let fault = Agent::at(&long).held().await.expect_err("too long");
    assert!(matches!(fault, AgentFault::Connect { .. }), "{fault:?}");
}

#[test]
fn the_flag_goes_before_the_variable() {
    let of = |flag: Option<&str>, variable: Option<&str>| {
        let agent = Agent::of_settings(flag.map(Path::new), variable.map(OsStr::new));
        agent.ok().map(|agent| agent.path().to_owned())
    };
    assert_eq!(of(Some("/a"), Some("/b")), Some("/a".into()));
    assert_eq!(of(None, Some("/b")), Some("/b".into()));
    assert_eq!(of(None, Some("")), None);
    let fault = Agent::of_settings(None, None).expect_err("unset");
    assert!(fault.hint().contains("ssh -A"));
}

fn held(keys: &[Key]) -> Held {
    let keys = keys.iter().map(|key| HeldKey {
        key: key.clone(),
        comment: String::new(),
    });
    Held {
        keys: keys.collect(),
        ..Held::default()
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T04:11:07Z").expect("valid")
}

fn of_bob<'a>(held: &'a Held, list: &'a [Listed]) -> Result<Pick<'a>, NoKey> {
    pick(held, list, &person("bob"), NAMESPACE, now())
}

#[test]
fn only_listed_keys_of_the_person_are_offered() {
    let [alice, bob, other] =
        ["alice", "bob", "bob's other"].map(|name| make::public_key(&pair(name)).expect("good"));
    let list: Vec<Listed> = vec![
        listed("alice", alice.clone(), &[NAMESPACE]),
        listed("bob", bob.clone(), &[NAMESPACE]),
        listed("bob", other.clone(), &[NAMESPACE]),
    ];
    assert_eq!(
        of_bob(&held(&[alice.clone(), bob.clone()]), &list),
        Ok(Pick::One(&list[1]))
    );
    assert_eq!(
        of_bob(&held(&[bob.clone(), bob.clone()]), &list),
        Ok(Pick::One(&list[1]))
    );
    let mut several = held(&[other, alice.clone(), bob]);
    several.keys[0].comment = "bob@laptop".to_owned();
    let offered = [(&list[2], "bob@laptop"), (&list[1], "")];
    let offered = offered.map(|(listed, comment)| Usable { listed, comment });
    assert_eq!(of_bob(&several, &list), Ok(Pick::Several(offered.to_vec())));
    let alone = held(&[alice]);
    let none = of_bob(&alone, &list).expect_err("not bob's");
    assert_eq!(
        none.to_string(),
        "the ssh-agent has 1 key, none of them listed for `bob`"
    );
    assert!(none.hint().contains("ssh-add -h"));
    let empty = Held::default();
    let none = of_bob(&empty, &list).expect_err("empty");
    assert!(none.hint().contains("ssh-add -X") && none.hint().contains("ssh-add -h"));
}

#[test]
fn the_reason_that_is_nearest_is_given() {
    let bob = bob();
    let find = |held: &Held, list: &[Listed]| {
        pick(held, list, &person("bob"), NAMESPACE, now()).expect_err("none")
    };
    let plain = held(std::slice::from_ref(&bob));
    assert!(matches!(find(&plain, &[]), NoKey::NothingListed { .. }));
    let elsewhere = listed("bob", bob.clone(), &["warroom-reject@v1"]);
    assert_eq!(
        find(&plain, &[elsewhere]).to_string(),
        "no key of `bob` can sign this now: the key may not sign in `warroom-confirm@v1` (list of signers, line 3)"
    );
    let mut over = listed("bob", bob.clone(), &[NAMESPACE]);
    over.valid_before = Some(Timestamp::from_millis(0));
    assert!(matches!(
        find(&plain, &[over]),
        NoKey::NoneGood {
            why: SigFault::Over { .. },
            ..
        }
    ));
    let certificates = Held {
        certificates: 2,
        ..Held::default()
    };
    let none = find(&certificates, &[listed("bob", bob, &[NAMESPACE])]);
    assert!(none.hint().starts_with("certificates do not sign here"));
}
