use super::*;
use crate::evidence::fixture::{
    BEGIN, CHECKPOINT_BODY, CONFIRM_BODY, END, P256, STOP, STOP_NAMESPACE, SecurityKey, halves,
    key_of, listed, pair, shortest, strings,
};
use crate::evidence::key::KeyFault;
use crate::evidence::make;
use proptest::prelude::*;

const CONFIRM: &str = "warroom-confirm@v1";
const RSA_SIG: &str = include_str!("../../../tests/data/evidence/stop-rsa.sig");
const P256_SIG: &str = include_str!("../../../tests/data/evidence/stop-p256.sig");
const RSA_PUB: &str = include_str!("../../../tests/data/evidence/rsa.pub");
const P256_PUB: &str = include_str!("../../../tests/data/evidence/p256.pub");

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("valid")
}

fn now() -> Timestamp {
    time("2026-11-22T04:11:07.031Z")
}

fn bob() -> Listed {
    let key = make::public_key(&pair("bob")).expect("good");
    listed("bob", key, &["warroom-reject@v1", CONFIRM])
}

fn check(armour: &str, message: &[u8], listed: &Listed) -> Result<Proof, SigFault> {
    Signature::parse(armour)?.check(message, CONFIRM, listed, false, now())
}

/// A signature whose every field can be said.
struct Built<'a> {
    magic: &'a [u8],
    version: u32,
    key: Vec<u8>,
    namespace: &'a str,
    reserved: &'a [u8],
    hash: &'a str,
    inner: Vec<u8>,
    behind: &'a [u8],
}

impl Built<'_> {
    /// Bob's, over `message`, all well.
    fn new(message: &[u8]) -> Self {
        let bob = pair("bob");
        let numbers = bob.sign(&to_sign(CONFIRM, message));
        Self {
            magic: b"SSHSIG",
            version: 1,
            key: make::public_key(&bob).expect("good").blob().to_vec(),
            namespace: CONFIRM,
            reserved: b"",
            hash: "sha512",
            inner: strings(&[b"ssh-ed25519", numbers.as_ref()]),
            behind: b"",
        }
    }

    fn armour(&self) -> String {
        let fields: [&[u8]; 5] = [
            &self.key,
            self.namespace.as_bytes(),
            self.reserved,
            self.hash.as_bytes(),
            &self.inner,
        ];
        let parts = [
            self.magic,
            &self.version.to_be_bytes(),
            &strings(&fields),
            self.behind,
        ];
        wrap(&parts.concat())
    }
}

#[test]
fn the_published_signatures_byte_for_byte() {
    let (statement, armour) = halves(CONFIRM_BODY);
    let proof = check(armour, statement.as_bytes(), &bob()).expect("good");
    assert_eq!(proof.person.as_str(), "bob");
    assert_eq!(
        proof.key,
        "SHA256:3i7F2t4poznK84yNXgoKWP+x3QGm7Z/lmf6g2gDFbSE"
    );
    assert_eq!((proof.touch, proof.counter), (Touch::None, None));
    let made = make::sign(&pair("bob"), CONFIRM, statement.as_bytes()).expect("made");
    assert_eq!(made, armour);

    let namespace = "warroom-checkpoint@v1";
    let (checkpoint, armour) = halves(CHECKPOINT_BODY);
    let server = pair("server");
    let made = make::sign(&server, namespace, checkpoint.as_bytes()).expect("made");
    assert_eq!(made, armour);
    let key = make::public_key(&server).expect("good");
    let listed = listed("server", key, &[namespace]);
    let signature = Signature::parse(armour).expect("read");
    assert_eq!(signature.blob(), listed.blob());
    let proof = signature.check(checkpoint.as_bytes(), namespace, &listed, false, now());
    assert_eq!(
        proof.expect("good").key,
        "SHA256:QckHd1qONJbcSfTiwlQMHXva20XTnsCw9h/7oLVn9rY"
    );
}

