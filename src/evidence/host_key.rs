//! The key of a host, which certifies the keys of its sessions and signs nothing else (`TWO_PERSON` 5.5).
//!
//! It is made with `ssh-keygen` and kept in its file format (OpenSSH's `PROTOCOL.key`): Ed25519, and without a passphrase,
//! since a server starts without a person.

use super::key::{Key, Kind};
use super::make;
use super::packet::Packet;
use super::revoked::Revoked;
use super::signers::Signers;
use super::sshsig::{self, SigFault};
use crate::domain::confirm::certificate::{Certified, NAMESPACE, issued_about, session_statement};
use crate::domain::fact::{Genesis, Signed};
use crate::domain::time::Timestamp;
use ring::signature::Ed25519KeyPair;
use secrecy::zeroize::Zeroizing;

/// First and last line of the file.
const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
/// What the inside begins with.
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// The word for no cipher and no derivation.
const NONE: &[u8] = b"none";
/// Name of the only kind that is taken.
const ED25519: &[u8] = b"ssh-ed25519";
/// Bytes of a seed; the public half follows it.
const SEED: usize = 32;

/// Why a file is no host key. It never quotes the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyFault {
    /// Not in the format of `ssh-keygen`, or damaged.
    #[error("it is no private key as `ssh-keygen` writes it")]
    Malformed,
    /// A passphrase protects it.
    #[error("a passphrase protects it, and a server has nobody to ask")]
    Protected,
    /// Of another kind.
    #[error("it is no Ed25519 key")]
    Kind,
}

/// A host's key pair; printing it shows its public half alone.
pub struct HostKey {
    pair: Ed25519KeyPair,
    public: Key,
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostKey")
            .field("public", &self.public.fingerprint())
            .finish_non_exhaustive()
    }
}

impl HostKey {
    /// Reads the text of a private key file.
    ///
    /// # Errors
    /// [`HostKeyFault`].
    pub fn parse(text: &str) -> Result<Self, HostKeyFault> {
        let inside = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END))
            .ok_or(HostKeyFault::Malformed)?;
        let base64: Zeroizing<String> =
            Zeroizing::new(inside.chars().filter(|c| !c.is_whitespace()).collect());
        let bytes = data_encoding::BASE64.decode(base64.as_bytes());
        let bytes = Zeroizing::new(bytes.map_err(|_| HostKeyFault::Malformed)?);
        let mut packet = Packet::new(&bytes);
        if packet.take(MAGIC.len()) != Some(MAGIC) {
            return Err(HostKeyFault::Malformed);
        }
        let mut field = || packet.string().ok_or(HostKeyFault::Malformed);
        if field()? != NONE || field()? != NONE {
            return Err(HostKeyFault::Protected);
        }
        field()?;
        if packet.number() != Some(1) {
            return Err(HostKeyFault::Malformed);
        }
        let public = packet.string().ok_or(HostKeyFault::Malformed)?;
        let public = Key::of_blob(public).map_err(|_| HostKeyFault::Kind)?;
        if public.kind() != Kind::Ed25519 {
            return Err(HostKeyFault::Kind);
        }
        let secret = packet.string().ok_or(HostKeyFault::Malformed)?;
        let pair = read_pair(secret).ok_or(HostKeyFault::Malformed)?;
        // The half outside must be that of the secret: it is what people compare.
        match make::public_key(&pair) {
            Ok(own) if own == public => Ok(Self { pair, public }),
            Ok(_) | Err(_) => Err(HostKeyFault::Malformed),
        }
    }

    /// Fingerprint of its public half, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        self.public.fingerprint()
    }

    /// The public half, to look it up on a list.
    pub fn blob(&self) -> &[u8] {
        self.public.blob()
    }

    /// Certifies the key of a session that begins now; absent for one without a key.
    ///
    /// # Errors
    /// In words, when a name in it is too long to be stated.
    pub fn certify(&self, genesis: &Genesis, now: Timestamp) -> Result<Option<Signed>, String> {
        let Some(statement) = session_statement(genesis, now) else {
            return Ok(None);
        };
        let statement = statement.map_err(|error| error.to_string())?;
        let signed = make::sign(&self.pair, NAMESPACE, statement.as_bytes());
        let signature = signed.map_err(|error: SigFault| error.to_string())?;
        Ok(Some(Signed {
            statement,
            signature,
        }))
    }
}

