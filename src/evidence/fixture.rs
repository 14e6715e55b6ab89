//! Keys and signatures of tests, each made here so that a test can say what is wrong with it.

use super::key::{Key, Listed};
use super::packet::put_string;
use super::sshsig::to_sign;
use crate::domain::fixture::person;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use std::collections::BTreeSet;

/// First line of an armour.
pub(super) const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
/// Last line of an armour.
pub(super) const END: &str = "-----END SSH SIGNATURE-----\n";

/// Body of record 42 of the published example: statement and bob's signature.
pub(super) const CONFIRM_BODY: &str = include_str!("../../tests/data/evidence/confirm.body");
/// The published checkpoint and its signature.
pub(super) const CHECKPOINT_BODY: &str = include_str!("../../tests/data/evidence/checkpoint.body");
/// What the recorded signatures of `ssh-keygen` are over.
pub(super) const STOP: &[u8] = b"warroom-stop@v1\n";
/// Their namespace.
pub(super) const STOP_NAMESPACE: &str = "warroom-stop@v1";

/// Text and signature of a body.
pub(super) fn halves(body: &str) -> (&str, &str) {
    body.split_at(body.find("-----BEGIN").expect("signed"))
}

/// The published key of that name.
pub(super) fn pair(name: &str) -> Ed25519KeyPair {
    let seed = format!("warroom test key {name}");
    let seed = ring::digest::digest(&ring::digest::SHA256, seed.as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("32 bytes")
}

/// An entry of the list of signers.
pub(super) fn listed(name: &str, key: Key, namespaces: &[&str]) -> Listed {
    Listed {
        person: person(name),
        namespaces: namespaces
            .iter()
            .map(|n| (*n).to_owned())
            .collect::<BTreeSet<_>>(),
        valid_after: None,
        valid_before: None,
        key,
        line: 3,
    }
}

/// A key of a line of a `.pub` file.
pub(super) fn key_of(line: &str) -> Key {
    let mut words = line.split_whitespace();
    let (name, base64) = (words.next().expect("a type"), words.next().expect("a key"));
    Key::parse(name, base64).expect("good")
}

/// Several strings, one behind the other.
pub(super) fn strings(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        put_string(&mut out, part);
    }
    out
}

/// A pair on P-256.
pub(super) struct P256(EcdsaKeyPair);

impl P256 {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(alg, &random).expect("made");
        Self(EcdsaKeyPair::from_pkcs8(alg, pkcs8.as_ref(), &random).expect("read"))
    }

    pub(super) fn key(&self) -> Key {
        let parts = [b"ecdsa-sha2-nistp256", b"nistp256" as &[u8], self.point()];
        Key::of_blob(&strings(&parts)).expect("good")
    }

    pub(super) fn point(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// Both numbers of a signature.
    pub(super) fn numbers(&self, signed: &[u8]) -> [Vec<u8>; 2] {
        let made = self.0.sign(&SystemRandom::new(), signed).expect("signed");
        let (first, second) = made.as_ref().split_at(32);
        [first.to_vec(), second.to_vec()]
    }
}

/// A positive number in its shortest form, without its length.
pub(super) fn shortest(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|b| **b == 0).count();
    let mut out = number[zeros..].to_vec();
    if out.first().is_some_and(|b| *b >= 0x80) {
        out.insert(0, 0);
    }
    out
}

/// A security key that does as it is told.
pub(super) struct SecurityKey {
    pub(super) pair: Ed25519KeyPair,
    pub(super) application: &'static str,
}

impl SecurityKey {
    pub(super) fn new() -> Self {
        Self {
            pair: pair("security key"),
            application: "ssh:",
        }
    }

    pub(super) fn key(&self) -> Key {
        let parts = [
            b"sk-ssh-ed25519@openssh.com",
            self.pair.public_key().as_ref(),
            self.application.as_bytes(),
        ];
        Key::of_blob(&strings(&parts)).expect("good")
    }

    /// An agent's answer.
    pub(super) fn answer(
        &self,
        namespace: &str,
        message: &[u8],
        flags: u8,
        counter: u32,
    ) -> Vec<u8> {
        let signed = to_sign(namespace, message);
        let sha256 = |bytes: &[u8]| ring::digest::digest(&ring::digest::SHA256, bytes);
        let mut tail = vec![flags];
        tail.extend_from_slice(&counter.to_be_bytes());
        let text = [
            sha256(self.application.as_bytes()).as_ref(),
            &tail,
            sha256(&signed).as_ref(),
        ]
        .concat();
        let mut out = strings(&[
            b"sk-ssh-ed25519@openssh.com",
            self.pair.sign(&text).as_ref(),
        ]);
        out.extend_from_slice(&tail);
        out
    }
}
