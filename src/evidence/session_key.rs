//! The key of one session: it signs checkpoints and nothing else (`TWO_PERSON` 5.5).

use super::key::{Key, Listed};
use super::make;
use super::sshsig::{SigFault, Signature};
use crate::domain::id::PersonId;
use crate::domain::time::Timestamp;
use data_encoding::BASE64;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use secrecy::zeroize::Zeroizing;
use std::collections::BTreeSet;

/// How the public half begins.
const KIND: &str = "ssh-ed25519";
/// The name a session's key is listed under; no person signs checkpoints.
const NAME: &str = "session";

/// Why a session has no key.
#[derive(Debug, thiserror::Error)]
pub enum SessionKeyError {
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes for a session key")]
    Random,
    /// The bytes are no key of ours.
    #[error("the bytes are no Ed25519 key in PKCS#8")]
    Malformed,
}

/// An Ed25519 key pair; printing it shows its public half alone.
pub struct SessionKey {
    pair: Ed25519KeyPair,
    public: Key,
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKey")
            .field("public", &self.public.fingerprint())
            .finish_non_exhaustive()
    }
}

impl SessionKey {
    /// Makes a key. The second value is its PKCS#8 form, for a file that only the server's account can read.
    ///
    /// # Errors
    /// [`SessionKeyError::Random`].
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), SessionKeyError> {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let bytes = made.map_err(|_| SessionKeyError::Random)?;
        let bytes = Zeroizing::new(bytes.as_ref().to_vec());
        Ok((Self::from_pkcs8(&bytes)?, bytes))
    }

    /// Reads the PKCS#8 form.
    ///
    /// # Errors
    /// [`SessionKeyError::Malformed`].
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, SessionKeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(bytes).map_err(|_| SessionKeyError::Malformed)?;
        Self::of(pair)
    }

    fn of(pair: Ed25519KeyPair) -> Result<Self, SessionKeyError> {
        let public = make::public_key(&pair).map_err(|_| SessionKeyError::Malformed)?;
        Ok(Self { pair, public })
    }

    /// `ssh-ed25519 AAAA...`, as a line of `allowed_signers` has it behind the name.
    pub fn to_public_text(&self) -> String {
        format!("{KIND} {}", BASE64.encode(self.public.blob()))
    }

    /// The armoured SSHSIG over a message, as `ssh-keygen -Y sign` writes it.
    ///
    /// # Errors
    /// [`SigFault`]; never for a key that ring has made.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SigFault> {
        make::sign(&self.pair, namespace, message)
    }
}

/// True when this key signed exactly this message for this purpose: the one way a checkpoint is believed.
///
/// `public`: as [`SessionKey::to_public_text`] writes it.
pub fn is_signed(public: &str, namespace: &str, message: &str, armour: &str) -> bool {
    let key = public
        .split_once(' ')
        .filter(|(kind, _)| *kind == KIND)
        .and_then(|(kind, blob)| Key::parse(kind, blob).ok());
    let (Some(key), Ok(person)) = (key, PersonId::new(NAME)) else {
        return false;
    };
    let listed = Listed {
        person,
        namespaces: BTreeSet::from([namespace.to_owned()]),
        valid_after: None,
        valid_before: None,
        key,
        line: 1,
    };
    // A session's key is good as long as its journal is; when it was made does not matter.
    let at = Timestamp::from_millis(0);
    Signature::parse(armour)
        .and_then(|signature| signature.check(message.as_bytes(), namespace, &listed, false, at))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKPOINT: &str = "\
warroom-checkpoint@v1
session: 01JD3V3Q8Z6K9T0W4M5N7P2R1S
genesis: sha256:aeebad4a796fcc2e15dc4c6061b45ed9b373f26adfc798ca7d2d8cc58182718e
head: 42 sha256:0dec92f393a9f7e1a6e42ecdbb41d429f3d276ae9d8a8c9c760298780590fea4
bytes: 20480
time: 2026-11-22T04:11:07Z
";
    const SIGNATURE: &str = "\
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgrcNOnCXrFLfn0n2Z31b6XA3Zlq
Y3fS011famFLGkFqsAAAAVd2Fycm9vbS1jaGVja3BvaW50QHYxAAAAAAAAAAZzaGE1MTIA
AABTAAAAC3NzaC1lZDI1NTE5AAAAQM/xd7KVEcvKWEL39g1ChlgVfAtUcbzVhDY3Heepk5
TCrrU1fhd9BPeicTQjUjnH1+/Jd2X2u/TEL2yWKEsKygg=
-----END SSH SIGNATURE-----
";

    #[test]
    fn the_published_servers_signature_byte_for_byte() {
        let seed = ring::digest::digest(&ring::digest::SHA256, b"warroom test key server");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).expect("32 bytes");
        let key = SessionKey::of(pair).expect("a key");
        assert_eq!(
            key.to_public_text(),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK3DTpwl6xS359J9md9W+lwN2ZamN30tNdX2phSxpBar"
        );
        let signed = key.sign("warroom-checkpoint@v1", CHECKPOINT.as_bytes());
        assert_eq!(signed.expect("signed"), SIGNATURE);
    }

    #[test]
    fn only_this_key_this_message_and_this_purpose_are_believed() {
        let public =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK3DTpwl6xS359J9md9W+lwN2ZamN30tNdX2phSxpBar";
        let other =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEOvE6iEp9MPxtq2qsZg6Qi5LbVottExaZqt2axFl+Up";
        let purpose = "warroom-checkpoint@v1";
        assert!(is_signed(public, purpose, CHECKPOINT, SIGNATURE));
        assert!(!is_signed(other, purpose, CHECKPOINT, SIGNATURE));
        assert!(!is_signed(
            public,
            "warroom-confirm@v1",
            CHECKPOINT,
            SIGNATURE
        ));
        assert!(!is_signed(
            public,
            purpose,
            &CHECKPOINT.replace("42", "43"),
            SIGNATURE
        ));
        assert!(!is_signed(
            public,
            purpose,
            CHECKPOINT,
            &SIGNATURE.replace("KEsKygg", "KEsKyhg")
        ));
        let tail = SIGNATURE.replace("Kygg=", "Kygg=\n");
        assert!(!is_signed(public, purpose, CHECKPOINT, &tail));
        assert!(!is_signed(
            public,
            purpose,
            CHECKPOINT,
            &format!("x\n{SIGNATURE}")
        ));
        assert!(!is_signed(public, purpose, CHECKPOINT, ""));
    }

    #[test]
    fn a_key_is_the_same_after_a_restart() {
        let (key, bytes) = SessionKey::generate().expect("random bytes");
        let again = SessionKey::from_pkcs8(&bytes).expect("the same key");
        let (first, second) = (key.sign("n@v1", b"x"), again.sign("n@v1", b"x"));
        assert_eq!(first.expect("signed"), second.expect("signed"));
        assert!(SessionKey::from_pkcs8(&bytes[1..]).is_err());
    }
}