/// The key pair within the part that a passphrase would protect.
fn read_pair(secret: &[u8]) -> Option<Ed25519KeyPair> {
    let mut packet = Packet::new(secret);
    let (first, second) = (packet.number()?, packet.number()?);
    if first != second || packet.string()? != ED25519 {
        return None;
    }
    let public = packet.string()?;
    let (seed, again) = packet.string()?.split_at_checked(SEED)?;
    if again != public {
        return None;
    }
    Ed25519KeyPair::from_seed_and_public_key(seed, public).ok()
}

/// Who stands for a session's key, by the list of host keys.
///
/// The time of the signature is the statement's own: a host key that has ended since was good then.
pub fn certified(genesis: &Genesis, servers: &Signers, revoked: &Revoked) -> Certified {
    let Some(signed) = &genesis.certificate else {
        return Certified::no("no host key signed it");
    };
    let Some(at) = issued_about(genesis, &signed.statement) else {
        return Certified::no("what a host key signed is about another session");
    };
    let message = signed.statement.as_bytes();
    match sshsig::verify(message, NAMESPACE, &signed.signature, servers, revoked, at) {
        Ok(proof) => Certified::By(proof.person),
        Err(fault) => Certified::no(fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::Room;
    use crate::evidence::SessionKey;

    /// Made by `ssh-keygen -t ed25519 -N ''`, for nothing else.
    const FILE: &str = include_str!("../../tests/data/evidence/host_key");
    const PUBLIC: &str = include_str!("../../tests/data/evidence/host_key.pub");
    const PROTECTED: &str = include_str!("../../tests/data/evidence/host_key_protected");
    const P256: &str = include_str!("../../tests/data/evidence/host_key_p256");

    fn servers(namespace: &str) -> Signers {
        let mut words = PUBLIC.split(' ');
        let (kind, blob) = (words.next().expect("a kind"), words.next().expect("a blob"));
        let line = format!("bastion-1 namespaces=\"{namespace}\" {kind} {blob}\n");
        Signers::parse_servers(&line).expect("a list")
    }

    #[test]
    fn a_key_of_ssh_keygen_is_read_and_what_is_not_one_is_refused() {
        let key = HostKey::parse(FILE).expect("good");
        assert!(servers(NAMESPACE).of_blob(key.blob()).is_some());
        assert!(format!("{key:?}").contains(&key.fingerprint()));
        let fault = |text: &str| HostKey::parse(text).expect_err("refused");
        assert_eq!(fault(PROTECTED), HostKeyFault::Protected);
        assert_eq!(fault(P256), HostKeyFault::Kind);
        assert_eq!(fault(PUBLIC), HostKeyFault::Malformed);
        assert_eq!(fault(""), HostKeyFault::Malformed);
        // Every cut and every other byte is refused or the same key: never another.
        let lines: Vec<&str> = FILE.lines().collect();
        for at in 1..lines.len() - 1 {
            let mut cut = lines.clone();
            cut.remove(at);
            assert!(HostKey::parse(&cut.join("\n")).is_err(), "line {at}");
        }
    }

    #[test]
    fn a_certificate_is_of_one_session_by_a_listed_host_key() {
        let mut genesis = Genesis::clone(&Room::proposed().state.genesis);
        let (session, _) = SessionKey::generate().expect("random bytes");
        genesis.session_key = Some(session.to_public_text());
        let key = HostKey::parse(FILE).expect("good");
        let now = Timestamp::parse("2026-11-22T04:10:31.250Z").expect("valid");
        let (list, none) = (servers(NAMESPACE), Revoked::default());
        let why = |genesis: &Genesis, list: &Signers, revoked: &Revoked| match certified(
            genesis, list, revoked,
        ) {
            Certified::By(host) => format!("by {host}"),
            Certified::No { why } => why,
        };
        assert_eq!(why(&genesis, &list, &none), "no host key signed it");
        genesis.certificate = key.certify(&genesis, now).expect("short");
        assert_eq!(why(&genesis, &list, &none), "by bastion-1");
        assert!(why(&genesis, &Signers::default(), &none).contains("listed for nobody"));
        let checkpoints = servers("warroom-checkpoint@v1");
        assert!(why(&genesis, &checkpoints, &none).contains("may not sign in"));
        let revoked = Revoked::parse(&format!("key {}\n", key.fingerprint())).expect("a list");
        assert!(why(&genesis, &list, &revoked).contains("revoked"));
        let (other, _) = SessionKey::generate().expect("random bytes");
        genesis.session_key = Some(other.to_public_text());
        assert!(why(&genesis, &list, &none).contains("another session"));
    }
}
