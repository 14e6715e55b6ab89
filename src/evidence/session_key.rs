//! The key of one session: it signs checkpoints and nothing else (`TWO_PERSON` 5.5).

use data_encoding::BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use secrecy::zeroize::Zeroizing;
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, Signature, SshSig};

/// Why a session has no key.
#[derive(Debug, thiserror::Error)]
pub enum SessionKeyError {
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes for a session key")]
    Random,
    /// The bytes are no key of ours.
    #[error("the bytes are no Ed25519 key in PKCS#8")]
    Malformed,
    /// The signature could not be written down.
    #[error("a signature could not be written down")]
    Form(#[from] ssh_key::Error),
}

/// An Ed25519 key pair; printing it shows its public half alone.
pub struct SessionKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKey")
            .field("public", &self.public.fingerprint(HashAlg::Sha256))
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
        let point = Ed25519PublicKey::try_from(pair.public_key().as_ref())?;
        let public = PublicKey::from(KeyData::Ed25519(point));
        Ok(Self { pair, public })
    }

    /// `ssh-ed25519 AAAA...`, as a line of `allowed_signers` has it behind the name.
    ///
    /// # Errors
    /// [`SessionKeyError::Form`].
    pub fn to_public_text(&self) -> Result<String, SessionKeyError> {
        let blob = self.public.to_bytes()?;
        Ok(format!("ssh-ed25519 {}", BASE64.encode(&blob)))
    }

    /// The armoured SSHSIG over a message, as `ssh-keygen -Y sign` writes it.
    ///
    /// # Errors
    /// [`SessionKeyError::Form`].
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SessionKeyError> {
        let to_sign = SshSig::signed_data(namespace, HashAlg::Sha512, message)?;
        let raw = self.pair.sign(&to_sign);
        let signature = Signature::new(Algorithm::Ed25519, raw.as_ref())?;
        let key = self.public.key_data().clone();
        let signed = SshSig::new(key, namespace, HashAlg::Sha512, signature)?;
        Ok(signed.to_pem(LineEnding::LF)?)
    }
}

/// True when this key signed exactly this message for this purpose: the one way a checkpoint is believed.
///
/// `public`: as [`SessionKey::to_public_text`] writes it. An armour in any other form than the one `ssh-keygen` writes
/// is refused, so nothing can hide in it.
pub fn is_signed(public: &str, namespace: &str, message: &str, armour: &str) -> bool {
    verify(public, namespace, message, armour).is_some()
}

fn verify(public: &str, namespace: &str, message: &str, armour: &str) -> Option<()> {
    let key = PublicKey::from_openssh(public).ok()?;
    let signed = SshSig::from_pem(armour).ok()?;
    let is_ours = signed.public_key() == key.key_data()
        && signed.namespace() == namespace
        && signed.hash_alg() == HashAlg::Sha512
        && signed.reserved().is_empty()
        && signed.algorithm() == Algorithm::Ed25519
        && signed.to_pem(LineEnding::LF).ok()?.trim_end() == armour.trim_end();
    let point = key.key_data().ed25519().filter(|_| is_ours)?;
    let data = SshSig::signed_data(namespace, HashAlg::Sha512, message.as_bytes()).ok()?;
    UnparsedPublicKey::new(&ED25519, &point.0)
        .verify(&data, signed.signature_bytes())
        .ok()
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
            key.to_public_text().expect("writable"),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK3DTpwl6xS359J9md9W+lwN2ZamN30tNdX2phSxpBar"
        );
        let signed = key.sign("warroom-checkpoint@v1", CHECKPOINT.as_bytes());
        assert_eq!(signed.expect("signed").trim_end(), SIGNATURE.trim_end());
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