#[test]
fn recorded_signatures_of_ssh_keygen_are_accepted() {
    for (public, armour) in [(RSA_PUB, RSA_SIG), (P256_PUB, P256_SIG)] {
        let listed = listed("carol", key_of(public), &[STOP_NAMESPACE]);
        let signature = Signature::parse(armour).expect("read");
        let check = |text: &[u8]| signature.check(text, STOP_NAMESPACE, &listed, false, now());
        assert!(check(STOP).is_ok(), "{public}");
        assert_eq!(check(b"warroom-stop@v1"), Err(SigFault::Wrong));
    }
}

#[test]
fn an_armour_is_alone_and_in_one_form() {
    let good = Built::new(b"text").armour();
    assert!(check(&good, b"text", &bob()).is_ok());
    let crlf = good.replace('\n', "\r\n");
    let joined = {
        let (head, rest) = good.split_once('\n').expect("lines");
        format!("{head}\n{}", rest.replacen('\n', "", 1))
    };
    let cases = [
        (format!(" {good}"), SigFault::NoBegin),
        (format!("\n{good}"), SigFault::NoBegin),
        (format!("\u{feff}{good}"), SigFault::NoBegin),
        (crlf, SigFault::NoBegin),
        (String::new(), SigFault::NoBegin),
        (format!("{good}\n"), SigFault::Behind),
        (format!("{good}{good}"), SigFault::Behind),
        (good.trim_end().to_owned(), SigFault::NoEnd),
        (joined, SigFault::Lines),
        (good.replacen(END, &format!("\n{END}"), 1), SigFault::Lines),
        (good.replace(END, &format!("!{END}")), SigFault::Base64),
        (format!("{BEGIN}{END}"), SigFault::Lines),
        (good.repeat(40), SigFault::TooLong),
    ];
    for (text, fault) in cases {
        let found = Signature::parse(&text).map(|_| ()).expect_err("refused");
        assert_eq!(found, fault, "{text}");
        assert!(!found.hint().is_empty());
    }
}

#[test]
fn each_field_is_judged_by_its_rule() {
    let text = b"text";
    let fields = |change: fn(&mut Built<'_>)| {
        let mut built = Built::new(text);
        change(&mut built);
        check(&built.armour(), text, &bob()).expect_err("refused")
    };
    assert_eq!(fields(|b| b.magic = b"SSHSIH"), SigFault::Magic);
    assert_eq!(fields(|b| b.version = 0), SigFault::Version { found: 0 });
    assert_eq!(fields(|b| b.version = 2), SigFault::Version { found: 2 });
    assert_eq!(fields(|b| b.behind = b"\0"), SigFault::LeftOver);
    assert_eq!(fields(|b| b.inner.push(0)), SigFault::LeftOver);
    assert_eq!(fields(|b| b.inner.truncate(70)), SigFault::Cut("signature"));
    assert_eq!(fields(|b| b.inner.clear()), SigFault::Cut("algorithm"));
    assert_eq!(fields(|b| b.reserved = b"x"), SigFault::Reserved);
    assert_eq!(
        fields(|b| b.hash = "sha256"),
        SigFault::Hash {
            found: "sha256".to_owned()
        }
    );
    assert!(matches!(
        fields(|b| b.namespace = "warroom-reject@v1"),
        SigFault::Namespace { .. }
    ));
    for near in [
        "",
        "warroom-confirm@v1 ",
        "Warroom-confirm@v1",
        "warroom-confirm@v1\0",
    ] {
        let mut built = Built::new(text);
        built.namespace = near;
        let fault = check(&built.armour(), text, &bob()).expect_err("refused");
        assert!(matches!(fault, SigFault::Namespace { .. }), "{near}");
    }
}

#[test]
fn a_signature_in_another_namespace_does_not_fit_this_one() {
    // Honest in its field, so that only what was signed can tell.
    let numbers = pair("bob").sign(&to_sign("warroom-reject@v1", b"text"));
    let mut built = Built::new(b"text");
    built.inner = strings(&[b"ssh-ed25519", numbers.as_ref()]);
    assert_eq!(
        check(&built.armour(), b"text", &bob()),
        Err(SigFault::Wrong)
    );
    // Nor does one with something in the reserved field that is then taken out.
    let digest = ring::digest::digest(&ring::digest::SHA512, b"text");
    let mut signed = b"SSHSIG".to_vec();
    signed.extend(strings(&[
        CONFIRM.as_bytes(),
        b"x",
        b"sha512",
        digest.as_ref(),
    ]));
    built.inner = strings(&[b"ssh-ed25519", pair("bob").sign(&signed).as_ref()]);
    assert_eq!(
        check(&built.armour(), b"text", &bob()),
        Err(SigFault::Wrong)
    );
}

#[test]
fn the_algorithm_must_fit_the_key() {
    for found in ["ssh-rsa", "rsa-sha2-256", "ssh-ed25519"] {
        let mut signature = Signature::parse(RSA_SIG).expect("read");
        signature.algorithm = found.to_owned();
        let listed = listed("carol", key_of(RSA_PUB), &[STOP_NAMESPACE]);
        assert_eq!(
            signature.check(STOP, STOP_NAMESPACE, &listed, false, now()),
            Err(SigFault::Algorithm {
                found: found.to_owned(),
                wanted: "rsa-sha2-512"
            })
        );
    }
    let mut built = Built::new(b"text");
    built.inner = strings(&[b"rsa-sha2-512", &[7; 64]]);
    assert!(matches!(
        check(&built.armour(), b"text", &bob()),
        Err(SigFault::Algorithm { .. })
    ));
}

#[test]
fn certificates_and_other_kinds_are_refused_when_read() {
    for (name, is_cert) in [
        (&b"ssh-ed25519-cert-v01@openssh.com"[..], true),
        (b"ecdsa-sha2-nistp384", false),
        (b"ssh-dss", false),
    ] {
        let mut built = Built::new(b"text");
        built.key = strings(&[name, &[9; 32]]);
        let fault = Signature::parse(&built.armour()).expect_err("refused");
        let SigFault::Key(fault) = fault else {
            panic!("{fault}");
        };
        assert_eq!(matches!(fault, KeyFault::Certificate { .. }), is_cert);
    }
}

#[test]
fn the_key_is_listed_good_and_allowed() {
    let (statement, armour) = halves(CONFIRM_BODY);
    let message = statement.as_bytes();
    let with = |change: fn(&mut Listed)| {
        let mut entry = bob();
        change(&mut entry);
        check(armour, message, &entry)
    };
    let alice = make::public_key(&pair("alice")).expect("good");
    let fault = check(armour, message, &listed("alice", alice, &[CONFIRM]));
    assert!(matches!(fault, Err(SigFault::NotListed { .. })));
    assert!(matches!(
        Signature::parse(armour)
            .expect("read")
            .check(message, CONFIRM, &bob(), true, now()),
        Err(SigFault::Revoked { .. })
    ));
    assert_eq!(
        with(|e| e.namespaces = ["warroom-*".to_owned()].into())
            .expect_err("no patterns")
            .to_string(),
        "the key may not sign in `warroom-confirm@v1` (list of signers, line 3)"
    );
    // Both ends are within, as for `ssh-keygen`.
    assert!(with(|e| e.valid_after = Some(now())).is_ok());
    assert!(with(|e| e.valid_before = Some(now())).is_ok());
    let step = std::time::Duration::from_millis(1);
    assert!(matches!(
        check(armour, message, &{
            let mut entry = bob();
            entry.valid_after = Some(now().plus(step));
            entry
        }),
        Err(SigFault::NotYet { .. })
    ));
    assert_eq!(
        with(|e| e.valid_before = Some(time("2026-11-22T04:11:07Z")))
            .expect_err("over")
            .to_string(),
        "the key was good until 2026-11-22T04:11:07Z (list of signers, line 3)"
    );
}

#[test]
fn the_lists_say_whose_key_it_is_and_whether_it_still_counts() {
    let (statement, armour) = halves(CONFIRM_BODY);
    let message = statement.as_bytes();
    let people = ["alice", "bob"].map(crate::domain::fixture::person).into();
    let line = |name: &str| {
        let key = make::public_key(&pair(name)).expect("good");
        let base64 = data_encoding::BASE64.encode(key.blob());
        format!("{name} namespaces=\"{CONFIRM}\" ssh-ed25519 {base64}\n")
    };
    let judge = |list: &str, revoked: &str| {
        let signers = Signers::parse(list, &people).expect("good");
        let revoked = Revoked::parse(revoked).expect("good");
        verify(message, CONFIRM, armour, &signers, &revoked, now())
    };
    let both = line("alice") + &line("bob");
    let proof = judge(&both, "person alice\n").expect("bob signed");
    assert_eq!(proof.person.as_str(), "bob");
    let fault = judge(&line("alice"), "");
    assert!(matches!(fault, Err(SigFault::NotListed { key }) if key == proof.key));
    for revoked in ["person bob\n".to_owned(), format!("key {}\n", proof.key)] {
        let fault = judge(&both, &revoked);
        assert!(matches!(fault, Err(SigFault::Revoked { .. })), "{revoked}");
    }
}

#[test]
fn a_security_key_must_have_been_touched() {
    let device = SecurityKey::new();
    let entry = listed("bob", device.key(), &[CONFIRM]);
    let signed = |flags, counter| {
        let answer = device.answer(CONFIRM, b"text", flags, counter);
        check(
            &wrap(&blob_of(&device.key(), CONFIRM, &answer)),
            b"text",
            &entry,
        )
    };
    for flags in [0x00, 0x04, 0x80] {
        assert_eq!(signed(flags, 7), Err(SigFault::NoTouch), "{flags:#x}");
    }
    let proof = signed(0x01, 7).expect("good");
    assert_eq!((proof.touch, proof.counter), (Touch::Present, Some(7)));
    let proof = signed(0x05, u32::MAX).expect("good");
    assert_eq!(
        (proof.touch, proof.counter),
        (Touch::Verified, Some(u32::MAX))
    );

    // Flags and counter are signed: a touch cannot be written in afterwards.
    let mut answer = device.answer(CONFIRM, b"text", 0x00, 7);
    let flags = answer.len() - 5;
    answer[flags] = 0x01;
    let armour = wrap(&blob_of(&device.key(), CONFIRM, &answer));
    assert_eq!(check(&armour, b"text", &entry), Err(SigFault::Wrong));
    // Without them it is cut.
    answer.truncate(flags);
    let armour = wrap(&blob_of(&device.key(), CONFIRM, &answer));
    assert_eq!(check(&armour, b"text", &entry), Err(SigFault::Cut("flags")));
}

#[test]
fn a_security_key_for_the_web_does_not_speak_here() {
    let mut device = SecurityKey::new();
    let good = device.key();
    device.application = "https://example.net";
    // Another application in what it signs: does not fit the listed key.
    let answer = device.answer(CONFIRM, b"text", 0x01, 1);
    let armour = wrap(&blob_of(&good, CONFIRM, &answer));
    let entry = listed("bob", good, &[CONFIRM]);
    assert_eq!(check(&armour, b"text", &entry), Err(SigFault::Wrong));
    // Another application in the key: refused when it is read.
    let mut built = Built::new(b"text");
    built.key = strings(&[
        b"sk-ssh-ed25519@openssh.com",
        &entry.blob()[34..66],
        b"https://example.net",
    ]);
    assert!(matches!(
        Signature::parse(&built.armour()),
        Err(SigFault::Key(KeyFault::Application { .. }))
    ));
}

#[test]
fn security_keys_on_p256_are_accepted_too() {
    let device = P256::new();
    let name = b"sk-ecdsa-sha2-nistp256@openssh.com";
    let blob = strings(&[name, b"nistp256", device.point(), b"ssh:warroom"]);
    let key = Key::of_blob(&blob).expect("good");
    let sha256 = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes);
    let tail = [0x01, 0, 0, 0, 9];
    let text = [
        sha256(b"ssh:warroom").as_ref(),
        &tail,
        sha256(&to_sign(CONFIRM, b"text")).as_ref(),
    ]
    .concat();
    let [r, s] = device.numbers(&text);
    let mut answer = strings(&[name, &strings(&[&shortest(&r), &shortest(&s)])]);
    answer.extend_from_slice(&tail);
    let armour = make::armour(&key, CONFIRM, b"text", &answer).expect("made");
    let proof = check(&armour, b"text", &listed("bob", key, &[CONFIRM])).expect("good");
    assert_eq!((proof.touch, proof.counter), (Touch::Present, Some(9)));
}

/// `n - s` for the order of P-256.
fn mirrored(s: &[u8]) -> Vec<u8> {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order = data_encoding::HEXLOWER
        .decode(ORDER.as_bytes())
        .expect("hex");
    let mut out = vec![0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        out[at] = u8::try_from(difference.rem_euclid(256)).expect("a byte");
    }
    out
}

#[test]
fn both_twins_of_an_ecdsa_signature_prove_the_same() {
    let carol = P256::new();
    let entry = listed("carol", carol.key(), &[CONFIRM]);
    let [r, s] = carol.numbers(&to_sign(CONFIRM, b"text"));
    let proofs = [s.clone(), mirrored(&s)].map(|s| {
        let numbers = strings(&[&shortest(&r), &shortest(&s)]);
        let answer = strings(&[b"ecdsa-sha2-nistp256", &numbers]);
        let armour = make::armour(&carol.key(), CONFIRM, b"text", &answer).expect("made");
        (check(&armour, b"text", &entry).expect("good"), armour)
    });
    let [(one, first), (other, second)] = proofs;
    assert_ne!(first, second);
    // Nothing of a proof differs: who counts proofs by what they hold counts one.
    assert_eq!(one, other);
}

#[test]
fn numbers_of_ecdsa_have_one_form() {
    let carol = P256::new();
    let entry = listed("carol", carol.key(), &[CONFIRM]);
    let [r, s] = carol.numbers(&to_sign(CONFIRM, b"text"));
    let judged = |numbers: &[u8]| {
        let answer = strings(&[b"ecdsa-sha2-nistp256", numbers]);
        let armour = wrap(&blob_of(&carol.key(), CONFIRM, &answer));
        check(&armour, b"text", &entry)
    };
    let (r, s) = (shortest(&r), shortest(&s));
    assert!(judged(&strings(&[&r, &s])).is_ok());
    let padded = [&[0], &r[..]].concat();
    assert_eq!(judged(&strings(&[&padded, &s])), Err(SigFault::Damaged));
    let longer = [&[1; 33], &r[..]].concat();
    assert_eq!(judged(&strings(&[&longer, &s])), Err(SigFault::Damaged));
    assert_eq!(judged(&strings(&[&r, b""])), Err(SigFault::Damaged));
    assert_eq!(judged(&strings(&[&r])), Err(SigFault::Damaged));
    assert_eq!(judged(&strings(&[&r, &s, b""])), Err(SigFault::LeftOver));
}

#[test]
fn weak_first_halves_and_wrong_lengths_are_refused() {
    let judged = |numbers: &[u8]| {
        let mut built = Built::new(b"text");
        built.inner = strings(&[b"ssh-ed25519", numbers]);
        check(&built.armour(), b"text", &bob())
    };
    let mut weak = [0; 64];
    weak[0] = 1;
    assert_eq!(judged(&weak), Err(SigFault::SmallOrder));
    for length in [0, 31, 63, 65, 128] {
        assert_eq!(judged(&vec![9; length]), Err(SigFault::Damaged), "{length}");
    }
    // The second half plus the order of the curve is the same number in another form.
    let good = pair("bob").sign(&to_sign(CONFIRM, b"text"));
    let mut other = good.as_ref().to_vec();
    let order = data_encoding::HEXLOWER
        .decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
        .expect("hex");
    let mut carry = 0;
    for (to, from) in other[32..].iter_mut().zip(order) {
        let sum = u16::from(*to) + u16::from(from) + carry;
        *to = u8::try_from(sum & 0xff).expect("a byte");
        carry = sum >> 8;
    }
    assert_eq!(judged(&other), Err(SigFault::Wrong));

    // RSA: a byte less or more.
    let listed = listed("carol", key_of(RSA_PUB), &[STOP_NAMESPACE]);
    for change in [Vec::pop as fn(&mut Vec<u8>) -> Option<u8>, |b| {
        b.insert(0, 0);
        None
    }] {
        let mut signature = Signature::parse(RSA_SIG).expect("read");
        change(&mut signature.body);
        assert_eq!(
            signature.check(STOP, STOP_NAMESPACE, &listed, false, now()),
            Err(SigFault::Damaged)
        );
    }
}

#[test]
fn what_was_changed_by_an_agent_is_found_before_it_leaves() {
    let bob = make::public_key(&pair("bob")).expect("good");
    let numbers = pair("alice").sign(&to_sign(CONFIRM, b"text"));
    let answer = strings(&[b"ssh-ed25519", numbers.as_ref()]);
    assert_eq!(
        make::armour(&bob, CONFIRM, b"text", &answer),
        Err(SigFault::Wrong)
    );
    let answer = strings(&[b"ssh-rsa", numbers.as_ref()]);
    assert!(matches!(
        make::armour(&key_of(RSA_PUB), CONFIRM, b"text", &answer),
        Err(SigFault::Algorithm { .. })
    ));
    assert_eq!(
        make::armour(&bob, CONFIRM, b"text", b""),
        Err(SigFault::Cut("algorithm"))
    );
}

proptest! {
    #[test]
    fn one_changed_bit_never_passes(at in 0..10_000_usize, bit in 0..8_u8) {
        let (statement, armour) = halves(CONFIRM_BODY);
        let lines = armour.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let base64: String = lines.expect("an armour").split('\n').collect();
        let mut blob = data_encoding::BASE64.decode(base64.as_bytes()).expect("base 64");
        let place = at % blob.len();
        blob[place] ^= 1 << bit;
        prop_assert!(check(&wrap(&blob), statement.as_bytes(), &bob()).is_err());

        let mut text = armour.as_bytes().to_vec();
        let place = at % text.len();
        text[place] ^= 1 << bit;
        if let Ok(text) = std::str::from_utf8(&text) {
            prop_assert!(check(text, statement.as_bytes(), &bob()).is_err());
        }

        let mut message = statement.as_bytes().to_vec();
        let place = at % message.len();
        message[place] ^= 1 << bit;
        prop_assert_eq!(check(armour, &message, &bob()), Err(SigFault::Wrong));
    }

    #[test]
    fn random_bytes_never_pass_and_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        text in ".{0,200}",
    ) {
        prop_assert!(check(&text, b"text", &bob()).is_err());
        prop_assert!(check(&wrap(&bytes), b"text", &bob()).is_err());
        let head = blob_of(&bob().key, CONFIRM, &bytes);
        prop_assert!(check(&wrap(&head), b"text", &bob()).is_err());
        let tail = [&b"SSHSIG\0\0\0\x01"[..], &bytes].concat();
        prop_assert!(check(&wrap(&tail), b"text", &bob()).is_err());
    }

    #[test]
    fn what_is_read_prints_as_the_same_text(namespace in "[a-z@0-9-]{1,40}", message in ".{0,100}") {
        let armour = make::sign(&pair("bob"), &namespace, message.as_bytes()).expect("made");
        let signature = Signature::parse(&armour).expect("read");
        let answer = strings(&[signature.algorithm.as_bytes(), &signature.body]);
        prop_assert_eq!(wrap(&blob_of(&signature.key, &signature.namespace, &answer)), armour);
    }
}
